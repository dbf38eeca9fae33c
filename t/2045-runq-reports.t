#!/bin/bash
# Reports on TLS, the queue's half: when mox-tlsrpt-send is started, and what is different about mail that brings a report.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* "$MOX_BIN/mox-retired-list" bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
cat >bin/mox-tlsrpt-send <<'X'
#!/bin/bash
# Notes that it runs; waits while $T/hold is there; then ends as $T/code says, and has written $T/ledger.
echo "run $*" >>"$T/runs"
trap 'echo term >>"$T/runs"; exit 111' TERM
while [ -e "$T/hold" ]; do sleep 0.02; done
[ ! -e "$T/ledger" ] || cat "$T/ledger" >>"$T/spool/tlsrpt/20261120.sent"
echo noise
exit "$(cat "$T/code" 2>/dev/null || echo 0)"
X
chmod +x bin/mox-tlsrpt-send
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_ASKS=$T/asks MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
begin=1795219200 # 2026-11-21
at() { echo $((begin + $1 - $(date +%s))) >clock; }
conf() {
	cat >conf <<-C
		hostname = "me.example"
		spool = "$T/spool"
		retry { jitter = false }
		$*
	C
}
conf
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
report() { # RCPT...: as mox-tlsrpt-send hands it over
	{
		printf 'sender s@me.example\nrequiretls no\nextra moxq-report yes\nextra moxq-tlsrpt yes\norigin local\n'
		printf 'rcpt %s notify=never\n' "$@"
		echo end
	} >envelope
	mox-queue-add -e 3 3<envelope <<<$'Subject: report\n\nx' | sed 's/^id //'
}

# ---- when ----
runs() { tr "\n" ";" <runs; }
n=0
# A mox-runq -w at that second of the day, until it has looked at what is due and mail went through.
serve() {
	at "$1"
	start q mox-runq -w
	through
	[ -z "${2:-}" ] || wait_until grep -q "$2" runs
	stop q
	cat q.log >>err
}
through() {
	n=$((n + 1))
	add "through$n@x.example" >/dev/null
	wait_until grep -q "through$n@" log
}
at 0
pass
touch log runs
echo 'sums 1' >spool/tlsrpt/20261120
echo 'sums 1' >spool/tlsrpt/20261118
at 7200
pass
is "a pass starts none: cron can" "$(runs)" ""
serve 240
is "T50 none before the results of a day are written" "$(runs)" ""
serve 4000 run
is "T50 after the day, within 65 minutes" "$(runs)" "run ;"
serve 4300
is "T50 no second one soon, whatever restarts" "$(runs)" "run ;"
serve 6000 'run .*'
wait_until test "$(wc -l <runs)" -ge 2
is "T50 half an hour later again, as its ledger is not whole" "$(runs)" "run ;run ;"
echo 'whole 1 - -' >spool/tlsrpt/20261120.sent
serve 9000
is "T50 a day whose ledger is whole is done" "$(runs)" "run ;run ;"
printf 'whole 1 - -\nlater 1 a.example mailto:a@a.example x' >spool/tlsrpt/20261120.sent
serve 12000
is "T50 a line that a power failure cut is not its last" "$(wc -l <runs)" 3
printf 'done 1 a.example \n' >spool/tlsrpt/20261120.sent
echo 'whole 1 - -' >>spool/tlsrpt/20261120.sent
conf 'no-outgoing-tlsrpt = true'
rm -f spool/tlsrpt/20261120.sent
serve 20000
is "T61 none with no-outgoing-tlsrpt" "$(wc -l <runs)" 3
conf
rm runs && touch runs
serve $((86400 + 30000)) run
is "T50 a day that ended while nobody ran is made up for" "$(runs)" "run ;"
rm runs && touch runs
serve $((2 * 86400 + 3600))
is "T50 not for ever" "$(runs)$(find spool/tlsrpt -name 20261120)" ""

