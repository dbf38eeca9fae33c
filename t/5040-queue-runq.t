#!/bin/bash
# The queue commands against mox-runq itself: nobody delivers here, mox-runq -s is started by whoever asks.
. "$(dirname "$0")/lib.sh"
[ -x "$MOX_BIN/mox-runq" ] || skip_all "no mox-runq"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
export MOX_SPOOL=$T/q TZ=UTC MOX_TEST_CLOCK=$T/clock
echo 0 >clock
chmod 711 "$T"
add() { printf 'Subject: %s\n\nbody\n' "$1" | mox-queue-add "${@:2}" | sed -n 's/^id //p'; }
col() { mox-queue-list "${@:2}" -o "$1" | tr '\t\n' '  ' | sed 's/ $//'; }
changed() { "$@" 2>/dev/null | tr '\n' ' ' | sed 's/ $//'; }

A=$(add one -f joe@example.org user@example.com other@example.net)
B=$(add two -f '' third@example.com)
C=$(add three -f ann@example.org fourth@sub.example.com)
is "all that was queued is listed, in order" "$(col id)" "$A.1 $A.2 $B.1 $C.1"
is "and due" "$(col state,attempts -to @example.net)" "due 0"
is "by domain and below" "$(col id -domain .example.com)" "$A.1 $B.1 $C.1"
is "by sender" "$(col rcpt -from '<>')" third@example.com
is "by id and filter" "$(col id -id "$A" -id "$C" -to @example.com)" "$A.1"
is "by age" "$(col id -queued '<1h' -n 1) $(col id -queued '>1h')" "$A.1 "
is "mailq" "$(mox-queue-list --mailq | tail -n 2 | tr -d '\t')" "Total Requests: 3
-- 1 Kbytes in 3 Requests."
is "JSON" "$(mox-queue-list -j -id "$B" | python3 -c 'import json,sys
for l in sys.stdin: r = json.loads(l); print(r["sender"], r["subject"], r["domain"])')" "<> two example.com"

is "a dry run says what it would hold" "$(changed mox-queue-hold -dry-run -to @example.com)" "$A.1 $B.1"
is "and holds nothing" "$(col hold)" "- - - -"
is "list and hold combine" "$(mox-queue-list -to @example.com -o id | mox-queue-hold - 2>said | tr '\n' ' ')" "$A.1 $B.1 "
is "how many" "$(cat said)" "mox-queue-hold: held 2"
is "they are held" "$(col id,state,hold,next -hold yes)" "$A.1 held o - $B.1 held o -"
is "what is held is not held again" "$(changed mox-queue-hold "$A" "$B")" "$A.2"
is "show tells" "$(mox-queue-show "$A.1" | sed -n 's/^\(state\|hold\) *//p' | tr '\n' ' ')" "held o "
ok "the message as it is" bash -c "mox-queue-show -m $A | cmp - <(tail -n +1 q/cur/*/$A | head -c \$(mox-queue-list -id $A.1 -o size))"
is "what is held is not scheduled" "$(changed mox-queue-schedule now "$A")" ""
is "release" "$(changed mox-queue-release -hold o)" "$A.1 $A.2 $B.1"
is "nothing is held" "$(col id -hold yes)" ""

is "schedule in two hours" "$(changed mox-queue-schedule 2h "$C")" "$C.1"
is "then it waits" "$(col state -next '>119m') $(col state -next '>121m')" "waiting "
is "an hour later than planned" "$(changed mox-queue-schedule +1h "$C") $(col id -next '>179m' -next '<181m')" "$C.1 $C.1"
is "half an hour earlier" "$(changed mox-queue-schedule -30m "$C") $(col id -next '>149m' -next '<151m')" "$C.1 $C.1"
is "at a time" "$(changed mox-queue-schedule 2100-01-01T00:00:00Z "$C") $(col next -id "$C")" "$C.1 2100-01-01T00:00:00Z"
is "now" "$(changed mox-queue-schedule now "$C") $(col state -id "$C")" "$C.1 due"

