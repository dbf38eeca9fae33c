#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-tlsrpt-send parse, show and lookup: reports that came to us, from whoever writes them; a day's results; what a domain wants.
. "$(dirname "$0")/lib.sh"
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
echo $((1795219200 + 3600 - $(date +%s))) >clock
mkdir -p bin spool/tlsrpt
cp "$MOX_BIN/mox-tlsrpt-send" bin/
PATH=$T/bin:$PATH
printf 'hostname = "mail.example.org"\nspool = "%s/spool"\n' "$T" >conf
parse() { timeout 60 mox-tlsrpt-send parse "$@" >out 2>err; }
rows() { cut -f 1-4 out | tr '\t\n' ' ;'; }

# mail.py HOW <JSON: the mail that such a sender makes of it
cat >mail.py <<'P'
import base64, gzip, sys
how = sys.argv[1]
body = sys.stdin.buffer.read()
packed = gzip.compress(body)
def b64(b, eol):
    t = base64.b64encode(b).decode()
    return eol.join(t[i:i + 76] for i in range(0, len(t), 76)) + eol
eol = "\n" if how == "microsoft" else "\r\n"
head = {"google": ["From: noreply-smtp-tls-reporting@google.com", "TLS-Report-Domain: our.example", "TLS-Report-Submitter: google.com",
                   "MIME-Version: 1.0", 'Content-Type: multipart/report; boundary="000000000000aa"; report-type=tlsrpt'],
        "microsoft": ["Received: from x", "\tby y", "From: Microsoft <tlsrpt-noreply@microsoft.com>",
                      "Content-type: multipart/report;", "\treport-type=tlsrpt; boundary=_ab_='c", "MIME-Version: 1.0"],
        "mail.ru": ["From: tlsrpt@corp.mail.ru", 'Content-Type: multipart/mixed; boundary="=-x y"', "MIME-Version: 1.0"],
        "alone": ["From: a@b", 'Content-Type: application/tlsrpt+gzip; name="x.json.gz"', "Content-Transfer-Encoding: BASE64"],
        "quoted": ["From: a@b", "Content-Type: application/tlsrpt+json", "Content-Transfer-Encoding: quoted-printable"]}[how]
out = eol.join(head) + eol + eol
part = {"google": ("000000000000aa", "application/tlsrpt+gzip", packed),
        "microsoft": ("_ab_='c", "Application/TLSRPT+gzip", packed),
        "mail.ru": ("=-x y", "application/octet-stream", packed)}.get(how)
if part:
    out += f"preamble{eol}--{part[0]}{eol}Content-Type: text/plain; charset=utf-8{eol}{eol}A report. {{}}{eol}"
    out += f"--{part[0]}{eol}Content-Type: {part[1]};{eol} name=\"x!y!1!2.json.gz\"{eol}Content-Transfer-Encoding: base64{eol}{eol}"
    out += b64(part[2], eol) + f"--{part[0]}--{eol}"
elif how == "alone":
    out += b64(packed, eol)
else:
    import quopri
    out += quopri.encodestring(body).decode()
sys.stdout.buffer.write(out.encode())
P
mail() { /usr/bin/python3 mail.py "$@"; }
days='"date-range":{"start-datetime":"2026-11-20T00:00:00Z","end-datetime":"2026-11-20T23:59:59Z"}'
cat >google.json <<E2
{"organization-name":"Google Inc.",$days,"contact-info":"smtp-tls-reporting@google.com","report-id":"2026-11-20T00:00:00Z_our.example",
"policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce","mx: mx.our.example","max_age: 604800"],
"policy-domain":"our.example","mx-host":["mx.our.example"]},"summary":{"total-successful-session-count":1523,"total-failure-session-count":3},
"failure-details":[{"result-type":"validation-failure","sending-mta-ip":"209.85.219.198","receiving-ip":"192.0.2.25",
"receiving-mx-hostname":"mx.our.example","failed-session-count":3}]}]}
E2
cat >microsoft.json <<E2
{"organization-name":"Microsoft Corporation",$days,"contact-info":"tlsrpt-noreply@microsoft.com","report-id":"134088192000000000+our.example",
"policies":[{"policy":{"policy-type":"tlsa","policy-string":["3 1 1 AA55"],"policy-domain":"mx.our.example"},
"summary":{"total-successful-session-count":7,"total-failure-session-count":0}},
{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":"our.example"},
"summary":{"total-successful-session-count":0,"total-failure-session-count":4},
"failure-details":[{"result-type":"certificate-host-mismatch","failed-session-count":4,"additional-information":"https://docs.example/x"}]}]}
E2
cat >mail.ru.json <<E2
{ "organization-name": "Mail.ru", $days, "contact-info": "tlsrpt@corp.mail.ru", "report-id": "tls-1",
 "policies": [ { "policy": { "policy-type": "no-policy-found", "policy-domain": "our.example", "mx-host": "mx.our.example" },
 "summary": { "total-successful-session-count": 2, "total-failure-session-count": 5 }, "failure-details": null } ] }
