#!/bin/bash
# The EXAMPLES of the pages of queue commands and of the ways into the queue, pasted as they stand.
. "$(dirname "$0")/lib.sh"
[ -x "$MOX_BIN/mox-runq" ] || skip_all "no mox-runq"
export ASAN_OPTIONS=detect_leaks=0 # mox-queue-add leaves its memory to the kernel
export MOX_SPOOL=$T/q
add() { printf 'Subject: x\n\nbody\n' | mox-queue-add "$@" | sed -n 's/^id //p'; }
id=$(add -f lawyer@example.org user@example.com a@example.com)
add -f b@example.org c@example.net >/dev/null
printf 'hello\n' >motd
mkdir bin
printf '#!/bin/sh\nexec cat\n' >bin/less
chmod +x bin/less
cp -R q backup

# examples PAGE: each as one line of shell, its \e and \(aq as on paper; what this machine may not have stands for what it has
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$TOP/man/$1" | awk '
		/^\.Dl / { print substr($0, 5) }
		/^\.Bd / { on = 1; text = ""; next }
		/^\.Ed/ { on = 0; print text; next }
		on { text = text (text == "" || text ~ /\|$/ ? "" : "; ") $0 }' |
		sed "s/\\\\(aq/'/g; s/\\\\e/\\\\/g; s,/tmp/message,$T/message,g; s,/etc/motd,$T/motd,; s,/backup/spool/mox,$T/backup,; s/0d3k9v2x7m4qa/$id/"
}
for page in mox-queue-add.8 mox-queue-list.8 mox-queue-show.8 mox-queue-hold.8 mox-queue-release.8 mox-queue-schedule.8 mox-queue-requiretls.8 \
	mox-queue-check.8 mox-retired-list.8 mox-sendmail.8 mox-queue-fail.8 mox-queue-drop.8 mox-holdrule.8; do
	examples "$page" >lines
	ok "$page has examples" test -s lines
	while IFS= read -r line; do
		ok "$page: ${line//"$T"/}" env TMPDIR="$T" PATH="$T/bin:$PATH" bash -o pipefail -ec "$line"
	done <lines
done
is "what they did stands in the queue" "$(mox-queue-list -from lawyer@example.org -o requiretls | tr '\n' ' ')" "yes yes "
ok "and nothing is wrong with it" mox-queue-check
done_testing
