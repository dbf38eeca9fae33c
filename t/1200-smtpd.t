#!/bin/bash
# mox-smtpd: dialogues on stdin and stdout. The taker is a stand-in beside a copy of mox-smtpd, which keeps what it is given byte for byte.
# shellcheck disable=SC2059 # dialogues are printf formats
. "$(dirname "$0")/lib.sh"
count() { find "$@" -type f | wc -l; }

mkdir bin
cp "$MOX_BIN/mox-smtpd" bin/
cat >bin/mox-queue-add <<'EOF'
#!/bin/bash
n=$(find "$T" -name 'got.*.msg' | wc -l)
case ${FATE:-} in
early) echo "mox-queue-add: unable to write: No space left on device" >&2; exit 111 ;;
esac
cat >"$T/part"
cat <&3 >"$T/part.env"
case ${FATE:-} in
temp) echo "mox-queue-add: unable to sync spool/new: No space left on device" >&2; exit 111 ;;
perm) printf 'mox-queue-add: not \001 wanted\nmore\n' >&2; exit 100 ;;
crash) kill -9 $$ ;;
esac
tail -n1 "$T/part.env" | grep -qx end || { echo cut >>"$T/cut"; exit 111; }
# What mox-smtpd has put before it (S33, RFC 6409 8) is kept apart.
mv "$T/part" "$T/got.$n.full"
perl -0777 -pe 's/\AFrom: [^\n]*\nDate: [^\n]*\nMessage-ID: <[^\n]*\@mx\.example\.org>\r\n(\r\n)?//' "$T/got.$n.full" >"$T/got.$n.msg"
mv "$T/part.env" "$T/got.$n.env"
echo "id 0d3k9v2x7m4q$n"
EOF
chmod +x bin/mox-queue-add
cat >conf <<'EOF'
hostname = "mx.example.org"
mailname = "example.org"
max-message-size = "100k"
max-recipients = 3
EOF
export MOX_CONF=$T/conf
clean() { rm -f "$T"/got.* "$T"/cut "$T"/part*; }
talk() { clean; printf "$1" | bin/mox-smtpd 2>err | tr -d '\r'; }
codes() { talk "$1" | grep -v '^[0-9]*-' | cut -c1-3 | paste -sd' '; }
HELLO='EHLO me\r\n'
FROM='MAIL FROM:<a@b.example>\r\n'
TO='RCPT TO:<c@d.example>\r\n'

# ---- S26: the session
is "S26 greeting and what EHLO offers" "$(talk 'EHLO me\r\nQUIT\r\n' | sed 's/ 2[0-9-]*T[0-9:]*Z$/ DATE/')" '220 mx.example.org ESMTP moxq
250-mx.example.org
250-PIPELINING
250-8BITMIME
250-SMTPUTF8
250-DSN
250-CHUNKING
250-ENHANCEDSTATUSCODES
250-REQUIRETLS
250-SIZE 102400
250-FUTURERELEASE 2592000 DATE
250 LIMITS RCPTMAX=3
221 2.0.0 goodbye'
is "S26 all in one write: envelope, message, QUIT" \
	"$(codes "$HELLO$FROM${TO}DATA\r\nSubject: x\r\n\r\n..dots\r\n.x\r\nend\r\n.\r\nQUIT\r\n")" '220 250 250 250 354 250 221'
is "S26 dots are unstuffed" "$(cat got.0.msg)" $'Subject: x\r\n\r\n.dots\r\nx\r\nend\r'
is "the envelope" "$(cat got.0.env)" $'sender a@b.example\norigin local\nrcpt c@d.example\nend'
# ---- S33: what is missing
added() { talk "$HELLO${2:-$FROM}${TO}DATA\r\n$1\r\n.\r\n" >/dev/null; tr -d '\r' <got.0.full | sed -E 's/^Date: [A-Z].*/Date/;s/^Message-ID: <[0-9].*@mx.example.org>$/Id/'; }
is "S33 RFC 6409 8: Date, Message-ID and From are added" "$(added 'Subject: x\r\n\r\nhi')" $'From: a@b.example\nDate\nId\nSubject: x\n\nhi'
is "S33 ... only those that are missing" "$(added 'date: Mon, 1 Jan 2024 00:00:00 +0000\r\nFROM: me@x.example\r\n\r\nhi')" \
	$'Id\ndate: Mon, 1 Jan 2024 00:00:00 +0000\nFROM: me@x.example\n\nhi'
