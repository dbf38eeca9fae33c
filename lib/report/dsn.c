#include "base.h"

#include "addr.h"
#include "clock.h"
#include "date.h"
#include "dsn.h"
#include "dsn_human.h"
#include "status.h"
#include "text.h"

#define VALUE_MAX 4000 /* bytes of a value that is shown */

bool
dsn_ascii(const struct fates *f)
{
	if (f->form != FORM_AUTO)
		return f->form == FORM_ASCII;
	return text_is_ascii(f->to, strlen(f->to));
}

const char *
dsn_kind_name(enum fates_kind kind)
{
	static const char *const names[] = {"failed", "delayed", "success", "digest"};

	return names[kind];
}

/* ---- fields ---- */

static void
add_date(struct str *out, const char *name, int64_t us)
{
	char date[DATE_SIZE];

	date_local(date, us);
	str_addf(out, "%s: %s\r\n", name, date);
}

static void
add_shown(struct str *out, const char *name, const char *value, bool ascii)
{
	struct str shown = {0};

	text_show(&shown, value, ascii, VALUE_MAX);
	text_field(out, name, str_cstr(&shown));
	str_free(&shown);
}

/* ---- header ---- */

/* An address that cannot stand in a field of this form goes as the empty group of RFC 6857 3.1.8: the
 * envelope alone says where to. */
static void
add_to(struct str *out, const char *to, bool ascii)
{
	size_t n = strlen(to);
	struct str name = {0};

	if (n < TEXT_HARD && !addr_check(to, n, true) && (!ascii || text_is_ascii(to, n))) {
		str_addf(out, "To: <%s>\r\n", to);
		return;
	}
	text_show(&name, to, false, VALUE_MAX);
	str_adds(out, "To: ");
	text_encoded_words(out, 4, str_cstr(&name));
	str_adds(out, ":;\r\n");
	str_free(&name);
}

/* "<left@right>" of printable ASCII without blanks, or nothing: it goes into a field that programs read. */
static bool
is_message_id(const char *s)
{
	size_t n = strlen(s);

	if (n < 5 || n > TEXT_HARD || s[0] != '<' || s[n - 1] != '>' || !strchr(s, '@'))
		return false;
	for (size_t i = 1; i < n - 1; i++)
		if (s[i] <= ' ' || s[i] >= 127 || s[i] == '<' || s[i] == '>')
			return false;
	return true;
}

static void
add_thread(struct str *out, const struct dsn *d)
{
	struct str id = {0};

	if (!d->msg || !returned_field(d->msg, "Message-ID", &id)) {
		str_reset(&id);
		str_adds(&id, d->fates->message_id ? d->fates->message_id : "");
	}
	if (is_message_id(str_cstr(&id)))
		str_addf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", id.s, id.s);
	str_free(&id);
}

/* RFC 8689 5: a message that may travel without TLS gets its notice by the same way (T66). */
static bool
is_lenient(const struct dsn *d)
{
	struct str value = {0};
	bool no;

	if (d->fates->secure)
		return false;
	no = d->msg && returned_field(d->msg, "TLS-Required", &value) && str_ieq(str_cstr(&value), "no");
	str_free(&value);
	return no || d->fates->lenient;
}

static void
add_header(struct str *out, const struct dsn *d, const struct str *subject)
{
	add_date(out, "Date", d->now);
	str_addf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", d->hostname);
	add_to(out, d->fates->to, dsn_ascii(d->fates));
	text_field_encoded(out, "Subject", str_cstr(subject));
	str_addf(out, "Message-ID: <%s@%s>\r\n", d->token, d->hostname);
	add_thread(out, d);
	str_adds(out, "Auto-Submitted: auto-replied\r\n");
	if (is_lenient(d))
		str_adds(out, "TLS-Required: No\r\n");
	str_adds(out, "MIME-Version: 1.0\r\n");
}

/* ---- the human part ---- */

