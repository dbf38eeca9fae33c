#!/bin/bash
# What the message looks like on the wire: by DATA, by BDAT, with what must be declared (T104 to T110).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
mkdir spool
export MOX_SPOOL=$T/spool

# Anything a person may hand in, made a message by mox-queue-add: nasty combinations of CR, LF and dots.
queue() { # NAME: fd 0 becomes the message NAME.msg as queued, with its flags in NAME.flags
	local id file
	id=$(mox-queue-add -f s@client.test a@x.test) && id=${id#id } && file=$(echo spool/new/"$id")
	python3 - "$file" "$1" <<'P'
import re, sys
data = open(sys.argv[1], "rb").read()
size = int(re.findall(rb"\nsize (\d+)\n", data)[-1])
open(sys.argv[2] + ".msg", "wb").write(data[:size])
flags = re.findall(rb"\nflags ([^\n]*)\n", data[size:] if size else data)
open(sys.argv[2] + ".flags", "wb").write(flags[-1] if flags else b"")
P
	rm -f "$file"
}
python3 - <<'P'
import random
random.seed(7)
fixed = [b"a: b\n\na\n.\nb\n", b"a: b\r\n\r\n\r.\r\n", b"a: b\n\n\n.\r\n.\r\n", b"a: b\r\n\r\nx\r\n.\rMAIL FROM:<e@x>\r\n", b"a: b\n\n..\n...\n.",
    b"a: b\n\nx\n.\r\n", b"a: b\r\n\r\nx\r\r\n.\r\r\n", b".\n", b"a: b", b"a: b\n\n", b"\n\nbody", b"a: b\n\n.", b"a: b\n\n\0x\0\n", b"a: b\n\n" + b"." * 2000 + b"\n"]
cases = fixed + [b"a: b\n\n" + bytes(random.choice(b"\r\n.\r\n.a") for _ in range(random.randrange(60))) for _ in range(26)]
for i, c in enumerate(cases): open("case%02d" % i, "wb").write(c)
P
names=()
for c in case[0-9][0-9]; do
	queue "$c" <"$c"
	names+=("$c")
done
check_wire() { # DIR stuffed?: every message as queued, and with exactly one end
	python3 - "$1" "$2" "${names[@]}" <<'P'
import sys
bad = 0
for i, n in enumerate(sys.argv[3:], 1):
    wire = open("%s/1.%d.wire" % (sys.argv[1], i), "rb").read()
    msg, want = open("%s/1.%d.msg" % (sys.argv[1], i), "rb").read(), open(n + ".msg", "rb").read()
    why = []
    if msg != want: why.append("not as queued: %r" % msg)
    bare = wire.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare: why.append("bare CR or LF")
    if sys.argv[2] == "dots":
        if (b"\r\n" + wire).count(b"\r\n.\r\n") != 1 or not wire.endswith(b".\r\n"): why.append("not one end")
        for l in wire[:-3].split(b"\r\n"):
            if l.startswith(b".") and not l.startswith(b".."): why.append("a dot unstuffed: %r" % l)
    if why: bad += 1; print(n, repr(want), why)
sys.exit(bad != 0)
P
}
for how in "dots SIZE" "dots PIPELINING" "counted CHUNKING" "counted PIPELINING, CHUNKING"; do
	mx m <<X
greet ${how#* }
accept
X
	for c in "${names[@]}"; do
		JOB_MESSAGE=$T/$c.msg JOB_FLAGS=$(cat "$c.flags")
		job "$c" "$PORT" -- a@x.test
	done
	ok "${#names[@]} messages, ${how#* }" deliver "${names[@]}"
	mx_done m "on one connection"
	is "all sent" "$(grep -c '^rcpt 1 sent' report)" "${#names[@]}"
	case $how in
	dots*) ok "T104 T106 T107 one CRLF.CRLF, every dot stuffed, the bytes as queued: ${how#* }" check_wire m.d dots ;;
	*) ok "T105 by BDAT no stuffing, the bytes as queued: ${how#* }" check_wire m.d counted ;;
	esac
done
: >empty.msg
JOB_MESSAGE=$T/empty.msg JOB_FLAGS=
dialogue "an empty message by DATA" '^sent' <<'X'
greet
on . => 250 taken
accept
X
dialogue "an empty message by BDAT" '^sent' <<'X'
greet CHUNKING
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: BDAT 0 LAST
S: 250 taken
X

