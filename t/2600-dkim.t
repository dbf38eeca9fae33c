#!/bin/bash
# mox-dkim: RFC 8463's own message, keys, every canonical form, and dkimpy on both sides.
. "$(dirname "$0")/lib.sh"

ed='v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
rsa='v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB'
vector=$TOP/t/refs/rfc8463.msg
line() { mox-dkim verify -k "$1" | sed -n "$2p"; }
is "RFC 8463 A.3: the Ed25519 signature" "$(line "$ed" 1 <"$vector")" "pass d=football.example.com s=brisbane a=ed25519-sha256"
is "RFC 8463 A.3: the RSA signature" "$(line "$rsa" 2 <"$vector")" "pass d=football.example.com s=test a=rsa-sha256"
is "... with CRLF line ends" "$(sed 's/$/\r/' "$vector" | line "$rsa" 2)" "pass d=football.example.com s=test a=rsa-sha256"
fails 100 "exit 100 when none passes" mox-dkim verify -k "$rsa" < <(sed 's/lost/won/' "$vector")
is "a changed body is told" "$(sed 's/lost/won/' "$vector" | line "$rsa" 2)" "fail d=football.example.com s=test a=rsa-sha256 the body was changed"
is "a changed header is told" "$(sed 's/dinner/supper/' "$vector" | line "$rsa" 2)" "fail d=football.example.com s=test a=rsa-sha256 the signature does not fit the header"
is "a field that is added and was sealed breaks it" "$(sed 's/^Subject:/Subject: spam\n&/' "$vector" | line "$ed" 1 | cut -d' ' -f1)" fail
is "no signature" "$(mox-dkim verify </dev/null)" none

while IFS='|' read -r name from to why; do
	is "record: $name" "$(line "${ed/"$from"/$to}" 1 <"$vector")" "permerror d=football.example.com s=brisbane a=ed25519-sha256 $why"
done <<'T'
revoked|11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=||the key was revoked
another version|DKIM1|DKIM2|the key record has another version
another algorithm|ed25519|rsa|the key is for another algorithm
not for SHA-256|k=|h=sha1; k=|the key is not for SHA-256
not for mail|k=|s=tlsrpt; k=|the key is not for mail
no tag list|v=DKIM1|hello|the key record is no tag list
twice the same tag|k=ed25519|k=ed25519; k=ed25519|the key record is no tag list
not 32 bytes|11qY|11|the key is not base64
T
is "record: for mail and more" "$(line "${ed/k=/s=tlsrpt : email; k=}" 1 <"$vector" | cut -d' ' -f1)" pass
while IFS='|' read -r name edit why; do
	is "signature: $name" "$(sed "$edit" "$vector" | line "$ed" 1 | sed 's/.*sha256 //')" "$why"
done <<'T'
another version|1s/v=1/v=2/|v= is not 1
SHA-1|1s/ed25519-sha256/rsa-sha1/|the algorithm is not known
no domain|2s/d=football.example.com;//|a tag that must be there is missing
From: not signed|3s/from :/x :/;4s/from/x/|From: is not signed
identity elsewhere|2s/i=@football/i=@other/|i= is outside the domain
domain that is no name|2s/d=football/d=foot ball/|domain or selector are no names
expired before it was made|3s/t=1528637909/t=1528637909; x=1/|its times are wrong
T