static void
add_human(struct str *out, const struct str *text, bool ascii)
{
	struct str wrapped = {0};
	bool plain;

	text_wrap(&wrapped, str_cstr(text));
	plain = text_is_ascii(str_cstr(&wrapped), wrapped.len);
	str_addf(out, "Content-Description: Notice\r\nContent-Type: text/plain; charset=%s\r\n",
	    plain ? "us-ascii" : "utf-8");
	if (!plain)
		str_addf(out, "Content-Transfer-Encoding: %s\r\n", ascii ? "quoted-printable" : "8bit");
	str_adds(out, "\r\n");
	if (!plain && ascii)
		text_qp(out, wrapped.s, wrapped.len);
	else
		str_add(out, str_cstr(&wrapped), wrapped.len);
	str_free(&wrapped);
}

/* ---- the machine part: RFC 3464 2.2, 2.3 ---- */

static void
add_per_message(struct str *out, const struct dsn *d, bool ascii)
{
	const struct fates *f = d->fates;
	char iso[CLOCK_ISO_SIZE];

	str_addf(out, "Reporting-MTA: dns; %s\r\n", d->hostname);
	if (f->envid) {
		struct str id = {0};

		text_unxtext(&id, f->envid);
		add_shown(out, "Original-Envelope-Id", str_cstr(&id), ascii);
		str_free(&id);
	}
	if (f->queued)
		add_date(out, "Arrival-Date", f->queued);
	if (f->future_release) {
		add_shown(out, "Future-Release-Request", f->future_release, ascii);
	} else if (f->hold_until) {
		clock_iso(iso, f->hold_until, 0);
		str_addf(out, "Future-Release-Request: until;%s\r\n", iso);
	}
}

/* RFC 3461 4.2, RFC 6533 3: xtext, which of the utf-8 type has \x{HEX} inside. */
static void
add_original_recipient(struct str *out, const char *orcpt, bool ascii)
{
	const char *semi = strchr(orcpt, ';');
	struct str type = {0}, plain = {0}, address = {0}, value = {0};

	if (!semi || semi == orcpt)
		return;
	{
		char *given = mem_dupn(orcpt, (size_t)(semi - orcpt));

		text_show(&type, given, true, 100);
		free(given);
	}
	text_unxtext(&plain, semi + 1);
	if (str_ieq(type.s, "utf-8"))
		text_unescape(&address, str_cstr(&plain));
	else
		str_adds(&address, str_cstr(&plain));
	text_typed_address(&value, type.s, str_cstr(&address), ascii);
	text_field(out, "Original-Recipient", value.s);
	str_free(&type);
	str_free(&plain);
	str_free(&address);
	str_free(&value);
}

/* Name and address of the server: "dns; mx1.example.com ([192.0.2.25])". */
static void
add_remote(struct str *out, const struct fates_rcpt *r, bool ascii)
{
	struct str value = {0};

	str_adds(&value, "dns; ");
	if (*r->host)
		text_show(&value, r->host, ascii, VALUE_MAX);
	if (r->ip) {
		str_adds(&value, *r->host ? " ([" : "[");
		text_show(&value, r->ip, ascii, VALUE_MAX);
		str_adds(&value, *r->host ? "])" : "]");
	}
	text_field(out, "Remote-MTA", value.s);
	str_free(&value);
}

static void
add_diagnostic(struct str *out, const struct fates_rcpt *r, bool ascii)
{
	struct str value = {0}, reply = {0};

	dsn_reply(&reply, r, ascii);
	if (reply.len) {
		str_addf(&value, "%s; %s", r->local ? "X-moxq" : "smtp", reply.s);
		text_field(out, "Diagnostic-Code", value.s);
	}
	str_free(&reply);
	str_free(&value);
}

