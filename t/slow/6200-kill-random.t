#!/bin/bash
# 200 rounds of random kill -9 while 500 messages drain.
. "$(dirname "$0")/../lib.sh"
. "$TOP/t/crash/kill-random.sh"
kill_random 200 500
done_testing
