# shellcheck shell=bash disable=SC2034
# Sourced behind t/lib.sh and t/world/world.sh: the TLS world. tls_world starts the DNS world, one Postfix with a server for each line of
# t/world/destinations, and nginx for the policies, and waits until all answer. Needs root. Before it: MTA_PORT and STS_PORT, free on all
# of 127.0.1.0/24. It sets DEST (the names in order) and, by name, DOMAIN, SERVER, RECORDS, POLICY, VERDICT, SECURE, SHOWN, IP.
#   tls_conf FILE           a configuration of moxq for this world; more lines from standard input
#   tls_send CLASS          in spool CLASS, one pass for one message to each destination: default, no (TLS-Required), yes (REQUIRETLS)
#   tls_queue CLASS NAME RECIPIENT [OPTION...]  one more message, in $MOX_SPOOL
#   said_of CLASS NAME      what the log says of it;  verdict_of CLASS NAME: one of the table's words, or "sent" of none of them
#   arrived NAME            how many messages came there
declare -A DOMAIN SERVER RECORDS POLICY VERDICT SECURE SHOWN IP ID TLSA
DEST=()
tls_destinations() {
	local name zone server records verdict secure shown n=10
	while IFS='|' read -r name zone server records verdict secure shown; do
		case $name in '#'* | '') continue ;; esac
		read -r name <<<"$name"
		DEST+=("$name")
		read -r zone <<<"$zone"
		DOMAIN[$name]=$name.$zone.example
		read -r "SERVER[$name]" <<<"$server"
		read -r "RECORDS[$name]" <<<"${records%%;*}"
		POLICY[$name]=
		case $records in *';'*) read -r "POLICY[$name]" <<<"${records##*; sts }" ;; esac
		read -r "VERDICT[$name]" <<<"$verdict"
		read -r "SECURE[$name]" <<<"$secure"
		SHOWN[$name]=${shown# }
		IP[$name]=127.0.1.$((n++))
	done <"$TOP/t/world/destinations"
}
tlsa_lines() { # OWNER RECORDS
	local list r key
	IFS=, read -ra list <<<"$2"
	for r in "${list[@]}"; do
		read -ra r <<<"$r"
		key=${r[*]:1}
		case ${r[3]} in
		=*) TLSA[$key]=${r[3]#=} ;;
		esac
		[ -n "${TLSA[$key]-}" ] ||
			TLSA[$key]=$("$TOP/t/world/tlsa" "certs/${r[3]}.pem" 0 "${r[1]/[2-9]/1}" "${r[2]/[3-9]/1}" | cut -d' ' -f4)
		echo "$1 TLSA ${r[0]} ${r[1]} ${r[2]} ${TLSA[$key]}"
	done
}
# What the destinations made by hand are: standard output into secure.example, descriptor 4 into plain.example.
tls_by_hand() {
	local p=_$MTA_PORT._tcp
	cat <<-X
		refused MX 10 mx.refused
		mx.refused A ${IP[refused]}
		$p.mx.refused CNAME x.fail.example.
		expired MX 10 mx.expired
		mx.expired A ${IP[expired]}
		$p.mx.expired CNAME a.expired.example.
		cname MX 10 mx.cname
		mx.cname CNAME target.cname
		target.cname A ${IP[cname]}
		$(tlsa_lines $p.target.cname "3 1 1 self")
		$(tlsa_lines $p.mx.cname "3 1 1 foreign")
		cname-own MX 10 mx.cname-own
		mx.cname-own CNAME target.cname-own
		target.cname-own A ${IP[cname-own]}
		$(tlsa_lines $p.mx.cname-own "3 1 1 self")
		shared MX 10 mx.shared
		mx.shared A ${IP[shared]}
		$p.mx.shared CNAME tlsa.shared
		$(tlsa_lines tlsa.shared "3 1 1 self")
		shared-in MX 10 mx.shared-in
		mx.shared-in A ${IP[shared-in]}
		$p.mx.shared-in CNAME tlsa.shared-in.plain.example.
		shared-loop MX 10 mx.shared-loop
		mx.shared-loop A ${IP[shared-loop]}
		$p.mx.shared-loop CNAME l1.shared-loop
		l1.shared-loop CNAME l2.shared-loop
		l2.shared-loop CNAME l1.shared-loop
		lone A ${IP[lone]}
		$(tlsa_lines $p.lone "3 1 1 self")
		nick CNAME ta-mid
		two MX 10 mx.ee-none
		two MX 20 mx.no-record
	X
	{
		echo 'over MX 10 mx.ee.secure.example.'
		echo 'over-none MX 10 mx.ee-none.secure.example.'
		tlsa_lines tlsa.shared-in "3 1 1 foreign"
	} >&4
}
tls_zones() {
	local d file
	mkdir -p world
	for d in "${DEST[@]}"; do
		file=world/${DOMAIN[$d]#*.}
		file=${file%.example}.add
		if [ "${RECORDS[$d]}" != "by hand" ]; then
			printf '%s MX 10 mx.%s\nmx.%s A %s\n' "$d" "$d" "$d" "${IP[$d]}"
			tlsa_lines "_$MTA_PORT._tcp.mx.$d" "${RECORDS[$d]}"
		fi >>"$file"
		[ -z "${POLICY[$d]}" ] || printf '_mta-sts.%s TXT "v=STSv1; id=1;"\nmta-sts.%s A 127.0.1.1\n' "$d" "$d" >>"$file"
	done
	tls_by_hand >>world/secure.add 4>>world/plain.add
}
tls_postfix() {
	local d c more=
	mkdir -p pf
	for d in certs/*.key; do
		c=$(basename "$d" .key)
		cat "$d" "certs/$c.pem" >"pf/$c.pem"
	done
	for d in "${DEST[@]}"; do
		echo "r@${DOMAIN[$d]} $d/" >>pf/mailboxes
		c=${SERVER[$d]}
		[ "$c" = - ] || more+="${IP[$d]}:$MTA_PORT inet n - n - - smtpd -o "
		case $c in
		-) ;;
		none) more+=smtpd_tls_security_level=none$'\n' ;;
		*) more+=smtpd_tls_chain_files=$T/pf/$c.pem$'\n' ;;
		esac
	done
	# SNI of one host is answered with another certificate than the server's own.
	mkdir -p pf-map && printf 'mail_owner = news\nsetgid_group = uucp\ndefault_privs = nobody\n' >pf-map/main.cf
	echo "mx.sni.secure.example $T/pf/self.pem" >pf/sni
	LD_LIBRARY_PATH=$PEERS/postfix/usr/lib/postfix MAIL_CONFIG=$T/pf-map "$PEERS/postfix/usr/sbin/postmap" -F "hash:$T/pf/sni" >postmap.log 2>&1
	MTA_PORT='' MTA_MORE=$more start postfix "$TOP/t/peers/postfix-start" pf smtpd_tls_security_level=may "tls_server_sni_maps=hash:$T/pf/sni" "$@"
}
tls_policies() {
	local d mode pattern root
	mkdir -p https
	chmod 755 https
	for d in "${DEST[@]}"; do
		[ "${POLICY[$d]}" ] || continue
		read -r mode pattern <<<"${POLICY[$d]}"
		[ "$pattern" != own ] || pattern=mx.${DOMAIN[$d]}
		root=https/mta-sts.${DOMAIN[$d]}/.well-known
		mkdir -p "$root"
		case $mode in
		missing | moved) continue ;;
		garbage) echo '<html>This domain is parked.</html>' >"$root/mta-sts.txt" && continue ;;
		untrusted) mode=enforce ;;
		esac
		printf 'version: STSv1\nmode: %s\n%smax_age: 604800\n' "$mode" "$([ "$pattern" = - ] || printf 'mx: %s\\n' "$pattern")" | sed 's/\\n/\n/' >"$root/mta-sts.txt"
	done
	cat >nginx.conf <<-X
		daemon off;
		master_process off;
		pid $T/nginx.pid;
		error_log $T/nginx.err;
		events { }
		http {
			access_log $T/nginx.access;
			client_body_temp_path $T/https;
			proxy_temp_path $T/https;
			fastcgi_temp_path $T/https;
			uwsgi_temp_path $T/https;
			scgi_temp_path $T/https;
			default_type text/plain;
			server {
				listen 127.0.1.1:$STS_PORT ssl;
				ssl_certificate $T/certs/good.pem;
				ssl_certificate_key $T/certs/good.key;
				root $T/https/\$host;
			}
			server {
				listen 127.0.1.1:$STS_PORT ssl;
				server_name mta-sts.sts-trust.plain.example;
				ssl_certificate $T/certs/foreign.pem;
				ssl_certificate_key $T/certs/foreign.key;
				root $T/https/\$host;
			}
			server {
				listen 127.0.1.1:$STS_PORT ssl;
				server_name mta-sts.sts-moved.plain.example;
				ssl_certificate $T/certs/good.pem;
				ssl_certificate_key $T/certs/good.key;
				return 302 https://mta-sts.sts-good.plain.example:$STS_PORT/.well-known/mta-sts.txt;
			}
		}
	X
	LD_LIBRARY_PATH=$(echo "$PEERS"/lib/usr/lib/*-linux-gnu) start nginx "$PEERS/nginx/usr/sbin/nginx" -e "$T/nginx.err" -c "$T/nginx.conf"
}
tls_answers() { # each greets
	python3 - "$MTA_PORT" "$STS_PORT" "$@" <<-'P'
		import socket, sys
		for a in sys.argv[3:]:
		    s = socket.create_connection((a, int(sys.argv[1])), 2)
		    s.recv(100)
		    s.sendall(b"QUIT\r\n")
		socket.create_connection(("127.0.1.1", int(sys.argv[2])), 2)
	P
}
tls_world() {
	local d names=(mx.ta-wild.secure.example) greet=()
	PEERS=$("$TOP/t/peers/fetch" 2>peers.log) || skip_all "$(cat peers.log)"
	chmod 711 "$T" # Postfix's users must get through
	tls_destinations
	for d in "${DEST[@]}"; do
		names+=("mx.${DOMAIN[$d]}")
		[ -z "${POLICY[$d]}" ] || names+=("mta-sts.${DOMAIN[$d]}")
		[ "${SERVER[$d]}" = - ] || greet+=("${IP[$d]}")
	done
	# The wildcard is made for the first name's siblings.
	"$TOP/t/world/certs" certs "${names[@]}" >certs.log 2>&1 || { diag <certs.log; return 1; }
	printf 'cn = "mx.sts-cn.plain.example"\nsigning_key\ntls_www_server\nexpiration_days = 9\n' >cn.tmpl
	certtool --generate-certificate --load-privkey certs/cnonly.key --load-ca-certificate certs/mid.pem --load-ca-privkey certs/mid.key \
		--template cn.tmpl 2>cn.err | cat - certs/mid.pem >certs/cnonly.pem
	tls_zones
	world_start
	tls_postfix "$@"
	tls_policies
	wait_until tls_answers "${greet[@]}" || { cat postfix.log pf/log nginx.log nginx.err | diag; return 1; }
}
arrived() { find "pf/mail/$1/new" -type f 2>/dev/null | wc -l; }

tls_conf() { # FILE
	{
		cat <<-X
			hostname = "client.test"
			smtp-port = $MTA_PORT
			ca-file = "$T/certs/ca.pem"
			idle = "0s"
			sts { port = $STS_PORT loopback = true timeout = "5s" }
			timeouts { connect = "5s" greeting = "10s" quit = "1s" }
			transport "loop" { type = direct loopback = true }
		X
		cat world/dns.conf -
		echo 'route { transport = "loop" }'
	} >"$1"
}
tls_queue() { # CLASS NAME RECIPIENT [OPTION...]: a message, to be asked for as NAME
	local id
	id=$(printf 'Subject: %s\n\n%s\n' "$2" "$1" | mox-queue-add -f s@client.test "${@:4}" "$3") && ID[$1/$2]=${id#id }
}
tls_pass() { timeout 100 mox-runq 2>"runq.$1"; } # CLASS
tls_send() { # CLASS
	local d how=()
	export MOX_SPOOL=$T/spool.$1
	mkdir -p "$MOX_SPOOL"
	rm -rf pf/mail/*
	[ "$1" = default ] || how=(--requiretls "$1")
	for d in "${DEST[@]}"; do tls_queue "$1" "$d" "r@${DOMAIN[$d]}" "${how[@]}" || return; done
	tls_pass "$1"
}
said_of() { grep -E " event=(sent|later|never) id=${ID[$1/$2]}\.1 " "runq.$1" | tail -n 1; }
verdict_of() {
	local line
	line=$(said_of "$1" "$2")
	case $line in
	*event=later*) echo later ;;
	*event=never*status=5.7.30*) echo no ;;
	*event=never*) echo never ;;
	*event=sent*verified=dane*) echo dane ;;
	*event=sent*verified=pkix*) echo pkix ;;
	*event=sent*tls=none*) echo plain ;;
	*event=sent*verified=none*) echo open ;;
	*) echo "nothing" ;;
	esac
}
