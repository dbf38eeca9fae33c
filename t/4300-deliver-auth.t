#!/bin/bash
# Logins at a relay: who may hear a password, by which mechanism, and what becomes of mail when it is refused.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
JOB_HOST=mx%d.test
"$TOP/t/world/certs" "$T/certs" mx1.test
umask 077
printf 'pencil\nand a note\n' >password
chmod 640 password

# conf "TRANSPORT KEYS": one transport, "relay".
conf() {
	cat >mox.conf <<-S
		hostname = "client.test"
		ca-file = "$T/certs/ca.pem"
		timeouts { quit = "1s" }
		transport "relay" { host = "mx1.test" ${1//@T/$T} }
	S
}
SMTP='type = submission username = "user" password-file = "@T/password"'
LATE='type = submissions username = "user" password-file = "@T/password"'
ANY='mechanisms = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CRAM-MD5", "PLAIN" }'
# login "name" WANT [demand] <script: one message by the transport; WANT is the fate of its recipient
login() {
	local name=$1 want=$2 rc
	mx s -t 10
	job a "$PORT/${3:-pkix}" -- a@x.test
	JOB_SENDER=s2@client.test
	deliver -T relay a
	mx_wait s
	rc=$?
	if [ $rc = 0 ] && [[ $(fate a 1) =~ $want ]]; then _report 0 "$name"; else
		_report 1 "$name"
		{
			echo "fate:   $(fate a 1)"
			echo "wanted: $want"
			cat "$T/s.log" "$T"/s.d/*.log "$T/report" "$T/deliver.log" 2>&1
		} | diag
	fi
}
# talk HOW KEYWORDS: the script up to the EHLO inside TLS
talk() { printf 'cert %s/certs/good\ngreet STARTTLS\nC: STARTTLS\nS: 220 go\nstarttls %s\nC: EHLO client.test\nS: 250-mx1.test\nS: 250 %s\n' "$T" "$1" "$2"; }
implicit() { printf 'cert %s/certs/good\nstarttls %s\nS: 220 mx1.test\nC: EHLO client.test\nS: 250-mx1.test\nS: 250 %s\n' "$T" "$1" "$2"; }
message() { printf 'C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nD:\nS: 250 taken\n'; }
TLS13='NORMAL:-VERS-ALL:+VERS-TLS1.3' TLS12='NORMAL:-VERS-ALL:+VERS-TLS1.2'
ALL='AUTH LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS'

# ---- mechanisms ----
conf "$SMTP"
login "T112 TLS 1.3: SCRAM-SHA-256-PLUS by tls-exporter" '^sent 250' < <(talk "$TLS13" "$ALL"; echo "auth SCRAM-SHA-256-PLUS user pencil"; message)
like "the report tells the mechanism" "$(said a session)" 'verified=pkix .*login=SCRAM-SHA-256-PLUS$'
login "T112 TLS 1.2: by tls-unique" '^sent 250' < <(talk "$TLS12" "$ALL"; echo "auth SCRAM-SHA-256-PLUS user pencil"; message)
login "T112 TLS 1.2 without an extended master secret: no -PLUS, and no claim that we could" '^sent 250' < <(
	talk "$TLS12:%NO_SESSION_HASH" "$ALL"; echo "auth SCRAM-SHA-256 user pencil gs2=n"; message)
JOB_LINES='tickets yes'
login "T112 TLS 1.2: the session is not kept to be resumed, when it would bind no login" '^sent 250' < <(
	echo 'tickets A'; talk "$TLS12" "$ALL"; echo "auth SCRAM-SHA-256-PLUS user pencil"; message)
is "T112 no ticket is told" "$(said a ticket)" ""
JOB_LINES=
login "T114 -PLUS is not offered: y" '^sent 250' < <(talk "$TLS13" "AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-1"; echo "auth SCRAM-SHA-256 user pencil gs2=y"; message)
login "SCRAM-SHA-1-PLUS" '^sent 250' < <(talk "$TLS13" "AUTH SCRAM-SHA-1-PLUS SCRAM-SHA-1"; echo "auth SCRAM-SHA-1-PLUS user pencil gs2=p"; message)
login "SCRAM-SHA-1" '^sent 250' < <(talk "$TLS12" "AUTH scram-sha-1 NTLM"; echo "auth SCRAM-SHA-1 user pencil"; message)
login "T115 100000 iterations" '^sent 250' < <(talk "$TLS13" "AUTH SCRAM-SHA-256"; echo "auth SCRAM-SHA-256 user pencil iterations=100000"; message)
login "CRAM-MD5" '^sent 250' < <(talk "" "AUTH CRAM-MD5 PLAIN"; echo "auth CRAM-MD5 user pencil"; message)
login "PLAIN is not used unasked, and what would allow it is told" \
	'^later 0 4.7.0 mx1.test.* nothing better than PLAIN, .* mechanisms = \{ "PLAIN" \} in the transport would allow that$' < <(talk "" "AUTH LOGIN PLAIN")
login "nor is LOGIN" '^later 0 4.7.0 mx1.test.* nothing better than LOGIN, .* mechanisms = \{ "LOGIN" \} in' < <(talk "" "AUTH LOGIN")
login "NTLM is no login known here" '^later 0 4.7.0 .*no login that is known here' < <(talk "" "AUTH NTLM")
conf "$SMTP $ANY"
login "PLAIN when named" '^sent 250' < <(talk "" "AUTH PLAIN LOGIN"; echo "auth PLAIN user pencil"; message)
login "the stronger first all the same" '^sent 250' < <(talk "" "AUTH PLAIN CRAM-MD5"; echo "auth CRAM-MD5 user pencil"; message)
login "T117 AUTH=PLAIN is no offer" '^later 0 4.7.0 .*the server offers no login that is known here' < <(talk "" "AUTH=PLAIN LOGIN")
conf "$LATE"' mechanisms = { "LOGIN" }'
login "LOGIN when named; TLS from the first byte" '^sent 250' < <(implicit "" "$ALL"; echo "auth LOGIN user pencil"; message)
like "what was verified" "$(said a session)" 'tls=TLS1.3 verified=pkix .*login=LOGIN'
conf "$LATE"' mechanisms = { "SCRAM-SHA-256", "SCRAM-SHA-1" }'
login "T119 pinned; n, since -PLUS is not wanted" '^sent 250' < <(implicit "$TLS13" "$ALL"; echo "auth SCRAM-SHA-256 user pencil gs2=n"; message)
login "T119 pinned and not offered: nothing else" '^later 0 4.7.0' < <(implicit "" "AUTH PLAIN")
conf "type = submissions username = \"user\" password-command = \"echo pencil; echo more\" $ANY"
login "password-command" '^sent 250' < <(implicit "" "AUTH PLAIN"; echo "auth PLAIN user pencil"; message)

# ---- tokens, certificates ----
conf 'type = submissions username = "u@x.test" token-command = "echo token"'
login "OAUTHBEARER" '^sent 250' < <(implicit "" "AUTH XOAUTH2 OAUTHBEARER PLAIN"; echo "auth OAUTHBEARER u@x.test token"; message)
login "XOAUTH2" '^sent 250' < <(implicit "" "AUTH XOAUTH2 PLAIN"; echo "auth XOAUTH2 u@x.test token"; message)
login "T120 a reason as JSON: an empty line, then 535; the same token is not tried again" '^later 535 4.7.8' < <(implicit "" "AUTH XOAUTH2"; echo "auth XOAUTH2 u@x.test token json")
login "T120 OAUTHBEARER likewise" '^later 535 4.7.8' < <(implicit "" "AUTH OAUTHBEARER"; echo "auth OAUTHBEARER u@x.test token json")
conf 'type = submissions username = "u@x.test" token-command = "cd @T; echo x >>count; echo token\$(wc -l <count)"'
login "T120 a new token is tried once, at once" '^sent 250' < <(implicit "" "AUTH XOAUTH2"; printf 'auth XOAUTH2 u@x.test token1 json\nauth XOAUTH2 u@x.test token2\n'; message)
login "T120 and then it waits" '^later 535 4.7.8' < <(implicit "" "AUTH XOAUTH2"; printf 'auth XOAUTH2 u@x.test token3 json\nauth XOAUTH2 u@x.test token4 json\n')
long=$(printf 'x%.0s' {1..600})
conf 'type = submissions username = "u@x.test" token-command = "echo '"$long"'"'
login "T117 too long for the command line: it waits for the server's go" '^sent 250' < <(implicit "" "AUTH OAUTHBEARER"; echo "auth OAUTHBEARER u@x.test $long"; message)
conf 'type = submissions username = "u@x.test" token-command = "seq 3000 | paste -s -d,"'
login "T117 longer than 12288 bytes: not sent" '^later 0 4.7.0 .* longer than a line of AUTH may be' < <(implicit "" "AUTH OAUTHBEARER")
"$TOP/t/world/certs" "$T/me" client.test
conf 'type = submissions client-certificate = "@T/me/client.pem" client-key = "@T/me/client.key"'
login "a client certificate, EXTERNAL" '^sent 250' < <(echo ask-cert; implicit "" "AUTH EXTERNAL PLAIN"; echo "auth EXTERNAL - -"; message)
like "the server sees it" "$(cat s.d/1.log)" 'CLIENT .*CN='
login "a client certificate alone" '^sent 250' < <(echo ask-cert; implicit "" "8BITMIME"; message)

# ---- who may hear it ----
conf 'type = smtp starttls = must tls-verify = none username = "user" password-file = "@T/password" allow-plaintext-auth = true '"$ANY"
login "allowed: to whoever answers" '^sent 250' must < <(printf 'greet STARTTLS\nC: STARTTLS\nS: 220 go\nstarttls\nC: EHLO *\nS: 250-x\nS: 250 AUTH PLAIN\nauth PLAIN user pencil\n'; message)
conf 'type = smtp username = "user" password-file = "@T/password" allow-plaintext-auth = true '"$ANY"
login "allowed: in plaintext" '^sent 250' may < <(printf 'greet AUTH PLAIN\nauth PLAIN user pencil\n'; message)
login "T100 never in plaintext because the handshake failed" '^later 0 4.7.5' may < <(printf 'greet STARTTLS, AUTH PLAIN\nC: STARTTLS\nS: 220 go\nstarttls broken\nclose\n')
login "T99 T100 nor because STARTTLS was refused" '^later 454 4.7.0' may < <(printf 'greet STARTTLS, AUTH PLAIN\nC: STARTTLS\nS: 454 4.7.0 no TLS today\n')
sed -i 's/allow-plaintext-auth = true/tls-verify = pkix/' mox.conf
login "T117 to nobody who proved nothing, whatever a job says" '^later 0 4.7.0 .*nothing proves who the server is' must < <(printf 'greet STARTTLS\nC: STARTTLS\nS: 220 go\nstarttls\nC: EHLO *\nS: 250-x\nS: 250 AUTH PLAIN\n')
like "and it is told" "$(cat deliver.log)" 'level=alert event=login-impossible transport=relay host=.* error="nothing proves'
conf "$SMTP $ANY"
login "T117 another's certificate: no AUTH" '^later 0 4.7.5 .*not proved to be mx1.test' < <(talk "" "AUTH PLAIN" | sed "s/good/other/; /^C: EHLO client.test/,\$d")
login "T99 STARTTLS is not offered: no AUTH" '^later 0 4.7.5 .*TLS is demanded' < <(echo 'greet AUTH PLAIN')

# ---- what may go wrong ----
login "T118 535: later, nothing bounces" '^later 535 4.7.8 mx1.test.*name or password' < <(talk "" "AUTH PLAIN"; echo "auth PLAIN user pen")
is "T118 the site is left alone, but for one probe" "$(said a site)" login
like "T118 an alert" "$(cat deliver.log)" 'level=alert event=login-refused mechanism=PLAIN code=535 transport=relay host=mx1.test.* text='
unlike "the password stands in no log or report" "$(cat deliver.log report s.log)" 'pencil|cGVuY2ls|AHVzZXI'
login "T118 454: later" '^later 454 4.7.0' < <(talk "" "AUTH PLAIN"; printf 'C: AUTH PLAIN *\nS: 454 4.7.0 not now\n')
login "T118 500 to AUTH: later" '^later 500 4' < <(talk "" "AUTH PLAIN"; printf 'C: AUTH PLAIN *\nS: 500 what?\n')
login "T119 a SCRAM that fails is not followed by PLAIN" '^later 535 4.7.8' < <(talk "" "AUTH SCRAM-SHA-256 PLAIN"; echo "auth SCRAM-SHA-256 user other")
login "T117 334 with garbage: called off" '^later 0 4.7.0 .*challenge is no base64' < <(talk "" "AUTH SCRAM-SHA-256"; printf 'C: AUTH SCRAM-SHA-256 *\nS: 334 ?!\nC: *\nS: 501 off\n')
login "T117 334 of several lines" '^later 0 4.7.0' < <(talk "" "AUTH CRAM-MD5"; printf 'C: AUTH CRAM-MD5\nS: 334-YQ==\nS: 334 YQ==\nC: *\nS: 501 off\n')
login "T115 fewer iterations than 4096" '^later 0 4.7.0 .*fewer than 4096' < <(talk "" "AUTH SCRAM-SHA-256"; echo "auth SCRAM-SHA-256 user pencil iterations=4095")
login "T115 a signature that is not the server's" '^later 0 4.7.0 .*does not know the password' < <(talk "" "AUTH SCRAM-SHA-256"; printf 'auth SCRAM-SHA-256 user pencil bad-proof\n')
login "T115 yes without a signature" '^later 0 4.7.0 .*before it has proved' < <(talk "" "AUTH SCRAM-SHA-256"; printf 'auth SCRAM-SHA-256 user pencil no-proof\n')
login "the connection ends in the middle" '^later 0 4.4.2' < <(talk "" "AUTH CRAM-MD5"; printf 'C: AUTH CRAM-MD5\nclose\n')
login "a 2xx that is not 235" '^later 0 4.7.0 .*no answer to it' < <(talk "" "AUTH PLAIN"; printf 'C: AUTH PLAIN *\nS: 250 ok\n')
login "a relay that wants a login none is configured for bounces nothing" '^later 530 4.7.0' < <(
	sed -i 's/username.*}/}/' mox.conf; talk "" "AUTH PLAIN"; printf 'C: MAIL *\nS: 530 5.7.0 Authentication required\n')

# ---- what to log in with ----
conf "$SMTP $ANY"
chmod 644 password
login "a password everybody can read is not used" '^later 0 4.3.5 .*lets everybody read' < <(talk "" "AUTH PLAIN")
like "told" "$(cat deliver.log)" 'level=alert event=secret-unreadable transport=relay .*error=.*password'
chmod 600 password
: >empty && sed -i 's,/password",/empty",' mox.conf
login "an empty one" '^later 0 4.3.5 .*empty is empty' < <(talk "" "AUTH PLAIN")
sed -i 's,/empty",/none",' mox.conf
login "none at all" '^later 0 4.3.5 .*No such file' < <(talk "" "AUTH PLAIN")
conf 'type = submissions username = "user" password-command = "echo no >&2; exit 3"'
login "a command that fails" '^later 0 4.3.5 .*password-command ended with 3' < <(implicit "" "AUTH PLAIN")
conf "$LATE"' client-certificate = "/none"'
mx s -t 1 <<<'greet'
job a "$PORT/pkix" -- a@x.test
deliver -T relay a
stop s
like "a client certificate that is not there: nobody is connected to" "$(fate a 1)" '^later 0 4.3.5 .*certificate /none'

# ---- one connection for many; a password that changes ----
conf "$SMTP"
mx s -t 10 < <(talk "" "AUTH SCRAM-SHA-256-PLUS, PIPELINING" | sed 's/, /\nS: 250 /; s/^S: 250 AUTH/S: 250-AUTH/'; echo "auth SCRAM-SHA-256-PLUS user pencil"; echo accept)
names=()
for i in $(seq 30); do job "m$i" "$PORT/pkix" -- a@x.test && names+=("m$i"); done
deliver -T relay "${names[@]}"
is "30 messages by one connection and one login" "$(grep -c '^rcpt 1 sent' report) $(grep -c reused=no report)" "30 1"
mx_done s "as the server sees it"
conf "$SMTP $ANY"
mx s -t 10 < <(talk "" "AUTH PLAIN"; echo "auth PLAIN user pencil"; message; echo "=="; talk "" "AUTH PLAIN"; echo "auth PLAIN user new"; message)
job a "$PORT/pkix" -- a@x.test
job b "$PORT/pkix" -- a@x.test
deliver -T relay -x "echo new >$T/password" a b
is "T118 a changed password is read by the next worker" "$(fate a 1 | cut -c1-8) $(fate b 1 | cut -c1-8)" "sent 250 sent 250"
mx_done s "and used"
done_testing
