#!/bin/bash
# The EXAMPLES of mox.7 before "Three in the morning" (t/5200 has that), pasted as they stand.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0
PORT=$(free_port)
echo 'example.com mx.example.com 127.0.0.9' >zone
start dns python3 "$TOP/t/fake/dns.py" zone
wait_until grep -q listening dns.log
cat >conf <<X
hostname = "me.example.org"
spool = "$T/spool"
smtp-port = $(free_port)
dns { forward = { "127.0.0.1@$(sed -n 's/^listening //p' dns.log)" } trust-anchor = "none" }
transport "loop" { type = direct loopback = true }
route { transport = "loop" }
X
export MOX_CONF=$T/conf
# Each paragraph's lines, a file each.
sed -n '/^\.Sh EXAMPLES/,/^\.Ss Three/p' "$TOP/man/mox.7" | awk -v dir="$T" '
	/^\.Dl / { file = dir "/example." ++n; print substr($0, 5) > file; next }
	/^\.Bd / { file = dir "/example." ++n; on = 1; next }
	/^\.Ed/ { on = 0 }
	on { print > file }'
sed -i "s/\\\\(aq/'/g; s/\\\\e/\\\\/g; s,/tmp/lab,$T/lab,g; s/port = 1025/port = $PORT/; s/mox-localserve -v/mox-localserve -v -p $PORT/" example.*
is "there are five" "$(ls example.* | tr '\n' ' ')" "example.1 example.2 example.3 example.4 example.5 "
run() { timeout 30 bash -o pipefail -e "example.$1" >out 2>err; }
ok "a message, and a pass" run 1
like "which is queued" "$(cat out)" '^id [0-9a-z]{13}$'
is "and tried" "$(mox-queue-list -o rcpt,attempts)" "you@example.com	1"
ok "put off until tomorrow" run 2
is "all of it" "$(mox-queue-list -next '>23h' | wc -l)" 1
ok "what waits" run 3
like "and why" "$(cat out)" '^example\.com	1	0	.*4\.4\.1 '
# Nothing is sent any more: an address that is not this machine's will do.
echo 'example.com mx.example.com 192.0.2.25' >zone
start dns2 python3 "$TOP/t/fake/dns.py" zone
wait_until grep -q listening dns2.log
sed -i "s/^dns .*/dns { forward = { \"127.0.0.1@$(sed -n 's/^listening //p' dns2.log)\" } trust-anchor = \"none\" }/" conf
ok "what would be done" run 4
is "with mail for a domain, and by hand" "$(grep -c '^hop mx.example.com' out) $(grep -c '^plan example.com' out)" "2 2"
# The last one leaves a server and a queue running.
unset MOX_CONF
{
	echo 'trap "kill \$(jobs -p); wait" EXIT'
	echo 'trap exit TERM'
	cat example.5
	printf '[ "$MOX_CONF" = "%s/lab/conf" ] && touch ready\nwait\n' "$T"
} >lab.sh
start lab bash lab.sh
ok "a queue and a server to play with" wait_until test -e ready
delivered() { ls lab/sink/new/* && MOX_CONF=$T/lab/conf mox-queue-list -to temperror@example.org -o error | grep -q .; }
ok "one message arrives" wait_until delivered
is "the other waits" "$(MOX_CONF=$T/lab/conf mox-queue-list -o rcpt)" temperror@example.org
done_testing
