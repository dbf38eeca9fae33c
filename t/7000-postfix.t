#!/bin/bash
# A real Postfix receives from mox-deliver: with and without STARTTLS, several recipients, one of them refused, 8-bit, SMTPUTF8. What lies in the
# Maildirs is, below the trace headers, what was sent.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
[ "$(id -u)" = 0 ] || skip_all "Postfix needs root"
why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null) || skip_all "$why"

chmod 711 "$T" # its users must get through
mkdir pf
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout pf/key.pem -out pf/cert.pem -days 2 -subj /CN=postfix.test 2>/dev/null
printf '%s@local.test %s/\n' a a b b c c jürgen j >pf/mailboxes
MTA_PORT=$(free_port)
export MTA_PORT
start postfix "$TOP/t/peers/postfix-start" pf smtpd_tls_security_level=may smtpd_tls_cert_file="$T/pf/cert.pem" \
	smtpd_tls_key_file="$T/pf/key.pem" smtpd_tls_loglevel=1 message_size_limit=3000000
ok "Postfix answers" wait_until python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', $MTA_PORT).quit()" || { diag <postfix.log; exit 1; }

messages() { find pf/mail/"$1"/new -type f 2>/dev/null; }
arrived() { # BOX N: so many files, and none under way
	[ "$(messages "$1" | wc -l)" = "$2" ] && [ -z "$(find pf/spool/active pf/spool/incoming -type f)" ]
}
same() { # BOX FILE: one of the box's files ends with FILE's bytes, its lines ended by LF, and has only trace headers above
	local f n
	tr -d '\r' <"$2" >want
	n=$(stat -c %s want)
	for f in $(messages "$1"); do
		tail -c "$n" "$f" | cmp -s - want || continue
		head -c "-$n" "$f" | grep -vE '^(Return-Path|X-Original-To|Delivered-To|Received): |^[[:space:]]' && return 1
		return 0
	done
	return 1
}
for tls in none must; do
	rm -rf pf/mail/*
	job one "$MTA_PORT/$tls" -- a@local.test
	job many "$MTA_PORT/$tls" -- a@local.test nobody@local.test b@local.test
	JOB_MESSAGE=$T/eight.msg JOB_FLAGS=8bit
	printf 'From: s@client.test\r\nSubject: eight\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n.\r\n..\r\n\r\n.x' >eight.msg
	printf '\r\n' >>eight.msg
	JOB_FLAGS='8bit dot'
	job eight "$MTA_PORT/$tls" -- c@local.test
	JOB_MESSAGE=$T/utf8.msg JOB_FLAGS='8bit smtputf8'
	printf 'From: s@client.test\r\nSubject: gr\xc3\xbc\xc3\x9fe\r\nTo: j\xc3\xbcrgen@local.test\r\n\r\nHello.\r\n' >utf8.msg
	job utf8 "$MTA_PORT/$tls" -- jürgen@local.test
	JOB_MESSAGE=$T/big.msg JOB_FLAGS=
	{
		printf 'Subject: big\r\n\r\n'
		yes 'a line of seventy bytes, which is what most lines of a letter are like' | head -n 28000 | sed 's/$/\r/'
	} >big.msg
	job big "$MTA_PORT/$tls" -- c@local.test
	JOB_MESSAGE=$T/message
	ok "five messages, STARTTLS $tls" deliver one many eight utf8 big
	like "$tls: told" "$(said one session)" "tls=$([ $tls = must ] && echo TLS1.3 || echo none) "
	like "$tls: the connection is kept" "$(said big session)" 'reused=yes'
	like "$tls: sent" "$(fate one 1)" '^sent 250 2\.0\.0 mx1.test\[127.0.0.1\] 2.0.0 Ok: queued as|^sent 250 2\.0\.0 .*queued as'
	like "$tls: one of three is refused" "$(fate many 2)" '^never 550 5\.1\.1 .*nobody@local\.test'
	is "$tls: and the others sent" "$(fate many 1 | cut -c1-4) $(fate many 3 | cut -c1-4)" "sent sent"
	ok "$tls: they arrive" wait_until arrived c 2
	ok "$tls: all of them" wait_until arrived a 2
	ok "$tls: plain, byte for byte" same a message
	ok "$tls: several recipients" same b message
	ok "$tls: 8-bit and dots" same c eight.msg
	ok "$tls: SMTPUTF8" same j utf8.msg
	ok "$tls: two megabytes" same c big.msg
	is "$tls: nothing else came" "$(find pf/mail -type f | wc -l)" 6
done
JOB_MESSAGE=$T/huge.msg
cat big.msg big.msg >huge.msg
job huge "$MTA_PORT" -- a@local.test
deliver huge
like "T92 larger than its SIZE is refused without being sent" "$(fate huge 1)" '^never [0-9]+ 5\.3\.4'
JOB_MESSAGE=$T/message

# T133: three hundred messages on one connection, transactions behind one another.
rm -rf pf/mail/*
names=()
for i in $(seq 300); do
	printf 'From: s@client.test\r\nSubject: number %s\r\n\r\nHello %s.\r\n' "$i" "$i" >"n$i.msg"
	JOB_SENDER=s$i@client.test JOB_MESSAGE=$T/n$i.msg
	job "n$i" "$MTA_PORT/may" -- "$( ((i % 10)) && echo a || echo nobody)@local.test"
	names+=("n$i")
done
ok "T133 300 messages, every tenth refused" deliver "${names[@]}"
is "T133 sent" "$(grep -c '^rcpt 1 sent' report)" 270
is "T133 refused" "$(grep -c '^rcpt 1 never 550' report)" 30
is "T133 on one connection" "$(grep -c 'reused=no' report)" 1
ok "T133 they arrive" wait_until arrived a 270
senders_fit() {
	local f n=0
	for f in $(messages a); do
		[ "$(sed -n 's/^Return-Path: <s\(.*\)@client.test>/\1/p' "$f")" = "$(sed -n 's/^Subject: number //p' "$f")" ] || return 1
		n=$((n + 1))
	done
	[ $n = 270 ]
}
ok "T132 each under its own sender" senders_fit

# The whole way: handed in with bare line feeds, taken in, planned, delivered in one pass.
rm -rf pf/mail/*
for tls in never must; do
	cat >mox.conf <<X
hostname = "client.test"
spool = "$T/spool"
received = false
transport "postfix" { type = smtp host = "127.0.0.1" port = $MTA_PORT starttls = $tls }
route { transport = "postfix" }
X
	tr -d '\r' <eight.msg | mox-queue-add -f s@client.test c@local.test >/dev/null
	tr -d '\r' <message | mox-queue-add -f a@local.test a@local.test nobody@local.test b@local.test >/dev/null
	mox-queue-add -f s@client.test jürgen@local.test <utf8.msg >/dev/null
	ok "one pass of mox-runq, STARTTLS $tls" mox-runq
	ok "they arrive" wait_until arrived c 1
	ok "the sender gets his copy, and a notice" wait_until arrived a 2
	ok "$tls: 8-bit and dots" same c eight.msg
	ok "$tls: two of three recipients" same b message
	ok "$tls: SMTPUTF8" same j utf8.msg
	is "$tls: nothing else came" "$(find pf/mail -type f | wc -l)" 5
	like "$tls: the notice is of the refused one, with the reply" "$(messages a | xargs cat)" 'Final-Recipient: rfc822; nobody@local\.test.*Diagnostic-Code: smtp; 550 5\.1\.1.*User unknown'
	tr -d '\r' <message | mox-queue-add --notify success -f a@local.test b@local.test >/dev/null
	mox-runq 2>runq.err
	ok "$tls: NOTIFY=SUCCESS is passed on, and Postfix tells of it" wait_until arrived a 3
	is "$tls: T72 so we do not" "$(grep -c event=notice runq.err)" 0
	like "$tls: that it is delivered" "$(messages a | xargs cat)" 'Action: delivered'
	rm -rf pf/mail/* spool
done
done_testing
