#!/bin/bash
# mox-dsn: each kind of notice as a whole text (t/refs/dsn), read by Python's email package, which is of another hand; then hostile
# replies, addresses, messages and templates.
#   UPDATE=1 t/2500-dsn.t    writes the texts anew
. "$(dirname "$0")/lib.sh"
REFS=$TOP/t/refs/dsn
export TZ=UTC MOX_TEST_CLOCK=$T/clock MOX_CONF=$T/conf
echo $((1795228273 + 5 * 86400 + 600 - $(date +%s))) >clock
cat >conf <<END
hostname = mail.example.org
postmaster = "postmaster@example.org"
END

# ---- the referee ----
cat >referee.py <<'END'
import email, email.parser, email.policy, re, sys

def undo(v):                                    # a value of a record
    return re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes([int(m[1], 16)]), v)

def record(data):
    f = {'rcpt': []}
    for line in data.split(b'\n'):
        if line == b'end': break
        k, v = line.split(b' ', 1)
        if k == b'rcpt':
            p = [undo(x) for x in v.split(b' ')]
            r = dict(zip(('address', 'outcome', 'code', 'status', 'host', 'text'), p))
            r.update((o.split(b'=', 1)[0].decode(), o.split(b'=', 1)[1]) for o in p[6:])
            f['rcpt'].append(r)
        else: f[k.decode()] = undo(v)
    return f

FIELDS = {'date', 'from', 'to', 'subject', 'message-id', 'in-reply-to', 'references', 'auto-submitted', 'tls-required', 'mime-version',
          'content-type', 'content-transfer-encoding'}
PER_MESSAGE = {'reporting-mta', 'original-envelope-id', 'arrival-date', 'future-release-request'}
PER_RCPT = {'original-recipient', 'final-recipient', 'action', 'status', 'remote-mta', 'diagnostic-code', 'last-attempt-date', 'final-log-id',
            'will-retry-until'}
TYPES = {'text/plain': 0, 'message/delivery-status': 1, 'message/global-delivery-status': 1, 'message/rfc822': 2, 'message/global': 2,
         'text/rfc822-headers': 2, 'message/global-headers': 2}

def need(good, what, got=''):
    if not good: raise AssertionError('%s: %r' % (what, got))

def header(text, allowed, what):
    m = email.parser.BytesHeaderParser(policy=email.policy.SMTP).parsebytes(text)
    need(not m.defects, what + ' defects', m.defects)
    names = [k.lower() for k in m.keys()]
    need(set(names) <= allowed and len(set(names)) == len(names), what + ' fields', names)
    need(not m.get_payload(), what + ' has a body', m.get_payload())
    return m

def unquote(s):                                 # utf-8-addr-xtext
    return re.sub(r'\\x\{([0-9A-F]+)\}', lambda m: chr(int(m[1], 16)), s)

def flat(b):                                    # what of hostile bytes must be found again: words of letters and digits
    return re.findall(rb'[A-Za-z0-9]{3,40}', b)

def check_digest(m, f):
    need(set(k.lower() for k in m.keys()) <= FIELDS | {'content-description'}, 'fields', m.keys())
    need(m.get_content_type() == 'text/plain' and m['auto-submitted'] == 'auto-replied' and m['date'].datetime, 'type')
    text = m.get_content()
    need(f['count'].decode() in m['subject'] and f['count'].decode() in text, 'count', m['subject'])
    for r in f['rcpt']: need(all(w.decode() in text.replace('\n', ' ') for w in flat(r['address']) + flat(r['text'])), 'entry', r)

