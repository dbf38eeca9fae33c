#!/usr/bin/env python3
"""A queue and its history as answers of mox-runq, for fake-ctl's mode ops: report-rows.py DIR [calm|busy|hostile].
Now is 2027-01-15T08:00:00Z, 1800000000; the same every time."""
import os, random, sys

out, kind = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "busy"
NOW = 1800000000
random.seed(7)
os.makedirs(out, exist_ok=True)
alphabet = "0123456789abcdefghjkmnpqrstvwxyz"


def ident(t, salt=0):
    v = (int(t * 1000000) << 12) + salt
    return "".join(alphabet[v >> s & 31] for s in range(60, -1, -5))


def enc(s):
    return s.encode("utf-8", "surrogateescape").replace(b"\\", b"\\x5c").decode("utf-8", "surrogateescape").translate({i: "\\x%02x" % i for i in [*range(32), 127]})


def record(**f):
    text = ""
    for k, v in f.items():
        for one in v if isinstance(v, list) else [v]:
            text += "%s %s\n" % (k, one if k == "attempt" else enc(str(one)))
    return text + "end\n"


def us(t):
    return int(t * 1000000)


def attempt(t, outcome, code, host, tls, text):
    f = lambda s: enc(s).replace(" ", "\\x20")
    return "%d 48211 %s %d - %s %s - %s" % (us(t), outcome, code, f(host), tls, f(text))


queue, shown, past = [], [], []
SITES = {  # domain: (site, code, reply, weight)
    "example.net": ("mx1.example.net,mx2.example.net", 421, "4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1", 60),
    "big-mail.example": ("aspmx.big-mail.example,alt1.aspmx.big-mail.example,alt2.aspmx.big-mail.example", 452, "4.2.2 The recipient's inbox is out of storage space", 12),
    "closed.example.org": ("mx.closed.example.org", 0, "unable to connect to mx.closed.example.org[198.51.100.7]:25: Connection refused", 9),
    "slow.example.com": ("slow.example.com", 451, "4.7.1 Greylisting in action, please come back later", 6),
    "partner.example": ("mail.partner.example", 0, "MTA-STS policy of partner.example demands a certificate for mail.partner.example; it has expired", 4),
}
n = 0


def waits(domain, age, state="waiting", hold="-", account="www-data", rcpt=None, error=None, tried=True, sender=None):
    global n
    n += 1
    site, code, reply, _ = SITES.get(domain, (domain, 0, "", 0))
    t = NOW - age
    attempts = 0 if not tried or age < 300 else min(9, 1 + int(age / 3600))
    last = NOW - random.randint(60, 1800) if attempts else 0
    error = reply if error is None else error
    f = dict(id=ident(t, n % 4096) + ".1", sender=sender or "alerts@example.org", rcpt=rcpt or "user%d@%s" % (n, domain), domain=domain, site=site,
             account=account, state=state, hold=hold, queued=us(t), next=0 if hold != "-" else us(NOW + random.randint(60, 7000)),
             attempts=attempts, last=us(last), code=code if attempts else 0, error=error if attempts else "", size=random.randint(900, 90000),
             transport="", requiretls="", messageid="<%d@x>" % n, subject="Report %d" % n)
    queue.append((t, f))
    since = NOW - 4 * 3600 - 48 * 60
    shown.append(record(**f, attempt=[attempt(max(since, t) + i * 900, "later", code, site.split(",")[0] + "[192.0.2.9]", "-", reply) for i in range(attempts)]))


def left(t, domain, result, tls="opportunistic", took=3, code=250, error=""):
    global n
    n += 1
    site = SITES.get(domain, ("mx." + domain,))[0]
    f = dict(id=ident(t - took, n % 4096) + ".1", sender="alerts@example.org", rcpt="user%d@%s" % (n, domain), domain=domain, site=site, account="www-data",
             state="retired", hold="-", queued=us(t - took), next=0, attempts=1, last=us(t), code=code, error=error, size=2000, transport="",
             requiretls="", messageid="", subject="")
    if result in ("delivered", "relayed"):
        f.update(host="%s[192.0.2.9]" % site.split(",")[0], tls=tls, duration=48211)
    f.update(result=result, retired=us(t))
    past.append((t - took, f))


