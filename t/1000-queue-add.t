#!/bin/bash
# shellcheck disable=SC2059,SC2317 # messages are printf formats; functions are called by name
# mox-queue-add: what goes in, what stands in the spool, what is refused.
. "$(dirname "$0")/lib.sh"
export MOX_SPOOL=$T/spool
cat >mox.conf <<-'X'
	hostname = "mx.test.example"
	mailname = "test.example"
	max-message-size = "1M"
	max-recipients = 50
	min-free = "0"
	min-free-inodes = 0
	transport "lab" { type = smtp host = "127.0.0.1" port = 2525 }
X
sed 's/^hostname/received = false\n&/' mox.conf >plain.conf
export MOX_CONF=$T/mox.conf
msg='Subject: hello\nMessage-ID: <1@test.example>\n\nbody\n'
file() { echo "$MOX_SPOOL/new/${1#id }"; }                             # of an `id ID` line
message() { head -c "$(sed -n 's/^size //p' "$(file "$1")")" "$(file "$1")"; } # its message bytes
envelope() { tail -c "+$(($(sed -n 's/^size //p' "$(file "$1")") + 1))" "$(file "$1")" | grep -a "^$2" | tail -n 1; }
count() { find "$MOX_SPOOL/$1" -type f | wc -l; }
whole() { spool-check "$MOX_SPOOL" && ! spool-check "$MOX_SPOOL" | grep -qv '^new'; }

id=$(printf "$msg" | mox-queue-add -f a@example.com 'B@example.org' 2>err)
like 'prints the id' "$id" '^id [0-9a-hjkmnp-tv-z]{13}$'
ok 'the file is whole, nothing is left in tmp' whole
is 'one file' "$(count new)" 1
is 'mode 0660' "$(stat -c %a "$(file "$id")")" 660
is 'sender' "$(envelope "$id" sender)" 'sender a@example.com'
is 'recipient with new marks' "$(envelope "$id" rcpt)" 'rcpt T-.- B@example.org'
is 'uid' "$(envelope "$id" uid)" "uid $(id -u)"
is 'message-id' "$(envelope "$id" message-id)" 'message-id <1@test.example>'
is 'subject' "$(envelope "$id" subject)" 'subject hello'
is 'no flags' "$(envelope "$id" flags)" ''
like 'Received: names the one recipient' "$(message "$id" | head -3 | tr -d '\r\n')" \
	"^Received: by mx.test.example \(moxq, from uid $(id -u)\) ${id}.for <B@example.org>;.[A-Z][a-z][a-z], [0-9]+ [A-Z][a-z][a-z] [0-9]{4} [0-9:]{8} \+0000$"
id=$(printf "$msg" | mox-queue-add -f a@example.com b@example.org c@example.org)
unlike 'Received: names none of several' "$(message "$id")" 'for <'
id=$(printf "$msg" | mox-queue-add -C plain.conf -f a@example.com b@example.org)
is 'received = false' "$(message "$id" | head -1)" $'Subject: hello\r'
is '-q prints nothing' "$(printf "$msg" | mox-queue-add -q b@example.org)" ''

id=$(printf "$msg" | mox-queue-add root)
is 'a bare name gets the mailname' "$(envelope "$id" rcpt)" 'rcpt T-.- root@test.example'
is 'no -f is the null sender' "$(envelope "$id" sender)" 'sender '
id=$(printf "$msg" | mox-queue-add -f '<>' '<b@example.org>')
is '<> around addresses' "$(envelope "$id" sender)$(envelope "$id" rcpt)" 'sender rcpt T-.- b@example.org'
id=$(printf "$msg" | mox-queue-add -f a@example.com --notify success,delay --orcpt 'rfc822;x+2By@example.org' --ret hdrs --envid Q1 \
	--requiretls yes --transport lab --hold-until 1790000000000000 --extra 'k=v w' --extra 'x=y=z' --origin local '"a b"@example.org')
is 'all options' "$(sed -n '/^sender/,$p' "$(file "$id")" | grep -avE '^(size|crc32|moxq1|message-id|subject) ')" \
	'sender a@example.com
ret hdrs
envid Q1
requiretls yes
hold-until 1790000000000000
transport lab
extra k v\x20w
extra x y=z
rcpt T-y- "a\x20b"@example.org notify=success,delay orcpt=rfc822;x+2By@example.org
end'
like 'and origin' "$(envelope "$id" origin)" '^origin local$'
id=$(printf "$msg" | mox-queue-add b@example.org)
is 'mail by hand was written here' "$(envelope "$id" origin)" 'origin local'
id=$(printf "$msg" | mox-queue-add --origin elsewhere b@example.org)
is '... unless it is said' "$(envelope "$id" origin)" ''
fails 100 'and not otherwise' mox-queue-add --origin here b@example.org </dev/null
echo 86400 >clock
id=$(printf "$msg" | MOX_TEST_CLOCK=$T/clock mox-queue-add --hold-until +2h b@example.org)
like '--hold-until +2h' "$(($(envelope "$id" hold-until | cut -c12-) / 1000000 - $(date +%s)))" '^9(3600|3599|3598)$'

# T104: the spool holds CRLF only
n=0
while IFS= read -r row; do
	id=$(printf "$row" | mox-queue-add b@example.org) && n=$((n + 1))
done <<-'X'
	S: x\n\na\n.\nb\n
	S: x\r\n\r\na\r\n.\r\nb
	S: x\n\na\r.\rb\r
	S: x\n\na\n.\r\nb\r\n.\rc
	S: x\rBcc: y\n\na\r\r\n
	no header at all
	\r
	S: x
