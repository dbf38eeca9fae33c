#!/bin/bash
# The `tls` lines of a report: what is counted, by which policy, and how often.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
"$TOP/t/world/certs" "$T/certs" mx1.test mx2.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
policy='sts enforce domain=x.test id=1 max-age=86400 mx=mx1.test mx=*.test'
hex=$("$TOP/t/world/tlsa" certs/good.pem 3 1 1)
take='C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
handshake="cert $T/certs/good
greet STARTTLS
C: STARTTLS
S: 220 go
starttls"
hello="$handshake
C: EHLO *
S: 250 other.name.test at your service"
brief() { said "$1" tls | cut -d' ' -f1-3 | paste -sd, | tr ' ' /; } # TYPE/DOMAIN/RESULT,...

mx m <<X
$hello
$take
X
job j "$PORT/may" -- a@X.Test
deliver j
is "no policy: the recipient's domain" "$(_report_lines j | sed -n 's/^tls //p')" \
	"no-policy-found x.test ok mx=mx1.test helo=other.name.test from=127.0.0.1 to=127.0.0.1"
mx m <<X
$hello
$take
X
JOB_LINES=$policy JOB_TLSA="tlsa $hex"$'\n''tlsa 2 1 2 00'
job j "$PORT/dane+sts" -- a@y.test
deliver -k j
is "both policies, their strings, and no recipient's domain" "$(grep ^tls report | sort)" \
	"tls sts x.test ok mx=mx1.test helo=other.name.test from=127.0.0.1 to=127.0.0.1 mxp=mx1.test mxp=*.test policy=version:\\x20STSv1 policy=mode:\\x20enforce policy=mx:\\x20mx1.test policy=mx:\\x20*.test policy=max_age:\\x2086400