E2
google="our.example sts ok 1523;our.example sts validation-failure 3;"
declare -A said=([google]=$google
	[microsoft]="mx.our.example tlsa ok 7;our.example sts certificate-host-mismatch 4;"
	[mail.ru]="our.example no-policy-found ok 2;our.example no-policy-found failed 5;")

# ---- good ones ----
for w in google microsoft mail.ru; do
	want=${said[$w]}
	parse "$w.json"
	is "JSON like $w's" "$? $(rows)" "0 $want"
	gzip -k "$w.json"
	parse - <"$w.json.gz"
	is "in gzip, from standard input" "$? $(rows)" "0 $want"
	mail "$w" <"$w.json" >"$w.eml"
	parse "$w.eml"
	is "a mail like $w's" "$? $(rows)" "0 $want"
done
mail alone <google.json | parse -
is "a mail that is nothing but the attachment" "$(rows)" "$google"
mail quoted <google.json | parse -
is "JSON in quoted-printable" "$(rows)" "$google"
{ echo 'From x@y Sat Nov 21 00:00:00 2026'; cat google.eml; } | parse -
is "with the line that mailboxes have in front" "$(rows)" "$google"
ok "several, and all that is said" mox-tlsrpt-send parse google.eml microsoft.json
is "a row each" "$(sed -n '2p;4p' .out)" "our.example	sts	validation-failure	3	mx.our.example	192.0.2.25	209.85.219.198	-	Google Inc.	2026-11-20T00:00:00Z	2026-11-20T23:59:59Z	2026-11-20T00:00:00Z_our.example	-
our.example	sts	certificate-host-mismatch	4	-	-	-	-	Microsoft Corporation	2026-11-20T00:00:00Z	2026-11-20T23:59:59Z	134088192000000000+our.example	https://docs.example/x"
mox-tlsrpt-send parse -j google.eml >out
is "-j: the same as JSON" "$(sed -n 2p out)" '{"domain":"our.example","type":"sts","result":"validation-failure","sessions":3,"mx":"mx.our.example","to":"192.0.2.25","from":"209.85.219.198","helo":null,"organization":"Google Inc.","begin":"2026-11-20T00:00:00Z","end":"2026-11-20T23:59:59Z","id":"2026-11-20T00:00:00Z_our.example","reason":null}'

# ---- ours ----
cp "$TOP/t/refs/tlsrpt/day" spool/tlsrpt/20261120
for d in sts dane plain; do
	mox-tlsrpt-send -n --day 20261120 --domain $d.example >ours.json
	mail google <ours.json | parse -
	is "one of ours for $d.example says what was counted" "$(cut -f 2-4 out | grep -v 'ok	0$' | sort)" \
		"$(sed -n "/ for=.*also=yes/d; s/^tls \([0-9]*\) \([a-z-]*\) [a-z.]*$d\.example \([a-z-]*\).*/\2 \3 \1/p" spool/tlsrpt/20261120 |
			awk '{ n[$1 "\t" $2] += $3 } END { for (k in n) print k "\t" n[k] }' | grep -v "dnssec-invalid" | sort)"
done

