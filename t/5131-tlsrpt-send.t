#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-tlsrpt-send with a mox-nexthop and a mox-queue-add of the test: who gets a report, once, whatever happens.
. "$(dirname "$0")/lib.sh"
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
begin=1795219200 # 2026-11-21
at() { echo $((begin + $1 - $(date +%s))) >clock; }
mkdir -p bin spool/tlsrpt got
cp "$MOX_BIN/mox-tlsrpt-send" bin/
cat >bin/mox-nexthop <<'X2'
#!/bin/bash
# mox-nexthop -q TYPE NAME, from $T/dns: TYPE NAME DATA; DATA "fail" fails.
echo "$2 $3" >>"$T/asked"
data=$(sed -n "s/^$2 $3 //p" "$T/dns")
case $data in
'') printf 'answer nodata\ndnssec insecure\nend\n' ;;
fail) printf 'answer fail\nwhy SERVFAIL\nend\n' ;;
*) printf 'answer data\ndnssec insecure\n' && sed 's/^/data /' <<<"$data" && echo end ;;
esac
X2
cat >bin/mox-queue-add <<'X2'
#!/bin/bash
# mox-queue-add -e 3: keeps what it gets in $T/got.
n=$(find "$T/got" -name '*.env' | wc -l)
cat >"$T/got/$n.msg"
cat <&3 >"$T/got/$n.env"
[ ! -e "$T/kill" ] || kill -9 "$PPID"
code=$(cat "$T/code" 2>/dev/null || echo 0)
[ "$code" = 0 ] && echo "id id$n" || { rm "$T/got/$n".*; echo "mox-queue-add: unable to x" >&2; }
exit "$code"
X2
chmod +x bin/*
PATH=$T/bin:$PATH
conf() {
	cat >conf <<-C
		hostname = "mx.mail.example"
		postmaster = "boss@mail.example"
		spool = "$T/spool"
		tlsrpt-spread = "0s"
		domain "mail.example" { dkim "s1" { key = "$T/key" } }
		$*
	C
}
conf
fresh() { rm -rf spool/tlsrpt got asked code kill; mkdir -p spool/tlsrpt got; : >asked; }
day() { cat >"spool/tlsrpt/$1"; }
send() { mox-tlsrpt-send >out 2>err; }
rows() { cut -f 2-4 out | tr '\t\n' ' ;'; }
mails() { find got -name '*.env' | wc -l; }
failed() { for d; do echo "tls 1 no-policy-found $d starttls-not-supported mx=mx.$d"; done; }
wants() { echo "TXT _smtp._tls.$1 \"v=TLSRPTv1; rua=$2\""; }

# ---- one report ----
wants a.example mailto:tls@a.example >dns
failed a.example none.example | day 20261120
echo 'tls 4 no-policy-found fine.example ok mx=mx' >>spool/tlsrpt/20261120
at 3600
ok "T50 a run" send
is "a report goes to who asks for it" "$(cat out)" "20261120	a.example	mailto:tls@a.example	sent	id0"
is "T61 nobody is asked for what went well" "$(sort asked | tr '\n' ';')" "TXT _smtp._tls.a.example;TXT _smtp._tls.none.example;TXT s1._domainkey.mail.example;"
is "T57 T58 its envelope" "$(cat got/0.env)" 'sender boss@mail.example
requiretls no
extra moxq-report yes
extra moxq-tlsrpt yes
origin local
rcpt tls@a.example notify=never
end'
sed 's/\r$//; /^Date: /d; /^User-Agent: /d' got/0.msg | sed '/base64$/,/^--/{/^[A-Za-z0-9+\/=]*$/{/./d}}' >got.mail
[ -z "${UPDATE_REFS:-}" ] || cp got.mail "$TOP/t/refs/tlsrpt/mail.ref"
ok "T56 the mail is as in t/refs/tlsrpt" diff "$TOP/t/refs/tlsrpt/mail.ref" got.mail
cat >read.py <<'P'
import email, email.policy, gzip, json, sys
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
text, report = m.iter_parts()
j = json.loads(gzip.decompress(report.get_content()))
print(m.get_content_type(), m.get_param('report-type'), m['TLS-Report-Domain'], m['TLS-Report-Submitter'], m['TLS-Required'])
print(report.get_content_type(), report.get_filename(), report.get_content_disposition())
print(m['Subject'])
print(m['Message-ID'], j['report-id'], j['contact-info'])
P
is "T56 as Python reads it" "$(/usr/bin/python3 read.py got/0.msg)" 'multipart/report tlsrpt a.example mail.example No
application/tlsrpt+gzip mail.example!a.example!1795132800!1795219199.json.gz attachment
Report Domain: a.example Submitter: mail.example Report-ID: <20261120.a.example@mail.example>
<tlsrpt.20261120.a.example@mail.example> 20261120.a.example@mail.example boss@mail.example'
ok "lines end in CRLF" bash -c '! grep -qv $'"'\\r'"'$ got/0.msg'
ok "T50 a second run" send
is "T50 sends nothing" "$(cat out)$(mails)" 1
is "nor asks" "$(wc -l <asked)" 3
at 90000
ok "nor on the next day" send
is "sends nothing" "$(cat out)" ""

# ---- days ----
fresh
for d in 20261118 20261119 20261120 20261121; do failed a.example | day $d; done
at 120
ok "T50 not before a day's results are whole" send
is "but those of the day before it" "$(cut -f1,4 out | tr '\t\n' ' ;')" "20261119 sent;"
at 3600
send
is "T50 a day that is over" "$(cut -f1,4 out | tr '\t\n' ' ;')" "20261120 sent;"
fails 100 "not one of long ago" mox-tlsrpt-send --day 20261118
fails 100 "nor one that is not over" mox-tlsrpt-send --day 20261121
fails 100 "nor a domain that no mail went to" mox-tlsrpt-send --domain typo.example
fresh
failed a.example | day 20261120
at $((2 * 86400 - 60))
send
is "results are kept for a second try of a day" "$(rows)" "a.example mailto:tls@a.example sent;"
fresh
failed a.example | day 20261120
at $((2 * 86400 + 60))
send
is "and no longer than 48 hours" "$(rows)" ""

# ---- who runs it ----
if [ "$(id -u)" = 0 ]; then
	fresh
	at 3600
	failed a.example | day 20261120
	touch got/who && chmod 711 "$T" && chown -R 54321:54322 spool got && chmod 666 asked
	cp bin/mox-queue-add bin/plain
	sed -i '2i id -u >"$T/got/who"' bin/mox-queue-add
	send
	is "T56 root hands over as the spool's user, whose mail is signed whoever else may" "$(rows) $(cat got/who) $(stat -c %u spool/tlsrpt/* | sort -u)" \
		"a.example mailto:tls@a.example sent; 54321 54321"
	mv bin/plain bin/mox-queue-add
	mox-tlsrpt-send suppress tls@a.example +1d
	is "and what it writes is his" "$(stat -c %u spool/tlsrpt/* | sort -u)" 54321
	chown -R 0:0 spool got
else
	skip "not root" "who runs it"
fi

# ---- failures on the way ----
fresh
at 3600
failed a.example | day 20261120
echo 111 >code
fails 111 "the queue takes nothing" mox-tlsrpt-send
send
is "T50 not at once again" "$(rows)" ""
at 7800
rm code
ok "T50 an hour later" send
is "it goes" "$(rows)" "a.example mailto:tls@a.example sent;"
fresh
at 3600
failed a.example | day 20261120
mv bin/mox-queue-add bin/gone
fails 111 "no mox-queue-add to hand it to" mox-tlsrpt-send
mv bin/gone bin/mox-queue-add
like "T50 is known, and no report counts as sent" "$(tail -n 1 spool/tlsrpt/20261120.sent)" '^later .* unable\\x20to\\x20run'
at 7800
send
is "T50 an hour later it goes" "$(rows)" "a.example mailto:tls@a.example sent;"
fresh
at 3600
failed a.example | day 20261120
echo 111 >code
for h in 1 2 4 8 16 24; do
	at $((h * 3660))
	send
done
is "it is tried less and less often" "$(grep -c '^later' spool/tlsrpt/20261120.sent)" 6
at $((26 * 3600))
ok "and given up" send
is "T57 T59 after 24 hours" "$(rows) $(grep -c event=tlsrpt-never err)" "a.example mailto:tls@a.example never; 1"
fresh
at 3600
failed a.example | day 20261120
echo 'TXT _smtp._tls.a.example fail' >dns
fails 111 "a lookup that fails" mox-tlsrpt-send
wants a.example mailto:tls@a.example >dns
send
is "is made again" "$(rows)" "a.example mailto:tls@a.example sent;"

# ---- killed ----
fresh
failed a.example b.example | day 20261120
wants b.example mailto:tls@b.example >>dns
touch kill
send
rm kill
is "killed as a report was handed over" "$(mails) $(cut -d' ' -f1 spool/tlsrpt/20261120.sent | tr '\n' ' ')" "1 try "
ok "T50 the next run" send
is "T50 does not send it twice" "$(rows)" "a.example mailto:tls@a.example sent;b.example mailto:tls@b.example sent;"
like "and says so" "$(cat out)" 'a\.example.*perhaps'
is "T50 each has one" "$(mails)" 2
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	writes=0
	for call in write fdatasync; do
		for n in 1 2 3 4 5 6 7 8 9; do
			fresh
			failed a.example b.example | day 20261120
			# shellcheck disable=SC2016
			{ strace -f -o trace -e trace="$call" -e inject="$call:signal=KILL:when=$n" -P "$T/spool/tlsrpt/20261120.sent" \
				mox-tlsrpt-send; } >/dev/null 2>&1 && break
			writes=$((writes + 1))
			send
			twice=$(cat got/*.env | grep -c '^rcpt tls@a') one=$(cat got/*.env | grep -c '^rcpt tls@b')
			[ "$twice" -le 1 ] && [ "$one" -le 1 ] || ok "T50 killed at $call $n: no report twice" false
			[ "$(grep -c '^whole' spool/tlsrpt/20261120.sent)" = 1 ] || ok "T50 killed at $call $n: the next run ends it" false
		done
	done
	ok "T50 killed at each of its writes: no report twice" test "$writes" -ge 8
else
	skip "no strace" "T50 killed at each of its writes"
fi
fresh
failed a.example | day 20261120
mkfifo hold
cat >bin/mox-queue-add.slow <<'X2'
#!/bin/bash
cat >/dev/null
read -r _ <"$T/hold"
echo "id slow"
X2
chmod +x bin/mox-queue-add.slow
mv bin/mox-queue-add bin/mox-queue-add.quick
cp bin/mox-queue-add.slow bin/mox-queue-add
start one mox-tlsrpt-send
wait_until grep -q '^try' spool/tlsrpt/20261120.sent
ok "T50 a second run meanwhile" send
like "has nothing to do" "$(cat err)" 'another run is under way'
kill -TERM "$PID_one"
sleep 0.1
is "T50 asked to stop it waits for what is being handed over" "$(cut -d' ' -f1 spool/tlsrpt/20261120.sent)" try
echo >hold
ok "T50 and knows what became of it" wait_until grep -q '^sent' spool/tlsrpt/20261120.sent
wait "$PID_one"
is "T50 and stops, for who goes on" "$? $(cut -d' ' -f1 spool/tlsrpt/20261120.sent | tr '\n' ' ')" "143 try sent "
mv bin/mox-queue-add.quick bin/mox-queue-add

# ---- what power failures leave ----
fresh
failed a.example b.example | day 20261120
{
	printf 'don\n'
	printf 'sent 1 a.example mailto:tls@a.example x\ndone 1 a.example \n'
	printf 'sent 1 b.exam\0\0\0\0\n\0\0\n'
	printf 'sent 1 b.example mailto:tls@b.example x\ndone 1 b.exa'
} >spool/tlsrpt/20261120.sent
ok "T50 a ledger with lines that are none" send
is "T50 is read behind them: no report goes twice" "$(rows)" ""
like "T50 and it is gone on with on a line of its own" "$(tr -d '\0' <spool/tlsrpt/20261120.sent)" $'\ndone 1 b\\.exa\ndone [0-9]* b\\.example \nwhole '

# ---- a disk that is full ----
# Room for the try alone, in the block that the ledger has.
cat >full.sh <<'X2'
mount -t tmpfs -o size=256k tmpfs "$T/spool/tlsrpt" || exit
echo 'tls 1 no-policy-found a.example starttls-not-supported' >"$T/spool/tlsrpt/20261120"
{
	yes x | head -c $((4096 - 1 - $(wc -c <<<'try 1795222800000000 a.example mailto:tls@a.example')))
	echo
} >"$T/spool/tlsrpt/20261120.sent"
cat /dev/zero >"$T/spool/tlsrpt/hog"
mox-tlsrpt-send
echo "$? $(find "$T/got" -name '*.env' | wc -l) $(grep -c '^try' "$T/spool/tlsrpt/20261120.sent")"
rm "$T/spool/tlsrpt/hog"
mox-tlsrpt-send | cut -f 2-5 | tr '\t' ' '
X2
fresh
if unshare -m true 2>/dev/null; then
	T=$T unshare -m "$BASH" full.sh >full 2>err
	is "T50 where what becomes of it could not be written, nothing is tried" "$(head -n 1 full)" "111 0 0"
	like "and why" "$(cat err)" 'unable to write what was sent: No space left'
	is "T50 with room again it goes" "$(tail -n +2 full)" "a.example mailto:tls@a.example sent id0"
else
	skip "no mount namespace" "a full disk"
fi

# ---- several addresses, several names ----
fresh
wants a.example 'mailto:one@a.example,mailto:two@b.example,ftp://x' >dns
failed a.example | day 20261120
send
is "one mail to all addresses" "$(grep -c ^rcpt got/0.env) $(sed -n 's/^To: //p' got/0.msg | tr -d '\r')" "2 one@a.example, two@b.example"
fresh
wants dane.example mailto:tls@dane.example >dns
wants mx.host.example mailto:tls@dane.example >>dns
shared() {
	echo 'tls 2 tlsa mx.host.example tlsa-invalid mx=mx.host.example for=dane.example'
	[ -z "${1:-}" ] || echo "tls 3 tlsa mx.host.example tlsa-invalid mx=mx.host.example for=$1"
}
shared | day 20261120
send
is "T52 who got it for the recipient domain does not get it for its mail host" "$(rows)" "dane.example mailto:tls@dane.example sent;"
fresh
shared other.example | day 20261120
send
is "T52 but gets what is about others" "$(rows)" "dane.example mailto:tls@dane.example sent;mx.host.example mailto:tls@dane.example sent;"
json() { /usr/bin/python3 -c 'import email, email.policy, gzip, json, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
j = json.loads(gzip.decompress(list(m.iter_parts())[1].get_content()))
print(eval(sys.argv[2]))' "got/$1.msg" "$2"; }
is "T52 alone" "$(json 1 '[(p["policy"]["policy-domain"], p["summary"]["total-failure-session-count"], [d["failure-reason-code"] for d in p["failure-details"]]) for p in j["policies"]]')" \
	"[('mx.host.example', 3, ['mail for other.example'])]"
like "and its text names the recipient domains" "$(tr -d '\r' <got/1.msg)" $'Recipient domains concerned:\n  other\\.example\n'
fresh
wants host.example mailto:tls@dane.example >>dns
{
	echo 'tls 5 tlsa host.example tlsa-invalid mx=host.example for=host.example'
	shared host.example | sed 's/mx.host.example/host.example/g'
	echo 'tls 7 tlsa host.example tlsa-invalid mx=host.example for=third.example'
} | day 20261120
send
is "T52 a recipient domain that is its own mail host comes behind the others" "$(rows)" "dane.example mailto:tls@dane.example sent;host.example mailto:tls@dane.example sent;"
is "T51 T52 its report has its own, leaves out what they were told, and names whom else it concerns" \
	"$(json 1 '[(p["policy"]["policy-domain"], p["summary"]["total-failure-session-count"], [d["failure-reason-code"] for d in p["failure-details"]]) for p in j["policies"]]')" \
	"[('host.example', 15, ['mail for third.example'])]"
sed -i '/_tls.host.example/d' dns
fresh
wants mx.host.example mailto:tls@host.example >>dns
sed -i '/_tls.mx.host.example.*dane/d' dns
shared | day 20261120
send
is "T52 another address gets both" "$(rows)" "dane.example mailto:tls@dane.example sent;mx.host.example mailto:tls@host.example sent;"

# ---- who gets none ----
fresh
sed -i '/a.example/d' dns
{
	wants a.example 'https://r.example:1/x,https://127.0.0.1:1/,https://none.example:1/'
	printf '%s\n' 'A r.example 10.0.0.7' 'A r.example 127.0.0.1' 'AAAA r.example ::1' 'AAAA r.example fd00::1'
} >>dns
failed a.example | day 20261120
send
is "T59 nothing is posted to this machine, to a private network or to no host" "$(cut -f 3-5 out | tr '\t\n' ' ;')" \
	"https://r.example:1/x later r.example is in a private network;https://127.0.0.1:1/ later 127.0.0.1 has no address;https://none.example:1/ later none.example has no address;"
fresh
wants a.example mailto:tls@a.example >dns
failed a.example | day 20261120
conf 'no-outgoing-tlsrpt = true'
ok "T61 no-outgoing-tlsrpt" send
is "nothing is sent, nor asked, nor written" "$(cat out asked)$(ls spool/tlsrpt)" 20261120
conf 'tlsrpt-all-success = true'
echo 'tls 4 no-policy-found fine.example ok mx=mx' >>spool/tlsrpt/20261120
wants fine.example mailto:tls@fine.example >>dns
send
is "T61 tlsrpt-all-success" "$(rows)" "a.example mailto:tls@a.example sent;fine.example mailto:tls@fine.example sent;"
conf
fresh
failed a.example b.example | day 20261120
wants b.example mailto:tls@b.example >>dns
is "nobody is suppressed" "$(mox-tlsrpt-send suppress)" ""
ok "an address is" mox-tlsrpt-send suppress tls@A.example 2027-01-31
is "until then" "$(mox-tlsrpt-send suppress)" "mailto:tls@a.example	2027-01-31T00:00:00Z	manual"
send
is "and gets none" "$(rows)" "a.example mailto:tls@a.example never;b.example mailto:tls@b.example sent;"
ok "it is taken off" mox-tlsrpt-send suppress tls@a.example now
is "and gone" "$(mox-tlsrpt-send suppress)" ""
fails 100 "twice" mox-tlsrpt-send suppress tls@a.example now
fails 100 "a time that is past" mox-tlsrpt-send suppress tls@a.example 2020-01-01
fails 100 "what is no address" mox-tlsrpt-send suppress tls 2027-01-31
ok "a URL for a while" mox-tlsrpt-send suppress https://r.example/x +30d
like "is on the list" "$(mox-tlsrpt-send suppress)" '^https://r\.example/x	2026-12-21T01:00:'
fresh
failed a.example b.example | day 20261120
printf 'failed 1 tls@a.example\nfailed 2 tls@a.example\n' >spool/tlsrpt/20261118.failed
echo 'failed 1 tls@a.example' >spool/tlsrpt/20261120.failed
mox-tlsrpt-send --domain none.example >/dev/null
is "T57 two days of failures are not enough" "$(mox-tlsrpt-send suppress)" ""
echo 'failed 1 tls@a.example' >spool/tlsrpt/20261116.failed
send
is "T57 on three days: suppressed by itself" "$(rows)" "a.example mailto:tls@a.example never;b.example mailto:tls@b.example sent;"
like "for 30 days" "$(mox-tlsrpt-send suppress)" '^mailto:tls@a\.example	2026-12-21T.*	automatic$'
like "and the log tells" "$(cat err)" 'level=warn event=tlsrpt-suppressed address=tls@a\.example days=3'
mox-tlsrpt-send suppress tls@a.example now
mox-tlsrpt-send --domain none.example >/dev/null
is "who takes it off is not overruled by old failures" "$(mox-tlsrpt-send suppress)" ""
fresh
failed a.example | day 20261120
sed -i '/^domain/d' conf
send
is "T56 without a key to sign with no mail" "$(rows) $(cut -f5 out)" "a.example mailto:tls@a.example never; no DKIM key to sign with"
like "and an alert" "$(cat err)" 'level=alert event=tlsrpt-unsigned'
conf
for s in email 'email:tlsrpt' '*'; do
	fresh
	failed a.example | day 20261120
	wants a.example mailto:tls@a.example >dns
	echo "TXT s1._domainkey.mail.example \"v=DKIM1; s=$s; p=AAAA\"" >>dns
	send
	is "T56 a key with s=$s" "$(grep -c event=tlsrpt-key err)" "$([ "$s" = email ] && echo 1 || echo 0)"
done
done_testing
