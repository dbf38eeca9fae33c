#!/bin/bash
# Direct delivery through a SOCKS5 proxy: what it is told, and what each of its answers means.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
umask 077
echo sesame >password

# proxy.py ANSWER: plays a proxy; ANSWER is a reply code, or a word. It logs what it is asked.
cat >proxy.py <<'X'
import socket, sys, threading
answer = sys.argv[1]
six = answer == "six"
l = socket.socket(socket.AF_INET6 if six else socket.AF_INET); l.bind(("::1" if six else "127.0.0.1", 0)); l.listen(20)
print("listening", l.getsockname()[1], flush=True)
def exactly(c, n):
    b = b""
    while len(b) < n:
        got = c.recv(n - len(b))
        if not got: raise SystemExit
        b += got
    return b
def pump(a, b):
    try:
        while d := a.recv(65536): b.sendall(d)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
def serve(c):
    v, n = exactly(c, 2)
    methods = exactly(c, n)
    print("methods", methods.hex(), flush=True)
    if answer == "silent": c.recv(1); return
    if answer == "gone": c.close(); return
    if answer == "http": c.sendall(b"HTTP/1.1 400 no\r\n"); c.recv(1); return
    if answer == "none": c.sendall(b"\x05\xff"); c.recv(1); return
    c.sendall(bytes([5, methods[0]]))
    if methods[0] == 2:
        exactly(c, 1); u = exactly(c, exactly(c, 1)[0]); p = exactly(c, exactly(c, 1)[0])
        print("login", u.decode(), p.decode(), flush=True)
        c.sendall(b"\x01\x01" if p != b"sesame" else b"\x01\x00")
        if p != b"sesame": c.recv(1); return
    head = exactly(c, 4); a = exactly(c, 16 if head[3] == 4 else 4); port = exactly(c, 2)
    ip = socket.inet_ntop(socket.AF_INET6 if head[3] == 4 else socket.AF_INET, a)
    print("connect", head[1], ip, flush=True)
    if answer.isdigit() and answer != "0":
        c.sendall(bytes([5, int(answer), 0, 1, 0, 0, 0, 0, 0, 0])); c.recv(1); return
    t = socket.create_connection((ip, int.from_bytes(port, "big")))
    bound = b"\x00" * 6 if answer == "nowhere" else b"\xcb\x00\x71\x09\x12\x34"
    first = t.recv(4096) if answer == "glued" else b""
    for b in (bytes([x]) for x in b"\x05\x00\x00\x01" + bound[:-1]): c.sendall(b)
    c.sendall(bound[-1:] + first)
    threading.Thread(target=pump, args=(c, t), daemon=True).start()
    pump(t, c)
while True:
    c, _ = l.accept()
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=lambda c=c: (serve(c), c.close()), daemon=True).start()
X
proxy() { # ANSWER [KEYS] [ADDRESS]: a proxy in $PROXY, a configuration with it
	rm -f proxy.log
	start proxy python3 "$T/proxy.py" "$1"
	wait_until grep -q ^listening proxy.log
	PROXY=$(sed -n 's/^listening //p' proxy.log)
	cat >mox.conf <<-S
		hostname = "client.test"
		timeouts { quit = "1s" connect = "1s" }
		transport "out" { type = socks address = "${3:-127.0.0.1}:$PROXY" hostname = "out2.test" ${2-} }
	S
}
go() {
	job a "$PORT/may" -- a@x.test
	deliver -T out a
	stop proxy
}

sink s -k PIPELINING,CHUNKING
for how in 0 nowhere glued; do
	proxy $how 'remote-ips = { "2001:db8::9", "192.0.2.9" }'
	go
	like "through a proxy ($how)" "$(fate a 1)" '^sent 250 .*mx1.test\[127.0.0.1\]'
	is "asked for an address ($how)" "$(sed -n 's/^connect //p' proxy.log)" "1 127.0.0.1"
	is "no login is offered ($how)" "$(sed -n 's/^methods //p' proxy.log)" 00
