#!/bin/bash
# The pages and the code say the same.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
shopt -s lastpipe
none() {
	local found
	found=$(cat)
	is "$1" "$found" ""
}
page() { mandoc -T ascii -O width=500 "$1" | sed 's/.\x08//g'; }
# section PAGE NAME: one line of words
section() { page "$1" | awk -v s="$2" '/^[A-Z]/ { on = $0 == s; next } on' | tr -s ' \n' ' ' | sed 's/^ //; s/ $//; s/ | /|/g'; }

# ---- a page for each command ----
for f in bin/*.c; do
	c=$(basename "$f" .c) p=
	for s in 8 1; do [ -e "man/$c.$s" ] && p=man/$c.$s; done
	if [ -z "$p" ]; then
		ok "$c has a page" false
		continue
	fi
	help=-h version=-V # sendmail's -h and -V are other things
	case $c in mox-sendmail | mox-submit) help=--help version=--version ;; esac
	is "$c: SYNOPSIS is its usage" "$(section "$p" SYNOPSIS)" "$("$c" "$help" | sed '1s/^usage: //' | tr -s ' \n' ' ' | sed 's/ $//; s/ | /|/g')"
	for s in NAME DESCRIPTION 'EXIT STATUS' EXAMPLES; do
		[ -n "$(section "$p" "$s")" ] || echo "$s"
	done | none "$c: its page has all sections"
	like "$c: $version names the toolkit" "$("$c" "$version")" "^$c \(moxq\) [0-9]"
	is "$c: --help and --version are answered" "$("$c" --help)|$("$c" --version)" "$("$c" "$help")|$("$c" "$version")"
	case $c in
	mox-sendmail | mox-submit) ;;
	mox-doctor) # has sections
		like "$c: what it does not know it names" "$("$c" queue --frobnicate 2>&1)" "^$c: unable to use --frobnicate: no such option"
		;;
	*) like "$c: what it does not know it names" "$("$c" --frobnicate 2>&1)" "^$c: unable to use --frobnicate: no such option" ;;
	esac
done
mandoc -T lint -W warning man/*.[1-8] | none "no page has a fault"
for p in man/*.[1-8]; do
	page "$p" | grep -oE '\bmox[a-z-]*\([1-8]\)' | sort -u | tr '()' '. ' | while read -r x; do
		[ -e "man/${x%.*}.${x##*.}" ] || echo "$p: $x"
	done
done | none "no page points at one that is not there"
for f in bin/*.c; do
	grep -qE "Xr $(basename "$f" .c) [18]" man/mox.7 || basename "$f" .c
done | none "mox.7 names every command"

# ---- mox.conf.5 ----
sed -n 's/^    {"\([a-z0-9-]*\)", .*AT(.*/\1/p' lib/base/conf_schema.c | sort >"$T/keys"
sed -n 's/^\.It Ic \([a-z0-9-]*\) Pq.*/\1/p' man/mox.conf.5 | sort >"$T/page"
ok "there are keys" test -s "$T/keys"
diff "$T/keys" "$T/page" | none "mox.conf.5 has every key and no other"
sed -n 's/^    {"\([a-z]*\)", [a-z]*_keys, .*/\1/p' lib/base/conf_schema.c | sort -u >"$T/sections"
ok "there are sections" test -s "$T/sections"
sed -n 's/^\.Ss \([a-z]*\) .*{.*/\1/p' man/mox.conf.5 | sort | diff "$T/sections" - | none "mox.conf.5 has every section"
# Defaults: what the table says stands on the key's line.
sed -n 's/^    {"\([a-z0-9-]*\)", "\([^"{]*\)", AT.*/\1 \2/p' lib/base/conf_schema.c | while read -r k d; do
	[ -z "$d" ] || grep -E "^\.It Ic $k Pq" man/mox.conf.5 | grep -qF -- "$d" || echo "$k = $d"
done | none "mox.conf.5 names every default"
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' man/mox.conf.5 | sed '/^\./d' >"$T/example.conf"
while read -r x; do
	grep -qE "(^|[ {])$x( \"[^\"]*\")? \{" "$T/example.conf" || echo "$x"
