#!/bin/bash
# mox-localserve: what the local parts ask for, many clients, what it keeps.
. "$(dirname "$0")/lib.sh"
count() { find "$@" -type f | wc -l; }

# serve NAME ARGS...: starts one, its port in $PORT
serve() {
	local name=$1
	shift
	start "$name" mox-localserve -p 0 "$@"
	wait_until grep -q '^listening' "$T/$name.log"
	PORT=$(sed -n 's/^listening 127.0.0.1://p' "$T/$name.log")
}
# dialogue PORT LINE...: sends each line when the reply to the last has come; prints the codes
cat >dialogue.py <<'EOF'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10); f = s.makefile('rwb')
codes = []
def reply():
    while True:
        try: line = f.readline()
        except ConnectionResetError: line = b''
        if not line: codes.append('eof'); return False
        if line[3:4] == b' ': codes.append(line[:3].decode()); return True
reply()
for line in sys.argv[2:]:
    f.write(line.encode().replace(b'\\r', b'\r').replace(b'\\n', b'\n') + b'\r\n'); f.flush()
    if not reply(): break
print(*codes)
EOF
talk() { python3 dialogue.py "$PORT" "$@"; }
# send FROM TO...: the codes of MAIL, RCPTs, DATA, dot
send() {
	local from=$1 a=()
	shift
	for r in "$@"; do a+=("RCPT TO:<$r>"); done
	talk 'EHLO x' "MAIL FROM:<$from>" "${a[@]}" DATA "Subject: t\r\n\r\nx\r\n." | cut -d' ' -f3-
}

serve A -v -d box
is "one message" "$(send a@x.example b@y.example)" "250 250 354 250"
is "in the Maildir, with its envelope" "$(cat box/new/*)" $'Return-Path: <a@x.example>\nDelivered-To: b@y.example\nSubject: t\n\nx'
ok "told with -v" wait_until grep -q 'event=taken from=a@x.example to=b@y.example size=17 file=' A.log
while read -r from to want; do
	is "$from -> $to" "$(send "$from" "$to")" "$want"
done <<'EOF'
mailfromtemperror@x b@y 451 503 503 502
mailfrompermerror@x b@y 550 503 503 502
mailfrom-452@x b@y 452 503 503 502
temperror@x b@y 250 250 354 250
a@x rcpttotemperror@y 250 451 554 502
a@x rcptto.permerror@y 250 550 554 502
a@x RcptTo-552@y 250 552 554 502
a@x temperror@y 250 250 354 451
a@x some-permerror@y 250 250 354 550
a@x anything-451@y 250 250 354 451
a@x 599@y 250 250 354 599
a@x b600@y 250 250 354 250
a@x b399@y 250 250 354 250
a@x 45@y 250 250 354 250
a@x temperrors@y 250 250 354 250
a@x mailfromtemperror@y 250 250 354 250
rcpttotemperror@x b@y 250 250 354 250
EOF
is "one of several asks" "$(send a@x b@y permerror@y)" "250 250 250 354 550"
is "one RCPT of two refused" "$(send a@x rcpttopermerror@y b@y)" "250 550 250 354 250"
is "421 closes" "$(talk 'EHLO x' 'MAIL FROM:<a@x>' 'RCPT TO:<rcptto-421@y>' NOOP)" "220 250 250 421 eof"
is "refused messages are not kept" "$(grep -lE 'Delivered-To: .*(permerror|451|599)@' box/new/* | wc -l) $(count box/tmp)" "0 0"

# timeout: silence; others are served meanwhile
cat >silent.py <<'EOF'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)
for l in sys.argv[2:]: s.sendall(l.encode() + b'\r\n')
s.settimeout(0.3); got = b''
try:
    while True:
        d = s.recv(4096)
        if not d: got += b'eof '; break
        got += d
except socket.timeout: got += b'\r\n--- '
print(*[l[:3].decode() for l in got.split(b'\n') if l[3:4] == b' '])
EOF
is "mailfromtimeout says nothing, whatever comes" "$(python3 silent.py "$PORT" 'EHLO x' 'MAIL FROM:<mailfromtimeout@x>' NOOP QUIT)" "220 250 ---"
is "rcpttotimeout" "$(python3 silent.py "$PORT" 'EHLO x' 'MAIL FROM:<a@x>' 'RCPT TO:<rcpttotimeout@y>' QUIT)" "220 250 250 ---"
is "timeout: after the dot" "$(python3 silent.py "$PORT" 'EHLO x' 'MAIL FROM:<a@x>' 'RCPT TO:<timeout@y>' DATA . QUIT)" "220 250 250 250 354 ---"
is "a message half sent leaves nothing" "$(python3 silent.py "$PORT" 'EHLO x' 'MAIL FROM:<a@x>' 'RCPT TO:<half@y>' DATA x)-$(wait_until test -z "$(ls box/tmp)"; grep -l half@y box/new/* | wc -l)" "220 250 250 250 354 ----0"

