# shellcheck shell=bash
# Sourced by t/6000-crash-*.t. Runs a command once well under strace, then once for each system call it made from its first touch of the
# spool on, with that call failing or the process killed on entering it.
#
#   calls_of OUT COMMAND...        the good run; OUT: lines `NAME OCCURRENCE`, one for each call, in order
#   inject NAME OCCURRENCE FAULT COMMAND...   FAULT: KILL, or an errno; answers the command's exit code (137: killed)
#
# KILL comes on entering the call, so it never happens; that it happened and nothing else is the kill of the next one.
export ASAN_OPTIONS=detect_leaks=0 # it cannot look while strace does

calls_of() {
	local out=$1
	shift
	strace -o "$T/.trace" "$@" >/dev/null || return
	awk -v spool="$MOX_SPOOL" '
		{ name = $0; sub(/\(.*/, "", name); n[name]++ }
		index($0, spool) { on = 1 }
		on && name ~ /^[a-z0-9_]+$/ { print name, n[name] }' "$T/.trace" >"$out"
}

inject() {
	local call=$1 when=$2 fault=$3
	shift 3
	[ "$fault" = KILL ] && fault=signal=KILL || fault=error=$fault
	strace -qqq -o /dev/null -e "trace=$call" -e "inject=$call:$fault:when=$when" "$@"
}

# Calls that cannot fail with FAULT, whatever the disk or a signal does.
cannot_fail() { # NAME FAULT
	case $2:$1 in
	KILL:*) return 1 ;;
	*:exit_group | *:rt_sig* | *:get*id | *:alarm | *:uname | *:brk | *:mmap | *:munmap | *:lseek) return 0 ;;
	EINTR:read | EINTR:write | EINTR:fsync | EINTR:ppoll) return 1 ;;
	EINTR:*) return 0 ;;
	esac
	return 1
}
