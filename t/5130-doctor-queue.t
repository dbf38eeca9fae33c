#!/bin/bash
# mox-doctor queue: with the real siblings, then with stand-ins beside a copy of it.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
cat >mox.conf <<EOF
hostname = "me.example"
spool = "$T/spool"
EOF
export MOX_CONF=$T/mox.conf
D=mox-doctor
doctor() { "$D" queue "$@" >out 2>err; rc=$?; }
about() { sed -n "s/^\([a-z]*\)  *$1  */\1 /p" out; } # WORD: weight and text
doctor
is 'no spool: critical' "$rc $(about spool)" "2 critical $T/spool cannot be looked at: No such file or directory; make install-users"
ok 'a pass' mox-runq
doctor
like 'nobody delivers: critical, and what to do' "$rc $(about running)" \
	"^2 critical no mox-runq delivers from $T/spool: .*; have its supervisor start mox-runq -w"
doctor -p 10m
like 'by cron: the last pass' "$(about running)" '^ok the last pass of mox-runq ended 0 minutes ago'
echo 3600 >clock
MOX_TEST_CLOCK=$T/clock doctor -p 10m
like 'by cron: none since' "$rc $(about running)" '^2 critical the last pass of mox-runq ended 60 minutes ago; look at crontab'
echo -7200 >clock
MOX_TEST_CLOCK=$T/clock doctor
like 'a clock that was set back' "$(about clock)" '^critical .* was written 1[12][0-9] minutes from now: the clock was set back, or was wrong before; set the clock right'

start runq mox-runq -w
serving() { mox-doctor queue | grep -q 'mox-runq -w .*answers'; }
wait_until serving
doctor
is 'it runs, and answers' "$(about running)" "ok mox-runq -w runs as process $PID_runq, and answers"
is 'an empty queue' "$(about queue)|$(about stuck)|$(about waiting)" 'ok it is empty|ok nothing is overdue|ok 0 recipients have waited for more than 120 minutes'
is 'good configuration and secrets' "$(about configuration)|$(about secrets)" \
	"ok $T/mox.conf is good, with its keys and passwords|ok no key or password can be read by everybody"
like 'owners and modes' "$(about permissions)" "^ok $T/spool belongs to "
like 'room' "$(about disk)|$(about inodes)" "^ok $T/spool has [0-9]+[GM] left[|]ok $T/spool has [0-9]+ inodes left"
like 'the door is not setgid here' "$(about door)" '^warning .*/mox-queue-add is not setgid: only '
doctor --nagios
like 'for monitoring: one line with figures' "$rc $(wc -l <out) $(cat out)" '^1 1 MOX QUEUE WARNING - door: .* [|] due=0 waiting=0 delivering=0 held=0 noticing=0 oldest=0s failed=0;;0 late=0;100;1000 free=[0-9]+B;67108864:;33554432: '
doctor -j
is 'JSON: an object a line' "$(python3 -c 'import json,sys
for l in sys.stdin:
  d = json.loads(l)
  if d["about"] == "queue": print(d["weight"], d["text"], d["todo"])' <out)" 'ok it is empty None'

sed -n 's/^\.Dl //p' "$TOP/man/mox-doctor.8" | grep 'doctor queue' | sed "s/\\\\(aq/'/g; s/\\\\(ha/^/g" >pasted
is 'the example of the page, pasted' "$(. ./pasted | grep -c '^ok')|$(. ./pasted | grep -c '^warning *door')" '0|1'

# ---- what stands open, or is shut ----
chmod 0777 spool/new
doctor
is 'open to all: critical, with the command' "$rc $(about permissions)" "2 critical $T/spool/new has mode 0777, not 0770; chmod 0770 $T/spool/new"
chmod 0700 spool/new
doctor
is 'shut to those who need it: a warning' "$(about permissions)" "warning $T/spool/new has mode 0700, not 0770; chmod 0770 $T/spool/new"
chmod 0770 spool/new
if [ "$(id -u)" = 0 ]; then
	chown nobody spool/cur
	doctor
	is 'of another owner' "$(about permissions)" "critical $T/spool/cur belongs to nobody, not to the spool's owner; chown root $T/spool/cur"
	chown root spool/cur
else
	skip 'not root' 'of another owner'
fi
mv spool/trigger trigger && : >spool/trigger
doctor
is 'not what it should be' "$(about permissions)" "critical $T/spool/trigger is no fifo; move it away and restart mox-runq"
rm spool/trigger && mv trigger spool/trigger
echo bad >spool/corrupt/0000000000000
doctor
is 'damaged messages' "$(about corrupt)" "warning 1 damaged message in $T/spool/corrupt; look at what can be saved, then remove them"
rm spool/corrupt/0000000000000

