#!/bin/bash
# mox-mtasts by hand and as the co-process: what is kept, shown, fetched, refreshed and forgotten.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/world/world.sh"
"$TOP/t/peers/fetch" >/dev/null 2>fetch.err || skip_all "$(cat fetch.err)"

domains="a b bad xn--bcher-kva r1 r2 r3"
mkdir world web spool spool/sts
{
	for d in $domains; do
		printf 'mta-sts.%s A 127.0.0.1\n_mta-sts.%s TXT "v=STSv1; id=%s1;"\n' "$d" "$d" "$(tr -dc a-z0-9 <<<"$d")"
	done | sed '/^_mta-sts.r[13]/d'
	printf '_mta-sts.wrong TXT "v=STSv1; id=a-b;"\n_mta-sts.dnsfail CNAME x.fail.example.\n_mta-sts.r3 CNAME x.fail.example.\n'
} >world/plain.add
world_start
# shellcheck disable=SC2046
"$TOP/t/world/certs" certs $(for d in $domains; do echo "mta-sts.$d.plain.example"; done) >/dev/null || skip_all 'no certificates'
policy() { # DOMAIN TEXT
	mkdir -p "web/www/mta-sts.$1.plain.example/.well-known"
	printf '%b' "$2" >"web/www/mta-sts.$1.plain.example/.well-known/mta-sts.txt"
}
for d in $domains; do
	printf 'mta-sts.%s.plain.example %s/certs/good\n' "$d" "$T" >>web/servers
	policy "$d" "version: STSv1\nmode: enforce\nmx: *.$d.plain.example\nmx: mx.other.example\nmax_age: 604800\n"
done
policy bad 'version: STSv1\nmode: enforce\n'
HTTPS_PORT=$(free_port)
export HTTPS_PORT
start nginx "$TOP/t/peers/nginx-start" "$T/web"
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$HTTPS_PORT"); }
wait_until listening || { cat nginx.log; echo 'Bail out! nginx does not start'; exit 1; }
hits() { grep -c "^mta-sts.$1.plain.example " web/access; }
conf() { # SPOOL
	cat world/dns.conf
	printf 'spool = "%s"\nsts { port = %s ca-file = "%s/certs/ca.pem" loopback = true }\n' "$1" "$HTTPS_PORT" "$T"
}
conf "$T/spool" >mox.conf
export MOX_CONF=$T/mox.conf MOX_TEST_CLOCK=$T/clock
echo 0 >clock
fields() { grep -vE '^(fetched|expires|used|failed) '; }
day=86400

# ---- by hand ----
is 'T48 nothing is kept' "$(mox-mtasts show)" ''
fails 100 'T48 show: of this domain neither' mox-mtasts show a.plain.example
is 'T48 fetch: the policy' "$(mox-mtasts fetch a.plain.example 2>err | fields)" 'domain a.plain.example
txt good
mode enforce
id a1
max-age 604800
mx *.a.plain.example
mx mx.other.example
end'
like 'and a line in the log' "$(cat err)" 'level=info event=sts-fetched domain=a.plain.example mode=enforce policy=a1 max-age=604800'
is 'T48 show: it is kept' "$(mox-mtasts show a.plain.example | fields)" 'domain a.plain.example
mode enforce
id a1
max-age 604800
mx *.a.plain.example
mx mx.other.example
state valid
end'
is 'in a file of that name, for its owner alone' "$(stat -c '%n %a' spool/sts/*)" 'spool/sts/a.plain.example 600'
is 'T48 fetch: always anew' "$(mox-mtasts fetch a.plain.example >/dev/null 2>&1; hits a)" 2
is 'an IDN' "$(mox-mtasts fetch Bücher.plain.example. 2>/dev/null | grep -e ^domain -e ^mode)" 'domain xn--bcher-kva.plain.example
mode enforce'
is 'several at once, in their order' "$(mox-mtasts fetch b.plain.example a.plain.example 2>/dev/null | grep ^domain)" 'domain b.plain.example
domain a.plain.example'
fails 111 'T47 a policy that is none' mox-mtasts fetch bad.plain.example
like 'T47 and why' "$(cat .out)" 'result sts-policy-invalid.why no max_age.end'
like 'T48 show: the failure is kept' "$(mox-mtasts show bad.plain.example)" 'domain bad.plain.example.failed .*result sts-policy-invalid.why no max_age.end'
fails 100 'T27 a wrong record' mox-mtasts fetch wrong.plain.example
like 'T27 and why' "$(cat .out)" 'txt none.txt-why an id that is not 1 to 32 letters and digits.end'
fails 100 'no record' mox-mtasts fetch gone.plain.example
fails 111 'a lookup that fails' mox-mtasts fetch dnsfail.plain.example
like 'and why' "$(cat .out)" 'txt unknown.txt-why .*end'
is 'T48 show: all, sorted' "$(mox-mtasts show | grep ^domain)" 'domain a.plain.example
domain b.plain.example
domain bad.plain.example
domain xn--bcher-kva.plain.example'
ok 'T48 flush: one' mox-mtasts flush A.plain.example
fails 100 'T48 flush: it is gone' mox-mtasts flush a.plain.example
ok 'T48 flush: all' mox-mtasts flush -a
is 'T48 flush: all are gone' "$(ls -A spool/sts)" ''
ok 'flush: nothing to do' mox-mtasts flush -a

