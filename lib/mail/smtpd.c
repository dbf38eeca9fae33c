#include "base.h"

#include "clock.h"
#include "smtpd.h"

#include <stdarg.h>

#define ERRORS_MAX 20 /* wrong commands in a row: this is no mail client */

static void
reply(struct smtpd *s, const char *text)
{
	/* Without ENHANCEDSTATUSCODES the "d.d.d " behind the first number is left out. */
	bool enhanced = strlen(text) > 9 && text[5] == '.' && text[7] == '.';
	size_t skip = enhanced && !(s->setup->offer & OFFER_ENHANCED) ? strcspn(text + 4, " ") + 1 : 0;

	str_add(&s->out, text, 4);
	str_adds(&s->out, text + 4 + skip);
	str_adds(&s->out, "\r\n");
}

static void
refuse(struct smtpd *s, const char *text)
{
	reply(s, text);
	if (++s->errors >= ERRORS_MAX) {
		reply(s, "421 4.7.0 too many errors, goodbye");
		s->quit = true;
	}
}

void
smtpd_answer(struct smtpd *s, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	reply(s, text);
	s->answered = true;
	if (!strncmp(text, "421", 3))
		s->quit = true;
}

/* The transaction is over, well or not. */
static void
reset(struct smtpd *s)
{
	if (s->begun)
		s->hooks->drop(s);
	s->begun = false;
	while (s->nrcpt)
		smtpd_pop_rcpt(s);
	free(s->sender);
	free(s->ret);
	free(s->envid);
	s->sender = s->ret = s->envid = NULL;
	s->smtputf8 = s->requiretls = s->hold = false;
	s->hold_until = 0;
	s->failed = NULL;
	s->size = 0;
	s->filter = (struct smtpd_body){.at = AT_LINE};
	s->hops = (struct smtpd_hops){0};
}

/* ---- the message ---- */

static void
fail_message(struct smtpd *s, const char *text)
{
	if (!s->failed)
		s->failed = text;
	if (s->begun)
		s->hooks->drop(s);
	s->begun = false;
}

static void
take_body(void *arg, const char *p, size_t n)
{
	struct smtpd *s = arg;

	s->size += n;
	if (s->setup->max_size && s->size > s->setup->max_size)
		fail_message(s, "552 5.3.4 message too big");
	smtpd_hops_feed(&s->hops, p, n);
	if (s->setup->count_hops && s->hops.n > SMTPD_HOPS_MAX)
		fail_message(
		    s, "554 5.4.6 this message goes round in circles: it passed more than 100 servers");
	if (s->filter.bare)
		fail_message(s, "550 5.6.11 bare CR or LF in the message");
	if (s->begun)
		s->hooks->body(s, p, n);
}

static void
finish_message(struct smtpd *s)
{
	s->mode = MODE_COMMAND;
	if (s->filter.bare || s->filter.at == AT_CR)
		fail_message(s, "550 5.6.11 bare CR or LF in the message");
	s->answered = false;
	if (s->failed)
		reply(s, s->failed);
	else {
		s->begun = false;
		s->hooks->done(s);
		if (!s->answered && !s->stalled)
			reply(s, "451 4.3.0 no answer");
	}
	s->mails++;
	reset(s);
}

/* Asks the hook; true: the message may come. */
static bool
begin_message(struct smtpd *s)
{
	s->answered = false;
	s->begun = s->hooks->begin(s);
	if (!s->begun && !s->stalled && !s->answered)
		reply(s, "451 4.3.0 not now");
	return s->begun;
}

static void
end_chunk(struct smtpd *s)
{
	char text[80];

	s->mode = MODE_COMMAND;
	tap_kind(s->tap, TAP_PLAIN);
	if (s->last && s->sender) {
		finish_message(s);
		return;
	}
	if (s->mute) {
		s->mute = false;
		return;
	}
	if (s->failed) {
		/* A refused chunk closes the transaction, as Postfix does: Exim keeps it open, and takes what
		 * is pipelined behind it for part of it (T132). */
		refuse(s, s->failed);
		reset(s);
		return;
	}
	snprintf(text, sizeof text, "250 2.0.0 %llu bytes so far", (unsigned long long)s->size);
	reply(s, text);
}

