#!/bin/bash
# Every command has a deadline of its own, and dripping bytes move none of them (T93). All cases run at once: each waits a second.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"

cat >mox.conf <<'X'
hostname = "client.test"
timeouts { connect = "5s" greeting = "1s" ehlo = "1s" starttls = "1s" mail = "1s" rcpt = "1s" data = "1s" block = "1s" dot = "1s" quit = "1s" session = "3s" }
X
declare -A script
script[greeting]='stall'
script[ehlo]='S: 220 mx.test
C: EHLO *
stall'
script[starttls]='greet STARTTLS
C: STARTTLS
stall'
script[handshake]='greet STARTTLS
C: STARTTLS
S: 220 go
stall'
script[mail]='greet
C: MAIL *
stall'
script[rcpt]='greet
C: MAIL *
S: 250 ok
C: RCPT *
stall'
script[data]='greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
stall'
script[block]='greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
stall'
script[dot]='greet
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
D:
stall'
script[drip]='drip 1 300
S: 220-a banner that comes byte by byte, each of them well within the second, is as slow as none at all
stall'
script[session]='greet
repeat 20
C: MAIL *
S: 250-slow
S: 250 slow
end
stall'
yes 'a line of seventy bytes, which is what most lines of a letter are like' | head -n 110000 | sed 's/$/\r/' >big.msg
unset 'script[session]'
for k in "${!script[@]}"; do
	mx "$k" -b 2304 <<<"${script[$k]}"
	[ "$k" = block ] && JOB_MESSAGE=$T/big.msg
	job "$k" "$PORT/must" -- a@x.test
	case $k in starttls | handshake) ;; *) sed -i 's/tls=must/tls=none/' "$k.job" ;; esac
	JOB_MESSAGE=$T/message
	(
		before=$(date +%s%N)
		timeout 20 fake-runq "$k.job" >"$k.report" 2>"$k.deliver.log"
		echo $((($(date +%s%N) - before) / 1000000)) >"$k.ms"
	) &
	eval "run_$k=$!"
done
for k in "${!script[@]}"; do
	v="run_$k"
	wait "${!v}"
	like "T93 $k: later" "$(sed -n 's/^rcpt 1 //p' "$k.report")" '^later'
	ok "T93 $k: after its second, not before, not much later" [ "$(cat "$k.ms")" -ge 900 ] && [ "$(cat "$k.ms")" -lt 4500 ] || cat "$k.ms" >&2
done
is "T94 only behind the final dot it may have been delivered" "$(grep -l '^maybe yes' ./*.report)" ./dot.report
done_testing
