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
tls_conf mox.conf <<X
transport "smart" { type = smtp host = "mx.ee.secure.example" port = $MTA_PORT }
transport "fool" { type = smtp host = "mx.ee-none.secure.example" port = $MTA_PORT }
X
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

sums() { sed -n 's/^tls [0-9]* \([^ ]* [^ ]* [^ ]*\).*/\1/p' "spool.$1"/tlsrpt/* | sort -u; }
ok "T51 T53 T54 T55 every outcome is counted under its own name" diff <(grep -v '^#' "$TOP/t/world/results") <(sums default)
like "T53 with what RFC 8460 wants to be told" "$(grep ' sts sts-other.plain.example ' spool.default/tlsrpt/*)" \
	'^tls 1 sts [^ ]* certificate-host-mismatch mx=mx\.sts-other\.plain\.example helo=postfix\.test from=127\.[0-9.]* to=127\.0\.1\.[0-9]* reason=[^ ]* mxp=mx\.sts-other\.plain\.example policy=version:\\x20STSv1 policy=mode:\\x20enforce '
for d in refused expired shared-loop; do
	like "$d: T1 T2 the log says which host was left out, and why" "$(grep event=host-skipped runq.default)" "mx\.$d\.secure\.example is left out: unable to look up TLSA"
done
like "T29 a policy that could not be had is in the log" "$(grep 'event=sts-failed.*sts-trust' runq.default)" 'result=sts-webpki-invalid'

export MOX_SPOOL=$T/spool.smart
mkdir "$MOX_SPOOL"
tls_queue smart good r@no-record-no.secure.example --transport smart
tls_queue smart bad r@no-record-no.secure.example --transport fool
tls_queue smart literal "r@[${IP[ee-none]}]"
tls_queue smart requiretls r@no-record-no.secure.example --transport smart --requiretls yes
ok "by a configured host, and to an address: one pass" tls_pass smart
is "T21 a configured host with good records: DANE" "$(verdict_of smart good)" dane
is "T21 a configured host with records of another key: later" "$(verdict_of smart bad)" later
is "T22 an address has no records" "$(verdict_of smart literal)" open
is "T68 REQUIRETLS by a configured host that does not offer it" "$(verdict_of smart requiretls)" no
like "T68 and the text says so" "$(said_of smart requiretls)" 'text="[^"]*REQUIRETLS'

ok "TLS-Required: No: one pass" tls_send no
for d in "${DEST[@]}"; do
	want=open
	[ "${SERVER[$d]}" != none ] || want=plain
	like "$d: T66 TLS-Required: No goes wherever there is a host, verified or not" "$(verdict_of no "$d")" "^($want|dane|pkix)$" || said_of no "$d" | diag
done
ok "and all of it arrives" wait_until all_arrived no || all_arrived no | diag

like "T66 what failed is counted all the same" "$(sums no)" 'tlsa mx\.ee-none\.secure\.example validation-failure'

ok "REQUIRETLS: one pass" tls_send yes
for d in "${DEST[@]}"; do
	is "$d: T62 T63 REQUIRETLS, which no server here offers: ${SECURE[$d]}" "$(verdict_of yes "$d")" "${SECURE[$d]}" || said_of yes "$d" | diag
done
is "T62 nothing of it was sent" "$(find pf/mail -type f)" ""
done_testing
