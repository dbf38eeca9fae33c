#!/bin/bash
# The programs that call sendmail, as Debian has them, run against the installed one: /usr/sbin/sendmail is ours in a mount namespace of its
# own, where nothing of the machine is changed. What arrived in the spool is compared.
. "$(dirname "$0")/lib.sh"
case $MOX_OUT in *asan* | *ubsan*) skip_all "installed is what is not instrumented" ;; esac
{ [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; } || skip_all "needs root and a mount namespace"

v=$(basename "$MOX_OUT") cc=gcc
case $v in *-clang) v=${v%-clang} cc=clang ;; esac
make -s --no-print-directory -C "$TOP" install VARIANT="$v" CC="$cc" DESTDIR="$T/root" PREFIX=/usr MAKEFLAGS= >/dev/null || skip_all "make install fails"
W=$T/w
mkdir -p "$W"/etc/{mox,pam.d,cron.d,logwatch/conf/services,logwatch/scripts/services} "$W"/{spool/cron/crontabs,run,cache,home}
cat >"$W/etc/mox/mox.conf" <<'X'
hostname = "mx.host.example"
mailname = "host.example"
aliases = "none"
received = false
min-free = "0"
min-free-inodes = 0
reserve = "0"
X
cat >world <<'X'
#!/bin/bash
# world DIR COMMAND...: /usr/sbin, /usr/bin and /etc have what is installed below the test's directory on top
r=$1/root/usr w=$1/w
shift
share() { [ -d "$1" ] && mount -t overlay overlay -o "lowerdir=$1:/usr/share" /usr/share; }
[ -z "${SHARE:-}" ] || share "$SHARE" || exit 99
mount -t overlay overlay -o "lowerdir=$r/sbin:/usr/sbin" /usr/sbin && mount -t overlay overlay -o "lowerdir=$r/bin:/usr/bin" /usr/bin &&
	mount -t overlay overlay -o "lowerdir=$w/etc:/etc" /etc && mount --bind "$w/etc/cron.d" /etc/cron.d && mount --bind "$w/spool" /var/spool &&
	mount --bind "$w/run" /run && mount --bind "$w/cache" /var/cache || exit 99
exec env -u MOX_CONF -u MOX_SPOOL PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
X
world() { HOME=$W/home unshare -m bash "$T/world" "$T" "$@"; }
world test -x /usr/sbin/sendmail || skip_all "no overlay file systems here"
tool() { "$TOP/t/peers/fetch-tool" "$1" 2>"$T/fetch.err"; }
why() { tail -n 1 "$T/fetch.err"; }

