#!/bin/bash
# mox-queue-list against a stand-in for mox-runq: rows, columns, JSON, sorting, filters as they are asked, and what hostile answers do.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export TZ=UTC
A=0d3k9v2x7m4qa B=0d3k9v2x7m4qb
cat >rows <<'ROWS'
id 0d3k9v2x7m4qa.1
sender joe@example.org
rcpt user@example.com
domain example.com
site mx1.example.com,mx2.example.com
account joe
state waiting
hold -
queued 1800000000000000
next 1800000900000000
attempts 2
last 1800000000000000
code 451
error 451 4.7.1 Greylisted\x0aCome back later, this is a rather long line of text
size 1234
transport 
requiretls 
messageid <1@example.org>
subject grün\xff \x1b[2J evil	‮live
end
id 0d3k9v2x7m4qa.2
sender joe@example.org
rcpt other@example.net
domain example.net
site 
account joe
state held
hold o
queued 1800000000000000
next 0
attempts 0
last 0
code 0
error 
size 1234
transport relay
requiretls yes
messageid <1@example.org>
subject x
end
id 0d3k9v2x7m4qb.1
sender 
rcpt third@example.com
domain example.com
state delivering
hold -
queued 1800000600000000
next 1800000660000000
attempts 10
size 9000
end
ROWS
sed -i 's/\t‮/\\x09‮/' rows

owner() { # NAME MODE [ROWS]: a spool $T/NAME with a stand-in owner
	mkdir "$T/$1"
	start "$1" "$TOP/t/fake-ctl" "$T/$1/ctl" "$T/$1.asked" "${@:2}"
	wait_until test -S "$T/$1/ctl"
}
list() { MOX_SPOOL=$T/$1 mox-queue-list "${@:2}"; }
on_tty() { # SPOOL COLUMNS ARGS...: on a terminal of that width
	MOX_SPOOL=$T/$1 script -qec "stty cols $2 -opost; mox-queue-list ${*:3}" /dev/null </dev/null
}

owner q ok rows
is "rows are parted by tabs, without header in a pipe; controls are escaped" "$(list q)" \
	$'0d3k9v2x7m4qa.1\twaiting\t2027-01-15T08:15:00Z\tuser@example.com\t451 4.7.1 Greylisted\\x0aCome back later, this is a rather long line of text
0d3k9v2x7m4qa.2\theld\t-\tother@example.net\t-
0d3k9v2x7m4qb.1\tdelivering\t2027-01-15T08:11:00Z\tthird@example.com\t-'
is "-o chooses columns; the null sender is <>" "$(list q -o id,sender,attempts | tail -n 1)" $'0d3k9v2x7m4qb.1\t<>\t10'
is "a hostile subject stays on its line and in its column" "$(list q -o subject,id | head -n 1)" \
	$'grün\\xff \\x1b[2J evil\\x09‮live\t0d3k9v2x7m4qa.1'
list q -j >json
ok "-j: one valid JSON object a line" python3 -c 'import json
rows = [json.loads(l) for l in open("json", encoding="utf-8")]
assert len(rows) == 3 and list(rows[0]) == "id sender rcpt domain site account state hold queued next attempts last code error size transport requiretls messageid subject host tls duration extra".split()
assert rows[0]["subject"] == "grün\\xff \\x1b[2J evil\\x09\u202elive" and rows[0]["code"] == 451 and rows[1]["next"] is None and rows[1]["hold"] == "o"
assert rows[2]["sender"] == "<>" and rows[2]["size"] == 9000'
is "-j -o" "$(list q -j -o id,size | head -n 1)" '{"id":"0d3k9v2x7m4qa.1","size":1234}'
is "-sort by a number, -desc" "$(list q -sort attempts -desc -o attempts | tr '\n' ' ')" "10 2 0 "
is "-sort with -n keeps the first" "$(list q -sort rcpt -n 2 -o rcpt | tr '\n' ' ')" "other@example.net third@example.com "
is "-desc alone turns the order of ids around" "$(list q -desc -o id -n 1)" "$B.1"
is "-n is asked of the owner" "$(list q -n 1 -o id)" "$A.1"

if command -v script >/dev/null; then
	on_tty q 80 | tr -d '\r' >screen
	like "a header on a terminal" "$(head -n 1 screen)" '^id +state +next +rcpt +error$'
	is "three rows below it" "$(wc -l <screen)" 4
	ok "no line is longer than 80 columns" awk 'length > 80 { exit 1 }' screen
	on_tty q 200 -o subject >screen
	ok "escapes, C1 and bidi controls of a subject never reach the terminal" \
		python3 -c 'import sys; t=open("screen",encoding="utf-8").read(); sys.exit("\x1b" in t or "\u202e" in t or r"\xe2\x80\xae" not in t)'
else
	skip "no script(1)" "a terminal"
fi

rm q.asked
list q -to @example.com -from '<>' -next '<2h' -queued '>2026-11-21T10:00:00+01:00' -hold no -error 'a b' --attempts='>3' -id $A -n 7 $B.1 >/dev/null
is "filters as they are asked" "$(cat q.asked)" "op list
sel to @example.com
sel from <>
sel next <2h
sel queued >1795251600000000@
sel hold no
sel error a\\x20b
sel attempts >3
sel id $A
sel id $B.1
limit 7
end"
rm q.asked
printf '%s\n\n%s.1\trest of a row\n' $A $B | list q - >/dev/null
is "ids are lines on fd 0; what stands behind an id is not looked at" "$(grep sel q.asked)" "sel id $A
sel id $B.1"
rm -f q.asked
is "no ids on fd 0 select nothing" "$(list q - </dev/null; cat q.asked 2>/dev/null)" ""
seq 0 2000 | awk '{ printf "0d3k9v2x7%04d\n", $1 }' | list q - -o id >ids
is "thousands of ids are asked in portions" "$(grep -c '^op' q.asked) $(grep -c '^sel id' q.asked)" "3 2001"

for bad in '-hold maybe' '-next 1h' '-next <1y' '-to=' '-n 0' '-n' '-j=1' '-o id,nothing' '-sort nothing' '-frob' 'noid' '-id x' '-mailq -j'; do
	# shellcheck disable=SC2086
	MOX_SPOOL=$T/q fails 100 "usage: $bad" mox-queue-list $bad
done
echo nonsense >ids
MOX_SPOOL=$T/q fails 100 "an input line that is no id" mox-queue-list - <ids

owner s starting rows
is "an owner that is starting is asked again" "$(list s -o id | wc -l)" 3
owner r reset rows
is "an owner that went away before it read the question is asked again" "$(list r -o id | wc -l)" 3
owner cut cut 7
is "a listing that is cut off goes on behind its last row" "$(list cut -o size | tr '\n' ' ')" "1000 1001 1002 1003 1004 1005 1006 "
is "and keeps to -n" "$(list cut -o size -n 3 | tr '\n' ' ')" "1000 1001 1002 "
MOX_SPOOL=$T/cut fails 111 "what is asked by ids is not asked twice" mox-queue-list -o id 6ys5q8fn68000 $A
owner denied denied
MOX_SPOOL=$T/denied fails 100 "denied" mox-queue-list
is "the owner's sentence is shown" "$(list denied 2>&1)" "mox-queue-list: unable to hold: the message is not yours"
owner bad bad
MOX_SPOOL=$T/bad fails 100 "bad" mox-queue-list
is "a control character in the sentence is shown escaped" "$(list bad 2>&1)" 'mox-queue-list: no such\x0aoperation'
owner failed failed
MOX_SPOOL=$T/failed fails 111 "failed" mox-queue-list
for mode in truncated long garbage badrow close; do
	owner "h$mode" "$mode" rows
	MOX_SPOOL=$T/h$mode fails 111 "hostile answer: $mode" mox-queue-list
	like "one sentence: $mode" "$(list "h$mode" 2>&1 >/dev/null)" '^mox-queue-list: unable to read the answer of mox-runq: [^
]+$'
done

