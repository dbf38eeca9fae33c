/* A report for people, and its names. */
#include "base.h"

#include "clock.h"
#include "text.h"
#include "tlsrpt.h"

#include <inttypes.h>

#define POLICIES_SHOWN 10
#define DETAILS_SHOWN 20
#define LINE_MAX_SHOWN 200

char *
tlsrpt_report_id(const struct tlsrpt_report *r, const struct tlsrpt_submitter *s)
{
	struct str id = {0};

	str_addf(&id, "%s.%s@%s", r->day, r->name, s->domain);
	return str_take(&id);
}

char *
tlsrpt_file_name(const struct tlsrpt_report *r, const struct tlsrpt_submitter *s)
{
	int64_t begin = tlsrpt_day_begin(r->day) / SECOND;
	struct str name = {0};

	str_addf(&name, "%s!%s!%" PRId64 "!%" PRId64 ".json.gz", s->domain, r->name, begin,
	    begin + DAY / SECOND - 1);
	return str_take(&name);
}

static void
detail_write(struct str *out, const struct tlsrpt_detail *d)
{
	struct str line = {0};

	str_addf(&line, "%s", d->result);
	if (d->mx)
		str_addf(&line, " at %s", d->mx);
	if (d->to)
		str_addf(&line, " [%s]", d->to);
	if (d->from)
		str_addf(&line, " from [%s]", d->from);
	if (d->reason)
		str_addf(&line, ": %s", d->reason);
	str_addf(out, "%10" PRIu64 "  ", d->count);
	text_show(out, str_cstr(&line), true, LINE_MAX_SHOWN);
	str_addc(out, '\n');
	str_free(&line);
}

static void
policy_write(struct str *out, const struct tlsrpt_policy *p)
{
	static const char *const words[] = {[TLSRPT_TLSA] = "TLSA records of",
	    [TLSRPT_STS] = "MTA-STS policy of",
	    [TLSRPT_NO_POLICY] = "No policy for"};

	str_addf(out, "\n%s %s: %" PRIu64 " sessions without failure, %" PRIu64 " with\n", words[p->type],
	    p->domain, p->ok, p->failed);
	for (size_t i = 0; i < p->ndetail && i < DETAILS_SHOWN; i++)
		detail_write(out, &p->detail[i]);
	if (p->ndetail > DETAILS_SHOWN)
		str_addf(out, "            and %zu other causes\n", p->ndetail - DETAILS_SHOWN);
}

static void
concerned_write(struct str *out, const struct tlsrpt_report *r)
{
	if (!r->nrcpt)
		return;
	str_adds(out, "\nRecipient domains concerned:\n");
	for (size_t i = 0; i < r->nrcpt && i < 10 * TLSRPT_NAMED_MAX; i++)
		str_addf(out, "  %s\n", r->rcpt[i]);
	if (r->nrcpt > (size_t)10 * TLSRPT_NAMED_MAX)
		str_addf(out, "  and %zu more\n", r->nrcpt - (size_t)10 * TLSRPT_NAMED_MAX);
}

void
tlsrpt_text(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s)
{
	char *id = tlsrpt_report_id(r, s);

	str_addf(out,
	    "This is a report on TLS, as RFC 8460 describes it: what became of sessions\n"
	    "that mail servers of %s had with those of\n"
	    "%s on %.4s-%.2s-%.2s (UTC). It goes to the addresses that\n"
	    "the TXT record of _smtp._tls.%s asks for.\n"
	    "The attachment says the same to programs, and all of it.\n\n"
	    "Report-ID: %s\nContact: %s\n",
	    s->domain, r->name, r->day, r->day + 4, r->day + 6, r->name, id, s->contact);
	for (size_t i = 0; i < r->npolicy && i < POLICIES_SHOWN; i++)
		policy_write(out, &r->policy[i]);
	if (r->npolicy > POLICIES_SHOWN)
		str_addf(out, "\nand %zu other policies\n", r->npolicy - POLICIES_SHOWN);
	if (r->nleft_out)
		str_addf(out, "%zu policies are in neither, for want of room.\n", r->nleft_out);
	concerned_write(out, r);
	free(id);
}
