#!/bin/bash
# shellcheck disable=SC2059 # messages are printf formats
# mox-queue-add -e: the envelope on a descriptor of its own, whose `end` line commits.
. "$(dirname "$0")/lib.sh"
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' 'max-message-size = "1M"' >mox.conf
msg='Subject: hello\n\nbody\n'
printf "$msg" >msg
count() { find "$MOX_SPOOL/$1" -type f | wc -l; }
lines() { sed -n '/^sender/,$p' "spool/new/${1#id }" | grep -avE '^(size|crc32|moxq1) '; }

printf 'sender a@example.com\nrcpt b@example.org notify=never orcpt=rfc822;x\nrcpt "c\\x20d"@example.org\nret full\nenvid Q\nrequiretls no\nhold-until 5\nextra k v\nextra k w\norigin local\nfuture thing\nend\n' >envelope
id=$(mox-queue-add -e 3 <msg 3<envelope 2>err) || diag <err
is 'all keys' "$(lines "$id")" 'sender a@example.com
subject hello
ret full
envid Q
requiretls no
hold-until 5
extra k v
extra k w
rcpt T-n- b@example.org notify=never orcpt=rfc822;x
rcpt T-n- "c\x20d"@example.org
end'
printf 'sender \nrcpt x@y.example\nend\n' >env1
like 'Received: knows the only recipient when the envelope came first' \
	"$(cat "spool/new/$(mox-queue-add -e 3 3<env1 <msg | cut -c4-)")" 'for <x@y.example>'
printf 'id 0000000000001\nqueued 1\nuid 77\nsize 3\ncrc32 00000000\nflags dot\nsubject forged\nmessage-id <f@f>\nsender \nrcpt b@example.org\nend\n' >forged
id=$(mox-queue-add -e 3 <msg 3<forged) && id=${id#id }
is 'what is ours to say is not believed' "$(grep -acE '^(id 0000000000001|queued 1|uid 77|size 3|crc32 00000000|flags dot|subject forged|message-id .*)$' "spool/new/$id")" 0
ok 'and the file is whole' spool-check spool
printf 'sender \naccount alice\nrcpt b@example.org\nend\n' >account
id=$(mox-queue-add -e 3 <msg 3<account)
like 'the spool owner may name an account' "$(cat "spool/new/${id#id }")" $'\naccount alice\n'
before=$(count new)

# What commits and what does not
fails 111 'no end: nothing' bash -c 'grep -v ^end envelope | mox-queue-add -e 3 3<&0 <msg'
fails 111 'empty envelope: nothing' bash -c 'mox-queue-add -e 3 3</dev/null <msg'
fails 111 'half an end line: nothing' bash -c 'printf "sender \nrcpt a@b.example\nend" | mox-queue-add -e 3 3<&0 <msg'
# From a file, so that one read sees it all: the door does not wait for what may come behind `end`.
cat envelope envelope >twice
fails 100 'something behind the end' mox-queue-add -e 3 3<twice <msg
fails 100 'not a record' bash -c 'printf "hello\nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'no sender' bash -c 'printf "rcpt b@example.org\nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'no recipient' bash -c 'printf "sender \nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'T111 CR in an address' bash -c 'printf "sender \nrcpt b\\\\x0d@example.org\nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'T111 NUL in an address' bash -c 'printf "sender a\\\\x00@b.example\nrcpt b@example.org\nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'bad account' bash -c 'printf "sender \naccount a/b\nrcpt b@example.org\nend\n" | mox-queue-add -e 3 3<&0 <msg'
fails 100 'descriptor not open' mox-queue-add -e 9
fails 100 'descriptor 0' mox-queue-add -e 0
fails 100 'recipients besides' mox-queue-add -e 3 x@y.example
is 'nothing of that is in the spool' "$(count new) $(count tmp)" "$before 0"

# In whatever order the caller writes the two
cat >both.py <<'X'
import os, subprocess, sys
def run(order, body=b"S: x\n\nbody\n", end=True):
    mr, mw = os.pipe(); er, ew = os.pipe()
    p = subprocess.Popen(["mox-queue-add", "-e", str(er)], stdin=mr, stdout=subprocess.PIPE, pass_fds=[er])
    os.close(mr); os.close(er)
    # more than a pipe holds, so that a reader of one alone would hang
    parts = {"m": (mw, body), "e": (ew, b"sender \n" + b"".join(b"rcpt r%d@example.org\n" % i for i in range(5000))), "t": (ew, b"end\n" if end else b"")}
    for c in order:
        fd, data = parts[c]
        while data:
            data = data[os.write(fd, data):]
        if c in "mt":
            os.close(fd)
    out = p.stdout.read()
    return p.wait(), out[:3] == b"id "
big = b"S: x\n\n" + b"y" * 70 + b"\n" * 200000
for order, body in (("met", big), ("emt", big), ("etm", big), ("met", b"")):
    print(order, *run(order, body))
X
is 'message first, envelope first, end last: all work' "$(timeout 20 python3 both.py)" 'met 0 True
emt 0 True
etm 0 True
met 0 True'
ok 'all whole' spool-check spool
done_testing
