#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# The suppression list: what lists an address by itself, what a listed one meets, and mox-suppress; with scripted peers.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-suppress "$MOX_BIN"/mox-retired-list "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0
conf() {
	cat >conf <<X
hostname = "me.example"
postmaster = "boss@me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
suppress { failures = 3 expire = "10d" ${1:-} }
transport "no" { type = fail code = 550 message = "not from here" }
route { to = { "mine.example" } transport = "no" }
${2:-}
X
}
conf
mkdir bodies
add() { mox-queue-add -f me@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
# An owner that only answers takes mail in, too, and logs elsewhere: it must be gone.
alone() { flock spool/lock true; }
fresh() { [ ! -e spool ] || alone; rm -rf log bodies/* err go; touch log err; }
tried() { grep -c "^deliver [^ ]* me@me.example .*$1" log; }
give_up() { for s in 0 1801 1801 432000; do forward $s && pass; done; } # three attempts, and the age
notice() { # the last one that $1 got
	local id
	id=$(grep "^deliver [^ ]*  $1 " log | tail -n 1 | cut -d' ' -f2)
	tr -d '\r' <"bodies/$id"
}
echo 0 >clock
fresh
me=$(id -un)

# ---- by itself ----
add never@x.example >/dev/null && pass
is "T131 a mailbox that is none is listed at once" "$(mox-suppress list -o account,address,how,reason)" \
	"$me	never@x.example	automatic	550 5.1.1 no such user"
like "in the log" "$(cat err)" 'event=suppress-added account=[a-z]+ address=never@x.example how=automatic seconds=86[34][0-9]{3} reason="550 5.1.1 no such user"'
fresh
b=$(add never@x.example N.ever+tag@X.example sent@y.example) && pass
is "T131 all its variants are refused, the others go their way" "$(tried x.example) $(tried y.example)" "0 1"
like "T131 by an event of its own" "$(cat err)" "event=suppressed id=$b\.1 rcpt=never@x.example account=$me how=automatic reason=\"550 5.1.1 no such user\""
out=$(notice me@me.example)
is "T79 one notice for both" "$(grep -c '^deliver [^ ]*  me@me.example ' log)" 1
like "T131 with its own status" "$out" $'\nStatus: 5\\.1\\.0 '
like "T131 and its own words" "$(tr -d '\n ' <<<"$out")" "doesnotwritetothisaddresssince[0-9-]+,until[0-9-]+:"
like "that say how it is undone" "$(tr -d '\n ' <<<"$out")" "mox-suppressremove-account${me}never@x.example"
is "nothing is left" "$(mox-queue-list | wc -l) $(find spool/cur spool/new -type f | wc -l)" "0 0"
is "T131 history calls it so" "$(mox-retired-list -result suppressed -o rcpt,code,attempts)" $'never@x.example\t-\t0\nN.ever+tag@X.example\t-\t0'
fresh
add --notify never never@x.example >/dev/null && pass
is "T131 NOTIFY=NEVER is kept" "$(cat log)" ""
like "and the end is in the log" "$(cat err)" 'event=silent .*rcpt=never@x.example'

# ---- three in a row ----
fresh
for i in 1 2; do add later@z.example >/dev/null && give_up; done
is "two that are given up do not list" "$(mox-suppress list -o address | grep -c z.example)" 0
ok "the first entry has run out meanwhile" mox-suppress check never@x.example
add later@z.example >/dev/null && give_up
is "T131 the third in a row does" "$(mox-suppress list -o address,reason)" \
	"later@z.example	3 failures in a row, the last one: 451 4.2.0 try later"
fresh
for i in 1 2 3; do add "fail$i@never.w.example" fail@never.v.example >/dev/null && pass; done
is "T131 a domain that does not exist counts, each address for itself" "$(mox-suppress list -o base | grep -E '[vw].example')" "fail@never.v.example"
for i in 1 2; do add again@never.u.example >/dev/null && pass; done
conf '' 'transport "lab" { type = smtp host = "lab.example" } route { to = { "never.u.example" } transport = "lab" }'
add again@never.u.example >/dev/null && pass
is "now it arrives" "$(tried never.u.example)" 1
conf
for i in 1 2; do add again@never.u.example >/dev/null && pass; done
is "a success in between ends the row" "$(mox-suppress list -o base | grep -c u.example)" 0

# ---- what does not list ----
fresh
for i in 1 2 3 4; do
	add one@mine.example postmaster@never.example >/dev/null
	mox-queue-add -f '' never@bounce.example <<<$'Subject: x\n\n' >/dev/null
	pass
done
is "T131 our own errors never do" "$(mox-suppress list -o base | grep -c mine.example)" 0
is "nor does what a notice meets" "$(mox-suppress list -o base | grep -c bounce.example)" 0
is "nor is a postmaster cut off" "$(mox-suppress list -o base | grep -c postmaster)" 0
echo secret >pw && chmod 600 pw
for way in 'submissions host = "lab.example" username = "u" password-file = "'$T'/pw"' 'socks address = "127.0.0.1:9"'; do
	conf '' "transport \"lab\" { type = $way } route { to = { \"down.example\" } transport = \"lab\" }"
	for i in 1 2 3; do add gone@down.example >/dev/null && give_up; done
	is "T131 nor does it count that ${way%% *} is down" "$(mox-suppress list -o base | grep -c down.example)" 0
done
conf 'automatic = false'
for i in 1 2; do add "never@q$i.example" >/dev/null && pass; done
is "automatic = false" "$(mox-suppress list -o base | grep -c 'q[12].example')" 0
conf

# ---- by hand ----
mox-suppress list -o address | mox-suppress remove - >/dev/null
is "all are taken off" "$(mox-suppress list)" ""
ok "add" mox-suppress add -reason 'asked us to' Some.One+x@Example.ORG
is "list: TAB between the columns" "$(mox-suppress list | cut -f1-4,6)" "$me	Some.One+x@example.org	-	manual	asked us to"
is "list -j" "$(mox-suppress list -j | python3 -c 'import json,sys; r=json.loads(sys.stdin.read()); print(r["base"], r["until"], r["how"])')" "someone@example.org None manual"
fails 1 "check: it is suppressed" mox-suppress check someone-else@example.org
like "and why" "$(mox-suppress check someone-else@example.org)" "asked us to"
ok "check: another is not" mox-suppress check some@example.org
is "in silence" "$(mox-suppress check some@example.org)" ""
fails 100 "what is no address" mox-suppress add 'a b@x.example'
fails 100 "a time that is past" mox-suppress add -until 2020-01-01 a@x.example
fails 100 "no address" mox-suppress add
fails 100 "no command" mox-suppress
ok "an IDN is its A-label" mox-suppress add 'x@bücher.example'
is "as the spool has it" "$(mox-suppress list -o base | grep xn--)" "x@xn--bcher-kva.example"
for i in $(seq 1500); do echo "user$i@many.example"; done >many
is "add - takes lines" "$(mox-suppress add -for 30d - <many | wc -l)" 1500
is "all are there" "$(mox-suppress list | grep -c many.example)" 1500
is "check -" "$(sed 's/^user1500@/stranger@/' many | mox-suppress check -o address - | wc -l)" 1499
fresh
add user7@many.example >/dev/null && pass
is "T131 no attempt for them" "$(tried many.example)" 0
alone
rm spool/index/rcpt.db
add user8@many.example >/dev/null && pass
is "they outlive a rebuild of the index" "$(tried many.example) $(mox-suppress list | grep -c many.example)" "0 1500"
is "remove prints what it took off" "$(mox-suppress remove -o address - <many | diff - many | head -n 3)" ""
is "nothing of it is left" "$(mox-suppress list | grep -c many.example)" 0
is "remove of what is not there prints nothing" "$(mox-suppress remove user1@many.example)" ""
mox-suppress add -for 2d brief@x.example >/dev/null
fails 1 "for two days" mox-suppress check brief@x.example
forward 172900
ok "and no longer" mox-suppress check brief@x.example
is "the list does not show it" "$(mox-suppress list -o base | grep -c brief)" 0

# ---- whose ----
mox-suppress add -account alerts both@acc.example >/dev/null
ok "each account has its own list" mox-suppress check both@acc.example
is "list -all" "$(mox-suppress list -all -o account,base | grep acc.example)" "alerts	both@acc.example"
fresh
mox-queue-add -e 3 3< <(printf 'sender me@me.example\naccount alerts\nrcpt both@acc.example\nend\n') <<<$'Subject: x\n\n' >/dev/null
add both@acc.example >/dev/null
pass
is "T131 only its mail is suppressed" "$(tried acc.example)" 1
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
	chmod 711 "$T" && chmod 644 conf clock && chmod -R a+rx bin
	start runq mox-runq -w
	wait_until mox-queue-list
	as() { setpriv --reuid nobody --clear-groups "$@"; }
	ok "a user changes his own list" as mox-suppress add mine@nobody.example
	is "which is his" "$(as mox-suppress list -o account,base)" "nobody	mine@nobody.example"
	fails 100 "not another's" as mox-suppress remove -account alerts both@acc.example
	fails 100 "nor sees it" as mox-suppress check -account alerts both@acc.example
	fails 100 "nor all" as mox-suppress list -all
	is "it is still there" "$(mox-suppress list -account alerts -o base)" "both@acc.example"
	stop runq
else
	skip "not root" "other users"
fi

# ---- mail that waits ----
fresh
start runq mox-runq -w
wait_until mox-queue-list
mox-suppress add durable@x.example >/dev/null
stop runq KILL
start runq mox-runq -w
wait_until mox-queue-list
fails 1 "what was answered stands, though the owner is killed" mox-suppress check durable@x.example
c=$(add later@wait.example later@stay.example)
ok "two wait" wait_until sh -c "mox-queue-list -state waiting -o id | grep $c.1"
d=$(add slow@wait.example)
wait_until grep -q "slow@wait" log
mox-suppress add later@wait.example slow@wait.example postmaster@hand.example >/dev/null
touch go
ok "what is out goes its way" wait_until grep -q "event=sent id=$d.1" runq.log
mox-queue-schedule now "$c" >/dev/null 2>&1
ok "T131 what waited fails at its next attempt" wait_until grep -q "event=suppressed id=$c.1" runq.log
ok "the other is tried" wait_until grep -q "event=later id=$c.2.*attempts=2" runq.log
is "no more than once" "$(tried later@wait.example)" 1
e=$(mox-queue-add -f '' postmaster@hand.example <<<$'Subject: x\n\n' | sed 's/^id //')
ok "what a person lists holds for postmasters and notices, too" wait_until grep -q "event=suppressed id=$e.1" runq.log
stop runq
done_testing
