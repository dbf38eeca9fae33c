#include "base.h"

#include "rec.h"
#include "way.h"

static const char *
tls_word(const struct conf_transport *t)
{
	static const char *const words[] = {
	    [STARTTLS_MAY] = "may", [STARTTLS_NEVER] = "never", [STARTTLS_MUST] = "must"};

	if (t->verify == VERIFY_PKIX || t->verify == VERIFY_DANE)
		return t->verify == VERIFY_PKIX ? "pkix" : "dane";
	return words[t->starttls];
}

static void
target_write(struct str *out, const struct conf_transport *t)
{
	struct str hosts = {0};

	if (t->srv) {
		rec_addf(out, "srv", "_%s._tcp.%s",
		    t->type == TRANSPORT_SUBMISSIONS ? "submissions" : "submission", t->srv);
		return;
	}
	for (size_t i = 0; i < t->host.n; i++)
		str_addf(&hosts, "%s%s", i ? " " : "", t->host.v[i]);
	rec_add(out, "host", str_cstr(&hosts));
	rec_addi(out, "port", t->port);
	str_free(&hosts);
}

void
way_write(struct str *out, const struct conf *c, const struct conf_transport *t, const char *domain)
{
	if (t && conf_is_relay(t)) {
		target_write(out, t);
	} else {
		rec_add(out, "domain", domain);
		rec_addi(out, "port", c->smtp_port);
	}
	if (t && t->loopback)
		rec_add(out, "loopback", "yes");
	if (t && !t->ipv4)
		rec_add(out, "ipv4", "no");
	if (t && !t->ipv6)
		rec_add(out, "ipv6", "no");
	rec_add(out, "starttls", t ? tls_word(t) : "may");
	/* Not even by what its owner has published. */
	if (t && t->verify == VERIFY_NONE)
		rec_add(out, "need", "lenient");
}
