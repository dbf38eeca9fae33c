#!/bin/bash
# Relays as mox-runq uses them: a refused login holds all mail and bounces none, hosts stand in for one another, SRV names them; discard, local.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
"$TOP/t/world/certs" "$T/certs" relay.example
umask 022
echo mistaken >password
chmod 600 password
DNS=$(free_port)
conf() { # TRANSPORT KEYS
	cat >mox.conf <<-S
		hostname = "me.test"
		postmaster = "postmaster@me.test"
		spool = "$T/spool"
		ca-file = "$T/certs/ca.pem"
		retry { intervals = { 8s } jitter = false }
		timeouts { quit = "1s" connect = "2s" }
		dns { forward = { "127.0.0.1@$DNS" } trust-anchor = none known-good = "" known-bad = "" }
		transport "out" { $1 }
		transport "nowhere" { type = discard }
		transport "here" { type = local }
		route { to = { "gone.test", "me.test" } transport = "nowhere" }
		route { to = { "here.test" } transport = "here" }
		route { transport = "out" }
		local-maildir = "$T/box/%u"
	S
}
export MOX_CONF=$T/mox.conf
add() { mox-queue-add -f s@me.test "$@" <<<$'Subject: x\n\nthe body' | sed 's/^id //'; }
queued() { [ "$(mox-queue-list -o id 2>/dev/null | wc -l)" = "$1" ]; }
event() { grep -c "event=$1" runq.log; }
pass() { timeout 30 mox-runq 2>>pass.log; }

# ---- a login that is refused ----
mx relay <<S
== repeat
cert $T/certs/ip
starttls
S: 220 relay.test
C: EHLO me.test
S: 250-relay.test
S: 250-PIPELINING
S: 250 AUTH PLAIN SCRAM-SHA-256-PLUS
auth SCRAM-SHA-256-PLUS u right
accept
S
conf "type = submissions host = \"127.0.0.1\" port = $PORT username = \"u\" password-file = \"$T/password\""
for i in {1..20}; do add "r$i@far.test" >/dev/null; done
start runq mox-runq -w
ok "the login is refused" wait_until grep -q event=login-refused runq.log
ok "T118 the site is left alone" wait_until grep -q event=site-down runq.log
is "T118 by one login, however much waits" "$(cat relay.d/*.log | grep -c '^C: AUTH')" 1
ok "T118 and tried again" wait_until grep -q '^C: AUTH' relay.d/2.log
is "T118 by one connection at a time, one login each" "$(grep -l '^C: AUTH' relay.d/*.log | wc -l) $(event login-refused)" \
	"$(ls relay.d/*.log | wc -l) $(event login-refused)"
ok "T118 nothing bounces" queued 20
is "no message was offered" "$(cat relay.d/*.log | grep -c MAIL)" 0
unlike "no secret stands in the log" "$(cat runq.log)" mistaken
echo right >password
ok "T118 the password is read again: all of it goes" wait_until queued 0
is "by few logins" "$(($(cat relay.d/*.log | grep -c '^C: MAIL') >= 20 && $(grep -l '^C: MAIL' relay.d/*.log | wc -l) <= 4))" 1
like "the log names the relay" "$(grep event=sent runq.log)" 'transport=out|host=127.0.0.1'
stop runq
stop relay

# ---- a certificate that is refused ----
mx relay <<S
== repeat
ask-cert
cert $T/certs/ip
starttls
S: 220 relay.test
C: EHLO me.test
S: 250-relay.test
S: 250-PIPELINING
S: 250 AUTH EXTERNAL
C: AUTH EXTERNAL =
wait $T/known
S: 535 5.7.8 who are you
S
conf "type = submissions host = \"127.0.0.1\" port = $PORT client-certificate = \"$T/certs/client.pem\" client-key = \"$T/certs/client.key\""
for i in {1..20}; do add "r$i@far.test" >/dev/null; done
start runq mox-runq -w
ok "T118 a certificate alone: a login is under way" wait_until test -e relay.d/1.log
intaken() { [ -z "$(ls spool/new)" ]; }
wait_until intaken
touch known
ok "it is refused" wait_until grep -q event=site-down runq.log
is "T118 by one connection, however much waits" "$(cat relay.d/*.log | grep -c '^C: AUTH EXTERNAL') $(event login-refused)" "1 1"
ok "T118 nothing bounces" queued 20
stop runq
stop relay
mox-queue-list -o id | mox-queue-drop - >/dev/null 2>&1

# ---- hosts that stand in for one another ----
mx second -a 127.0.0.3 <<'S'
== repeat
greet PIPELINING
accept
S
conf "type = smtp host = { \"127.0.0.2\", \"127.0.0.3\" } port = $PORT"
add one@far.test >/dev/null
ok "the first host is down: the second takes it" pass
queued 0 || cat pass.log
ok "at once" queued 0
like "by the order of the configuration" "$(mox-deliver -n -T out a@x.test | grep -E '^(site|hop|addr)' | paste -sd' ')" \
	"site 127.0.0.2:$PORT,127.0.0.3:$PORT hop 127.0.0.2 .*addr 127.0.0.2 hop 127.0.0.3 .*addr 127.0.0.3"
printf 'S: 421 4.3.2 not today\n' >first.script
start first fake-mx -a 127.0.0.2 -p "$PORT" "$T/first.script"
wait_until grep -q listening first.log
add two@far.test >/dev/null
ok "the first does not want to talk" pass
ok "the second takes it" queued 0
stop first

