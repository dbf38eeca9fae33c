#!/bin/bash
# Plans from real, signed zones.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
export WORLD_MANY=200
world_start
{
	echo 'hostname = "me.plain.example"'
	cat "$T/world/dns.conf"
} >mox.conf
export MOX_CONF=$T/mox.conf

plan() { mox-nexthop "$@" 2>&1 | sed /^fit/d; }
# hop lines and what belongs to them, hops of equal preference sorted, one hop a line
hops() { plan "$@" | awk '/^hop/ {if (h) print h; h = $2 " " $3 " " $5; next} /^addr/ {h = h " " $2} END {print h}' | sort -t= -k2n; }
field() { # KEY: its value in standard input
	sed -n "s/^$1 //p" | sed 's/\\x20/ /g'
}

is 'a signed domain: the whole plan' "$(plan v6.secure.example)" 'plan v6.secure.example
site v6only.secure.example
dnssec secure
hop v6only.secure.example pref=10 port=25 dnssec=secure tls=may
names v6only.secure.example v6.secure.example
addr 2001:db8::16
ttl 3600
end'
is 'hosts in order, each with its own security' "$(hops secure.example)" 'mx1.secure.example pref=10 dnssec=secure 2001:db8::11 192.0.2.11
mx2.secure.example pref=10 dnssec=secure 192.0.2.12
mx3.plain.example pref=20 dnssec=insecure 192.0.2.23'
is 'the site is the set of the best preference' "$(plan secure.example | field site)" 'mx1.secure.example,mx2.secure.example'
is 'an unsigned domain is insecure' "$(plan plain.example | field dnssec)" insecure
is 'T9 no MX, denied securely' "$(plan bare.secure.example | sed -n '3,5p')" 'dnssec secure
hop bare.secure.example pref=0 port=25 dnssec=secure tls=may
names bare.secure.example'
is 'no MX, unsigned' "$(hops bare.plain.example)" 'bare.plain.example pref=0 dnssec=insecure 192.0.2.24'
fails 111 'a broken signature is later' mox-nexthop bogus.example
like 'and says so' "$(plan bogus.example)" '^later 4\.4\.3 unable.*bogus\.example.*signature'
fails 111 'a signature that ran out is later' mox-nexthop expired.example
like 'and says so' "$(plan expired.example)" '^later 4\.4\.3 .*expired'
fails 111 'SERVFAIL is later' mox-nexthop fail.example
unlike 'a name server that answers SERVFAIL is reached: this counts as an attempt' "$(plan fail.example)" 'network'
fails 100 'NXDOMAIN is never' mox-nexthop gone.secure.example
like 'NXDOMAIN is 5.1.2' "$(plan gone.secure.example)" '^never 5\.1\.2 '
fails 100 'null MX is never' mox-nexthop null.secure.example
like 'null MX is 5.1.10' "$(plan null.secure.example)" '^never 5\.1\.10 '
like 'neither MX nor address is 5.4.4' "$(plan empty.plain.example)" '^never 5\.4\.4 '
like 'MX hosts that do not exist are 5.4.4' "$(plan nohost.plain.example)" '^never 5\.4\.4 '
like 'an MX that is an address is no host' "$(plan ip.plain.example)" '^never 5\.4\.4 '
like 'a domain that is an alias for nothing' "$(plan dangling.plain.example)" '^never 5\.1\.2 '

is 'T10 alias inside a signed zone' "$(plan alias.secure.example | sed -n '2,5p')" 'site mx1.secure.example
dnssec secure
hop mx1.secure.example pref=5 port=25 dnssec=secure tls=dane
names mx1.secure.example alias.secure.example target.secure.example'
is 'T10 alias out into an unsigned zone' "$(plan out.secure.example | sed -n '2,5p')" 'site mx.plain.example
dnssec insecure
hop mx.plain.example pref=10 port=25 dnssec=insecure tls=may
names mx.plain.example'
fails 111 'aliases in a circle are later' mox-nexthop loop1.secure.example
is 'T6 MX host is an alias, chain secure' "$(plan cnhost.secure.example | grep -A2 ^hop)" 'hop hostalias.secure.example pref=10 port=25 dnssec=secure tls=may
names hostalias.secure.example mx2.secure.example cnhost.secure.example
addr 192.0.2.12'
is 'T6 MX host is an alias into an unsigned zone' "$(plan cnplain.secure.example | grep -A2 ^hop)" 'hop plainalias.secure.example pref=10 port=25 dnssec=insecure tls=may
names plainalias.secure.example cnplain.secure.example
addr 192.0.2.21'
fails 111 'T2 the only host has bogus addresses' mox-nexthop badhost.secure.example
is 'a host with bogus addresses is skipped' "$(hops mixed.secure.example)" 'mx1.secure.example pref=20 dnssec=secure 2001:db8::11 192.0.2.11'
is 'T26 IDN' "$(plan 'BÜCHER.example' | grep -e ^plan -e ^site)" 'plan xn--bcher-kva.example
site mail.xn--bcher-kva.example'
is 'T22 address literals' "$(plan '[192.0.2.7]' '[IPv6:2001:db8::7]' | grep -e ^hop -e ^names -e ^addr)" 'hop [192.0.2.7] pref=0 port=25 dnssec=insecure tls=may
addr 192.0.2.7
hop [IPv6:2001:db8::7] pref=0 port=25 dnssec=insecure tls=may
addr 2001:db8::7'

