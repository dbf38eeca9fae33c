#!/bin/bash
# What is known of hosts travels from worker to worker: commands ahead of the greeting, as long as the host's answers stay the same; and
# tickets of TLS sessions, for the same way and the same demand.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
export MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
GROUP="C: EHLO me.example
C: MAIL FROM:<s@me.example>
C: RCPT TO:<a@x.example>
C: DATA"
EARLY="$GROUP
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250 PIPECONNECT"
LATE="nothing 20
greet PIPELINING, PIPECONNECT
C: MAIL *
C: RCPT *
C: DATA"
TAKE="S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 2.0.0 taken"
# First asked; then twice by memory; then it answers otherwise, and once more; then nothing is remembered.
mx host -t 20 <<X
$LATE
$TAKE
==
$EARLY
$TAKE
==
$EARLY
$TAKE
==
$GROUP
S: 554 too hasty
S: 250 no
S: 250 no
S: 250 no
S: 250 no
eof
==
nothing 20
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
==
nothing 20
greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
$TAKE
X
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
transport "relay" { type = smtp host = "127.0.0.1" port = $PORT_host starttls = never }
route { to = { "x.example" } transport = "relay" }
site "*" { messages-per-connection = 1 }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody'; }
sent() { [ "$(grep -c ' event=sent ' runq.log)" = "$1" ]; }
start runq mox-runq -w
for i in 1 2 3 4 5; do
	ok "message $i" add a@x.example
	wait_until sent "$i"
done
mx_done host "every connection was opened as the host was known"
is "the sessions say which" "$(grep ' event=sent ' runq.log | sed 's/.*early=yes.*/early/; t; s/.*/late/' | paste -sd,)" late,early,early,late,late
stop runq

# ---- tickets ----
"$TOP/t/world/certs" "$T/certs" localhost
mx tls -t 20 <<X
== repeat
cert $T/certs/good
tickets A
keywords PIPELINING, STARTTLS
S: 220 mx.test
accept
X
tickets() { # true|false
	cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
ca-file = "$T/certs/ca.pem"
tls-resumption = $1
transport "must" { type = smtp host = "127.0.0.1" port = $PORT_tls starttls = must }
transport "same" { type = smtp host = "127.0.0.1" port = $PORT_tls starttls = must }
transport "may" { type = smtp host = "127.0.0.1" port = $PORT_tls starttls = may }
route { to = { "must.example" } transport = "must" }
route { to = { "same.example" } transport = "same" }
route { transport = "may" }
site "*" { messages-per-connection = 1 }
X
	rm -f runq.log
	start runq mox-runq -w
	local n=0 to
	for to in a@must.example a@may.example a@must.example a@may.example a@must.example a@same.example; do
		add $to >/dev/null
		n=$((n + 1))
		wait_until sent $n
	done
	stop runq
	grep ' event=sent' runq.log | sed 's/.*resumed=yes.*/resumed/; t; s/.*/full/' | paste -sd,
}
is "T101 sessions are resumed by the same transport, with the same demand, and no other" "$(tickets true)" full,full,resumed,resumed,resumed,full
is "and by none when the configuration says so" "$(tickets false)" full,full,full,full,full,full
unlike "no ticket is ever written down" "$(cat runq.log; find spool -type f -exec grep -l AAAAAAAAAA {} +)" "AAAAAAAAAA"
done_testing
