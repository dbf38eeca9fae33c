# rcodes.py PORT: a name server on a free port of 127.0.0.1 (printed) that asks the one on PORT, but for TLSA records: a label
# rcode-N in the name is answered with that response code, rcode-drop not at all, rcode-tc with an empty truncated answer by UDP and
# none by TCP.
import re, socket, sys, threading

up = int(sys.argv[1])
tcp = socket.create_server(("127.0.0.1", 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(tcp.getsockname())
print(tcp.getsockname()[1], flush=True)


def other(q):  # an answer of our own, b"" for none, None: ask
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1 : at + 1 + q[at]].decode())
        at += 1 + q[at]
    found = re.search(r"rcode-(\w+)", ".".join(labels))
    if q[at + 1 : at + 3] != b"\0\x34" or not found:
        return None
    if found[1] == "drop":
        return b""
    if found[1] == "tc":
        return q[:2] + bytes([q[2] | 0x82, 0]) + q[4:6] + bytes(6) + q[12 : at + 5]
    return q[:2] + bytes([q[2] | 0x80, int(found[1])]) + q[4:6] + bytes(6) + q[12 : at + 5]


def ask_udp(q, who):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(q, ("127.0.0.1", up))
    udp.sendto(s.recv(65535), who)


def serve_tcp():
    while True:
        c, _ = tcp.accept()
        threading.Thread(target=one_tcp, args=(c,), daemon=True).start()


def one_tcp(c):
    with c, c.makefile("rb") as f:
        n = f.read(2)
        q = f.read(int.from_bytes(n, "big"))
        a = other(q)
        if a is None:
            with socket.create_connection(("127.0.0.1", up)) as s, s.makefile("rb") as g:
                s.sendall(n + q)
                a = g.read(int.from_bytes(g.read(2), "big"))
        if a and not a[2] & 2:
            c.sendall(len(a).to_bytes(2, "big") + a)


threading.Thread(target=serve_tcp, daemon=True).start()
while True:
    q, who = udp.recvfrom(65535)
    a = other(q)
    if a is None:
        threading.Thread(target=ask_udp, args=(q, who), daemon=True).start()
    elif a:
        udp.sendto(a, who)
