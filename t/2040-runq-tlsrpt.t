#!/bin/bash
# TLS results summed into spool/tlsrpt, known support, the daily refresh of policies.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* bin/ 2>/dev/null
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
cat >bin/mox-mtasts <<'X'
#!/bin/sh
echo "$*" >>"$T/mtasts"
echo on stdout
exit "$(cat "$T/mtasts-exit" 2>/dev/null || echo 0)"
X
chmod +x bin/mox-mtasts
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
echo 0 >clock
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
retry { intervals = { "10m" } jitter = false }
X
add() { mox-queue-add -f s@me.example "$@" <<<$'Subject: x\n\nbody' | sed 's/^id //'; }
pass() { timeout 20 mox-runq 2>>err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
today() { date -u -d "@$(($(date +%s) + $(cat clock)))" +%Y%m%d; }
results() { sed -n 's/^tls //p' "spool/tlsrpt/$(today)" | sort | tr '\n' ';'; }
noon() { echo $((43200 - $(date +%s) % 86400)) >clock; } # no test of a day runs into the next

noon
# ---- sums ----
add sent@x.example >/dev/null
pass
ok "nothing to say: no file" test ! -e "spool/tlsrpt/$(today)"
for i in 1 2 3; do add tls-ok@x.example; done >/dev/null
add tls-ok@y.example tls-starttls-not-supported@x.example >/dev/null
pass
like "T53 equal results are one counter" "$(results)" '3 no-policy-found x\.example ok mx=mx reason=a\\x20b;'
is "others have their own" "$(results)" '1 no-policy-found x.example starttls-not-supported mx=mx reason=a\x20b;1 no-policy-found y.example ok mx=mx reason=a\x20b;3 no-policy-found x.example ok mx=mx reason=a\x20b;'
is "a pass writes one record, at its end" "$(cut -d' ' -f1 "spool/tlsrpt/$(today)" | uniq | tr '\n' ' ')" "sums at tls end "
is "nobody else reads it" "$(stat -c %a "spool/tlsrpt/$(today)")" 600
printf 'sums 1\nat 5\ntls 9 no' >>"spool/tlsrpt/$(today)"
add tls-evil-'Result'@x.example tls-ok@x.example >/dev/null
add --requiretls=yes a@weak.example >/dev/null
b=$(add later@frail.x.example)
pass
is "a record behind one that a power failure cut begins a line" "$(grep -A1 '^tls 9 no$' "spool/tlsrpt/$(today)" | tail -1)" "sums 1"
is "what planning found counts, also without a plan" "$(results | grep -o '1 sts frail[^;]*\|1 no-policy-found weak[^;]*' | tr '\n' ';')" \
	"1 no-policy-found weak.example starttls-not-supported;1 sts frail.x.example sts-policy-fetch-error;"
unlike "a result that is none does not" "$(results)" Result
for i in 1 2; do
	forward 601
	pass
done
is "T46 an attempt each, later" "$(mox-queue-list -id "$b" -o attempts,code)" $'3\t-'
forward 601
pass
is "T46 with three attempts made, the question says so and the mail goes" "$(grep -c 'later@frail' log)" 1

# ---- days ----
noon
forward 86400
d1=$(today)
before() { date -u -d "$d1 -$1 days" +%Y%m%d; }
rm -f spool/tlsrpt/*
for i in 0 1 2 3 9 10 11; do touch "spool/tlsrpt/$(before "$i")" "spool/tlsrpt/$(before "$i").sent" "spool/tlsrpt/$(before "$i").failed"; done
touch spool/tlsrpt/20200101 spool/tlsrpt/README spool/tlsrpt/suppress
start runq mox-runq -w
tls_known() { grep -q "$1" log; }
add tls-ok@d1.example >/dev/null
wait_until tls_known tls-ok@d1
forward 86400
add tls-ok@d2.example >/dev/null
wait_until tls_known tls-ok@d2
stop runq
is "the day a result came decides its file" "$(grep -h ' ok ' "spool/tlsrpt/$d1" "spool/tlsrpt/$(today)" | cut -d' ' -f4 | tr '\n' ' ')" "d1.example d2.example "
is "results go when they are older than 48 hours, ledgers after ten days; not what is neither" "$(printf "%s\n" spool/tlsrpt/* | sed 's/.*\///' | sort | tr '\n' ' ')" \
	"$({ for i in 0 1 2; do before "$i"; done; for i in 0 1 2 3 9 10; do printf '%s.sent\n%s.failed\n' "$(before "$i")" "$(before "$i")"; done; printf 'README\nsending\nsuppress\n'; today; } | sort | tr '\n' ' ')"
forward 86400
for i in 1 2 3 4 5 6 7; do add "flood$i@evil.example"; done >/dev/null
pass
add tls-ok@evil.example tls-ok@x.example >/dev/null
pass
day=spool/tlsrpt/$(today)
is "a server that says something else each time has its share of the file" "$(($(stat -c %s "$day") > 2100000))" 0
is "what is more is summed, without its words" "$(awk '$3 == "sts" { n += $2; bare += NF == 5 ? $2 : 0 } END { print n, (bare > 100 && bare < 250) }' "$day")" "700 1"
is "and nobody else's" "$(grep -c 'no-policy-found x.example ok mx=' "$day")" 1
forward 86400
truncate -s 64M "spool/tlsrpt/$(today)"
add tls-ok@x.example >/dev/null
pass
is "a file that is full stays as it is" "$(stat -c %s "spool/tlsrpt/$(today)")" $((64 << 20))
is "and a person is told" "$(grep -c 'level=alert event=tlsrpt-full' err)" 1
forward 86400
mkdir "spool/tlsrpt/$(today)"
add tls-ok@dirt.example >/dev/null
pass
is "what cannot be written is told once" "$(grep -c 'level=warn event=tlsrpt-lost' err)" 1
is "and delays nothing" "$(grep -c tls-ok@dirt log)" 1
forward 86400
echo 'tlsrpt-results = false' >>conf
add tls-ok@x.example >/dev/null
pass
ok "switched off" test ! -e "spool/tlsrpt/$(today)"

# ---- known support ----
ok "no session said anything of support: no file" test ! -e spool/support
start runq2 mox-runq -w
said() { [ "$(grep -c "$1" log)" = "$2" ]; }
add session@k.example >/dev/null
ok "what a session says of support is kept" wait_until test -s spool/support
cp spool/support before
forward 3600
add session@k.example >/dev/null
wait_until said session@k 2
add sent@marker.example >/dev/null
wait_until said sent@marker 1
ok "not again within a day" cmp before spool/support
add session-weak@k.example >/dev/null
changed() { ! cmp -s before spool/support; }
ok "a change is" wait_until changed
cp spool/support before
add session@bücher.k.example >/dev/null
ok "of an IDN, too" wait_until changed
printf 'spool = "%s/spool"\ndns { forward = { "127.0.0.1@9" } trust-anchor = "none" }\n' "$T" >idn.conf
like "under the name that others know it by" "$("$MOX_BIN/mox-nexthop" -C idn.conf -v xn--bcher-kva.k.example 2>/dev/null)" \
	'support starttls=yes requiretls=yes'
stop runq2

# ---- with the real mox-deliver ----
. "$TOP/t/mx.sh"
cp "$MOX_BIN/mox-deliver" bin/mox-deliver
sink tls -k STARTTLS,PIPELINING,REQUIRETLS
forward 86400
sed -i '/^tlsrpt-results/d' conf
printf 'smtp-port = %s\nsite "*" { connections = 1 }\n' "$PORT" >>conf
export FAKE_ADDR=127.0.0.1
for i in 1 2 3; do add a@real.example b@real.example; done >/dev/null
ok "a pass with it" pass
is "T53 sessions are counted, not messages" "$(sed 's/ mx=.*//' "spool/tlsrpt/$(today)" | grep '^tls . no-policy')" "tls 1 no-policy-found real.example ok"
add --requiretls=no a@testing.real.example >/dev/null
pass
like "a policy under test is judged all the same" "$(grep ' sts ' "spool/tlsrpt/$(today)")" \
	'^tls 1 sts testing\.real\.example certificate-[a-z-]* .*policy=mode:.x20testing'
like "the log says how it went" "$(grep 'event=sent.*a@real' err | tail -1)" 'session=".* tls=TLS1.3 verified=none .*starttls=yes requiretls=yes'

# ---- refresh ----
touch mtasts
forward 200000
pass
is "no policy, no refresh" "$(cat mtasts)" ""
touch spool/sts/example.org
pass
is "the first policy has only just come" "$(cat mtasts)" ""
forward $((21 * 3600))
pass
is "not before its time" "$(cat mtasts)" ""
forward $((6 * 3600))
pass
is "T41 once a day" "$(cat mtasts)" refresh
pass
is "and no more" "$(cat mtasts)" refresh
echo 111 >mtasts-exit
forward $((27 * 3600))
pass
pass
is "one that fails waits its day, too" "$(wc -l <mtasts)" 2
is "and is told" "$(grep -c 'event=refresh-failed code=111' err)" 1
rm bin/mox-mtasts
forward $((27 * 3600))
ok "without it: told" pass
is "as such" "$(grep -c 'event=refresh-failed error=' err)" 1
done_testing
