/* The dialogue as the tap hears it: each line of the client in front of what is answered to it, whatever the pieces it came in. */
#include "base.h"

#include "smtpd.h"
#include "tap.h"

void
smtpd_listen(struct smtpd *s, struct tap *tap)
{
	s->tap = tap;
	s->said = 0;
	smtpd_hear_replies(s);
}

void
smtpd_hear_replies(struct smtpd *s)
{
	if (s->tap)
		tap_feed(s->tap, TAP_SERVER, s->out.s + s->said, s->out.len - s->said);
	s->said = s->out.len;
}

/* No login is offered. Who tries one all the same sends his secrets with AUTH, or in the lines behind it. */
static bool
is_secret(const struct smtpd *s, bool known)
{
	const char *line = str_cstr(&s->line);

	return str_istarts(line + strspn(line, " \t"), "AUTH") || (s->secret && !known);
}

void
smtpd_hear_command(struct smtpd *s, bool known)
{
	if (!s->tap || !s->line.len)
		return;
	s->secret = is_secret(s, known);
	tap_kind(s->tap, s->secret ? TAP_AUTH : TAP_PLAIN);
	tap_feed(s->tap, TAP_CLIENT, s->line.s, s->line.len);
	tap_feed(s->tap, TAP_CLIENT, "\n", 1);
}

size_t
smtpd_hear_held(const struct smtpd *s)
{
	return s->filter.at == AT_DOT ? 1 : s->filter.at == AT_DOT_CR ? 2 : 0;
}

void
smtpd_hear_text(struct smtpd *s, size_t held, const char *p, size_t n, bool ended)
{
	static const char dot[] = ".\r\n";
	size_t keep = ended ? sizeof dot - 1 : s->mode == MODE_DATA ? smtpd_hear_held(s) : 0;

	if (!s->tap)
		return;
	tap_kind(s->tap, TAP_DATA);
	if (held + n > keep) {
		tap_feed(s->tap, TAP_CLIENT, dot, held);
		tap_feed(s->tap, TAP_CLIENT, p, n - keep);
	}
	if (!ended)
		return;
	tap_kind(s->tap, TAP_PLAIN);
	tap_feed(s->tap, TAP_CLIENT, dot, sizeof dot - 1);
}

void
smtpd_hear_end(struct smtpd *s)
{
	smtpd_hear_command(s, false);
	tap_kind(s->tap, TAP_PLAIN);
	s->tap = NULL;
}