is "S33 ... to a text without fields, with a blank line" "$(added 'hi there')" $'From: a@b.example\nDate\nId\n\nhi there'
is "S33 ... to a body alone" "$(added '\r\nhi')" $'From: a@b.example\nDate\nId\n\nhi'
is "S33 ... from the null sender" "$(added 'Subject: x\r\n\r\nhi' 'MAIL FROM:<>\r\n' | head -n1)" 'From: MAILER-DAEMON@example.org'
is "S34 ... an mbox's From line does not stand between them" "$(added 'From a@b Mon Jan 1 00:00:00 2024\r\nSubject: x\r\n\r\nhi')" \
	$'From: a@b.example\nDate\nId\nSubject: x\n\nhi'
is "S33 what is signed stays as it is" "$(added 'DKIM-Signature: v=1; a=x\r\nSubject: x\r\n\r\nhi')" $'DKIM-Signature: v=1; a=x\nSubject: x\n\nhi'

ok "S26 QUIT: exit 0" bash -c "printf 'QUIT\r\n' | bin/mox-smtpd"
ok "S44 end of input without QUIT: exit 0" bash -c "printf '' | bin/mox-smtpd"
is "the id is in the reply" "$(talk "$HELLO$FROM${TO}DATA\r\n.\r\n" | tail -1)" '250 2.0.0 queued as 0d3k9v2x7m4q0'
talk "$HELLO$FROM${TO}DATA\r\none\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<e@f.example>\r\nDATA\r\ntwo\r\n.\r\n" >/dev/null
is "S26 no growing recipient list" "$(cat got.0.env got.1.env)" \
	$'sender a@b.example\norigin local\nrcpt c@d.example\nend\nsender \norigin local\nrcpt e@f.example\nend'
is "RSET and EHLO forget the transaction" "$(codes "$HELLO$FROM${TO}RSET\r\nDATA\r\n$FROM${HELLO}RCPT TO:<a@b>\r\n")" \
	'220 250 250 250 250 503 250 250 503'
is "commands in any case, bare LF, blanks behind" "$(codes 'ehlo me\nmail from:<a@b> \r\nrCpT to:<c@d>\r\nNOOP x\r\nVRFY a\r\nHELP\r\n')" \
	'220 250 250 250 250 252 214'
is "order" "$(codes "${FROM}${HELLO}${TO}DATA\r\n${FROM}DATA\r\n$FROM")" '220 503 250 503 503 250 554 503'
is "HELO will do" "$(talk 'HELO me\r\nMAIL FROM:<a@b>\r\n')" $'220 mx.example.org ESMTP moxq\n250 mx.example.org\n250 2.1.0 ok'
is "what is not offered" "$(codes "${HELLO}STARTTLS\r\nAUTH PLAIN\r\nEXPN a\r\nEHLO\r\n")" '220 250 502 502 502 501'
is "20 wrong commands in a row end it" "$(codes "$(printf 'X\\r\\n%.0s' {1..25})" | wc -w)" 22
is "a long line is refused whole" "$(codes "NOOP $(printf %05000d 1)\r\nNOOP\r\n")" '220 500 250'
is "control characters in commands" "$(codes 'NOOP \001\r\nNO\rOP\r\nNOOP \377\r\nMAIL\000 x\r\n')" '220 500 500 500 500'

# ---- addresses and parameters
try_mail() { talk "${HELLO}MAIL $1\r\n" | tail -1 | cut -d' ' -f1,2; }
try_rcpt() { talk "${HELLO}MAIL FROM:<> SMTPUTF8\r\nRCPT $1\r\n" | tail -1 | cut -d' ' -f1,2; }
while IFS='|' read -r arg want; do
	is "MAIL $arg" "$(try_mail "$arg")" "$want"
