#!/bin/bash
# A property: random recipients with random NOTIFY, followed to the end. Each ends exactly once in delivered, told or silent, as RFC 3461 has it.
#   SEED=1 t/2511-notices-random.t     the same again
. "$(dirname "$0")/lib.sh"
mkdir bin bodies
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock SEED=${SEED:-$RANDOM}
export ASAN_OPTIONS=detect_leaks=0
echo "# SEED=$SEED"
cat >conf <<X
hostname = "me.example"
max-messages-per-day = 0
max-first-recipients-per-day = 0
suppress { automatic = false }
spool = "$T/spool"
max-recipients = 5000
retry { intervals = { "1h" } delay-notice = "2h" give-up = "6h" jitter = false }
X
echo 0 >clock
cat >world.py <<'END'
import email, email.policy, os, random, re, sys
random.seed(int(os.environ['SEED']))
kinds = ['sent', 'relay', 'never', 'later', 'die']

def make():
    for i in range(60):
        sender = '' if random.random() < .1 else 's%d@me.example' % i
        out = 'sender %s\n' % sender
        for n in range(random.choice((1, 2, 3, 6))):
            k = random.choice(kinds)
            notify = random.choice((None, None, 'never', ','.join(w for w in ('success', 'failure', 'delay') if random.random() < .5) or 'failure'))
            # a domain for each: a worker that dies leaves all its recipients without an answer
            out += 'rcpt %s%d-%d@%s%d-%d.example%s\n' % (k, i, n, k, i, n, ' notify=' + notify if notify else '')
        yield out, b'Subject: x\r\n\r\nbody\r\n'

def check():
    want, got, sent = {}, {}, {}
    for text, _ in make():
        sender = text.split('\n')[0][7:]
        for line in text.split('\n')[1:-1]:
            f = line.split(' ')
            addr, notify = f[1], f[2][7:].split(',') if len(f) > 2 else None
            kind = re.match('[a-z]+', addr)[0]
            fails, told = kind in ('never', 'later', 'die'), set()
            if sender:
                if fails and (notify is None or 'failure' in notify): told.add('failed')
                if kind in ('later', 'die') and (notify is None or 'delay' in notify): told.add('delayed')
                if kind == 'relay' and notify and 'success' in notify: told.add('relayed')
                to = sender
            else:
                if fails and (notify is None or 'failure' in notify): told.add('failed')
                to = 'postmaster@me.example'
            want[addr] = sorted((to, t) for t in told)
            sent[addr] = None if fails else 1
    done = {}
    for line in open('log'):
        f = line.rstrip('\n').split(' ')
        for a in f[3].split(','): done[a] = done.get(a, 0) + 1
        if f[2]: continue
        m = email.message_from_binary_file(open('bodies/' + f[1], 'rb'), policy=email.policy.default)
        if m.get_content_type() != 'multipart/report': continue
        for block in list(m.iter_parts())[1].get_payload()[1:]:
            a = re.search(r'; *(.*)', block['Final-Recipient'])[1]
            got.setdefault(a, []).append((f[3], block['Action']))
    bad = 0
    for a in want:
        if sorted(got.get(a, [])) != want[a] or (sent[a] and done.get(a) != sent[a]):
            print('%s: wanted %s, got %s, tried %s times' % (a, want[a], got.get(a, []), done.get(a)))
            bad += 1
    print('%d recipients, %d wrong' % (len(want), bad))

if sys.argv[1] == 'make':
    for text, body in make():
        sys.stdout.write('%ssize %d\nend\n%s' % (text, len(body), body.decode()))
else: check()
END
python3 world.py make | mox-queue-add -B >ids
is "all are taken" "$(grep -c '^id ' ids)" 60
for i in 0 1 2 3 4 5 6 7 8; do
	echo $((i * 3605)) >clock
	timeout 60 mox-runq 2>>err || echo "pass $i fails"
	((i % 3 == 2)) && rm -rf spool/index # which knows nothing that the files do not
done
is "nothing is left" "$(mox-queue-list)$(find spool/cur spool/new -type f)" ""
like "each recipient has ended once, as it should" "$(python3 world.py check)" '^[0-9]+ recipients, 0 wrong$'
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
