#!/bin/bash
# Notices in a local Maildir, as Dovecot's IMAP shows them: their structure, their text, their fields, what they give back.
# shellcheck disable=SC2317 # functions are called by name
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "Dovecot needs root"
why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null) || skip_all "$why"
unshare -m true 2>/dev/null || skip_all "no mount namespaces"

chmod 711 "$T" # its users must get through
mkdir bin box dv
cp "$MOX_BIN"/mox-runq "$MOX_BIN"/mox-dsn "$MOX_BIN"/mox-local "$MOX_BIN"/mox-queue-* bin/
rm -f bin/*.c
cp "$TOP/t/fake/runq-siblings.py" bin/mox-nexthop
cp "$TOP/t/fake/runq-siblings.py" bin/mox-deliver
PATH=$T/bin:$PATH
export FAKE_LOG=$T/log FAKE_GO=$T/go MOX_CONF=$T/conf MOX_TEST_CLOCK=$T/clock
me=games # any user that is not root
chown "$me" box
cat >conf <<X
hostname = "here.example"
spool = "$T/spool"
postmaster = "$me@here.example"
local-domains = { "here.example" }
local-maildir = "$T/box/%u"
aliases = "$T/aliases"
retry { intervals = { "30m" } jitter = false }
X
printf 'all: %s, %s+2@here.example\n' "$me" "$me" >aliases
echo 0 >clock
touch log
add() { mox-queue-add -f "$me@here.example" "$@" >/dev/null; }
printf 'From: %s@here.example\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <one@here.example>\n\nthe body\n.\nis here\n' "$me" >msg
add never@x.example chloé@never.example <msg
add --ret hdrs nosuchuser@here.example <msg
add --requiretls=yes never2@x.example <msg
add --notify success,failure "$me+box@here.example" all@here.example relay@x.example <msg
add later@x.example <msg
mox-queue-add -f '' never3@x.example <msg >/dev/null
for i in 0 1 2 3 4 5; do
	echo $((i * 1801)) >clock
	timeout 30 mox-runq 2>>err || echo "pass $i fails" | diag
done

IMAP_PORT=$(free_port)
export IMAP_PORT MAILDIRS=$T/box/%u MAIL_USER=$me
start dovecot "$TOP/t/peers/dovecot-start" dv
answers() { python3 -c "import imaplib; imaplib.IMAP4('127.0.0.1', $IMAP_PORT).login('$me', 'x')"; }
ended() { ! kill -0 "$PID_dovecot" 2>/dev/null; }
answers_or_ended() { answers || ended; }
wait_until answers_or_ended
ended && grep -q mount: dovecot.log && skip_all "no overlayfs here"
ok "Dovecot answers" answers || { cat dovecot.log dv/log | diag; exit 1; }

# One line a notice: the types of its parts as Dovecot sees them, its subject, actions, and what it found of the message given back.
python3 - "$IMAP_PORT" "$me" >seen <<'END'
import email.header, imaplib, quopri, re, sys
m = imaplib.IMAP4('127.0.0.1', int(sys.argv[1]))
m.login(sys.argv[2], 'x')
m.select('INBOX')

def fetch(n, what):
    d = m.fetch(n, '(%s)' % what)[1]
    return b''.join(x if isinstance(x, bytes) else b' '.join(x) for x in d)

def part(n, p):
    for x in m.fetch(n, '(BODY.PEEK[%s])' % p)[1]:
        if isinstance(x, tuple): return x[1]
    return b''

def types(s):                                   # of the parts of a BODYSTRUCTURE, those inside a message left out
    return ' '.join('%s/%s' % (a.decode().lower(), b.decode().lower()) for a, b in
                    re.findall(rb'\("(TEXT|MESSAGE)" "([A-Z0-9-]+)"', s, re.I))

for n in m.search(None, 'FROM', '"MAILER-DAEMON"')[1][0].split():
    n = n.decode()
    s = fetch(n, 'BODYSTRUCTURE')
    subject = str(email.header.make_header(email.header.decode_header(part(n, 'HEADER.FIELDS (SUBJECT)').decode().split(': ', 1)[1].strip().replace('\r\n', ''))))
    text = part(n, '1')
    if b'quoted-printable' in s.split(b'NIL')[0].lower() or b'"quoted-printable"' in s[:200]: text = quopri.decodestring(text)
    fields = part(n, '2').decode()
    actions = ','.join(sorted(re.findall(r'^Action: (.*)\r', fields, re.M)))
    back = part(n, '3.HEADER') if b'"MESSAGE" "RFC822"' in s.upper() else part(n, '3')
    got = re.search(rb'^Message-ID: (.*)\r', back, re.M | re.I)
    print('%s|%s|%s|%s|%s|%s' % (b'"REPORT"' in s.upper() and b'"REPORT-TYPE" "DELIVERY-STATUS"' in s.upper(), types(s), actions, subject,
          'Grüße' in text.decode(), got[1].decode() if got else '-'))
m.logout()
END
sort seen | sed 's/^/# /'
shown() { # SUBJECT: the rest of its line
	grep -F "|$1|" seen
}
is "all six notices are there" "$(wc -l <seen)" 6
is "each is a report of delivery status" "$(grep -vc '^True|' seen)" 0
is "failed: three parts, with the message" "$(shown 'Not delivered to never@x.example and chloé@never.example')" \
	'True|text/plain message/delivery-status message/rfc822 text/plain|failed,failed|Not delivered to never@x.example and chloé@never.example|True|<one@here.example>'
is "RET=HDRS, of a local recipient" "$(shown 'Not delivered to nosuchuser@here.example')" \
	'True|text/plain message/delivery-status text/rfc822-headers|failed|Not delivered to nosuchuser@here.example|True|<one@here.example>'
is "T65 of REQUIRETLS mail the Message-ID, not the subject" "$(shown 'Not delivered to never2@x.example')" \
	'True|text/plain message/delivery-status text/rfc822-headers|failed|Not delivered to never2@x.example|False|<one@here.example>'
is "delivered, expanded and relayed" "$(grep '|delivered,\|expanded' seen | cut -d'|' -f2,3 | sort | paste -sd' ')" \
	'text/plain message/delivery-status text/rfc822-headers|delivered,expanded,relayed'
is "delayed" "$(shown 'Not delivered yet to later@x.example' | cut -d'|' -f2,3)" 'text/plain message/delivery-status text/rfc822-headers|delayed'
is "a double bounce, to the postmaster" "$(shown 'Not delivered to never3@x.example' | cut -d'|' -f2,3)" \
	'text/plain message/delivery-status message/rfc822 text/plain|failed'
is "Dovecot has nothing to complain of" "$(grep -cE 'Error|Warning|Panic' dv/log)" 0
done_testing
