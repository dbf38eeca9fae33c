#!/bin/bash
# Real relays and proxies: Postfix with logins that Dovecot and Cyrus SASL judge, Dovecot's submission, Exim as a smarthost, microsocks and Dante.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
[ "$(id -u)" = 0 ] || skip_all "the servers need root here"
peers=$("$TOP/t/peers/fetch" 2>fetch.log) || skip_all "$(cat fetch.log)"
unshare -m true 2>/dev/null || skip_all "no mount namespaces"
JOB_HOST=mx%d.test
chmod 711 "$T" # their users must get through
"$TOP/t/world/certs" "$T/certs" mx1.test
chmod 755 certs && chmod 644 certs/*
libs=$(echo "$peers"/lib/usr/lib/*-linux-gnu):$(echo "$peers"/lib/lib/*-linux-gnu)
printf 'pencil\n' >password
printf 'other\n' >mistaken
chmod 600 password mistaken
conf() {
	cat >mox.conf <<-S
		hostname = "client.test"
		ca-file = "$T/certs/ca.pem"
		timeouts { quit = "1s" }
		transport "relay" { host = "mx1.test" $1 }
	S
}
answers() { wait_until python3 -c "import socket; s = socket.create_connection(('127.0.0.1', $1), 2); assert s.recv(3)"; }
# via "name" PORT MECHANISM KEYS: twenty messages by one login
via() {
	local names=() i
	conf "username = \"user\" password-file = \"$T/password\" $4"
	for i in $(seq 20); do job "m$i" "$2/pkix" -- a@x.test && names+=("m$i"); done
	deliver -T relay "${names[@]}"
	is "$1: twenty messages, one connection" "$(grep -c '^rcpt 1 sent' report) $(grep -c reused=no report)" "20 1" || diag <report
	like "$1: the login" "$(said m1 session)" "tls=TLS1.[23] verified=pkix .* login=$3\$"
}
refused() {
	conf "username = \"user\" password-file = \"$T/mistaken\" $3"
	job no "$2/pkix" -- a@x.test
	deliver -T relay no
	like "$1: a wrong password is later, and told" "$(fate no 1) $(said no site) $(cat deliver.log)" \
		'^later 535 4\.[0-9.]* .* login .*level=alert event=login-refused'
}
sink s -k PIPELINING
SINK=$PORT

# ---- Dovecot's submission ----
mkdir dv
export IMAP_PORT MAILDIRS="$T/dv/%u" MAIL_USER=games MAIL_PASSWORD=pencil
IMAP_PORT=$(free_port) SUB=$(free_port) SUBS=$(free_port)
export DOVECOT_MORE="
protocols = submission
hostname = mx1.test
ssl = required
ssl_cert = <$T/certs/good.pem
ssl_key = <$T/certs/good.key
disable_plaintext_auth = yes
auth_mechanisms = plain login scram-sha-1 scram-sha-256
service auth {
  unix_listener $T/dv/auth {
    mode = 0666
  }
}
submission_relay_host = 127.0.0.1
submission_relay_port = $SINK
submission_relay_trusted = no
service submission-login {
  inet_listener submission {
    address = 127.0.0.1
    port = $SUB
  }
  inet_listener submissions {
    address = 127.0.0.1
    port = $SUBS
    ssl = yes
  }
}"
start dovecot "$TOP/t/peers/dovecot-start" dv
if answers "$SUB"; then
	via "Dovecot" "$SUB" SCRAM-SHA-256 'type = submission'
	via "Dovecot, implicit TLS" "$SUBS" SCRAM-SHA-256 'type = submissions'
	via "Dovecot, PLAIN" "$SUBS" PLAIN 'type = submissions mechanisms = { "PLAIN" }'
	refused "Dovecot" "$SUBS" 'type = submissions'
else
	ok "Dovecot answers" false
	tail -n 20 dv/log dovecot.log | diag
fi
# postfix_with_logins DIR KEY=VALUE...: who judges them; both ports
postfix_with_logins() {
	MTA_PORT=$(free_port) SMTPS=$(free_port)
	export MTA_PORT MTA_MORE="127.0.0.1:$SMTPS inet n - n - - smtpd -o smtpd_tls_wrappermode=yes"
	start postfix "$TOP/t/peers/postfix-start" "$@" "smtpd_sasl_auth_enable=yes" "smtpd_tls_auth_only=yes" \
		"smtpd_sasl_security_options=noanonymous" "smtpd_tls_security_level=may" "smtpd_tls_cert_file=$T/certs/good.pem" \
		"smtpd_tls_key_file=$T/certs/good.key" "mynetworks=192.0.2.1/32" "smtpd_relay_restrictions=permit_sasl_authenticated,reject" \
		"smtpd_recipient_restrictions=permit_sasl_authenticated,reject" "default_transport=discard" "relay_transport=discard"
}
# ---- Postfix, whose logins Dovecot judges ----
mkdir pf
postfix_with_logins pf "smtpd_sasl_type=dovecot" "smtpd_sasl_path=$T/dv/auth"
if answers "$MTA_PORT"; then
	via "Postfix" "$MTA_PORT" SCRAM-SHA-256 'type = submission'
	via "Postfix, implicit TLS" "$SMTPS" SCRAM-SHA-1 'type = submissions mechanisms = { "SCRAM-SHA-1" }'
	via "Postfix, LOGIN" "$MTA_PORT" LOGIN 'type = submission mechanisms = { "LOGIN" }'
	refused "Postfix" "$MTA_PORT" 'type = submission'
	conf 'type = submission'
	job bare "$MTA_PORT/pkix" -- a@x.test
	deliver -T relay bare
	like "Postfix: without a login nothing is relayed" "$(fate bare 1)" '^never 554 5.7.1'
else
	ok "Postfix answers" false
	tail -n 20 pf/log postfix.log | diag
fi
stop postfix
stop dovecot

# ---- Postfix, whose logins Cyrus SASL judges; Debian's looks for smtpd.conf below its own configuration ----
mkdir -p cy/etc/sasl
cat >cy/etc/sasl/smtpd.conf <<-S
	pwcheck_method: auxprop
	auxprop_plugin: sasldb
	sasldb_path: $T/cy/etc/sasl/users
	mech_list: SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN
S
ok "a user for Cyrus SASL" env LD_LIBRARY_PATH="$libs" "$peers/sasl2-bin/usr/sbin/saslpasswd2" -p -c -f cy/etc/sasl/users -u postfix.test user < <(printf pencil)
chmod 755 cy/etc cy/etc/sasl && chmod 644 cy/etc/sasl/*
postfix_with_logins cy "smtpd_sasl_type=cyrus" "smtpd_sasl_path=smtpd" "smtpd_sasl_local_domain=postfix.test"
if answers "$MTA_PORT"; then
	via "Cyrus, its strongest" "$MTA_PORT" SCRAM-SHA-256 'type = submission'
	for mechanism in SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN; do
		via "Cyrus, $mechanism" "$SMTPS" "$mechanism" "type = submissions mechanisms = { \"$mechanism\" }"
	done
	for mechanism in SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN; do
		refused "Cyrus, $mechanism" "$MTA_PORT" "type = submission mechanisms = { \"$mechanism\" }"
	done
	conf "username = \"nobody\" password-file = \"$T/password\" type = submission"
	job who "$MTA_PORT/pkix" -- a@x.test
	deliver -T relay who
	like "Cyrus: a user it does not know" "$(fate who 1)" '^later 535 4\.'
else
	ok "Postfix with Cyrus SASL answers" false
	tail -n 20 cy/log postfix.log | diag
fi
stop postfix

# ---- Exim as a smarthost ----
mkdir ex
MTA_PORT=$(free_port)
export MTA_PORT EXIM_RCPT='  deny !authenticated = *
    message = log in first' EXIM_AUTH='plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{user}}{eq{$auth3}{pencil}}}}
  server_set_id = $auth2
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{user}{pencil}fail}
  server_set_id = $auth1'
start exim "$TOP/t/peers/exim-start" ex "tls_certificate = $T/certs/good.pem" "tls_privatekey = $T/certs/good.key" 'tls_advertise_hosts = *' \
	'auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}'
if answers "$MTA_PORT"; then
	via "Exim" "$MTA_PORT" CRAM-MD5 'type = submission'
	via "Exim, PLAIN" "$MTA_PORT" PLAIN 'type = submission mechanisms = { "PLAIN" }'
	refused "Exim" "$MTA_PORT" 'type = submission'
else
	ok "Exim answers" false
	tail -n 20 exim.log | diag
fi
stop exim

# ---- proxies ----
# by "name" KEYS WANT: one message through the proxy at $PROXY
by() {
	cat >mox.conf <<-S
		hostname = "client.test"
		timeouts { quit = "1s" }
		transport "out" { type = socks address = "127.0.0.1:$PROXY" $2 }
	S
	job p "$SINK/none" -- a@x.test
	deliver -T out p
	like "$1" "$(fate p 1)" "$3"
}
login="username = \"user\" password-file = \"$T/password\""
PROXY=$(free_port)
start microsocks "$peers/microsocks/usr/bin/microsocks" -i 127.0.0.1 -p "$PROXY"
ok "microsocks answers" wait_until python3 -c "import socket; socket.create_connection(('127.0.0.1', $PROXY))"
by "microsocks" "" '^sent 250'
stop microsocks
PROXY=$(free_port)
start microsocks "$peers/microsocks/usr/bin/microsocks" -i 127.0.0.1 -p "$PROXY" -u user -P pencil
ok "microsocks answers" wait_until python3 -c "import socket; socket.create_connection(('127.0.0.1', $PROXY))"
by "microsocks with a password" "$login" '^sent 250'
by "microsocks with a wrong one" "${login/password\"/mistaken\"}" '^later 0 4.4.1 .*it refused name or password'
by "microsocks, and none is configured" "" '^later 0 4.4.1 .*it asks for a login'
stop microsocks
# Dante looks users up in the system: it sees a passwd and a shadow of its own.
PROXY=$(free_port)
{ cat /etc/passwd; echo "user:x:64991:64991::/nonexistent:/usr/sbin/nologin"; } >passwd
{ cat /etc/shadow; echo "user:$(openssl passwd -6 pencil):19000:0:99999:7:::"; } >shadow
danted() { # METHOD
	cat >danted.conf <<-S
		logoutput: $T/danted.log
		internal: 127.0.0.1 port = $PROXY
		external: 127.0.0.1
		socksmethod: $1
		clientmethod: none
		user.privileged: root
		user.unprivileged: nobody
		client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
		socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 port = $SINK }
	S
	: >danted.log
	# shellcheck disable=SC2016 # for the inner shell
	start dante env LD_LIBRARY_PATH="$libs" unshare -m --propagation private sh -c 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow &&
		exec "$0" -f "$1/danted.conf" -p "$1/danted.pid"' "$peers/dante-server/usr/sbin/danted" "$T"
	ok "Dante answers ($1)" wait_until python3 -c "import socket; socket.create_connection(('127.0.0.1', $PROXY))" || cat danted.log dante.log | diag
}
danted none
by "Dante" "" '^sent 250'
cp mox.conf dante.conf
SINK_WAS=$SINK SINK=$(free_port)
by "Dante's rules" "" '^later 0 4.4.1 .*its rules do not allow the connection'
SINK=$SINK_WAS
stop dante
PROXY=$(free_port)
danted username
by "Dante with a password" "$login" '^sent 250'
by "Dante with a wrong one" "${login/password\"/mistaken\"}" '^later 0 4.4.1 .*it refused name or password'
stop dante
done_testing
