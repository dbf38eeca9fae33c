#!/bin/bash
# What a clock that was years ahead has written down: no mail and no notice waits for that time, but what somebody asked to wait does.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m", "20m", "1h" } }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
waits() { # ID: hours until its next attempt
	echo $((($(date -d "$(mox-queue-list -id "$1" -o next)" +%s) - $(date +%s) - $(cat clock)) / 3600))
}
touch log
echo 0 >clock
a=$(add later@x.example)
asked=$(add --hold-until +7000d held@z.example)
later=$(add later@s.example)
pass
mox-queue-schedule "$(date -u -d 'now + 20 years' +%Y-%m-%dT%H:%M:%SZ)" "$later" >/dev/null 2>&1
echo $((10 * 365 * 86400)) >clock
mv bin/mox-queue-add bin/real
printf '#!/bin/sh\nexit 111\n' >bin/mox-queue-add
chmod +x bin/mox-queue-add
printf 'sender s@me.example\nrcpt never@n.example\nend\n' >envelope
b=$(MOX_TEST_CLOCK='' bin/real -e 3 3<envelope <<<$'Subject: y\n\nbody' | sed 's/^id //')
pass
mv bin/real bin/mox-queue-add
is "tried while the clock is ten years ahead" "$(grep -c " later@x" log)" 2
is "what failed waits for its notice" "$(mox-queue-list -id "$b" -o state)" noticing
echo 0 >clock
mox-queue-list >/dev/null
ok "the clock is right again: they wait for that time" test "$(waits "$a")" -gt 80000
pass
like "a pass sees it" "$(cat err)" 'event=dates-mended recipients=[234]'
ok "and none waits longer than it may" test "$(waits "$a")" -le 6
is "the notice is made" "$(grep -c '  s@me.example' log) $(mox-queue-list -id "$b" -o id)" "1 "
ok "what was scheduled is not touched" test "$(waits "$later")" -gt 100000
ok "nor what its sender wants held" test "$(waits "$asked")" -gt 100000
echo $((7 * 3600)) >clock
pass
is "it is tried again within hours" "$(grep -c " later@x" log)" 3
ok "nothing is wrong with the spool" mox-queue-check
done_testing
