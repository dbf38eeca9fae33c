#!/bin/bash
# Hostile addresses through every door, the queue, the wire and a notice, into the log: refused in one printable line or queued, and every line of
# every log stays one printable line of pairs, whoever wrote it.
# shellcheck disable=SC2317 # functions are called by name
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
export MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
sink s -k PIPELINING,8BITMIME,SMTPUTF8
closed=$(free_port)
cat >conf <<X
hostname = "client.example"
mailname = "client.example"
postmaster = "boss@client.example"
aliases = "none"
spool = "$T/spool"
reserve = "64k"
min-free = "0"
min-free-inodes = 0
log-level = trace
dns { forward = { "127.0.0.1@9" } trust-anchor = "none" }
transport "sink" { type = smtp host = "127.0.0.1" port = $PORT_s starttls = never }
transport "closed" { type = smtp host = "127.0.0.1" port = $closed starttls = never }
transport "no" { type = fail code = 550 message = "not here" }
route { to = { "no.example" } transport = "no" }
route { to = { "closed.example" } transport = "closed" }
route { transport = "sink" }
X

# What is hostile about them, and the address as bytes in the notation of printf.
cat >addresses <<'X'
escape		a\x1b[31m@x.example
escape in quotes	"a\x1b]0;owned\x07"@x.example
line feed	a@x.example\nlevel=alert event=forged
line end in quotes	"a\r\ntime=2026-11-21T00:00:00Z level=alert event=forged"@x.example
SMTP behind it	a@x.example>\r\nRCPT TO:<b@x.example
tab	a\tb@x.example
tab in quotes	"a\tb"@x.example
backspace	root\x08\x08\x08\x08evil@x.example
DEL	a\x7f@x.example
C1	a\xc2\x9b2J@x.example
C1 in quotes	"\xc2\x9b2J"@x.example
no UTF-8	a\xff\xfe@x.example
half a character	a\xe2\x80@x.example
overlong	a\xc0\x8a@x.example
surrogate	a\xed\xa0\x80@x.example
right to left	\xe2\x80\xaegnp.exe@x.example
right to left in the domain	a@\xe2\x80\xaeelpmaxe.x
isolates	\xe2\x81\xa6a\xe2\x81\xa9@x.example
line separator	a\xe2\x80\xa8level=alert@x.example
paragraph separator	a\xe2\x80\xa9level=alert@x.example
next line	a\xc2\x85level=alert@x.example
byte order mark	\xef\xbb\xbfa@x.example
quotes and equals signs	"x\\" event=forged level=alert y=\\"z"@x.example
pairs	"id=0 event=forged"@x.example
backslashes	"a\\\\x0a"@x.example
letters	j\xc3\xb6rg@x.example
letters in the domain	a@b\xc3\xbccher.example
an equals sign	x=level=alert@x.example
a percent sign	%s%n%n@x.example
refused	"no\xe2\x80\xae\\" x=y"@no.example
unreachable	"later = \xc3\xa4"@closed.example
empty	
a dash	-oQ/tmp@x.example
X
long=$(printf 'x%.0s' {1..900}) label=$(printf 'y%.0s' {1..60})
printf '%s\t%s\n' '900 bytes' "$long@x.example" '900 bytes of escapes' "$(printf '\\x1b%.0s' {1..900})@x.example" '900 bytes of domain' "a@$(printf "$label.%.0s" {1..15})x.example" \
	'900 bytes of letters' "$(printf '\\xc3\\xb6%.0s' {1..450})@x.example" '900 bytes in quotes' "\"$(printf ' =%.0s' {1..450})\"@x.example" >>addresses

cat >whole.pl <<'P'
# Tells the lines that are not one printable line: of pairs, or a sentence of a command.
use utf8; use Encode;
binmode STDOUT, ':utf8';
while (<>) {
    chomp;
    my $line = eval { decode('UTF-8', my $copy = $_, Encode::FB_CROAK) };
    my $value = qr/"(?:\\.|[^"\\])*"|[^\s"=]+/;
    next if defined $line && $line !~ /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]/
        && ($line =~ /^time=\S+ level=[a-z]+ event=[a-z-]+(?: [a-z-]+=$value)*$/ || $line =~ /^mox-[a-z-]+: /) && $line !~ /^time=\S+ level=alert event=forged/;
    s/([^ -~])/sprintf '<%02x>', ord $1/ge;
    print substr($_, 0, 200), "\n";
}
P
whole() { # "name" FILE...: every line of them is one
	local name=$1
	shift
	is "$name" "$(perl whole.pl "$@")" ''
}
printf 'this is\n\x1b[31mred\ntime=2026-11-21T00:00:00Z level=info event=x a=b c="d\\"e"\n' >sample
is "the check sees what it is for" "$(perl whole.pl sample | wc -l)" 2