def check(notice, fates, ascii_only=False):
    f = record(fates)
    need(not re.search(rb'\r(?!\n)|(?<!\r)\n', notice), 'bare CR or LF')
    need(b'\r\r\n' not in notice and b'\0' not in notice, 'CRCRLF or NUL')
    need(max(map(len, notice.split(b'\r\n'))) <= 998, 'long line')
    top = email.message_from_bytes(notice, policy=email.policy.SMTP)
    need(not top.defects, 'defects', top.defects)
    if f['kind'] == b'digest': return check_digest(top, f)
    names = [k.lower() for k in top.keys()]
    need(set(names) <= FIELDS and len(set(names)) == len(names), 'fields', names)
    raw_head, body = notice.split(b'\r\n\r\n', 1)
    to = f.get('to', f['sender'])
    need(all(c < 128 for c in raw_head) or max(to) > 127, '8-bit header', raw_head)
    need(top.get_content_type() == 'multipart/report' and top.get_param('report-type') == 'delivery-status', 'type', top['content-type'])
    need(top['auto-submitted'] == 'auto-replied' and (b'hostname' in fates or top['from'].addresses[0].domain == 'mail.example.org'), 'from', top['from'])
    need(re.fullmatch(r'<[^<>@\s]+@[^<>@\s]+>', top['message-id']), 'message-id', top['message-id'])
    need(top['date'].datetime, 'date')
    b = top.get_boundary().encode()
    parts = ((b'\r\n' + body).split(b'\r\n--' + b))
    need(parts[-1] == b'--\r\n' and len(parts) in (4, 5), 'parts', len(parts))
    need(len(top.get_payload()) == len(parts) - 2, 'python finds as many parts')
    out = {}
    for i, p in enumerate(parts[1:-1]):
        need(p.startswith(b'\r\n'), 'delimiter')
        h, c = p[2:].split(b'\r\n\r\n', 1)
        h = header(h + b'\r\n\r\n', {'content-type', 'content-description', 'content-transfer-encoding'}, 'part')
        need(TYPES[h.get_content_type()] == i, 'part order', h.get_content_type())
        cte = h.get('content-transfer-encoding', '7bit')
        need(cte in ('7bit', '8bit', 'quoted-printable'), 'encoding', cte)
        need(cte == '8bit' or all(x < 128 for x in c), '8-bit part')
        need(cte != '8bit' or top['content-transfer-encoding'] == '8bit', '8-bit part in a 7-bit message')
        if h.get_content_type() in ('message/rfc822', 'message/delivery-status'): need(cte != 'quoted-printable', 'encoded composite')
        if cte == 'quoted-printable':
            import quopri
            need(max(map(len, c.split(b'\r\n'))) <= 76, 'long encoded line')
            c = quopri.decodestring(c)
        out[i] = (h.get_content_type(), c, h)
    if ascii_only: need(out[1][0] == 'message/delivery-status' and all('global' not in t or h['content-transfer-encoding'] == 'quoted-printable' for t, c, h in out.values()), 'ascii form')
    text = out[0][1].decode()
    need(not any(ord(c) < 32 and c not in '\r\n' or 0x7f <= ord(c) < 0xa0 or 0x202a <= ord(c) <= 0x202e or 0x2066 <= ord(c) <= 0x2069 for c in text), 'controls', text)
    blocks = out[1][1].rstrip(b'\r\n').split(b'\r\n\r\n')
    need(len(blocks) == len(f['rcpt']) + 1, 'blocks', blocks)
    m = header(blocks[0] + b'\r\n\r\n', PER_MESSAGE, 'per message')
    need(m['reporting-mta'].startswith('dns; '), 'reporting-mta')
    need(('envid' in f) == ('original-envelope-id' in m), 'envid')
    for r, blk in zip(f['rcpt'], blocks[1:]):
        m = header(blk + b'\r\n\r\n', PER_RCPT, 'per recipient')
        utf = email.message_from_string((blk + b'\r\n\r\n').decode(), policy=email.policy.compat32)
        need({'final-recipient', 'action', 'status'} <= {k.lower() for k in m.keys()}, 'required fields', m.keys())
        need(m['action'] == r['outcome'].decode(), 'action', m['action'])
        need(re.fullmatch(r'[245]\.\d{1,3}\.\d{1,3} \([^()]*\)', re.sub(r'\s+', ' ', m['status'])), 'status', m['status'])
        need(('orcpt' in r and r['orcpt'].find(b';') > 0) == ('original-recipient' in m), 'original-recipient', m['original-recipient'])
        need((r['host'] not in (b'-', b'')) == ('remote-mta' in m), 'remote-mta', m['remote-mta'])
        need(r['outcome'] == b'delayed' or 'will-retry-until' not in m, 'will-retry-until')
        kind, _, addr = utf['final-recipient'].replace('\r\n', '').partition('; ')
        try: same = unquote(addr).replace(' ', '') == r['address'].decode().replace(' ', '') if r['address'].decode().isprintable() and b'\\' not in r['address'] and len(r['address']) < 300 else True
        except UnicodeDecodeError: same = True
        need(same and kind in ('rfc822', 'utf-8'), 'final-recipient', (kind, addr))
        said = re.sub(r'\s', '', str(utf['diagnostic-code'] or ''))
        for w in flat(r['text'])[:40]: need(w.decode() in said or len(r['text']) > 900, 'reply in Diagnostic-Code', (w, said))
        for w in flat(r['text'])[:20]: need(w.decode() in re.sub(r'\s', '', text) or r['outcome'] not in (b'failed', b'delayed') or len(r['text']) > 900, 'reply in text', w)
        need(not r['text'].strip() or said.startswith('X-moxq;' if r['code'] == b'0' or r.get('local') == b'yes' else 'smtp;' + r['code'].decode()), 'diagnostic type', said)
    return out

