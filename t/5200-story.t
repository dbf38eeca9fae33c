#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Three in the morning: 5,000 messages, a dead site, one that says 421, a list of addresses that do not exist. What the operator types is what stands in
# mox.7 below "Three in the morning", line by line; at the end each message is accounted for exactly once.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0 TZ=UTC MOX_CONF=$T/mox.conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock

# ---- the world ----
# Nobody listens on mx.office.example's address.
P=$(free_port)
cat >zone <<X
office.example mx.office.example 127.0.0.3
branch.example mx.office.example 127.0.0.3
fine.example mx.fine.example 127.0.0.4
shop.example mx.shop.example 127.0.0.5
closed.example mx.closed.example 127.0.0.7
$(seq -f 'firm%g.example mx.bigmail.example 127.0.0.6' 40)
X
start dns python3 "$TOP/t/fake/dns.py" zone
wait_until grep -q listening dns.log
sink fine -a 127.0.0.4 -p "$P" -o "$T/fine.taken"
sink shop -a 127.0.0.5 -p "$P" -o "$T/shop.taken"
sink relay -o "$T/relay.taken"
server() { # NAME ADDRESS, its script on standard input
	cat >"$1.script"
	start "$1" fake-mx -a "$2" -p "$P" "$1.script"
	wait_until grep -q ^listening "$1.log"
}
server closed 127.0.0.7 <<'X'
== repeat
greet PIPELINING
on RCPT* => 550 5.1.1 User unknown
accept
X
server bigmail 127.0.0.6 <<'X'
== repeat
greet PIPELINING
on MAIL* => 421 4.7.0 [TSS04] Messages from 203.0.113.9 temporarily deferred due to unexpected volume
accept
X
cat >mox.conf <<X
hostname = "mail.shop.example"
spool = "$T/spool"
smtp-port = $P
min-free = "0"
max-messages-per-day = 0
max-first-recipients-per-day = 0
dns { forward = { "127.0.0.1@$(sed -n 's/^listening //p' dns.log)" } trust-anchor = "none" }
transport "direct" { type = direct loopback = true }
transport "relay" { type = smtp host = "127.0.0.1" port = $PORT_relay starttls = never }
route { transport = "direct" }
X
# many COUNT SENDER RECIPIENT DOMAINS: a stream for mox-queue-add -B; in the recipient % is a number, # one of so many.
many() {
	awk -v n="$1" -v s="$2" -v rcpt="$3" -v d="$4" 'BEGIN { for (i = 1; i <= n; i++) {
		r = rcpt; sub(/%/, i, r); sub(/#/, i % d + 1, r)
		m = "From: " s "\r\nSubject: " i "\r\n\r\nHello\r\n"
		a = s; sub(/@.*/, "", a)
		printf "sender %s\nrcpt %s\naccount %s\norigin local\nsize %d\nend\n%s", s, r, a, length(m), m } }'
}
{
	many 800 office@shop.example 'c%@fine.example' 1
	many 1200 office@shop.example 'c%@office.example' 1
	many 1800 office@shop.example 'c%@firm#.example' 40
	many 600 news@shop.example 'n%@closed.example' 1
	many 300 news@shop.example 'n%@firm#.example' 40
	many 300 news@shop.example 'n%@branch.example' 1
} | mox-queue-add -B >answers
sed -n 's/^id //p' answers | sort >ids
is "5,000 messages are queued" "$(wc -l <ids) $(sort -u ids | wc -l)" "5000 5000"
SECONDS=0
start runq mox-runq -w
# taken COUNT NAME: so many recipients have arrived there
taken() { [ "$(wc -l <"$2.taken")" -ge "$1" ]; }
ok "what can be delivered is" wait_until taken 800 fine
ok "notices go out for what never can" wait_until taken 600 shop
refused() { grep 'event=later .*code=421' runq.log >refused && [ "$(wc -l <refused)" -ge 5 ]; }
ok "one host says 421 again and again" wait_until refused
ok "one does not answer" wait_until grep -q 'event=site-down site=mx.office.example' runq.log
said_421=$(grep -c 'event=later .*code=421' runq.log)
echo "# $said_421 connections to the host that says 421"
ok "the host that says 421 was asked a few times, not 2,100" test "$said_421" -lt 60

# ---- what the operator types ----
sed -n '/^\.Ss Three in the morning/,/^\.S[hs] S/p' "$TOP/man/mox.7" | sed -n "s/^\.Dl //p" | sed "s/\\\\(aq/'/g; s/\\\\(ha/^/g" >typed
ok "mox.7 has the commands" test -s typed
# next BEGINNING: types the next line of the page, which begins so; what it prints stands in out and err
next() {
	read -r line <typed
	sed -i 1d typed
	[[ $line == "$1"* ]] || is "the page goes on" "$line" "$1..."
	if [ -n "${SCREEN:-}" ]; then
		script -qec "stty cols 80 -opost; $line" /dev/null </dev/null >out 2>err
	else
		bash -c "$line" >out 2>err
	fi
}
# screen BEGINNING: likewise, on a terminal of 80 columns
screen() {
	SCREEN=1 next "$@"
	is "80 columns will do: $line" "$(awk '{ if (length($0) > 80) print }' out)" ""
}
command -v script >/dev/null || screen() { next "$@"; }