# Python's own client: 100 connections at once, each several messages
cat >many.py <<'EOF'
import smtplib, sys
c = [smtplib.SMTP('127.0.0.1', int(sys.argv[1]), local_hostname='me', timeout=10) for _ in range(100)]
for r in range(3):
    for i, s in enumerate(c): s.sendmail('a@x', ['many%d.%d@y' % (i, r)], 'Subject: m\r\n\r\n.dot\r\n')
for s in c: s.quit()
EOF
ok "100 connections at once, smtplib" python3 many.py "$PORT"
is "... all kept" "$(grep -l 'Delivered-To: many' box/new/* | wc -l)" 300
is "... dots unstuffed" "$(tail -n1 "$(grep -l 'many5.2@' box/new/*)")" ".dot"
if command -v swaks >/dev/null; then
	ok "swaks" swaks --silent 3 --pipeline --server "127.0.0.1:$PORT" --from a@x --to swaks@y
	fails 24 "swaks: refused at RCPT" swaks --silent 3 --server "127.0.0.1:$PORT" --from a@x --to rcptto550@y
fi
# a client that sends without reading: replies wait, nobody else does
cat >deaf.py <<'EOF'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10); s.settimeout(0.3); n = 0
try:
    while n < 40000000: n += s.send(b'NOOP\r\n' * 10000)
except socket.timeout: print('stopped')
EOF
is "a client that never reads is not read either" "$(python3 deaf.py "$PORT")" "stopped"
rss=$(awk '/VmRSS/{print $2}' /proc/"$PID_A"/status)
[ -n "${ASAN_OPTIONS:-}" ] || case $MOX_BIN in *asan*) ;; *) ok "... and costs little memory ($rss kB)" test "$rss" -lt 20000 ;; esac
kill -TERM "$PID_A"
wait "$PID_A"
is "SIGTERM: exit 0" $? 0

serve B -d box2 -x PIPELINING -x chunking -x ENHANCEDSTATUSCODES -l 2,3 -s 1k
cat >ehlo.py <<'EOF'
import smtplib, sys
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), local_hostname='me'); s.ehlo(); print(*sorted(s.esmtp_features.items())); print(s.docmd('RSET')[1].decode())
EOF
is "-x, -l, -s: what is offered" "$(python3 ehlo.py "$PORT")" "('8bitmime', '') ('dsn', '') ('limits', 'RCPTMAX=2 MAILMAX=3') ('size', '1024') ('smtputf8', '')
ok"
is "-l: RCPTMAX holds" "$(send a@x b@y c@y d@y)" "250 250 250 452 354 250"
is "-l: MAILMAX holds" "$(talk 'EHLO x' 'MAIL FROM:<>' 'RCPT TO:<a>' DATA . 'MAIL FROM:<>' 'RCPT TO:<a>' DATA . 'MAIL FROM:<>' 'RCPT TO:<a>' DATA . 'MAIL FROM:<>' x | cut -d' ' -f15-)" "421 eof"
is "-s holds" "$(talk 'EHLO x' 'MAIL FROM:<> SIZE=1025' 'MAIL FROM:<>' 'RCPT TO:<a>' DATA "$(printf %01020d 1)\r\nx\r\n.")" "220 250 552 250 250 354 552"
is "-x CHUNKING: BDAT is not known" "$(talk 'BDAT 0')" "220 502"
serve C -n
is "-n keeps nothing, and needs no HOME" "$(send a@x b@y) $(ls -d "$HOME/mox-localserve" 2>/dev/null)" "250 250 354 250 "
start D bash -c "ulimit -n 30; exec mox-localserve -p 0 -n"
wait_until grep -q '^listening' D.log
cat >crowd.py <<'EOF'
import select, smtplib, socket, sys, time
port = int(sys.argv[1]); c = []
for _ in range(40):
    c.append(socket.create_connection(('127.0.0.1', port), 5))
time.sleep(0.5); greeted = len(select.select(c, [], [], 0)[0])
cpu = lambda: sum(map(int, open('/proc/%s/stat' % sys.argv[2]).read().split()[13:15]))
a = cpu(); time.sleep(0.3); print(0 < greeted < 40, cpu() - a < 10)
for s in c: s.close()
smtplib.SMTP('127.0.0.1', port, local_hostname='me', timeout=5).sendmail('a@x', ['b@y'], 'x'); print('served')
EOF
is "out of descriptors: the rest waits its turn, and nothing spins" "$(python3 crowd.py "$(sed -n 's/.*0.1://p' D.log)" "$PID_D")" $'True True\nserved'
fails 111 "a port in use" mox-localserve -n -p "$PORT"
fails 100 "a bad port" mox-localserve -p 65536
fails 100 "an unknown keyword" mox-localserve -x FOO
fails 100 "bad limits" mox-localserve -l 0
fails 111 "a Maildir below nothing" mox-localserve -p 0 -d /nonexistent/x
done_testing
