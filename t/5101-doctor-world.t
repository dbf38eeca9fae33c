#!/bin/bash
# mox-doctor transport with its real siblings, in a DNS world of its own.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
. "$TOP/t/mx.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
TLSA=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
mkdir world
cat >world/secure.add <<EOF
dane MX 10 mx.dane
mx.dane A 192.0.2.51
_25._tcp.mx.dane TLSA 3 1 1 $TLSA
_25._tcp.mx.dane TLSA 3 1 2 abcd
_smtp._tls.dane TXT "v=TLSRPTv1; rua=mailto:tls@dane.secure.example"
twice MX 10 mx.dane
_mta-sts.twice TXT "v=STSv1; id=1;"
_mta-sts.twice TXT "v=STSv1; id=2;"
half MX 10 mx.dane
half MX 20 mx.believes.plain.example.
EOF
cat >world/plain.add <<EOF
believes MX 10 mx.believes
mx.believes A 192.0.2.52
_25._tcp.mx.believes TLSA 3 1 1 $TLSA
EOF
# Two servers on this machine, on one port: the first shows what its TLSA record says, the second another certificate.
port=$(free_port) login=$(free_port)
"$TOP/t/world/certs" "$T/certs" good.near.secure.example
{
	echo "near MX 10 good.near"
	echo "near MX 20 bad.near"
	echo "good.near A 127.0.0.1"
	echo "bad.near A 127.0.0.2"
	echo "_$port._tcp.good.near TLSA $("$TOP/t/world/tlsa" certs/good.pem 3 1 1)"
	echo "_$port._tcp.bad.near TLSA $("$TOP/t/world/tlsa" certs/self.pem 3 1 1)"
	echo "worse MX 10 bad.near"
	echo "unsafe MX 10 lo.plain.example."
} >>world/secure.add
world_start
{
	echo 'hostname = "me.plain.example"'
	cat world/dns.conf
} >mox.conf
{
	cat mox.conf
	printf 'smtp-port = %d\nca-file = "%s/certs/ca.pem"\ntransport "near" { type = direct loopback = true ipv6 = false }\n' "$port" "$T"
	echo 'secret' >secret && chmod 600 secret
	printf 'transport "hub" { type = submission host = "good.near.secure.example" port = %d username = "me" password-file = "%s/secret" }\n' "$login" "$T"
	printf 'transport "open" { type = smtp host = "good.near.secure.example" port = %d }\n' "$port"
	printf 'transport "wrong" { type = submission host = "bad.near.secure.example" port = %d }\n' "$port"
	printf 'transport "two" { type = smtp host = { "127.0.0.2", "good.near.secure.example" } port = %d }\n' "$port"
	printf 'transport "no" { type = fail }\ntransport "proxy" { type = socks address = "127.0.0.1:9" loopback = true remote-ips = { "192.0.2.9", "2001:db8::9" } }\n'
	printf 'transport "naked" { type = direct loopback = true ipv6 = false starttls = never }\ntransport "relay" { type = smtp host = "x.example" }\n'
} >near.conf
export MOX_CONF=$T/mox.conf MOX_SPOOL=$T/spool
doctor() { mox-doctor transport "$@" >out 2>err; rc=$?; }
remarks() { sed -n 's,^  [!-] ,,p' out; }

doctor dane.secure.example
is 'DANE: the verdict' "$rc $(head -1 out)" '0 mail to dane.secure.example is sent with DANE: over TLS, to servers that prove themselves by keys signed in DNS'
is 'DANE: the facts' "$(sed -n '3,/^tlsrpt/p' out | grep -v '^mta-sts')" "mx             signed: 10 mx.dane.secure.example.
server         mx.dane.secure.example: must prove itself by its TLSA records
  addresses    signed: 192.0.2.51
$(grep '^  tlsa' out)
  - The TLSA record 3 1 2 abcd... does not count: the data is not as long as the digest.
tlsrpt         mailto:tls@dane.secure.example"
like 'DANE: the records' "$(grep '^  tlsa' out)" 'signed: .*3 1 1 e3b0c44298fc1c14\.\.\.'
is 'T4 a zone without signatures that believes in its TLSA records' "$(doctor believes.plain.example; grep -A1 '^  tlsa' out)" \
	'  tlsa         unsigned: 3 1 1 e3b0c44298fc1c14...
  ! Its TLSA records do not count: they are not signed, so anybody could have written them.'
