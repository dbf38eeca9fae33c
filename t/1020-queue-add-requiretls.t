#!/bin/bash
# shellcheck disable=SC2059 # messages are printf formats
# REQUIRETLS and TLS-Required: No at the door: what becomes of them in envelope and marks, on each of its ways.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' 'received = false' >mox.conf
# said FILE: the envelope's word and the marks, as in "no TnT"
said() {
	local at=$((16#$(tail -c 26 "$1" | head -c 16)))
	tail -c +$((at + 1)) "$1" | sed -n 's/^requiretls \(.*\)/\1/p; s/^rcpt \(....\) .*/\1/p' | tr '\n' ' ' | sed 's/ $//'
}
add() { # MESSAGE [options]: what the door makes of it for two recipients
	local m=$1 id
	shift
	id=$(printf "$m" | mox-queue-add -f a@example.com "$@" b@example.org c@example.org) && said "spool/new/${id#id }"
}

is 'T62 nothing said: ordinary mail' "$(add 'Subject: x\n\nb\n')" 'T-.- T-.-'
is 'T62 --requiretls yes' "$(add 'Subject: x\n\nb\n' --requiretls yes)" 'yes T-y- T-y-'
is 'T66 --requiretls no' "$(add 'Subject: x\n\nb\n' --requiretls no)" 'no T-n- T-n-'
is 'T66 TLS-Required: No' "$(add 'TLS-Required: No\n\nb\n')" 'no T-n- T-n-'
is 'T66 in any case' "$(add 'Subject: x\ntls-REQUIRED:nO\n\nb\n')" 'no T-n- T-n-'
is 'T67 folded' "$(add 'TLS-Required:\n\tNo\nSubject: x\n\nb\n')" 'no T-n- T-n-'
is 'T67 twice is not at all' "$(add 'TLS-Required: No\nTLS-Required: No\n\nb\n')" 'T-.- T-.-'
is 'T67 nor with another value' "$(add 'TLS-Required: Yes\n\nb\n')" 'T-.- T-.-'
is 'T67 nor in the body' "$(add 'Subject: x\n\nTLS-Required: No\n')" 'T-.- T-.-'
is 'T67 nor in a part' "$(add 'Content-Type: multipart/mixed; boundary=x\n\n--x\nTLS-Required: No\n\nb\n--x--\n')" 'T-.- T-.-'
is 'T67 nor behind a CR, which begins no field' "$(add 'Subject: x\rTLS-Required: No\n\nb\n')" 'T-.- T-.-'
is 'T66 REQUIRETLS wins over the header' "$(add 'TLS-Required: No\n\nb\n' --requiretls yes)" 'yes T-y- T-y-'
is 'T67 behind a long header' "$(add "X: $(printf '%090000d' 0)\\nTLS-Required: No\\n\\nb\\n")" 'no T-n- T-n-'
rm spool/new/*
add 'TLS-Required: No\nSubject: x\n\nb\n' >/dev/null
is 'T66 the header stays in the message' "$(head -2 spool/new/* | tr -d '\r')" $'TLS-Required: No\nSubject: x'
fails 100 'another word' add 'x\n' --requiretls maybe

via() { # MESSAGE KEYS: by -e
	local id
	printf "$1" >message
	printf "sender a@example.com\n$2rcpt b@example.org\nend\n" >envelope
	id=$(mox-queue-add -e 3 3<envelope <message) && said "spool/new/${id#id }"
}
is 'T66 -e: header' "$(via 'TLS-Required: No\n\nb\n' '')" 'no T-n-'
is 'T66 -e: REQUIRETLS wins' "$(via 'TLS-Required: No\n\nb\n' 'requiretls yes\n')" 'yes T-y-'
is 'T66 -e: no' "$(via 'Subject: x\n\nb\n' 'requiretls no\n')" 'no T-n-'
fails 100 '-e: another word' via 'Subject: x\n\nb\n' 'requiretls perhaps\n'

one() { printf 'sender a@example.com\n%brcpt b@example.org\nsize %d\nend\n%s' "$2" "${#1}" "$1"; }
{
	one $'TLS-Required: No\n\nb\n' ''
	one $'Subject: x\n\nTLS-Required: No\n' ''
	one $'TLS-Required: No\n\nb\n' 'requiretls yes\n'
	one $'Subject: x\n\nb\n' 'requiretls no\n'
} | mox-queue-add -B >answers
is 'T66 T67 -B: each message by itself' "$(while read -r _ id; do said "spool/new/$id"; echo ,; done <answers | tr -d '\n')" 'no T-n-,T-.-,yes T-y-,no T-n-,'

mail() { # ARGS: mox-sendmail
	local id
	id=$(mox-sendmail -v -f a@example.com "$@" b@example.org) && said "spool/new/${id#id }"
}
is 'T62 sendmail -O requiretls=yes' "$(mail -O requiretls=yes <<<$'Subject: x\n\nb')" 'yes T-y-'
is 'T66 sendmail -O requiretls=no' "$(mail -O RequireTLS=No <<<$'Subject: x\n\nb')" 'no T-n-'
is 'T66 sendmail: header' "$(mail <<<$'TLS-Required: No\nSubject: x\n\nb')" 'no T-n-'
is 'T66 sendmail: REQUIRETLS wins' "$(mail -O requiretls=yes <<<$'TLS-Required: No\nSubject: x\n\nb')" 'yes T-y-'
printf 'EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nTLS-Required: No\r\n\r\nb\r\n.\r\nQUIT\r\n' | mox-smtpd >dialogue
id=$(grep -oE '[0-9a-hjkmnp-tv-z]{13}' dialogue | tail -1)
is 'T66 smtpd: header' "$(said "spool/new/$id")" 'no T-n-'
ok 'all files whole' spool-check spool

[ -x "$MOX_BIN/mox-runq" ] || done_testing
is 'T62 T66 the queue shows it' "$(mox-queue-list -o requiretls | sort | uniq -c | awk '{print $2}' | tr '\n' ' ')" '- no yes '
is 'T66 and show' "$(mox-queue-show "$id" | sed -n 's/^requiretls *//p')" no
done_testing
