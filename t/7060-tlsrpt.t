#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Reports on TLS with real parts: the results of a day's mail, over midnight, through mox-runq, mox-tlsrpt-send, mox-queue-add, mox-dkim,
# mox-nexthop and NSD, mox-deliver, into the Maildir of mox-localserve, read by opendkim, dkimpy and Python; and by HTTPS to nginx.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
peers=$("$TOP/t/peers/fetch" 2>fetch.err) || skip_all "$(cat fetch.err)"
python=/usr/bin/python3 # Debian's, which has Debian's modules
$python -c 'import dkim' 2>/dev/null || skip_all 'python3-dkim is not installed'
MX_PORT=$(free_port) HTTPS_PORT=$(free_port) HTTP_PORT=$(free_port)
export HTTPS_PORT MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0

# ---- the world ----
mkdir world web spool
mox-dkim genkey rsa.pem >/dev/null
P=plain.example S=secure.example
wants() { printf '_smtp._tls.%s TXT "v=TLSRPTv1; rua=%s"\n' "$1" "$2"; }
url() { printf 'https://%s.%s:%s/%s' "$1" $P "$HTTPS_PORT" "$2"; }
{
	for d in a b c e w n r; do printf '%s MX 10 mx.%s\nmx.%s A 127.0.0.1\n' $d $d $d; done
	wants a "mailto:tls@r.$P"
	wants b "mailto:tls-b@r.$P,$(url collect b)"
	wants c "$(url collect c)"
	wants e "$(url collect endless)"
	wants w "$(url other w)"
	wants r "mailto:tls@r.$P"
	wants dead "mailto:rcptto-550@r.$P"
	for i in $(seq 12); do wants "many$i" "mailto:many@r.$P"; done
	printf 'collect A 127.0.0.1\nother A 127.0.0.1\n'
	printf 's1._domainkey.send TXT %s\n' "$(mox-dkim txt rsa.pem | grep -o '"[^"]*"' | tr '\n' ' ')"
} >world/plain.add
{
	printf 'd1 MX 10 mx.shared\nd2 MX 10 mx.shared\nmx.shared A 127.0.0.1\n'
	printf '_%s._tcp.mx.shared TLSA 3 1 1 %064d\n' "$MX_PORT" 7
	wants d1 "mailto:tls@r.$P"
	wants mx.shared "mailto:tls@r.$P"
} >world/secure.add
world_start
"$TOP/t/world/certs" certs collect.$P >/dev/null || skip_all 'no certificates'
to_collector="location / { proxy_pass http://127.0.0.1:$HTTP_PORT; proxy_buffering off; }"
printf 'collect.%s %s/certs/good %s\nother.%s %s/certs/other %s\n' $P "$T" "$to_collector" $P "$T" "$to_collector" >web/servers
cat >collector.py <<'PY'
import http.server, os, sys
class Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        n = len(os.listdir('collected'))
        open('collected/%03d' % n, 'wb').write(body)
        status = int(open('status').read())
        print(self.path, self.headers['Content-Type'], status, n, flush=True)
        self.send_response(status)
        self.end_headers()
        try:
            while self.path == '/endless':
                self.wfile.write(bytes(10000))
        except OSError:
            print('endless: cut', flush=True)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Take).serve_forever()
PY
mkdir collected
echo 201 >status
start collector python3 collector.py "$HTTP_PORT"
start nginx "$TOP/t/peers/nginx-start" "$T/web"
start mx mox-localserve -p "$MX_PORT" -d "$T/box"
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
for p in $HTTP_PORT $HTTPS_PORT $MX_PORT; do
	wait_until answers "$p" || { cat nginx.log collector.log mx.log; echo 'Bail out! a server does not start'; exit 1; }
done
conf() {
	cat >conf <<-C
		hostname = "mx.send.$P"
		postmaster = "postmaster@send.$P"
		spool = "$T/spool"
		ca-file = "$T/certs/ca.pem"
		smtp-port = $MX_PORT
		idle = "0s"
		tlsrpt-private = true
		retry { jitter = false }
		transport "loop" { type = direct loopback = true }
		route { transport = "loop" }
		domain "send.$P" { dkim "s1" { key = "$T/rsa.pem" } }
		$*
	C
	cat world/dns.conf >>conf
}
midnight=$((($(date +%s) / 86400 - 10) * 86400)) # signatures from the future are none
at() { echo $((midnight + $1 - $(date +%s))) >clock; } # seconds of that day
day() { date -u -d "@$((midnight + 86400 * $1))" +%Y%m%d; }
H=3600
D0=$(day 0)
ledger=$T/spool/tlsrpt/$D0.sent

