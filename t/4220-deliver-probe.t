#!/bin/bash
# mox-deliver by hand with demands: the probe -c, and -R; a mox-nexthop of our own answers with the plan in file `plan`.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
"$TOP/t/world/certs" "$T/certs" mx1.example.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" connect = "2s" }\n' "$T" >mox.conf
export MOX_CONF=$T/mox.conf
mkdir b && cp "$MOX_BIN/mox-deliver" b/ && cat >b/mox-nexthop <<X
#!/bin/sh
sed '/^end/q' >$T/request
cat $T/plan
X
chmod +x b/mox-nexthop
PATH=$T/b:$PATH
plan() { # POLICY HOP-LINES...
	printf 'ask 1\nplan example.test\nsite s\ndnssec secure\n'
	[ -z "$1" ] || echo "sts $1 domain=example.test id=1 max-age=86400 mx=*.example.test"
	shift
	printf '%s\n' "$@" 'ttl 60' end
} >plan
tls="C: STARTTLS
S: 220 go
starttls
C: EHLO client.test
S: 250-mx1.example.test hello
S: 250-SIZE 100
S: 250 REQUIRETLS"
key=$("$TOP/t/world/tlsa" certs/good.pem 3 1 1)

mx good <<X
cert $T/certs/good
greet STARTTLS, SIZE 10
$tls
C: QUIT
S: 221 bye
X
mx plain <<'X'
greet SIZE 5
C: QUIT
S: 221 bye
X
mx wrong <<X
cert $T/certs/selfexpired
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
eof
X
plan enforce "hop mx1.example.test pref=0 port=$PORT_good dnssec=secure tls=dane+sts" "names mx1.example.test" "tlsa $key" "addr 127.0.0.2" "addr 127.0.0.1" \
	"hop mx2.example.test pref=1 port=$PORT_plain dnssec=secure tls=sts" "names mx2.example.test" "addr 127.0.0.1" \
	"hop mx3.example.test pref=1 port=$PORT_wrong dnssec=secure tls=sts" "names mx3.example.test" "addr 127.0.0.1" \
	"hop mx4.example.test pref=1 port=1 dnssec=secure tls=sts" "names mx4.example.test" "addr 127.0.0.1"
ok "-c ends well when some hop would get the mail" mox-deliver -c example.test
cp .out out
for s in good plain wrong; do mx_done $s "$s: no MAIL, and an orderly end"; done
spki=$(openssl x509 -in certs/good.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
is "a hop that is proved, at the address that answers" "$(sed '/^end/q' out | sed 's/^tls TLS1.3 .*/tls TLS1.3 X/')" "probe mx1.example.test 127.0.0.1 $PORT_good
greeting mx.test\\x20ESMTP
offers STARTTLS SIZE\\x2010
tls TLS1.3 X
pkix ok
cert CN=mx1.example.test issuer=CN=moxq\\x20test\\x20intermediate names=mx1.example.test not-before=2020-01-01T00:00:00Z not-after=2049-12-31T23:59:59Z spki-sha256=$spki
$(sed -n 's/^cert //p' out | sed -n 2p | sed 's/^/cert /')
offers-in-tls SIZE\\x20100 REQUIRETLS
starttls ok
sts ok
tlsa ok
verified dane
requiretls yes
end"
is "the chain, leaf first" "$(grep -c '^cert ' out) $(grep '^cert CN=moxq' out | cut -d' ' -f2)" "3 CN=moxq\\x20test\\x20intermediate"
rec() { awk -v h="$1" '$1 == "probe" { on = $2 == h } on' out; }
is "one without STARTTLS" "$(rec mx2.example.test)" "probe mx2.example.test 127.0.0.1 $PORT_plain
greeting mx.test\\x20ESMTP
offers SIZE\\x205
starttls starttls-not-supported
sts starttls-not-supported
verified none
error TLS is demanded and was not offered
end"
like "one with a wrong certificate" "$(rec mx3.example.test)" '
pkix certificate-expired the\\x20certificate\\x20has\\x20expired
cert CN=mx1.example.test .*
starttls ok
sts certificate-expired the\\x20certificate\\x20has\\x20expired
verified none
error the server is not proved to be mx3.example.test: the certificate has expired
end$'
is "nobody" "$(rec mx4.example.test)" "probe mx4.example.test 127.0.0.1 1
error Connection refused
end"

mx broken <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go
starttls broken
close
==
greet SIZE
C: QUIT
S: 221 bye
X
plan "" "hop mx1.example.test pref=0 port=$PORT_broken dnssec=insecure tls=may" "addr 127.0.0.1"
ok "-c: mail that would go in plaintext would go" mox-deliver -c example.test
like "and why it would" "$(cat .out)" '
offers SIZE
starttls validation-failure TLS\\x20failed:.*
verified none
end$'
mx_done broken "no MAIL"
plan "" "hop mx1.example.test pref=0 port=1 dnssec=insecure tls=may" "addr 127.0.0.1"
fails 111 "-c: no hop" mox-deliver -c example.test
printf 'ask 1\nnever 5.1.2 no\\x20such\\x20domain\nttl 60\nend\n' >plan
fails 100 "-c: no plan" mox-deliver -c example.test
is "is told" "$(cat .out)" 'probe example.test
error 5.1.2 no\x20such\x20domain
end'
mx bare <<'X'
greet SIZE
C: QUIT
S: 221 bye
X
ok "-c -t" mox-deliver -c -t "127.0.0.1:$PORT" example.test
like "asks that host" "$(cat .out)" "^probe 127\.0\.0\.1 127\.0\.0\.1 $PORT"

# ---- -R ----
mx good <<X
cert $T/certs/good
greet STARTTLS
$tls
C: MAIL FROM:<s@client.test>* REQUIRETLS
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
plan enforce "hop mx1.example.test pref=0 port=$PORT dnssec=secure tls=sts" "names mx1.example.test" "addr 127.0.0.1"
ok "-R: a message that requires TLS" mox-deliver -R -f s@client.test a@example.test <<<hello
mx_done good "says so"
like "authorities are loaded for it" "$(cat .out)" 'verified=pkix'
ok "the planner is asked for it" grep -q '^need secure$' request
plan "" "hop mx1.example.test pref=0 port=1 dnssec=secure tls=may" "addr 127.0.0.1"
fails 111 "-R: a plan that proves nothing" mox-deliver -R -f s@client.test a@example.test <<<hello
like "is no way" "$(cat .out)" '^job 1
rcpt 1 later 0 4\.7\.30 '
fails 100 "-R: an address proves nothing, ever" mox-deliver -R -f s@client.test -t 127.0.0.1:1 a@example.test <<<hello
like "-R: and says so" "$(cat .out)" '^job 1.rcpt 1 never 0 5\.7\.30 - 127\.0\.0\.1.x20is.x20an.x20address'
fails 100 "-R and -s never" mox-deliver -R -s never -t 127.0.0.1:1 a@example.test <<<hello
fails 100 "-c takes no sender" mox-deliver -c -f s@client.test example.test
fails 100 "-c takes domains" mox-deliver -c 'no domain'
done_testing
