#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Signatures of the queue: from sendmail to the peer with the real mox-runq, mox-dkim, mox-nexthop and mox-deliver; then with a mox-dkim
# that is killed, dies, has no key.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0
echo 0 >clock
mox-dkim genkey rsa.pem >/dev/null
mox-dkim genkey -t ed25519 ed.pem >/dev/null
mkdir got
sink s -k 8BITMIME,SMTPUTF8 -d "$T/got"
conf() { # lines of domain "example.org"
	cat >conf <<-X
		hostname = "me.example"
		postmaster = "boss@example.org"
		spool = "$T/spool"
		reserve = "64k"
		log-level = debug
		dns { forward = { "127.0.0.1@9" } }
		retry { intervals = { "30m" } jitter = false delay-notice = "4d" }
		transport "sink" { type = smtp host = "127.0.0.1" port = $PORT_s starttls = never }
		route { transport = "sink" }
		domain "example.org" {
		$1
		}
		domain "off.example.org" { }
		domain "nokey.example" { dkim "x" { key = "$T/late.pem" } }
	X
}
keys='dkim "r" { key = "'$T'/rsa.pem" }
dkim "e" { key = "'$T'/ed.pem" canonicalization = "simple/simple" }'
conf "accounts = { \"alerts\" }
$keys"
value() { mox-dkim txt "$1" | grep -o '"[^"]*"' | tr -d '"\n'; }
value rsa.pem >rsa.rec
value ed.pem >ed.rec
pass() { timeout 60 mox-runq 2>>err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
fresh() { rm -f got/*; : >err; }
newest() { find got -type f | sort | tail -n 1; }
# The message as the peer got it, in CRLF.
taken() { sed '1,/^$/d' "${1:-$(newest)}"; }
signers() { taken "$@" | sed -n '/^\r$/q; s/^DKIM-Signature: .* a=\([a-z0-9]*\)-.* d=\([^;]*\);.*/\1@\2/p' | paste -sd' '; }
ours() { # what mox-dkim says of both
	echo "$(taken "$@" | mox-dkim verify -k "$(cat rsa.rec)" | sed -n '1s/ .*//p') $(taken "$@" | mox-dkim verify -k "$(cat ed.rec)" | sed -n '2s/ .*//p')"
}
add() { mox-queue-add "$@" | sed 's/^id //'; }
from() { printf 'From: %s\nTo: b@x.example\nSubject: hello\n\nHello,  you \n.\n\n' "$1"; }
col() { mox-queue-list -id "$1" -o "$2" | tr '\n' ' ' | sed 's/ $//'; }

# ---- the referees ----
cat >referee.py <<'P'
import dkim, sys
records = {b'r._domainkey.example.org.': open('rsa.rec', 'rb').read(), b'e._domainkey.example.org.': open('ed.rec', 'rb').read()}
d = dkim.DKIM(sys.stdin.buffer.read())
print(*[d.verify(idx=i, dnsfunc=lambda name, timeout=5: records.get(name)) for i in range(2)])
P
python=/usr/bin/python3
$python -c 'import dkim, nacl' 2>/dev/null || python=
peers=$("$TOP/t/peers/fetch" 2>fetch.err) || peers=
printf 'r._domainkey.example.org %s\ne._domainkey.example.org %s\n' "$(cat rsa.rec)" "$(cat ed.rec)" >dns
printf 'Mode v\nClockDrift 10000000\nTestDNSData file:%s/dns\nTemporaryDirectory %s\n' "$T" "$T" >opendkim.conf
opendkim() {
	taken "$@" >opendkim.msg
	LD_LIBRARY_PATH=$(find "$peers/lib" -name 'libopendkim*.so*' -printf '%h\n' -quit 2>/dev/null):$(find "$peers/lib" -name 'libmilter*.so*' -printf '%h\n' -quit) \
		"$peers/opendkim/usr/sbin/opendkim" -x opendkim.conf -t opendkim.msg -vvv 2>&1 |
		grep -o 'dkim=[a-z]* .*header.a=[a-z0-9]*' | sed 's/ .*header.a=/:/' | paste -sd' '
}
all_agree() { # "name" [FILE]
	is "$1: ours" "$(ours "${@:2}")" "pass pass"
	if [ -n "$python" ]; then is "$1: dkimpy" "$(taken "${@:2}" | $python referee.py 2>&1)" "True True"; else skip "no python3-dkim" "$1: dkimpy"; fi
	if [ -n "$peers" ]; then is "$1: opendkim" "$(opendkim "${@:2}")" "dkim=pass:rsa dkim=pass:ed25519"; else skip "$(cat fetch.err)" "$1: opendkim"; fi
}

# ---- signed on their way ----
fails 100 "-t: a key that is not there" mox-runq -t
like "-t says which" "$(mox-runq -t 2>&1)" "mox-dkim: $T/conf: unable to read the key $T/late.pem: No such file or directory"
is "-t: the others are good" "$(touch late.pem; mox-runq -t 2>&1)" "mox-dkim: $T/conf: unable to use the key $T/late.pem: not a private key in PEM without a password"
rm late.pem

: >err
mox-sendmail -f alerts@example.org b@x.example <<<"$(from 'Alerts <alerts@Example.ORG>')"
ok "a message by sendmail, one pass" pass
is "both keys of the domain in From:" "$(signers)" "rsa@example.org ed25519@example.org"
all_agree "by sendmail"
is "nothing of it is left" "$(mox-queue-list)$(find spool/new spool/cur -type f)" ""
unlike "no complaint" "$(cat err)" 'event=(unsign|restart|nonsense)'

for c in relaxed/relaxed simple/simple relaxed/simple simple/relaxed; do
	conf "${keys//\}/ canonicalization = \"$c\" \}}"
	sed -i 's/canonicalization = "simple\/simple"  canon/canon/' conf
	for m in usual empty 8bit; do
		case $m in
		usual) from a@example.org ;;
		empty) printf 'From: a@example.org\n' ;;
		8bit) printf 'From: a@example.org\nSubject: folded \n\tand  spaced\t\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9fe\t \n\n.dot' ;;
		esac | add -f a@example.org --origin local b@x.example >/dev/null
		pass
		is "$c $m: as configured" "$(taken | grep -o ' c=[a-z/]*' | paste -sd' ')" " c=$c  c=$c"
		all_agree "$c $m"
	done
