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
	start "$name" fake-mx -d "$T/$name.d" "$@" "$T/$name.script"
	_listening "$name"
}
mx_done() {
	local v="PID_$1" rc
	wait "${!v}"
	rc=$?
	_report "$((rc != 0))" "$2" || {
		diag <"$T/$1.log"
		tail -n 50 "$T/$1.d/"*.log | diag
	}
}
sink() {
	local name=$1
	shift
	start "$name" fake-sink "$@"
	_listening "$name"
}
