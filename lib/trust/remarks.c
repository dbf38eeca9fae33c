#include "base.h"

#include "clock.h"
#include "domain.h"
#include "rec.h"
#include "remarks.h"
#include "support.h"

static const char *
demand_words(const struct plan_hop *h)
{
	switch (h->tls) {
	case PLAN_TLS_NONE: return "no TLS, by configuration";
	case PLAN_TLS_MUST: return "TLS, with whoever answers, by configuration";
	case PLAN_TLS_DANE: return "TLS, with a certificate that fits the TLSA records";
	case PLAN_TLS_DANE_UNUSABLE: return "TLS, with whoever answers, since no TLSA record can be used";
	case PLAN_TLS_PKIX:
		return "TLS, with a certificate for this name by a known authority, by configuration";
	case PLAN_TLS_STS: return "TLS, with a certificate for this name by a known authority";
	case PLAN_TLS_DANE_STS:
		return "TLS, with a certificate that fits the TLSA records; the MTA-STS policy names it";
	default: return h->tlsa.n ? "TLS when it works; TLSA records are only counted" : "TLS when it works";
	}
}

static void
support_write(struct str *out, const char *name, int fd)
{
	const char *why;
	char *ascii = domain_ascii(name, &why), when[CLOCK_ISO_SIZE];
	struct support s;

	if (ascii && fd >= 0 && support_get(fd, ascii, &s)) {
		clock_iso(when, s.seen, false);
		rec_addf(out, "support", "starttls=%s requiretls=%s seen=%s", s.starttls ? "yes" : "no",
		    s.requiretls ? "yes" : "no", when);
	}
	free(ascii);
}

void
remarks_add(struct str *record, const struct plan *p, const char *name, int support)
{
	str_cut(record, record->len - strlen("end\n"));
	for (size_t i = 0; p->kind == PLAN_HOPS && i < p->nhop; i++)
		rec_addf(record, "note", "%s: %s", p->hop[i].host, demand_words(&p->hop[i]));
	support_write(record, name, support);
	rec_end(record);
}
