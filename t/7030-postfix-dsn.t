#!/bin/bash
# shellcheck disable=SC2317 # functions are called by name
# T71 T72 T73: who tells of success, between a real Postfix and us: the Postfix, when it knows DSN; we, when it does not, or when the mail
# ends here.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "Postfix needs root"
why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null) || skip_all "$why"

chmod 711 "$T" # its users must get through
mkdir pf box
chown games box
printf '%s@local.test %s/\n' me me a a >pf/mailboxes
MTA_PORT=$(free_port)
port2=$(free_port)
ours=$(free_port)
export MTA_PORT
export MTA_MORE="127.0.0.1:$port2 inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=dsn,silent-discard"
start postfix "$TOP/t/peers/postfix-start" pf "transport_maps = inline:{ here.example=smtp:[127.0.0.1]:$ours }" queue_run_delay=1s minimal_backoff_time=1s
ok "Postfix answers" wait_until python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', $MTA_PORT).quit()" || { diag <postfix.log; exit 1; }

cat >conf <<X
hostname = "mox.test"
postmaster = "games@here.example"
spool = "$T/spool"
local-domains = { "here.example" }
local-maildir = "$T/box/%u"
aliases = "none"
transport "dsn" { type = smtp host = "127.0.0.1" port = $MTA_PORT starttls = never }
transport "nodsn" { type = smtp host = "127.0.0.1" port = $port2 starttls = never }
route { transport = "dsn" }
X
export MOX_CONF=$T/conf
start runq mox-runq -w
wait_until mox-queue-list
add() { # SENDER OPTION...: and waits until nothing is queued any more
	mox-queue-add -f "$@" <<<$'From: me@local.test\nSubject: hello\nMessage-ID: <one@local.test>\n\nbody' >/dev/null
	wait_until nothing_queued
}
nothing_queued() { [ -z "$(mox-queue-list)$(find spool/new -type f)" ] && [ -z "$(find pf/spool/active pf/spool/incoming pf/spool/deferred pf/spool/maildrop -type f)" ]; }
reports() { # BOX: one line each of the delivery reports in it, which are removed
	python3 - "$@" <<'END'
import email, email.policy, os, sys
for d in sys.argv[1:]:
    for f in sorted(os.listdir(d)) if os.path.isdir(d) else []:
        m = email.message_from_binary_file(open(d + '/' + f, 'rb'), policy=email.policy.default)
        os.unlink(d + '/' + f)
        if m.get_content_type() != 'multipart/report': continue
        b = list(m.iter_parts())[1].get_payload()
        get = lambda blk, k: str(blk[k] or '-').split(';')[-1].strip().replace('\r\n', '')
        print('\n'.join('%s: %s %s orcpt=%s envid=%s' % (get(b[0], 'Reporting-MTA'), get(x, 'Final-Recipient'), x['Action'], get(x, 'Original-Recipient'),
              get(b[0], 'Original-Envelope-Id')) for x in b[1:]))
END
}
has() { [ -n "$(find "$@" -type f 2>/dev/null)" ]; }

printf 'sender me@local.test\nenvid QQ+2B1\nrcpt a@local.test notify=success orcpt=rfc822;Orig+2Bx@here.example\nend\n' >envelope
mox-queue-add -e 3 3<envelope <<<$'Subject: x\n\nbody' >/dev/null
ok "with DSN: it arrives" wait_until has pf/mail/a/new
ok "and a report of it" wait_until has pf/mail/me/new
wait_until nothing_queued
is "T72 T73 Postfix tells of success, with our ENVID and ORCPT; we do not" "$(reports pf/mail/me/new)" \
	'postfix.test: a@local.test delivered orcpt=Orig+x@here.example envid=QQ+1'
add me@local.test a@local.test
add me@local.test --notify failure,delay a@local.test
is "T71 nothing was asked for, or no success: nobody tells anything" "$(reports pf/mail/me/new)" ''
add me@local.test --notify success --transport nodsn a@local.test
ok "without DSN: a report" wait_until has pf/mail/me/new
is "T72 we tell that it was relayed" "$(reports pf/mail/me/new)" 'mox.test: a@local.test relayed orcpt=- envid=-'
add me@local.test --notify success,failure nobody@local.test
ok "what Postfix refuses" wait_until has pf/mail/me/new
is "we tell, for it never had it" "$(reports pf/mail/me/new)" 'mox.test: nobody@local.test failed orcpt=- envid=-'

# The other way: Postfix hands on what was asked, and we have the mailbox.
cat >inetd.py <<'END'
import os, socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen()
while True:
    c, _ = s.accept()
    if not os.fork():
        os.dup2(c.fileno(), 0); os.dup2(c.fileno(), 1); os.execvp('mox-smtpd', ['mox-smtpd'])
    c.close()
END
start inetd python3 inetd.py "$ours"
smtp() { # RCPT-OPTIONS RCPT
	python3 - "$MTA_PORT" "$@" <<'END'
import smtplib, sys
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1])); s.ehlo('client.test')
s.sendmail('me@local.test', [sys.argv[3]], b'Subject: x\r\n\r\nbody\r\n', mail_options=['RET=HDRS', 'ENVID=E+3D2'], rcpt_options=sys.argv[2].split(','))
END
}
smtp 'NOTIFY=SUCCESS' games@here.example
ok "Postfix relays a message to us" wait_until has box/games/new
ok "and gets a report" wait_until has pf/mail/me/new
wait_until nothing_queued
is "T72 T73 from us, that it is delivered; Postfix is silent, for we know DSN" "$(reports pf/mail/me/new)" \
	'mox.test: games@here.example delivered orcpt=games@here.example envid=E=2'
smtp 'NOTIFY=FAILURE' nosuchuser@here.example
ok "what is for nobody here" wait_until has pf/mail/me/new
wait_until nothing_queued
like "T70 comes back as failed" "$(reports pf/mail/me/new)" '^[a-z]*\.test: nosuchuser@here.example failed orcpt=nosuchuser@here.example envid=E=2$'
smtp 'NOTIFY=NEVER' nosuchuser@here.example
wait_until nothing_queued
is "T70 or is never heard of" "$(reports pf/mail/me/new)$(reports box/games/new)" ''
done_testing
