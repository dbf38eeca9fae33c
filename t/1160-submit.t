#!/bin/bash
# mox-submit: mox's own configuration, one submission server that lives in this file, and what is kept when it fails.
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || skip_all 'no openssl'

# ---- certificates: an authority, a server's, a client's
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority
	for who in localhost elsewhere; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -out $who.csr -subj /CN=$who
		openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out $who.pem -extfile <(echo "subjectAltName=DNS:$who")
	done
	openssl genpkey -algorithm ed25519 -out client.key
	openssl req -x509 -new -key client.key -out client.crt -days 20 -subj /CN=client
	cat client.key client.crt >client.pem
} 2>openssl.err || skip_all "openssl: $(tail -n1 openssl.err)"
raw=$(openssl pkey -in client.key -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\n')
public=$(openssl pkey -in client.key -pubout -outform DER | base64 -w0)

cat >server.py <<'EOT'
# server.py DIR MODE: a submission server for user u, password secret. MODE: words that say how it is. Each session leaves DIR/log.N (what was
# said, without the message) and DIR/msg.N.
import base64, hashlib, hmac, os, re, socket, ssl, subprocess, sys, threading
where, mode = sys.argv[1], sys.argv[2].split(',')
auth = [m[5:] for m in mode if m.startswith('auth=')]
stall = ''.join(m[6:] for m in mode if m.startswith('stall='))
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
who = 'elsewhere' if 'stranger' in mode else 'localhost'
ctx.load_cert_chain(who + '.pem', who + '.key')
if 'client' in mode:
    ctx.verify_mode = ssl.CERT_OPTIONAL; ctx.load_verify_locations('client.crt'); ctx.verify_flags |= 0x80000  # partial chain
b64 = lambda b: base64.b64encode(b).decode(); unb64 = base64.b64decode
class End(Exception): pass
def session(n, s):
    log = open('%s/log.%d' % (where, n), 'w')
    def note(t): log.write(t + '\n'); log.flush()
    if 'tls' in mode:
        try: s = ctx.wrap_socket(s, server_side=True)
        except (ssl.SSLError, OSError) as e: note('handshake failed'); return
    f = s.makefile('rwb'); secure = 'tls' in mode
    def say(t): f.write(t.encode() + b'\r\n'); f.flush()
    def hear():
        line = f.readline()
        if not line: raise End
        return line.decode().rstrip('\r\n')
    def ehlo():
        words = ['PIPELINING', '8BITMIME', 'SIZE 100000', 'SMTPUTF8', 'ENHANCEDSTATUSCODES']
        if 'starttls' in mode and not secure: words.append('STARTTLS')
        elif auth: words.append('AUTH ' + ' '.join(auth))
        if 'requiretls' in mode and secure: words.append('REQUIRETLS')
        say('250-me\r\n250-' + '\r\n250-'.join(words[:-1]) + '\r\n250 ' + words[-1])
    def scram(first, h):
        note('SCRAM'); gs2, bare = first.split(',,', 1); nonce = re.search('r=([^,]*)', bare)[1] + 'srv'; salt = b'salt'
        sf = 'r=%s,s=%s,i=4096' % (nonce, b64(salt)); say('334 ' + b64(sf.encode())); final = unb64(hear()).decode()
        sp = hashlib.pbkdf2_hmac(h, b'secret', salt, 4096); ck = hmac.digest(sp, b'Client Key', h); sk = hmac.digest(sp, b'Server Key', h)
        np, proof = final.rsplit(',p=', 1); am = (bare + ',' + sf + ',' + np).encode()
        sig = hmac.digest(hashlib.new(h, ck).digest(), am, h)
        if bytes(a ^ b for a, b in zip(ck, sig)) != unb64(proof): return say('535 5.7.8 no')
        v = hmac.digest(sk, am, h)
        if 'liar' in mode: v = b'x' * len(v)
        say('334 ' + b64(b'v=' + b64(v).encode())); hear(); say('235 2.7.0 ok')
    def login(m, first):
        note('AUTH ' + m)
        if m == 'EXTERNAL':
            der = s.getpeercert(True) if secure else None
            key = der and subprocess.run('openssl x509 -inform DER -noout -pubkey | openssl pkey -pubin -outform DER', shell=True, input=der, capture_output=True).stdout
            return say('235 2.7.0 ok' if key and b64(key) == os.environ['PUBLIC'] else '535 5.7.8 who?')
        if m == 'PLAIN':
            if first is None: say('334 '); first = hear()
            return say('235 2.7.0 ok' if unb64(first) == b'\0u\0secret' else '535 5.7.8 no')
        if m == 'CRAM-MD5':
            say('334 ' + b64(b'<1@me>')); got = unb64(hear()).decode()
            return say('235 2.7.0 ok' if got == 'u ' + hmac.new(b'secret', b'<1@me>', 'md5').hexdigest() else '535 5.7.8 no')
        if first is None: say('334 '); first = hear()
        scram(unb64(first).decode(), 'sha256' if '256' in m else 'sha1')
    try:
        def stalls(state):
            if stall == state: f.read(); raise End
        stalls('greeting')
        say('421 4.3.2 later' if 'busy' in mode else '220 me')
        while True:
            line = hear(); up = line.upper()
            if up.startswith('AUTH '): w = line.split(' '); login(w[1], w[2] if len(w) > 2 else None); continue
            note(line); stalls(up[:4].lower())
            if up.startswith('EHLO'): ehlo()
            elif up == 'STARTTLS': say('220 go'); f.flush(); s = ctx.wrap_socket(s, server_side=True); f = s.makefile('rwb'); secure = True; note('TLS')
            elif up.startswith('MAIL') and 'nomail' in mode: say('550 5.7.1 not you')
            elif up.startswith('RCPT') and 'bad@' in line: say('550 5.1.1 nobody')
            elif up.startswith('RCPT') and 'late@' in line: say('451 4.2.1 later')
            elif up == 'DATA':
                say('354 go'); text = b''
                while (l := f.readline()) != b'.\r\n':
                    if not l: raise End
                    text += l[1:] if l[:1] == b'.' else l
                open('%s/msg.%d' % (where, n), 'wb').write(text)
                stalls('dot')
                if 'hang' in mode: raise End
                say('554 5.6.0 no such text' if 'refuse' in mode else '250 2.0.0 taken as 4711')
            elif up == 'QUIT': say('221 bye'); raise End
            else: say('250 2.0.0 ok')
    except (End, OSError): pass
    s.close()
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind(('127.0.0.1', 0)); l.listen()
open(where + '/port', 'w').write(str(l.getsockname()[1]) + '\n')
n = 0
while True:
    s, _ = l.accept(); threading.Thread(target=session, args=(n, s), daemon=True).start(); n += 1
EOT
export PUBLIC=$public
running=
serve() { # MODE: a server so; leaves $d and $port
	[ -z "$running" ] || stop "$running"
	n=$((${n:-0} + 1)) running=server$n d=$T/d$n
	mkdir "$d"
	start "$running" python3 server.py "$d" "$1"
	wait_until test -s "$d/port"
	port=$(<"$d/port")
}
conf() { # LINE...: over what stands below
	{
		printf '%s\n' "LocalHostname: me.example" "Host: localhost" "Port: $port" "TLS: false" "STARTTLS: false" "Username:" "Password: secret" "AuthMethod:" \
			"From: machine@example.org"
		printf '%s\n' "$@"
	} | awk -F: '{ if (!($1 in at)) { order[++n] = $1; at[$1] = 1 } line[$1] = $0 } END { for (i = 1; i <= n; i++) print line[order[i]] }' >submit.conf
}
cat >mox.conf <<EOT
ca-file = "$T/ca.pem"
hostname = "mx.example.org"
dns { forward = { "127.0.0.1@9" } trust-anchor = "none" }
EOT
export MOX_CONF=$T/mox.conf HOME=$T/home
mkdir home
kept() { find home/moxsubmit.failures -type f 2>/dev/null; }
submit() { mox-submit -C submit.conf "$@"; }
printf 'From: root (Cron Daemon)\nTo: root\nSubject: cron\n\n.dot\nb\303\266dy\n' >msg

# ---- the message
serve plain
conf 'DefaultDestination: admin@example.org'
is "sent" "$(submit -v root <msg)" "sent localhost: 250 taken as 4711"
is "the dialogue" "$(sed 's/SIZE=[0-9]*/SIZE=N/' "$d/log.0")" $'EHLO me.example\nMAIL FROM:<machine@example.org> SIZE=N\nRCPT TO:<admin@example.org>\nDATA\nQUIT'
is "From is the one address, To stays but for a domain, what mox adds is there" "$(tr -d '\r' <"$d/msg.0" | grep -v '^Date\|^Message-ID\|^MIME\|^Content' | sort)" \
	"$(printf '%s\n' 'From: machine@example.org' 'To: root@me.example' 'Subject: cron' '' '=2Edot' 'b=C3=B6dy' | sort)"
ok "-t with Cc and Bcc, names twice, a name for From" submit -t -F 'The Machine' -f ignored@x -oi <<<$'To: a@example.org, root\nCc: b@example.org\nBcc: c@example.org\nSubject: x\n\nhi'
is "... four get it" "$(grep RCPT "$d/log.1" | paste -sd' ')" "RCPT TO:<a@example.org> RCPT TO:<admin@example.org> RCPT TO:<b@example.org> RCPT TO:<c@example.org>"
like "... Bcc is gone, the name is there" "$(cat "$d/msg.1")" 'From: "?The Machine"? <machine@example.org>'
unlike "..." "$(cat "$d/msg.1")" 'Bcc'
ok "no To: it gets one" submit z@example.org <<<$'Subject: x\n\nhi'
like "..." "$(cat "$d/msg.2")" 'To: <z@example.org>'
ok "no header at all" submit z@example.org <<<'just text'
like "..." "$(tr -d '\r' <"$d/msg.3")" $'\n\njust text$'
conf 'Host: 127.0.0.1'
ok "Host may be an address, as in mox" submit z@example.org <<<$'Subject: x\n\nhi'
conf
# refused CODE NAME ARG...: exit code, and that msg is kept as it came
refused() {
	local code=$1 name=$2
	shift 2
	fails "$code" "$name" submit "$@" <"${from:-msg}"
	ok "... is kept as it came" cmp "$(kept)" "${from:-msg}"
	rm -rf home/moxsubmit.failures
}
refused 67 "a name without domain, and no DefaultDestination" root
refused 64 "no recipient"
refused 65 "a recipient that is none" 'a b@example.org'
refused 65 "an empty one" ''
refused 64 "an option that is none" -Z a@example.org
refused 64 "a value that is none" -N sometimes a@example.org
printf 'Subject: nobody\n\nhi\n' >nobody
from=nobody refused 66 "-t and no recipient" -t
printf 'To: a@example.org, b b@example.org\n\nhi\n' >some
from=some refused 65 "-t and a bad recipient beside a good one" -t
printf 'Subject: x\nX: \0\n\nhi\n' >nul
from=nul refused 65 "a message that cannot go" a@example.org
is "nothing of that was sent" "$(find "$d" -name 'log.*' | wc -l)" 5
fails 64 "no recipient and no message" submit </dev/null
is "... leaves no file" "$(kept)" ""
is "mailq: an empty queue" "$(submit -bp)" "Mail queue is empty"
ok "-bi, -q: nothing to do" submit -bi
fails 64 "no SMTP server" submit -bs

# ---- RequireTLS
conf 'RequireTLS: no'
ok "RequireTLS: no" submit a@example.org <msg
like "... is a header field" "$(cat "$d/msg.5")" 'TLS-Required: No'
serve tls,requiretls
conf 'TLS: true' 'RequireTLS: yes'
ok "RequireTLS: yes" submit a@example.org <msg
like "... is REQUIRETLS at MAIL" "$(cat "$d/log.0")" 'MAIL FROM:<machine@example.org> SIZE=[0-9]* REQUIRETLS'
serve tls
conf 'TLS: true' 'RequireTLS: yes'
fails 69 "... and no server without it" submit a@example.org <msg
like "..." "$(cat .out)" 'does not offer REQUIRETLS'
rm -r home/moxsubmit.failures

# ---- TLS
ok "TLS from the first byte" submit -C <(sed /RequireTLS/d submit.conf) a@example.org <msg
serve starttls
conf 'STARTTLS: true'
ok "STARTTLS" submit a@example.org <msg
is "... EHLO again" "$(head -n4 "$d/log.0" | paste -sd' ')" "EHLO me.example STARTTLS TLS EHLO me.example"
serve plain
conf 'STARTTLS: true'
fails 75 "STARTTLS or nothing" submit a@example.org <msg
like "..." "$(cat .out)" 'localhost offers no STARTTLS'
for how in tls starttls; do
	serve stranger,$how
	conf "${how^^}: true"
	fails 75 "$how: another's certificate" submit a@example.org <msg
	like "..." "$(cat .out)" 'certificate of localhost is not to be trusted: '
	unlike "... and nothing is told him" "$(cat "$d/log.0")" MAIL
	conf "${how^^}: true" 'TLSInsecureSkipVerify: true'
	ok "$how: TLSInsecureSkipVerify" submit a@example.org <msg
done
rm -r home/moxsubmit.failures

# ---- who we are
serve starttls,auth=PLAIN,auth=CRAM-MD5,auth=SCRAM-SHA-1,auth=SCRAM-SHA-256
conf 'STARTTLS: true' 'Username: u'
ok "login" submit a@example.org <msg
is "... by the strongest" "$(grep ^AUTH "$d/log.0")" "AUTH SCRAM-SHA-256"
i=1
for m in SCRAM-SHA-1 CRAM-MD5 PLAIN; do
	conf 'STARTTLS: true' 'Username: u' "AuthMethod: $m"
	ok "AuthMethod: $m" submit a@example.org <msg
	is "... it is" "$(grep ^AUTH "$d/log.$i")" "AUTH $m"
	i=$((i + 1))
done
conf 'STARTTLS: true' 'Username: u' 'AuthMethod: SCRAM-SHA-256-PLUS'
fails 75 "a mechanism that is not offered, and no other" submit a@example.org <msg
conf 'STARTTLS: true' 'Username: u' 'Password: wrong'
fails 75 "a wrong password" submit a@example.org <msg
like "... is told" "$(cat .out)" 'localhost answered AUTH with 535'
unlike "... and never shown" "$(cat .out)" wrong
is "... and the message is kept" "$(kept | wc -l)" 2
serve tls,auth=SCRAM-SHA-256,liar
conf 'TLS: true' 'Username: u'
fails 75 "T115 a server that does not know the password" submit a@example.org <msg
unlike "... gets no mail" "$(cat "$d/log.0")" MAIL
serve tls,client,auth=EXTERNAL
conf 'TLS: true' "ClientAuthCertPrivateKeyPEMFile: $T/client.pem"
ok "a client's certificate" submit a@example.org <msg
stop "$running"
running='' port=$(free_port)
conf 'TLS: true' "ClientAuthEd25519PrivateKey: $raw"
mkfifo hold
openssl s_server -accept "127.0.0.1:$port" -naccept 1 -verify 1 -cert localhost.pem -key localhost.key <hold >s_server.log 2>&1 &
_pids+=($!)
exec 7>hold
wait_until grep -q ACCEPT s_server.log
start bare mox-submit -v -C submit.conf a@example.org <msg
printf '220 me\r\n' >&7
for answer in 'EHLO|250-me\r\n250 AUTH EXTERNAL' 'AUTH EXTERNAL|235 ok' 'MAIL|250 ok' 'RCPT|250 ok' 'DATA|354 go' '[.]|250 taken' 'QUIT|221 bye'; do
	wait_until grep -q "^${answer%%|*}" s_server.log || break
	printf '%b\r\n' "${answer#*|}" >&7
done
wait "$PID_bare"
is "a client's bare key" "$? $(<bare.log)" "0 sent localhost: 250 taken"
exec 7>&-
ok "... in a certificate made for it" grep -q 'depth=0 CN = mox-submit' s_server.log
conf 'TLS: true' "ClientAuthEd25519PrivateKey: xyz"
fails 75 "no key at all" submit a@example.org <msg
like "..." "$(cat .out)" 'is no Ed25519 key in base64'
rm -r home/moxsubmit.failures

# ---- the dialogue on standard error (mox-log(7)), for who asks
serve starttls,auth=PLAIN
conf 'STARTTLS: true' 'Username: u' 'AuthMethod: PLAIN'
trace() { # LEVEL
	MOX_LOG_LEVEL=$1 mox-submit -C submit.conf a@example.org <msg 2>said || diag <said
	sed -n 's/.* level=trace event=smtp peer=localhost pid=[0-9]* line="\{0,1\}\(.*[^"]\)"\{0,1\}$/\1/p' said
}
mox-submit -C submit.conf a@example.org <msg 2>said
is "nobody asks: nothing" "$(cat said)" ''
is "trace: without what is secret" "$(trace trace | grep -v '^S: 250-\|^S: 250 [A-Z]' | sed 's/port [0-9]*/port N/; s/TLS1.*/TLS/; s/SIZE=[0-9]*/SIZE=N/; s/[0-9]* bytes/N bytes/')" \
	"$(
		cat <<-'S'
			* connected to localhost[127.0.0.1] port N
			S: 220 me
			C: EHLO me.example
			C: STARTTLS
			S: 220 go
			* TLS
			C: EHLO me.example
			C: AUTH PLAIN [withheld]
			S: 235 2.7.0 ok
			C: MAIL FROM:<machine@example.org> SIZE=N
			S: 250 2.0.0 ok
			C: RCPT TO:<a@example.org>
			S: 250 2.0.0 ok
			C: DATA
			S: 354 go
			C: [withheld] N bytes
			C: .
			S: 250 2.0.0 taken as 4711
			C: QUIT
			S: 221 bye
		S
	)"
