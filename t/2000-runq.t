#!/bin/bash
# mox-runq against scripted siblings: intake, plans, jobs, reports, schedule, holds, restart of children, rebuild.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m", "20m" } jitter = false }
transport "no" { type = fail code = 554 message = "not from here" }
transport "busy" { type = fail code = 451 message = "not now" }
route { to = { "refused.example" } transport = "no" }
route { to = { ".put-off.example" } transport = "busy" }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
sent() { grep -c "^deliver $1 " log; }
noticed() { grep -c '^deliver [^ ]*  s@me.example ' log; } # the sender was told, so many times
col() { mox-queue-list -id "$1" -o "$2" | tr '\n' ' ' | sed 's/ $//'; }
# In tens of seconds: it counts from the report, and a busy machine takes its time until then.
pause() { mox-queue-list -id "$1" -j | python3 -c 'import json,sys,datetime as d
r=json.loads(sys.stdin.readline()); f=lambda v: d.datetime.fromisoformat(v.replace("Z","+00:00")).timestamp() if isinstance(v,str) else v/1e6
print(10*round((f(r["next"])-f(r["last"]))/10))'; }
forward() { echo $(($(cat clock) + $1)) >clock; }

touch log
ok "-t: a good configuration" mox-runq -t
echo 'nonsense = 1' >bad
fails 100 "-t: a bad one, by name" mox-runq -C bad -t
like "file, line and key" "$(mox-runq -C bad -t 2>&1)" 'bad:1: .*nonsense'
printf 'spool = "%s"\ntransport "r" { type = submissions host = "r.example" username = "u" password-file = "%s" }\n' "$T/s2" "$T/pw" >relay
fails 100 "-t: a password file that is not there" mox-runq -C relay -t
like "-t names transport and file" "$(mox-runq -C relay -t 2>&1)" '^mox-runq: .*relay: transport "r": unable to read .*/pw: No such file or directory$'
echo secret >pw
chmod 644 pw
like "-t: everybody can read it" "$(mox-runq -C relay -t 2>&1)" 'transport "r": unable to use .*chmod o= would do$'
chmod 600 pw
is "-t: now it is good" "$(mox-runq -C relay -t 2>&1)" ''
ok "a pass over an empty spool" pass

a=$(add sent@x.example)
ok "one message, one pass" pass
is "delivered once" "$(sent "$a")" 1
is "its file is gone" "$(find spool/new spool/cur -type f)" ""
is "its row too" "$(mox-queue-list)" ""

a=$(add sent@x.example later@y.example never@z.example sent@other.x.example)
pass
is "T79 what failed for now remains" "$(col "$a" id,hold,code | tr '\t' ' ')" "$a.2 - 451"
is "T79 of what failed for good the sender is told" "$(noticed)" 1
is "two recipients of one site go in one transaction" "$(grep -c "sent@x.example,sent@other.x.example" log)" 1
is "an attempt was registered" "$(col "$a.2" attempts)" 1
pass
is "nothing is tried before its time" "$(grep -c later@y.example log)" 1
forward 601
pass
is "then it is tried again" "$(grep -c later@y.example log)" 2
is "what failed for good is not" "$(grep -c never@z.example log)" 1
is "the pause grows" "$(pause "$a.2")" 1200
forward 500000
pass
is "after give-up nothing is left of it" "$(col "$a" id)" ""
is "and the sender is told" "$(noticed)" 2

a=$(add sent@never.example.org sent@later.example.org sent@nonet.example.org sent@refused.example sent@a.put-off.example)
pass
is "a domain that is none: done with" "$(col "$a.1" id)" ""
like "with the resolver's words" "$(grep "id=$a.1 " err)" 'event=never .*no such domain'
is "no answer: later, an attempt" "$(col "$a.2" hold,attempts)" $'-\t1'
is "T128 no network: no attempt" "$(col "$a.3" hold,attempts)" $'-\t0'
is "transport of type fail, 5xx: done with" "$(col "$a.4" id)" ""
is "T79 both in one notice" "$(noticed) $(grep -c "event=notice id=$a kind=failed rcpts=1,4 " err)" "3 1"
is "transport of type fail, 4xx: later" "$(col "$a.5" hold,code)" $'-\t451'

a=$(add hint@x.example)
pass
is "T129 the peer's hint is the pause" "$(pause "$a")" 60

a=$(add gone@dead.example) b=$(add sent@dead.example)
pass
is "a site that is down costs one probe" "$(grep -c '@dead.example' log)" 1
like "the others show its error" "$(col "$b" error)" 'connection refused'
is "and have made no attempt" "$(col "$b" attempts)" 0
forward 80
pass
is "the next probe finds it up" "$(sent "$b")" 1

a=$(add die@x.example)
pass
is "a worker that dies: later" "$(col "$a" hold,attempts)" $'-\t1'
like "in these words" "$(col "$a" error)" 'ended without a report'

a=$(add sent@x.example)
mox-queue-hold "$a" >/dev/null 2>&1
pass
is "held mail is not sent" "$(sent "$a")" 0
is "its mark is in the file" "$(find spool/cur -name "$a" -exec grep -ac 'rcpt To' {} +)" 1
mox-queue-release "$a" >/dev/null 2>&1
pass
is "released it is" "$(sent "$a")" 1

a=$(add sent@x.example)
mox-queue-schedule +2h "$a" >/dev/null 2>&1
pass
is "scheduled for later: not yet" "$(sent "$a")" 0
rm -rf spool/index
pass
is "T123 the index lost: rebuilt, and the operator's time holds" "$(sent "$a")" 0
is "nothing was lost in it" "$(col "$a" id)" "$a.1"
mox-queue-schedule now "$a" >/dev/null 2>&1
pass
is "scheduled for now: sent" "$(sent "$a")" 1
is "its amendment is gone" "$(find spool/cur -name '*.amend')" ""

b=$(add sent@x.example)
head -c 100 /dev/urandom >spool/new/0000000000001
printf x >>"spool/new/$b"
a=$(add sent@x.example)
pass
is "a broken file does not stop the rest" "$(sent "$a")" 1
is "T123 it is in corrupt/" "$(ls -I '*.why' spool/corrupt | tr '\n' ' ')" "0000000000001 $b "
head -c 5000 /dev/urandom >spool/index/rcpt.db
a=$(add sent@x.example)
pass
is "T123 a corrupt index is rebuilt by itself" "$(sent "$a")" 1

# ---- siblings that cannot be started ----
for gone in mox-nexthop mox-deliver; do
	mv bin/$gone away
	a=$(add sent@x1.example sent@y1.example sent@z1.example)
	ok "a pass without $gone ends" pass
	is "all that waits for it grows old by a round" "$(col "$a" attempts,state,error)" \
		"$(for i in 1 2 3; do echo "1"$'\t'"waiting"$'\t'"4.3.0 $gone does not run"; done | tr '\n' ' ' | sed 's/ $//')"
	mv away bin/$gone
	forward 700
	pass
	is "and goes when it is there again" "$(sent "$a")" 3
done

# ---- the daemon ----
start runq mox-runq -w
wait_until mox-queue-list
a=$(add sent@x.example)
ok "woken by the trigger" wait_until grep -q "^deliver $a" log
fails 111 "a second one says who owns the spool" mox-runq -w
ok "T126 a pass is silent and content" pass
a=$(add slow@x.example)
wait_until grep -q "^deliver $a" log
is "delivering" "$(col "$a" state)" delivering
kill -KILL "$(pgrep -P "$PID_runq" -f mox-deliver)"
b=$(add sent@y.example)
ok "T126 the parent of the workers is killed: another takes its place" wait_until grep -q "^deliver $b" log
kill -KILL "$(pgrep -P "$PID_runq" -f mox-nexthop)"
b=$(add sent@z2.example)
ok "mox-nexthop is killed: questions are asked again" wait_until grep -q "^deliver $b" log
echo 'nonsense = 1' >>conf
kill -HUP "$PID_runq"
ok "T127 a bad configuration keeps the old one" wait_until grep -q 'event=conf-refused' runq.log
sed -i '$d' conf
echo 'route { to = { "late.example" } transport = "no" }' >>conf
kill -HUP "$PID_runq"
ok "a good one is taken" wait_until grep -q 'event=conf-read' runq.log
b=$(add sent@late.example)
ok "and counts at once" wait_until grep -q "event=never id=$b.1 .*not from here" runq.log
kill -USR1 "$PID_runq"
ok "USR1 logs the state" wait_until grep -q 'event=state' runq.log
kill -TERM "$PID_runq"
touch go
wait "$PID_runq"
is "TERM: it finishes what is under way and ends well" "$?" 0
is "the slow one was finished" "$(sent "$a") $(col "$a" id)" "1 "
rm go
sed -i '1i stop-wait = "1s"' conf
start runq mox-runq -w
a=$(add slow@x.example)
wait_until grep -q "^deliver $a" log
kill -TERM "$PID_runq"
wait "$PID_runq"
is "one that hangs does not hold it up for ever" "$?" 0
like "which the log tells" "$(cat runq.log)" 'event=cut-short jobs=1'
is "the message is tried again later" "$(col "$a" state,attempts,error)" $'waiting\t1\t4.3.0 the delivery process ended without a report'
touch go
done_testing
