#!/bin/bash
# mox-doctor domain, with the real siblings in a DNS world.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
mkdir world
mox-dkim genkey good.pem >/dev/null
mox-dkim genkey -t ed25519 ed.pem >/dev/null
mox-dkim genkey -t ed25519 other.pem >/dev/null
key() { mox-dkim txt "$1"; }
value() { key "$1" | tr -d '()"' | sed 's/^ *//; s/ *$//'; }
cat >world/plain.add <<EOF
good A 192.0.2.25
good AAAA 2001:db8::25
good MX 10 mail.good
mail.good A 192.0.2.25
mail.good AAAA 2001:db8::25
mail.good TXT "v=spf1 a -all"
good TXT "v=spf1 " "ip4:192.0.2.25 include:six.plain.example -all"
good TXT "something=else"
six TXT "v=spf1 ip6:2001:db8::/32 -all"
good2026._domainkey.good TXT $(key good.pem)
ed2026._domainkey.good TXT "$(value ed.pem | sed 's/p=/ p = /')"
_dmarc.good TXT "v=DMARC1; p=reject; rua=mailto:dmarc@good.plain.example"
_smtp._tls.good TXT "v=TLSRPTv1; rua=mailto:tls@good.plain.example"
bad MX 0 .
bad TXT "v=spf1 ip4:198.51.100.1 ~all"
bad TXT "v=spfx"
good2026._domainkey.bad TXT "v=DKIM1; k=rsa; p="
ed2026._domainkey.bad TXT "$(value other.pem)"
test._domainkey.bad TXT "$(value ed.pem); t=y:s"
sha1._domainkey.bad TXT "$(value ed.pem); h=sha1"
twice._domainkey.bad TXT "$(value ed.pem)"
twice._domainkey.bad TXT "$(value other.pem)"
_dmarc.bad TXT "v=DMARC1; p=none; rua=mailto:x@reports.plain.example,mailto:y@takes.plain.example; adkim=s"
bad.plain.example._report._dmarc.takes TXT "v=DMARC1;"
_mta-sts.bad TXT "v=STSv1; id=no-good;"
_smtp._tls.bad TXT "v=TLSRPTv1; rua=ftp://nobody"
loops TXT "v=spf1 include:loops.plain.example -all"
loops A 192.0.2.25
_dmarc.loops TXT "v=DMARC1; p=all"
hard TXT "v=spf1 -all"
sub.bad A 192.0.2.9
several MX 10 mx1.several
several MX 20 MX2.several
several MX 30 mx.theirs
several MX 40 mxofseveral
_smtp._tls.mx1.several TXT "v=TLSRPTv1; rua=mailto:tls@several.plain.example"
EOF
world_start
conf() { # NAME: standard input behind what all have
	{
		printf 'hostname = "mail.good.plain.example"\nspool = "%s/spool"\n' "$T"
		cat world/dns.conf -
	} >"$1.conf"
}
dkim() { printf 'domain "%s.plain.example" { dkim "good2026" { key = "%s/good.pem" } dkim "ed2026" { key = "%s/ed.pem" } }\n' "$1" "$T" "$T"; }
{
	dkim good
	for s in good2026:good ed2026:ed test:ed sha1:ed twice:ed absent:ed; do
		printf '    dkim "%s" { key = "%s/%s.pem" }\n' "${s%:*}" "$T" "${s#*:}"
	done | sed '1s/^/domain "bad.plain.example" {\n/; $s/$/ }/'
	echo 'dnsbl { addresses = { "192.0.2.25", "2001:db8::25" } }'
} | conf all
export MOX_CONF=$T/all.conf
doctor() { mox-doctor domain "$@" >out 2>err; rc=$?; }
about() { sed -n "s/^\([a-z]*\)  *$1  */\1 /p" out; } # WORD: weight and text
P=plain.example