# ---- configuration ----
conf() { { echo "spool = \"$T/spool\"" && cat; } >other.conf; }
conf <<<'min-free = "100000G"'
doctor -C other.conf
is 'less room than min-free' "$rc $(about disk | sed 's/has .* left/has/')" "2 critical $T/spool has, less than min-free: new mail is refused; make room"
doctor -C other.conf --nagios
like 'what is worst comes first' "$rc $(cat out)" '^2 MOX QUEUE CRITICAL - disk: .*; door: '
echo secret >pw && chmod 0644 pw
conf <<<"transport \"r\" { type = submission host = \"x.example\" username = \"u\" password-file = \"$T/pw\" }"
doctor -C other.conf
is 'a password for everybody' "$(about secrets)" "critical $T/pw, a password, can be read by everybody; chmod o= $T/pw, and make a new one: it may be known"
conf <<<"domain \"a.example\" { dkim \"s\" { key = \"$T/none.pem\" } }"
doctor -C other.conf
like 'a key that is not there' "$rc $(about configuration)" "^2 critical mox-runq: .*none\.pem.*; mox-runq -t tells all"
conf <<<'spol = "x"'
doctor -C other.conf
like 'a configuration with a fault' "$rc $(cat out)" '^2 critical  configuration  other.conf:2: .*spol'
fails 3 'wrong usage is unknown' mox-doctor queue -p never

# ---- mail that waits ----
stop runq
echo 0 >clock
export MOX_TEST_CLOCK=$T/clock
ok 'queued' mox-queue-add someone@x.example <<<hello
ok 'held, by one that only serves' mox-queue-hold -to @x.example
echo 518400 >clock
doctor
unset MOX_TEST_CLOCK
like 'held for days' "$(about held)" '^warning 1 recipients older than 3 days are on hold; mox-queue-list -hold yes'
like 'counted' "$(about queue)" '^ok 1 recipients: 1 held; the oldest has waited for 14[34]\.'

# ---- stand-ins: what cannot be had at will ----
mkdir bin answers
cp "$MOX_BIN/mox-doctor" bin/
D=$T/bin/mox-doctor
cat >bin/sibling <<'X'
#!/bin/bash
f="$T/answers/${0##*/}${*:+ $*}"
[ -e "$f" ] && exec cat "$f"
[ "${0##*/}" = mox-stat ] || exit 0
echo "mox-stat: unable to ask: nobody|x=1 is at home" >&2
exit 111
X
chmod +x bin/sibling
for s in mox-runq mox-stat mox-queue-list mox-queue-add; do ln -s sibling bin/$s; done
free() { flock -n spool/lock true; }
wait_until free
start holder python3 -c 'import fcntl, signal
f = open("spool/lock", "w"); fcntl.flock(f, 2); open("held", "w"); signal.pause()' -w
wait_until test -e held
doctor
like 'it runs and does not answer' "$rc $(about running)" "^2 critical mox-runq runs as process $PID_holder, and does not answer: mox-stat: unable to ask: nobody[|]x=1 is at home; look at its log"
doctor --nagios
like 'for monitoring' "$rc $(cat out)" '^2 MOX QUEUE CRITICAL - running: .*does not answer'
is 'in which a bar begins the figures, whatever was said' "$(tr -dc '|' <out)" '|'
ago() { date -u -d "-$1 minutes" +%Y-%m-%dT%H:%M:%SZ; }
printf 'mox_queue_recipients{state="due"} 7\nmox_queue_recipients{state="delivering"} 0\nmox_queue_oldest_seconds 7200\n' >answers/mox-stat
sites() { # MINUTES: mx.a.example is due since then
	printf 'mx.b.example\t3\t0\t%s\t%s\t-\nmx.a.example,mx2.a.example\t4\t0\t%s\t%s\t451 no\n' "$(ago 500)" "$(ago 1)" "$(ago 500)" "$(ago "$1")" >'answers/mox-queue-list -summary site -n 1000'
}
last='answers/mox-queue-list -site mx.a.example,mx2.a.example -sort last -desc -n 1 -o last'
sites 20
ago 300 >"$last"
doctor
is 'due, and nobody tries it: a warning' "$rc $(about stuck)" \
	'1 warning mail for mx.a.example,mx2.a.example has been due for 20 minutes, and nothing of it is tried; mox-queue-list -site mx.a.example,mx2.a.example; restart mox-runq, and look at its log'
sites 300
doctor
like 'for hours, and nothing else moves: critical' "$rc $(about stuck)" '^2 critical mail for mx.a.example,mx2.a.example has been due for 300 minutes'
ago 40 >"$last"
doctor
is 'a site that is down is no fault' "$(about stuck)" 'ok 1 sites do not take mail now, and are tried again and again'
printf '0000000000000.1\n0000000000000.2\n' >'answers/mox-queue-list -hold f -n 100000 -o id'
printf '%s\n' 1 2 3 4 >'answers/mox-queue-list -hold no -queued >7200s -n 100000 -o id'
doctor -w 4 -c 5
is 'nobody could be told' "$rc $(about failed)" '2 critical 2 recipients failed for good, and their senders could not be told; mox-queue-list -hold f, then mox-queue-release or mox-queue-drop'
is 'many wait' "$(about waiting)" 'warning 4 recipients have waited for more than 120 minutes; mox-queue-list -summary error'
doctor -w 2 -c 4 --nagios
like 'too many, with thresholds' "$rc $(cat out)" '^2 .*waiting: 4 recipients.* late=4;2;4 '
done_testing