is 'T24 an answer that needs TCP is whole' "$(mox-nexthop -q MX big.example | grep -c '^data 10 a-rather')" 40
is 'T24 and makes a plan' "$(plan big.example | grep -c '^hop')" 20
is 'T24 secure over TCP too' "$(plan big.example | field dnssec)" secure
is 'many addresses: so many as a record takes' "$(plan wide.big.example | grep -c '^addr')" 16

is 'T96 our own host and those behind it are cut' "$(hops self.plain.example)" 'mx.plain.example pref=10 dnssec=insecure 192.0.2.21'
like 'T96 nobody but us: a loop' "$(plan onlyme.plain.example)" '^never 5\.4\.6 '
like 'T96 loopback is refused' "$(plan local.plain.example)" '^never 5\.4\.4 '
like 'T96 the unspecified address is refused' "$(plan zero.plain.example)" '^never 5\.4\.4 '
is 'loopback is taken with -l' "$(hops -l local.plain.example)" 'lo.plain.example pref=10 dnssec=insecure ::1 127.0.0.1'
is '-4' "$(hops -4 secure.example | head -1)" 'mx1.secure.example pref=10 dnssec=secure 192.0.2.11'
like '-6' "$(plan -6 plain.example)" '^never 5\.4\.4 '
firsts=$(for i in {1..24}; do plan secure.example | grep -m1 ^hop; done | sort -u | wc -l)
is 'T96 equal preferences take turns' "$firsts" 2

is '-r: a relay by name, no MX' "$(plan -r -p 587 mx1.secure.example)" 'plan mx1.secure.example
site mx1.secure.example:587
dnssec secure
hop mx1.secure.example pref=0 port=587 dnssec=secure tls=may
names mx1.secure.example
addr 2001:db8::11
addr 192.0.2.11
ttl 3600
end'
like '-r: a relay without address is later' "$(plan -r gone.plain.example)" '^later 4\.3\.5 '

is '-q answers what it got' "$(mox-nexthop -q txt TEXT.secure.example.)" 'name text.secure.example
type TXT
answer data
dnssec secure
data "one" " two"
ttl 3600
end'
like '-q TLSA' "$(mox-nexthop -q TLSA _25._tcp.mx1.secure.example)" 'data 3 1 1 0000'
fails 100 '-q: no such data' mox-nexthop -q MX bare.secure.example
fails 100 '-q: no such name' mox-nexthop -q MX gone.secure.example
fails 111 '-q: bogus' mox-nexthop -q MX bogus.example
unlike '-q: bogus data is not shown' "$(mox-nexthop -q MX bogus.example)" 'data '
like '-q .' "$(mox-nexthop -q NS .)" 'data ns.example.'

many=$(for ((i = 1; i <= 200; i++)); do echo "d$i.many.example"; done)
# shellcheck disable=SC2086
is 'many domains: plans in the order asked' "$(plan $many gone.example | grep -e ^plan -e ^never | cut -c1-24 | tr '\n' ' ' | cut -d' ' -f1-6)" \
	'plan d1.many.example plan d2.many.example plan d3.many.example'
# shellcheck disable=SC2086
is 'and all of them' "$(plan $many | grep -c ^plan)" 200
fails 111 'never and later: later' mox-nexthop gone.example fail.example plain.example
fails 100 'some never' mox-nexthop gone.example plain.example
ok 'all have plans' mox-nexthop plain.example secure.example

fails 100 'no argument' mox-nexthop
fails 100 'a bad port' mox-nexthop -p 0 plain.example
fails 100 'a bad type' mox-nexthop -q MY plain.example
ok '-h' mox-nexthop -h
ok '-V' mox-nexthop -V
echo 'dns { trust-anchor = "/nonexistent" }' >bad.conf
fails 100 'a trust anchor that is missing' mox-nexthop -C bad.conf plain.example
printf 'nothing\n' >empty.anchor
echo "dns { trust-anchor = \"$T/empty.anchor\" }" >bad.conf
fails 100 'a trust anchor without keys' mox-nexthop -C bad.conf plain.example
echo 'dns { forward = { "localhost" } }' >bad.conf
fails 100 'a forwarder that is no address' mox-nexthop -C bad.conf plain.example
printf 'dns {\n forward = { "127.0.0.1@%s" }\n trust-anchor = "none"\n}\n' "$WORLD_PORT" >off.conf
like 'T23 without trust anchor nothing is secure' "$(mox-nexthop -C off.conf bogus.example secure.example 2>err)" 'dnssec insecure.*dnssec insecure'
like 'T23 and the log says so' "$(cat err)" 'level=warn event=dnssec-off'
done_testing
