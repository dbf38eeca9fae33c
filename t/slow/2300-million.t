#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# T125: a million recipients queued (1,000 messages of 1,000): intake, the first screen of a listing, start after a clean end, after kill -9 and
# with the index thrown away; memory bounded, and new mail delivered meanwhile. Prints what each took.
. "$(dirname "$0")/../lib.sh"
. "$TOP/t/mx.sh"
MESSAGES=${MESSAGES:-1000}
ROWS=$((MESSAGES * 1000))
sink live -o "$T/live.taken"
export MOX_CONF=$T/mox.conf
cat >mox.conf <<X
hostname = "mx.test.example"
max-messages-per-day = 0
max-first-recipients-per-day = 0
suppress { automatic = false }
spool = "$T/spool"
min-free = "0"
log-level = info
retry { intervals = { "10h" } }
transport "dead" { type = smtp host = "127.0.0.1" port = $(free_port) starttls = never loopback = true }
transport "live" { type = smtp host = "127.0.0.1" port = $PORT starttls = never loopback = true }
route { to = { "live.example" } transport = "live" }
route { transport = "dead" }
X
long() { # SECONDS COMMAND...: wait_until with a longer end
	local end=$((SECONDS + $1))
	shift
	while [ "$SECONDS" -lt "$end" ]; do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.5 <> <(:)
	done
	return 1
}
now() { date +%s%3N; }
since() { echo "# $1: $(($(now) - $2)) ms"; }
run() { # NAME: starts mox-runq, log in $T/NAME.log
	start "$1" mox-runq -w
	RUNQ=$1 v=PID_$1 PID=${!v}
}
live() { # NAME: a message of its own, within 2 s
	local start
	start=$(now)
	mox-queue-add -q "${1// /-}@live.example" <<<$'Subject: x\n\nlive'
	wait_until grep -q "${1// /-}@" "$T/live.taken"
	since "$1: new mail was delivered after" "$start"
	ok "T125 $1: new mail is not delayed" test $(($(now) - start)) -lt "${2:-2000}"
}
first_screen() {
	local start n
	start=$(now)
	n=$(timeout 60 mox-queue-list -n 50 | wc -l)
	since "$1: first screen" "$start"
	is "T125 $1: first screen at once" "$n $(($(now) - start < 1000))" '50 1'
}
memory() {
	local peak
	peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status")
	echo "# $1: VmHWM $((peak / 1024)) MB"
	ok "T125 $1: memory under 64 MB" test "${peak:-999999}" -lt 65536
}
compared() { grep -q event=compared "$RUNQ.log"; }
taken_in() { [ -z "$(find spool/new -type f -print -quit)" ]; }
rows() { mox-queue-list -domain .gone.example -o id | wc -l; }

run first
wait_until mox-queue-list -n 1
t=$(now)
rcpts=$(for ((i = 1; i <= 1000; i++)); do echo "rcpt recipient$i@site$((i % 100)).gone.example"; done)
is 'accepted' "$(for ((i = 0; i < MESSAGES; i++)); do printf 'sender s@test.example\n%s\nsize 14\nend\nSubject: x\r\n\r\n' "$rcpts"; done |
	mox-queue-add -B | grep -c '^id ')" "$MESSAGES"
since "accepted" "$t"
live 'during intake' 30000 # it stands behind the others in new/
ok 'all is taken in' long 300 taken_in
since "intake of $ROWS" "$t"
first_screen 'full'
live 'full'
memory 'intake'
t=$(now)
is 'all are listed' "$(rows)" "$ROWS"
since 'listing all' "$t"

t=$(now)
stop first
since 'clean end' "$t"
t=$(now)
run clean
first_screen 'after a clean end'
since 'start after a clean end, with its first screen' "$t"
live 'after a clean end'
memory 'after a clean end'

stop clean KILL
t=$(now)
run killed
first_screen 'killed'
live 'while comparing'
ok 'T121 killed: compared' long 300 compared
since 'start after kill -9, until compared' "$t"
like 'T121 nothing was amiss' "$(grep event=compared killed.log)" 'dropped=[01] added=0' # a row whose file went just before the kill
memory 'killed'
is 'T121 killed: all are there' "$(rows)" "$ROWS"

stop killed
rm -rf spool/index
t=$(now)
run rebuilt
live 'while rebuilding'
ok 'T123 rebuilt' long 300 compared
since "rebuilding $ROWS" "$t"
memory 'rebuilt'
is 'T123 rebuilt: all are there' "$(rows)" "$ROWS"
before=$(awk '{print $14 + $15}' "/proc/$PID/stat")
read -rt 3 <> <(:)
echo "# CPU: $((($(awk '{print $14 + $15}' "/proc/$PID/stat") - before) * 10)) ms in 3 s"
ok 'T125 it waits quietly' test $(($(awk '{print $14 + $15}' "/proc/$PID/stat") - before)) -lt 100
done_testing
