#!/bin/bash
# mox-nexthop -w: many questions at once on one stream.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
export WORLD_MANY=300
mkdir world
cat >world/plain.add <<'Z'
soon 30 MX 10 mx
Z
world_start
cp world/dns.conf mox.conf
export MOX_CONF=$T/mox.conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock

ask() { # N KEY VALUE [line...]
	printf 'ask %s\n%s %s\n' "$1" "$2" "$3"
	shift 3
	printf '%s\n' "$@" end
}
answer() { # N: the record of that number in $T/answers
	awk -v n="$1" '/^ask / {on = $2 == n} on && !/^fit /' answers
}

{
	ask 1 domain secure.example 'port 25'
	ask 2 domain gone.example
	ask 3 host localhost 'port 2525' 'loopback yes' 'starttls never' 'unknown key'
	ask 4 domain plain.example 'ipv6 no' 'starttls must'
	ask 5 domain '[192.0.2.1]'
	ask 6 domain plain.example 'port 0'
	ask 7 port 25
	ask 8 domain b\\xc3\\xbccher.example
	ask 9 domain 'x\x0aend'
	ask 10 host 127.0.0.1 'port 2525'
	ask 9000000000000000000 domain bogus.example
} | sed '/^$/d' >requests
ok 'answers all, and ends at the end of input' mox-nexthop -w <requests
cp .out answers
is 'one answer each' "$(grep -c '^end$' answers) $(grep -c '^ask ' answers)" '11 11'
like 'a plan' "$(answer 1)" 'plan secure.example.*site mx1.secure.example,mx2.secure.example.*dnssec secure.*end'
like 'never' "$(answer 2)" 'never 5.1.2 '
is 'a host, its port, its TLS demand' "$(answer 3)" 'ask 3
plan localhost
site localhost:2525
dnssec secure
hop localhost pref=0 port=2525 dnssec=insecure tls=none
names localhost
addr ::1
addr 127.0.0.1
ttl 3600
end'
like 'starttls must' "$(answer 4)" 'tls=must'
like 'T22 a literal' "$(answer 5)" 'hop \[192.0.2.1\] '
like 'a malformed request is answered' "$(answer 6)" 'later 4.3.5 malformed'
like 'one without a name too' "$(answer 7)" 'later 4.3.5 malformed'
like 'T26 IDN' "$(answer 8)" 'plan xn--bcher-kva.example'
is 'T111 a line end in a name forges no line' "$(answer 9 | wc -l)" 4
like 'loopback is refused unless allowed' "$(answer 10)" 'later 4.3.5'
like 'later' "$(answer 9000000000000000000)" 'later 4.4.3 '

for ((i = 1; i <= 3000; i++)); do
	ask $i domain "d$((i % 300 + 1)).many.example"
done | sed '/^$/d' >many
ok 'thousands of questions, more than are taken at once' mox-nexthop -w <many
is 'all answered' "$(grep -c ^plan .out)" 3000
is 'each number once' "$(grep ^ask .out | sort -u | wc -l)" 3000

# A co-process to talk to.
mkfifo to from
mox-nexthop -w <to >from 2>worker.err &
pid=$!
_pids+=("$pid")
exec 7>to 8<from
talk() { # KEY VALUE: the answer
	printf 'ask 1\n%s %s\nend\n' "$1" "$2" >&7
	while read -r -u 8 line && [ "$line" != end ]; do echo "$line"; done
}
like 'a first answer' "$(talk domain soon.plain.example)" 'site mx.plain.example.*ttl 30'
nsd=$(cat world/nsd.pid)
kill "$nsd"
wait_until eval "! kill -0 $nsd"
like 'the plan is kept while its time lasts' "$(talk domain soon.plain.example)" 'site mx.plain.example'
ttl() { talk domain soon.plain.example | sed -n 's/^ttl //p'; }
echo 20 >clock
ok 'T124 with what is left of it' test "$(ttl)" -le 10
echo 31 >clock
# The resolver has the record still.
ok 'and is made anew when it is over' test "$(ttl)" -gt 25
echo 0 >clock
ok 'T124 as when the clock was set back' test "$(ttl)" -gt 25
printf 'ask 5\ndoma' >&7
printf 'in plain.example\nend\nask 6\nhost 127.0.0.1\nloopback yes\nend\n' >&7
got=
for ((i = 0; i < 2; i++)); do
	while read -r -u 8 line && [ "$line" != end ]; do got+="$line|"; done
done
like 'a request that comes in parts' "$got" 'ask 6\|plan 127.0.0.1'
like 'T128 name servers gone: no attempt' "$got" 'ask 5\|later 4.4.3 .*\|network no\|'
exec 7>&-
wait "$pid"
is 'the end of its input ends it' $? 0
exec 8<&-

mkfifo to2 from2
mox-nexthop -w <to2 >from2 2>worker.err &
pid=$!
_pids+=("$pid")
exec 7>to2 8<from2
exec 8<&-
wait "$pid"
is 'a reader that went away ends it' $? 0
is 'without a word' "$(cat worker.err)" ''
exec 7>&-
printf 'domain plain.example\nend\n' >bad
fails 100 'a request without a number ends it' mox-nexthop -w <bad
printf 'ask 1\nDOMAIN plain.example\nend\n' >bad
fails 100 'what is no record too' mox-nexthop -w <bad
head -c 20000 /dev/zero | tr '\0' a >bad
fails 100 'and a request without end' mox-nexthop -w <bad
done_testing