in_new() { compgen -G "$W/spool/mox/new/*" >/dev/null; }
# Waits for a message and shows it: sender > recipients | From | Subject | last line of the body. The text stays in $text.
arrived() {
	local f at
	wait_until in_new
	f=$(find "$W/spool/mox/new" -type f | head -1)
	at=$((16#$(tail -c 26 "$f" | head -c 16)))
	text=$(head -c "$at" "$f" | tr -d '\r') envelope=$(tail -c +$((at + 1)) "$f")
	rm "$f"
	got="$(sed -n 's/^sender //p' <<<"$envelope") > $(sed -n 's/^rcpt T-.- //p' <<<"$envelope" | tr '\n' ',') | $(grep -m1 '^From:' <<<"$text") | $(grep -m1 '^Subject:' <<<"$text") | $(tail -n 1 <<<"$text")"
}
said_nothing() { is "$1: says nothing" "$(cat out)" ""; }

# ---- cron and its kin ----
if d=$(tool cron); then
	for k in account session auth; do echo "$k required pam_permit.so"; done >"$W/etc/pam.d/cron"
	echo '@reboot root echo out of cron; echo .; echo more' >"$W/etc/crontab"
	start cron unshare -m -p -f --kill-child --mount-proc bash "$T/world" "$T" "$d/usr/sbin/cron" -f
	arrived
	stop cron KILL
	is "S15 S40 cron: a job's output, a lone dot in it" "$got" \
		"root@host.example > root@host.example, | From: root@host.example (Cron Daemon) | Subject: Cron <root@$(uname -n)> echo out of cron; echo .; echo more | more"
	cat >>"$W/etc/mox/mox.conf" <<'X'
rewrite "root" { to = "ops@example.org" }
X
	printf 'MAILTO="ann@far.example,joe"\n@reboot root echo mended\n' >"$W/etc/crontab"
	rm -f "$W/run/crond.reboot"
	start cron unshare -m -p -f --kill-child --mount-proc bash "$T/world" "$T" "$d/usr/sbin/cron" -f
	arrived
	stop cron KILL
	is "S40 cron: MAILTO with several, rewritten senders" "$got" \
		"ops@example.org > ann@far.example,joe@host.example, | From: ops@example.org (Cron Daemon) | Subject: Cron <root@$(uname -n)> echo mended | mended"
	sed -i '/^rewrite/d' "$W/etc/mox/mox.conf"
else skip "$(why)" "cron"; fi
if d=$(tool anacron); then
	printf 'MAILTO=admin\n1 0 job echo out of anacron; echo .; echo more\n' >"$W/anacrontab"
	mkdir "$W/anacron"
	world "$d/usr/sbin/anacron" -f -n -s -d -t "$W/anacrontab" -S "$W/anacron" >out 2>&1
	arrived
	is "S15 S22 anacron calls without -i, with -odi" "$got" \
		"root@host.example > admin@host.example, | From: Anacron <root@host.example> | Subject: Anacron job 'job' on $(uname -n) | more"
else skip "$(why)" "anacron"; fi
for call in 'cronie:-FCronDaemon -i -odi -oem -oi -t -f root' 'ISC cron:-FCronDaemon -odi -oem -oi -t' 'older:-FCronDaemon -odi -oem -or0s -t' \
	'busybox crond:-ti' 'systemd-cron:-i -B 8BITMIME root' 'atd:-i root'; do
	world sh -c "/usr/sbin/sendmail ${call#*:}" >out 2>&1 <<<$'From: root\nTo: root\nSubject: job\n\n.\nout'
	arrived
	is "${call%%:*}'s command line" "$got" "root@host.example > root@host.example, | From: root@host.example | Subject: job | out"
	said_nothing "${call%%:*}"
done

# ---- what watches the machine ----
mdadm='From: mdadm monitoring <root@host>
To: root
Subject: TestMessage event on /dev/md0:host

This is an automatically generated mail message.'
if d=$(tool mdadm); then
	is "mdadm calls as it is called here" "$(strings "$d/sbin/mdadm" | grep -x '/usr/sbin/sendmail.*')" "/usr/sbin/sendmail -t"
else skip "$(why)" "mdadm calls as it is called here"; fi
world sh -c "/usr/sbin/sendmail -t" >out 2>&1 <<<"$mdadm"
arrived
is "mdadm --monitor, by its text: it needs an array to speak by itself" "$got" \
	"root@host.example > root@host.example, | From: mdadm monitoring <root@host> | Subject: TestMessage event on /dev/md0:host | This is an automatically generated mail message."
if d=$(tool logwatch); then
	printf 'Title = "Hello"\nLogFile = NONE\n' >"$W/etc/logwatch/conf/services/hello.conf"
	printf '#!/usr/bin/perl\nprint "hello from logwatch\\n";\n' >"$W/etc/logwatch/scripts/services/hello"
	mkdir "$W/cache/logwatch"
	SHARE=$d/usr/share world perl "$d/usr/share/logwatch/scripts/logwatch.pl" --output mail --mailto root --service hello >out 2>&1
	arrived
	like "logwatch" "$got$text" "^root@host.example > root@host.example, \| From: root@host.example \| Subject: Logwatch for .*hello from logwatch"
	said_nothing "logwatch"
else skip "$(why)" "logwatch"; fi
if d=$(tool unattended-upgrades); then
	cat >uu.py <<-'X'
		import ast, sys
		tree = ast.parse(open(sys.argv[1]).read())
		keep = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "_send_mail_using_sendmail"
		        or isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "").endswith("_BINARY")]
		env = {}
		exec("import email.charset, subprocess; from email.message import Message", env)
		exec(compile(ast.Module(keep, []), sys.argv[1], "exec"), env)
		sys.exit(env["_send_mail_using_sendmail"]("root", "root", "result", "upgraded: \u00e4\n"))
	X
	world python3 uu.py "$d/usr/bin/unattended-upgrade" >out 2>&1
	is "unattended-upgrades' mail part is satisfied" $? 0
	arrived
	is "unattended-upgrades' mail part" "$got" "root@host.example > root@host.example, | From: root@host.example | Subject: result | upgraded: =C3=A4"
else skip "$(why)" "unattended-upgrades"; fi

# ---- people ----
if d=$(tool s-nail); then
	world "$d/usr/bin/s-nail" -:/ -Ssendwait -s 'from s-nail' -r me@x.example b@y.example -- >out 2>&1 <<<"snail body"
	arrived
	is "s-nail" "$got" "me@x.example > b@y.example, | From: me@x.example | Subject: from s-nail | snail body"
