#include "base.h"

#include "clock.h"
#include "date.h"
#include "die.h"
#include "dsn_human.h"
#include "encoded_read.h"
#include "status.h"
#include "template.h"
#include "text.h"

#include <inttypes.h>

#define SHOWN 1000 /* bytes of an address, a name or one line of a reply */
#define NAMED 3    /* addresses in a list; the others are counted */

static const char *const built_in[] = {
    [FATES_FAILED] = "Subject: Not delivered to ${addresses}\n"
		     "\n"
		     "${message} could not be delivered to ${addresses}.\n"
		     "\n"
		     "${recipients}"
		     "It is not tried any more. ${returned}\n"
		     "\n"
		     "-- \n"
		     "The mail system at ${hostname}\n",
    [FATES_DELAYED] = "Subject: Not delivered yet to ${addresses}\n"
		      "\n"
		      "${message} could not be delivered to ${addresses} yet.\n"
		      "This is a warning only: you need not send it again.\n"
		      "\n"
		      "${recipients}"
		      "You will get one more notice should it fail for good. ${returned}\n"
		      "\n"
		      "-- \n"
		      "The mail system at ${hostname}\n",
    [FATES_SUCCESS] = "Subject: Delivery report for ${addresses}\n"
		      "\n"
		      "You asked to be told what becomes of your mail. ${message} has gone its way to "
		      "${addresses}.\n"
		      "\n"
		      "${recipients}"
		      "${returned}\n"
		      "\n"
		      "-- \n"
		      "The mail system at ${hostname}\n",
    [FATES_DIGEST] = "Subject: ${count} notices of this system reached nobody\n"
		     "\n"
		     "Since ${date}, mail without a sender, such as notices of non-delivery, could not be "
		     "delivered to ${count} recipients. So many are not told one by one. The newest:\n"
		     "\n"
		     "${recipients}"
		     "The log has all of them (event=double-bounce).\n"
		     "\n"
		     "-- \n"
		     "The mail system at ${hostname}\n",
};

static void
add_age(struct str *out, int64_t us)
{
	static const struct {
		int64_t unit;
		const char *name;
	} units[] = {{DAY, "day"}, {HOUR, "hour"}, {MINUTE, "minute"}};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		int64_t n = us / units[i].unit;

		if (n >= 2 || (n && i + 1 == ARRAY_LEN(units))) {
			str_addf(out, "%" PRId64 " %s%s", n, units[i].name, n == 1 ? "" : "s");
			return;
		}
	}
	str_adds(out, "less than a minute");
}

static void
add_date(struct str *out, int64_t us)
{
	char date[DATE_SIZE];

	date_local(date, us);
	str_adds(out, date);
}

/* "mx1.example.com [192.0.2.25]" */
static void
add_server(struct str *out, const struct fates_rcpt *r)
{
	if (!r->host) {
		str_adds(out, "of the recipient");
		return;
	}
	text_show(out, r->host, false, SHOWN);
	if (!r->ip)
		return;
	str_adds(out, *r->host ? " [" : "[");
	text_show(out, r->ip, false, SHOWN);
	str_adds(out, "]");
}

/* ---- the sentence about one recipient ---- */

static void
say_failed(struct str *out, const struct dsn *d, const struct fates_rcpt *r)
{
	struct status_words w = status_words(r->status);
	bool temporary = r->status[0] == '4';

	if (temporary && d->fates->queued) {
		str_adds(out, "It was given up after ");
		add_age(out, d->now - d->fates->queued);
		str_adds(out, r->local ? ": " : ". ");
	} else if (r->local) {
		str_adds(out, "It cannot be delivered: ");
	}
	if (!r->local) {
		str_adds(out, "The mail server ");
		add_server(out, r);
		str_adds(out, temporary ? " put it off at each attempt: " : " refused it: ");
	}
	str_addf(out, "%s. %s", w.cause, w.advice);
}

static void
say_delayed(struct str *out, const struct fates_rcpt *r)
{
	if (r->local) {
		str_adds(out, "It has not got through so far: ");
	} else {
		str_adds(out, "The mail server ");
		add_server(out, r);
		str_adds(out, " has put it off so far: ");
	}
	str_addf(out, "%s. It is tried again", status_words(r->status).cause);
	if (r->until) {
		str_adds(out, " until ");
		add_date(out, r->until);
	}
	str_adds(out, ".");
}

