#!/bin/bash
# What hosts offer travels from worker to worker: commands ahead of the greeting, as long as the host's answers stay the same.
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
done_testing
