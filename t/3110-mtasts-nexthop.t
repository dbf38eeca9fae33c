#!/bin/bash
# MTA-STS from the TXT record to the plan: a DNS world, nginx with what policy hosts do right and wrong, mox-nexthop and mox-mtasts.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
"$TOP/t/peers/fetch" >/dev/null 2>fetch.err || skip_all "$(cat fetch.err)"

# ---- the world: each domain has an MX host of its own, a record and a policy host ----
domains="good testing none wild cn expired other foreign slow drip redirect missing html big garbage nomx early stranger half many gone refresh
	newid broken cname drip2 drip3 aside hub"
mkdir world web spool spool/sts
{
	for d in $domains; do
		printf '%s MX 10 mx.%s\n%s MX 20 mx.elsewhere\nmx.%s A 192.0.2.50\nmta-sts.%s A 127.0.0.1\n' $d $d $d $d $d
		printf '_mta-sts.%s 0 TXT "v=STSv1; id=1;"\n' $d
	done | sed '/^_mta-sts.cname/d; /^mta-sts.aside/s/127.0.0.1/127.0.9.1/'
	cat <<-'Z'
		mx.elsewhere A 192.0.2.51
		_mta-sts.cname CNAME _mta-sts.good
		plain MX 10 mx.good
		two MX 10 mx.good
		_mta-sts.two TXT "v=STSv1; id=1;"
		_mta-sts.two TXT "v=STSv1; id=2;"
		noweb MX 10 mx.good
		_mta-sts.noweb TXT "v=STSv1; " "id=1;"
		private MX 10 mx.good
		mta-sts.private A 224.0.0.1
		_mta-sts.private TXT "v=STSv1; id=1;"
		dnsfail MX 10 mx.good
		_mta-sts.dnsfail CNAME x.fail.example.
		alias CNAME good
		hub A 192.0.2.60
		half A 192.0.2.61
		dnsfail A 192.0.2.62
		sub.good MX 10 mx.other
	Z
} >world/plain.add
world_start
certs=$T/certs
# shellcheck disable=SC2046
"$TOP/t/world/certs" certs mta-sts.wild.plain.example $(for d in $domains; do echo mta-sts.$d.plain.example; done) >/dev/null ||
	skip_all 'no certificates'
"$TOP/t/world/certs" certs-cn mta-sts.cn.plain.example >/dev/null
cat certs/ca.pem certs-cn/ca.pem >authorities

policy() { # DOMAIN TEXT
	mkdir -p "web/www/mta-sts.$1.plain.example/.well-known"
	printf '%b' "$2" >"web/www/mta-sts.$1.plain.example/.well-known/mta-sts.txt"
}
enforce() { # DOMAIN MX...: the policy text, served
	local d=$1
	shift
	policy "$d" "version: STSv1\nmode: enforce\n$(printf 'mx: %s\\n' "$@")max_age: 604800\n"
}
server() { # DOMAIN CERTIFICATE [DIRECTIVES]
	printf 'mta-sts.%s.plain.example %s %s\n' "$1" "$2" "${3:-}" >>web/servers
}
for d in $domains; do
	enforce "$d" "*.$d.plain.example" mx.elsewhere.plain.example
	case $d in
	wild) server $d "$certs/wildcard" ;;
	cn) server $d "$T/certs-cn/cnonly" ;;
	expired | other | foreign) server $d "$certs/$d" ;;
	drip*) server $d "$certs/good" 'limit_rate 5;' ;;
	redirect) server $d "$certs/good" "return 302 https://mta-sts.good.plain.example/.well-known/mta-sts.txt;" ;;
	missing) server $d "$certs/good" 'return 404;' ;;
	html) server $d "$certs/good" 'default_type text/html;' ;;
	early) server $d "$certs/future" ;;
	*) server $d "$certs/good" ;;
	esac
done
enforce stranger mx.nobody.example
enforce hub hub.plain.example
enforce half mx.half.plain.example
policy testing 'version: STSv1\r\nmode: testing\r\nmx: mx.testing.plain.example\r\nmax_age: 86400\r\n'
policy none 'version: STSv1\nmode: none\nmax_age: 86400\n'
policy garbage '<html>Welcome to our network</html>'
policy nomx 'version: STSv1\nmode: enforce\nmax_age: 86400\n'
policy big "version: STSv1\nmode: enforce\nmx: mx.big.plain.example\nmax_age: 86400\n$(printf 'x: %065600d' 0)\n"
HTTPS_PORT=$(free_port)
sed -i "/^mta-sts.aside/s/\$/ listen 127.0.9.1:$HTTPS_PORT ssl;/" web/servers
export HTTPS_PORT
start nginx "$TOP/t/peers/nginx-start" "$T/web"
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$HTTPS_PORT"); }
wait_until listening || { cat nginx.log; echo 'Bail out! nginx does not start'; exit 1; }
hits() { grep -c "^mta-sts.$1.plain.example " web/access; } # requests that came

