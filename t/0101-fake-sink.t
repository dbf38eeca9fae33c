#!/bin/bash
# The sink of the drains and measurements: what it counts is what came in.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"

talk() { # PORT PIECE: sends fd 0 as it is, in pieces of PIECE bytes, prints the replies' codes
	python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(6, 1, 1)
data, n, got = sys.stdin.buffer.read(), int(sys.argv[2]), b""
for i in range(0, len(data), n): s.sendall(data[i:i + n])
while (b := s.recv(65536)): got += b
print(" ".join(l[:4].decode().strip() for l in got.split(b"\r\n")))' "$@"
}
dialogue='EHLO me\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<550-b@x.test>\r\nDATA\r\nSubject: x\r\n\r\n..a\r\n.\r\n'
dialogue+='MAIL FROM:<>\r\nRCPT TO:<c@x.test>\r\nBDAT 5\r\nx\r\n\r\nBDAT 4 LAST\r\n..\r\n'
dialogue+='MAIL FROM:<t@x.test>\r\nRCPT TO:<dot-451-d@x.test>\r\nDATA\r\n.\r\nRSET\r\nQUIT\r\n'
codes='220 250- 250- 250- 250- 250- 250- 250- 250 250 250 550 354 250 250 250 250 250 250 250 354 451 250 221 '
n=0
for piece in 1 3 100000; do
	n=$((n + 1))
	sink s -d "s$n" -o "s$n.rec" -n 2
	is "the codes, in pieces of $piece" "$(printf "$dialogue" | talk "$PORT" $piece)" "$codes"
	ok "says when it is done" wait_until grep -q '^done messages=2 recipients=2 ' s.log
	stop s
	is "what was stored" "$(cat s$n/* | tr -d '\r' | tr '\n' '|')" "MAIL s@x.test|RCPT a@x.test||Subject: x||.a|MAIL |RCPT c@x.test||x||..|"
	is "who got it" "$(cut -d' ' -f1,3,4 s$n.rec | tr '\n' '|')" "1 <s@x.test> a@x.test|2 <> c@x.test|"
done

sink limited -r 1 -m 1 -a 127.0.0.3-127.0.0.4 -k 'STARTTLS,PIPELINING' -l 20
send() { # SENDER RCPT,RCPT [tls]: the code of the first refusal, or 250
	python3 -c 'import smtplib, ssl, sys
s = smtplib.SMTP("127.0.0.4", int(sys.argv[1]), "me")
c = ssl._create_unverified_context()
if len(sys.argv) > 4: s.starttls(context=c)
s.ehlo()
codes = [s.mail(sys.argv[2])[0]] + [s.rcpt(r)[0] for r in sys.argv[3].split(",")]
if codes[0] == 250: codes.append(s.data("x")[0])
s.close()
print([c for c in codes if c != 250])' "$PORT" "$@"
}
is "a range of addresses, STARTTLS" "$(send s@x.test a@x.test tls)" "[]"
is "a delayed answer, 452 beyond the limit" "$(send s@x.test a@x.test,b@x.test)" "[452]"
is "a refused sender" "$(send 550-s@x.test a@x.test)" "[550, 503]"
stop limited
like "sessions are counted" "$(tail -n 1 limited.log)" 'messages=2 recipients=2 connections=3 peak=1 tls=1'
done_testing
