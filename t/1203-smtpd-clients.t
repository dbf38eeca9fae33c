#!/bin/bash
# mox-smtpd under real servers (tcpserver, tcpsvd, and what inetd does), asked by real clients (smtplib, swaks).
# shellcheck disable=SC2317 # functions are called by name
. "$(dirname "$0")/lib.sh"
tool() { "$TOP/t/peers/fetch-tool" "$1" 2>"$T/fetch.err"; }

cat >conf <<EOT
hostname = "mx.example.org"
mailname = "example.org"
aliases = "$T/aliases"
spool = "$T/spool"
received = false
min-free = "0"
min-free-inodes = 0
EOT
printf 'ops: ann@far.example, |prog\n' >aliases
export MOX_CONF=$T/conf
newest() { find spool/new -type f 2>/dev/null | sort | tail -n1; }
env_of() { tr -d '\r' <"$(newest)" | sed -n '/^id [0-9a-z]\{13\}$/,/^end$/p'; }
serving() { python3 -c "import smtplib; s = smtplib.SMTP('127.0.0.1', $port, timeout=5); s.quit()"; }

cat >client.py <<'EOT'
import smtplib, sys, threading
port = int(sys.argv[1])
with smtplib.SMTP('127.0.0.1', port, timeout=20) as s:
    s.ehlo()
    assert s.has_extn('dsn') and s.has_extn('smtputf8') and s.esmtp_features['limits'] == 'RCPTMAX=10000', s.esmtp_features
    s.sendmail('a@x.example', ['b@y.example'], b'Subject: dsn\r\n\r\n.\r\n..\r\nend\r\n', ['RET=HDRS', 'ENVID=q1', 'BODY=8BITMIME', 'SIZE=30'], ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;b@z'])
    s.sendmail('\u00e4@x.example', ['\u00f6@\u00fc.example'], 'Subject: \u00e4\r\n\r\n\u00fc\r\n'.encode(), ['SMTPUTF8', 'BODY=8BITMIME'])
    try: s.sendmail('a@x.example', ['b@y.example'], b'S: x\r\n\r\ny\r\n', ['SIZE=999999999'])
    except smtplib.SMTPSenderRefused as e: print(e.smtp_code, e.smtp_error.decode())
    try: s.sendmail('a@x.example', ['<>', 'good@y.example'], b'S: x\r\n\r\ny\r\n')
    except smtplib.SMTPRecipientsRefused as e: print('all refused')
    code, text = s.docmd('VRFY', 'a'); print(code, text.decode())
    code, text = s.docmd('STARTTLS'); print(code, text.decode())
failed = []
def one(n):
    try:
        with smtplib.SMTP('127.0.0.1', port, timeout=30) as s:
            for i in range(5): s.sendmail('t%d@x.example' % n, ['r%d@y.example' % i], b'Subject: t\r\n\r\nx\r\n')
    except Exception as e: failed.append(e)
t = [threading.Thread(target=one, args=(n,)) for n in range(8)]
[x.start() for x in t]; [x.join() for x in t]
print('failed', failed)
EOT

port=$(free_port)
if d=$(tool ucspi-tcp); then
	start tcpserver "$d/usr/bin/tcpserver" -HR -l 0 -c 40 127.0.0.1 "$port" "$MOX_BIN/mox-smtpd"
	wait_until serving
	is "smtplib under tcpserver: what is refused" "$(python3 client.py "$port")" \
		$'552 5.3.4 message too big\n252 2.5.2 send it and see\n502 5.5.1 command not known here\nfailed []'
	is "... forty messages of eight clients at once, and three" "$(find spool/new -type f | wc -l)" 43
	is "... DSN parameters" "$(grep -lr '^envid q1' spool/new | xargs cat | tr -d '\r' | grep -a '^ret\|^rcpt\|^\.\|^end' | paste -sd' ')" \
		'. .. end ret hdrs rcpt T-.- b@y.example notify=success,failure orcpt=rfc822;b@z end'
	is "... SMTPUTF8" "$(grep -lr '^sender ä@x.example' spool/new | xargs grep -a '^rcpt\|^flags' | paste -sd' ')" 'flags 8bit smtputf8 rcpt T-.- ö@ü.example'

	swaks=$(command -v swaks) || { d=$(tool swaks) && swaks=$d/usr/bin/swaks; }
	if [ -n "$swaks" ] && perl "$swaks" --version >/dev/null 2>&1; then
		for how in "" --pipeline "--protocol SMTP"; do
			# shellcheck disable=SC2086 # words
			ok "swaks $how" perl "$swaks" --server "127.0.0.1:$port" --helo me.example --from s@x.example --to 'one@y.example,two@y.example' \
				--header 'Subject: swaks' --body $'.\n..two dots\nend\n' $how
			is "... arrives" "$(env_of | grep '^sender\|^rcpt' | paste -sd' ') $(tr -d '\r' <"$(newest)" | grep -xcF -e . -e ..two\ dots)" \
				"sender s@x.example rcpt T-.- one@y.example rcpt T-.- two@y.example 2"
		done
	else
		skip 'no swaks' swaks
	fi
	stop tcpserver
else
	skip "no tcpserver: $(cat fetch.err)" tcpserver
fi
port=$(free_port)
if d=$(tool ipsvd); then
	start tcpsvd "$d/usr/bin/tcpsvd" -c 40 -l 0 127.0.0.1 "$port" "$MOX_BIN/mox-smtpd"
	wait_until serving
	like "smtplib under tcpsvd" "$(python3 client.py "$port")" 'failed \[\]$'
	stop tcpsvd
else
	skip "no tcpsvd: $(cat fetch.err)" tcpsvd
fi

# ---- inetd: the connection is descriptor 2 too
cat >inetd.py <<'EOT'
import socket, subprocess
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); c = socket.socket(); c.connect(l.getsockname()); s, _ = l.accept()
p = subprocess.Popen(['mox-smtpd'], stdin=s, stdout=s, stderr=s); s.close()
c.sendall(b'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ops>\r\nDATA\r\nS: x\r\n\r\ny\r\n.\r\nQUIT\r\n')
print(*[l[:3] for l in c.makefile().read().splitlines() if l[3:4] != '-'], p.wait())
EOT
is "inetd's way: no sentence of ours stands between the replies" "$(python3 inetd.py)" "220 250 250 250 354 250 221 0"
done_testing
