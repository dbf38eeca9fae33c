#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# What is stuck? mox-queue-list -summary against a stand-in for mox-runq; and mox-queue-schedule -spread against mox-runq.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export TZ=UTC MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0
owner() { # NAME MODE [ROWS]
	mkdir "$T/$1"
	start "$1" "$TOP/t/fake-ctl" "$T/$1/ctl" "$T/$1.asked" "${@:2}"
	wait_until test -S "$T/$1/ctl"
}
# Now is 2027-01-15T08:00:00Z, 1800000000.
echo $((1800000000 - $(date +%s))) >clock
A=0d3k9v2x7m4qa B=0d3k9v2x7m4qb C=0d3k9v2x7m4qc
row() { printf 'id %s\nsender a@b.example\nrcpt %s\ndomain %s\nsite %s\nstate %s\nhold %s\nqueued %s\nnext %s\nattempts %s\nlast %s\ncode %s\nerror %s\nend\n' "$@"; }
t() { echo "$((1800000000 + $1))000000"; }
{
	row $A.1 u@x.example x.example mx.x.example waiting - "$(t -100000)" "$(t 750)" 5 "$(t -900)" 451 '4.7.1 [TSS04] from 192.0.2.1 deferred'
	row $A.2 v@x.example x.example mx.x.example waiting - "$(t -7200)" "$(t 900)" 3 "$(t -300)" 451 '4.7.1 [TSS09] from 192.0.2.7 deferred'
	row $A.3 w@y.example y.example '' held o "$(t -150)" 0 0 0 0 ''
	row $B.1 w@z.example z.example mx.x.example held r "$(t -200)" 0 1 "$(t -100)" 0 'no \x1b[Kroute to host'
	row $B.2 x@x.example x.example mx.x.example held r "$(t -200)" 0 1 "$(t -1000)" 0 old
	row $C.1 w@z.example z.example mx.z.example due - "$(t -86400)" "$(t -5)" 1 "$(t -99)" 421 '421 4.3.2 busy'
} | sed 's/^\(site\|error\|code\) *$/\1 /; /^code 0$/d; s/^next 0$//; /^$/d' >rows
owner q ok rows
export MOX_SPOOL=$T/q

is "domain: count, held, oldest, next, the newest error; the most first" "$(mox-queue-list -summary domain)" \
	"x.example	3	1	2027-01-14T04:13:20Z	2027-01-15T08:12:30Z	4.7.1 [TSS09] from 192.0.2.7 deferred
z.example	2	1	2027-01-14T08:00:00Z	2027-01-15T07:59:55Z	421 4.3.2 busy
y.example	1	1	2027-01-15T07:57:30Z	-	-"
is "site" "$(mox-queue-list --summary=site | cut -f1-3 | tr '\t\n' ' ;')" "mx.x.example 4 2;mx.z.example 1 0;not known yet 1 1;"
is "error: those that differ in numbers alone are one; codes stay" "$(mox-queue-list -summary error | cut -f1,2 | tr '\t\n' '=;')" \
	'451 4.7.1 * from * deferred=2;421 4.3.2 busy=1;no \x1b[Kroute to host=1;not tried yet=1;old=1;'
is "age, the youngest first" "$(mox-queue-list -summary age | cut -f1,2 | tr '\t\n' '=;')" "under 5m=3;1h to 4h=1;1d to 2d=2;"
is "who sends" "$(mox-queue-list -summary sender | cut -f1-3 | tr '\t\n' '  ') $(mox-queue-list -summary account | cut -f1,2)" $'a@b.example 6 3  no account\t6'
is "the largest two" "$(mox-queue-list -summary domain -n 2 | cut -f1,2 | tr '\t\n' '=;')" "x.example=3;z.example=2;"
ok "the owner is asked for all rows, for -n counts groups" bash -c '! grep -q limit q.asked'
is "with a selection" "$(rm q.asked; mox-queue-list -summary domain -state waiting >/dev/null; sed -n 2p q.asked)" "sel state waiting"
is "JSON: numbers are numbers, nothing is null" "$(mox-queue-list -summary domain -j | tail -n 1)" \
	'{"domain":"y.example","count":1,"held":1,"oldest":"2027-01-15T07:57:30Z","next":null,"error":null}'
