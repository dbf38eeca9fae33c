#!/bin/bash
# What is remembered of each attempt and of who has left the queue: mox-retired-list, mox-queue-show, keep-retired, keep-failed-messages.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-retired-list bin/
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock TZ=UTC ASAN_OPTIONS=detect_leaks=0
chmod 711 "$T"
echo 0 >clock
conf() {
	cat >conf <<-Y
		hostname = "me.example"
		spool = "$T/spool"
		retry { intervals = { "10m", "20m" } jitter = false }
		max-messages-per-day = 0
		max-first-recipients-per-day = 0
		suppress { automatic = ${SUPPRESS:-false} }
		transport "smart" { type = smtp host = "relay.example" port = 25 starttls = may }
		transport "no" { type = fail code = 451 message = "not now" }
		route { to = { "far.example" } transport = "smart" }
		route { to = { "put-off.example" } transport = "no" }
		$1
	Y
}
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 60 mox-runq 2>>err; }
past() { mox-retired-list -o "$@" | tr '\t' ' '; }
forward() { echo $(($(cat clock) + $1)) >clock; }
files() { find spool/"$1" -type f | wc -l; }
conf ''
touch log

a=$(add sent@x.example session@x.example never@y.example sent@far.example later@z.example gone@put-off.example)
pass
is "what became of each" "$(past id,result,attempts,code "$a")" "$a.1 delivered 1 250
$a.2 delivered 1 250
$a.3 failed 1 550
$a.4 relayed 1 250"
is "who still waits is not in it" "$(mox-queue-list -o id | tr '\n' ' ')" "$a.5 $a.6 "
is "by whom, and how" "$(past host,tls,transport,error -id "$a.2" -id "$a.3")" "mx[127.0.0.9] dane - -
mx[127.0.0.9] - - 5.1.1 no such user"
is "envelope facts" "$(past sender,rcpt,domain,site,account,subject "$a.4")" "s@me.example sent@far.example far.example $(past site "$a.4") $(id -un) x"
k=$(add --hold-until +1h sent@late.example)
pass
mox-queue-transport smart "$k" >/dev/null 2>&1 && mox-queue-schedule now "$k" >/dev/null 2>&1
pass
is "the transport that an operator chose" "$(past transport,result "$k")" "smart relayed"
is "by result" "$(past id -result failed -to @y.example)" "$a.3"
is "by time" "$(past id -retired '<1h' -result relayed -to @far.example) $(past id -retired '>1h')" "$a.4 "
is "by state" "$(past id -state retired -result relayed -to @far.example) $(past id -state due)" "$a.4 "
is "summed up" "$(mox-retired-list -summary result | cut -f1,2 | sort | tr '\t\n' ' ;')$(mox-retired-list -summary error -result failed | cut -f1,2,5)" \
	"delivered 3;failed 1;relayed 2;550 5.1.1 no such user	1	5.1.1 no such user"
like "with the times of the first and the last" "$(mox-retired-list -summary account | cut -f3,4)" "^20[0-9-]+T[0-9:]+Z	20[0-9-]+T[0-9:]+Z$"
if command -v script >/dev/null; then
	like "on a terminal in words" "$(script -qec 'stty cols 80 -opost; mox-retired-list -summary domain -result failed' /dev/null </dev/null)" \
		$'^y\\.example: 1 recipient, [0-9]+[smh] ago\n    550 5\\.1\\.1 no such user$'
else
	skip "no script(1)" "on a terminal in words"
fi
fails 100 "what has gone is not summed up by age" mox-retired-list -summary age
fails 100 "a result that is none" mox-retired-list -result lost
fails 100 "the queue knows no results" mox-queue-list -result failed
is "JSON" "$(mox-retired-list -j "$a.1" | python3 -c 'import json,sys
r = json.loads(sys.stdin.read()); print(r["result"], r["attempts"], r["host"], type(r["duration"]).__name__, r["retired"][:2], "state" in r)')" "delivered 1 mx[127.0.0.9] int 20 False"
is "the attempts of who waits have a host, too" "$(mox-queue-list -o host,code "$a.5")" $'mx[127.0.0.9]\t451'
forward 601
pass
like "each attempt is shown" "$(mox-queue-show "$a.5" | grep '^attempt ')" \
	'^attempt +[0-9T:Z-]+ later mx\[127.0.0.9\] [0-9]+ms: 451 4.2.0 try later
attempt +[0-9T:Z-]+ later mx\[127.0.0.9\] [0-9]+ms: 451 4.2.0 try later$'
like "one without a plan, too" "$(mox-queue-show "$a.6" | grep '^attempt ')" 'later by no 0ms: 451 not now
attempt .* later by no 0ms: 451 not now$'
is "and as JSON" "$(mox-queue-show -j -to later@z.example | python3 -c 'import json,sys
r = json.loads(sys.stdin.read()); print([t["outcome"] for t in r["tries"]], r["result"])')" "['later', 'later'] None"
shown=$(mox-queue-show "$a")
like "and what has become of the others" "$shown" $'rcpt +1 sent@x.example\nresult +delivered\nretired .*attempt +[0-9T:Z-]+ sent mx\[127.0.0.9\] .*[0-9]+ms: 250 2.0.0 ok'
like "how a session was protected" "$shown" 'sent mx\[127.0.0.9\] tls=dane [0-9]+ms: 250 2.0.0 ok'
like "by which transport" "$shown" 'sent mx\[127.0.0.9\] by smart [0-9]+ms: 250 2.0.0 ok'
is "each once" "$(grep -c '^rcpt' <<<"$shown")" 6
forward 500000
pass
is "who was given up" "$(past result,attempts,code "$a.5" "$a.6")" "failed 3 451
failed 3 451"
ok "an id that has left the queue is shown from the history" mox-queue-show "$a"
is "with all its attempts" "$(mox-queue-show "$a" | grep -c '^attempt ')" 10
is "ids from a pipe as well" "$(past id -result relayed -to @far.example | mox-queue-show - | grep -c '^attempt ')" 1
is "and as JSON" "$(mox-queue-show -j "$a.4" | python3 -c 'import json,sys
r = json.loads(sys.stdin.read()); t = r["tries"]; print(r["result"], r["rcpt"], len(t), t[0]["outcome"], t[0]["code"], t[0]["transport"], t[0]["text"])')" \
	"relayed sent@far.example 1 sent 250 smart ok"
