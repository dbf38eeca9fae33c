#include "base.h"

#include "die.h"
#include "plan.h"
#include "rec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/random.h>

static const char *const tls_words[] = {
    [PLAN_TLS_MAY] = "may",
    [PLAN_TLS_NONE] = "none",
    [PLAN_TLS_MUST] = "must",
    [PLAN_TLS_DANE] = "dane",
    [PLAN_TLS_DANE_UNUSABLE] = "dane-unusable",
    [PLAN_TLS_STS] = "sts",
    [PLAN_TLS_DANE_STS] = "dane+sts",
    [PLAN_TLS_PKIX] = "pkix",
};

void
plan_list_free(struct plan_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct plan_list){0};
}

void
plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->nhop; i++) {
		free(p->hop[i].host);
		free(p->hop[i].base);
		plan_list_free(&p->hop[i].tlsa);
		plan_list_free(&p->hop[i].names);
		plan_list_free(&p->hop[i].addr);
	}
	free(p->hop);
	free(p->name);
	free(p->site);
	free(p->sts.mode);
	free(p->sts.domain);
	free(p->sts.id);
	plan_list_free(&p->sts.mx);
	free(p->fit);
	plan_list_free(&p->count);
	plan_list_free(&p->note);
	free(p->code);
	free(p->text);
	*p = (struct plan){0};
}

void
plan_list_add(struct plan_list *l, const char *s)
{
	l->v = mem_grow(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = mem_dup(s);
}

struct plan_hop *
plan_hop_add(struct plan *p, const char *host)
{
	struct plan_hop *h;

	p->hop = mem_grow(p->hop, p->nhop + 1, sizeof *p->hop);
	h = &p->hop[p->nhop++];
	*h = (struct plan_hop){.host = mem_dup(host)};
	return h;
}

static const char *
secure_word(bool secure)
{
	return secure ? "secure" : "insecure";
}

void
plan_hop_write(struct str *out, const struct plan_hop *h)
{
	rec_open(out, "hop");
	rec_put(out, h->host);
	rec_putf(out, "pref=%u", h->pref);
	rec_putf(out, "port=%u", h->port);
	rec_putf(out, "dnssec=%s", secure_word(h->secure));
	rec_putf(out, "tls=%s", tls_words[h->tls]);
	if (h->base)
		rec_putf(out, "base=%s", h->base);
	if (h->sts_stranger)
		rec_put(out, "sts=no");
	rec_close(out);
	if (h->names.n) {
		rec_open(out, "names");
		for (size_t i = 0; i < h->names.n; i++)
			rec_put(out, h->names.v[i]);
		rec_close(out);
	}
	for (size_t i = 0; i < h->tlsa.n; i++)
		rec_add(out, "tlsa", h->tlsa.v[i]);
	for (size_t i = 0; i < h->addr.n; i++)
		rec_add(out, "addr", h->addr.v[i]);
}

void
plan_sts_write(struct str *out, const struct plan_sts *s)
{
	if (!s->mode)
		return;
	rec_open(out, "sts");
	rec_put(out, s->mode);
	rec_putf(out, "domain=%s", s->domain);
	rec_putf(out, "id=%s", s->id);
	rec_putf(out, "max-age=%ju", (uintmax_t)s->max_age);
	for (size_t i = 0; i < s->mx.n; i++)
		rec_putf(out, "mx=%s", s->mx.v[i]);
	rec_close(out);
}

void
plan_partial_write(struct str *out, const struct plan *p)
{
	if (p->partial)
		rec_add(out, "partial", "yes");
}

/* A DANE-TA record somewhere: names of the certificate are looked at (RFC 7671 5.2). */
static bool
has_anchor(const struct plan_hop *h)
{
	for (size_t i = 0; i < h->tlsa.n; i++)
		if (str_istarts(h->tlsa.v[i], "2 "))
			return true;
	return false;
}

void
plan_demand_write(struct str *out, const struct plan *p, const struct plan_hop *h)
{
	rec_open(out, "demand");
	rec_put(out, tls_words[h->tls]);
	rec_put(out, h->base ? h->base : h->host);
	rec_put(out, h->sts_stranger ? "stranger" : "");
	for (size_t i = 0; i < h->tlsa.n; i++)
		rec_put(out, h->tlsa.v[i]);
	for (size_t i = 0; (has_anchor(h) || h->tls == PLAN_TLS_PKIX) && i < h->names.n; i++)
		rec_put(out, h->names.v[i]);
	rec_close(out);
	plan_sts_write(out, &p->sts);
}

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

static void
sip_rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1], v[2] += v[3];
		v[1] = ROTATE(v[1], 13) ^ v[0], v[3] = ROTATE(v[3], 16) ^ v[2];
		v[0] = ROTATE(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		v[1] = ROTATE(v[1], 17) ^ v[2], v[3] = ROTATE(v[3], 21) ^ v[0];
		v[2] = ROTATE(v[2], 32);
	}
}

