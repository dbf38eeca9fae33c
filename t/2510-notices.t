#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# What mox-runq tells senders: with scripted peers, and the real mox-dsn and mox-queue-add unless a failure is what is tested.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies FAKE_JOBS=$T/jobs MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0
cat >conf <<X
hostname = "me.example"
suppress { automatic = false }
postmaster = "boss@me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
X
mkdir bodies
message=$'From: Me <me@me.example>\nSubject: hello\nMessage-ID: <one@me.example>\n\nbody'
add() { mox-queue-add -f me@me.example "$@" <<<"${M:-$message}" | sed "s/^id //"; return "${PIPESTATUS[0]}"; }
pass() { timeout 30 mox-runq 2>>err; }
fresh() { rm -rf log jobs bodies/* err go; echo 0 >clock; touch log err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
col() { mox-queue-list -id "$1" -o "$2" | tr '\t\n' '  ' | sed 's/ $//'; }
queued() { mox-queue-list -o id | wc -l; }
told() { grep -c "^deliver [^ ]*  $1 " log; } # notices that reached the address
# What a notice to the address says: its fields, one a line; all of them, in the order of their arrival.
notice() {
	python3 - "$1" "$T/log" "$T/bodies" <<'END'
import email, email.policy, sys
who, log, bodies = sys.argv[1:]
for line in open(log):
    f = line.rstrip('\n').split(' ')
    if f[0] != 'deliver' or f[2] != '' or who not in f[3].split(','): continue
    m = email.message_from_binary_file(open('%s/%s' % (bodies, f[1]), 'rb'), policy=email.policy.default)
    assert m.get_content_type() == 'multipart/report', m.get_content_type()
    for k in ('To', 'Auto-Submitted', 'Subject'): print('%s: %s' % (k, m[k]))
    parts = list(m.iter_parts())
    for block in parts[1].get_payload():
        for k, v in block.items():
            if k != 'Arrival-Date' and not k.startswith('Reporting') : print('%s: %s' % (k, v.replace('\r\n', '\n')))
    if len(parts) > 2: print('returned: ' + parts[2].get_content_type())
END
}
fresh

# ---- failure ----
a=$(add --ret hdrs --envid QQ+3D1 never@x.example later@y.example sent@z.example never2@q.example)
ok "a pass ends by itself" pass
is "T79 one notice for the two that failed" "$(told me@me.example)" 1
is "T79 the one that may be tried again remains" "$(col "$a" id,state)" "$a.2 waiting"
out=$(notice me@me.example)
like "T80 it is an automatic answer to the sender" "$out" $'To: me@me.example\nAuto-Submitted: auto-replied\nSubject: .*'
like "T73 with his ENVID" "$out" 'Original-Envelope-Id: QQ=1'
is "T74 both, with what was said to each" "$(grep -E '^(Final-Rec|Action|Status|Remote-MTA|Diag)' <<<"$out" | sed 's/ (.*)$//' | paste -sd';')" \
	"Final-Recipient: rfc822; never@x.example;Action: failed;Status: 5.1.1;Remote-MTA: dns; mx;Diagnostic-Code: smtp; 550 5.1.1 no such user;Final-Recipient: rfc822; never2@q.example;Action: failed;Status: 5.1.1;Remote-MTA: dns; mx;Diagnostic-Code: smtp; 550 5.1.1 no such user"
like "T76 RET=HDRS" "$out" 'returned: text/rfc822-headers'
like "in the log" "$(cat err)" "event=notice id=$a kind=failed rcpts=1,4 to=me@me.example notice=[0-9a-z]+"
forward 1801 && pass
forward 432000 && pass
is "T74 given up after five days: the second notice" "$(told me@me.example)" 2
like "T74 of a 4xx, and yet failed" "$(notice me@me.example | tail -n 9)" $'Action: failed\nStatus: 4\\.2\\.0.*Diagnostic-Code: smtp; 451'
is "nothing is left" "$(queued) $(find spool/cur spool/new -type f | wc -l)" "0 0"

fresh
a=$(add sent@never.example.org) && pass
like "where no server was asked, the words are our own" "$(notice me@me.example)" 'Status: 5\.1\.2.*Diagnostic-Code: X-.*no such domain'

fresh
start runq mox-runq -w
wait_until mox-queue-list
a=$(add slow-never@x.example never@y.example)
wait_until grep -q slow-never log
ok "one failed while the other is tried: it waits for its notice" wait_until grep -q "event=never id=$a.2" runq.log
is "which the list shows" "$(col "$a.2" id,state,next,code)" "$a.2 noticing - 550"
is "the selection too" "$(mox-queue-list -state noticing -o id)" "$a.2"
is "it is past changing" "$(for c in hold release "schedule now" "requiretls yes"; do mox-queue-$c "$a.2" 2>/dev/null; done)" ""
touch go
told_me() { [ "$(told me@me.example)" = "$1" ]; }
ok "T79 the round over, one notice" wait_until told_me 1
is "for both" "$(grep -c "kind=failed rcpts=1,2" runq.log)" 1
rm go
b=$(add slow@x.example never@y.example)
ok "a notice that waits" wait_until grep -q "event=never id=$b.2" runq.log
stop runq KILL
fresh
touch go
forward 1801 && pass
is "T126 killed before the notice: it is made after the restart" "$(told me@me.example) $(queued)" "1 0"

# ---- NOTIFY ----
fresh
a=$(add --notify never never@x.example) b=$(add --notify success,delay never@x.example) c=$(add --notify failure never@x.example)
pass
is "T70 a failure is told to who asked for it" "$(told me@me.example) $(notice me@me.example | grep -c '^Action')" "1 1"
is "T70 of the others the log tells" "$(grep -o "event=silent id=[^ ]*" err | sort | paste -sd' ')" "event=silent id=$a.1 event=silent id=$b.1"
is "and they are gone" "$(queued) $(find spool/cur -type f | wc -l)" "0 0"
fresh
{
	printf 'sender me@me.example\nrcpt never@x.example notify=never\nrcpt never2@x.example\nrcpt never3@x.example notify=failure orcpt=rfc822;who@x.example\nend\n' >envelope
	mox-queue-add -e 3 3<envelope <<<"$message" >/dev/null
}
pass
is "T70 per recipient, not for the message" "$(notice me@me.example | grep -E '^(Final-Rec|Orig)' | paste -sd' ')" \
	"Final-Recipient: rfc822; never2@x.example Original-Recipient: rfc822; who@x.example Final-Recipient: rfc822; never3@x.example"

# ---- success ----
fresh
a=$(add --notify success,failure relay@x.example sent@y.example)
b=$(add relay@x.example)
pass
is "T72 relayed by a server without DSN: told, of that recipient only, and if asked" "$(notice me@me.example | grep -E '^(Final-Rec|Action|Status)' | sed 's/ (.*)$//' | paste -sd' ')" \
	"Final-Recipient: rfc822; relay@x.example Action: relayed Status: 2.0.0"
is "nothing is left of it" "$(queued) $(find spool/cur -type f | wc -l)" "0 0"
is "T72 and nobody gets it twice" "$(grep -c "^deliver $a" log)" 2

# ---- delay ----
fresh
a=$(add later@x.example later2@x.example)
add --notify failure later@x.example >/dev/null
M=$'Precedence: bulk\n'$message add later@x.example >/dev/null
M=$'List-Id: <x.y>\n'$message add later@x.example >/dev/null
mox-queue-add -f '' later@x.example <<<"$message" >/dev/null
for t in 0 1801 1801 1801; do forward "$t" && pass; done
is "T78 an hour and a half: nothing" "$(told me@me.example)" 0
forward 1801 && pass
is "T78 two hours: one notice, not for lists, nor against NOTIFY, nor to nobody" "$(told me@me.example) $(told boss@me.example)" "1 0"
out=$(notice me@me.example)
is "T78 with the time until which it is tried" "$(grep -E '^(Action|Status)' <<<"$out" | sed 's/ (.*)$//' | paste -sd' ') $(grep -c '^Will-Retry-Until' <<<"$out")" \
	"Action: delayed Status: 4.2.0 Action: delayed Status: 4.2.0 2"
is "it is marked in the file" "$(find spool/cur -name "$a" -exec grep -ac '^rcpt T-\.d ' {} +)" 2
forward 1801 && pass
forward 1801 && pass
is "T78 once" "$(told me@me.example)" 1
rm -rf spool/index
forward 1801 && pass
forward 3601 && pass
is "T78 once, though the index be lost" "$(told me@me.example)" 1
is "all five are still tried" "$(mox-queue-list -state waiting -o id | wc -l)" 6
forward 500000 && pass
forward 3601 && pass
forward 3601 && pass
is "at the end the failures" "$(told me@me.example) $(queued)" "5 0"
fresh
a=$(add gone@dead.example) b=$(add gone@dead.example)
for t in 0 1801 1801 1801 1801; do forward "$t" && pass; done
is "T78 a site that is down: who was not tried is told, too" "$(told me@me.example)" 2
mox-queue-hold -all >/dev/null 2>&1
rm -rf spool

# ---- the null sender ----
fresh
a=$(mox-queue-add -f '' never@x.example <<<"$message" | sed 's/^id //')
pass
is "T69 no notice to nobody; the postmaster is told" "$(told boss@me.example) $(wc -l <log)" "1 2"
like "T69 with what was sent" "$(notice boss@me.example)" 'Final-Recipient: rfc822; never@x.example.*returned: message/rfc822'
fresh
M=$message mox-queue-add -f never-me@me.example never@x.example <<<"$message" >/dev/null
pass
is "T69 a sender that cannot be reached: his notice goes to the postmaster" "$(told never-me@me.example) $(told boss@me.example) $(queued)" "1 1 0"
fresh
sed -i 's/boss@/never-boss@/' conf
mox-queue-add -f never-me@me.example never@x.example <<<"$message" >/dev/null
pass
is "T69 a postmaster that cannot be reached: the end" "$(grep -c ^deliver log) $(queued) $(find spool/cur spool/new -type f | wc -l)" "3 0 0"
like "T69 with an alert" "$(cat err)" 'level=alert event=double-bounce id=[^ ]* rcpt=never-boss@me.example dropped="it was for the postmaster" count=1'
sed -i 's/never-boss@/boss@/' conf

# ---- a flood of them ----
fake() { # NAME SCRIPT: in place of a sibling
	[ -e "bin/$1.real" ] || mv "bin/$1" "bin/$1.real"
	printf '#!/bin/sh\necho "%s $*" >>"$FAKE_LOG.calls"\n%s\n' "$1" "$2" >"bin/$1"
	chmod +x "bin/$1"
}
real() { mv "bin/$1.real" "bin/$1"; }
nulls() { # FIRST LAST
	for i in $(seq "$1" "$2"); do printf 'sender \nrcpt never%s@x.example\nsize 15\nend\nSubject: x\n\nbo\n' "$i"; done | mox-queue-add -B >/dev/null
}
digest() { # what the digests say: subject, entries, the first of them, replies
	python3 - "$T/log" "$T/bodies" <<'END'
import email, email.policy, re, sys
log, bodies = sys.argv[1:]
for line in open(log):
    f = line.rstrip('\n').split(' ')
    if f[3] != 'boss@me.example': continue
    m = email.message_from_binary_file(open('%s/%s' % (bodies, f[1]), 'rb'), policy=email.policy.default)
    if m.get_content_type() != 'text/plain': continue
    assert m['Auto-Submitted'] == 'auto-replied' and not m.defects
    text = m.get_content()
    print('%s|%d|%d' % (m['Subject'], len(re.findall(r'^never\d+@x.example$', text, re.M)), text.count('550 5.1.1 no such user')))
    open('shown', 'w').write(''.join(a + '\n' for a in re.findall(r'^never\d+@x.example$', text, re.M)))
END
}
rm -f spool/doubles
fresh
nulls 1 25
pass
is "T69 a flood of them: twenty are told, one by one" "$(told boss@me.example) $(queued)" "20 0"
is "T69 the rest is gathered" "$(grep -o 'gathered=.*' err | paste -sd' ') $(grep -c ^over spool/doubles)" "gathered=1 gathered=2 gathered=3 gathered=4 gathered=5 5"
nulls 26 27
pass
is "T69 another mox-runq goes on counting" "$(told boss@me.example) $(grep -c ^over spool/doubles)" "20 7"
printf 'over 17952' >>spool/doubles # a crash in the middle of a line
forward 3590 && pass
is "T69 an hour has not passed: no digest" "$(told boss@me.example)" 20
forward 20 && pass
is "T69 then there is one, of all seven" "$(digest)" '7 notices of this system reached nobody|7|7'
like "T69 in the log" "$(cat err)" 'event=notice kind=digest to=boss@me.example notice='
ok "T69 no more is kept of them" test ! -e spool/doubles
nulls 28 28
pass
is "T69 after that hour one is told by itself again" "$(told boss@me.example)" 22
forward 3700 && pass
fresh
nulls 1 20
pass
nulls 100 399
pass
is "T69 three hundred" "$(grep -c ^over spool/doubles)" 300
rm -rf spool/index
ok "T69 though the index be lost" pass
forward 3601
cp spool/doubles newest
fake mox-queue-add 'exit 111'
pass
is "T69 the door is shut: they stay" "$(grep -c ^over spool/doubles) $(grep -c 'event=notice-later kind=digest' err)" "300 1"
real mox-queue-add
pass
is "T69 one digest, of which it shows the newest fifty" "$(digest)" '300 notices of this system reached nobody|50|50'
is "T69 these, in their order" "$(cat shown)" "$(cut -d' ' -f4 newest | tail -n 50)"
rm -f spool/doubles
fresh
nulls 1 20
pass
python3 - >>spool/doubles <<'END'
import time
for i in range(6000): print('over %d 0d3k9v2x7m4qa.1 never%d@x.example failed 550 5.1.1 mx no\\x20such\\x20user' % (time.time() * 1e6, i))
END
size() { stat -c %s spool/doubles; }
ok "a file of half a megabyte" test "$(size)" -gt 400000
nulls 7000 7000
pass
ok "T69 it is bounded" test "$(size)" -lt 20000
is "T69 and yet all are counted" "$(grep -c ^over spool/doubles) $(grep -o '^more 5901' spool/doubles)" "100 more 5901"
forward 3601 && pass
is "T69 in the digest, too" "$(digest)" '6001 notices of this system reached nobody|50|50'
fresh
rm -f spool/doubles
sed -i 's/boss@/never-boss@/' conf
nulls 1 21
pass
forward 3601 && pass
is "T69 a digest that cannot reach him is the end" "$(grep -c 'rcpt=never-boss@me.example dropped' err) $(queued)" "21 0"
sed -i 's/never-boss@/boss@/' conf
fresh
mox-queue-add -f '' --notify never never@x.example <<<"$message" >/dev/null && pass
is "T70 of what must never be told, nothing, but an alert" "$(told boss@me.example) $(grep -c 'level=alert event=double-bounce .*dropped="nobody is to be told"' err)" "0 1"

# ---- reports of our own ----
fresh
a=$(mox-queue-add -f me@me.example --extra moxq-report=yes --notify success,failure,delay never@x.example later@x.example <<<"$message" | sed 's/^id //')
for t in 0 1801 1801 1801 1801 1801; do forward "$t" && pass; done
is "a report of ours that fails is told to nobody" "$(told me@me.example) $(told boss@me.example) $(col "$a" id)" "0 0 $a.2"
like "but to the log" "$(cat err)" "level=warn event=report-failed id=$a.1 rcpt=never@x.example error=\"5.1.1 no such user\""
mox-queue-drop "$a" >/dev/null 2>&1
rm -rf spool

# ---- what fails on the way ----
calls() { grep -c "^$1" log.calls; }
fresh
rm -f log.calls
fake mox-dsn 'case "$*" in *minimal*) exec "$0.real" "$@" ;; esac; exit 111'
a=$(add never@x.example) && pass
is "mox-dsn fails three times: the plain form" "$(calls mox-dsn) $(told me@me.example)" "4 1"
is "which says what matters" "$(notice me@me.example | grep -E '^(Final-Rec|Status)' | sed 's/ (.*)$//' | paste -sd' ')" "Final-Recipient: rfc822; never@x.example Status: 5.1.1"
fresh
rm -f log.calls
fake mox-dsn 'exit 111'
a=$(add never@x.example) && pass
is "mox-dsn says later always: so it is, nobody holds it" "$(calls mox-dsn) $(told me@me.example) $(col "$a" id,state,hold,code)" "4 0 $a.1 noticing - 550"
real mox-dsn
forward 400
pass
is "... and told when it can" "$(told me@me.example) $(queued)" "1 0"
fresh
rm -f log.calls
fake mox-dsn 'echo "half of a noti"; kill -9 $$'
a=$(add never@x.example) && pass
is "mox-dsn dies always: held for a person" "$(calls mox-dsn) $(told me@me.example) $(col "$a" id,state,hold,code)" "4 0 $a.1 held f 550"
like "with an alert" "$(cat err)" "level=alert event=notice-failed id=$a kind=failed .*why=\"mox-dsn was killed by signal 9\""
rm -rf spool/index && pass
is "held though the index be lost" "$(col "$a" hold)" f
real mox-dsn
mox-queue-release "$a" >/dev/null 2>&1
pass
is "released, it is tried again and told" "$(grep -c never@x log) $(told me@me.example) $(queued)" "2 1 0"

fresh
rm -f log.calls
fake mox-queue-add 'exit 111'
a=$(mox-queue-add.real -f me@me.example never@x.example sent@y.example <<<"$message" | sed 's/^id //') && pass
is "no room for the notice: it waits" "$(calls mox-queue-add) $(col "$a" id,state)" "1 $a.1 noticing"
is "deliveries go on" "$(grep -c sent@y log)" 1
pass
is "for a while" "$(calls mox-queue-add)" 1
real mox-queue-add
rm -rf bin/mox-queue-add.real
forward 301 && pass
is "then it is made" "$(told me@me.example) $(queued) $(grep -c never@x log)" "1 0 1"

fresh
fake mox-queue-add 'exit 111'
a=$(mox-queue-add.real -f me@me.example --notify success relay@x.example sent@y.example <<<"$message" | sed 's/^id //')
mox-queue-hold "$a.2" >/dev/null 2>&1
pass
mox-queue-release "$a.2" >/dev/null 2>&1
pass
real mox-queue-add
is "the last recipient is done while a notice of success still waits" "$(grep -c sent@y log) $(col "$a" id,state)" "1 $a.1 noticing"
forward 301 && pass
is "which is made all the same" "$(told me@me.example) $(queued) $(find spool/cur -type f | wc -l)" "1 0 0"

fresh
a=$(add never@x.example)
free=$(df -k --output=avail . | tail -n 1)
cp conf conf.full
echo "min-free = \"$((free + free / 2))k\"" >>conf
fails 111 "T122 less room than the mark: no new mail" add never@x.example
pass
is "T122 but a notice, which may use the half of it" "$(grep -c "event=notice id=$a" err)" 1
cp conf.full conf
pass
is "and arrives" "$(told me@me.example) $(queued)" "1 0"

fresh
a=$(add --notify success relay@x.example sent@y.example)
mox-queue-hold "$a.2" >/dev/null
fake mox-queue-add 'exit 111'
pass
mox-queue-release "$a.2" >/dev/null
pass
real mox-queue-add
forward 301 && pass
is "T72 a notice of success that had to wait finds its message, though all have it now" "$(told me@me.example) $(queued) $(find spool/cur -type f | wc -l)" "1 0 0"

fresh
rm -f log.calls
fake mox-queue-add 'echo "id 0000000000001"; exit 100'
a=$(mox-queue-add.real -f me@me.example never@x.example <<<"$message" | sed 's/^id //') && pass
is "a notice that the door will never take: the plain form, then held" "$(calls mox-queue-add) $(col "$a" id,hold)" "2 $a.1 f"
fake mox-queue-add 'echo nonsense; exit 0'
mox-queue-release "$a" >/dev/null 2>&1
pass
is "an answer without an id is no answer" "$(col "$a" id,state)" "$a.1 noticing"
real mox-queue-add
forward 301 && pass
is "and then there is one" "$(told me@me.example) $(queued)" "1 0"

# T65: no notice under REQUIRETLS, and nothing of the message in it.
fresh
a=$(M=$'Date: Sat, 21 Nov 2026 02:31:13 +0000\n'$message add --requiretls=yes --ret full never@x.example) && pass
is "T65 REQUIRETLS: the notice does not ask for it" "$(told me@me.example) $(mox-queue-list -o id) $(grep -c "$(printf 'no - - may me@me.example')" jobs)" "1  1"
like "T65 the header is redacted" "$(cat bodies/*)" $'text/rfc822-headers\r\n\r\nDate: [^\r]*\r\nMessage-ID: <one@me.example>\r\n\r\n--'
is "T65 nothing of it elsewhere" "$(rm "bodies/$a"; grep -c 'hello\|body' bodies/*)" 0
fresh
mox-queue-add -f '' --requiretls=yes --ret full never@x.example <<<"$message" >/dev/null && pass
is "T65 of a double bounce, too" "$(told boss@me.example) $(grep -c "$(printf 'no - - may boss@me.example')" jobs) $(grep -lr 'Final-Recipient' bodies | xargs grep -c 'hello\|body')" "1 1 0"

fresh
rm -f log.calls
fake mox-queue-add '"$0.real" "$@" | sed "s/^id/maybe/"; exit 111'
a=$(mox-queue-add.real -f me@me.example never@x.example <<<"$message" | sed 's/^id //')
for t in 0 301 700 1400 3000; do forward "$t" && pass; done
is "a disk that fails at the last sync: two notices and no more" "$(calls mox-queue-add) $(told me@me.example) $(queued)" "2 2 0"
fresh
rm -f log.calls
a=$(mox-queue-add.real -f me@me.example --notify success relay@x.example <<<"$message")
for t in 0 301 700; do forward "$t" && pass; done
is "of success one" "$(calls mox-queue-add) $(told me@me.example) $(queued)" "1 1 0"
real mox-queue-add

fresh
rm -f log.calls
start runq mox-runq -w
wait_until mox-queue-list
for i in 1 2 3; do add "gone$i@dead.example" >/dev/null; done
wait_until grep -q event=site-down runq.log
fake mox-queue-add 'exit 111'
for i in {1..12}; do # small steps: a leap would be one of the clock
	forward 650
	printf x >spool/trigger
	mox-queue-list >/dev/null
done
ok "a site that is down, a door that refuses: the notice of the delay is tried" wait_until grep -q 'event=notice-later.*kind=delayed' runq.log
read -rt 2.5 <> <(:)
ok "and not each second" test "$(calls mox-queue-add)" -le 3
stop runq
real mox-queue-add

if command -v strace >/dev/null; then
	fresh
	rm -f log.calls hung
	fake mox-dsn 'echo $$ >hung; exec sleep 1000'
	start runq mox-runq -w
	wait_until mox-queue-list
	a=$(add never@x.example)
	ok "a mox-dsn that hangs" wait_until test -s hung
	start trace strace -qq -o /dev/null -P "$T/spool/index/log.0000000001" -e trace=pwrite64,write -e inject=pwrite64,write:error=EIO \
		-p "$PID_runq"
	wait_until grep -q TracerPid:.[1-9] "/proc/$PID_runq/status"
	for i in {1..5}; do add "later$i@x.example" >/dev/null; done
	real mox-dsn
	ok "the index breaks: it is not waited for" wait_until grep -q event=index-broken runq.log
	stop trace
	ok "and all goes on" wait_until grep -q "event=notice id=$a" runq.log
	stop runq
	rm -rf spool
else
	skip "strace is not installed" "a mox-dsn that hangs"
fi

fresh
start runq mox-runq -w
wait_until mox-queue-list
add slow-never@x.example >/dev/null
wait_until grep -q slow-never log
cp conf conf.good
echo 'retry {' >>conf
touch go
ok "a configuration half written: the notice waits, nobody is held" wait_until grep -q 'event=notice-later.*configuration' runq.log
stop runq
mv conf.good conf
forward 301 && pass
is "and is made when it can be read again" "$(told me@me.example) $(queued)" "1 0"

ok "nothing is wrong with the spool" mox-queue-check
done_testing
