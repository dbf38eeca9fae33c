#!/bin/bash
# Each line of the checklists on transport security (DANE, MTA-STS, TLSRPT, REQUIRETLS, TLS plumbing), logins (SASL) and sendmail(8) is in
# the name of some test.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
# What a test calls itself: its comments alone show nothing. t/world/destinations has names of tests in its last column.
cat t/*.t t/*/*.t t/unit/*.c t/unit/*.h t/world/destinations 2>/dev/null | grep -v '^[[:space:]]*\(#\|//\|\*\)' >"$T/names"
for n in $(seq 1 68) $(seq 97 103) $(seq 112 120); do
	ok "T$n is shown by a test" grep -qE "\bT$n\b" "$T/names"
done
for n in $(seq 1 50); do
	ok "S$n is shown by a test" grep -qE "\\bS$n\\b" "$T/names"
done
done_testing