like "trace-auth: the password, of him who may read it anyway" "$(trace trace-auth)" "C: AUTH PLAIN $(printf '\0u\0secret' | base64)"
like "trace-data: the message" "$(trace trace-data)" $'\nC: Subject: cron\n'

# ---- what cannot be sent is kept
serve refuse
conf
fails 69 "refused" submit a@example.org b@example.org <msg
like "... says where" "$(cat .out)" "localhost answered the message with 554 5.6.0 no such text.*mox-submit: the message was not sent and is kept as $T/home/moxsubmit.failures/newmsg\."
is "... one file, for nobody else" "$(kept | wc -l) $(stat -c %a home/moxsubmit.failures "$(kept)" | paste -sd' ')" "1 700 600"
like "... with its recipients, as it was to be sent" "$(cat "$(kept)")" $'^X-Envelope-To: a@example.org,\r\n\tb@example.org\r\nFrom: machine@example.org\r\n'
serve plain
conf
ok "it can be sent again" submit -t b@example.org <"$(kept)"
unlike "... and whom it was for stays between us" "$(cat "$d/msg.0")" Envelope
serve busy
conf
fails 75 "421 is later" submit a@example.org <msg
serve hang
conf
fails 75 "no answer to the dot" submit a@example.org <msg
serve nomail
conf
fails 69 "MAIL refused" submit a@example.org <msg
serve plain
conf
fails 69 "one of three is refused: the others get it" submit a@example.org bad@example.org c@example.org <msg
like "..." "$(cat .out)" 'unable to send to all, only to some: bad@example.org: 550 nobody'
is "..." "$(grep -c RCPT "$d/log.0") $(find "$d" -name 'msg.*' | wc -l)" "3 1"
serve plain
conf
{ cat msg && seq 40000; } >large
fails 69 "larger than the server takes" submit a@example.org <large
unlike "... is not even asked for" "$(cat "$d/log.0")" MAIL
fails 75 "all later" submit late@example.org <msg
port=1 conf
fails 75 "nobody listens" submit a@example.org <msg
conf 'Host: nowhere.invalid'
fails 75 "no such host" submit a@example.org <msg
is "all of these are kept" "$(kept | wc -l)" 9
for wrong in 'TLS: maybe' 'Nonsense: 1' 'From: root'; do
	conf "$wrong"
	fails 78 "configuration: $wrong" submit a@example.org <msg