# ---- without a cache ----
conf "$T/nowhere" >bare.conf
is 'no spool: fetch works and keeps nothing' "$(mox-mtasts -C bare.conf fetch a.plain.example 2>/dev/null | grep ^mode)" 'mode enforce'
fails 111 'no spool: there is nothing to show' mox-mtasts -C bare.conf show
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$T" && chmod 644 certs/*.pem world/anchor && chmod 700 spool/sts
	user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	if user test -x "$MOX_BIN/mox-mtasts"; then
		is 'somebody else: fetch works' "$(user mox-mtasts fetch a.plain.example 2>/dev/null | grep ^mode)" 'mode enforce'
		is 'and keeps nothing' "$(ls -A spool/sts)" ''
		fails 111 'and he sees nothing' user mox-mtasts show
	fi
fi

# ---- the daily round ----
entry() { # DOMAIN MODE FETCHED-AGE USED-AGE: a file as mox-mtasts writes it; ages in seconds
	local now
	now=$(date +%s)
	{
		printf 'sts 1\ndomain %s.plain.example\nid %s1\nmode %s\nmax-age 604800\nmx *.%s.plain.example\n' "$1" "$1" "$2" "$1"
		printf 'fetched %s000000\nused %s000000\nend\n' $((now - $3)) $((now - $4))
	} >"spool/sts/$1.plain.example"
}
entry a enforce 3600 3600
entry b enforce $day $((3 * day))
entry bad enforce $day 0
entry r1 none 3600 3600
entry r2 none 3600 3600
entry r3 none 3600 3600
entry gone enforce $((8 * day)) 0
entry unused enforce $day $((181 * day))
echo rubbish >spool/sts/c.plain.example
touch -d '2 hours ago' spool/sts/.a.plain.example.123 spool/sts/.refreshed
: >web/access
ok 'T41 refresh' mox-mtasts refresh
cp .out log
is 'T41 young ones are left alone, old ones fetched' "$(hits a) $(hits b) $(hits bad)" '0 1 1'
is 'T41 the new text is kept' "$(mox-mtasts show b.plain.example | grep ^mx)" 'mx *.b.plain.example
mx mx.other.example'
like 'T41 refreshing is no use' "$(mox-mtasts show b.plain.example)" "used $(date -u -d '3 days ago' +%Y-%m-%d)"
like 'T39 one that cannot be fetched stays as it was' "$(mox-mtasts show bad.plain.example)" 'mode enforce.*state valid.*result sts-policy-invalid'
is 'T41 none without its record, what ran out, what nobody needs and what is none are gone' "$(find spool/sts -type f -printf '%f\n' | sort | tr '\n' ' ')" \
	'.refreshed a.plain.example b.plain.example bad.plain.example r2.plain.example r3.plain.example '
