#!/bin/bash
# STARTTLS, wanted and demanded, and all that goes wrong there (T97 to T103).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

take='C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
plain="greet STARTTLS
$take"
secure="C: STARTTLS
S: 220 go
starttls
C: EHLO client.test
S: 250 mx.test
$take"

dialogue "STARTTLS is used where it is offered" '^sent' <<X
greet STARTTLS
$secure
X
like "and told" "$(said d session)" 'tls=TLS1\.3 verified=none .*cipher=[^ ]+'
dialogue "TLS 1.2" '^sent' <<X
greet STARTTLS
${secure/starttls/starttls NORMAL:-VERS-ALL:+VERS-TLS1.2}
X
like "and told" "$(said d session)" 'tls=TLS1\.2'
dialogue "warning alerts, a few" '^sent' must <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls NORMAL:-VERS-ALL:+VERS-TLS1.2
warnings 5
C: EHLO client.test
S: 250 mx.test
$take
X
dialogue "a wish to negotiate anew is not heard" '^sent' must <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls NORMAL:-VERS-ALL:+VERS-TLS1.2
renegotiate
C: EHLO client.test
S: 250 mx.test
$take
X
dialogue "and without end: nothing to wait for" '^later 0 4\.7\.5 .*TLS failed' must <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls NORMAL:-VERS-ALL:+VERS-TLS1.2
C: EHLO client.test
warnings 100
eof
X
dialogue "not where the hop says none" '^sent' none <<X
$plain
X
like "and told" "$(said d session)" 'tls=none'
dialogue "must, offered" '^sent' must <<X
greet STARTTLS
$secure
X
dialogue "T97 a reply injected behind 220 is never read as one after TLS: opportunistic" '^later' <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go\r\n250-mx.test\r\n250 SIZE 1
close
X
dialogue "T97 and where TLS is demanded: later" '^later' must <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go\r\n250-mx.test\r\n250 SIZE 1
close
X
dialogue "T98 what EHLO offered before TLS is forgotten" '^sent' <<X
greet STARTTLS, SIZE 1, PIPELINING, CHUNKING, DSN, SMTPUTF8
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250 mx.test
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
for code in 454 554; do
	dialogue "T99 demanded, and $code to STARTTLS: later, no MAIL in clear" '^later' must <<X
greet STARTTLS
C: STARTTLS
S: $code 4.7.0 no TLS today
X
	dialogue "opportunistic, and $code to STARTTLS: plaintext" '^sent' <<X
greet STARTTLS
C: STARTTLS
S: $code 4.7.0 no TLS today
$take
X
done
dialogue "T99 demanded, and not offered: later" '^later' must <<'X'
greet SIZE
X
mx first <<'X'
greet SIZE
X
mx second <<X
greet STARTTLS
$secure
X
job j "$PORT_first/must" "$PORT_second/must" -- a@x.test
deliver j
like "T99 the next host is tried" "$(fate j 1)" '^sent 250 .*mx2\.test'
mx_done first "T99 no MAIL to the first"
mx_done second "T99 TLS with the second"
for how in broken alert; do
	dialogue "T100 opportunistic, handshake $how: once more, in plaintext" '^sent' <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls $how
close
==
$plain
X
	like "T100 told" "$(said d session)" 'tls=none'
	dialogue "T100 demanded, handshake $how: later" '^later' must <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls $how
close
X
done
dialogue "T100 opportunistic, gone at STARTTLS: once more, in plaintext" '^sent' <<X
greet STARTTLS
C: STARTTLS
close
==
$plain
X
dialogue "T100 demanded, gone at STARTTLS: later" '^later' must <<'X'
greet STARTTLS
C: STARTTLS
close
X
dialogue "T100 the fallback fails, too: no third time" '^later' <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go
starttls broken
close
==
greet STARTTLS
close
X
mx m <<X
greet STARTTLS
$take
==
greet STARTTLS
$secure
X
job j "$PORT/none" -- a@x.test
job k "$PORT/must" -- b@x.test
deliver j k
mx_done m "T101 a plaintext connection is not kept for a message that demands TLS"
is "T101 both sent" "$(fate j 1 | cut -c1-4) $(fate k 1 | cut -c1-4)" "sent sent"
mx m <<X
greet STARTTLS
$secure
C? RSET
S: 250 ok
$take
X
job j "$PORT/must" -- a@x.test
job k "$PORT/must" -- b@x.test
deliver j k
mx_done m "T101 one with TLS is kept for another that demands it"
like "T101 told" "$(said k session)" 'reused=yes'
dialogue "T102 no close_notify after the final reply" '^sent' <<X
greet STARTTLS
$secure
C: QUIT
S: 221 bye
close
X
dialogue "T102 a TLS alert in the middle of the message: later" '^later' <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO *
S: 250 mx.test
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
alert
close
X
mx m <<X
greet STARTTLS
C: STARTTLS
S: 220 go
hello-max 1
==
greet STARTTLS
C: STARTTLS
S: 220 go
hello-max 100000
starttls
C: EHLO *
S: 250 mx.test
$take
X
job j "$PORT/must" -- a@x.test
deliver j
mx_done m "T103 a peer that drops our ClientHello gets a smaller one"
like "T103 sent" "$(fate j 1)" '^sent'
ok "T103 smaller indeed" [ "$(sed -n 's/^HELLO //p' m.d/2.log)" -lt "$(sed -n 's/^HELLO //p' m.d/1.log)" ]
mx m <<X
greet STARTTLS
C: STARTTLS
S: 220 go
hello-max 1
==
greet STARTTLS
C: STARTTLS
S: 220 go
hello-max 1
==
$plain
X
job j "$PORT" -- a@x.test
deliver j
mx_done m "T103 then plaintext, where that is allowed"

# What nobody is judged by is not read: 8 ms and 4 MB.
printf 'hostname = "client.test"\nca-file = "%s/authorities.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
cp /etc/ssl/certs/ca-certificates.crt authorities.pem 2>/dev/null || : >authorities.pem
mx s <<X
== repeat
greet STARTTLS
accept
X
job s "$PORT/may" -- a@x.test
if strace -o /dev/null true 2>/dev/null; then
	loads() { strace -f -e trace=openat -o calls fake-runq $1 s.job >report 2>&1 && grep -c authorities.pem calls; }
	is "no authorities are read where TLS is opportunistic" "$(loads '')$(sed -n 's/^rcpt 1 \([a-z]*\).*/ \1/p' report)" "0 sent"
	is "and once where a policy judges" "$(loads -k)" 1
else
	skip "no strace here" "no authorities are read where TLS is opportunistic"
fi
done_testing