owner many ok 100000
is "a hundred thousand rows" "$(list many -o id | wc -l)" 100000
case $MOX_OUT in
*asan*) skip "the sanitizer needs memory of its own" "constant memory" ;;
*)
	MOX_SPOOL=$T/many bash -c 'ulimit -v 60000; mox-queue-list -o rcpt | tail -n 1' >last
	is "pass in constant memory" "$(cat last)" r99999@example.com
	MOX_SPOOL=$T/many bash -c 'ulimit -v 60000; mox-queue-list -sort size -desc -n 2 -o size | tail -n 1' >last
	is "and are sorted in bounded memory with -n" "$(cat last)" 100998
	;;
esac

# The owner's sibling: started where nobody listens.
mkdir -p bin none
cp "$MOX_BIN/mox-queue-list" bin/
cat >bin/mox-runq <<EOF
#!/bin/bash
[ "\$1" = -s ] || exit 100
echo \$\$ >"$T/none.pid"
exec "$TOP/t/fake-ctl" "\$MOX_SPOOL/ctl" "$T/none.asked" ok "$T/rows"
EOF
chmod +x bin/mox-runq
is "with no owner mox-runq -s is started" "$(MOX_SPOOL=$T/none bin/mox-queue-list -o id | head -n 1)" "$A.1"
_pids+=("$(cat none.pid)")
mkdir empty
printf '#!/bin/bash\necho "mox-runq: something" >&2; echo "mox-runq: unable to open the spool: it is gone" >&2; exit 111\n' >bin/mox-runq
is "when it cannot start, its last sentence is ours" "$(MOX_SPOOL=$T/empty bin/mox-queue-list 2>&1)" \
	"mox-queue-list: mox-runq: unable to open the spool: it is gone"
MOX_SPOOL=$T/empty fails 111 "and the code is 111" bin/mox-queue-list
done_testing
