#!/bin/bash
# mox-submit as it is installed, setgid: users send with a password that they cannot read. In a mount namespace with an /etc of its own.
# shellcheck disable=SC2317 # functions are called by name
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP not root' && exit 0; }
case ${MOX_OUT:-} in *asan* | *ubsan*) echo '1..0 # SKIP sanitizers read the environment' && exit 0 ;; esac
[ -n "${IN_NAMESPACE:-}" ] || { unshare -m true 2>/dev/null || { echo '1..0 # SKIP no mount namespace' && exit 0; }; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare -m bash "$0"
. "$(dirname "$0")/lib.sh"
group=64003 user=64004
chmod 711 "$T"
mkdir -p etc bin home
chown $user home
cp -a /etc/alternatives /etc/passwd /etc/group /etc/ld.so* /etc/nsswitch.conf etc/ 2>/dev/null
echo "someone:x:$user:$user::$T/home:/bin/sh" >>etc/passwd
mount --bind etc /etc || skip_all 'cannot mount'
cp "$MOX_BIN"/mox-{submit,nexthop} bin/
chgrp $group bin/mox-submit && chmod 2755 bin/mox-submit
as() { setpriv --reuid $user --regid $user --clear-groups "$@"; }
cat >server.py <<'EOT'
import base64, hashlib, hmac, socket, sys
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); open('port', 'w').write('%d\n' % l.getsockname()[1])
while True:
    s, _ = l.accept(); f = s.makefile('rwb')
    def say(t): f.write(t + b'\r\n'); f.flush()
    say(b'220 me')
    while line := f.readline().strip():
        open('log', 'ab').write(line + b'\n')
        if line.startswith(b'EHLO'): say(b'250-me\r\n250 AUTH CRAM-MD5')
        elif line.startswith(b'AUTH'):
            say(b'334 ' + base64.b64encode(b'<1@me>')); got = base64.b64decode(f.readline())
            say(b'235 ok' if got == b'u ' + hmac.new(b'secret-word', b'<1@me>', 'md5').hexdigest().encode() else b'535 no')
        elif line == b'DATA':
            say(b'354 go')
            while f.readline() != b'.\r\n': pass
            if len(sys.argv) > 1: f.close(); s.close(); break
            say(b'250 taken')
        else: say(b'250 ok')
        if line == b'QUIT': break
EOT
serve() {
	rm -f port log
	start "$@"
	wait_until test -s port
	{
		printf '%s\n' 'LocalHostname: me.example' 'Host: 127.0.0.1' "Port: $(<port)" 'TLS: false' 'STARTTLS: false' 'Username: u' 'Password: secret-word' \
			'AuthMethod:' 'From: machine@example.org'
	} >etc/moxsubmit.conf
	chown 0:$group etc/moxsubmit.conf
	chmod 640 etc/moxsubmit.conf
}
printf 'Subject: x\n\nbody\n' >msg
chmod 644 msg
serve server python3 server.py
fails 1 "a user cannot read the password" as cat /etc/moxsubmit.conf
as "$T/bin/mox-submit" -v a@example.org <msg >out 2>&1 || skip_all "a setgid program has no effect here: $(<out)"
is "but sends with it" "$(<out)" "sent 127.0.0.1: 250 taken"
ok "-C gives the group up: another file of the group stays closed" bash -c "! setpriv --reuid $user --regid $user --clear-groups $T/bin/mox-submit -C /etc/moxsubmit.conf a@example.org <$T/msg"
like "..." "$(cat home/moxsubmit.failures/* 2>&1)" 'body'
rm -r home/moxsubmit.failures
ok "HOME, MOX_CONF and the rest are not looked at" as env HOME="$T" MOX_CONF=/nonexistent MOX_SPOOL=/nonexistent LD_PRELOAD=/nonexistent.so "$T/bin/mox-submit" a@example.org <msg
stop server
serve broken python3 server.py hang
fails 75 "what fails is kept" as "$T/bin/mox-submit" a@example.org <msg
is "... as the user's own, in his home as the database knows it" "$(stat -c '%u:%g %a' home/moxsubmit.failures home/moxsubmit.failures/* | paste -sd' ')" \
	"$user:$user 700 $user:$user 600"
stop broken
serve slow python3 server.py
mkfifo in && chmod 644 in
as "$T/bin/mox-submit" a@example.org <in >slow.out 2>&1 &
pid=$!
exec 8>in
printf 'Subject: x\n' >&8
child() { pgrep -u $user -x mox-submit; }
wait_until child
fails 1 "the memory of a running one is closed to its user" as head -c1 "/proc/$(child | head -n1)/environ"
exec 8>&-
wait $pid
is "... which then sends" $? 0
cp bin/mox-submit bin/plain && chmod 755 bin/plain
cp etc/moxsubmit.conf own.conf && chown $user own.conf
as "$T/bin/plain" -C "$T/own.conf" a@example.org <in >plain.out 2>&1 &
pid=$!
exec 8>in
printf 'Subject: x\n' >&8
plain() { pgrep -u $user -x plain; }
wait_until plain
shut() { [ "$(stat -c %u "/proc/$(plain | head -n1)/environ")" = 0 ]; }
ok "nor does one that is not setgid leave a core with the password" wait_until shut
exec 8>&-
wait $pid
is "... and it sends" $? 0
done_testing