doctor good.$P
is 'SPF from each address, with the lookups it takes' "$(about spf)" "ok good.$P from 192.0.2.25 (as the configuration has it): pass, by 0 of 10 lookups: \"ip4:192.0.2.25\" of good.$P
ok good.$P from 2001:db8::25 (as the configuration has it): pass, by 1 of 10 lookups: \"include:six.plain.example\" of good.$P"
is 'and of the EHLO name' "$(about spf-ehlo | sort -u)" "ok mail.good.$P from 192.0.2.25: pass: \"a\" of mail.good.$P
ok mail.good.$P from 2001:db8::25: pass: \"a\" of mail.good.$P"
is 'DKIM: the keys that sign, however they are written' "$(about dkim)" "ok good2026._domainkey.good.$P is the key that signs here
ok ed2026._domainkey.good.$P is the key that signs here"
is 'DMARC' "$(about dmarc)" "ok _dmarc.good.$P: what fails is refused"
is 'the EHLO name is the address' "$(about ehlo)" "ok mail.good.$P, which is said in EHLO, is 192.0.2.25
ok mail.good.$P, which is said in EHLO, is 2001:db8::25"
is 'answers' "$(about mx)" "ok answers to good.$P go to mail.good.$P"
like 'TLSRPT of the domain, and the record to publish for its server' "$(about tlsrpt)" \
	"^ok _smtp._tls.good.$P has reports go to mailto:tls@good.$P
ok nobody gets reports on TLS to mail.good.$P; publish _smtp._tls.mail.good.$P. TXT \"v=TLSRPTv1; rua=mailto:postmaster@good.$P\"$"
like 'no MTA-STS is no fault' "$(about mta-sts)" "^ok good.$P has no policy for mail to it; .* publish _mta-sts.good.$P. TXT \"v=STSv1; id=1\"$"
like 'no names' "$rc $(about ptr)" '^2 critical 192\.0\.2\.25 \(as the configuration has it\) has no name: many refuse its mail; have whose address it is publish 25\.2\.0\.192\.in-addr\.arpa\. PTR mail\.good\.plain\.example\.'

doctor -a 192.0.2.26 bad.$P
is 'softfail, and what to do' "$(about spf)" "warning bad.$P from 192.0.2.26 (given): softfail, by 0 of 10 lookups: \"~all\" of bad.$P; put ip4:192.0.2.26 into the SPF record of bad.$P"
is 'DKIM: revoked, another, a test, unusable, twice, missing' "$(about dkim | sed 's/; \(publish\|leave\).*//')" "critical good2026._domainkey.bad.$P is revoked, and still signs here
critical ed2026._domainkey.bad.$P is not the key that signs here
warning test._domainkey.bad.$P is the key that signs here, but t=y says that this is a test, and not to be relied on
warning sha1._domainkey.bad.$P is the key that signs here, but its h= leaves out sha256
critical twice._domainkey.bad.$P has 2 TXT records where one is allowed
critical absent._domainkey.bad.$P is not published: no signature by it passes"
is 'the record to publish is the key' "$(about dkim | sed -n 's/.*; publish absent\._domainkey\.bad\.plain\.example\. TXT "\(.*\)"$/\1/p')" "$(value ed.pem)"
is 'DMARC: who is to get reports must say so' "$(about dmarc)" "ok _dmarc.bad.$P: what fails is taken all the same
warning reports to mailto:x@reports.$P are sent by nobody: reports.$P does not say that it takes them; have reports.$P publish bad.$P._report._dmarc.reports.$P. TXT \"v=DMARC1\""
like 'null MX' "$(about mx)" '^warning bad\.plain\.example takes no mail \(null MX\)'
like 'MTA-STS: a record that does not count' "$(about mta-sts)" "^warning the record at _mta-sts.bad.$P does not count: .*; publish _mta-sts.bad.$P. TXT \"v=STSv1; id=1\""
like 'TLSRPT: a record that does not count' "$(about tlsrpt)" "^warning _smtp._tls.bad.$P does not count: .*; publish"
like 'the EHLO name is another address' "$(about ehlo)" "^warning mail.good.$P, which is said in EHLO, is not 192.0.2.26; publish mail.good.$P. A 192.0.2.26"
doctor -a 192.0.2.26 sub.bad.$P
is 'below a domain with a record and keys' "$(about dmarc | head -2)" "ok _dmarc.bad.$P: what fails is taken all the same
warning adkim=s wants signatures of sub.bad.$P itself, and mail is signed for bad.$P; make a domain section for sub.bad.$P, or publish adkim=r"
doctor loops.$P
is 'SPF that goes round' "$(about spf | head -1)" "critical loops.$P from 192.0.2.25 (as the configuration has it): permerror, by 11 of 10 lookups: more than ten terms ask DNS, the last of them \"include:loops.$P\" of loops.$P; mend the SPF record: receivers take it for none, or refuse the mail"
like 'DMARC without a policy' "$(about dmarc)" "^warning the record at _dmarc.loops.$P does not count: its p is none of none, quarantine and reject; mend it: v=DMARC1; p=all"
doctor -a 192.0.2.25 hard.$P
like 'fail' "$rc $(about spf)" "^2 critical hard.$P from 192.0.2.25 \(given\): fail"
like 'nobody can answer' "$(about mx)" "^critical hard.$P takes no mail: it has neither MX record nor address, and many refuse its mail; publish hard.$P. MX 10 mail.good.$P."
doctor -a 192.0.2.25 -a 2001:db8::25 "someone@nothing.$P"
is 'nothing there: the records to publish' "$(about spf)|$(about dkim)|$(about dmarc)" \
	"warning nothing.$P has no SPF record; publish nothing.$P. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all\"|warning mail from nothing.$P is not signed here; mox-dkim genkey, and domain \"nothing.$P\" { dkim \"SELECTOR\" { key = ... } } in $T/all.conf|warning nothing.$P has no DMARC record; publish _dmarc.nothing.$P. TXT \"v=DMARC1; p=none; rua=mailto:postmaster@nothing.$P\""
