#!/bin/bash
# The walls of DESIGN 13 and the habits of STYLE that a machine can check.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
shopt -s lastpipe # so that the end of a pipe counts tests

# none NAME: passes when standard input is empty, else shows it.
none() {
	local found
	found=$(cat)
	is "$1" "$found" ""
}

# ---- rooms ----
declare -A may=([base]="base" [mail]="base mail" [spool]="base mail spool" [net]="base mail net" [trust]="base mail net trust"
	[fate]="base mail net trust fate" [report]="base mail net trust fate report"
	[admin]="base mail spool report admin" [queue]="base mail spool trust fate queue")
grep -H '^#include "' lib/*/*.[ch] | sed 's,^lib/\([a-z]*\)/\([^:]*\):#include "\(.*\)",\1 \2 \3,' | while read -r room f h; do
	for r in lib/*/"$h"; do
		r=${r#lib/} r=${r%/*}
		case " ${may[$room]:-none} $([ "$r" = '*' ] && echo '*')" in *" $r"*) ;; *) echo "lib/$room/$f includes from $r" ;; esac
	done
done | none "includes point left only"
printf '%s\n' lib/*/*.h | sed 's,.*/,,' | sort | uniq -d | none "no header name stands in two rooms"
grep -l '^#include <db\.h>' lib/*/*.[ch] bin/*.c | grep -v '^lib/spool/index' | none "db.h is included in lib/spool/index alone"
grep -nE '\b(fsync|fdatasync|syncfs|rename|renameat|renameat2)\(' lib/*/*.[ch] bin/*.c | grep -v '^lib/base/file\.c:' |
	none "fsync, syncfs and rename are called in lib/base/file.c alone"
grep -lE '\b(getaddrinfo|gethostbyname)\(' lib/*/*.c bin/*.c | xargs -r grep -L AI_NUMERICHOST |
	none "nobody resolves names but by libunbound"

# ---- commands and what they are linked with ----
MAKEFLAGS='' make -s --no-print-directory links >"$T/links"
is "a link line for each command" "$(wc -l <"$T/links")" "$(printf '%s\n' bin/*.c | wc -l)"
while IFS=: read -r c rooms _; do
	case " $rooms " in *" spool "*" net "* | *" net "*" spool "*) echo "$c" ;; esac
done <"$T/links" | none "spool and net never meet in one command"

declare -A libs=([mox-queue-add]="libz" [mox-sendmail]="libidn2" [mox-smtpd]="libidn2" [mox-local]="libidn2" [mox-dsn]=" "
	[mox-localserve]="libidn2" [mox-runq]="libdb-5 libz" [mox-nexthop]="libunbound libidn2" [mox-mtasts]="libcurl-gnutls libgnutls libidn2"
	[mox-deliver]="libgnutls libgsasl libidn2" [mox-submit]="libgnutls libgsasl libidn2" [mox-dkim]="libgnutls libidn2" [mox-doctor]="libjansson libidn2" [mox-suppress]="libjansson libidn2 libz" [mox-holdrule]="libjansson libidn2 libz"
	[mox-tlsrpt-send]="libcurl-gnutls libgnutls libidn2 libjansson libz")
case $MOX_OUT in
*asan* | *ubsan*) skip "sanitizers bring libraries of their own" "link lines" ;;
*)
	while IFS=: read -r c _; do
		for l in $(readelf -d "$MOX_BIN/$c" | sed -n 's/.*NEEDED.*\[\([a-z0-9-]*\).*/\1/p'); do
			case " libc libconfuse ${libs[$c]:-libjansson libz} " in *" $l "*) ;; *) echo "$c: $l" ;; esac
		done
	done <"$T/links" | none "each command is linked with the libraries of its line in DESIGN 13 and no other"
	for c in mox-queue-add mox-runq; do
		[ -x "$MOX_BIN/$c" ] || continue
		ldd "$MOX_BIN/$c" | sed -n 's/^[[:space:]]*\([a-z]*\).*\.so.*/\1/p' | grep -vxE 'linux|ld|libc|libm|libpthread|libconfuse|libz|libdb' |
			none "$c: nothing more comes with them"
	done
	while IFS=: read -r c _; do
		[ "$c" != mox-runq ] && readelf -d "$MOX_BIN/$c" | grep -q 'libdb' && echo "$c"
	done <"$T/links" | none "nobody but mox-runq is linked with Berkeley DB"
	;;
esac
while IFS=: read -r c _; do
	readelf -W -d -l "$MOX_BIN/$c" >"$T/elf"
	grep -q BIND_NOW "$T/elf" && grep -q GNU_RELRO "$T/elf" && grep -q 'DYN' <(readelf -h "$MOX_BIN/$c") || echo "$c"
done <"$T/links" | none "each command is position independent, with full relro"

# ---- files ----
CODE=$(ls lib/*/*.[ch] bin/*.c t/*.c t/*/*.[ch] 2>/dev/null)
for f in $(echo "$CODE" | grep '\.c$'); do
	[ "$(grep -m1 '^#include' "$f")" = '#include "base.h"' ] || echo "$f"
done | none "base.h comes first in every source file"
# shellcheck disable=SC2086
grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gmtime|localtime|ctime|atoi|system|popen|mktemp|tmpnam|alloca|gets)\(' $CODE |
	none "banned calls"
for f in $CODE; do
	[ "$(wc -l <"$f")" -le 600 ] || head -15 "$f" | grep -q 'Over 600 lines' || echo "$f: $(wc -l <"$f")"
done | none "no file over 600 lines, unless its head says why (Over 600 lines: ...)"
for f in lib/*/*.h; do head -1 "$f" | grep -q '^/\*' || echo "$f"; done | none "each header begins with its contract"

# Functions begin with { and end with } at the margin, their name stands at the margin too.
awk '
FNR == 1 { body = 0; sig = "" }
/^[a-z_][a-z0-9_]*\(/ { sig = ""; name = $0; sub(/\(.*/, "", name); open = 1 }
open { sig = sig $0; if ($0 ~ /\)[^,]*$/) open = 0 }
/^\{/ && sig != "" {
	body = FNR
	n = gsub(/,/, ",", sig) + 1
	if (n > 6) print FILENAME ": " name " has " n " parameters"
}
/^\}/ && body {
	if (FNR - body > (name == "main" ? 100 : 80)) print FILENAME ": " name " has " FNR - body " lines"
	body = 0; sig = ""
}' lib/*/*.c bin/*.c | none "no function over 80 lines (main: 100) or 6 parameters"
# shellcheck disable=SC2086
grep -nE '\b(TODO|FIXME|XXX)\b' $CODE Makefile | none "nothing is left to do"

# ---- modes ----
git ls-files -s | awk '$1 == 100755 { print $4 }' | while read -r f; do
	head -c 2 "$f" | grep -q '#!' || echo "$f"
done | none "what is executable is a script"
done_testing
