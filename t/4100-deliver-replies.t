#!/bin/bash
# What a peer may answer, and what becomes of the recipient (checklist 3F).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

dialogue "a plain delivery, no extension offered" '^sent 250 2\.0\.0 mx1\.test\[127\.0\.0\.1\] .*taken' <<'X'
greet
C: MAIL FROM:<s@client.test>
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 2.0.0 taken
C: QUIT
S: 221 bye
X
for code in 251 252 259; do
	dialogue "T84 $code to RCPT is accepted" '^sent 250' <<X
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: $code somehow
C: DATA
S: 354 go
D:
S: 250 taken
X
done
dialogue "T84 another 2xx to the final dot is success" '^sent 299' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 299 whatever
X
dialogue "T84 421 to MAIL closes and defers" '^later 421 4\.3\.2' <<'X'
greet
C: MAIL *
S: 421 4.3.2 going down
close
X
dialogue "T84 421 to RCPT closes and defers" '^later 421' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 421 4.3.2 going down
close
X
dialogue "T84 421 to the final dot defers" '^later 421' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 421 4.3.2 going down
close
X
mx m <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: RCPT TO:<b@x.test>
S: 550 5.1.1 nobody
C: RCPT TO:<c@x.test>
S: 451 4.2.1 later
C: DATA
S: 354 go
D:
S: 250 2.0.0 taken
X
job j "$PORT" -- a@x.test b@x.test c@x.test
ok "three recipients" deliver j
mx_done m "a transaction goes on for those that were accepted"
like "one is sent" "$(fate j 1)" '^sent 250 2.0.0 '
like "T79 one is refused for good" "$(fate j 2)" '^never 550 5\.1\.1 mx1\.test\[127\.0\.0\.1\] .*nobody'
like "T79 one for now" "$(fate j 3)" '^later 451 4\.2\.1 .*later'

dialogue "T86 MAIL rejected in a pipelined group, and the peer closes: MAIL's reply counts" '^never 550 5\.7\.1 .*blocked' <<'X'
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 550 5.7.1 blocked by our list
close
X
dialogue "a final 5xx to DATA's end is for good" '^never 554 5\.6\.0 ' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 554 5.6.0 spam
X
dialogue "a 5xx to DATA is for good" '^never 554 5\.7\.1 ' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 554 5.7.1 not from you
X
dialogue "T89 many lines in every reply" '^sent 250 2\.1\.0 .*first.*second' <<'X'
S: 220-mx.test
S: 220-welcome
S: 220 ESMTP
C: EHLO client.test
S: 250-mx.test
S: 250-SIZE
S: 250 HELP
C: MAIL *
S: 250-2.1.0 sender
S: 250 2.1.0 ok
C: RCPT *
S: 250-2.1.5 recipient
S: 250 2.1.5 ok
C: DATA
S: 354-go
S: 354 on
D:
S: 250-2.1.0 first
S: 250 2.1.0 second
C: QUIT
S: 221-good
S: 221 bye
X
dialogue "T89 a reply without text" '^sent 250' <<'X'
S: 220
C: EHLO *
S: 250
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: 354
D:
S: 250
X
dialogue "T89 the code changes within a reply: nonsense, later" '^later ' <<'X'
greet
C: MAIL *
S: 250-ok
S: 550 or not
close
X
dialogue "T89 a NUL in a reply does no harm" '^(later|never) .*' <<'X'
greet
C: MAIL *
S: 550 5.7.1 no\x00pe
close
X
dialogue "T89 a reply without its last line: later" '^later ' <<'X'
greet
C: MAIL *
S: 250-and
S: 250-so
close
X
dialogue "T89 a line of 10 kB" '^(sent|later) ' <<'X'
greet
C: MAIL *
S+ 250 ok
fill 10000
S: .
C? RCPT *
S: 250 ok
C? DATA
S: 354 go
close
X
dialogue "T89 no reply at all but text: later" '^later ' <<'X'
S: HTTP/1.1 400 Bad Request
close
X
dialogue "T89 an endless reply is given up" '^later ' <<'X'
greet
C: MAIL *
repeat 20000
S: 250-more and more and more and more and more and more and more and more and more and more and more and more and more and more
end
close
X
dialogue "T89 UTF-8 split over reads arrives whole" '^never 550 5\.1\.1 .*Empfänger unbekannt — grüße' <<'X'
drip 1 0
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 550 5.1.1 Empfänger unbekannt — grüße
X
dialogue "T89 a forged report line in a reply stays in its text" '^never 550 .*rcpt 1 sent' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 550-5.1.1 no\r\n550-rcpt 1 sent 250 - - -\r\n550 end
X
dialogue "T90 keywords in any case" '^sent' <<'X'
S: 220 mx.test
C: EHLO *
S: 250-mx.test
S: 250 pipeLINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken
X
JOB_LINES=$'ret hdrs\nenvid abc'
dialogue "T90 a server called dsn.test, with a keyword that begins with another, offers neither" '^sent' <<'X'
S: 220 mx.test
C: EHLO *
S: 250-dsn.test DSN
S: 250-SIZEX 10
S: 250 PIPELININGS
C: MAIL FROM:<s@client.test>
nothing 50
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
dialogue "DSN where it is offered" '^sent' <<'X'
greet DSN
C: MAIL FROM:<s@client.test> RET=* ENVID=abc
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
JOB_LINES=
for code in 500 501 502 504 550; do
	dialogue "T90 HELO after $code to EHLO" '^sent' <<X
