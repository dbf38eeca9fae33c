#!/bin/bash
# The siblings that stand in for mox-nexthop and mox-deliver end with the mox-runq that asked them, however it ended.
. "$(dirname "$0")/lib.sh"
ln -s "$TOP/t/fake/runq-siblings.py" mox-deliver
cat >orphan.py <<'S'
# A worker gets the start of a job, or one that waits; then whoever gave it is gone. 0: the worker is, too.
import os, select, socket, subprocess, sys
ctl, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
alive, held = os.pipe()
p = subprocess.Popen(['./mox-deliver', '-w'], stdin=theirs, pass_fds=[held], env=dict(os.environ, FAKE_LOG='log', FAKE_GO='never'))
os.close(held)
theirs.close()
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(ctl, [b'pkix no\nend\n'], [its.fileno()])
its.close()
job = b'job 1\nid x\nsender s\nsize 1\n'
with open('orphan.py') as f:
    socket.send_fds(ours, [job if sys.argv[1] == 'half' else job + b'rcpt 1 slow@x\nend\n'], [f.fileno()])
if sys.argv[1] == 'slow':
    while not os.path.exists('log') or not os.path.getsize('log'):
        select.select([], [], [], 0.01)
ours.close()
ctl.close()
p.wait()
# Both it and its worker hold the other end of the pipe.
sys.exit(0 if select.select([alive], [], [], 5)[0] else 1)
S
ok "in the middle of a job" timeout 10 python3 orphan.py half
ok "while it waits" timeout 10 python3 orphan.py slow
done_testing
