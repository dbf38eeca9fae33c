#!/bin/bash
# What mox-sendmail becomes and what it is called for besides sending: its siblings are scripts here that record how they were run.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

mkdir bin spool
cp "$MOX_BIN/mox-sendmail" bin/
for name in mailq newaliases hoststat purgestat smtpd sendmail; do ln -s mox-sendmail bin/$name; done
for name in mox-queue-add mox-queue-list mox-queue-schedule mox-smtpd mox-nexthop mox-runq; do
	cat >bin/$name <<-'X'
		#!/bin/bash
		echo "${0##*/} $*" >"$T/ran"
		[[ $0 == *-add ]] && cat >"$T/message" && cat <&"${@: -1}" >"$T/envelope"
		exit "$(cat "$T/code" 2>/dev/null || echo 0)"
	X
	chmod +x bin/$name
done
printf 'mailname = "host.example"\naliases = "none"\nspool = "%s"\n' "$T/spool" >mox.conf
export MOX_CONF=$T/mox.conf
run() { rm -f ran; echo "${code:-0}" >code; "$@" >said 2>&1 <<<'To: a@x.example'; rc=$? said=$(<said) ran=$(cat ran 2>/dev/null); }

run bin/mailq
is "S1 S27 mailq" "$rc $ran$said" "0 mox-queue-list --mailq"
run bin/sendmail -bp
is "S27 -bp" "$rc $ran$said" "0 mox-queue-list --mailq"
(cd / && ln -sf "$T/bin/mox-sendmail" "$T/mailq" && "$T/mailq" </dev/null)
is "S1 mailq by another path finds the siblings" "$(cat ran)" "mox-queue-list --mailq"
run bin/mailq -C my.conf
is "mailq -C" "$ran" "mox-queue-list -C my.conf --mailq"
for words in newaliases hoststat purgestat 'sendmail -bi' 'sendmail -I' 'sendmail -bh' 'sendmail -bH'; do
	read -ra argv <<<"bin/$words"
	run "${argv[@]}"
	is "S1 S28 S31 $words does nothing, successfully" "$rc $ran$said" "0 "
done
run bin/sendmail -bs -odb -oem
is "S26 -bs" "$rc $ran" "0 mox-smtpd --sysexits"
for o in -bd -bD -bl; do
	run bin/sendmail $o -q15m
	like "S29 $o is refused with the reason" "$rc $said" "^64 .*mox-runq -w"
done
run bin/smtpd
is "S1 S29 smtpd" "$rc$ran" 64
run bin/sendmail -bv a@x.example $'B <b@b\xc3\xbccher.example>' root
is "S31 -bv asks for the plans of the domains" "$rc $ran" "0 mox-nexthop -- x.example xn--bcher-kva.example host.example"
code=100 run bin/sendmail -bv a@x.example
is "S31 -bv: no such domain" "$rc" 68
code=111 run bin/sendmail -bv a@x.example
is "S31 -bv: not now" "$rc" 75
run bin/sendmail -bt
is "S31 -bt" "$rc" 64
run bin/sendmail -bV
like "S31 -bV" "$rc $said" "^0 mox-sendmail \(moxq\) [0-9]"
run bin/sendmail --version
like "S32 --version" "$rc $said" "^0 mox-sendmail \(moxq\) [0-9]"
run bin/sendmail --help
like "S32 --help" "$rc $said" "^0 usage: mox-sendmail "

run bin/sendmail -q30m
is "S30 -q30m without a spool says so" "$rc" 75
mkfifo spool/trigger
run bin/sendmail -q30m
is "S30 -q30m with nobody there" "$rc $said" "0 "
exec 8<>spool/trigger
for o in -q30m -qGmain -qp5m '-q1h -v'; do
	read -ra argv <<<"$o"
	run bin/sendmail "${argv[@]}"
	IFS= read -r -d '' -n 1 -t 5 <&8
	is "S30 $o wakes the runner" "$rc $?$said" "0 0"
