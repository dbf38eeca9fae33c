#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# T124: the clock leaps while mox-runq runs: nothing expires in a mass, nothing spins, attempts are counted. T128: after an outage of the
# network not all mail goes out at one instant.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock
touch log
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m", "20m", "1h" } }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
col() { mox-queue-list -o "$1" "${@:2}"; }
tries() { grep -c "^deliver.*$1" log; }
tried() { [ "$(tries "$1")" -ge "$2" ]; }
# All of them, N times, and nobody is under way any more: an attempt counts from its start.
attempted() { [ "$(col attempts -attempts ">$(($1 - 1))" | wc -l)" = 30 ] && ! col state | grep -q delivering; }
leap() { # SECONDS: and waits until mox-runq has seen it
	local n
	n=$(grep -c event=clock-leapt runq.log)
	echo $(($(cat clock) + $1)) >clock
	printf x >spool/trigger
	wait_until leapt $((n + 1))
}
leapt() { [ "$(grep -c event=clock-leapt runq.log)" -ge "$1" ]; }
spins() { # NAME: CPU of a second and a half
	local before after
	before=$(awk '{print $14 + $15}' "/proc/$PID_runq/stat")
	read -rt 1.5 <> <(:)
	after=$(awk '{print $14 + $15}' "/proc/$PID_runq/stat")
	echo "# CPU: $(((after - before) * 10)) ms in 1.5 s"
	ok "T124 $1: no hot loop" test $((after - before)) -lt 30
}

start runq mox-runq -w
wait_until mox-queue-list
for ((i = 0; i < 30; i++)); do add "later$i@x$i.example" >/dev/null; done
ok '30 messages, all tried once' wait_until attempted 1

ok 'T124 back a day' leap -86400
spins 'back a day'
is 'T124 nobody is bothered sooner' "$(tries later)" 30
a=$(add sent@y.example)
ok 'T124 new mail goes out' wait_until grep -q "^deliver $a" log
is 'T124 nothing is held' "$(col id -hold yes)" ''
ok 'T124 and back again' leap 86400
spins 'as before'
is 'T124 attempts are as they were' "$(col attempts | sort -u)" 1

ok 'T124 forward ten days' leap 864000
ok 'T124 what is due then is tried' wait_until attempted 2
is 'T124 ten days old after two attempts: nothing is given up' "$(col state | sort -u)" waiting
is 'T124 each attempt is counted, once' "$(col attempts | sort -u) $(tries later)" '2 60'
spins 'forward ten days'
ok 'T124 half an hour more' leap 1800
ok 'T124 what is due then is tried a third time' wait_until attempted 3
is 'T124 ten days old after three attempts, by a leap alone: nothing is given up' "$(col state | sort | uniq -c | tr -s ' ')" ' 30 waiting'
ok 'T124 and back' leap -864000
is 'T124 nothing is lost' "$(col id | wc -l)" 30
b=$(add sent@z.example)
ok 'T124 new mail goes out after all of it' wait_until grep -q "^deliver $b" log
spins 'ten days back'
stop runq

# Jitter: what failed in one instant is due in many (by the second, over two minutes: a few of the thirty meet by chance).
is 'T128 what failed together is not due together' "$(($(col next -j | sort -u | wc -l) > 15))" 1
done_testing