# ---- two at once, the end of it ----
at 80000
echo 'sums 1' >spool/tlsrpt/20261121
touch hold
start q mox-runq -C "$T/conf" -w
through
is "T50 not before midnight" "$(runs)" ""
at $((86400 + 5000))
through
wait_until grep -q run runs
is "T50 started when the day changes, with the same configuration" "$(runs)" "run -C $T/conf;"
at $((86400 + 9000))
through
through
is "T50 never two at once" "$(wc -l <runs)" 1
stop q
wait_until grep -q term runs
is "it ends with mox-runq" "$(runs)" "run -C $T/conf;term;"
rm hold
echo 111 >code
rm runs && touch runs
serve $((86400 + 20000)) run
is "something left for another time is no failure" "$(grep -c event=tlsrpt-failed err)" 0
echo 100 >code
serve $((86400 + 30000)) run
wait_until grep -q 'event=tlsrpt-failed code=100' q.log
rm bin/mox-tlsrpt-send
serve $((86400 + 40000))
like "what goes wrong is told" "$(cat err)" 'level=warn event=tlsrpt-failed error='

# ---- mail that brings reports ----
rm -rf spool log err asks
at 0
touch log
report tls-starttls-not-supported@x.example >/dev/null
pass
ok "T58 what becomes of a report is no result" test ! -e spool/tlsrpt/20261121 -a -s log
report tls-starttls-not-supported@x.example >/dev/null
add --requiretls=no tls-starttls-not-supported@x.example >/dev/null
pass
is "T58 of other mail it is" "$(grep -c '^tls' spool/tlsrpt/20261121) $(grep '^tls' spool/tlsrpt/20261121 | cut -d' ' -f1-4)" "1 tls 1 no-policy-found x.example"
rm spool/tlsrpt/20261121
report a@frail.r.example >/dev/null
pass
is "T58 nor what planning for a report found" "$(ls spool/tlsrpt)$(grep -c frail.r asks)" 1
add --requiretls=no a@frail.s.example >/dev/null
report b@frail.s.example >/dev/null
pass
is "T58 but what other mail wanted, too" "$(sed -n 's/^tls //p' spool/tlsrpt/20261121)" "1 sts frail.s.example sts-policy-fetch-error"

# ---- failures ----
rm -rf spool/new/* spool/cur/* spool/index err log
touch log
id=$(report never@x.example never2@y.example sent@z.example)
pass
is "T57 nobody is told of a report that failed" "$(mox-queue-list -o sender)$(grep -c event=notice err)" 0
is "T57 but it is filed, by address" "$(cut -d' ' -f1,3 spool/tlsrpt/20261121.failed)" $'failed never@x.example\nfailed never2@y.example'
is "T57 for nobody else" "$(stat -c %a spool/tlsrpt/20261121.failed)" 600
like "and in the log" "$(cat err)" "event=report-failed id=$id\\.1 rcpt=never@x\\.example"
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$T" && chmod 644 envelope
	printf 'sender s@me.example\nextra moxq-report yes\nextra moxq-tlsrpt yes\nrcpt never3@x.example notify=never\nend\n' >envelope
	printf 'Subject: report\n\nx\n' >theirs
	# With the group that setgid would give.
	setpriv --reuid 54323 --regid "$(stat -c %g spool/new)" --clear-groups "$T/bin/mox-queue-add" -e 3 3<envelope <theirs >out
	pass
	is "T57 what another user calls a report fails as one" "$(cut -c1-3 out) $(grep -c 'event=report-failed.*never3@x' err)" "id  1"
	is "T57 and does not speak against the address" "$(grep -c never3@ spool/tlsrpt/20261121.failed)" 0
else
	skip "not root" "what others call a report"
fi
id=$(report later@x.example)
tries=() hour=0
for hour in 0 1 2 4 8 12 16 20 22 23.4 23.6 23.9 24.1 25; do
	at "$(awk "BEGIN { print int($hour * 3600) + 60 }")"
	pass
	tries+=("$(grep -c "later@x" log)")
done
is "T57 it is tried for less than 24 hours, the last time shortly before" "${tries[*]: -5}" "$((tries[-1] - 1)) ${tries[-1]} ${tries[-1]} ${tries[-1]} ${tries[-1]}"
ok "T57 often enough" test "${tries[-1]}" -ge 6
is "and then fails, filed" "$(mox-queue-list -o id)$(grep -c later@x spool/tlsrpt/20261121.failed)" 1
id=$(report later@x.example sent9@y.example)
mox-queue-hold "$id" >/dev/null
at $((3 * 86400))
mox-queue-release "$id" >/dev/null
before=$(wc -l <log)
pass
is "T57 what has waited longer is not tried any more" "$(wc -l <log)" "$before"
is "nor is it in the queue" "$(mox-queue-list -o id)" ""
done_testing
