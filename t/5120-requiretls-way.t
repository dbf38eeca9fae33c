#!/bin/bash
# REQUIRETLS and TLS-Required: No the whole way: sendmail, the door, mox-runq, plans from signed zones, servers with certificates, and an
# operator who changes his mind.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
. "$TOP/t/mx.sh"
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
export MOX_SPOOL=$T/q MOX_CONF=$T/mox.conf
port=$(free_port)
mkdir world
"$TOP/t/world/certs" "$T/certs" mx.good.secure.example
{
	echo "good MX 10 mx.good"
	echo "mx.good A 127.0.0.1"
	echo "_$port._tcp.mx.good TLSA $("$TOP/t/world/tlsa" certs/good.pem 3 1 1)"
	echo "bad MX 10 mx.bad"
	echo "mx.bad A 127.0.0.2"
	echo "_$port._tcp.mx.bad TLSA $("$TOP/t/world/tlsa" certs/self.pem 3 1 1)"
} >world/secure.add
printf 'open MX 10 mx.open\nmx.open A 127.0.0.1\n' >world/plain.add
world_start
{
	printf 'hostname = "me.test"\nsmtp-port = %d\nca-file = "%s/certs/ca.pem"\nreceived = false\n' "$port" "$T"
	echo 'transport "near" { type = direct loopback = true ipv6 = false }'
	echo 'route { transport = "near" }'
	cat world/dns.conf
} >mox.conf
server() { # NAME ADDRESS CERTIFICATE
	mx "$1" -a "$2" -p "$port" <<S
== repeat
cert $T/certs/$3
keywords STARTTLS, REQUIRETLS
S: 220 $1.test
accept
S
}
server good 127.0.0.1 good
server bad 127.0.0.2 other

send() { # RECIPIENT SUBJECT [options] [header]
	printf 'To: %s\nSubject: %s\n%s\nbody\n' "$1" "$2" "${4:+$4$'\n'}" | mox-sendmail -f me@sender.test ${3:+$3} "$1"
}
pass() { timeout 60 mox-runq >>runq.log 2>&1; }
queue() { mox-queue-list -o rcpt,state,requiretls -sort rcpt | tr '\t\n' ' ,'; }
mails() { cat "$1".d/*.log 2>/dev/null | grep -ao 'MAIL FROM:.*' | sed 's/ *\(SIZE\|BODY\)=[^ ]*//g; s/\\r.*//; s/ *$//' | sort | tr '\n' ','; }

send x@bad.secure.example ordinary ''
send y@bad.secure.example lenient '' 'TLS-Required: No'
send x@good.secure.example strict -Orequiretls=yes
send x@open.plain.example strict -Orequiretls=yes
is 'what is asked stands in the queue' "$(queue)" \
	'x@bad.secure.example due -,x@good.secure.example due yes,x@open.plain.example due yes,y@bad.secure.example due no,'
pass
is 'T62 a server that is proved and offers REQUIRETLS gets the demand, too' "$(mails good)" 'MAIL FROM:<me@sender.test> REQUIRETLS,'
is 'T66 TLS-Required: No goes where nobody is proved' "$(mails bad)" 'MAIL FROM:<me@sender.test>,'
like 'ordinary mail waits for the proof' "$(mox-queue-list -to x@bad.secure.example -o state,error)" '^waiting.*proved to be mx\.bad'
like 'T62 what nothing proves never gets REQUIRETLS mail' "$(mox-queue-list -to x@open.plain.example -o error; mox-queue-show -to x@open.plain.example; cat runq.log)" '5\.7\.30'

is 'an operator lets it go all the same' "$(mox-queue-requiretls no -to x@bad.secure.example 2>&1 >/dev/null)" 'mox-queue-requiretls: changed 1'
mox-queue-schedule now -to x@bad.secure.example >/dev/null 2>&1
pass
is 'T66 and it goes' "$(mails bad) $(mox-queue-list -to @bad.secure.example)" 'MAIL FROM:<me@sender.test>,MAIL FROM:<me@sender.test>, '

send z@bad.secure.example lenient '' 'TLS-Required: No'
send z@good.secure.example strict -Orequiretls=yes
mox-queue-requiretls default -to @bad.secure.example >/dev/null 2>&1
mox-queue-requiretls default -to @good.secure.example >/dev/null 2>&1
pass
like 'default wins over the header' "$(mox-queue-list -to @bad.secure.example -o rcpt,state)" $'^z@bad\\.secure\\.example\twaiting$'
is 'and over what the sender asked' "$(mails good)" 'MAIL FROM:<me@sender.test>,MAIL FROM:<me@sender.test> REQUIRETLS,'
done_testing