X
is 'T104 all line ends are taken' $n 8
ok 'T104 and none but CRLF reaches the spool' whole
id=$(printf 'S: x\n\n.\n' | mox-queue-add b@example.org)
is 'flag dot' "$(envelope "$id" flags)" 'flags dot'
id=$(printf 'S: x\n\n\351\n%01000d\n' 0 | mox-queue-add b@example.org)
is 'T106 flags 8bit longline' "$(envelope "$id" flags)" 'flags 8bit longline'
id=$(printf 'Subject: gr\303\274n\n\nx\n' | mox-queue-add b@example.org)
is 'a UTF-8 header field' "$(envelope "$id" flags), $(envelope "$id" subject)" 'flags 8bit smtputf8, subject grün'
id=$(printf 'Subject: x\n\nx\n' | mox-queue-add 'jürgen@example.org')
is 'a UTF-8 address' "$(envelope "$id" flags)" 'flags smtputf8'
id=$(printf "Subject: %0300d\xc3\xbc\n\nx\n" 0 | mox-queue-add b@example.org)
is 'a long subject is cut' "$(envelope "$id" subject | wc -c)" 209
id=$(printf 'S: x\n\na\0b\n' | mox-queue-add b@example.org)
is 'T106 a NUL in the body passes' "$(message "$id" | tail -c 5 | od -An -c | tr -d ' \n')" 'a\0b\r\n'
before=$(count new)
fails 100 'T106 a NUL in the header section does not' bash -c 'printf "S: \0x\n\nb\n" | mox-queue-add b@example.org'

# What is refused, with a sentence and nothing in the spool
refused() { # CODE NAME REGEX ARGS...
	local code=$1 name=$2 want=$3
	shift 3
	printf "$msg" | mox-queue-add "$@" >out 2>err
	is "$name: exit code" $? "$code"
	like "$name: sentence" "$(cat err)" "$want"
}
refused 100 'T111 LF in a recipient' '^mox-queue-add: unable to take the recipient .*\\x0a' $'b@example.org\nrcpt x'
refused 100 'T111 CR in the sender' '^mox-queue-add: unable to take the sender ' -f $'a@exam\rple.com' b@example.org
refused 100 'T111 > in a recipient' 'unable to take the recipient' 'b@example.org>'
refused 100 'T111 space in the envelope id' 'unable to take the envelope id' --envid 'a b' b@example.org
refused 100 'T111 LF in the envelope id' 'unable to take the envelope id' --envid $'a\nb' b@example.org
refused 100 'no domain behind @' 'unable to take the recipient' b@
refused 100 'empty recipient' 'unable to take the recipient' ''
refused 100 'no recipient' '^usage: '
refused 100 'unknown option' 'usage: ' --frobnicate b@example.org
refused 100 'unknown transport' 'unable to use the transport' --transport nowhere b@example.org
refused 100 'bad notify' 'unable to use --notify' --notify sometimes b@example.org
refused 100 'bad ret' 'unable to use --ret' --ret all b@example.org
refused 100 'bad hold-until' 'unable to use --hold-until' --hold-until tomorrow b@example.org
refused 100 'orcpt of two' 'unable to use --orcpt' --orcpt 'rfc822;x' b@example.org c@example.org
refused 100 'two forms at once' '^usage: ' -B b@example.org
refused 100 'bad configuration' 'unable to read' -C /nonexistent b@example.org
refused 100 'too many recipients' '51 recipients, at most 50' $(seq -f 'r%g@example.org' 51)
fails 100 'too large a file' bash -c 'head -c 1048577 /dev/zero | tr "\0" x >big; mox-queue-add b@example.org <big'
like 'says the limit' "$(mox-queue-add b@example.org <big 2>&1)" 'it is larger than 1048576 bytes$'
fails 100 'too large a stream' bash -c 'cat big | mox-queue-add b@example.org'
fails 100 'closed stdin is no empty message' bash -c 'mox-queue-add b@example.org <&-'
fails 111 'a directory as message' bash -c 'mox-queue-add b@example.org <.'
sed 's/min-free = .*/min-free = "1000000G"/' mox.conf >full.conf
refused 111 'T122 below the space mark' 'free space in .* is below the mark' -C full.conf b@example.org
sed 's/min-free-inodes = .*/min-free-inodes = 1000000000/' mox.conf >inodes.conf
refused 111 'T122 below the inode mark' 'free space in .* is below the mark' -C inodes.conf b@example.org
is 'nothing of that is in the spool' "$(count new) $(count tmp)" "$before 0"

# Harmless surroundings
ok 'closed stdout does not matter' bash -c "printf '$msg' | mox-queue-add b@example.org >&- 2>/dev/null"
ok 'a full stdout does not matter' bash -c "printf '$msg' | mox-queue-add b@example.org >/dev/full 2>/dev/null"
ok 'a broken pipe does not matter' bash -c "printf '$msg' | { mox-queue-add b@example.org; echo \$? >rc; } | true; [ \$(cat rc) = 0 ]"
is 'all three are queued' "$(count new)" $((before + 3))
mkfifo in
writing() { [ "$(count tmp)" -gt 0 ]; }
for sig in TERM INT HUP ALRM; do
	mox-queue-add b@example.org <in >sig.log 2>&1 &
	pid=$!
	exec 8>in
	printf 'S: x\n\nsome' >&8
	wait_until writing
	kill -$sig $pid
	wait $pid
	is "T121 $sig while writing: exit code" $? 111
	exec 8>&-
done
is 'T121 nothing of them is left' "$(count new) $(count tmp)" "$((before + 3)) 0"
done_testing
