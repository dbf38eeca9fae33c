# shellcheck shell=bash
# Sourced by every t/NNNN-*.t: a directory of its own, the commands on PATH, TAP, and everything started is stopped by pid.
#   ok "name" COMMAND...        passes when the command exits 0
#   fails CODE "name" COMMAND...passes when it exits with exactly CODE (a signal never passes)
#   is "name" GOT EXPECTED      same text
#   like "name" GOT REGEX       bash regex
#   wait_until COMMAND...       polls until it succeeds (20 s), then 0; else 1
#   start NAME COMMAND...       runs it in the background, log in $T/NAME.log, pid in $PID_NAME and stopped at the end
#   free_port                   a TCP port on 127.0.0.1 that is free now (prints it)
#   skip_all REASON             the whole file
#   done_testing                last line of the file
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MOX_BIN=${MOX_BIN:-$TOP/bin}
MOX_OUT=${MOX_OUT:-$TOP/.build/debug}
# Debian's own tools before those of version managers (pyenv's python3 is a chain of scripts, and lacks the modules).
export MOX_BIN MOX_OUT PATH="$MOX_BIN:$MOX_OUT/t:/usr/sbin:/usr/bin:$PATH" LC_ALL=C.UTF-8
unset MOX_CONF MOX_SPOOL MOX_TEST_CLOCK NAME
T=$(mktemp -d "${TMPDIR:-/tmp}/moxq.XXXXXX") # short: a socket's path is at most 107 bytes
export T
cd "$T" || exit 1
_n=0 _failed=0 _pids=()

_cleanup() {
	local p
	for p in "${_pids[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${_pids[@]}"; do wait "$p" 2>/dev/null; done
	cd / && [ -z "${KEEP:-}" ] && rm -rf "$T"
}
trap _cleanup EXIT
trap 'exit 1' INT TERM HUP

_report() { # ok? name
	_n=$((_n + 1))
	if [ "$1" = 0 ]; then echo "ok $_n - $2"; else
		_failed=$((_failed + 1))
		echo "not ok $_n - $2"
		return 1
	fi
}
diag() { sed 's/^/# /' >&2; }
ok() {
	local name=$1 rc
	shift
	"$@" >"$T/.out" 2>&1
	rc=$?
	_report "$((rc != 0))" "$name" || { echo "exit $rc: $*" | diag; diag <"$T/.out"; return 1; }
}
fails() {
	local want=$1 name=$2 rc
	shift 2
	"$@" >"$T/.out" 2>&1
	rc=$?
	_report "$((rc != want))" "$name" || { echo "exit $rc, wanted $want: $*" | diag; diag <"$T/.out"; return 1; }
}
is() { if [ "$2" = "$3" ]; then _report 0 "$1"; else
	_report 1 "$1"
	printf 'got:      %s\nexpected: %s\n' "$2" "$3" | diag
	return 1
fi; }
like() { if [[ $2 =~ $3 ]]; then _report 0 "$1"; else
	_report 1 "$1"
	printf 'got:      %s\nexpected: %s\n' "$2" "$3" | diag
	return 1
fi; }
unlike() { if [[ ! $2 =~ $3 ]]; then _report 0 "$1"; else
	_report 1 "$1"
	printf 'got:      %s\nunwanted: %s\n' "$2" "$3" | diag
	return 1
fi; }
wait_until() {
	local i
	for ((i = 0; i < 1000; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.02 <> <(:)
	done
	return 1
}
start() {
	local name=$1
	shift
	"$@" >"$T/$name.log" 2>&1 </dev/null &
	eval "PID_$name=$!"
	_pids+=("$!")
}
stop() { # NAME [SIGNAL]: stops what start began and waits for it
	local v="PID_$1"
	kill "-${2:-TERM}" "${!v}" 2>/dev/null
	wait "${!v}" 2>/dev/null
}
# Below those that the kernel gives to whoever connects: else another test's client may have it before the server that it is for.
free_port() {
	python3 -c 'import random, socket
while True:
	s, p = socket.socket(), random.randrange(10240, 32768)
	try: s.bind(("127.0.0.1", p))
	except OSError: continue
	print(p); break'
}
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
skip() { # REASON name: counts as passed
	_n=$((_n + 1))
	echo "ok $_n - ${2:-} # skip $1"
}
done_testing() {
	echo "1..$_n"
	[ "$_failed" = 0 ]
	exit
}
# run_units ROOM...: the table tests t/unit/ROOM-*.c, each a subtest of its own TAP
