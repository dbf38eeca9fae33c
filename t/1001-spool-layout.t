#!/bin/bash
# spool-layout.txt is normative: the tree spool_make makes, and the bytes of a message file, are as it says.
. "$(dirname "$0")/lib.sh"
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
echo 'min-free = "0"' >mox.conf
layout=$TOP/spool-layout.txt
id=$(printf 'Subject: x\n\nbody\n' | mox-queue-add --requiretls no -f a@example.com b@example.org c@example.org)
id=${id#id }

declared=$(awk '/^  name +type/ { on = 1; next } on && !NF { exit } on { print $1, $2, $3 }' "$layout" | sort)
made=$(cd spool && find . -not -path './new/*' -not -path './cur/*' -printf '%P %y 0%m\n' -o -path ./cur/00 -printf '%P %y 0%m\n' |
	sed 's/^ /. /; s/ d / dir /; s/ p / fifo /' | sort)
is 'the tree is as declared: names, types, modes' "$made" "$declared"
is '256 buckets' "$(find spool/cur -mindepth 1 -type d -perm 0700 -name '[0-9a-f][0-9a-f]' | wc -l)" 256

cat >read.py <<'X'
# Reads a message file by the words of spool-layout.txt alone.
import re, sys, zlib
data = open(sys.argv[1], "rb").read()
layout = open(sys.argv[2]).read()
foot = re.search(rb"\A(moxq1 )([0-9a-f]{16}) ([0-9a-f]{8})\n\Z", data[-32:])
assert foot, "footer"
assert '"%s"' % foot[1].decode() in layout, "magic"
size = int(foot[2], 16)
env = data[size:-32]
assert zlib.crc32(re.sub(rb"(?m)^rcpt ....", b"rcpt ....", env)) == int(foot[3], 16), "envelope crc"
keys = [l.split(b" ")[0].decode() for l in env.splitlines()]
assert keys[-1] == "end", "end"
spec = layout[layout.index("Envelope lines,"):layout.index("crc32 is that of")].split("in brackets", 1)[1]
order = re.findall(r"\[?\b(id|queued|account|uid|origin|sender|size|crc32|flags|message-id|subject|ret|envid|requiretls|hold-until|transport|extra|rcpt) ", spec)
assert len(set(order)) == 18, order
at = [order.index(k) for k in keys[:-1]]
assert at == sorted(at), ("order", keys)
value = dict(l.split(b" ", 1) for l in env.splitlines()[:-1])
assert int(value[b"size"]) == size and int(value[b"crc32"], 16) == zlib.crc32(data[:size]), "message"
alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
assert alphabet in layout
n = 0
for c in value[b"id"].decode():
    n = n * 32 + alphabet.index(c)
assert abs((n >> 12) - int(value[b"queued"])) < 10**7, "id time"
print("%02x" % ((n * 0x9e3779b97f4a7c15 % 2**64) >> 56))
X
bucket=$(python3 read.py "spool/new/$id" "$layout") 2>err
like 'a message file reads by the words of the text' "$bucket" '^[0-9a-f]{2}$' || diag <err
mv "spool/new/$id" "spool/cur/$bucket/"
is 'HH is as the text says' "$(spool-check spool)" "cur/$bucket $id 2 $(head -c 9999 "spool/cur/$bucket/$id" | sed -n 's/^size //p')"

# The bytes of SSSS that the text names are those the code takes, and no others.
mkdir -p s/tmp s/new s/cur/{{0..9},{a..f}}{{0..9},{a..f}}
taken=
for position in 1 2 3 4; do
	row=
	for c in T D F C - u o r l f . y n d t e s x 0 ','; do
		cp "spool/cur/$bucket/$id" f
		at=$(grep -abo 'rcpt .... b@' f | cut -d: -f1)
		printf %s "$c" | dd of=f bs=1 seek=$((at + 4 + position)) conv=notrunc 2>/dev/null
		mv f "s/new/$id"
		[ "$c" = "$(spool-check s >/dev/null && echo "$c")" ] && row+=$c
	done
	taken+="$(grep -o . <<<"$row" | sort | tr -d '\n') "
done
declared=
for word in state hold requiretls notice; do
	declared+="$(sed -n "s/^  [1-4]  $word  *//p" "$layout" | sed 's/, /\n/g' | sed 's/ .*//' | grep -o . | sort | tr -d '\n') "
done
is 'marks: the bytes the text names, no others' "$taken" "$declared"
done_testing
