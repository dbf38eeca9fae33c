#!/bin/bash
# REQUIRETLS (RFC 8689): proved hosts alone, the extension inside TLS, and what becomes of a message that finds none.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
"$TOP/t/world/certs" "$T/certs" mx1.test mx2.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
policy='sts enforce domain=x.test id=1 max-age=86400 mx=*.test'
secure=$'requiretls yes\n'$policy
tlsa="tlsa $("$TOP/t/world/tlsa" certs/good.pem 3 1 1)"

tls() { # [KEYWORD]: up to the EHLO in TLS, which offers that
	printf 'cert %s\ngreet STARTTLS%s\nC: STARTTLS\nS: 220 go\nstarttls\nC: EHLO *\n' "$T/certs/good" "${2:+, $2}"
	if [ -n "$1" ]; then printf 'S: 250-mx.test\nS: 250 %s\n' "$1"; else echo 'S: 250 mx.test'; fi
}
take() { # PARAMETERS-OF-MAIL
	printf 'C: MAIL FROM:<s@client.test>%s\nS: 250 ok\nC: RCPT TO:*\nS: 250 ok\nC: DATA\nS: 354 go\nD:\nS: 250 taken\n' "$1"
}
both() { tls REQUIRETLS; take ' REQUIRETLS'; }
sent() { # "name" SESSION-REGEX: script m and job j are both fine
	mx_done m "$1"
	like "$1: sent" "$(fate j 1)" '^sent 250'
	[ -z "${2-}" ] || like "$1: told" "$(said j session)" "$2"
}

JOB_LINES=$secure
mx m < <(both)
job j "$PORT/sts" -- a@x.test
deliver -k j
sent "T62 a policy, a good certificate, the extension inside TLS" 'verified=pkix .* starttls=yes requiretls=yes'
mx m < <(both)
JOB_TLSA=$tlsa
job j "$PORT/dane" -- a@x.test
deliver j
sent "T62 DANE" 'verified=dane .* requiretls=yes'
mx m < <(both)
job j "$PORT/dane+sts" -- a@x.test
deliver -k j
sent "T62 both" 'verified=dane'
JOB_TLSA=''

mx m < <(tls '')
job j "$PORT/sts" -- a@x.test
deliver -k j
mx_done m "T62 not offered: no MAIL"
like "T62 a host that was reached cannot: never" "$(fate j 1)" '^never 0 5\.7\.30 mx1\.test\[127\.0\.0\.1\] REQUIRETLS was asked for, and the server does not offer it$'
mx m < <(tls SIZE REQUIRETLS)
job j "$PORT/sts" -- a@x.test
deliver -k j
mx_done m "T64 offered before TLS alone: no MAIL"
like "T64 is not offered" "$(fate j 1)" '^never 0 5\.7\.30 '
like "T64 and told so" "$(said j session)" 'requiretls=no'

mx m < <(tls '')
mx second < <(both)
job j "$PORT_m/sts" "$PORT_second/sts" -- a@x.test
deliver -k j
mx_done m "T62 the first cannot: no MAIL"
mx_done second "T62 the next one can"
like "T62 sent there" "$(fate j 1)" '^sent 250 .* mx2\.test'
mx m < <(tls '')
JOB_LINES=$'partial yes\n'$secure
job j "$PORT/sts" -- a@x.test
deliver -k j
mx_done m "T62 the only host cannot"
like "T62 and one was left out of the plan, since a lookup failed: later, it may be able" "$(fate j 1)" \
	'^later 0 4\.4\.2 .* not every host could be asked'
JOB_LINES=$secure
mx m < <(tls '')
job j "$PORT_m/sts" 1/sts -- a@x.test
deliver -k j
mx_done m "T62 the first cannot"
like "T62 and the next is down: later, it may be able" "$(fate j 1)" '^later 0 4\.4\.1 '
mx m < <(tls '')
mx wrong <<'X'
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
eof
X
job j "$PORT_m/sts" "$PORT_wrong/sts" -- a@x.test
deliver -k j
mx_done m "T62 the first cannot, again"
mx_wait wrong
like "T62 and the next shows a wrong certificate: later" "$(fate j 1)" '^later 0 4\.7\.5 mx2\.test'
job j 1/sts -- a@x.test
deliver -k j
like "T62 nobody is there: later" "$(fate j 1)" '^later 0 4\.4\.1 '
for how in 'S: 454 4.7.0 no' 'S: 554 5.7.0 no' $'S: 220 go\nstarttls broken\nclose'; do
	mx m <<X