if __name__ == '__main__':
    check(open(sys.argv[1], 'rb').read(), open(sys.argv[2], 'rb').read(), len(sys.argv) > 3)
END

# notice NAME [OPTION...]: from NAME.fates and msg; compared with the text kept, and read by the referee.
notice() {
	local name=$1
	shift
	[ -s "$name.fates" ] || cat >"$name.fates"
	ok "$name is written" sh -c 'f=$1 m=$2; shift 2; mox-dsn "$@" -e 3 3<"$f" <"$m" >notice' - "$name.fates" "${MSG:-msg}" "$@"
	mv notice "$name.eml"
	ok "$name: read by another hand" python3 referee.py "$name.eml" "$name.fates"
	tr -d '\r' <"$name.eml" | awk '
		/^Date:/ && !date { date = 1; print "Date: NOW"; next }
		/^Message-ID: / && !token { token = $2; gsub(/^<|@.*/, "", token) }
		token { i = index($0, token); if (i) $0 = substr($0, 1, i - 1) "TOKEN" substr($0, i + length(token)) }
		{ print }' >"$name.got"
	[ -z "${UPDATE:-}" ] || cp "$name.got" "$REFS/$name.ref"
	ok "$name: as in t/refs" diff "$REFS/$name.ref" "$name.got"
}
field() { sed -n "s/^$2: //Ip" "$1.got"; }

# Refs hold no Message-ID of the returned message below the first: the notice's own comes first.
printf 'Message-ID: <orig.1@x.example>\r\nFrom: Alerts <alerts@example.org>\r\nTo: bob@example.com\r\nSubject: Disk full\r\n\r\n/dev/sda1 100%%\r\n.dot\r\n' >msg

# ---- failed ----
notice failed <<'END'
kind failed
id 0d3k9v2x7m4qa
sender alerts@example.org
queued 1795228273123456
envid QQ+20314159
rcpt bob@example.com failed 550 5.1.1 mx1.example.com[192.0.2.25] The\x20email\x20account\x20that\x20you\x20tried\x20to\x20reach\x20does\x20not\x20exist.\x0aPlease\x20see\x0ahttps://support.example.com/answer/6596 notify=failure orcpt=rfc822;Bob+2Bx+3Dy@example.com last=1795228873123456 log=0d3k9v2x7m4qa.1
end
END
is "T73 xtext: ORCPT and ENVID are decoded" "$(field failed Original-Recipient),$(field failed Original-Envelope-Id)" 'rfc822; Bob+x=y@example.com,QQ 314159'
is "T74 Remote-MTA has name and address" "$(field failed Remote-MTA)" 'dns; mx1.example.com ([192.0.2.25])'
like "T74 Diagnostic-Code has all lines of the reply" "$(grep -A3 ^Diagnostic failed.got)" \
	$'smtp; 550-5.1.1 .* exist.\n 550-5.1.1 Please see\n 550 5.1.1 https://support'
is "T80 Auto-Submitted, From: with our name, In-Reply-To, References" "$(for h in Auto-Submitted From In-Reply-To References; do field failed $h; done | head -4)" \
	$'auto-replied\nMail Delivery System <MAILER-DAEMON@mail.example.org>\nAlerts <alerts@example.org>\n<orig.1@x.example>'
ok "T75 line ends are CRLF, none is CRCRLF" sh -c '[ "$(tr -dc "\r" <failed.eml | wc -c)" = "$(wc -l <failed.eml)" ] && ! grep -q "$(printf "\r\r")" failed.eml'
mox-dsn -e 3 3<failed.fates <msg >again.eml
isnt() { [ "$2" != "$3" ]; }
ok "T75 another Message-ID, another boundary each time" isnt - "$(grep -iE '^message-id: .*mail\.|^ boundary' failed.eml)" "$(grep -iE '^message-id: .*mail\.|^ boundary' again.eml)"

