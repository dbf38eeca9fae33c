#include "base.h"

#include "addr.h"
#include "fdio.h"
#include "job.h"
#include "prefer.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- reading ---- */

static bool
flags_parse(struct job *j, char *value)
{
	static const struct {
		const char *word;
		enum job_flag flag;
	} words[] = {
	    {"8bit", JOB_8BIT}, {"smtputf8", JOB_SMTPUTF8}, {"longline", JOB_LONGLINE}, {"dot", JOB_DOT}};

	while (value) {
		const char *f = rec_field(&value);

		if (!f)
			return false;
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (!strcmp(f, words[i].word))
				j->flags |= words[i].flag;
	}
	return true;
}

/* Parameters come from whoever submitted the message: only what xtext can be made of reaches the wire (RFC
 * 3461 4). */
static bool
printable(const char *s)
{
	for (; *s; s++)
		if (*s < 33 || *s > 126)
			return false;
	return true;
}

static bool
local_is_ascii(const char *address)
{
	const char *domain = addr_domain(address);

	return text_is_ascii(address, domain ? (size_t)(domain - address) : strlen(address));
}

static bool
rcpt_parse(struct job *j, char *value)
{
	struct job_rcpt *r;
	char *f = rec_field(&value);
	uint64_t n;

	if (j->nrcpt == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 4;
		j->rcpt = mem_grow(j->rcpt, j->cap, sizeof *j->rcpt);
	}
	r = &j->rcpt[j->nrcpt++];
	*r = (struct job_rcpt){.state = RCPT_TODO};
	if (!f || !str_number(f, UINT32_MAX, &n) || !(r->address = rec_field(&value)) ||
	    addr_check(r->address, strlen(r->address), true))
		return false;
	r->n = (unsigned)n;
	r->utf8_local = !local_is_ascii(r->address);
	while (value) {
		char *o;

		if (!(f = rec_field(&value)))
			return false;
		if ((o = rec_option(f, "notify")) && printable(o))
			r->notify = o;
		else if ((o = rec_option(f, "orcpt")) && printable(o))
			r->orcpt = o;
	}
	return true;
}

static bool
demand_parse(struct job *j, const char *value)
{
	bool secure = !strcmp(value, "yes");

	if (j->demand != JOB_USUAL || (!secure && strcmp(value, "no") != 0))
		return false;
	j->demand = secure ? JOB_SECURE : JOB_LENIENT;
	return true;
}

/* Whole lines of printable ASCII, none of which ends the message or the header: the job's flags stay true. */
static bool
prepend_parse(struct job *j, char *value)
{
	size_t n;
	const char *p = rec_bytes(value, &n), *end;

	if (!p || n < 3 || memcmp(p + n - 2, "\r\n", 2) != 0)
		return false;
	str_add(&j->prepend, p, n);
	end = p + n;
	while (p < end) {
		const char *cr = memchr(p, '\r', (size_t)(end - p));

		if (cr == p || *p == '.' || cr[1] != '\n')
			return false;
		for (; p < cr; p++)
			if (*p != '\t' && (*p < 32 || *p > 126))
				return false;
		p = cr + 2;
	}
	return true;
}