static void
say_success(struct str *out, const struct fates_rcpt *r)
{
	if (r->outcome == OUTCOME_EXPANDED) {
		str_adds(out,
		    "The address stands for others. It was sent on to them, and no further notice will "
		    "tell whether it arrived.");
	} else if (r->outcome == OUTCOME_RELAYED) {
		str_adds(out, "It was passed on to the mail server ");
		add_server(out, r);
		str_adds(out, ", which does not send delivery reports: you may hear nothing more of it.");
	} else {
		str_adds(out, "It was delivered");
		if (r->host) {
			str_adds(out, " to ");
			add_server(out, r);
		}
		str_adds(out, ".");
	}
}

void
dsn_reply(struct str *out, const struct fates_rcpt *r, bool ascii)
{
	const char *s = r->text;
	bool coded = r->code && r->status[0] == '0' + r->code / 100 && strcmp(r->status + 1, ".0.0");

	while (*s) {
		size_t n = strcspn(s, "\n");
		char *line = mem_dupn(s, n);
		bool last = !s[n] || !s[n + 1];

		if (r->code && !r->local)
			str_addf(out, "%d%c%s%s", r->code, last ? ' ' : '-', coded ? r->status : "",
			    coded && n ? " " : "");
		text_show(out, line, ascii, 4 * SHOWN);
		free(line);
		if (!last)
			str_addc(out, '\n');
		s += n + (s[n] != 0);
	}
	if (!*r->text && r->code && !r->local)
		str_addf(out, "%d%s%s", r->code, coded ? " " : "", coded ? r->status : "");
}

static void
add_reply(struct str *out, const struct fates_rcpt *r)
{
	struct str reply = {0};

	dsn_reply(&reply, r, false);
	if (reply.len && r->local) {
		str_adds(out, "\n    The reason given here:\n");
	} else if (reply.len) {
		str_adds(out, "\n    The reply of ");
		if (r->host)
			add_server(out, r);
		else
			str_adds(out, "the mail server");
		str_adds(out, ":\n");
	}
	for (char *s = reply.s; s && *s;) {
		size_t n = strcspn(s, "\n");

		str_addf(out, "      %.*s\n", (int)n, s);
		s += n + (s[n] != 0);
	}
	str_free(&reply);
}

static void
add_recipient(struct str *out, const struct dsn *d, const struct fates_rcpt *r)
{
	text_show(out, r->address, false, SHOWN);
	str_adds(out, "\n    ");
	switch (r->outcome) {
	case OUTCOME_FAILED: say_failed(out, d, r); break;
	case OUTCOME_DELAYED: say_delayed(out, r); break;
	default: say_success(out, r);
	}
	str_adds(out, "\n");
	if (r->outcome < OUTCOME_DELIVERED)
		add_reply(out, r);
	str_adds(out, "\n");
}

/* In a digest: one of many messages. */
static void
add_entry(struct str *out, const struct fates_rcpt *r)
{
	text_show(out, r->address, false, SHOWN);
	str_adds(out, "\n    ");
	text_show(out, r->log ? r->log : "", false, 100);
	if (r->last) {
		str_adds(out, r->log ? ", " : "");
		add_date(out, r->last);
	}
	str_addf(out, "%s%s.\n", r->log || r->last ? ": " : "", status_words(r->status).cause);
	add_reply(out, r);
	str_adds(out, "\n");
}

/* ---- the values of a template ---- */

enum {
	ADDRESSES,
	MESSAGE,
	RECIPIENTS,
	RETURNED,
	HOSTNAME,
	POSTMASTER,
	SENDER,
	SUBJECT,
	DATE,
	AGE,
	ID,
	MESSAGE_ID,
	COUNT,
	VALUES
};

static const char *const names[VALUES] = {"addresses", "message", "recipients", "returned", "hostname",
    "postmaster", "sender", "subject", "date", "age", "id", "message-id", "count"};

static void
add_addresses(struct str *out, const struct fates *f)
{
	size_t shown = f->nrcpt > NAMED ? NAMED - 1 : f->nrcpt;

	for (size_t i = 0; i < shown; i++) {
		if (i)
			str_adds(out, i + 1 == f->nrcpt ? " and " : ", ");
		text_show(out, f->rcpt[i].address, false, 200);
	}
	if (shown < f->nrcpt)
		str_addf(out, " and %zu others", f->nrcpt - shown);
}

