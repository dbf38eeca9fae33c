#!/bin/bash
# Which of a host's addresses: both families after a refusal for policy, the same one again for greylisting, our own address.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null || skip_all "no IPv6 here"
cat >mox.conf <<'S'
hostname = "client.test"
timeouts { quit = "1s" }
transport "mine" { type = direct source-ipv4 = "127.0.0.77" source-ipv6 = "::1" hostname = "mine.test" }
transport "nobodys" { type = direct source-ipv4 = "192.0.2.77" }
transport "relay" { type = smtp host = "mx1.test" }
S
# two "SCRIPT6" "SCRIPT4": a host with both families, IPv6 first in the plan; a message's first attempt
two() {
	mx four <<<"$2"
	mx six -a ::1 -p "$PORT" <<<"$1"
}
one() { # ATTEMPT [RCPT...] -- [DIALED...]
	local rcpt=()
	JOB_LINES="attempt $1"
	shift
	while [ "$1" != -- ]; do rcpt+=("$1") && shift; done
	shift
	while [ $# -gt 0 ]; do JOB_LINES+=$'\n'"dialed $1" && shift; done
	job a "$PORT/may" -- "${rcpt[@]}"
	sed -i 's/^addr .*/addr ::1\naddr 127.0.0.1/' a.job
	deliver ${WAY:+-T "$WAY"} a
}
refuse='greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 550 5.7.1 your address stands on a list
S: 554 5.5.1 no recipients'
take='greet PIPELINING
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken'
two "$refuse" "$take"
one 1 a@x.test --
like "refused for policy by IPv6: IPv4 is tried" "$(fate a 1)" '^sent 250 .*mx1.test\[127.0.0.1\]'
mx_done six "once each" && mx_done four "as the other sees it"
two "$refuse" "$refuse"
one 1 a@x.test --
like "refused by both: it is final" "$(fate a 1)" '^never 550 5.7.1 mx1.test\[127.0.0.1\]'
mx_done six "six" && mx_done four "four"
two "$refuse" "$take"
one 2 a@x.test --
like "not at the second attempt" "$(fate a 1)" '^never 550 5.7.1 mx1.test\[::1\]'
stop six && stop four
two "${refuse//5.7.1/5.1.1}" "$take"
one 1 a@x.test --
like "not for what is said of the mailbox" "$(fate a 1)" '^never 550 5.1.1 mx1.test\[::1\]'
stop six && stop four
two "$refuse" "$take"
WAY=relay one 1 a@x.test --
like "not at a relay, who knows us by our login" "$(fate a 1)" '^never 550 5.7.1 mx1.test\[::1\]'
stop six && stop four
two 'greet
C: MAIL *
S: 550 5.7.0 no
C? RSET
S: 250 ok' "$take"
one 1 a@x.test --
like "at MAIL" "$(fate a 1)" '^sent 250 .*\[127.0.0.1\]'
stop six && stop four
two 'greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a*
S: 250 ok
C: RCPT TO:<b*
S: 250 ok
C: DATA
S: 354 go
D:
S: 554 5.7.1 spam' 'greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a*
S: 250 ok
C: RCPT TO:<b*
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
one 1 a@x.test b@x.test --
like "behind the message: all of them" "$(fate a 1) $(fate a 2)" '^sent 250 .*\[127.0.0.1\].*sent 250 .*\[127.0.0.1\]'
stop six && stop four
two 'greet
C: MAIL *
S: 250 ok
C: RCPT TO:<a*
S: 250 ok
C: RCPT TO:<b*
S: 550 5.7.1 no
C: DATA
S: 354 go
D:
S: 250 taken' 'greet
C: MAIL *
S: 250 ok
C: RCPT TO:<b*
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
one 1 a@x.test b@x.test --
like "one of two: the other is delivered where it was" "$(fate a 1) $(fate a 2)" '^sent 250 .*\[::1\].*sent 250 .*\[127.0.0.1\]'
mx_done six "six" && mx_done four "four"
two "$refuse" 'S: 554 5.7.1 nor you'
one 1 a@x.test --
like "when the other does not even greet, it waits" "$(fate a 1)" '^later 554'
stop six && stop four
two "$take" "$take"
one 2 a@x.test -- 127.0.0.1
like "the second attempt: the address of the first" "$(fate a 1)" '^sent 250 .*\[127.0.0.1\]'
stop six && stop four
two "$take" "$take"
one 3 a@x.test -- ::1 ::1
like "the third: the other family" "$(fate a 1)" '^sent 250 .*\[127.0.0.1\]'
stop six && stop four
# Behind a refused transaction another message's is under way: somebody was taken before, it is not our address.
whole='C: MAIL *
C: RCPT *
C: BDAT *
D: bdat'
two "greet PIPELINING,CHUNKING
$whole
S: 250 ok
S: 250 ok
S: 250 taken
$whole
C: RSET
$whole
S: 250 ok
S: 250 ok
S: 550 5.7.1 no
S: 503 no recipients
S: 250 ok
S: 250 ok
S: 250 ok
S: 250 taken" 'greet'
for j in 1 2 3; do
	JOB_LINES='attempt 1'
	job "p$j" "$PORT/may" -- "$([ $j = 2 ] && echo bad || echo "a$j")@x.test"
	sed -i 's/^addr .*/addr ::1\naddr 127.0.0.1/' "p$j.job"
done
deliver p1 p2 p3
is "one of several messages" "$(fate p1 1 | cut -d' ' -f1,4) $(fate p2 1 | cut -d' ' -f1,4) $(fate p3 1 | cut -d' ' -f1,4)" \
	"sent mx1.test[::1] never mx1.test[::1] sent mx1.test[::1]"
stop six && stop four

# ---- our own address and name ----
two 'greet' 'S: 220 mx.test
C: EHLO mine.test
S: 250 mx.test
accept'
job a "$PORT/may" -- a@x.test
deliver -T mine a
like "the source address" "$(said a tls)" ' from=127.0.0.77 '
like "and the mail arrives" "$(fate a 1)" '^sent 250'
job a "$PORT/may" -- a@x.test
deliver -T nobodys a
like "one that is not ours" "$(fate a 1)" '^later 0 4.4.1 .*Cannot assign requested address'
is "is no attempt" "$(said a network)" no
stop six && stop four
done_testing
