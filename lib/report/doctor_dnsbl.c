/* mox-doctor dnsbl: is this machine on a list of bad senders? */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "doctor.h"
#include "listing.h"
#include "option.h"
#include "rec.h"
#include "sending.h"

#define LOOKUP_TIME (30 * SECOND)
#define AT_ONCE 8

/* One question. */
struct ask {
	size_t zone, address; /* indices */
	enum { ASK_ADDRESS, ASK_MUST, ASK_MUST_NOT } what;
	bool v6;
	enum listing said;
	struct str codes;
	char *text; /* of the list, about a listing */
};

struct look {
	struct doctor d;
	struct conf *conf;
	struct sendings addresses;
	const char *const *zone;
	size_t nzone;
	struct ask *ask;
	size_t nask;
	struct str rec; /* for mox-runq */
	bool records;
	unsigned listed, broken;
};

/* ---- asking ---- */

static void
want(struct look *l, size_t zone, int what, size_t address, bool v6)
{
	l->ask = mem_grow(l->ask, l->nask + 1, sizeof *l->ask);
	l->ask[l->nask++] = (struct ask){.zone = zone, .address = address, .what = what, .v6 = v6};
}

static void
want_all(struct look *l)
{
	bool any[2] = {false, false};

	for (size_t i = 0; i < l->addresses.n; i++)
		if (!l->addresses.v[i].not_seen)
			any[strchr(l->addresses.v[i].ip, ':') != NULL] = true;
	for (size_t z = 0; z < l->nzone; z++) {
		for (int v6 = 0; v6 < 2; v6++)
			if (any[v6]) {
				want(l, z, ASK_MUST, 0, v6);
				want(l, z, ASK_MUST_NOT, 0, v6);
			}
		for (size_t i = 0; i < l->addresses.n; i++)
			if (!l->addresses.v[i].not_seen)
				want(l, z, ASK_ADDRESS, i, strchr(l->addresses.v[i].ip, ':') != NULL);
	}
}

static const char *
ip_of(const struct look *l, const struct ask *a)
{
	if (a->what == ASK_ADDRESS)
		return l->addresses.v[a->address].ip;
	if (a->what == ASK_MUST)
		return a->v6 ? "::ffff:127.0.0.2" : "127.0.0.2";
	return a->v6 ? "::ffff:127.0.0.1" : "127.0.0.1";
}

static void
question(const struct look *l, struct gather *g, const char *type, const struct ask *a)
{
	struct str name = {0};

	if (!listing_name(&name, ip_of(l, a), l->zone[a->zone]))
		bug("an address that is none");
	doctor_sibling(&l->d, g, LOOKUP_TIME, (const char *const[]){"mox-nexthop", "-q", type, name.s, NULL});
	str_free(&name);
}

/* What it answered; what it did not answer is in why. */
static void
answer(struct lookup *found, struct gather *g)
{
	const char *bad = lookup_read(found, &g->out);

	if (bad)
		found->status = LOOKUP_UNKNOWN;
	if (!found->why)
		found->why = mem_dup(bad                               ? bad
				     : found->status == LOOKUP_UNKNOWN ? doctor_why(g)
								       : "no answer");
	gather_free(g);
}

static void
ask_all(struct look *l)
{
	struct gather *g = mem_zalloc((l->nask + 1) * sizeof *g);

	for (size_t i = 0; i < l->nask; i++)
		question(l, &g[i], "A", &l->ask[i]);
	gather_run(g, l->nask, AT_ONCE);
	for (size_t i = 0; i < l->nask; i++) {
		struct lookup found = {0};

		answer(&found, &g[i]);
		l->ask[i].said = listing_read(&l->ask[i].codes, &found);
		lookup_free(&found);
	}
	free(g);
}

/* Why an address is listed stands in a TXT record (RFC 5782 2.1). */
static void
ask_why(struct look *l)
{
	struct gather *g = mem_zalloc((l->nask + 1) * sizeof *g);
	struct ask **about = mem_zalloc((l->nask + 1) * sizeof *about);
	size_t n = 0;

	for (size_t i = 0; i < l->nask; i++)
		if (l->ask[i].what == ASK_ADDRESS && l->ask[i].said == LISTING_LISTED) {
			about[n] = &l->ask[i];
			question(l, &g[n++], "TXT", &l->ask[i]);
		}
	gather_run(g, n, AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		struct lookup found = {0};
		struct str text = {0};

		answer(&found, &g[i]);
		if (found.status == LOOKUP_DATA && found.data.n && txt_join(&text, found.data.v[0]))
			about[i]->text = mem_dup(str_cstr(&text));
		str_free(&text);
		lookup_free(&found);
	}
	free(about);
	free(g);
}