# ---- a day's mail ----
conf
at $((12 * H))
for to in x@a.$P x@b.$P x@c.$P x@e.$P x@w.$P x@n.$P y@d1.$S y@d2.$S y@d2.$S; do
	mox-queue-add -f s@send.$P "$to" <<<$'Subject: x\n\nbody' >/dev/null
done
timeout 60 mox-runq 2>err
mox-queue-drop -all >/dev/null 2>&1
sums() { sed -n 's/^tls //p' "spool/tlsrpt/$1" | cut -d' ' -f1-5 | sed 's/ mx=.*//' | sort; }
is "T53 T55 the day's results" "$(sums "$D0")" "1 no-policy-found a.$P starttls-not-supported
1 no-policy-found b.$P starttls-not-supported
1 no-policy-found c.$P starttls-not-supported
1 no-policy-found e.$P starttls-not-supported
1 no-policy-found n.$P starttls-not-supported
1 no-policy-found w.$P starttls-not-supported
1 tlsa mx.shared.$S starttls-not-supported for=d1.$S
2 tlsa mx.shared.$S starttls-not-supported for=d2.$S"
rm -f box/new/*

# ---- the night: killed in between, and once more ----
sent() { grep -c '^sent' "$ledger"; }
whole() { [ "$(grep -c "^done .* $1\.$2" "$ledger")" = 1 ]; }
conf 'tlsrpt-spread = "12h"'
at $((26 * H))
start q mox-runq -w
some_sent() { [ "$(sent)" -ge 1 ]; }
ok "T50 a day is over: mox-runq has its reports made" wait_until some_sent || diag <q.log
child=$(pgrep -x -P "$PID_q" mox-tlsrpt-send)
stop q KILL
kill -9 "$child"
before=$(sent)
ok "T50 killed in between" test "$before" -lt 5
conf 'tlsrpt-spread = "0s"'
echo 503 >status
at $((27 * H))
start q mox-runq -w
ended() { [ "$(grep -c '^done' "$ledger")" = 5 ] && grep -q '^later.*endless' "$ledger" && grep -q '^later.*other' "$ledger"; }
ok "T50 the next start goes on" wait_until ended || cat "$ledger" q.log | diag
mails() { find box/new -type f | wc -l; }
all_there() { [ "$(mails)" = 4 ]; }
ok "four mails arrive" wait_until all_there
gone() { ! pgrep -x -P "$PID_q" mox-tlsrpt-send; }
wait_until gone
mox-tlsrpt-send >out1 2>err1 &
mox-tlsrpt-send >out2 2>err2
wait $!
stop q
timeout 60 mox-runq 2>>err
is "T50 no run sends a report twice" "$(mails) $(sed -n 's/^Message-ID: //p' box/new/* | sort -u | wc -l)" "4 4"
what() { sed -n "s/^$1 [0-9]* \([^ ]* [^ ]*\).*/\1/p" "$ledger" | sed "s/:$HTTPS_PORT//" | sort | uniq; }
is "T50 T52 what went where" "$(what sent)" "a.$P mailto:tls@r.$P
b.$P mailto:tls-b@r.$P
d1.$S mailto:tls@r.$P
mx.shared.$S mailto:tls@r.$P"
is "T59 what did not" "$(what later)" "b.$P https://collect.$P/b
c.$P https://collect.$P/c
e.$P https://collect.$P/endless
w.$P https://other.$P/w"
like "T59 the server's trouble" "$(grep '^later.* c\.' "$ledger")" 'HTTP\\x20status\\x20503'
like "T59 another's certificate" "$(grep '^later.* w\.' "$ledger")" 'certificate'
is "T59 whose server gets nothing" "$(grep -c '^/w ' collector.log)" 0
like "T59 an answer without end" "$(grep '^later.* e\.' "$ledger")" 'no\\x20end'
ok "T59 is cut" wait_until grep -q '^endless: cut' collector.log

