#!/bin/bash
# mox-queue-report's page in a headless Chromium, 400 and 1400 pixels wide, light and dark: nothing scrolls sideways, texts can be read, nothing is asked
# for, nothing is complained of. With SHOTS=DIR the screenshots are kept there.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
chromium=$("$TOP/t/peers/chromium" 2>said) || skip_all "$(cat said)"
export MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock TZ=UTC
echo 'hostname = "mail.example.org"' >conf
mkdir "${SHOTS:=$T/shots}" 2>/dev/null
look() { timeout 120 "$TOP/t/look.py" "$chromium" "$SHOTS" "$@"; }

cat >bad.html <<'X'
<!DOCTYPE html><html><head><title>x</title></head><body style="background:#fff;margin:0"><p id="a" style="color:#999">too faint</p>
<div id="a" style="width:1600px">wide<img src="http://127.0.0.1:1/x.png"></div><svg role="img"></svg><script>console.log(1)</script></body></html>
X
look bad.html >out
is "what is wrong is seen" "$(sed -n 's/^bad-400-dark: //p' out | sed 's/[:,].*//' | sort -u | tr '\n' ';')" \
	"a picture without words;an id stands twice;asks for http;console;hardly any text;has a link;has a script;its ground is rgb(255;log;scrolls sideways;too faint;"

for kind in busy hostile; do
	python3 "$TOP/t/fake/report-rows.py" "rows-$kind" $kind
	mkdir $kind
	start $kind "$TOP/t/fake-ctl" "$T/$kind/ctl" $kind.asked ops "rows-$kind"
	wait_until test -S "$kind/ctl"
	echo $((1800000000 - $(date +%s))) >clock
	MOX_SPOOL=$T/$kind mox-queue-report >$kind.html
	stop $kind
done
look busy.html hostile.html >out
is "nothing is wrong with the page" "$(cat out)" "looked 8"
is "a screenshot of each, and not of nothing" "$(find "$SHOTS" -name '*-*-*.png' ! -name 'bad-*' -size +100k | wc -l)" 8
done_testing