for bad in 'size' 'result' 'domain -o id' 'domain -sort size' 'domain -desc' 'domain -mailq -j'; do
	# shellcheck disable=SC2086
	fails 100 "no summary: $bad" mox-queue-list -summary $bad
done
owner empty ok 0
is "an empty queue has none" "$(MOX_SPOOL=$T/empty mox-queue-list -summary domain)" ""

if command -v script >/dev/null; then
	screen() { script -qec "stty cols $1 -opost; mox-queue-list -summary $2" /dev/null </dev/null; }
	is "on a terminal, in words" "$(screen 80 domain)" "x.example: 3 recipients, 1 of them held; the oldest 27h; next attempt in 12m
    451 4.7.1 [TSS09] from 192.0.2.7 deferred
z.example: 2 recipients, 1 of them held; the oldest 24h; next attempt now
    421 4.3.2 busy
y.example: 1 recipient, held; the oldest 2m"
	is "errors stand for themselves" "$(screen 80 error | head -n 2)" \
		"451 4.7.1 * from * deferred: 2 recipients; the oldest 27h; next attempt in 12m
421 4.3.2 busy: 1 recipient; the oldest 24h; next attempt now"
	is "what is hidden in them is shown" "$(screen 80 error | grep -c '^no \\x1b\[Kroute')" 1
	is "no line is longer than the screen" "$(screen 30 error | awk '{ if (length($0) > n) n = length($0) } END { print n <= 30 }')" 1
else
	skip "no script(1)" "terminals"
fi

# ---- spread ----
rm q.asked
mox-queue-schedule -spread 1h 2h $A >/dev/null 2>&1
is "spread is asked for" "$(grep '^set spread' q.asked)" "set spread 3600000000"
fails 100 "no span" mox-queue-schedule -spread 0 now $A
fails 100 "no duration" mox-queue-schedule -spread often now $A
stop q
echo 'idle = "1s"' >conf
export MOX_SPOOL=$T/real MOX_CONF=$T/conf
for _ in {1..40}; do printf 'From: <a@b.example> n@x.example\n\nbody\n' | mox-queue-add -f a@b.example n@x.example m@x.example >/dev/null; done
is "spread from now" "$(mox-queue-schedule -spread 1h -all 2h 2>&1 >/dev/null)" "mox-queue-schedule: scheduled 80"
mox-queue-list -o next,id >nexts
counts=$(python3 - <<'END'
import datetime, time
n, ids = [], {}
for l in open('nexts'):
    t, i = l.split('\t')
    t = (datetime.datetime.fromisoformat(t.replace('Z', '+00:00')).timestamp() - 1800000000) / 60
    n.append(t); ids.setdefault(i.split('.')[0], set()).add(t)
print(len(n), all(119 <= t <= 182 for t in n), max(len(v) for v in ids.values()), len(ids), min(sum(a <= t < a + 20 for t in n) for a in (120, 140, 160)) > 4)
END
)
is "over the span from the time given, all over it, and a message's recipients together" "$counts" "80 True 1 40 True"
mox-queue-hold -all >/dev/null 2>&1
is "and release spreads, too" "$(mox-queue-release -spread 1h -all 2>&1 >/dev/null) $(mox-queue-list -next '>20m' -next '<40m' | wc -l | grep -c '^[1-4].$')" "mox-queue-release: released 80 1"
mox-queue-list -o id,next >nexts
wait_until flock -n real/lock true
mv real/index index.gone
mox-queue-list -o id,next >again
ok "which a lost index does not lose" cmp nexts again
is "without it, all at once" "$(mox-queue-schedule -all 2h 2>/dev/null >&2; mox-queue-list -o next | sort -u | wc -l)" 1
done_testing
