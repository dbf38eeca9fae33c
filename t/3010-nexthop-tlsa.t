#!/bin/bash
# TLSA records in plans, from real zones: DESIGN 10, checklist 3A.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
mkdir world
for r in 1 2 5 11 drop tc; do
	printf '%s\n' "rc$r MX 10 rcode-$r" "rcode-$r A 192.0.2.80" "rc$r MX 20 mx.plain.example." \
		"_25._tcp.rcode-$r TLSA 3 1 1 00"
done >world/dane.add
echo "only-drop MX 10 rcode-drop" >>world/dane.add
world_start
cp world/dns.conf mox.conf
echo "spool = \"$T/spool\"" >>mox.conf
export MOX_CONF=$T/mox.conf

x32=$(printf '1%.0s' {1..64})
plan() { mox-nexthop "$@" 2>&1; }
# hop line without its first word, then names and tlsa lines, of DOMAIN.dane.example
hop() { plan "${@:1:$#-1}" "${!#}.dane.example" | grep -e ^hop -e ^names -e ^tlsa | sed 's/^hop //; s/ pref=.*port=25//; s/\.dane\.example//g'; }
# what DOMAIN.dane.example is refused with
refused() { plan "${@:1:$#-1}" "${!#}.dane.example" | grep -e ^later -e ^never -e '^tls ' | sed 's/\\x20/ /g; s/\.dane\.example//g; s/: .*//'; }

start rcodes python3 "$TOP/t/world/rcodes.py" "$WORLD_PORT"
wait_until test -s rcodes.log
sed "s/@$WORLD_PORT/@$(cat rcodes.log)/" mox.conf >rcodes.conf
start tc mox-nexthop -C rcodes.conf rctc.dane.example
start drop mox-nexthop -C rcodes.conf rcdrop.dane.example only-drop.dane.example

is 'T11 a usable record: DANE' "$(hop ee)" "ee-mx dnssec=secure tls=dane
names ee-mx ee
tlsa 3 1 1 $x32"
is 'T1 TLSA lookup SERVFAIL: later, and counted' "$(refused tlsafail)" 'later 4.4.3 unable to look up TLSA of _25._tcp.tlsafail-mx
tls tlsa tlsafail-mx dnssec-invalid for=tlsafail mx=tlsafail-mx reason=lookup-failed'
is 'T2 TLSA bogus: later, and counted' "$(refused tlsabogus)" 'later 4.4.3 unable to look up TLSA of _25._tcp.tlsabogus-mx
tls tlsa tlsabogus-mx dnssec-invalid for=tlsabogus mx=tlsabogus-mx reason=validation-failed'
is 'T3 an unsigned host: its TLSA records are not looked at' "$(plan plain.example | grep -c -e tlsa -e 'tls=may')" 1
is 'T4 AAAA bogus: DANE goes on with A' "$(plan sixbogus.dane.example | grep -e ^hop -e ^addr | sed 's/.*tls=//')" 'dane
addr 192.0.2.73'
is 'T4 A bogus: DANE goes on with AAAA' "$(plan fourbogus.dane.example | grep -e ^hop -e ^addr | sed 's/.*tls=//')" 'dane
addr 2001:db8::4'
is 'T5 proved that there is none: opportunistic' "$(hop none)" 'none-mx dnssec=secure tls=may
names none-mx none'
is 'T5 an unsigned zone below: opportunistic' "$(hop unsigned)" 'unsigned-mx dnssec=secure tls=may
names unsigned-mx unsigned'
# An attempt that no longer waits for a policy, which cannot be looked up there either (T46).
like 'T5 denied without proof in a signed zone: later' "$(printf 'ask 1\ndomain noproof.example\nattempts 3\nend\n' | mox-nexthop -w 2>&1)" 'later 4\.4\.3 .*TLSA.*noproof.*dnssec-invalid'

