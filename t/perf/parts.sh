# shellcheck shell=bash disable=SC2154,SC2034,SC2238 # variables of t/perf/run and t/perf/systems.sh; a file named times
# Sourced by t/perf/run. Each part measures one system and prints "main=NUMBER [cpu=SECONDS] [pss=KB] [one=KB] ...": main is what the
# part is about, in the unit that t/perf/run says; cpu: of 1,000 messages; pss: peak of the whole mail system; one: of its largest process.

# The libraries of Postfix's sendmail, for what follows.
senders_of() { # WHO
	unset LD_LIBRARY_PATH
	[ "$1" != postfix ] || export LD_LIBRARY_PATH=$peers/usr/lib/postfix
}
part_inject() { # WHO PARALLEL [busy]
	local before after count=$((n < 2000 ? n : 2000)) send cpu='' mail='' failed=''
	count=$((count / $2 * $2))
	if [ "$1" = true ]; then
		send=/bin/true
	else
		"$1_prepare" 1 never
		if [ "${3-}" ]; then
			sink_start "$count" ''
			"$1_start"
			"$1_ready"
		fi
		send=$("$1_sendmail")
	fi
	senders_of "$1"
	measured_begin
	before=$(now)
	if [ "$2" = 1 ]; then
		{ time for ((i = 0; i < count; i++)); do $send r@d1.test <message 2>inject.log || { failed=1 && break; }; done; } 2>times
	else
		{ time (seq "$2" | xargs -P "$2" -I{} bash -c "for ((i = 0; i < $count / $2; i++)); do $send r@d1.test <message || exit 255; done" 2>inject.log); } 2>times ||
			failed=1
	fi
	[ ! "$failed" ] || { echo "run: unable to inject into $1: $(tail -n 2 inject.log)" >&2 && return 1; }
	after=$(now)
	senders_of none
	cpu=$(awk '{ print $1 + $2 }' times)
	if [ "${3-}" ]; then
		until_ grep -q '^done' sink.log
		system_cost
		cpu=$(calc "$cpu + $(value cpu cost)") mail="pss=$(value pss cost)"
		"$1_stop"
		sink_stop
	fi
	measured_end
	echo "main=$(calc "$count * 1e6 / ($after - $before)") cpu=$(calc "$cpu * 1000 / $count") $mail"
}
part_batch() { # WHO: one stream into mox-queue-add -B
	local before after count=$((n * 3))
	"$1_prepare" 1 never
	ours_stream $count 1 >stream
	measured_begin
	before=$(now)
	{ time mox-queue-add -B <stream >ids; } 2>times
	after=$(now)
	measured_end
	rm -f stream
	[ "$(grep -c '^id ' ids)" = $count ] || { echo "run: mox-queue-add -B did not take all" >&2 && return 1; }
	echo "main=$(calc "$count * 1e6 / ($after - $before)") cpu=$(awk -v n=$count '{ print ($1 + $2) * 1000 / n }' times)"
}
part_dns() { # WHO ZONE: a hundred destinations found there
	local n=$((n < 1000 ? n : 1000)) rc zone=.$2.example
	world || return
	[ "$1" = ours ] || resolver_start
	part_drain "$1" 100 dns -c certs/self
	rc=$?
	[ "$1" = ours ] || resolver_stop
	return $rc
}
part_drain() { # WHO DOMAINS TLS [OPTION-OF-SINK...]
	local keywords='' total=$((n / $2 * $2))
	case $3 in never | one) ;; *) keywords=STARTTLS, ;; esac
	"$1_prepare" "$2" "$3"
	"$1_load" "$total" "$2" || return
	sync -f "$T"
	sink_start $total "$keywords" "${@:4}"
	measured_begin
	"$1_start"
	until_ grep -q '^done' sink.log
	system_cost
	measured_end
	"$1_stop"
	sink_stop
	grep '^done' sink.log >finished
	# Processes that live for less than the time between two looks have no memory to tell of.
	[ "$1" != dma ] || sed -i 's/ pss=[0-9]*//' cost
	echo "main=$(value rate finished) cpu=$(calc "$(value cpu cost) * 1000 / $total") pss=$(value pss cost) one=$(value one cost)" \
		"connections=$(value connections finished) peak=$(value peak finished) tls=$(value tls finished) lost=$((total - $(value recipients finished)))"
}
part_latency() { # WHO
	local send before i
	"$1_prepare" 1 never now
	sink_start 1000000 ''
	"$1_start"
	"$1_ready"
	send=$("$1_sendmail")
	senders_of "$1"
	: >latencies
	measured_begin
	# The first ten warm both systems up.
	for ((i = 0; i < 60; i++)); do
		before=$(now)
		$send "r$i@d1.test" <message 2>>inject.log
		until_ grep -q " r$i@d1.test\$" sink.rec
		awk -v r="r$i@d1.test" -v t="$before" '$4 == r { print $2 - t }' sink.rec >>latencies
	done
	senders_of none
	measured_end
	system_cost
	"$1_stop"
	sink_stop
	echo "main=$(tail -n +11 latencies | sort -n | awk '{ v[NR] = $1 } END { print int(v[int((NR + 1) / 2)]) }') pss=$(value pss cost)"
}
part_large() { # WHO: milliseconds from sendmail to the sink's answer, one message of 50 MB, the best of three
	local send before i best=999999 took
	[ -s large ] || {
		printf 'From: s@client.test\nTo: r@d1.test\nSubject: large\n\n'
		head -c 49000000 /dev/zero | tr '\0' x | fold -w 70
	} >large
	"$1_prepare" 1 never now
	sink_start 1000000 ''
	"$1_start"
	"$1_ready"
	send=$("$1_sendmail")
	measured_begin
	for i in 1 2 3; do
		senders_of "$1"
		before=$(now)
		$send "r$i@d1.test" <large 2>>inject.log || { tail -n 3 inject.log >&2 && return 1; }
		senders_of none
		until_ grep -q " r$i@d1.test\$" sink.rec
		took=$(awk -v r="r$i@d1.test" -v t="$before" '$4 == r { printf "%d", ($2 - t) / 1000 }' sink.rec)
		[ "$took" -ge $best ] || best=$took
	done
	measured_end
	system_cost
	"$1_stop"
	sink_stop
	echo "main=$best pss=$(value pss cost) one=$(value one cost)"
}
part_trips() { # WHO: round trips a message, 200 messages on one connection over a link of 50 ms
	local n=200 out
	link_start 50
	out=$(part_drain "$1" 1 one) || return
	link_stop
	# shellcheck disable=SC2086 # words
	printf '%s\n' $out | awk -F= '$1 == "main" { printf "main=%.4g ", 1 / ($2 * 0.05); next } $1 != "cpu" { printf "%s ", $0 }'
	echo
}
part_nagle() { # WHO BYTES: milliseconds a message, on one connection
	local n=300 bytes=$2 out
	message_write "$bytes"
	out=$(part_drain "$1" 1 one) || return
	# shellcheck disable=SC2086 # words
	printf '%s\n' $out | awk -F= '$1 == "main" { printf "main=%.4g ", 1000 / $2; next } { printf "%s ", $0 }'
	echo
	message_write "$bytes_asked"
}

