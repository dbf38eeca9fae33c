#!/bin/bash
# The scripted server itself: a test server that lets everything pass would make every dialogue test worthless.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"

talk() { # PORT: sends fd 0, CRLF added to each line, and prints what comes back until the server closes
	python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"".join(l.rstrip(b"\n") + b"\r\n" for l in sys.stdin.buffer))
s.shutdown(1)
while (b := s.recv(65536)): sys.stdout.buffer.write(b.replace(b"\r", b""))' "$1"
}

mx good <<'X'
S: 220 hello
C: EHLO *
S: 250-mx.test
S: 250 PIPELINING
C? RSET
S: 250 reset
C: MAIL FROM:<*>
S: 250 ok
repeat 2
C: RCPT TO:<*>
S: 250 ok
end
C: DATA
S: 354 go
D:
S: 250 taken
==
greet SIZE 100, CHUNKING
on RCPT*<bad@* => 550 5.1.1 no
on . => 451 later
accept
X
got=$(printf '%s\n' 'EHLO me' 'MAIL FROM:<s@x.test>' 'RCPT TO:<a@x.test>' 'RCPT TO:<b@x.test>' DATA 'Subject: x' '' '..dot' . QUIT | talk "$PORT")
is "the lines of a section, in turn" "$(echo "$got" | tr '\n' '|')" "220 hello|250-mx.test|250 PIPELINING|250 ok|250 ok|250 ok|354 go|250 taken|221 2.0.0 bye|"
got=$(printf '%s\n' 'EHLO me' 'MAIL FROM:<s@x.test>' 'RCPT TO:<bad@x.test>' 'RCPT TO:<b@x.test>' 'BDAT 4 LAST' 'ab' QUIT | talk "$PORT")
is "accept obeys its rules" "$(echo "$got" | tr '\n' '|')" \
	"220 mx.test ESMTP|250-mx.test|250-SIZE 100|250 CHUNKING|250 2.0.0 fine|550 5.1.1 no|250 2.0.0 fine|451 later|221 2.0.0 bye|"
mx_done good "both sections were played as written"
is "the message as it came" "$(tr -d '\r' <good.d/1.1.wire | tr '\n' '|')" "Subject: x||..dot|.|"
is "the message without dot-stuffing" "$(tr -d '\r' <good.d/1.1.msg | tr '\n' '|')" "Subject: x||.dot|"
like "every byte is kept" "$(tail -c 16 good.d/1.in | od -An -c | tr -d ' \n')" '^..dot.r.n[.].r.nQUIT.r.n$'

bad() { # name LINES...: a client that says LINES against this script is caught
	local name=$1
	shift
	mx bad -t 1 <<'X'
S: 220 hello
C: EHLO *
S: 250 mx.test
C: MAIL FROM:<s@x.test>
nothing 50
S: 250 ok
X
	printf '%s\n' "$@" | talk "$PORT" >/dev/null 2>&1
	fails 1 "$name is caught" wait "$PID_bad"
}
bad "another address" 'EHLO me' 'MAIL FROM:<t@x.test>'
bad "a command too many" 'EHLO me' 'MAIL FROM:<s@x.test>' QUIT NOOP
bad "an early end" 'EHLO me'
bad "pipelining where it is not wanted" 'EHLO me' 'MAIL FROM:<s@x.test>' QUIT
mx none -t 1 <<'X'
S: 220 hello
X
fails 1 "a connection that never comes is caught" wait "$PID_none"

mx secure <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250 mx.test
C: QUIT
S: 221 bye
touch said
X
ok "TLS" bash -c "(printf 'EHLO me\r\nQUIT\r\n'; until [ -e said ]; do read -rt 0.02 <> <(:); done) | gnutls-cli --insecure --starttls-proto=smtp -p $PORT 127.0.0.1"
mx_done secure "TLS as scripted"
done_testing