done
conf "accounts = { \"alerts\" }
$keys"

# ---- who is signed ----
as() { # "name" SIGNERS WHY -- OPTIONS: the message on fd 0
	local name=$1 want=$2 why=$3
	shift 4
	fresh
	add -f x@y.example "$@" b@x.example >/dev/null
	pass
	is "$name" "$(find got -type f | wc -l) $(signers)" "1 $want"
	like "$name: why" "$(grep -E 'event=(un)?signed' err)" "$why"
}
both="rsa@example.org ed25519@example.org"
as "an account that may use the domain" "$both" 'event=signed id=[^ ]* domain=example.org' -- --origin local --account alerts < <(from a@example.org)
as "another, by the domain above it: the door lets that pass" "" 'level=info .*event=unsigned .*why="the account may not use the domain in From:"' -- \
	--origin local --account mallory < <(from a@sub.example.org)
as "the toolkit's own user" "$both" event=signed -- --origin local < <(from a@example.org)
as "a subdomain by the domain above it" "$both" event=signed -- --origin local --account alerts < <(from a@sub.example.org)
as "but not one with a section of its own without keys" "" 'level=debug .*event=unsigned' -- --origin local < <(from a@off.example.org)
as "a domain that is not ours" "" 'level=debug .*event=unsigned' -- --origin local < <(from a@other.example)
as "nor one that only ends alike" "" 'level=debug' -- --origin local < <(from a@notexample.org)
as "no From:" "" 'why="there is no From: field"' -- --origin local < <(printf 'Subject: x\n\nx\n')
as "several" "" 'why="there are several From: fields"' -- --origin local < <(printf 'From: a@example.org\nFrom: b@example.org\n\nx\n')
as "several domains in it" "" 'why="the addresses in From: are of several domains"' -- --origin local < <(printf 'From: a@example.org, b@other.example\n\nx\n')
as "mail from elsewhere is not even asked for" "" '^$' -- --origin elsewhere < <(from a@example.org)
is "nor is a mox-dkim started for it" "$(strace -f -qq -e trace=execve -o tr mox-runq </dev/null 2>/dev/null; from a@example.org | add -f a@b.example --origin elsewhere b@x.example >/dev/null; strace -f -qq -e trace=execve -o tr mox-runq 2>/dev/null; grep -c 'execve.*mox-dkim' tr)" 0

