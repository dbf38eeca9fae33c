#!/bin/bash
# S50: mail of those for whom the setgid door has no effect, by spool/inject: whose it is the kernel tells.
# shellcheck disable=SC2317 # functions are called by name
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP not root' && exit 0; }
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
count() { find "$@" -type f | wc -l; }
mox=64001 drop=64002
chmod 711 "$T"
mkdir bin
cp "$MOX_BIN"/mox-{sendmail,smtpd,queue-add,inject,runq,queue-list} bin/
PATH=$T/bin:$PATH
spool=$T/spool
cat >conf <<EOT
hostname = "mx.example.org"
mailname = "example.org"
aliases = "none"
spool = "$spool"
min-free = "0"
min-free-inodes = 0
max-message-size = "10M"
EOT
chmod 644 conf
export MOX_CONF=$T/conf
mkdir -p spool/{tmp,new,cur,corrupt,index,sts,tlsrpt}
for i in {0..255}; do printf 'spool/cur/%02x\n' "$i"; done | xargs mkdir
mkfifo spool/trigger
chown -R $mox:$drop spool
chmod 711 spool && chmod 730 spool/tmp && chmod 770 spool/new && chmod 700 spool/cur && chmod 620 spool/trigger
as() { setpriv --reuid "$1" --regid 65534 --clear-groups --no-new-privs "${@:2}"; }
owner=(setpriv --reuid "$mox" --regid "$drop" --clear-groups)
newest() { find spool/new -type f | sort | tail -n1; }
field() { tr -d '\r' <"$(newest)" | sed -n "s/^$1 //p" | tail -n1; }
listening() { [ -S spool/inject ]; }
printf 'Subject: x\n\nbody\n' >msg
chmod 644 msg

# ---- without it
fails 75 "nobody listens: mail waits with its sender" as 65534 mox-sendmail -f me@example.org b@example.org <msg
like "... and the sentence tells both ways" "$(cat .out)" \
	"^mox-queue-add: unable to write to $spool/new: Permission denied; nor does mox-inject take it at $spool/inject: No such file or directory$"
fails 100 "only the owner serves" as 65534 mox-inject
start inject "${owner[@]}" mox-inject
wait_until listening
is "the socket is everybody's" "$(stat -c '%F %a' spool/inject)" "socket 666"
ok "a second one finds it and ends well" "${owner[@]}" timeout 10 mox-inject

# ---- one message
id=$(as 65534 mox-sendmail -v -f me@example.org -O requiretls=yes b@example.org c@example.org <msg)
ok "S50 nobody under no_new_privs: sendmail" test -f "spool/new/${id#id }"
is "... the mail is his" "$(field uid) $(field account)" "65534 "
is "... with its envelope" "$(field origin) $(field requiretls) $(field sender)" "local yes me@example.org"
like "... and who it is from in its trace" "$(head -n1 "$(newest)")" '^Received: by mx\.example\.org \(moxq, from uid 65534\)'
is "... owned by the spool's user" "$(stat -c '%u:%g %a' "$(newest)")" "$mox:$drop 660"
ok "S50 a user that no database knows (DynamicUser)" as 61234 mox-sendmail -f me@example.org b@example.org <msg
is "... uid" "$(field uid)" 61234
ok "argv form" as 65534 mox-queue-add -f a@example.org --notify never --ret hdrs --envid e --hold-until 5 --extra 'k=v w' '"b c"@example.org' <msg
is "... all of it arrives" "$(field rcpt)|$(field ret)|$(field envid)|$(field hold-until)|$(field extra)" 'T-.- "b\x20c"@example.org notify=never|hdrs|e|5|k v\x20w'
printf 'sender a@example.org\nrcpt b@example.org notify=never exact=yes\nend\n' >envelope
chmod 644 envelope
ok "an envelope as a record" as 65534 bash -c 'mox-queue-add -e 3 3<envelope <msg'
is "... exact too" "$(field rcpt)" 'T-.- b@example.org notify=never exact=yes'
ok "through a pipe" bash -c "cat msg | setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs mox-sendmail -f a@example.org b@example.org"
{ cat msg && seq 400000; } >large
chmod 644 large
ok "3 MB from a pipe" bash -c "cat large | setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs mox-sendmail -f a@example.org b@example.org"
is "... whole" "$(tr -d '\r' <"$(newest)" | sed -n '/^1$/,/^400000$/p' | cksum)" "$(seq 400000 | cksum)"
seq 2000000 >huge
chmod 644 huge
fails 69 "S35 too large" as 65534 mox-sendmail -f a@example.org b@example.org <huge
sed 's/"10M"/"100M"/' conf >lenient
chmod 644 lenient
fails 69 "S35 too large for mox-inject alone" as 65534 mox-sendmail -C lenient -f a@example.org b@example.org <huge
fails 100 "what the door refuses" as 65534 mox-queue-add -f a@example.org 'b@exam ple' <msg
like "... in its words" "$(cat .out)" '^mox-queue-add: unable to take the recipient b@exam ple: '
n=$(count spool/new)
fails 111 "an envelope without end" as 65534 mox-queue-add -e 3 <msg 3< <(printf 'sender a@b\nrcpt c@d\n')
is "... queues nothing" "$(count spool/new) $(count spool/tmp)" "$n 0"

