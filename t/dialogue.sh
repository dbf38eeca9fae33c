# shellcheck shell=bash
# Dialogues of mox-deliver -w with scripted servers, after lib.sh and mx.sh.
#   job NAME HOP... -- RCPT...   writes the job NAME: a hop is PORT or PORT/none, PORT/may, PORT/must, PORT/dane...; hosts are mx1.test, mx2.test ...
#                                (JOB_LINES: more lines of the record; JOB_SENDER, JOB_FLAGS, JOB_MESSAGE: what it sends;
#                                JOB_HOP: more fields of each hop; JOB_TLSA: its tlsa lines; JOB_HOST: mx%d.example.test)
#   deliver [options] JOB...     hands them to mox-deliver through fake-runq; report in $T/report, exit code as fake-runq
#   fate JOB N                   "sent 250 2.0.0 mx1.test[127.0.0.1] text" of recipient N, decoded; empty when there is none
#   said JOB KEY                 the values of other report lines
#   dialogue "name" FATE [HOP-TLS] <<script   one server, one job with a@x.test; passes when script and fate both fit
cat >"$T/mox.conf" <<X
hostname = "client.test"
timeouts { quit = "1s" }
X
export MOX_CONF=$T/mox.conf
printf 'From: s@client.test\r\nSubject: dialogue\r\n\r\nHello.\r\n' >"$T/message"
JOB_SENDER=s@client.test JOB_FLAGS='' JOB_LINES='' JOB_MESSAGE=$T/message
JOB_HOP='' JOB_TLSA='' JOB_HOST=mx%d.test
_jobs=0

job() {
	local name=$1 hop n=0 rcpt=0 host
	shift
	_jobs=$((_jobs + 1))
	{
		echo "message $JOB_MESSAGE"
		echo "job $_jobs"
		echo "id 0000000000$((100 + _jobs))"
		echo "sender $JOB_SENDER"
		echo "size $(stat -c %s "$JOB_MESSAGE")"
		echo "flags $JOB_FLAGS"
		[ -z "$JOB_LINES" ] || echo "$JOB_LINES"
		while [ "$1" != -- ]; do
			hop=$1 n=$((n + 1))
			shift
			case $hop in */*) ;; *) hop=$hop/may ;; esac
			# shellcheck disable=SC2059
			printf -v host "$JOB_HOST" "$n"
			echo "hop $host pref=$((n * 10)) port=${hop%/*} dnssec=insecure tls=${hop#*/}${JOB_HOP:+ $JOB_HOP}"
			echo "names $host x.test"
			[ -z "$JOB_TLSA" ] || echo "$JOB_TLSA"
			echo "addr 127.0.0.1"
		done
		shift
		while [ $# -gt 0 ]; do
			rcpt=$((rcpt + 1))
			echo "rcpt $rcpt $1"
			shift
		done
		echo end
	} >"$T/$name.job"
	eval "JOB_$name=$_jobs"
}
deliver() {
	local opts=()
	while case ${1-} in -g | -x | -C | -T | -1 | -k) true ;; *) false ;; esac; do
		opts+=("$1")
		[ "$1" = -1 ] || [ "$1" = -k ] || { opts+=("$2") && shift; }
		shift
	done
	timeout 30 fake-runq "${opts[@]}" "${@/%/.job}" >"$T/report" 2>"$T/deliver.log"
}
_report_lines() { # JOB: its report lines, decoded
	local v="JOB_$1"
	awk -v job="${!v}" '$1 == "job" { on = $2 == job } on' "$T/report" | sed 's/\\x20/ /g'
}
fate() { _report_lines "$1" | sed -n "s/^rcpt $2 //p"; }
said() { _report_lines "$1" | sed -n "s/^$2 //p"; }
dialogue() {
	local name=$1 want=$2 rc
	mx d -t 10
	job d "$PORT/${3:-may}" -- a@x.test
	deliver d
	mx_wait d
	rc=$?
	if [ $rc = 0 ] && [[ $(fate d 1) =~ $want ]]; then _report 0 "$name"; else
		_report 1 "$name"
		{
			echo "fate:   $(fate d 1)"
			echo "wanted: $want"
			cat "$T/d.log" "$T"/d.d/*.log "$T/report" "$T/deliver.log" 2>&1
		} | diag
	fi
	rm -rf "$T/d.d"
}
