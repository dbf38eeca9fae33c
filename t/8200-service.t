#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# The service files of contrib/, as they are, on a machine of our own: a mount and a pid namespace in which /usr/local/bin, /etc, /var/spool and
# /var/log are the test's. Units are judged by systemd-analyze and run by t/fake/as-unit, which shuts them in as systemd would; run scripts
# run under the real supervisors.
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP not root' && exit 0; }
case ${MOX_OUT:-} in *asan* | *ubsan*) echo '1..0 # SKIP sanitizers want more of the system' && exit 0 ;; esac
[ -n "${IN_NAMESPACE:-}" ] || { unshare -mpf --mount-proc true 2>/dev/null || { echo '1..0 # SKIP no namespaces' && exit 0; }; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare -mpf --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
tool() { "$TOP/t/peers/fetch-tool" "$1" 2>fetch.err; }

# ---- the machine ----
chmod 711 "$T"
mkdir etc got
cp -a /etc/alternatives /etc/passwd /etc/group /etc/ld.so* /etc/nsswitch.conf /etc/ssl etc/ 2>/dev/null
grep -v '^mox' /etc/passwd >etc/passwd
grep -v '^mox' /etc/group >etc/group
echo 'mox:x:64001:64002::/var/spool/mox:/usr/sbin/nologin' >>etc/passwd
echo 'moxdrop:x:64002:' >>etc/group
mkdir -p etc/mox/dkim
mox-dkim genkey etc/mox/dkim/k.pem >/dev/null
chown -R 64001:64002 etc/mox/dkim
chmod 700 etc/mox/dkim
"$TOP/t/world/certs" "$T/certs" mx1.test
sink s -k 8BITMIME,SMTPUTF8,CHUNKING,STARTTLS -d "$T/got" -c "$T/certs/good"
# A name server that fails, at once.
cat >dns.py <<'S'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print('listening', s.getsockname()[1], flush=True)
while True:
    q, who = s.recvfrom(4096)
    s.sendto(q[:2] + b'\x81\x82' + q[4:6] + bytes(6) + q[12:q.index(0, 12) + 5], who)
S
start dns python3 dns.py
wait_until grep -q listening dns.log
cat >etc/mox/mox.conf <<X
hostname = "me.example"
mailname = "me.example"
reserve = "64k"
min-free = "0"
stop-wait = "5s"
dns { forward = { "127.0.0.1@$(sed -n 's/^listening //p' dns.log)" } }
domain "me.example" { dkim "k" { key = "/etc/mox/dkim/k.pem" } }
transport "sink" { type = smtp host = "127.0.0.1" port = $PORT_s }
route { to = { "x.example" } transport = "sink" }
route { to = { "me.example" } transport = "sink" }
X
mount --bind etc /etc && mount -t tmpfs -o mode=755 tmpfs /var/spool && mount -t tmpfs -o mode=755 tmpfs /var/log &&
	mount --bind "$MOX_BIN" /usr/local/bin && mount -t tmpfs -o mode=755 tmpfs /run || skip_all 'cannot mount'
PATH=${PATH//$MOX_BIN:/}
make_spool() {
	rm -rf /var/spool/mox "$T"/got/*
	# As `make install-users` does, which would change the commands of this tree.
	(cd /var/spool && umask 0 && mkdir -p mox/{tmp,new,cur/{0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f}{0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f},corrupt,index,tlsrpt,sts,failed})
	mkfifo /var/spool/mox/trigger
	chown -R mox:moxdrop /var/spool/mox
	chmod -R u=rwX,go= /var/spool/mox
	chmod 711 /var/spool/mox && chmod 730 /var/spool/mox/tmp && chmod 770 /var/spool/mox/new && chmod 620 /var/spool/mox/trigger
}
send() { mox-queue-add -f root@me.example "$@" <<<$'From: root@me.example\nSubject: x\n\nbody'; }
got() { grep -qs "^RCPT $1$" "$T"/got/*; }
# processes NAME: how many run it (what is being buried does not count)
processes() { ps -eo stat=,comm= | grep -v '^Z' | grep -c " $1\$"; }
runq_pid() { ps -eo pid=,comm=,args= | sed -n 's/^ *\([0-9]*\) mox-runq .*mox-runq -w$/\1/p' | head -n 1; }
none_left() { [ "$(ps -eo stat=,comm= | grep -v '^Z' | grep -c ' mox-')" = 0 ]; }
another_runq() { local p; p=$(runq_pid) && [ -n "$p" ] && [ "$p" != "$1" ] && [ -S /var/spool/mox/ctl ]; }
none_left || echo "# something of ours runs already" >&2

# ---- units: what systemd-analyze says ----
unit=$TOP/contrib/systemd
if command -v systemd-analyze >/dev/null; then
	mkdir unit
	cp "$unit"/* unit/
	# nobody is meant: see the unit.
	systemd-analyze verify --man=no unit/*.service unit/*.socket 2>&1 | grep -v 'Special user nobody configured' >said
	is 'systemd-analyze verify has nothing to say' "$(cat said)" ''
	for most in mox-runq.service:15 mox-smtpd@.service:10 mox-smtpd-unix@.service:10 mox-inject@.service:10; do
		ok "systemd-analyze security: ${most%:*} is below $((${most#*:} / 10)).$((${most#*:} % 10))" \
			systemd-analyze security --no-pager --offline=yes --threshold="${most#*:}" "$T/unit/${most%:*}"
	done
else
	skip 'no systemd-analyze' 'what systemd-analyze says'
fi

# ---- units: they can do their work ----
make_spool
as() { timeout 60 "$TOP/t/fake/as-unit" "$unit/$1" "${@:2}"; }
if command -v systemd-analyze >/dev/null && as mox-runq.service /bin/true 2>err; then
	fails 159 'a call that the filter lacks kills' as mox-runq.service /usr/bin/nice -n 1 true
	fails 1 'and the file system can only be read' as mox-runq.service /usr/bin/touch /etc/mox/x
	send a@x.example 550-no@x.example c@lost.example >/dev/null
	start runq as mox-runq.service
	ok 'mox-runq.service delivers' wait_until got a@x.example
	ok 'signs' grep -q '^DKIM-Signature:' got/*
	ok 'tells senders' wait_until got root@me.example
	ok 'looks names up' wait_until grep -q 'event=later .*SERVFAIL' runq.log
	ok 'speaks TLS' grep -q 'event=sent .*a@x.example.*tls=TLS1' runq.log
	is 'nothing was killed, nothing lacks' "$(grep -E 'level=(warn|alert)|unable|died' runq.log | grep -v 'event=never .*550-no@x\|event=later .*SERVFAIL')" ''
	is 'it is shut in as well as outside' "$(grep -o 'event=sandbox.*' runq.log)" \
		"$(MOX_CONF=/etc/mox/mox.conf timeout 5 mox-deliver -w </dev/null 2>&1 | grep -o 'event=sandbox.*')"
	ok 'and listens for those who cannot use setgid programs' wait_until \
		python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/var/spool/mox/inject")'
	cat >session.py <<-'S'
		# One session of a socket-activated unit, TCP or Unix: session.py unix|tcp COMMAND...
		import socket, subprocess, sys
		if sys.argv[1] == 'unix':
		    c, s = socket.socketpair()
		else:
		    l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); c = socket.socket(); c.connect(l.getsockname()); s, _ = l.accept()
		p = subprocess.Popen(sys.argv[2:], stdin=s, stdout=s); s.close()
		c.sendall(b'EHLO x\r\nMAIL FROM:<root@me.example>\r\nRCPT TO:<%s@x.example>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\nQUIT\r\n' % sys.argv[1].encode())
		print(*[l[:3] for l in c.makefile().read().splitlines() if l[3:4] != '-'], p.wait())
	S
	is 'mox-smtpd@.service takes mail' "$(python3 session.py tcp "$TOP/t/fake/as-unit" "$unit/mox-smtpd@.service")" '220 250 250 250 354 250 221 0'
	is 'mox-smtpd-unix@.service' "$(python3 session.py unix "$TOP/t/fake/as-unit" "$unit/mox-smtpd-unix@.service")" '220 250 250 250 354 250 221 0'
	ok 'which is delivered' wait_until got tcp@x.example
	ok 'both' wait_until got unix@x.example
	kill -TERM "$(runq_pid)"
	ok 'SIGTERM ends it, and all its children' wait_until none_left
else
	skip "no systemd-analyze, or $(cat err)" 'units can do their work'
fi

# ---- supervisors ----
# supervised NAME DIR UP-AND-DOWN...: the service in DIR is started already
supervised() {
	local name=$1 log=$2 first
	shift 2
	ok "$name: mox-runq runs" wait_until another_runq none
	first=$(runq_pid)
	is "$name: as mox" "$(ps -o user:20= -p "$first" | tr -d ' ')" mox
	is "$name: it is the supervisor's own child" "$(ps -o comm= -p "$(ps -o ppid= -p "$first" | tr -d ' ')")" "$1"
	shift
	send a@x.example >/dev/null
	ok "$name: mail goes out" wait_until got a@x.example
	kill -9 "$first"
	ok "$name: after kill -9 it is back" wait_until another_runq "$first"
	send b@x.example >/dev/null
	ok "$name: and delivers" wait_until got b@x.example
	ok "$name: the log is the logger's" wait_until grep -q 'event=sent .*b@x.example' "$log"
	is "$name: and he is mox" "$(stat -c %U "$log")" mox
	SECONDS=0
	ok "$name: $*" "$@"
	ok "$name: ends it and all its children" wait_until none_left
	ok "$name: within seconds" [ "$SECONDS" -lt 8 ]
	# What was lost by a kill is no more than the mark: at worst it came twice.
	is "$name: nothing is left in the queue" "$(find /var/spool/mox/new /var/spool/mox/cur -type f)" ''
}
service() { # KIND: its service directory, as a person would copy it
	cp -R "$TOP/contrib/$1/mox-runq" "sv.$1"
	make_spool
}

# doors KIND COMMAND...: mox-smtpd on port 25 and mox-inject, by the supervisor's scanner, in a network of their own; nobody delivers. Then
# down_KIND ends them.
doors() {
	local kind=$1 v=PID_$1_doors first
	shift
	mkdir "doors.$kind"
	cp -R "$TOP/contrib/$kind/mox-smtpd" "$TOP/contrib/$kind/mox-inject" "doors.$kind"
	make_spool
	rm -rf /var/log/mox
	start "${kind}_doors" unshare -n sh -c 'ip link set lo up; exec "$@"' sh "$@" "doors.$kind"
	ok "$kind: mox-smtpd listens on port 25" wait_until nsenter -t "${!v}" -n python3 -c 'import socket; socket.create_connection(("127.0.0.1", 25))'
	is "$kind: and takes mail" "$(nsenter -t "${!v}" -n python3 -c 'if 1:
		import smtplib
		s = smtplib.SMTP("127.0.0.1", 25)
		print(s.sendmail("root@me.example", ["tcp@x.example"], "Subject: x\n\ny\n"))')" '{}'
	is "$kind: as a user who owns nothing, in the group of the door" "$(stat -c '%U %G' /var/spool/mox/new/*)" 'nobody moxdrop'
	is "$kind: alone on this machine" "$(nsenter -t "${!v}" -n ss -Hltn | awk '{ print $4 }')" 127.0.0.1:25
	ok "$kind: with a log" wait_until test -e /var/log/mox/smtpd/current
	ok "$kind: mox-inject takes mail of who may not gain rights" \
		wait_until setpriv --reuid 4711 --regid 4711 --clear-groups --no-new-privs env -i PATH="$PATH" mox-sendmail -f a@me.example b@x.example <<<$'Subject: x\n\nz'
	is "$kind: for whom the kernel says" "$(cat /var/spool/mox/new/* | grep -ac '^uid 4711$') $(ps -C mox-inject -o user:20=)" '1 mox'
	first=$(ps -C mox-inject -o pid= | tr -d ' ')
	kill -9 "$first"
	back() { ps -C mox-inject -o pid= | grep -qvw "$first" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/var/spool/mox/inject")'; }
	ok "$kind: after kill -9 it is back" wait_until back
	"down_$kind"
	ok "$kind: and both end" wait_until none_left
	wait "${!v}"
}
down_runit() { sv -w 7 exit "$T"/doors.runit/* >/dev/null; kill "$PID_runit_doors"; }
down_daemontools() {
	kill "$PID_daemontools_doors"
	svc -dx doors.daemontools/* doors.daemontools/*/log
}
down_s6() { s6-svscanctl -t doors.s6; }
# servers PACKAGE: its tcpsvd or tcpserver
servers() { d=$(tool "$1") && PATH=$PATH:$d/usr/bin; }

if d=$(tool runit); then
	PATH=$d/usr/bin:$PATH
	service runit
	start runit runsv sv.runit
	supervised runit /var/log/mox/runq/current runsv sv -w 7 down ./sv.runit
	sv exit ./sv.runit
	wait "$PID_runit"
	if servers ipsvd; then doors runit runsvdir; else skip "$(cat fetch.err)" 'runit: mox-smtpd and mox-inject'; fi
else
	skip "$(cat fetch.err)" runit
fi
if d=$(tool daemontools); then
	PATH=$d/usr/bin:$PATH
	service daemontools
	rm -rf /var/log/mox
	mkdir daemons
	mv sv.daemontools daemons/mox-runq
	start daemontools svscan daemons
	supervised daemontools /var/log/mox/runq/current supervise svc -d daemons/mox-runq
	kill "$PID_daemontools"
	svc -dx daemons/mox-runq daemons/mox-runq/log
	if servers ucspi-tcp; then doors daemontools svscan; else skip "$(cat fetch.err)" 'daemontools: mox-smtpd and mox-inject'; fi
else
	skip "$(cat fetch.err)" daemontools
fi
if d=$(tool s6) && libs=$(tool libskarnet2.13 && tool libexecline2.9 && tool libs6-2.11); then
	for p in $libs; do
		for l in "$p"/usr/lib/*/ "$p"/lib/*/; do [ ! -d "$l" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$l; done
	done
	export LD_LIBRARY_PATH
	# They find one another in /usr/bin.
	mount -t overlay -o "lowerdir=$d/usr/bin:/usr/bin" overlay /usr/bin
	service s6
	rm -rf /var/log/mox
	mkdir scan
	mv sv.s6 scan/mox-runq
	start s6 s6-svscan scan
	supervised s6 /var/log/mox/runq/current s6-supervise s6-svc -d scan/mox-runq
	s6-svscanctl -t scan
	wait "$PID_s6"
	if servers ucspi-tcp; then doors s6 s6-svscan; else skip "$(cat fetch.err)" 's6: mox-smtpd and mox-inject'; fi
else
	skip "$(cat fetch.err)" s6
fi

# ---- cron ----
mkdir -p /var/log/mox && chown mox:moxdrop /var/log/mox
line=$(sed -n 's/^\* \* \* \* \*[[:space:]]*mox[[:space:]]*//p' "$TOP/contrib/cron")
make_spool
send c@x.example >/dev/null
cron() { setpriv --reuid mox --regid moxdrop --clear-groups env -i "$(grep ^PATH "$TOP/contrib/cron")" SHELL=/bin/sh /bin/sh -c "$line"; }
is 'the line of cron: silent' "$(cron 2>&1)" ''
ok 'delivers' got c@x.example
ok 'and has a log' grep -q event=sent /var/log/mox/runq.log

# ---- a container ----
make_spool
unshare -pf --mount-proc --kill-child mox-runq -w >container.log 2>&1 &
sandbox=$!
first=$(wait_until another_runq none && runq_pid)
is 'alone in a container it is process 1' "$(sed -n 's/^NSpid:.*\t//p' "/proc/$first/status")" 1
send d@x.example >/dev/null
ok 'delivers' wait_until got d@x.example
# An orphan: its parent is gone before it, so it becomes the child of process 1.
nsenter -t "$first" -p -m sh -c 'sh -c "sleep 0.3" & exit'
orphans() { [ "$(ps --ppid "$first" -o comm= | grep -c '^sh\|^sleep')" = 0 ]; }
ok 'buries orphans' wait_until orphans
SECONDS=0
like 'another there sees who owns the spool' "$(nsenter -t "$first" -p -m mox-runq -w 2>&1)" 'another mox-runq owns'
nsenter -t "$first" -p -m timeout 5 mox-runq
is 'and a pass leaves' $? 0
ok 'both at once' [ "$SECONDS" -lt 2 ]
SECONDS=0
kill -TERM "$first"
wait "$sandbox"
is 'SIGTERM ends it cleanly' $? 0
ok 'at once' [ "$SECONDS" -lt 5 ]
ok 'with all that it started' wait_until none_left
done_testing
