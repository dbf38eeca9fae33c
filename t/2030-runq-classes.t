#!/bin/bash
# Mail of different demands on its way: classes by the recipient's mark, plans that fit each other, workers that know authorities.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_CAREFUL=$T/careful FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_ASKS=$T/asks FAKE_JOBS=$T/jobs MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
echo 0 >clock
cat >conf <<X
hostname = "me.example"
max-messages-per-day = 0
max-first-recipients-per-day = 0
spool = "$T/spool"
retry { intervals = { "10m" } jitter = false }
transport "relay" { type = smtp host = "127.0.0.1" }
route { to = { "relayed.example" } transport = "relay" }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
fresh() { rm -f jobs asks && touch jobs asks; }
jobs_out() { sort jobs | tr '\n' ';'; }
asked() { sort asks | tr '\n' ';'; }
col() { mox-queue-list -id "$1" -o "$2" | tr '\n' ' ' | sed 's/ $//'; }
forward() { echo $(($(cat clock) + $1)) >clock; }
requiretls() { mox-queue-requiretls "$@" >/dev/null 2>&1; }
nothing_queued() { [ -z "$(find spool/cur spool/new -type f)" ]; }

fresh
add a@x.example b@must.x.example c@y.x.example >/dev/null
pass
is "plans that demand the same share a job, others at the same site do not" "$(jobs_out)" \
	"no - - may a@x.example,c@y.x.example;no - - must b@must.x.example;"
fresh
add a@dane.x.example b@must.x.example c@sts.x.example d@sts.y.x.example >/dev/null
pass
is "T101 nor do two policies" "$(sed 's/^[a-z]* //' jobs | sort | tr '\n' ';')" \
	"- - dane a@dane.x.example;- - must b@must.x.example;- enforce sts c@sts.x.example;- enforce sts d@sts.y.x.example;"
is "who is bound by one has a worker that knows authorities" "$(grep -c '^yes - enforce' jobs)" 2
fresh
add a@testing.x.example >/dev/null
pass
is "a policy under test needs authorities, too" "$(jobs_out)" "yes - testing may a@testing.x.example;"

fresh
for i in $(seq 1 100); do echo "r$i-$(printf 'x%.0s' {1..50})@large.$(printf 'y%.0s' {1..60}).example"; done >rcpts
for i in 1 2 3 4; do xargs -a rcpts mox-queue-add -q -f s@me.example < <(printf 'Subject: x\n\nbody\n'); done
start runq0 mox-runq -w
large_done() { [ "$(wc -l <"jobs")" = 4 ]; }
ok "large plans with many recipients, one job behind the other" wait_until large_done
ok "and none of them lost" wait_until nothing_queued
stop runq0

# ---- workers ----
fresh
start runq mox-runq -w
add a@z.example >/dev/null
wait_until grep -q a@z jobs
add slow@z.example >/dev/null
wait_until grep -q slow@z jobs
add b@sts.z.example >/dev/null
ok "a worker without authorities gets no job that needs them: another is made" wait_until grep -q 'b@sts.z' jobs
is "and it has them" "$(grep b@sts.z jobs)" "yes - enforce sts b@sts.z.example"
touch go
add c@z.example >/dev/null
wait_until grep -q c@z jobs
is "the old one gets no more" "$(grep c@z jobs)" "yes - - may c@z.example"
ok "all is delivered" wait_until nothing_queued
stop runq

fresh
add a@m.example >/dev/null
pass
add careful@n.example b@n.example >/dev/null
start runq3 mox-runq -w
wait_until grep -q careful@n log
add c@n.example >/dev/null
wait_until grep -q c@n.example log
add d@m.example >/dev/null
wait_until grep -q d@m.example log
is "T133 what a worker found of a site, its next ones are told" "$(tr '\n' ';' <careful)" "c@n.example;"
stop runq3

