#!/bin/bash
# T125 with 100,000 messages for each of two dead sites; mail for others within 2 seconds.
BACKLOG=100000 DELAY_MAX=2000 exec "$(dirname "$0")/../2200-fairness.t"