{
	cat world/dns.conf
	printf 'spool = "%s"\nsts { port = %s ca-file = "%s" loopback = true }\n' "$T/spool" "$HTTPS_PORT" "$T/authorities"
} >mox.conf
export MOX_CONF=$T/mox.conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock
plan() { mox-nexthop "$@" 2>err; }
sts() { plan "$1.plain.example" | grep -e ^sts -e ^tls -e ^later | sed 's/\\x20/ /g'; } # policy, results and refusal in the plan
hop() { plan "$1.plain.example" | sed -n 's/^hop \([^ ]*\)\.plain\.example .*dnssec=insecure \(.*\)/\1 \2/p'; }
ask() { # N DOMAIN [line...]
	local n=$1 d=$2
	shift 2
	printf 'ask %s\ndomain %s.plain.example\n' "$n" "$d"
	[ $# = 0 ] || printf '%s\n' "$@"
	echo end
}
zone() { # SED-SCRIPT NAME TEXT: changes the zone, until the name's TXT has the text (or has not, with !)
	local n
	n=$(sed -n 's/.*root\.example\. \([0-9]*\) .*/\1/p' world/plain.example.zone)
	sed -i "$1; s/root\.example\. $n /root.example. $((n + 1)) /" world/plain.example.zone
	kill -HUP "$(cat world/nsd.pid)"
	there() { PATH=$PATH:/usr/sbin drill -p "$WORLD_PORT" @127.0.0.1 "$1.plain.example" TXT | grep -v '^;;' | grep -q "$2"; }
	if [ "${3#!}" = "$3" ]; then wait_until there "$2" "$3"; else wait_until eval "! there '$2' '${3#!}'"; fi
}

# ---- what a policy makes of a plan ----
is 'T35 enforce: both hosts are named and must prove themselves' "$(hop good)" 'mx.good tls=sts
mx.elsewhere tls=sts'
is 'T39 same id: no second request' "$(sts good; sts good >/dev/null; hits good)" \
	'sts enforce domain=good.plain.example id=1 max-age=604800 mx=*.good.plain.example mx=mx.elsewhere.plain.example
1'
is 'T34 a host outside an enforced policy is skipped' "$(hop half)" 'mx.half tls=sts'
like 'T34 all are: later, and counted' "$(sts stranger)" \
	'^later 4\.7\.5 .*tls sts stranger.plain.example validation-failure reason=.* mxp=mx.nobody.example policy=version: STSv1 policy=mode: enforce policy=mx: mx.nobody.example policy=max_age: 604800'
is 'T36 testing: all hosts, strangers marked' "$(hop testing)" 'mx.testing tls=may
mx.elsewhere tls=may sts=no'
is 'T37 none: as no policy' "$(hop none; sts none)" 'mx.none tls=may
mx.elsewhere tls=may'
is 'T27 two records: no policy' "$(sts two)" ''
is 'T42 the policy of the domain, not of what it is an alias for' "$(sts alias)" ''
is 'T42 nor of its parent' "$(sts sub.good)" ''
is 'T28 the record is an alias itself' "$(sts cname | cut -d' ' -f1-3)" 'sts enforce domain=cname.plain.example'
is 'T42 a relay has its own, not that of a domain' "$(plan -r -p 25 mx.good.plain.example | grep -c ^sts)" 0
relay() { plan -r -p 25 "$@" | grep -e ^sts -e ^hop -e ^later | sed 's/\\x20/ /g'; }
is 'T42 ... which it must prove itself by' "$(relay hub.plain.example)" \
	'sts enforce domain=hub.plain.example id=1 max-age=604800 mx=hub.plain.example
hop hub.plain.example pref=0 port=25 dnssec=insecure tls=sts'
like 'T42 ... which must name it' "$(relay half.plain.example)" '^later 4\.7\.5 the MTA-STS policy of half.plain.example names none'
is 'T46 ... but need not be found: its mail does not wait for that' "$(relay dnsfail.plain.example)" 'hop dnsfail.plain.example pref=0 port=25 dnssec=insecure tls=may'
is 'T42 ... of two none' "$(printf 'ask 1\nhost hub.plain.example mx.elsewhere.plain.example\nport 25\nend\n' | plan -w | grep -e ^sts -e ^hop)" \
	'hop hub.plain.example pref=0 port=25 dnssec=insecure tls=may
hop mx.elsewhere.plain.example pref=1 port=25 dnssec=insecure tls=may'
is 'no record, nothing kept: no policy, and mox-mtasts is not even run' "$(sts plain; wc -l <err)" 0

# ---- what policy hosts do wrong ----
is 'T29 a wildcard certificate is good' "$(hop wild | head -1)" 'mx.wild tls=sts'
bad() { # NAME DOMAIN RESULT WHY
	like "$1" "$(sts "$2")" "^tls sts $2.plain.example $3 reason=$4"
}
bad 'T29 a common name alone is not' cn sts-webpki-invalid '.*another name'
bad 'T29 expired' expired sts-webpki-invalid ''
bad 'T29 not valid yet' early sts-webpki-invalid ''
bad 'T29 another name' other sts-webpki-invalid ''
bad 'T29 an authority nobody trusts' foreign sts-webpki-invalid ''
bad 'T30 a redirect, though its target is fine' redirect sts-policy-fetch-error '.*302'
is 'T30 which was not followed' "$(hits good)" 1
bad 'T30 404' missing sts-policy-fetch-error '.*404'
bad 'T30 text/html' html sts-policy-fetch-error '.*text/html'
bad 'T31 a body above 64 kB' big sts-policy-fetch-error ''
bad 'T47 garbage: as no policy, and counted' garbage sts-policy-invalid '.*KEY: VALUE'
bad 'T32 enforce without mx' nomx sts-policy-invalid 'no mx'
bad 'no policy host' noweb sts-policy-fetch-error '.*no address'
bad 'T96 an address where no policy can be' private sts-policy-fetch-error ''
sed 's/loopback = true//' mox.conf >strict.conf
rm spool/sts/wild.plain.example
like 'T96 nor this machine, unless that is allowed' "$(plan -C strict.conf wild.plain.example)" 'tls sts wild.plain.example sts-policy-fetch-error .*loopback'
sed "s,$T/authorities,$T/nowhere.pem," mox.conf >nobody.conf
rm spool/sts/wild.plain.example
like 'no authorities: nobody is believed' "$(plan -C nobody.conf wild.plain.example; cat err)" 'sts-webpki-invalid .*event=no-authorities'
rm spool/sts/wild.plain.example
is 'T47 mail goes' "$(hop garbage | head -1)" 'mx.garbage tls=may'
like 'a failure is in the log' "$(rm -f spool/sts/html.plain.example; plan html.plain.example >/dev/null; cat err)" \
	'level=warn event=sts-failed domain=html.plain.example result=sts-policy-fetch-error .*policy=none'

# ---- many at once, and slowly ----
for ((i = 1; i <= 100; i++)); do ask $i many "port $i"; done >many.ask
is 'T40 a hundred plans' "$(mox-nexthop -w <many.ask 2>err | grep -c '^sts enforce')" 100
is 'T40 are one fetch' "$(hits many)" 1
is 'T40 a failed fetch is not repeated at once' "$(sts missing >/dev/null; hits missing)" 1
echo 200 >clock
is 'T40 nor within five minutes' "$(sts missing | cut -d' ' -f1-4; hits missing)" 'tls sts missing.plain.example sts-policy-fetch-error
1'
echo 400 >clock
is 'T40 but then' "$(sts missing | cut -d' ' -f1-4; hits missing)" 'tls sts missing.plain.example sts-policy-fetch-error
2'
echo 0 >clock
rm spool/sts/good.plain.example
sed 's/loopback = true/& timeout = 3s/' mox.conf >hasty.conf
{
	ask 1 drip
	ask 2 good
} | mox-nexthop -C hasty.conf -w 2>err >both
is 'T31 a server that drips holds up nobody' "$(grep ^ask both)" 'ask 2
ask 1'
like 'T31 and is cut off' "$(tr -d '\n' <both)" 'ask 1.*tls sts drip.plain.example sts-policy-fetch-error reason=.*timed'
sed -i 's/^id 1/id 0/' spool/sts/good.plain.example
rm spool/sts/drip.plain.example
clients() { awk -v port="0100007F:$(printf %04X "$HTTPS_PORT")" '$3 == port && $4 == "01" { n++ } END { print n + 0 }' /proc/net/tcp; }
two() { [ "$(clients)" = 2 ]; }
{
	ask 1 drip
	ask 2 drip2
	ask 3 drip3
	wait_until two
	ask 4 good
	ask 5 aside
	wait_until grep -q '^ask 5' five
	clients >clients
} | mox-nexthop -C hasty.conf -w 2>err >five
is 'T31 T40 servers that drip hold up their own /24 only, and no policy that is kept' "$(grep ^ask five | head -2 | sort)" 'ask 4
ask 5'
is 'T31 T40 which is the old one then' "$(grep -o 'enforce domain=good.plain.example id=[0-9]*' five)" 'enforce domain=good.plain.example id=0'
is 'T31 two of a /24 at once' "$(cat clients)" 2
is 'T31 the third behind them' "$(grep -c '^tls sts drip.*fetch-error' five)" 3
is 'T39 and the new one when there is a place' "$(sts good | cut -d' ' -f4)" id=1

# ---- time and change ----
policy gone 'version: STSv1\nmode: enforce\nmx: mx.gone.plain.example\nmax_age: 10000\n'
sts gone >/dev/null
zone '/_mta-sts.gone /d' _mta-sts.gone '!id=1'
is 'T38 the record is gone: the policy stays' "$(sts gone | cut -d' ' -f1-2)" 'sts enforce'
echo 9000 >clock
is 'T38 while it lasts' "$(sts gone | cut -d' ' -f1-2)" 'sts enforce'
echo 10001 >clock
is 'T38 and no longer' "$(sts gone)" ''
echo 0 >clock

is 'a first policy' "$(sts newid | cut -d' ' -f2-4)" 'enforce domain=newid.plain.example id=1'
policy newid 'version: STSv1\nmode: none\nmax_age: 86400\n'
is 'T39 not looked at while the id is the same' "$(sts newid | cut -d' ' -f2)" enforce
zone 's/\(_mta-sts.newid .*id=\)1/\12/' _mta-sts.newid id=2
is 'T39 T37 new id: none replaces enforce at once' "$(sts newid; hop newid | head -1; hits newid)" 'mx.newid tls=may
2'
zone 's/\(_mta-sts.newid .*id=\)2/\13/' _mta-sts.newid id=3
enforce newid '*.newid.plain.example'
is 'T39 and back' "$(sts newid | cut -d' ' -f2,4)" 'enforce id=3'
zone 's/\(_mta-sts.newid .*id=\)3/\14/' _mta-sts.newid id=4
policy newid 'nonsense'
like 'T39 a new one that is none: the old one, and counted' "$(sts newid)" '^sts enforce .* id=3 .*tls sts newid.plain.example sts-policy-invalid .*policy=mode: enforce'
zone 's/\(_mta-sts.newid .*\)TXT.*/\1CNAME x.fail.example./' _mta-sts.newid '!id=4'
like 'T38 DNS fails: the old one' "$(sts newid | head -1)" '^sts enforce .* id=3 '

# ---- nobody knows ----
like 'T46 no policy kept, and the lookup fails: later' "$(sts dnsfail)" '^later 4\.4\.3 unable to find out whether dnsfail.plain.example has an MTA-STS policy'
attempts() { ask 1 dnsfail "attempts $1" | mox-nexthop -w 2>err | grep -e ^later -e ^plan | cut -d' ' -f1; }
is 'T46 for three attempts' "$(attempts 0; attempts 1; attempts 2; attempts 3)" 'later
later
later
plan'
like 'T46 which the log says' "$(cat err)" 'level=warn event=sts-given-up domain=dnsfail.plain.example '
is 'T66 TLS-Required: No does not wait' "$(plan -L dnsfail.plain.example | head -1)" 'plan dnsfail.plain.example'
like 'T62 REQUIRETLS: no policy, and no proof that there is none' "$(plan -R html.plain.example)" '^later 4\.4\.3 .*html'
is 'T62 REQUIRETLS: an enforced policy is enough' "$(plan -R good.plain.example | grep -c tls=sts)" 2
like 'T63 REQUIRETLS: a testing one is not' "$(plan -R testing.plain.example)" '^never 5\.7\.30 '

# ---- mox-mtasts that is not there, or dies ----
mkdir bin
cp "$MOX_BIN/mox-nexthop" bin/
like 'no mox-mtasts: later' "$(bin/mox-nexthop garbage.plain.example 2>err | sed 's/\\x20/ /g')" '^later 4\.4\.3 .*mox-mtasts'
printf '#!/bin/sh\necho run >>%s/runs\n[ $(wc -l <%s/runs) -gt 1 ] && exec %s/mox-mtasts "$@"\nexit 1\n' "$T" "$T" "$MOX_BIN" >bin/mox-mtasts
chmod +x bin/mox-mtasts
is 'it dies: it is asked again' "$(bin/mox-nexthop good.plain.example 2>err | grep -c tls=sts; wc -l <runs)" '2
2'
kept() { pgrep -P $$ -f 'mox-(nexthop|mtasts)'; pgrep -f "mox-mtasts -w.*$T"; }
is 'nothing is left behind' "$(kept)" ''
done_testing
