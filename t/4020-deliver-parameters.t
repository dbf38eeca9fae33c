#!/bin/bash
# What stands behind MAIL and RCPT: what was given and what the server offers, nothing else.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
size=$(stat -c %s message)
rest='S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
said() { # NAME KEYWORDS MAIL RCPT [RCPT-FIELDS]: those command lines, exactly
	mx m <<X
greet $2
C: $3
S: 250 ok
C: $4
$rest
X
	job j "$PORT" -- "a@x.test${5-}"
	deliver j
	mx_done m "$1"
}
said "T71 nothing is invented" "DSN, SIZE, 8BITMIME, SMTPUTF8, REQUIRETLS" "MAIL FROM:<s@client.test> SIZE=$size" "RCPT TO:<a@x.test>"
JOB_LINES=$'ret hdrs\nenvid QQ+2B314159'
said "T71 RET, ENVID, NOTIFY and ORCPT as they were given" DSN "MAIL FROM:<s@client.test> RET=hdrs ENVID=QQ+2B314159" \
	"RCPT TO:<a@x.test> NOTIFY=success,delay ORCPT=rfc822;Bob+2B@x.test" " notify=success,delay orcpt=rfc822;Bob+2B@x.test"
said "T72 none of them where DSN is not offered" SIZE "MAIL FROM:<s@client.test> SIZE=$size" "RCPT TO:<a@x.test>" \
	" notify=never orcpt=rfc822;b@x.test"
JOB_LINES=$'ret everything\nenvid a\\x20NOTIFY=x'
said "T111 what would be another parameter is left out" DSN "MAIL FROM:<s@client.test>" "RCPT TO:<a@x.test>" \
	' notify=never\x20ORCPT=x orcpt=rfc822;b\x0d\x0aDATA'
JOB_LINES='' JOB_SENDER=''
said "the null sender" SIZE "MAIL FROM:<> SIZE=$size" "RCPT TO:<a@x.test>"
JOB_SENDER=s@client.test JOB_FLAGS=8bit
said "8BITMIME" 8BITMIME "MAIL FROM:<s@client.test> BODY=8BITMIME" "RCPT TO:<a@x.test>"
JOB_FLAGS='8bit smtputf8' JOB_SENDER='grün@client.test'
said "SMTPUTF8" "8BITMIME, SMTPUTF8" "MAIL FROM:<grün@client.test> BODY=8BITMIME SMTPUTF8" "RCPT TO:<a@x.test>"
JOB_FLAGS=smtputf8 JOB_SENDER='s@grün.test'
said "T109 a domain alone goes in A-labels" 8BITMIME "MAIL FROM:<s@xn--grn-ioa.test>" "RCPT TO:<a@x.test>"
JOB_FLAGS='' JOB_SENDER=s@client.test

# One of two hops is too small, the other is down: what is down may be larger.
mx m <<'X'
greet SIZE 10
C: QUIT
S: 221 bye
X
job j "$PORT" 1 -- a@x.test
deliver j
mx_done m "T92 too large for the one: no MAIL"
like "T92 and the other not reached: later" "$(fate j 1)" '^later 0 4\.4\.1 mx2'

mx m <<'X'
S: 220 mx.test
S: 220 and again
X
job j "$PORT" -- a@x.test
deliver j
stop m
like "a server that speaks out of turn is not believed" "$(fate j 1)" '^later 0 4\.5\.0 .*more than one answer'

mx m <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 451 4.7.1 Greylisted, please try again in 5 minutes
C? RSET
S: 250 ok
X
job j "$PORT" -- a@x.test
deliver j
mx_done m "T129 a greylisting server"
is "T129 its hint" "$(_report_lines j | sed -n 's/^wait //p')" 300
done_testing