/* ---- judging ---- */

static const struct ask *
find(const struct look *l, size_t zone, int what, bool v6)
{
	for (size_t i = 0; i < l->nask; i++)
		if (l->ask[i].zone == zone && (int)l->ask[i].what == what && l->ask[i].v6 == v6)
			return &l->ask[i];
	return NULL;
}

/* Whether the zone works for the family; when not, that is found. */
static bool
judge_list(struct look *l, size_t zone, bool v6)
{
	const struct ask *must = find(l, zone, ASK_MUST, v6), *must_not = find(l, zone, ASK_MUST_NOT, v6),
			 *bad;
	struct findings *f = &l->d.found;
	const char *name = l->zone[zone], *why;

	switch (listing_test(must->said, must_not->said)) {
	case LIST_WORKS: return true;
	case LIST_EMPTY:
		if (v6) {
			finding_add(f, FINDING_OK, "list", "%s has no IPv6 addresses", name);
			return false;
		}
		finding_add(f, FINDING_WARNING, "list",
		    "%s is no list, or one that is shut down: its test entry 127.0.0.2 is not there", name);
		finding_todo(f, "take it out of dnsbl { zones }");
		break;
	case LIST_ALL:
		finding_add(f, FINDING_WARNING, "list", "%s lists everybody, even 127.0.0.1", name);
		finding_todo(f, "take it out of dnsbl { zones }");
		break;
	case LIST_ODD:
		finding_add(f, FINDING_WARNING, "list",
		    "%s answers with addresses outside 127.0.0.0/8, as no list does", name);
		finding_todo(
		    f, "take it out of dnsbl { zones }, or ask a resolver that does not make answers up");
		break;
	case LIST_REFUSES:
		bad = must->said == LISTING_REFUSED ? must : must_not;
		why = listing_refusal(str_cstr(&bad->codes));
		finding_add(f, FINDING_WARNING, "list", "%s refuses to answer: %s%s(%s)", name,
		    why ? why : "", why ? " " : "", str_cstr(&bad->codes));
		finding_todo(
		    f, "see its terms of use; with dns { root-hints = true } no resolver of others is asked");
		break;
	case LIST_SILENT:
		bad = must->said == LISTING_UNKNOWN ? must : must_not;
		finding_add(
		    f, FINDING_UNKNOWN, "list", "%s does not answer: %s", name, str_cstr(&bad->codes));
		break;
	}
	l->broken++;
	return false;
}

static void
judge_address(struct look *l, const struct ask *a, struct str *clear)
{
	struct findings *f = &l->d.found;
	const char *ip = ip_of(l, a), *zone = l->zone[a->zone];

	switch (a->said) {
	case LISTING_CLEAR: str_addf(clear, "%s%s", clear->len ? ", " : "", zone); break;
	case LISTING_LISTED:
		l->listed++;
		finding_add(f, FINDING_CRITICAL, "listed", "%s is listed by %s (%s)%s%s", ip, zone,
		    str_cstr(&a->codes), a->text ? ": " : "", a->text ? a->text : "");
		finding_todo(f, "find out what was sent, then ask the list to take it off");
		break;
	default:
		finding_add(f, FINDING_UNKNOWN, "list", "%s does not say whether it lists %s: %s", zone, ip,
		    str_cstr(&a->codes));
	}
}

static void
record(struct look *l, const struct ask *a, bool works)
{
	const char *word = !works || a->said > LISTING_LISTED ? "unknown"
	                   : a->said == LISTING_LISTED        ? "listed"
	                                                      : "clear";

	rec_open(&l->rec, "checked");
	rec_put(&l->rec, l->addresses.v[a->address].ip);
	rec_put(&l->rec, l->zone[a->zone]);
	rec_put(&l->rec, word);
	rec_put(&l->rec, str_cstr(&a->codes));
	rec_put(&l->rec, a->text ? a->text : "");
	rec_close(&l->rec);
}

