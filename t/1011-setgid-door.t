#!/bin/bash
# shellcheck disable=SC2015,SC2317 # functions are called by name
# The setgid door under attack (DESIGN 12): whatever an unprivileged caller brings, the group moxdrop writes to the compiled-in spool and
# nowhere else, and reads nothing for him. In a mount namespace with an /etc and a /var/spool of its own.
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP not root' && exit 0; }
case ${MOX_OUT:-} in *asan* | *ubsan*) echo '1..0 # SKIP sanitizers read the environment' && exit 0 ;; esac
[ -n "${IN_NAMESPACE:-}" ] || { unshare -m true 2>/dev/null || { echo '1..0 # SKIP no mount namespace' && exit 0; }; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare -m bash "$0"
. "$(dirname "$0")/lib.sh"
mox=64001 drop=64002 spool=/var/spool/mox
chmod 711 "$T"
mkdir etc
cp -a /etc/alternatives /etc/passwd /etc/group /etc/ld.so* /etc/nsswitch.conf etc/ 2>/dev/null
echo "attacker:x:65533:65533::/:/bin/sh" >>etc/passwd
mkdir etc/mox
printf '%s\n' 'hostname = "mx.test.example"' 'mailname = "test.example"' 'min-free = "0"' 'max-message-size = "100M"' 'domain "kept.example" { accounts = { "alice" } }' >etc/mox/mox.conf
mount --bind etc /etc && mount -t tmpfs -o mode=755 tmpfs /var/spool || skip_all 'cannot mount'
make_spool() { # DIR: with the owners of install-users
	mkdir -p "$1"/{tmp,new,cur}
	chown -R $mox:$drop "$1"
	chmod 711 "$1" && chmod 730 "$1/tmp" && chmod 770 "$1/new" && chmod 700 "$1/cur"
	mkfifo "$1/trigger" && chown $mox:$drop "$1/trigger" && chmod 620 "$1/trigger"
}
make_spool $spool
make_spool "$T/victim" # writable for the group: nobody may get there by the door
cp "$MOX_BIN/mox-queue-add" door
chown 0:$drop door && chmod 2755 door
door=$T/door
drop_to=(setpriv --reuid 65533 --regid 65533 --clear-groups)
as() { "${drop_to[@]}" "$@"; }
mkdir own && chown 65533:65533 own
printf 'Subject: x\n\nbody\n' >msg
chmod 644 msg
send() { as "$@" b@example.org <msg; }
count() { find "$1" -type f | wc -l; }
victim_clean() { [ "$(count "$T/victim")" = 0 ]; }

[ "$(send "$door" 2>err)" ] || skip_all "a setgid program has no effect here: $(cat err)"
file=$(find $spool/new -type f)
is 'mail gets in' "$(stat -c '%u %g %a' "$file")" "65533 $drop 660"
ok 'and is whole' grep -q '^uid 65533$' "$file"
fails 1 'nobody else sees it' as cat "$file"
fails 2 'nor that there is any' as ls $spool/new
fails 1 'nor puts files of his own beside it' as touch $spool/new/x
fails 1 'or into tmp' as touch $spool/tmp/x
rm -f $spool/new/*

# ---- other places, by the rights of the group ----
sed 's/^hostname/spool = "'"${T//\//\\/}"'\/victim"\n&/' etc/mox/mox.conf >victim.conf
sed 's/^hostname/spool = "'"${T//\//\\/}"'\/own\/spool"\n&/' etc/mox/mox.conf >own.conf
printf 'secret-word { this is no configuration' >secret && chown 0:$drop secret && chmod 640 secret
chmod 644 ./*.conf
fails 111 'DESIGN 12 -C to another spool: no right of the group' send "$door" -C "$T/victim.conf"
fails 111 'DESIGN 12 MOX_CONF to another spool' send env MOX_CONF="$T/victim.conf" "$door"
fails 111 'DESIGN 12 MOX_SPOOL' send env MOX_SPOOL="$T/victim" "$door"
fails 111 'DESIGN 12 MOX_SPOOL, and -B' send env MOX_SPOOL="$T/victim" bash -c "$door -B"
ok 'the victim has nothing' victim_clean
fails 100 'DESIGN 12 -C does not read for the group' send "$door" -C "$T/secret"
unlike 'and tells nothing of it' "$(cat "$T/.out")" 'secret-word'
fails 100 'DESIGN 12 MOX_CONF does not read for the group' send env MOX_CONF="$T/secret" "$door"
unlike 'and tells nothing of it' "$(cat "$T/.out")" 'secret-word'
echo 86400 >clock && chown 0:$drop clock && chmod 640 clock
fails 111 'DESIGN 12 MOX_TEST_CLOCK gives up the group, so the spool is closed' send env MOX_TEST_CLOCK="$T/clock" "$door"
is 'nothing of that in the spool' "$(count $spool)" 0
mkdir -p own/spool/{tmp,new} && chown -R 65533:65533 own
ok 'with rights of his own -C works' send "$door" -C "$T/own.conf"
ok 'and MOX_SPOOL' send env MOX_SPOOL="$T/own/spool" "$door"
is 'without the group' "$(stat -c %g own/spool/new/* | sort -u)" 65533
echo 90000 >own/clock
ok 'and the test clock' send env MOX_SPOOL="$T/own/spool" MOX_TEST_CLOCK="$T/own/clock" "$door"
newest=$(find own/spool/new -type f | sort | tail -1)
is 'which moves the time' "$(($(sed -n 's/^queued //p' "$newest") / 1000000 > $(date +%s) + 80000))" 1
fails 111 'no spool is made with the right of the group' send env MOX_SPOOL="$T/victim/cur/x" "$door"
fails 111 'not even a missing one of his own' send env MOX_SPOOL="$T/own/none" "$door"
ok 'empty variables are none' send env MOX_CONF= MOX_SPOOL= MOX_TEST_CLOCK= "$door"
is 'that one is in the spool' "$(count $spool/new)" 1

# ---- identity ----
fails 100 'S16 a domain that is kept for others' send "$door" -f x@kept.example
like 'is kept from him by name' "$(cat "$T/.out")" 'not open to attacker'
fails 100 'S16 and from who has no name' setpriv --reuid 65531 --regid 65531 --clear-groups "$door" -f x@kept.example b@example.org <msg
like 'nobody knows him' "$(cat "$T/.out")" 'not open to uid65531'
fails 100 'the account cannot be chosen' send "$door" --account root
printf 'sender \naccount root\nuid 0\nrcpt b@example.org\nend\n' >envelope && chmod 644 envelope
fails 100 'nor in an envelope' as "$door" -e 3 <msg 3<envelope

# ---- the environment ----
cat >evil.c <<'X'
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void go(void) { close(open(PWNED, O_CREAT | O_WRONLY, 0666)); }
unsigned la_version(unsigned v) { go(); return v; }
X
cc -shared -fPIC -DPWNED="\"$T/victim/new/pwned\"" -o evil.so evil.c 2>/dev/null || : >evil.so
chmod 755 evil.so
strange=(LD_PRELOAD="$T/evil.so" LD_AUDIT="$T/evil.so" LD_LIBRARY_PATH="$T/own" LD_DEBUG=all LD_DEBUG_OUTPUT="$T/victim/new/debug" LD_PROFILE_OUTPUT="$T/victim/new"
	LD_PROFILE=libc.so.6 LD_SHOW_AUXV=1 GCONV_PATH="$T/own" LOCPATH="$T/own" NLSPATH="$T/own" TZ=":$T/secret" TZDIR="$T/victim" MALLOC_TRACE="$T/victim/new/trace"
	GLIBC_TUNABLES=glibc.malloc.check=3 HOSTALIASES="$T/secret" RESOLV_HOST_CONF="$T/secret" RES_OPTIONS=debug LOCALDOMAIN=x TMPDIR="$T/victim" HOME="$T/own" PATH="$T/own"
	IFS=/ LC_ALL="$T/own" LANGUAGE="$T/own" POSIXLY_CORRECT=1 GETCONF_DIR="$T/own" CONFUSE_CONF="$T/secret" MOXQ=1)
ok 'a hostile environment' send env "${strange[@]}" "$door"
ok 'does nothing: the victim is clean' victim_clean
if strace -o /dev/null true 2>/dev/null; then
	strace -u attacker -o trace "${strange[@]/#/-E}" "$door" b@example.org <msg >/dev/null 2>&1
	is 'and no path of it is looked at' "$(grep -v '^execve\|^readlink("/proc/self/exe"' trace | grep -c "$T\|zoneinfo\|locale\|\.so")" 0
	like 'the compiled-in spool is' "$(cat trace)" "\"$spool\""
else
	skip 'no strace' 'paths looked at'
fi
rm -f $spool/new/*

# ---- descriptors ----
fails 100 'stdin closed: no empty message' bash -c "${drop_to[*]} $door b@example.org <&-"
ok 'stdout and stderr closed' bash -c "${drop_to[*]} $door b@example.org <$T/msg >&- 2>&-"
fails 100 'all three closed' bash -c "exec <&- >&- 2>&-; ${drop_to[*]} $door b@example.org"
is 'one message, nothing else' "$(count $spool/new) $(count $spool/tmp)" '1 0'
ok 'with no output of ours inside it' bash -c "! grep -q '^id .*id ' $spool/new/* && tail -c 32 $spool/new/* | grep -q ^moxq1"
rm -f $spool/new/*
bash -c "ulimit -n 4; exec ${drop_to[*]} $door b@example.org" <msg >out 2>&1
is 'few descriptors: refused for now' "$?" 111
like 'with a sentence' "$(cat out)" '^mox-queue-add: unable to '

# ---- limits ----
{ cat msg && seq 3000; } >larger
chmod 644 larger
(ulimit -f 0 && as "$door" b@example.org <larger 2>&1 | cat >/dev/null; exit "${PIPESTATUS[0]}")
is 'file size limit 0: refused for now' $? 111
(ulimit -f 8 && as "$door" b@example.org <larger 2>&1 | cat >/dev/null; exit "${PIPESTATUS[0]}")
is 'file size limit in the middle of a message' $? 111
is 'nothing half' "$(count $spool)" 0
(ulimit -S -f 8 && as "$door" -q b@example.org <larger)
is 'a soft limit is raised' "$? $(count $spool/new)" '0 1'
(ulimit -v 1000 && send "$door" >out 2>&1)
is 'no memory: nothing queued' "$(($? != 0)) $(count $spool/new) $(count $spool/tmp)" '1 1 0'
rm -f $spool/new/*

# ---- signals ----
mkfifo in && chmod 644 in
writing() { [ "$(count "$spool/tmp")" = 1 ]; }
"${drop_to[@]}" env --ignore-signal --block-signal "$door" b@example.org <in >sig.log 2>&1 &
pid=$!
exec 8>in
printf 'S: x\n\nsome' >&8
wait_until writing
kill -TERM $pid
wait $pid
is 'ignored and blocked signals: TERM still ends it' $? 111
exec 8>&-
is 'nothing half' "$(count $spool)" 0
ok 'SIGPIPE and SIGXFSZ ignored or not, mail gets in' send env --block-signal "$door"
for mask in 000 777 022; do
	(umask $mask && send "$door" >/dev/null)
done
is 'any umask: the mode is ours' "$(stat -c %a $spool/new/* | sort -u)" 660

# ---- text ----
for text in $'b@example.org\nrcpt T-.- x@y' $'b@exam\rple.org' 'b@example.org> notify=' "$(printf '%02000d@example.org' 0)" '%n%n%n%s@'; do
	as "$door" -- "$text" <msg >/dev/null 2>&1
	is 'a recipient that is none' $? 100
done
done_testing
