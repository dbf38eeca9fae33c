#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-queue-backup: a copy made during a busy drain, verified, restored: everything exactly once.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-retired-list "$MOX_BIN"/mox-suppress "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
cat >conf <<E
hostname = "me.example"
postmaster = "boss@me.example"
reserve = "64k"
max-first-recipients-per-day = 100000
max-messages-per-day = 100000
retry { intervals = { "30m" } jitter = false }
E
export MOX_SPOOL=$T/spool
chmod 711 "$T"
message=$'Subject: hello\n\nbody\n'
add() { mox-queue-add -f me@me.example "$@" <<<"$message" | sed 's/^id //'; }
files() { find "$1"/cur "$1"/new -type f ! -name '*.amend' | wc -l; }
alone() { flock "$MOX_SPOOL/lock" true; }

# ---- a quiet spool, with everything in it ----
a=$(add held@x.example other@x.example)
b=$(add later@y.example)
mox-queue-hold "$a.1" 2>/dev/null >&2
mox-queue-schedule 2h "$a.2" 2>/dev/null >&2
mox-suppress add -account root nobody@z.example >/dev/null 2>&1
sent=$(add sent@x.example never@w.example)
touch go log
timeout 30 mox-runq 2>>err
alone
: >"$MOX_SPOOL/corrupt/thing"
mkdir -p "$MOX_SPOOL/failed/00" && chmod 700 "$MOX_SPOOL/failed" "$MOX_SPOOL/failed/00"
ok "a copy of a spool that nobody owns" mox-queue-backup copy
ok "it verifies" mox-queue-backup -verify copy
is "nothing half is left" "$(ls -d copy*)" copy
is "as many messages" "$(files copy)" "$(files spool)"
is "no file is shared" "$(find copy -type f -links +1)" ""
is "the marks and the amendments are those of the original" "$(cd copy && find cur -type f -exec cat {} + | sha1sum)" "$(cd spool && find cur -type f -exec cat {} + | sha1sum)"
is "modes and times, too" "$(cd copy && find cur new failed corrupt -printf '%p %m %y\n' | sort | sha1sum)" "$(cd spool && find cur new failed corrupt -printf '%p %m %y\n' | sort | sha1sum)"
is "the index is not copied, its tables are" "$(ls copy/index; sed -n 's/^table //p' copy/saved | grep -v again | sort -u | tr '\n' ' ')" "limit retired suppress "
fails 100 "never over another" mox-queue-backup copy
mkdir empty
ok "an empty directory will do" mox-queue-backup empty/
fails 100 "not into the spool" mox-queue-backup spool/tmp/x
fails 111 "nor where there is nothing" mox-queue-backup nothing/x
fails 100 "one place" mox-queue-backup
rows() { mox-queue-list -o id,rcpt,hold; mox-retired-list -o id,rcpt,result; mox-suppress list -all 2>/dev/null; }
before=$(rows)
alone
MOX_SPOOL=$T/copy
is "restored: the same queue, history and list" "$(rows)" "$before"
alone
is "the tables are read once" "$(find copy -name saved)" ""
MOX_SPOOL=$T/spool
like "the history of what was sent is there" "$before" "$sent.1"
like "and what waits" "$before" "$b.1"

# ---- damage ----
printf x | dd of="$(find empty/cur -type f ! -name '*.amend' | head -n 1)" bs=1 seek=3 conv=notrunc 2>/dev/null
fails 100 "a flipped byte is found" mox-queue-backup -verify empty
rm -rf empty
mox-queue-backup empty 2>/dev/null
head -c -20 empty/saved >x && cat x >empty/saved
fails 100 "tables that are cut are found" mox-queue-backup -verify empty
rm empty/saved
fails 100 "tables that are missing are found" mox-queue-backup -verify empty