done <<'EOF'
FROM:<>|250 2.1.0
FROM: <a@b.example>|250 2.1.0
FROM:<a@b.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x+2By|250 2.1.0
FROM:<"a b>"@b.example>|250 2.1.0
FROM:<@r.example,@s.example:a@b.example>|250 2.1.0
FROM:a@b.example|501 5.1.7
FROM:<a@b.example|501 5.1.7
FROM:<a b@c.example>|501 5.1.7
FROM:<a@b.example>SIZE=1|501 5.1.7
FROM:<a@>|501 5.1.7
FROM:<a@b..c>|501 5.1.7
TO:<a@b>|501 5.5.4
FROM:<a@b.example> SIZE=200000|552 5.3.4
FROM:<a@b.example> SIZE=x|501 5.5.4
FROM:<a@b.example> BODY=BINARYMIME|501 5.5.4
FROM:<a@b.example> RET=ALL|501 5.5.4
FROM:<a@b.example> RET=FULL RET=HDRS|501 5.5.4
FROM:<a@b.example> ENVID=x=y|501 5.5.4
FROM:<a@b.example> ENVID=+2b|501 5.5.4
FROM:<a@b.example> AUTH=<>|555 5.5.4
FROM:<a@b.example> REQUIRETLS|250 2.1.0
FROM:<a@b.example> REQUIRETLS=yes|501 5.5.4
FROM:<a@b.example> REQUIRETLS REQUIRETLS|501 5.5.4
FROM:<a@b.example> HOLDFOR=2592000|250 2.1.0
FROM:<a@b.example> HOLDFOR=2592001|501 5.5.4
FROM:<a@b.example> HOLDFOR=0|501 5.5.4
FROM:<a@b.example> HOLDFOR=-1|501 5.5.4
FROM:<a@b.example> HOLDFOR=1000000000|501 5.5.4
FROM:<a@b.example> HOLDFOR|501 5.5.4
FROM:<a@b.example> HOLDFOR=60 HOLDFOR=60|501 5.5.4
FROM:<a@b.example> HOLDFOR=60 HOLDUNTIL=2001-01-01T00:00:00Z|501 5.5.4
FROM:<a@b.example> HOLDUNTIL=2001-01-01T00:00:00Z|250 2.1.0
FROM:<a@b.example> HOLDUNTIL=2001-01-01t00:00:00.25z|250 2.1.0
FROM:<a@b.example> HOLDUNTIL=2001-01-01T00:00:00+02:00|250 2.1.0
FROM:<a@b.example> HOLDUNTIL=2001-01-01|501 5.5.4
FROM:<a@b.example> HOLDUNTIL=2001-01-01T00:00:00|501 5.5.4
FROM:<a@b.example> HOLDUNTIL=2001-01-01T00:00:00.Z|501 5.5.4
FROM:<a@b.example> HOLDUNTIL=2001-02-30T00:00:00Z|501 5.5.4
FROM:<a@b.example> HOLDUNTIL=2999-01-01T00:00:00Z|501 5.5.4
FROM:<ä@b.example>|553 5.6.7
FROM:<ä@b.example> SMTPUTF8|250 2.1.0
FROM:<a@ä.example> SMTPUTF8|250 2.1.0
EOF
while IFS='|' read -r arg want; do
	is "RCPT $arg" "$(try_rcpt "$arg")" "$want"
done <<'EOF'
TO:<postmaster>|250 2.1.5
TO:<c@[192.0.2.1]>|250 2.1.5
TO:<c@[IPv6:2001:db8::1]>|250 2.1.5
TO:<c@d.example> NOTIFY=NEVER|250 2.1.5
TO:<c@d.example> NOTIFY=SUCCESS,failure,Delay ORCPT=rfc822;c+2Bx@d.example|250 2.1.5
TO:<>|501 5.1.3
TO:<c@[1.2.3]>|501 5.1.3
TO:<c@d.example> NOTIFY=NEVER,DELAY|501 5.5.4
TO:<c@d.example> NOTIFY=|501 5.5.4
TO:<c@d.example> ORCPT=c@d|501 5.5.4
TO:<c@d.example> ORCPT=rfc822;a=b|501 5.5.4
TO:<c@d.example> X=1|555 5.5.4
EOF
talk "${HELLO}MAIL FROM:<a> RET=FULL ENVID=e1\r\nRCPT TO:<b> NOTIFY=Success,DELAY ORCPT=rfc822;b@x\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n" >/dev/null
is "parameters reach the envelope, bare addresses get mailname" "$(cat got.0.env)" \
	$'sender a@example.org\norigin local\nret full\nenvid e1\nrcpt b@example.org notify=success,delay orcpt=rfc822;b@x\nrcpt c@d.example\nend'
is "452 behind max-recipients, the accepted go out" "$(codes "$HELLO$FROM$TO$TO$TO${TO}DATA\r\n.\r\n")" '220 250 250 250 250 250 452 354 250'
is "" "$(grep -c ^rcpt got.0.env)" 3

