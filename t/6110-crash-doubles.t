#!/bin/bash
# T69 T121: mox-runq killed at every call by which it gathers a double bounce, and at every call by which it tells of what was gathered: the
# postmaster hears of it once, at worst twice, and never not at all.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
calls=renameat2,renameat,pwrite64,write,unlinkat,unlink,fsync,fdatasync,ftruncate,sendmsg

setup() { # DIR: a message without sender that nobody takes; twenty have been told in this hour
	mkdir -p "$1/bodies"
	cat >"$1/conf" <<-X
		hostname = "me.example"
		spool = "$1/spool"
		reserve = "0"
		retry { intervals = { "10m" } jitter = false }
	X
	echo 0 >"$1/clock"
	: >"$1/log"
	export MOX_CONF=$1/conf MOX_TEST_CLOCK=$1/clock FAKE_LOG=$1/log FAKE_GO=$1/go FAKE_BODIES=$1/bodies
	mox-queue-add -f '' never@x.example <<<$'Subject: x\n\nbody' >/dev/null
	for _ in {1..20}; do date +'told %s000000'; done >"$1/spool/doubles"
	chmod 600 "$1/spool/doubles"
}
traced() { # STRACE-ARGUMENT...
	timeout 20 strace -qq -e trace="$calls" "$@" mox-runq 2>>"$FAKE_LOG.err"
}
# One line a call: "name occurrence"; without the thousand by which the index makes room for itself.
steps() { awk -F'(' '/^[a-z0-9_]*\(/ { n[$1]++; if (!/\(15, "(\\0)+"/ && !/, "(\\0){30}/) print $1, n[$1] }' "$T/trace"; }
told() { grep -l '^never@x.example' "$1"/bodies/* 2>/dev/null | wc -l; }

setup "$T/good"
traced -o "$T/trace"
steps | sed '1,/^sendmsg/{/^sendmsg/!d}' >gather.steps # up to there nothing is new
is "it is gathered" "$(grep -c ^over good/spool/doubles) $(told good)" "1 0"
echo 3700 >good/clock
traced -o "$T/trace"
steps >digest.steps
is "and told" "$(ls good/spool/doubles 2>/dev/null) $(told good)" " 1"

ends() { # WHAT CALL N DIR: whatever happened, later passes
	local n
	for n in 4000 8000; do
		echo "$n" >"$4/clock"
		timeout 20 mox-runq 2>>"$4/err" || echo "$1 $2 $3: the pass at $n fails: $(tail -n 1 "$4/err")"
	done
	n=$(told "$4")
	[ "$n" -ge 1 ] && [ "$n" -le 2 ] || echo "$1 $2 $3: told $n times"
	[ "$n" = 2 ] && echo "$1 $2 $3" >>"$T/twice"
	[ -z "$(find "$4/spool/new" "$4/spool/cur" -type f)" ] || echo "$1 $2 $3: files are left"
	n=$(mox-queue-check "$4/spool" 2>&1) || echo "$1 $2 $3: $n"
	rm -rf "$4"
}
gather_step() { # CALL N
	local d=$T/g.$1.$2
	setup "$d"
	traced -o /dev/null -e inject="$1:signal=KILL:when=$2"
	ends gather "$1" "$2" "$d"
}
digest_step() {
	local d=$T/d.$1.$2
	setup "$d"
	timeout 20 mox-runq 2>/dev/null
	echo 3700 >"$d/clock"
	traced -o /dev/null -e inject="$1:signal=KILL:when=$2"
	ends digest "$1" "$2" "$d"
}
export -f setup traced told ends gather_step digest_step
export T calls
for what in gather digest; do
	xargs -P "$(nproc)" -L 1 bash -c "${what}_step \"\$0\" \"\$1\" 2>/dev/null" <$what.steps >wrong
	is "T121 killed at each of $(wc -l <$what.steps) steps of a $what" "$(cat wrong)" ""
done
echo "# told twice after $(cat twice 2>/dev/null | wc -l) of the kills"
ok "T69 twice only between the telling and the mark" test "$(cat twice 2>/dev/null | wc -l)" -lt 20
done_testing