done
is "... costs no mail" "$(kept | wc -l)" 12
for state in greeting ehlo mail rcpt data dot; do
	serve "stall=$state"
	conf
	sed "s/^hostname/timeouts { $state = \"1s\" quit = \"1s\" }\n&/" mox.conf >short.conf
	fails 75 "a server that says nothing: $state" env MOX_CONF="$T/short.conf" mox-submit -C submit.conf a@example.org <msg
	like "..." "$(cat .out)" 'no answer in time'
done
echo nonsense >broken.conf
conf
fails 78 "mox.conf broken" env MOX_CONF="$T/broken.conf" mox-submit -C submit.conf a@example.org <msg
is "... neither" "$(kept | wc -l)" 19
chmod 500 home/moxsubmit.failures
rm -rf home/moxsubmit.failures && : >home/moxsubmit.failures
port=1 conf
fails 75 "nowhere to keep it" submit a@example.org <msg
like "... is said" "$(cat .out)" 'the message is lost'
rm home/moxsubmit.failures

# ---- the description
mox-submit --describe >described
is "--describe: every key" "$(grep -c '^[A-Z][A-Za-z0-9]*:' described)" 14
fails 78 "... to be filled in" mox-submit -C described a@example.org <msg
sed -i 's/^LocalHostname:.*/LocalHostname: me.example/; s/^Host:.*/Host: localhost/; s/^From:.*/From: m@example.org/' described
serve plain
sed -i "s/^Port:.*/Port: $port/" described
ok "... filled in it works" mox-submit -C described a@example.org <msg
done_testing
