#include "base.h"

#include "der.h"
#include "tlsa.h"

void
tlsa_free(struct tlsa_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->v[i].data);
	free(set->v);
	*set = (struct tlsa_set){0};
}

static bool
full_ok(const struct tlsa *t)
{
	struct der_cert c;

	return t->selector == TLSA_CERT ? der_cert(&c, t->data, t->len) : der_key(t->data, t->len);
}

/* What is wrong with the record by itself, or NULL. */
static const char *
fault(const struct tlsa *t)
{
	if (t->usage == TLSA_PKIX_TA || t->usage == TLSA_PKIX_EE)
		return "usages 0 and 1 are not for mail";
	if (t->usage > TLSA_DANE_EE)
		return "the usage is not known";
	if (t->selector > TLSA_KEY)
		return "the selector is not known";
	if (t->matching > TLSA_SHA512)
		return "the matching type is not known";
	if (t->matching == TLSA_FULL && !full_ok(t))
		return "the data is no certificate or key";
	if ((t->matching == TLSA_SHA256 && t->len != 32) || (t->matching == TLSA_SHA512 && t->len != 64))
		return "the data is not as long as the digest";
	return NULL;
}

bool
tlsa_rdata_usable(const unsigned char *p, size_t n)
{
	struct tlsa t;

	if (n < 3)
		return false;
	t = (struct tlsa){.usage = p[0], .selector = p[1], .matching = p[2], .len = n - 3};
	t.data = (unsigned char *)mem_dupn(p + 3, t.len);
	n = !fault(&t);
	free(t.data);
	return n;
}

static bool
outdone(const struct tlsa_set *set, const struct tlsa *t)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct tlsa *o = &set->v[i];

		if (o->usage == t->usage && o->selector == t->selector && o->matching > t->matching &&
		    !fault(o))
			return true;
	}
	return false;
}

static void
agility(struct tlsa_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct tlsa *t = &set->v[i];

		t->why = fault(t);
		if (!t->why && t->matching != TLSA_FULL && outdone(set, t))
			t->why = "a stronger digest stands beside it";
		t->counts = !t->why;
	}
}

/* The set owns t's data from here on. */
static void
add(struct tlsa_set *set, const struct tlsa *t)
{
	set->v = mem_grow(set->v, set->n + 1, sizeof *set->v);
	set->v[set->n++] = *t;
	agility(set);
}

bool
tlsa_add_rdata(struct tlsa_set *set, const unsigned char *p, size_t n)
{
	struct tlsa t = {0};

	if (n < 3 || n - 3 > TLSA_DATA_MAX || set->n == PLAN_TLSA_MAX)
		return false;
	t.usage = p[0];
	t.selector = p[1];
	t.matching = p[2];
	t.len = n - 3;
	t.data = (unsigned char *)mem_dupn(p + 3, t.len);
	add(set, &t);
	return true;
}

static bool
number(const char **s, unsigned char *out)
{
	unsigned n = 0;
	const char *p = *s;

	while (*p >= '0' && *p <= '9' && p - *s < 3)
		n = n * 10 + (unsigned)(*p++ - '0');
	if (p == *s || *p != ' ' || n > 255)
		return false;
	*out = (unsigned char)n;
	*s = p + 1;
	return true;
}

static int
nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

bool
tlsa_add_text(struct tlsa_set *set, const char *text)
{
	unsigned char wire[3 + TLSA_DATA_MAX];
	size_t n = 0;

	for (; n < 3; n++)
		if (!number(&text, &wire[n]))
			return false;
	for (; *text; text += 2) {
		int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);

		if (low < 0 || n == sizeof wire)
			return false;
		wire[n++] = (unsigned char)(high << 4 | low);
	}
	return tlsa_add_rdata(set, wire, n);
}

void
tlsa_add_list(struct tlsa_set *set, const struct plan_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!tlsa_add_text(set, list->v[i]))
			continue;
}

void
tlsa_text(struct str *out, const struct tlsa *t)
{
	str_addf(out, "%u %u %u ", t->usage, t->selector, t->matching);
	for (size_t i = 0; i < t->len; i++)
		str_addf(out, "%02x", t->data[i]);
}

bool
tlsa_usable(const struct tlsa_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].counts)
			return true;
	return false;
}
