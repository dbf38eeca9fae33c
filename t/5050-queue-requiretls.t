#!/bin/bash
# mox-queue-requiretls against a stand-in for mox-runq, then against mox-runq itself.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
A=0d3k9v2x7m4qa
printf 'id %s.1\nend\nid %s.2\nend\n' $A $A >rows
mkdir fake
start fake "$TOP/t/fake-ctl" "$T/fake/ctl" "$T/asked" changes "$T/rows"
wait_until test -S fake/ctl
asked() { rm -f asked; MOX_SPOOL=$T/fake mox-queue-requiretls "$@" >out 2>said; tr '\n' ' ' <asked; }

is "yes" "$(asked -to @example.com yes)" "op requiretls set requiretls yes sel to @example.com end "
is "prints the ids it changed and nothing else" "$(cat out)" $'0d3k9v2x7m4qa.1\n0d3k9v2x7m4qa.2'
is "and how many on fd 2" "$(cat said)" "mox-queue-requiretls: changed 2"
is "no, by filter" "$(asked -domain example.com -n 1 no)" "op requiretls set requiretls no sel domain example.com limit 1 end "
is "default, ids from a pipe, dry" "$(echo $A.2 | asked default -dry-run -)" "op requiretls set requiretls default sel id $A.2 dry-run yes end "
is "a dry run says so" "$(cat said)" "mox-queue-requiretls: would be changed 1"
is "all" "$(asked yes -all)" "op requiretls set requiretls yes end "
rm -f asked
export MOX_SPOOL=$T/fake
fails 100 "another word" mox-queue-requiretls maybe $A
fails 100 "no word" mox-queue-requiretls
fails 100 "an id for the word" mox-queue-requiretls $A
fails 100 "nothing selected is not everything" mox-queue-requiretls yes
like "and says so" "$(mox-queue-requiretls yes 2>&1)" 'nothing is selected'
fails 100 "a broken id" mox-queue-requiretls yes 0d3k
ok "nothing was asked" test ! -e asked

[ -x "$MOX_BIN/mox-runq" ] || done_testing
export MOX_SPOOL=$T/q
add() { printf '%b\n\nbody\n' "$1" | mox-queue-add "${@:2}" | sed -n 's/^id //p'; }
B=$(add 'Subject: one' -f joe@example.org user@example.com other@example.net)
C=$(add 'TLS-Required: No' -f joe@example.org third@example.com)
col() { mox-queue-list -o id,requiretls "$@" | tr '\t\n' '  ' | sed 's/ $//'; }
is "T66 as it was queued" "$(col)" "$B.1 - $B.2 - $C.1 no"
mox-queue-requiretls yes -to @example.com >out 2>said
is "T62 the queue's owner does it" "$(sort out | tr '\n' ' ')" "$B.1 $C.1 "
is "T62 yes" "$(col)" "$B.1 yes $B.2 - $C.1 yes"
is "T62 in the file, one byte of the recipient" "$(grep -aoh 'rcpt T-.- [a-z]*@' q/*/"$B" q/*/*/"$B" 2>/dev/null | tr '\n' ' ')" "rcpt T-y- user@ rcpt T-.- other@ "
mox-queue-requiretls no "$B" >/dev/null 2>&1
is "T66 no" "$(col -id "$B")" "$B.1 no $B.2 no"
mox-queue-requiretls default -all >/dev/null 2>&1
is "default, whatever the header says" "$(col)" "$B.1 - $B.2 - $C.1 -"
is "show tells" "$(mox-queue-requiretls yes "$B.2" 2>/dev/null; mox-queue-show "$B.2" | sed -n 's/^requiretls *//p')" $"$B.2
yes"
ok "the files stay whole" spool-check q
is "what is so already is not changed" "$(mox-queue-requiretls yes "$B.2" 2>&1)" "mox-queue-requiretls: changed 0"
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
chmod 711 "$T"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && as_nobody test -x "$MOX_BIN/mox-queue-requiretls"; then
	is "others do not change what is not theirs" "$(as_nobody mox-queue-requiretls -all no 2>&1)" "mox-queue-requiretls: changed 0"
else
	skip "not root" "others"
fi
done_testing
