#!/bin/bash
# What was said in the last session that failed: keep-transcripts, mox-queue-show. No secret and no message stands in it.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
"$TOP/t/world/certs" "$T/certs" relay.example
umask 022
echo 0 >clock
SECRET=Tr0ub4dor-and-3
echo "$SECRET" >password
chmod 600 password
export MOX_CONF=$T/mox.conf MOX_TEST_CLOCK=$T/clock TZ=UTC
conf() { # TRANSPORT KEYS; OTHER KEYS
	cat >mox.conf <<-S
		hostname = "me.test"
		spool = "$T/spool"
		ca-file = "$T/certs/ca.pem"
		retry { intervals = { "10m" } jitter = false give-up = "1d" }
		timeouts { quit = "1s" connect = "2s" }
		max-messages-per-day = 0
		max-first-recipients-per-day = 0
		transport "out" { $1 }
		route { transport = "out" }
		${2-}
	S
}
plain() { conf "type = smtp host = \"127.0.0.1\" port = $1 starttls = never" "${2-}"; }
add() { mox-queue-add -f s@me.test "$@" <<<$'Subject: x\n\nthe body' | sed 's/^id //'; }
pass() { timeout 60 mox-runq 2>>runq.log; }
forward() { echo $(($(cat clock) + $1)) >clock; }
said() { mox-queue-show "$1" | sed -n 's/^transcript *[0-9]* //p'; }

