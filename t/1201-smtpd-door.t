#!/bin/bash
# mox-smtpd with the real mox-queue-add and mox-local behind it: what a client was told is what stands in the spool.
. "$(dirname "$0")/lib.sh"
count() { find "$@" -type f | wc -l; }

cat >conf <<EOF
hostname = "mx.example.org"
mailname = "example.org"
aliases = "none"
spool = "$T/spool"
received = false
min-free = "0"
min-free-inodes = 0
max-message-size = "1M"
EOF
export MOX_CONF=$T/conf
cat >client.py <<'EOF'
import smtplib, socket, subprocess, sys
# smtplib over a socket pair: mox-smtpd as inetd or sendmail -bs would run it
class Piped(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        a, b = socket.socketpair(); self.p = subprocess.Popen(['mox-smtpd'] + sys.argv[1:], stdin=b, stdout=b); b.close(); a.settimeout(20); return a
s = Piped('x', 1, local_hostname='me')
s.sendmail('a@x.example', ['b@y.example', 'c@z.example'], b'Subject: one\r\n\r\n.dot\r\n..two\r\n')
s.sendmail('', ['postmaster'], 'Subject: zw\u00f6lf\r\n\r\n\u00e4\r\n'.encode(), mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
s.sendmail('e@x.example', ['f@y.example'], b'x' * 900000 + b'\r\n')
try: s.sendmail('e@x.example', ['f@y.example'], b'x' * 70000 + b'\r\n' + b'y\r\n' * 400000)
except smtplib.SMTPSenderRefused as e: print(e.smtp_code, e.smtp_error.decode())
s.quit(); print(s.p.wait())
EOF
is "S26 smtplib: three messages taken, one too big, exit 0" "$(python3 client.py)" $'552 5.3.4 message too big\n0'
is "three messages in the spool, nothing in tmp" "$(count spool/new) $(count spool/tmp)" "3 0"
is "each with its own recipients" "$(grep -ahE '^(sender|rcpt) ' spool/new/* | paste -sd' ')" \
	"sender a@x.example rcpt T-.- b@y.example rcpt T-.- c@z.example sender  rcpt T-.- postmaster@example.org sender e@x.example rcpt T-.- f@y.example"
like "the message is as it was sent, behind what it lacked" "$(head -c 200 "$(grep -al 'sender a@x' spool/new/*)")" $'^From: a@x.example\r\nDate: [^\n]*\nMessage-ID: [^\n]*\nSubject: one\r\n\r\n.dot\r\n..two\r\nid '
hello='EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
printf "%b" "${hello}DATA\r\nhalf a message\r\n." | mox-smtpd >/dev/null
printf "%b" "${hello}BDAT 100 LAST\r\nhalf a message\r\n" | mox-smtpd >/dev/null
is "sessions that break off queue nothing" "$(count spool/new) $(count spool/tmp)" "3 0"
reply=$(printf "%b" "${hello}DATA\r\nx\r\n.\r\n" | mox-smtpd | tr -d '\r' | tail -n1)
ok "the id told is the file's name" test -f "spool/new/${reply##* }"
sed -i 's/min-free = "0"/min-free = "1000000G"/' conf
like "a disk that is too full is 452 4.3.1 with the sentence" "$(printf "%b" "${hello}DATA\r\nx\r\n.\r\n" | mox-smtpd | tr -d '\r' | tail -n1)" \
	'^452 4\.3\.1 mox-queue-add: unable to '
is "... and queues nothing" "$(count spool/new)" 4
cat >aliases.conf <<EOF
mailname = "example.org"
local-domains = { "local.example" }
spool = "$T/spool2"
min-free = "0"
aliases = "$T/aliases"
EOF
session() { # RCPT ARGUMENTS..., parted by |
	rm -f spool2/new/*
	printf 'EHLO me\r\nMAIL FROM:<a@b>\r\n%bDATA\r\nx\r\n.\r\nQUIT\r\n' "$(sed 's/[^|]*/RCPT TO:&\\r\\n/g; s/|//g' <<<"$1")" |
		mox-smtpd -C aliases.conf 2>said | tr -d '\r' >replies
	cat spool2/new/* 2>/dev/null | sed -n 's/^rcpt T-.- //p' | paste -sd'|'
}
printf '%s\n' 'ops: ann@far.example, ben@far.example, |prog' 'root: ops' >aliases
is "S39 aliases of names without domain and in local-domains" \
	"$(session '<root> NOTIFY=FAILURE|<c@far.example>|<ben@far.example>|<Ops@local.example> ORCPT=rfc822;x@y|<root@other.example>')" \
	"ann@far.example notify=failure orcpt=rfc822;root@example.org|ben@far.example notify=failure orcpt=rfc822;root@example.org|c@far.example|root@other.example"
is "S39 a client's ORCPT stays" "$(session '<ops@local.example> ORCPT=rfc822;x@y')" "ann@far.example orcpt=rfc822;x@y|ben@far.example orcpt=rfc822;x@y"
like "S39 what is left out stands on standard error" "$(<said)" "^mox-smtpd: $T/aliases:1: unable to use .prog: mail is not given to commands$"
rm aliases
is "S39 aliases that cannot be read: later, and nothing queued" "$(session '<ops>')$(grep ^451 replies)$(tail -n1 replies)" \
	"451 4.3.5 unable to read the aliases in $T/aliases: No such file or directory221 2.0.0 $(sed -n '$s/221 2.0.0 //p' replies)"
is "S39 but only for those who need it" "$(session '<c@far.example>')" c@far.example

is "-m: three messages delivered" "$(python3 client.py -m "$T/box" | tail -n1) $(count box/new)" "0 3"
done_testing
