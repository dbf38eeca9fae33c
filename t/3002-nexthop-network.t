#!/bin/bash
# Without network, without name servers, with name servers that say nothing.
. "$(dirname "$0")/lib.sh"
unset MOX_CONF
conf() { printf 'dns {\n forward = { "%s" }\n trust-anchor = "none"\n}\n' "$1" >mox.conf; }
export MOX_CONF=$T/mox.conf

conf 127.0.0.1@1
got=$(mox-nexthop example.com 2>/dev/null)
like 'T128 a port where nobody listens: no attempt' "$got" '^later 4\.4\.3 .*network no'
is 'localhost needs no DNS' "$(mox-nexthop -lr localhost 2>/dev/null | grep -c '^addr')" 2
is 'an address needs no DNS' "$(mox-nexthop -lr -p 2525 127.0.0.1 2>/dev/null | grep '^site')" 'site 127.0.0.1:2525'
ok 'mail for a user at localhost, where loopback is allowed' mox-nexthop -l localhost
fails 100 'and refused where it is not' mox-nexthop localhost

cat >silent.py <<'E'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1] + ".port", "w").write(str(s.getsockname()[1]))
while True:
	m, a = s.recvfrom(4096)
	if sys.argv[1] != "silent":
		s.sendto(m[:2] + bytes([m[2] | 0x80, 5 if sys.argv[1] == "refusing" else 0]) + m[4:], a)
E
start refusing python3 silent.py refusing
wait_until test -s refusing.port
conf "127.0.0.1@$(cat refusing.port)"
got=$(mox-nexthop a.example 2>/dev/null)
like 'T1 a name server that refuses: later' "$got" '^later 4\.4\.3 '
unlike 'it is there, so this is an attempt' "$got" 'network no'
start empty python3 silent.py empty
wait_until test -s empty.port
conf "127.0.0.1@$(cat empty.port)"
sed -i /trust-anchor/d mox.conf
got=$(mox-nexthop a.example b.example 2>err)
like 'name servers without DNSSEC: later' "$got" '^later 4\.4\.3 .*trust.x20anchor'
is 'and the log says it, once' "$(grep -c 'level=alert event=dnssec-broken' err)" 1

start silent python3 silent.py silent
wait_until test -s silent.port
conf "127.0.0.1@$(cat silent.port)"
begin=$(date +%s)
got=$(mox-nexthop a.example b.example c.example 2>/dev/null)
like 'T128 a name server that never answers: no attempt' "$got" 'later 4\.4\.3 .*network no.*later.*network no.*later.*network no'
ok 'within bounded time' test $(($(date +%s) - begin)) -lt 40

if unshare -n true 2>/dev/null; then
	conf 192.0.2.53
	begin=$(date +%s)
	got=$(unshare -n "$MOX_BIN/mox-nexthop" example.com 2>/dev/null)
	like 'T128 no network: no attempt' "$got" '^later 4\.4\.3 .*network no'
	ok 'known at once' test $(($(date +%s) - begin)) -lt 3
	is 'localhost without network' "$(unshare -n "$MOX_BIN/mox-nexthop" -lr localhost 2>/dev/null | grep -c '^addr')" 2
	printf 'dns {\n root-hints = true\n}\n' >mox.conf
	like 'root servers out of reach' "$(unshare -n "$MOX_BIN/mox-nexthop" example.com)" '^later 4\.4\.3 .*network no'
	: >mox.conf
	cat >hosts.sh <<-'E'
		printf '127.0.0.1 localhost\n192.0.2.9 relay.example relay\n2001:db8::9 relay.example\n' >hosts
		mount --bind hosts /etc/hosts
		mox-nexthop -r relay.example
		mox-nexthop -r relay
		mox-nexthop relay.example
		rm -f empty; : >empty
		mount --bind empty /etc/resolv.conf
		mox-nexthop other.example
	E
	cat >stale.sh <<-'E'
		trap '' PIPE
		echo 'nameserver 127.0.0.1' >resolv
		mount --bind resolv /etc/resolv.conf
		mkfifo to from
		mox-nexthop -w <to >from &
		exec 7>to 8<from
		one() {
			printf 'ask 1\nhost localhost\nloopback yes\nend\n' >&7
			while read -r -u 8 line && [ "$line" != end ]; do :; done
			echo "last: ${line:-nothing}"
		}
		one
		echo 'nameserver 127.0.0.2' >>resolv
		# resolv.conf is looked at once a second: asked until there is no answer.
		until [ "$(one)" = 'last: nothing' ] || [ "$SECONDS" -gt 10 ]; do :; done
		one
		wait $!
		echo "exit $?"
	E
	is 'a changed resolv.conf ends -w before it reads more' "$(unshare -nm bash stale.sh 2>stale.err | tr '\n' ' ')" \
		'last: end last: nothing exit 0 '
	like 'and the log says so' "$(cat stale.err)" 'event=dns-stale'
	got=$(unshare -nm bash hosts.sh 2>/dev/null)
	like '/etc/hosts counts for configured hosts' "$got" 'plan relay.example.*addr 2001:db8::9.addr 192.0.2.9.*plan relay.*addr 192.0.2.9'
	like 'and not for recipient domains' "$got" 'later 4.4.3 unable.*MX.*relay.example'
	like 'no name server configured and none on this machine' "$got" 'MX.x20of.x20other.example:[^ ]*
network no'
else
	skip 'needs a network namespace' 'without network'
fi
done_testing
