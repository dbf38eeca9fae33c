#!/bin/bash
# shellcheck disable=SC2016,SC2317 # functions are called by name, also from other shells
# T122: a disk that is full (a tmpfs in a mount namespace of our own). New mail is refused whole, what is queued goes on being delivered, the
# reserve is given up with an alert and made again; then an index whose writes fail one by one: it recovers, and nothing is lost.
if [ -z "${OWN_MOUNTS:-}" ] && unshare -m true 2>/dev/null; then OWN_MOUNTS=1 exec unshare -m "$BASH" "$0" "$@"; fi
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
[ -n "${OWN_MOUNTS:-}" ] || skip_all 'no mount namespace (not root)'
mkdir disk
mount -t tmpfs -o size=80M tmpfs disk || skip_all 'unable to mount a tmpfs'
trap 'umount -l "$T/disk" 2>/dev/null; _cleanup' EXIT
DEAD=$(free_port)
sink main -o "$T/main.taken"
export MOX_CONF=$T/mox.conf
cat >mox.conf <<X
hostname = "mx.test.example"
max-messages-per-day = 0
max-first-recipients-per-day = 0
spool = "$T/disk/spool"
reserve = "24M"
min-free = "32M"
min-free-inodes = 0
retry { intervals = { "4s" } jitter = false }
transport "sink" { type = smtp host = "127.0.0.1" port = $PORT starttls = never loopback = true }
transport "late" { type = smtp host = "127.0.0.1" port = $DEAD starttls = never loopback = true }
route { to = { "late.example" } transport = "late" }
route { transport = "sink" }
X
pass() { timeout 60 mox-runq 2>>"$T/pass.log"; }
taken() { wc -l <"$T/$1.taken"; } # recipients
is_taken() { [ "$(taken "$1")" = "$2" ]; }
fill() { head -c 100M /dev/zero >>disk/hog; } 2>/dev/null
files() { find disk/spool/new disk/spool/tmp disk/spool/cur -type f | wc -l; }
# COUNT DOMAIN RCPTS: a stream for -B
stream() {
	local rcpts i
	rcpts=$(seq -f "rcpt r%.0f@$2" "$3")
	for ((i = 1; i <= $1; i++)); do printf 'sender s@test.example\n%s\nsize 14\nend\nSubject: x\r\n\r\n' "$rcpts"; done
}
queue() { stream "$@" | mox-queue-add -B | grep -c '^id '; }
message=$'Subject: x\n\nbody'

ok 'an empty pass makes spool and reserve' pass
is 'the reserve is there' "$(stat -c %s disk/spool/reserve)" $((24 << 20))
is 'queued with nobody delivering' "$(queue 20 x.example 500)" 20
fill
n=$(files)
fails 111 'T122 full: mox-queue-add' mox-queue-add r@x.example <<<"$message"
fails 75 'T122 full: mox-sendmail' mox-sendmail r@x.example <<<"$message"
is 'T122 nothing half-visible' "$(files)" "$n"
ok 'T122 a fresh pass on the full disk' pass
ok 'T122 delivers what is queued' is_taken main 10000
is 'T122 the reserve is spent' "$(find disk/spool -name reserve)" ""
like 'T122 and an alert says so' "$(cat pass.log)" 'level=alert event=disk-full'
is 'nothing is left in the queue' "$(mox-queue-list -n 3; files)" 0
ok 'nothing is wrong with it' mox-queue-check
ok 'nor for the history' test "$(mox-retired-list | wc -l)" -lt 10000
fails 111 'the reserve is not for new mail' mox-queue-add r@x.example <<<"$message"
rm disk/hog
ok 'with room again' pass
is 'T122 the reserve is made again' "$(stat -c %s disk/spool/reserve)" $((24 << 20))

# ---- the daemon ----
start runq mox-runq -w
is 'queued for a site that is down' "$(queue 20 late.example 500)" 20
ok 'which is found out' wait_until grep -q event=site-down runq.log
ok 'all is taken in' wait_until bash -c '[ -z "$(find disk/spool/new -type f)" ]'
fill
sink late -o "$T/late.taken" -p "$DEAD"
ok 'T122 the disk fills, the site comes back: all is delivered' wait_until is_taken late 10000
echo "# breaks of the index: $(grep -c event=index-broken runq.log), reserve spent: $(grep -c event=disk-full runq.log)"
fill
fails 111 'new mail is refused meanwhile' mox-queue-add r@x.example <<<"$message"
ok 'T122 it runs on' kill -0 "$PID_runq"
rm disk/hog
is 'with room, new mail is taken' "$(queue 1 x.example 1)" 1
ok 'and delivered' wait_until is_taken main 10001
stop runq
is 'nothing is left' "$(files)" 0

# ---- an index whose writes fail: each of them once, in turn, in a pass over two messages ----
command -v strace >/dev/null || skip 'strace is not installed' 'T122 failing writes'
umount disk
calls=pwrite64,fdatasync,fsync
setup() { # DIR: a spool with two messages, three recipients
	mkdir -p "$1"
	sed "s|^spool = .*|spool = \"$1/spool\"|; s/^reserve.*/reserve = \"64k\"/; s/^min-free = .*/min-free = \"0\"/" "$T/mox.conf" >"$1/conf"
	export MOX_CONF=$1/conf
	mox-queue-add -q "a-${1##*/}@x.example" "b-${1##*/}@y.example" <<<"$message"
	mox-queue-add -q "c-${1##*/}@x.example" <<<"$message"
}
step() { # CALL N ERROR: prints a line for what is wrong
	local d=$T/$1.$2.$3 r
	setup "$d"
	timeout 60 strace -qq -o /dev/null -e trace="$1" -e inject="$1:error=$3:when=$2" mox-runq 2>"$d/log"
	echo "$? $(grep -c event=index-broken "$d/log")" >>"$T/ends"
	timeout 60 mox-runq 2>>"$d/log" || echo "$*: the next pass fails: $(tail -1 "$d/log")"
	for r in a b c; do
		is_got "$r-$1.$2.$3@" || echo "$*: $r got it $(grep -c "$r-$1.$2.$3@" "$T/main.taken") times"
	done
	mox-queue-check "$d/spool" >"$d/check" 2>&1 || echo "$*: $(cat "$d/check")"
	rm -rf "$d"
}
is_got() { [ "$(grep -c " $1" "$T/main.taken")" = 1 ]; }
setup "$T/good"
strace -qq -o "$T/trace" -e trace="$calls" mox-runq 2>/dev/null
sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$T/trace" | awk '{print $1, ++n[$1]}' >steps
for e in EIO ENOSPC; do sed "s/\$/ $e/" steps; done >injections
export -f setup step is_got
export T message
xargs -P "$(nproc)" -L 1 bash -c 'step "$0" "$1" "$2" 2>/dev/null' <injections >wrong
is "T122 each of $(wc -l <injections) failing writes: all is delivered, once" "$(cat wrong)" ''
ok 'T122 some of them broke the index, which recovered in the same pass' grep -q '^0 1$' ends
sort ends | uniq -c | sed 's/^/# runs, exit code, breaks:/'
done_testing
