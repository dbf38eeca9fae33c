#!/bin/bash
# Aliases in mox-sendmail: local names become others before the door, which knows nothing of them.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

mkdir bin
cp "$MOX_BIN/mox-sendmail" "$MOX_BIN/mox-queue-add" bin/
ln -s mox-sendmail bin/newaliases
printf '#!/bin/bash\necho "nexthop $*"\n' >bin/mox-nexthop
chmod +x bin/mox-nexthop
me=$(id -un)
conf() { # FILE LINES...
	printf '%s\n' 'mailname = "host.example"' "aliases = \"$T/aliases\"" "spool = \"$T/spool\"" "${@:2}" >"$1"
}
conf mox.conf 'local-domains = { "host.example", "other.example" }'
cat >aliases <<-X
	# as Debian's installer leaves it, and more
	mailer-daemon: postmaster
	postmaster: root
	root: ann@far.example, \\root
	Team: bob, "joe user"@far.example,
	 carol@other.example, :include:$T/list
	bob: bob@far.example
	prog: "|/usr/bin/procmail -a b,c", dave@far.example
	file: /var/mail/file
	ring: ring2
	ring2: ring
	crew: :include:$T/list
X
cat >list <<-'X'
	# members
	eve@far.example
	Frank <frank@far.example>, bob

X
export MOX_CONF=$T/mox.conf
full=$'From: a@x.example\nDate: d\nMessage-ID: <m@x>\n'
send() {
	rm -f spool/new/*
	bin/mox-sendmail "$@" >said 2>&1 <<<"${text:-$full}"
	rc=$? said=$(<said)
	envelope=$(cat spool/new/* 2>/dev/null | tr -d '\r\0')
	rcpts=$(sed -n 's/^rcpt T-.- \([^ ]*\).*/\1/p' <<<"$envelope" | tr '\n' '|')
}

send root
is "S39 root's alias, and himself" "$rc $rcpts$said" "0 ann@far.example|root@host.example|"
send -- -x@far.example team
is "S39 names without case, several targets, :include:" "$rc $rcpts$said" \
	"0 -x@far.example|bob@far.example|\"joe\\x20user\"@far.example|carol@other.example|eve@far.example|frank@far.example|"
is "S39 one message" "$(find spool/new -type f | wc -l)" 1
send crew team
is "S39 a file that two names include" "$rc $rcpts" \
	"0 eve@far.example|frank@far.example|bob@far.example|\"joe\\x20user\"@far.example|carol@other.example|"
