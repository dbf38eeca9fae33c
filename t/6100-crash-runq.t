#!/bin/bash
# T121 T126: mox-runq killed at every call by which a pass over a message with two recipients changes anything. Afterwards the spool has no fault,
# and each recipient has got the message: once, or twice where it died between the peer's answer and our mark. Then the same where one of them
# is refused: its sender gets a notice, or two, and never none. Then for a Maildir of this machine, and for an alias.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-retired-list bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
calls=renameat2,renameat,pwrite64,write,unlinkat,unlink,fsync,fdatasync,ftruncate,fallocate,sendmsg,mkdir,utimensat,bind

echo 'both: one@x.example, two@y.example' >aliases
setup() { # DIR RCPT...: a spool with one message accepted
	local d=$1
	shift
	mkdir -p "$d"
	cat >"$d/conf" <<-X
		hostname = "me.example"
		spool = "$d/spool"
		reserve = "64k"
		local-domains = { "here.example" }
		local-maildir = "$d/box"
		aliases = "$T/aliases"
		retry { intervals = { "10m" } jitter = false }
		keep-failed-messages = "1d"
	X
	echo 0 >"$d/clock"
	: >"$d/log"
	export MOX_CONF=$d/conf MOX_TEST_CLOCK=$d/clock FAKE_LOG=$d/log FAKE_GO=$d/go
	mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' >"$d/id"
}

# What a whole pass does, one line a call: "name occurrence".
steps() { # NAME RCPT...
	setup "$T/good" "${@:2}"
	timeout 20 strace -qq -o "$T/trace" -e trace="$calls" mox-runq 2>/dev/null
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$T/trace" | awk '{print $1, ++n[$1]}' >"$1.steps"
	cp "$T/good/log" "$1.log"
	rm -rf "$T/good"
}
steps both one@x.example two@y.example
is "a whole pass delivers both" "$(grep -c '^deliver' both.log)" 2
ok "and takes some steps" test "$(wc -l <both.steps)" -gt 20
steps bounce never@x.example two@y.example
is "a whole pass tells the sender of the one that is refused" "$(grep -c '  s@me.example ' bounce.log)" 1
ok "which takes some steps more" test "$(wc -l <bounce.steps)" -gt "$(wc -l <both.steps)"

