#!/bin/bash
# make install into a directory: everything is there, finds its siblings, and the links are commands.
. "$(dirname "$0")/lib.sh"
case $MOX_OUT in *asan* | *ubsan*) skip_all "installed is what is not instrumented" ;; esac
# The variant under test, so that nothing is built a second time.
v=$(basename "$MOX_OUT") cc=gcc
case $v in *-clang) v=${v%-clang} cc=clang ;; esac
inst() { make -s --no-print-directory -C "$TOP" install VARIANT="$v" CC="$cc" DESTDIR="$T/root" PREFIX=/usr MAKEFLAGS=; }
ok "make install" inst
R=$T/root/usr
for f in "$TOP"/bin/*.c; do
	c=$(basename "$f" .c)
	ok "$c is installed, executable by all, writable by its owner" test "$(stat -c %a "$R/bin/$c")" = 755
done
for l in bin/mailq bin/newaliases sbin/sendmail lib/sendmail; do
	is "S49 $l is mox-sendmail" "$(readlink -f "$R/$l")" "$R/bin/mox-sendmail"
done
for p in "$TOP"/man/*.[1-8]; do
	ok "page $(basename "$p")" cmp "$p" "$R/share/man/man${p##*.}/$(basename "$p")"
done
ok "the license" cmp "$TOP/LICENSE" "$R/share/doc/moxq/LICENSE"

# A message goes through what was installed, with nothing of the source on PATH.
cat >mox.conf <<X
hostname = "client.example"
mailname = "client.example"
spool = "$T/spool"
X
printf 'Subject: installed\n\nbody\n' >message
id=$(MOX_CONF=$T/mox.conf PATH=/usr/bin:/bin "$R/sbin/sendmail" -v -f a@client.example b@remote.example <message 2>&1)
like "S49 sendmail finds mox-queue-add beside itself" "$id" '[0-9a-z]{13}'
is "and the message is in the spool" "$(find spool/new -type f | wc -l)" 1
# Twice is no different, and what is in use may be replaced.
ok "make install once more" inst
done_testing
