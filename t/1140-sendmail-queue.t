#!/bin/bash
# sendmail's -odi and -q with a real mox-runq, whose siblings are scripted: sent@ is delivered, later@ put off, never@ refused.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # what ends leaves its memory to the kernel
mkdir bin
for c in mox-sendmail mox-runq mox-dsn mox-queue-add mox-queue-list mox-queue-schedule mox-queue-hold mox-retired-list; do cp "$MOX_BIN/$c" bin/; done
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf
cat >conf <<X
hostname = "me.example"
mailname = "me.example"
aliases = "none"
inject = false
spool = "$T/spool"
retry { intervals = { "1h" } jitter = false }
X
touch log
send() { mox-sendmail -f s@me.example "$@" <<<$'Subject: x\n\nbody' >said 2>&1; rc=$? said=$(<said); }
tried() { grep -c "^deliver .*$1" log; }

start runq mox-runq -w
wait_until test -S spool/ctl
send -odi sent@x.example
is "S22 -odi is back when it is delivered" "$rc $(tried sent@x.example) $said" "0 1 "
send -odi later@x.example
is "S22 -odi: put off is queued" "$rc $(tried later@x.example) $said" "0 1 "
send -odi -v later@y.example
like "S22 -odi -v: why it is put off" "$rc $said" "^0 id .*unable to deliver to later@y.example yet: 4.2.0 try later$"
send -odi never@x.example sent@y.example
like "S22 -odi: refused" "$rc $said" "^69 mox-sendmail: unable to deliver to never@x.example: 5.1.1 no such user$"
is "S22 -odi: whom else it concerns has it" "$(tried sent@y.example)" 1
send -odb sent@z.example
is "S22 -odb waits for nothing" "$rc $said" "0 "
ok "S22 but is delivered soon" wait_until grep -q '^deliver .*sent@z.example' log
mox-queue-list -o rcpt >before

mox-sendmail -q
is "S30 -q with a mox-runq running: back at once" $? 0
again() { [ "$(tried "$1")" -ge "$2" ]; }
ok "S30 and all that waits is tried" wait_until again later@x.example 2
ok "S30 all of it" wait_until again later@y.example 2
stop runq

send -odi later@z.example
is "S22 -odi with nobody to wait for" "$rc $(tried later@z.example) $said" "0 0 "
ok "S30 -qR without a mox-runq delivers" mox-sendmail -qRlater@Z
is "S30 what is meant" "$(tried later@z.example)" 1
mox-sendmail -qSnobody 2>err
is "S30 -qS meaning none" "$? $(tried later@z.example) $(tried later@x.example)" "0 1 2"
id=$(mox-queue-list -to later@x.example -o id)
mox-sendmail -qI"${id%.*}" 2>err
is "S30 -qI" "$? $(tried later@x.example) $(tried later@y.example)" "0 3 2"
mox-queue-hold "$id" >/dev/null 2>&1
mox-sendmail -q 2>err
is "S30 -q: all but what is held" "$? $(tried later@x.example) $(tried later@y.example) $(tried later@z.example)" "0 3 3 2"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T" spool
	start runq mox-runq -w
	wait_until test -S spool/ctl
	setpriv --reuid nobody --regid nogroup --clear-groups mox-sendmail -q >said 2>&1
	is "S30 -q is not for everybody" "$? $(wc -l <said)" "77 1"
else skip "needs root" "S30 -q is not for everybody"; fi
done_testing