notice failed-several <<'END'
kind failed
id 0d3k9v2x7m4qa
sender alerts@example.org
queued 1795228273123456
ret hdrs
hostname out2.example.org
hold-until 1795230000000000
rcpt bob@example.com failed 450 4.2.2 mx1.example.com[2001:db8::25] Mailbox\x20full last=1795660273123456 until=1795660273123456
rcpt carol@example.com failed 451 5.7.1 mx1.example.com[192.0.2.25] greylisted
rcpt dave@example.net failed 0 4.4.1 - connection\x20to\x20mx.example.net[192.0.2.9]:25\x20refused
rcpt erin@nowhere.example failed 0 5.1.2 - nowhere.example\x20does\x20not\x20exist
rcpt frank@example.com failed 554 5.7.1 - not\x20from\x20here local=yes
end
END
is "T74 given up after 4xx: failed, with the class of the reply" "$(field failed-several Action | sort -u): $(field failed-several Status | sed 's/ .*//' | paste -sd' ')" \
	"failed: 4.2.2 4.0.0 4.4.1 5.1.2 5.7.1"
is "T76 RET=HDRS: the header alone" "$(field failed-several Content-Type | tail -1),$(grep -c sda1 failed-several.got)" 'text/rfc822-headers,0'
is "T78 no Will-Retry-Until but in a delay notice" "$(field failed-several Will-Retry-Until)" ''

# ---- delayed, success ----
notice delayed <<'END'
kind delayed
id 0d3k9v2x7m4qa
sender alerts@example.org
queued 1795228273123456
ret full
rcpt bob@example.com delayed 451 4.7.1 mx1.example.com[192.0.2.25] Greylisted,\x20come\x20back last=1795235473123456 until=1795660273123456 log=0d3k9v2x7m4qa.1
rcpt carol@example.net delayed 0 4.4.3 - the\x20name\x20servers\x20of\x20example.net\x20do\x20not\x20answer until=1795660273123456
end
END
is "T78 Will-Retry-Until" "$(field delayed Will-Retry-Until | head -1)" "Thu, 26 Nov 2026 02:31:13 +0000"
is "RFC 3461 4.3: RET=FULL speaks of failures only" "$(field delayed Content-Type | tail -1)" 'text/rfc822-headers'
notice success <<'END'
kind success
id 0d3k9v2x7m4qa
sender alerts@example.org
queued 1795228273123456
future-release for;3600
rcpt root@mail.example.org delivered 0 2.0.0 - delivered last=1795228274123456
rcpt bob@example.com relayed 250 2.1.5 mx1.example.com[192.0.2.25] OK\x20queued orcpt=rfc822;bob@example.com last=1795228274123456
rcpt all@mail.example.org expanded 0 - - 
end
END
is "RFC 3464 2.3.3 actions of success" "$(field success Action | paste -sd' ')" 'delivered relayed expanded'
is "RFC 4865 Future-Release-Request" "$(field success Future-Release-Request) $(field failed-several Future-Release-Request)" 'for;3600 until;2026-11-21T03:00:00Z'

