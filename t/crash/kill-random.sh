# shellcheck shell=bash
# kill_random ROUNDS MESSAGES [ROLE...]: mox-runq (runq), mox-nexthop (nexthop), the parent of the workers (parent) and workers (worker), or those of
# them that are named, are killed at random while MESSAGES drain to a slow sink. Sourced by t/6200-kill-random.t (short) and
# t/slow/6200-kill-random.t. Afterwards nothing is lost, and every message that was delivered twice had a kill of mox-runq or a worker at
# most a quarter of a second behind its first delivery: nobody else stands between the sink's answer and the mark.
# Somebody of those that are alive: sets role and victim.
kill_one() {
	local pids
	read -rt 0.0$((RANDOM % 9 + 1)) <> <(:)
	pids=$(pgrep -P "$PID_runq" -x mox-deliver)
	role=${roles[RANDOM % ${#roles[@]}]}
	case $role in
	runq) victim=$PID_runq ;;
	nexthop) victim=$(pgrep -P "$PID_runq" -x mox-nexthop) ;;
	parent) victim=$pids ;;
	worker) victim=$(for p in $pids; do pgrep -P "$p"; done | shuf -n 1) ;;
	esac
	victim=${victim%%$'\n'*}
	[ -n "$victim" ] && kill -KILL "$victim"
}
kill_random() {
	local rounds=$1 messages=$2 i victim kills=0 n=0 port twice role roles
	shift 2
	roles=("$@")
	[ $# -gt 0 ] || roles=(runq nexthop parent worker)
	RANDOM=${SEED:-$$}
	echo "# SEED=${SEED:-$$}"
	rm -rf spool ids want out got kills twice sink.log # the last one's would tell its port
	: >kills
	: >killed
	start sink fake-sink -p 0 -o "$T/out" -l 20 -k PIPELINING,CHUNKING,8BITMIME,ENHANCEDSTATUSCODES
	wait_until grep -q listening sink.log
	port=$(sed -n 's/^listening //p' sink.log)
	cat >conf <<-X
		hostname = "me.example"
		max-messages-per-day = 0
		max-first-recipients-per-day = 0
		suppress { automatic = false }
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
		# Who died is started again when there is need of him, a little later.
		for _ in 1 2 3 4 5 6 7 8 9 10; do kill_one && break; done || continue
		echo "${EPOCHREALTIME/./} $role" >>kills
		kills=$((kills + 1))
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
	# Of each delivery that is not a message's last: the kill that explains it.
	awk 'NR == FNR { if ($2 == "runq" || $2 == "worker") at[++n] = $1; next }
		$4 in last { print last[$4] } { last[$4] = $2 " " $4 }
		END { for (i = 1; i <= n; i++) print at[i] > "killed" }' kills out >twice
	awk 'NR == FNR { at[++n] = $1; next }
		{ for (i = 1; i <= n; i++) if (at[i] > $1 - 1000 && at[i] < $1 + 250000) next; print }' killed twice >unexplained
	echo "# delivered twice: $twice of $messages, after $kills kills ($(cut -d' ' -f2 kills | sort | uniq -c | tr -s ' \n' ' '))"
	is "T126 twice only what a kill of mox-runq or a worker cut off between answer and mark" "$(cat unexplained)" ""
	stop sink
}
