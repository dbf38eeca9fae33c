#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-tlsrpt-send parse -k: what others tell of TLS to us, kept within bounds, counted once, and shown.
. "$(dirname "$0")/lib.sh"
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock TZ=UTC ASAN_OPTIONS=detect_leaks=0
begin=1795219200 # 2026-11-21
at() { echo $((begin + $1 - $(date +%s))) >clock; }
at 3600
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-stat "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-tlsrpt-send bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
printf 'hostname = "mail.our.example"\nspool = "%s/spool"\n' "$T" >conf
mkdir -m 711 spool
mkdir -m 700 spool/tlsrpt
in=spool/tlsrpt-in
# report ORGANIZATION ID DAY [DOMAIN OK FAILED [TYPE [RESULT]]]
report() {
	printf '{"organization-name":"%s","report-id":"%s","date-range":{"start-datetime":"%sT00:00:00Z","end-datetime":"%sT23:59:59Z"},"policies":[' "$1" "$2" "$3" "$3"
	printf '{"policy":{"policy-type":"%s","policy-domain":"%s"},"summary":{"total-successful-session-count":%s,"total-failure-session-count":%s},' \
		"${7:-sts}" "${4:-our.example}" "${5:-10}" "${6:-0}"
	printf '"failure-details":[{"result-type":"%s","failed-session-count":%s}]}]}' "${8:-certificate-expired}" "${6:-0}"
}
keep() { timeout 60 mox-tlsrpt-send parse -k "$@"; }
show() { mox-tlsrpt-send --day "${1:-20261120}" show | grep '^in' | cut -f 2- | tr '\t\n' ' ;'; }
sum() { sed -n "s/^sessions \([0-9]*\) $1 $2$/\1/p" $in/counters; }

# ---- kept ----
report 'Google Inc.' g1 2026-11-20 our.example 1523 3 | gzip | keep - >out
is "a report is kept, and nothing said" "$? $(cat out)" "0 "
is "by the day it is about" "$(sed '/^at /d' $in/20261120)" 'report 1
from Google\x20Inc. g1
tls 1523 sts our.example ok
tls 3 sts our.example certificate-expired
end'
is "for the owner alone" "$(stat -c %a $in $in/*| paste -sd' ')" "700 600 600"
report 'Google Inc.' g1 2026-11-20 our.example 1523 3 | keep -
is "again: counted once" "$? $(show)" "0 Google Inc. our.example sts 1523 3 certificate-expired 3;"
report 'Microsoft' g1 2026-11-20 mx.Our.example. 7 0 tlsa >m.json
report 'Google Inc.' g2 2026-11-20 our.example 100 2 sts validation-failure >g.json
keep m.json g.json
is "another's with the same id, and another id" "$? $(show)" \
	"0 Google Inc. our.example sts 1623 5 certificate-expired 3;Microsoft mx.our.example tlsa 7 0 -;"
is "both directions are shown" "$(echo 'tls 4 no-policy-found fine.example ok' >spool/tlsrpt/20261120
mox-tlsrpt-send --day 20261120 show | cut -f 1-3,5 | tr '\t\n' ' ;')" "out - fine.example 4;in Google Inc. our.example 1623;in Microsoft mx.our.example 7;"
is "counters have the sum" "$(sed '/^at /d' $in/counters | paste -sd';')" \
	"counters 1;reports 3;sessions 7 tlsa ok;sessions 1623 sts ok;sessions 3 sts certificate-expired;sessions 2 sts validation-failure;end"

# ---- many at once ----
# Each of 15 reports twice, by 30 writers.
for i in {1..30}; do
	report "Many" "m$((i % 15))" 2026-11-19 our.example 1 1 no-policy-found failed | keep - &
	p[i]=$!
done
all=0
for i in {1..30}; do wait "${p[i]}" || all=1; done
is "thirty writers of fifteen reports: each is there once" "$all $(grep -c ^report $in/20261119) $(show 20261119)" "0 15 Many our.example no-policy-found 15 15 failed 15;"
is "and counted" "$(sum no-policy-found ok) $(grep ^reports $in/counters)" "15 reports 18"