like 'and the log says so' "$(cat log)" 'event=sts-dropped domain=r1.plain.example'
rm spool/sts/*
ok 'T41 nothing to do' mox-mtasts refresh

# ---- the co-process ----
cat >talk.py <<'E'
import socket, subprocess, sys, os
# Sends each argument as a packet to mox-mtasts -w; prints as many answers as were asked for, then its exit code.
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
p = subprocess.Popen(['mox-mtasts', '-w'], stdin=b, stderr=open('talk.err', 'w'))
b.close()
a.settimeout(20)
try:
	for q in sys.argv[2:]:
		if q == 'REPLACE':
			os.rename('certs/ca2.pem', 'certs/ca.pem')
		elif q == 'TRY':
			print(open('/proc/%d/status' % p.pid).read().count('NoNewPrivs:\t1'))
		else:
			a.send(q.encode('latin-1').decode('unicode_escape').encode('latin-1'))
			if not q.startswith('bad'):
				print(a.recv(65536).decode(), end='')
except OSError as e:
	print(e)
a.close()
print(p.wait(20))
E
talk() { python3 talk.py x "$@"; }
q='ask 1\ndomain a.plain.example\ntxt good\nid a1\n'
is 'addresses are wanted' "$(talk "${q}end\n")" 'ask 1
answer addresses
ttl 1
end
0'
is 'and then there is a policy' "$(talk "${q}addr 127.0.0.1\nend\n" | sed 's/^\(fetched\) .*/\1/')" 'ask 1
answer policy
mode enforce
id a1
max-age 604800
mx *.a.plain.example
mx mx.other.example
fetched
ttl 3600
end
0'
n=$(hits a)
like 'T39 which is kept' "$(talk "${q}end\n")" 'answer policy'
is 'T39 without a request' "$(hits a)" "$n"
is 'used: not written again the same day' "$(ls -i spool/sts; talk "${q}end\n" >/dev/null; ls -i spool/sts)" "$(ls -i spool/sts; ls -i spool/sts)"
old=$(ls -i spool/sts)
echo $((25 * 3600)) >clock
talk "${q}end\n" >/dev/null
ok 'but the next' test "$(ls -i spool/sts)" != "$old"
echo 0 >clock
is 'nothing kept, no record' "$(talk 'ask 2\ndomain gone.example\ntxt none\nend\n' | grep answer)" 'answer none'
is 'T46 nothing kept, no lookup' "$(talk 'ask 2\ndomain gone.example\ntxt unknown\nend\n' | grep answer)" 'answer undecided'
like 'no address' "$(talk 'ask 3\ndomain b.plain.example\ntxt good\nid 1\nno-addr nobody knows\nend\n')" 'answer none.result sts-policy-fetch-error.why nobody knows'
like 'T40 kept over its death' "$(talk 'ask 3\ndomain b.plain.example\ntxt good\nid 1\naddr 127.0.0.1\nend\n')" 'answer none.result sts-policy-fetch-error.why nobody knows'
like 'a domain that is a path is none' "$(talk 'bad ask 1\ndomain ../../x\ntxt none\nend\n'; cat talk.err)" '100.mox-mtasts: unable to read a question'
is 'T32 a damaged file is none' "$(echo damage >spool/sts/a.plain.example; talk "${q}end\n" | grep answer)" 'answer addresses'
is 'no new privileges' "$(talk "${q}end\n" TRY | tail -2)" '1
0'
cp certs/ca.pem certs/ca2.pem
is 'authorities replaced: all is answered, then it goes' "$(talk "${q}end\n" REPLACE "${q}end\n" | grep -v -e ttl -e end -e ^ask)" 'answer addresses
[Errno 104] Connection reset by peer
0'
mv spool/sts spool/away
like 'no cache: it answers all the same' "$(talk "${q}addr 127.0.0.1\nend\n")" 'answer policy'
mv spool/away spool/sts

fails 100 'no verb' mox-mtasts
fails 100 'a verb that is none' mox-mtasts look
fails 100 'fetch of nothing' mox-mtasts fetch
fails 100 'flush of nothing' mox-mtasts flush
fails 100 'flush -a and more' mox-mtasts flush -a a.example
fails 100 'refresh of one' mox-mtasts refresh a.example
fails 100 '-w and more' mox-mtasts -w show
fails 100 'a literal' mox-mtasts fetch '[192.0.2.1]'
fails 100 'no domain' mox-mtasts show a..b
fails 100 'too long a name' mox-mtasts show "$(printf 'a123456789.%.0s' {1..23})"
ok '-h' mox-mtasts -h
ok '-V' mox-mtasts -V
done_testing