# ---- T104: only CRLF.CRLF ends a message; bare CR and LF are refused
while IFS='|' read -r evil; do
	is "T104 smuggling by $evil" \
		"$(codes "$HELLO$FROM${TO}DATA\r\nhi${evil}MAIL FROM:<evil@x>\r\nRCPT TO:<y@z>\r\nDATA\r\nbad\r\n.\r\nQUIT\r\n")" '220 250 250 250 354 550 221'
	ok "T104 ... and nothing is queued" test ! -e got.0.msg
done <<'EOF'
\n.\n
\n.\r\n
\r\n.\n
\r\n.\r
\r.\r
\r.\r\n
\r\n.\r\r\n
\r\n\0.\r\n\n
EOF
is "T104 5.6.11 says why" "$(talk "$HELLO$FROM${TO}DATA\r\na\nb\r\n.\r\n" | tail -1)" '550 5.6.11 bare CR or LF in the message'
is "the real end right behind a bare CR" "$(codes "$HELLO$FROM${TO}DATA\r\na\r\r\n.\r\nNOOP\r\n")" '220 250 250 250 354 550 250'
is "session goes on behind a refused message" "$(codes "$HELLO$FROM${TO}DATA\r\na\nb\r\n.\r\n$FROM${TO}DATA\r\nok\r\n.\r\n")" \
	'220 250 250 250 354 550 250 250 354 250'
is "T107 empty message" "$(talk "$HELLO$FROM${TO}DATA\r\n.\r\n" >/dev/null; cat got.0.msg; wc -l <got.0.env)" 4
is "NULs and 8 bits pass" "$(talk "$HELLO$FROM${TO}DATA\r\na\000\377b\r\n.\r\n" >/dev/null; od -An -tx1 got.0.msg)" ' 61 00 ff 62 0d 0a'
python3 - >big <<'EOF'
import sys
body = b''.join(b'.%05d\r\n' % i for i in range(8000))
sys.stdout.buffer.write(b'EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n' + body.replace(b'.', b'..') + b'.\r\nQUIT\r\n')
EOF
clean
for block in 1 7 4096; do
	clean
	dd if=big bs=$block iflag=fullblock status=none 2>/dev/null | bin/mox-smtpd >out
	is "64 kB of dotted lines in blocks of $block" "$(wc -c <got.0.msg) $(sort -u got.0.msg | wc -l) $(head -c4 got.0.msg)" "64000 8000 .000"
done
is "too big: 552, and nothing queued" "$(codes "$HELLO$FROM${TO}DATA\r\n$(printf %0110000d 1)\r\n.\r\nNOOP\r\n"; ls got.* 2>/dev/null)" \
	'220 250 250 250 354 552 250'

# ---- BDAT
is "BDAT: a bare CR in a chunk closes the transaction" "$(codes "$HELLO$FROM${TO}BDAT 4\r\nab\r\rBDAT 2\r\n\n.BDAT 3 LAST\r\nx\r\nNOOP\r\n")" '220 250 250 250 550 503 503 250'
is "BDAT: CRLF split between chunks, no unstuffing" "$(codes "$HELLO$FROM${TO}BDAT 3\r\nab\rBDAT 2\r\n\n.BDAT 3 last\r\nx\r\nNOOP\r\n"; od -An -c got.0.msg)" \
	$'220 250 250 250 250 250 250 250\n   a   b  \\r  \\n   .   x  \\r  \\n'
is "BDAT 0 LAST ends" "$(codes "$HELLO$FROM${TO}BDAT 3\r\na\r\nBDAT 0 LAST\r\n"; cat got.0.msg)" $'220 250 250 250 250 250\na\r'
is "T105 bare LF by BDAT refused" "$(codes "$HELLO$FROM${TO}BDAT 4 LAST\r\na\nb\r$FROM")" '220 250 250 250 550 250'
is "T132 text of a refused chunk is never a command" "$(codes "${HELLO}BDAT 6 LAST\r\nQUIT\r\n${FROM}BDAT 6\r\nQUIT\r\n${FROM}${TO}NOOP\r\n")" \
	'220 250 503 250 554 250 250 250'
