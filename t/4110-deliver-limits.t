#!/bin/bash
# LIMITS (RFC 9422), SIZE (RFC 1870), recipients that do not fit into one transaction (checklist T81 to T83, T92).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

one='C? RSET
S: 250 reset
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
two='C: MAIL *
S: 250 ok
C: RCPT TO:<a@*
S: 250 ok
C: RCPT TO:<b@*
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
limits() { # "name" KEYWORD SCRIPT: two recipients against a server that offers KEYWORD; both must be sent
	mx m <<X
greet $2
$3
X
	job j "$PORT" -- a@x.test b@y.test
	deliver j
	mx_done m "$1"
	is "$1: both sent" "$(fate j 1 | cut -c1-4) $(fate j 2 | cut -c1-4)" "sent sent"
}
limits "no LIMITS: one transaction" "SIZE" "$two"
limits "T82 RCPTMAX=1: two transactions on one connection" "LIMITS RCPTMAX=1" "$one
$one"
limits "T81 names in any case" "LIMITS rcptmax=1" "$one
$one"
limits "T81 a syntax error drops the extension" "LIMITS RCPTMAX=1 =" "$two"
limits "T81 a bad value drops that limit alone" "LIMITS MAILMAX=x RCPTMAX=1" "$one
$one"
limits "T81 an unknown name is ignored" "LIMITS COFFEEMAX=9 RCPTMAX=1" "$one
$one"
limits "T81 a name twice drops the extension" "LIMITS RCPTMAX=1 RCPTMAX=1" "$two"
limits "T81 RCPTMAX=0 is no limit" "LIMITS RCPTMAX=0" "$two"
limits "T82 RCPTDOMAINMAX=1: two domains, two transactions" "LIMITS RCPTDOMAINMAX=1" "$one
$one"
limits "T82 MAILMAX=1 with RCPTMAX=1: a connection each" "LIMITS MAILMAX=1 RCPTMAX=1" "$one
==
greet LIMITS MAILMAX=1 RCPTMAX=1
$one"
mx m <<X
greet LIMITS MAILMAX=1
$one
==
greet LIMITS MAILMAX=1
$one
X
job j "$PORT" -- a@x.test
job k "$PORT" -- a@x.test
deliver j k
mx_done m "T82 MAILMAX=1: a second message reconnects"
is "T82 both sent" "$(fate j 1 | cut -c1-4) $(fate k 1 | cut -c1-4)" "sent sent"
mx m <<X
greet STARTTLS, LIMITS RCPTMAX=1
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250 mx.test
$two
X
job j "$PORT" -- a@x.test b@y.test
deliver j
mx_done m "T81 LIMITS of before STARTTLS are forgotten"
mx m <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250-mx.test
S: 250 LIMITS RCPTMAX=1
$one
$one
X
job j "$PORT" -- a@x.test b@y.test
deliver j
mx_done m "T81 LIMITS of after STARTTLS count"

for code in 452 552; do
	mx m <<X
greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a@*
S: 250 ok
C: RCPT TO:<b@*
S: $code 5.5.3 too many recipients
C: DATA
S: 354 go
D:
S: 250 taken
C? RSET
S: 250 reset
C: MAIL *
S: 250 ok
C: RCPT TO:<b@*
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
	job j "$PORT" -- a@x.test b@x.test
	deliver j
	mx_done m "T83 $code after one was accepted: the rest in a transaction of its own"
	is "T83 $code: both sent" "$(fate j 1 | cut -c1-4) $(fate j 2 | cut -c1-4)" "sent sent"
done
mx m <<X
greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a@*
S: 452 4.5.3 full
C: RCPT TO:<b@*
S: 452 4.5.3 full
C? RSET
S: 250 reset
X
job j "$PORT" -- a@x.test b@x.test
deliver j
mx_done m "T83 452 to the first: no loop"
is "T83 both later" "$(fate j 1 | cut -c1-9) $(fate j 2 | cut -c1-9)" "later 452 later 452"

JOB_MESSAGE=$T/dotted JOB_FLAGS=dot
printf 'Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\n' >dotted
dialogue "T92 SIZE is counted with CRLF and before dot-stuffing" '^sent' <<X
greet SIZE 100000
C: MAIL FROM:<s@client.test> SIZE=$(stat -c %s dotted)
S: 250 ok
${one#*S: 250 ok
}
X
JOB_MESSAGE=$T/message JOB_FLAGS=
for size in "SIZE" "SIZE 0" "SIZE many"; do
	dialogue "T92 '$size' is no limit" '^sent' <<X
greet $size
$one
X
done
dialogue "T92 a message beyond the limit is refused without being sent" '^never [0-9]+ 5\.3\.4 ' <<X
greet SIZE 10
X
mx first <<'X'
greet SIZE 10
X
mx second <<X
greet SIZE 100000
$one
X
job j "$PORT_first" "$PORT_second" -- a@x.test
deliver j
like "T92 another host takes more" "$(fate j 1)" '^sent 250 .*mx2\.test'
mx_done first "T92 nothing is sent to the first"
mx_done second "T92 all to the second"
done_testing