is 'T6 host is an alias, chain secure: the final name is the base' "$(hop alias)" "alias-mx dnssec=secure tls=dane base=ee-mx
names ee-mx alias-mx alias
tlsa 3 1 1 $x32"
is 'T6 no records there: the original name' "$(hop aliasown)" "aliasown-mx dnssec=secure tls=dane
names aliasown-mx none-mx aliasown
tlsa 3 1 1 $x32"
is 'T6 a failure there is not passed over' "$(refused aliasfail | tail -1)" \
	'tls tlsa tlsafail-mx dnssec-invalid for=aliasfail mx=aliasfail-mx reason=lookup-failed'
is 'T6 chain insecure behind a secure first link: the original name alone' "$(hop aliasout)" "aliasout-mx dnssec=insecure tls=dane
names aliasout-mx aliasout
tlsa 3 1 1 $x32"
is 'T6 first link insecure: none' "$(hop aliasback)" 'back.plain.example dnssec=insecure tls=may
names back.plain.example aliasback'
is 'T7 TLSA owner is an alias' "$(hop shared)" "shared-mx dnssec=secure tls=dane
names shared-mx shared
tlsa 3 1 1 $x32"
is 'T7 into an unsigned zone: no records' "$(hop sharedout)" 'sharedout-mx dnssec=secure tls=may
names sharedout-mx sharedout'
is 'T7 in a circle: later' "$(refused sharedloop | head -1)" 'later 4.4.3 unable to look up TLSA of _25._tcp.sharedloop-mx'
is 'T8 unsigned MX, signed host: DANE, and the plan says insecure' \
	"$(plan todane.plain.example | grep -e ^dnssec -e ^hop -e ^names)" 'dnssec insecure
hop ee-mx.dane.example pref=10 port=25 dnssec=secure tls=dane
names ee-mx.dane.example'
fails 100 'T8 not for REQUIRETLS' mox-nexthop -R todane.plain.example
like 'T8 and why' "$(plan -R todane.plain.example)" '^never 5\.7\.30 '
is 'T9 no MX: the domain has its own records' "$(hop self)" "self dnssec=secure tls=dane
names self
tlsa 3 1 1 $x32"
is 'T10 no MX behind an alias: both names' "$(hop selfalias | sed -n 2p)" 'names self selfalias'
is 'T10 alias of the domain: both its names' "$(hop domalias | sed -n 2p)" 'names ee-mx domalias ee'
is 'T15 T16 usages 0 and 1: TLS with anybody' "$(hop old)" "old-mx dnssec=secure tls=dane-unusable
names old-mx old
tlsa 0 0 1 $x32
tlsa 1 0 1 $x32"
is 'T16 T18 unknown selector, type, usage, wrong length: likewise' "$(hop odd | head -1)" 'odd-mx dnssec=secure tls=dane-unusable'
is 'T16 and all of them in the plan' "$(hop odd | grep -c ^tlsa)" 5
is 'T17 one of them usable' "$(hop mixed)" "mixed-mx dnssec=secure tls=dane
names mixed-mx mixed
tlsa 1 0 1 $x32
tlsa 2 1 1 $x32"
is 'T21 a relay has its records at its port' "$(plan -r -p 587 relay.dane.example | grep -e ^hop -e ^tlsa)" \
	"hop relay.dane.example pref=0 port=587 dnssec=secure tls=dane
tlsa 3 1 1 $x32"
like 'T21 and none at another' "$(plan -r relay.dane.example)" 'port=25 dnssec=secure tls=may'
is 'T22 a literal has none' "$(plan '[192.0.2.73]' | grep -c 'tls=may')" 1
fails 100 'T22 nor enough for REQUIRETLS' mox-nexthop -R '[192.0.2.73]'
is 'T24 a set that needs TCP is whole' "$(plan wide.dane.example | grep -c '^tlsa 3 1 2')" 30
is 'T25 first host broken, second unsigned: the second' "$(plan second.dane.example | sed -n 's/^hop \([^ ]*\).*tls=/\1 /p')" 'mx.plain.example may'
like 'T25 and the first is counted' "$(plan second.dane.example)" 'tls tlsa tlsafail-mx.dane.example dnssec-invalid'
like 'T25 and told of' "$(plan -v second.dane.example)" 'note tlsafail-mx.dane.example is left out: '
is 'T26 IDN host' "$(hop idn)" "xn--bcher-kva dnssec=secure tls=dane
names xn--bcher-kva idn
tlsa 3 1 1 $x32"
printf 'dns {\n forward = { "127.0.0.1@%s" }\n trust-anchor = "none"\n}\n' "$WORLD_PORT" >off.conf
is 'T23 without validation there is no DANE' "$(mox-nexthop -C off.conf ee.dane.example 2>/dev/null | grep -e ^hop -e ^tlsa | sed 's/.* dnssec/dnssec/')" \
	'dnssec=insecure tls=may'