# ---- what strangers try ----
refused() { # WHY NAME: standard input
	keep - >out 2>err
	is "$2" "$? $(cat out err)" "100 mox-tlsrpt-send: unable to keep the report from -: $1"
}
before=$(cat $in/* | cksum)
refused "it is about no day of the last ten" "a day long past" < <(report x old 2026-11-11)
refused "it is about no day of the last ten" "a day to come" < <(report x new 2026-11-23)
refused "it is about no day of the last ten" "no day at all" < <(report x none yesterday)
echo hello | keep - 2>err
is "what is no report" "$? $(cat err)" "100 mox-tlsrpt-send: unable to read a report from -: it has no part that is a report, and is none itself"
is "leave nothing" "$(cat $in/* | cksum)" "$before"
for d in 2026-11-12 2026-11-21 2026-11-22; do
	report x "$d" $d | keep -
	is "$d is taken" "$? $(show "$d")" "0 x our.example sts 10 0 -;"
done
report x zone 2026-11-21 | sed 's/2026-11-21T00:00:00Z/2026-11-20T05:00:00Z/; s/2026-11-21T23:59:59Z/2026-11-21T04:59:59Z/' | keep -
like "whose day begins with its own midnight: where the middle of it is" "$(show)" 'x our\.example sts 10'
report 'a\nend\nreport 1' 'x\u202e\\' 2026-11-18 '../\u0001 x' 9007199254740993 -5 Strange Other | keep -
is "texts stay in their lines, numbers are bounded" "$(sed '/^at /d' $in/20261118)" 'report 1
from a\x0aend\x0areport\x201 x'$'\u202e''\x5c
tls 1000000000 other - ok
end'
/usr/bin/python3 -c 'import json; print(json.dumps({"organization-name": "n" * 9999, "report-id": "i" * 9999,
	"date-range": {"start-datetime": "2026-11-17T00:00:00Z"}, "policies": [{"policy": {"policy-type": "sts", "policy-domain": f"d{i}.example"},
	"summary": {"total-successful-session-count": 1}} for i in range(5000)]}))' | keep -
is "a hundred rows of a report" "$(grep -c ^tls $in/20261117) $(grep '^tls 4900' $in/20261117)" "101 tls 4900 sts - ok"
yes 'tls 1 sts some.example ok' | head -c 4194250 >$in/20261116
refused "there are too many reports about that day" "a day that is full" < <(report x full 2026-11-16)
printf 'report 1\nat 5\nfrom cut cut\ntls 7 sts cut.example ok\ntls 99' >$in/20261115
report x behind 2026-11-15 | keep -
is "behind what a crash cut" "$(show 20261115)" "cut cut.example sts 7 0 -;x our.example sts 10 0 -;"
printf 'counters 1\nreports x\nsess\377' >$in/counters
report x more 2026-11-15 | keep -
is "counters that cannot be read begin anew" "$(grep ^reports $in/counters) $(sum sts ok)" "reports 1 10"
at $((9 * 86400))
report x later 2026-11-29 | keep -
is "days before the last ten are removed" "$(cd $in && echo 2*)" "20261121 20261122 20261129"
at 3600

# ---- who may ----
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$T"
	mkdir -m 711 owned && chown 54321:54322 owned
	printf 'hostname = "m"\nspool = "%s/owned"\n' "$T" >owned.conf
	report x root 2026-11-20 | mox-tlsrpt-send -C owned.conf parse -k -
	is "root becomes who owns the spool" "$? $(stat -c %u:%g owned/tlsrpt-in owned/tlsrpt-in/* | sort -u)" "0 54321:54322"
	report x other 2026-11-20 >theirs.json
	chmod 644 theirs.json owned.conf
	setpriv --reuid 54323 --regid 54323 --clear-groups "$T/bin/mox-tlsrpt-send" -C owned.conf parse -k - <theirs.json 2>err
	is "another may not: later" "$? $(cat err)" "111 mox-tlsrpt-send: unable to open $T/owned/tlsrpt-in: Permission denied"
	MOX_TEST_CLOCK=$T/clock setpriv --reuid 54321 --regid 54322 --clear-groups "$T/bin/mox-tlsrpt-send" -C owned.conf parse -k theirs.json
	is "the spool's user may" "$? $(grep -c ^report owned/tlsrpt-in/20261120)" "0 2"
else
	skip "not root" "who may"
fi
if mox-doctor sandbox >/dev/null 2>&1 || grep -q landlock /sys/kernel/security/lsm 2>/dev/null; then
	report x strace 2026-11-20 >s.json
	strace -f -qq -e trace=landlock_restrict_self,read -o trace "$T/bin/mox-tlsrpt-send" parse -k - <s.json
	is "the files are shut before a byte is read" "$(grep -n -e landlock_restrict_self -e 'organization-name' trace | head -2 | grep -o 'landlock_restrict_self\|organization' | paste -sd' ')" "landlock_restrict_self organization"
else
	skip "no landlock" "the files are shut"
fi
fails 100 "-k and -j" mox-tlsrpt-send parse -k -j x.json

# ---- shown ----
rm -rf $in
mox-queue-report >none.html
is "without reports the page has no such part" "$("$TOP/t/fake/page-check.py" none.html)$(grep -c 'id="told' none.html)" 0
report 'Google Inc.' g1 2026-11-20 our.example 1523 3 | keep -
report 'Google Inc.' g2 2026-11-19 our.example 1000 2 sts validation-failure | keep -
report '<b>evil</b>\u202e' 1 2026-11-20 '<script>' 1 0 | keep -
echo 'tls 5 tlsa mx.twice.example tlsa-invalid for=a.example
tls 5 tlsa mx.twice.example tlsa-invalid for=b.example also=yes' >spool/tlsrpt/20261121
mox-queue-report >page.html
is "a table of who says what" "$("$TOP/t/fake/page-check.py" page.html 'What others say of TLS to us' 'From 3 reports, which nobody has checked.' '<b>evil</b>\xe2\x80\xae')" ""
like "failures by type" "$(tr -d '\n' <page.html)" 'Google Inc\.</bdi></th><td class="who"><bdi>our\.example</bdi></td><td class="n" data-l="fine">2,523</td><td class="n" data-l="failed">5</td><td class="says"><span class="said">certificate-expired 3</span>, <span class="said">validation-failure 2</span></td>'
like "T53 a session of two recipient domains is one of its mail host" "$(cat page.html)" 'mx\.twice\.example: tlsa-invalid</bdi> <span class="n">5<'
mox-queue-report -since 1h >page.html
is "-since" "$("$TOP/t/fake/page-check.py" page.html 'What others say of TLS to us' 'From 2 reports')$(grep -c 2,523 page.html)" 0
mox-queue-report -domain x.example >page.html
is "not on a page of some mail" "$(grep -c 'id="told' page.html)" 0
value() { awk -v n="$1 " 'index($0, n) == 1 { print $NF }' stat; }
timeout 20 mox-runq 2>err
mox-stat -last >stat
is "mox-stat" "$(value mox_tlsrpt_received_reports_total) $(value 'mox_tlsrpt_received_sessions_total{policy="sts",result="ok"}') $(value 'mox_tlsrpt_received_sessions_total{policy="sts",result="certificate-expired"}')" "3 2524 3"
like "and when the last came" "$(value mox_tlsrpt_received_time_seconds)" '^17952[0-9]*'
report x more 2026-11-20 our.example 5 | keep -
mox-stat >stat
is "what has come since, too" "$(value mox_tlsrpt_received_reports_total) $(value 'mox_tlsrpt_received_sessions_total{policy="sts",result="ok"}')" "4 2529"
printf 'counters 1\nreports 99\n' >$in/counters
mox-stat >stat
is "of what is not whole nothing is believed" "$(value mox_tlsrpt_received_reports_total)" 4
ok "mox-queue-check knows it" mox-queue-check
unlike "and has nothing to say of it" "$(cat .out)" tlsrpt-in
done_testing