# ---- what nobody could have ----
cat >digest.fates <<'END'
kind digest
sender 
to postmaster@example.org
queued 1795228273123456
count 137
rcpt bob@example.com failed 550 5.1.1 mx1.example.com[192.0.2.25] no\x20such\x20user\x0anor\x20was\x20there last=1795228873123456 log=0d3k9v2x7m4qa.1
rcpt "a\x20b"@example.net failed 0 4.4.1 - connection\x20to\x20mx.example.net[192.0.2.9]:25\x20refused log=0d3k9v2x7m4qb.1
rcpt jörg@bücher.example failed 550 5.7.1 mx.bücher.example[192.0.2.26] ungültig\x0d\x1b[31mrot last=1795228873123457 log=0d3k9v2x7m4qc.2
end
END
MSG=/dev/null notice digest
is "T69 a digest is text alone, encoded where it must be" "$(field digest Content-Type), $(field digest Content-Transfer-Encoding)" 'text/plain; charset=utf-8, quoted-printable'
is "T69 with the number" "$(field digest Subject)" '137 notices of this system reached nobody'

# ---- RFC 6533 ----
printf 'Message-ID: <orig.2@x.example>\r\nFrom: j\303\266rg@b\303\274cher.example\r\nSubject: Gr\303\274\303\237e\r\n\r\n\303\244\r\n' >msg8
cat >utf8.fates <<'END'
kind failed
sender jörg@bücher.example
queued 1795228273123456
rcpt chloé@example.com failed 550 5.1.1 mx1.example.com[192.0.2.25] chloé\x20est\x20inconnue orcpt=utf-8;chlo\x5cx{E9}@example.com
end
END
MSG=msg8 notice utf8
is "T76 RFC 6533: global types" "$(field utf8 Content-Type | paste -sd' ')" \
	'multipart/report; report-type=delivery-status; text/plain; charset=utf-8 message/global-delivery-status message/global'
is "T73 utf-8 ORCPT" "$(field utf8 Original-Recipient)" 'utf-8; chloé@example.com'
cp utf8.fates ascii.fates
MSG=msg8 notice ascii --ascii
is "T76 RFC 6533, the ASCII form" "$(LC_ALL=C grep -c '[^ -~]' ascii.got): $(field ascii Content-Type | tail -1), $(field ascii Content-Transfer-Encoding | paste -sd' '), $(field ascii Final-Recipient)" \
	'0: message/global, quoted-printable quoted-printable, utf-8; chlo\x{E9}@example.com'
sed 's/^sender .*/sender alerts@example.org/' utf8.fates >utf8-hdrs.fates
echo 'ret hdrs' | cat - utf8-hdrs.fates >x && mv x utf8-hdrs.fates
MSG=msg8 notice utf8-hdrs
is "an ASCII address gets the ASCII form by itself" "$(field utf8-hdrs Content-Type | tail -1), $(field utf8-hdrs To)" 'message/global-headers, <alerts@example.org>'
is "--utf8 for it" "$(mox-dsn --utf8 -e 3 3<utf8-hdrs.fates <msg8 | grep -c 'message/global-delivery-status')" 1
printf 'Subject: \377\376\r\n\r\nbody\r\n' | mox-dsn -e 3 3<failed.fates >latin
ok "a header in no known charset" python3 referee.py latin failed.fates
is "T76 ... is labelled so, encoded" "$(grep -cE 'charset=unknown-8bit|^Subject: =FF=FE' latin)" 2
printf 'Subject: x\r\n\r\n\344\r\n' | mox-dsn -e 3 3<failed.fates >eight
is "T76 an 8-bit body in an ASCII header is message/rfc822, 8bit, all the way up" "$(grep -c '^Content-Transfer-Encoding: 8bit' eight),$(grep -c message/rfc822 eight)" 2,1

# ---- REQUIRETLS, TLS-Required ----
notice requiretls <<'END'
kind failed
sender alerts@example.org
ret full
requiretls yes
rcpt bob@example.com failed 0 5.7.30 - no\x20server\x20of\x20example.com\x20offers\x20REQUIRETLS
end
END
is "T65 REQUIRETLS: headers only, RET=FULL disregarded" "$(field requiretls Content-Type | tail -1),$(grep -c sda1 requiretls.got)" text/rfc822-headers,0
tlsno() { printf "$1\r\n\r\nTLS-Required: No\r\n" | mox-dsn -e 3 3<"${2:-failed.fates}" | sed '/^\r$/q' | grep -ci '^TLS-Required: No.$'; }
is "T66 TLS-Required: No is copied" "$(tlsno 'TLS-Required: No')" 1
is "T67 folded, in small letters" "$(tlsno 'TLS-Required:\r\n no')" 1
is "T67 twice, with another value, or in the body: not copied" "$(tlsno 'TLS-Required: No\r\nTLS-Required: No')$(tlsno 'TLS-Required: Never')$(tlsno 'S: x')" 000
is "T66 ignored with REQUIRETLS" "$(tlsno 'TLS-Required: No' requiretls.fates)" 0

# ---- the subject ----
subject() { # SUBJECT: as it stands in the text
	printf 'Subject: %b\r\n\r\nx\r\n' "$1" | mox-dsn -e 3 3<failed.fates >subject.eml && python3 referee.py subject.eml failed.fates || return
	python3 -c '
import email, email.policy, re
t = list(email.message_from_binary_file(open("subject.eml", "rb"), policy=email.policy.default).iter_parts())[0].get_content().replace("\n", " ")
m = re.match("Your message (?:\"(.*)\" )?of ", t)
print(m[1])'
}
is "RFC 2047: a subject is shown as its author wrote it" "$(subject '=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?=\r\n =?iso-8859-1?B?S/Zsbg==?= (2)')" 'Grüße ausKöln (2)'
is "in charsets that libc has files for, which nobody may open any more" "$(subject '=?koi8-r?B?8NLJ18XU?= =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=')" 'Приветこんにちは'
is "what it may hide is not hidden" "$(subject '=?utf-8?Q?a=0d=0aBcc:_x=1b[31m=e2=80=aey=00?=')" 'a\x0d\x0aBcc: x\x1b[31m\xe2\x80\xaey�'
is "nor what is no UTF-8" "$(subject '=?utf-8?Q?=ff=c3(?=')" '\xff\xc3('
is "one in a charset that nobody knows is left out" "$(subject '=?klingon?Q?x?=')" None
ok "one of a megabyte is cut" test "$(subject "$(printf '=?utf-8?Q?%0200d?= ' $(seq 1 5000))" | wc -c)" -lt 300
sed 's/^end/subject =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\nend/' failed.fates >encoded.fates
is "it is the same in the plain form" "$(mox-dsn --minimal -e 3 3<encoded.fates </dev/null | grep -c 'message "Gr=C3=BC=C3=9Fe"')" 1

# ---- what is given back ----
sed '/^end/d' failed.fates >minimal.fates
printf 'message-id <orig.1@x.example>\nsubject Disk full\nend\n' >>minimal.fates
MSG=/dev/null notice minimal --minimal
is "--minimal: two parts, the thread from the record" "$(grep -c '^--' minimal.got),$(field minimal In-Reply-To)" '4,<orig.1@x.example>'
{ cat msg; head -c 70000 /dev/zero | tr '\0' 'x' | fold -w 70 | sed 's/$/\r/'; } >large
mox-dsn -e 3 3<failed.fates <large >large.eml
is "T76 over return-size: the header" "$(grep -c xxxx large.eml),$(grep -c rfc822-headers large.eml)" 0,1
{ cat conf; echo 'dsn { return-size = 128k }'; } >conf2
mox-dsn -C conf2 -e 3 3<failed.fates <large >large.eml
ok "under a larger one: the message" sh -c 'python3 referee.py large.eml failed.fates && [ "$(grep -c xxxx large.eml)" -ge 1000 ]'
sed '/^end/d' failed.fates >sized.fates
printf 'size %s\nend\n' "$(wc -c <msg)" >>sized.fates
{ cat msg; printf 'id 0d3k9v2x7m4qa\nend\nmoxq1\n'; } >file
is "size: a file of the spool, with its envelope behind" "$(mox-dsn -e 3 3<sized.fates <file | grep -c moxq1)" 0
printf 'S: x\r\n\r\n%01000d\r\n' 1 | mox-dsn -e 3 3<failed.fates >long.eml
ok "a line over 998 bytes is not given back" sh -c 'python3 referee.py long.eml failed.fates && grep -q rfc822-headers long.eml'
printf 'S: x\n\nbare\rand\nLF\r\r\n' | mox-dsn -e 3 3<failed.fates >bare.eml
ok "T75 bare CR and LF of a message" python3 referee.py bare.eml failed.fates
peak() { # -> kB of mox-dsn with $1 MB on a pipe
	head -c "$1"000000 /dev/zero | tr '\0' 'a' | fold -w 76 | (printf 'S: x\n\n'; cat) |
		python3 -c 'import resource,subprocess,sys
sys.exit(subprocess.call(["mox-dsn","-e","3"],pass_fds=[3],stdout=open("big.eml","w")) or print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))' 3<failed.fates
}
small=$(peak 1) big=$(peak 30)
ok "30 MB on a pipe, in the memory of 1 MB ($small, $big kB)" [ "$big" -lt $((small + 500)) ]