printf 'Subject: eight\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n' >eight.msg
JOB_MESSAGE=$T/eight.msg JOB_FLAGS=8bit
take='S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken'
dialogue "8BITMIME offered: 8-bit text is declared" '^sent' <<X
greet 8BITMIME
C: MAIL FROM:<s@client.test> BODY=8BITMIME
$take
X
dialogue "T108 not offered: sent as it is" '^sent' <<X
greet
C: MAIL FROM:<s@client.test>
$take
X
dialogue "T110 BINARYMIME is never used" '^sent' <<X
greet 8BITMIME, BINARYMIME, CHUNKING
C: MAIL FROM:<s@client.test> BODY=8BITMIME
S: 250 ok
C: RCPT *
S: 250 ok
C: BDAT * LAST
D: bdat
S: 250 ok
X
JOB_MESSAGE=$T/message JOB_FLAGS=
dialogue "T109 an ASCII message never demands SMTPUTF8" '^sent' <<X
greet SMTPUTF8, 8BITMIME
C: MAIL FROM:<s@client.test>
$take
X
printf 'Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\nHello.\r\n' >utf8.msg
JOB_MESSAGE=$T/utf8.msg JOB_FLAGS='8bit smtputf8'
dialogue "T109 one with UTF-8 in its header does" '^sent' <<X
greet SMTPUTF8, 8BITMIME
C: MAIL FROM:<s@client.test> BODY=8BITMIME SMTPUTF8
$take
X
dialogue "T109 and is refused with 5.6.7 where it is not offered" '^never [0-9]+ 5\.6\.7 ' <<'X'
greet 8BITMIME
X
mx first <<'X'
greet 8BITMIME
X
mx second <<X
greet 8BITMIME, SMTPUTF8
C: MAIL * SMTPUTF8
$take
X
job j "$PORT_first" "$PORT_second" -- a@x.test
deliver j
like "T109 but another host is tried before" "$(fate j 1)" '^sent 250 .*mx2\.test'
mx_done first "T109 not to the first"
mx_done second "T109 to the second"
# What goes before the message: no flag tells of it, every count does.
JOB_LINES=$'prepend DKIM-Signature: v=1;\\x0d\\x0a\\x09b=1\\x0d\\x0a\nprepend X: y\\x0d\\x0a'
printf 'DKIM-Signature: v=1;\r\n\tb=1\r\nX: y\r\n' >signature
printf 'Subject: dots\r\n\r\n.\r\n..x\r\n' >dots.msg
: >none.msg
{ printf 'Subject: big\r\n\r\n'; for ((i = 0; i < 4000; i++)); do printf '%076d\r\n' $i; done; } >big.msg
for m in dots big none message; do
	[ -e $m.msg ] || cp message $m.msg
	JOB_MESSAGE=$T/$m.msg JOB_FLAGS='' n=$(cat signature $m.msg | wc -c)
	[ $m != dots ] || JOB_FLAGS='dot'
	for how in "SIZE" "SIZE, PIPELINING" "SIZE, CHUNKING" "SIZE, CHUNKING, PIPELINING"; do
		case $how in *CHUNKING*) end="C: BDAT $n LAST
D: bdat" ;; *) end='C: DATA
S: 354 go
D:' ;; esac
		mx m <<X
greet $how
C: MAIL FROM:<s@client.test> SIZE=$n
S: 250 ok
C: RCPT *
S: 250 ok
$end
S: 250 taken
X
		job j "$PORT" -- a@x.test
		deliver j
		mx_done m "signed $m by $how"
		ok "signed $m by $how: the signature, then the message" cmp <(cat signature $m.msg) m.d/1.1.msg
	done
done
like "... and it counts as sent" "$(said j session)" "bytes=$n"
dialogue "a server that takes the message but not with its signature" '^(later|never) ' <<X
greet SIZE $((n - 1))
X
JOB_LINES=

JOB_MESSAGE=$T/message JOB_FLAGS=
utf8() { # "name" KEYWORDS RCPT-LINE FATE
	mx m <<X
greet $2
${3:+C: MAIL *
S: 250 ok
C: RCPT TO:<$3>
S: 250 ok
C: DATA
S: 354 go
D:
S: 250 taken}
X
	job j "$PORT" -- "$4"
	deliver j
	mx_done m "$1"
	like "$1: fate" "$(fate j 1)" "$5"
}
utf8 "T109 a UTF-8 domain becomes A-labels where SMTPUTF8 is missing" "SIZE" 'a@xn--bcher-kva.test' 'a@bücher.test' '^sent'
utf8 "T109 a UTF-8 local part demands it" "SIZE" '' 'jürgen@x.test' '^never [0-9]+ 5\.6\.7'
utf8 "T109 and gets it" "SMTPUTF8" 'jürgen@x.test' 'jürgen@x.test' '^sent'
JOB_SENDER=
dialogue "the null sender" '^sent' <<X
greet SIZE
C: MAIL FROM:<> SIZE=*
$take
X
done_testing
