#!/usr/bin/python3
"""Siblings for mox-runq's tests: called as mox-nexthop -w it answers plans, called as mox-deliver -w it forks workers that report what the
recipient's local part asks for. Every job is noted in $FAKE_LOG as `deliver ID sender rcpt,rcpt sha`.

  DOMAIN: never.* never-plan, later.* later-plan, nonet.* `network no`, else one hop; site by the domain's last two labels.
    must.* dane.* sts.* testing.*: that demand. brief.*: a plan for a second. large.* huge.*: many TLSA records. hostile.*: a host's name that is none. weak.* never 5.7.30 for what needs secure. frail.* later for the first three attempts.
    Requests are noted in $FAKE_ASKS as `DOMAIN need attempts`.
  LOCAL PART: sent, relay (sent, but the server knows no DSN), later, slow-later, never, die (worker killed), gone (site unreachable), busy, hint (wait 60), slow (waits for the file $FAKE_GO),
    tls-RESULT (a tls line, if the job wants any), flood* (a hundred long ones, all different), session (starttls, requiretls, verified), careful (and jobs with that word are
    noted in $FAKE_CAREFUL). Messages are kept in the directory $FAKE_BODIES by id. Jobs are noted in $FAKE_JOBS as `pkix requiretls sts tls rcpt,rcpt`.
"""
import array, hashlib, os, select, socket, sys, signal

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

def plan(dom, port):
    site = '.'.join(dom.split('.')[-2:])
    word = dom.split('.')[0]
    if word == 'hostile':
        site = 'a"b\\x5c}\\x0a#\\xff\xe9{le=' + site
    tls = word if word in ('must', 'dane', 'sts') else 'may'
    out = 'plan %s\nsite mx.%s\ndnssec insecure\n' % (dom.encode('idna').decode(), site)
    if word in ('sts', 'testing'):
        out += 'sts %s domain=%s id=1 max-age=86400 mx=mx.%s\n' % ('enforce' if word == 'sts' else word, dom, site)
    out += 'fit %s\nhop mx.%s pref=10 port=%s dnssec=insecure tls=%s\nnames mx.%s\n' % (
        hashlib.sha1((dom if 'sts ' in out else tls).encode()).hexdigest()[:16], site, port, tls, site)
    if word in ('large', 'huge'):
        out += ('tlsa 3 1 0 ' + 2000 * '00' + '\n') * (11 if word == 'large' else 13)
    if tls == 'dane':
        out += 'tlsa 3 1 1 ' + 32 * '00' + '\n'
    return out + 'addr ' + os.environ.get('FAKE_ADDR', '127.0.0.9') + '\nttl %d\n' % (1 if word == 'brief' else 300)

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
            elif dom.startswith('weak.') and r.get('need') == 'secure':
                out = 'ask %s\nnever 5.7.30 no\\x20REQUIRETLS\ntls no-policy-found %s starttls-not-supported\nend\n' % (r['ask'], dom)
            elif dom.startswith('frail.') and int(r['attempts']) < 3:
                out = 'ask %s\nlater 4.7.5 no\\x20policy\ntls sts %s sts-policy-fetch-error\nttl 1\nend\n' % (r['ask'], dom)
            else:
                out = 'ask %s\n%send\n' % (r['ask'], plan(dom, r['port']))
            if 'FAKE_ASKS' in os.environ:
                note('%s %s %s' % (dom, r.get('need', '-'), r.get('attempts')), 'FAKE_ASKS')
            os.write(1, out.encode())

def note(text, where='FAKE_LOG'):
    fd = os.open(os.environ[where], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (text + '\n').encode())
    os.close(fd)

def worker(sock, pkix):
    while True:
        data, anc, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(16))
        if not data:
            return
        fds = array.array('i')
        for _, _, d in anc:
            fds.frombytes(d[:4])
        data = data.decode()
        while not data.endswith('\nend\n'):
            more = sock.recv(65536).decode()
            if not more:
                return
            data += more
        rec = next(records(data))
        r = dict(rec)
        rcpts = [v.split(' ')[0:2] for k, v in rec if k == 'rcpt']
        with os.fdopen(fds[0], 'rb') as f:
            body = os.pread(f.fileno(), int(r['size']), 0)
        out = 'job %s\n' % r['job']
        if 'FAKE_BODIES' in os.environ:
            with open(os.environ['FAKE_BODIES'] + '/' + r['id'], 'wb') as f:
                f.write(body)
        lines = [l for l in body.split(b'\r\n\r\n', 1)[0].split(b'\r\n') if not l.startswith((b'Received:', b' ', b'\t'))]
        note('deliver %s %s %s %s' % (r['id'], r['sender'], ','.join(a for _, a in rcpts), hashlib.sha1(body).hexdigest()[:8]))
        site = ''
        if r.get('careful') == 'yes' and 'FAKE_CAREFUL' in os.environ:
            note(','.join(a for _, a in rcpts), 'FAKE_CAREFUL')
        if 'FAKE_JOBS' in os.environ:
            hops = [v for k, v in rec if k == 'hop']
            note('%s %s %s %s %s' % (pkix, r.get('requiretls', '-'), r.get('sts', '-').split(' ')[0],
                ','.join(f[4:] for h in hops for f in h.split(' ') if f.startswith('tls=')), ','.join(a for _, a in rcpts)), 'FAKE_JOBS')
        for n, a in rcpts:
            l = a.split('@')[0]
            if l.startswith('slow'):
                nobody = select.poll()
                nobody.register(sock, 0)
                while not os.path.exists(os.environ['FAKE_GO']):
                    if nobody.poll(10):
                        os._exit(0)
            if l.startswith('die'):
                os.kill(os.getpid(), signal.SIGKILL)
            h = 'mx[127.0.0.9]'
            if l.startswith('tls-') and r.get('tls-results') != 'no':
                out += 'tls no-policy-found %s %s mx=mx reason=a\\x20b\n' % (a.split('@')[1], l[4:])
            if l.startswith('flood'):
                for i in range(100):
                    out += 'tls sts %s validation-failure helo=%s%d%s\n' % (a.split('@')[1], l, i, 'x' * 3900)
                    if i % 5 == 4:
                        sock.send(out.encode())
                        out = ''
            if l == 'careful':
                out += 'careful yes\n'
            if l.startswith('session'):
                out += 'session mx 127.0.0.9 tls=TLS1.3 cipher=x verified=dane starttls=yes requiretls=%s reused=no\n' % ('no' if 'weak' in l else 'yes')
            if l.startswith(('later', 'slow-later', 'hint')):
                out += 'rcpt %s later 451 4.2.0 %s try\\x20later\n' % (n, h)
                if l.startswith('hint'):
                    out += 'wait 60\n'
            elif l.startswith('relay'):
                out += 'rcpt %s sent 250 2.0.0 %s ok dsn=no\n' % (n, h)
            elif l.startswith(('never', 'slow-never')):
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
            worker(socket.socket(fileno=fds[0]), dict(next(records(data.decode())))['pkix'])
            os._exit(0)
        os.close(fds[0])

nexthop() if os.path.basename(sys.argv[0]) == 'mox-nexthop' else deliver()