# ---- templates ----
case $MOX_OUT in *asan*) export ASAN_OPTIONS=detect_leaks=0 ;; esac
mkdir tpl
{ cat conf; echo "dsn { template-dir = \"$T/tpl\" }"; } >conf3
cat >tpl/failed <<'END'
Subject: [${hostname}] ${subject}: ${addresses}

Hello ${sender}, $$5 for this: ${message} (${id}, ${message-id}) of ${date} is ${age} old. Ask ${postmaster}.

${recipients}
${returned}
END
notice template -C "$T/conf3" <<'END'
kind failed
id 0d3k9v2x7m4qa
sender alerts@example.org
queued 1795228273123456
message-id <orig.1@x.example>
rcpt ${sender}@example.com failed 552 5.3.4 192.0.2.25[192.0.2.25] 
rcpt b@example.com failed 552 5.2.2 [192.0.2.25] ${id}
rcpt c@example.com failed 552 5.9.9 mx1.example.com no
rcpt d@example.com failed 552 - mx1.example.com no
end
END
falls() { # NAME REASON: tpl/failed is refused, the notice is the built-in one
	mox-dsn -C "$T/conf3" -e 3 3<failed.fates <msg >bad.eml 2>bad.log
	ok "a template $1: the notice is made all the same" python3 referee.py bad.eml failed.fates
	like "... with the built-in text, and a line in the log" "$(grep -c 'Your message "Disk full"' bad.eml) $(cat bad.log)" "^1 .*level=warn event=template-refused file=$T/tpl/failed why=.*$2"
}
echo 'no such ${thing} ${recipients}' >tpl/failed; falls 'with an unknown name' 'thing'
echo '${recipients} ${addresses' >tpl/failed; falls 'with an open brace' 'not closed'
echo 'hello' >tpl/failed; falls 'without the recipients' 'recipients'
printf '${recipients} \377\n' >tpl/failed; falls 'that is not UTF-8' 'UTF-8'
printf '${recipients} \033[2J\n' >tpl/failed; falls 'with control characters' 'control'
printf '${recipients}\0' >tpl/failed; falls 'with NUL' 'control'
head -c 70000 /dev/zero | tr '\0' a >tpl/failed; falls 'that is too large' 'large'
rm tpl/failed; mkdir tpl/failed; falls 'that is a directory' 'directory'
rmdir tpl/failed
mox-dsn -C "$T/conf3" -e 3 3<failed.fates <msg >plain.eml 2>bad.log
is "no template: the built-in text, silently" "$(grep -c 'Your message "Disk full"' plain.eml) $(cat bad.log)" "1 "
echo 'X ${recipients}' >tpl/failed
is "--minimal takes none" "$(mox-dsn -C "$T/conf3" --minimal -e 3 3<failed.fates | grep -c '^X')" 0
rm -r tpl
mox-dsn -C "$T/conf3" -e 3 3<failed.fates <msg 2>&1 >plain.eml | grep -c template-refused >count
is "a missing directory is said" "$(cat count)" 1

