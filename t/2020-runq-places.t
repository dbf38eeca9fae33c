#!/bin/bash
# Places at work: with few workers for many sites nobody starves, and no place is lost. Each scenario once went wrong.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH

scenario() { # NAME LINES-OF-CONFIGURATION: a spool of its own
	d=$T/$1
	mkdir "$d"
	cat >"$d/conf" <<-X
		hostname = "me.example"
		spool = "$d/spool"
		retry { intervals = { "10m" } jitter = false }
		$2
	X
	echo 0 >"$d/clock"
	: >"$d/log"
	export MOX_CONF=$d/conf MOX_TEST_CLOCK=$d/clock FAKE_LOG=$d/log FAKE_GO=$d/go
}
up() {
	start runq mox-runq -w
	wait_until mox-queue-list
}
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
got() { [ "$(grep -c "^deliver .* $1 " "$d/log")" -ge 1 ]; }
row() { [ "$(mox-queue-list -id "$1" -o state)" = "$2" ]; }

scenario many 'workers = 4'
for i in {1..60}; do add "sent@d$i.example" >/dev/null; done
up
all() { [ "$(grep -c ^deliver "$d/log")" = 60 ]; }
s=$SECONDS
ok "T125 sixty sites share four places" wait_until all
ok "and an idle worker keeps none (a second each would be 15)" test $((SECONDS - s)) -lt 8
stop runq

for how in hold HUP; do
	scenario "starve-$how" 'workers = 1'
	up
	add slow@a.example >/dev/null
	wait_until got slow@a.example
	b=$(add sent@b.example) c=$(add sent@c.example)
	wait_until row "$c" due
	if [ $how = hold ]; then mox-queue-hold "$b" >/dev/null 2>&1; else kill -HUP "$PID_runq"; fi
	touch "$d/go"
	ok "T125 $how: who no longer wants his place does not keep the next one waiting" wait_until got sent@c.example
	stop runq
done

scenario pace 'workers = 1 site "*" { messages-per-minute = 1 }'
up
add sent@a.example >/dev/null
wait_until got sent@a.example
b=$(add sent@a.example)
wait_until row "$b" due
mox-queue-hold "$b" >/dev/null 2>&1
add sent@c.example >/dev/null
ok "a paced site keeps no place while it waits" wait_until got sent@c.example
stop runq

scenario stopping ''
add slow@x.example >/dev/null
add sent@nonet.y.example >/dev/null
up
wait_until got slow@x.example
kill -TERM "$PID_runq"
ticks() { awk '{print $14 + $15}' "/proc/$PID_runq/stat"; }
x=$(ticks)
read -rt 1 <> <(:)
ok "T126 stopping, it waits without burning the processor" test $(($(ticks) - x)) -lt 30
touch "$d/go"
wait "$PID_runq"
is "and ends well" "$?" 0

scenario expired 'site "*" { connections = 1 }'
up
add slow@a.example >/dev/null
wait_until got slow@a.example
b=$(add sent@a.example)
wait_until row "$b" due
echo 301 >"$d/clock"
c=$(add sent2@a.example)
wait_until row "$c" due
touch "$d/go"
both() { got sent@a.example && got sent2@a.example; }
ok "who joins others while their plan has expired goes with them" wait_until both
add sent3@a.example >/dev/null
ok "and those behind, too" wait_until got sent3@a.example
ok "by a mox-runq that is still the same" kill -0 "$PID_runq"
stop runq

scenario table ''
a=$(add later@x.example)
up
wait_until got later@x.example
wait_until row "$a" waiting
stop runq KILL
rm "$d/spool/index/rcpt.db"
mox-runq 2>/dev/null
echo 4000 >"$d/clock"
mox-runq 2>/dev/null
ok "T123 a table gone but its log still there: rebuilt, and tried again" test "$(grep -c "^deliver $a" "$d/log")" -ge 2

scenario hold ''
a=$(add later@x.example)
mox-queue-hold "$a" >/dev/null 2>&1
echo 500000 >"$d/clock"
mox-queue-release "$a" >/dev/null 2>&1
mox-runq 2>/dev/null
is "T124 the time in hold is no reason to give up" "$(mox-queue-list -id "$a" -o hold)" -
done_testing
