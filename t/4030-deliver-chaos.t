#!/bin/bash
# A server that does whatever a server may do, at random, to several hundred jobs of one worker at a time. Whatever it does:
#   every recipient gets one fate; "sent" means that the server took that message, from that sender, for that recipient;
#   what is not "sent" was not taken, but for messages the server took in silence ("maybe");
#   nothing is taken twice, but behind such a silence.
. "$(dirname "$0")/lib.sh"
printf 'hostname = "client.test"\ntimeouts { quit = "1s" dot = "20s" }\n' >mox.conf
export MOX_CONF=$T/mox.conf

cat >chaos.py <<'X'
import os, random, re, socket, subprocess, sys, threading, collections
seed, jobs = int(sys.argv[1]), int(sys.argv[2])
taken = collections.defaultdict(list)  # (token, rcpt) -> [(sender, answered)]
wrong, served, lock = [], [], threading.Lock()

class Gone(Exception): pass

class Session:
    def __init__(self, sock, rnd, mood):
        self.s, self.r, self.buf, self.out, self.mood, self.pending = sock, rnd, b"", b"", mood, []
        self.tear = rnd.random() < 0.3     # replies in pieces
    def chance(self, p): return self.r.random() < p * self.mood
    def flush(self):
        out, self.out = self.out, b""
        if self.pending: # what was taken counts as answered once this is out
            done, self.pending = self.pending, []
        else: done = []
        for t in done: t[1] = None # a reset may come in between
        while out:
            n = self.r.randint(1, 20) if self.tear else len(out)
            self.s.sendall(out[:n]); out = out[n:]
        for t in done: t[1] = True
    def fill(self):
        self.flush()
        got = self.s.recv(self.r.choice([7, 100, 65536]))
        if not got: raise Gone
        self.buf += got
    def line(self):
        while b"\n" not in self.buf: self.fill()
        l, self.buf = self.buf.split(b"\n", 1)
        if not l.endswith(b"\r"): wrong.append("bare LF in %r" % l)
        return l[:-1].decode()
    def say(self, code, text="x"):
        e = "%d.0.0 " % (code // 100) if code != 354 and self.r.random() < 0.5 else ""
        lines = [text] * self.r.choice([1, 1, 1, 2, 5])
        for i, l in enumerate(lines):
            self.out += ("%d%s%s%s\r\n" % (code, " " if i == len(lines) - 1 else "-", e, l)).encode()
        if code == 421: self.flush(); raise Gone
    def greet(self):
        self.say(self.r.choice([421, 450, 554]) if self.chance(0.05) else 220)
        keys = [k for k in ("PIPELINING", "CHUNKING", "8BITMIME", "SIZE 100000") if self.r.random() < 0.8]
        if self.r.random() < 0.2: keys.append("LIMITS RCPTMAX=%d MAILMAX=%d" % (self.r.randint(1, 3), self.r.randint(1, 5)))
        while True:
            l = self.line()
            if l.startswith("EHLO"): break
            self.say(221); self.flush(); raise Gone
        self.out += b"250-chaos\r\n" + b"".join(b"250-%s\r\n" % k.encode() for k in keys) + b"250 HELP\r\n"
        self.flush()
    def take(self, body, sender, rcpts):
        m = re.search(rb"^Token: (\S+)\r$", body, re.M)
        if not m or not body.endswith(b"end\r\n"): wrong.append("a body cut: %r" % body[-60:]); return
        drop = self.chance(0.04)
        with lock:
            for r in rcpts:
                taken[m.group(1).decode(), r].append([sender, False])
                self.pending.append(taken[m.group(1).decode(), r][-1])
        if drop: del self.pending[-len(rcpts):]; self.flush_some(); raise Gone
        self.say(250, "taken")
        if self.chance(0.03): self.flush(); raise Gone
    def flush_some(self): # the replies before, or none of them
        if self.r.random() < 0.5: self.flush()
    def end(self, body, sender, rcpts):
        if self.chance(0.06): self.say(self.r.choice([451, 554, 552]))
        else: self.take(body, sender, rcpts)
    def run(self):
        self.greet()
        sender, rcpts = None, []
        while True:
            l = self.line()
            if self.chance(0.01): self.flush_some(); raise Gone
            if self.chance(0.01): self.say(421, "bye")
            if l == "RSET": sender, rcpts = None, []; self.say(250)
            elif l == "QUIT": self.say(221); self.flush(); raise Gone
            elif l.startswith("MAIL FROM:<"):
                if sender is not None: self.say(503, "sender already given"); wrong.append("MAIL inside a transaction")
                elif self.chance(0.05): self.say(self.r.choice([450, 452, 451, 550, 421]))
                else: sender, rcpts = l[11:].split(">")[0], []; self.say(250)
            elif l.startswith("RCPT TO:<"):
                if sender is None: self.say(503, "no MAIL")
                elif self.chance(0.15): self.say(self.r.choice([450, 550, 452, 452, 552]))
                else: rcpts.append(l[9:].split(">")[0]); self.say(self.r.choice([250, 251]))
            elif l == "DATA":
                if not rcpts and self.r.random() < 0.7: self.say(self.r.choice([503, 554])); continue
                if self.chance(0.05): self.say(self.r.choice([451, 550])); continue
                self.say(354)
                body = b""
                while (l := self.line()) != ".": body += (l[1:] if l.startswith(".") else l).encode() + b"\r\n"
                if rcpts: self.end(body, sender, rcpts)
                else:
                    if body: wrong.append("a message without recipients")
                    self.say(554)
                sender, rcpts = None, []
            elif l.startswith("BDAT ") and l.endswith(" LAST"):
                n = int(l.split()[1])
                while len(self.buf) < n: self.fill()
                body, self.buf = self.buf[:n], self.buf[n:]
                if not rcpts: self.say(503, "no recipients"); continue   # as Exim: the transaction stays open
                if self.chance(0.02): self.say(self.r.choice([500, 502])); continue
                self.end(body, sender, rcpts); sender, rcpts = None, []
            else: wrong.append("command %r" % l); self.say(500)

def serve(sock, rnd, mood):
    try: Session(sock, rnd, mood).run()
    except (Gone, ConnectionError, socket.timeout): pass
    sock.close()
def listen(srv):
    k = 0
    while True:
        try: c, _ = srv.accept()
        except OSError: return
        k += 1
        rnd = random.Random(seed * 1000 + k)
        c.settimeout(20)
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) # or a reset drops what was said
        t = threading.Thread(target=serve, args=(c, rnd, rnd.choice([0.3, 1, 1, 2])), daemon=True)
        t.start(); served.append(t)

