#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# One byte changed somewhere in a spool: found, repaired or named, and nothing crashes. ROUNDS and SEED say how many and which.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
export ASAN_OPTIONS=detect_leaks=0 MOX_CONF=$T/conf MOX_SPOOL=$T/q
rounds=${ROUNDS:-20} seed=${SEED:-7}
cat >conf <<'E'
hostname = "me.example"
min-free = "0"
reserve = "0"
keep-retired = "365d"
retry { give-up = "365d" }
E
cat >flip.py <<'P'
import glob, random, sys
r = random.Random(int(sys.argv[1]))
kind = sys.argv[2]
files = sorted(glob.glob('q/index/*.db') if kind == 'table' else glob.glob('q/index/log.*') if kind == 'log' else
               [f for f in glob.glob('q/cur/*/*') + glob.glob('q/new/*')])
f = r.choice(files)
d = bytearray(open(f, 'rb').read())
at = r.randrange(min(len(d), 4096) if kind != 'message' else len(d))
if kind == 'table':  # where something stands: most of a page is empty
    at = r.choice([i for i, b in enumerate(d) if b])
d[at] ^= 1 << r.randrange(8)
with open(f, 'r+b') as out:
    out.write(d)
print(f[2:], at)
P
serve() { # its log is ours
	mox-runq -s 2>>runq.log &
	owner=$!
}
gone() {
	[ ! -s q/lock ] || kill "$(sed -n 's/^[a-z]* //p' q/lock)" 2>/dev/null
	flock q/lock true
	[ -z "${owner-}" ] || wait "$owner"
	rc=$? owner=
	[ "$rc" -lt 128 ] || [ "$rc" = 143 ] || crashed+=" mox-runq: $rc"
}
# A command that may complain, but not die.
run() { # FILE COMMAND...
	local rc out=$1
	shift
	timeout 60 "$@" >"$out" 2>>said
	rc=$?
	[ "$rc" -le 111 ] || crashed+=" $1: $rc"
}
rows() { run rows mox-queue-list -o id,rcpt; run past mox-retired-list -o id,rcpt,result; run list mox-suppress list -all -o account,address,how; run rules mox-holdrule list -o rule,from,to,domain,account; cat past list rules >tables; }

same() {
	rows
	cmp -s <(grep -v "^$id" rows) <(grep -v "^$id" rows.before)
}

mox-gentestdata q
serve
rows
gone
cp rows rows.before
cp tables tables.before
ok "what stands in it" test -s rows.before -a -s tables.before
mv q base
for ((i = 0; i < rounds; i++)); do
	case $((i % 4)) in 0 | 1) kind=message ;; 2) kind=table ;; 3) kind=log ;; esac
	rm -rf q
	cp -a base q
	# What is found after a kill is recovered by the log.
	[ "$kind" != log ] || rm -f q/index/clean
	what=$(python3 flip.py $((seed * 1000 + i)) $kind)
	file=${what% *} crashed='' named=''
	: >said
	: >runq.log
	serve
	run found mox-queue-check
	rows
	cp rows rows.now
	cp tables tables.now
	gone
	run repaired mox-queue-check -r
	gone
	serve
	id=$(basename "$file" .amend)
	[ "$kind" = message ] || id=-
	wait_until same # the index was being built anew when its owner was stopped
	run left mox-queue-check
	gone
	is "$kind: $what: nothing crashes" "$crashed" ""
	grep -qF "$file" found && named=yes
	if [ "$kind" = message ]; then
		# A mark that became another is what somebody might have changed.
		cmp -s rows.now rows.before && cmp -s "base/$file" "q/$file" && named=undone
		if LC_ALL=C cmp -l "base/$file" "q/$file" 2>/dev/null | grep -q . && [ -z "$named" ]; then
			is "$kind: $what: nobody says so: a mark" "$(LC_ALL=C grep -a '^rcpt ' "q/$file" | grep -avE '^rcpt [TDFC][-uorlf][.yn][-d] ')" ""
		else
			like "$kind: $what: named" "$named" yes
		fi
		ok "$kind: $what: the others are as they were" cmp <(grep -v "^$id" rows) <(grep -v "^$id" rows.before)
	else
		grep -qE 'event=index-(broken|lost)|event=compared index=new' runq.log && named=yes
		[ "$named" ] || ok "$kind: $what: nothing changed" cmp tables.now tables.before
		ok "$kind: $what: every row" cmp rows rows.before
		[ "$named" ] || [ ! -s left ] || is "$kind: $what: nothing is left of it" "$(cat left)" ""
	fi
	[ -z "${SHOW-}" ] || { echo "== $what: $named"; cat found; cut -c1-200 runq.log; } | diag
done

# ---- an index half built when its owner was killed: the next one answers when it knows all ----
rm -rf q
for ((i = 0; i < 2000; i++)); do printf 'sender a@b.example\nsize 15\nrcpt r%d@c.example\nend\nSubject: x\n\nhi\n' $i; done | mox-queue-add -B >/dev/null
is "so many wait" "$(mox-queue-list -o id | wc -l)" 2000
owner=''
gone
rm -f q/index/rcpt.db
timeout 60 strace -qq -o /dev/null -e trace=openat -e inject=openat:signal=KILL:when=1500 mox-runq -s >/dev/null 2>&1
like "killed in the middle" "$?" '^137$'
is "all of them are listed" "$(mox-queue-list -o id | wc -l)" 2000
gone
done_testing