if command -v strace >/dev/null; then
	rm -f spool/new/*
	strace -qq -o /dev/null -P "$T/list" -e inject=open,openat:error=EIO bin/mox-sendmail team >said 2>&1 <<<"$full"
	is "an included file that cannot be read for now: later, and nobody is left out" "$? $(<said) $(find spool/new -type f | wc -l)" \
		"75 mox-sendmail: unable to read the aliases in $T/list: Input/output error 0"
else
	skip "no strace" "an included file that cannot be read for now"
fi
send ROOT@Other.Example bob@far.example bob
is "S39 recipients in local-domains; who comes twice gets one copy" "$rc $rcpts" \
	"0 ann@far.example|root@host.example|bob@far.example|"
text=$'To: Team, root <root>\nCc: root@else.example\nFrom: root\n' send -t
is "S39 recipients of the header; other domains are not looked up" "$rc $rcpts" \
	"0 bob@far.example|\"joe\\x20user\"@far.example|carol@other.example|eve@far.example|frank@far.example|ann@far.example|root@host.example|root@else.example|"
like "S39 the header stays as it is" "$envelope" "To: Team@host.example, root <root@host.example>"
send -f bob root
is "S39 senders are not looked up" "$(sed -n 's/^sender //p' <<<"$envelope")" bob@host.example
is "origin stays local" "$(sed -n 's/^origin //p' <<<"$envelope")" local
send MAILER-DAEMON
is "S39 mailer-daemon, postmaster, root" "$rcpts" "ann@far.example|root@host.example|"
send nobody
is "S39 a name without alias is qualified as ever" "$rc $rcpts$said" "0 nobody@host.example|"
send prog
is "S39 a command is left out, with a word" "$rc $rcpts $said" \
	"0 dave@far.example| mox-sendmail: $T/aliases:8: unable to use |/usr/bin/procmail -a b,c: mail is not given to commands"
send file
is "S39 a file alone: the name stays" "$rc $rcpts $said" \
	"0 file@host.example| mox-sendmail: $T/aliases:9: unable to use /var/mail/file: mail is not written to files"
send ring
is "S39 a loop: the name stays" "$rc $rcpts $said" \
	"0 ring@host.example| mox-sendmail: $T/aliases:10: unable to use ring: the alias leads back to itself"
send -N failure root
is "what was asked for is the original recipient" "$(grep '^rcpt' <<<"$envelope" | tr '\n' '|')" \
	"rcpt T-.- ann@far.example notify=failure orcpt=rfc822;root@host.example|rcpt T-.- root@host.example notify=failure exact=yes|"
send team
is "whom an alias names is not looked up again, who has none may be" "$(grep -c '^rcpt .* exact=yes' <<<"$envelope") $(send nobody; grep -c 'exact' <<<"$envelope")" "1 0"
send bob+detail
is "a detail is no part of the name" "$rc $rcpts" "0 bob@far.example|"
cp aliases aliases.good
echo 'owner-crew: ann@far.example' >>aliases
send crew
is "a mailing list is mox-local's to expand" "$rc $rcpts" "0 crew@host.example|"
cp aliases.good aliases
send 'a b@x.example' team
is "one bad recipient still refuses all" "$rc $rcpts" "65 "

bin/mox-sendmail -bv team >said
is "-bv shows the expansion" "$(<said)" "team@host.example: bob@far.example
team@host.example: \"joe user\"@far.example
team@host.example: carol@other.example
team@host.example: eve@far.example
team@host.example: frank@far.example
nexthop -- far.example far.example other.example far.example far.example"

# ---- limits ----
conf few.conf 'max-recipients = 3'
send -C few.conf team
is "S43 aliases make too many recipients" "$rc $rcpts" "65 "
cp aliases aliases.good
{
	for i in {1..3000}; do echo "all$i: all$((i - 1)), all$((i + 1)), u$i@far.example"; done
	echo -n 'all: x@far.example'
	for i in {1..3000}; do echo -n ", u$i@far.example, all$i"; done
	echo
} >aliases
send -C few.conf all 2>/dev/null
is "S39 bounded, though each leads to all the others" "$rc $rcpts" "65 "
cp aliases.good aliases

# ---- default-destination ----
conf dest.conf 'default-destination = "admin@far.example"' 'local-domains = { "other.example" }'
send -C dest.conf daemon bob x@other.example y@else.example
is "default-destination: who has neither alias nor mailbox" "$rc $rcpts" "0 admin@far.example|bob@far.example|y@else.example|"
mkdir "Maildir.$me"
conf box.conf 'default-destination = "admin@far.example"' 'local-domains = { "host.example" }' "local-maildir = \"$T/Maildir.%u\""
sed -i 's|^aliases.*|aliases = "none"|' box.conf
send -C box.conf "$me" daemon
is "a mailbox is one" "$rc $rcpts" "0 $me@host.example|admin@far.example|"
send -C box.conf -N never daemon
like "what was asked for is told" "$envelope" "rcpt T-.- admin@far.example notify=never orcpt=rfc822;daemon@host.example"

# ---- newaliases ----
sed -i '/^prog\|^file\|^ring/d' aliases
for words in newaliases 'mox-sendmail -bi' 'mox-sendmail -I'; do
	read -ra argv <<<"bin/$words"
	"${argv[@]}" >said 2>&1
	is "S28 ${argv[*]#bin/} counts" "$? $(<said)" "0 $T/aliases: 6 aliases"
done
cp aliases.good aliases
printf 'no colon here\nteam: again@x.example\n' >>aliases
echo '/var/spool/x' >>list
bin/newaliases >said 2>err
is "S28 newaliases tells faults by file and line" "$? $(<said)" "65 $T/aliases: 10 aliases"
is "S28 all of them" "$(sort err)" "mox-sendmail: $T/aliases:10: unable to use ring: the alias leads back to itself
mox-sendmail: $T/aliases:13: expected : behind the name
mox-sendmail: $T/aliases:14: unable to use team: the name has a line before this one, which counts
mox-sendmail: $T/aliases:8: unable to use |/usr/bin/procmail -a b,c: mail is not given to commands
mox-sendmail: $T/aliases:9: unable to use /var/mail/file: mail is not written to files
mox-sendmail: $T/list:5: unable to use /var/spool/x: mail is not written to files"
rm aliases
send root
like "S43 a file that was named and is not there: later" "$rc $rcpts $said" "^75  mox-sendmail: unable to read the aliases in $T/aliases: No such file"
send root@far.example
is "but only for those who need it" "$rc $rcpts" "0 root@far.example|"
bin/newaliases >said 2>&1
like "S28 newaliases says so" "$? $(<said)" "^66 mox-sendmail: unable to read the aliases in $T/aliases: No such file"
sed -i '/^aliases/d; $a aliases = "none"' mox.conf
send root
is "S39 aliases = none" "$rc $rcpts" "0 root@host.example|"
bin/newaliases >said 2>&1
is "S28 nothing to do: silent" "$? $(<said)" "0 "
done_testing
