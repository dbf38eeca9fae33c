#!/bin/bash
# shellcheck disable=SC2317
# Recipients in local-domains: mox-runq hands them to mox-local, without plan or network.
. "$(dirname "$0")/lib.sh"
mkdir bin box
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_ASKS=$T/asks MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0
me=$(id -un)
cat >conf <<X
hostname = "me.example"
postmaster = "$me@here.example"
spool = "$T/spool"
local-domains = { "here.example", "also.example" }
local-maildir = "$T/box/%u"
retry { intervals = { "10m" } jitter = false }
X
add() { mox-queue-add "$@" <<<$'Subject: x\nMessage-ID: <one@me.example>\n\nthe body' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
fresh() {
	rm -rf log asks err box
	mkdir box
	echo 0 >clock
	touch log asks err
}
forward() { echo $(($(cat clock) + $1)) >clock; }
col() { mox-queue-list -id "$1" -o "$2" | tr '\t\n' '  ' | sed 's/ $//'; }
mails() { find "box/$1/new" -type f 2>/dev/null | wc -l; }
fresh

a=$(add -f s@far.example "$me@here.example" sent@x.example)
ok "a pass ends by itself" pass
is "one went to the Maildir, one over the network" "$(mails "$me") $(grep -c "^deliver $a s@far.example sent@x.example" log) $(wc -l <log)" "1 1 1"
is "for the local one nobody was asked where to" "$(cut -d' ' -f1 asks)" x.example
is "the message and not a byte of its envelope" "$(tail -n 2 "box/$me"/new/*)" $'\nthe body'
is "with its trace" "$(head -n 2 "box/$me"/new/*)" $'Return-Path: <s@far.example>\nDelivered-To: '"$me@here.example"
is "nothing is left" "$(mox-queue-list; find spool/cur spool/new -type f)" ""
like "the log has it as sent" "$(cat err)" "event=sent id=$a.1 rcpt=$me@here.example site=local .*text=\"delivered to $T/box/$me/new/"
printf 'Subject: x\n\nbody' | mox-queue-add -f s@far.example "$me@ALSO.example" >/dev/null
pass
is "every local domain counts" "$(mails "$me")" 2
fresh
a=$(add -f s@far.example "${me^^}+lists@here.example")
pass
is "capitals and +detail are no part of the login name" "$(mails "$me")" 1

fresh
a=$(add -f "$me@here.example" nosuchuser@here.example)
pass
is "no such user: 5.1.1, and the notice goes to the sender's own Maildir" "$(mails "$me") $(mox-queue-list)" "1 "
like "which says so" "$(cat "box/$me"/new/*)" $'Final-Recipient: rfc822; nosuchuser@here.example.*Status: 5.1.1'
fresh
a=$(add -f '' nosuchuser@here.example)
pass
is "T69 a double bounce to a local postmaster" "$(mails "$me") $(mox-queue-list)" "1 "
fresh
sed -i "\$adefault-destination = \"$me@here.example\"" conf
a=$(add -f s@far.example nosuchuser@here.example)
pass
is "default-destination, when it is here, takes what is for nobody" "$(mails "$me") $(wc -l <log)" "1 0"
sed -i '$d' conf
fresh
sed -i '$adefault-destination = "boss@far.example"' conf
mkdir -p "box/$me"
a=$(add -f s@far.example nosuchuser@here.example "$me@here.example")
pass
is "or when it is elsewhere: the mailbox gets its mail, and what has none goes there" "$(mails "$me") $(cut -d' ' -f3,4 log)" "1 s@far.example boss@far.example"
like "while the log names who was asked for" "$(cat err)" "event=sent id=$a.1 rcpt=nosuchuser@here.example site=local .*text=\"sent on as "
rm -rf "box/$me"
add -f s@far.example "$me@here.example" >/dev/null
pass
is "a user without a Maildir has no mailbox" "$(mails "$me") $(grep -c boss@far.example log)" "0 2"
sed -i '$d' conf

fresh
a=$(add --notify success,failure -f "s@far.example" "$me@here.example")
pass
is "NOTIFY=SUCCESS: delivered, as we say ourselves" "$(mails "$me") $(grep -c '^deliver [^ ]*  s@far.example' log) $(find spool/cur -type f | wc -l)" "1 1 0"
like "in the log" "$(cat err)" "event=notice id=$a kind=success rcpts=1 to=s@far.example"

fresh
rmdir box
a=$(add -f s@far.example "$me@here.example" "nosuchuser@here.example")
pass
is "a Maildir that cannot be made: later" "$(col "$a" id,state,attempts)" "$a.1 waiting 1"
like "with the reason" "$(col "$a" error)" "4\.2\.0 unable to open $T/box/$me"
mkdir box
forward 601 && pass
is "then it can" "$(mails "$me") $(mox-queue-list)" "1 "

# ---- deaths ----
fresh
mv bin/mox-local mox-local.real
printf '#!/bin/sh\nkill -9 $$\n' >bin/mox-local
chmod +x bin/mox-local
a=$(add -f s@far.example "$me@here.example")
pass
is "mox-local dies: later" "$(col "$a" id,state,error)" "$a.1 waiting 4.3.0 the delivery process ended without a report"
printf '#!/bin/sh\nprintf "rcpt 1 sent 0 2.0.0"\n' >bin/mox-local
forward 601 && pass
is "half a report is none" "$(col "$a" id,state,attempts)" "$a.1 waiting 2"
rm bin/mox-local
forward 601 && pass
is "without mox-local: later" "$(col "$a" id,state,attempts)" "$a.1 waiting 3"
printf '#!/bin/sh\necho $$ >>%s/running\nexec sleep 1000\n' "$T" >bin/mox-local
chmod +x bin/mox-local
sed -i '1i stop-wait = "1s"' conf
forward 601
start runq mox-runq -w
for i in {1..12}; do add -f s@far.example "$me@here.example"; done >/dev/null
are() { [ "$(wc -l <running)" = "$1" ]; }
ok "at most eight at a time" wait_until are 8
b=$(add -f s@far.example sent@x.example)
ok "and they hold up nobody else" wait_until grep -q "^deliver $b" log
forward 3601
printf x >spool/trigger
wait_until grep -q event=clock-leapt runq.log
kill "$(head -n 1 running)"
ok "more than an hour later the next has its turn" wait_until are 9
b=$(add -f s@far.example sent@x.example)
ok "and still they hold up nobody else" wait_until grep -q "^deliver $b" log
stop runq TERM
# shellcheck disable=SC2046 # a pid each
none_runs() { ! kill -0 $(cat running) 2>/dev/null; }
ok "told to end, it takes them along" wait_until none_runs
cp mox-local.real bin/mox-local
forward 601 && pass
is "nothing was lost" "$(mails "$me") $(mox-queue-list)" "13 "
done_testing
