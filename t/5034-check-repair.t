#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# mox-queue-check -r, killed at each step, with each step failing, without space, as somebody else: nothing is lost, and the next one ends what it began.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip_all "no strace"
export ASAN_OPTIONS=detect_leaks=0 MOX_CONF=$T/conf
printf 'hostname = "me.example"\nmin-free = "0"\nreserve = "0"\n' >conf
chmod 711 "$T"
calls=renameat2,renameat,rename,unlinkat,chmod,fchmod,fchmodat,mkdirat,fsync,fdatasync,syncfs,write,linkat

# ---- a spool with a fault of each kind; a backup nobody has used, so that no owner is started ----
mox-gentestdata base
find base/cur -mindepth 1 -type d -empty -delete # it is copied often
mkdir -p base/cur/00 base/cur/01 && chmod 700 base/cur/00 base/cur/01
messages() { ls base/cur/*/?????????????; }
nth() { messages | sed -n "$1p"; }
flip() { printf '\1' | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
flip "$(nth 2)" 20
flip "$(nth 4)" "$(($(stat -c %s "$(nth 4)") - 10))"
cp -p "$(nth 6)" base/new/
other=base/cur/00
[ "$(dirname "$(nth 8)")" != $other ] || other=base/cur/01
mv "$(nth 8)" $other/
cp -p "$(nth 10)" "$other/$(basename "$(nth 11)")x"
cp -p "$(nth 12)" base/new/0d3k9v2x7m4qa
echo stranger >base/new/stranger
printf 'id 0d3k9v2x7m4qa\nend\n' >"$(ls base/cur/*/*.amend | head -n 1)"
flip "$(ls base/failed/*/* | head -n 1)" 20
chmod 644 "$(nth 14)"
chmod 755 base/corrupt

# Every file there is, by what stands in it; reasons tell the time.
contents() { find "$1" -type f ! -name '*.why' ! -name saved ! -name lock -exec sha1sum {} + | cut -d' ' -f1 | sort; }
# Where everything stands. The reason beside what went to corrupt/ is written behind the move: a kill or a full disk may cost it.
places() { (cd "$1" && find . -type f ! -name '*.why' ! -name '.*.why.*' ! -name lock -exec sha1sum {} + | sort -k 2 && find . ! -name '*.why' ! -name '.*.why.*' -printf '%m %p\n' | sort -k 2 | grep -v '/lock$'); }
contents base >before
fresh() { rm -rf q && cp -a base q; }
repair() { { timeout 60 "$@" mox-queue-check -r "$T/q" >out 2>&1; } 2>/dev/null; }

fresh
repair
is "faults are found" "$?" 100
contents q >after
is "each has its reason" "$(find q/corrupt -name '*.why' | wc -l)" "$(find q/corrupt -type f ! -name '*.why' | wc -l)"
is "nothing is lost by a repair" "$(comm -23 before after)" ""
places q >wanted
repair
is "a second one finds nothing" "$? $(grep -v 'nobody has used\|files lie in' out)" "0 "
fresh
strace -qq -o trace -e trace="$calls" mox-queue-check -r "$T/q" >/dev/null 2>&1
sed -n 's/^\([a-z0-9]*\)(.*/\1/p' trace | awk '{print $1, ++n[$1]}' >steps
ok "it takes some steps" test "$(wc -l <steps)" -ge 20

# ---- each of them is the last, or fails ----
: >wrong
while read -r call n; do
	for how in signal=KILL error=ENOSPC; do
		fresh
		repair strace -qq -o /dev/null -e trace="$call" -e inject="$call:$how:when=$n"
		rc=$?
		case $how in signal*) [ $rc = 137 ] ;; *) [ $rc -le 111 ] ;; esac || echo "$call $n $how: exit $rc: $(cat out)" >>wrong
		contents q >after
		[ -z "$(comm -23 before after)" ] || echo "$call $n $how: lost" >>wrong
		repair
		rc=$?
		[ $rc = 0 ] || [ $rc = 100 ] || echo "$call $n $how: then exit $rc: $(tail -n 1 out)" >>wrong
		places q | diff - wanted >differs || echo "$call $n $how: another end: $(head -n 3 differs | tr '\n' ' ')" >>wrong
	done
done <steps
is "killed at each of $(wc -l <steps) steps, or failing there" "$(head -n 20 wrong)" ""

# ---- no space at all ----
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=4m,nr_inodes=3000 none disk 2>/dev/null; then
	rm -rf q && cp -a base disk/q && ln -s disk/q q
	cat /dev/zero >disk/hog 2>/dev/null
	i=0
	while : 2>/dev/null >"disk/n$i"; do i=$((i + 1)); done # inodes, too
	repair
	rc=$?
	ok "a full disk: it ends with a sentence" test $rc = 100 -o $rc = 111
	contents q/ >after
	is "... nothing is lost" "$(comm -23 before after)" ""
	rm -f disk/hog disk/n*
	repair
	places q/ >now
	is "... and with room again it ends what it began" "$(diff now wanted)" ""
	umount disk
	rm q
	fresh
	find q -printf '%p %T@ %C@\n' | sort >was
	timeout 60 setpriv --reuid 12345 --regid 12345 --clear-groups "$MOX_BIN/mox-queue-check" -r "$T/q" >out 2>&1
	is "somebody else may not" "$? $(sed 's/.*unable to open .*: //' out)" "111 Permission denied"
	is "... and changes nothing" "$(find q -printf '%p %T@ %C@\n' | sort | diff - was)" ""
else
	skip "not root" "no space"
fi
done_testing