static const char *
take_chunk(struct smtpd *s, const char *p, const char *end)
{
	size_t n = (size_t)(end - p) < s->chunk ? (size_t)(end - p) : (size_t)s->chunk;
	bool ended;

	if (s->sender && s->nrcpt)
		smtpd_body_feed(&s->filter, p, p + n, &ended, take_body, s);
	smtpd_hear_text(s, 0, p, n, false);
	s->chunk -= n;
	if (!s->chunk)
		end_chunk(s);
	return p + n;
}

static const char *
take_data(struct smtpd *s, const char *p, const char *end)
{
	const char *from = p;
	size_t held = smtpd_hear_held(s);
	bool ended;

	p = smtpd_body_feed(&s->filter, p, end, &ended, take_body, s);
	smtpd_hear_text(s, held, from, (size_t)(p - from), ended);
	if (ended)
		finish_message(s);
	return p;
}

/* ---- commands ---- */

/* One more line of the reply to EHLO; the last one is given its space by the caller. */
static void
offer(struct smtpd *s, const char *line)
{
	s->ehlo = s->out.len;
	str_addf(&s->out, "250-%s\r\n", line);
}

static void
do_ehlo(struct smtpd *s, char *arg)
{
	const struct smtpd_setup *c = s->setup;
	static const struct {
		unsigned offer;
		const char *line;
	} words[] = {{OFFER_PIPELINING, "PIPELINING"}, {OFFER_8BITMIME, "8BITMIME"},
	    {OFFER_SMTPUTF8, "SMTPUTF8"}, {OFFER_DSN, "DSN"}, {OFFER_CHUNKING, "CHUNKING"},
	    {OFFER_ENHANCED, "ENHANCEDSTATUSCODES"}, {OFFER_REQUIRETLS, "REQUIRETLS"}};

	char line[120], iso[CLOCK_ISO_SIZE];

	if (!*arg) {
		refuse(s, "501 5.5.4 expected EHLO name");
		return;
	}
	reset(s);
	s->greeted = true;
	s->ehlo = s->out.len;
	str_addf(&s->out, "250-%s\r\n", c->hostname);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (c->offer & words[i].offer)
			offer(s, words[i].line);
	if (c->offer & OFFER_SIZE) {
		snprintf(line, sizeof line, "SIZE %llu", (unsigned long long)c->max_size);
		offer(s, line);
	}
	if (c->offer & OFFER_FUTURERELEASE) {
		clock_iso(iso, c->clock() + c->max_hold, 0);
		snprintf(line, sizeof line, "FUTURERELEASE %lld %s", (long long)(c->max_hold / SECOND), iso);
		offer(s, line);
	}
	if (c->limits) {
		int n = snprintf(line, sizeof line, "LIMITS RCPTMAX=%u", c->max_rcpt);
		if (c->max_mail)
			snprintf(line + n, sizeof line - (size_t)n, " MAILMAX=%u", c->max_mail);
		offer(s, line);
	}
	s->out.s[s->ehlo + 3] = ' ';
}

static void
do_helo(struct smtpd *s, char *arg)
{
	if (!*arg) {
		refuse(s, "501 5.5.4 expected HELO name");
		return;
	}
	reset(s);
	s->greeted = true;
	str_addf(&s->out, "250 %s\r\n", s->setup->hostname);
}

static void
do_mail(struct smtpd *s, char *arg)
{
	const char *wrong;

	if (s->sender) {
		refuse(s, "503 5.5.1 a sender was given already");
		return;
	}
	if (s->setup->max_mail && s->mails >= s->setup->max_mail) {
		reply(s, "421 4.7.0 no more messages in this session");
		s->quit = true;
		return;
	}
	if (!str_istarts(arg, "FROM:")) {
		refuse(s, "501 5.5.4 expected MAIL FROM:<address>");
		return;
	}
	if ((wrong = smtpd_read_mail(s, arg + 5))) {
		refuse(s, wrong);
		reset(s);
		return;
	}
	s->answered = false;
	if (s->hooks->mail && !s->hooks->mail(s))
		reset(s);
	else if (!s->answered)
		reply(s, "250 2.1.0 ok");
}

