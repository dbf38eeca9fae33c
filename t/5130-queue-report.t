#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-queue-report: the page's figures from a spool and its history; what it is made of; what strangers said in it.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-suppress bin/
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock TZ=UTC ASAN_OPTIONS=detect_leaks=0
# Now is 2027-01-15T08:00:00Z, 1800000000.
begin=$((1800000000 - $(date +%s)))
echo "$begin" >clock
chmod 711 "$T"
cat >conf <<X
hostname = "mail.example.org"
spool = "$T/spool"
retry { intervals = { "10m", "20m" } jitter = false }
max-first-recipients-per-day = 0
X
check() { "$TOP/t/fake/page-check.py" "$@"; }
# words PAGE: its text, a line each, as somebody reads it
words() {
	python3 -c 'if 1:
		import re, sys, html
		t = re.sub(r"(?s)<style>.*?</style>|<title[^>]*>.*?</title>|<desc.*?</desc>", "", open(sys.argv[1], encoding="utf-8").read())
		print(re.sub(r"\s*\n\s*", "\n", html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</?(?:p|h1|h2|h3|dt|dd|td|th|tr|li|div)\b[^>]*>", "\n", t.replace("<small>", " | "))))))' "$1"
}

# ---- a real spool ----
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 60 mox-runq 2>>err; }
ok "an empty spool" mox-queue-report -o empty.html
is "is well made" "$(check empty.html 'The queue is empty.' 'Nothing was delivered in the last 24 hours' 'Nothing to do' 'No address is on the list.')" ""
add sent@x.example sent2@x.example session@y.example never@y.example >/dev/null
add later1@z.example later2@z.example later3@z.example >/dev/null
held=$(add x@held.example)
mox-queue-hold "$held" >/dev/null 2>&1
mox-suppress -account www add a@b.example c@b.example >/dev/null
pass
echo $((begin + 1260)) >clock
pass
mox-queue-report >page.html
is "is well made" "$(check page.html)" ""
words page.html >text
like "the headline says how the queue is" "$(cat text)" $'\n4 recipients of 2 messages wait; 3 of them for z\\.example, which has answered 451 since 08:0[01]\\.\n'
like "what is held, delivered and failed" "$(cat text)" $'\nOne is held by the operator\\. In the last 24 hours [34] recipients got their mail, and 1 failed\\.\n'
like "where it waits, and what is said there" "$(cat text)" $'\nz\\.example \\| by mx\\.z\\.example\n3\n2[12] min\n08:[0-9]+\n451 4\\.2\\.0 try later \\| since 08:0[01]\n'
like "the reply by itself" "$(cat text)" $'\n3\n451 4\\.2\\.0 try later\nz\\.example\n'
like "the oldest" "$(cat text)" $'later1@z\\.example and 2 more \\| from s@me\\.example\n2[12] min\n2\n'
like "what failed, and why" "$(cat text)" $'never@y\\.example \\| from s@me\\.example\n08:0[01]\n550 5\\.1\\.1 no such user\n'
like "TLS" "$(cat text)" $'\nTLS, checked by DANE\n1\n100\\.0 %\n'
like "where mail went" "$(cat text)" $'\ny\\.example\n1\n1\n0\n'
like "the suppression list" "$(cat text)" $'\n3 addresses are not written to any more, 2 of them listed by people\\.\n'
like "gauges of metrics.prom" "$(cat text)" $'\nspace left for the spool\n[0-9.]+ [kMGTP]B\n'
mox-queue-report -domain held.example -o some.html
is "a selection" "$(check some.html 'One message waits, and is held.' 'Only of: -domain held.example.')" ""
is "one id" "$(mox-queue-report -o some.html "$held" && check some.html 'One message waits, and is held.')" ""
is "-since leaves out what is older" "$(mox-queue-report -since 1h >some.html && check some.html 'last 1 h'; grep -c 'id="flow-sent-t"' some.html)" 0
is "-n" "$(mox-queue-report -n 1 >some.html && check some.html '1 more waits for other destinations.')" ""
fails 100 "a time too short" mox-queue-report -since 5m
fails 100 "too many lines" mox-queue-report -n 1000
fails 100 "a filter that is none" mox-queue-report -site
# Nobody delivers, and something has been due for long.
echo $((begin + 10000)) >clock
mox-queue-report >late.html
is "a queue that nobody runs" "$(check late.html 'Needs somebody' 'Nobody delivers: mail has been due for 2 h 5 min, and nothing was tried since 08:21.')" ""

# ---- -o ----
is "a new file is for its owner alone" "$(stat -c %a empty.html)" 600
install -m 640 -g "$([ "$(id -u)" = 0 ] && echo 12 || id -g)" /dev/null kept.html
before=$(stat -c '%a %u %g' kept.html)
exec 5<kept.html
mox-queue-report -o kept.html
is "mode and group stay" "$(stat -c '%a %u %g' kept.html)" "$before"
is "who was reading goes on reading the old one" "$(cat <&5)$(check kept.html)" ""
exec 5<&-
is "nothing is left beside it" "$(find . -maxdepth 1 -name '.*html*')" ""
fails 100 "a directory that is not there" mox-queue-report -o none/x.html
fails 100 "a directory" mox-queue-report -o bin/
if [ -w /dev/full ]; then
	mox-queue-report >/dev/full 2>said
	is "a full disk" "$? $(cat said)" "111 mox-queue-report: unable to write: No space left on device"
fi

# ---- others see their own ----
start runq mox-runq -w
wait_until mox-queue-list -n 1
if [ "$(id -u)" = 0 ]; then
	setpriv --reuid 54321 --regid 54321 --clear-groups "$T/bin/mox-queue-report" >own.html 2>said
	is "others see nothing of it" "$? $(cat said)$(check own.html 'The queue is empty.' 'Your own mail alone.')$(grep -c example.net own.html)" "0 0"
else
	skip "not root" "others see nothing of it"
fi
stop runq

# ---- a stand-in for mox-runq: the same rows every time ----
page() { # KIND
	python3 "$TOP/t/fake/report-rows.py" "$T/rows-$1" "$1"
	mkdir -p "$T/$1"
	start "$1" "$TOP/t/fake-ctl" "$T/$1/ctl" "$T/$1.asked" ops "$T/rows-$1"
	wait_until test -S "$T/$1/ctl"
	echo $((1800000000 - $(date +%s))) >clock
	MOX_SPOOL=$T/$1 mox-queue-report >"$1.html"
	stop "$1"
}
page calm
sed '/^<style>/,/^<\/style>/d' calm.html >calm.ref
is "the page as it is to be (t/refs/queue-report.html)" "$(diff "$TOP/t/refs/queue-report.html" calm.ref 2>&1)" ""
page hostile
is "what strangers say is text, and seen" "$(check hostile.html \
	'<script>alert(1)</script>" onload=alert(2) '"'"'><img src=http://evil.example/x.png> &lt; &amp; \x41 \x1b[31m\x0d\x0aX \xe2\x80\xaegnp.exe\xe2\x81\xa6 \xe2\x80\x8b' \
	'<script>evil()</script>.example' '<b>mx.evil.example' '<u>"'"'" '<i>.example')" ""
is "in all places" "$(grep -ciE '<(script|img|u>|i>|b>mx)' hostile.html)" 0
page busy
is "many" "$(check busy.html '2,018 messages wait; 1,200 of them for example.net, which has answered 421 since 03:18.')" ""
is "attempts are asked for of few" "$(grep -c '^sel id' busy.asked) $(grep -c '^op show' busy.asked)" "15 5"
mkdir full && start full "$TOP/t/fake-ctl" "$T/full/ctl" full.asked ok 60000
wait_until test -S full/ctl
is "memory does not grow with the rows" "$(MOX_SPOOL=$T/full python3 -c 'if 1:
	import resource, subprocess
	subprocess.run(["mox-queue-report", "-o", "full.html"], check=True)
	most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
	print("fine" if most < (200000 if "asan" in "'"$MOX_OUT"'" else 20000) else most)')" fine
is "all of them are counted" "$(check full.html '60,000 messages wait, all of them for example.com')" ""
done_testing
