#!/bin/bash
# shellcheck disable=SC2119,SC2120,SC2317 # functions are called by name
# T121, T122: mox-queue-add killed at, or failed by, every single system call from its first touch of the spool on. Afterwards the
# message is whole or absent; it is there when its id was printed; nothing half-done is left but after a kill.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/crash/inject.sh"
strace -o /dev/null true 2>/dev/null || skip_all 'strace cannot trace here'
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' >mox.conf

printf 'Subject: small\n\nbody\n' >small
{ printf 'Subject: large\n\n' && seq 40000; } >large
printf 'sender a@example.com\nrcpt b@example.org\nrcpt c@example.org\nend\n' >envelope
for ((i = 1; i <= 6; i++)); do printf 'sender \nsize 23\nrcpt r%d@example.org\nend\nSubject: batch\n\nbody\n.\n' $i; done >stream

argv_form() { "$@" mox-queue-add -f a@example.com b@example.org <small; }
envelope_form() { "$@" mox-queue-add -e 3 <large 3<envelope; }
batch_form() { "$@" mox-queue-add -B <stream; }
declare -A messages=([argv_form]=1 [envelope_form]=1 [batch_form]=6)

# What must hold after a run: FORM FAULT RC, its output in out and err
verify() {
	local form=$1 fault=$2 rc=$3 place id late='' ids=0 found=0 tmp=0 want=${messages[$1]}
	declare -A said=()
	while read -r place id _; do
		[ "$place" = id ] && said[$id]=1 && ids=$((ids + 1))
	done <out
	spool-check "$MOX_SPOOL" >seen || { echo "damaged: $(grep ^bad seen)" && return; }
	case $(<out)$(<err) in *'may be queued'* | *'are queued'*) late=1 ;; esac
	while read -r place id _; do
		[ "$place" = tmp ] && tmp=$((tmp + 1)) && continue
		found=$((found + 1))
		[ -n "${said[$id]:-}" ] && unset "said[$id]" && continue
		[ -n "$late" ] || [ "$fault" = KILL ] || { [ "$rc" = 0 ] && [ "$form" != batch_form ]; } || echo "$id is in new/ and nobody was told"
	done <seen
	[ ${#said[@]} = 0 ] || echo "an id was printed and is not there"
	[ "$rc" != 0 ] || [ $found = "$want" ] || [ "$form" = batch_form ] || echo "exit 0 with $found of $want messages"
	[ "$form" != batch_form ] || [ "$rc" != 0 ] || [ "$(wc -l <out)" = "$want" ] || echo "exit 0 with $(wc -l <out) answers"
	case $fault in
	KILL) [ "$rc" = 137 ] || echo "exit $rc" ;;
	EINTR) [ "$rc" = 0 ] && [ $ids = "$want" ] || echo "exit $rc, $ids ids" ;;
	*) [ "$rc" = 0 ] || [ "$rc" = 111 ] || echo "exit $rc" ;;
	esac
	[ "$fault" = KILL ] || [ $tmp = 0 ] || echo "$tmp files left in tmp"
	[ "$rc" = 0 ] || [ "$fault" = KILL ] || [ -s err ] || echo 'no sentence'
}

run_all() { # NUMBER FORM FAULT
	local title=$1 call when rc n=0
	shift
	: >wrong
	while read -r call when; do
		cannot_fail "$call" "$2" && continue
		n=$((n + 1))
		"$1" inject "$call" "$when" "$2" >out 2>err
		rc=$?
		verify "$1" "$2" $rc | sed "s/^/$call $when $2: /" >>wrong
		rm -f "$MOX_SPOOL"/new/* "$MOX_SPOOL"/tmp/*
	done <"calls.$1"
	is "$title $2 at each of $n system calls, $1" "$(cat wrong)" ''
	[ $n -gt 4 ] || diag <<<"only $n calls"
}

argv_form >/dev/null # makes the spool
for form in argv_form envelope_form batch_form; do
	ok "a good run, $form" "$form" calls_of "calls.$form"
	rm -f "$MOX_SPOOL"/new/*
done
for form in argv_form envelope_form batch_form; do
	run_all T121 $form KILL
	run_all T122 $form ENOSPC
	run_all T122 $form EIO
done
run_all T121 argv_form EINTR
run_all T122 argv_form EDQUOT
run_all T122 argv_form EMFILE
done_testing