# ---- who may say what
fails 100 "an account is not his to choose" as 65534 mox-queue-add --account root b@example.org <msg
like "... as at the door" "$(cat .out)" "unable to set the account: only root and the spool's owner may"
printf 'sender a@b\nuid 0\naccount root\nrcpt c@d\nsize 2\nend\nx\nsender a@b\nuid 0\nrcpt c@d\nsize 2\nend\nx\n' >stream
chmod 644 stream
like "a stream: answers in order, uid is not his to say" "$(as 65534 mox-queue-add -B <stream)" \
	$'^never unable to set the account: only root and the spool\'s owner may\nid [0-9a-z]{13}$'
is "... whatever it says" "$(field uid)" 65534
cat >talk.py <<'EOT'
import os, socket, sys, time
# talk.py UID TEXT: by hand, to the socket
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(*[int(sys.argv[1])] * 3)
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(os.environ['SPOOL'] + '/inject'); return s
if sys.argv[2] == 'many':
    all = [connect() for i in range(9)]; print(all[8].recv(100).decode().strip()); sys.exit()
s = connect(); s.sendall(sys.argv[2].encode()); s.shutdown(socket.SHUT_WR)
print(s.makefile().read().strip())
EOT
export SPOOL=$spool
n=$(count spool/new)
is "a message that breaks off is not queued" "$(python3 talk.py 65534 $'sender a@b\nrcpt c@d\nsize 20\nend\nhalf')$(count spool/new) $(count spool/tmp)" "$n 0"
is "nor garbage" "$(python3 talk.py 65534 $'EHLO x\r\nMAIL FROM:<>\r\n')$(count spool/new)" "$n"
is "nine sessions of one user are one too many" "$(python3 talk.py 65534 many)" "later there are too many sessions at once"
cat >crowd.py <<'EOT'
import os, socket, sys
# Subordinate uids, 8 sessions each: what the first who was refused is told, or nothing
def come(uid):
    os.seteuid(uid)
    c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]); os.seteuid(0); return c
