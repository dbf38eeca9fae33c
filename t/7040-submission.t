#!/bin/bash
# Dovecot's submission server judges our logins: each mechanism by mox-submit and by mox-deliver, over STARTTLS and over TLS from the first byte.
# shellcheck disable=SC2317 # functions are called by name
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "Dovecot needs root"
why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null && "$TOP/t/peers/fetch-tool" dovecot-submissiond 2>&1 >/dev/null) || skip_all "$why"
unshare -m true 2>/dev/null || skip_all "no mount namespaces"
chmod 711 "$T"
mkdir dv home
"$TOP/t/world/certs" "$T/certs" localhost 2>certs.err || skip_all "$(tail -n1 certs.err)"

start sink mox-localserve -p 0 -d box -v
wait_until grep -q ^listening sink.log
RELAY_PORT=$(sed -n 's/^listening 127.0.0.1://p' sink.log) PORT=$(free_port) TLS_PORT=$(free_port)
export RELAY_PORT PORT TLS_PORT CERT=$T/certs/good.pem KEY=$T/certs/good.key MECHANISMS="plain login cram-md5 scram-sha-1 scram-sha-256"
start dovecot "$TOP/t/peers/submission-start" dv
answers() { python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', $PORT, timeout=5).quit()"; }
ended() { ! kill -0 "$PID_dovecot" 2>/dev/null; }
answers_or_ended() { answers || ended; }
wait_until answers_or_ended
ended && grep -q mount: dovecot.log && skip_all "no overlayfs here"
ok "Dovecot answers" answers || { cat dovecot.log dv/log | diag; exit 1; }

export HOME=$T/home MOX_CONF=$T/mox.conf
umask 077
echo pencil >password
echo crayon >wrong
printf 'Subject: x\n\n.dot\nbody\n' >msg
arrived() { find box/new -type f 2>/dev/null | wc -l; }
as_logged() { sed -n 's/.*Login: user=<\(ann\)>, method=\([^,]*\),.*/\1 \2/p' dv/log | tail -n1; }
relay() { # KEYS: mox.conf with them
	cat >mox.conf <<-S
		hostname = "client.test"
		ca-file = "$T/certs/ca.pem"
		dns { forward = { "127.0.0.1@9" } trust-anchor = "none" }
		transport "relay" { host = "localhost" username = "ann" ${1//@T/$T} }
	S
}
conf() { # LINE...: moxsubmit.conf, the last of a key counts
	printf '%s\n' 'LocalHostname: client.test' 'Host: localhost' "Port: $PORT" 'TLS: false' 'STARTTLS: true' 'Username: ann' 'Password: pencil' 'AuthMethod:' \
		'From: ann@client.test' "$@" | awk -F: '{ line[$1] = $0 } END { for (k in line) print line[k] }' >submit.conf
}
relay "type = submission password-file = \"@T/password\""

# ---- mox-submit
for m in '' PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256; do
	n=$(arrived)
	conf "AuthMethod: $m"
	ok "T112 mox-submit: ${m:-the strongest}" mox-submit -C submit.conf b@example.org <msg
	is "... as Dovecot saw it" "$(as_logged)" "ann ${m:-SCRAM-SHA-256}"
	is "... arrives" "$(($(arrived) - n))" 1
done
conf "Port: $TLS_PORT" 'TLS: true' 'STARTTLS: false'
ok "mox-submit: TLS from the first byte" mox-submit -C submit.conf b@example.org <msg
is "the message is whole" "$(tail -n2 "$(find box/new -type f | head -n1)")" $'.dot\nbody'
n=$(arrived)
conf 'Password: crayon'
fails 75 "T119 mox-submit: a wrong password" mox-submit -C submit.conf b@example.org <msg
like "... in the server's words" "$(cat .out)" 'localhost answered AUTH with 535 5\.7\.8'
conf 'Username:'
fails 69 "mox-submit: nobody logs in" mox-submit -C submit.conf b@example.org <msg
is "... and nothing arrives" "$(arrived)" "$n"

# ---- mox-deliver
deliver() { mox-deliver -T relay -f ann@client.test b@example.org <msg; }
for m in '' PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256; do
	n=$(arrived)
	relay "type = submission port = $PORT password-file = \"@T/password\" ${m:+mechanisms = { \"$m\" \}}"
	ok "T112 mox-deliver: ${m:-the strongest}" deliver
	is "... as Dovecot saw it" "$(as_logged)" "ann ${m:-SCRAM-SHA-256}"
	is "... arrives" "$(($(arrived) - n))" 1
done
relay "type = submissions port = $TLS_PORT password-file = \"@T/password\""
ok "mox-deliver: TLS from the first byte" deliver
relay "type = submission port = $PORT password-file = \"@T/wrong\""
fails 111 "T119 mox-deliver: a wrong password is later" deliver
done_testing
