#!/bin/bash
# PIPELINING and CHUNKING: what goes in one write, what never does, and transactions behind one another (T85, T87, T88, T132, T133).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

# A script that expects several lines before it says anything is played to its end by a client that pipelines, and by no other.
dialogue "MAIL, RCPT and DATA go in one group" '^sent' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken
X
dialogue "T88 nothing behind DATA before 354" '^sent' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
nothing 50
S: 250 ok
S: 250 ok
nothing 50
S: 354 go
D:
S: 250 taken
X
dialogue "T88 nothing behind EHLO and STARTTLS" '^sent' <<'X'
S: 220 mx.test
C: EHLO *
nothing 50
S: 250-mx.test
S: 250-PIPELINING
S: 250 STARTTLS
C: STARTTLS
nothing 50
S: 220 go
starttls
C: EHLO *
nothing 50
S: 250-mx.test
S: 250 PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken
X
dialogue "T88 nothing is said before the banner" '^sent' <<'X'
nothing 50
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
dialogue "T85 all recipients refused, DATA taken: a lone dot, never the message" '^never 550' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 550 5.1.1 nobody
S: 354 go
C: .
S: 554 5.5.1 no recipients
C? RSET
S: 250 ok
X
dialogue "T85 even when the lone dot is taken" '^never 550' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 550 5.1.1 nobody
S: 354 go
C: .
S: 250 2.0.0 taken
C? RSET
S: 250 ok
X
dialogue "T85 DATA refused, too" '^never 550' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 550 5.1.1 nobody
S: 503 5.5.1 no recipients
C? RSET
S: 250 ok
X

# Replies of 2 kB to each of 100 recipients into small buffers, while the client still has half a megabyte to write.
yes 'a line of seventy bytes, which is what most lines of a letter are like' | head -n 7000 | sed 's/$/\r/' >big
{
	printf 'Subject: big\r\n\r\n'
	cat big
} >big.msg
JOB_MESSAGE=$T/big.msg
mx m -b 2304 <<'X'
greet PIPELINING, CHUNKING
C: MAIL *
S: 250 ok
repeat 100
C: RCPT TO:<*
S+ 250 2.1.5\x20
fill 500
S:
end
C: BDAT *
D: bdat
S: 250 2.0.0 taken
X
job j "$PORT" -- $(seq -f 'recipient-with-a-name-of-some-length-%g@x.test' 100)
ok "T87 a group larger than the buffers" deliver j
mx_done m "T87 every line of it came"
is "T87 all sent" "$(grep -c '^rcpt [0-9]* sent' report)" 100
ok "T105 half a megabyte by BDAT, byte for byte" cmp m.d/1.1.msg big.msg
mx m -b 2304 <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken
X
job j "$PORT" -- a@x.test
deliver j
mx_done m "half a megabyte by DATA through small buffers"
ok "byte for byte" cmp m.d/1.1.msg big.msg
JOB_MESSAGE=$T/message

dialogue "a whole message in one group with CHUNKING" '^sent' <<'X'
greet PIPELINING, CHUNKING
C: MAIL *
C: RCPT *
C: BDAT * LAST
D: bdat
S: 250 ok
S: 250 ok
S: 250 taken
X
first='C: MAIL *
C: RCPT TO:<a@*
C: BDAT * LAST
D: bdat
S: 250 ok
S: 250 ok
S: 250 2.0.0 taken'
second='C? RSET
S: 250 reset
C: MAIL FROM:<s2@*
C: RCPT TO:<b@*
C: BDAT * LAST
D: bdat
S: 250 ok
S: 250 ok
S: 250 2.0.0 taken'
pair() { # NAME...: two jobs of different senders
	job j "$@" -- a@x.test
	JOB_SENDER=s2@client.test
	job k "$@" -- b@x.test
	job l "$@" -- c@x.test
	JOB_SENDER=s@client.test
}
fates() { echo "$(fate j 1 | cut -d' ' -f1,2) $(fate k 1 | cut -d' ' -f1,2)"; }
mx m <<X
greet PIPELINING, CHUNKING
$first
$second
X
pair "$PORT"
deliver j k
mx_done m "T133 two messages on one connection"
is "T133 both sent" "$(fates)" "sent 250 sent 250"

# Exim 4.96: BDAT without recipients is answered 503 and the transaction stays open.
mx m <<X
greet PIPELINING, CHUNKING
$first
C? RSET
S: 250 reset
C: MAIL FROM:<s2@*
C: RCPT TO:<b@*
C: BDAT * LAST
D: bdat
S: 250 ok
S: 550 5.1.1 nobody
S: 503 valid RCPT command must precede BDAT
C: RSET
S: 250 reset
C: MAIL FROM:<s2@*
C: RCPT TO:<c@*
C: BDAT * LAST
D: bdat
S: 250 ok
S: 250 ok
S: 250 taken
X
pair "$PORT"
deliver j k l
mx_done m "T132 after a transaction whose recipients were all refused comes RSET"
is "T132 the fates" "$(fates) $(fate l 1 | cut -c1-8)" "sent 250 never 550 sent 250"

mx m <<X
greet PIPELINING, CHUNKING
$first
C? RSET
S: 250 reset
C: MAIL FROM:<s2@*
C: RCPT TO:<b@*
C: BDAT * LAST
D: bdat
S: 503 sender already given
S: 250 ok
S: 250 taken
close
==
greet
accept
X
pair "$PORT"
deliver j k
stop m
unlike "T132 503 to MAIL: nothing of that transaction counts as sent" "$(fate k 1 | head -n 1)" '^(sent|never).*already'

# One connection lost behind a whole message: the report says that the site stumbled, once.
mx m <<X
greet PIPELINING, CHUNKING
$first
C? RSET
C: MAIL FROM:<s2@*
close
==
greet PIPELINING, CHUNKING
C: MAIL *
C: RCPT *
nothing 50
S: 250 ok
S: 250 ok
C: BDAT * LAST
D: bdat
S: 250 taken
X
pair "$PORT"
deliver j k
mx_done m "T133 behind a connection lost with two on it: one at a time"
is "T133 the report says so, once" "$(said j careful)$(said k careful)" yes
JOB_LINES='careful yes'
mx m <<X
greet PIPELINING, CHUNKING
C: MAIL *
C: RCPT *
nothing 50
S: 250 ok
S: 250 ok
C: BDAT * LAST
D: bdat
S: 250 taken
X
job j "$PORT" -- a@x.test
deliver j
JOB_LINES=
mx_done m "T133 so does a worker that is told of it from the first message on"
is "T133 and it does not say so again" "$(said j careful)" ""
done_testing
