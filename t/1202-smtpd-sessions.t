#!/bin/bash
# mox-smtpd: who is served, what is offered to whom, what becomes of MAIL's parameters, and how a session ends.
. "$(dirname "$0")/lib.sh"
count() { find "$@" -type f | wc -l; }

cat >conf <<EOT
hostname = "mx.example.org"
mailname = "example.org"
aliases = "none"
spool = "$T/spool"
received = false
min-free = "0"
min-free-inodes = 0
max-recipients = 3
smtpd { max-messages = 2 timeout = "1s" }
EOT
export MOX_CONF=$T/conf
HELLO='EHLO me\r\n'
TO='RCPT TO:<c@d.example>\r\n'
talk() { printf '%b' "$1" | mox-smtpd 2>err | tr -d '\r'; }
codes() { talk "$1" | grep -v '^[0-9]*-' | cut -c1-3 | paste -sd' '; }
envelope() { # MAIL's parameters: what of them stands in the envelope
	rm -f spool/new/*
	talk "${HELLO}MAIL FROM:<a@b.example> $1\r\n${TO}DATA\r\nSubject: x\r\n${2:-}\r\n.\r\n" >replies
	cat spool/new/* 2>/dev/null | tr -d '\r'
}

# ---- parameters that the door is told
like "REQUIRETLS reaches the envelope and the mark" "$(envelope REQUIRETLS)" $'\nrequiretls yes\nrcpt T-y- c@d'
like "RFC 8689 4.1: ... and wins over the header's TLS-Required: No" "$(envelope REQUIRETLS $'TLS-Required: No\r\n')" $'\nrcpt T-y- c@d'
like "without it the header counts" "$(envelope '' $'TLS-Required: No\r\n')" $'\nrcpt T-n- c@d'
before=$(date +%s)
held=$(envelope HOLDFOR=3600 | sed -n 's/^hold-until //p')
is "HOLDFOR becomes hold-until" "$((held / 1000000 >= before + 3600 && held / 1000000 <= before + 3620))" 1
is "HOLDUNTIL too" "$(envelope "HOLDUNTIL=$(date -ud "@$((before + 7200))" +%FT%TZ)" | sed -n 's/^hold-until //p')" "$((before + 7200))000000"
is "... in another zone" "$(envelope "HOLDUNTIL=$(TZ=UTC-2 date -d "@$((before + 7200))" +%FT%T)+02:00" | sed -n 's/^hold-until //p')" "$((before + 7200))000000"
unlike "what is past is released at once" "$(envelope HOLDUNTIL=2001-01-01T00:00:00Z)" hold-until
talk "${HELLO}MAIL FROM:<a@b.example> HOLDFOR=60 REQUIRETLS\r\nRSET\r\nMAIL FROM:<a@b.example>\r\n${TO}DATA\r\nx\r\n.\r\n" >/dev/null
unlike "a transaction's demands end with it" "$(cat "$(find spool/new -type f | sort | tail -n1)" | tr -d '\0')" 'hold-until|requiretls'
sed -i 's/timeout = "1s"/& future-release = "0"/' conf
unlike "future-release = 0: not offered" "$(talk "$HELLO")" FUTURERELEASE
is "... nor taken" "$(talk "${HELLO}MAIL FROM:<> HOLDFOR=5\r\n" | tail -n1)" "555 5.5.4 parameter not known here"
sed -i 's/ future-release = "0"//' conf
like "RFC 9422: LIMITS as configured" "$(talk "$HELLO")" 'LIMITS RCPTMAX=3 MAILMAX=2$'
mail="MAIL FROM:<>\r\n${TO}DATA\r\n.\r\n"
is "MAILMAX: the third message is one too many" "$(codes "$HELLO$mail$mail${mail}NOOP\r\n")" '220 250 250 250 354 250 250 250 354 250 421'

# ---- loops (RFC 5321 6.3)
hops() { printf 'Received: by x\\r\\n%.0s' $(seq "$1"); }
is "100 servers are passed" "$(codes "$HELLO${mail/.\\r\\n/$(hops 100)\\r\\nx\\r\\n.\\r\\n}")" '220 250 250 250 354 250'
is "101 are a loop" "$(talk "$HELLO${mail/.\\r\\n/$(hops 101)\\r\\nx\\r\\n.\\r\\n}" | tail -n1 | cut -c1-9)" '554 5.4.6'
is "... not counted in the body, nor in what only looks like it" \
	"$(codes "$HELLO${mail/.\\r\\n/$(hops 60)Receivedx: y\\r\\n received: z\\r\\n\\r\\n$(hops 60).\\r\\n}")" '220 250 250 250 354 250'

# ---- who is served
cat >serve.py <<'EOT'
import os, signal, socket, subprocess, sys, time
# serve.py ADDRESS LINE...: mox-smtpd behind one accepted connection; prints what it says until it closes, and its exit code
if sys.argv[1] == 'unix':
    l = socket.socket(socket.AF_UNIX); l.bind('sock'); l.listen(); c = socket.socket(socket.AF_UNIX); c.connect('sock'); os.unlink('sock')
else:
    l = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET); l.bind((sys.argv[1], 0)); l.listen()
    c = socket.socket(l.family); c.bind((sys.argv[1], 0)); c.connect(l.getsockname())
s, _ = l.accept()
p = subprocess.Popen(['mox-smtpd'], stdin=s, stdout=s, stderr=subprocess.PIPE); s.close(); l.close(); c.settimeout(20)
f = c.makefile('rb'); said = []
def hear():
    while True:
        line = f.readline().decode().strip()
        if line: said.append(line)
        if line[3:4] != '-': return
for step in sys.argv[2:]:
    if step == 'hear': hear()
    elif step == 'drip':
        try:
            for i in range(100): c.sendall(b'x'); time.sleep(0.05)
        except OSError: pass
    elif step == 'stop': p.send_signal(signal.SIGTERM)
    elif step == 'end': c.shutdown(socket.SHUT_WR)
    else: c.sendall(step.encode().replace(b'\\r', b'\r').replace(b'\\n', b'\n'))
try:
    while f.peek(1): hear()
except OSError: pass
print('|'.join(said), p.wait(), p.stderr.read().decode().strip())
EOT
serve() { timeout 60 python3 serve.py "$@"; }
is "a client of 127.0.0.0/8" "$(serve 127.1.2.3 'QUIT\r\n')" "220 mx.example.org ESMTP moxq|221 2.0.0 goodbye 0 "
unlike "T64 REQUIRETLS is not offered over TCP, where mox-smtpd has no TLS" "$(serve 127.0.0.1 'EHLO x\r\nQUIT\r\n')" REQUIRETLS
like "... but over a Unix socket" "$(serve unix 'EHLO x\r\nQUIT\r\n')" REQUIRETLS
if [ -e /proc/net/if_inet6 ]; then like "::1" "$(serve ::1 'QUIT\r\n')" '^220.* 0 $'; else skip 'no IPv6' '::1'; fi
sed -i 's/^smtpd {/& trusted-networks = { 127.0.0.2, 127.0.1.0\/24 }/' conf
is "554 5.7.1 for a stranger, and no word of his is looked at" "$(serve 127.0.0.1 'EHLO x\r\nMAIL FROM:<>\r\nQUIT\r\n' end)" \
	"554 5.7.1 this server takes no mail from you 100 mox-smtpd: unable to serve a client who is not in trusted-networks"
like "one address that is trusted" "$(serve 127.0.0.2 'QUIT\r\n')" '^220.* 0 $'
like "a network that is" "$(serve 127.0.1.77 'QUIT\r\n')" '^220.* 0 $'
like "Unix sockets always" "$(serve unix 'QUIT\r\n')" '^220.* 0 $'
for wrong in 10.0.0.1/8 localhost 10.0.0.0/40; do
	sed "s|127.0.0.2,|$wrong,|" conf >bad.conf
	fails 100 "no network: $wrong" mox-smtpd -C bad.conf
done
sed -i 's/ trusted-networks = {[^}]*}//' conf
own=$(hostname -I | tr ' ' '\n' | grep -m1 -F .)
send='EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\nS: x\r\n\r\nb\r\n.\r\nQUIT\r\n'
rm -f spool/new/*
serve 127.0.0.1 "$send" >/dev/null
is "mail from this machine is local" "$(tr -d '\0' <"$(find spool/new -type f)" | sed -n 's/^origin //p')" local
if [ -n "$own" ]; then
	sed -i "s/^smtpd {/& trusted-networks = { $own }/" conf
	rm -f spool/new/*
	serve "$own" "$send" >/dev/null
	is "mail from elsewhere in trusted-networks is not" "$(find spool/new -type f | wc -l) $(tr -d '\0' <"$(find spool/new -type f)" | sed -n 's/^origin //p')" "1 "
	sed -i 's/ trusted-networks = {[^}]*}//' conf
else
	skip 'no address but loopback' 'mail from elsewhere'
fi

# ---- how it ends
rm -f spool/new/*
is "silence: 421 4.4.2" "$(serve unix hear)" "220 mx.example.org ESMTP moxq|421 4.4.2 nothing heard for too long, goodbye 111 mox-smtpd: nothing heard for too long"
like "a command that comes byte by byte is not waited for" "$(serve unix hear drip)" '421 4\.4\.2 .* 111 '
sed -i 's/timeout = "1s"/timeout = "30s"/' conf
like "SIGTERM: 421 4.3.2 and exit 0" "$(serve unix hear 'EHLO x\r\n' hear stop)" 'LIMITS.*\|421 4\.3\.2 [^|]* 0 $'
like "... in a message too, which is not queued" "$(serve unix hear 'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\nhalf\r\n' hear hear hear hear stop)" \
	'354 [^|]*\|421 4\.3\.2 [^|]* 0 $'
is "nothing of all that in the spool" "$(count spool/new spool/tmp)" 0
like "RFC 2920: a whole session in one write, answered in order" \
	"$(serve unix 'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<>\r\nDATA\r\nS: x\r\n\r\nb\r\n.\r\nVRFY x\r\nQUIT\r\n')" \
	'\|250 2\.1\.0 ok\|250 2\.1\.5 ok\|501 5\.1\.3 [^|]*\|354 [^|]*\|250 2\.0\.0 queued as [0-9a-z]{13}\|252 2\.5\.2 [^|]*\|221 2\.0\.0 goodbye 0 $'
done_testing
