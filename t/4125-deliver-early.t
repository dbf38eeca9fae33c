#!/bin/bash
# Commands ahead of the greeting (PIPECONNECT): only where the host has offered it, and whatever it answers otherwise than before ends in a
# new connection, one thing behind the other.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

OFFERS=PIPELINING,8BITMIME,PIPECONNECT
WORD=pipelining,8bitmime,pipeconnect,limits=0/0/0,auth=0
TLS_WORD=pipelining,8bitmime,starttls,pipeconnect,limits=0/0/0,auth=0
JOB_MORE=
early() { # "name" FATE TLS WORD [IN-TLS-WORD] <<script: as dialogue, with what the host offered before
	local name=$1 want=$2 tls=$3 rc
	shift 3
	mx d -t 10
	JOB_LINES="offers 127.0.0.1 $PORT${*:+ $*}${JOB_MORE:+
$JOB_MORE}"
	job d "$PORT/$tls" -- a@x.test
	JOB_LINES=
	deliver d
	mx_wait d
	rc=$?
	if [ $rc = 0 ] && [[ $(fate d 1) =~ $want ]]; then _report 0 "$name"; else
		_report 1 "$name"
		{
			echo "fate:   $(fate d 1)"
			echo "wanted: $want"
			cat "$T/d.log" "$T"/d.d/*.log "$T/report" "$T/deliver.log" 2>&1
		} | diag
	fi
}
trips() { said d session | sed 's/.*trips=\([0-9]*\).*/\1/'; }

# ---- what is told, and when nothing may be said early ----
dialogue "nobody speaks early to a host that was never asked" '^sent' none <<X
nothing 50
greet $OFFERS
accept
X
is "what it offers is told for the next time" "$(said d offers)" "127.0.0.1 $PORT $WORD"
is "four round trips: greeting, EHLO, MAIL RCPT DATA, the dot" "$(trips)" 4
dialogue "the older name of it" '^sent' none <<X
greet PIPELINING, X_PIPE_CONNECT
accept
X
is "is the same offer" "$(said d offers)" "127.0.0.1 $PORT pipelining,pipeconnect,limits=0/0/0,auth=0"
dialogue "who does not offer it" '^sent' none <<X
greet PIPELINING
accept
X
is "is not told of" "$(said d offers)" ""

# ---- plaintext that nothing forbids ----
early "EHLO, MAIL, RCPT and DATA in one group, before the greeting" '^sent 250 2.0.0 mx1.test' none "$WORD" <<X
C: EHLO client.test
C: MAIL FROM:<s@client.test>
C: RCPT TO:<a@x.test>
C: DATA
nothing 50
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
is "two round trips" "$(trips)" 2
like "the session says so" "$(said d session)" ' early=yes$'
is "nothing new is told" "$(said d offers)" ""
early "without PIPELINING only MAIL goes behind EHLO" '^sent' none pipeconnect,limits=0/0/0,auth=0 <<X
C: EHLO client.test
C: MAIL FROM:<s@client.test>
nothing 50
S: 220 mx.test
S: 250-mx.test
S: 250 PIPECONNECT
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 2.0.0 taken
X
early "with CHUNKING, too, the message waits for the answer to EHLO" '^sent' none pipelining,chunking,pipeconnect <<X
C: EHLO client.test
C: MAIL FROM:<s@client.test>
C: RCPT TO:<a@x.test>
nothing 50
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-CHUNKING
S: 250 PIPECONNECT
S: 250 ok
S: 250 ok
C: BDAT * LAST
D: bdat
S: 250 2.0.0 taken
X
SECOND="==
nothing 20
greet PIPELINING
C: MAIL FROM:<s@client.test>
C: RCPT TO:<a@x.test>
C: DATA"
GROUP='C: EHLO *
C: MAIL *
C: RCPT *
C: DATA'
early "a refusal of RCPT is that recipient's, as ever" '^never 550 5.1.1 mx1.test' none "$WORD" <<X
$GROUP
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT
S: 250 ok
S: 550 5.1.1 nobody
S: 503 5.5.1 no recipients
C? RSET
S: 250 ok
X

# ---- what differs ----
early "a greeting of 554 is nobody's failure: met anew, what is said then counts" '^sent 250 2.0.0' none "$WORD" <<X
$GROUP
S: 554 5.5.0 protocol error: you talk before my greeting
S: 250 never
S: 250 your
S: 250 message
S: 250 2.0.0 taken
eof
$SECOND
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
is "and it is forgotten" "$(said d offers)" "127.0.0.1 $PORT"
unlike "its session was none of that kind" "$(said d session)" early
early "a greeting of 421, and again" '^later 421 4.3.2 mx1.test' none "$WORD" <<X
$GROUP
S: 421 4.3.2 too busy
close
==
nothing 20
S: 421 4.3.2 too busy
X
early "EHLO refused: replies to MAIL and RCPT are not believed" '^never 554 5.7.1 .*not you' none "$WORD" <<X
$GROUP
S: 220 mx.test
S: 550 5.5.2 EHLO?
S: 250 ok
S: 550 5.1.1 nobody
S: 503 5.5.1 what
eof
$SECOND
S: 250 ok
S: 554 5.7.1 not you
S: 503 5.5.1 no
C? RSET
S: 250 ok
X
early "CHUNKING is gone: MAIL and RCPT taken, and all the same a new connection" '^sent' none pipelining,chunking,pipeconnect <<X
C: EHLO *
C: MAIL *
C: RCPT *
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250 PIPECONNECT
S: 250 ok
S: 250 ok
eof
==
greet PIPELINING, PIPECONNECT
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
is "what it offers now is told" "$(said d offers)" "127.0.0.1 $PORT pipelining,pipeconnect,limits=0/0/0,auth=0"
early "354 although EHLO was answered otherwise: nothing of the message goes there" '^sent' none "$WORD" <<X
$GROUP
S: 220 mx.test
S: 250-mx.test
S: 250 PIPELINING
S: 250 ok
S: 250 ok
S: 354 go
eof
$SECOND
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
early "a connection that is lost" '^sent' none "$WORD" <<X
$GROUP
reset
$SECOND
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
early "a connection that is lost behind the answer to EHLO, with MAIL unanswered" '^sent' none "$WORD" <<X
$GROUP
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT
close
$SECOND
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken
X
is "and it is forgotten" "$(said d offers)" "127.0.0.1 $PORT"
early "a size limit of the other day refuses no message" '^sent' none pipelining,size=10,pipeconnect <<X
C: EHLO *
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-SIZE 100000
S: 250 PIPECONNECT
eof
==
greet PIPELINING, SIZE 100000, PIPECONNECT
accept
X
early "one that stands still does" '^never 0 5.3.4' none pipelining,size=10,pipeconnect <<X
C: EHLO *
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-SIZE 10
S: 250 PIPECONNECT
X

# ---- TLS ----
IN_TLS='C: EHLO client.test
C: MAIL FROM:<s@client.test>
C: RCPT TO:<a@x.test>
C: DATA
nothing 20
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT'
GO='S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250-STARTTLS
S: 250 PIPECONNECT
S: 220 go'
TAKE='S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken'
for tls in may must; do
	early "$tls: EHLO and STARTTLS at once, and inside TLS EHLO, MAIL, RCPT and DATA" '^sent' $tls "$TLS_WORD" "$WORD" <<X
C: EHLO client.test
C: STARTTLS
nothing 20
$GO
starttls
$IN_TLS
$TAKE
X
	is "$tls: four round trips" "$(trips)" 4
	is "$tls: TLS is told of once" "$(said d tls | cut -d' ' -f1-3)" "no-policy-found x.test ok"
done
early "no STARTTLS known, and TLS would do: MAIL waits for the answer to EHLO" '^sent' may "$WORD" <<X
C: EHLO client.test
nothing 50
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
early "no STARTTLS known, and now it is offered: TLS" '^sent' may "$WORD" <<X
C: EHLO client.test
nothing 50
S: 220 mx.test
S: 250-mx.test
S: 250 STARTTLS
eof
==
greet STARTTLS, PIPECONNECT
C: STARTTLS
S: 220 go
starttls
C: EHLO *
nothing 20
S: 250-mx.test
S: 250 PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
is "both answers are told" "$(said d offers)" \
	"127.0.0.1 $PORT starttls,pipeconnect,limits=0/0/0,auth=0 pipelining,limits=0/0/0,auth=0"
early "no STARTTLS any more, under a demand: nothing goes in plaintext" '^later 0 4.7.5 .*not offered' must "$TLS_WORD" "$WORD" <<X
C: EHLO *
C: STARTTLS
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 PIPECONNECT
S: 502 5.5.1 what
eof
==
greet PIPELINING
X
early "STARTTLS refused behind EHLO: asked once more before there is any plaintext" '^sent' may "$TLS_WORD" "$WORD" <<X
C: EHLO *
C: STARTTLS
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250-STARTTLS
S: 250 PIPECONNECT
S: 454 4.7.0 not in a group
eof
==
greet PIPELINING, STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250-mx.test
S: 250 PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
like "and then in TLS" "$(said d session)" ' tls=TLS1'
early "a handshake that fails behind it: likewise" '^sent' may "$TLS_WORD" "$WORD" <<X
C: EHLO *
C: STARTTLS
$GO
starttls broken
close
==
greet PIPELINING, STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250-mx.test
S: 250 PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
is "nothing of it is counted but what came of it" "$(said d tls | cut -d' ' -f1-3)" "no-policy-found x.test ok"
early "T97 more behind the 220 to STARTTLS is no reason for plaintext" '^later' may "$TLS_WORD" "$WORD" <<X
C: EHLO *
C: STARTTLS
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250-STARTTLS
S: 250 PIPECONNECT
S: 220 go
S: 250 injected
eof
==
greet STARTTLS
C: STARTTLS
S: 220 go
S: 250 injected
eof
X
early "inside TLS other offers than before: met anew" '^sent' must "$TLS_WORD" "$WORD" <<X
C: EHLO *
C: STARTTLS
$GO
starttls
C: EHLO *
C: MAIL *
C: RCPT *
C: DATA
S: 250-mx.test
S: 250 PIPELINING
S: 250 ok
S: 250 ok
S: 354 go
eof
==
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250-mx.test
S: 250 PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
is "one session is counted" "$(said d tls | wc -l)" 1

# ---- one worker, several connections ----
mx two -t 10 <<X
greet $OFFERS, LIMITS MAILMAX=1
accept
==
C: EHLO *
C: MAIL *
C: RCPT *
C: DATA
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250-PIPECONNECT
S: 250 LIMITS MAILMAX=1
$TAKE
X
job one "$PORT/none" -- a@x.test
job two "$PORT/none" -- b@x.test
deliver one two
mx_done two "a worker that dials anew remembers by itself"
is "both are sent" "$(grep -c '^rcpt 1 sent 250' report)" 2
is "it is told once" "$(grep -c '^offers' report)" 1
JOB_MORE='careful yes' early "nothing early where transactions behind one another went wrong" '^sent' none "$WORD" <<X
nothing 50
greet $OFFERS
accept
X
for bad in '' pipelining pipeconnect,unheard-of pipeconnect,size=x pipeconnect,limits=1/2; do
	early "nothing early by what is no such line: '$bad'" '^sent' none $bad <<X
nothing 20
greet PIPELINING
accept
X
done
JOB_MORE='offers \q 25 pipeconnect' early "nor by one whose host cannot be read" '^sent' none <<X
nothing 20
greet PIPELINING
accept
X
done_testing
