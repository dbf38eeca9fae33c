#!/bin/bash
# By which transport mail goes: routes of accounts, domains and all, by servers, header and attempts; looked at anew at each attempt.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_ASKS=$T/asks FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
echo 0 >clock
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m" } jitter = false }
transport "r1" { type = smtp host = "127.0.0.1" }
transport "r2" { type = smtp host = "127.0.0.2" }
transport "r3" { type = smtp host = "127.0.0.3" }
transport "r4" { type = smtp host = "127.0.0.4" }
transport "r5" { type = smtp host = "127.0.0.5" }
account "alerts" { route { to = { "acc.example" } transport = "r1" } }
domain "shop.example" { route { to = { ".dom.example" } transport = "r2" } }
route { minimum-attempts = 1 to = { "again.example" } transport = "r3" }
route { header = "X-Class: slow*" to = { "head.example" } transport = "r5" }
route { to-mx = { "*.big.example", "mx.one.example" } transport = "r4" }
X
add() { printf '%sSubject: x\n\nbody\n' "$HEADER" | mox-queue-add "$@" | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
fresh() { rm -f asks log && touch asks log; }
asked() { cut -d' ' -f1 asks | sort -u | tr '\n' ' '; }
forward() { echo $(($(cat clock) + $1)) >clock; }
HEADER=

fresh
add -f a@x.example sent@acc.example >/dev/null
pass
is "without a route of its own, to the domain's servers" "$(asked)" "acc.example "
fresh
add -f a@x.example --account alerts sent@acc.example >/dev/null
pass
is "an account's own route" "$(asked)" "127.0.0.1 "
fresh
add -f a@shop.example sent@eu.dom.example >/dev/null
add -f a@other.example sent2@dom.example >/dev/null
pass
is "a sender's domain's own route, for that domain alone" "$(asked)" "127.0.0.2 dom.example "
fresh
id=$(add -f a@x.example later@again.example)
pass
is "the first attempt goes one way" "$(asked)" "again.example "
fresh
forward 601 && pass
is "and the second another" "$(asked)" "127.0.0.3 "
is "it was tried twice" "$(mox-queue-list -id "$id" -o attempts)" 2

fresh
add -f a@x.example sent@a.big.example >/dev/null
pass
is "by the servers of the domain, once they are known" "$(asked)" "127.0.0.4 a.big.example "
is "and none went to those" "$(grep -c sent@a.big.example log)" 1
fresh
add -f a@x.example sent@one.example sent@two.example >/dev/null
pass
is "by a server's name" "$(asked)" "127.0.0.4 one.example two.example "
is "who goes another way has a job of its own" "$(grep -c ' sent@' log)" 2
fresh
add -f a@x.example never@never.big.example >/dev/null
pass
is "a domain that is not there needs no way" "$(asked)" "never.big.example x.example "

fresh
HEADER=$'X-Class: Slowly\n'
add -f a@x.example sent@head.example >/dev/null
HEADER=$'X-Class: fast\n'
add -f a@x.example sent2@head.example >/dev/null
HEADER=
pass
is "by a field of the header" "$(asked)" "127.0.0.5 head.example "
is "both were sent" "$(grep -c ' sent2\?@head' log)" 2

echo 'route { header = "X-Class" transport = "r1" }' >>conf
mox-runq -t 2>err2
like "a header without a pattern is refused" "$(cat err2)" 'header = "X-Class": expected a header field and a pattern such as "Precedence: bulk"$'
sed -i '$d' conf
echo 'route { to-mx = { "mx*.example" } transport = "r1" }' >>conf
mox-runq -t 2>err2
like "a pattern that is none, too" "$(cat err2)" 'to-mx = "mx\*.example": expected a host name in ASCII, or \*.NAME$'
done_testing
