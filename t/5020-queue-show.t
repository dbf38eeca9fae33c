#!/bin/bash
# mox-queue-show: rows of a stand-in for mox-runq, joined with real message files.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export TZ=UTC MOX_SPOOL=$T/q
printf 'From: joe@example.org\nMessage-ID: <1@x>\nSubject: Grüße\n\n.dot\nend\n' >message
add() { mox-queue-add -q "$@" <message; }
mox-queue-add -f joe@example.org --notify never --ret hdrs user@example.com other@example.com done@example.com <message >added 2>&1
read -r _ ID <added
like "a message is queued" "$ID" '^[0-9a-z]{13}$'
# Two of its recipients have rows.
{
	printf 'id %s.1\nsender joe@example.org\nrcpt user@example.com\naccount root\nstate waiting\nqueued 1800000000000000\nnext 1800000900000000\nattempts 2\nlast 1800000000000000\ncode 451\nerror 451 4.7.1 Greylisted\\x0aCome back \\x1b[2J later\nsize 77\nsubject Gr\xc3\xbc\xc3\x9fe\nend\n' "$ID"
	printf 'id %s.2\nsender joe@example.org\nrcpt other@example.com\naccount root\nstate held\nhold o\nqueued 1800000000000000\nsize 77\nend\n' "$ID"
} >rows
start owner "$TOP/t/fake-ctl" "$T/q/ctl" "$T/asked" ok "$T/rows"
wait_until test -S q/ctl

# As mox-runq does it: the third recipient is delivered, one byte in place.
python3 - "q/new/$ID" <<'P'
import sys
f = open(sys.argv[1], "r+b"); d = f.read(); at = d.index(b" done@example.com") - 4
assert d[at:at + 4] == b"T-.-"
f.seek(at); f.write(b"D")
P
mox-queue-show "$ID" | sed "s/$ID/ID/; s/^uid .*/uid         UID/" >show.out
cat >show.ref <<'REF'
id          ID
queued      2027-01-15T08:00:00Z
sender      joe@example.org
account     root
size        77
subject     Grüße
uid         UID
origin      local
flags       8bit smtputf8 dot
ret         hdrs

rcpt        1 user@example.com
notify      never
state       waiting
attempts    2
last        2027-01-15T08:00:00Z
next        2027-01-15T08:15:00Z
code        451
error       451 4.7.1 Greylisted\x0aCome back \x1b[2J later

rcpt        2 other@example.com
notify      never
state       held
hold        o
attempts    0

rcpt        3 done@example.com
notify      never
state       delivered
REF
ok "rows and envelope" diff show.ref show.out
is "the owner is asked for that message, and what became of it" "$(cat asked)" "op retired
attempts yes
transcripts yes
sel id $ID
end
op show
transcripts yes
sel id $ID
end"
is "-j: a row each" "$(mox-queue-show -j "$ID" | python3 -c 'import json,sys
for l in sys.stdin: r = json.loads(l); print(r["rcpt"], r["hold"])')" "user@example.com None
other@example.com o"
mox-queue-show -m "$ID" >raw
is "-m: the message, with CRLF, byte for byte" "$(tail -c 58 raw | tr '\r' '^')" "$(tail -c 52 message | sed 's/$/^/')"
add -f '' later@example.com >/dev/null
NEW=$(find q/new -type f -printf '%f\n' | grep -v "$ID")
mox-queue-show "$NEW" 2>err | tail -n 2 >new
is "a message that was not taken in is shown from its file" "$(cat new)" "rcpt        1 later@example.com
state       not taken in yet"
fails 100 "an id that is not there" mox-queue-show 0d3k9v2x7m4qa
is "is named" "$(mox-queue-show 0d3k9v2x7m4qa 2>&1 >/dev/null)" "mox-queue-show: unable to show 0d3k9v2x7m4qa: it is neither in the queue nor in the history"
fails 100 "-m of one that is not there" mox-queue-show -m 0d3k9v2x7m4qa
fails 100 "-m of two" mox-queue-show -m "$ID" "$NEW"
fails 100 "nothing asked" mox-queue-show
printf x >>"q/new/$ID"
like "a damaged file is said, and the rows are shown" "$(mox-queue-show "$ID" 2>&1)" "unable to read the file of $ID: it .*rcpt        2 other@example.com"
fails 111 "-m of a damaged file" mox-queue-show -m "$ID"
done_testing
