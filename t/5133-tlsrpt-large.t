#!/bin/bash
# T60: results of a day beyond all measure: how much memory and time a report takes, and how long it is.
. "$(dirname "$0")/lib.sh"
case $MOX_OUT in *asan*) skip_all "the sanitizer needs all there is" ;; esac
mkdir -p spool/tlsrpt
printf 'hostname = "mx.mail.example"\nspool = "%s/spool"\n' "$T" >conf
export MOX_CONF=$T/conf
cat >make.py <<'P'
import sys
what, n, sessions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
w = sys.stdout.write
for i in range(n):
    d = 'big.example' if what != 'domains' else 'd%d.example' % i
    t = 'tlsa mx.big.example validation-failure for=r%d.example' % i if what == 'host' else 'sts %s validation-failure' % d
    policy = ' mxp=mx%d policy=version:\\x20STSv1' % i if what == 'policies' else ' mxp=*.big.example policy=version:\\x20STSv1'
    w('tls %d %s mx=mx%d.big.example helo=h%d from=192.0.2.1 to=192.0.%d.%d reason=%d%s%s\n' % (
        sessions, t, i, i, i >> 8 & 255, i & 255, i, 'y' * 100, policy))
P
cat >measure.py <<'P'
# Prints kilobytes at most, seconds; then of the reports: how many, the longest, sessions that failed, those of all details.
import json, resource, subprocess, sys, time
t = time.time()
out = subprocess.run(['mox-tlsrpt-send', '-n', '--day', sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout.decode()
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
took, at, n, longest, failed, details = time.time() - t, 0, 0, 0, 0, 0
d = json.JSONDecoder()
while at < len(out):
    j, end = d.raw_decode(out, at)
    longest, n, at = max(longest, end - at), n + 1, end + 1
    for p in j['policies']:
        failed += p['summary']['total-failure-session-count']
        details += sum(x['failed-session-count'] for x in p['failure-details'])
print(used, int(took), n, longest, failed, details)
P
large() { # WHAT ROWS SESSIONS-EACH: into the variables
	python3 make.py "$@" >spool/tlsrpt/20261120
	read -r used took reports longest failed details < <(python3 measure.py 2026-11-20)
}
large one 100 5
least=$used
large one 200000 5
is "T60 a million sessions that failed, each in its own way: one report" "$reports" 1
ok "T60 of less than a megabyte" test "$longest" -lt 1000000
is "T60 with the sum" "$failed $details" "1000000 1000000"
ok "T60 in memory that knows nothing of it ($used kB, a small day $least)" test $((used - least)) -lt 24000
ok "and in seconds ($took)" test "$took" -lt 60
before=$used
large one 200000 500000
is "T60 a hundred thousand million sessions" "$failed $details" "100000000000 100000000000"
ok "need no more ($used kB)" test $((used - before)) -lt 1000
large host 50000 5
ok "T60 a mail host of 50000 recipient domains ($longest bytes, $used kB)" test "$reports" -gt 1 -a "$longest" -lt 1000000 -a $((used - least)) -lt 32000
large policies 50000 5
ok "T60 50000 policies of one domain ($longest bytes, $used kB)" test "$reports" = 1 -a "$longest" -lt 1000000 -a $((used - least)) -lt 32000
large domains 20000 1
ok "T60 20000 domains, a report each ($used kB)" test "$reports" = 20000 -a "$failed" = 20000 -a $((used - least)) -lt 32000
done_testing
