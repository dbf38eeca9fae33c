# shellcheck shell=bash
# kill_random ROUNDS MESSAGES: mox-runq, mox-nexthop, the parent of the workers and workers are killed at random while MESSAGES drain to a slow
# sink. Sourced by t/6200-kill-random.t (short) and t/slow/6200-kill-random.t. Afterwards nothing is lost, what was delivered twice is counted.
kill_random() {
	local rounds=$1 messages=$2 i victim pids kills=0 n=0 port twice
	RANDOM=${SEED:-$$}
	echo "# SEED=${SEED:-$$}"
	start sink fake-sink -p 0 -o "$T/out" -l 20 -k PIPELINING,CHUNKING,8BITMIME,ENHANCEDSTATUSCODES
	wait_until grep -q listening sink.log
	port=$(sed -n 's/^listening //p' sink.log)
	cat >conf <<-X
		hostname = "me.example"
		spool = "$T/spool"
		retry { intervals = { "1s" } jitter = false }
		site "*" { connections = 4 }
		transport "sink" { type = smtp host = "127.0.0.1" port = $port starttls = never }
		route { transport = "sink" }
	X
	export MOX_CONF=$T/conf
	runner() { start runq mox-runq -w; }
	runner
	for ((i = 1; i <= rounds; i++)); do
		while [ "$n" -lt $((messages * i / rounds)) ]; do
			n=$((n + 1))
			mox-queue-add -f s@me.example "r$n@x.example" <<<$'Subject: x\n\nbody' >>ids && echo "r$n@x.example" >>want
		done
		read -rt 0.0$((RANDOM % 9 + 1)) <> <(:)
		pids=$(pgrep -P "$PID_runq" -x mox-deliver)
		case $((RANDOM % 4)) in
		0) victim=$PID_runq ;;
		1) victim=$(pgrep -P "$PID_runq" -x mox-nexthop) ;;
		2) victim=$pids ;;
		3) victim=$(for p in $pids; do pgrep -P "$p"; done | shuf -n 1) ;;
		esac
		victim=${victim%%$'\n'*}
		[ -n "$victim" ] || continue
		kill -KILL "$victim" 2>/dev/null && kills=$((kills + 1))
		if [ "$victim" = "$PID_runq" ]; then
			wait "$PID_runq" 2>/dev/null
			cat runq.log >>all.log
			runner
		fi
	done
	is "every message was accepted" "$(wc -l <ids)" "$messages"
	empty() { kill -0 "$PID_runq" 2>/dev/null || runner; [ -z "$(find spool/new spool/cur -type f)" ]; }
	ok "after $kills kills the queue runs empty" wait_until empty
	cat runq.log >>all.log
	stop runq
	ok "the spool has no fault" mox-queue-check
	sed 's/.* //' out | sort >got
	is "T126 nothing is lost" "$(sort want | comm -23 - <(sort -u got) | head)" ""
	twice=$(($(wc -l <got) - messages))
	echo "# delivered twice: $twice of $messages, after $kills kills (each can cut off 4 connections with 2 messages ahead)"
	ok "T126 twice only what a kill cut off between answer and mark" test "$twice" -le $((kills * 8))
}
