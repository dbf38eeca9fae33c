#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# T125: much mail for dead sites does not delay mail for others, and its memory is bounded. BACKLOG messages to a site where nobody listens, as
# many to one that never answers; t/slow/2200-fairness.t is this with 100,000.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
BACKLOG=${BACKLOG:-5000}
DEAD=$(free_port)
sink live -o "$T/live.taken"
# Listens, and never accepts; its backlog is 1, so that further connections hang, too.
start hole python3 -c 'import socket,time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1)
print("listening", s.getsockname()[1], flush=True)
time.sleep(600)'
wait_until grep -q listening hole.log
HOLE=$(sed -n 's/^listening //p' hole.log)
export MOX_CONF=$T/mox.conf
relay() { echo "transport \"$1\" { type = smtp host = \"127.0.0.1\" port = $2 starttls = never loopback = true }"; }
cat >mox.conf <<X
hostname = "mx.test.example"
max-messages-per-day = 0
max-first-recipients-per-day = 0
spool = "$T/spool"
min-free = "0"
retry { intervals = { "5m" } }
timeouts { connect = "2s" greeting = "2s" }
$(relay dead "$DEAD")
$(relay hole "$HOLE")
$(relay live "$PORT_live")
route { to = { ".dead.example" } transport = "dead" }
route { to = { ".hole.example" } transport = "hole" }
route { transport = "live" }
X
# COUNT DOMAIN: a stream for mox-queue-add -B
backlog() { awk -v n="$1" -v d="$2" 'BEGIN { for (i = 1; i <= n; i++) printf "sender s@test.example\nrcpt r%d@%s\nsize 14\nend\nSubject: x\r\n\r\n", i, d }'; }
live_delay() { # NAME: ms from acceptance to the sink
	local start
	start=$(date +%s%3N)
	mox-queue-add -q "$1@live.example" <<<$'Subject: x\n\nlive' || return
	wait_until grep -q "$1@" "$T/live.taken" || return
	echo $(($(date +%s%3N) - start))
}
quick() { # NAME DELAY
	echo "# $1: delivered after $2 ms"
	ok "T125 $1: not delayed" test "${2:-99999}" -lt "${DELAY_MAX:-5000}"
}
cpu() { awk '{print ($14 + $15) * 10}' "/proc/$PID_runq/stat"; } # ms
rows() { mox-queue-list -o id | wc -l; }

start runq mox-runq -w
wait_until mox-queue-list -n 1
for d in one.dead.example two.hole.example; do
	is "$d: $BACKLOG messages" "$(backlog "$BACKLOG" $d | mox-queue-add -B | grep -c '^id ')" "$BACKLOG"
	quick "while $d's are taken in" "$(live_delay "early-$d")"
done
taken_in() { [ -z "$(find spool/new -type f -print -quit)" ]; }
for ((i = 0; i < 10; i++)); do wait_until taken_in && break; done
ok 'all is taken in' taken_in
ok 'T125 both sites are found to be down' wait_until bash -c "[ \$(grep -o 'event=site-down site=[^ ]*' runq.log | sort -u | wc -l) = 2 ]"
quick 'with both down' "$(live_delay late)"
tried() { mox-queue-list -attempts '>0' -domain ".$1.example" -o id | wc -l; }
for d in dead hole; do
	echo "# attempts for the $d site: $(tried $d)"
	ok "T125 the $d site costs single probes" test "$(tried $d)" -le 3
done
is 'all of it is queued' "$(rows)" $((2 * BACKLOG))
before=$(cpu)
read -rt 2 <> <(:)
used=$(($(cpu) - before))
echo "# CPU in 2 s: $used ms"
ok 'T125 and waits without a hot loop' test "$used" -lt 500
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID_runq/status")
echo "# VmHWM $((peak / 1024)) MB"
case $MOX_OUT in
*asan* | *ubsan*) skip 'sanitizers need memory' 'T125 memory' ;;
*) ok 'T125 memory stays under 64 MB' test "$peak" -lt 65536 ;;
esac
done_testing