next 'mox-doctor queue'
is "it is not this machine" "$(grep -vE '^(ok|warning +(door|clock)) ' out)" ""
like "but what others do" "$(sed -n 's/^ok *sites *//p' out)" "^(1 is|2 are) left alone for now, unreachable or refusing mail; mox-queue-list -summary site$"
due=$(mox-stat | sed -n 's/^mox_queue_recipients{state="due"} //p')
ok "what waits for a dead host's next probe is not due: $due" test "$due" -le 2100
screen 'mox-queue-list --summary site'
if command -v script >/dev/null; then
	like "what waits, where and why" "$(cat out)" \
		$'^mx\\.bigmail\\.example: 2100 recipients; the oldest [0-9]+s; next attempt .*\n    421 4\\.7\\.0 \\[TSS04\\] .*\nmx\\.office\\.example: 1500 recipients; .*\n    4\\.4\\.1 Connection refused$'
fi
next 'mox-queue-list --summary account'
is "whose it is" "$(cut -f1,2 out | tr '\t\n' ' ;')" "office 3000;news 600;"
next 'mox-retired-list -result failed'
is "what has failed" "$(cut -f1,2 out)" "550 5.1.1 User unknown	600"
screen 'mox-retired-list -result failed'
like "and whose that was" "$(cat out)" '^news@shop\.example(: 600 recipients, the first |	600	)'

next 'mox-holdrule add'
is "the list is held" "$(cat err)" "mox-holdrule: held 600"
is "what still comes of it is, too" "$(many 1 news@shop.example late@fine.example 1 | mox-queue-add -B | sed 's/id //' | tee -a ids | wc -l)$(
	wait_until bash -c "mox-queue-list -to late@fine.example -hold r | grep -q ." && echo " held")" "1 held"
next 'mox-queue-fail -n 1'
is "one fails" "$(cat err) $(wc -l <out)" "mox-queue-fail: failed 1 1"
next 'mox-queue-drop -from'
is "the others are dropped" "$(cat err)" "mox-queue-drop: dropped 600"
ok "the sender is told once more" wait_until taken 601 shop

next 'mox-queue-transport -site'
is "another way" "$(cat err)" "mox-queue-transport: changed 1200"
next 'mox-queue-schedule -transport relay now'
ok "which all of it takes" wait_until taken 1200 relay

next 'mox-queue-show -site'
like "what was said" "$(cat out)" 'transcript +[0-9]+ C: MAIL FROM:<office@shop\.example>'
like "and answered" "$(cat out)" 'transcript +[0-9]+ S: 421 4\.7\.0 \[TSS04\]'
next 'mox-queue-hold --dry-run'
is "what would be held" "$(cat out) $(mox-queue-list -hold yes | wc -l)" "1800 0"
next 'mox-queue-hold -site'
is "is held" "$(cat err)" "mox-queue-hold: held 1800"

# In the morning it takes mail.
stop bigmail
sink bigmail -a 127.0.0.6 -p "$P" -o "$T/bigmail.taken"
next 'mox-queue-release --spread 1h'
is "let go" "$(cat err)" "mox-queue-release: released 1800"
soon=$(mox-queue-list -next '<10m' | wc -l)
ok "a few at a time: $soon in the first ten minutes" test "$soon" -gt 150 -a "$soon" -lt 450
next 'mox-holdrule list'
is "no rule is left" "$(mox-holdrule list)" ""
echo 3700 >clock
all_gone() { echo x >spool/trigger && taken 1800 bigmail && [ -z "$(mox-queue-list -n 1)" ]; }
ok "later it is all gone" wait_until all_gone
next 'mox-queue-list --summary age'
is "nothing waits" "$(cat out)" ""
next 'mox-retired-list -retired'
is "what became of it, notices too" "$(cut -f1,2 out | sort | tr '\t\n' ' ;')" "cancelled 600;delivered 3201;failed 601;relayed 1200;"
next 'mox-stat'
is "as attempts are counted" "$(grep -v later out)" 'mox_queue_result_total{result="failed"} 600
mox_queue_result_total{result="sent"} 4401'
next 'mox-queue-check'
is "and nothing is damaged" "$(cat err)" ""
is "these are all commands of the page" "$(cat typed)" ""
echo "# $SECONDS s since mox-runq began"

# ---- each message exactly once ----
mox-retired-list -o id,result,rcpt,sender >history
is "each message has one end" "$(cut -f1 history | sed 's/\.1$//' | sort | comm -12 - <(sort ids) | wc -l) $(cut -f1 history | sort | uniq -d | wc -l)" "5001 0"
for s in fine relay bigmail; do cut -d' ' -f4 $s.taken; done | sort >arrived
awk -F'\t' '$2 ~ /^(delivered|relayed)$/ && $4 != "<>" { print $3 }' history | sort >promised
is "what is said to have been delivered arrived, once" "$(wc -l <arrived) $(diff promised arrived | head -n 3)" "3800 "
is "and those that failed were told of, once each" "$(awk '$4 == "news@shop.example"' shop.taken | wc -l)" 601
done_testing
