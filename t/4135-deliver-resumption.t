#!/bin/bash
# TLS sessions resumed by a ticket: used once, for the host and the demand it was given for, and judged as if they were new.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
JOB_HOST=mx%d.example.test
"$TOP/t/world/certs" "$T/certs" mx1.example.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
tlsa() { JOB_TLSA="tlsa $("$TOP/t/world/tlsa" "certs/$1.pem" 3 1 1)"; }
section() { # CERTIFICATE KEY [PRIORITY]: one connection
	printf '%s\n' "cert $T/certs/$1" "tickets $2" 'keywords STARTTLS' 'S: 220 mx.test' "accept ${3-}"
}
many() { # NAME CERTIFICATE KEY [PRIORITY]: a server
	mx "$1" < <(echo '== repeat' && section "${@:2}")
}
go() { # NAME TLS [TICKET]: one job by a worker of its own
	JOB_LINES="tickets yes${3:+
ticket $3}"
	job "$1" "$PORT/$2" -- a@x.test
	JOB_LINES=
	deliver -k "$1"
}
told() { said "$1" ticket | tail -n 1; }
resumed() { case $(said "$1" session) in *" resumed=yes"*) echo yes ;; *) echo no ;; esac; }
log() { grep -h '^TLS' "$1".d/*.log | cut -d' ' -f2- | paste -sd, | sed 's/ mx1.example.test//g'; }

for v in 1.2 1.3; do
	only="NORMAL:-VERS-ALL:+VERS-TLS$v"
	many s good A "$only"
	go one may
	like "$v: a ticket is told" "$(told one)" "^127\.0\.0\.1 $PORT mx1\.example\.test [A-Za-z0-9+/=]{500,8300}\$"
	is "$v: a session in full" "$(resumed one)" no
	ticket=$(told one) counted=$(said one tls)
	go two may "$ticket"
	like "$v: sent by a resumed one" "$(fate two 1) $(resumed two)" '^sent 250 .* yes$'
	is "$v: the server says so, too" "$(log s)" "TLS$v,TLS$v resumed"
	is "$v: the old one does not come back, one for the next does" "$(said two ticket | wc -l)" 1
	[ $v = 1.2 ] || ok "$v: which is a new one" [ "$(told two)" != "$ticket" ]
	is "$v: TLS is counted as ever" "$(said two tls)" "$counted"
	job bare "$PORT/may" -- a@x.test
	deliver bare
	is "$v: who keeps none is told none" "$(told bare)" ""
	if [ $v = 1.3 ]; then
		go other may "127.0.0.2 $PORT mx1.example.test ${ticket##* }
ticket 127.0.0.1 1 mx1.example.test ${ticket##* }
ticket 127.0.0.1 $PORT mx2.example.test ${ticket##* }"
		is "for another host it is not shown, and goes back" \
			"$(fate other 1 | cut -c1-4) $(resumed other) $(said other ticket | grep -c " ${ticket##* }\$")" "sent no 3"
		for bad in '!!' '' "$(cut -c1-400 <<<"${ticket##* }")"; do
			go other may "127.0.0.1 $PORT mx1.example.test $bad"
			is "one that is none does no harm: $(cut -c1-10 <<<"$bad")" "$(fate other 1 | cut -c1-4) $(resumed other)" "sent no"
		done
	fi
	stop s

	# The server's keys change: a handshake in full, on the same connection.
	mx s < <(section good A "$only" && echo '==' && section good B "$only")
	go one must
	go two must "$(told one)"
	like "$v: a server that knows it no more" "$(fate two 1) $(resumed two)" '^sent 250 .* no$'
	mx_done s "$v: two connections"

	# ---- judged anew ----
	many s good A "$only"
	tlsa good
	go one dane
	go two dane "$(told one)"
	like "$v: T101 dane: verified" "$(said two session)" ' verified=dane .* resumed=yes$'
	is "$v: what is counted" "$(said two tls | cut -d' ' -f1-3)" "tlsa mx1.example.test ok"
	tlsa other
	go three dane "$(told two)"
	like "$v: T101 the record has changed: refused" "$(fate three 1)" '^later 0 4\.7\.5 .*not proved'
	is "$v: after a handshake in full" "$(log s)" "TLS$v,TLS$v resumed,TLS$v resumed,TLS$v"
	is "$v: which alone is counted" "$(said three tls | cut -d' ' -f1-3)" "tlsa mx1.example.test validation-failure"
	JOB_TLSA=
	stop s
	mx s < <(section good A "$only" && echo '==' && section other A "$only" && echo '==' && section other A "$only")
	tlsa good
	go one dane
	tlsa other
	go two dane "$(told one)"
	like "$v: T101 certificate and record have both changed: sent" "$(fate two 1) $(said two session)" '^sent 250 .* verified=dane '
	is "$v: in full" "$(log s)" "TLS$v,TLS$v resumed,TLS$v"
	JOB_TLSA=
	mx_done s "$v: three connections"

	end=$(($(date -d "$(openssl x509 -noout -enddate -in certs/good.pem | cut -d= -f2)" +%s) - $(date +%s)))
	many s good A "$only"
	export MOX_TEST_CLOCK=$T/clock
	demand=$([ $v = 1.2 ] && echo pkix || echo sts)
	sts=''
	[ $demand = pkix ] || sts='sts enforce domain=x.test id=1 max-age=86400 mx=mx1.example.test'
	echo $((end - 600)) >clock
	JOB_HOP='' JOB_TLSA=$sts
	go one $demand
	like "$v: T101 $demand: before the certificate's last day" "$(fate one 1)" '^sent'
	go two $demand "$(told one)"
	like "$v: T101 $demand: verified" "$(said two session)" ' verified=pkix .* resumed=yes$'
	echo $((end + 600)) >clock
	go three $demand "$(told two)"
	like "$v: T101 $demand: behind it" "$(fate three 1)" '^later 0 4\.7\.5 .*expired'
	[ $v = 1.2 ] || is "certificate-expired is counted once" "$(said three tls | cut -d' ' -f1-3)" "sts x.test certificate-expired"
	JOB_TLSA=
	unset MOX_TEST_CLOCK
	stop s
done

# What a policy only tests is counted by today's certificate.
mx s < <(section good A && echo '==' && section other A && echo '==' && section other A)
JOB_TLSA='sts testing domain=x.test id=1 max-age=86400 mx=mx1.example.test'
go one may
is "T66 a policy under test" "$(said one tls | cut -d' ' -f1-3)" "sts x.test ok"
mv certs/ca.pem certs/was.pem
cp certs/self.pem certs/ca.pem
go two may "$(told one)"
is "T66 is judged as it is now" "$(said two tls | cut -d' ' -f1-3) $(resumed two)" "sts x.test certificate-not-trusted no"
mv certs/was.pem certs/ca.pem
JOB_TLSA=
stop s

# ---- a handshake that fails with a ticket, and not without ----
mx s < <(section good A && printf '%s\n' '==' 'keywords STARTTLS' 'S: 220 mx.test' 'C: EHLO *' 'S: 250-mx.test' 'S: 250 STARTTLS' \
	'C: STARTTLS' 'S: 220 go' 'starttls broken' close == && section good A)
go one may
go two may "$(told one)"
like "never plaintext for a ticket's sake" "$(fate two 1) $(said two session)" '^sent 250 .* tls=TLS1'
is "and nothing of it is counted" "$(said two tls | wc -l)" 1
mx_done s "three connections"

# What a worker showed at one connection says nothing of the next, which is lost behind STARTTLS each time.
mx s < <(section good A && echo '==' && section good A | sed 's/STARTTLS/&, LIMITS MAILMAX=1/' && echo '== repeat' && section good A | sed '/^accept/i on STARTTLS => close')
go one may
JOB_LINES="tickets yes
ticket $(told one)"
job two "$PORT/may" -- a@x.test
JOB_LINES=
job three "$PORT/may" -- a@x.test
deliver two three
is "a ticket of before is no reason to try again" "$(resumed two) $(fate three 1 | cut -c1-8) $(said three session | grep -o ' tls=[a-z]*')" "yes sent 250  tls=none"
stop s

# ---- with commands ahead of the greeting ----
WORD=pipelining,starttls,pipeconnect,limits=0/0/0,auth=0
{
	section good A NORMAL:-VERS-ALL:+VERS-TLS1.2
	cat <<X
==
cert $T/certs/good
tickets A
C: EHLO *
C: STARTTLS
S: 220 mx.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-STARTTLS
S: 250 PIPECONNECT
S: 220 go
starttls NORMAL:-VERS-ALL:+VERS-TLS1.2
C: EHLO *
C: MAIL *
C: RCPT *
C: DATA
S: 250-mx.test
S: 250-PIPELINING
S: 250 PIPECONNECT
S: 250 ok
S: 250 ok
S: 354 go
D:
S: 250 taken
X
} >both.script
mx s <both.script
go one must
go two must "$(told one)
offers 127.0.0.1 $PORT $WORD pipelining,pipeconnect,limits=0/0/0,auth=0"
like "TLS 1.2 in four round trips: greeting and STARTTLS, handshake, EHLO to DATA, the dot" "$(said two session)" 'TLS1.2 .* trips=4 .* resumed=yes$'
stop s

# ---- a worker's own: connections behind its first one ----
mx s < <(printf '%s\n' '== repeat' "cert $T/certs/good" 'tickets A' 'keywords STARTTLS, LIMITS MAILMAX=1' 'S: 220 mx.test' 'accept')
JOB_LINES='tickets yes'
job a "$PORT/may" -- a@x.test
JOB_LINES=
for j in b c d; do job $j "$PORT/may" -- a@x.test; done
job e "$PORT/must" -- a@x.test
deliver a b c d e
is "T101 one that was told is not kept, a kept one serves the same demand alone" \
	"$(for j in a b c d e; do resumed $j; done | paste -sd,) $(grep -c '^ticket' report)" "no,no,yes,yes,no 1"
stop s
done_testing
