# shellcheck shell=bash
# Scripted servers in a test, after lib.sh (the language stands at the head of fake-mx.c):
#   mx NAME [options] <<script  starts one; its port in $PORT and $PORT_NAME, transcripts in $T/NAME.d
#   mx_done NAME "name"         passes when the whole script was played as written
#   sink NAME [options]         starts fake-sink; $PORT, $PORT_NAME
_listening() {
	wait_until grep -q '^listening' "$T/$1.log" || echo "# $1 does not listen" >&2
	PORT=$(sed -n 's/^listening //p' "$T/$1.log")
	eval "PORT_$1=$PORT"
}
mx() {
	local name=$1
	shift
	cat >"$T/$name.script"
	rm -rf "$T/$name.log" "$T/$name.d"
	start "$name" fake-mx -d "$T/$name.d" "$@" "$T/$name.script"
	_listening "$name"
}
mx_done() {
	local rc
	mx_wait "$1"
	rc=$?
	_report "$((rc != 0))" "$2" || {
		diag <"$T/$1.log"
		tail -n 50 "$T/$1.d/"*.log 2>&1 | diag
		[ ! -e "$T/deliver.log" ] || diag <"$T/deliver.log"
	}
}
# When the client is done, so is the script, but for what its last lines still say: no connection comes any more.
mx_wait() {
	local v="PID_$1" i
	for ((i = 0; i < 100; i++)); do
		kill -0 "${!v}" 2>/dev/null || break
		read -rt 0.02 <> <(:)
	done
	kill "${!v}" 2>/dev/null
	wait "${!v}"
}
sink() {
	local name=$1
	shift
	rm -f "$T/$name.log"
	start "$name" fake-sink "$@"
	_listening "$name"
}