fresh
rm -f go
echo 'site "*" { connections = 1 }' >>conf
start runq4 mox-runq -w
add slow@p.example >/dev/null
wait_until grep -q slow@p jobs
add b@p.example a@brief.p.example >/dev/null
wait_until grep -q brief asks
forward 5
sleep 0.6 # longer than a message waits for another plan
touch go
ok "all is delivered once the site is free" wait_until nothing_queued
is "whose plan has run out meanwhile is asked for anew, and does not go by the plan of another" "$(grep -c brief asks)" 2
stop runq4
sed -i '/^site/d' conf

# ---- classes ----
fresh
a=$(add a@x.example b@x.example c@x.example d@relayed.example e@relayed.example)
requiretls yes "$a.1" "$a.4"
requiretls no "$a.2"
is "the row shows the mark" "$(col "$a" id,requiretls | tr '\t' ' ')" "$a.1 yes $a.2 no $a.3 - $a.4 yes $a.5 -"
pass
is "each class has its jobs" "$(jobs_out)" \
	"no - - may c@x.example;no - - may e@relayed.example;no no - may b@x.example;no yes - may a@x.example;no yes - may d@relayed.example;"
is "and its plans" "$(asked)" "127.0.0.1 - 0;127.0.0.1 secure 0;x.example - 0;x.example lenient 0;x.example secure 0;"
fresh
a=$(add --requiretls=yes a@weak.example later@x.example later2@x.example)
pass
is "T62 a plan that says never ends it" "$(col "$a.1" id)" ""
like "with the code for it" "$(grep "id=$a.1 " err)" 'event=never .*5\.7\.30'
is "what needs TLS is said with the message" "$(grep later@x jobs)" "no yes - may later@x.example,later2@x.example"
is "T65 and not with the notice, which gives nothing of it away" "$(grep s@me jobs)" "no - - may s@me.example"
fresh
requiretls default "$a"
is "an operator takes it back" "$(mox-queue-list -id "$a" -o requiretls | tr '\n' ';')" "-;-;"
forward 601
pass
is "from the next attempt on it goes as ordinary mail" "$(jobs_out)" "no - - may later@x.example,later2@x.example;"

# ---- a change while its job is out, and one that a crash left half done ----
fresh
rm -f go
start runq2 mox-runq -w
a=$(add slow-later@q.example)
wait_until grep -q slow-later@q jobs
requiretls yes "$a"
is "a change while it is out: the row shows it" "$(col "$a" requiretls,state)" $'yes\tdelivering'
touch go
tried() { [ "$(col "$a" state)" = waiting ]; }
ok "the job ends as it began" wait_until tried
forward 601
add a@r.example >/dev/null
ok "and the next one is of the new class" wait_until grep -q '^no yes - may slow-later@q.example' jobs
stop runq2

a=$(add a@s.example)
is "a row of ordinary mail" "$(col "$a" requiretls)" -
python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    at = f.read().index(b"\nrcpt T") + 6
    f.seek(at + 2); f.write(b"n")' "$(find spool/cur -name "$a")"
fresh
pass
is "the file's mark outranks it" "$(grep a@s jobs)" "no no - may a@s.example"

a=$(add a@huge.example)
pass
is "a plan beyond all measure is no plan" "$(col "$a" error)" "4.3.0 the domain's mail servers and their TLSA records are too many"

# ---- more large plans than there is room for ----
rm -f go
echo 'workers = 10' >>conf
for i in {1..1600}; do echo "slow@large.n$i.example"; done >rcpts
xargs -a rcpts -n 800 mox-queue-add -q -f s@me.example < <(printf 'Subject: x\n\nbody\n')
start runq9 mox-runq -w
refused() { mox-queue-list -o error | grep -c 'no room now'; }
some_refused() { [ "$(refused)" -ge 20 ]; }
ok "64 MB of plans: those of many servers wait" wait_until some_refused
b=$(add sent@small.example)
ok "others do not" wait_until grep -q small.example asks
is "but for a worker" "$(col "$b" error)" -
ok "nor did those before them" test "$(refused)" -lt 300
touch go
stop runq9
done_testing
