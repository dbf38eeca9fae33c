#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-queue-fail and mox-queue-drop: wherever a recipient stands, with scripted peers and the real mox-dsn.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-retired-list "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies FAKE_JOBS=$T/jobs MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 TZ=UTC
cat >conf <<X
hostname = "me.example"
postmaster = "boss@me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
X
chmod 711 "$T"
mkdir bodies
add() { mox-queue-add -f me@me.example "$@" <<<$'Subject: hello\n\nbody' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
# An owner that only answers takes mail in, too, and logs elsewhere: it must be gone.
alone() { flock spool/lock true; }
fresh() { [ ! -e spool ] || alone; rm -rf log jobs bodies/* err go; echo 0 >clock; touch log err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
col() { mox-queue-list "${@:2}" -o "$1" | tr '\t\n' '  ' | sed 's/ $//'; }
changed() { "$@" 2>/dev/null | tr '\n' ' ' | sed 's/ $//'; }
told() { grep -c "^deliver [^ ]*  $1 " log; }
tried() { grep -c "^deliver [^ ]* me@me.example .*$1" log; }
files() { find spool/cur spool/new -type f | wc -l; }
marks() { find spool/cur -name "$1" -exec sed -n 's/^rcpt \(....\) .*/\1/p' {} + | tr '\n' ' ' | sed 's/ $//'; }
amended() { find spool/cur -name "$1.amend" -exec grep -vE '^(id .*|end)$' {} +; }
past() { mox-retired-list -id "$1" -o rcpt,result | tr '\t\n' '  ' | sed 's/ $//'; }
notice() { # the last one that $1 got
	tr -d '\r' <"bodies/$(grep "^deliver [^ ]*  $1 " log | tail -n 1 | cut -d' ' -f2)"
}
fresh

# ---- nobody delivers: due, waiting, held ----
a=$(add due@x.example waiting@x.example held@y.example)
mox-queue-schedule 2h "$a.2" 2>/dev/null >&2
mox-queue-hold "$a.3" 2>/dev/null >&2
is "a dry run says what it would drop" "$(mox-queue-drop -dry-run "$a" 2>&1 | tr '\n' ' ')" "$a.1 $a.2 $a.3 mox-queue-drop: would be dropped 3 "
is "and what it would fail" "$(changed mox-queue-fail -dry-run "$a.3")" "$a.3"
is "and does nothing" "$(col state) $(marks "$a")" "due waiting held T-.- T-.- To.-"
fails 100 "nothing selected is not everything" mox-queue-drop
fails 100 "here neither" mox-queue-fail -text x
fails 100 "the words are one line" mox-queue-fail -text $'a\nb' "$a"
fails 100 "and not long" mox-queue-fail -text "$(printf '%600s' x)" "$a"
is "dropped while it waits" "$(mox-queue-drop "$a.2" 2>&1 | tr '\n' ' ')" "$a.2 mox-queue-drop: dropped 1 "
is "the file says so, and keeps no amendment of it" "$(marks "$a") $(amended "$a")" "T-.- C-.- To.- "
is "its row is history" "$(col id) $(past "$a")" "$a.1 $a.3 waiting@x.example cancelled"
is "again: nothing" "$(changed mox-queue-drop "$a.2")" ""
is "dropped while held" "$(changed mox-queue-drop "$a.3")" "$a.3"
alone
rm -rf spool/index
is "an index built anew does not bring it back" "$(col id,state)" "$a.1 due"
is "the last one takes the file along" "$(changed mox-queue-drop -to @x.example) $(files)" "$a.1 0"
pass
is "nobody was written to" "$(wc -l <log)" 0

fresh
a=$(add due@x.example held@y.example waiting@x.example)
mox-queue-hold "$a.2" 2>/dev/null >&2
mox-queue-schedule 2h "$a.3" 2>/dev/null >&2
is "failed, due and held, with the operator's words" "$(mox-queue-fail -text 'Jürgen says: not any more' "$a.1" "$a.2" 2>&1 | tr '\n' ' ')" \
	"$a.1 $a.2 mox-queue-fail: failed 2 "
is "they wait for their notice" "$(col id,state,hold,error -state noticing)" \
	"$a.1 noticing - 5.0.0 Jürgen says: not any more $a.2 noticing - 5.0.0 Jürgen says: not any more"
is "the amendment knows it" "$(amended "$a" | sort | head -n 2)" $'fail 1 Jürgen\\x20says:\\x20not\\x20any\\x20more\nfail 2 Jürgen\\x20says:\\x20not\\x20any\\x20more'
is "and cannot be failed twice" "$(changed mox-queue-fail "$a.1")" ""
pass
is "one notice for both" "$(told me@me.example) $(tried x.example) $(tried y.example)" "1 0 0"
out=$(notice me@me.example)
is "with status and recipients" "$(grep -E '^(Final-Rec|Action|Status)' <<<"$out" | sed 's/ (.*)$//' | paste -sd' ')" \
	"Final-Recipient: rfc822; due@x.example Action: failed Status: 5.0.0 Final-Recipient: rfc822; held@y.example Action: failed Status: 5.0.0"
like "in the operator's words" "$(python3 -c 'import email,email.policy,sys
print(" ".join(next(email.message_from_string(sys.stdin.read(), policy=email.policy.default).iter_parts()).get_content().split()))' <<<"$out")" "Jürgen says: not any more"
is "history says failed" "$(past "$a")" "due@x.example failed held@y.example failed"
is "the file says so" "$(marks "$a") $(amended "$a" | cut -d' ' -f1,2 | sort | tr '\n' ' ')" "F-.- Fo.- T-.- fail 1 fail 2 next 3 "
is "without words there are usual ones" "$(changed mox-queue-fail -id "$a")" "$a.3"
pass
like "which the sender reads" "$(tr '\n' ' ' <<<"$(notice me@me.example)")" "given up by the administrator"
is "nothing is left" "$(col id) $(files)" " 0"

fresh
a=$(add due@x.example)
is "killed before the notice is made" "$(changed mox-queue-fail -text sorry "$a")" "$a.1"
alone
rm -rf spool/index
is "an index built anew fails it all the same" "$(col id,state,error)" "$a.1 noticing 5.0.0 sorry"
pass
is "and its sender is told, and nobody tried" "$(told me@me.example) $(tried x.example) $(files)" "1 0 0"

fresh
a=$(add due@x.example)
b=$(add other@x.example sent@x.example)
mox-queue-fail "$a" "$b.1" >/dev/null 2>&1
is "what waits for its notice can be dropped" "$(changed mox-queue-drop "$a" "$b.1") $(col id,state)" "$a.1 $b.1 $b.2 due"
pass
is "then nobody is told, and the other gets his mail" "$(told me@me.example) $(tried other@x.example) $(tried sent@x.example) $(files)" "0 0 1 0"
is "cancelled, the history says" "$(past "$a") $(past "$b.1")" "due@x.example cancelled other@x.example cancelled"

fresh
a=$(mox-queue-add -f '' due@x.example <<<$'Subject: x\n\nbody' | sed 's/^id //')
mox-queue-fail "$a" >/dev/null 2>&1
pass
is "what has no sender goes to the postmaster, as always" "$(told boss@me.example)" 1

# A crash between the mark and the row.
fresh
a=$(add due@x.example later@y.example)
mox-queue-list >/dev/null
alone
python3 - spool/cur/*/"$a" <<'END'
import sys
f = open(sys.argv[1], 'r+b')
f.seek(f.read().index(b'rcpt T-.- due@') + 5)
f.write(b'C')
END
pass
is "the mark counts, whatever the row says" "$(tried due@x.example) $(tried later@y.example) $(past "$a") $(col id)" \
	"0 1 due@x.example cancelled $a.2"
mox-queue-drop "$a" >/dev/null 2>&1

# ---- somebody delivers: loaded, being delivered, in its round ----
fresh
start runq mox-runq -w
wait_until mox-queue-list
a=$(add slow@x.example later@y.example)
ok "a job is out" wait_until grep -q "slow@x.example" log
b=$(add slow@x.example)
wait_until grep -q "event=later id=$a.2" runq.log
# shellcheck disable=SC2016
is "what is being delivered is not dropped, the other is" "$(changed mox-queue-drop "$a") $(changed mox-queue-fail "$a")" "$a.2 "
touch go
gone() { [ -z "$(mox-queue-list -id "$1")" ]; }
ok "its outcome counts" wait_until gone "$a"
is "and the file goes with it" "$(find spool/cur -name "$a*" | wc -l) $(past "$a")" "0 slow@x.example delivered later@y.example cancelled"
ok "the other is sent, too" wait_until gone "$b"
rm go
c=$(add slow-never@x.example never@y.example due@z.example)
ok "a recipient waits for the end of its round" wait_until grep -q "event=never id=$c.2" runq.log
is "its notice is dropped" "$(changed mox-queue-drop "$c.2")" "$c.2"
touch go
ok "the round ends" wait_until gone "$c"
told_me() { [ "$(told me@me.example)" = "$1" ]; }
ok "the notice is of the other alone" wait_until told_me 1
is "of that one" "$(notice me@me.example | grep -c '^Final-Recipient.*slow-never')$(notice me@me.example | grep -c '^Final-Recipient')" 11
stop runq

# A site that is down: its mail is loaded, and in no job.
fresh
cat >>conf <<X
max-loaded = 1000
X
start runq mox-runq -w
wait_until mox-queue-list
a=$(add gone@down.example gone2@down.example gone3@down.example)
ok "loaded or waiting behind a dead site" wait_until grep -q "event=site-down\|event=later" runq.log
is "it is failed and dropped there" "$(changed mox-queue-fail -text gone "$a.1") $(changed mox-queue-drop "$a.2")" "$a.1 $a.2"
ok "its notice is made at once" wait_until told_me 1
is "the third stays" "$(col rcpt)" "gone3@down.example"
is "in the log" "$(grep -oE 'event=(failed|dropped) id=[^ ]* rcpt=[^ ]* uid=[0-9]+( text=.*)?' runq.log | paste -sd' ')" \
	"event=failed id=$a.1 rcpt=gone@down.example uid=$(id -u) text=gone event=dropped id=$a.2 rcpt=gone2@down.example uid=$(id -u)"
stop runq KILL
rm -f spool/index/due* spool/index/domain*
pass # what the kill took back of the index is found done
is "killed and compared: no row comes back" "$(col rcpt)" "gone3@down.example"
mox-queue-drop -all >/dev/null 2>&1
ok "files and rows agree" mox-queue-check

# ---- success that is to be told ----
fresh
a=$(add --notify success relay@x.example later@y.example)
mv bin/mox-dsn bin/.mox-dsn
pass
is "delivered, its notice cannot be made now" "$(col id,state | tr ' ' ',')" "$a.1,noticing,$a.2,waiting"
is "dropped: no notice, and it stays delivered" "$(changed mox-queue-drop "$a.1") $(marks "$a") $(past "$a")" "$a.1 D-.- T-.- relay@x.example delivered"
mv bin/.mox-dsn bin/mox-dsn
is "then the last" "$(changed mox-queue-drop "$a.2") $(files)" "$a.2 0"
pass
is "nobody was told" "$(told me@me.example)" 0

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && as_nobody test -x "$T/bin/mox-queue-list"; then
	fresh
	start runq mox-runq -w
	wait_until mox-queue-list
	a=$(add later@x.example)
	chmod 1777 spool/tmp spool/new && chmod 666 spool/trigger
	b=$(as_nobody mox-queue-add -f nobody@me.example later@y.example <<<$'Subject: x\n\nbody' | sed 's/^id //')
	if [ -n "$b" ] && wait_until grep -q "event=later id=$b.1" runq.log; then
		is "others do not drop what is not theirs" "$(changed as_nobody mox-queue-drop -all -dry-run)" "$b.1"
		fails 100 "nor fail anything" as_nobody mox-queue-fail "$b"
		is "but drop their own" "$(changed as_nobody mox-queue-drop "$a" "$b")" "$b.1"
	else
		skip "nobody cannot queue here" "others"
	fi
	stop runq
else
	skip "not root" "others"
fi
done_testing
