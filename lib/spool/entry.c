#include "base.h"

#include "entry.h"
#include "rec.h"
#include "row.h"
#include "select.h"

#include <endian.h>
#include <inttypes.h>

#define RCPT_KEY 12 /* id, number */
#define RULE_KEY 4

/* ---- keys ---- */

static void
key_rcpt(const struct str *key, uint64_t *id, uint32_t *n)
{
	memcpy(id, key->s, sizeof *id);
	memcpy(n, key->s + sizeof *id, sizeof *n);
	*id = be64toh(*id);
	*n = be32toh(*n);
}

static uint32_t
key_number(const struct str *key)
{
	uint32_t n;

	memcpy(&n, key->s, sizeof n);
	return be32toh(n);
}

/* A kind, an account, and behind a NUL an address where `both`. */
static const char *
names_fault(const struct str *key, bool both)
{
	const char *nul = memchr(key->s, 0, key->len);

	if (key->len < 2 || nul == key->s + 1)
		return "its key names no account";
	if (both && (!nul || nul + 1 == key->s + key->len))
		return "its key names no address";
	if (nul && (!both || memchr(nul + 1, 0, (size_t)(key->s + key->len - nul - 1))))
		return "its key has too many parts";
	return NULL;
}

/* ---- values ---- */

/* What is looked for in one; each may be asked for by name alone. */
struct fields {
	const char *number, *text, *other; /* keys that must stand there */
	bool has_number, has_text, has_other;
	uint64_t value; /* of the number */
	bool bad;       /* a selection that is none */
};

static const char *
read_fields(struct fields *f, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	struct select sel = {0};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!strcmp(key, "sel")) {
			f->bad = f->bad || select_line(&sel, value, 0);
			continue;
		}
		if (!(value = rec_text(value))) {
			got = REC_BAD;
			break;
		}
		if (f->number && !strcmp(key, f->number))
			f->has_number = str_number(value, INT64_MAX, &f->value);
		else if (f->text && !strcmp(key, f->text))
			f->has_text = *value;
		else if (f->other && !strcmp(key, f->other))
			f->has_other = *value;
	}
	select_free(&sel);
	if (got != REC_END || in.p != in.end)
		return "its value is no whole record";
	if ((f->number && !f->has_number) || (f->text && !f->has_text) || (f->other && !f->has_other))
		return "its value lacks what belongs there";
	return f->bad ? "its selection is none" : NULL;
}

static const char *
retired_fault(const struct str *key, char *rec, size_t n)
{
	struct row row;
	uint64_t id;
	uint32_t number;

	if (key->len != RCPT_KEY)
		return "its key is not that of a recipient";
	key_rcpt(key, &id, &number);
	if (row_parse(&row, rec, n))
		return "its value is no row";
	if (row.id != id || row.n != number || !number)
		return "its value is the row of another";
	return row.result ? NULL : "it does not say what became of the recipient";
}

static const char *
suppress_fault(const struct str *key, char *rec, size_t n)
{
	struct fields entry = {.number = "when", .text = "account", .other = "address"},
		      count = {.number = "failures"};
	const char *why;

	if (*key->s != 's' && *key->s != 'f')
		return "its key is of no known kind";
	if ((why = names_fault(key, true)))
		return why;
	return read_fields(*key->s == 's' ? &entry : &count, rec, n);
}

static const char *
limit_fault(const struct str *key, char *rec, size_t n)
{
	struct fields address = {.number = "sent"}, account = {.number = "told"};
	const char *why;

	if (*key->s != 'a' && *key->s != 'c')
		return "its key is of no known kind";
	if ((why = names_fault(key, *key->s == 'a')))
		return why;
	return read_fields(*key->s == 'a' ? &address : &account, rec, n);
}

static const char *
holdrule_fault(const struct str *key, char *rec, size_t n)
{
	struct fields last = {.number = "last"}, rule = {.number = "rule"};
	const char *why;

	if (key->len != RULE_KEY)
		return "its key is not that of a rule";
	if (!key_number(key))
		return read_fields(&last, rec, n);
	why = read_fields(&rule, rec, n);
	return !why && rule.value != key_number(key) ? "its value is the rule of another" : why;
}

/* Header lines that go out before the message: what mox-deliver would refuse must not get so far (lib/fate/job.c). */
static bool
are_lines(const char *p, size_t n)
{
	if (n < 3 || memcmp(p + n - 2, "\r\n", 2) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\r'   ? p[i + 1] != '\n' || (i >= 2 && p[i - 1] == '\n')
		    : p[i] == '\n' ? !i || p[i - 1] != '\r'
				   : (p[i] < ' ' && p[i] != '\t') || p[i] > '~' ||
					 (p[i] == '.' && (!i || p[i - 1] == '\n')))
			return false;
	return *p != '\r';
}

static const char *
msg_fault(const struct str *key, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	char *name, *value;
	bool lines = false;
	size_t len;
	enum rec_got got;

	if (key->len != sizeof(uint64_t))
		return "its key is not that of a message";
	while ((got = rec_next(&in, &name, &value)) == REC_LINE)
		if (!strcmp(name, "prepend")) {
			if (!(value = rec_bytes(value, &len)) || !are_lines(value, len))
				return "its lines are none of a header";
			lines = true;
		}
	if (got != REC_END || in.p != in.end)
		return "its value is no whole record";
	return lines ? NULL : "its value lacks what belongs there";
}

static const char *
transcript_fault(const struct str *key, char *rec, size_t n)
{
	struct fields said = {.number = "last", .text = "recipients", .other = "transcript"};

	if (key->len != RCPT_KEY || memcmp(key->s + sizeof(uint64_t), "\0\0\0", 4) != 0)
		return "its key is not that of a message";
	return read_fields(&said, rec, n);
}

static const struct {
	const char *table;
	const char *(*fault)(const struct str *key, char *rec, size_t n);
} tables[] = {{"retired", retired_fault}, {"suppress", suppress_fault}, {"limit", limit_fault},
    {"holdrule", holdrule_fault}, {"msg", msg_fault}, {"transcript", transcript_fault}};

const char *
entry_fault(const char *table, const struct str *key, const struct str *value)
{
	struct str rec = {0};
	const char *why = NULL;

	if (!key->len)
		return "it has no key";
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		if (!strcmp(tables[i].table, table)) {
			/* Reading destroys. */
			str_add(&rec, str_cstr(value), value->len);
			str_reserve(&rec, 1);
			why = tables[i].fault(key, rec.s, rec.len);
			str_free(&rec);
		}
	return why;
}

void
entry_name(struct str *out, const char *table, const struct str *key)
{
	char id[ROW_ID_SIZE];
	struct row row = {0};

	if (!strcmp(table, "msg") && key->len == sizeof row.id) {
		memcpy(&row.id, key->s, sizeof row.id);
		row.id = be64toh(row.id);
		row_id(id, &row);
		str_adds(out, id);
	} else if ((!strcmp(table, "retired") || !strcmp(table, "transcript")) && key->len == RCPT_KEY) {
		key_rcpt(key, &row.id, &row.n);
		row_id(id, &row);
		str_adds(out, id);
	} else if (!strcmp(table, "holdrule") && key->len == RULE_KEY) {
		str_addf(out, "%" PRIu32, key_number(key));
	} else {
		for (size_t i = 0; i < key->len; i++)
			str_addc(out, key->s[i] ? key->s[i] : ' ');
	}
}
