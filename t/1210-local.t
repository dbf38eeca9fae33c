#!/bin/bash
# mox-local: a Maildir, its reports, and what a full disk or a kill leaves.
. "$(dirname "$0")/lib.sh"
count() { find "$@" -type f | wc -l; }

printf 'Subject: hi\r\n\r\nbody\r\nlast' >msg
is "the report" "$(mox-local -f s@x.example -r r@y.example box <msg | sed 's/[0-9.]*M[^ ]*$/NAME/')" \
	$'rcpt 1 sent 0 2.0.0 - delivered\\x20to\\x20box/new/NAME\nend'
is "Return-Path, Delivered-To, LF line ends, the rest byte for byte" "$(cat box/new/*; echo .)" \
	$'Return-Path: <s@x.example>\nDelivered-To: r@y.example\nSubject: hi\n\nbody\nlast.'
is "made as maildir(5) has it" "$(stat -c '%n %a' box box/*| paste -sd' ') $(stat -c %a box/new/*)" "box 700 box/cur 700 box/new 700 box/tmp 700 600"
is "tmp is empty" "$(ls box/tmp)" ""
is "the name carries the size" "$(find box/new -type f | sed 's/.*,S=//')" "$(cat box/new/* | wc -c)"
is "the null sender; nothing given, nothing written" "$(mox-local -f '<>' a <msg >/dev/null; head -1 a/new/*; mox-local b <msg >/dev/null; head -1 b/new/* | tr -d '\r')" \
	$'Return-Path: <>\nSubject: hi'
is "several recipients: one file, a report line each" "$(mox-local -r a@x -r b@y c <msg | cut -d' ' -f1-5) $(count c/new) $(grep -c ^Delivered-To c/new/*)" \
	$'rcpt 1 sent 0 2.0.0\nrcpt 2 sent 0 2.0.0\nend 1 2'
printf 'a\r\rb\n\r' | mox-local d >/dev/null
is "lone CRs stay" "$(od -An -c d/new/*)" '   a  \r  \r   b  \n  \r'
printf '' | mox-local e >/dev/null
is "an empty message" "$(count e/new)" 1
head -c 3000000 /dev/urandom >rnd
mox-local f <rnd >/dev/null
ok "3 MB of anything" cmp f/new/* <(sed 's/\r$//' rnd)

# names: 200 deliveries, 8 at a time
seq 200 | xargs -P8 -I{} sh -c 'mox-local -r {}@x many </dev/null >/dev/null'
is "200 at once, 8 in parallel: every name its own" "$(count many/new) $(cat many/new/* | sort -u | wc -l)" "200 200"

# loops
printf 'Delivered-To: r@y.example\nSubject: x\n\n' >loop
is "5.4.6 mail that goes in a circle" "$(mox-local -r R@y.example g <loop 2>/dev/null | cut -d' ' -f1-5; count g/new g/tmp)" $'rcpt 1 never 0 5.4.6\nend\n0'
fails 100 "... exit 100" mox-local -r r@y.example g <loop
ok "another's Delivered-To is no loop" mox-local -r other@y.example g <loop
ok "... nor one in the body" mox-local -r r@y.example g < <(printf 'S: x\n\nDelivered-To: r@y.example\n')

# refusals
fails 111 "a Maildir below nothing: later" mox-local no/such/box <msg
is "... says so twice" "$(mox-local no/such/box <msg 2>&1 | sed 's/\\x20/ /g')" \
	$'rcpt 1 later 0 4.2.0 - unable to open no/such/box: No such file or directory\nend\nmox-local: unable to open no/such/box: No such file or directory'
touch file
fails 111 "a file is no Maildir" mox-local file <msg
fails 100 "CR LF in a sender" mox-local -f $'a@b\r\nX: y' h <msg
fails 100 "LF in a recipient" mox-local -r $'a@b\nX: y' h <msg
fails 100 "no Maildir named" mox-local <msg
fails 100 "an empty name" mox-local '' <msg
fails 100 "Maildir and user" mox-local -u root box <msg
ok "nothing was made" test ! -e h

# -e
is "-e: delivered behind the end of the record" "$(mox-local -e 3 i <msg 3< <(printf 'sender x\nend\n') | cut -d' ' -f3; count i/new)" $'sent\nend\n1'
fails 111 "-e: a record without end" mox-local -e 3 j <msg 3< <(printf 'sender x\nen')
is "... delivers nothing" "$(count j/new j/tmp)" 0
fails 100 "-e: a closed descriptor" mox-local -e 9 k <msg

# -u
cat >conf <<EOF
local-maildir = "$T/mail-%u"
EOF
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$T"
	mkdir -m 777 open
	echo "local-maildir = \"$T/open/%u%%\"" >conf
	is "-u: root becomes the user" "$(mox-local -C conf -u nobody <msg | cut -d' ' -f3 | head -1) $(stat -c %U open/nobody%/new/*)" "sent nobody"
	mkdir -m 700 open/shut
	echo "local-maildir = \"$T/open/shut/%u\"" >conf
	fails 111 "-u: and may no more than he may" mox-local -C conf -u nobody <msg
else
	is "-u: the Maildir of the pattern" "$(mox-local -C conf -u "$(id -un)" <msg | cut -d' ' -f3 | head -1) $(count mail-*/new)" "sent 1"
