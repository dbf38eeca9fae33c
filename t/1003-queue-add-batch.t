#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-queue-add -B: many messages on one stream, an answer a message in order.
. "$(dirname "$0")/lib.sh"
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' 'max-message-size = "100k"' >mox.conf
count() { find "$MOX_SPOOL/$1" -type f | wc -l; }
one() { # RCPT BODY [ENVELOPE LINES]
	printf 'sender a@example.com\nrcpt %s\n%bsize %d\nend\n%s' "$1" "${3:-}" ${#2} "$2"
}
body=$'Subject: hello\n\nbody\n.\nend\n'

for ((i = 1; i <= 300; i++)); do one "r$i@example.org" "$body"; done >stream
mox-queue-add -B <stream >answers 2>err
is 'exit code' $? 0
is '300 ids' "$(grep -cE '^id [0-9a-hjkmnp-tv-z]{13}$' answers) $(wc -l <answers)" '300 300'
is 'answers in the order of the messages' "$(while read -r _ id; do sed -n 's/^rcpt .... r\(.*\)@.*/\1/p' "spool/new/$id"; done <answers)" "$(seq 300)"
ok 'all whole' spool-check spool
is 'nothing left in tmp' "$(count tmp)" 0
is 'ids rise' "$(sort answers | cmp - answers && echo yes)" yes

rm spool/new/*
{
	one good1@example.org "$body"
	one 'bad@' "$body"
	one good2@example.org "$body" 'requiretls perhaps\n'
	one good3@example.org "$(printf '%0200000d' 0)"
	one good4@example.org ''
	one $'x@y.example\nHELLO' "$body"
	one good5@example.org "$body"
} | mox-queue-add -B >answers 2>err
is 'bad ones do not stop the stream: exit code' $? 0
is 'each has its answer' "$(cut -d' ' -f1 answers | tr '\n' ' ')" 'id never never large id never id '
like 'with its reason' "$(sed -n 2p answers)" '^never unable to take the recipient bad@: '
like 'and its reason' "$(sed -n 4p answers)" '^large unable to take the message: it is larger than 102400 bytes$'
is 'the good ones are there' "$(grep -aho 'good[0-9]@' spool/new/* | sort -u | tr -d '\n')" 'good1@good4@good5@'
ok 'and whole' spool-check spool

rm spool/new/*
fails 111 'a stream that ends inside a message' bash -c "$(declare -f one); { one a@b.example '$body'; one c@d.example '$body' | head -c 60; } | mox-queue-add -B >answers"
is 'what came before is queued and answered' "$(cut -c1-3 answers) $(count new) $(count tmp)" 'id  1 0'
fails 111 'a stream that ends inside an envelope' bash -c "$(declare -f one); { one a@b.example '$body'; printf 'sender a@'; } | mox-queue-add -B >answers"
is 'what came before is queued and answered' "$(cut -c1-3 answers) $(count new) $(count tmp)" 'id  2 0'
fails 100 'an envelope without size' bash -c "$(declare -f one); { one a@b.example '$body'; printf 'sender \nrcpt a@b.example\nend\n'; } | mox-queue-add -B >answers"
is 'what came before is queued and answered' "$(cut -c1-3 answers) $(count new) $(count tmp)" 'id  3 0'
fails 111 'no stream at all' bash -c "echo hello | mox-queue-add -B"
ok 'an empty stream' mox-queue-add -B
fails 111 'nobody hears the answers' bash -c "$(declare -f one); one a@b.example '$body' | mox-queue-add -B >/dev/full"
is 'the message is queued all the same' "$(count new)" 4

# Interactive: each is answered before the next is written
cat >talk.py <<'X'
import subprocess
p = subprocess.Popen(["mox-queue-add", "-B"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for i in range(5):
    p.stdin.write(b"size 10\nsender \nrcpt a@b.example\nend\nS: x\n\nabc\n"); p.stdin.flush()
    print(p.stdout.readline()[:3].decode())
p.stdin.close(); print(p.wait())
X
is 'no answer waits for more input' "$(timeout 20 python3 talk.py | tr '\n' ' ')" 'id  id  id  id  id  0 '
(ulimit -n 20 && mox-queue-add -B <stream >answers 2>err)
is 'with few descriptors, too' "$? $(grep -c '^id' answers)" '0 300'

# T121: a signal between two messages of a batch: nothing is answered, nothing half
rm -f spool/new/*
mkfifo in
mox-queue-add -B <in >answers 2>err &
pid=$!
exec 8>in
{
	one a@b.example "$body"
	one c@d.example "$body" | head -c 60
} >&8
half() { [ "$(count new) $(count tmp)" = '1 1' ]; }
ok 'T121 the first is committed while the second is half here' wait_until half
kill -TERM $pid
wait $pid
is 'T121 TERM inside a message: exit code' $? 111
is 'T121 the answered one stays, the other is gone' "$(cut -c1-3 answers) $(count new) $(count tmp)" 'id  1 0'
exec 8>&-
done_testing
