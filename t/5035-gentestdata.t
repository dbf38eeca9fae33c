#!/bin/bash
# mox-gentestdata: the same bytes again, every kind of content, and nothing that a check or an owner stumbles over.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 MOX_CONF=$T/conf
cat >conf <<'X'
hostname = "me.example"
min-free = "0"
reserve = "0"
X
at=2026-11-21T10:00:00Z
ok "a spool" mox-gentestdata -at $at one
ok "once more" mox-gentestdata -at $at two
ok "and with another seed" mox-gentestdata -at $at -seed 2 three
ok "at another time" mox-gentestdata -at 2026-11-22T10:00:00Z four
# What stands there: names, modes, times of change, bytes.
all() { (cd "$1" && find . -printf '%p %y %m\n' | sort && find . -type f -printf '%p %T@\n' | sort && find . -type f | sort | xargs sha1sum) | sha1sum; }
is "the same time and seed: the same bytes" "$(all one)" "$(all two)"
unlike "another seed: others" "$(all three)" "$(all one)"
unlike "another time: others" "$(all four)" "$(all one)"
fails 100 "never over another" mox-gentestdata one
fails 100 "a time that is none" mox-gentestdata -at yesterday x
fails 100 "a number that is none" mox-gentestdata -seed -1 x
fails 100 "one place" mox-gentestdata
fails 111 "nor where there is nothing" mox-gentestdata nothing/x

ok "a check finds no fault" mox-queue-check "$T/one"
ok "nor does that of a backup" mox-queue-backup -verify "$T/one"
like "one file is kept for a person" "$(mox-queue-check "$T/one" 2>&1)" '1 files lie in '

# ---- everything is in it ----
cat one/cur/*/* one/new/* one/failed/*/* >all
missing() { # WORDS: those that begin no line
	local w
	for w in "$@"; do LC_ALL=C grep -aq "^$w" all || echo "$w"; done
}
keys=$(awk '/^Envelope lines,/ { on = 1; next } on && /end$/ { exit } on' "$TOP/spool-layout.txt" | grep -oE '\[?\b(id|queued|account|uid|origin|sender|size|crc32|flags|message-id|subject|ret|envid|requiretls|hold-until|transport|extra|rcpt) ' | tr -d '[ ')
# shellcheck disable=SC2086
is "every line of an envelope" "$(missing $keys; echo "$keys" | wc -l)" 18
for f in 8bit smtputf8 longline dot; do LC_ALL=C grep -aqE "^flags .*\b$f\b" all || echo "$f"; done >lacks
is "every flag" "$(cat lacks)" ""
for o in notify=success,failure,delay notify=never 'orcpt=rfc822;' exact=yes; do LC_ALL=C grep -aq "^rcpt .* $o" all || echo "$o"; done >lacks
is "every option of a recipient" "$(cat lacks)" ""
is "every combination of marks" "$(LC_ALL=C grep -aoE '^rcpt [TDFC][-uorlf][.yn][-d] ' all | sort -u | wc -l)" 144
is "every amendment" "$(cat one/cur/*/*.amend | grep -oE '^(next|transport|fail) ' | sort -u | wc -l)" 3
is "every table of a backup" "$(sed -n 's/^table //p' one/saved | sort -u | tr '\n' ' ')" "holdrule limit msg retired suppress transcript "
is "every result of the history" "$(grep -aoE '\\x0aresult [a-z]+' one/saved | sort -u | wc -l)" 8
is "every line of the double bounces" "$(cut -d' ' -f1 one/doubles | sort -u | tr '\n' ' ')" "more over told "
is "messages everywhere" "$(ls -d one/{new,corrupt,tmp}/?* one/failed/*/* | sed 's,^one/\([a-z]*\)/.*,\1,' | sort | uniq -c | tr -s ' \n' ' ')" " 2 corrupt 2 failed 3 new 1 tmp "
ok "a policy that mox-mtasts reads" env MOX_SPOOL="$T/one" mox-mtasts show policy.example
like "all of it" "$(cat .out)" 'mail\.policy\.example'

# ---- an owner finds the same ----
export MOX_SPOOL=$T/two
mox-queue-list -o id,rcpt,state,hold,transport >rows
is "all that is to do stands in the index" "$(cut -f1 rows | sort)" "$(
	cd one && for f in new/* cur/*/?????????????; do
		LC_ALL=C grep -a '^rcpt ' "$f" | nl | sed -n "s,^ *\([0-9]*\)\trcpt T.*,$(basename "$f").\1,p"
	done | sort
)"
is "held by each who can" "$(cut -f4 rows | sort -u | tr -d '\n')" -floru
like "the rule holds what comes in" "$(grep held-by-rule rows)" 'held	r'
is "the history" "$(mox-retired-list -o result | sort -u | wc -l)" 8
is "the suppression list" "$(mox-suppress list -all 2>/dev/null | wc -l)" 3
is "the rules" "$(mox-holdrule list | wc -l)" 4
like "what was said in a session that failed" "$(mox-queue-show "$(TZ=UTC mox-queue-list -o id,queued | sed -n 's/\t.*T09:50:00Z//p')")" 'S: 220 mx.site0.example ESMTP'
ok "the index and the files are of one mind" mox-queue-check
wait_until test ! -e two/saved
owner=$(sed -n 's/^[a-z]* //p' two/lock)
kill "$owner" 2>/dev/null
wait_until flock -n two/lock true
done_testing
