#!/bin/bash
# mox-deliver -w: the parent and its workers.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
printf 'hostname = "client.test"\ntimeouts { quit = "1s" }\n' >mox.conf
export MOX_CONF=$T/mox.conf
printf 'Subject: x\r\n\r\nhello\r\n' >msg

# runq.py: plays mox-runq: w.ask() starts a worker, w.job(port) hands it a job, w.report() waits for one.
cat >runq.py <<'X'
import os, re, signal, socket, subprocess, sys, time
class Parent:
    def __init__(self):
        self.sock, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.p = subprocess.Popen(["mox-deliver", "-w"], stdin=other, stderr=open("parent.log", "ab"))
        other.close()
    def ask(self, text=b"worker 1\nsite x\ntransport \npkix no\nend\n"):
        mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(self.sock, [text], [other.fileno()])
        other.close()
        mine.settimeout(20)
        return mine
    def workers(self, n=1):
        for i in range(1000):
            kids = open("/proc/%d/task/%d/children" % (self.p.pid, self.p.pid)).read().split()
            if len(kids) == n: return [int(k) for k in kids]
            time.sleep(0.01)
        sys.exit("%d workers where %d were expected" % (len(kids), n))
    def end(self):
        self.sock.close()
        return self.p.wait(20)
def job(w, port, n=1, size=None, path="msg"):
    fd = os.open(path, os.O_RDONLY)
    text = "job %d\nid j\nsender s@x.test\nsize %d\nflags \nhop mx.test pref=0 port=%d dnssec=insecure tls=may\naddr 127.0.0.1\nrcpt 1 a@x.test\nend\n"
    socket.send_fds(w, [(text % (n, size or os.fstat(fd).st_size, port)).encode()], [fd])
    os.close(fd)
def report(w):
    text = b""
    while not text.endswith(b"end\n"):
        got = w.recv(65536)
        if not got: return text.decode() + "eof\n"
        text += got
    return text.decode()
def rollup(pid, key):
    return int(re.search(key + r":\s+(\d+)", open("/proc/%d/smaps_rollup" % pid).read()).group(1))
def base(pid): # where its program lies
    return [l for l in open("/proc/%d/maps" % pid) if l.endswith("/mox-deliver\n")][:1]
def status(pid, key):
    return re.search(key + r":\s+(\S+)", open("/proc/%d/status" % pid).read()).group(1)
X

sink s
export PORT
ok "a worker serves job after job over one connection" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask()
for i in range(1, 6): job(w, int(os.environ["PORT"]), i)
got = [report(w) for i in range(5)]
for i, r in enumerate(got, 1): assert r.startswith("job %d\n" % i) and "\nrcpt 1 sent 250 " in r, r
assert "reused=no" in got[0] and "reused=yes" in got[4], got
w.close()
assert p.end() == 0
X
ok "it is inside its sandbox before it reads a job" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask()
pid = p.workers()[0]
for i in range(500):
    if status(pid, "Seccomp") == "2": break
    time.sleep(0.01)
assert status(pid, "Seccomp") == "2" and status(pid, "NoNewPrivs") == "1"
fds = sorted(os.listdir("/proc/%d/fd" % pid))
assert fds == ["0", "1", "2", "3"] and os.readlink("/proc/%d/fd/0" % pid) == "/dev/null", fds
w.close(); assert p.end() == 0
X
ok "its private memory stays small" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask()
for i in range(1, 201):
    job(w, int(os.environ["PORT"]), i); assert " sent " in report(w)
kb = rollup(p.workers()[0], "Private_Dirty")
print("private", kb, "kB")
assert kb < (512 if "asan" not in os.environ["MOX_OUT"] else 1 << 20), kb
w.close(); assert p.end() == 0
X
ok "a worker that dies of a signal: EOF for its job, and the parent starts itself anew" python3 - <<'X'
from runq import *
p = Parent(); keep = p.ask(); w = p.ask()
kids = p.workers(2)
start = base(p.p.pid)
os.kill(kids[1], signal.SIGKILL)
assert w.recv(100) == b""
for i in range(1000):
    if base(p.p.pid) not in (start, []): break
    time.sleep(0.01)
assert base(p.p.pid) != start, "the same addresses"
again = p.ask()
for s in keep, again:
    job(s, int(os.environ["PORT"])); assert " sent " in report(s)
    s.close()
assert p.end() == 0
X
like "says so" "$(cat parent.log)" 'level=alert event=worker-crashed pid=[0-9]+ signal=KILL'
ok "signals that ask for an end change nothing" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask(); pid = p.workers()[0]
for s in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
    os.kill(p.p.pid, s); os.kill(pid, s)
job(w, int(os.environ["PORT"])); assert " sent " in report(w)
assert p.end() == 0
job(w, int(os.environ["PORT"]), 2); assert " sent " in report(w)  # children go on without their parent
w.close()
X
ok "requests that are none" python3 - <<'X'
from runq import *
p = Parent()
for text in b"", b"nonsense", b"worker 1\n", b"worker x\nend\n", b"x" * 9000:
    if text: assert p.ask(text).recv(10) == b"", text
p.sock.send(b"worker 1\nsite x\nend\n")
w = p.ask(); job(w, int(os.environ["PORT"])); assert " sent " in report(w)
w.close(); assert p.end() == 0
X
ok "a job that is none ends the worker, the jobs before it are done" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask()
job(w, int(os.environ["PORT"])); w.send(b"job 2\nnonsense\nend\n")
r = report(w)
assert " sent " in r, r
assert w.recv(100) == b""
assert p.end() == 0
X
stop s

# No final dot: drop. The server must see the end of the connection, and no message.
mx m <<'X'
greet PIPELINING
C: MAIL *
S: 250 ok
C: RCPT *
C: DATA
touch here
eof
X
ok "the job socket closes before the final dot: the connection is dropped" python3 - <<'X'
from runq import *
p = Parent(); w = p.ask(); job(w, int(os.environ["PORT"]))
while not os.path.exists("here"): time.sleep(0.01)
w.close(); assert p.end() == 0
X
mx_done m "and the server hears no QUIT"

head -c 60000000 /dev/zero | tr '\0' x | fold -w 70 | sed 's/$/\r/' >big
for k in PIPELINING CHUNKING,PIPELINING PIPELINING,STARTTLS; do
	sink s -k "$k"
	ok "60 MB in constant memory: $k" python3 - "$k" <<'X'
from runq import *
p = Parent(); w = p.ask(); job(w, int(os.environ["PORT"]), path="big"); r = report(w)
assert " sent " in r, r
kb = rollup(p.workers()[0], "Private_Dirty")
assert kb < (700 if "asan" not in os.environ["MOX_OUT"] else 1 << 20), kb
w.close(); assert p.end() == 0
X
	stop s
done
done_testing
