#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Limits of accounts: what is over them is accepted and held, the postmaster is told once, and nothing is counted twice; with scripted peers.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0
conf() { # MESSAGES FIRST [more]
	cat >conf <<X
hostname = "me.example"
postmaster = "boss@me.example"
spool = "$T/spool"
reserve = "64k"
local-domains = { "here.example" }
default-destination = "boss@me.example"
retry { intervals = { "30m" } jitter = false }
max-messages-per-day = $1
max-first-recipients-per-day = $2
${3:-}
X
}
mkdir bodies
add() { mox-queue-add -f me@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
as() { mox-queue-add -e 3 3< <(printf 'sender me@me.example\naccount %s\nrcpt %s\nend\n' "$1" "$2") <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
# An owner that only answers takes mail in, too, and logs elsewhere: it must be gone.
alone() { flock spool/lock true; }
fresh() { [ ! -e spool ] || alone; rm -rf spool log bodies/* err go; echo 0 >clock; touch log err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
held() { mox-queue-list -hold l -o rcpt | paste -sd' '; }
sent() { grep -c "^deliver [^ ]* me@me.example .*$1" log; }
letters() { grep -c '^deliver [^ ]*  boss@me.example ' log; }
letter() { tr -d '\r' <"bodies/$(grep '^deliver [^ ]*  boss@me.example ' log | tail -n 1 | cut -d' ' -f2)"; }
me=$(id -un)

# ---- messages ----
conf 3 0
fresh
for i in 1 2 3; do add "a$i@x.example" >/dev/null; done
pass
is "as many as the limit go" "$(sent x.example) $(held)" "3 "
alone
a=$(add a4@x.example)
ok "one more is accepted" [ -n "$a" ]
pass
is "and held" "$(sent x.example) $(held)" "3 a4@x.example"
is "its row names the limit and the key" "$(mox-queue-list -id "$a" -o state,hold,error)" \
	"held	l	over 3 messages in 24 h for account $me: max-messages-per-day"
like "so does the log" "$(cat err)" "event=limit-held id=$a account=$me why=\"over 3 messages"
like "its file says so, too" "$(cat spool/cur/*/"$a")" $'\nrcpt Tl'
is "the postmaster is told" "$(letters)" 1
out=$(letter)
like "what, and of whom" "$out" "Mail that account $me sends is being held on me.example.*over 3 messages in 24 h for account $me: max-messages-per-day"
like "and what he can do" "$out" "mox-queue-list -account $me -hold l -o id \| mox-queue-release -"
like "by an automatic letter" "$out" $'\nAuto-Submitted: auto-generated\n'
add a5@x.example >/dev/null && pass
is "once a day" "$(letters) $(held)" "1 a4@x.example a5@x.example"
is "what he is to do works" "$(mox-queue-list -account "$me" -hold l -o id | mox-queue-release - 2>/dev/null | wc -l)" 2
alone
pass
is "what is released goes" "$(sent x.example) $(held)" "5 "
add a6@x.example >/dev/null && pass
is "the limit holds on" "$(held)" "a6@x.example"
forward 86400
add a7@x.example >/dev/null && pass
is "a day later there is room again" "$(sent a7@x.example)" 1
is "what was held stays so" "$(held)" "a6@x.example"
for i in 8 9 10; do add "a$i@x.example" >/dev/null; done
pass
is "two more are over it, and he is told anew" "$(held) $(letters)" "a6@x.example a10@x.example 2"

conf 3 0
fresh
add a1@x.example a2@x.example >/dev/null && pass
add b1@x.example b2@x.example root@here.example >/dev/null
pass
is "recipients count, and the whole message is held" "$(held)" "b1@x.example b2@x.example"
is "but for what stays on this machine" "$(mox-queue-list -to root@here.example -o hold)" "-"
for i in 1 2 3 4 5; do
	add root@here.example >/dev/null
	mox-queue-add -f '' "dsn$i@y.example" <<<$'Subject: x\n\n' >/dev/null
	mox-queue-add -e 3 3< <(printf 'sender me@me.example\nextra moxq-report yes\nrcpt report%s@y.example\nend\n' "$i") <<<$'Subject: x\n\n' >/dev/null
done
add a3@x.example >/dev/null
pass
is "which does not count, nor do notices and reports" "$(sent a3@x.example) $(grep -c '^deliver [^ ]*  dsn' log) $(sent report)" "1 5 5"
ok "another account has its own count" [ -n "$(as alerts c1@x.example)" ]
pass
is "and sends" "$(sent c1@x.example)" 1

# ---- by account ----
conf 3 0 'account "alerts" { max-messages-per-day = 1 } account "free" { max-messages-per-day = 0 }'
fresh
for i in 1 2 3 4 5; do as alerts "a$i@x.example" && as free "f$i@x.example"; done >/dev/null
pass
is "an account's own limits" "$(sent 'a.@x.example') $(sent 'f.@x.example') $(held | wc -w)" "1 5 4"
like "are named" "$(mox-queue-list -account alerts -n 1 -o error)" "over 1 messages in 24 h for account alerts"

# ---- first-time recipients ----
conf 0 2
fresh
for i in 1 2; do add "a$i@x.example" >/dev/null; done
pass
for i in 1 2 1; do add "A$i@x.example" >/dev/null; done
b=$(add b1@x.example)
pass
is "known recipients do not count" "$(sent 'x.example') $(held)" "5 b1@x.example"
is "its row names the limit" "$(mox-queue-list -id "$b" -o error)" \
	"over 2 first-time recipients in 24 h for account $me: max-first-recipients-per-day"
as other a1@x.example >/dev/null && pass
is "each account knows its own" "$(sent a1@x.example)" 2
mox-queue-release "$b" 2>/dev/null
alone
add b1@x.example >/dev/null && pass
is "who was released is known" "$(sent b1@x.example) $(held)" "2 "
forward 86400
add c1@x.example a1@x.example >/dev/null && pass
is "a day later there is room again" "$(sent c1@x.example)" 1
forward 34646400 # 401 days
for r in d1 a2 c1; do add $r@x.example >/dev/null && pass; done
is "after 400 days an address is forgotten" "$(held)" "c1@x.example"

# ---- nothing is counted twice ----
conf 3 3
fresh
start runq mox-runq -w
wait_until mox-queue-list
add slow1@x.example >/dev/null
add slow2@x.example >/dev/null
add slow3@x.example >/dev/null
ok "three are taken in" wait_until sh -c '[ "$(mox-queue-list -o id | wc -l)" = 3 ]'
stop runq KILL
# As a crash between the rows and the move leaves them.
for f in spool/cur/*/*; do mv "$f" spool/new/; done
touch go
pass
is "taken in again after a crash, all three go" "$(for i in 1 2 3; do sent "slow$i@"; done | grep -vc '^0$') $(held)" "3 "
add a4@x.example >/dev/null && pass
is "and the fourth is one too many" "$(held)" "a4@x.example"
alone
rm spool/index/rcpt.db
pass
is "what is held stays so when the index is rebuilt" "$(held)" "a4@x.example"
like "and says why" "$(mox-queue-list -hold l -o error)" "over a limit of its account"
alone
mox-queue-release "$(mox-queue-list -hold l -o id)" 2>/dev/null
alone
add a5@x.example >/dev/null && pass
is "counts outlive a rebuild" "$(held)" "a5@x.example"

# ---- a postmaster who cannot be told at once ----
conf 1 0
fresh
add a1@x.example >/dev/null && add a2@x.example >/dev/null
mv bin/mox-queue-add bin/away
printf '#!/bin/sh\nexit 111\n' >bin/mox-queue-add && chmod +x bin/mox-queue-add
pass
like "it is said that he is not" "$(cat err)" "event=limit-untold account=$me why=\"mox-queue-add ended with 111\""
mv bin/away bin/mox-queue-add
is "not yet" "$(letters)" 0
pass
is "the next run tells him" "$(letters)" 1
pass
is "once" "$(letters)" 1

# ---- no limits ----
conf 0 0
fresh
for i in 1 2 3 4 5; do add "a$i@x.example" >/dev/null; done
pass
is "0 is no limit" "$(sent x.example) $(held)" "5 "
done_testing