# ---- once, whatever comes ----
fresh
id=$(from a@example.org | add -f alerts@example.org --origin local drop-b@x.example c@x.example)
pass
is "the first attempt is signed" "$(signers)" "$both"
grep -A30 '^DKIM' "$(newest)" | sed '/^From/q' >first
is "... and fails" "$(mox-queue-list -o state | sort -u)" waiting
forward 4000
pass
is "the next, of another mox-runq, at another time" "$(find got -type f | wc -l)" 2
is "has the same signatures" "$(grep -A30 '^DKIM' "$(newest)" | sed '/^From/q')" "$(cat first)"
is "made once" "$(grep -c event=signed err)" 1
forward 4000
conf ''
pass
is "also when the keys are no longer configured" "$(grep -A30 '^DKIM' "$(newest)" | sed '/^From/q')" "$(cat first)"
conf "$keys"
rm -rf spool/index
forward 4000
pass
forward 4000
pass
is "a lost index: it is signed again" "$(signers)$(grep -c event=signed err)" "${both}2"
all_agree "signed again"
ok "what is left of it is held" mox-queue-hold "$id"
fresh
start runq mox-runq -w
wait_until mox-queue-list
from a@example.org | add -f alerts@example.org --origin local drop-k@x.example >/dev/null
arrived() { [ "$(find got -type f | wc -l)" -ge "$1" ]; }
wait_until arrived 1
stop runq KILL 2>/dev/null
grep -A30 '^DKIM' "$(newest)" | sed '/^From/q' >first
forward 4000
pass
is "killed behind the first attempt: the same signatures" "$(find got -type f | wc -l) $(grep -A30 '^DKIM' "$(newest)" | sed '/^From/q')" "2 $(cat first)"
mox-queue-backup copy 2>/dev/null && cp first first.copy
mox-queue-list -to drop-k@x.example -o id | mox-queue-hold - 2>/dev/null

# ---- notices ----
fresh
from x@y.example | add -f alerts@example.org --origin elsewhere 550-b@x.example >/dev/null
pass
pass
like "a notice of ours" "$(taken)" 'Content-Type: multipart/report'
is "its From: is nobody's here: unsigned" "$(signers)" ""
sed -i 's/me\.example/me.example.org/' conf
from x@y.example | add -f alerts@example.org --origin elsewhere 550-b@x.example >/dev/null
pass
pass
is "from a domain with keys it is signed" "$(signers)" "$both"
all_agree "a notice"