fi
is "-u: an unknown user is never" "$(mox-local -C conf -u nosuchuser <msg 2>/dev/null | cut -d' ' -f1-5)" $'rcpt 1 never 0 5.1.1\nend'
echo 'local-maildir = "/x/%z"' >conf
fails 100 "a pattern that makes no sense names its place" mox-local -C conf -u nobody <msg
like "" "$(cat .out)" 'conf: local-maildir'

# full disk
if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=64k,nr_inodes=50 tmpfs full 2>/dev/null; then
	is "a full disk: later, 4.2.2" "$(mox-local full/box <rnd 2>/dev/null | cut -d' ' -f1-5)" $'rcpt 1 later 0 4.2.2\nend'
	fails 111 "... exit 111" mox-local full/box <rnd
	is "... nothing half-visible, nothing left" "$(count full/box/new full/box/tmp)" 0
	ok "... and what fits is still taken" mox-local full/box <msg
	umount full
else
	skip "no root, no tmpfs" "full disk"
fi
(ulimit -f 100; fails 111 "a limit on file sizes: later" mox-local lim <rnd) | sed 's/^\(not \)\?ok [0-9]*/\1/' >lim.out
is "RLIMIT_FSIZE: later, not a signal" "$(cut -c1-3 lim.out)" " - "
is "... nothing left" "$(count lim/new lim/tmp)" 0

# a kill at every system call: new/ holds the whole message or nothing
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	export ASAN_OPTIONS=detect_leaks=0 # which cannot look for leaks under strace
	bad=0 killed=0
	for call in openat write fsync close renameat2; do
		for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
			rm -rf crash
			{ strace -f -o /dev/null -e inject=$call:signal=KILL:when=$n mox-local -r x@y crash <msg >out; } 2>/dev/null
			[ $? = 137 ] && killed=$((killed + 1))
			[ -d crash/new ] || continue
			case $(count crash/new 2>/dev/null) in
			0) grep -q sent out && bad=$((bad + 1)) ;;
			1) [ "$(tail -c4 crash/new/*)" = last ] || bad=$((bad + 1)) ;;
			*) bad=$((bad + 1)) ;;
			esac
		done
	done
	is "killed at $killed system calls: whole or absent, never reported and absent" "$bad $((killed > 15))" "0 1"
	bad=0
	for e in write:ENOSPC fsync:EIO renameat2:ENOSPC close:EIO openat:EMFILE; do
		for n in 1 2 3 4 5 6 7 8 9; do
			rm -rf crash
			strace -f -o /dev/null -e inject="${e%:*}:error=${e#*:}:when=$n" mox-local -r x@y crash <msg >out 2>/dev/null
			rc=$? have=$(count crash/new 2>/dev/null)
			case $rc,$have in
			0,1 | 100,0 | 111,0) ;;
			111,1) [ "$e" = fsync:EIO ] || bad=$((bad + 1)) ;; # the last sync, of the directory
			*) [ "$rc" = 127 ] || { bad=$((bad + 1)); echo "$e $n: $rc $have" | diag; } ;; # 127: the loader
			esac
		done
	done
	is "a failing system call: an exit code that is true" "$bad" 0
else
	skip "no strace" "killed at every system call"
fi
done_testing
