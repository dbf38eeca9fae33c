#!/bin/bash
# shellcheck disable=SC2002,SC2317 # a pipe is meant; functions are called by name
# T122: a disk that is really full (a small tmpfs in a mount namespace of its own), and a large message in little memory.
. "$(dirname "$0")/lib.sh"
export MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' 'min-free-inodes = 0' \
	'max-message-size = "100M"' >mox.conf

fill() { # until refused: prints how many went in, the exit code that ended it, and the sentence
	local n=0
	# by a pipe, so that the size is not known before the disk is full
	while cat "$1" | mox-queue-add -q b@example.org 2>err && [ "$n" -lt 500 ]; do n=$((n + 1)); done
	cat "$1" | mox-queue-add -q b@example.org 2>err
	echo "$n $? $(cat err)"
}
on_small_disk() { # in the namespace: SIZE INODES
	mount -t tmpfs -o "size=$1,nr_inodes=$2" tmpfs disk || exit 99
	export MOX_SPOOL=$T/disk/spool
	mox-queue-add -q first@example.org <message || exit 98
	fill message
	spool-check "$MOX_SPOOL" >seen || echo damaged
	grep -c '^new' seen
	grep -c '^tmp' seen
	for ((i = 0; i < 40; i++)); do printf 'sender \nsize %d\nrcpt r@example.org\nend\n' "$(stat -c %s message)" && cat message; done |
		mox-queue-add -B 2>err | cut -d' ' -f1 | sort | uniq -c | tr -s ' '
	echo "batch ${PIPESTATUS[1]}"
	spool-check "$MOX_SPOOL" | grep -vc '^new'
	rm -f "$MOX_SPOOL"/new/*
	mox-queue-add -q b@example.org <message && echo 'room again'
}
export -f fill on_small_disk
{ printf 'Subject: x\n\n' && seq 2000; } >message
mkdir disk
if unshare -m true 2>/dev/null; then
	out=$(unshare -m bash -c 'on_small_disk 400k 1000')
	like 'T122 full disk: refused with 111 and a sentence' "$out" '^[1-9][0-9]* 111 mox-queue-add: unable to write spool/tmp/[0-9.]+: No space left on device'
	n=$(head -1 <<<"$out" | cut -d' ' -f1)
	is 'T122 what was accepted is whole, nothing half-visible' "$(sed -n 2,3p <<<"$out" | tr '\n' ' ')" "$((n + 1)) 0 "
	is 'T122 a batch: 40 answers "later", the stream goes on' "$(sed -n 4,6p <<<"$out")" $' 40 later\nbatch 0\n0'
	is 'T122 with room again it goes on' "$(sed -n 7p <<<"$out")" 'room again'
	out=$(unshare -m bash -c 'on_small_disk 100M 300')
	like 'T122 no inodes: refused with 111 and a sentence' "$out" '^[1-9][0-9]* 111 mox-queue-add: unable to create spool/tmp/[0-9.]+: No space left on device'
	sed 's/min-free = .*/min-free = "200k"/' mox.conf >marks.conf
	out=$(MOX_CONF=$T/marks.conf unshare -m bash -c 'on_small_disk 400k 1000')
	like 'T122 the mark refuses before the disk is full' "$out" '^[1-9][0-9]* 111 mox-queue-add: .*is below the mark'
else
	skip 'no mount namespace' 'T122 full disk'
fi

export MOX_SPOOL=$T/spool
mox-queue-add -q b@example.org <message
case $MOX_OUT in
*asan* | *ubsan*) skip 'sanitizers need memory' 'a 40 MB message in 8 MB of memory' ;;
*)
	ok 'a 40 MB message in 8 MB of memory' bash -c \
		'{ printf "Subject: x\n\n"; yes "some line of text, with a bare line end" | head -c 40000000; } | (ulimit -v 8192; mox-queue-add -q b@example.org)'
	;;
esac
ok 'is whole' spool-check spool
done_testing
