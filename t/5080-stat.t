#!/bin/bash
# mox-stat and spool/metrics.prom: what is counted, that it goes on over restarts, and that others can read it.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-stat "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
echo 0 >clock
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m" } jitter = false }
transport "relay" { type = smtp host = "127.0.0.1" }
route { to = { "relayed.example" } transport = "relay" }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
# value NAME{LABELS}: its value in the last output
value() { awk -v n="$1 " 'index($0, n) == 1 { print $NF }' stat; }

mkdir -p empty && MOX_SPOOL=$T/empty mox-stat -last >out 2>said
is "nothing was ever written" "$? $(cat out said)" "111 mox-stat: unable to read $T/empty/metrics.prom: mox-runq has not written it yet"
add sent@a.example sent2@a.example later@b.example >/dev/null
add never@c.example >/dev/null
add sent@relayed.example >/dev/null
held=$(add x@d.example)
mox-queue-hold "$held" >/dev/null 2>&1
forward 100
pass
cp spool/metrics.prom stat
is "messages taken in, notices too" "$(value mox_queue_received_total)" 5
is "recipients sent" "$(value 'mox_queue_result_total{result="sent"}')" 4
is "that wait for another attempt" "$(value 'mox_queue_result_total{result="later"}')" 1
is "that failed" "$(value 'mox_queue_result_total{result="failed"}')" 1
is "attempts by transport" "$(value 'mox_queue_delivery_duration_seconds_count{attempt="1",transport="relay",tlsmode="-",result="ok"}')" 1
is "the time to the end" "$(value 'mox_queue_time_seconds_bucket{result="sent",tlsmode="-",transport="direct",le="30"}') $(value 'mox_queue_time_seconds_bucket{result="sent",tlsmode="-",transport="direct",le="120"}')" "1 3"
is "the end of a pass counts what waits" "$(value 'mox_queue_recipients{state="waiting"}') $(value 'mox_queue_hold') $(value mox_queue_messages)" "1 1 2"
is "by site" "$(grep -c '^mox_queue_site_recipients{site="mx.b.example"} 1$' stat)" 1
ok "the oldest" test "$(value mox_queue_oldest_seconds | cut -d. -f1)" -ge 100
is "anybody may read it" "$(stat -c %a spool/metrics.prom)" 644
forward 601
pass
cp spool/metrics.prom stat
is "counters go on in the next pass" "$(value 'mox_queue_result_total{result="later"}') $(value mox_queue_received_total)" "2 5"
is "attempts are numbered" "$(value 'mox_queue_delivery_duration_seconds_count{attempt="2",transport="direct",tlsmode="-",result="temperror"}')" 1

mox-queue-release "$held" >/dev/null 2>&1
ok "mox-stat counts when nobody delivers" mox-stat
mox-stat >stat
is "what is released is due" "$(value 'mox_queue_recipients{state="due"}') $(value mox_queue_hold)" "1 0"
start runq mox-runq -w
written() { forward 15; cp spool/metrics.prom stat; [ "$(value mox_queue_messages)" = 1 ]; }
ok "a running mox-runq writes it by itself" wait_until written
# A name server may say anything: names are labels, and labels are text.
hostile='site="mx.a\"b\\}?#?é{le=w.example"'
add later@hostile.w.example >/dev/null
named() { mox-stat | grep -qF "$hostile"; }
ok "a hostile name of a host is counted" wait_until named
if promtool=$("$TOP/t/peers/promtool" 2>said); then
	mox-stat >stat
	is "and promtool accepts it" "$("$promtool" check metrics <stat 2>&1)" ""
fi
mox-stat >stat
ok "the oldest, whatever is younger" test "$(value mox_queue_oldest_seconds | cut -d. -f1)" -ge 700
mox-queue-drop -domain hostile.w.example >/dev/null 2>&1
mox-stat >stat
is "and when it is asked" "$(value mox_queue_messages)" 1
stop runq
is "the last is shown without asking" "$(mox-stat -last | cmp - spool/metrics.prom && echo same)" same
fails 100 "nothing else is taken" mox-stat now
echo 'mox_queue_received_total{x 7' >spool/metrics.prom
pass
cp spool/metrics.prom stat
is "what cannot be read is counted from the start" "$(grep -c '^mox_queue_received_total' stat)" 0

if /usr/bin/python3 -c 'import prometheus_client.parser' 2>/dev/null; then
	mox-stat >stat
	is "Python's prometheus_client reads it" "$(/usr/bin/python3 -c 'if 1:
		import sys
		from prometheus_client.parser import text_string_to_metric_families as f
		print(len([m.name for m in f(open("stat").read())]) >= 10)')" True
else
	skip "python3-prometheus-client is not here" "Python reads it"
fi
if promtool=$("$TOP/t/peers/promtool" 2>said); then
	mox-stat >stat
	is "promtool accepts it" "$("$promtool" check metrics <stat 2>&1)" ""
	is "what is written into the spool, too" "$("$promtool" check metrics <spool/metrics.prom 2>&1)" ""
	ok "and the rules for alerts" "$promtool" check rules "$TOP/contrib/prometheus/mox.rules.yml"
	cp "$TOP/contrib/prometheus/mox.rules.yml" "$TOP/t/refs/mox.rules.test.yml" .
	ok "each alert comes when it is due, and only then" "$promtool" test rules mox.rules.test.yml
	is "none is left out" "$(sed -n 's/.*- alert: //p' mox.rules.yml | while read -r a; do grep -q "alertname: $a\$" mox.rules.test.yml || echo "$a"; done)" ""
	# Each metric that a rule asks for is one of ours.
	is "rules ask for what there is" "$(grep -v '^#' mox.rules.yml | grep -oE 'mox_[a-z_]+' | sort -u | while read -r x; do
		grep -q "\"$x\"" "$TOP/lib/queue/metrics.c" || echo "$x"; done)" ""
else
	skip "$(cat said)" "promtool"
fi
done_testing
