#!/bin/bash
# The dialogue of mox-smtpd in the log (mox-log(7)): who spoke, in order, and what is withheld unless asked by name.
. "$(dirname "$0")/lib.sh"
conf() { # LEVEL
	cat >conf <<-EOT
		hostname = "mx.example.org"
		mailname = "example.org"
		aliases = "none"
		spool = "$T/spool"
		min-free = "0"
		min-free-inodes = 0
		log-level = $1
		smtpd { trusted-networks = { "127.1.0.0/16" } }
	EOT
}
export MOX_CONF=$T/conf
HELLO='EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n'
TEXT='Subject: x\r\n\r\nThe body of it.\r\n..dotted\r\n'
SECRET=AHVzZXIAcGVuY2ls
# read_log: the dialogue in `err`, without what EHLO answers
read_log() { sed -n 's/.* level=trace event=smtp .*\bline="\{0,1\}\(.*[^"]\)"\{0,1\}\( cut=yes\)\{0,1\}$/\1/p' err | grep -v '^S: 250[- ][8A-Z]' | sed 's/ as [0-9a-z]*$/ as ID/'; }
talk() { # COMMANDS [PROGRAM...]
	printf '%b' "$1" | "${@:2}" >out 2>err
	DIALOGUE=$(read_log)
}

conf debug
talk "${HELLO}DATA\r\n$TEXT.\r\nQUIT\r\n" mox-smtpd
is "at debug there is no dialogue" "$(cat err)" ''
conf trace
talk "AUTH PLAIN $SECRET\r\n${HELLO}DATA\r\n$TEXT.\r\nQUIT\r\n" mox-smtpd
is "trace: line by line, without what is secret" "$DIALOGUE" "S: 220 mx.example.org ESMTP moxq
C: AUTH PLAIN [withheld]
S: 502 5.5.1 command not known here
C: EHLO me
S: 250-mx.example.org
C: MAIL FROM:<a@b.example>
S: 250 2.1.0 ok
C: RCPT TO:<c@d.example>
S: 250 2.1.5 ok
C: DATA
S: 354 go on, and end with a dot on a line of its own
C: [withheld] 41 bytes
C: .
S: 250 2.0.0 queued as ID
C: QUIT
S: 221 2.0.0 goodbye"
is "every reply that the client got" "$(sed -n 's/^\([0-9]*\)[- ].*/\1/p' out | paste -sd' ')" "$(sed -n 's/.*line="S: \([0-9]*\)[- ].*/\1/p' err | paste -sd' ')"
talk "${HELLO}BDAT 5\r\nhallo" mox-smtpd
like "chunks, and how it ended" "$DIALOGUE" $'C: BDAT 5\nC: \\[withheld\\] 5 bytes\nS: 250 2.0.0 5 bytes so far\n\\* the client has closed the connection$'
conf trace-auth
talk "AUTH PLAIN $SECRET\r\n${HELLO}DATA\r\n$TEXT.\r\nQUIT\r\n" mox-smtpd
like "trace-auth: what he wanted to log in with" "$DIALOGUE" "C: AUTH PLAIN $SECRET"
unlike "but no message" "$DIALOGUE" 'The body'
conf trace-data
talk "AUTH PLAIN $SECRET\r\n${HELLO}DATA\r\n$TEXT.\r\nQUIT\r\n" mox-smtpd
like "trace-data: the message as it came in" "$DIALOGUE" $'\nC: The body of it.\nC: ..dotted\nC: .\n'
unlike "but no login" "$DIALOGUE" "$SECRET"

# ---- callers of sendmail -bs
talk "${HELLO}DATA\r\n$TEXT.\r\nQUIT\r\n" mox-sendmail -bs
is "S26 sendmail -bs: its callers' standard error stays empty, whatever the configuration says" "$(cat err) $(tail -n1 out | tr -d '\r')" ' 221 2.0.0 goodbye'
export MOX_LOG_LEVEL=trace
talk "${HELLO}QUIT\r\n" mox-sendmail -bs
like "unless they ask themselves" "$DIALOGUE" 'C: MAIL FROM:<a@b.example>'
conf info
talk "${HELLO}QUIT\r\n" mox-smtpd
like "MOX_LOG_LEVEL wins" "$DIALOGUE" 'C: MAIL FROM:<a@b.example>'
unset MOX_LOG_LEVEL

# ---- who spoke
conf trace
cat >serve.py <<'EOT'
import os, socket, subprocess, sys
# serve.py ADDRESS TEXT: mox-smtpd behind a connection from that address
if sys.argv[1] == 'unix':
    l = socket.socket(socket.AF_UNIX); l.bind('sock'); l.listen(); c = socket.socket(socket.AF_UNIX); c.connect('sock')
else:
    l = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(l.getsockname(), source_address=(sys.argv[1], 0))
s, _ = l.accept(); c.sendall(sys.argv[2].encode().replace(b'\\r\\n', b'\r\n')); c.shutdown(socket.SHUT_WR)
p = subprocess.Popen(['mox-smtpd'], stdin=s, stdout=s); s.close(); p.wait()
EOT
peers() { timeout 30 python3 serve.py "$@" 2>err; sed -n 's/.*event=smtp \(peer=[^ ]*\) .*/\1/p' err | sort -u; }
is "an address" "$(peers 127.1.2.3 'QUIT\r\n')" peer=127.1.2.3
is "a user" "$(peers unix 'QUIT\r\n')" "peer=uid$(id -u)"
is "a stranger's address, and what he was told; his words are not read" "$(peers 127.0.0.1 'EHLO x\r\n') $(sed -n 's/.*line=//p' err)" \
	'peer=127.0.0.1 "S: 554 5.7.1 this server takes no mail from you"'

# ---- hostile clients
talk 'EHLO \x1b[31mred\x07\r\nNOOP \xe2\x80\xaetxt.exe\r\nVRFY \xff\xc2\x9b2J" event=forged x="\r\nNOOP '"$(printf '%02000d' 0)"'\r\n' mox-smtpd
like "ESC and BEL are visible" "$(cat err)" 'line="C: EHLO \\x1b\[31mred\\x07"'
like "so are U+202E, what is no UTF-8, C1, and quotes forge nothing" "$(cat err)" \
	'line="C: NOOP \\xe2\\x80\\xaetxt.exe"'$'.*''line="C: VRFY \\xff\\xc2\\x9b2J\\" event=forged x=\\""'
like "what is cut says so" "$(cat err)" 'line="C: NOOP 0*" cut=yes'
ok "nothing but printable text in the whole log" perl -CI -ne 'exit 1 if /[\x00-\x09\x0b-\x1f\x7f-\x9f\x{202e}]/' err
done_testing