else skip "$(why)" "s-nail"; fi
if d=$(tool bsd-mailx) && l=$(tool liblockfile1); then
	world env LD_LIBRARY_PATH="$(echo "$l"/usr/lib/*-linux-gnu)" "$d/usr/bin/bsd-mailx" -s 'from mailx' -c c@z.example b@y.example >out 2>&1 <<<$'.\nmailx body'
	arrived
	like "bsd-mailx" "$got" "^root@host.example > (b@y.example,c@z.example|c@z.example,b@y.example), \| From: .*root@host.example>? \| Subject: from mailx \| "
else skip "$(why)" "bsd-mailx"; fi
if d=$(tool mutt) && l1=$(tool libtokyocabinet9) && l2=$(tool libgpgme11) && l3=$(tool libassuan0); then
	libs=$(printf '%s:' "$l1" "$l2" "$l3" | sed "s,:,/usr/lib/$(basename "$(echo "$l1"/usr/lib/*)"):,g")
	mutt() {
		world env LD_LIBRARY_PATH="$libs" LC_ALL=C.UTF-8 "$d/usr/bin/mutt" -n -F /dev/null -e 'set from=joe@x.example' -e 'set use_envelope_from' \
			-e 'unset record' -e 'set send_charset=utf-8' "$@" >out 2>&1
	}
	mutt -s 'from mütt' -e 'set dsn_notify=failure,delay' -e 'set dsn_return=full' -b c@z.example -- b@y.example <<<"mütt body"
	arrived
	is "S19 S20 mutt with DSN, Bcc and UTF-8" "$got | $(grep -c '^Bcc' <<<"$text") $(grep '^ret\|notify' <<<"$envelope" | tr '\n' ',')" \
		"joe@x.example > b@y.example notify=failure,delay,c@z.example notify=failure,delay, | From: root <joe@x.example> | Subject: from =?utf-8?B?bcO8dHQ=?= | mütt body | 0 ret full,rcpt T-.- b@y.example notify=failure,delay,rcpt T-.- c@z.example notify=failure,delay,"
	mutt -s 'not sent' -- 'a@b..c' <<<"body"
	like "S43 mutt understands the exit code" "$(cat out)" "child exited 65 \\(Data format error.\\)"
else skip "$(why)" "mutt"; fi
if d=$(tool git-email) && l1=$(tool libmailtools-perl) && l2=$(tool libtimedate-perl) && [ -e /usr/share/perl5/Git.pm ]; then
	mkdir repo
	export GIT_CONFIG_NOSYSTEM=1
	git -C repo init -q 2>/dev/null
	git -C repo -c user.email=dev@x.example -c user.name='Dév' commit -q --allow-empty -m 'a change ä' -m 'why' 2>/dev/null
	(cd repo && echo a >f && git add f && git -c user.email=dev@x.example -c user.name='Dév' commit -qm 'another ä' && git format-patch -q -1 -o ../patch)
	send_email() {
		(cd repo && world env PERL5LIB="$l1/usr/share/perl5:$l2/usr/share/perl5" PATH="/usr/lib/git-core:/usr/sbin:/usr/bin:/bin" \
			GIT_AUTHOR_NAME=Dév GIT_AUTHOR_EMAIL=dev@x.example GIT_COMMITTER_NAME=Dév GIT_COMMITTER_EMAIL=dev@x.example \
			perl "$d/usr/lib/git-core/git-send-email" --quiet --confirm=never --to list@y.example "$@" ../patch/*.patch) >out 2>&1 </dev/null
	}
	for how in --envelope-sender=auto '--sendmail-cmd=/usr/sbin/sendmail -odi'; do
		send_email "$how" --envelope-sender=auto
		is "git send-email $how" $? 0
		arrived
		like "git send-email $how: what arrived" "$got" \
			"^dev@x.example > list@y.example,dev@x.example, \| From: =.*<dev@x.example> \| Subject: \[PATCH\] =.* \| "
	done
	send_email '--sendmail-cmd=/usr/sbin/sendmail -Nnonsense'
	like "S43 git send-email fails where we do, and shows why" "$? $(cat out)" "^[1-9].*unable to use -N nonsense"
else skip "$(why)" "git send-email"; fi

# ---- applications ----
if d=$(tool php8.2-cli); then
	php() { world "$d/usr/bin/php8.2" -n "$@" >out 2>&1; }
	php -r 'exit(mail("b@y.example, c@z.example", "from php", "php body\n.\n", "From: Shop <shop@x.example>\r\nBcc: d@z.example", "-fbounce@x.example -ODeliveryMode=b") ? 0 : 1);'
	is "PHP mail() answers true" $? 0
	arrived
	is "PHP mail() with headers and a fifth argument" "$got | $(grep -c '^Bcc' <<<"$text")" \
		"bounce@x.example > b@y.example,c@z.example,d@z.example, | From: Shop <shop@x.example> | Subject: from php | . | 0"
	php -r 'exit(mail("", "nobody", "x") ? 0 : 1);'
	is "S14 PHP mail() answers false when it names nobody" $? 1
else skip "$(why)" "PHP mail()"; fi
cat >smtp.py <<'X'
import smtplib, socket, subprocess, threading
from email.message import EmailMessage
l = socket.create_server(("127.0.0.1", 0))
def serve():
    c, _ = l.accept()
    subprocess.run(["/usr/sbin/sendmail", "-bs"], stdin=c, stdout=c)
    c.close()
threading.Thread(target=serve, daemon=True).start()
with smtplib.SMTP("127.0.0.1", l.getsockname()[1], timeout=20) as s:
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "Jörg <app@x.example>", "b@y.example", "from smtplib"
    m.set_content("pythön body\n")
    print(s.send_message(m))
X
world python3 smtp.py >out 2>&1
is "Python smtplib: nobody was refused" "$(cat out)" "{}"
arrived
is "S26 Python smtplib" "$got" "app@x.example > b@y.example, | From: =?utf-8?q?J=C3=B6rg?= <app@x.example> | Subject: from smtplib | pythön body"
# Symfony Mailer's SendmailTransport with -bs: its EsmtpTransport over a pipe, two messages in one session, pinged between them.
symfony() {
	local lines
	lines=$'EHLO [127.0.0.1]\nMAIL FROM:<app@x.example>\nRCPT TO:<b@y.example>\nDATA\nFrom: App <app@x.example>\nTo: b@y.example\nSubject: one\n\n..dot\n.\n'
	lines+=$'NOOP\nMAIL FROM:<app@x.example>\nRCPT TO:<c@y.example>\nRCPT TO:<broken\nRSET\nMAIL FROM:<app@x.example>\nRCPT TO:<d@y.example>\nDATA\nSubject: two\n\nlast\n.\nQUIT\n'
	sed 's/$/\r/' <<<"${lines%$'\n'}" | world /usr/sbin/sendmail -bs
}
symfony >out 2>&1
is "S26 S44 Symfony's dialogue: exit code" "${PIPESTATUS[*]} $?" "0 0"
is "S26 Symfony's dialogue: replies" "$(tr -d '\r' <out | grep -v '^250[- ][0-9A-Z]*[A-Z]' | cut -c 1-9 | tr '\n' '|')" \
	"220 mx.ho|250-mx.ho|250 2.1.0|250 2.1.5|354 go on|250 2.0.0|250 2.0.0|250 2.1.0|250 2.1.5|501 5.1.3|250 2.0.0|250 2.1.0|250 2.1.5|354 go on|250 2.0.0|221 2.0.0|"
arrived
first=$got
arrived
is "S26 two messages, no growing list of recipients" "$(printf '%s\n' "$first" "$got" | sort)" \
	"app@x.example > b@y.example, | From: App <app@x.example> | Subject: one | .dot
app@x.example > d@y.example, | From: app@x.example | Subject: two | last"

# ---- who reads mailq ----
# Within: mailq starts a mox-runq -s for itself, which ends soon after.
no_owner() { ! [ -e "$W/spool/mox/ctl" ]; }
if d=$(tool monitoring-plugins-standard) && l=$(tool monitoring-plugins-common); then
	check() { # M: warn at 2, critical at 4
		PERL5LIB=$l/usr/lib/nagios/plugins world perl "$d/usr/lib/nagios/plugins/check_mailq" -w 2 -c 4 -M "$1" 2>&1
		echo "exit $?"
	}
	for m in postfix sendmail; do like "S46 check_mailq -M $m: empty" "$(check $m)" "^OK: .*mailq.* is empty.*exit 0$"; done
	for n in 1 2 3 4; do
		world /usr/sbin/sendmail -i "b$n@y.example" <<<"x"
		case $n in
		1) want="OK: .*below threshold.*exit 0$" ;;
		4) want="CRITICAL: .*mailq is 4 .*exit 2$" ;;
		*) want="WARNING: .*mailq is $n .*exit 1$" ;;
		esac
		for m in postfix sendmail; do like "S46 check_mailq -M $m: $n in the queue" "$(check $m)" "^$want"; done
	done
else skip "$(why)" "check_mailq"; fi
ok "who was started for that has ended" wait_until no_owner
done_testing
