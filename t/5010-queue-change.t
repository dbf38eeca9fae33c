#!/bin/bash
# mox-queue-hold, -release, -schedule and the mailq listing, against a stand-in for mox-runq.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export TZ=UTC
A=0d3k9v2x7m4qa B=0d3k9v2x7m4qb
printf 'id %s.1\nend\nid %s.2\nend\nid %s.1\nend\n' $A $A $B >ids
owner() { # NAME MODE [ROWS]
	mkdir "$T/$1"
	start "$1" "$TOP/t/fake-ctl" "$T/$1/ctl" "$T/$1.asked" "${@:2}"
	wait_until test -S "$T/$1/ctl"
}
owner q changes ids
export MOX_SPOOL=$T/q

is "hold prints the ids it changed and nothing else" "$(mox-queue-hold -to @example.com 2>said)" "$A.1
$A.2
$B.1"
is "and says how many on fd 2" "$(cat said)" "mox-queue-hold: held 3"
is "the owner is asked for it" "$(cat q.asked)" "op hold
sel to @example.com
end"
rm q.asked
is "release, dry" "$(mox-queue-release -dry-run $A.2 2>&1)" "$A.2
mox-queue-release: would be released 1"
is "a dry run is asked as such" "$(cat q.asked)" "op release
sel id $A.2
dry-run yes
end"
rm q.asked
is "ids come from a pipe" "$(printf '%s.1\n%s.1\n' $A $B | mox-queue-hold -n 1 - 2>/dev/null)" "$A.1"
is "and so many at most" "$(grep -c limit q.asked)" 1
rm q.asked

for bad in hold release 'schedule now'; do
	# shellcheck disable=SC2086
	fails 100 "nothing selected is not everything: $bad" mox-queue-$bad
done
ok "nothing was asked" test ! -e q.asked
ok "an empty pipe changes nothing" bash -c 'mox-queue-hold - </dev/null'
ok "and asks nothing" test ! -e q.asked
fails 100 "a broken id in the pipe" bash -c 'echo 0d3k9v2x7m4qu | mox-queue-hold -'
ok "-all means everything" mox-queue-hold -all
is "without a selection" "$(cat q.asked)" $'op hold\nend'

when() { rm -f q.asked; mox-queue-schedule "$@" $A >/dev/null 2>&1; sed -n 's/^set next //p' q.asked; }
is "schedule now" "$(when now)" now
is "schedule +2h" "$(when +2h)" +2h
is "schedule -30m" "$(when -30m)" -30m
is "schedule at a time" "$(when 2026-11-21T10:00:30Z)" 1795255230000000
is "schedule at a time with an offset" "$(when '2026-11-21 10:00+0130')" 1795249800000000
is "schedule on a day" "$(when 2026-11-21)" 1795219200000000
is "local time" "$(TZ=UTC-1 when 2026-11-21T10:00)" 1795251600000000
echo 1000000000 >clock
us=$(MOX_TEST_CLOCK=$T/clock when 2h)
ok "a plain duration is from now" test "$((us / 1000000 - $(date +%s) - 1000007200))" -ge -3 -a "$((us / 1000000 - $(date +%s) - 1000007200))" -le 3
for bad in 2026-02-30 2026-13-01 10:00 +2y never 2026-11-21T25:00 2026-11-21T10:00X ''; do
	fails 100 "no time: '$bad'" mox-queue-schedule "$bad" $A
done
is "options and when in any order" "$(mox-queue-schedule -to @x -30m -n 1 2>/dev/null)" "$A.1"

owner denied denied
MOX_SPOOL=$T/denied fails 100 "denied" mox-queue-hold $A
owner close close ids
MOX_SPOOL=$T/close fails 111 "an owner that dies meanwhile" mox-queue-hold $A
is "what it did before is printed" "$(MOX_SPOOL=$T/close mox-queue-hold $A 2>/dev/null)" "$A.1"
ok "an output that cannot be written is an error" bash -c '! mox-queue-hold -all >/dev/full'

cat >rows <<ROWS
id $A.1
sender joe@example.org
rcpt user@example.com
state waiting
queued 1800000000000000
next 1800000900000000
code 451
error 451 4.7.1 Greylisted\x0aCome back later \x1b[2J
size 1000
end
id $A.2
sender joe@example.org
rcpt more@example.com
state waiting
queued 1800000000000000
next 1800000900000000
error 451 4.7.1 Greylisted\x0aCome back later \x1b[2J
size 1000
end
id $A.3
sender joe@example.org
rcpt other@example.net
state held
hold o
queued 1800000000000000
size 1000
end
id $B.1
sender 
rcpt third@example.com
state delivering
queued 1800000600000000
size 1500
end
id 0d3k9v2x7m4qc.1
sender ann@example.org
rcpt third@example.com
state held
hold u
queued 1801000600000000
size 15000
end
ROWS
owner mailq ok rows
cat >mailq.ref <<'REF'
-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
0d3k9v2x7m4qa      1000 Fri Jan 15 08:00:00 joe@example.org
                           (451 4.7.1 Greylisted\x0aCome back later \x1b[2J)
                                            user@example.com
                                            more@example.com
                                                      (held by the operator)
                                            other@example.net

0d3k9v2x7m4qb*     1500 Fri Jan 15 08:10:00 MAILER-DAEMON
                                            third@example.com

0d3k9v2x7m4qc!    15000 Tue Jan 26 21:56:40 ann@example.org
                                                          (held by the user)
                                            third@example.com

		Total Requests: 3
-- 18 Kbytes in 3 Requests.
REF
MOX_SPOOL=$T/mailq mox-queue-list --mailq >mailq.out
ok "S45 S46 mailq" diff mailq.ref mailq.out
like "S45 check_mailq -M postfix reads the last line" "$(tail -n 1 mailq.out)" '^--[[:space:]]+[0-9]+[[:space:]]+[A-Za-z]bytes[[:space:]]+in[[:space:]]+3[[:space:]]+Req'
is "S48 the other known forms, nullmailer's and Exim's, are in none of its lines" "$(grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2} |^ *[0-9]+[smhd] .*<.*>' mailq.out)" 0
owner empty ok 0
is "S45 an empty queue" "$(MOX_SPOOL=$T/empty mox-queue-list --mailq)" "Mail queue is empty"
MOX_SPOOL=$T/empty ok "S47 and exits 0" mox-queue-list --mailq
done_testing
