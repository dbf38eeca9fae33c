#!/bin/bash
# posttls-finger -l dane, of Debian's Postfix, behind a validating Unbound, in a network of its own: what it says of each destination of the
# TLS world, and where our mail goes, is the same.
if [ -z "${MOXQ_INSIDE-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP a network namespace needs root"; exit 0; }
	unshare -n -m true 2>/dev/null || { echo "1..0 # SKIP no namespace can be made here"; exit 0; }
	MOXQ_INSIDE=1 exec unshare -n -m --propagation private "$0"
fi
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
. "$TOP/t/world/tls.sh"
ip link set lo up || skip_all "no loopback in the namespace"
MTA_PORT=25 STS_PORT=443
tls_world || { ok "the TLS world starts" false; done_testing; }
cat >unbound.conf <<X
server:
	interface: 127.0.0.53
	port: 53
	username: ""
	chroot: ""
	directory: "$T"
	pidfile: "$T/unbound.pid"
	use-syslog: no
	do-not-query-localhost: no
	trust-anchor-file: "$T/world/anchor"
	module-config: "validator iterator"
forward-zone:
	name: "."
	forward-addr: 127.0.0.1@$WORLD_PORT
remote-control:
	control-enable: no
X
LD_LIBRARY_PATH=$(echo "$PEERS"/lib/usr/lib/*-linux-gnu) start unbound "$PEERS/unbound/usr/sbin/unbound" -d -c unbound.conf
printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\n' >resolv.conf
mount --bind resolv.conf "$(realpath /etc/resolv.conf)" || skip_all "/etc/resolv.conf cannot be mounted over"
validates() { drill -D @127.0.0.53 ee.secure.example MX | grep -q 'flags:.* ad'; }
ok "Unbound validates" wait_until validates || diag <unbound.log

finger() { # DOMAIN
	LD_LIBRARY_PATH=$PEERS/postfix/usr/lib/postfix MAIL_CONFIG=$T/pf/etc timeout 60 "$PEERS/postfix/usr/sbin/posttls-finger" \
		-l dane -L summary,verbose -t 20 "$1" >"finger.$1" 2>&1
}
# It goes on to EHLO whatever it thinks of the certificate; what smtp(8) would do follows from the level it found.
finger_verdict() { # DOMAIN
	local f=finger.$1
	if grep -qE ': (Verified|Trusted) TLS connection' "$f"; then # Trusted: behind an insecure MX
		echo dane
	elif grep -q 'TLSA lookup error' "$f"; then
		echo later
	elif grep -q 'DNSSEC-signed TLSA record' "$f" && ! grep -q 'all TLSA records unusable' "$f"; then
		echo later
	elif grep -q ' TLS connection established' "$f"; then
		echo open
	elif grep -qE 'unsupported TLSA certificate usage|all TLSA records unusable' "$f"; then
		echo later
	elif grep -q '< 250' "$f"; then
		echo plain
	else
		echo nothing
	fi
}
export -f finger
export PEERS T
printf '%s\n' "${DOMAIN[@]}" | xargs -P 8 -I{} bash -c 'finger {}'

tls_conf mox.conf </dev/null
export MOX_CONF=$T/mox.conf
ok "our mail goes out" tls_send default
# Where the two differ knowingly: man/mox-deviations.7.
declare -A DIFFERS=([ta-self]=later)
for d in "${DEST[@]}"; do
	# It knows no policies, and no second host behind one that failed its check.
	[ -z "${POLICY[$d]}" ] || continue
	[ "$d" != two ] || continue
	got=$(finger_verdict "${DOMAIN[$d]}")
	is "$d: ${SHOWN[$d]}: Postfix says ${DIFFERS[$d]-the same}" "$got $(verdict_of default "$d")" "${DIFFERS[$d]-$got} ${VERDICT[$d]}" ||
		diag <"finger.${DOMAIN[$d]}"
	[ -n "${DIFFERS[$d]-}" ] || is "$d: and so do we" "$got" "$(verdict_of default "$d")"
done
ok "where they differ is written down" grep -q 'A DANE-TA record may name the server' "$TOP/man/mox-deviations.7"
done_testing
