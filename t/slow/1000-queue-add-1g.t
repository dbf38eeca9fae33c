#!/bin/bash
# A message of 1 GB passes mox-queue-add in constant memory; prints its rate.
. "$(dirname "$0")/../lib.sh"
export MOX_SPOOL=$T/spool MOX_CONF=$T/mox.conf
printf '%s\n' 'hostname = "mx.test.example"' 'max-message-size = "2G"' >mox.conf
[ "$(df --output=avail -B1M "$T" | tail -1)" -gt 3000 ] || skip_all 'less than 3 GB free'
start=$(date +%s%N)
ok '1 GB in 8 MB of memory' bash -c \
	'{ printf "Subject: x\n\n"; yes "some line of text, with a bare line end and so on" | head -c 1073741824; } | (ulimit -v 8192; mox-queue-add -q b@example.org)'
echo "# $((1024 * 1000000000 / ($(date +%s%N) - start))) MB/s"
ok 'it is whole' spool-check spool
done_testing
