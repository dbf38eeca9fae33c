#!/bin/bash
# A property: random recipients, remote, local, of aliases and lists, suppressed, with random NOTIFY, followed to the end. Each ends exactly once in
# delivered, told or silent, as RFC 3461 has it; what nobody can have is told to the postmaster, once, by itself or in a digest.
#   SEED=1 t/2511-notices-random.t     the same again
. "$(dirname "$0")/lib.sh"
mkdir bin bodies box
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-suppress bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock SEED=${SEED:-$RANDOM}
export ASAN_OPTIONS=detect_leaks=0
ME=$(id -un)
export ME
echo "# SEED=$SEED"
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
max-recipients = 5000
max-messages-per-day = 0
max-first-recipients-per-day = 0
local-domains = { "here.example" }
local-maildir = "$T/box/%u"
aliases = "$T/aliases"
retry { intervals = { "1h" } delay-notice = "2h" give-up = "6h" jitter = false }
X
echo 0 >clock
cat >world.py <<'END'
import email, email.policy, glob, os, random, re, sys
random.seed(int(os.environ['SEED']))
me = os.environ['ME']
HERE = ('local', 'nouser', 'list', 'badlist', 'single', 'badsingle')
KINDS = ('sent', 'relay', 'never', 'later', 'die', 'suppressed') + HERE

class Rcpt:
    """KIND is what becomes of it; mark tells it from all others."""
    def __init__(self, kind, mark, notify):
        self.kind, self.mark, self.notify = kind, mark, notify
        # a domain for each: a worker that dies leaves all its recipients without an answer
        self.address = kind + mark + ('@here.example' if kind in HERE else '@%s%s.example' % (kind, mark))
        if kind == 'local': self.address = '%s+local%s@here.example' % (me, mark)
        self.far = {'list': 'sent', 'badlist': 'never', 'single': 'relay', 'badsingle': 'never'}.get(kind)
        if self.far: self.far = '%sfar%s@far%s.example' % (self.far, mark, mark)

    def wants(self, word): # RFC 3461 4.1; not given, failure and delay
        return word in (self.notify.split(',') if self.notify else ('failure', 'delay'))

    def told(self, sender): # {(address, action)} that somebody is to be told of, and nothing else
        k, out = self.kind, set()
        if k in ('never', 'later', 'die', 'suppressed', 'nouser') and self.wants('failure'): out.add((self.address, 'failed'))
        # 5.2.7.2: of a list's members success is not told; who wanted that alone is told nothing of them
        if k in ('badlist', 'badsingle') and self.wants('failure'): out.add((self.far, 'failed'))
        if not sender: return out
        if k in ('later', 'die') and self.wants('delay'): out.add((self.address, 'delayed'))
        if self.wants('success'):
            if k == 'relay': out.add((self.address, 'relayed'))
            if k == 'local': out.add((self.address, 'delivered'))
            if k in ('list', 'badlist'): out.add((self.address, 'expanded'))
            if k == 'single': out.add((self.far, 'relayed')) # 5.2.7.1: what was asked goes along
        return out

def world():
    for i in range(60):
        sender, report = '' if random.random() < .25 else 's%d@me.example' % i, random.random() < .08
        rcpts = []
        for n in range(random.choice((1, 2, 3, 6))):
            notify = random.choice((None, None, 'never', ','.join(w for w in ('success', 'failure', 'delay') if random.random() < .5) or 'failure'))
            rcpts.append(Rcpt(random.choice(KINDS), '%d-%d' % (i, n), notify))
        yield sender, report, rcpts

def make():
    for sender, report, rcpts in world():
        body = b'Subject: x\r\n\r\nbody\r\n'
        print('sender %s\n%ssize %d' % (sender, 'extra moxq-report yes\n' if report else '', len(body)))
        for r in rcpts: print('rcpt %s%s' % (r.address, ' notify=' + r.notify if r.notify else ''))
        print('end\n' + body.decode(), end='')