S: 220 mx.test
C: EHLO client.test
S: $code what
C: HELO client.test
S: 250 mx.test
C: MAIL FROM:<s@client.test>
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
done
dialogue "T90 no HELO after 421 to EHLO" '^later 421' <<'X'
S: 220 mx.test
C: EHLO *
S: 421 no
close
X
dialogue "T90 a banner without ESMTP still gets EHLO" '^sent' <<'X'
S: 220 mx.test
C: EHLO *
S: 250 mx.test
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
dialogue "T91 a 5xx banner is no verdict on the recipient: later" '^later 554' <<'X'
S: 554 5.7.1 go away
C? QUIT
S: 221 bye
X
like "T91 and says that of the site" "$(said d site)" '^busy|^refused'
mx first <<'X'
S: 554 5.7.1 not me
X
mx second <<'X'
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
job j "$PORT_first" "$PORT_second" -- a@x.test
deliver j
like "T91 the next host is tried" "$(fate j 1)" '^sent 250 .*mx2\.test'
mx_done first "T91 nothing is said after a 5xx banner"
mx_done second "T91 the second host"

dialogue "T94 the connection is lost before the final dot's reply: later" '^later ' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
reset
X
is "T94 and flagged" "$(said d maybe)" yes
dialogue "T94 lost before the dot is no maybe" '^later ' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
reset
X
is "T94 not flagged" "$(said d maybe)" ""
dialogue "T95 QUIT is said after failures" '^never 550' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 550 5.1.1 no
C? RSET
S: 250 ok
C: QUIT
S: 221 bye
X
before=$(date +%s%N)
dialogue "T95 a QUIT that is not answered" '^sent' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
C: QUIT
stall
X
ok "T95 delays no longer than its timeout" [ $((($(date +%s%N) - before) / 1000000)) -lt 3000 ]
dialogue "T95 an odd reply to QUIT undoes nothing" '^sent' <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
C: QUIT
S: 554 nonsense
close
X
hint() { # TEXT: the wait line of a 451 with it
	mx d <<X
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 451 4.7.1 $1
X
	job d "$PORT" -- a@x.test
	deliver d
	stop d
	said d wait
}
is "T129 a hint is heard" "$(hint 'Greylisted, please try again in 300 seconds')" 300
is "T129 minutes" "$(hint 'try again in 5 minutes')" 300
is "T129 not below a minute" "$(hint 'try again in 1 second')" 60
like "T129 not beyond four hours" "$(hint 'try again in 9999999 seconds')" '^(14400)?$'
is "T129 an absurd number is ignored" "$(hint 'try again in 99999999999999999999 seconds')" ""
is "T129 no hint, no line" "$(hint 'come back some day')" ""
done_testing
