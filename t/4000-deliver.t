#!/bin/bash
. "${BASH_SOURCE%/*}/lib.sh"
# mox-deliver by hand against mox-localserve: the whole way, EHLO to QUIT.
start sink mox-localserve -d "$T/md" -p 0
wait_until grep -q listening sink.log
port=$(sed -n 's/^listening .*://p' sink.log)
printf 'Subject: x\n\nhello\n.dot\n..two\nend' >msg

ok "a message is delivered" bash -c "mox-deliver -f a@example.org -t 127.0.0.1:$port b@example.com <msg >report"
like "its report" "$(cat report)" '^job 1
rcpt 1 sent 250 2\.0\.0 127\.0\.0\.1\[127\.0\.0\.1\] .*
session 127\.0\.0\.1 127\.0\.0\.1 tls=none verified=none reused=no trips=[0-9]+ bytes=39 ms=[0-9]+ starttls=no requiretls=no
end$'
is "T104 dots and line ends arrive as they were" "$(sed 1,2d md/new/* | od -c)" "$(sed 's/$/\r/' msg | tr -d '\r' | sed '$a\' | od -c)"
fails 100 "a refused recipient is never" bash -c "mox-deliver -f a@example.org -t 127.0.0.1:$port rcptto550@example.com <msg >report"
like "with its code" "$(cat report)" 'rcpt 1 never 550 5\.[0-9.]+ '
fails 111 "a deferred recipient is later" bash -c "mox-deliver -f a@example.org -t 127.0.0.1:$port rcptto451@example.com <msg >report"
like "with its code, too" "$(cat report)" 'rcpt 1 later 451 4\.[0-9.]+ '
fails 111 "nobody listens" bash -c "mox-deliver -f a@example.org -t 127.0.0.1:1 b@example.com <msg >report"
like "unreachable" "$(cat report)" 'rcpt 1 later 0 4\.4\.1 127\.0\.0\.1\[127\.0\.0\.1\] Connection.*
site unreachable'
like "-n prints the plan" "$(mox-deliver -n -t 127.0.0.1:25 b@example.com </dev/null)" 'hop 127\.0\.0\.1 .*port=25 .*
addr 127\.0\.0\.1'
fails 100 "T111 a line break in an address" mox-deliver -t 127.0.0.1:1 $'b@example.com\r\nDATA' </dev/null
fails 100 "T111 a bracket in a sender" mox-deliver -f 'a>b@example.org' -t 127.0.0.1:1 b@example.com </dev/null
fails 100 "no recipient" mox-deliver </dev/null
done_testing