fails 100 "an id that nobody knows" mox-queue-show 0d3k9v2x7m4qa
is "the last first" "$(past id -sort retired -desc -result failed -n 2 | sort | tr '\n' ' ')" "$a.5 $a.6 "

# Others see their own.
cp "$(command -v mox-retired-list)" "$T/bin/list" && chmod 755 "$T/bin" "$T/bin/list"
chmod 644 conf clock
start runq mox-runq -w
wait_until test -S spool/ctl
b=$(setpriv --reuid 54321 --regid 54321 --clear-groups true 2>/dev/null && echo yes)
if [ "$b" ] && [ "$(id -u)" = 0 ]; then
	wait_until mox-retired-list -n 1
	is "others see nothing of it" "$(setpriv --reuid 54321 --regid 54321 --clear-groups "$T/bin/list" 2>&1)" ""
else
	skip "not root" "others see nothing of it"
fi
before=$(past id,result | sort)
ok "the index is built anew" mox-queue-check -r
wait_until mox-queue-list
is "the history outlives it" "$(past id,result | sort)" "$before"
stop runq

# Many, in pages; killed in between, mox-runq loses none of them.
for i in $(seq 300); do printf 'sender s@me.example\nrcpt sent%d@d%d.example\nsize 17\nend\nSubject: x\r\n\r\nb\r\n' "$i" $((i % 7)); done >many
ok "300 messages" mox-queue-add -B <many
for i in 20 90 180; do
	start runq mox-runq -w
	wait_until eval "[ \"\$(grep -c 'sent.*@d[0-9].example' log)\" -ge $i ]"
	stop runq KILL
done
forward 1200 # what was out when it died has had its attempt
pass
is "killed three times: nothing is left in the queue" "$(mox-queue-list -domain .example -to @d1.example -o id)$(files cur)" 0
is "each was sent" "$(grep -o 'sent[0-9]*@d[0-9].example' log | sort -u | wc -l)" 300
is "each stands in the history once" "$(mox-retired-list -o rcpt | grep -c '@d[0-9].example') $(mox-retired-list -o rcpt | grep '@d[0-9].example' | sort -u | wc -l)" "300 300"
is "as delivered, or gone where the kill fell in between" "$(mox-retired-list -j | python3 -c 'import json,sys
print({r["result"] for r in map(json.loads, sys.stdin) if "@d" in r["rcpt"]} - {"delivered", "gone"})')" "set()"
is "so many at most" "$(mox-retired-list -n 250 | wc -l) $(mox-retired-list -domain d1.example -n 5 | wc -l)" "250 5"

# local
printf 'two: sent@x.example, %s\n' "$(id -un)" >aliases
conf 'local-domains = { "here.example" } local-maildir = "'"$T"'/box/%u" aliases = "'"$T"'/aliases"'
mkdir box
a=$(add two@here.example "$(id -un)@here.example" nosuchuser@here.example)
pass
is "here: an alias, a mailbox, neither" "$(past result,transport,host "$a")" "expanded - -
delivered - -
failed - -"
like "by mox-local" "$(mox-queue-show "$a.2" | grep ^attempt)" 'sent .*by local'

SUPPRESS=true conf ''
add never@known.example >/dev/null
pass
a=$(add never@known.example)
pass
is "who is known to refuse is not tried" "$(past result,attempts "$a") $(mox-retired-list -result suppressed | wc -l)" "suppressed 0 1"

# keep-retired
forward $((86400 * 8))
pass
is "after keep-retired nothing is left of it" "$(past id)" ""
conf 'keep-retired = "0s"'
c=$(add sent@x.example later@x.example)
pass
is "keep-retired = 0: nothing is kept" "$(past id) $(mox-queue-list -o id)" " $c.2"

# keep-failed-messages
conf 'keep-failed-messages = "3d"'
d=$(add never@y.example sent@x.example) e=$(add sent@x.example) f=$(add never@x.example)
pass
is "what failed is kept, and nothing else" "$(find spool/failed -type f -printf '%f\n' | sort | tr '\n' ' ')" "$(printf '%s\n' "$d" "$f" | sort | tr '\n' ' ')"
like "it can be read" "$(mox-queue-show -m "$f")" 'body'
like "its envelope as well" "$(mox-queue-show "$f")" 'uid .*result +failed'
fails 100 "not the one that was delivered" mox-queue-show -m "$e"
fgrep_mark=$(grep -ao 'rcpt [A-Z]... never@x.example' spool/failed/*/"$f")
is "marked as failed" "$fgrep_mark" "rcpt F-.- never@x.example"
mox-queue-check >checked
is "nothing is wrong with it" "$(grep -v "^$c" checked)" ""
touch -d '4 days ago' spool/failed/*/"$d"
pass
is "it goes after that time" "$(find spool/failed -type f -printf '%f\n')" "$f"
rm -rf spool/failed
touch spool/failed
g=$(add never@y.example)
pass
is "where it cannot be kept it goes all the same" "$(find spool/cur spool/new -name "$g*")$(past result "$g")" failed
like "with a word in the log" "$(grep event=unkept err)" "id=$g"
done_testing
