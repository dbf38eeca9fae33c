#!/bin/bash
# Every table test under t/unit, one line each here; its own output is shown when it fails.
. "$(dirname "$0")/lib.sh"
for u in "$MOX_OUT"/t/unit/*; do
	[ -x "$u" ] && [ -f "$TOP/t/unit/${u##*/}.c" ] && ok "unit ${u##*/}" "$u"
done
done_testing