# ---- bad ones ----
refused() { # WHY NAME: of $bad
	parse bad
	is "$2" "$? $(cat out err)" "100 mox-tlsrpt-send: unable to read a report from bad: $1"
}
none="it has no part that is a report, and is none itself"
: >bad
refused "$none" "nothing"
head -c 100000 /dev/urandom | sed 's/^{/x/' >bad
refused "$none" "bytes of any kind"
echo '{}' >bad
refused "its JSON has no report-id or no policies" "JSON of something else"
head -c 300 google.json >bad
refused "its JSON cannot be read" "JSON cut short"
head -c 200 google.json.gz >bad
refused "its gzip is damaged" "gzip cut short"
head -c 300000000 /dev/zero | gzip -1 >bad
refused "it is larger than 10 MB when it is unpacked" "a gzip bomb"
{ printf 'Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n'; base64 <bad; } >bad.eml && mv bad.eml bad
refused "it is larger than 10 MB when it is unpacked" "a gzip bomb in a mail"
head -c 40000000 /dev/zero | tr '\0' ' ' >bad
refused "it is larger than 32 MB" "a file without end"
/usr/bin/python3 -c 'print("{\"report-id\":\"1\",\"policies\":" + "[" * 1000000)' >bad
refused "its JSON cannot be read" "lists within lists"
/usr/bin/python3 -c 'print("{\"report-id\":\"1\",\"policies\":[" + "{\"policy\":" * 100000)' >bad
refused "its JSON cannot be read" "objects within objects"
details() { /usr/bin/python3 -c 'import sys; print("{\"report-id\":\"1\",\"policies\":[{\"failure-details\":[" + ",".join(["{}"] * int(sys.argv[1])) + "]}]}")' "$1"; }
details 1000000 >bad
refused "its JSON cannot be read" "a million rows of nothing"
details 50000 | parse -
is "fifty thousand: the first of them, and a word" "$? $(wc -l <out) $(cat err)" "0 10000 mox-tlsrpt-send: - has 40001 rows more than are read"
for n in 1e400 99999999999999999999999 -99999999999999999999999; do
	echo '{"report-id":"1","policies":[{"summary":{"total-successful-session-count":'$n'}}]}' >bad
	refused "its JSON cannot be read" "the number $n"
done
echo '{"report-id":"1","organization-name":[1],"date-range":"x","contact-info":{},"policies":[7,null,[],{"policy":"sts","summary":[5],"failure-details":{"a":1}},
{"policy":{"policy-type":5,"policy-domain":{}},"summary":{"total-successful-session-count":"9","total-failure-session-count":-4},
"failure-details":[3,{"result-type":["x"],"failed-session-count":1.5},{"result-type":"Own Words","failed-session-count":9223372036854775807}]}]}' | parse -j -
is "wrong types throughout" "$? $(cat err)" "0 "
is "count for nothing, numbers up to 2^53" "$(/usr/bin/python3 -c 'import json
print(sorted({(r["domain"], r["type"], r["result"], r["sessions"]) for r in map(json.loads, open("out"))}, key=str))')" \
	"[(None, 'other', 'ok', 0), (None, 'other', 'other', 0), (None, 'other', 'other', 9007199254740992)]"
