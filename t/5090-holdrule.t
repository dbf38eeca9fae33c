#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Hold rules: what comes in and what waits already is held, and a rule outlives the index; with scripted peers.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-holdrule "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 TZ=UTC
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
X
chmod 711 "$T"
echo 0 >clock
add() { mox-queue-add "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
col() { mox-queue-list "${@:2}" -o "$1" | tr '\t\n' '  ' | sed 's/ $//'; }
rules() { mox-holdrule list -o "${1:-rule,account,from,to,domain}" | tr '\t\n' ' ;' | sed 's/;$//'; }
alone() { flock spool/lock true; }
tried() { grep -c "^deliver .*$1" log; }
touch log

# ---- what is asked for ----
fails 100 "a rule says what it holds" mox-holdrule add
fails 100 "or all, alone" mox-holdrule add -all -account joe
fails 100 "no domain" mox-holdrule add -domain 'a b'
fails 100 "no address" mox-holdrule add -from nobody
fails 100 "twice the same" mox-holdrule add -domain a.example -domain b.example
fails 100 "no such rule" mox-holdrule remove 7
fails 100 "no number" mox-holdrule remove x
fails 100 "remove needs one" mox-holdrule remove
is "there are none" "$(rules)" ""

# ---- what waits already ----
a=$(add --account ann -f joe@example.org one@x.example two@y.example)
add --account bob -f '' three@sub.y.example >/dev/null
mox-queue-hold "$a.1" >/dev/null 2>&1
is "a dry run" "$(mox-holdrule add -dry-run -domain .Y.example -o rule,domain 2>&1)" $'1\t.y.example\nmox-holdrule: would hold 2'
is "adds nothing and holds nothing" "$(rules) $(col hold)" " o - -"
is "by domain and what is below" "$(mox-holdrule add -domain .y.example -o rule,domain 2>&1)" $'1\t.y.example\nmox-holdrule: held 2'
is "matching mail is held, and says why" "$(col rcpt,state,hold,error -hold r)" \
	"two@y.example held r held by rule 1 (domain .y.example) three@sub.y.example held r held by rule 1 (domain .y.example)"
is "so do the files" "$(find spool/cur -type f -exec grep -ah '^rcpt Tr' {} + | wc -l)" 2
is "the same rule again is the same" "$(mox-holdrule add -domain .Y.EXAMPLE 2>&1 | cut -f1 | tr '\n' ' ')" "1 mox-holdrule: held 0 "
mox-holdrule add -account ann -from @Example.org >/dev/null 2>&1
mox-holdrule add -from '<>' >/dev/null 2>&1
mox-holdrule add -to five@münchen.example >/dev/null 2>&1
is "list" "$(rules)" "1 - - - .y.example;2 ann @example.org - -;3 - <> - -;4 - - five@xn--mnchen-3ya.example -"
is "as JSON" "$(mox-holdrule list -j | python3 -c 'import json,sys
for l in sys.stdin:
    r = json.loads(l); print(r["rule"], r["account"], r["from"], r["since"] is not None)' | tr '\n' ';')" "1 None None True;2 ann @example.org True;3 None <> True;4 None None True;"

# ---- what comes in ----
alone
c=$(add --account ann -f joe@EXAMPLE.org six@z.example)
d=$(add --account bob -f joe@example.org seven@z.example five@xn--mnchen-3ya.example)
e=$(add --account bob -f '' eight@z.example)
timeout 30 mox-runq 2>err
is "held at the door: account and sender together, recipient, null sender" "$(col rcpt,hold,error -id "$c" -id "$d" -id "$e")" \
	"six@z.example r held by rule 2 (account ann, from @example.org) five@xn--mnchen-3ya.example r held by rule 4 (to five@xn--mnchen-3ya.example) eight@z.example r held by rule 3 (from <>)"
is "what no rule means goes" "$(tried seven@z.example) $(wc -l <log)" "1 1"
is "in the log" "$(grep -oE 'event=rule-held id=[^ ]* rcpt=[^ ]* rule=2' err)" "event=rule-held id=$c.1 rcpt=six@z.example rule=2"

# ---- an index built anew, and a kill ----
alone
find spool/index -type f ! -name '*.db' -delete
rm -f spool/index/rcpt.db
is "rules outlive the index" "$(rules rule)" "1;2;3;4"
is "and what they hold stays held" "$(col id -hold r | wc -w) $(col error -id "$c")" "5 held by a rule when it was queued"
alone
start runq mox-runq -w
wait_until test -S spool/ctl
mox-holdrule add -all >/dev/null 2>&1
stop runq KILL
f=$(add -f who@else.example nine@q.example)
timeout 30 mox-runq 2>err
is "what was answered stands after a kill" "$(col hold,error -id "$f")" "r held by rule 5 (all)"
is "everything is held" "$(wc -l <log)" 1

# ---- away with them ----
is "a dry run removes nothing" "$(mox-holdrule remove -dry-run 5 2>&1 | tail -n 1) $(rules rule)" \
	"mox-holdrule: still held by rules 6; mox-queue-release -hold r lets them go 1;2;3;4;5"
is "removing releases nothing by itself" "$(mox-holdrule remove 5 2 -o rule 2>&1 | tr '\n' ' ') $(col id -hold r | wc -w)" \
	"5 2 mox-holdrule: still held by rules 6; mox-queue-release -hold r lets them go  6"
fails 100 "one that is gone is an error, and the others stay" mox-holdrule remove 1 5
is "they do" "$(rules rule)" "1;3;4"
mox-holdrule add -account zoe >/dev/null 2>&1
is "a number is not given twice" "$(rules rule)" "1;3;4;6"
is "release lets them go, in spite of rules that stand" "$(mox-queue-release -hold r 2>/dev/null | wc -l) $(col id,error -id "$f")" "6 $f.1 -"
timeout 30 mox-runq 2>err
is "they are tried" "$(tried two@y.example) $(tried six@z.example) $(tried nine@q.example) $(col rcpt)" "1 1 1 one@x.example"
ok "nothing is wrong" mox-queue-check
is "what operators did is in the log" "$(grep -c 'event=rule-added rule=5' runq.log)" 1

# ---- being delivered, loaded ----
rm -f go
start runq mox-runq -w
wait_until mox-queue-list
g=$(add -f x@w.example slow-later@w.example)
wait_until grep -q slow-later log
h=$(add -f x@w.example slow@w.example)
is "mail that is being delivered is held from then on" "$(mox-holdrule add -from @w.example 2>&1 >/dev/null)" "mox-holdrule: held 2"
touch go
ok "its outcome comes in" wait_until grep -q "event=later id=$g.1" runq.log
is "and it is not tried again" "$(col hold,next -id "$g") $(col hold -id "$h")" "r - r"
stop runq

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && as_nobody test -x "$T/bin/mox-holdrule"; then
	start runq mox-runq -w
	wait_until mox-queue-list
	for what in list 'add -all' 'remove 1'; do
		# shellcheck disable=SC2086
		fails 100 "root and the spool's user only: $what" as_nobody mox-holdrule $what
	done
	is "nothing has changed" "$(rules rule)" "1;3;4;6;7"
	stop runq
else
	skip "not root" "others"
fi
done_testing
