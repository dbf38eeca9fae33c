#!/bin/bash
# mox-doctor transport on MTA-STS, with nginx and mox-mtasts.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
"$TOP/t/peers/fetch" >/dev/null 2>fetch.err || skip_all "$(cat fetch.err)"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
mkdir world web spool spool/sts
for d in good testing expired half; do
	printf '%s MX 10 mx.%s\nmx.%s A 192.0.2.50\nmta-sts.%s A 127.0.0.1\n_mta-sts.%s 0 TXT "v=STSv1; id=1;"\n' $d $d $d $d $d
done >world/plain.add
printf 'half MX 20 mx.good\n_smtp._tls.good TXT "v=TLSRPTv1; rua=mailto:tls@good.plain.example"\n' >>world/plain.add
world_start
"$TOP/t/world/certs" certs mta-sts.{good,testing,expired,half}.plain.example >/dev/null || skip_all "no certificates"
policy() { # DOMAIN MODE
	mkdir -p "web/www/mta-sts.$1.plain.example/.well-known"
	printf 'version: STSv1\nmode: %s\nmx: mx.%s.plain.example\nmax_age: 604800\n' "$2" "$1" >"web/www/mta-sts.$1.plain.example/.well-known/mta-sts.txt"
	printf 'mta-sts.%s.plain.example %s\n' "$1" "$T/certs/$3" >>web/servers
}
policy good enforce good
policy testing testing good
policy expired enforce expired
policy half enforce good
HTTPS_PORT=$(free_port)
export HTTPS_PORT
start nginx "$TOP/t/peers/nginx-start" "$T/web"
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$HTTPS_PORT"); }
wait_until listening || { cat nginx.log; echo 'Bail out! nginx does not start'; exit 1; }
{
	cat world/dns.conf
	printf 'spool = "%s"\nsts { port = %s ca-file = "%s" loopback = true timeout = 5s }\n' "$T/spool" "$HTTPS_PORT" "$T/certs/ca.pem"
} >mox.conf
export MOX_CONF=$T/mox.conf
doctor() { mox-doctor transport "$@" >out 2>err; rc=$?; }

doctor good.plain.example
is 'T35 enforce' "$rc $(head -1 out)" '0 mail to good.plain.example is sent with MTA-STS: over TLS, to servers whose certificate is good for their name'
is 'T35 the policy' "$(sed -n '/^mta-sts/,/^requiretls/p' out)" 'mta-sts        enforce, servers mx.good.plain.example, kept for 7 days, id 1
tlsrpt         mailto:tls@good.plain.example
requiretls     not known whether such mail can go there'
doctor half.plain.example
is 'T36 a server that the policy does not name' "$(sed -n '/^server *mx.good/,/^mta-sts/p' out | grep -v addresses)" \
	'server         mx.good.plain.example: no mail is sent to it
  tlsa         none
  ! The MTA-STS policy does not name it: no mail is sent to it.
mta-sts        enforce, servers mx.half.plain.example, kept for 7 days, id 1'
doctor testing.plain.example
is 'T63 testing' "$(grep -c 'is encrypted when\|^  - The policy is being tested\|^requiretls *such mail cannot' out)" 3
doctor expired.plain.example
like 'a policy host with a certificate that ran out' "$(cat out)" '  ! The policy cannot be fetched: .*\(sts-webpki-invalid\)\.'
doctor -j good.plain.example
is 'JSON' "$(python3 -c 'import json,sys
d = json.load(sys.stdin); m = d["mta-sts"]; print(d["protection"], m["mode"], m["id"], m["record-id"], m["mx"], m["result"])' <out)" \
	"sts enforce 1 1 ['mx.good.plain.example'] None"
is 'nothing is complained of' "$(cat err)" ''
done_testing