# ---- whom, and refusals ----
notice to-postmaster <<'END'
kind failed
sender 
to postmaster@example.org
queued 1795228273123456
rcpt bob@example.com failed 550 5.1.1 mx1.example.com[192.0.2.25] no
end
END
fate() { printf '%s\n' "$@" >bad.fates; }
refused() { # CODE NAME LINE...
	local code=$1 name=$2
	shift 2
	fate "$@"
	fails "$code" "$name" sh -c 'mox-dsn -e 3 3<bad.fates <msg >out'
	is "... and nothing is written" "$(wc -c <out)" 0
}
R='rcpt b@x.example failed 550 5.1.1 - no'
refused 100 "T69 no notice for the null sender" 'kind failed' 'sender ' "$R" end
refused 111 "fates without end" 'kind failed' 'sender a@x.example' "$R"
refused 100 "fates without kind" 'sender a@x.example' "$R" end
refused 100 "... sender" 'kind failed' "$R" end
refused 100 "... recipients" 'kind failed' 'sender a@x.example' end
refused 100 "an unknown kind" 'kind odd' 'sender a@x.example' "$R" end
refused 100 "an unknown outcome" 'kind failed' 'sender a@x.example' 'rcpt b@x odd 550 5.1.1 - no' end
refused 100 "a reply code that is none" 'kind failed' 'sender a@x.example' 'rcpt b@x failed 99 5.1.1 - no' end
refused 100 "a recipient line that lacks fields" 'kind failed' 'sender a@x.example' 'rcpt b@x failed 550 5.1.1' end
refused 100 "a broken escape" 'kind failed' 'sender a\x' "$R" end
fails 100 "no -e" mox-dsn
fails 100 "-e with a closed descriptor" mox-dsn -e 9
fails 111 "a full disk" sh -c 'mox-dsn -e 3 3<failed.fates <msg >/dev/full'
fails 111 "a message that cannot be read" sh -c 'mox-dsn -e 3 3<failed.fates </'

# ---- hostile everything ----
case $MOX_OUT in
*asan* | *ubsan*) skip "the sanitizers open files of their own" "files are shut" ;;
*)
	strace -o trace mox-dsn -e 3 3<failed.fates <msg >/dev/null 2>&1
	sed '1,/^prctl(PR_SET_NO_NEW_PRIVS/d' trace >behind
	is "DESIGN 12 the files are shut before anything hostile is read" "$(grep -c '^read(3' behind) $(grep -cE '^(open|creat)' behind)" "1 0"
	;;
