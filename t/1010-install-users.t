#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# make install-users: user, group, owners and modes, in a DESTDIR; again without a change.
. "$(dirname "$0")/lib.sh"
as_root=()
[ "$(id -u)" = 0 ] || { fakeroot true 2>/dev/null && as_root=(fakeroot -s "$T/owners" -i "$T/owners") && : >"$T/owners"; } ||
	skip_all 'neither root nor fakeroot'
[ -x "$(PATH=$PATH:/usr/sbin command -v useradd)" ] || skip_all 'no useradd'
export PATH=$PATH:/usr/sbin:/sbin
root=$T/root
users() { "${as_root[@]}" make -s -C "$TOP" install-users DESTDIR="$root" PREFIX=/usr/local VARIANT=debug; }
tree() { "${as_root[@]}" find root -printf '%P %y %m %U:%G\n' | sort; }

fails 2 'refused before make install' users
mkdir -p root/usr/local/bin
cp "$MOX_BIN/mox-queue-add" root/usr/local/bin/
ok 'runs' users
uid=$(sed -n 's/^mox:[^:]*:\([0-9]*\):.*/\1/p' root/etc/passwd)
gid=$(sed -n 's/^moxdrop:[^:]*:\([0-9]*\):.*/\1/p' root/etc/group)
like 'user mox and group moxdrop are there' "$uid:$gid" '^[1-9][0-9]*:[1-9][0-9]*$'
like 'the group of mox is moxdrop, and it cannot log in' "$(grep ^mox: root/etc/passwd)" ":$gid:.*:/var/spool/mox:/usr/sbin/nologin$"
is 'mox-queue-add is setgid moxdrop and belongs to root' "$(tree | grep mox-queue-add)" "usr/local/bin/mox-queue-add f 2755 0:$gid"
want=$(awk '/^  name +type/ { on = 1; next } on && !NF { exit }
	on { sub(/^0/, "", $3); print "var/spool/mox/" $1, ($2 == "fifo" ? "p" : "d"), $3, ids }' ids="$uid:$gid" "$TOP/spool-layout.txt" |
	sed 's|/\. | |' | sort)
is 'names, owners and modes of the spool are those of spool-layout.txt' \
	"$(tree | grep '^var/spool/mox' | grep -v 'cur/.[^ ]' ; tree | grep 'cur/00 ')" "$(grep -v cur/00 <<<"$want"; grep cur/00 <<<"$want")"
is '256 buckets' "$(tree | grep -c "^var/spool/mox/cur/[0-9a-f][0-9a-f] d 700 $uid:$gid$")" 256
before=$(tree)
"${as_root[@]}" chmod 0777 root/var/spool/mox/tmp
"${as_root[@]}" chmod 0755 root/usr/local/bin/mox-queue-add
ok 'runs again' users
is 'nothing changed, and what was wrong is right' "$(tree | grep -vE '^(etc|etc/[a-z]*-?|etc/[.a-z]*lock) ')" "$(grep -vE '^(etc|etc/[a-z]*-?|etc/[.a-z]*lock) ' <<<"$before")"
rmdir root/var/spool/mox/sts && ln -s /etc root/var/spool/mox/sts
fails 2 'a link in place of a directory is not followed' users
done_testing
