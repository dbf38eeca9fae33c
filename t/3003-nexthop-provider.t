#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# What plans cost: a hundred domains of one provider cost one host's lookups; what is known is not asked again; many domains are asked for at
# once, and leave neither descriptors nor much memory behind.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
mkdir world
for ((i = 1; i <= 100; i++)); do echo "p$i MX 10 mx1.secure.example."; done >world/plain.add
export WORLD_MANY=500
world_start
# Between mox-nexthop and NSD: writes down each question, and the most that were out at once.
cat >count.py <<'P'
import select, socket, sys
front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); front.bind(("127.0.0.1", 0))
back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); back.connect(("127.0.0.1", int(sys.argv[1])))
for s in front, back: s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22) # SO_RCVBUFFORCE: a burst must not be lost here
print("listening", front.getsockname()[1], flush=True)
out, n, most = {}, 0, 0
log = open("asked", "w", 1)
while True:
    ready = select.select([front, back], [], [])[0]
    # All that is asked before anything is answered: how many are out at once is then what the resolver does, not how fast this is.
    if front in ready:
        q, who = front.recvfrom(4096)
        name, i = [], 12
        while q[i]: name.append(q[i + 1:i + 1 + q[i]].decode()); i += q[i] + 1
        n = (n + 1) % 65536
        out[n] = who, q[:2]
        most = max(most, len(out))
        print(".".join(name).lower(), int.from_bytes(q[i + 1:i + 3], "big"), most, file=log)
        back.send(n.to_bytes(2, "big") + q[2:])
    else:
        a = back.recv(65535)
        who, id = out.pop(int.from_bytes(a[:2], "big"))
        front.sendto(id + a[2:], who)
P
start count python3 count.py "$WORLD_PORT"
wait_until grep -q listening count.log
sed "s/@$WORLD_PORT/@$(sed -n 's/^listening //p' count.log)/" world/dns.conf >mox.conf
export MOX_CONF=$T/mox.conf

mkfifo to
: >all
mox-nexthop -w <to >all 2>worker.err &
pid=$!
_pids+=("$pid")
exec 7>to
total=0
has_answered() { [ "$(grep -c '^end$' all)" -ge $total ]; }
ask() { # FILE-OF-DOMAINS: the answers in $T/got
	local from
	from=$(($(wc -c <all) + 1))
	total=$((total + $(wc -l <"$1")))
	awk '{ printf "ask %d\ndomain %s\nport 25\nend\n", NR, $1 }' "$1" >&7
	wait_until has_answered
	tail -c +$from all >got
}
questions() { wc -l <asked; }
fds() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }

for ((i = 1; i <= 100; i++)); do echo p$i.plain.example; done >provider
ask provider
is 'plans for a hundred domains of one provider' "$(grep -c '^site mx1.secure.example$' got)" 100
for type in 1:A 28:AAAA 5:CNAME; do
	ok "its host is asked for once: ${type#*:}" test "$(grep -c "^mx1\.secure\.example ${type%:*} " asked)" -le 1
done
is 'its host is asked for once: TLSA' "$(grep -c '^_25\._tcp\.mx1\.secure\.example 52 ' asked)" 1
is 'each domain for its MX, once' "$(grep -c '^p[0-9]*\.plain\.example 15 ' asked) $(grep '^p[0-9]*\.plain\.example 15 ' asked | cut -d' ' -f1 | sort -u | wc -l)" '100 100'
ok "three questions a domain, and a few for keys: $(questions)" test "$(questions)" -le 340
before=$(questions)
ask provider
is 'what is known is not asked again' "$(grep -c '^plan ' got) $(questions)" "100 $before"

fds=$(fds)
for ((i = 1; i <= 500; i++)); do echo d$i.many.example; done >many
ask many
is 'plans for five hundred domains' "$(grep -c ^plan got)" 500
most=$(tail -n 1 asked | cut -d' ' -f3)
ok "asked for at once, not one by one: $most questions out" test "$most" -ge 100
few() { [ "$(fds)" -le $((fds + 2)) ]; }
ok "no descriptor stays behind" wait_until few
exec 7>&-
wait "$pid"
is 'it ends well (with sanitizers: no memory is left behind)' "$? $(cat worker.err)" '0 '
done_testing