# ---- replies ----
mx relay <<'S'
== repeat
greet PIPELINING, SIZE 1000000, CHUNKING
on RCPT TO:<later@*> => 451-4.2.0 Come\n451 4.2.0 \x1b[2Jlater \xff!
on RCPT TO:<never@*> => 550 5.1.1 nobody
accept
S
plain "$PORT"
sent=$(add sent@x.test)
mixed=$(add sent@x.test never@x.test later@x.test sent2@x.test)
pass
is "who was sent has none" "$(said "$sent")" ""
is "the whole session, from its beginning" "$(said "$mixed" | sed "s/$PORT/PORT/; s/$mixed/ID/; s/SIZE=[0-9]*/SIZE=N/; s/[0-9]* bytes/N bytes/; s/BDAT [0-9]*/BDAT N/")" \
	'*: connected to 127.0.0.1[127.0.0.1] port PORT
S: 220 mx.test ESMTP
C: EHLO me.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250 CHUNKING
*: message ID
C: MAIL FROM:<s@me.test> SIZE=N
C: RCPT TO:<sent@x.test>
C: RCPT TO:<never@x.test>
C: RCPT TO:<later@x.test>
C: RCPT TO:<sent2@x.test>
C: BDAT N LAST
C: [withheld] N bytes
S: 250 2.0.0 fine
S: 250 2.0.0 fine
S: 550 5.1.1 nobody
S: 451-4.2.0 Come
S: 451 4.2.0 \x1b[2Jlater \xff!
S: 250 2.0.0 fine
S: 250 2.0.0 taken'
like "when, and of whom" "$(mox-queue-show "$mixed" | grep ^session)" '^session     20[0-9T:-]*Z recipients 2,3$'
like "milliseconds" "$(mox-queue-show "$mixed")" $'transcript  +[0-9]+ S: 550 5.1.1 nobody\n'
is "in JSON: a list of lines, at those whom it concerns" "$(mox-queue-show -j "$mixed" | python3 -c 'import json,sys
for r in map(json.loads, sys.stdin): print(r["id"][-1], len(r.get("transcript", [])), [l[7:] for l in r.get("transcript", []) if "nobody" in l])' | sort)" "1 0 []
2 22 ['S: 550 5.1.1 nobody']
3 22 ['S: 550 5.1.1 nobody']
4 0 []"
unlike "no message" "$(cat spool/index/transcript.db | tr -d '\0')" 'the body|Subject:'

# A connection that was kept: how it began, and then this message alone.
a=$(add sent@y.test) b=$(add sent@y.test later@y.test) c=$(add sent3@y.test)
pass
is "a kept connection: its beginning, and this message" "$(said "$b" | grep -c 'EHLO') $(said "$b" | grep -c 'MAIL FROM') $(said "$b" | grep -c sent3) $(said "$a")$(said "$c")" "1 1 0 "
is "and only of it" "$(said "$b" | grep '^.: message')" "*: message $b"

# ---- the newest counts; it lives as long as the message is known ----
forward 601
pass
is "the second attempt takes its place" "$(mox-queue-show "$mixed" | grep ^session | sed 's/.*Z //') $(said "$mixed" | grep -c never)" "recipients 3 0"
start runq mox-runq -w
wait_until test -S spool/ctl
wait_until mox-queue-list
is "a restart keeps it" "$(said "$mixed" | grep -c '^S: 451')" 2
stop runq KILL
is "a kill, too" "$(said "$mixed" | grep -c '^S: 451')" 2
forward 90000
pass
is "given up: in the history" "$(mox-queue-list -o id | wc -l) $(mox-retired-list -o result -id "$mixed.3") $(said "$mixed" | grep -c '^S: 451')" "0 failed 2"
like "as JSON" "$(mox-queue-show -j "$mixed.3")" '"transcript":\[" +[0-9]+ \*: connected'
forward $((86400 * 8))
pass
pass
is "and goes with that" "$(mox-retired-list -o id -id "$mixed") $(tr -d '\0' <spool/index/transcript.db | grep -c "message $mixed")" " 0"
stop relay

# ---- who cannot be reached ----
plain 1
a=$(add x@x.test)
pass
is "each address and its error" "$(said "$a")" '*: unable to connect to 127.0.0.1[127.0.0.1] port 1: Connection refused'
conf 'type = smtp host = { "127.0.0.1", "127.0.0.2" } port = 1 starttls = never'
a=$(add x@y.test)
pass
is "of several" "$(said "$a" | cut -d: -f2-3)" ' unable to connect to 127.0.0.1[127.0.0.1] port 1: Connection refused
 unable to connect to 127.0.0.2[127.0.0.2] port 1: Connection refused'
mx relay <<'S'
S: 220 mx
C: EHLO *
close
S
plain "$PORT"
a=$(add x@z.test)
pass
is "a connection that is lost" "$(said "$a" | tail -2)" 'C: EHLO me.test
*: the connection was lost'
mx relay <<'S'
S: 554 5.7.1 not you
C: QUIT
S: 221 bye
S
plain "$PORT"
a=$(add x@z2.test)
pass
is "a greeting that is none" "$(said "$a" | tail -3)" 'S: 554 5.7.1 not you
C: QUIT
S: 221 bye'

# ---- TLS ----
mx relay -t 60 <<S
cert $T/certs/ip
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
C: EHLO me.test
S: 250 mx
on RCPT * => 451 no
accept
==
cert $T/certs/other
greet STARTTLS
C: STARTTLS
S: 220 go
starttls
S
conf "type = smtp host = \"127.0.0.1\" port = $PORT starttls = must tls-verify = pkix"
a=$(add x@x.test)
pass
like "STARTTLS: the protocol, and who vouches for the server" "$(said "$a")" $'C: STARTTLS\nS: 220 go\n\*: TLS1.3 [A-Z0-9-]+\n\*: verified=pkix\nC: EHLO me.test'
mox-queue-hold -all >/dev/null 2>&1
b=$(add x@y.test)
pass
like "or why none does" "$(said "$b")" $'\*: TLS1.3 [A-Z0-9-]+\n\*: the server is not proved to be 127.0.0.1: '
stop relay

# ---- secrets ----
everything() { { find spool -type f -exec cat {} +; cat runq.log; } | tr -d '\0'; }
hidden() { # in plain and in base64, wherever it begins
	local s=$1 i
	printf '%s' "$s"
	for i in 0 1 2; do printf '|%s' "$(printf '%s%s' "${s:0:$i}" "$s" | tail -c +$((i + 1)) | tail -c +$((i + 1)) | base64 -w0 | head -c 12)"; done
	printf '|%s|%s' "$(printf '\0u\0%s' "$s" | base64 -w0 | tr -d =)" "$(printf '\0u\0%s' "$s" | base64 -w0 | head -c 20)"
}
is "what is looked for would be found" "$(printf 'x %s\n%s\n%s\n%s\n' "$SECRET" "$(printf 'a%s' "$SECRET" | base64)" "$(printf '\0u\0%s' "$SECRET" | base64)" "$(base64 password)" | grep -cE "$(hidden "$SECRET")")" 4
for mechanism in PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2; do
	secret="password-file = \"$T/password\" mechanisms = { \"$mechanism\" }"
	case $mechanism in *OAUTH*) secret="token-command = \"cat $T/password\" mechanisms = { \"$mechanism\" }" ;; esac
	mx relay -t 5 <<-S
		cert $T/certs/ip
		starttls NORMAL:-VERS-ALL:+VERS-TLS1.2
		S: 220 mx
		C: EHLO *
		S: 250-mx
		S: 250 AUTH $mechanism
		auth $mechanism u $SECRET
		on RCPT * => 451 no
		accept
	S
	conf "type = submissions host = \"127.0.0.1\" port = $PORT username = \"u\" $secret"
	a=$(add "x@$mechanism.test")
	pass
	like "$mechanism: that, and no more" "$(said "$a" | grep -A1 AUTH)" $'C: AUTH '"$mechanism"'( \[withheld\])?'$'\n''S: (334 \[withheld\]|235 )'
	is "$mechanism: the login and the refusal" "$(said "$a" | grep -c 'S: 235\|S: 451')" 2
	is "$mechanism: no secret in spool or log" "$(everything | grep -cE "$(hidden "$SECRET")")" 0
	stop relay
done
mx relay <<S
cert $T/certs/ip
starttls
S: 220 mx
C: EHLO *
S: 250-mx
S: 250 AUTH PLAIN
C: AUTH PLAIN *
S: 535 5.7.8 unknown: AUTH PLAIN $(printf '\0u\0%s' "$SECRET" | base64 -w0), oh
S
conf "type = submissions host = \"127.0.0.1\" port = $PORT username = \"u\" password-file = \"$T/password\" mechanisms = { \"PLAIN\" }"
a=$(add x@echo.test)
pass
like "a server that repeats what it was told" "$(said "$a")" 'S: 535 5.7.8 '
is "tells nobody else" "$(everything | grep -cE "$(hidden "$SECRET")")" 0
stop relay

# ---- size ----
mx relay <<S
== repeat
greet
on RCPT * => 451-$(printf 'x%.0s' {1..500})\n451 y
accept
S
plain "$PORT" 'keep-transcripts = "2k"'
a=$(add r{1..90}@x.test)
pass
like "beginning and end, the middle is cut" "$(said "$a"x 2>&1; mox-queue-show "$a" | sed -n 's/^transcript *//p')" $'connected to .*\n\[... [0-9]+ lines left out ...\]\n.*RCPT TO:<r90@x.test>.*451 y'
is "so large at most" "$(($(mox-queue-show "$a" | sed -n 's/^transcript  //p' | wc -c) <= 2048))" 1
plain "$PORT"
a=$(add r{1..90}@y.test)
pass
is "16k when nothing is said" "$(n=$(mox-queue-show "$a" | sed -n 's/^transcript  //p' | wc -c); echo $((n > 12000 && n <= 16384)))" 1
plain "$PORT" 'keep-transcripts = "0"'
a=$(add x@none.test)
pass
is "0: none" "$(said "$a") $(tr -d '\0' <spool/index/transcript.db | grep -c none.test)" " 0"
fails 100 "more than there is room for" env MOX_CONF=<(sed 's/"0"/"20k"/' mox.conf) mox-runq -t
done_testing
