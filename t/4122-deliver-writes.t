#!/bin/bash
# Nothing waits for a delayed ACK: what is due leaves in as few writes as there are round trips, on a socket without Nagle's algorithm. Two writes
# in a row, the second shorter than a segment, would cost 40 ms a message with it.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
strace -o /dev/null true 2>/dev/null || skip_all "no strace here"
N=12
body() { # BYTES
	{ printf 'Subject: x\r\n\r\n'; yes 'a line of seventy bytes, which is what most lines of a letter are like' | sed 's/$/\r/'; } | head -c $(($1 - 2))
	printf '\r\n'
}
for offers in PIPELINING,CHUNKING PIPELINING; do
	mx s <<X
== repeat
greet $offers
accept
X
	for size in 1024 3072 4096 16384; do
		body $size >$size.msg
		JOB_MESSAGE=$T/$size.msg
		jobs=()
		for i in $(seq $N); do
			job "j$i" "$PORT/none" -- a@x.test
			jobs+=("j$i.job")
		done
		strace -f -e trace=sendto,sendfile,writev,setsockopt -o calls fake-runq "${jobs[@]}" >report 2>&1
		is "$offers, $size bytes: all are sent" "$(grep -c '^rcpt 1 sent' report)" $N
		ok "$offers, $size bytes: no Nagle" grep -q TCP_NODELAY calls
		n=$(grep -cE ' (sendto|sendfile|writev)\(' calls)
		# EHLO and QUIT; then one write a message, or with DATA two: MAIL to DATA may ride behind the last dot.
		most=$((2 + (${#offers} > 10 ? N : 2 * N)))
		ok "$offers, $size bytes: $n writes, at most $most" [ "$n" -le $most ]
	done
	stop s
done
done_testing
