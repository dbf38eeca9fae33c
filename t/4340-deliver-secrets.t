#!/bin/bash
# Who holds a relay's secrets while a session is under way: its key the worker of that relay alone, its password nobody behind the login, and of
# neither can a core be made.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
"$TOP/t/world/certs" "$T/certs" relay.example
umask 077
PASSWORD=a-long-password-that-stands-nowhere-else
echo "$PASSWORD" >password
cat >mox.conf <<S
hostname = "me.test"
spool = "$T/spool"
ca-file = "$T/certs/ca.pem"
dns { forward = { "127.0.0.1@9" } trust-anchor = none known-good = "" known-bad = "" }
transport "known" { type = submissions host = "127.0.0.1" port = PORT_known username = "u" password-file = "$T/password" mechanisms = { "PLAIN", "EXTERNAL" }
    client-certificate = "$T/certs/client.pem" client-key = "$T/certs/client.key" }
transport "scram" { type = submissions host = "127.0.0.2" port = PORT_scram tls-verify = none allow-plaintext-auth = true username = "u" password-file = "$T/password" }
transport "plain" { type = smtp host = "127.0.0.3" port = PORT_plain starttls = never }
route { to = { "known.test" } transport = "known" }
route { to = { "scram.test" } transport = "scram" }
route { transport = "plain" }
S
export MOX_CONF=$T/mox.conf
# Each holds its session open behind MAIL until it may go on.
hold='C: MAIL *
S: 250 ok
C: RCPT *
touch @T/@
wait @T/go
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
script() { sed "s,@T,$T,g; s,/@,/at_$1,"; }
tls="starttls
S: 220 relay.test
C: EHLO me.test
S: 250-relay.test"
script known <<S >known.in
ask-cert
cert $T/certs/ip
$tls
S: 250 AUTH PLAIN
auth PLAIN u $PASSWORD
$hold
S
script scram <<S >scram.in
cert $T/certs/ip
$tls
S: 250 AUTH SCRAM-SHA-256-PLUS
auth SCRAM-SHA-256-PLUS u $PASSWORD
$hold
S
printf 'greet\n%s\n' "$hold" | script plain >plain.in
mx known <known.in
mx scram -a 127.0.0.2 <scram.in
mx plain -a 127.0.0.3 <plain.in
sed -i "s/PORT_known/$PORT_known/; s/PORT_scram/$PORT_scram/; s/PORT_plain/$PORT_plain/" mox.conf

# look PID: each process below it: what it is, whether key and password are in its memory, whether another of its user may look at it.
cat >look.py <<'X'
import base64, glob, os, sys
top, password, key, ports = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3], dict(a.split("=") for a in sys.argv[4:])
lines = open(key, "rb").read().split(b"-----BEGIN EC PRIVATE KEY-----")[1].split(b"-----END")[0].split()
der = base64.b64decode(b"".join(lines))
assert der[2:6] == b"\x02\x01\x01\x04"
number = der[7:7 + der[6]].lstrip(b"\0")
keys = [number, number[::-1], lines[0]]
plain = base64.b64encode(b"\0u\0" + password)
words = [password, plain, plain[8:-8]]
parent = {int(d[6:]): int(open(d + "/stat").read().rsplit(")", 1)[1].split()[1]) for d in glob.glob("/proc/[0-9]*") if os.path.exists(d + "/stat")}
def below(p): return p == top or (p in parent and parent[p] > 1 and below(parent[p]))
peers = {}
for line in open("/proc/net/tcp").readlines()[1:]:
    f = line.split(); peers[f[9]] = int(f[2].split(":")[1], 16)
def memory(p):
    with open(f"/proc/{p}/mem", "rb", 0) as m:
        for line in open(f"/proc/{p}/maps"):
            if " r" not in line[:60] or "[v" in line: continue
            a, b = (int(x, 16) for x in line.split()[0].split("-"))
            m.seek(a)
            try: yield m.read(b - a)
            except OSError: pass
for p in sorted(x for x in parent if below(x)):
    name = open(f"/proc/{p}/comm").read().strip()
    got = [peers.get(os.readlink(f)[8:-1]) for f in glob.glob(f"/proc/{p}/fd/*") if os.readlink(f).startswith("socket:")]
    who = [k for k, v in ports.items() if int(v) in got]
    if name == "mox-deliver":
        name = who[0] if who else "parent" if parent[p] == top else "keeper"
    has = lambda needles: any(n in m for m in memory(p) for n in needles)
    print(name, p, "key" if has(keys) else "-", "password" if has(words) else "-")
X
if [ "$(id -u)" = 0 ]; then
	bare=(setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all)
	"${bare[@]}" true 2>/dev/null || skip_all "no setpriv here"
else
	bare=()
fi
for d in known scram plain; do mox-queue-add -f s@me.test "a@$d.test" <<<$'Subject: x\n\nthe body' >/dev/null; done
start runq "${bare[@]}" mox-runq -w
for d in known scram plain; do ok "a session with $d is under way" wait_until test -e "at_$d" || tail -5 runq.log | diag; done
look() { python3 look.py "$PID_runq" "$PASSWORD" certs/client.key "known=$PORT_known" "scram=$PORT_scram" "plain=$PORT_plain"; }
look >seen 2>look.err || diag <look.err
has() { awk -v n="$1" '$1 == n { print $3, $4 }' seen | sort -u | paste -sd,; }
is "the worker of that relay has its key, and the password no longer" "$(has known)" "key -"
is "nor has another, whose login was by SCRAM" "$(has scram)" "- -"
is "a worker of another relay has nothing" "$(has plain)" "- -"
is "nor have those who read the passwords, a process a worker" "$(has keeper) $(grep -c ^keeper seen)" "- - 2"
is "nor the parent of all" "$(has parent)" "- -"
is "nor mox-runq" "$(has mox-runq)" "- -"
is "nor mox-nexthop" "$(has mox-nexthop)" "- -"
open() { # NAME: whether its own user may look into it, as for a core
	local p
	for p in $(awk -v n="$1" '$1 == n { print $2 }' seen); do
		"${bare[@]}" cat "/proc/$p/environ" >/dev/null 2>&1 && echo yes || echo no
	done | sort -u
}
is "no core of a worker with a secret" "$(open known) $(open scram)" "no no"
is "nor of a keeper" "$(open keeper)" no
is "though of others" "$(open plain) $(open mox-runq)" "yes yes"
touch go
empty() { [ -z "$(mox-queue-list -o id 2>/dev/null)" ]; }
ok "all of it goes" wait_until empty
stop runq
mx_done known "as the first sees it"
mx_done scram "and the second"
mx_done plain "and the third"
unlike "the log tells no password" "$(cat runq.log)" "$PASSWORD"
done_testing
