#!/bin/bash
# Each fuzz target runs clean for a minute.
. "$(dirname "$0")/../lib.sh"
"$TOP/t/fuzz/run" "${FUZZ_TIME:-60}" >run.out
[ $? = 77 ] && skip_all "$(cat run.out)"
for f in "$TOP"/t/fuzz/*.c; do
	n=$(basename "$f" .c)
	like "$n: $(sed -n "s/^ok $n //p" run.out)" "$(grep -A40 "ok $n\$\|ok $n " run.out)" "^ok $n [1-9][0-9]* inputs"
done
done_testing