static bool
is_of_plan(const char *key)
{
	static const char *const keys[] = {"hop", "names", "tlsa", "addr", "sts", "partial"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static bool
line_parse(struct job *j, const char *key, char *value)
{
	uint64_t n = 0;

	if (!strcmp(key, "rcpt"))
		return rcpt_parse(j, value);
	if (!strcmp(key, "flags"))
		return flags_parse(j, value);
	if (is_of_plan(key))
		return plan_line(&j->plan, key, value) == 1;
	if (!strcmp(key, "offers")) {
		plan_list_add(&j->offers, value);
		return true;
	}
	if (!strcmp(key, "ticket")) {
		plan_list_add(&j->tickets, value);
		return true;
	}
	if (!strcmp(key, "prepend"))
		return prepend_parse(j, value);
	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "job"))
		return str_number(value, INT64_MAX, &j->number);
	if (!strcmp(key, "size"))
		return str_number(value, INT64_MAX, &j->size);
	if (!strcmp(key, "recipients-max")) {
		if (!str_number(value, UINT32_MAX, &n))
			return false;
		j->rcpt_max = (unsigned)n;
	} else if (!strcmp(key, "attempt")) {
		if (!str_number(value, UINT32_MAX, &n))
			return false;
		j->attempt = (unsigned)n;
	} else if (!strcmp(key, "dialed")) {
		plan_list_add(&j->dialed, value);
	} else if (!strcmp(key, "tickets")) {
		j->keeps = !strcmp(value, "yes");
	} else if (!strcmp(key, "careful")) {
		j->careful = !strcmp(value, "yes");
	} else if (!strcmp(key, "tls-results")) {
		j->uncounted = !strcmp(value, "no");
	} else if (!strcmp(key, "id")) {
		j->id = value;
	} else if (!strcmp(key, "sender")) {
		j->sender = value;
		j->sender_utf8 = !local_is_ascii(value);
		return !*value || !addr_check(value, strlen(value), true);
	} else if (!strcmp(key, "ret")) {
		j->ret = str_ieq(value, "full") || str_ieq(value, "hdrs") ? value : NULL;
	} else if (!strcmp(key, "envid")) {
		j->envid = printable(value) && *value ? value : NULL;
	} else if (!strcmp(key, "requiretls")) {
		return demand_parse(j, value);
	}
	return true;
}

/* Demands that name what is to be verified come with it. */
static bool
is_sound(const struct plan *p)
{
	for (size_t i = 0; i < p->nhop; i++) {
		enum plan_tls tls = p->hop[i].tls;

		if ((tls == PLAN_TLS_DANE || tls == PLAN_TLS_DANE_STS) && !p->hop[i].tlsa.n)
			return false;
		if ((tls == PLAN_TLS_STS || tls == PLAN_TLS_DANE_STS) &&
		    (!p->sts.mode || strcmp(p->sts.mode, "enforce") != 0))
			return false;
		if (tls == PLAN_TLS_PKIX && !p->hop[i].names.n)
			return false;
	}
	return true;
}

static const char *
job_parse(struct job *j)
{
	struct rec_in in = {j->record.s, j->record.s + j->record.len};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		if (!line_parse(j, key, value))
			return "a malformed line";
	if (got != REC_END || in.p != in.end)
		return "not one record";
	if (!j->number || !j->id || !j->sender || !j->nrcpt || j->fd < 0)
		return "no number, id, sender, recipient or message in it";
	return is_sound(&j->plan) ? NULL : "a demand without what it rests on";
}

static bool
is_whole(const struct str *s)
{
	return s->len >= 4 && !memcmp(s->s + s->len - 4, "end\n", 4) &&
	       (s->len == 4 || s->s[s->len - 5] == '\n');
}

int
job_take(struct job *j, int sock, int flags, const char **why)
{
	*why = NULL;
	do {
		ssize_t n;
		int fd = -1;

		str_reserve(&j->record, PKT_MAX);
		n = pkt_recv(sock, j->record.s + j->record.len, PKT_MAX, &fd, j->record.len ? 0 : flags);
		if (n < 0 && errno == EAGAIN && !j->record.len)
			return 0;
		if (n <= 0) {
			*why = j->record.len || n < 0 ? "a job cut short" : NULL;
			return -1;
		}
		j->record.len += (size_t)n;
		j->record.s[j->record.len] = 0;
		if (fd >= 0 && j->fd >= 0)
			close(fd);
		else if (fd >= 0)
			j->fd = fd;
	} while (!is_whole(&j->record) && j->record.len < REC_MAX);
	j->utf8_header = -1;
	*why = job_parse(j);
	if (!*why)
		prefer_addresses(&j->plan, &j->dialed);
	return *why ? -1 : 1;
}

void
job_drop(struct job *j)
{
	struct str record = j->record, prepend = j->prepend;
	struct transcript said = j->said;
	struct job_rcpt *rcpt = j->rcpt;
	size_t cap = j->cap;

	if (j->fd >= 0)
		close(j->fd);
	plan_free(&j->plan);
	plan_list_free(&j->dialed);
	plan_list_free(&j->offers);
	plan_list_free(&j->tickets);
	str_reset(&record);
	str_reset(&prepend);
	transcript_reset(&said);
	*j = (struct job){
	    .fd = -1, .record = record, .prepend = prepend, .said = said, .rcpt = rcpt, .cap = cap};
}

