#!/bin/bash
# A login name that no envelope can hold (of a directory, with its domain): what an alias sends on for him must not become ours, for we may
# sign as any domain. In a mount namespace with an /etc/passwd of its own.
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP not root' && exit 0; }
[ -n "${IN_NAMESPACE:-}" ] || { unshare -m true 2>/dev/null || { echo '1..0 # SKIP no mount namespace' && exit 0; }; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare -m bash "$0"
. "$(dirname "$0")/lib.sh"
sed 's/^root:/root@corp.example:/' /etc/passwd >passwd
mount --bind passwd /etc/passwd || skip_all 'cannot mount'
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* bin/
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log MOX_CONF=$T/conf ASAN_OPTIONS=detect_leaks=0
echo 'fwd: later@x.example' >aliases
cat >conf <<X
hostname = "me.example"
spool = "$T/spool"
aliases = "$T/aliases"
local-domains = { "me.example" }
X
sent_on() { # ACCOUNT-OPTION...: its origin and account behind the alias
	local id
	mox-queue-add "$@" -f a@x.example fwd@me.example <<<$'From: a@x.example\n\nbody' >/dev/null
	timeout 20 mox-runq 2>>err
	id=$(mox-queue-list -o id | tail -n 1)
	sed -n 's/^\(origin\|account\) //p' spool/cur/*/"${id%.*}" | tr '\n' ' '
}
is "mail of an account goes on as his" "$(sent_on --account alerts)" "alerts local "
is "mail of nobody that can be named is not local" "$(sent_on)" ""
is "the list shows his name" "$(mox-retired-list -to fwd@me.example -o account | tail -n 1)" "root@corp.example"
done_testing