# ---- what arrived ----
report() { # DOMAIN: the mail about it, as it came, in CRLF
	sed '1,2d; s/$/\r/' "$(grep -l "^TLS-Report-Domain: $1\$" box/new/*)"
}
PATH=$PATH:/usr/sbin drill -p "$WORLD_PORT" @127.0.0.1 "s1._domainkey.send.$P" TXT | grep "^s1.*TXT" | grep -o '"[^"]*"' | tr -d '"\n' >rsa.rec
cat >referee.py <<'PY'
import dkim, sys
d = dkim.DKIM(sys.stdin.buffer.read())
ok = d.verify(dnsfunc=lambda name, timeout=5: open('rsa.rec', 'rb').read() if name.startswith(b's1._domainkey.send.') else None)
h = [x.strip().lower().decode() for x in d.signature_fields[b'h'].split(b':')]
print(ok, d.domain.decode(), b'l' in d.signature_fields, *[h.count(x) for x in ('tls-report-domain', 'tls-report-submitter')])
PY
printf 's1._domainkey.send.%s %s\n' $P "$(cat rsa.rec)" >dns
printf 'Mode v\nClockDrift 10000000\nTestDNSData file:%s/dns\nTemporaryDirectory %s\n' "$T" "$T" >opendkim.conf
opendkim() {
	LD_LIBRARY_PATH=$(find "$peers/lib" -name 'libopendkim*.so*' -printf '%h\n' -quit):$(find "$peers/lib" -name 'libmilter*.so*' -printf '%h\n' -quit) \
		"$peers/opendkim/usr/sbin/opendkim" -x opendkim.conf -t "$1" -vvv 2>&1 | grep -o 'dkim=[a-z]*' | paste -sd' '
}
cat >read.py <<'PY'
import email, email.policy, gzip, json, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
text, report = m.iter_parts()
j = json.loads(gzip.decompress(report.get_content()))
print(m.get_content_type(), m.get_param('report-type'), m['TLS-Required'], text.get_content_type(), report.get_content_type())
print(m['Subject'])
print(report.get_filename())
print(j['date-range']['start-datetime'], j['date-range']['end-datetime'], j['report-id'])
for p in j['policies']:
    print(p['policy']['policy-type'], p['policy']['policy-domain'], p['summary']['total-successful-session-count'], p['summary']['total-failure-session-count'],
        [(d['result-type'], d['receiving-mx-hostname'], d['receiving-ip'], d['failed-session-count'], d.get('failure-reason-code', '-')) for d in p['failure-details']])
PY
for d in a.$P b.$P d1.$S mx.shared.$S; do
	report "$d" >got.mail
	is "T56 $d: dkimpy" "$($python referee.py <got.mail)" "True send.$P False 2 2"
	is "T56 $d: opendkim" "$(opendkim got.mail)" dkim=pass
	is "T56 $d: our own" "$(mox-dkim verify -k "$(cat rsa.rec)" <got.mail | cut -d' ' -f1)" pass
	sed 's/^TLS-Report-Domain: .*/TLS-Report-Domain: evil.example\r/' got.mail >forged
	is "T56 $d: not with another TLS-Report-Domain" "$($python referee.py <forged | cut -d' ' -f1) $(opendkim forged)" "False dkim=fail"
	begin=$(date -u -d "$D0" +%s)
	like "T56 $d: Python" "$($python read.py <got.mail)" "^multipart/report tlsrpt No text/plain application/tlsrpt\+gzip
Report Domain: $d Submitter: send\.$P Report-ID: <$D0\.$d@send\.$P>
send\.$P!$d!$begin!$((begin + 86399))\.json\.gz
$(date -u -d "$D0" +%F)T00:00:00Z $(date -u -d "$D0" +%F)T23:59:59Z $D0\.$d@send\.$P
"
	is "$d: the same sessions by our own reader" "$(mox-tlsrpt-send parse - <got.mail | awk -F'\t' '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) { n += $i; break } } END { print n }')" \
		"$($python -c 'import gzip, email, email.policy, json, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