greet STARTTLS, REQUIRETLS
C: STARTTLS
$how
X
	job j "$PORT/sts" -- a@x.test
	deliver -k j
	mx_wait m
	like "T62 ${how:3:3}: later" "$(fate j 1)" '^later [0-9]+ 4\.7\.[05] '
done
mx m <<'X'
greet SIZE, REQUIRETLS
X
job j "$PORT/sts" -- a@x.test
deliver -k j
mx_done m "T62 T64 no STARTTLS, REQUIRETLS in clear: no MAIL"
like "T62 later" "$(fate j 1)" '^later 0 4\.7\.5 '

# ---- hops that prove nothing ----
for demand in may must none dane-unusable; do
	JOB_TLSA=''
	[ $demand != dane-unusable ] || JOB_TLSA='tlsa 1 1 1 00'
	JOB_LINES=$'requiretls yes\nsts testing domain=x.test id=1 max-age=1 mx=*.test'
	job j "1/$demand" -- a@x.test
	deliver -k j
	like "T63 T68 $demand is not enough: later, no connection" "$(fate j 1)" '^later 0 4\.7\.30 mx1\.test\[127\.0\.0\.1\] REQUIRETLS was asked for, and nothing can prove'
	is "T63 $demand: not a matter of the network" "$(said j network)" ""
done
JOB_TLSA=''

# ---- whose mail carries it ----
JOB_LINES=$policy
mx m < <(
	tls REQUIRETLS
	take ''
	printf 'C? RSET\nS: 250 ok\n'
	take ' REQUIRETLS'
	printf 'C? RSET\nS: 250 ok\n'
	take ''
)
job i "$PORT/sts" -- a@x.test
JOB_LINES=$secure
job j "$PORT/sts" -- b@x.test
JOB_LINES=$policy
job k "$PORT/sts" -- c@x.test
deliver -k -1 i j k
mx_done m "T62 the message that asked for it, and no other on the same connection"
is "T62 all sent" "$(fate i 1 | cut -c1-4) $(fate j 1 | cut -c1-4) $(fate k 1 | cut -c1-4)" "sent sent sent"

# A connection kept to the second hop, which cannot: the first is asked all the same.
JOB_LINES=$policy
mx first <<X
S: 421 not now
close
==
$(both)
X
mx second < <(
	tls ''
	take ''
)
job i "$PORT_first/sts" "$PORT_second/sts" -- a@x.test
JOB_LINES=$secure
job j "$PORT_first/sts" "$PORT_second/sts" -- b@x.test
deliver -k -1 i j
mx_done first "T62 T101 a kept connection without the extension does not make it impossible"
mx_done second "T62 nothing more to the second"
like "T62 sent by the first" "$(fate j 1)" '^sent 250 .* mx1\.test'

# ---- TLS-Required: No ----
JOB_LINES=$'requiretls no\n'$policy JOB_TLSA="tlsa 3 1 1 $(printf '%064d' 0)"
mx m <<X
greet STARTTLS, REQUIRETLS
C: STARTTLS
S: 454 no
$(take '')
X
job j "$PORT/may" -- a@x.test
deliver -k j
sent "T66 TLS-Required: No goes in plaintext" 'tls=none'
is "T66 and is counted" "$(said j tls | cut -d' ' -f1-3 | sort | paste -sd, | tr ' ' /)" \
	"sts/x.test/starttls-not-supported,tlsa/mx1.test/starttls-not-supported"
JOB_TLSA=''

# ---- a line that is no good is no weaker demand ----
for line in 'requiretls perhaps' 'requiretls ' $'requiretls yes\nrequiretls no' $'requiretls no\nrequiretls yes'; do
	JOB_LINES=$line$'\n'$policy
	job j 1/may -- a@x.test
	deliver j
	is "no job: ${line//$'\n'/, }" "$(cat report)" ""
done
done_testing
