#!/bin/bash
# mox-sendmail with the real mox-queue-add: what stands in the spool afterwards, and what the caller is told.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

cat >mox.conf <<-'X'
	hostname = "mx.host.example"
	mailname = "host.example"
	aliases = "none"
	received = false
X
export MOX_CONF=$T/mox.conf MOX_SPOOL=$T/spool TZ=UTC0

# send ARGS...: stdin becomes one message; $rc, $said (stdout and stderr), $text (the message, LF) and $envelope are what came of it
send() {
	rm -f spool/new/*
	mox-sendmail "$@" >said 2>&1
	rc=$? said=$(<said) text='' envelope=''
	queued=$(find spool/new -type f 2>/dev/null | wc -l)
	local f
	for f in spool/new/*; do
		[ -f "$f" ] || return 0
		local at=$((16#$(tail -c 26 "$f" | head -c 16)))
		text=$(head -c "$at" "$f" | tr -d "\r\0")
		envelope=$(tail -c +$((at + 1)) "$f")
	done
}
field() { grep -i "^$1:" <<<"$text" | head -1; }
rcpts() { sed -n 's/^rcpt T-.- //p' <<<"$envelope" | tr '\n' '|'; }
sender() { sed -n 's/^sender //p' <<<"$envelope"; }
nothing() { is "$1" "$rc $queued" "$2 0"; } # name, exit code: and nothing is queued
full=$'From: a@x.example\nDate: d\nMessage-ID: <m@x>\n'

# ---- the command line ----
send -fs@x.example -Nnever -oem -B8BITMIME a@x.example <<<"$full"
one=$envelope
send -f s@x.example -N never -o em -B 8BITMIME a@x.example <<<"$full"
strip() { grep -v '^id\|^queued\|^moxq1' <<<"$1"; }
is "S2 glued and separate values are equal" "$(strip "$envelope")" "$(strip "$one")"
send -tv <<<"To: a@x.example"
like "S3 combined flags" "$rc $(rcpts) $said" "^0 a@x.example\| id [0-9a-z]{13}$"
send -- -a@x.example <<<x
is "S4 an operand behind -- begins with a dash" "$rc $(rcpts)" "0 -a@x.example|"
send a@x.example -f s@x.example <<<x
is "S5 options behind operands" "$rc $(sender) $(rcpts)" "0 s@x.example a@x.example|"
send -Z a@x.example <<<x
nothing "S6 an unknown letter is a usage error" 64
send - <<<x
nothing "S7 a lone -" 65
send <<<x
nothing "S7 no recipients and no -t" 64
like "S7 says so" "$said" "recipients must be named"
send '' a@x.example <<<x
nothing "S8 an empty operand" 65
send 'a@x.example, B C <b@y.example>' '<@r.example:c@z.example>' <<<x
is "S9 lists, names and routes in operands" "$(rcpts)" "a@x.example|b@y.example|c@z.example|"
for o in '-fa@x.example' '-Fname' '-ra@x.example'; do
	send "$o"$'\nBcc: x' b@y.example <<<x
	nothing "S10 line end in ${o:0:2}" 65
done
send $'b@y.example\r\nRCPT TO:<c@z.example>' <<<x
nothing "S10 line end in an operand" 65
send $'b@y.example\x01' <<<x
nothing "S10 control character in an operand" 65

# ---- recipients ----
send -t <<-'X'
	To: A <a@x.example>, "B, C" <b@x.example>,
	 c@x.example (comment, <no@x.example>)
	Cc: Group: d@x.example, =?utf-8?Q?J=C3=BCrg?= <e@x.example>;
	Bcc: f@x.example,
	 g@x.example
	Subject: s

	Bcc: this is the body
X
is "S11 recipients of To, Cc and Bcc" "$(rcpts)" \
	"a@x.example|b@x.example|c@x.example|d@x.example|e@x.example|f@x.example|g@x.example|"
is "S11 no Bcc is left" "$(grep -c 'f@x\|g@x' <<<"$text")" 0
like "S11 the body stands" "$text" "Bcc: this is the body"
send -t <<<$'To: a@x.example\nBcc:\n\nx'
is "S11 an empty Bcc is fine" "$rc $(rcpts) $(field bcc)" "0 a@x.example| "
send b@x.example <<<$'To: a@x.example\nBcc: c@x.example\n\nx'
is "S11 without -t Bcc names nobody and goes too" "$(rcpts) $(field bcc)" "b@x.example| "
send -t b@y.example <<<"To: a@x.example"
is "S12 -t adds to the operands" "$(rcpts)" "b@y.example|a@x.example|"
send -t b@y.example a@X.example <<<$'To: a@x.example, b@y.example\nCc: a@x.example'
is "S12 who is named twice gets one copy" "$(rcpts)" "b@y.example|a@x.example|"
send -t <<<$'Resent-To: n@y.example\nResent-Bcc: h@y.example\nFrom: a@x.example\nTo: old@z.example\nMessage-ID: <old>\n\nx'
is "S13 resent: only the Resent- fields count" "$(rcpts)" "n@y.example|h@y.example|"
like "S13 resent: the Resent- fields are completed" "$text" "Resent-From: .*Resent-Date: .*Resent-Message-ID: "
unlike "S13 resent: the old ones stay alone" "$text" $'\nDate:'
is "S13 no Resent-Bcc is left" "$(grep -c 'h@y' <<<"$text")" 0
send -t <<<$'Subject: x\n\nTo: a@x.example'
nothing "S14 -t without recipients" 66
like "S14 says so" "$said" "names no recipient"
send -t <<<$'To: undisclosed-recipients:;\n\nx'
nothing "S14 an empty group is none" 66
send -t <<<$'To: a@x.example, "broken\n\nx'
nothing "S43 a recipient field that cannot be read" 65
send -t <<<$'To: a@x.example, John Doe\n\nx'
nothing "S43 one bad recipient: nobody gets it" 65
send $'j\xc3\xbcrg@b\xc3\xbccher.example' $'joe@b\xc3\xbccher.example' 'a@EXAMPLE.com.' <<<x
is "T109 domains become A-labels beside ASCII local parts" "$(rcpts)" \
	$'j\xc3\xbcrg@b\xc3\xbccher.example|joe@xn--bcher-kva.example|a@example.com|'
send root '"a b"@x.example' 'c@[IPv6:2001:DB8::1]' <<<x
is "bare names are qualified; quoted, literals" "$(rcpts)" 'root@host.example|"a\x20b"@x.example|c@[IPv6:2001:db8::1]|'

# ---- the sender ----
for f in '<>' '' ' <> '; do
	send -f "$f" a@x.example <<<"$full"
	is "S16 null sender '$f'" "$rc $(sender)" "0 "
done
send -f '<s@x.example>' a@x.example <<<"$full"
is "S16 a sender in <>" "$(sender)" "s@x.example"
send -f a@x.example -r b@x.example a@x.example <<<"$full"
is "S16 the last sender wins" "$(sender)" "b@x.example"
send -f daemon a@x.example <<<"$full"
is "S16 a bare sender is qualified" "$(sender)" "daemon@host.example"
send a@x.example <<<"$full"
is "S16 no -f: the login name" "$(sender)" "$(id -un)@host.example"
send -f 'a b@x.example' a@x.example <<<"$full"
nothing "S43 a bad sender" 65

# ---- envelope options ----
send -N success,FAILURE -R hdrs -V 'id 1' -O requiretls=yes a@x.example b@x.example <<<"$full"
is "S19 S20 S21 to the envelope" "$(grep '^ret\|^envid\|^requiretls\|^rcpt' <<<"$envelope" | tr '\n' ',')" \
	"ret hdrs,envid id+201,requiretls yes,rcpt T-y- a@x.example notify=success,failure,rcpt T-y- b@x.example notify=success,failure,"
for o in -Nx -Rx -Orequiretls=maybe -Bx; do
	send "$o" a@x.example <<<x
	nothing "S18-S21 $o" 64
done
send -odq -odi -odb -odd -oem -em -om -o7 -o8 -oA/etc/aliases -oo -or 1h -os -U -m -n -x -L tag -h 3 -X /dev/null -p SMTP -Am \
	-ODeliveryMode=b -J -E a@x.example <<<"$full"
is "S22-S25 options of old are accepted in silence" "$rc $queued $said" "0 1 "
for o in -oem -oee -oep -oeq -oew -eq '-o e'; do
	# shellcheck disable=SC2086 # two words
	send $o 'a b@x.example' <<<x
	is "S23 $o: what is wrong is said, and the exit code, and nobody is mailed" "$rc $queued ${said:+said}" "65 0 said"
done

echo $((1795228273 - $(date +%s))) >clock
MOX_TEST_CLOCK=$T/clock send -O holdfor=3600 a@x.example <<<"$full"
like "S21 -O holdfor" "$rc $envelope" "^0 .*hold-until 17952318[78][0-9]{7}"
send -O holduntil=2030-01-01T00:00:00Z a@x.example <<<"$full"
like "S21 -O holduntil" "$rc $envelope" "^0 .*hold-until 1893456000000000"
send a@x.example <<<$'From: a@x.example\nSubject: j\xc3\xbc\n\nx'
utf8_none=$(field subject)
send -O smtputf8=yes a@x.example <<<$'From: a@x.example\nSubject: j\xc3\xbc\n\nx'
is "S21 -O smtputf8=yes: UTF-8 stays" "$utf8_none|$(field subject) $(grep '^flags' <<<"$envelope")" \
	$'Subject: =?utf-8?Q?j=C3=BC?=|Subject: j\xc3\xbc flags 8bit smtputf8'
send -O smtputf8=no $'j\xc3\xbc@x.example' <<<"$full"
nothing "S21 -O smtputf8=no: an address that needs it" 65
send -O smtputf8=no a@x.example <<<$'From: a@x.example\nReply-To: j\xc3\xbc@x.example\n\nx'
nothing "S21 -O smtputf8=no: an address in the header" 65
send -O smtputf8=no a@x.example <<<$'From: a@x.example\nSubject: j\xc3\xbc\n\nx'
is "S21 -O smtputf8=no: names and texts are encoded" "$rc $(field subject)" "0 Subject: =?utf-8?Q?j=C3=BC?="
send a@x.example <<<$'X-Mox-Extra-invoice-NO: 12 34\nX-Mox-Extra-B: \n\nx'
is "extras reach the envelope, and stay in the message" "$rc $(grep ^extra <<<"$envelope" | tr '\n' ,) $(field x-mox-extra-invoice-no)" \
	"0 extra Invoice-No 12\x2034,extra B , X-Mox-Extra-invoice-NO: 12 34"
send a@x.example <<<$'X-Mox-Extra-a: 1\nX-Mox-Extra-A: 2\n\nx'
nothing "an extra given twice" 65
send -G a@x.example <<<$'X-Mox-Extra-a: 1\nX-Mox-Extra-A: 2\n\nx'
is "extras of what others sent are not looked at" "$rc $(grep -c ^extra <<<"$envelope")" "0 0"

# ---- the header ----
send -F 'Jörg, X' -f s@x.example -t <<<$'To: a@x.example\n\nx'
is "S17 -F, encoded" "$(field from)" "From: =?utf-8?Q?J=C3=B6rg=2C_X?= <s@x.example>"
send -F 'X' -t <<<$'To: a@x.example\nFrom: Me <m@x.example>\n\nx'
is "S17 -F beside From: is nothing" "$(grep -ic '^from:' <<<"$text") $(field from)" "1 From: Me <m@x.example>"
NAME='A B' send a@x.example <<<x
is "S17 NAME" "$(field from)" "From: A B <$(id -un)@host.example>"
gecos=$(getent passwd "$(id -u)" | cut -d: -f5 | cut -d, -f1)
send a@x.example <<<x
is "S17 GECOS" "$(field from)" "From: ${gecos:+$gecos <}$(id -un)@host.example${gecos:+>}"
LOGNAME=evil USER=evil send a@x.example <<<x
is "S38 LOGNAME and USER are not believed" "$(sender)" "$(id -un)@host.example"
echo $((1795228273 - $(date +%s))) >clock
MOX_TEST_CLOCK=$T/clock send a@x.example <<<x
like "S33 Date" "$(field date)" "^Date: Sat, 21 Nov 2026 02:31:1[0-9] \+0000$"
like "S33 Message-ID" "$(field message-id)" "^Message-ID: <[0-9]+\.[0-9a-f]{16}@mx.host.example>$"
send a@x.example <<<"${full}"$'\nbody'
is "S33 a complete header stays as it is" "$text" "${full}"$'\nbody'
send -t <<<$'Bcc: a@x.example\nSubject: s\n\nx'
is "S33 nothing stands for a missing To:" "$rc $(rcpts) $(field to)$(field cc)$(field bcc)" "0 a@x.example| "
send -G a@x.example <<<$'Bcc: b@x.example\nFrom: root\n\nx'
is "S25 -G touches nothing" "$text" $'Bcc: b@x.example\nFrom: root\n\nx'
send a@x.example <<<$'From me@x.example Mon Jan 1\n'"${full}"$'\nFrom body'
is "S34 the mbox line goes" "$text" "${full}"$'\nFrom body'
send a@x.example < <(printf '%s\r\n' 'From: a@x.example' 'Date: d' 'Message-ID: <m@x>' '' line . last)
is "S34 CRLF in" "$text" "${full}"$'\nline\n.\nlast'
send a@x.example <<<$'no header here\nsecond line'
like "S34 text without a header gets a blank line first" "$text" $'\n\nno header here\nsecond line$'
send root <<<$'From: root (Cron Daemon)\nTo: root\n\nx'
is "S40 bare names in the header are qualified" "$(field from)|$(field to)" \
	"From: root@host.example (Cron Daemon)|To: root@host.example"
send -FCronDaemon -i -B8BITMIME -oem root <<<$'From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@h> x\n\n.\nout'
is "S40 as Debian's cron calls" "$rc $(sender) $(rcpts) $said" "0 $(id -un)@host.example root@host.example| "

# ---- the body ----
send a@x.example < <(printf '%s\na\n.\nb\n' "$full")
like "S15 a lone dot does not end mail from a pipe" "$text" $'a\n\\.\nb$'
terminal() { # ARGS...: types a message with a lone dot on a terminal
	rm -f spool/new/*
	python3 - "$@" <<-'X'
		import os, pty, sys
		pid, fd = pty.fork()
		if not pid:
		    os.execvp("mox-sendmail", ["mox-sendmail"] + sys.argv[1:])
		os.write(fd, b"From: a@x.example\n\none\n.\ntwo\n" + b"\x04")
		try:
		    while os.read(fd, 4096): pass
		except OSError: pass
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	X
}
terminal a@x.example
is "S15 a lone dot ends what is typed" "$? $(grep -c '^two' spool/new/*)" "0 0"
terminal -i a@x.example
is "S15 but not with -i" "$? $(grep -c '^two' spool/new/*)" "0 1"
long=$(printf 'x%.0s' {1..3000})
send -G a@x.example <<<"${full}"$'\nb\xc3\xa4r\xff'"$long"
like "S35 8-bit and long lines pass with -G" "$rc ${text: -3010}" $'^0 .*\xc3\xa4r\xffx*$'
send a@x.example < <(printf '%s\na\0b\n' "$full") 2>/dev/null
is "S35 a message with NUL in its body is not lost" "$rc $queued" "0 1"
printf 'max-message-size = "1k"\nmailname = "host.example"\naliases = "none"\n' >small.conf
send -C small.conf a@x.example <<<"$long"
nothing "S35 over the size limit" 69
big() { printf '%s\n' "$full"; head -c "$1" /dev/zero | tr '\0' 'y' | fold -w 70; }
send -C small.conf a@x.example < <(big 5000000)
nothing "S35 over the size limit, large" 69
big 5000000 >big.in
send a@x.example <big.in
is "large mail streams through unchanged" "$rc $(rcpts) $(cksum <<<"$text")" "0 a@x.example| $(cksum <<<"$(<big.in)")"
if [[ $MOX_OUT == *san* ]]; then skip "sanitizers need room" "a large message in constant memory"; else
	printf 'max-message-size = "1G"\n' >large.conf
	(ulimit -v 40000 && big 60000000 | mox-sendmail -C large.conf a@x.example)
	is "a large message in constant memory" "$?" 0
fi
send a@x.example < <(yes 'X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy' | head -c 3000000)
nothing "S43 an endless header" 65

# ---- the caller ----
( (big 3000000; echo whole >writer) | mox-sendmail -Z a@x.example 2>/dev/null )
is "S36 the input is read to its end after a usage error" "$(cat writer)" whole
rm -f writer
( set -o pipefail; (big 3000000; echo whole >writer) | mox-sendmail -C small.conf a@x.example 2>/dev/null )
is "S36 and when the message is refused half-way" "$? $(cat writer)" "69 whole"
rm -f spool/new/*
mox-sendmail a@x.example <&- >&- 2>&-
is "S36 with all descriptors closed" "$? $(find spool/new -type f | wc -l)" "0 1"
rm -f spool/new/*
python3 - <<-'X'
	import os, subprocess
	r, w = os.pipe()
	os.close(r)
	raise SystemExit(subprocess.run(["mox-sendmail", "-v", "a@x.example"], input=b"late\n", stdout=w, stderr=w).returncode)
X
is "S36 with nobody to read what it says" "$? $(find spool/new -type f | wc -l)" "0 1"
rm -f spool/new/*
mkfifo in
# shellcheck disable=SC2317 # called by wait_until
tmp_files() { [ -n "$(ls spool/tmp)" ]; }
# shellcheck disable=SC2317
no_tmp_files() { ! tmp_files; }
for s in INT:130 TERM:143 HUP:129; do
	env --default-signal mox-sendmail a@x.example <in 2>/dev/null &
	pid=$!
	exec 7>in
	big 4000000 >&7
	wait_until tmp_files
	kill -"${s%:*}" $pid
	wait $pid
	code=$?
	exec 7>&-
	ok "S37 SIG${s%:*}: nothing half-done is left" wait_until no_tmp_files
	is "S37 SIG${s%:*}: nothing is queued" "$code $(find spool/new -type f | wc -l)" "${s#*:} 0"
done
if strace -o /dev/null true 2>/dev/null; then
	for s in INT TERM HUP; do
		rm -f spool/new/*
		strace -f -o /dev/null -e trace=renameat2 -e inject=renameat2:signal=$s env --default-signal mox-sendmail a@x.example <<<"$full" 2>/dev/null
		is "S37 SIG$s at the commit: it is queued, and we say so" "$? $(find spool/new -type f | wc -l)" "0 1"
	done
else
	skip "no strace" "S37 a signal at the commit"
fi
send a@x.example <<<"$full"
is "S41 success is silent" "$rc $said" "0 "
send -v a@x.example <<<"$full"
is "S41 -v prints the id" "$said" "id $(ls spool/new)"

rm -f spool/new/*
python3 - <<-'X'
	import os, subprocess, time
	r, w = os.pipe()
	os.set_blocking(r, False)
	p = subprocess.Popen(["mox-sendmail", "-t"], stdin=r)
	os.close(r)
	while "S" not in open(f"/proc/{p.pid}/stat").read().split(")")[1].split()[0]: time.sleep(0.005)
	os.write(w, b"To: a@x.example\n\nlate\n")
	os.close(w)
	raise SystemExit(p.wait())
X
is "S36 a non-blocking pipe is waited for" "$? $(grep -c late spool/new/*)" "0 1"

# ---- exit codes ----
echo 'nonsense = 1' >bad.conf
send -C bad.conf a@x.example <<<"$full"
nothing "S43 a bad configuration" 78
send -C bad.conf a@x.example <<<x
nothing "S43 a bad configuration, header to complete" 78
send -C nowhere.conf a@x.example <<<x
nothing "S43 no configuration of that name" 78
for how in -bp -bs -bi -q -q30m -qRx '-bv a@x.example'; do
	read -ra words <<<"$how"
	fails 78 "S43 a bad configuration: $how" mox-sendmail -C bad.conf "${words[@]}"
	like "S43 said in one sentence" "$(cat .out)" '^mox-[a-z-]*: [^'$'\n'']*nonsense[^'$'\n'']*$'
done
ln -s "$MOX_BIN/mox-sendmail" mailq
fails 78 "S43 a bad configuration: mailq" ./mailq -C bad.conf
for how in -bp -q -qRx; do
	fails 75 "S43 no spool to be had: $how" env MOX_SPOOL="$T/mox.conf/spool" mox-sendmail "$how"
done
mox-sendmail -bs <<<QUIT 2>/dev/null >/dev/full
is "S44 -bs with nobody to answer to" $? 75
python3 - <<-'X'
	import socket, subprocess
	s = socket.create_server(("127.0.0.1", 0))
	c = socket.create_connection(s.getsockname())
	a = s.accept()[0]
	open("stranger.conf", "w").write('mailname = "host.example"\naliases = "none"\nsmtpd { trusted-networks = { "192.0.2.0/24" } }\n')
	c.shutdown(socket.SHUT_WR)
	raise SystemExit(subprocess.run(["mox-sendmail", "-C", "stranger.conf", "-bs"], stdin=a, stdout=a, stderr=subprocess.DEVNULL).returncode)
X
is "S44 -bs with a client who is not trusted" $? 77
printf 'min-free = "900G"\nmailname = "host.example"\naliases = "none"\n' >full.conf
send -C full.conf a@x.example <<<x
nothing "S43 no room: try later" 75
printf 'max-recipients = 2\nmailname = "host.example"\naliases = "none"\n' >few.conf
send -C few.conf a@x.example b@x.example c@x.example <<<x
nothing "S43 too many recipients" 65
mox-sendmail a@x.example <"$T" 2>/dev/null
is "S43 input that cannot be read" $? 74
done_testing
