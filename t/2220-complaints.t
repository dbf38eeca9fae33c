#!/bin/bash
# What a site says of itself in the middle of its work: 421 slows it down wherever it comes, and of a job those alone go back into the line
# without an attempt who met nothing else.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
export MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
BUSY="==
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 421 4.7.28 too many of you
eof"
mx slow -t 30 <<X
${BUSY#==}
$BUSY
$BUSY
$BUSY
X
mx limits -t 30 <<X
greet LIMITS RCPTMAX=1
C: MAIL *
S: 250 ok
C: RCPT TO:<first@limits.example>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
C: MAIL *
S: 250 ok
C: RCPT TO:<grey@limits.example>
S: 450 4.2.0 greylisted
C? RSET
S: 250 ok
C: MAIL *
S: 421 4.3.2 that is enough
eof
==
greet LIMITS RCPTMAX=1
C: MAIL *
S: 421 4.7.0 too much
eof
==
greet LIMITS RCPTMAX=1
C: MAIL *
S: 250 ok
C: RCPT TO:<other@limits.example>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
transport "slow" { type = smtp host = "127.0.0.1" port = $PORT_slow starttls = never }
transport "limits" { type = smtp host = "127.0.0.1" port = $PORT_limits starttls = never }
route { to = { "slow.example" } transport = "slow" }
route { to = { "limits.example" } transport = "limits" }
retry { intervals = { "1d" } }
site "*" { connections = 1 }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' >>added; }
seen() { [ "$(grep -c "event=$1 .*rcpt=$2\.example" runq.log)" = "$3" ]; } # EVENT PATTERN COUNT
start runq mox-runq -w
add first@limits.example
ok "one is taken" wait_until seen sent .*@limits 1
add grey@limits.example other@limits.example
for i in 1 2 3 4; do add "r$i@slow.example"; done
ok "who met 421 goes on when it may" wait_until seen sent .*@limits 2
is "and it was no attempt" "$(sed -n 's/.*event=\([a-z]*\) .*rcpt=other@.* attempts=\([0-9]*\).*/\1 \2/p' runq.log | paste -sd,)" 'returned 0,sent 1' 
ok "who was put off for himself is: once, and an attempt" seen later grey@limits 1
like "that is all" "$(grep 'event=\(later\|returned\) .*rcpt=grey@' runq.log)" '^[^
]*event=later .*code=450 '
mx_done limits "as the site said"
ok "each message is an attempt" wait_until seen later .*@slow 4
mx_done slow "421 behind the message"
# 0.25 s behind the first of them, then twice as long, and twice that.
is "each slows it down" "$(sed -n 's/^time=[^T]*T\([0-9:.]*\)Z .*event=later .*@slow\.example.*/\1/p' runq.log |
	awk -F: '{ t = ($1 * 60 + $2) * 60 + $3 } NR == 1 { first = t } END { took = t - first; if (took < 0) took += 86400; print((took >= 1.7) ? "yes" : took) }')" yes
stop runq

# What waits since its site takes few messages grows old there as anywhere; t/2510 and others have the notices themselves.
sink taker
cat >conf <<X
hostname = "me.example"
spool = "$T/spool2"
transport "taker" { type = smtp host = "127.0.0.1" port = $PORT_taker starttls = never }
transport "away" { type = discard }
route { to = { "taker.example" } transport = "taker" }
route { to = { "me.example" } transport = "away" }
retry { intervals = { "1d" } delay-notice = "1s" give-up = "6s" }
site "127.0.0.1" { messages-per-minute = 30 }
X
start runq mox-runq -w
for i in 1 2 3 4 5 6 7 8 9; do add "r$i@taker.example"; done
told() { grep -q "event=notice .*kind=$1 " runq.log; }
given_up() { grep -q 'event=never .* status=4\.4\.5 attempts=0 ' runq.log; }
ok "who waits for the others: its sender is told" wait_until told delayed
ok "and what is too old is given up, with a word of our own, untried" wait_until given_up
ok "of which its sender hears, too" wait_until told failed
stop runq
stop taker
done_testing
