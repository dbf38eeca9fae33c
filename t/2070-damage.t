#!/bin/bash
# A message whose bytes are not those that came in any more: looked for where a disk can have lost them, in mail that waited.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0
cat >conf <<E
hostname = "me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
E
chmod 711 "$T"
echo 0 >clock
touch log
add() { (printf 'Subject: x\n\n'; head -c "$1" /dev/zero | tr '\0' x | fold -w 70) | mox-queue-add -f me@me.example "${@:2}" | sed 's/^id //'; }
pass() { timeout 60 mox-runq 2>>err; }
flip() { printf y | dd of="$(echo spool/cur/??/"$1")" bs=1 seek=30 conv=notrunc 2>/dev/null; }
tried() { grep -c "^deliver $1 " log; }

whole=$(add 100 later@a.example)
damaged=$(add 100 later@b.example later@c.example)
large=$(add 300000 later@d.example)
pass
is "all are tried" "$(tried "$whole") $(tried "$damaged") $(tried "$large")" "1 2 1"
flip "$damaged"
flip "$large"
echo 1900 >clock
pass
is "half an hour old: nobody looks" "$(tried "$damaged")" 4
echo 3800 >clock
pass
is "more than an hour: it is not sent" "$(tried "$damaged")" 4
is "... once for all its recipients" "$(grep -c event=corrupt err)" 1
like "... and kept, with the reason" "$(cat "spool/corrupt/$damaged.why")" 'does not match its checksum'
is "... nothing else is" "$(ls spool/corrupt | wc -l)" 2
is "what is whole is tried, and what is too large to be looked at" "$(tried "$whole") $(tried "$large")" "3 3"
mox-queue-list -o rcpt | sort >left
is "both wait on" "$(paste -sd' ' left)" "later@a.example later@d.example"
like "mox-queue-check finds that one" "$(mox-queue-check 2>/dev/null)" "$large: its message does not match its checksum"
done_testing
