#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# Spools of earlier releases (t/upgrade): today's commands list the same, check it, deliver everything exactly once, and keep what no file knows.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
command -v xz >/dev/null || skip_all "no xz"
mkdir bin
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-retired-list "$MOX_BIN"/mox-suppress "$MOX_BIN"/mox-holdrule "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
sed "s/l = a.split('@')\[0\]/l = 'sent'/" bin/mox-nexthop >bin/mox-deliver # today everybody takes his mail
chmod 755 bin/*
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock ASAN_OPTIONS=detect_leaks=0 TZ=UTC
cat >conf <<E
hostname = "me.example"
postmaster = "boss@me.example"
reserve = "64k"
min-free = "0"
retry { intervals = { "30m" } jitter = false }
transport "relay" { type = smtp host = "relay.example" }
max-first-recipients-per-day = 100000
max-messages-per-day = 100000
keep-retired = "30d"
E
chmod 711 "$T"
# Whoever owns the spool: root; where we are root, one archive as somebody else, too.
as=()
pass() { timeout 60 "${as[@]}" mox-runq 2>>err; }
list() { "${as[@]}" mox-queue-list -o "$1"; }
alone() { # an owner that was started to answer goes
	[ ! -s "$MOX_SPOOL/lock" ] || kill "$(sed -n 's/^serve //p' "$MOX_SPOOL/lock")" 2>/dev/null
	flock "$MOX_SPOOL/lock" true
}
clock() { echo $((at + $1 - $(date +%s))) >clock; }
unpack() { # NAME TO
	mkdir -p "$2" && tar -C "$2" --no-same-owner -xpJf "$TOP/t/upgrade/$1.tar.xz"
	at=$(cat "$2/at")
}
# ID.N of each recipient of a message file in the spool that is to do, by the files alone
todo() {
	(cd "$1" && for f in new/* cur/*/?????????????; do
		[ ! -f "$f" ] || LC_ALL=C grep -a '^rcpt ' "$f" | nl | sed -n "s,^ *\([0-9]*\)\trcpt T[^ ]* \([^ ]*\).*,$(basename "$f").\1 \2,p"
	done | sort)
}
# ID RCPT of each that got something of `before`
sent() {
	awk 'NR == FNR { wanted[substr($1, 1, 13)] = 1; next } $1 == "deliver" && $2 in wanted {
		n = split($(NF - 1), to, ","); for (i = 1; i <= n; i++) print $2, to[i] }' before log | sort
}
# Lines of the first file that the second lacks.
lacks() { comm -23 <(sort "$1") <(sort "$2"); }

opens() { # NAME KIND
	local what="$1, $2" dir=$T/$1-$2
	unpack "$1" "$dir"
	export MOX_SPOOL=$dir/$2
	rm -f log go err
	touch log go err
	if [ ${#as[@]} -gt 0 ]; then
		what="$what, somebody else's"
		chown -R 12345:12345 "$dir"
		chmod 666 log err
	fi
	todo "$MOX_SPOOL" >before
	clock 60
	if [ ! -e "$dir/$2.queue" ]; then
		list id,sender,rcpt >rows
	elif [ "$2" = clean ]; then
		list id,sender,rcpt,hold,transport,requiretls,attempts,next >rows
		is "$what: the same rows" "$(cat rows)" "$(cat "$dir/$2.queue")"
	else # attempts under way at the kill may be counted or not, and what stood in new/ is there now
		list id,sender,rcpt,hold,transport,requiretls >rows
		is "$what: every row" "$(lacks <(cut -f1-6 "$dir/$2.queue") rows)" ""
	fi
	is "$what: whoever is to do, and nobody else" "$(cut -f1 rows | sort)" "$(cut -d' ' -f1 before)"
	ok "$what: a check of files, index and tables" "${as[@]}" mox-queue-check -i
	keeps "$what" "$dir/$2"
	[ "$1" != step-4 ] || like "$what: what was said in the last session" "$("${as[@]}" mox-queue-show "$(sed -n 's/\.1\t.*later@c0.*//p' "$dir/$2.queue" | head -n 1)")" 'S: 451 later'
	alone
	# Everything, once.
	"${as[@]}" mox-queue-release -all >/dev/null 2>&1
	clock 90000
	pass
	pass
	grep -v given-up@ before >wanted # by an operator's amendment
	is "$what: each exactly once" "$(sent)" "$(sed 's/\.[0-9]* / /' wanted | sort)"
	is "$what: and nothing is left" "$(todo "$MOX_SPOOL")" ""
	keeps "$what, delivered" "$dir/$2"
	"${as[@]}" mox-retired-list -o id,result >history
	is "$what: the history knows what was sent" "$(lacks <(cut -d' ' -f1 wanted) <(sed -En 's/\t(delivered|relayed)$//p' history))" ""
	ok "$what: a check when all is done" "${as[@]}" mox-queue-check -i
	alone
}
keeps() { # WHAT FILES: what that release's commands said; each may have become more
	[ ! -e "$2.retired" ] || is "$1: the history" "$(lacks "$2.retired" <("${as[@]}" mox-retired-list -o id,rcpt,result))" ""
	[ ! -e "$2.suppress" ] || is "$1: the suppression list" "$(lacks "$2.suppress" <("${as[@]}" mox-suppress list -all -o account,address,how))" ""
	[ ! -e "$2.holdrule" ] || is "$1: the rules" "$("${as[@]}" mox-holdrule list -o rule,domain)" "$(cat "$2.holdrule")"
}
for one in step-1 step-2 step-3 step-4; do
	opens $one clean
	opens $one killed
done
opens gentestdata clean
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid 12345 --regid 12345 --clear-groups)
	rm -rf step-4-killed
	opens step-4 killed
	as=()
fi

done_testing