is 'T62 REQUIRETLS: DANE' "$(hop -R ee | head -1)" 'ee-mx dnssec=secure tls=dane'
is 'T63 unusable records do not satisfy it' "$(refused -R old)" \
	'never 5.7.30 the message requires TLS that is proved, and neither DANE nor MTA-STS proves a mail host of old'
is 'T62 a lookup that failed leaves the question open' "$(refused -R tlsafail | cut -c1-11)" 'later 4.4.3
tls tlsa tl'
is 'T62 only what is proved stays' "$(refused -R second | cut -c1-11)" 'later 4.4.3
tls tlsa tl'
is 'T66 TLS-Required: No: records for counting alone' "$(hop -L ee)" "ee-mx dnssec=secure tls=may
names ee-mx ee
tlsa 3 1 1 $x32"
is 'T66 a broken zone does not matter' "$(hop -L tlsafail | head -1)" 'tlsafail-mx dnssec=secure tls=may'
like 'T66 and is counted' "$(plan -L tlsafail.dane.example)" 'tls tlsa tlsafail-mx.dane.example dnssec-invalid'

for r in 1 2 5 11; do
	got=$(mox-nexthop -C rcodes.conf rc$r.dane.example | sed -n 's/^hop \([^ ]*\).*/\1/p; s/^tls //p')
	is "T1 TLSA lookup answered with code $r: the host is left out" "$got" "mx.plain.example
tlsa rcode-$r.dane.example dnssec-invalid for=rc$r.dane.example mx=rcode-$r.dane.example reason=lookup-failed"
done

# ---- -w: wishes, and what is given once ----
{
	printf 'ask 1\ndomain ee.dane.example\nneed secure\nend\nask 2\ndomain ee.dane.example\nneed lenient\nend\n'
	printf 'ask 3\ndomain ee.dane.example\nend\nask 4\ndomain ee.dane.example\nneed whatever\nend\n'
	printf 'ask 5\ndomain second.dane.example\nend\nask 6\ndomain second.dane.example\nend\n'
	printf 'ask 7\ndomain old.dane.example\nneed secure\nend\nask 8\nhost ee-mx.dane.example\nstarttls must\nneed secure\nend\n'
} >requests
mox-nexthop -w <requests >answers 2>worker.err
answer() { awk -v n="$1" '/^ask / {on = $2 == n} on' answers; }
like 'need secure' "$(answer 1)" 'tls=dane'
like 'need lenient: a plan of its own' "$(answer 2)" 'tls=may'
like 'no need: an ordinary one' "$(answer 3)" 'tls=dane'
like 'a need nobody knows is no ordinary one' "$(answer 4)" 'later 4\.3\.5 malformed'
is 'T54 results are given once' "$(grep -c '^tls ' answers)" 1
is 'T25 and logged once' "$(grep -c 'event=host-skipped domain=second.dane.example .*tlsafail-mx' worker.err)" 1
like 'T63' "$(answer 7)" 'never 5\.7\.30'
like 'T68 a relay with starttls must is not enough for REQUIRETLS' "$(answer 8)" 'never 5\.7\.30'
fit() { answer "$1" | sed -n 's/^fit //p'; }
is 'T101 plans of one demand fit' "$(fit 5)" "$(fit 6)"
ok 'T101 those of another do not' test -n "$(fit 2)" -a "$(fit 2)" != "$(fit 3)"