def notices(): # (whom, address, action) of all that is told
    for line in open('log'):
        f = line.rstrip('\n').split(' ')
        if f[2]: continue
        m = email.message_from_binary_file(open('bodies/' + f[1], 'rb'), policy=email.policy.default)
        if m.get_content_type() == 'text/plain' and 'reached nobody' in m['Subject']:
            for a in re.findall(r'^(\S+@\S+)$', m.get_content(), re.M): yield f[3], a, 'failed'
        elif m.get_content_type() == 'multipart/report':
            for block in list(m.iter_parts())[1].get_payload()[1:]:
                yield f[3], re.search(r'; *(.*)', block['Final-Recipient'])[1], block['Action']

def check():
    done, got, actions, bad, n = {}, {}, {}, 0, 0
    for line in open('log'):
        for a in line.split(' ')[3].split(','): done[a] = done.get(a, 0) + 1
    for f in glob.glob('box/*/new/*'):
        a = re.search(r'^Delivered-To: (.*)$', open(f).read(), re.M)[1]
        done[a] = done.get(a, 0) + 1
    for whom, a, action in notices():
        actions[action] = actions.get(action, 0) + 1
        got.setdefault(re.search(r'\d+-\d+', a)[0], []).append((whom, a, action))
    for sender, report, rcpts in world():
        to = sender or 'postmaster@me.example'
        for r in rcpts:
            n += 1
            # of what becomes of a report nobody hears who has not asked
            want = sorted((to, a, action) for a, action in r.told(sender) if not report or action not in ('failed', 'delayed'))
            must = {'sent': (r.address,), 'relay': (r.address,), 'local': (r.address,)}.get(r.kind, (r.far,) if r.far else ())
            wrong = [a for a in must if done.get(a) != 1] + ([r.address] if r.kind in ('suppressed', 'nouser') and done.get(r.address) else [])
            if sorted(got.pop(r.mark, [])) != want or wrong:
                print('%s from <%s> notify=%s: wanted %s; wrong number of deliveries: %s' % (r.address, sender, r.notify, want, wrong))
                bad += 1
    for mark in got: print('told without cause: %s' % got[mark])
    print('# told: %s' % ', '.join('%d %s' % x[::-1] for x in sorted(actions.items())))
    print('%d recipients, %d wrong' % (n, bad + len(got)))

if sys.argv[1] == 'make': make()
elif sys.argv[1] == 'aliases':
    for _, _, rcpts in world():
        for r in rcpts:
            if r.far: print('%s%s: %s%s' % (r.kind, r.mark, r.far, ', ' + me if 'list' in r.kind else ''))
elif sys.argv[1] == 'suppressed':
    for _, _, rcpts in world():
        for r in rcpts:
            if r.kind == 'suppressed': print(r.address)
else: check()
END
python3 world.py aliases >aliases
python3 world.py suppressed | mox-suppress add -account "$ME" - >/dev/null 2>&1
python3 world.py make | mox-queue-add -B >ids
is "all are taken" "$(grep -c '^id ' ids)" 60
for i in 0 1 2 3 4 5 6 7 8 9 10; do
	echo $((i * 3605)) >clock
	timeout 60 mox-runq 2>>err || echo "pass $i fails"
	((i % 3 == 2)) && rm -rf spool/index # which knows nothing that the files do not
done
is "nothing is left" "$(mox-queue-list)$(find spool/cur spool/new -type f)" ""
python3 world.py check >checked
grep '^#' checked
like "each recipient has ended once, as it should" "$(grep -v '^#' checked)" $'^[0-9]+ recipients, 0 wrong$'
ok "nothing is wrong with the spool" mox-queue-check

# ---- one message, more recipients than a notice holds ----
rm -rf log bodies/*
echo 0 >clock
touch log
# shellcheck disable=SC2046 # a word each
mox-queue-add -f big@me.example $(seq -f 'never%.0f@big.example' 1100) <<<$'Subject: x\n\nbody' >/dev/null
timeout 60 mox-runq 2>>err
is "1100 that fail are told in three notices" "$(grep -c '  big@me.example' log)" 3
is "each of them once" "$(cat bodies/* | grep -a '^Final-Recipient' | sort -u | wc -l) $(cat bodies/* | grep -ac '^Final-Recipient')" "1100 1100"
is "nothing is left of them" "$(mox-queue-list -n 3; find spool/cur -type f)" ""
done_testing
