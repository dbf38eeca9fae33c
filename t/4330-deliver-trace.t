#!/bin/bash
# The SMTP dialogue in the log: log-level trace, and what it withholds unless asked by name.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
JOB_HOST=mx%d.test
"$TOP/t/world/certs" "$T/certs" mx1.test
umask 077
echo pencil >password
JOB_FLAGS='dot'
SECRET=AHVzZXIAcGVuY2ls
printf 'From: s@client.test\r\nSubject: dialogue\r\n\r\nThe body of it.\r\n.dotted\r\n' >"$T/message"

conf() { # LEVEL
	cat >mox.conf <<-S
		hostname = "client.test"
		ca-file = "$T/certs/ca.pem"
		log-level = $1
		timeouts { quit = "1s" }
		transport "relay" { type = submission host = "mx1.test" username = "user" password-file = "$T/password" mechanisms = { "PLAIN" } }
	S
}
# session DATA-OR-BDAT: a login and a message; the dialogue, decoded, in $DIALOGUE
session() {
	mx s -t 10 < <(
		printf 'cert %s/certs/good\ngreet STARTTLS\nC: STARTTLS\nS: 220 go\nstarttls\nC: EHLO client.test\n' "$T"
		printf 'S: 250-mx1.test\n%sS: 250 AUTH PLAIN\nauth PLAIN user pencil\n' "${1:+S: 250-$1
}"
		printf 'C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\n'
		[ -n "$1" ] && printf 'C: BDAT *\nD: bdat\n' || printf 'C: DATA\nS: 354 go\nD:\n'
		echo 'S: 250 taken'
	)
	job a "$PORT/pkix" -- a@x.test
	deliver -T relay a
	mx_wait s
	like "delivered ${1:-DATA} at $(sed -n 's/^log-level = //p' mox.conf)" "$(fate a 1)" '^sent 250' || diag <"$T/deliver.log"
	DIALOGUE=$(sed -n 's/.* level=trace event=smtp peer=mx1.test pid=[0-9]* line="\{0,1\}\(.*[^"]\)"\{0,1\}$/\1/p' "$T/deliver.log")
}

conf debug
session ''
is "at debug there is no dialogue" "$DIALOGUE" ''

conf trace
session ''
is "trace: line by line, without what is secret" "$(sed 's/^\* TLS.*/* TLS/; s/^S: 250 \(SIZE\|STARTTLS\|AUTH\)/S: 250-\1/' <<<"$DIALOGUE" | grep -v '^S: 2[25]0[- ]')" \
	"* connected to mx1.test[127.0.0.1] port $PORT
C: EHLO client.test
C: STARTTLS
* TLS
* verified=pkix
C: EHLO client.test
C: AUTH PLAIN [withheld]
S: 235 2.7.0 welcome
* message $(sed -n 's/^id //p' a.job)
C: MAIL FROM:<s@client.test>
C: RCPT TO:<a@x.test>
C: DATA
S: 354 go
C: [withheld] $(($(stat -c %s "$T/message") + 1)) bytes
C: .
C: QUIT
S: 221 2.0.0 bye"
session CHUNKING
like "BDAT likewise" "$DIALOGUE" $'\nC: BDAT [0-9]+ LAST\nC: \\[withheld\\] [0-9]+ bytes\n'

conf trace-auth
session ''
like "trace-auth: the password" "$DIALOGUE" "C: AUTH PLAIN $SECRET"
unlike "but no message" "$DIALOGUE" 'The body'

conf trace-data
session ''
like "trace-data: the message as it went out, dots doubled" "$DIALOGUE" $'\nC: The body of it.\nC: ..dotted\nC: .\n'
like "but no password" "$DIALOGUE" 'AUTH PLAIN \[withheld\]'
head -c 200000 /dev/zero | tr '\0' 'x' | fold -w 70 | sed 's/$/\r/' >"$T/message"
session CHUNKING
is "a large one too, every line" "$(grep -c '^C: x' <<<"$DIALOGUE")" "$(grep -c . "$T/message")"

printf 'From: s@client.test\r\n\r\nshort\r\n' >"$T/message"
conf info
export MOX_LOG_LEVEL=trace
session ''
like "MOX_LOG_LEVEL wins" "$DIALOGUE" 'C: EHLO client.test'
MOX_LOG_LEVEL=loud session ''
is "unless it is no level" "$DIALOGUE" ''
unset MOX_LOG_LEVEL

# ---- hostile peers ----
conf trace
mx h -t 10 <<'S'
S: 220 hi
C: EHLO client.test
S: 550-\x1b[31mred\x07
S: 550 \xe2\x80\xaetxt.exe \xff\xc2\x9b2J" event=forged x="
C: HELO client.test
S: 250 hi
C: MAIL *
S: 550 no
S
job h "$PORT/none" -- a@x.test
deliver h
mx_wait h
LOG=$(cat "$T/deliver.log")
like "ESC and BEL are visible" "$LOG" 'line="S: 550-\\x1b\[31mred\\x07"'
like "so are U+202E, what is no UTF-8, C1, and quotes forge nothing" "$LOG" 'line="S: 550 \\xe2\\x80\\xaetxt.exe \\xff\\xc2\\x9b2J\\" event=forged x=\\""'
ok "nothing but printable UTF-8 in the whole log" perl -CI -ne 'exit 1 if /[\x00-\x09\x0b-\x1f\x7f-\x9f\x{202e}]/' "$T/deliver.log"

# ---- while mox-runq runs ----
sink k -o "$T/k.taken"
level() { # LEVEL: that of the running one from now on
	local n
	n=$(grep -c event=conf-read runq.log)
	sed -i "s/^log-level.*/log-level = $1/" runq.conf
	kill -HUP "$PID_runq"
	wait_until bash -c "[ \$(grep -c event=conf-read runq.log) -gt $n ]"
}
# dialogue NAME: how many lines of its session with the sink are in the log, once NAME has arrived
dialogue_of() {
	printf 'Subject: x\n\nx\n' | MOX_CONF=$T/runq.conf mox-queue-add -q -f s@client.test "$1@x.test"
	wait_until grep -q "event=sent .*$1@x.test" runq.log
	grep -c "event=smtp .*RCPT TO:<$1@x.test>" runq.log
}
cat >runq.conf <<X
hostname = "client.test"
spool = "$T/spool"
min-free = "0"
inject = false
log-level = info
transport "k" { type = smtp host = "127.0.0.1" port = $PORT_k starttls = never }
route { transport = "k" }
X
MOX_CONF=$T/runq.conf start runq mox-runq -w
is "at info a running mox-runq shows no dialogue" "$(dialogue_of a)" 0
level trace
is "SIGHUP: from now on it does, on a connection that would have been kept, too" "$(dialogue_of b)" 1
level info
is "and no more" "$(dialogue_of c)" 0
sed -i 's/^log-level.*/log-level = warn/' runq.conf
kill -HUP "$PID_runq"
printf 'Subject: x\n\nx\n' | MOX_CONF=$T/runq.conf mox-queue-add -q -f s@client.test d@x.test
ok "mox-runq itself follows: at warn mail goes out" wait_until grep -q d@x.test k.taken
stop runq
is "without a word" "$(grep -c d@x.test runq.log)" 0
done_testing