# ---- what a kill leaves ----
start killed bash -c "exec strace -qq -o /dev/null -e inject=renameat:signal=KILL -e inject=rename:signal=KILL -e inject=renameat2:signal=KILL -- mox-queue-backup '$T/killed'"
wait "$PID_killed" 2>/dev/null
is "a kill leaves a half" "$(find . -maxdepth 1 -name 'killed*half' | sed 's/[0-9]/N/g; s/N*N/N/')" "./killed.N.half"
half=$(echo killed.*.half)
mkdir -p other/new && mv other other.1.half
mkdir x.12.half
start holder python3 -c "import fcntl,os,signal
os.makedirs('killed.7.half/new')
f = os.open('killed.7.half', os.O_RDONLY); fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); signal.pause()"
wait_until grep -q locked holder.log
ok "the next takes it away" mox-queue-backup killed
like "and says so" "$(cat .out)" "removing $half, which a backup has left that was killed"
like "one of another target is told of" "$(cat .out)" 'other.1.half was left by a backup that was killed'
is "one that is being made stays, and what is none" "$(ls -d ./*.half | tr '\n' ' ')" "./killed.7.half ./other.1.half ./x.12.half "
stop holder KILL
rm -rf ./*.half killed killed.log

# ---- no space, and a signal ----
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=1200k,nr_inodes=5000 none small 2>/dev/null; then
	mox-queue-add -f me@me.example big@x.example < <(printf 'Subject: x\n\n'; head -c 2000000 /dev/zero | tr '\0' x | fold -w 70) >/dev/null
	fails 111 "no space" mox-queue-backup small/copy
	is "nothing is left of it" "$(ls small)" ""
	umount small
else
	skip "not root" "no space"
fi
if [ "$(id -u)" = 0 ]; then
	chmod 711 . && mkdir -m 777 open
	fails 100 "strangers may not" setpriv --reuid 12345 --regid 12345 --clear-groups "$T/bin/mox-queue-backup" open/copy
fi

# ---- during a busy drain ----
rm -rf spool log go
for ((i = 0; i < 600; i++)); do
	printf 'sender me@me.example\nsize %d\nrcpt sent@a%d.w%d.example\nrcpt slow@b%d.v%d.example\nend\n%s' "${#message}" $i $((i % 7)) $i $((i % 5)) "$message"
done | mox-queue-add -B >ids
start runq mox-runq -w
wait_until test -s log
more() { [ "$(wc -l <log)" -gt "$1" ]; }
for n in 1 2 3; do
	case $n in
	2) # some of those who are slow
		before=$(wc -l <log)
		touch go
		wait_until more $((before + 50))
		rm -f go
		;;
	3) touch go ;;
	esac
	if [ "$n" = 2 ]; then # stopped in the middle, it meets what is accepted, and taken in, behind what it has looked at already
		start slowly strace -qq -o /dev/null -e trace=write -e inject=write:delay_exit=1500000:when=1 mox-queue-backup busy2
		wait_until compgen -G 'busy2.*.half/saved'
		during=$(add slow@late-during.example)
		ok "taken in during copy 2" wait_until compgen -G "spool/cur/??/$during"
		wait "$PID_slowly"
		ok "copy $n during a drain" test -d busy2
		ok "what was accepted while it was made stands in it" compgen -G "busy2/cur/??/$during"
		cp slowly.log .out
	else
		ok "copy $n during a drain" mox-queue-backup "busy$n"
	fi
	like "copy $n says how long nothing was taken in" "$(cat .out)" 'nothing was taken in for [0-9]+ ms'
	add "sent@late$n.example" >/dev/null
done
empty() { [ "$(files spool)" = 0 ]; }
wait_until empty
is "the drain ended" "$(files spool)" 0
stop runq
# What the spool in use has done since is what a copy would do a second time: both lists are the same.
for n in 1 2 3; do
	mox-queue-backup -since "busy$n" >"since$n" 2>said
	like "copy $n: the spool in use has done since with" "$(cat said)" "with since, and are to do in busy$n$"
done
for n in 1 2 3; do
	ok "copy $n verifies" mox-queue-backup -verify "busy$n"
	export MOX_SPOOL=$T/busy$n FAKE_LOG=$T/log$n
	: >"log$n"
	# What it calls done, before it delivers anything; then the rest. Together: everybody who was queued, once.
	mox-retired-list -o rcpt >"past$n"
	alone
	timeout 60 mox-runq 2>>err
	sed 's/[^ ]* [^ ]* [^ ]* \([^ ]*\).*/\1/' "log$n" | tr , '\n' >"sent$n"
	is "copy $n: nobody twice" "$(cat "past$n" "sent$n" | sort | uniq -d)" ""
	is "copy $n: nobody is forgotten" "$(cat "past$n" "sent$n" | sort -u | grep -vc late)" 1200
	is "copy $n: what was done twice is what was listed" "$(sort "sent$n" | grep -v late)" "$(cut -f4 "since$n" | sort | grep -v late)"
	is "copy $n: all is delivered" "$(files "busy$n")" 0
	[ "$n" != 1 ] || ok 'half of it was to do' test "$(wc -l <sent1)" -ge 600
	diag <<<"copy $n: $(wc -l <"past$n") done, $(wc -l <"sent$n") to do"
done
done_testing
