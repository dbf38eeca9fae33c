#!/bin/bash
# A relay that falls silent, at whatever point of a session with TLS and a login: it is given up in time, and the mail waits. All cases run at once.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
JOB_HOST=mx%d.test
"$TOP/t/world/certs" "$T/certs" mx1.test
umask 077
printf 'pencil\n' >password
who="host = \"mx1.test\" username = \"user\" password-file = \"$T/password\""
cat >mox.conf <<X
hostname = "client.test"
ca-file = "$T/certs/ca.pem"
timeouts { connect = "1s" greeting = "1s" ehlo = "1s" starttls = "1s" mail = "1s" rcpt = "1s" data = "1s" block = "1s" dot = "1s" quit = "1s" session = "20s" }
transport "relay" { type = submission $who mechanisms = { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256" } }
transport "login" { type = submission $who mechanisms = { "LOGIN" } }
transport "late" { type = submissions $who mechanisms = { "PLAIN" } }
transport "token" { type = submissions host = "mx1.test" username = "user" token-command = "echo token" }
X
talk() { printf 'cert %s/certs/good\ngreet STARTTLS\nC: STARTTLS\nS: 220 go\nstarttls\nC: EHLO client.test\nS: 250-mx1.test\nS: 250 AUTH %s\n' "$T" "$1"; }
implicit() { printf 'cert %s/certs/good\nstarttls\nS: 220 mx1.test\nC: EHLO client.test\nS: 250-mx1.test\nS: 250 AUTH %s\n' "$T" "$1"; }
logged_in() { talk PLAIN && echo 'auth PLAIN user pencil' && printf '%s\n' "$@"; }
declare -A script way
case_of() { # NAME TRANSPORT <SCRIPT
	way[$1]=$2
	script[$1]=$(cat)
}
case_of greeting relay <<<stall
case_of ehlo relay <<<$'S: 220 mx1.test\nC: EHLO *\nstall'
case_of starttls relay <<<$'greet STARTTLS\nC: STARTTLS\nstall'
case_of handshake relay <<<$'greet STARTTLS\nC: STARTTLS\nS: 220 go\nstall'
case_of ehlo_in_tls relay < <(talk x | sed '/^S: 250-mx1/,$d'; echo stall)
case_of implicit_handshake late <<<stall
case_of implicit_greeting late < <(implicit x | sed '/^S: 220/,$d'; echo stall)
case_of scram_challenge relay < <(talk SCRAM-SHA-256; echo "auth SCRAM-SHA-256 user pencil hush=1")
case_of scram_proof relay < <(talk SCRAM-SHA-256; echo "auth SCRAM-SHA-256 user pencil hush=2")
case_of scram_end relay < <(talk SCRAM-SHA-256; echo "auth SCRAM-SHA-256 user pencil hush=3")
case_of cram_challenge relay < <(talk CRAM-MD5; echo "auth CRAM-MD5 user pencil hush=1")
case_of cram_end relay < <(talk CRAM-MD5; echo "auth CRAM-MD5 user pencil hush=2")
case_of plain_end relay < <(talk PLAIN; echo "auth PLAIN user pencil hush=1")
case_of login_name login < <(talk LOGIN; echo "auth LOGIN user pencil hush=1")
case_of login_password login < <(talk LOGIN; echo "auth LOGIN user pencil hush=2")
case_of login_end login < <(talk LOGIN; echo "auth LOGIN user pencil hush=3")
case_of token_end token < <(implicit OAUTHBEARER; echo "auth OAUTHBEARER user token hush=1")
case_of token_refused token < <(implicit OAUTHBEARER; echo "auth OAUTHBEARER user token json" | sed 's/ json/x hush=2/')
case_of called_off relay < <(talk CRAM-MD5; printf 'C: AUTH CRAM-MD5\nS: 334 ?!\nC: *\nstall\n')
case_of mail relay < <(logged_in 'C: MAIL *' stall)
case_of rcpt relay < <(logged_in 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' stall)
case_of data relay < <(logged_in 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' stall)
case_of block relay < <(logged_in 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' 'S: 354 go' stall)
case_of dot relay < <(logged_in 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' 'S: 354 go' D: stall)
case_of quit relay < <(logged_in 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' 'S: 354 go' D: 'S: 250 taken' 'C: QUIT' stall)
case_of refused_quit relay < <(talk PLAIN; printf 'C: AUTH PLAIN *\nS: 454 4.7.0 not now\nC: QUIT\nstall\n')
# A queue of connections that nobody takes is full: the next one has no answer.
cat >deaf.py <<'X'
import socket, time
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(0)
held = []
for _ in range(8):
    s = socket.socket(); s.settimeout(0.2); held.append(s)
    try: s.connect(l.getsockname())
    except OSError: break
print("listening", l.getsockname()[1], flush=True)
time.sleep(60)
X
yes 'a line of seventy bytes, which is what most lines of a letter are like' | head -n 110000 | sed 's/$/\r/' >big.msg
start deaf python3 deaf.py
_listening deaf
way[connect]=relay
for k in "${!way[@]}"; do
	if [ "$k" = connect ]; then PORT=$PORT_deaf; else mx "$k" -b 2304 <<<"${script[$k]}"; fi
	[ "$k" = block ] && JOB_MESSAGE=$T/big.msg
	job "$k" "$PORT/pkix" -- a@x.test
	JOB_MESSAGE=$T/message
	(
		before=${EPOCHREALTIME/./}
		timeout 30 fake-runq -k -T "${way[$k]}" "$k.job" >"$k.report" 2>"$k.deliver.log"
		echo "$? $(((${EPOCHREALTIME/./} - before) / 1000))" >"$k.ms"
	) &
	eval "run_$k=$!"
done
for k in $(printf '%s\n' "${!way[@]}" | sort); do
	v="run_$k"
	wait "${!v}"
	read -r code ms <"$k.ms"
	case $k in
	quit) want='^0 sent 250' ;;
	refused_quit) want='^0 later 454 4\.7\.0' ;;
	called_off) want='^0 later 0 4\.7\.0 .*no\\x20base64' ;;
	*) want='^0 later 0 4\.4\.[12] ' ;;
	esac
	like "T93 $k" "$code $(sed -n 's/^rcpt 1 //p' "$k.report")" "$want" || cat "$k.report" "$k.deliver.log" "$k".d/*.log 2>/dev/null | diag
	ok "T93 $k: in its time, $ms ms" [ "$ms" -ge 900 -a "$ms" -lt 15000 ]
	unlike "$k: nothing tells the password" "$(cat "$k.report" "$k.deliver.log")" 'pencil|cGVuY2ls'
done
is "T94 only behind the final dot it may have been delivered" "$(grep -l '^maybe yes' ./*.report)" ./dot.report
is "nobody is said to have refused a login who was silent" "$(grep -l login-refused ./*.deliver.log)" "./refused_quit.deliver.log"
done_testing
