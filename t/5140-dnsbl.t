#!/bin/bash
# mox-doctor dnsbl, with the real mox-nexthop in a DNS world; then mox-runq's watch, with a stand-in for it.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
. "$TOP/t/mx.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
nibbles() { python3 -c 'import ipaddress,sys; print(".".join(reversed(ipaddress.ip_address(sys.argv[1]).exploded.replace(":", ""))))' "$1"; }
mkdir world
cat >world/plain.add <<EOF
2.0.0.127.bl A 127.0.0.2
25.2.0.192.bl A 127.0.0.4
25.2.0.192.bl A 127.0.0.11
25.2.0.192.bl TXT "https://bl.test/" "?ip=192.0.2.25"
$(nibbles ::ffff:127.0.0.2).bl A 127.0.0.2
$(nibbles 2001:db8::25).bl A 127.0.0.3
2.0.0.127.four A 127.0.0.2
*.all A 127.0.0.2
*.odd A 192.0.2.1
*.shy A 127.255.255.254
nothing.shut A 192.0.2.1
2.0.0.127.half A 127.0.0.2
25.2.0.192.half A 127.255.255.255
EOF
world_start
{
	printf 'hostname = "me.plain.example"\nspool = "%s/spool"\n' "$T"
	cat world/dns.conf
} >mox.conf
export MOX_CONF=$T/mox.conf
P=plain.example
doctor() { mox-doctor dnsbl "$@" >out 2>err; rc=$?; }
doctor -a 192.0.2.25 bl.$P
is 'listed: critical, with codes and what the list says' "$rc $(sed 's/(127\.0\.0\.11 127\.0\.0\.4)/(127.0.0.4 127.0.0.11)/' out)" \
	"2 critical  listed         192.0.2.25 is listed by bl.$P (127.0.0.4 127.0.0.11): https://bl.test/?ip=192.0.2.25; find out what was sent, then ask the list to take it off"
doctor -a 192.0.2.26 -a 2001:db8::26 bl.$P four.$P
is 'not listed' "$rc $(cat out)" "0 ok        list           four.$P has no IPv6 addresses
ok        clear          192.0.2.26 (given) is not listed by bl.$P, four.$P
ok        clear          2001:db8::26 (given) is not listed by bl.$P"
doctor -a 2001:db8::25 bl.$P
like 'an IPv6 address, by nibbles' "$rc $(cat out)" "^2 critical  listed         2001:db8::25 is listed by bl.$P \(127\.0\.0\.3\);"
doctor -a 192.0.2.26 all.$P
like 'who lists everybody says nothing' "$rc $(cat out)" "^1 warning   list           all.$P lists everybody, even 127.0.0.1; take it out"
doctor -a 192.0.2.26 odd.$P
like 'an answer outside 127.0.0.0/8 is no listing' "$rc $(cat out)" "^1 warning   list           odd.$P answers with addresses outside 127.0.0.0/8"
doctor -a 192.0.2.26 shut.$P
like 'a list that is shut down' "$rc $(cat out)" "^1 warning   list           shut.$P is no list, or one that is shut down: its test entry 127.0.0.2 is not there"
doctor -a 192.0.2.26 shy.$P
like 'a list that refuses, and why' "$rc $(cat out)" "^1 warning   list           shy.$P refuses to answer: it does not answer public resolvers \(127.255.255.254\); .*root-hints"
doctor -a 192.0.2.25 half.$P
like 'refused for one address' "$rc $(cat out)" "^3 unknown   list           half.$P does not say whether it lists 192.0.2.25: 127.255.255.255"
doctor -a 192.0.2.25 bl.fail.example
like 'no answer is no listing' "$rc $(cat out)" "^3 unknown   list           bl.fail.example does not answer: "
doctor -a 192.168.1.2 bl.$P
like 'a private address is not asked for' "$rc $(cat out)" '^3 ok        address        192\.168\.1\.2 \(given\) is private, and others see another; name that in dnsbl \{ addresses \}
unknown   address        no public address is known'
doctor -a 192.0.2.25 -a 192.0.2.26 --nagios bl.$P shut.$P
is 'for monitoring' "$rc $(sed 's/ (127[^)]*): [^;]*//' out)" \
	"2 MOX DNSBL CRITICAL - listed: 192.0.2.25 is listed by bl.$P; list: shut.$P is no list, or one that is shut down: its test entry 127.0.0.2 is not there | listed=1;;0 lists=2 broken=1;0"