print(sum(p["summary"]["total-failure-session-count"] + p["summary"]["total-successful-session-count"] for p in json.loads(gzip.decompress(list(m.iter_parts())[1].get_content()))["policies"]))' <got.mail)"
done
is "T51 a recipient domain's report" "$(report a.$P | $python read.py | tail -n +5)" "no-policy-found a.$P 0 1 [('starttls-not-supported', 'mx.a.$P', '127.0.0.1', 1, '-')]"
is "T51 with the TLSA policy of its mail host" "$(report d1.$S | $python read.py | tail -n +5)" \
	"tlsa mx.shared.$S 0 1 [('starttls-not-supported', 'mx.shared.$S', '127.0.0.1', 1, '-')]"
is "T51 T52 a mail host's: without what was told its addresses already" "$(report mx.shared.$S | $python read.py | tail -n +5)" \
	"tlsa mx.shared.$S 0 2 [('starttls-not-supported', 'mx.shared.$S', '127.0.0.1', 2, 'mail for d2.$S')]"
is "T58 T61 sessions that carry reports are in none" "$(test ! -e "spool/tlsrpt/$(day 1)" && echo none)" none
is "T57 nobody waits for anything" "$(mox-queue-list -o id)" ""

# ---- HTTPS again, and for the last time ----
echo 201 >status
at $((29 * H))
fails 111 "T59 some of it goes now" mox-tlsrpt-send
is "T59 once each, no mail with it" "$(grep ' 201 ' collector.log | grep -v endless | cut -d' ' -f1-3 | sort | tr '\n' ';') $(mails)" \
	"/b application/tlsrpt+gzip 201;/c application/tlsrpt+gzip 201; 4"
n=$(sed -n 's/^\/c .* 201 //p' collector.log)
is "T59 the JSON in gzip" "$(gzip -dc <"collected/$(printf %03d "$n")" | python3 -c 'import json,sys; print(json.load(sys.stdin)["policies"][0]["policy"]["policy-domain"])')" c.$P
at $((52 * H))
start q mox-runq -w
last() { tail -n 1 "$ledger" | grep -q ^whole; }
ok "T59 after 24 hours the rest is given up" wait_until last || tail -3 "$ledger" | diag
is "T59 and it is told" "$(what never)" "w.$P https://other.$P/w"
is "T59 2xx is 2xx, whatever follows" "$(what sent | grep -c endless)" 1
stop q

# ---- where reports keep failing ----
verdict() { # DAY: of its report
	echo "tls 1 no-policy-found dead.$P starttls-not-supported mx=mx" >"spool/tlsrpt/$(day "$1")"
	at $((($1 + 1) * 24 * H + 2 * H))
	mox-tlsrpt-send 2>>err | cut -f4,5
	timeout 60 mox-runq 2>>err
}
for i in 3 4 5; do
	like "T57 day $i: queued" "$(verdict $i)" '^sent'
	is "T57 refused, and filed" "$(cut -d' ' -f3 "spool/tlsrpt/$(day $((i + 1))).failed")" "rcptto-550@r.$P"
done
is "T57 then it is suppressed" "$(verdict 6)" 'never	suppressed'
like "T57 for a while" "$(mox-tlsrpt-send suppress)" "^mailto:rcptto-550@r\\.$P	.*	automatic$"
is "T57 nobody was told" "$(grep -c -e event=notice -e event=double-bounce err)" 0

# ---- many ----
D8=$(day 8)
for i in $(seq 12); do echo "tls 1 no-policy-found many$i.$P starttls-not-supported mx=mx"; done >"spool/tlsrpt/$D8"
conf 'tlsrpt-spread = "4s"'
at $((218 * H))
rm -f box/new/*
ok "T50 many reports" mox-tlsrpt-send
timeout 60 mox-runq 2>>err
is "all go" "$(mails)" 12
sed -n 's/^try \([0-9]*\) .*/\1/p' "spool/tlsrpt/$D8.sent" >"$T/times"
like "T50 over the time that they have" "$(awk 'NR == 1 { a = $1 } { b = $1 } END { print int((b - a) / 1000000) }' times)" '^([2-9]|1[0-9])$'
ok "T50 not all at once" awk '{ if (NR > 1 && $1 - last < 20000) near++; last = $1 } END { exit near > 2 }' times
done_testing
