#!/bin/bash
# One message of thousands of recipients, changed by an operator: each of them costs a look at the whole file, and nobody else waits for that.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-queue-* bin/
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
N=2500
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
max-recipients = $N
max-first-recipients-per-day = 0
max-messages-per-day = 0
transport "a" { type = smtp host = "127.0.0.1" }
X
touch log
seq -f 'later%g@x.example' $N >rcpts
# shellcheck disable=SC2046 # words
id=$(mox-queue-add --hold-until +1h -f s@y.example $(cat rcpts) <<<$'Subject: x\n\nbody' | sed 's/^id //')
start runq mox-runq -w
wait_until mox-queue-list
mox-queue-transport -all a >changed 2>/dev/null &
change=$!
wait_until bash -c "test -e spool/cur/*/$id.amend"
worst=0 asked=0
while kill -0 $change 2>/dev/null; do
	before=${EPOCHREALTIME/./}
	mox-queue-list -n 1 >/dev/null
	took=$((${EPOCHREALTIME/./} - before))
	[ $took -gt $worst ] && worst=$took
	asked=$((asked + 1))
done
wait $change
is "all are changed" "$(wc -l <changed)" $N
is "each once" "$(sort -u changed | wc -l)" $N
ok "others are answered meanwhile: $asked times, after $((worst / 1000)) ms at worst" test $worst -lt 1500000
is "so many at most" "$(mox-queue-transport -n 300 -transport a default 2>/dev/null | wc -l)" 300
is "the others are left as they were" "$(mox-queue-list -transport a | wc -l)" $((N - 300))

# ---- amendments that cannot be read ----
amend=$(echo spool/cur/*/"$id".amend)
head -c 9000000 /dev/zero | tr '\0' x >"$amend"
is "nothing is changed that could not be said beside the others" "$(mox-queue-schedule +1h "$id" 2>/dev/null | wc -l)" 0
is "and what stands there is kept" "$(wc -c <"$amend")" 9000000
stop runq
done_testing
