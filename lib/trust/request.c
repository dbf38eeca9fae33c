#include "base.h"

#include "rec.h"
#include "request.h"

static bool
line(struct plan_request *r, uint64_t *ask, const char *key, char *value)
{
	uint64_t n;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "ask"))
		return str_number(value, INT64_MAX, ask) && *ask;
	if (!strcmp(key, "domain") || !strcmp(key, "host") || !strcmp(key, "srv")) {
		r->host = *key != 'd';
		r->srv = *key == 's';
		r->name = value;
	} else if (!strcmp(key, "port")) {
		if (!str_number(value, 65535, &n) || !n)
			return false;
		r->port = (uint16_t)n;
	} else if (!strcmp(key, "loopback")) {
		r->loopback = !strcmp(value, "yes");
	} else if (!strcmp(key, "ipv4")) {
		r->ipv4 = strcmp(value, "no") != 0;
	} else if (!strcmp(key, "ipv6")) {
		r->ipv6 = strcmp(value, "no") != 0;
	} else if (!strcmp(key, "attempts")) {
		if (!str_number(value, UINT32_MAX, &n))
			return false;
		r->attempts = (unsigned)n;
	} else if (!strcmp(key, "need")) {
		r->need = !strcmp(value, "secure") ? NEED_SECURE : NEED_LENIENT;
		return r->need == NEED_SECURE || !strcmp(value, "lenient");
	} else if (!strcmp(key, "starttls")) {
		r->tls = !strcmp(value, "never")  ? PLAN_TLS_NONE
		         : !strcmp(value, "must") ? PLAN_TLS_MUST
		         : !strcmp(value, "pkix") ? PLAN_TLS_PKIX
		         : !strcmp(value, "dane") ? PLAN_TLS_DANE
		                                  : PLAN_TLS_MAY;
		return r->tls != PLAN_TLS_MAY || !strcmp(value, "may");
	}
	return true;
}

bool
request_parse(struct plan_request *r, uint64_t *ask, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	enum rec_got got;
	char *key, *value;
	bool good = true;

	*ask = 0;
	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		good = line(r, ask, key, value) && good;
	if (got != REC_END)
		*ask = 0;
	return got == REC_END && good && r->name;
}