tls tlsa mx1.test ok for=y.test mx=mx1.test helo=other.name.test from=127.0.0.1 to=127.0.0.1 policy=${hex// /\\x20} policy=2\\x201\\x202\\x2000"
JOB_TLSA='' JOB_LINES=''
for i in $(seq 30); do JOB_TLSA+="tlsa 3 0 0 $(printf "%0600x" "$i")"$'\n'; done
JOB_TLSA=${JOB_TLSA%?}
mx m <<X
$hello
$take
X
job j "$PORT/may" -- a@x.test
deliver j
ok "strings that would make a line longer than 4096 bytes are left out" \
	awk '/^tls / { n++; ok = length($0) < 4096 && length($0) > 3000 } END { exit !(ok && n == 1) }' report
JOB_TLSA=''
sink s
job i "$PORT/may" -- a@x.test b@Y.Test c@X.test d@xn--bcher-kva.test e@bücher.test 'f@[192.0.2.1]'
deliver i
is "each domain once, in A-labels; no literal" "$(brief i | sed 's/no-policy-found.//g; s/.starttls-not-supported//g')" "x.test,y.test,xn--bcher-kva.test"

# ---- T53 ----
mx m <<X
$hello
$take
C? RSET
S: 250 ok
$take
C? RSET
S: 250 ok
$take
X
job i "$PORT/may" -- a@x.test
job j "$PORT/may" -- b@x.test
job k "$PORT/may" -- c@Z.test
deliver i j k
mx_done m "T53 three messages over one connection"
is "T53 a reused connection is not counted again" "$(brief i) $(brief j)" "no-policy-found/x.test/ok "
is "T53 but for another domain" "$(brief k)" "no-policy-found/z.test/ok"
mx m <<X
greet STARTTLS
C: STARTTLS
S: 220 go
starttls broken
close
==
greet STARTTLS
$take
C? RSET
S: 250 ok
$take
X
job i "$PORT/may" -- a@x.test
job j "$PORT/may" -- a@y.test
deliver i j
mx_done m "T53 plaintext behind a failed handshake"
is "T53 is one failure" "$(brief i)" "no-policy-found/x.test/validation-failure"
is "T53 of the next domain that uses it, too" "$(brief j)" "no-policy-found/y.test/validation-failure"
like "T53 with its reason" "$(said i tls)" ' reason=TLS failed: '
mx m <<X
$handshake
C: EHLO *
alert
close
X
JOB_LINES=$policy
job i "$PORT/sts" -- a@x.test
deliver -k i
is "T53 an alert in place of the EHLO's answer: no success" "$(brief i)" "sts/x.test/validation-failure"
JOB_LINES=''

# ---- T51 ----
rcpt='C: RCPT *
S: 250 ok
C: RCPT *
S: 250 ok
C: RCPT'
mx m <<X
$hello
${take/C: RCPT/$rcpt}
C? RSET
S: 250 ok
$take
C? RSET
S: 250 ok
${take/C: RCPT/$rcpt}
X
JOB_TLSA="tlsa $hex"
job i "$PORT/may" -- a@x.test b@Y.Test c@x.test
job j "$PORT/may" -- a@y.test
job k "$PORT/may" -- a@x.test 'f@[192.0.2.1]' a@z.test
deliver i j k
mx_done m "T51 one session with a host for several domains"
tlsa() { said "$1" tls | sed 's/ mx=.*//; s/^tls //' | paste -sd,; }
is "T51 is told once for each domain, and that it is one session" "$(tlsa i)" "tlsa mx1.test ok for=x.test,tlsa mx1.test ok for=y.test also=yes"
is "T51 not again" "$(tlsa j)" ""
is "T51 but for a further domain" "$(tlsa k)" "tlsa mx1.test ok for=z.test also=yes"
sink s
job i "$PORT/may" -- 'f@[192.0.2.1]'
deliver i
is "T51 no domain, and the host's all the same" "$(tlsa i)" "tlsa mx1.test starttls-not-supported"
JOB_TLSA=''

# ---- T54, T55 ----
mx first <<'X'
greet SIZE
X
mx second <<X
$hello
$take
X
JOB_LINES=$policy
job i "$PORT_first/sts" "$PORT_second/sts" -- a@x.test
deliver -k i
mx_wait first
mx_wait second
is "T54 failure at one host, success at the next: both" "$(said i tls | cut -d' ' -f3,4 | paste -sd,)" "starttls-not-supported mx=mx1.test,ok mx=mx2.test"
JOB_LINES=''
mx m <<X
greet SIZE
$take
X
job i "$PORT/may" -- a@x.test
deliver i
mx_done m "T55 plaintext"
is "T55 is counted" "$(brief i)" "no-policy-found/x.test/starttls-not-supported"
like "T55 and the message is sent" "$(fate i 1)" '^sent'
mx m <<X
greet STARTTLS
C: STARTTLS
S: 454 not today
$take
X
job i "$PORT/may" -- a@x.test
deliver i
is "T55 a refusal" "$(brief i)" "no-policy-found/x.test/starttls-not-supported"
like "T55 with the code" "$(said i tls)" ' reason=STARTTLS was answered with 454$'

# ---- not counted ----
mx m <<X
greet STARTTLS
$take
X
job i "$PORT/none" -- a@x.test
deliver i
is "not counted: TLS that is switched off" "$(brief i)$(fate i 1 | cut -c1-4)" "sent"
job i 1/may -- a@x.test
deliver i
is "not counted: no connection" "$(brief i)" ""
mx m <<'X'
S: 421 busy
X
job i "$PORT/may" -- a@x.test
deliver i
is "not counted: no good greeting" "$(brief i)" ""
echo 'transport "relay" { type = smtp host = "127.0.0.1" }
transport "four" { type = direct ipv6 = false }' >>mox.conf
for t in relay four; do
	mx m <<X
$hello
$take
X
	job i "$PORT/must" -- a@x.test
	deliver -T $t i
	[ $t = relay ] && want= || want=no-policy-found/x.test/ok
	is "by transport $t: ${want:-recipient domains have no part in it}" "$(brief i)" "$want"
done
mx m <<X
$hello
$take
C? RSET
S: 250 ok
$take
X
JOB_LINES='tls-results no'
job i "$PORT/may" -- a@x.test
JOB_LINES=''
job j "$PORT/may" -- b@x.test
deliver i j
mx_done m "T58 a report on TLS, and other mail behind it"
is "T58 not counted: the report" "$(brief i)$(fate i 1 | cut -c1-4)" "sent"
is "T58 the other mail's session is, at its time" "$(brief j)" "no-policy-found/x.test/ok"
mx m <<'X'
greet SIZE
X
JOB_LINES='tls-results no'
job i "$PORT/must" -- a@x.test
JOB_LINES=''
deliver i
is "T58 nor is a report's failure" "$(brief i)" ""
# T103: the second, shorter hello stands for both.
mx m <<X
greet STARTTLS
C: STARTTLS
S: 220 go
hello-max 1
==
${hello}
$take
X
job i "$PORT/must" -- a@x.test
deliver i
mx_done m "T103 again with a shorter hello"
is "T103 is counted once" "$(brief i)" "no-policy-found/x.test/ok"
done_testing