doctor half.secure.example
is 'a way around' "$(head -1 out)" 'mail to half.secure.example is protected on 1 of its 2 servers: who blocks these gets it on the way to the others'
is 'T33 two MTA-STS records' "$(doctor twice.secure.example; grep 'MTA-STS record' out)" \
	'  ! There are 2 MTA-STS records where one is allowed, so none of them counts (RFC 8461 3.1).'
doctor mixed.secure.example
like 'T3 a server whose zone is broken is left out' "$(sed -n '/^server *a.bogus/,/^server *mx1/p' out)" \
	'no mail is sent to it'$'\n''  addresses    wrong signatures.*! Its addresses cannot be looked up: '
doctor cnhost.secure.example
like 'an alias for a server' "$(cat out)" '- It is an alias of mx2\.secure\.example: '
doctor bücher.example
is 'a name in any script' "$rc $(sed -n 's/^mx  *//p' out)" '0 unsigned: 10 mail.xn--bcher-kva.example.'
doctor null.secure.example
is 'null MX' "$rc $(head -1 out)" '100 mail to null.secure.example can never be delivered: null.secure.example takes no mail (null MX) (5.1.10)'
doctor bogus.example
like 'a broken domain' "$rc $(head -1 out)" '^111 mail to bogus\.example has to wait: .*bogus\.example.*\(4\.4\.3\)$'
doctor self.plain.example
like 'this machine among the servers' "$(sed -n '/^server *me\./,/^server *mx3/p' out)" 'No mail is sent to it from here: it is this machine itself'
doctor '[192.0.2.7]'
is 'T22 an address literal' "$rc $(head -1 out)" '0 mail to [192.0.2.7] is encrypted when the server offers it, and nobody checks for whom'
doctor --nagios dane.secure.example plain.example
is 'for monitoring: all well' "$rc $(cat out)" '0 MOX TRANSPORT OK - 2 looked at, all well'
doctor --nagios dane.secure.example null.secure.example bogus.example
like 'for monitoring: what is worst' "$rc $(cat out)" '^2 MOX TRANSPORT CRITICAL - transport: mail to null\.secure\.example can never be delivered: .*; transport: mail to bogus\.example has to wait: '
doctor --nagios bogus.example
is 'for monitoring: a warning' "$rc $(cut -d- -f1 out)" '1 MOX TRANSPORT WARNING '
is 'nothing is complained of' "$(cat err)" ''
doctor -j dane.secure.example plain.example
is 'JSON: a line each' "$(python3 -c 'import json,sys
for l in sys.stdin: d = json.loads(l); print(d["domain"], d["protection"], [s["demand"] for s in d["servers"]])' <out)" \
	"dane.secure.example dane ['dane']
plain.example opportunistic ['may']"

# ---- -c ----
server() { # NAME ADDRESS CERTIFICATE
	mx "$1" -a "$2" -p "$port" <<S
== repeat
cert $T/certs/$3
keywords STARTTLS, REQUIRETLS
S: 220 $1.test
accept
S
}
server good 127.0.0.1 good
server bad 127.0.0.2 other
mx login -p "$login" <<S
== repeat
cert $T/certs/good
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO me.plain.example
S: 250-hub
S: 250 AUTH SCRAM-SHA-256
auth SCRAM-SHA-256 me secret
S
doctor -C near.conf -c -T near near.secure.example
is '-c: one server is enough' "$rc $(head -1 out | cut -d: -f1)" '0 mail to near.secure.example is sent with DANE'
is '-c: a server that proves itself' "$(sed -n '/^server *good/,/^server *bad/p' out | grep '^  \(tried\|greeting\|certificate\|authorities\)' | sed 's/TLS1.3 .*,/TLS1.3,/')" \
	"  tried        127.0.0.1 port $port: TLS1.3, REQUIRETLS offered
  greeting     good.test
  certificate  CN=good.near.secure.example
  authorities  speak for it"