static void
do_rcpt(struct smtpd *s, char *arg)
{
	const char *wrong;

	if (!s->sender || s->begun) {
		refuse(s, s->begun ? "503 5.5.1 the message has begun" : "503 5.5.1 MAIL comes first");
		return;
	}
	if (!str_istarts(arg, "TO:")) {
		refuse(s, "501 5.5.4 expected RCPT TO:<address>");
		return;
	}
	if (s->nrcpt >= s->setup->max_rcpt) {
		reply(s, "452 4.5.3 too many recipients, send the rest in a new transaction");
		return;
	}
	if ((wrong = smtpd_read_rcpt(s, arg + 3))) {
		refuse(s, wrong);
		return;
	}
	s->answered = false;
	if (s->hooks->rcpt && !s->hooks->rcpt(s))
		smtpd_pop_rcpt(s);
	else if (!s->answered)
		reply(s, "250 2.1.5 ok");
}

static void
do_data(struct smtpd *s, char *arg)
{
	if (!s->sender || s->begun)
		refuse(s, s->begun ? "503 5.5.1 the message has begun" : "503 5.5.1 MAIL comes first");
	else if (!s->nrcpt)
		refuse(s, "554 5.5.1 no valid recipients");
	else if (*arg)
		refuse(s, "501 5.5.4 DATA takes no argument");
	else if (!begin_message(s))
		reset(s);
	else {
		s->filter = (struct smtpd_body){.at = AT_LINE, .stuffed = true};
		s->mode = MODE_DATA;
		reply(s, "354 go on, and end with a dot on a line of its own");
	}
}

/* The bytes of a chunk are eaten whatever the answer will be: read as commands they would be somebody's
 * letter executed. A size that cannot be read ends the session for the same reason. */
static void
do_bdat(struct smtpd *s, char *arg)
{
	char *sp = strchr(arg, ' ');
	uint64_t n;

	if (sp)
		*sp++ = 0;
	if (!str_number(arg, UINT64_MAX, &n) || (sp && !str_ieq(sp, "LAST"))) {
		reply(s, "501 5.5.4 expected BDAT size [LAST], and can no longer tell commands from text");
		s->quit = true;
		return;
	}
	s->chunk = n;
	s->last = sp != NULL;
	s->mode = MODE_CHUNK;
	if (!s->sender || !s->nrcpt) {
		s->failed = s->sender ? "554 5.5.1 no valid recipients" : "503 5.5.1 MAIL comes first";
		s->last = false;
	} else if (!s->begun && !begin_message(s)) {
		reset(s);
		s->mute = true; /* answered already */
	}
	if (!s->chunk && !s->stalled)
		end_chunk(s);
}

static void
do_rset(struct smtpd *s, char *arg)
{
	(void)arg;
	reset(s);
	reply(s, "250 2.0.0 ok");
}

static void
do_noop(struct smtpd *s, char *arg)
{
	(void)arg;
	reply(s, "250 2.0.0 ok");
}

static void
do_quit(struct smtpd *s, char *arg)
{
	(void)arg;
	reset(s);
	reply(s, "221 2.0.0 goodbye");
	s->quit = true;
}

static void
do_vrfy(struct smtpd *s, char *arg)
{
	(void)arg;
	reply(s, "252 2.5.2 send it and see");
}

static void
do_help(struct smtpd *s, char *arg)
{
	(void)arg;
	reply(s, "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT, see RFC 5321");
}