srv = socket.create_server(("127.0.0.1", 0), backlog=50)
port = srv.getsockname()[1]
threading.Thread(target=listen, args=(srv,), daemon=True).start()
parent, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
p = subprocess.Popen(["mox-deliver", "-w"], stdin=other)
w, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(parent, [b"worker 1\nsite x\ntransport \npkix no\nend\n"], [theirs.fileno()])
other.close(); theirs.close(); w.settimeout(30)

rnd, want, fates, maybe = random.Random(seed), {}, {}, set()
def send(n):
    token = "s%dj%d" % (seed, n)
    body = ("Token: %s\r\n\r\n" % token + "".join(rnd.choice([".", "..x", "text", ""]) + "\r\n" for _ in range(rnd.choice([1, 20, 3000 if n % 50 == 0 else 5]))) + "end\r\n").encode()
    fd = os.memfd_create("m"); os.write(fd, body)
    rcpts = ["%s-%d@x.test" % (token, i) for i in range(1, rnd.choice([1, 1, 1, 2, 4]) + 1)]
    want[n] = (token, "sender%d@x.test" % n, rcpts)
    hop = "hop mx.test pref=0 port=%d dnssec=insecure tls=none\naddr 127.0.0.1\n" % port
    text = "job %d\nid j\nsender sender%d@x.test\nsize %d\nflags dot\n" % (n, n, len(body)) + hop + hop.replace("mx.", "mx2.")
    text += "".join("rcpt %d %s\n" % (i, r) for i, r in enumerate(rcpts, 1)) + "end\n"
    socket.send_fds(w, [text.encode()], [fd]); os.close(fd)
sent = done = 0
current = None
while done < jobs:
    while sent < jobs and sent - done < 2: sent += 1; send(sent)
    got = w.recv(65536).decode()
    if not got: sys.exit("the worker went away")
    for l in got.splitlines():
        f = l.split(" ")
        if f[0] == "job": current = int(f[1]); assert current == done + 1, "reports out of order"
        elif f[0] == "rcpt":
            if (current, int(f[1])) in fates: sys.exit("two fates in %r" % got)
            fates[current, int(f[1])] = f[2]
        elif f[0] == "maybe": maybe.add(current)
        elif f[0] == "end": done += 1
w.close(); parent.close(); assert p.wait(20) == 0
for t in served: t.join(20)
count = collections.Counter()
for n, (token, sender, rcpts) in want.items():
    for i, r in enumerate(rcpts, 1):
        fate, took = fates.get((n, i)), taken.get((token, r), [])
        answered = [a for _, a in took].count(True)
        silent = [a for _, a in took].count(False)
        count[fate] += 1
        if fate is None: wrong.append("%s: no fate" % r)
        if fate == "sent" and silent == len(took): wrong.append("%s: sent, but not taken" % r)
        if fate != "sent" and answered: wrong.append("%s: taken, but %s" % (r, fate))
        if len(took) > answered and fate != "sent" and n not in maybe: wrong.append("%s: perhaps taken, and not said so" % r)
        if len(took) > 1 + (n in maybe) or answered > 1: wrong.append("%s: taken %s" % (r, took))
        if any(s != sender for s, _ in took): wrong.append("%s: under the sender of another: %s" % (r, took))
stray = set(taken) - {(t, r) for t, _, rs in want.values() for r in rs}
if stray: wrong.append("strays %r" % stray)
print(dict(count), "maybe", len(maybe))
print("\n".join(wrong[:20]))
sys.exit(bool(wrong))
X
for seed in ${SEEDS:-1 2 3 4 5 6}; do
	ok "chaos $seed" timeout 60 python3 chaos.py "$seed" 300
	head -n 1 .out | sed 's/^/# /'
done
done_testing