doctor
like 'no lists' "$rc $(cat out)" '^3 unknown   list           no lists are configured'
fails 3 'no address' mox-doctor dnsbl -a nobody bl.$P

# ---- which addresses ----
conf() {
	{
		cat mox.conf
		echo "$1"
	} >"$2.conf"
}
conf "dnsbl { zones = { \"bl.$P\" } addresses = { \"192.0.2.25\" } }" given
doctor -C given.conf
like 'by configuration' "$rc $(cat out)" "192.0.2.25 is listed by bl.$P"
conf "dnsbl { zones = { \"bl.$P\" } }
transport \"a\" { type = direct source-ipv4 = \"192.0.2.26\" ipv6 = false }
transport \"s\" { type = socks address = \"127.0.0.1:1080\" remote-ips = { \"192.0.2.25\" } }
transport \"r\" { type = submission host = \"x.example\" username = \"u\" password-file = \"/nonexistent\" }
route { transport = \"a\" }" found
doctor -C found.conf
is 'those of the transports' "$rc $(sed 's/ by .*//' out)" "2 ok        clear          192.0.2.26 (of transport a) is not listed
critical  listed         192.0.2.25 is listed"
sed -i '/^route/d' found.conf
local4=$(python3 -c 'import socket
try:
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("198.41.0.4", 25)); print(s.getsockname()[0])
except OSError: pass')
doctor -C found.conf
if [ -n "$local4" ]; then
	like 'and the one the kernel chooses' "$(cat out)" " $local4 \(as the kernel chooses it\) "
else
	skip 'there is no way out of here' 'and the one the kernel chooses'
fi
strace=$(command -v strace)
if [ -n "$strace" ]; then
	strace -f -e trace=sendto,sendmsg,sendmmsg,write -o trace mox-doctor dnsbl -C found.conf none.$P >/dev/null 2>&1
	is 'nothing is sent to find it' "$(grep -c 'htons(25)' trace)" 0
else
	skip 'no strace' 'nothing is sent to find it'
fi
doctor -r -C found.conf
is 'as mox-runq reads it' "$(grep '192\.0\.2\.2[56]' out | cut -d' ' -f1-4) $(tail -1 out)" "checked 192.0.2.26 bl.$P clear
checked 192.0.2.25 bl.$P listed end"
is 'and what the list says' "$(sed -n 's/.*\(https.*\)/\1/p' out)" 'https://bl.test/?ip=192.0.2.25'

# ---- the watch: real, once ----
conf "dnsbl { zones = { \"bl.$P\" } addresses = { \"192.0.2.25\" } }" watch
MOX_CONF=$T/watch.conf mox-runq 2>log
like 'a pass looks, and tells' "$(cat log)" "level=alert event=dnsbl-listed ip=192\.0\.2\.25 zone=bl\.$P codes=\"127.*text=\"https://bl\.test/"
is 'the gauge, and that of mox' "$(grep '^mox_dnsbl_listed\|^mox_dnsbl_ips\|^mox_dnsbl_checks' spool/metrics.prom)" "mox_dnsbl_checks_total{result=\"ok\"} 1
mox_dnsbl_listed{zone=\"bl.$P\",ip=\"192.0.2.25\"} 1
mox_dnsbl_ips_success{zone=\"bl.$P\",ip=\"192.0.2.25\"} 0"
MOX_CONF=$T/watch.conf mox-runq 2>log
is 'the next pass neither asks nor tells' "$(grep -c dnsbl log) $(grep -c '^mox_dnsbl_checks_total{result="ok"} 1$' spool/metrics.prom)" '0 1'

# ---- the watch, with a stand-in ----
mkdir bin
for f in "$MOX_BIN"/mox-*; do [ -x "$f" ] && [ ! -d "$f" ] && [ "${f%.c}" = "$f" ] && ln "$f" bin/ 2>/dev/null || cp "$f" bin/; done
rm bin/mox-doctor
cat >bin/mox-doctor <<'EOF'
#!/bin/bash
echo "$*" >>"$T/asked"
cat "$T/answer"
exit 2
EOF
chmod +x bin/mox-doctor
echo 0 >clock
says() { printf '%s\n' "$@" end >answer; }
at() { # SECONDS: the clock moves on by so much
	echo $(($(cat clock) + $1)) >clock.new && mv clock.new clock
	printf x >spool/trigger
}
asked() { [ "$(wc -l <asked)" = "$1" ]; }
checks() { grep -q "^mox_dnsbl_checks_total{result=\"$1\"} $2\$" <(bin/mox-stat); }
rm -rf spool
says 'checked 192.0.2.25 bl.example clear  ' 'checked 192.0.2.26 bl.example listed 127.0.0.2 '
: >asked
export MOX_TEST_CLOCK=$T/clock
# The clock is moved often: what follows from that is of other tests.
conf 'log-level = info
dnsbl { zones = { "bl.example" } }
transport "none" { type = discard }
route { transport = "none" }' stand
export MOX_CONF=$T/stand.conf
start runq bin/mox-runq -w
wait_until asked 1
ok 'looked at once, for the first time' checks ok 1
is 'as it is asked' "$(cat asked)" 'dnsbl -r'
is 'one alert' "$(grep -c 'level=alert event=dnsbl-listed ip=192.0.2.26 zone=bl.example codes=127.0.0.2$' runq.log)" 1
at 10000
at 700
says 'checked 192.0.2.25 bl.example listed 127.0.0.3 because' 'checked 192.0.2.26 bl.example unknown  '
at 200
wait_until asked 2
wait_until checks ok 2
is 'three hours later again; newly listed' "$(grep -c 'dnsbl-listed ip=192.0.2.25 .*codes=127.0.0.3 text=because' runq.log)" 1
is 'what is not known stays as it was' "$(bin/mox-stat | grep '^mox_dnsbl_listed')" 'mox_dnsbl_listed{zone="bl.example",ip="192.0.2.25"} 1
mox_dnsbl_listed{zone="bl.example",ip="192.0.2.26"} 1'
says 'checked 192.0.2.25 bl.example listed 127.0.0.3 because' 'checked 192.0.2.26 bl.example clear  '
hundred() { # sends them
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		# shellcheck disable=SC2046
		bin/mox-queue-add $(printf 'u%d@x.example ' 1 2 3 4 5 6 7 8 9 10) <<<hello >/dev/null
	done
}
hundred
gone() { [ "$(bin/mox-stat | sed -n 's/^mox_queue_result_total{result="sent"} //p')" = "$1" ]; }
ok 'a hundred are sent' wait_until gone 100
is 'not more often than every five minutes' "$(wc -l <asked)" 2
at 301
wait_until asked 3
wait_until checks ok 3
is 'a hundred sent, and five minutes later' "$(grep -c 'level=warn event=dnsbl-gone ip=192.0.2.26 zone=bl.example' runq.log)" 1
is 'nothing is told twice' "$(grep -c dnsbl-listed runq.log)" 2
printf 'checked 192.0.2.25 bl.example clear  \n' >answer
at 10801
wait_until asked 4
wait_until checks error 1
is 'half an answer is none' "$(grep -c 'event=dnsbl-gone ip=192.0.2.25' runq.log) $(grep -c 'level=warn event=dnsbl-failed code=2' runq.log)" '0 1'
is 'the gauge stays' "$(bin/mox-stat | grep -c '^mox_dnsbl_listed{.*25"} 1')" 1
sed -i '/^dnsbl/d' stand.conf
kill -HUP "$PID_runq"
forgotten() { ! bin/mox-stat | grep -q '^mox_dnsbl_listed'; }
ok 'no zones: nothing is kept' wait_until forgotten
stop runq
done_testing