esac
cat >hostile.py <<'END'
import random, subprocess, sys, os
from referee import check
rnd = random.Random(int(sys.argv[1]))
EVIL = [b'\r\nX-Evil: 1', b'\n\nX-Evil: 1', b'\r', b'\n', b'\r\n', b'\r\n\r\n', b'\r\n--=_', b'\t', b' ', b'  ', b'\x1b[2J', b'\x7f', b'\x85', b'\xc2\x85',
    b'\xe2\x80\xae', b'\xff', b'\xc3', b'\xc3\xa9', b'\xf0\x9f\x98\x80', b'=?utf-8?q?=0D=0AX-Evil:_1?=', b'${recipients}', b'"', b'\\', b'\\x{A}',
    b'+0D+0AX-Evil:+201', b'<a@b>', b';', b',', b'(', b')', b'\r\n.\r\n', b'x' * 1200, b'\xc3\xa9' * 700, b'a b ' * 300, b'=', b'word', b'550 5.1.1', b'From ', b'>']
def evil(n): return b''.join(rnd.choice(EVIL) for _ in range(rnd.randrange(n)))
def enc(b, field=True):
    s = ''.join('\\x%02x' % c if c < 32 or c in (127, 92) or c > 126 or (field and c == 32) else chr(c) for c in b)
    return s.encode()
def cap(b, n): return b[:n]
for i in range(int(sys.argv[2])):
    kind, outcomes = rnd.choice([('failed', ['failed']), ('delayed', ['delayed']), ('success', ['delivered', 'relayed', 'expanded'])])
    lines = ['kind ' + kind]
    lines = [l.encode() for l in lines]
    lines.append(b'sender ' + enc(rnd.choice([b'a@x.example', cap(b'a' + evil(3) + b'@x', 900), 'jé@x.example'.encode()]), False))
    for k in (b'id', b'envid', b'message-id', b'subject', b'future-release', b'hostname'):
        v = cap(evil(4), 2000)
        if v: lines.append(k + b' ' + enc(v, False))
    for _ in range(rnd.randrange(1, 4)):
        o = rnd.choice(outcomes)
        code = rnd.choice([b'0', b'250', b'450', b'550'])
        l = b' '.join([b'rcpt', enc(cap(rnd.choice([b'b@x.example', b'b' + evil(4)]), 900)), o.encode(), code, enc(cap(rnd.choice([b'5.1.1', b'4.2.2', b'2.0.0', b'-', evil(3)]), 50)),
            enc(cap(rnd.choice([b'-', b'mx[192.0.2.1]', b'mx' + evil(4) + b'[' + evil(2) + b']']), 500)), enc(cap(evil(6), 1500))])
        if rnd.random() < .5: l += b' orcpt=' + enc(cap(rnd.choice([b'rfc822;', b'utf-8;', b'', b';', b'x' + evil(2) + b';']) + evil(4), 500))
        if rnd.random() < .5: l += b' log=' + enc(cap(evil(3), 200))
        lines.append(l)
    fates = b'\n'.join(lines) + b'\nend\n'
    if max(map(len, lines)) >= 16384: continue
    msg = rnd.choice([b'', b'Subject: ' + evil(4) + b'\r\nMessage-ID: <' + evil(3) + b'@x>\r\n\r\n' + evil(9), evil(9), b'S: x\r\n\r\n' + evil(20)])
    mode = rnd.choice([[], ['--ascii'], ['--utf8'], ['--minimal']])
    r, w = os.pipe(); os.set_inheritable(r, True)
    if len(fates) > 60000: continue
    os.write(w, fates); os.close(w)
    p = subprocess.run(['mox-dsn', *mode, '-e', str(r)], input=msg, capture_output=True, pass_fds=[r])
    os.close(r)
    try:
        assert p.returncode == 0, (p.returncode, p.stderr)
        check(p.stdout, fates, mode == ['--ascii'])
        for line in p.stdout.split(b'\r\n\r\n')[0].split(b'\r\n'): assert not line.startswith(b'X-Evil'), line
    except Exception as e:
        open('bad.fates', 'wb').write(fates); open('bad.msg', 'wb').write(msg); open('bad.out', 'wb').write(p.stdout)
        print('seed', sys.argv[1], 'case', i, mode, repr(e)[:1000]); sys.exit(1)
END
seed=${SEED:-$RANDOM}
ok "300 hostile records and messages (SEED=$seed)" env PYTHONPATH="$T" python3 hostile.py "$seed" "${CASES:-300}"
done_testing
