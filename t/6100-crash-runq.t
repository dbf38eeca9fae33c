#!/bin/bash
# T121 T126: mox-runq killed at every call by which a pass over a message with two recipients changes anything. Afterwards the spool has no fault,
# and each recipient has got the message: once, or twice where it died between the peer's answer and our mark.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
calls=renameat2,renameat,pwrite64,write,unlinkat,unlink,fsync,fdatasync,ftruncate,fallocate,sendmsg,mkdir,bind

setup() { # DIR: a spool with one message accepted
	mkdir -p "$1"
	cat >"$1/conf" <<-X
		hostname = "me.example"
		spool = "$1/spool"
		reserve = "64k"
		retry { intervals = { "10m" } jitter = false }
	X
	echo 0 >"$1/clock"
	: >"$1/log"
	export MOX_CONF=$1/conf MOX_TEST_CLOCK=$1/clock FAKE_LOG=$1/log FAKE_GO=$1/go
	mox-queue-add -f s@me.example one@x.example two@y.example <<<$'Subject: x\n\nbody' >"$1/id"
}

# What a whole pass does, one line a call: "name occurrence".
setup "$T/good"
timeout 20 strace -qq -o "$T/trace" -e trace="$calls" mox-runq 2>/dev/null
is "a whole pass delivers both" "$(grep -c '^deliver' "$T/good/log")" 2
sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$T/trace" | awk '{print $1, ++n[$1]}' >steps
ok "and takes some steps" test "$(wc -l <steps)" -gt 20

step() { # CALL N: prints one line of what is wrong, or nothing
	local d=$T/$1.$2 r faults
	setup "$d"
	timeout 20 strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" mox-runq 2>/dev/null
	echo 700 >"$d/clock"
	timeout 20 mox-runq 2>"$d/err" || echo "$1 $2: the next pass fails: $(cat "$d/err")"
	for r in one@x.example two@y.example; do
		n=$(grep -c " $r " "$d/log")
		[ "$n" -ge 1 ] && [ "$n" -le 2 ] || echo "$1 $2: $r got it $n times"
		[ "$n" = 2 ] && echo "$1 $2" >>"$T/twice"
	done
	[ -z "$(find "$d/spool/new" "$d/spool/cur" -type f)" ] || echo "$1 $2: files are left"
	faults=$(mox-queue-check "$d/spool" 2>&1) || echo "$1 $2: $faults"
	rm -rf "$d"
}
export -f step setup
export T calls
xargs -P "$(nproc)" -L 1 bash -c 'step "$0" "$1" 2>/dev/null' <steps >wrong
is "T121 killed at each of $(wc -l <steps) steps: nothing lost, nothing wrong" "$(cat wrong)" ""
echo "# delivered twice after $( [ -f twice ] && wc -l <twice || echo 0) of the kills"
ok "T126 twice only between the answer and the mark" test "$( [ -f twice ] && wc -l <twice || echo 0)" -lt 12
done_testing
