#!/bin/bash
# mox-queue-check: every kind of fault a spool can have, and what -r does about it without an owner and with one.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
export MOX_SPOOL=$T/q
printf 'Subject: x\n\nHello\n' >message
add() { mox-queue-add user@example.com <message | sed -n 's/^id //p'; }
bucket() { # ID: its directory under cur/, found by trying: only one is right
	local b
	for b in q/cur/??; do
		cp -p "$MOX_SPOOL/new/$1" "$b/$1"
		mox-queue-check | grep -q "^${b#q/}/$1: it stands in the wrong" || { rm "$b/$1"; echo "${b#q/}"; return; }
		rm "$b/$1"
	done
}
# What is wrong; what comes of it stands behind a semicolon.
faults() { mox-queue-check 2>/dev/null | sed 's/; .*//'; }
comes() { mox-queue-check 2>/dev/null | sed 's/^[^;]*; //'; }

A=$(add)
ok "a fresh spool with a message in it" mox-queue-check
ok "DIR is another spool" env MOX_SPOOL=/nonexistent mox-queue-check "$T/q"
fails 111 "no spool" mox-queue-check "$T/nothing"
fails 100 "two directories" mox-queue-check a b
cp -p "q/new/$A" good

# Each byte of a file matters: flip one in the message, the envelope, the footer; cut the file; make it longer.
python3 - <<'P'
d = open("good", "rb").read()
flip = lambda i: d[:i] + bytes([d[i] ^ 1]) + d[i + 1:]
env = d.rindex(b"\nid ") + 1
for name, data in {"message": flip(3), "envelope": flip(env + 30), "footer": flip(len(d) - 20), "magic": flip(len(d) - 32), "cut": d[:-1],
                   "longer": d + b"\n", "empty": b"", "mark": d.replace(b"rcpt T", b"rcpt X")}.items():
    open("broken." + name, "wb").write(data)
P
for b in message envelope footer magic cut longer empty mark; do
	cp "broken.$b" "q/new/$A" && chmod 660 "q/new/$A"
	fails 100 "damage: $b" mox-queue-check
	like "one line for it: $b" "$(faults)" "^new/$A: [^
]+$"
	case $b in message) want=delivered ;; *) want='moves it to corrupt/: it is not delivered' ;; esac
	like "and what comes of it: $b" "$(comes)" "$want"
done
cp -p good "q/new/$A"
python3 - <<'P'
import glob
d = open("good", "rb").read()
open("marked", "wb").write(d.replace(b"rcpt T-.-", b"rcpt Foyd"))
P
cp marked "q/new/$A" && chmod 660 "q/new/$A"
ok "marks are no damage" mox-queue-check
cp -p good "q/new/$A"

H=$(bucket "$A")
like "a message has one bucket" "$H" '^cur/[0-9a-f]{2}$'
mv "q/new/$A" "q/$H/$A"
ok "a message in cur" mox-queue-check
cp -p "q/$H/$A" "q/new/$A"
is "a message in new and cur" "$(faults)" "new/$A: it stands in cur/ as well"
rm "q/new/$A"
ln "q/$H/$A" q/new/0d3k9v2x7m4qa
is "another name" "$(faults)" "new/0d3k9v2x7m4qa: its envelope has the id of another"
rm q/new/0d3k9v2x7m4qa

printf 'hold o\nend\n' >"q/$H/$A.amend"
chmod 600 "q/$H/$A.amend"
ok "an amendment" mox-queue-check
printf 'hold o\n' >"q/$H/$A.amend"
is "an amendment without end" "$(faults)" "$H/$A.amend: it is no whole record"
printf 'id 0d3k9v2x7m4qa\nend\n' >"q/$H/$A.amend"
is "an amendment of another" "$(faults)" "$H/$A.amend: it is that of another message"
printf 'id %s\nnext 1 soon\nend\n' "$A" >"q/$H/$A.amend"
is "an amendment that says nothing" "$(faults)" "$H/$A.amend: one of its lines says nothing"
like "and what comes of that" "$(comes)" 'by hand may be forgotten'
printf 'id %s\nnext 1 1795230000000000\ntransport 2 relay\nfail 1 no\\x20more\nend\n' "$A" >"q/$H/$A.amend"
ok "an amendment of all kinds" mox-queue-check
rm "q/$H/$A.amend"
mv "q/$H/$A" away
printf 'hold o\nend\n' >"q/$H/$A.amend"
chmod 600 "q/$H/$A.amend"
touch "q/$H/.$A.amend.123"
ok "an amendment without message, and one that was never finished, mean nothing" mox-queue-check
touch -d '1 hour ago' "q/$H/$A.amend" "q/$H/.$A.amend.123"
is "when they are old they are told of" "$(faults | sort)" "$H/.$A.amend.123: an amendment that was never finished
$H/$A.amend: an amendment without its message"
ok "but are no fault" mox-queue-check
rm "q/$H/$A.amend" "q/$H/.$A.amend.123"
mv away "q/$H/$A"