done
exec 8>&-
# Here the scripts say what they were asked for, one line each.
cat >bin/mox-queue-schedule <<'X'
#!/bin/bash
echo "schedule $* $(tr '\n' ,)" >>"$T/asked"
echo "scheduled 2" >&2
X
cat >bin/mox-queue-list <<'X'
#!/bin/bash
printf '%s\t%s\t%s\n' 0abc.1 s@x.example a@y.example 0abc.2 s@x.example b@z.example 0def.1 t@x.example c@y.example
X
printf '#!/bin/bash\necho "runq $*" >>"$T/asked"\n' >bin/mox-runq
flush() { : >asked; run bin/sendmail "$@"; asked=$(tr '\n' '|' <asked); }
for o in -q -qf '-q -v'; do
	read -ra argv <<<"$o"
	flush "${argv[@]}"
	is "S30 $o: everything is due now, and delivered" "$rc $asked$said" "0 schedule -all now |runq |"
done
flush -qR@Y.example
is "S30 -qR: whose recipient has it" "$rc $asked$said" "0 schedule now - 0abc.1,0def.1,|runq |"
flush -qSt@
is "S30 -qS: whose sender has it" "$rc $asked$said" "0 schedule now - 0def.1,|runq |"
flush -qI0abc
is "S30 -qI: whose id has it" "$rc $asked$said" "0 schedule now - 0abc.1,0abc.2,|runq |"
flush -qR!@y.example
is "S30 -qR!: whose recipient has it not" "$rc $asked$said" "0 schedule now - 0abc.2,|runq |"
flush -C mox.conf -q
is "S30 -C reaches them" "$rc $asked" "0 schedule -C mox.conf -all now |runq -C mox.conf|"
for c in 100:77 111:75; do
	printf '#!/bin/bash\nexit %s\n' "${c%:*}" >bin/mox-runq
	flush -q
	is "S30 S43 -q: mox-runq's ${c%:*} is ${c#*:}" "$rc" "${c#*:}"
done
printf '#!/bin/bash\necho "mox-queue-schedule: unable to do that" >&2\nexit 100\n' >bin/mox-queue-schedule
flush -q
is "S30 -q by somebody who may not" "$rc $asked$said" "77 mox-queue-schedule: unable to do that"
flush -qRx
is "S30 -qR by somebody who may not" "$rc $asked$said" "77 mox-queue-schedule: unable to do that"

run bin/sendmail -t
is "the message goes to mox-queue-add" "$rc ${ran% *}" "0 mox-queue-add --sysexits -q -e"
like "its envelope ends with end" "$(<envelope)" $'\nrcpt a@x.example\nend$'
run bin/sendmail -v -C mox.conf -t
is "-v and -C reach it" "${ran% *}" "mox-queue-add --sysexits -C mox.conf -e"
if [ "$(id -u)" = 0 ]; then
	chmod 777 "$T"
	rm envelope message
	umask 0
	run setpriv --reuid 54321 --regid 54321 --clear-groups bin/sendmail -t
	umask 022
	like "S38 a user without a name may send" "$rc $(<envelope) $(<message)" "^0 sender uid54321.*From: uid54321@host.example"
else skip "needs root" "S38 a user without a name may send"; fi

# ---- -odi ----
cp bin/mox-queue-add add.kept
cat >bin/mox-queue-add <<'X'
#!/bin/bash
cat >/dev/null
[[ $* == *-q* ]] || echo "id 0d3k9v2x7m4qa"
exit "$(cat "$T/code")"
X
run bin/sendmail -odi -t
is "S22 -odi without a runner waits for nothing" "$rc $said" "0 "
run bin/sendmail -odi -v -t
is "S22 -odi -v prints the id" "$rc $said" "0 id 0d3k9v2x7m4qa"
for c in 65 69 75 78; do
	code=$c run bin/sendmail -odi -t
	is "S22 -odi: mox-queue-add's $c is ours" "$rc" "$c"
done
echo 'status ok
count 1
end' >answer
start listener python3 -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind("spool/ctl"); s.listen(1000); open("listens", "w")
while True:
    c, _ = s.accept()
    asked = c.recv(9999)
    c.send(open("answer", "rb").read() if asked == b"op runner\nend\n" else b"what")'
