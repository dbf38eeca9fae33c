#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Aliases of recipients of this machine (S39): mox-local finds whom they stand for and gives the message back to the spool; first by itself,
# then behind mox-runq, which looks nothing up.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go FAKE_BODIES=$T/bodies MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
export ASAN_OPTIONS=detect_leaks=0
me=$(id -un)
cat >conf <<X
hostname = "me.example"
suppress { automatic = false }
mailname = "here.example"
spool = "$T/spool"
reserve = "64k"
local-domains = { "here.example", "also.example" }
local-maildir = "$T/box/%u"
aliases = "$T/aliases"
max-recipients = 100
retry { intervals = { "10m" } jitter = false }
X
cat >aliases <<X
# name: targets
one: a@x.example
two: a@x.example, b@y.example
postmaster: $me
ops: Boss <ops@x.example>, \\$me
self: self
here: $me
there: nosuchuser
people: :include:$T/people
gone: a@x.example, :include:$T/gone
list: a@x.example, $me, b@y.example
owner-list: keeper@x.example
all: list, c@z.example
ring: ring2
ring2: ring
prog: "|/bin/cat", a@x.example
big: :include:$T/big
X
printf '%s\n' '# members' p@x.example 'Q <q@x.example>, one' >people
mails() { find "box/$1/new" -type f 2>/dev/null | wc -l; }
fresh() {
	rm -rf log err box bodies go spool/new/*
	mkdir box bodies
	echo 0 >clock
	touch log err
}
fresh

# ---- mox-local alone ----
printf 'Subject: x\r\nMessage-ID: <one@me.example>\r\n\r\nthe body\r\nrcpt ---- not of the message\r\n' >msg
# hand RCPT-LINE [LINE...]: what the report says, its text without ids and file names; what stands in the spool then in $envelopes
hand() {
	rm -f spool/new/*
	{
		[ $# = 1 ] || printf '%s\n' "${@:2}"
		[[ "${*:2}" == sender* ]] || echo sender s@far.example
		printf 'size %s\nrcpt %s\nend\n' "${size:-54}" "$1"
	} >rec
	timeout 20 mox-local -R 3 <msg 3<rec >report 2>said
	rc=$? said=$(<said)
	report=$(sed -n 's/\\x20/ /g; s/^rcpt 1 //p' report | sed -E 's/[0-9a-z]{13}/ID/g; s,/new/[^ ]*,/new/NAME,; s/ 0 / /; s/ - / /')
	envelopes=$(for f in spool/new/*; do [ -f "$f" ] && sed -n '/^id /,/^end/p' "$f" | tr -d '\r' | sed '/^\(id\|queued\|uid\|size\|crc32\|message-id\|subject\) /d'; done)
}
hand "$me@here.example"
is "a mailbox" "$rc $report $(mails "$me")$envelopes" "0 sent 2.0.0 delivered to $T/box/$me/new/NAME 1"
is "the message and not a byte more" "$(tail -n 1 "box/$me"/new/*)" "the body"
is "with its trace" "$(head -n 2 "box/$me"/new/*)" $'Return-Path: <s@far.example>\nDelivered-To: '"$me@here.example"
hand "one@here.example"
is "S39 an alias: the message goes back to the spool" "$rc $report" "0 sent 2.0.0 sent on as ID dsn=yes"
is "for whom it stands" "$envelopes" $'sender s@far.example\nrcpt T-.- a@x.example orcpt=rfc822;one@here.example\nend'
is "with a Delivered-To and not a byte more" "$(sed '/^id /,$d; /^Received:/,/^[A-SU-Z]/{/^Delivered/!d}' spool/new/* | tr -d '\r')" \
	$'Delivered-To: one@here.example\nSubject: x\nMessage-ID: <one@me.example>\n\nthe body'
hand "One+detail@ALSO.example notify=success,delay orcpt=rfc822;who@far.example" "sender s@far.example" "origin local" "account alerts" \
	"ret hdrs" "envid QQ+3D1" "requiretls yes" "extra k v"
is "T72 RFC 3461 5.2.7.1 for one address all that was asked for goes along, and whose mail it is" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID dsn=yes;account alerts;origin local;sender s@far.example;ret hdrs;envid QQ+3D1;requiretls yes;extra k v;rcpt T-y- a@x.example notify=success,delay orcpt=rfc822;who@far.example;end"
hand "two@here.example notify=success,delay orcpt=rfc822;who@far.example" "envid E"
is "RFC 3461 5.2.7.2 for several, success is told here" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID expanded=yes;sender s@far.example;envid E;rcpt T-.- a@x.example notify=delay orcpt=rfc822;who@far.example;rcpt T-.- b@y.example notify=delay orcpt=rfc822;who@far.example;end"
fresh
hand "ops@here.example notify=success" "sender "
is "S39 names and \\name" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID expanded=yes;sender ;rcpt T-.- ops@x.example notify=never orcpt=rfc822;ops@here.example;rcpt T-.- $me@here.example notify=never orcpt=rfc822;ops@here.example exact=yes;end"
hand "here@here.example"
is "one mailbox: delivered there at once" "$report $(mails "$me")$envelopes" "sent 2.0.0 delivered to $T/box/$me/new/NAME 1"
hand "PostMaster@here.example"
is "postmaster" "$report $(mails "$me")" "sent 2.0.0 delivered to $T/box/$me/new/NAME 2"
hand "mailer-daemon@here.example"
is "mailer-daemon is as postmaster" "$(mails "$me")" 3
hand "people@here.example"
is "S39 :include:" "$(sed -n 's/^rcpt T-.- //p' <<<"$envelopes" | cut -d' ' -f1 | paste -sd' ')" "a@x.example p@x.example q@x.example"
hand "list@here.example notify=success orcpt=rfc822;who@far.example" "envid E" "ret full"
is "RFC 3461 5.2.7.3 a list: its owner is the sender, and what was asked for ends here" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID;sender owner-list@here.example;rcpt T-.- a@x.example;rcpt T-.- b@y.example;rcpt T-.- $me@here.example exact=yes;end"
hand "list@here.example" "sender "
is "but what nobody sent has no owner" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID expanded=yes;sender ;rcpt T-.- a@x.example orcpt=rfc822;list@here.example;rcpt T-.- b@y.example orcpt=rfc822;list@here.example;rcpt T-.- $me@here.example orcpt=rfc822;list@here.example exact=yes;end"
hand "all@here.example"
is "a list in an alias: a message each" "$report;$(grep -c '^end' <<<"$envelopes") $(grep '^sender' <<<"$envelopes" | sort | paste -sd' ')" \
	"sent 2.0.0 sent on as ID, ID expanded=yes;2 sender owner-list@here.example sender s@far.example"
hand "prog@here.example"
is "S39 a command is left out, with a word" "$report $said" "sent 2.0.0 sent on as ID dsn=yes mox-local: $T/aliases:16: unable to use |/bin/cat: mail is not given to commands"
hand "one@here.example exact=yes"
is "what is exact has no alias" "$rc $report$envelopes" "100 never 5.1.1 nobody of the name one@here.example here"
hand "nosuchuser@here.example"
is "nobody: 5.1.1" "$rc $report" "100 never 5.1.1 nobody of the name nosuchuser@here.example here"
hand "there@here.example"
is "an alias to nobody, too" "$rc $report$envelopes" "100 never 5.1.1 nobody of the name there@here.example here"
for i in {1..250}; do echo "m$i@x.example"; done >big
hand "big@here.example"
is "S43 more than a message may have: several messages" "$report; $(grep -c '^end' <<<"$envelopes") $(grep -c '^rcpt' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID, ID, ID expanded=yes; 3 250"

# default-destination
destination() { sed -i '/^default-destination/d' conf && printf 'default-destination = "%s"\n' "$1" >>conf; }
fresh
destination boss@x.example
mkdir -p "box/$me"
hand "nosuchuser@here.example notify=success"
is "default-destination: who has neither alias nor mailbox" "$report;$(paste -sd';' <<<"$envelopes")" \
	"sent 2.0.0 sent on as ID dsn=yes;sender s@far.example;rcpt T-.- boss@x.example notify=success orcpt=rfc822;nosuchuser@here.example;end"
hand "there@here.example"
is "behind an alias" "$(grep '^rcpt' <<<"$envelopes")" "rcpt T-.- boss@x.example orcpt=rfc822;there@here.example"
destination two@here.example
hand "nosuchuser@here.example"
is "it may be an alias" "$(sed -n 's/^rcpt T-.- //p' <<<"$envelopes" | cut -d' ' -f1 | paste -sd' ')" "a@x.example b@y.example"
destination there@here.example
hand "nosuchuser@here.example"
is "or lead back" "$rc $report" "100 never 5.1.1 nobody of the name nosuchuser@here.example here"
sed -i '/^default-destination/d' conf

# circles
for name in self ring; do
	hand "$name@here.example"
	is "S39 $name leads to itself: the name stays, and is nobody" "$rc $report" "100 never 5.1.1 nobody of the name $name@here.example here"
done
cp msg msg.good
printf 'Received: x\r\nDelivered-To: one@HERE.example\r\nSubject: x\r\n\r\nbody\r\n' >msg
size=$(wc -c <msg) hand "one@here.example"
is "two machines' aliases that name each other: it has been here" "$rc $report$envelopes" \
	"100 never 5.4.6 message was delivered to one@here.example before, mail is going in a circle"
size=$(wc -c <msg) hand "two@here.example"
is "another name's is none" "$rc" 0
cp msg.good msg

# what cannot be known now
hand "gone@here.example"
is "an included file that is missing: later, for nobody knows whom it names" "$rc $report$envelopes" \
	"111 later 4.3.0 unable to read the aliases in $T/gone: No such file or directory"
mkfifo gone
hand "gone@here.example"
is "a pipe in its place" "$rc $report" "111 later 4.3.0 unable to read the aliases in $T/gone: it is no file"
mv aliases aliases.good
hand "$me@here.example"
is "aliases that are missing: later" "$rc $report" "111 later 4.3.0 unable to read the aliases in $T/aliases: No such file or directory"
hand "$me@here.example exact=yes"
is "but not for who needs none" "$rc $(mails "$me")" "0 1"
mkfifo aliases
hand "$me@here.example"
is "a pipe in their place is not waited for" "$rc $report" "111 later 4.3.0 unable to read the aliases in $T/aliases: it is no file"
rm aliases
printf 'broken\nnot an alias either:\none: a@x.example\n: x\n"\n' >aliases
hand "one@here.example"
is "lines that are none are left out" "$rc $(grep '^rcpt' <<<"$envelopes")" "0 rcpt T-.- a@x.example orcpt=rfc822;one@here.example"
if command -v strace >/dev/null; then
	strace -qq -o /dev/null -P "$T/aliases" -e inject=openat:error=EACCES mox-local -R 3 <msg 3<rec >report 2>/dev/null
	is "aliases that cannot be read: later" "$? $(grep -c 'Permission' report)" "111 1"
else
	skip "no strace" "aliases that cannot be read"
fi
mv aliases.good aliases
mv bin/mox-queue-add bin/away
printf '#!/bin/sh\nexit 111\n' >bin/mox-queue-add
chmod +x bin/mox-queue-add
hand "one@here.example"
is "the door refuses for now: later" "$rc $report" "111 later 4.3.0 unable to send it on: mox-queue-add ended with 111"
hand "ops@here.example"
is "and the mailbox has not got it yet" "$rc $(mails "$me")" "111 1"
printf '#!/bin/sh\nexit 100\n' >bin/mox-queue-add
hand "one@here.example"
is "the door refuses for good: never" "$rc $report" "100 never 5.3.0 unable to send it on: mox-queue-add refused it"
echo 'nonsense' >>conf
timeout 20 mox-local -R 3 <msg 3<rec >report 2>said
is "a configuration that somebody is writing is no refusal" "$? $(<report)" "100 "
sed -i '$d' conf
rm bin/mox-queue-add
hand "one@here.example"
is "without door: later" "$rc" 111
mv bin/away bin/mox-queue-add
printf 'sender s@far.example\nsize 54\nrcpt one@here.example\n' >rec
timeout 20 mox-local -R 3 <msg 3<rec >report 2>said
is "a record without end is none" "$? $(<said)$(<report)" "100 mox-local: unable to read the envelope on fd 3: it did not end"
size=10000000 hand "two@here.example"
is "a message that is cut short is not sent on" "$rc $report$envelopes" "111 later 4.3.0 unable to send it on: No data available"
fails 100 "-R goes with nothing that the record says" mox-local -R 3 -f a@x box 3<rec

# ---- behind mox-runq ----
add() { mox-queue-add "$@" <<<$'Subject: x\nMessage-ID: <one@me.example>\n\nthe body' | sed 's/^id //'; }
pass() { timeout 30 mox-runq 2>>err; }
forward() { echo $(($(cat clock) + $1)) >clock; }
col() { mox-queue-list -id "$1" -o "$2" | tr '\t\n' '  ' | sed 's/ $//'; }
sent() { sed -n 's/^deliver [^ ]* \([^ ]* [^ ]*\) .*/\1/p' log | sort | paste -sd';'; }
rm -f spool/new/*
fresh
a=$(add -f s@far.example two@here.example)
ok "S39 one pass does both" pass
is "S39 whom the alias names has it" "$(sent)" "s@far.example a@x.example;s@far.example b@y.example"
is "and nothing is left" "$(mox-queue-list; find spool/cur spool/new -type f)" ""
like "the log leads from one to the other" "$(cat err)" "event=sent id=$a.1 rcpt=two@here.example site=local .*text=\"sent on as ([0-9a-z]+)\""
like "" "$(cat err)" "event=sent id=${BASH_REMATCH[1]}.1 "
fresh
add -f s@far.example ops@here.example "$me@here.example" >/dev/null
pass
is "a mailbox by an alias and by name" "$(sent) $(mails "$me")" "s@far.example ops@x.example 2"
fresh
add --notify success --envid QQ -f s@far.example two@here.example one@here.example >/dev/null
pass
notices() { grep -lE '^Action: ' bodies/* | xargs -r grep -hE '^(Action|Final-Recipient|Original-Envelope-Id):' | tr -d '\r' | sed 's/ (.*//' | paste -sd';'; }
is "T72 RFC 3461 5.2.7.2 NOTIFY=SUCCESS: the one of several is told as expanded, the other's servers tell" "$(notices)" \
	"Original-Envelope-Id: QQ;Final-Recipient: rfc822; two@here.example;Action: expanded"
fresh
add --notify success -f s@far.example list@here.example >/dev/null
pass
is "RFC 3461 5.2.7.3 a list is delivered to" "$(notices) $(sent)" \
	"Final-Recipient: rfc822; list@here.example;Action: delivered  s@far.example;owner-list@here.example a@x.example;owner-list@here.example b@y.example"
fresh
sed -i 's/^one: .*/one: never@x.example/; s/^owner-list: .*/owner-list: two/; s/^list: .*/list: never@x.example, c@z.example/' aliases
add -f s@far.example one@here.example >/dev/null
pass
is "who fails behind an alias: its sender is told" "$(notices)" "Final-Recipient: rfc822; never@x.example;Action: failed"
fresh
add -f s@far.example list@here.example >/dev/null
pass
is "who fails behind a list: the owner, who has an alias" "$(sent)" " a@x.example; b@y.example;owner-list@here.example c@z.example;owner-list@here.example never@x.example"
fresh
a=$(add -f root@here.example never@x.example)
echo "root: admin@z.example" >>aliases
pass
is "a notice for a local sender goes by the aliases" "$(sent)" " admin@z.example;root@here.example never@x.example"
fresh
sed -i "s/^root: .*/root: root@here.example, root@also.example/" aliases
add -f s@far.example "root@also.example" >/dev/null
pass
is "an alias that names the same again" "$(mails root) $(mox-queue-list)" "1 "
fresh
echo "a1: b1@far.example" >>aliases
printf 'Delivered-To: a1@here.example\nSubject: x\n\nbody\n' | mox-queue-add -q -f s@far.example a1@here.example
pass
like "a circle over two machines ends with a notice" "$(notices) $(cat err)" "Final-Recipient: rfc822; a1@here.example;Action: failed.*status=5.4.6"


# What mox-sendmail has expanded is not expanded again.
cp "$MOX_BIN/mox-sendmail" bin/
cp aliases aliases.good
sed -i '/^root: /d' aliases
[ "$me" = root ] || sed -i "/^$me: /d" aliases
echo "$me: a@x.example, \\$me" >>aliases
echo "fast: \\$me" >>aliases
send() { mox-sendmail "$@" <<<$'From: s@far.example\nSubject: x\n\nbody'; }
fresh
send -f s@far.example "$me"
pass
is "S39 an alias that names its own mailbox: one copy each, by way of mox-sendmail" "$(sent) $(mails "$me")" "s@far.example a@x.example 1"
fresh
add -f s@far.example "$me@here.example" >/dev/null
pass
is "S39 and by way of mox-queue-add" "$(sent) $(mails "$me")" "s@far.example a@x.example 1"
fresh
send -f s@far.example fast
add -f s@far.example fast@here.example >/dev/null
pass
is "S39 \\name passes by that name's alias, either way" "$(sent) $(mails "$me")" " 2"
fresh
send -f s@far.example list
pass
is "S39 a list by way of mox-sendmail has its owner" "$(grep -c '^deliver [^ ]* owner-list@here.example' log)" 2
mv aliases.good aliases

# ---- what hangs ----
fresh
mv aliases aliases.good
mkfifo aliases
a=$(add -f s@far.example one@here.example)
pass
is "aliases that are a pipe: later" "$(col "$a" id,state,error)" "$a.1 waiting 4.3.0 unable to read the aliases in $T/aliases: it is no file"
rm aliases
mv aliases.good aliases
sed -i 's/^one: .*/one: a@x.example/' aliases
forward 601 && pass
is "then it goes" "$(sent)" "s@far.example a@x.example"
mv bin/mox-local bin/real-local # a file server or a directory service that does not answer: mox-local stands still
printf '#!/bin/sh\n{ kill -STOP $$; } && exec %s/bin/real-local "$@"\n' "$T" >bin/mox-local
chmod +x bin/mox-local
fresh
start runq mox-runq -w
for i in {1..9}; do add -f s@far.example one@here.example; done >/dev/null
stands() { [ "$(pgrep -P "$PID_runq" -x mox-local --runstates T | wc -l)" = 8 ]; }
ok "all that mox-runq starts for this machine hang" wait_until stands
b=$(add -f s@far.example sent@x.example)
ok "mail for others goes on" wait_until grep -q "^deliver $b" log
waiting() { [ "$(mox-queue-list | wc -l)" = "$1" ]; }
ok "and so do answers" wait_until waiting 9
# shellcheck disable=SC2046 # a pid each
wake() { kill -CONT $(pgrep -P "$PID_runq" -x mox-local --runstates T) 2>/dev/null; [ "$(grep -c ' a@x.example ' log)" = 9 ]; }
ok "when they go on nothing is lost" wait_until wake
stop runq TERM

# ---- deaths ----
cp bin/real-local bin/mox-local
if command -v strace >/dev/null; then
	hand "ops@here.example"
	calls=write,pipe2,vfork,clone,clone3,wait4,pread64,openat,mkdirat,fsync,renameat2,close
	timeout 20 strace -qq -o trace -e trace="$calls" mox-local -R 3 <msg 3<rec >/dev/null 2>&1
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' trace | awk '{print $1, ++n[$1]}' >steps
	sed -i "/^$me: /d" aliases
	echo "$me: ops@x.example, \\$me" >>aliases
	sed "s/ops@here/$me@here/" rec >rec.both
	both() { # CALL N: killed there, then again whole: what each has got
		local d=$T/k.$1.$2 n m
		mkdir -p "$d/box"
		sed "s,$T/spool,$d/spool,; s,$T/box,$d/box," conf >"$d/conf"
		MOX_CONF=$d/conf mox-queue-add -q -f x@x.example x@x.example <msg
		rm "$d"/spool/new/*
		MOX_CONF=$d/conf timeout 20 strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
			mox-local -R 3 <msg 3<rec.both >"$d/report" 2>/dev/null
		grep -q '^end' "$d/report" || MOX_CONF=$d/conf timeout 20 mox-local -R 3 <msg 3<rec.both >"$d/report" 2>&1
		# what the killed one's door does is its own affair; it ends by itself
		n=$(find "$d/spool/new" -type f | wc -l) m=$(find "$d/box" -path '*/new/*' -type f | wc -l)
		[ "$n" -ge 1 ] && [ "$n" -le 2 ] && [ "$m" -ge 1 ] && [ "$m" -le 2 ] && grep -q '^rcpt 1 sent' "$d/report" ||
			echo "$1 $2: $n on, $m here, $(cat "$d/report")"
		grep -q '^the body' "$d"/spool/new/* || echo "$1 $2: cut short"
		[ "$n$m" = 11 ] || echo "$1 $2" >>twice
		rm -rf "$d"
	}
	export -f both
	export me
	# shellcheck disable=SC2016
	xargs -P "$(nproc)" -L 1 bash -c 'both "$0" "$1" 2>/dev/null' <steps >wrong
	is "T121 killed at each of $(wc -l <steps) steps between the spool and the Maildir: both have it" "$(cat wrong)" ""
	ok "T126 twice at worst, and only behind the first of the two" test "$(wc -l <twice)" -lt 30
else
	skip "no strace" "T121 killed at each step"
fi
done_testing
