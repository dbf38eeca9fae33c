#!/bin/bash
# Random kill -9 of all parts during a drain, the short form (t/slow/6200-kill-random.t has 200 rounds).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/crash/kill-random.sh"
kill_random 20 100
done_testing