# ---- a hundred thousand queued messages, that nobody may deliver before tomorrow ----

HOARD=${HOARD:-100000}
hoard_enter() { # WHO: made once for all its parts, and put aside between them
	local bytes=500 kept=pf
	"$1_prepare" 1 never
	[ "$1" != ours ] || kept=spool
	if [ -e "hoard.$1" ]; then
		rm -rf $kept
		mv "hoard.$1" $kept
		return
	fi
	message_write $bytes
	if [ "$1" = ours ]; then
		ours_stream "$HOARD" 1 "hold-until $((${EPOCHREALTIME/./} + 86400000000))" | mox-queue-add -B >load.log
		ours_start
		until_ hoard_taken
		ours_stop
	else
		postfix_load "$HOARD" 1 deferred
	fi
	message_write "$bytes_asked"
	sync -f "$T"
}
hoard_leave() {
	case $1 in ours) mv spool hoard.ours ;; *) mv pf hoard.postfix ;; esac
}
hoard_taken() { [ ! "$(ls -A spool/new)" ]; }
hoard_list() { # WHO ALL|FIRST
	senders_of "$1"
	case $1$2 in
	oursALL) mox-queue-list ;;
	oursFIRST) mox-queue-list -n 50 ;;
	*) "$peers/usr/sbin/postqueue" -c pf/etc -p ;;
	esac >listing || return
	senders_of none
}
part_list() { # WHO ALL|FIRST: milliseconds, the best of three
	local before took best=999999 i
	hoard_enter "$1" || return
	"$1_start"
	"$1_ready"
	[ "$1" != postfix ] || until_ hoard_list postfix ALL
	measured_begin
	for i in 1 2 3; do
		before=$(now)
		hoard_list "$1" "$2" || return
		took=$((($(now) - before) / 1000))
		[ $took -ge $best ] || best=$took
	done
	measured_end
	[ "$2" = FIRST ] || [ "$(grep -c test listing)" -ge "$HOARD" ] || { echo "run: $1 did not list all" >&2 && return 1; }
	system_cost
	"$1_stop"
	hoard_leave "$1"
	echo "main=$best pss=$(value pss cost)"
}
part_start() { # WHO: milliseconds from its start until the sink has a message that came as soon as it was up, so many queued
	local before took
	hoard_enter "$1" || return
	sink_start 1000000 ''
	measured_begin
	before=$(now)
	"$1_start"
	"$1_ready"
	senders_of "$1"
	$("$1_sendmail") new@d1.test <message 2>>inject.log || { tail -n 3 inject.log >&2 && return 1; }
	senders_of none
	until_ grep -q ' new@d1.test$' sink.rec
	measured_end
	took=$(awk -v t="$before" '$4 == "new@d1.test" { printf "%d", ($2 - t) / 1000 }' sink.rec)
	system_cost
	"$1_stop"
	sink_stop
	hoard_leave "$1"
	echo "main=$took pss=$(value pss cost)"
}