done
stop s
mx m <<'S'
S: 220 mx.test
C: EHLO out2.test
S: 250 mx.test
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 ok
S
proxy 0 'remote-ips = { "2001:db8::9", "192.0.2.9" }'
go
mx_done m "a name of its own in EHLO"
like "TLSRPT: sent from where the proxy says" "$(said a tls)" '^no-policy-found x.test .* from=203.0.113.9 '
mx m <<'S'
greet
C: MAIL *
S: 550 5.7.1 no
S
proxy nowhere 'remote-ips = { "2001:db8::9", "192.0.2.9" }'
go
like "or, when it does not, the configuration" "$(said a tls)" ' from=192.0.2.9 '
like "a refusal is the mail's" "$(fate a 1)" '^never 550 5.7.1'
stop m
sink s -k PIPELINING
proxy 0 "username = \"me\" password-file = \"$T/password\""
go
like "with name and password" "$(fate a 1)" '^sent 250'
is "told to the proxy" "$(grep -E '^(methods|login)' proxy.log | paste -sd' ')" "methods 02 login me sesame"
echo other >password
proxy 0 "username = \"me\" password-file = \"$T/password\""
go
like "a password it does not take" "$(fate a 1)" '^later 0 4.4.1 mx1.test\S* the proxy 127.0.0.1:[0-9]*: it refused name or password'
unlike "which stands nowhere" "$(cat report deliver.log)" other
chmod 604 password
proxy 0 "username = \"me\" password-file = \"$T/password\""
go
like "a password everybody can read" "$(fate a 1)" '^later 0 4.3.5 .*lets everybody read'
proxy none
go
like "it wants a login" "$(fate a 1)" '^later 0 4.4.1 .*the proxy 127.0.0.1:[0-9]*: it asks for a login'
is "the site is left alone" "$(said a site)" unreachable
proxy http
go
like "it is none" "$(fate a 1)" '^later 0 4.4.1 .*it does not speak SOCKS5'
proxy gone
go
like "it hangs up" "$(fate a 1)" '^later 0 4.4.1 .*it closed the connection'
proxy silent
go
like "it says nothing" "$(fate a 1)" '^later 0 4.4.1 .*timed out'
n=1
while IFS= read -r want; do
	proxy $n
	go
	like "reply $n" "$(fate a 1)" "^later 0 4.4.1 .*the proxy 127.0.0.1:[0-9]*: $want"
	n=$((n + 1))
done <<'S'
it failed, and does not say why
its rules do not allow the connection
it has no way to that network
it cannot reach the host
the host refused the connection
the connection took too many hops
it does not know how to connect
it does not know such addresses
it gave a reason that nobody knows
S
go_two() {
	job a "$PORT/may" "$PORT/may" -- a@x.test
	deliver -T out a
}
proxy 0
stop proxy
go_two
like "no proxy there" "$(fate a 1)" '^later 0 4.4.1 .*the proxy 127.0.0.1:[0-9]*: Connection refused'
proxy 5
go_two
is "a host that refuses: the next is tried" "$(grep -c ^connect proxy.log)" 2
stop proxy
proxy 2
go_two
is "a proxy that refuses: no other host would fare better" "$(grep -c ^connect proxy.log)" 1
stop proxy
if python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
	sink six -a ::1
	proxy six '' '[::1]'
	job a "$PORT/may" -- a@x.test
	sed -i 's/^addr .*/addr ::1/' a.job
	deliver -T out a
	stop proxy
	like "IPv6, both the proxy and the host" "$(fate a 1)" '^sent 250 .*mx1.test\[::1\]'
	is "by its address" "$(sed -n 's/^connect //p' proxy.log)" "1 ::1"
else
	skip "no IPv6 here" "IPv6, both the proxy and the host"
fi
done_testing