is "BDAT with a bad size ends the session" "$(codes "$HELLO$FROM${TO}BDAT x\r\nNOOP\r\n")" '220 250 250 250 501'
is "no MAIL, RCPT or DATA between chunks" "$(codes "$HELLO$FROM${TO}BDAT 1\r\na$FROM${TO}DATA\r\nBDAT 2 LAST\r\n\r\n")" '220 250 250 250 250 503 503 503 250'
is "several transactions in one write" "$(codes "$HELLO$FROM${TO}BDAT 3 LAST\r\n1\r\nRSET\r\n$FROM${TO}BDAT 3 LAST\r\n2\r\n"; cat got.0.msg got.1.msg)" \
	$'220 250 250 250 250 250 250 250 250\n1\r\n2\r'

# ---- sessions that break off
for cut in "DATA\r\nhalf" "DATA\r\nhalf\r\n" "DATA\r\nhalf\r\n." "DATA\r\nhalf\r\n.\r" "BDAT 4\r\nhalf" "BDAT 5 LAST\r\nhalf" "BDAT 4\r\nhalfRSET\r\n" "BDAT 4\r\nhalfQUIT\r\n"; do
	talk "$HELLO$FROM$TO$cut" >out
	is "cut at ${cut@Q}: nothing queued, the taker saw no end" "$(ls got.* 2>/dev/null; cat cut)" cut
done

# ---- what the taker says
export FATE
FATE=temp
is "111 is 451 with its sentence" "$(talk "$HELLO$FROM${TO}DATA\r\nx\r\n.\r\n" | tail -1)" \
	'451 4.3.0 mox-queue-add: unable to sync spool/new: No space left on device'
FATE=perm
is "100 is 554, first line only, controls hidden" "$(talk "$HELLO$FROM${TO}DATA\r\nx\r\n.\r\n" | tail -1)" '554 5.6.0 mox-queue-add: not ? wanted'
FATE=crash
is "a taker that dies is 451" "$(talk "$HELLO$FROM${TO}DATA\r\nx\r\n.\r\n" | tail -1)" '451 4.3.0 unable to take the message now'
FATE=early
clean
is "a taker that leaves early: the rest is read, the reply tells why" "$(bin/mox-smtpd <big | tail -2 | tr -d '\r')" \
	$'451 4.3.0 mox-queue-add: unable to write: No space left on device\n221 2.0.0 goodbye'
FATE=
mv bin/mox-queue-add bin/gone
is "no taker at all is 451 at DATA" "$(talk "$HELLO$FROM${TO}DATA\r\nNOOP\r\n" | tail -2)" \
	$'451 4.3.0 unable to start mox-queue-add: No such file or directory\n250 2.0.0 ok'
is "no taker at all is one 451 at BDAT" "$(codes "$HELLO$FROM${TO}BDAT 3 LAST\r\nx\r\nNOOP\r\n")" '220 250 250 250 451 250'
mv bin/gone bin/mox-queue-add

# ---- who may ask
cat >serve.py <<'EOF'
import socket, subprocess, sys
l = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET); l.bind((sys.argv[1], 0)); l.listen()
c = socket.socket(l.family); c.connect(l.getsockname()); s, _ = l.accept()
p = subprocess.Popen(['bin/mox-smtpd'], stdin=s, stdout=s, stderr=subprocess.DEVNULL); s.close(); l.close()
code = c.makefile().readline()[:3]
if code == '220': c.sendall(b'QUIT\r\n')
print(code, p.wait())
EOF
is "over TCP from this machine" "$(python3 serve.py 127.0.0.2)" "220 0"
own=$(hostname -I | tr ' ' '\n' | grep -m1 -F .)
if [ -n "$own" ]; then is "over TCP from elsewhere: no relay" "$(python3 serve.py "$own")" "554 100"; else skip "no address but loopback" relay; fi
fails 100 "wrong usage" bin/mox-smtpd x
fails 100 "broken configuration" bin/mox-smtpd -C /nonexistent

# ---- -m
cp "$MOX_BIN/mox-local" bin/
talk_m() { printf "$1" | bin/mox-smtpd -m box | tr -d '\r'; }
is "-m delivers" "$(talk_m "$HELLO$FROM${TO}RCPT TO:<-e@d.example>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n" | tail -1)" '250 2.0.0 delivered'
is "-m: one file, trace fields, LF" "$(cat box/new/*)" \
	$'Return-Path: <a@b.example>\nDelivered-To: c@d.example\nDelivered-To: -e@d.example\nSubject: x\n\nhi'
talk_m "$HELLO$FROM${TO}DATA\r\nhalf\r\n." >/dev/null
is "-m: a session cut off delivers nothing" "$(count box/new) $(count box/tmp box/cur)" "1 0"
done_testing