done <"$T/sections" | none "the example of mox.conf.5 has every section"
ok "the example of mox.conf.5 parses" conf-check "$T/example.conf"
# README.md: each block that begins with "# mox.conf".
awk -v t="$T/readme" '/^    # mox.conf/ { f = t (++n) ".conf" } !/^    / { f = "" } f { print >f }' README.md
for f in "$T"/readme*.conf; do ok "README.md: $(sed -n '1s/^ *# //p' "$f") parses" conf-check "$f"; done
is "README.md has the three usual cases" "$(cat "$T"/readme*.conf | grep -c '# mox.conf')" 3
echo 'smtp-port = 0' >"$T/bad.conf"
is "a bad file is named with line, key and what was expected" "$(conf-check "$T/bad.conf")" \
	"$T/bad.conf:1: smtp-port = \"0\": expected a number from 1 to 65535"

# ---- mox-log.7: every event, with its levels ----
perl "$TOP/t/log-events.pl" lib/*/*.c bin/*.c >"$T/events" || ok "every event is named where it is written" false
sed -n 's/^\.It Sy \([a-z0-9-]*\) Pq \(.*\)$/\1 \2/p' man/mox-log.7 | sed 's/, /,/' | sort >"$T/logged"
join "$T/events" "$T/logged" | awk '$2 == "*" || $2 == $3 { print $1 }' >"$T/agreed"
ok "there are events" test -s "$T/agreed"
cut -d' ' -f1 "$T/events" | diff - "$T/agreed" | none "mox-log.7 has every event with its levels"
cut -d' ' -f1 "$T/logged" | diff "$T/agreed" - | none "and no other"

# ---- mox-rec.5 ----
sed -n 's/^	*{"\([a-z-]*\)".*/\1/p; s/.*rec_add[a-z]*(.*, "\([a-z0-9-]*\)".*/\1/p' lib/spool/envelope_record.c | sort -u | while read -r k; do
	grep -qE "^$k( |\$)" man/mox-rec.5 || echo "$k"
done | none "mox-rec.5 has every key of an envelope"
sed -n '/row_field_names\[/,/;/p' lib/spool/row.c | grep -oE '"[a-z]+"' | tr -d '"' >"$T/fields"
ok "there are fields" test -s "$T/fields"
sed -n '/^id 0d3k9v2x7m4qa\.1$/,/^end$/p' man/mox-rec.5 | sed '$d; s/ .*//' | diff "$T/fields" - | none "mox-rec.5 has the fields of a row, in their order"
sed -n '/row_state_names\[/,/;/p' lib/spool/row.c | grep -oE '"[a-z]+"' | tr -d '"' | while read -r w; do
	grep '^\.Li due' man/mox-rec.5 | grep -qw "$w" || echo "$w"
done | none "mox-rec.5 has every state"
for n in $(sed -n 's/^#define REC_LINE_MAX \([0-9]*\).*/\1/p' lib/base/rec.h) $(sed -n 's/^#define PKT_MAX \([0-9]*\).*/\1/p' lib/base/fdio.h); do
	grep -qw "$n" man/mox-rec.5 || echo "$n"
done | none "mox-rec.5 has the limits of lines and packets"

# ---- the checklists: what step 1 touches is in some test's name ----
touched="T21 T68 $(seq -f T%g 81 100) $(seq -f T%g 112 120) T102 T104 T106 T107 T109 T110 T111 $(seq -f T%g 121 128) T132 T133 $(seq -f S%g 1 18) $(seq -f S%g 26 28) S30 $(seq -f S%g 32 38) $(seq -f S%g 41 47) S50"
cat t/*.t t/*/*.t t/unit/*.c 2>/dev/null >"$T/names"
missing=
for n in $touched; do grep -qE "\b$n\b" "$T/names" || missing="$missing $n"; done
[ -z "$missing" ] || echo "checklist lines of this step that no test names:$missing" | diag
done_testing