def history(days, each):
    domains = ["big-mail.example"] * 9 + ["example.com"] * 5 + ["slow.example.com"] * 2 + ["customer-%d.example" % i for i in range(40)]
    for h in range(days * 24):
        hour = (NOW // 3600 - h) % 24
        for _ in range(int(each * (0.25 + (8 <= hour < 19) + 0.3 * random.random()))):
            t = NOW - 60 - h * 3600 - random.random() * 3500
            d = random.choice(domains)
            # No mail to example.net was taken since 03:12.
            if random.random() < 0.2 and not NOW - 4.8 * 3600 < t:
                d = "example.net"
            tls = "none" if d == "slow.example.com" else random.choices(["dane", "pkix", "opportunistic"], [3, 4, 6])[0]
            left(t, d, "delivered", tls, random.choice([1, 1, 1, 2, 2, 3, 4, 8, 20, 400, 900, 3000]))
        for _ in range(random.choice([0, 0, 0, 1, 2]) + (9 if h == 30 else 0)):
            left(NOW - 90 - h * 3600 - random.random() * 3500, random.choice(domains), "failed", took=7, code=550,
                 error="5.1.1 The email account that you tried to reach does not exist")
    left(NOW - 5000, "example.com", "suppressed", took=1, code=0, error="the recipient is on the suppression list of www-data")
    left(NOW - 7000, "example.com", "cancelled", took=1, code=0)


if kind == "busy":
    for d, (_, _, _, w) in SITES.items():
        for _ in range(20 * w):
            waits(d, random.choice([200, 1500, 5000, 9000, 17000]) * random.random() + 30 if d != "closed.example.org" else random.random() * 4.6 * 86400)
    for i in range(130):
        waits("customer-%d.example" % random.randint(0, 70), random.random() * 250, state=random.choice(["due", "delivering"]), tried=False)
    for i in range(40): waits("example.com", 7200 + i, "held", "o")
    for i in range(25): waits("example.com", 3000 + i, "held", "l", account="newsletter")
    for i in range(3): waits("example.com", 900 + i, "held", "r", account="root")
    history(7, 60)
elif kind == "calm":
    waits("customer-1.example", 130, "delivering", tried=False)
    history(1, 3)
elif kind == "hostile":
    evil = "<script>alert(1)</script>\" onload=alert(2) '><img src=http://evil.example/x.png> &lt; &amp; \\x41 \x1b[31m\r\nX \u202egnp.exe\u2066 \u200b \udcff\udcfe \ufeff</style></title>]]><!-- javascript:alert(3) http://evil.example/ {{7*7}} %s%n"
    long = "W" * 900 + "\u0e49" * 40
    SITES["<script>evil()</script>.example"] = ("<b>mx.evil.example,\u202emx2", 421, evil, 1)
    SITES["long.example"] = (long[:250], 451, long, 1)
    SITES["\u05d0\u05d1\u05d2.example"] = ("mx.\u05d0\u05d1\u05d2.example", 450, "\u05d0\u05d1\u05d2 (\u05d3)", 1)
    for i, d in enumerate(SITES):
        for k in range(3 + i):
            waits(d, 4000 + 1000 * i + k, rcpt=(evil[:200] + "@" + d) if i > 4 else None, sender=evil[:300] if k else "", account=evil[:200])
    waits("x.example", 50, "held", "l", account=evil)
    left(NOW - 300, "<i>.example", "failed", code=550, error=evil)
    left(NOW - 400, "p.example", "delivered", "none")
    past[-1][1].update(host="<u>\"'" + evil[:100])
    history(2, 3)

queue.sort(key=lambda q: q[1]["id"])
past.sort(key=lambda q: q[1]["id"])
write = lambda name, text: open(out + "/" + name, "w", encoding="utf-8", errors="surrogateescape").write(text)
write("list", "".join(record(**f) for _, f in queue))
write("show", "".join(shown))
write("retired", "".join(record(**f) for _, f in past))
write("suppress-list", "".join(record(account="www-data", address="a%d@example.com" % i, how="manual" if i < 3 else "automatic", base="a%d@example.com" % i)
                               for i in range({"busy": 37, "calm": 0, "hostile": 1}[kind])))
