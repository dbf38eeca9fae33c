#!/bin/bash
# The sandbox holds: whatever a worker that somebody has taken over tries is refused, by sandbox_enter alone and in a real worker of mox-deliver.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

hostile >inside 2>&1
rc=$?
if grep -q '^1\.\.0' inside; then skip_all "$(sed 's/.*SKIP //' inside)"; fi
while read -r line; do
	case $line in
	"ok "*) _report 0 "sandbox: ${line#*- }" ;;
	"not ok "*) _report 1 "sandbox: ${line#*- }" ;;
	"#"*) echo "$line" ;;
	esac
done <inside
is "the whole table was tried" "$rc $(grep -c '^ok' inside)" "0 $(sed -n 's/^1\.\.//p' inside)"

# The same source, preloaded: it tries all of it where the worker first connects.
if ldd "$MOX_BIN/mox-deliver" | grep -q libasan; then
	skip "the address sanitizer must be the first library" "in a real worker"
else
	mx m <<'X'
greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken
X
	job j "$PORT" -- a@x.test
	LD_PRELOAD=$MOX_OUT/t/hostile.so deliver j
	sed -n 's/^hostile //p' deliver.log >tried
	is "in a real worker all of it is tried" "$(wc -l <tried)" "$(($(grep -c '^ok' inside) - 3))"
	is "in a real worker nothing is allowed" "$(grep -vE ': (1|13|38)$' tried)" ""
	like "and that worker delivers all the same" "$(fate j 1)" '^sent 250'
fi
done_testing