static void
judge(struct look *l)
{
	bool *works = mem_zalloc((2 * l->nzone + 1) * sizeof *works);
	struct str clear = {0};

	for (size_t z = 0; z < l->nzone; z++)
		for (int v6 = 0; v6 < 2; v6++)
			works[2 * z + (size_t)v6] = find(l, z, ASK_MUST, v6) && judge_list(l, z, v6);
	for (size_t i = 0; i < l->addresses.n; i++) {
		str_reset(&clear);
		for (size_t k = 0; k < l->nask; k++) {
			const struct ask *a = &l->ask[k];
			bool good = works[2 * a->zone + a->v6];

			if (a->what != ASK_ADDRESS || a->address != i)
				continue;
			record(l, a, good);
			if (good)
				judge_address(l, a, &clear);
		}
		if (clear.len)
			finding_add(&l->d.found, FINDING_OK, "clear", "%s (%s) is not listed by %s",
			    l->addresses.v[i].ip, l->addresses.v[i].how, clear.s);
	}
	rec_end(&l->rec);
	str_free(&clear);
	free(works);
}

static void
judge_addresses(struct look *l)
{
	struct findings *f = &l->d.found;
	size_t seen = 0;

	for (size_t i = 0; i < l->addresses.n; i++) {
		const struct sending *s = &l->addresses.v[i];

		seen += !s->not_seen;
		if (s->not_seen) {
			finding_add(f, FINDING_OK, "address", "%s (%s) is private, and others see another",
			    s->ip, s->how);
			finding_todo(f, "name that in dnsbl { addresses }");
		}
	}
	if (!seen) {
		finding_add(
		    f, FINDING_UNKNOWN, "address", "no public address is known from which mail is sent");
		finding_todo(f, "name it in dnsbl { addresses }");
	}
}

/* ---- */

static int
end(struct look *l)
{
	int code;

	finding_figure(&l->d.found, "listed", "%u;;0", l->listed);
	finding_figure(&l->d.found, "lists", "%zu", l->nzone);
	finding_figure(&l->d.found, "broken", "%u;0", l->broken);
	for (size_t i = 0; i < l->nask; i++) {
		str_free(&l->ask[i].codes);
		free(l->ask[i].text);
	}
	free(l->ask);
	sendings_free(&l->addresses);
	conf_free(l->conf);
	if (l->records) {
		code = weight_code(findings_worst(&l->d.found));
		if (fwrite(l->rec.s, 1, l->rec.len, stdout) != l->rec.len || fflush(stdout))
			die_temp("unable to write: %m");
		findings_free(&l->d.found);
	} else {
		code = doctor_end(&l->d);
	}
	str_free(&l->rec);
	return code;
}

int
doctor_dnsbl(int argc, char *argv[], const char *usage)
{
	const char *by_hand[64];
	struct look l = {0};
	size_t nhand = 0;
	int c;

	doctor_start(&l.d, "dnsbl");
	while ((c = option_next(argc, argv, DOCTOR_OPTIONS "a:r", doctor_long)) != -1)
		switch (c) {
		case 'a':
			if (nhand == ARRAY_LEN(by_hand))
				die_perm("unable to look at more than %zu addresses", ARRAY_LEN(by_hand));
			by_hand[nhand++] = optarg;
			break;
		case 'r': l.records = true; break;
		default: doctor_option(&l.d, c, usage);
		}
	l.conf = doctor_conf(&l.d, FINDING_UNKNOWN);
	for (size_t i = 0; i < nhand; i++)
		if (!sendings_add(&l.addresses, l.conf, by_hand[i], "given"))
			die_perm("unable to look at \"%s\": expected an address", by_hand[i]);
	if (!nhand)
		sendings_find(&l.addresses, l.conf);
	l.zone =
	    optind < argc ? (const char *const *)(argv + optind) : (const char *const *)l.conf->dnsbl.zones.v;
	l.nzone = optind < argc ? (size_t)(argc - optind) : l.conf->dnsbl.zones.n;
	if (!l.nzone) {
		finding_add(&l.d.found, FINDING_UNKNOWN, "list", "no lists are configured");
		finding_todo(&l.d.found, "name some in dnsbl { zones }");
	}
	judge_addresses(&l);
	want_all(&l);
	ask_all(&l);
	ask_why(&l);
	judge(&l);
	return end(&l);
}
