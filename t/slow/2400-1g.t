#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# A message of 1 GB goes the whole way, by DATA (every 20th line begins with a dot) and by BDAT, in constant memory of each process; prints rates.
. "$(dirname "$0")/../lib.sh"
. "$TOP/t/mx.sh"
[ "$(df --output=avail -B1M "$T" | tail -1)" -gt 4000 ] || skip_all 'less than 4 GB free'
sink data -k 'PIPELINING,8BITMIME,SIZE 0'
sink bdat -k 'PIPELINING,8BITMIME,SIZE 0,CHUNKING'
export MOX_CONF=$T/mox.conf
cat >mox.conf <<X
hostname = "mx.test.example"
spool = "$T/spool"
max-message-size = "2G"
min-free = "0"
reserve = "0"
transport "data" { type = smtp host = "127.0.0.1" port = $PORT_data starttls = never loopback = true }
transport "bdat" { type = smtp host = "127.0.0.1" port = $PORT_bdat starttls = never loopback = true }
route { to = { "data.example" } transport = "data" }
route { transport = "bdat" }
X
size=$((1 << 30))
body() {
	printf 'Subject: large\n\n'
	{ yes 'some line of text, with a line end of its own, and so on until there is enough of it' |
		awk 'NR % 20 == 0 { print ".begins with a dot" } { print }'; } 2>/dev/null | head -c "$size"
}
peak() { # watches mox-deliver's children of the running mox-runq; greatest VmHWM in kB, until the file $T/over is there
	local max=0 p n i
	for ((i = 0; i < 3000; i++)); do
		[ -e "$T/over" ] && break
		for p in $(pgrep -x mox-deliver); do
			grep -qs "^MOX_CONF=$MOX_CONF\$" <(tr '\0' '\n' <"/proc/$p/environ") || continue
			n=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status" 2>/dev/null)
			[ "${n:-0}" -gt "$max" ] && max=$n
		done
		read -rt 0.1 <> <(:)
	done
	echo "$max" >"$T/peak"
}
for way in data bdat; do
	begin=$(date +%s%N)
	ok "$way: 1 GB into the queue, in 8 MB of memory" bash -c "$(declare -f body); size=$size; body | (ulimit -v 8192; mox-queue-add -q r@$way.example)"
	echo "# in: $((1024 * 1000000000 / ($(date +%s%N) - begin))) MB/s"
	rm -f over
	peak 2>/dev/null &
	begin=$(date +%s%N)
	ok "$way: delivered" timeout 280 mox-runq
	echo "# out: $((1024 * 1000000000 / ($(date +%s%N) - begin))) MB/s"
	touch over
	wait $!
	echo "# VmHWM of mox-deliver: $(cat peak) kB"
	ok "$way: each process in constant memory" test "$(cat peak)" -gt 0 -a "$(cat peak)" -lt 32768
	is "$way: nothing is left" "$(find spool/new spool/cur -type f)" ''
	stop "$way"
	sed -n 's/.*\(recipients=[0-9]*\).*\(bytes=[0-9]*\).*/# \1 \2/p' "$way.log" | tail -1
	ok "$way: all of it arrived" test "$(sed -n 's/.*bytes=\([0-9]*\).*/\1/p' "$way.log" | tail -1)" -gt $size
done
done_testing