/* The subject in the reader's own letters, unless it is in a charset that nobody here can read. */
static void
add_subject(struct str *out, const struct dsn *d)
{
	struct str field = {0}, s = {0};

	if (d->msg && returned_field(d->msg, "Subject", &field))
		;
	else if (d->fates->subject && !d->fates->secure)
		str_adds(&field, d->fates->subject);
	encoded_read(&s, str_cstr(&field), field.len);
	if (!strstr(str_cstr(&s), "=?"))
		text_show(out, str_cstr(&s), false, 200);
	str_free(&field);
	str_free(&s);
}

/* `Your message "Disk full" of Sat, 21 Nov 2026 02:31:13 +0000` */
static void
add_message(struct str *out, const struct fates *f, const struct str *subject)
{
	bool own = !strcmp(f->to, f->sender);

	str_adds(out, own ? "Your message" : *f->sender ? "A message from " : "A notice of a mail system");
	if (!own)
		text_show(out, f->sender, false, SHOWN);
	if (subject->len)
		str_addf(out, " \"%s\"", subject->s);
	if (f->queued) {
		str_adds(out, " of ");
		add_date(out, f->queued);
	}
}

static void
fill_values(struct str v[VALUES], const struct dsn *d, bool full)
{
	const struct fates *f = d->fates;

	add_addresses(&v[ADDRESSES], f);
	add_subject(&v[SUBJECT], d);
	add_message(&v[MESSAGE], f, &v[SUBJECT]);
	for (size_t i = 0; i < f->nrcpt; i++)
		if (f->kind == FATES_DIGEST)
			add_entry(&v[RECIPIENTS], &f->rcpt[i]);
		else
			add_recipient(&v[RECIPIENTS], d, &f->rcpt[i]);
	str_adds(&v[RETURNED],
	    !d->msg     ? "The message is not attached."
	    : full      ? "The message is attached."
	    : f->secure ? "Only its date and its Message-ID are attached, as the message may travel "
			  "by protected connections alone and this notice may not."
			: "The header of the message is attached.");
	str_adds(&v[HOSTNAME], d->hostname);
	str_adds(&v[POSTMASTER], d->postmaster);
	text_show(&v[SENDER], *f->sender ? f->sender : "<>", false, SHOWN);
	if (f->queued) {
		add_date(&v[DATE], f->queued);
		add_age(&v[AGE], d->now - f->queued);
	}
	text_show(&v[ID], f->id, false, SHOWN);
	str_addf(&v[COUNT], "%" PRIu64, f->count ? f->count : f->nrcpt);
	if (f->message_id)
		text_show(&v[MESSAGE_ID], f->message_id, false, SHOWN);
}

/* A first line "Subject: ..." and the blank line behind it are the Subject. */
static void
split(struct dsn_human *h, const struct str *filled)
{
	static const char field[] = "Subject:";
	const char *s = str_cstr(filled);

	if (str_istarts(s, field)) {
		size_t n;

		s += sizeof field - 1;
		s += strspn(s, " ");
		n = strcspn(s, "\n");
		str_add(&h->subject, s, n);
		s += n;
		s += *s == '\n';
		s += *s == '\n';
	}
	str_adds(&h->text, s);
}

const char *
dsn_human_write(struct dsn_human *h, const struct dsn *d, bool full, struct str *room)
{
	const char *text = built_in[d->fates->kind], *why = NULL;
	struct str own = {0}, filled = {0}, v[VALUES] = {0};
	struct template_value values[VALUES + 1] = {0};

	*h = (struct dsn_human){0};
	fill_values(v, d, full);
	for (size_t i = 0; i < VALUES; i++)
		values[i] = (struct template_value){names[i], str_cstr(&v[i])};
	if (d->template)
		why = template_fill(&filled, d->template, names[RECIPIENTS], values, room);
	if (!d->template || why) {
		struct str unused = {0};

		str_adds(&own, text);
		if (template_fill(&filled, &own, names[RECIPIENTS], values, &unused))
			bug("the built-in text of a notice is no template");
		str_free(&unused);
	}
	split(h, &filled);
	if (!h->subject.len) {
		str_adds(&h->subject, "Mail delivery report: ");
		str_adds(&h->subject, str_cstr(&v[ADDRESSES]));
	}
	for (size_t i = 0; i < VALUES; i++)
		str_free(&v[i]);
	str_free(&own);
	str_free(&filled);
	return why;
}

void
dsn_human_free(struct dsn_human *h)
{
	str_free(&h->subject);
	str_free(&h->text);
}
