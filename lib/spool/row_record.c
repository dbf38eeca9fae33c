#include "base.h"

#include "envelope.h"
#include "rec.h"
#include "row.h"

static void
put_text(struct str *out, const char *key, const char *v)
{
	if (v && *v)
		rec_add(out, key, v);
}

void
row_record(struct str *out, const struct row *row, uint32_t uid)
{
	char id[ROW_ID_SIZE], hold = row->hold ? row->hold : HOLD_NONE;

	row_id(id, row);
	rec_add(out, "id", id);
	rec_addi(out, "uid", uid);
	rec_addi(out, "queued", row->queued);
	rec_addi(out, "next", row->next);
	rec_addi(out, "attempts", row->attempts);
	rec_addi(out, "last", row->last);
	rec_addi(out, "size", (int64_t)row->size);
	if (row->code)
		rec_addi(out, "code", row->code);
	rec_addn(out, "hold", &hold, 1);
	put_text(out, "sender", row->sender);
	put_text(out, "rcpt", row->rcpt);
	put_text(out, "domain", row->domain);
	put_text(out, "site", row->site);
	put_text(out, "account", row->account);
	put_text(out, "error", row->error);
	put_text(out, "transport", row->transport);
	put_text(out, "requiretls", row->requiretls);
	put_text(out, "messageid", row->messageid);
	put_text(out, "subject", row->subject);
	put_text(out, "extra", row->extra);
	if (row->fate)
		rec_add_encoded(out, "fate", row->fate);
	if (row->told)
		str_adds(out, "told yes\n");
	if (row->local)
		str_adds(out, "origin local\n");
	put_text(out, "result", row->result);
	if (row->retired)
		rec_addi(out, "retired", row->retired);
	for (unsigned i = 0; i < row->nattempt; i++)
		rec_add_encoded(out, "attempt", row->attempt[i]);
	rec_end(out);
}

/* From just behind `key NUMBER LF` at *p to its end; NULL: something else stands there. */
static const char *
behind_number(const char *p, const char *end, const char *key)
{
	size_t n = strlen(key);

	if (!p || (size_t)(end - p) <= n || memcmp(p, key, n))
		return NULL;
	for (p += n; p < end && *p >= '0' && *p <= '9';)
		p++;
	return p < end && *p == '\n' ? p + 1 : NULL;
}

bool
row_record_attempt(struct str *out, const char *rec, size_t n, const struct row *numbers)
{
	const char *end = rec + n, *from = memmem(rec, n, "\nnext ", 6), *to;

	from = from ? from + 1 : NULL;
	to = behind_number(from, end, "next ");
	to = behind_number(to, end, "attempts ");
	to = behind_number(to, end, "last ");
	if (!to)
		return false;
	str_add(out, rec, (size_t)(from - rec));
	rec_addi(out, "next", numbers->next);
	rec_addi(out, "attempts", numbers->attempts);
	rec_addi(out, "last", numbers->last);
	str_add(out, to, (size_t)(end - to));
	return true;
}