killed() { # CALL N DIR RCPT...: killed there, and run again
	setup "$3" "${@:4}"
	timeout 20 strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" mox-runq 2>/dev/null
	echo 700 >"$3/clock"
	timeout 20 mox-runq 2>"$3/err" || echo "$1 $2: the next pass fails: $(cat "$3/err")"
}
seen() { # CALL N DIR WHO: once, or twice
	local n
	n=$(grep -c " $4 " "$3/log")
	[ "$n" -ge 1 ] && [ "$n" -le 2 ] || echo "$1 $2: $4 got it $n times"
	[ "$n" = 2 ] && echo "$1 $2" >>"$T/twice.$4"
}
# At worst two notices, each of them sent twice at worst, as any mail: the kill may hit the first one's delivery, too.
noticed() { # CALL N DIR
	local ids n most
	ids=$(sed -n 's/^deliver \([^ ]*\)  s@me\.example .*/\1/p' "$3/log" | sort)
	n=$(grep . <<<"$ids" | uniq | wc -l)
	most=$(uniq -c <<<"$ids" | sort -rn | awk '{ print $1; exit }')
	[ "$n" -ge 1 ] && [ "$n" -le 2 ] && [ "$most" -le 2 ] || echo "$1 $2: $n notices, one of them $most times"
	[ "$n" = 2 ] && echo "$1 $2" >>"$T/twice.notice"
}
finished() { # CALL N DIR RCPTS: each of them stands in the history once, and what failed in failed/
	local faults past
	past=$(mox-retired-list -o id "$(sed 's/^id //' "$3/id")" 2>&1 | tr '\n' ' ')
	[ "$(wc -w <<<"$past")" = "$4" ] || echo "$1 $2: in the history: $past"
	[ -z "$(find "$3/spool/new" "$3/spool/cur" -type f)" ] || echo "$1 $2: files are left"
	faults=$(mox-queue-check "$3/spool" 2>&1) || echo "$1 $2: $faults"
	rm -rf "$3"
}
step() { # CALL N: prints one line of what is wrong, or nothing
	local d=$T/$1.$2
	killed "$1" "$2" "$d" one@x.example two@y.example
	seen "$1" "$2" "$d" one@x.example
	seen "$1" "$2" "$d" two@y.example
	finished "$1" "$2" "$d" 2
}
bounce_step() {
	local d=$T/b.$1.$2
	killed "$1" "$2" "$d" never@x.example two@y.example
	seen "$1" "$2" "$d" two@y.example
	noticed "$1" "$2" "$d"
	[ -n "$(find "$d/spool/failed" -name "$(sed 's/^id //' "$d/id")")" ] || echo "$1 $2: it is not kept"
	finished "$1" "$2" "$d" 2
}
local_step() {
	local d=$T/l.$1.$2 n
	killed "$1" "$2" "$d" "$ME@here.example"
	n=$(find "$d/box/new" -type f | wc -l)
	[ "$n" -ge 1 ] && [ "$n" -le 2 ] || echo "$1 $2: $n in the Maildir"
	[ "$n" = 2 ] && echo "$1 $2" >>"$T/twice.local"
	finished "$1" "$2" "$d" 1
}
# What the killed one's mox-local sends on may come when the next pass is over.
alias_step() {
	local d=$T/a.$1.$2
	killed "$1" "$2" "$d" both@here.example
	echo 1400 >"$d/clock"
	timeout 20 mox-runq 2>>"$d/err"
	seen "$1" "$2" "$d" one@x.example
	seen "$1" "$2" "$d" two@y.example
	finished "$1" "$2" "$d" 1
}
ME=$(id -un)
export ME
export -f setup killed seen noticed finished step bounce_step local_step alias_step
export T calls
twice() { cat "$@" 2>/dev/null | wc -l; }
xargs -P "$(nproc)" -L 1 bash -c 'step "$0" "$1" 2>/dev/null' <both.steps >wrong
is "T121 killed at each of $(wc -l <both.steps) steps: nothing lost, nothing wrong" "$(cat wrong)" ""
echo "# delivered twice after $(twice twice.one* twice.two*) of the kills"
ok "T126 delivered twice only between the answer and the mark" test "$(twice twice.one* twice.two*)" -lt 12
sed -i '1,/^sendmsg/{/^sendmsg/!d}' bounce.steps # up to there nothing is new
xargs -P "$(nproc)" -L 1 bash -c 'bounce_step "$0" "$1" 2>/dev/null' <bounce.steps >wrong
is "T121 killed at each of $(wc -l <bounce.steps) steps of a bounce: never no notice, at worst two" "$(cat wrong)" ""
echo "# two notices after $(twice twice.notice) of the kills"
ok "T126 two only between the notice and the mark" test "$(twice twice.notice)" -lt 16
steps local "$ME@here.example"
sed -i '1,/^renameat2/{/^renameat2/!d}' local.steps
xargs -P "$(nproc)" -L 1 bash -c 'local_step "$0" "$1" 2>/dev/null' <local.steps >wrong
is "T121 killed at each of $(wc -l <local.steps) steps of a local delivery: nothing lost" "$(cat wrong)" ""
echo "# twice after $(twice twice.local) of the kills"
ok "T126 twice only between the delivery and the mark" test "$(twice twice.local)" -lt 8
steps alias both@here.example
is "a whole pass sends on what is for an alias, and delivers it" "$(cut -d' ' -f4 alias.log | sort | paste -sd' ')" "one@x.example two@y.example"
sed -i '1,/^renameat2/{/^renameat2/!d}; /^write/d' alias.steps
xargs -P "$(nproc)" -L 1 bash -c 'alias_step "$0" "$1" 2>/dev/null' <alias.steps >wrong
is "T121 killed at each of $(wc -l <alias.steps) steps of an alias: nothing lost" "$(cat wrong)" ""
done_testing