static const struct command {
	const char *name;
	void (*run)(struct smtpd *s, char *arg);
	unsigned offer; /* only when this is offered */
	bool needs_hello;
} commands[] = {
    {"EHLO", do_ehlo, 0, false},
    {"HELO", do_helo, 0, false},
    {"MAIL", do_mail, 0, true},
    {"RCPT", do_rcpt, 0, true},
    {"DATA", do_data, 0, true},
    {"BDAT", do_bdat, OFFER_CHUNKING, false},
    {"RSET", do_rset, 0, false},
    {"NOOP", do_noop, 0, false},
    {"QUIT", do_quit, 0, false},
    {"VRFY", do_vrfy, 0, false},
    {"HELP", do_help, 0, false},
};

static const struct command *
find_command(const struct smtpd *s, const char *line, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strlen(commands[i].name) == n && !strncasecmp(line, commands[i].name, n) &&
		    (!commands[i].offer || s->setup->offer & commands[i].offer))
			return &commands[i];
	return NULL;
}

static void
run_command(struct smtpd *s, char *line)
{
	size_t verb = strcspn(line, " ");
	const struct command *c = find_command(s, line, verb);
	unsigned before = s->errors;
	char *arg = line + verb;

	if (*arg)
		*arg++ = 0;
	while (*arg == ' ')
		arg++;
	for (size_t n = strlen(arg); n && arg[n - 1] == ' ';)
		arg[--n] = 0;
	if (!c)
		refuse(s, "502 5.5.1 command not known here");
	else if (c->needs_hello && !s->greeted)
		refuse(s, "503 5.5.1 EHLO comes first");
	else
		c->run(s, arg);
	if (s->errors == before && c && c->run != do_noop && c->run != do_rset)
		s->errors = 0;
}

/* Takes a command up to its LF. A bare LF ends a command, so that a person can type; it never ends a message.
 */
static const char *
take_command(struct smtpd *s, const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	size_t n = (size_t)((nl ? nl : end) - p);

	if (s->line.len + n > SMTPD_LINE_MAX)
		s->overlong = true;
	str_add(&s->line, p, s->overlong ? SMTPD_LINE_MAX - s->line.len : n);
	if (!nl)
		return end;
	smtpd_hear_command(s, find_command(s, str_cstr(&s->line), strcspn(str_cstr(&s->line), " \r")));
	if (s->line.len && s->line.s[s->line.len - 1] == '\r')
		str_cut(&s->line, s->line.len - 1);
	if (s->overlong)
		refuse(s, "500 5.5.2 line too long");
	else {
		bool control = false;

		for (size_t i = 0; i < s->line.len; i++)
			control |= (unsigned char)s->line.s[i] < ' ' || s->line.s[i] == 127;
		if (control)
			refuse(s, "500 5.5.2 control character in a command");
		else if (!utf8_valid(str_cstr(&s->line), s->line.len))
			refuse(s, "500 5.5.2 command is not UTF-8");
		else {
			char *line = str_take(&s->line);

			run_command(s, line);
			free(line);
		}
	}
	s->overlong = false;
	str_reset(&s->line);
	return nl + 1;
}

void
smtpd_start(struct smtpd *s, const struct smtpd_setup *setup, const struct smtpd_hooks *hooks, void *arg)
{
	*s = (struct smtpd){.setup = setup, .hooks = hooks, .arg = arg};
	str_addf(&s->out, "220 %s ESMTP moxq\r\n", setup->hostname);
}

void
smtpd_feed(struct smtpd *s, const char *p, size_t n)
{
	const char *end = p + n;

	s->said = s->out.len;
	while (p < end && !s->quit && !s->stalled) {
		switch (s->mode) {
		case MODE_COMMAND: p = take_command(s, p, end); break;
		case MODE_DATA: p = take_data(s, p, end); break;
		case MODE_CHUNK: p = take_chunk(s, p, end); break;
		}
		smtpd_hear_replies(s);
	}
}

bool
smtpd_in_message(const struct smtpd *s)
{
	return s->mode != MODE_COMMAND;
}

void
smtpd_end(struct smtpd *s)
{
	smtpd_hear_end(s);
	reset(s);
	free(s->rcpt);
	str_free(&s->out);
	str_free(&s->line);
	s->rcpt = NULL;
}