wait_until test -e listens
cat >bin/mox-queue-list <<'X'
#!/bin/bash
echo "list $*" >>"$T/asked"
[ "$(wc -l <"$T/asked")" -gt 3 ] && cat "$T/rows" && exit
printf 'due\t0\ta@x.example\t\n'
X
wait_for() { : >asked; printf '%b' "$1" >rows; shift; run bin/sendmail -odi "$@" -t; }
wait_for 'waiting\t1\ta@x.example\t450 no\n'
is "S22 -odi waits until the first attempt is over: later is queued" "$rc $(wc -l <asked) $said" "0 4 "
is "S22 -odi asks for this message" "$(head -1 asked)" "list -o state,attempts,rcpt,error 0d3k9v2x7m4qa"
wait_for 'waiting\t1\ta@x.example\t450 no\n' -v
like "S22 -odi -v says why it is late" "$rc $said" "^0 id 0d3k9v2x7m4qa.*mox-sendmail: unable to deliver to a@x.example yet: 450 no$"
wait_for 'noticing\t1\ta@x.example\t550 no\n'
is "S22 -odi: a failure is 69" "$rc $said" "69 mox-sendmail: unable to deliver to a@x.example: 550 no"
wait_for ''
is "S22 -odi: what has gone is delivered" "$rc $said" "0 "
printf '#!/bin/bash\nprintf "delivered\\t1\\tb@x.example\\t\\nfailed\\t1\\ta@x.example\\t550 no\\n"\n' >bin/mox-retired-list
chmod +x bin/mox-retired-list
wait_for ''
is "S22 -odi: or has failed, and its notice is sent" "$rc $said" "69 mox-sendmail: unable to deliver to a@x.example: 550 no"
wait_for 'noticing\t1\ta@x.example\t550 no\nnoticing\t1\tc@x.example\t551 no\n'
is "S22 -odi: each is told of once, though it leaves the queue while we look" "$rc $(sort -r <<<"$said")" "69 mox-sendmail: unable to deliver to c@x.example: 551 no
mox-sendmail: unable to deliver to a@x.example: 550 no"
rm bin/mox-retired-list
cp answer kept
for a in 'status ok\ncount 0\nend\n' 'status failed\ncount 1\nend\n' 'status ok\ncount 1\n' '' 'junk' 'end\n'; do
	printf "$a" >answer
	wait_for 'waiting\t1\ta@x.example\t450 no\n'
	is "S22 -odi waits for none that does not say it delivers (${a%%\\n*} ...)" "$rc $(wc -l <asked) $said" "0 0 "
done
mv kept answer
wait_for 'held\t0\ta@x.example\t\n'
is "S22 -odi: what is held is not waited for" "$rc $said" "0 "
for o in -odb -odq -odd; do
	: >asked
	run bin/sendmail $o -t
	is "S22 $o waits for nothing" "$rc $(wc -l <asked)" "0 0"
done
: >asked
run bin/sendmail -odi -O holdfor=1h -t
is "S22 -odi does not wait for what is to wait" "$rc $(wc -l <asked)" "0 0"
mv add.kept bin/mox-queue-add

for c in 0 65 69 75 78; do
	code=$c run bin/sendmail -t
	is "S42 mox-queue-add's $c is ours" "$rc" "$c"
	echo $c >code
	head -c 5000000 /dev/zero | tr '\0' x | fold -w 60 | bin/sendmail a@x.example 2>/dev/null
	is "S42 and of a large message" "$?" "$c"
done
head -c 5000000 /dev/zero | tr '\0' x | fold -w 60 | bin/sendmail a@x.example 2>/dev/null
is "a large message goes through a pipe" "$(cat ran)" "mox-queue-add --sysexits -q -e 3"
printf '#!/bin/bash\nkill -9 $$\n' >bin/mox-queue-add
head -c 5000000 /dev/zero | bin/sendmail a@x.example 2>said
is "S42 a killed mox-queue-add is a failure" "$?" 71
rm bin/mox-queue-add
run bin/sendmail -t
like "S42 a missing mox-queue-add" "$rc $said" "^71 mox-sendmail: unable to run mox-queue-add: No such file"
done_testing
