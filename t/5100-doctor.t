#!/bin/bash
# mox-doctor transport: what it makes of the answers of its siblings (stand-ins beside a copy of it), then the real ones in a DNS world.
. "$(dirname "$0")/lib.sh"
mkdir bin answers
cp "$MOX_BIN/mox-doctor" bin/
cat >bin/sibling <<'EOF'
#!/bin/bash
f="$T/answers/${0##*/} $*"
echo "${0##*/} $*" >>"$T/asked"
if [ -e "$f.run" ]; then . "$f.run"; fi
if [ -e "$f" ]; then exec cat "$f"; fi
case "$*" in
-q*) printf 'name %s\ntype %s\nanswer nodata\ndnssec secure\nttl 60\nend\n' "$3" "$2"; exit 100 ;;
esac
echo "${0##*/}: unable to help: nothing is known here" >&2
exit 111
EOF
chmod +x bin/sibling
for s in mox-nexthop mox-mtasts mox-deliver; do ln -s sibling bin/$s; done

says() { cat >"answers/$*"; }                       # SIBLING ARGS: its output on standard input
q() { # TYPE NAME SECURE DATA...: an answer of mox-nexthop -q
	local type=$1 name=$2 secure=$3
	shift 3
	{
		printf 'name %s\ntype %s\nanswer data\ndnssec %s\n' "$name" "$type" "$secure"
		printf 'data %s\n' "$@"
		printf 'ttl 60\nend\n'
	} | says mox-nexthop -q "$type" "$name"
}
plan() { { printf 'plan %s\nsite x\n' "$1"; cat; printf 'ttl 60\nend\n'; } | says mox-nexthop -v -- "$1"; }
strict() { { printf 'plan %s\nsite x\n' "$1"; cat; printf 'ttl 60\nend\n'; } | says mox-nexthop -R -- "$1"; }
refuse() { # DOMAIN REASON: no way for REQUIRETLS
	printf 'never 5.7.30 %s\nttl 60\nend\n' "${2// /\\x20}" | says mox-nexthop -R -- "$1"
}
clean() { rm -f answers/* asked; }
doctor() { bin/mox-doctor transport "$@" >out 2>err; rc=$?; }
verdict() { head -1 out; }
remarks() { sed -n 's/^  [!-] //p' out; }
json() { python3 -c 'import json,sys; d = json.loads(sys.stdin.read()); print(eval(sys.argv[1]))' "$1" <out; }
TLSA=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# ---- one destination with everything ----
plan example.com <<EOF
dnssec secure
sts enforce domain=example.com id=20260101 max-age=604800 mx=*.example.com
hop mx1.example.com pref=10 port=25 dnssec=secure tls=dane+sts
names mx1.example.com example.com
tlsa 3 1 1 $TLSA
tlsa 1 1 1 $TLSA
addr 2001:db8::25
addr 192.0.2.25
hop mx2.example.com pref=20 port=25 dnssec=insecure tls=sts
names mx2.example.com
addr 192.0.2.26
support starttls=yes requiretls=no seen=2026-11-18T11:06:40Z
EOF
strict example.com <<EOF
dnssec secure
hop mx1.example.com pref=10 port=25 dnssec=secure tls=dane+sts
tlsa 3 1 1 $TLSA
addr 192.0.2.25
hop mx2.example.com pref=20 port=25 dnssec=insecure tls=sts
addr 192.0.2.26
EOF
q MX example.com secure '10 mx1.example.com.' '20 mx2.example.com.' '30 other.example.net.'
q A mx1.example.com secure 192.0.2.25
q AAAA mx1.example.com secure 2001:db8::25
q TLSA _25._tcp.mx1.example.com secure "3 1 1 $TLSA" "1 1 1 $TLSA"
q A mx2.example.com insecure 192.0.2.26
q TLSA _25._tcp.mx2.example.com secure "3 1 1 $TLSA"
q A other.example.net secure 192.0.2.99
q TXT _mta-sts.example.com secure '"v=STSv1; " "id=20260101;"'
q TXT _smtp._tls.example.com secure '"v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example.com/v1"'
says mox-mtasts fetch example.com <<'EOF'
sts 1
domain example.com
id 20260101
mode enforce
max-age 604800
mx *.example.com
fetched 1
used 1
end
EOF
printf 'validation works\nend\n' | says mox-nexthop -t
doctor user@example.com
cat >ref <<'EOF'
mail to example.com is sent with DANE to some of its servers, with MTA-STS to the others

mx             signed: 10 mx1.example.com., 20 mx2.example.com., 30 other.example.net.
server         mx1.example.com: must prove itself by its TLSA records, and stand in the policy
  addresses    signed: 2001:db8::25, 192.0.2.25
  tlsa         signed: 3 1 1 e3b0c44298fc1c14..., 1 1 1 e3b0c44298fc1c14...
  - The TLSA record 1 1 1 e3b0c442... does not count: usages 0 and 1 are not for mail.
server         mx2.example.com: must prove itself by its certificate (MTA-STS)
  addresses    unsigned: 192.0.2.26
  tlsa         signed: 3 1 1 e3b0c44298fc1c14...
  ! Its TLSA records do not count: they are signed, but its addresses are not (RFC 7672 2.2.2).
server         other.example.net: no mail is sent to it
  addresses    signed: 192.0.2.99
  tlsa         none, and that is signed
  ! The MTA-STS policy does not name it: no mail is sent to it.
mta-sts        enforce, servers *.example.com, kept for 7 days, id 20260101
tlsrpt         mailto:tls@example.com, https://r.example.com/v1
requiretls     such mail cannot go there: the servers that prove themselves do not offer REQUIRETLS
last seen      STARTTLS yes, REQUIRETLS no, at 2026-11-18T11:06:40Z
resolver       validates DNSSEC
EOF
is 'the whole of a destination' "$(cat out)" "$(cat ref)"
is 'which is fine' "$rc $(cat err)" '0 '
unlike 'without -c nothing is connected to' "$(cat asked)" 'mox-deliver'

doctor -j example.com
is '-j: one line of JSON' "$(wc -l <out)" 1
is '-j: who' "$(json 'd["domain"], d["fate"], d["protection"], d["requiretls"], d["validation"]')" "('example.com', 'sent', 'dane-or-sts', False, True)"
is '-j: servers' "$(json '[(s["host"], s["demand"], s["addresses-secure"], len(s["tlsa-counted"]), s["tried"]) for s in d["servers"]]')" \
	"[('mx1.example.com', 'dane+sts', True, 2, None), ('mx2.example.com', 'sts', False, 0, None), ('other.example.net', None, True, 0, None)]"
is '-j: policy and reports' "$(json 'd["mta-sts"]["mode"], d["mta-sts"]["mx"], d["mta-sts"]["max-age"], d["mta-sts"]["record-id"], d["tlsrpt"]["rua"][0]')" \
	"('enforce', ['*.example.com'], 604800, '20260101', 'mailto:tls@example.com')"
is '-j: remarks' "$(json '[(r["weight"], r["about"]) for r in d["remarks"]]')" \
	"[('note', 'mx1.example.com'), ('problem', 'mx2.example.com'), ('problem', 'other.example.net')]"

# ---- -c: one connection to each server ----
cert="cert CN=mx1.example.com issuer=CN=Mid names=mx1.example.com,*.mail.example not-before=2020-01-01T00:00:00Z not-after=2099-01-01T00:00:00Z spki-sha256=$TLSA"
{
	printf 'probe mx1.example.com 192.0.2.25 25\ngreeting mx1.example.com ESMTP\noffers PIPELINING STARTTLS\noffers-in-tls PIPELINING REQUIRETLS\npkix certificate-not-trusted nobody\\x20knows\\x20it\nstarttls ok\ntls TLS1.3 AES-256-GCM\nverified dane\nsts ok\ntlsa ok\nrequiretls yes\n%s\ncert CN=Mid issuer=CN=Root\nend\n' "$cert"
	printf 'probe mx2.example.com 192.0.2.26 25\nerror connection refused\nend\n'
} | says mox-deliver -c -- example.com
doctor -c example.com
is '-c: what came of it' "$(sed -n '/^server *mx1/,/^server *other/p' out | grep -v 'server\|addresses\|tlsa\|count')" '  tried        192.0.2.25 port 25: TLS1.3 AES-256-GCM, proved by DANE, REQUIRETLS offered
  greeting     mx1.example.com ESMTP
  offers       PIPELINING REQUIRETLS
  certificate  CN=mx1.example.com
               for mx1.example.com,*.mail.example
               2020-01-01T00:00:00Z to 2099-01-01T00:00:00Z, signed by CN=Mid
               CN=Mid
               ? to ?, signed by CN=Root
  authorities  certificate-not-trusted nobody knows it
  tried        192.0.2.26 port 25: no TLS, failed
  ! It cannot be used now: connection refused.'
is 'T62 REQUIRETLS has a way' "$(grep ^requiretls out)" 'requiretls     such mail can go there'
is 'one server is enough' "$rc" 0
doctor -cj example.com
is '-cj: what came of it' "$(json '[(t["tls"], t["verified"], t["requiretls"], t["error"], len(t["chain"])) for s in d["servers"] for t in s["tried"]]')" \
	"[('TLS1.3 AES-256-GCM', 'dane', True, None, 2), (None, None, None, 'connection refused', 0)]"
is '-cj: the chain' "$(json 'd["servers"][0]["tried"][0]["chain"][0]["names"]')" 'mx1.example.com,*.mail.example'
sed -i '/^greeting/,/^requiretls/d; s/^cert.*/error certificate matches no TLSA record/' 'answers/mox-deliver -c -- example.com'
doctor -c example.com
is 'no server can be used: mail waits' "$rc $(verdict)" '111 mail to example.com has to wait: no server can be used now: certificate matches no TLSA record'
rm 'answers/mox-deliver -c -- example.com'
doctor -c example.com
is 'nobody could try' "$(remarks | tail -1)" 'The connections could not be tried: mox-deliver: unable to help: nothing is known here.'

# ---- verdicts ----
clean
hops() { # DNSSEC TLS...: a plan with a server for each demand, and the verdict
	local i=0 t
	for t in "${@:2}"; do
		i=$((i + 1))
		printf 'hop mx%d.example.com pref=%d port=25 dnssec=secure tls=%s\n' $i $i "$t"
		[[ $t != dane* ]] || printf 'tlsa 3 1 1 %s\n' $TLSA
		printf 'addr 192.0.2.%d\n' $i
	done >hops
	{ echo "dnssec $1"; cat hops; } | plan example.com
	doctor example.com
	verdict | sed 's/^mail to example.com //'
}
is 'DANE' "$(hops secure dane dane+sts)" 'is sent with DANE: over TLS, to servers that prove themselves by keys signed in DNS'
is 'MTA-STS' "$(hops insecure sts sts)" 'is sent with MTA-STS: over TLS, to servers whose certificate is good for their name'
is 'a way around' "$(hops secure dane may may)" 'is protected on 1 of its 3 servers: who blocks these gets it on the way to the others'
is 'nobody is checked' "$(hops secure dane-unusable must)" 'is always encrypted, but nobody checks for whom'
is 'opportunistic' "$(hops insecure may)" 'is encrypted when the server offers it, and nobody checks for whom'
is 'in the clear' "$(hops insecure none)" 'is sent in the clear, as the configuration says'
hops secure dane-unusable may >out.
is 'T62 REQUIRETLS: not known before anything is' "$(grep ^requiretls out)" 'requiretls     not known whether such mail can go there'
refuse example.com 'nothing proves a host'
hops secure dane-unusable may >out.
is 'T63 REQUIRETLS: no way' "$(grep ^requiretls out)" 'requiretls     such mail cannot go there: nothing proves a host'
hops insecure dane >out.
is 'T8 an unsigned MX' "$(remarks | grep 'MX records are')" 'The MX records are not signed: who forges them chooses the servers. The servers prove only that they are the ones named, which is not enough for REQUIRETLS.'
printf 'never 5.1.10 the\\x20domain\\x20takes\\x20no\\x20mail\nttl 60\nend\n' | says mox-nexthop -v -- null.example
doctor null.example
is 'never' "$rc $(verdict)" '100 mail to null.example can never be delivered: the domain takes no mail (5.1.10)'
printf 'later 4.4.3 a\\x20broken\\x20signature\nttl 60\nend\n' | says mox-nexthop -v -- bogus.example
doctor bogus.example null.example
is 'later' "$rc $(verdict)" '111 mail to bogus.example has to wait: a broken signature (4.4.3)'
is 'several are parted by a blank line' "$(grep -c '^mail to' out) $(grep -B1 '^mail to null' out | head -1)" '2 '
doctor unknown.example
is 'no plan at all' "$rc $(verdict)" '111 mail to unknown.example has to wait: mox-nexthop: unable to help: nothing is known here'

# ---- problems ----
clean
base() { # the usual plan, MX and addresses: one server without anything
	clean
	{ echo 'dnssec secure'; printf 'hop mx.example.com pref=10 port=25 dnssec=%s tls=may\naddr 192.0.2.1\n' "${1:-secure}"; } | plan example.com
	q MX example.com secure '10 mx.example.com.'
	q A mx.example.com "${1:-secure}" 192.0.2.1
}
policy() { # MODE [lines]
	printf 'sts 1\ndomain example.com\nid a\nmode %s\nmax-age 604800\n%bend\n' "$1" "${2:-mx mx.example.com\n}" | says mox-mtasts fetch example.com
	q TXT _mta-sts.example.com secure '"v=STSv1; id=a;"'
}
base
doctor example.com
is 'nothing to say' "$(remarks)" ''
q TLSA _25._tcp.mx.example.com insecure "3 1 1 $TLSA"
doctor example.com
is 'T4 TLSA without a signature' "$(remarks)" 'Its TLSA records do not count: they are not signed, so anybody could have written them.'
printf 'name x\nanswer bogus\ndnssec bogus\nwhy signature expired\nend\n' | says mox-nexthop -q TLSA _25._tcp.mx.example.com
doctor example.com
is 'T3 TLSA that cannot be looked up' "$(remarks)" 'Its TLSA records cannot be looked up: signature expired. Nobody can tell what it demands, so no mail is sent to it.'
base insecure
printf 'name x\nanswer fail\nend\n' | says mox-nexthop -q TLSA _25._tcp.mx.example.com
doctor example.com
is 'of a host without signatures nobody minds' "$(remarks)" ''
base
{ echo 'dnssec secure'; printf 'hop mx.example.com pref=10 port=25 dnssec=secure tls=dane-unusable\ntlsa 3 1 1 abcd\ntlsa 0 0 1 %s\naddr 192.0.2.1\n' $TLSA; } | plan example.com
doctor example.com
is 'T16 unusable records, each with its reason' "$(remarks | head -3 | cut -c1-60)" 'None of its TLSA records can be used: TLS is demanded, but n
The TLSA record 3 1 1 abcd... does not count: the data is no
The TLSA record 0 0 1 e3b0c442... does not count: usages 0 a'
base
q TXT _mta-sts.example.com secure '"v=STSv1; id=a;"' '"v=STSv1; id=b;"'
doctor example.com
is 'T33 two records' "$(remarks)" 'There are 2 MTA-STS records where one is allowed, so none of them counts (RFC 8461 3.1).'
q TXT _mta-sts.example.com secure '"v=STSv1; id=a b;"' '"v=spf1 -all"'
doctor example.com
like 'a wrong record' "$(remarks)" '^The MTA-STS record does not count: '
base
policy enforce 'mx *.example.com\nmx other.example.net\n'
doctor example.com
is 'a pattern for nobody; no TLSRPT' "$(remarks)" 'No mail server matches the pattern other.example.net of the policy.
Nobody is told when TLS fails: there is no TLSRPT record (RFC 8460).'
policy testing 'mx other.example.net\n'
doctor example.com
is 'T63 testing' "$(remarks | head -2)" 'The MTA-STS policy does not name it: once enforced, no mail will be sent to it.
The policy is being tested: what fails it is reported, and mail goes all the same.'
policy none
doctor example.com
is 'none' "$(remarks | head -1)" 'The policy asks for nothing: its owner is taking MTA-STS back.'
printf 'sts 1\ndomain example.com\nresult sts-webpki-invalid\nwhy the certificate ran out\nend\n' | says mox-mtasts fetch example.com
doctor example.com
is 'a policy that cannot be fetched' "$(remarks)" 'The policy cannot be fetched: the certificate ran out (sts-webpki-invalid).'
base
printf 'sts 1\nmode enforce\nmax-age 600\nmx mx.example.com\nend\n' | says mox-mtasts show example.com
doctor example.com
is 'a record that is gone; a short life' "$(remarks | head -2)" 'The record is gone: the policy seen before counts until it is too old.
The policy is kept for 600 seconds only: it protects little mail (RFC 8461 recommends weeks).'
printf 'domain example.com\ntxt none\nend\n' | says mox-mtasts fetch example.com
doctor example.com
is 'also when a fetch finds none' "$(remarks | head -1)" 'The record is gone: the policy seen before counts until it is too old.'
printf 'domain example.com\ntxt good\nresult sts-policy-fetch-error\nwhy no answer\nend\n' | says mox-mtasts fetch example.com
q TXT _mta-sts.example.com secure '"v=STSv1; id=b;"'
doctor example.com
is 'a fetch that fails leaves in force what is kept' "$(sed -n '/^mta-sts/,/^  -/p' out | head -2)" 'mta-sts        enforce, servers mx.example.com, kept for 600 seconds
  ! The policy cannot be fetched: no answer (sts-policy-fetch-error).'
printf 'domain example.com\nmode enforce\nmax-age 600\nmx mx.example.com\nstate expired\nend\n' | says mox-mtasts show example.com
doctor example.com
is 'unless that is too old' "$(grep ^mta-sts out)" 'mta-sts        record with id b, policy not known'
base
q TXT _smtp._tls.example.com insecure '"v=TLSRPTv1;rua=ftp://x"'
doctor example.com
is 'TLSRPT to nowhere' "$(remarks)" 'The TLSRPT record does not count: a report goes to mailto: or https:.'
q TXT _smtp._tls.example.com insecure '"v=TLSRPTv1"'
doctor example.com
is 'TLSRPT without rua' "$(remarks)" 'The TLSRPT record does not count: it has no rua.'
base
q MX example.com secure '10 mx.example.com.' '10 gone.example.com.' '20 alias.example.com.'
printf 'name x\nanswer nxdomain\ndnssec secure\nend\n' | tee 'answers/mox-nexthop -q A gone.example.com' >'answers/mox-nexthop -q AAAA gone.example.com'
printf 'name x\nanswer data\ndnssec secure\ncanon real.example.com\ndata 192.0.2.7\nend\n' >'answers/mox-nexthop -q A alias.example.com'
q TLSA _25._tcp.real.example.com secure "3 1 1 $TLSA"
doctor example.com
is 'hosts that are none' "$(remarks)" 'This name does not exist.
It is an alias of real.example.com: MX records must name hosts (RFC 2181 10.3), and some senders insist.'
is 'T6 the records of an alias stand at its target' "$(grep -A1 'tlsa  *signed' out)" '  tlsa         signed: 3 1 1 e3b0c44298fc1c14...
               at _25._tcp.real.example.com'
base
printf 'validation broken\nwhy the answers for a broken name were taken\nend\n' | says mox-nexthop -t
doctor example.com
is 'a resolver that does not validate' "$(remarks)" 'DNSSEC is not validated on this machine (the answers for a broken name were taken): nothing counts as signed, and DANE is never used.'

base
{ echo 'dnssec secure'; printf 'hop mx.example.com pref=20 port=25 dnssec=secure tls=may\naddr 192.0.2.1\nnote a.example.com is left out: it is not well\nnote b.example.com is left out: it is not there\nnote mx.example.com: TLS when it works\n'; } | plan example.com
q MX example.com secure '10 a.example.com.' '20 mx.example.com.' '10 b.example.com.' '30 me.example.com.'
printf 'name x\nanswer nodata\ndnssec secure\nend\n' | tee 'answers/mox-nexthop -q A b.example.com' >'answers/mox-nexthop -q AAAA b.example.com'
for h in a me; do q A $h.example.com secure 192.0.2.3; done
doctor example.com
is 'who is left out, and why' "$(remarks)" 'No mail is sent to it: it is not well.
This name has no address.
No mail is sent to it from here: it is this machine itself, or no better than it.'

# ---- the page ----
clean
plan example.com <<EOF
dnssec secure
hop mx1.example.com pref=10 port=25 dnssec=secure tls=dane
tlsa 3 1 1 $TLSA
addr 192.0.2.25
hop mx2.example.net pref=20 port=25 dnssec=insecure tls=may
addr 192.0.2.26
EOF
strict example.com <<EOF
dnssec secure
hop mx1.example.com pref=10 port=25 dnssec=secure tls=dane
tlsa 3 1 1 $TLSA
addr 192.0.2.25
EOF
q MX example.com secure '10 mx1.example.com.' '20 mx2.example.net.'
q A mx1.example.com secure 192.0.2.25
q AAAA mx1.example.com secure 2001:db8::25
q TLSA _25._tcp.mx1.example.com secure "3 1 1 $TLSA"
q A mx2.example.net insecure 192.0.2.26
q TLSA _25._tcp.mx2.example.net insecure "3 1 1 $TLSA"
q TXT _smtp._tls.example.com secure '"v=TLSRPTv1; rua=mailto:tls@example.com"'
printf 'validation works\nend\n' | says mox-nexthop -t
page=$TOP/man/mox-doctor.8
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" | sed '/^\./d' >shown
is 'the example of the page: the command' "$(head -1 shown)" '$ mox-doctor transport example.com'
is 'the example of the page: what it prints' "$(PATH=$T/bin:$PATH; eval "$(sed -n '1s/^\$ //p' shown)")" "$(tail -n +2 shown)"
printf '#!/bin/sh\nprintf "example.com\\nexample.com\\n"\n' >bin/mox-queue-list
chmod +x bin/mox-queue-list
sed -n 's/^\.Dl //p' "$page" | grep 'doctor transport' | sed "s/\\\\(aq/'/g" >pasted
is 'the other examples' "$(wc -l <pasted)" 2
while read -r line; do
	like "pasted: $line" "$(PATH=$T/bin:$PATH; eval "$line")" '^mail to example\.com is protected on 1 of its 2 servers'
done <pasted

# ---- hostile answers ----
base
q TXT _mta-sts.example.com insecure '"v=STSv1; id=\x5c027[2J\x5c226\x5c128\x5c174"'
printf 'probe mx.example.com 192.0.2.1 25\ngreeting evil \\x1b[2J\\xe2\\x80\\xae\nerror \\x0aforged line\nend\n' | says mox-deliver -c -- example.com
doctor -c example.com
is 'controls are shown, not obeyed' "$(grep -c $'\033\\|\342\200\256' out) $(grep -c '^forged' out)" '0 0'
doctor -cj example.com
is 'JSON stays JSON' "$(json 'd["servers"][0]["tried"][0]["greeting"]')" 'evil \x1b[2J'$'\342\200\256'
echo 'not a record' | says mox-nexthop -q MX example.com
printf 'plan example.com\nhop' | says mox-nexthop -v -- example.com
head -c 200000 /dev/zero | says mox-nexthop -t
doctor example.com
is 'nonsense is no answer' "$rc $(grep -c 'unable to read the answer' err)" '111 3'
echo 'kill -SEGV $$' >'answers/mox-nexthop -v -- example.com.run'
doctor example.com
is 'a sibling that dies' "$rc $(verdict)" '111 mail to example.com has to wait: mox-nexthop: it ended with code 139'

fails 100 'no section' bin/mox-doctor
fails 100 'no such section' bin/mox-doctor transpor x
fails 100 'no domain' bin/mox-doctor transport
fails 100 'no domain: an option behind' bin/mox-doctor transport -- -c
fails 111 'an output that cannot be written' bash -c 'bin/mox-doctor transport example.com >/dev/full'
done_testing
