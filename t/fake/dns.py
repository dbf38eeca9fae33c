#!/usr/bin/env python3
# A name server without DNSSEC: dns.py ZONE, whose lines are DOMAIN HOST ADDRESS (its MX, and that one's A); nothing else exists.
# Prints "listening PORT".
import socket, struct, sys

mx, a = {}, {}
for line in open(sys.argv[1]):
    domain, host, address = line.split()
    mx[domain], a[host] = host, address


def name(n):
    return b"".join(bytes([len(x)]) + x.encode() for x in n.split(".")) + b"\0"


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print("listening", s.getsockname()[1], flush=True)
while True:
    q, who = s.recvfrom(4096)
    i, labels = 12, []
    while q[i]:
        labels.append(q[i + 1 : i + 1 + q[i]].decode("latin-1").lower())
        i += q[i] + 1
    (kind,) = struct.unpack("!H", q[i + 1 : i + 3])
    n = ".".join(labels)
    data = b"\0\x0a" + name(mx[n]) if kind == 15 and n in mx else socket.inet_aton(a[n]) if kind == 1 and n in a else b""
    known = n in mx or n in a or n == "example"
    answer = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(data)) + data if data else b""
    s.sendto(q[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1\0" + bytes([bool(data)]) + bytes(4) + q[12 : i + 5] + answer, who)
