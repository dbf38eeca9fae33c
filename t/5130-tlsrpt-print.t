#!/bin/bash
# mox-tlsrpt-send -n: the reports of a day, each as in t/refs/tlsrpt, against a schema of RFC 8460's grammar.
. "$(dirname "$0")/lib.sh"
REFS=$TOP/t/refs/tlsrpt
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
echo $((1795219200 + 3600 - $(date +%s))) >clock
printf 'hostname = "mail.example.org"\nspool = "%s/spool"\n' "$T" >conf
mkdir -p spool/tlsrpt
cp "$REFS/day" spool/tlsrpt/20261120
schema() { /usr/bin/python3 - "$REFS/schema.json" "$1" <<'P'; }
import json, sys
import jsonschema
text = open(sys.argv[2]).read()
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
d, n = json.JSONDecoder(), 0
while text.strip():
    report, end = d.raw_decode(text)
    jsonschema.Draft7Validator(schema).validate(report)
    text = text[end:].lstrip()
    n += 1
print(n)
P

ok "T50 -n prints the reports of the day before" mox-tlsrpt-send -n
cp .out all.got
names() { sed -n 's/^ "report-id": "20261120\.\(.*\)@mail.example.org",$/\1/p' "$1" | paste -sd' '; }
is "of those with a failure: recipient domains, then mail hosts" "$(names all.got)" \
	"dane.example fetch.example invalid.example other.example plain.example stranger.example sts.example webpki.example mx.dane.example"
for d in sts.example fetch.example invalid.example webpki.example stranger.example dane.example other.example mx.dane.example plain.example; do
	mox-tlsrpt-send -n --domain "$d" --day 2026-11-20 >"$d.got"
	[ -z "${UPDATE_REFS:-}" ] || cp "$d.got" "$REFS/$d.ref"
	ok "T51 T60 $d: as in t/refs/tlsrpt" diff "$REFS/$d.ref" "$d.got"
done
# Each type of failure under each type of policy, though not all of them can come about: dane-required is one that nothing here demands.
failures=$(/usr/bin/python3 -c 'import json, sys
print(*json.load(open(sys.argv[1]))["definitions"]["entry"]["properties"]["failure-details"]["items"]["properties"]["result-type"]["enum"])' "$REFS/schema.json")
n=0
for f in $failures; do
	n=$((n + 1))
	printf 'tls %s %s %s mx=mx.every.example to=192.0.2.%s %s\n' $n sts "every.example $f" $n "mxp=*.every.example policy=version:\\x20STSv1" \
		$((n + 20)) tlsa "mx.every.example $f" $n "for=every.example policy=3\\x201\\x201\\x20aa55" $((n + 40)) no-policy-found "every.example $f" $n ''
done >spool/tlsrpt/20261117
mox-tlsrpt-send -n --domain every.example --day 2026-11-17 >every.got
[ -z "${UPDATE_REFS:-}" ] || cp every.got "$REFS/every.example.ref"
ok "T51 T60 each failure under each type of policy: as in t/refs/tlsrpt" diff "$REFS/every.example.ref" every.got
is "T60 whose sums are those of the day" "$(mox-tlsrpt-send parse every.got | awk '$3 != "ok" { n[$2]++; c[$2] += $4 } END { for (k in n) print k, n[k], c[k] }' | sort | paste -sd';')" \
	"no-policy-found 11 506;sts 11 66;tlsa 11 286"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
	is "all of them fit the grammar" "$(schema all.got 2>&1 | tail -1)" 9
	is "T55 with each failure under each type of policy" "$(schema every.got 2>&1 | tail -1)" 1
	for w in 's/"sts",/"mx",/' 's/"failed-session-count": 3/"failed-session-count": "3"/' '/"policy-domain"/d' 's/T23:59:59Z/T24:00:00Z/' '/"contact-info"/d' \
		's/certificate-expired/expired/' 's/"receiving-ip": "192.0.2.26"/"receiving-ip": "mx"/' '/"total-successful-session-count"/d'; do
		sed "$w" sts.example.got | sed -z 's/,\(\n *[]}]\)/\1/g' >wrong
		unlike "which refuses what it should: $w" "$(schema wrong 2>/dev/null)" .
	done
else
	skip "no jsonschema for /usr/bin/python3" "the grammar"
fi
echo 'tlsrpt-all-success = true' >>conf
mox-tlsrpt-send -n >all.got
is "T61 tlsrpt-all-success: of the others, too" "$(names all.got)" \
	"dane.example fetch.example fine.example invalid.example other.example plain.example stranger.example sts.example webpki.example mx.dane.example"
mox-tlsrpt-send -n --domain fine.example >fine.got
like "T60 without failures the list of details is empty" "$(tr -d ' \n' <fine.got)" '"failure-details":\[\]'
fails 100 "a domain without results" mox-tlsrpt-send -n --domain none.example
fails 100 "a day without" mox-tlsrpt-send -n --day 20261119
fails 100 "a day that is none" mox-tlsrpt-send -n --day 2026-13-01
fails 100 "a domain that is none" mox-tlsrpt-send -n --domain '[192.0.2.1]'
fails 100 "a verb that is none" mox-tlsrpt-send sned
printf '\0\377\n\nx\n' >spool/tlsrpt/20261118
ok "a file of anything" mox-tlsrpt-send -n --day 2026-11-18
is "has nothing to tell" "$(cat .out)" ""
done_testing
