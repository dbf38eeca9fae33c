#!/bin/bash
# make demo, as a new user runs it: it ends well by itself, tells its story and leaves nothing running.
# shellcheck disable=SC2317
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

mkdir tmp
begun=$SECONDS
TMPDIR=$T/tmp ok "the demo ends well" "$TOP/contrib/demo"
cp .out out
ok "... within 20 seconds" test $((SECONDS - begun)) -le 20
dir=$(echo tmp/moxq-demo.*)
like "the directory is kept, and named" "$(cat out)" "moxq at work in $T/$dir"
is "one message arrived, and the notice for another" "$(find "$dir/sink/new" -type f | wc -l)" 2
like "... and is shown" "$(cat out)" 'Subject: Hello.*Sent by make demo'
like "the list shows the retry with what the server said" "$(cat out)" $'slow-temperror@example.net[ \t]+[a-z]+[ \t]+[2-9][ \t]+451'
unlike "... and the refused one no more, nor the delivered one" "$(grep -P '\twaiting\t' out)" 'gone|alice'
like "the notice tells what happened" "$(cat out)" '7\. The notice.*Subject: .*gone-permerror@example.com.*550'
left_running() { grep -lsz "$T/tmp" /proc/[0-9]*/environ; }
none_left() { [ -z "$(left_running)" ]; }
ok "nothing is left running" wait_until none_left

# What it says to go on with, line by line
sed -n 's/^    \(export \|mox-\)/\1/p' out >go
is "the hints are there" "$(wc -l <go)" 6
sink=$(grep '^mox-localserve' go)
start sink bash -c "exec ${sink% &}"
wait_until grep -q ^listening sink.log
sed -i '/^mox-localserve/d; s/^export PATH=[^ ]*/export/' go
ok "... and work as they stand" bash -e go
is "the released one was tried again" \
	"$(MOX_CONF=$T/$dir/mox.conf mox-queue-list -to slow-temperror@example.net -o state,attempts | sed 's/[3-9]$/N/')" $'waiting\tN'
done_testing