ok "nothing is wrong, with the owner" mox-queue-check
rm "q/cur"/*/"$C"
like "a row without file is found" "$(mox-queue-check)" "^$C.1: "
printf x >>"$(echo q/cur/*/"$B")"
like "a damaged file is found" "$(mox-queue-check)" "cur/../$B: "
owner=$(python3 -c 'import fcntl,os
for p in os.listdir("/proc"):
    try:
        if p.isdigit() and os.readlink("/proc/%s/exe" % p).endswith("/mox-runq") and b"MOX_SPOOL='"$T"'/q" in open("/proc/%s/environ" % p, "rb").read(): print(p)
    except OSError: pass')
xargs -r kill <<<"$owner"
wait_until python3 -c 'import fcntl; fcntl.flock(open("q/lock"), fcntl.LOCK_EX | fcntl.LOCK_NB)'
ok "no owner, no question: only files are checked" bash -c 'mox-queue-check; [ $? = 100 ] && ! [ -S q/ctl ]'
fails 100 "-r" mox-queue-check -r
is "the broken file was put away" "$(ls -I '*.why' q/corrupt)" "$B"
like "and why it was" "$(cat "q/corrupt/$B.why")" "^from cur/../$B
why .*
when [0-9]+
end$"
# shellcheck disable=SC2317
has_rows() { [ -n "$(mox-queue-list)" ]; }
wait_until has_rows
ok "then nothing is wrong" mox-queue-check
is "the index is what the files say" "$(col id)" "$A.1 $A.2"

# What the tables of an index hold: one that no program of ours writes is put there while nobody owns it.
no_owner() {
	owner=$(sed -n 's/^[a-z]* //p' q/lock)
	kill "$owner" 2>/dev/null
	wait_until python3 -c 'import fcntl; fcntl.flock(open("q/lock"), fcntl.LOCK_EX | fcntl.LOCK_NB)'
}
no_owner
printf '%s\n' 'ajoe' 'sent 999999999\x0aend\x0a' | index-put "$T/q/index" limit
printf '%s\n' '\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02' 'id 0000000000001.3\x0aresult delivered\x0aend\x0a' | index-put "$T/q/index" retired
ok "nobody is asked where nobody runs" mox-queue-check
is "-i starts one to ask" "$(mox-queue-check -i 2>/dev/null)" \
	"index: table retired: 0000000000001.2: its value is the row of another; mox-runq passes it over
index: table limit: ajoe: its key names no address; mox-runq passes it over"

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && as_nobody test -x "$MOX_BIN/mox-queue-list"; then
	is "others do not see what is not theirs" "$(as_nobody mox-queue-list)" ""
	is "nor hold it" "$(as_nobody mox-queue-hold -all 2>&1)" "mox-queue-hold: held 0"
	fails 100 "nor schedule" as_nobody mox-queue-schedule -all now
	as_nobody true && fails 111 "nor look into the spool" as_nobody mox-queue-check
	ok "S27 S47 mailq for anyone" as_nobody mox-queue-list --mailq
	mkdir -m 711 none
	MOX_SPOOL=$T/none as_nobody mox-queue-list >out 2>&1
	is "where nobody runs the queue, others cannot, and are told so" "$? $(cat out)" \
		"111 mox-queue-list: unable to ask about the queue in $T/none: no mox-runq is running, and only root and the spool's user may start one"
else
	skip "not root" "others"
fi

runner() {
	python3 -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(9); s.connect("q/ctl"); s.send(b"op runner\nend\n"); print(*s.recv(9999).decode().split())'
}
no_owner
start serving mox-runq -s
ok "one that serves alone" wait_until runner
is "S22 says that it delivers nothing" "$(runner)" "status ok count 0 end"
stop serving
start staying mox-runq -w
wait_until runner
is "S22 one that stays says that it does" "$(runner)" "status ok count 1 end"
stop staying
done_testing
