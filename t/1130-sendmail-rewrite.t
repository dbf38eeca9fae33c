#!/bin/bash
# Who a message says it comes from, on a machine whose users are no mail addresses; and who may use which domain.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel

me=$(id -un)
cat >mox.conf <<X
hostname = "mx.host.example"
mailname = "host.example"
aliases = "none"
received = false
rewrite "$me" { to = "ops@example.org" }
rewrite "daemon" { to = "ops@example.org" }
rewrite "@host.internal" { to = "@example.org" }
rewrite "@kept.example" { to = "kept@secret.example" }
domain "secret.example" { accounts = { "somebody" } }
account "nobody" {
	rewrite "postmaster" { to = "postmaster@example.org" }
	rewrite "*" { to = "nobody@example.org" }
}
X
export MOX_CONF=$T/mox.conf MOX_SPOOL=$T/spool TZ=UTC0
as=()
send() {
	rm -f spool/new/*
	"${as[@]}" mox-sendmail "$@" >said 2>&1
	rc=$? said=$(<said) text='' envelope=''
	local f
	for f in spool/new/*; do
		[ -f "$f" ] || return 0
		local at=$((16#$(tail -c 26 "$f" | head -c 16)))
		text=$(head -c "$at" "$f" | tr -d "\r")
		envelope=$(tail -c +$((at + 1)) "$f")
	done
}
field() { grep -i "^$1:" <<<"$text" | head -1; }
sender() { sed -n 's/^sender //p' <<<"$envelope"; }

send -FCronDaemon -i -B8BITMIME -oem "$me" <<<"From: $me (Cron Daemon)
To: $me
Subject: Cron

out"
is "S40 as Debian's cron calls: envelope and From:" "$rc $(sender) | $(field from) | $(field to)" \
	"0 ops@example.org | From: ops@example.org (Cron Daemon) | To: $me@host.example"
send a@x.example <<<x
like "S40 a From: that was added" "$(field from)" "ops@example.org>?$"
send -f joe@host.internal -t <<<$'To: a@x.example\nFrom: "Joe, J" <joe@HOST.internal>\nSender: web@host.internal\nReply-To: joe@far.example\n\nFrom: root'
is "S40 a domain of this machine alone" "$(sender) | $(field from) | $(field sender) | $(field reply-to) | $(tail -1 <<<"$text")" \
	"joe@example.org | From: \"Joe, J\" <joe@example.org> | Sender: web@example.org | Reply-To: joe@far.example | From: root"
send -f '<>' a@x.example <<<$'From: a@x.example\n\nx'
is "S16 the null sender stays" "$rc $(sender)" "0 "
send -G -f joe@host.internal a@x.example <<<$'From: joe@host.internal\n\nx'
is "S25 -G touches nothing" "$(sender) $(field from)" "joe@host.internal From: joe@host.internal"
send -f daemon a@x.example <<<$'DKIM-Signature: v=1\nFrom: daemon\n\nx'
is "what is signed keeps its header" "$(sender) $(field from)" "ops@example.org From: daemon@host.example"

# The same through SMTP. smtp SENDER: the message on stdin
smtp() {
	local from=$1 body
	body=$(sed 's/$/\r/')
	rm -f spool/new/*
	printf 'EHLO x\r\nMAIL FROM:<%s>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n%s\n.\r\nQUIT\r\n' "$from" "$body" >in.smtp
	"${as[@]}" mox-smtpd <in.smtp >said 2>&1
	said=$(tr -d '\r' <said | grep '^5') text='' envelope=''
	local f at
	for f in spool/new/*; do
		[ -f "$f" ] || return 0
		at=$((16#$(tail -c 26 "$f" | head -c 16)))
		text=$(head -c "$at" "$f" | tr -d "\r")
		envelope=$(tail -c +$((at + 1)) "$f")
	done
}
smtp joe@host.internal <<<$'From: "Joe, J" <joe@HOST.internal>\nX-Mox-Extra-k: v\n\nFrom: root'
is "S40 by SMTP" "$(sender) | $(field from) | $(tail -1 <<<"$text") | $(grep '^extra\|^origin' <<<"$envelope" | tr '\n' ' ')" \
	"joe@example.org | From: \"Joe, J\" <joe@example.org> | From: root | origin local extra K v "
smtp "$me" <<<"no header"
is "S40 by SMTP, a bare name and no header" "$(sender) | $(tail -1 <<<"$text")" "ops@example.org | no header"
smtp a@x.example <<<$'X-Mox-Extra-k: v\nX-Mox-Extra-K: v\n\nx'
is "an extra given twice, by SMTP" "$said$envelope" "554 5.6.0 unable to take the field X-Mox-Extra-K: it stands there twice"

# A user without rights.
if [ "$(id -u)" = 0 ]; then
	chmod 777 "$T" && find spool -type d -exec chmod 777 {} +
	as=(setpriv --reuid nobody --regid nogroup --clear-groups)
	send a@x.example <<<$'From: root@host.internal\n\nx'
	is "S16 rules of an account come first" "$rc $(sender) $(field from)" "0 nobody@example.org From: nobody@example.org"
	send -fpostmaster a@x.example <<<$'From: postmaster (It)\n\nx'
	is "in their order" "$rc $(sender) $(field from)" "0 postmaster@example.org From: postmaster@example.org (It)"
	# Over a Unix socket, served by root: the client's account, as the kernel tells it.
	rm -f spool/new/*
	python3 - <<-'X'
		import os, pwd, socket, subprocess
		l = socket.socket(socket.AF_UNIX); l.bind("s"); os.chmod("s", 0o666); l.listen()
		if not os.fork():
		    os.setuid(pwd.getpwnam("nobody").pw_uid)
		    c = socket.socket(socket.AF_UNIX); c.connect("s")
		    c.sendall(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
		    while c.recv(4096): pass
		    os._exit(0)
		c, _ = l.accept()
		subprocess.run(["mox-smtpd"], stdin=c, stdout=c)
		c.shutdown(socket.SHUT_RDWR)
		os.wait()
	X
	is "rules of the account that connects" "$(grep -a '^sender' spool/new/*)" "sender nobody@example.org"
	sed -i '/^account/,$d' mox.conf
	send -f a@secret.example a@x.example <<<$'From: a@x.example\n\nx'
	is "S16 a domain that is kept for others: the sender" "$rc $said" \
		"77 mox-queue-add: unable to send as a@secret.example: its domain is not open to nobody"
	send -f a@open.example a@x.example <<<$'From: A <a@x.example>, B <b@SECRET.example>\n\nx'
	is "S16 a domain that is kept for others: an author" "$rc $said" \
		"77 mox-queue-add: unable to send with From: b@SECRET.example: its domain is not open to nobody"
	send -f x@kept.example a@x.example <<<$'From: a@x.example\n\nx'
	is "S16 what it is rewritten to counts" "$rc" 77
	send -f a@open.example a@x.example <<<$'From: a@open.example\n\nx'
	is "S16 others stay open to all" "$rc $(sender)" "0 a@open.example"
	smtp a@secret.example <<<$'From: a@x.example\n\nx'
	is "S16 by SMTP: the sender" "$said$envelope" "550 5.7.1 mox-queue-add: unable to send as a@secret.example: its domain is not open to nobody"
	smtp a@x.example <<<$'From: a@secret.example\n\nx'
	is "S16 by SMTP: an author" "$said$envelope" "550 5.7.1 mox-queue-add: unable to send with From: a@secret.example: its domain is not open to nobody"
	# The door itself, which the others only call.
	door() { # ARGS...: the message on stdin
		rm -f spool/new/*
		"${as[@]}" mox-queue-add "$@" >said 2>&1
		rc=$? said=$(<said) queued=$(find spool/new -type f | wc -l)
	}
	door -f a@secret.example b@x.example <<<$'From: a@x.example\n\nx'
	is "S16 by the door: the sender" "$rc $queued $said" "100 0 mox-queue-add: unable to send as a@secret.example: its domain is not open to nobody"
	door -f a@x.example b@x.example <<<$'From: A <a@x.example>,\n a@secret.example\n\nx'
	is "S16 by the door: an author" "$rc $queued" "100 0"
	door --origin elsewhere -f a@x.example b@x.example <<<$'From: a@secret.example\n\nx'
	is "S16 by the door: whatever he says of its origin" "$rc $queued" "100 0"
	door -f a@x.example b@x.example <<<$'From: a@s\xc3\xa9cret.example\n\nx'
	like "S16 by the door: what it cannot tell" "$rc $queued $said" "^100 0 .*or has to be written with xn--$"
	printf 'sender %s\nrcpt b@x.example\nsize 0\nend\n' a@x.example a@secret.example a@x.example >stream
	rm -f spool/new/*
	"${as[@]}" mox-queue-add -B <stream >said
	is "S16 by the door, a stream: the others go" "$(cut -d' ' -f1 said | tr '\n' ' ')$(find spool/new -type f | wc -l)" "id forbidden id 2"
	python3 - <<-'X'
		import os, pwd, socket, subprocess
		l = socket.socket(socket.AF_UNIX); l.bind("i"); os.chmod("i", 0o666); l.listen()
		if not os.fork():
		    os.setuid(pwd.getpwnam("nobody").pw_uid)
		    c = socket.socket(socket.AF_UNIX); c.connect("i")
		    c.sendall(b"sender a@secret.example\nrcpt b@x.example\nsize 0\nend\n"); c.shutdown(socket.SHUT_WR)
		    os._exit(c.recv(4096) != b"forbidden unable to send as a@secret.example: its domain is not open to nobody\n")
		c, _ = l.accept()
		subprocess.run(["mox-queue-add", "-B", "--peer", "0"], stdin=c, stdout=c)
		c.shutdown(socket.SHUT_RDWR)
		raise SystemExit(os.wait()[1] != 0)
	X
	is "S16 by the door, confined: who connects" "$?" 0
	as=()
	door --account nobody -f a@secret.example b@x.example <<<x
	is "S16 root for an account" "$rc $queued" "100 0"
	door -f a@secret.example b@x.example <<<$'From: a@secret.example\n\nx'
	is "S16 root himself" "$rc $queued" "0 1"
	as=(setpriv --reuid nobody --regid nogroup --clear-groups)
	# The spool's owner: what he brings is the toolkit's own, but not what strangers bring him.
	chown nobody spool/tmp
	door -f a@secret.example b@x.example <<<$'From: a@secret.example\n\nx'
	is "S16 the toolkit itself" "$rc $queued" "0 1"
	chown nobody spool
	rm -f spool/new/*
	cat >tcp.py <<-'X'
		import socket, subprocess
		l = socket.create_server(("127.0.0.1", 0))
		c = socket.create_connection(l.getsockname())
		c.sendall(b"EHLO x\r\nMAIL FROM:<a@secret.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
		s, _ = l.accept()
		subprocess.run(["mox-smtpd"], stdin=s, stdout=s)
		s.close()
		print(*[r for r in c.makefile().read().splitlines() if r[0] == "5"])
	X
	is "S16 who comes to it over TCP" "$("${as[@]}" /usr/bin/python3 tcp.py)" "550 5.7.1 mox-queue-add: unable to send as a@secret.example: its domain is not open to nobody"
	chown root spool spool/tmp
	sed -i 's/"somebody"/"somebody", "nobody"/' mox.conf
	send -f a@secret.example a@x.example <<<$'From: a@secret.example\n\nx'
	is "S16 and to those who are named" "$rc $(sender)" "0 a@secret.example"
else skip "needs root" "S16 accounts"; fi
done_testing
