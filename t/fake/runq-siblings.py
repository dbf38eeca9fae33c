#!/usr/bin/python3
"""Siblings for mox-runq's tests: called as mox-nexthop -w it answers plans, called as mox-deliver -w it forks workers that report what the
recipient's local part asks for. Every job is noted in $FAKE_LOG as `deliver ID sender rcpt,rcpt sha`.

  DOMAIN: never.* never-plan, later.* later-plan, nonet.* `network no`, else one hop; site by the domain's last two labels
  LOCAL PART: sent, later, never, die (worker killed), gone (site unreachable), busy, hint (wait 60), slow (waits for the file $FAKE_GO)
"""
import array, hashlib, os, socket, sys, time, signal

def enc(s):
    return ''.join('\\x%02x' % b if b < 33 or b in (127, 92) else chr(b) for b in s.encode())

def records(data):
    rec = []
    for line in data.split('\n')[:-1]:
        if line == 'end':
            yield rec
            rec = []
        else:
            k, _, v = line.partition(' ')
            rec.append((k, v))

def nexthop():
    buf = ''
    while True:
        d = os.read(0, 65536).decode()
        if not d:
            return
        buf += d
        while '\nend\n' in buf:
            one, buf = buf.split('\nend\n', 1)
            rec = next(records(one + '\nend\n'))
            r = dict(rec)
            dom = r.get('domain') or r['host']
            if dom.startswith('never.'):
                out = 'ask %s\nnever 5.1.2 no\\x20such\\x20domain\nend\n' % r['ask']
            elif dom.startswith('later.'):
                out = 'ask %s\nlater 4.4.3 name\\x20server\\x20failed\nttl 1\nend\n' % r['ask']
            elif dom.startswith('nonet.'):
                out = 'ask %s\nlater 4.4.3 no\\x20network\nnetwork no\nend\n' % r['ask']
            else:
                site = '.'.join(dom.split('.')[-2:])
                out = 'ask %s\nplan %s\nsite mx.%s\ndnssec insecure\nhop mx.%s pref=10 port=25 dnssec=insecure tls=may\nnames mx.%s\naddr 127.0.0.9\nttl 300\nend\n' % (
                    r['ask'], dom, site, site, site)
            os.write(1, out.encode())

def note(text):
    fd = os.open(os.environ['FAKE_LOG'], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (text + '\n').encode())
    os.close(fd)

def worker(sock):
    while True:
        data, anc, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(16))
        if not data:
            return
        fds = array.array('i')
        for _, _, d in anc:
            fds.frombytes(d[:4])
        data = data.decode()
        while not data.endswith('\nend\n'):
            data += sock.recv(65536).decode()
        rec = next(records(data))
        r = dict(rec)
        rcpts = [v.split(' ')[0:2] for k, v in rec if k == 'rcpt']
        with os.fdopen(fds[0], 'rb') as f:
            body = os.pread(f.fileno(), int(r['size']), 0)
        out = 'job %s\n' % r['job']
        lines = [l for l in body.split(b'\r\n\r\n', 1)[0].split(b'\r\n') if not l.startswith((b'Received:', b' ', b'\t'))]
        note('deliver %s %s %s %s' % (r['id'], r['sender'], ','.join(a for _, a in rcpts), hashlib.sha1(body).hexdigest()[:8]))
        site = ''
        for n, a in rcpts:
            l = a.split('@')[0]
            if l.startswith('slow'):
                while not os.path.exists(os.environ['FAKE_GO']):
                    time.sleep(0.01)
            if l.startswith('die'):
                os.kill(os.getpid(), signal.SIGKILL)
            h = 'mx[127.0.0.9]'
            if l.startswith('later') or l.startswith('hint'):
                out += 'rcpt %s later 451 4.2.0 %s try\\x20later\n' % (n, h)
                if l.startswith('hint'):
                    out += 'wait 60\n'
            elif l.startswith('never'):
                out += 'rcpt %s never 550 5.1.1 %s no\\x20such\\x20user\n' % (n, h)
            elif l.startswith('gone'):
                out += 'rcpt %s later 0 4.4.1 %s connection\\x20refused\n' % (n, h)
                site = 'site unreachable\n'
            elif l.startswith('busy'):
                out += 'rcpt %s later 421 4.3.2 %s too\\x20busy\n' % (n, h)
                site = 'site busy\n'
            else:
                out += 'rcpt %s sent 250 2.0.0 %s ok\n' % (n, h)
        sock.send((out + site + 'end\n').encode())

def deliver():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ctl = socket.socket(fileno=0)
    while True:
        data, anc, _, _ = ctl.recvmsg(65536, socket.CMSG_SPACE(16))
        if not data:
            return
        fds = array.array('i')
        for _, _, d in anc:
            fds.frombytes(d[:4])
        if os.fork() == 0:
            ctl.close()
            worker(socket.socket(fileno=fds[0]))
            os._exit(0)
        os.close(fds[0])

nexthop() if os.path.basename(sys.argv[0]) == 'mox-nexthop' else deliver()
