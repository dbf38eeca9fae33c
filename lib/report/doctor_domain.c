/* mox-doctor domain: does what a domain of ours publishes fit what is sent here? */
#include "base.h"

#include "die.h"
#include "doctor.h"
#include "domain.h"
#include "option.h"
#include "standing.h"

/* What is asked in any case, at once. */
static void
fetch(const struct standing *s)
{
	static const struct {
		const char *type, *prefix;
	} wanted[] = {
	    {"TXT", ""}, {"TXT", "_dmarc."}, {"TXT", "_mta-sts."}, {"TXT", "_smtp._tls."}, {"MX", ""}};
	const struct conf_domain *d = standing_section(s->conf, s->domain);
	size_t nkey = d ? d->ndkim : 0, n = 0;
	struct asker_question *q = mem_zalloc((ARRAY_LEN(wanted) + nkey) * sizeof *q);
	char **name = mem_zalloc((ARRAY_LEN(wanted) + nkey) * sizeof *name);

	for (size_t i = 0; i < ARRAY_LEN(wanted) + nkey; i++) {
		struct str full = {0};

		if (i < ARRAY_LEN(wanted))
			str_addf(&full, "%s%s", wanted[i].prefix, s->domain);
		else
			str_addf(&full, "%s._domainkey.%s", d->dkim[i - ARRAY_LEN(wanted)].selector, d->name);
		name[n] = str_take(&full);
		q[n] = (struct asker_question){i < ARRAY_LEN(wanted) ? wanted[i].type : "TXT", name[n]};
		n++;
	}
	asker_fetch(s->asker, q, n);
	for (size_t i = 0; i < n; i++)
		free(name[i]);
	free(name);
	free(q);
}

static void
judge_addresses(struct findings *f, const struct sendings *l)
{
	size_t seen = 0;

	for (size_t i = 0; i < l->n; i++) {
		seen += !l->v[i].not_seen;
		if (l->v[i].not_seen) {
			finding_add(f, FINDING_OK, "address", "%s (%s) is private, and others see another",
			    l->v[i].ip, l->v[i].how);
			finding_todo(f, "name that by -a, or in dnsbl { addresses }");
		}
	}
	if (seen)
		return;
	finding_add(f, FINDING_UNKNOWN, "address", "no public address is known from which mail is sent");
	finding_todo(f, "name it by -a, or in dnsbl { addresses }; a relay's, where one sends");
}

static char *
domain_of(const char *arg)
{
	const char *at = strrchr(arg, '@'), *why = "an address has no records";
	char *domain = domain_ascii(at ? at + 1 : arg, &why);

	if (!domain || *domain == '[')
		die_perm("unable to look at \"%s\": %s", arg, why);
	return domain;
}

int
doctor_domain(int argc, char *argv[], const char *usage)
{
	const char *by_hand[64];
	struct sendings addresses = {0};
	struct doctor d;
	struct asker asker = {.d = &d};
	struct standing s = {.found = &d.found, .asker = &asker, .addresses = &addresses};
	struct conf *conf;
	size_t n = 0;
	char *domain;
	int c;

	doctor_start(&d, "domain");
	while ((c = option_next(argc, argv, DOCTOR_OPTIONS "a:", doctor_long)) != -1)
		if (c == 'a' && n < ARRAY_LEN(by_hand))
			by_hand[n++] = optarg;
		else
			doctor_option(&d, c, usage);
	if (argc - optind != 1)
		die_usage(usage);
	s.domain = domain = domain_of(argv[optind]);
	s.conf = conf = doctor_conf(&d, FINDING_UNKNOWN);
	for (size_t i = 0; i < n; i++)
		if (!sendings_add(&addresses, conf, by_hand[i], "given"))
			die_perm("unable to look at \"%s\": expected an address", by_hand[i]);
	if (!n)
		sendings_find(&addresses, conf);
	judge_addresses(&d.found, &addresses);
	fetch(&s);
	standing_spf(&s);
	standing_dkim(&s);
	standing_dmarc(&s);
	standing_names(&s);
	standing_mx(&s);
	standing_sts(&s);
	standing_tlsrpt(&s);
	asker_free(&asker);
	sendings_free(&addresses);
	conf_free(conf);
	free(domain);
	return doctor_end(&d);
}
