#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Sites with limits of their own, in one process (t/fake-internet.c): what a site has too much of goes back into the line and is no attempt; what a
# site cannot do keeps nobody else from his mail. By events and counts, not by the clock: the first retry comes after a day.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
cat >table <<'X'
127.2.0.1 live 2 1 0 0
127.2.0.2 live 2 3 0 0
127.2.0.3 live 2 20 40 0
127.2.0.4 silent 0 9 0 0
127.2.0.5 hole 0 9 0 0
127.2.0.7 live 300 1 0 0
X
for ((i = 10; i < 40; i++)); do echo "127.2.0.$i live 1 5 0 0"; done >>table
live=$((60 + 120 + 120 + 30))
start net fake-internet table
_listening net
export MOX_CONF=$T/mox.conf
{
	cat <<-X
		hostname = "mx.test.example"
		max-messages-per-day = 0
		max-first-recipients-per-day = 0
		spool = "$T/spool"
		min-free = "0"
		workers = 20
		retry { intervals = { "1d" } }
		timeouts { connect = "30s" greeting = "30s" }
	X
	for i in {1..7} {10..39}; do
		echo "transport \"t$i\" { type = smtp host = \"127.2.0.$i\" port = $PORT_net starttls = never }"
		echo "route { to = { \"d$i.example\" } transport = \"t$i\" }"
	done
} >mox.conf
mail() { # COUNT DOMAIN
	awk -v n="$1" -v d="d$2.example" 'BEGIN { for (i = 1; i <= n; i++) printf "sender s@test.example\nrcpt r%d@%s\nsize 14\nend\nSubject: x\r\n\r\n", i, d }'
}
# The backlogs of who cannot take it stand in front.
{
	for i in 4 5 6; do mail 200 $i; done
	mail 60 1
	mail 120 2
	mail 120 3
	mail 500 7
	for i in {10..39}; do mail 1 $i; done
} | mox-queue-add -B >added
start runq mox-runq -w
able='\([123]\|[1-3][0-9]\)'
events() { grep -c "event=$1 .*@d$2\.example" runq.log; }
alive() { [ "$(events sent "$able")" = $live ]; }
ok 'who can take his mail gets all of it' wait_until alive
slow=$(events sent 7)
is 'nothing of it was an attempt that failed' "$(events later "$able")" 0
is 'nor counted as one' "$(grep "event=sent .*@d$able\.example" runq.log | grep -vc ' attempts=1 ')" 0
like 'a site of one connection has turned others away' "$(events returned 1)" '^[1-9][0-9]?$'
like 'a site of forty messages a second has complained' "$(events returned 3)" '^[1-9][0-9]?$'
ok 'and gets fewer then' test "$(events returned 3)" -le 20
ok "the slow one had not had all of its mail by then: $slow" test "$slow" -lt 500
ok 'the dead ones have cost single probes' test "$(events later '[456]')" -le 3
stop runq
stop net
is 'each connection it turned away stands in the log' "$(sed -n 's/^127\.2\.0\.1 .*busy=\([0-9]*\).*/\1/p' net.log)" "$(events returned 1)"
done_testing