/* SipHash-2-4 under a key that nobody else knows: a domain's owner must not be able to find a plan that fits
 * another's, and so get that one's mail a lesser demand, or other hops. */
static uint64_t
digest(const struct str *s)
{
	static uint64_t key[2];
	uint64_t v[4], last = (uint64_t)s->len << 56;
	size_t i;

	while (!key[0] && getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		if (errno != EINTR)
			die_temp("unable to get random bytes: %m");
	v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = key[1] ^ UINT64_C(0x7465646279746573);
	for (i = 0; i + 8 <= s->len; i += 8) {
		uint64_t m;

		memcpy(&m, s->s + i, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	for (size_t k = 0; i + k < s->len; k++)
		last |= (uint64_t)(unsigned char)s->s[i + k] << 8 * k;
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

char *
plan_fit(const struct plan *p)
{
	uint64_t sum = 0;
	struct str s = {0};

	for (size_t i = 0; i < p->nhop; i++) {
		s.len = 0;
		str_addf(&s, "%s %u %u ", p->hop[i].host, p->hop[i].pref, p->hop[i].port);
		plan_demand_write(&s, p, &p->hop[i]);
		sum += digest(&s);
	}
	s.len = 0;
	str_addf(&s, "partial %d", p->partial);
	sum += digest(&s);
	s.len = 0;
	str_addf(&s, "%016jx", (uintmax_t)sum);
	return str_take(&s);
}

void
plan_lines_write(struct str *out, const struct plan *p)
{
	plan_partial_write(out, p);
	plan_sts_write(out, &p->sts);
	for (size_t i = 0; i < p->nhop; i++)
		plan_hop_write(out, &p->hop[i]);
}

void
plan_write(struct str *out, const struct plan *p)
{
	if (p->ask)
		rec_addi(out, "ask", (int64_t)p->ask);
	if (p->kind == PLAN_HOPS) {
		rec_add(out, "plan", p->name);
		rec_add(out, "site", p->site);
		rec_add(out, "dnssec", secure_word(p->secure));
		plan_partial_write(out, p);
		plan_sts_write(out, &p->sts);
		if (p->fit)
			rec_add(out, "fit", p->fit);
		for (size_t i = 0; i < p->nhop; i++)
			plan_hop_write(out, &p->hop[i]);
	} else {
		rec_open(out, p->kind == PLAN_LATER ? "later" : "never");
		rec_put(out, p->code);
		rec_put(out, p->text);
		rec_close(out);
		if (p->network_down)
			rec_add(out, "network", "no");
	}
	for (size_t i = 0; i < p->note.n; i++)
		rec_add(out, "note", p->note.v[i]);
	for (size_t i = 0; i < p->count.n; i++)
		str_addf(out, "tls %s\n", p->count.v[i]);
	rec_addi(out, "ttl", p->ttl);
	rec_end(out);
}

static bool
number(const char *s, uint64_t max, unsigned *out)
{
	uint64_t n;

	if (!str_number(s, max, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

/* A host stands in logs, EHLO checks and SNI later: nothing but what domain names and literals are made of.
 */
static bool
host_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 255 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.:[]ABCDEFGHIJKLMNOPQRSTUVWXYZ%") == n;
}

static bool
secure_parse(const char *s, bool *out)
{
	*out = !strcmp(s, "secure");
	return *out || !strcmp(s, "insecure");
}

static bool
tls_parse(const char *s, enum plan_tls *out)
{
	for (size_t i = 0; i < ARRAY_LEN(tls_words); i++)
		if (!strcmp(s, tls_words[i])) {
			*out = (enum plan_tls)i;
			return true;
		}
	return false;
}

static int
hop_line(struct plan *p, char *value)
{
	char *f = rec_field(&value), *o;
	struct plan_hop *h;
	unsigned port = 0;
	bool tls = false;

	if (!f || !host_ok(f) || p->nhop == PLAN_HOP_MAX)
		return -1;
	h = plan_hop_add(p, f);
	while (value) {
		bool good = true;

		if (!(f = rec_field(&value)))
			return -1;
		if ((o = rec_option(f, "pref")))
			good = number(o, 65535, &h->pref);
		else if ((o = rec_option(f, "port")))
			good = number(o, 65535, &port);
		else if ((o = rec_option(f, "dnssec")))
			good = secure_parse(o, &h->secure);
		else if ((o = rec_option(f, "tls")))
			good = !tls && (tls = tls_parse(o, &h->tls));
		else if ((o = rec_option(f, "base"))) {
			good = host_ok(o) && !h->base;
			h->base = good ? mem_dup(o) : h->base;
		} else if ((o = rec_option(f, "sts")))
			h->sts_stranger = !strcmp(o, "no");
		if (!good)
			return -1;
	}
	h->port = (uint16_t)port;
	return port && tls ? 1 : -1;
}

static int
names_line(struct plan *p, char *value)
{
	struct plan_list *l = p->nhop ? &p->hop[p->nhop - 1].names : NULL;

	if (!l || l->n)
		return -1;
	while (value) {
		char *f = rec_field(&value);

		if (!f || !host_ok(f) || l->n == 8)
			return -1;
		plan_list_add(l, f);
	}
	return 1;
}

static int
addr_line(struct plan *p, char *value)
{
	struct plan_list *l = p->nhop ? &p->hop[p->nhop - 1].addr : NULL;
	unsigned char bin[16];

	if (!l || l->n == PLAN_ADDR_MAX || !(value = rec_text(value)))
		return -1;
	if (inet_pton(AF_INET, value, bin) != 1 && inet_pton(AF_INET6, value, bin) != 1)
		return -1;
	plan_list_add(l, value);
	return 1;
}

/* Four fields: usage, selector, matching type in decimal, data in hexadecimal. What they mean is dane.h's. */
static int
tlsa_line(struct plan *p, char *value)
{
	struct plan_list *l = p->nhop ? &p->hop[p->nhop - 1].tlsa : NULL;
	const char *s = value;
	size_t n;

	if (!l || l->n == PLAN_TLSA_MAX)
		return -1;
	for (int i = 0; i < 3; i++) {
		n = strspn(s, "0123456789");
		if (!n || n > 3 || s[n] != ' ')
			return -1;
		s += n + 1;
	}
	n = strspn(s, "0123456789abcdef");
	if (s[n] || n % 2)
		return -1;
	plan_list_add(l, value);
	return 1;
}

static int
sts_line(struct plan *p, char *value)
{
	struct plan_sts *s = &p->sts;
	char *f = rec_field(&value), *o;

	if (s->mode || !f || (strcmp(f, "enforce") && strcmp(f, "testing") && strcmp(f, "none")))
		return -1;
	s->mode = mem_dup(f);
	while (value) {
		bool good = true;

		if (!(f = rec_field(&value)))
			return -1;
		if ((o = rec_option(f, "domain")))
			good = !s->domain && (s->domain = mem_dup(o)) && host_ok(o);
		else if ((o = rec_option(f, "id")))
			good = !s->id && (s->id = mem_dup(o));
		else if ((o = rec_option(f, "max-age")))
			good = str_number(o, UINT32_MAX, &s->max_age);
		else if ((o = rec_option(f, "mx")) && (good = s->mx.n < PLAN_STS_MX_MAX))
			plan_list_add(&s->mx, o);
		if (!good)
			return -1;
	}
	return s->domain && s->id ? 1 : -1;
}

static int
count_line(struct plan *p, const char *value)
{
	if (p->count.n == PLAN_COUNT_MAX)
		return -1;
	plan_list_add(&p->count, value);
	return 1;
}

static int
note_line(struct plan *p, char *value)
{
	if (p->note.n == PLAN_NOTE_MAX || !(value = rec_text(value)))
		return -1;
	plan_list_add(&p->note, value);
	return 1;
}

static int
text_line(char **to, char *value)
{
	if (*to || !(value = rec_text(value)))
		return -1;
	*to = mem_dup(value);
	return 1;
}

static int
fate_line(struct plan *p, enum plan_kind kind, char *value)
{
	char *code = rec_field(&value), *text = rec_field(&value);

	if (!code || !text || p->code)
		return -1;
	p->kind = kind;
	p->code = mem_dup(code);
	p->text = mem_dup(text);
	return 1;
}

int
plan_line(struct plan *p, const char *key, char *value)
{
	if (!strcmp(key, "hop"))
		return hop_line(p, value);
	if (!strcmp(key, "names"))
		return names_line(p, value);
	if (!strcmp(key, "addr"))
		return addr_line(p, value);
	if (!strcmp(key, "tlsa"))
		return tlsa_line(p, value);
	if (!strcmp(key, "sts"))
		return sts_line(p, value);
	if (!strcmp(key, "fit"))
		return text_line(&p->fit, value);
	if (!strcmp(key, "note"))
		return note_line(p, value);
	if (!strcmp(key, "tls"))
		return count_line(p, value);
	if (!strcmp(key, "ask"))
		return str_number(value, INT64_MAX, &p->ask) ? 1 : -1;
	if (!strcmp(key, "plan"))
		return text_line(&p->name, value);
	if (!strcmp(key, "site"))
		return text_line(&p->site, value);
	if (!strcmp(key, "dnssec"))
		return secure_parse(value, &p->secure) ? 1 : -1;
	if (!strcmp(key, "partial")) {
		p->partial = !strcmp(value, "yes");
		return 1;
	}
	if (!strcmp(key, "later"))
		return fate_line(p, PLAN_LATER, value);
	if (!strcmp(key, "never"))
		return fate_line(p, PLAN_NEVER, value);
	if (!strcmp(key, "network")) {
		p->network_down = !strcmp(value, "no");
		return 1;
	}
	if (!strcmp(key, "ttl"))
		return number(value, UINT32_MAX, &p->ttl) ? 1 : -1;
	return 0;
}

const char *
plan_parse(struct plan *p, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	enum rec_got got;
	char *key, *value;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		if (plan_line(p, key, value) < 0)
			return "a malformed line";
	if (got != REC_END)
		return got == REC_MORE ? "no end line" : "not a record";
	if (p->code)
		return p->name || p->nhop ? "both a plan and a refusal" : NULL;
	if (!p->name || !p->site || !p->nhop)
		return "no plan, site or hop in it";
	for (size_t i = 0; i < p->nhop; i++)
		if (!p->hop[i].addr.n)
			return "a hop without an address";
	return NULL;
}

/* splitmix64: good enough to spread load, and the same everywhere. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool
addr_is6(const char *s)
{
	return strchr(s, ':') != NULL;
}

static void
addr_shuffle(struct plan_list *l, uint64_t *state)
{
	for (size_t from = 0, to; from < l->n; from = to) {
		for (to = from + 1; to < l->n && addr_is6(l->v[to]) == addr_is6(l->v[from]);)
			to++;
		for (size_t i = to - 1; i > from; i--) {
			size_t j = from + random_next(state) % (i - from + 1);
			char *x = l->v[i];

			l->v[i] = l->v[j];
			l->v[j] = x;
		}
	}
}

static void
hop_swap(struct plan_hop *a, struct plan_hop *b)
{
	struct plan_hop x = *a;

	*a = *b;
	*b = x;
}

/* The next of n hops: by chance, in proportion to what each weighs. One without a weight is as good as any when all are,
 * else it comes first as seldom as RFC 2782 wants it. */
static size_t
hop_draw(const struct plan_hop *h, size_t n, uint64_t *state)
{
	uint64_t sum = 0, drawn;

	for (size_t i = 0; i < n; i++)
		sum += h[i].weight;
	if (!sum)
		return random_next(state) % n;
	drawn = random_next(state) % (sum + 1);
	for (size_t i = 0; i < n; i++) {
		if (h[i].weight >= drawn)
			return i;
		drawn -= h[i].weight;
	}
	return 0;
}

void
plan_shuffle(struct plan *p, uint64_t seed)
{
	for (size_t from = 0, to; from < p->nhop; from = to) {
		for (to = from + 1; to < p->nhop && p->hop[to].pref == p->hop[from].pref;)
			to++;
		for (size_t i = from; i + 1 < to; i++)
			hop_swap(&p->hop[i], &p->hop[i + hop_draw(&p->hop[i], to - i, &seed)]);
	}
	for (size_t i = 0; i < p->nhop; i++)
		addr_shuffle(&p->hop[i].addr, &seed);
}