strange() { # NAME EXPECTED COMMAND...: the command makes it, its path is removed afterwards
	local path=$1 want=$2
	shift 2
	"$@"
	is "strange: $path" "$(faults)" "$want"
	rm -rf "${path:?}"
}
strange q/other "other: nothing of that name belongs there" touch q/other
strange q/new/x "new/x: nothing of that name belongs there" touch q/new/x
strange q/tmp/x "tmp/x: nothing of that name belongs there" touch q/tmp/x
strange q/tmp/1.2 "tmp/1.2: it is no regular file" mkfifo q/tmp/1.2
strange q/cur/zz "cur/zz: nothing of that name belongs there" mkdir q/cur/zz
strange "q/$H/x" "$H/x: nothing of that name belongs there" touch "q/$H/x"
strange "q/$H/$A.old" "$H/$A.old: nothing of that name belongs there" touch "q/$H/$A.old"
strange q/new/0d3k9v2x7m4qb "new/0d3k9v2x7m4qb: it is no regular file" ln -s /etc/passwd q/new/0d3k9v2x7m4qb
strange q/new/0d3k9v2x7m4qc "new/0d3k9v2x7m4qc: it is no regular file" mkfifo q/new/0d3k9v2x7m4qc
strange $'q/new/\e[2J\n' 'new/\x1b[2J\x0a: nothing of that name belongs there' touch $'q/new/\e[2J\n'
touch q/tmp/123.4
ok "a file being written" mox-queue-check
touch -d '30 hours ago' q/tmp/123.4
is "one that was left is told of" "$(mox-queue-check 2>/dev/null)" \
	"tmp/123.4: a writer that died left it 30 hours ago; nothing was promised for it, and mox-runq removes what is 36 hours old"
ok "but is no fault" mox-queue-check
rm q/tmp/123.4
chmod 644 "q/$H/$A"
is "a message anybody may read" "$(faults)" "$H/$A: its mode is 0644, expected no more than 0660"
chmod 660 "q/$H/$A"
chmod 755 q/cur
is "a directory anybody may read" "$(faults)" "cur: its mode is 0755, expected no more than 0700"
chmod 700 q/cur
rm q/trigger && touch q/trigger
like "another kind of file" "$(faults)" '^trigger: it is not the kind'
rm q/trigger

# The tables of a backup.
cat >q/saved <<'X'
table retired
key \x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02
value id 0000000000001.2\x0aresult delivered\x0aend\x0a
end
table limit
key ajoe
value sent 5\x0aend\x0a
end
entries 2
end
X
chmod 600 q/saved
is "an entry that is none" "$(faults)" 'saved: its entry "ajoe" of table limit: its key names no address'
head -n -2 q/saved >x && cat x >q/saved
like "tables that are cut" "$(faults)" $'\n''saved: it is cut$'
rm q/saved

# -r without an owner, then one that answers.
mkdir bin
cp "$MOX_BIN/mox-queue-check" bin/
cat >bin/mox-runq <<EOF
#!/bin/bash
echo \$\$ >"$T/pid"
exec "$TOP/t/fake-ctl" "\$MOX_SPOOL/ctl" "$T/asked" ok "$T/rows"
EOF
chmod +x bin/mox-runq
printf 'id %s\nerror has no row in the index\nend\nid %s.2\nerror has a row but no file\nend\n' "$A" "$A" >rows
B=$(add) C=$(add)
cp broken.cut "q/new/$B"
mkdir -p q/cur/00 q/cur/01
W=q/cur/00
[ "q/$H" = "$W" ] && W=q/cur/01
printf 'hold o\n' >"q/$H/$A.amend"
chmod 600 "q/$H/$A.amend"
mv "q/$H/$A" "$W/$A"
touch q/new/x
chmod 644 "q/new/$C"
chmod 755 q/cur
D=$(add) E=$(add)
for b in q/cur/{00,01,02}; do mkdir -p "$b" && cp -p "q/new/$D" "$b"; done
cp -p "q/new/$E" "q/corrupt/$B"
rm -r q/tmp
fails 111 "no spool without its parts" env MOX_SPOOL=$T/q/new mox-queue-check
is "a part is missing" "$(faults)" 'tmp: it is missing'
fails 100 "-r finds faults" bin/mox-queue-check -r
cp .out said
[ -s pid ] && _pids+=("$(cat pid)")
is "and asks for a new index" "$(cat asked)" $'op rebuild\nend'
is "broken files lie in corrupt/, none over another" "$(cd q/corrupt && find . -type f ! -name '*.why' ! -name "$D*" -printf '%f\n' | sort)" "$(printf '%s\n' "$A.amend" "$B" "$B.1" x | sort)"
like "with the reason beside them" "$(cat "q/corrupt/$B.1.why")" "^from new/$B
why it does not end in a footer
when [0-9]+
end$"
is "one that stood in two places stands in one" "$(find q/cur -name "$D" -printf '%H/%P\n' | wc -l)" 1
is "the others are kept" "$(find q/corrupt -name "$D*" ! -name '*.why' | wc -l)" 3
is "modes are set right" "$(stat -c %a "q/new/$C" q/cur | tr '\n' ' ')" "640 700 "
ok "what is missing is made" test -d q/tmp
is "each line says what was done" "$(grep -cE '; it was (moved to (corrupt/|cur/[0-9a-f]{2})|changed|made)$' said)" "$(grep -c '^[^ ]*: .*;' said)"
ok "a sound message is in its bucket again" test -e "q/$H/$A"
ok "the others stay" test -e "q/new/$C"
rm -rf q/corrupt/*
cp -p "q/new/$C" q/corrupt/one
cp -p "q/new/$C" q/corrupt/two
rm asked
is "an owner is asked for the index" "$(mox-queue-check 2>said)" "$A: has no row in the index
$A.2: has a row but no file"
is "and so it was" "$(cat asked)" $'op check\nend'
like "what lies in corrupt/ is said" "$(cat said)" "^mox-queue-check: 2 files lie in $T/q/corrupt$"
rm asked
cp broken.cut "q/new/$C"
start locker python3 -c 'import fcntl,signal
f = open("q/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX); print("locked", flush=True); signal.pause()'
wait_until grep -q locked locker.log
fails 100 "-r while somebody owns the spool" mox-queue-check -r
ok "moves nothing" test -e "q/new/$C"
is "and asks the owner" "$(cat asked)" $'op rebuild\nend'
done_testing
