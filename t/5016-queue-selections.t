#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# What operators paste: every way to select, with one dash or two, and every command that changes something: the ids it changed on standard
# output and nothing else, how many on standard error, nothing read, --dry-run, and all of it there when the index is built anew.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-retired-list "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0 TZ=UTC
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
reserve = "64k"
retry { intervals = { "30m" } jitter = false }
max-recipients = 2000
max-first-recipients-per-day = 0
max-messages-per-day = 0
transport "relay" { type = smtp host = "127.0.0.1" }
X
touch log
echo 0 >clock
forward() { echo $(($(cat clock) + $1)) >clock; }
add() { mox-queue-add "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
col() { mox-queue-list "${@:2}" -o "$1" | tr '\t\n' '  ' | sed 's/ $//'; }
# The owner that a command started for itself goes now, not when nobody has asked for a while.
alone() {
	find /proc/[0-9]*/exe -maxdepth 0 -lname "$T/bin/mox-runq" 2>/dev/null | cut -d/ -f3 | xargs -r kill
	flock spool/lock true
}
rebuild() { alone; rm -rf spool/index; }

# ---- selections ----
a=$(add --account ann --extra invoice=7 --extra 'Long one=a b' -f joe@example.org later1@x.example later2@y.example)
forward 7200
b=$(add --account bob --extra invoice=70 --transport relay -f '' sent@z.example held@z.example)
c=$(add -f ann@sub.example.org -- due@sub.x.example)
mox-queue-hold "$b.2" >/dev/null 2>&1
mox-queue-schedule +5h "$c" >/dev/null 2>&1
alone
timeout 30 mox-runq 2>err
is "what is there" "$(col id,state)" "$a.1 waiting $a.2 waiting $b.2 held $c.1 waiting"
n=0
while IFS='|' read -r what ids; do
	[ -n "$what" ] || continue
	n=$((n + 1))
	eval "words=($what) ids=\"$ids\""
	two=("${words[@]}")
	for i in "${!two[@]}"; do [[ ${two[i]} != -[a-z]* ]] || two[i]=-${two[i]}; done
	is "$what" "$(col id "${words[@]}")" "$ids"
	is "${two[*]}" "$(col id "${two[@]}")" "$ids"
done <<'X'
-id $a.1 -id $c|$a.1 $c.1
-from @example.org|$a.1 $a.2
-from joe@EXAMPLE.org|$a.1 $a.2
-from '<>'|$b.2
-to @z.example|$b.2
-to later2@y.example|$a.2
-domain .x.example|$a.1 $c.1
-domain x.example|$a.1
-site mx.x.example|$a.1
-account ann|$a.1 $a.2
-transport relay|$b.2
-hold yes|$b.2
-hold o|$b.2
-hold no|$a.1 $a.2 $c.1
-state held|$b.2
-state waiting -to @y.example|$a.2
-queued '<1h'|$b.2 $c.1
-queued '>1h'|$a.1 $a.2
-next '>now'|$a.1 $a.2 $c.1
-next '<1h'|$a.1 $a.2
-attempts 1|$a.1 $a.2
-attempts '<1'|$b.2 $c.1
-attempts '>0' -to @x.example|$a.1
-error 'TRY later'|$a.1 $a.2
-error '4.*later'|$a.1 $a.2
-extra invoice=7|$a.1 $a.2
-extra INVOICE=70|$b.2
-extra invoice|$a.1 $a.2 $b.2
-extra 'Long one=a b'|$a.1 $a.2
-extra nothing|
-n 2|$a.1 $a.2
-sort queued -asc -n 1|$a.1
-sort queued -desc -n 1|$c.1
-sort attempts -desc -n 2|$a.2 $a.1
X
ok "$n selections" test "$n" -ge 30
is "ids on standard input" "$(printf '%s\n' "$c" "$a.2 and what stands behind it" | mox-queue-list - -o id | tr '\n' ' ')" "$a.2 $c.1 "
is "-o extra" "$(col extra -id "$a.1")" 'invoice=7 Long%20one=a%20b'
is "and as JSON" "$(mox-queue-list -j -o extra "$b" | python3 -c 'import json, sys; print(json.load(sys.stdin)["extra"])')" "invoice=70"
rebuild
is "the index built anew knows the extra values" "$(col id -extra invoice=7)" "$a.1 $a.2"
alone
is "and so does the history" "$(mox-retired-list -extra invoice=70 -o rcpt,extra | tr '\t\n' '  ')" ""
mox-queue-drop "$a.2" >/dev/null 2>&1
is "of what has left the queue" "$(mox-retired-list -extra invoice=7 -o rcpt,result | tr '\t\n' '  ')" "later2@y.example cancelled "
like "mox-queue-show tells of the extra values" "$(mox-queue-show "$b")" $'\nextra +invoice 70\n'

# ---- changes ----
d=$(add -f joe@example.org one@x.example two@x.example)
# change DONE FIELD BEFORE AFTER -- COMMAND...: dry, then in earnest, then the index is lost
change() {
	local done=$1 field=$2 before=$3 after=$4 out
	shift 5
	for dry in -dry-run --dry-run; do
		out=$("$@" $dry "$d" 2>said <&-)
		is "$1 $dry: ids alone" "$? $out" "0 $d.1"$'\n'"$d.2"
		is "$1 $dry: how many" "$(cat said)" "$1: would be $done 2"
	done
	is "$1 --dry-run: nothing changed" "$(col "$field" -id "$d")" "$before"
	out=$("$@" "$d" 2>said <&-)
	is "$1: ids alone" "$? $out" "0 $d.1"$'\n'"$d.2"
	is "$1: how many" "$(cat said)" "$1: $done 2"
	is "$1: changed" "$(col "$field" -id "$d")" "$after"
	rebuild
	is "$1: and with the index built anew" "$(col "$field" -id "$d")" "$after"
	out=$("$@" "$d" 2>said <&-)
	[[ $1 == *-schedule ]] || is "$1: once more changes nothing" "$out $(cat said)" " $1: $done 0"
}
change held hold "- -" "o o" -- mox-queue-hold
change released hold "o o" "- -" -- mox-queue-release
change scheduled next "$(col next -id "$d")" "2100-01-01T00:00:00Z 2100-01-01T00:00:00Z" -- mox-queue-schedule 2100-01-01T00:00:00Z
change changed transport "- -" "relay relay" -- mox-queue-transport relay
change changed requiretls "- -" "yes yes" -- mox-queue-requiretls yes
change failed state "waiting waiting" "noticing noticing" -- mox-queue-fail
d=$(add -f joe@example.org three@x.example four@x.example)
change dropped id "$d.1 $d.2" "" -- mox-queue-drop
alone

# ---- many ids on standard input ----
N=${RELEASE:-5000} # 100000 takes a minute
python3 - "$N" >stream <<'P'
import sys
n, body = int(sys.argv[1]), "Subject: x\n\nbody\n"
for m in range(n // 1000):
    print("sender s@y.example", *["rcpt r%d@d%d.example" % (r, m) for r in range(1000)], "hold-until 4102444800000000", "size %d" % len(body), "end", sep="\n")
    print(body, end="")
P
mox-queue-add -B <stream >/dev/null
start runq mox-runq -s
in_all() { [ "$(mox-queue-list -from s@y.example -o id | wc -l)" = "$N" ]; }
wait_until in_all
is "$N are held" "$(mox-queue-hold -from s@y.example 2>/dev/null | wc -l)" "$N"
mox-queue-list -from s@y.example -o id >ids
before=${EPOCHREALTIME/./}
mox-queue-release - <ids >released 2>said
took=$(((${EPOCHREALTIME/./} - before) / 1000))
is "$N ids on standard input are released" "$(cat said)" "mox-queue-release: released $N"
ok "each once, and in their order" cmp ids released
ok "in bounded time: $took ms" test $took -lt $((N * 3))
is "nothing of it is held" "$(mox-queue-list -from s@y.example -hold yes | wc -l)" 0
stop runq
ok "and nothing is wrong with the queue" mox-queue-check
alone
done_testing