# ---- keys ----
mox-dkim genkey rsa.pem >rsa.txt
mox-dkim genkey -t ed25519 ed.pem >ed.txt
is "a key is its owner's alone" "$(stat -c %a rsa.pem ed.pem | paste -sd' ')" "400 400"
is "genkey prints the record" "$(cat rsa.txt)" "$(mox-dkim txt rsa.pem)"
like "txt with its name" "$(mox-dkim txt -s a -d example.org ed.pem)" '^a\._domainkey\.example\.org\. IN TXT \( "v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=" \)$'
is "strings of at most 255 bytes" "$(grep -o '"[^"]*"' rsa.txt | awk 'length > 257 {print} END {print NR}')" 2
fails 100 "never over a file" mox-dkim genkey rsa.pem
fails 111 "no directory" mox-dkim genkey no/such/key
openssl genrsa -traditional -out short.pem 1024 2>/dev/null
is "1024 bits do not sign" "$(mox-dkim txt short.pem 2>&1)" "mox-dkim: unable to use the key short.pem: RSA of less than 2048 bits"
openssl ecparam -name prime256v1 -genkey -noout -out ec.pem
is "... nor does ECDSA" "$(mox-dkim txt ec.pem 2>&1)" "mox-dkim: unable to use the key ec.pem: neither RSA nor Ed25519"
is "... nor what is no key" "$(mox-dkim txt "$vector" 2>&1)" "mox-dkim: unable to use the key $vector: not a private key in PEM without a password"
openssl genrsa -traditional -out old.pem 2048 2>/dev/null
ok "OpenSSL's keys do" mox-dkim txt old.pem
value() { mox-dkim txt "$1" | grep -o '"[^"]*"' | tr -d '"\n'; }

# ---- signing ----
printf '%s\r\n' 'Received: by x' 'From: Alice <alice@Example.COM>' $'To: bob@example.net,\r\n\tcarol@example.net' 'Subject:   Hello   there ' 'Date: Sat, 21 Nov 2026 05:00:00 +0000' \
	'Message-ID: <1@example.com>' '' 'Hello,  World 	' '' ' indented	text  ' '.dot' '' '' >usual
printf 'From: a@example.com\n\n' >empty
printf 'From: a@example.com' >headers
printf 'From: a@example.com\n\n\n\n\n' >blank
printf 'From: a@example.com\nX: y\nFROM : z\n\nb' >twofrom
printf 'From: a@example.com\n\nno end' >noend
{ printf 'From: a@example.com\nSubject: big\n\n'; head -c 300000 /dev/urandom | base64 -w 900; } >big
cat >referee.py <<'P'
import dkim, sys
records = {b'r._domainkey.example.com.': open('rsa.rec', 'rb').read(), b'e._domainkey.example.com.': open('ed.rec', 'rb').read()}
ask = lambda name, timeout=5: records.get(name)
m = open(sys.argv[1], 'rb').read()
d = dkim.DKIM(m)
print(*[d.verify(idx=i, dnsfunc=ask) for i in range(2)])
canon = tuple(sys.argv[2].encode().split(b'/'))
sig = dkim.sign(m, b'r', b'example.com', open('rsa.pem', 'rb').read(), canonicalize=canon)
open('theirs', 'wb').write(sig + m)
P
value rsa.pem >rsa.rec
value ed.pem >ed.rec
python=/usr/bin/python3 # Debian's, which has Debian's modules
$python -c 'import dkim, nacl' 2>/dev/null || python=
for c in relaxed/relaxed simple/simple relaxed/simple simple/relaxed; do
	for m in usual empty headers blank noend big; do
		mox-dkim sign -c $c r:rsa.pem e:ed.pem <$m >sig
		{ cat sig; sed 's/\r*$/\r/' $m; [ $m != headers ] || printf '\n\r\n'; [ $m != noend ] || echo; } >signed
		is "$c $m: ours by ours" "$(line "$(cat rsa.rec)" 1 <signed | cut -d' ' -f1) $(line "$(cat ed.rec)" 2 <signed | cut -d' ' -f1)" "pass pass"
		[ -n "$python" ] || { skip "$c $m by dkimpy" "no python3-dkim"; continue; }
		is "$c $m: ours by dkimpy" "$($python referee.py signed $c 2>&1)" "True True"
		is "$c $m: dkimpy's by ours" "$(line "$(cat rsa.rec)" 1 <theirs | cut -d' ' -f1)" pass
	done
done
is "lines of the field are short" "$(awk 'length > 78' sig)" ""
is "a domain given" "$(mox-dkim sign -d other.example e:ed.pem <usual | grep -o 'd=[^;]*')" d=other.example
is "the domain of From:, in lower case" "$(mox-dkim sign e:ed.pem <usual | grep -o 'd=[^;]*')" d=example.com
named() { mox-dkim sign -d a.example e:ed.pem | tr -d '\r\n\t ' | grep -o 'h=[^;]*' | tr : '\n' | sed 's/^h=//' | grep -ic '^TLS-Report'; }
is "T56 fields of a report on TLS are sealed" "$(printf 'From: a@a.example\nTLS-Report-Domain: x\nTLS-Report-Submitter: y\n\n' | named)" 4
is "T56 where there are any" "$(printf 'From: a@a.example\n\n' | named)" 0
is "no From:" "$(printf 'Subject: x\n\n' | mox-dkim sign -d a.example e:ed.pem 2>&1)" "mox-dkim: unable to sign: there is no From: field"
is "several From:" "$(mox-dkim sign e:ed.pem <twofrom 2>&1)" "mox-dkim: unable to sign: there are several From: fields"
fails 100 "... exit 100" mox-dkim sign e:ed.pem <twofrom
is "... and nothing is printed" "$(mox-dkim sign e:ed.pem <twofrom 2>/dev/null)" ""
case $MOX_OUT in
*asan*) skip "memory does not grow with the message" "the sanitizer needs all there is" ;;
*) is "memory does not grow with the message" "$( (ulimit -v 40000; mox-dkim sign e:ed.pem < <(printf 'From: a@example.com\n\n'; head -c 50000000 /dev/zero | tr '\0' '\n')) | grep -c DKIM-Signature)" 1 ;;
esac

# the page's examples
(
	set -e
	mox-dkim genkey 2026a.pem
	mox-dkim txt -s 2026a -d example.org 2026a.pem
	printf 'From: me@example.org\nSubject: hello\n\nworld\n' >message
	{ mox-dkim sign 2026a:2026a.pem <message; cat message; } >signed
) >/dev/null
ok "the page's examples end well" mox-dkim verify -k "$(value 2026a.pem)" <signed
done_testing