# ---- does validation work? ----
known() { # GOOD BAD
	sed '$d' world/dns.conf >known.conf
	printf '\tknown-good = "%s"\n\tknown-bad = "%s"\n}\n' "$1" "$2" >>known.conf
	mox-nexthop -C known.conf -t
}
is 'T23 self-test: it works' "$(known secure.example a.bogus.example)" 'validation works
known-good secure.example absent
known-bad a.bogus.example bogus
end'
like 'T23 what is signed came unsigned' "$(known mx.plain.example a.bogus.example)" 'validation broken.*mx.plain.example insecure.*why mx.plain.example is signed'
is 'T23 exit code' "$(known mx.plain.example '' >/dev/null; echo $?)" 100
like 'T23 what is forged came as good' "$(known secure.example mx1.secure.example)" 'validation broken.*why the signature of mx1.secure.example'
mkfifo hold
mox-nexthop -C known.conf -w <hold >/dev/null 2>alert &
pid=$!
_pids+=("$pid")
exec 7>hold
printf 'ask 1\nhost 127.0.0.1\nloopback yes\nend\nask 2\ndomain gone.example\nend\n' >&7
wait_until grep -q event= alert
like 'T23 -w says it loudly with its first domain' "$(cat alert)" 'level=alert event=dnssec-broken .*mx1\.secure\.example'
exec 7>&-
wait "$pid"
printf 'ask 1\ndomain [127.0.0.1]\nend\nask 2\ndomain gone.example\nend\n' >requests
ok '-w does not wait for it' mox-nexthop -C known.conf -w <requests
is 'nobody can tell' "$(known fail.example gone.example >/dev/null; echo $?)" 111
is 'off, by names' "$(known '' '')" 'validation off
end'
is 'off, by trust anchor' "$(mox-nexthop -C off.conf -t 2>/dev/null)" 'validation off
end'
printf 'dns {\n forward = { "127.0.0.1@1" }\n}\n' >down.conf
fails 111 'T128 no network: unknown' mox-nexthop -C down.conf -t
mox-nexthop -C down.conf -w <requests >/dev/null 2>alert
is 'T128 and silent' "$(cat alert)" ''

# ---- known support, written by the words of spool-layout.txt ----
unlike 'support: nothing is known' "$(plan -v ee.dane.example)" 'support starttls'
mkdir spool
cat >support.py <<'E'
import struct
M = 2**64 - 1
def place(f, domain, minutes, flags):
    h = 14695981039346656037
    for c in domain.encode():
        h = (h ^ c) * 1099511628211 & M
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9 & M
    h = (h ^ h >> 27) * 0x94d049bb133111eb & M
    h ^= h >> 31
    b = struct.pack("<QIB", h, minutes, flags)
    c = 2166136261
    for x in b:
        c = (c ^ x) * 16777619 & 0xffffffff
    f.seek(h % 16384 * 64)
    f.write(b + struct.pack("<I", (c ^ c >> 24) & 0xffffff)[:3])
with open("spool/support", "wb") as f:
    place(f, "ee.dane.example", 29920620, 1)
    place(f, "xn--bcher-kva.example", 29920621, 3)
    place(f, "gone.dane.example", 0, 0)
E
python3 support.py
like 'support: what was seen' "$(plan -v ee.dane.example)" '
support starttls=yes requiretls=no seen=2026-11-21T05:00:00Z
end$'
like 'support: of an IDN' "$(plan -v bücher.example)" 'support starttls=yes requiretls=yes seen=2026-11-21T05:01:00Z'
like 'support: of a domain without a plan' "$(plan -v gone.dane.example)" '^never .*support starttls=no requiretls=no seen=1970-01-01T00:00:00Z'
unlike 'support: not known of another' "$(plan -v none.dane.example)" 'support starttls'
unlike 'support: only with -v' "$(plan ee.dane.example)" 'support'

wait "$PID_tc" "$PID_drop"
is 'T24 an answer cut short that cannot be had whole is no empty one' "$(sed -n 's/^hop \([^ ]*\).*/\1/p' tc.log)" mx.plain.example
is 'T1 TLSA lookup without answer: the host is left out' "$(sed -n 's/^hop \([^ ]*\).*/\1/p' drop.log)" mx.plain.example
like 'T1 and later without another' "$(cat drop.log)" 'later 4\.4\.3 [^ ]*TLSA[^ ]*rcode-drop'
unlike 'T1 it counts as an attempt' "$(cat drop.log)" 'network no'
done_testing