# One that falls silent in the middle is as good as down, and only one of two that takes a message of this size is asked to.
large() { { printf 'Subject: x\n\n' && head -c 300 /dev/zero | tr '\0' x; } | mox-queue-add -f s@me.test "$@" | sed 's/^id //'; }
forward_rows() { mox-queue-list -o id 2>/dev/null | mox-queue-schedule now - >/dev/null 2>&1; }
sed -i 's/connect = "2s"/connect = "2s" greeting = "1s" ehlo = "1s" mail = "1s" dot = "1s"/' mox.conf
mx first -a 127.0.0.2 -p "$PORT" <<<stall
add three@far.test >/dev/null
ok "the first says nothing" pass
ok "the second takes it" queued 0
stop first
mx first -a 127.0.0.2 -p "$PORT" <<<$'greet\nC: MAIL *\nstall'
add four@far.test >/dev/null
ok "the first falls silent behind MAIL" pass
ok "the second takes it" queued 0
stop first
mx first -a 127.0.0.2 -p "$PORT" <<<$'greet\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nD:\nstall'
id=$(add five@far.test)
ok "the first falls silent behind the message" pass
like "it waits: the first may have taken it" "$(mox-queue-list -id "$id" -o state,attempts,error)" '^waiting.1.4\.4\.'
stop first
forward_rows
ok "later" pass
ok "the second takes it" queued 0
stop second
id=$(large six@far.test)
ok "both are down" pass
like "it waits" "$(mox-queue-list -id "$id" -o state,attempts,error)" '^waiting.1.4\.4\.1 '
mx first -a 127.0.0.2 -p "$PORT" <<<$'greet SIZE 100\nC: QUIT\nS: 221 bye'
mx second -a 127.0.0.3 -p "$PORT" <<<$'greet SIZE 100000\naccept'
forward_rows
ok "T92 the limit of the first is too low" pass
ok "T92 the second takes it" queued 0
is "T92 and the first was not even asked" "$(grep -c MAIL first.d/1.log)" 0
stop first
stop second
mx first -a 127.0.0.2 -p "$PORT" <<<$'greet SIZE 100\nC: QUIT\nS: 221 bye'
mx second -a 127.0.0.3 -p "$PORT" <<<$'== repeat\ngreet SIZE 200\naccept'
large seven@far.test >/dev/null
ok "T92 that of both is" pass
like "T92 it fails, with the limit named" "$(grep 'event=never' pass.log)" 'rcpt=seven@far.test .*status=5\.3\.4 '
is "T92 no message is sent to find out" "$(cat first.d/*.log second.d/*.log | grep -c MAIL)" 0
ok "T92 and its sender has heard of it" grep -q "event=sent .*rcpt=s@me.test .*discarded" pass.log
ok "T92 it is gone" queued 0
stop first
stop second

# ---- SRV ----
cat >dns.py <<'X'
import socket, struct, sys
port, relay = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", port))
def name(n): return b"".join(bytes([len(l)]) + l.encode() for l in n.split(".") if l) + b"\0"
print("listening", flush=True)
while True:
    q, a = s.recvfrom(4096)
    i, labels = 12, []
    while q[i]: labels.append(q[i+1:i+1+q[i]].decode().lower()); i += q[i] + 1
    t = struct.unpack(">H", q[i+1:i+3])[0]; n = ".".join(labels); rr = b""
    if n == "_submissions._tcp.relay.example" and t == 33:
        rr = [struct.pack(">HHH", 10, 0, 1) + name("off.relay.example"), struct.pack(">HHH", 20, 0, relay) + name("on.relay.example")]
    elif n in ("on.relay.example", "off.relay.example") and t == 1: rr = [socket.inet_aton("127.0.0.1")]
    else: rr = []
    out = q[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, len(rr), 0, 0) + q[12:i+5]
    for r in rr: out += b"\xc0\x0c" + struct.pack(">HHIH", t, 1, 300, len(r)) + r
    s.sendto(out, a)
X
mx srv <<S
cert $T/certs/good
starttls
S: 220 relay.test
C: EHLO me.test
S: 250-relay.test
S: 250 AUTH PLAIN
auth PLAIN u right
accept
S
start dns python3 dns.py "$DNS" "$PORT"
wait_until grep -q listening dns.log
conf "type = submissions srv = \"relay.example\" mechanisms = { \"PLAIN\" } username = \"u\" password-file = \"$T/password\""
like "SRV: hosts, ports and names" "$(mox-deliver -n -T out a@x.test | grep -E '^(site|hop|names)' | paste -sd' ')" \
	"site _submissions._tcp.relay.example hop off.relay.example pref=10 port=1 .*tls=pkix names off.relay.example relay.example hop on.relay.example pref=20 port=$PORT .*names on.relay.example relay.example"
add srv@far.test >/dev/null
ok "SRV: the second of two takes it" pass
queued 0 || cat pass.log
ok "SRV: with a certificate for the domain" queued 0
stop dns
stop srv

# ---- nobody, and this machine ----
mkdir -p box && chmod 777 box
me=$(id -un)
add "x@gone.test" "$me@here.test" >/dev/null
ok "discard and local need no network" pass
ok "both are done" queued 0
is "one went to the Maildir" "$(find "box/$me/new" -type f | wc -l)" 1
like "the other nowhere" "$(grep event=sent pass.log)" 'discarded'
done_testing