static void
add_per_recipient(struct str *out, const struct fates_rcpt *r, bool ascii)
{
	static const char *const actions[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
	struct str value = {0};

	str_adds(out, "\r\n");
	if (r->orcpt)
		add_original_recipient(out, r->orcpt, ascii);
	text_typed_address(&value, "rfc822", r->address, ascii);
	text_field(out, "Final-Recipient", value.s);
	str_free(&value);
	str_addf(out, "Action: %s\r\n", actions[r->outcome]);
	str_addf(&value, "%s (%s)", r->status, status_words(r->status).comment);
	text_field(out, "Status", value.s);
	str_free(&value);
	if (r->host)
		add_remote(out, r, ascii);
	add_diagnostic(out, r, ascii);
	if (r->last)
		add_date(out, "Last-Attempt-Date", r->last);
	if (r->log)
		add_shown(out, "Final-Log-Id", r->log, ascii);
	if (r->until && r->outcome == OUTCOME_DELAYED)
		add_date(out, "Will-Retry-Until", r->until);
}

static void
add_machine(struct str *out, const struct dsn *d, bool ascii)
{
	struct str fields = {0};
	bool plain;

	add_per_message(&fields, d, ascii);
	for (size_t i = 0; i < d->fates->nrcpt; i++)
		add_per_recipient(&fields, &d->fates->rcpt[i], ascii);
	plain = text_is_ascii(fields.s, fields.len);
	str_addf(out,
	    "Content-Description: Delivery report\r\nContent-Type: message/%sdelivery-status\r\n%s\r\n",
	    plain ? "" : "global-", plain ? "" : "Content-Transfer-Encoding: 8bit\r\n");
	str_add(out, fields.s, fields.len);
	str_free(&fields);
}

/* ---- all of it ---- */

/* A delimiter that no line of any part begins with (RFC 2046 5.1.1). */
static void
choose_boundary(struct str *b, const char *token, const struct str *parts, size_t n)
{
	unsigned tries = 0;
	bool found;

	do {
		str_reset(b);
		str_addf(b, "=_%s.%u", token, tries++);
		found = false;
		for (size_t i = 0; i < n; i++)
			found = found || memmem(str_cstr(&parts[i]), parts[i].len, b->s, b->len);
	} while (found);
}

/* T65, RFC 8689 5: of a message that may travel by protected connections only the notice, which may not, tells
 * what its sender needs to know it again, and no more. */
static void
redact(struct returned *to, const struct returned *from)
{
	static const char *const kept[] = {"Date", "Message-ID"};
	struct str value = {0};

	*to = (struct returned){0};
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (returned_field(from, kept[i], &value) && value.len < TEXT_HARD &&
		    text_is_ascii(str_cstr(&value), value.len))
			add_shown(&to->header, kept[i], str_cstr(&value), true);
	str_free(&value);
}

/* How many messages without a sender came to nothing: no report of one message, so text alone. */
static const char *
compose_digest(struct str *out, const struct dsn *d, struct str *room)
{
	struct dsn_human human;
	const char *why = dsn_human_write(&human, d, false, room);

	add_header(out, d, &human.subject);
	add_human(out, &human.text, dsn_ascii(d->fates));
	dsn_human_free(&human);
	return why;
}

static const char *
compose_report(struct str *out, const struct dsn *d, struct str *room)
{
	bool ascii = dsn_ascii(d->fates), plain = true;
	/* RFC 3461 4.3: RET is about failures. */
	bool full = d->msg && d->fates->kind == FATES_FAILED && !d->fates->headers && !d->fates->secure &&
	            returned_fits(d->msg);
	struct str part[3] = {0}, boundary = {0};
	struct dsn_human human;
	const char *why = dsn_human_write(&human, d, full, room);

	add_human(&part[0], &human.text, ascii);
	add_machine(&part[1], d, ascii);
	if (d->msg)
		returned_part(&part[2], d->msg, full, ascii);
	choose_boundary(&boundary, d->token, part, ARRAY_LEN(part));
	for (size_t i = 0; i < ARRAY_LEN(part); i++)
		plain = plain && text_is_ascii(str_cstr(&part[i]), part[i].len);
	add_header(out, d, &human.subject);
	str_addf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"\r\n%s\r\n",
	    boundary.s, plain ? "" : "Content-Transfer-Encoding: 8bit\r\n");
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		if (part[i].len) {
			str_addf(out, "--%s\r\n", boundary.s);
			str_add(out, part[i].s, part[i].len);
			str_adds(out, "\r\n");
		}
		str_free(&part[i]);
	}
	str_addf(out, "--%s--\r\n", boundary.s);
	str_free(&boundary);
	dsn_human_free(&human);
	return why;
}

const char *
dsn_compose(struct str *out, const struct dsn *d, struct str *room)
{
	struct returned redacted = {0};
	struct dsn own = *d;
	const char *why;

	if (d->msg && d->fates->secure) {
		redact(&redacted, d->msg);
		own.msg = &redacted;
	}
	if (d->fates->kind == FATES_DIGEST)
		why = compose_digest(out, &own, room);
	else
		why = compose_report(out, &own, room);
	returned_free(&redacted);
	return why;
}
