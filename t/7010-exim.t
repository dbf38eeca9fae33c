#!/bin/bash
# A real Exim receives from mox-deliver by CHUNKING; a transaction whose recipients were all refused must not swallow the next (T132).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
[ "$(id -u)" = 0 ] || skip_all "Exim needs root here"
why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null) || skip_all "$why"
unshare -m true 2>/dev/null || skip_all "no mount namespaces"

chmod 711 "$T" # its user must get through
mkdir ex
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ex/key.pem -out ex/cert.pem -days 2 -subj /CN=exim.test 2>/dev/null
chmod 644 ex/key.pem
MTA_PORT=$(free_port)
export MTA_PORT EXIM_RCPT='  deny local_parts = nobody
    message = no such user'
start exim "$TOP/t/peers/exim-start" ex "tls_certificate = $T/ex/cert.pem" "tls_privatekey = $T/ex/key.pem" 'tls_advertise_hosts = *'
ok "Exim answers" wait_until python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', $MTA_PORT).quit()" || { diag <exim.log; exit 1; }
messages() { find ex/mail/new -type f 2>/dev/null; }
arrived() { [ "$(messages | wc -l)" = "$1" ]; }
same() { # RCPT FILE
	local f n
	tr -d '\r' <"$2" >want
	n=$(stat -c %s want)
	for f in $(messages); do
		grep -q "^Envelope-to: $1\$" "$f" && tail -c "$n" "$f" | cmp -s - want || continue
		head -c "-$n" "$f" | grep -vE '^(Return-path|Envelope-to|Received): |^[[:space:]]' && return 1
		return 0
	done
	return 1
}
for tls in none must; do
	rm -f ex/mail/new/*
	job one "$MTA_PORT/$tls" -- a@x.test
	job many "$MTA_PORT/$tls" -- b@x.test nobody@x.test c@x.test
	printf 'From: s@client.test\r\nSubject: eight\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n.\r\n..\r\n\r\n.x\r\n' >eight.msg
	JOB_MESSAGE=$T/eight.msg JOB_FLAGS='8bit dot'
	job eight "$MTA_PORT/$tls" -- d@x.test
	{
		printf 'Subject: big\r\n\r\n'
		yes 'a line of seventy bytes, which is what most lines of a letter are like' | head -n 28000 | sed 's/$/\r/'
	} >big.msg
	JOB_MESSAGE=$T/big.msg JOB_FLAGS=
	job big "$MTA_PORT/$tls" -- e@x.test
	JOB_MESSAGE=$T/message
	ok "four messages by CHUNKING, STARTTLS $tls" deliver one many eight big
	is "$tls: fates" "$(awk '/^rcpt/ { print $3, $4 }' report | sort | paste -sd,)" "never 550,sent 250,sent 250,sent 250,sent 250,sent 250"
	like "$tls: told" "$(said one session)" "tls=$([ $tls = must ] && echo TLS1 || echo none)"
	ok "$tls: they arrive" wait_until arrived 5
	ok "$tls: plain, byte for byte" same a@x.test message
	ok "$tls: several recipients" same c@x.test message
	ok "$tls: 8-bit and dots" same d@x.test eight.msg
	ok "$tls: two megabytes" same e@x.test big.msg
done
is "T105 by BDAT" "$(grep -c ' K .*S=' ex/log/mainlog)" "$(grep -c ' <= ' ex/log/mainlog)"

# T132: 60 messages on one connection, every third to nobody alone: without RSET the next would leave under that one's sender.
rm -f ex/mail/new/*
names=()
for i in $(seq 60); do
	printf 'From: s@client.test\r\nSubject: number %s\r\n\r\nHello %s.\r\n' "$i" "$i" >"n$i.msg"
	JOB_SENDER=s$i@client.test JOB_MESSAGE=$T/n$i.msg
	job "n$i" "$MTA_PORT/none" -- "$( ((i % 3)) && echo a || echo nobody)@x.test"
	names+=("n$i")
done
ok "T132 60 messages on one connection, every third refused" deliver "${names[@]}"
is "T132 sent" "$(grep -c '^rcpt 1 sent' report)" 40
is "T132 refused" "$(grep -c '^rcpt 1 never 550' report)" 20
is "T132 one connection" "$(grep -c 'reused=no' report)" 1
ok "T132 they arrive" wait_until arrived 40
senders_fit() {
	local f n=0
	for f in $(messages); do
		[ "$(sed -n 's/^Return-path: <s\(.*\)@client.test>/\1/p' "$f")" = "$(sed -n 's/^Subject: number //p' "$f")" ] || return 1
		n=$((n + 1))
	done
	[ $n = 40 ]
}
ok "T132 each under its own sender" senders_fit

# PIPECONNECT: by what it has offered it takes EHLO, STARTTLS, MAIL, RCPT ahead of its answers, and nothing is remembered otherwise.
rm -f ex/mail/new/*
trips() { said "$1" session | sed 's/.*trips=\([0-9]*\).*/\1/'; }
JOB_SENDER=s@client.test JOB_MESSAGE=$T/message
n=0
for tls in none must; do
	job first "$MTA_PORT/$tls" -- a@x.test
	deliver first
	usual=$(trips first)
	like "$tls: it offers PIPECONNECT" "$(said first offers)" "^127.0.0.1 $MTA_PORT .*pipeconnect"
	JOB_LINES="offers $(said first offers)"
	job again "$MTA_PORT/$tls" -- b@x.test nobody@x.test c@x.test
	JOB_LINES=
	ok "$tls: and takes it" deliver again
	is "$tls: fates" "$(awk '/^rcpt/ { print $3, $4 }' report | sort | paste -sd,)" "never 550,sent 250,sent 250"
	like "$tls: at the first connection" "$(said again session)" ' early=yes$'
	is "$tls: nothing has changed" "$(said again offers)" ""
	# CHUNKING: the message rode with MAIL before, and now waits for the answer to EHLO.
	is "$tls: round trips saved" "$((usual - $(trips again)))" "$([ $tls = none ] && echo 1 || echo 2)"
	n=$((n + 3))
done
ok "they arrive" wait_until arrived $n
done_testing
