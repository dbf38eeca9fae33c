#!/bin/bash
# What mox-sendmail becomes and what it is called for besides sending: its siblings are scripts here that record how they were run.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

mkdir bin spool
cp "$MOX_BIN/mox-sendmail" bin/
for name in mailq newaliases hoststat purgestat smtpd sendmail; do ln -s mox-sendmail bin/$name; done
for name in mox-queue-add mox-queue-list mox-smtpd mox-nexthop; do
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
is "S26 -bs" "$rc $ran" "0 mox-smtpd "
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

run bin/sendmail -q
is "S30 -q without a spool says so" "$rc" 75
mkfifo spool/trigger
run bin/sendmail -q
is "S30 -q with nobody there" "$rc $said" "0 "
exec 8<>spool/trigger
for o in -q -q30m -qf -qIid -qRsub -qSsub '-q -v'; do
	read -ra argv <<<"$o"
	run bin/sendmail "${argv[@]}"
	IFS= read -r -d '' -n 1 -t 5 <&8
	is "S30 $o wakes the runner" "$rc $?$said" "0 0"
done
exec 8>&-

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
