#include "base.h"

#include "addr.h"
#include "handed.h"
#include "rec.h"

static const char *
rcpt_parse(struct handed *h, char *value)
{
	char *f = rec_field(&value);
	const char *v;

	if (!f || h->address)
		return "expected one recipient";
	h->address = f;
	while (value) {
		if (!(f = rec_field(&value)))
			return "the recipient is malformed";
		if ((v = rec_option(f, "notify")))
			h->notify = v;
		else if ((v = rec_option(f, "orcpt")))
			h->orcpt = v;
		else if ((v = rec_option(f, "exact")))
			h->exact = !strcmp(v, "yes");
	}
	return NULL;
}

static const char *
extra_parse(struct handed *h, char *value)
{
	char *k = rec_field(&value), *v = rec_field(&value);

	if (!k || !v || value)
		return "an extra value is malformed";
	rec_open(&h->extra, "extra");
	rec_put(&h->extra, k);
	rec_put(&h->extra, v);
	rec_close(&h->extra);
	return NULL;
}

static const char *
line_parse(struct handed *h, const char *key, char *value)
{
	const struct {
		const char *key, **to;
	} texts[] = {
	    {"sender", &h->sender},
	    {"origin", &h->origin},
	    {"account", &h->account},
	    {"ret", &h->ret},
	    {"envid", &h->envid},
	    {"requiretls", &h->requiretls},
	};

	if (!strcmp(key, "rcpt"))
		return rcpt_parse(h, value);
	if (!strcmp(key, "extra"))
		return extra_parse(h, value);
	if (!strcmp(key, "size"))
		return str_number(value, INT64_MAX / 2, &h->size) ? NULL : "the size is malformed";
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(key, texts[i].key)) {
			*texts[i].to = rec_text(value);
			return *texts[i].to ? NULL : "a value is malformed";
		}
	return NULL;
}

/* Both go into header lines and envelopes. */
static const char *
addresses_check(const struct handed *h)
{
	const char *bad = NULL;

	if (!h->address || !h->sender)
		return "expected a sender and a recipient";
	if (*h->sender)
		bad = addr_check(h->sender, strlen(h->sender), true);
	if (!bad)
		bad = addr_check(h->address, strlen(h->address), false);
	return bad;
}

const char *
handed_parse(struct handed *h, char *text, size_t n)
{
	struct rec_in in = {text, text + n};
	char *key, *value;
	const char *bad = NULL;
	enum rec_got got;

	*h = (struct handed){.size = UINT64_MAX};
	while (!bad && (got = rec_next(&in, &key, &value)) != REC_END)
		bad = got == REC_LINE ? line_parse(h, key, value) : "it is no record";
	if (!bad && h->size == UINT64_MAX)
		bad = "expected a size";
	return bad ? bad : addresses_check(h);
}

void
handed_free(struct handed *h)
{
	str_free(&h->extra);
}
