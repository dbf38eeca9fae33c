# shellcheck shell=bash disable=SC2154 # of t/perf/run: T, peers, perf, n, bytes
# Sourced by t/perf/run: the sink, the tree of DNS, and the systems that are measured. Each has, as far as its parts want them,
#   NAME_prepare DOMAINS TLS   a configuration, an empty queue; TLS: may must never, fresh (must, one message a connection), dns
#   NAME_load N DOMAINS        so many messages in its queue, nothing running
#   NAME_start, _ready, _stop  the daemon, under `measure`, its cost in $T/cost
#   NAME_sendmail              the command that takes a message, recipients behind it

sink_port=10025
sink_start() { # MESSAGES KEYWORDS [OPTION...]
	local options=("${@:3}")
	rm -f sink.log sink.rec
	fake-sink -a 127.0.1.1-127.0.1.100 -p $sink_port -n "$1" -o sink.rec -k "${2}PIPELINING,8BITMIME,CHUNKING,SIZE 0,DSN,ENHANCEDSTATUSCODES" \
		"${options[@]}" >sink.log 2>&1 &
	sink=$!
	pids+=("$sink")
	until_ grep -q '^listening' sink.log
}
sink_stop() {
	kill "$sink"
	wait "$sink" 2>/dev/null
}
# Where the systems send to: the sink itself, or what stands before it.
to_port=$sink_port
link_start() { # MILLISECONDS: a slow link before the sink's first address
	to_port=10026
	rm -f link.log
	slow-link "$1" 127.0.1.1 $to_port 127.0.1.1 $sink_port >link.log 2>&1 &
	link=$!
	pids+=("$link")
	until_ grep -q '^listening' link.log
}
link_stop() {
	kill "$link"
	wait "$link" 2>/dev/null
	to_port=$sink_port
}
# The I-th domain of N is dI.test by configuration, or pI$zone where it is found in DNS.
zone=
domains() { # DOMAINS: their names
	seq -f "$([ "$zone" ] && echo p || echo d)%g${zone:-.test}" "$1"
}
# plain.example and secure.example with p1..p100 in each.
world() {
	local i hash
	[ ! -e world/port ] || return 0
	mkdir -p world certs
	"$top/t/world/certs" certs mx.test >certs.log 2>&1 || { cat certs.log >&2 && return 1; }
	hash=$("$top/t/world/tlsa" certs/self.pem 3 1 1)
	for ((i = 1; i <= 100; i++)); do
		printf 'p%d MX 10 mx.p%d\nmx.p%d A 127.0.1.%d\n' $i $i $i $i | tee -a world/plain.add
		printf '_%d._tcp.mx.p%d TLSA %s\n' $sink_port $i "$hash"
	done >world/secure.add
	"$top/t/world/start" "$T/world" >world.out || { cat world.out >&2 && return 1; }
	pids+=("$(cat world/nsd.pid)")
	cat >unbound.conf <<-X
		server:
			interface: 127.0.0.53
			username: ""
			chroot: ""
			directory: "$T"
			pidfile: ""
			use-syslog: no
			do-not-query-localhost: no
			trust-anchor-file: "$T/world/anchor"
			module-config: "validator iterator"
		forward-zone:
			name: "."
			forward-addr: 127.0.0.1@$(cat world/port)
		remote-control:
			control-enable: no
	X
	printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\n' >resolv.conf
	mount --bind resolv.conf "$(realpath /etc/resolv.conf)"
}
resolver_answers() { drill -D @127.0.0.53 p1.secure.example MX | grep -q 'flags:.* ad'; }
resolver_start() {
	LD_LIBRARY_PATH=$(echo "$peers"/../lib/usr/lib/*-linux-gnu) "$peers/../unbound/usr/sbin/unbound" -d -c unbound.conf >unbound.log 2>&1 &
	resolver=$!
	pids+=("$resolver")
	until_ resolver_answers
}
resolver_stop() {
	kill "$resolver"
	wait "$resolver" 2>/dev/null
}
system_run() { # COMMAND...: in the background, measured
	rm -f cost
	measure "$T/cost" "$@" >system.log 2>&1 &
	system=$!
	pids+=("$system")
}
system_stop() {
	kill "$system"
	wait "$system" 2>/dev/null
}
# What the system costs so far, in $T/cost.
system_cost() {
	rm -f cost
	kill -USR1 "$system"
	until_ test -e cost
}

# ---- moxq ----

ours_conf() { # DOMAINS TLS
	local i
	echo 'hostname = "client.test"'
	printf '%s = 0\n' max-messages-per-day max-first-recipients-per-day
	echo "spool = \"$T/spool\""
	case $2 in
	fresh)
		set -- "$1" must
		echo 'site "*" { messages-per-connection = 1 }'
		;;
	one)
		set -- "$1" never
		echo 'site "*" { connections = 1 }'
		;;
	dns)
		echo "smtp-port = $sink_port"
		echo 'transport "loop" { type = direct loopback = true }'
		cat world/dns.conf
		echo 'route { transport = "loop" }'
		return
		;;
	esac
	for ((i = 1; i <= $1; i++)); do
		echo "transport \"t$i\" { type = smtp host = \"127.0.1.$i\" port = $to_port starttls = $2 }"
		echo "route { to = { \"d$i.test\" } transport = \"t$i\" }"
	done
}
ours_prepare() { # DOMAINS TLS
	rm -rf spool
	mkdir spool
	ours_conf "$@" >mox.conf
	export MOX_CONF=$T/mox.conf MOX_SPOOL=$T/spool
}
ours_stream() { # N DOMAINS [LINE]: what mox-queue-add -B reads, with a line more in each envelope
	local names
	mapfile -t names < <(domains "$2")
	python3 - "$1" message "${3-}" "${names[@]}" <<'P'
import sys
n, m, more, domains = int(sys.argv[1]), open(sys.argv[2], "rb").read(), sys.argv[3].encode(), [d.encode() for d in sys.argv[4:]]
more += b"\n" if more else b""
for i in range(n):
    sys.stdout.buffer.write(b"sender s@client.test\n%srcpt r%d@%s\nsize %d\nend\n" % (more, i, domains[i % len(domains)], len(m)) + m)
P
}
ours_load() { ours_stream "$@" | mox-queue-add -B >load.log || head -n 3 load.log >&2; }
ours_start() { system_run mox-runq -w; }
ours_ready() { until_ test -S spool/ctl; }
ours_stop() { system_stop; }
ours_sendmail() { echo "$MOX_BIN/mox-sendmail -i -f s@client.test"; }

# ---- Postfix ----

# Not as part of the start, which is measured.
postfix_configure() { MTA_PORT='' MTA_ONLY=configured "$top/t/peers/postfix-start" pf "${pf_args[@]}"; }
postfix_prepare() { # DOMAINS TLS
	local i tls
	rm -rf pf
	mkdir pf
	pf_args=(transport_maps="texthash:$T/pf/transport" default_transport=error message_size_limit=100000000)
	if [ "$2" = dns ]; then
		for i in $(domains "$1"); do echo "$i smtp:$i:$sink_port"; done >pf/transport
		pf_args+=(smtp_tls_security_level=dane smtp_dns_support_level=dnssec)
	else
		for ((i = 1; i <= $1; i++)); do echo "d$i.test smtp:[127.0.1.$i]:$to_port"; done >pf/transport
		case $2 in must | fresh) tls=encrypt ;; *) tls=none ;; esac
		pf_args+=("smtp_tls_security_level=$tls" smtp_dns_support_level=disabled)
		# By default it opens a connection for each message under TLS: the targets are against what it can.
		[ "$2" != must ] || pf_args+=(smtp_tls_connection_reuse=yes)
		[ "$2" != one ] || pf_args+=(smtp_destination_concurrency_limit=1 initial_destination_concurrency=1)
	fi
	export MTA_MORE='tlsproxy unix - - n - 0 tlsproxy'
	postfix_configure || return
	export MAIL_CONFIG=$T/pf/etc
}
# One message a domain through its smtpd, the queue manager taken away, and copies of these files: a name is all that a copy needs. With
# a third argument they go to deferred/, not to be tried before tomorrow.
postfix_load() { # N DOMAINS [deferred]
	local d
	MTA_PORT=2525 MTA_HOARD='#' "$top/t/peers/postfix-start" pf "${pf_args[@]}" in_flow_delay=0 >pf.out 2>&1 &
	system=$!
	until_ python3 -c 'import smtplib; smtplib.SMTP("127.0.0.1", 2525).quit()'
	for d in $(domains "$2"); do
		LD_LIBRARY_PATH=$peers/usr/lib/postfix "$peers/usr/sbin/smtp-source" -d -m 1 -l "$bytes" -f s@client.test -t "r@$d" 127.0.0.1:2525 || return 1
	done
	postfix_stop
	postfix_configure || return
	python3 - pf/spool "$1" "${3:-incoming}" <<'P'
import os, shutil, sys, time
spool, n, to = sys.argv[1], int(sys.argv[2]), sys.argv[3]
made = sorted(os.listdir(spool + "/incoming"))
owner = os.stat(spool + "/incoming").st_uid
when = time.time() + (86400 if to == "deferred" else 0)
files = [open(f"{spool}/incoming/{m}", "rb").read() for m in made]
times = os.stat(f"{spool}/incoming/{made[0]}")
for i in range(n):
    name = "%05X%05X" % (i * 37 % 0x100000, 0xB0000 + i)
    d = f"{spool}/{to}" + (f"/{name[0]}" if to == "deferred" else "")
    if not os.path.isdir(d):
        os.mkdir(d, 0o700)
        os.chown(d, owner, -1)
    fd = os.open(f"{d}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    os.write(fd, files[i % len(files)])
    os.fchown(fd, owner, -1)
    os.fchmod(fd, 0o700)
    os.close(fd)
    if to == "deferred":
        os.utime(f"{d}/{name}", (when, when))
for m in made:
    os.unlink(f"{spool}/incoming/{m}")
P
}
postfix_start() {
	LD_LIBRARY_PATH=$peers/usr/lib/postfix:$(echo "$peers"/../lib/usr/lib/*-linux-gnu) system_run "$peers/usr/lib/postfix/sbin/master" -d -c "$T/pf/etc"
}
postfix_ready() { until_ test -S pf/spool/public/pickup; }
postfix_stop() {
	system_stop
	# A socket that is left would pass for one that answers.
	rm -f pf/spool/pid/* pf/spool/public/* pf/spool/private/*
}
postfix_sendmail() { echo "$peers/usr/sbin/sendmail -i -f s@client.test"; }

# ---- dma, nullmailer: unpacked by t/peers/fetch-tool before the network was gone ----

dma_prepare() { # DOMAINS TLS [now]: mail stays in the queue, or is delivered at once
	rm -rf dma
	mkdir -p dma/spool
	chown mail:mail dma/spool
	cat >dma/dma.conf <<-X
		SMARTHOST 127.0.1.1
		PORT $to_port
		SPOOLDIR $T/dma/spool
		MAILNAME client.test
		$([ "${3-}" ] || echo DEFER)
	X
}
dma_sendmail() { echo "$tools/dma/usr/sbin/dma -i -f s@client.test"; }
dma_load() {
	local i
	for ((i = 0; i < $1; i++)); do $(dma_sendmail) r@d1.test <message || return 1; done
}
dma_start() { # it ends when its children do; where mail is to be delivered at once there is none
	sed -i '/^DEFER/d' dma/dma.conf
	system_run sh -c '"$1" -q; exec sleep infinity' - "$tools/dma/usr/sbin/dma"
}
dma_ready() { :; }
dma_stop() { system_stop; }

nullmailer_prepare() { # DOMAINS TLS
	rm -rf nm
	mkdir -p nm/conf nm/queue/queue nm/queue/tmp nm/queue/failed
	mkfifo nm/queue/trigger
	# Setuid programs do not look at the prefix.
	cp -r "$tools/nullmailer/usr/bin" "$tools/nullmailer/usr/sbin" nm
	cp -r "$tools/nullmailer/usr/lib/nullmailer" nm/protocols
	chmod u-s nm/*/*
	echo "127.0.1.1 smtp --port=$to_port" >nm/conf/remotes
	export NULLMAILER_TEST_PREFIX=$T/nm
}
nullmailer_start() { system_run nm/sbin/nullmailer-send; }
nullmailer_ready() { until_ grep -q 'Rescanning' system.log; }
nullmailer_stop() { system_stop; }
nullmailer_sendmail() { echo "nm/sbin/sendmail -i -f s@client.test"; }
