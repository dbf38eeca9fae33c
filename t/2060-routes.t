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
forward 500000 && pass

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
HEADER=$'X-Class: slow\n'
id=$(add -f a@x.example later@head.example)
HEADER=
pass
file=$(ls spool/cur/*/"$id")
mv "$file" away && ln -s nowhere "$file"
fresh
forward 601 && pass
is "while its header cannot be read it goes no other way" "$(asked)" ""
like "it waits and says so" "$(mox-queue-list -id "$id" -o state,attempts,error)" '^waiting.2.4\.3\.0 a route looks at its header, which cannot be read now$'
like "and so does the log" "$(cat err)" "level=alert event=unreadable id=$id error=\"Too many levels"
rm "$file" && mv away "$file"
forward 601 && pass
is "later it goes by its route again" "$(asked)" "127.0.0.5 "
forward 500000 && pass

# ---- mox-queue-transport ----
col() { mox-queue-list -id "$1" -o "$2" | tr '\n' ' ' | sed 's/ $//'; }
transport() { mox-queue-transport "$@" 2>&1 | tr '\n' ' '; }
fresh
id=$(add -f a@x.example later@chosen.example later2@chosen.example)
pass
is "it goes as routes say" "$(asked)" "chosen.example "
is "an operator says otherwise, of one recipient" "$(transport r2 "$id.1")" "$id.1 mox-queue-transport: changed 1 "
is "the list shows it" "$(col "$id" transport)" "r2 -"
is "what is so already is not changed" "$(transport r2 "$id.1")" "mox-queue-transport: changed 0 "
is "a dry run changes nothing" "$(transport -dry-run r3 "$id"; col "$id" transport)" "$id.1 $id.2 mox-queue-transport: would be changed 2 r2 -"
fresh
forward 601 && pass
is "from the next attempt on" "$(asked)" "127.0.0.2 chosen.example "
ok "it stands in the spool" grep -q '^transport 1 r2$' spool/cur/*/"$id.amend"
rm spool/index/rcpt.db
pass
is "and survives a rebuild of the index" "$(col "$id" transport)" "r2 -"
is "it is taken back" "$(transport default "$id")" "$id.1 mox-queue-transport: changed 1 "
fails 2 "and gone from the spool" ls spool/cur/*/"$id.amend"
mox-queue-schedule +1h "$id.2" >/dev/null 2>&1
transport r2 "$id.2" >/dev/null
mox-queue-schedule now "$id.2" >/dev/null 2>&1
is "time and transport stand side by side" "$(grep -c . spool/cur/*/"$id.amend")" 3
is "a transport that is not there" "$(transport nowhere "$id")" "mox-queue-transport: unable to send by \"nowhere\": $T/conf has no transport of that name "
fresh
id2=$(add --transport r3 -f a@x.example later@own.example)
pass
like "a message's own" "$(asked)" "127.0.0.3 "
transport r2 "$id2" >/dev/null
is "default means the message's own again" "$(transport default "$id2"; col "$id2" transport)" "$id2.1 mox-queue-transport: changed 1 r3"
fresh
sed -i 's/"r3"/"gone"/' conf
forward 601 && pass
like "one that is gone from the configuration fails, and says so" "$(grep "id=$id2.1 " err)" 'event=never .*text="the message asks for a transport that is not configured"'
sed -i 's/"gone"/"r3"/' conf

id3=$(add --transport r3 -f a@x.example sent@own.example)
transport r2 "$id3" >/dev/null
pass
is "the history names the one it went by, not the one it came with" "$(mox-retired-list -id "$id3" -o transport)" r2

# ---- transports that stay here, and who may name one ----
cat >>conf <<X
transport "none" { type = discard }
transport "ours" { type = smtp host = "127.0.0.6" users = { "alerts" } }
route { to = { "none.example" } transport = "none" }
X
fresh
id=$(add -f a@x.example --notify success,failure sent@none.example sent@other.example)
pass
is "what is discarded is nobody's job" "$(grep -c none.example log) $(grep -c other.example log)" "0 1"
is "the history says so" "$(mox-retired-list -id "$id" -o result | tr '\n' ' ')" "discarded delivered "
is "and no notice speaks of success" "$(grep -c ' <> \| - a@x' log)" 0
fresh
id=$(add --transport ours -f a@x.example --account alerts sent@chosen2.example)
id2=$(add --transport ours -f a@x.example --account www sent@chosen2.example)
pass
like "a message names a transport that its account may use" "$(asked)" "127.0.0.6 "
like "and fails when it may not" "$(grep "id=$id2.1 " err)" 'event=never .*status=5.7.1 .*text="the message asks for a transport that its account may not use"'
id=$(add -f a@x.example --account www later@chosen3.example)
pass
is "an operator sends it there all the same" "$(transport ours "$id")" "$id.1 mox-queue-transport: changed 1 "
fresh
forward 601 && pass
like "and it goes" "$(asked)" "127.0.0.6 "
fails 0 "and waits there" grep -q "later@chosen3" log

echo 'route { header = "X-Class" transport = "r1" }' >>conf
mox-runq -t 2>err2
like "a header without a pattern is refused" "$(cat err2)" 'header = "X-Class": expected a header field and a pattern such as "Precedence: bulk"$'
sed -i '$d' conf
echo 'route { to-mx = { "mx*.example" } transport = "r1" }' >>conf
mox-runq -t 2>err2
like "a pattern that is none, too" "$(cat err2)" 'to-mx = "mx\*.example": expected a host name in ASCII, or \*.NAME$'
# ---- a header is read once, not for each recipient ----
fresh
sed -i '$d' conf
cat >>conf <<X
max-first-recipients-per-day = 0
max-messages-per-day = 0
X
HEADER=$'X-Class: slow\n'
# shellcheck disable=SC2046 # words
add -f a@x.example $(seq -f 'sent%g@head.example' 5000) >/dev/null
HEADER=
before=${EPOCHREALTIME/./}
pass
took=$(((${EPOCHREALTIME/./} - before) / 1000))
is "five thousand go by it" "$(grep -o 'sent[0-9]*@head' log | sort -u | wc -l)" 5000
ok "soon, in $took ms" test $took -lt 6000
done_testing