size_t
job_count(const struct job *j, enum rcpt_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < j->nrcpt; i++)
		n += j->rcpt[i].state == state;
	return n;
}

/* Some byte above 127 in front of the first blank line. */
static bool
header_has_utf8(const struct job *j)
{
	char buf[4096];
	bool line_start = true;

	for (uint64_t at = 0; at < j->size;) {
		ssize_t r = pread(j->fd, buf, sizeof buf, (off_t)at);

		if (r <= 0)
			break;
		for (ssize_t i = 0; i < r && at < j->size; i++, at++) {
			if ((unsigned char)buf[i] > 127)
				return true;
			if (buf[i] == '\n' && line_start)
				return false;
			if (buf[i] != '\r')
				line_start = buf[i] == '\n';
		}
	}
	return false;
}

bool
job_needs_utf8(struct job *j)
{
	if (!(j->flags & JOB_SMTPUTF8))
		return j->sender_utf8;
	if (j->utf8_header < 0)
		j->utf8_header = header_has_utf8(j);
	return j->sender_utf8 || j->utf8_header;
}

/* ---- telling ---- */

/* The longest line: that of a recipient with JOB_TEXT_MAX bytes as \xHH, or one of fields and then one more
 * that goes again. */
#define LINE_ROOM (4 * JOB_TEXT_MAX + 2048 + 5 * REPORT_LINE_MAX)
#define FLUSH_AT 8192

void
report_start(struct report *r, int sock)
{
	*r = (struct report){.sock = sock};
	str_reserve(&r->out, FLUSH_AT + LINE_ROOM + 256);
}

static void
open_job(struct report *r, const struct job *j)
{
	char number[24];

	if (r->out.len > FLUSH_AT)
		report_flush(r);
	if (r->open)
		return;
	r->open = true;
	snprintf(number, sizeof number, "%ju", (uintmax_t)j->number);
	rec_add(&r->out, "job", number);
}

/* At most max bytes of s, no UTF-8 sequence cut in two. */
static size_t
cut_at(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	if (n <= max)
		return n;
	for (n = max; n && (s[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

void
report_rcpt(struct report *r, const struct job *j, const struct job_rcpt *to, const struct fate *f, int code,
    const char *peer_and_text[2])
{
	static const char *const words[] = {
	    [FATE_SENT] = "sent", [FATE_LATER] = "later", [FATE_NEVER] = "never"};
	char number[24];

	open_job(r, j);
	rec_open(&r->out, "rcpt");
	snprintf(number, sizeof number, "%u", to->n);
	rec_put(&r->out, number);
	rec_put(&r->out, words[f->outcome]);
	snprintf(number, sizeof number, "%d", code);
	rec_put(&r->out, number);
	rec_put(&r->out, *f->code ? f->code : "-");
	rec_put(&r->out, *peer_and_text[0] ? peer_and_text[0] : "-");
	rec_putn(&r->out, peer_and_text[1], cut_at(peer_and_text[1], JOB_TEXT_MAX));
	/* RFC 3461 5.2.2: what this server was not told it cannot do. */
	if (f->outcome == FATE_SENT && to->notify && to->no_dsn)
		rec_put(&r->out, "dsn=no");
	rec_close(&r->out);
}

void
report_line(struct report *r, const struct job *j, const char *key, const char *value)
{
	open_job(r, j);
	rec_add(&r->out, key, value);
}

void
report_fields(struct report *r, const struct job *j, const char *key, const char *const *fields)
{
	size_t start, before;

	open_job(r, j);
	start = r->out.len;
	rec_open(&r->out, key);
	for (; *fields; fields++) {
		before = r->out.len;
		if (strlen(*fields) <= REPORT_LINE_MAX)
			rec_put(&r->out, *fields);
		if (r->out.len - start >= REPORT_LINE_MAX)
			str_cut(&r->out, before);
	}
	rec_close(&r->out);
}

void
report_end(struct report *r, const struct job *j)
{
	open_job(r, j);
	rec_end(&r->out);
	r->open = false;
	report_flush(r);
}

void
report_flush(struct report *r)
{
	if (r->out.len && !r->gone && pkt_send(r->sock, r->out.s, r->out.len, -1, 0))
		r->gone = true;
	str_reset(&r->out);
}
