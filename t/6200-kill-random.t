#!/bin/bash
# Random kill -9 of all parts during a drain, the short form (t/slow/6200-kill-random.t has 200 rounds).
. "$(dirname "$0")/lib.sh"
. "$TOP/t/crash/kill-random.sh"
kill_random 20 100
# Neither of these two stands between an answer and its mark: their deaths double nothing.
kill_random 10 100 nexthop parent
is "no duplicates without a kill of mox-runq or a worker" "$(cat twice)" ""
done_testing