# ---- in by every door
message() { printf 'From: a@client.example\nSubject: x\n\nx\n'; }
envelope() { python3 -c '
import sys
rcpt = sys.argv[1].encode("utf-8", "surrogateescape")
esc = lambda b: "".join(chr(c) if 32 < c < 127 and c != 92 else "\\x%02x" % c for c in b)
print("sender s@client.example\nrcpt %s\nend" % esc(rcpt))' "$1"; }
doors() { # ADDRESS: how each ended
	local rc=()
	message | mox-sendmail -f s@client.example -- "$1" 2>>doors.log
	rc+=($?)
	message | mox-sendmail -f "$1" b@x.example 2>>doors.log
	rc+=($?)
	{ printf 'To: %s\n' "$1" && message; } | mox-sendmail -t 2>>doors.log
	rc+=($?)
	message | mox-queue-add -q -f s@client.example -- "$1" 2>>doors.log
	rc+=($?)
	message | mox-queue-add -q -e 3 2>>doors.log 3< <(envelope "$1")
	rc+=($?)
	message | mox-queue-add -q -f "$1" b@x.example 2>>doors.log
	rc+=($?)
	printf 'EHLO %s\r\nMAIL FROM:<%s>\r\nRSET\r\nMAIL FROM:<s@client.example>\r\nRCPT TO:<%s>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n' \
		"$1" "$1" "$1" | mox-smtpd >>said 2>>smtpd.log
	rc+=($?)
	echo "${rc[*]}"
}
: >codes
while IFS=$'\t' read -r name address; do
	address=${address##$'\t'}
	printf -v bytes '%b' "$address"
	echo "$name: $(doors "$bytes")" >>codes
done < <(sed 's/\t\t*/\t/' addresses)
is "each is taken, or refused for good" "$(grep -vE '^[^:]*:( (0|65|66|100))+$' codes)" ''
ok "some of both" eval 'grep -q " 65 " codes && grep -q ": 0 0 0 0 0 0 0$" codes'
is "mox-smtpd answers in printable ASCII" "$(tr -d '\r' <said | LC_ALL=C grep -vc '^[ -~]*$')" 0
whole "what the doors say is one printable line each" doors.log
whole "the dialogue of mox-smtpd too" smtpd.log
queued=$(find spool/new -type f | wc -l)
ok "many are queued" test "$queued" -ge 60

# ---- through the queue
timeout 100 mox-runq 2>runq.log
is "the pass ends well" $? 0
timeout 100 mox-runq 2>>runq.log
whole "every line of mox-runq and its children" runq.log
for event in queued sent never notice later smtp; do
	printf '%s ' "$event=$(($(grep -c "event=$event " runq.log) > 0))"
done >events
is "among them all that happened" "$(cat events)" "queued=1 sent=1 never=1 notice=1 later=1 smtp=1 "
mox-queue-list -o id,sender,rcpt,error >rows 2>lists.log
mox-retired-list -o id,sender,rcpt,error >>rows 2>>lists.log
is "no address brought a recipient of its own" "$(grep -c 'line="C: RCPT TO:<b@x.example>' runq.log)" "$(cut -f 3 rows | grep -cx b@x.example)"
mox-queue-list --mailq >>rows 2>>lists.log
whole "nothing is said beside the lists" lists.log
is "rows in a pipe are one line each" "$(grep -cP '[\x00-\x08\x0b-\x1f\x7f]' rows)" 0
for list in mox-queue-list 'mox-queue-list --mailq' mox-retired-list; do
	python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1].split()))' "$list" </dev/null >screen
	is "on a terminal nothing moves the cursor or turns the text: $list" \
		"$(tr -d '\r' <screen | perl -CS -ne 'print if /[\x00-\x08\x0b-\x1f\x7f-\x9f\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}]/')$([ -s screen ] || echo empty)" ''
done
done_testing