like '-c: one that does not' "$(sed -n '/^server *bad/,/^mta-sts/p' out)" '! It cannot be used now: '
like 'T62 -c: REQUIRETLS' "$(cat out)" $'\n''requiretls     such mail can go there'
doctor -C near.conf -c -T near worse.secure.example
like '-c: nobody proves himself: mail waits' "$rc $(head -1 out)" '^111 mail to worse\.secure\.example has to wait: no server can be used now: '
doctor -C near.conf -c -T near unsafe.secure.example
is '-c: opportunistic' "$rc $(grep -c 'tried .*127.0.0.1.*TLS1.3.* not proved' out)" '0 1'
doctor -C near.conf -cj -T near near.secure.example
is '-cj: chain, verdict and reason' "$(python3 -c 'import json,sys
d = json.load(sys.stdin)
for s in d["servers"]: print([(t["verified"], t["tlsa"] == "ok", len(t["chain"]), bool(t["error"])) for t in s["tried"]])' <out)" \
	"[('dane', True, 2, False)]
[('none', False, 2, True)]"
doctor -C near.conf -c -T naked near.secure.example
is 'what is configured wins' "$(head -1 out)" 'mail to near.secure.example is sent in the clear, as the configuration says'
fails 100 'no such transport' mox-doctor transport -C near.conf -T other near.secure.example
fails 100 'a relay has no domains' mox-doctor transport -C near.conf -T relay near.secure.example
fails 100 'and a direct transport is none' mox-doctor transport -C near.conf -T near
fails 100 'nor is one that refuses' mox-doctor transport -C near.conf -T no

# ---- relays and proxies ----
doctor -C near.conf -T relay
is 'a relay that is not there' "$rc $(head -1 out)" '111 mail by the transport relay has to wait: x.example has no address (4.3.5)'
doctor -C near.conf -c -T open
is 'T21 a relay with signed records, which prove it' "$rc $(head -1 out)" \
	'0 mail by the transport open is sent with DANE: over TLS, to servers that prove themselves by keys signed in DNS'
like 'its server, tried' "$(cat out)" "server         good.near.secure.example: must prove itself by its TLSA records
  addresses    signed: 127.0.0.1
  tlsa         signed: 3 1 1 .*
  tried        127.0.0.1 port $port: TLS1.3 [^ ]*, proved by DANE, REQUIRETLS offered
.*
mta-sts        none, and that is signed
tlsrpt         none, and that is signed
.*
requiretls     such mail can go there
"
unlike 'MX records are no matter' "$(cat out)" $'\nmx '
doctor -C near.conf -c -T hub
is 'submission' "$rc $(head -1 out)" \
	'0 mail by the transport hub is sent over TLS, to servers whose certificate is good for their name, as the configuration says'
like 'its login' "$(cat out)" ', proved by its certificate, logged in by SCRAM-SHA-256, no REQUIRETLS'
unlike 'where the configuration decides no policy is looked for' "$(cat out)" 'mta-sts'
doctor -C near.conf -cj -T hub
is '-j' "$(python3 -c 'import json,sys
d = json.load(sys.stdin); t = d["servers"][0]["tried"][0]; print(d["domain"], d["relay"], d["protection"], t["login"], t["error"])' <out)" 'None hub pkix SCRAM-SHA-256 None'
doctor -C near.conf -c -T wrong
like 'one that is another' "$rc $(head -1 out)" '^111 mail by the transport wrong has to wait: no server can be used now: the server is not proved to be bad.near.secure.example'
doctor -C near.conf -T two
is 'hosts in their order, by address or name' "$rc $(grep ^server out | paste -sd' ')" \
	'0 server         127.0.0.2: TLS when it offers it, whoever it is server         good.near.secure.example: must prove itself by its TLSA records'
is 'of an address nothing is asked' "$(remarks)" ''
doctor -C near.conf -T proxy near.secure.example
is 'through a proxy' "$rc $(head -1 out | cut -d: -f1) $(grep ^proxy out | tr -s ' ')" \
	'0 mail to near.secure.example is sent with DANE proxy 127.0.0.1:9, from which servers see mail come by 192.0.2.9, 2001:db8::9'
doctor -C near.conf -c -T proxy near.secure.example
like 'that does not answer' "$rc $(head -1 out)" '^111 .* no server can be used now: the proxy 127.0.0.1:9: Connection refused$'
done_testing