all = [come(100000 + i // 8) for i in range(64)]
other = come(65533)
other.settimeout(10); other.sendall(b'sender a@b\nrcpt c@d\nsize 2\nend\nx\n')
try: print(other.recv(100).decode().split()[0])
except TimeoutError: print('nobody listens')
all[40].settimeout(5)
print(all[40].recv(100).decode().strip())
EOT
is "nor has one user with his subordinate uids all places" "$(python3 crowd.py "$spool/inject")" $'id\nlater there are too many sessions at once'
like "... of one user" "$(python3 talk.py 65533 $'sender a@b\nrcpt c@d\nsize 2\nend\nx\n')" '^id '
like "root may name an account" "$(python3 talk.py 0 $'sender a@b\naccount www\nrcpt c@d\nsize 2\nend\nx\n')" '^id '
is "... and it is written" "$(field account) $(field uid)" "www 0"
like "the owner too" "$(python3 talk.py $mox $'sender a@b\naccount www\nrcpt c@d\nsize 2\nend\nx\n')" '^id '
cat >peer.py <<'EOT'
import os, socket, subprocess, sys
# peer.py UID COMMAND...: runs it as that user; its fd 0 and 1 are a Unix socket that user 65534 connected
l = socket.socket(socket.AF_UNIX); l.bind('peer'); os.chmod('peer', 0o666); l.listen()
if not os.fork():
    os.setresuid(65534, 65534, 65534); c = socket.socket(socket.AF_UNIX); c.connect('peer')
    c.sendall(sys.stdin.buffer.read()); c.shutdown(socket.SHUT_WR); print(c.makefile().read(), end=''); sys.stdout.flush(); os._exit(0)
s, _ = l.accept(); os.unlink('peer'); uid = int(sys.argv[1])
p = subprocess.Popen(sys.argv[2:], stdin=s, stdout=s, user=uid, group=64002 if uid == 64001 else 65534, extra_groups=[]); s.close(); rc = p.wait(); os.wait(); sys.exit(rc)
EOT
smtp=$'EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nS: y\r\n\r\nz\r\n.\r\nQUIT\r\n'
like "mox-smtpd of the owner on a Unix socket" "$(printf %s "$smtp" | python3 peer.py $mox mox-smtpd)" '250 2\.0\.0 queued as'
is "... the mail is its client's" "$(field uid)" 65534
like "mox-smtpd of root too" "$(printf %s "$smtp" | python3 peer.py 0 mox-smtpd)" '250 2\.0\.0 queued as'
is "... likewise" "$(field uid)" 65534
like "S26 S50 -bs under no_new_privs" "$(printf %s "$smtp" | as 61234 mox-sendmail -bs)" '250 2\.0\.0 queued as'
is "... the mail is the caller's" "$(field uid)" 61234
like "mox-smtpd of another user on a Unix socket" "$(printf %s "$smtp" | python3 peer.py 61234 mox-smtpd)" '250 2\.0\.0 queued as'
is "... the mail is mox-smtpd's: he could have made the client himself" "$(field uid)" 61234
chmod 777 spool/new spool/tmp
fails 100 "--peer is for root and the owner" python3 peer.py 61234 mox-queue-add -B --peer 0 <stream
chmod 770 spool/new && chmod 730 spool/tmp
fails 100 "--peer wants a Unix socket" mox-queue-add -B --peer 0 <stream
fails 100 "--peer goes with -e and -B" mox-queue-add --peer 0 b@example.org <msg
cat >>conf <<'EOT'
domain "kept.example" { accounts = { "uid61234" } }
EOT
fails 77 "S16 a domain that is kept for others: the code of the setgid door" as 65534 mox-sendmail -f a@kept.example b@example.org <msg
like "... and its words" "$(cat .out)" "^mox-queue-add: unable to send as a@kept.example: its domain is not open to $(id -nu 65534)$"
fails 100 "... without --sysexits, as at the door" as 65534 mox-queue-add -f a@kept.example b@example.org <msg
ok "S16 it is open to who has no name, by his number" as 61234 mox-sendmail -f a@kept.example b@example.org <msg

# ---- where else the bit is lost
if setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur true 2>/dev/null; then
	ok "S50 root of a user namespace" setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur mox-sendmail -f a@example.org b@example.org <msg
	is "... is who he is outside" "$(field uid)" 65534
else
	skip 'no user namespace' 'user namespace'
fi
if unshare -m true 2>/dev/null; then
	ok "S50 a read-only view of the spool (ProtectSystem=strict)" unshare -m bash -c \
		"mount --bind '$spool' '$spool' && mount -o remount,ro,bind '$spool' && exec mox-sendmail -f a@example.org b@example.org" <msg
	is "... uid" "$(field uid)" 0
else
	skip 'no mount namespace' 'read-only view'
fi

# ---- its life
stop inject
ok "it takes its socket away" test ! -e spool/inject
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$spool/inject')"
mkfifo guard
chmod 644 guard
start guarded "${owner[@]}" bash -c "exec mox-inject -w <guard"
exec 8>guard
replaced() { as 65534 mox-queue-add -B </dev/null; } # nobody's stream, to whoever serves
ok "a socket that nobody serves is replaced" wait_until replaced
exec 8>&-
wait "$PID_guarded"
is "-w: it ends with its standard input" "$? $(find spool -maxdepth 1 -name inject)" "0 "
sed -i 's/^hostname/log-level = "info"\n&/' conf
start runq "${owner[@]}" mox-runq -w
wait_until listening
ok "mox-runq -w keeps it running" as 65534 mox-sendmail -f a@example.org b@example.org <msg
as 61234 mox-sendmail -f numbered@example.org b@example.org <msg
listed() { mox-queue-list -from numbered@example.org -o account | grep .; }
wait_until listed
is "... whose mail goes by the same name in the queue" "$(listed)" uid61234
pkill -KILL -P "$PID_runq" -x mox-inject
wait_until grep -q 'event=restart.*mox-inject' runq.log
ok "... starts it again" wait_until replaced
stop runq KILL
wait_until flock -n spool/lock true # a child of it may hold the lock for a moment longer
start runq "${owner[@]}" mox-runq -w
ok "... also behind one that was killed" wait_until pgrep -P "$PID_runq" -x mox-inject
ok "... and it is served" wait_until replaced
stop runq
ok "... and takes it along" wait_until test ! -e spool/inject
sed -i 's/^hostname/inject = false\n&/' conf
start runq "${owner[@]}" mox-runq -w
wait_until mox-queue-list
is "inject = false: it does not" "$(pgrep -P "$PID_runq" -x mox-inject)" ""
stop runq
done_testing