# ---- a key that is not there ----
fresh
id=$(from a@nokey.example | add -f a@nokey.example --origin local b@x.example)
other=$(from a@example.org | add -f a@example.org --origin local c@x.example)
pass
is "without its key mail waits" "$(col "$id" state,attempts)" "waiting$(printf '\t')1"
like "and says why" "$(col "$id" error)" "4.3.5 the message cannot be signed: unable to read the key $T/late.pem: No such file or directory"
like "with an alert" "$(cat err)" "level=alert .*event=unsignable id=$id why=.*late.pem"
is "but not that of others" "$(mox-queue-list -id "$other" -o id; signers)" "$both"
mox-dkim genkey late.pem >/dev/null
forward 2000
pass
is "when it is there the mail goes, signed" "$(signers)" "rsa@nokey.example"
fresh
mv late.pem away.pem
start runq mox-runq -w
wait_until mox-queue-list
id=$(from a@nokey.example | add -f a@nokey.example --origin local b@x.example)
put_off() { [ "$(col "$id" state)" = waiting ]; }
ok "a running mox-runq puts it off as well" wait_until put_off
mv away.pem late.pem
kill -HUP "$PID_runq"
mox-queue-schedule -id "$id" now 2>/dev/null
ok "SIGHUP: the keys are read anew" wait_until arrived 1
is "signed" "$(signers)" "rsa@nokey.example"

# ---- a mox-dkim that dies ----
dkim_pid() { pgrep -P "$PID_runq" -x mox-dkim; }
sends() { for i in $(seq "$1"); do from a@example.org | add -f a@example.org --origin local "n$i@x.example"; done >/dev/null; }
unsigned() { for f in got/*; do [ "$(signers "$f")" = "$both" ] || echo "$f"; done; }
fresh
sends 1
wait_until arrived 1
like "it is shut off" "$(grep -E '^(Seccomp|NoNewPrivs)' "/proc/$(dkim_pid)/status" | tr -d '\t\n')" 'NoNewPrivs:1Seccomp:2'
kill -KILL "$(dkim_pid)"
sends 3
ok "killed between questions: another one" wait_until arrived 4
kill -STOP "$(dkim_pid)"
sends 30
all_there() { [ "$(mox-queue-list -o id | wc -l)" -ge 30 ]; }
wait_until all_there
kill -KILL "$(dkim_pid)"
ok "killed with questions under way: they are asked again" wait_until arrived 34
is "all signed" "$(unsigned)" ""
is "each once" "$(find got -type f | wc -l)" 34
stop runq
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-queue-* "$MOX_BIN"/mox-nexthop "$MOX_BIN"/mox-deliver "$MOX_BIN"/mox-dsn bin/
rm -f bin/*.c
printf '#!/bin/sh\nexit 1\n' >bin/mox-dkim
chmod +x bin/mox-dkim
fresh
id=$(from a@example.org | add -f a@example.org --origin local b@x.example)
for i in 1 2 3; do from a@example.org | add -f a@example.org --origin local "c$i@x.example" >/dev/null; done
PATH=$T/bin:$PATH pass
is "one that never lives: all grow old by it, in a pass, too" "$(mox-queue-list -hold no -o attempts,state | sort | uniq -c | tr -s ' \t' ' ')" " 4 1 waiting"
is "one that never lives: nothing goes out unsigned" "$(find got -type f | wc -l)" 0
like "the mail waits and says why" "$(col "$id" state) $(col "$id" error)" '^waiting 4\.3\.0 the message cannot be signed: mox-dkim '
like "with an alert" "$(cat err)" "level=alert .*event=unsignable id=$id why=\"mox-dkim"
cat >bin/mox-dkim <<'P'
#!/usr/bin/python3
import os, socket
s = socket.socket(fileno=0)
while s.recv(65536): s.send(b'signed by me\n')
P
: >err
forward 4000
PATH=$T/bin:$PATH pass
like "one that talks nonsense: the same" "$(col "$id" state) $(col "$id" error)" '^waiting 4\.3\.0 the message cannot be signed: mox-dkim '
like "and the log says so" "$(cat err)" 'event=nonsense command=mox-dkim'
forward 4000
pass
is "the true one signs it at last" "$(find got -type f | wc -l) $(signers)" "4 $both"
# ---- a copy ----
conf "$keys"
fresh
for i in 1 2 3; do # when it was due is not in a copy
	forward 4000
	MOX_SPOOL=$T/copy pass
done
is "restored from a backup: the same signatures" "$(grep -A30 '^DKIM' "$(newest)" | sed '/^From/q')" "$(cat first.copy)"
done_testing