printf '{"report-id":"\\u001b[31m\\t","organization-name":"a\\nb\\u202e","policies":[{"policy":{"policy-domain":"%s"}}]}' "$(printf 'x%.0s' {1..3000})" | parse -
is "control bytes, and texts without end" "$(cut -f 9,12 out) $(cut -f 1 out | tr -d '\n' | wc -c)" 'a\x0ab'$'\u202e	\\x1b[31m\\x09 500'
sed 's/000000000000aa--/000000000000aa/' google.eml | head -c -40 >bad
parse bad
like "a mail without its end" "$? $(cat err)$(rows)" "^(0 $google|100 .*gzip is damaged)"
sed 's/^--000000000000aa.*/--other/' google.eml >bad
refused "$none" "a mail whose parts have another boundary"
sed 's/^\([A-Za-z0-9+/]\{10\}\)/\1 ~/' google.eml >bad
parse bad
is "base64 with blanks and strange bytes in it" "$? $(rows)" "0 $google"
/usr/bin/python3 -c 'n = 50
for i in range(n): print(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}")
print("Content-Type: application/json\n\n{\"report-id\":\"1\",\"policies\":[]}")
for i in reversed(range(n)): print(f"--b{i}--")' >bad
refused "$none" "parts within parts, deeper than anybody means"
{ printf 'Content-Type: multipart/mixed; boundary=b\n'; yes '
--b' | head -c 3000000; } >bad
refused "$none" "a million empty parts"
fails 100 "a file that is not there" mox-tlsrpt-send parse nothing
parse nothing bad google.json
is "one of several" "$? $(rows)" "100 "
parse bad google.json
is "that cannot be read: the others are" "$? $(rows)" "100 $google"
fails 100 "no file" mox-tlsrpt-send parse
fails 100 "--day has no meaning for it" mox-tlsrpt-send --day 20261120 parse google.json

# ---- show ----
ok "a day's results" mox-tlsrpt-send --day 2026-11-20 show
is "T51 T53 by recipient domain and mail host, a session once each" "$(cut -f 1 .out | sort -u) $(cut -f 3- .out)" "out dane.example	tlsa	7	2	tlsa-invalid 2
fetch.example	sts	0	1	sts-policy-fetch-error 1
fine.example	no-policy-found	9	0	-
invalid.example	sts	0	2	sts-policy-invalid 2
other.example	tlsa	7	1	dnssec-invalid 1
plain.example	no-policy-found	5	4	starttls-not-supported 4
stranger.example	sts	0	4	validation-failure 4
sts.example	sts	13	6	certificate-expired 3
webpki.example	sts	0	3	sts-webpki-invalid 3
mx.dane.example	tlsa	7	3	tlsa-invalid 2"
is "-j: the same as JSON" "$(mox-tlsrpt-send --day 2026-11-20 show -j | head -1)" '{"way":"out","reporter":null,"domain":"dane.example","type":"tlsa","ok":7,"failed":2,"most":"tlsa-invalid 2"}'
mox-tlsrpt-send show >out 2>err
is "today, unless told; there is nothing yet" "$? $(cat out err)" "100 mox-tlsrpt-send: unable to show 20261121: there are no results of that day"

# ---- lookup ----
cat >bin/mox-nexthop <<'X2'
#!/bin/bash
data=$(sed -n "s/^${*: -1} //p" "$T/dns")
case $data in
'') printf 'answer nodata\ndnssec insecure\nend\n' ;;
fail) printf 'answer fail\nwhy SERVFAIL\nend\n' ;;
*) printf 'answer data\ndnssec insecure\n' && sed 's/^/data /' <<<"$data" && echo end ;;
esac
X2
chmod +x bin/mox-nexthop
cat >dns <<'X2'
_smtp._tls.both.example "v=TLSRPTv1; rua=mailto:t%21ls@both.example," "https://r.example/x"
_smtp._tls.other.example "v=TLSRPTv1;rua=ftp://x,mailto:tls@other.example"
_smtp._tls.twice.example "v=TLSRPTv1; rua=mailto:a@b.example"
_smtp._tls.twice.example "v=TLSRPTv1; rua=mailto:c@d.example"
_smtp._tls.nobody.example "v=TLSRPTv1; rua=ftp://x"
_smtp._tls.fails.example fail
X2
lookup() { mox-tlsrpt-send lookup "$1" 2>&1; echo "$?"; }
is "T49 what a domain wants" "$(lookup Both.Example)" "both.example wants reports by mail to t!ls@both.example
both.example wants reports by HTTPS, posted to https://r.example/x
0"
is "T49 schemes that nobody uses" "$(lookup other.example)" "other.example wants reports by mail to tls@other.example
1 of the addresses it names cannot be used
0"
like "T49 two records are none" "$(lookup twice.example)" $'^twice\\.example wants no reports: .*\n100$'
is "T49 nobody that can be reached" "$(lookup nobody.example | head -1)" "nobody.example wants reports, but names nobody to whom they can go"
like "T49 none" "$(lookup none.example)" $'^none\\.example wants no reports: .*\n100$'
like "no answer is no answer" "$(lookup fails.example)" $'^mox-tlsrpt-send: unable to look up _smtp\\._tls\\.fails\\.example: .*\n111$'
fails 100 "an address literal" mox-tlsrpt-send lookup '[192.0.2.1]'
fails 100 "too long a name" mox-tlsrpt-send lookup "$(printf 'aaaaaaaaa.%.0s' {1..25})"
fails 100 "no name" mox-tlsrpt-send lookup
done_testing
