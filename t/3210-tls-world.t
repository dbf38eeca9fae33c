#!/bin/bash
# The whole way, mox-queue-add, mox-runq, mox-nexthop, mox-mtasts and mox-deliver, to each destination of the TLS world (t/world/destinations):
# NSD with a signed tree, Postfix with good and wrong certificates, nginx with policies.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/world/world.sh"
. "$TOP/t/world/tls.sh"
[ "$(id -u)" = 0 ] || skip_all "Postfix needs root"
MTA_PORT=$(free_port)
STS_PORT=$(free_port)
tls_world || { ok "the TLS world starts" false; done_testing; }
tls_conf mox.conf </dev/null
export MOX_CONF=$T/mox.conf

ok "ordinary mail: one pass" tls_send default
for d in "${DEST[@]}"; do
	is "$d: ${SHOWN[$d]}: ${VERDICT[$d]}" "$(verdict_of default "$d")" "${VERDICT[$d]}" || said_of default "$d" | diag
done
all_arrived() { # CLASS: what was sent, and nothing else
	local d
	for d in "${DEST[@]}"; do
		case $(verdict_of "$1" "$d") in
		later | no) [ "$(arrived "$d")" = 0 ] ;;
		*) [ "$(arrived "$d")" = 1 ] ;;
		esac || { echo "$d" && return 1; }
	done
}
ok "what was sent arrives, and nothing else" wait_until all_arrived default || all_arrived default | diag

ok "TLS-Required: No: one pass" tls_send no
for d in "${DEST[@]}"; do
	want=open
	[ "${SERVER[$d]}" != none ] || want=plain
	like "$d: T66 TLS-Required: No goes wherever there is a host, verified or not" "$(verdict_of no "$d")" "^($want|dane|pkix)$" || said_of no "$d" | diag
done
ok "and all of it arrives" wait_until all_arrived no || all_arrived no | diag

ok "REQUIRETLS: one pass" tls_send yes
for d in "${DEST[@]}"; do
	is "$d: T62 T63 REQUIRETLS, which no server here offers: ${SECURE[$d]}" "$(verdict_of yes "$d")" "${SECURE[$d]}" || said_of yes "$d" | diag
done
is "T62 nothing of it was sent" "$(find pf/mail -type f)" ""
done_testing