doctor -a 192.0.2.25 several.$P
is 'TLSRPT of each server below the domain, and of no other' "$(about tlsrpt | sed 's/; publish .* TXT/;/')" "ok nobody gets reports on TLS to several.$P; \"v=TLSRPTv1; rua=mailto:postmaster@several.$P\"
ok _smtp._tls.mx1.several.$P has reports go to mailto:tls@several.$P
ok nobody gets reports on TLS to mx2.several.$P; \"v=TLSRPTv1; rua=mailto:postmaster@several.$P\""
doctor -a 192.0.2.25 fail.example
like 'no answer is no finding' "$(about spf)|$(about mx)" '^unknown fail\.example from 192\.0\.2\.25 \(given\): temperror, .*[|]unknown the MX record of fail\.example cannot be looked up: '
doctor -a 10.0.0.1 good.$P
like 'no public address' "$(about address)" '^ok 10\.0\.0\.1 \(given\) is private, .*unknown no public address is known'
doctor --nagios -a 192.0.2.25 hard.$P
like 'for monitoring' "$rc $(wc -l <out) $(cat out)" '^2 1 MOX DOMAIN CRITICAL - spf: .* [|] addresses=1 spf_pass=0$'
fails 3 'an address has no records' mox-doctor domain '[192.0.2.1]'
fails 3 'one domain' mox-doctor domain

# ---- what NSD here is no authority for: names of addresses, by a stand-in ----
mkdir bin answers
cp "$MOX_BIN/mox-doctor" "$MOX_BIN/mox-dkim" "$MOX_BIN/mox-mtasts" bin/
cat >bin/mox-nexthop <<'X'
#!/bin/bash
set -- "$4" "$6" # -C FILE -q TYPE -- NAME
f="$T/answers/$1 $2"
[ -e "$f" ] && exec cat "$f"
printf 'name %s\ntype %s\nanswer nodata\ndnssec insecure\nttl 60\nend\n' "$2" "$1"
exit 100
X
chmod +x bin/mox-nexthop
q() { printf 'name %s\ntype %s\nanswer data\ndnssec insecure\ndata %s\nttl 60\nend\n' "$2" "$1" "$3" >"answers/$1 $2"; }
unset MOX_CONF
stand() { bin/mox-doctor domain -C all.conf -a 192.0.2.25 -a 2001:db8::25 good.$P >out 2>err; }
q PTR 25.2.0.192.in-addr.arpa mail.good.$P.
q A mail.good.$P 192.0.2.25
q PTR 5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa other.$P.
q AAAA other.$P 2001:db8::26
stand
is 'a name that leads back, and one that does not' "$(about ptr)" "ok 192.0.2.25 (given) is mail.good.$P, and that is 192.0.2.25
critical 2001:db8::25 is said to be other.$P, and that is not 2001:db8::25: many refuse its mail; publish other.$P. AAAA 2001:db8::25"
q AAAA other.$P 2001:db8:0:0:0:0:0:25
stand
like 'addresses are compared, not their spellings' "$(about ptr)" "ok 2001:db8::25 \(given\) is other.$P"
done_testing
