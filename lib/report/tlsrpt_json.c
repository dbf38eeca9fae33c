/* A report for programs: I-JSON (RFC 8460 4.4, RFC 7493). */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "tlsrpt.h"

#include <jansson.h>

/* Details have what TLSRPT_JSON_MAX leaves beside the policies and the frame. */
#define STRINGS_BYTES 300000
#define DETAILS_BYTES (TLSRPT_JSON_MAX - STRINGS_BYTES - 100000)
#define DETAIL_FRAME 400 /* names of a detail's members, indentation */
#define STRING_FRAME 20

static json_t *
have(json_t *j)
{
	if (!j)
		die_temp("out of memory");
	return j;
}

static void
put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, have(value)))
		die_temp("out of memory");
}

static void
put_text(json_t *o, const char *key, const char *s)
{
	if (s)
		put(o, key, json_string(s));
}

static void
push(json_t *list, json_t *value)
{
	if (json_array_append_new(list, have(value)))
		die_temp("out of memory");
}

/* Bytes of a JSON string: jansson escapes these two, and there are no controls. */
static size_t
bytes_of(const char *s)
{
	size_t n = 2;

	for (; s && *s; s++)
		n += 1 + (*s == '"' || *s == '\\');
	return n;
}

/* ---- one policy ---- */

/* What went wrong, and whose mail it was. */
static void
reason_write(struct str *out, const struct tlsrpt_detail *d)
{
	size_t named = d->nrcpt < TLSRPT_NAMED_MAX ? d->nrcpt : TLSRPT_NAMED_MAX;

	if (d->reason)
		str_adds(out, d->reason);
	for (size_t i = 0; i < named; i++)
		str_addf(out, "%s%s", i ? ", " : out->len ? "; mail for " : "mail for ", d->rcpt[i]);
	if (d->nrcpt > named)
		str_addf(out, " and %zu more", d->nrcpt - named);
}

static size_t
detail_bytes(const struct tlsrpt_detail *d, const struct str *reason)
{
	return DETAIL_FRAME + bytes_of(d->result) + bytes_of(d->from) + bytes_of(d->mx) + bytes_of(d->helo) +
	       bytes_of(d->to) + bytes_of(str_cstr(reason));
}

static json_t *
detail_json(const struct tlsrpt_detail *d, const struct str *reason)
{
	json_t *o = have(json_object());

	put_text(o, "result-type", d->result);
	put_text(o, "sending-mta-ip", d->from);
	put_text(o, "receiving-mx-hostname", d->mx);
	put_text(o, "receiving-mx-helo", d->helo);
	put_text(o, "receiving-ip", d->to);
	put(o, "failed-session-count", json_integer((json_int_t)d->count));
	if (reason->len)
		put_text(o, "failure-reason-code", reason->s);
	return o;
}

/* Those there was no room for, by result alone. */
static void
rest_add(json_t *list, const struct tlsrpt_detail *d)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_t *count = json_object_get(one, "failed-session-count");

		if (!strcmp(json_string_value(json_object_get(one, "result-type")), d->result)) {
			json_integer_set(count, json_integer_value(count) + (json_int_t)d->count);
			return;
		}
	}
	push(list, detail_json(d, &(struct str){0}));
}

static json_t *
details_json(const struct tlsrpt_policy *p, size_t *room)
{
	json_t *list = have(json_array()), *rest = have(json_array());

	for (size_t i = 0; i < p->ndetail; i++) {
		const struct tlsrpt_detail *d = &p->detail[i],
					   bare = {.result = d->result, .count = d->count};
		struct str reason = {0};
		size_t n;

		reason_write(&reason, d);
		n = detail_bytes(d, &reason);
		if (n <= *room && !d->others) {
			push(list, detail_json(d, &reason));
			*room -= n;
		} else if (d->others) {
			rest_add(rest, &bare);
		} else {
			/* Nothing smaller behind it: the order is by weight, and is to be seen. */
			*room = 0;
			rest_add(rest, &bare);
		}
		str_free(&reason);
	}
	if (json_array_extend(list, rest))
		die_temp("out of memory");
	json_decref(rest);
	return list;
}

/* Left out as a whole when there is no room. */
static void
put_strings(json_t *o, const char *key, const char *const *s, size_t n, size_t *room)
{
	json_t *list;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += bytes_of(s[i]) + STRING_FRAME;
	if (!n || bytes > *room)
		return;
	*room -= bytes;
	list = have(json_array());
	for (size_t i = 0; i < n; i++)
		push(list, json_string(s[i]));
	put(o, key, list);
}

static json_t *
policy_json(const struct tlsrpt_policy *p, size_t *strings, size_t *details)
{
	json_t *o = have(json_object()), *policy = have(json_object()), *summary = have(json_object());

	put_text(policy, "policy-type", tlsrpt_type_word(p->type));
	put_strings(policy, "policy-string", p->string, p->nstring, strings);
	put_text(policy, "policy-domain", p->domain);
	put_strings(policy, "mx-host", p->mx, p->nmx, strings);
	put(o, "policy", policy);
	put(summary, "total-successful-session-count", json_integer((json_int_t)p->ok));
	put(summary, "total-failure-session-count", json_integer((json_int_t)p->failed));
	put(o, "summary", summary);
	put(o, "failure-details", details_json(p, details));
	return o;
}

/* ---- the report ---- */

void
tlsrpt_json(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s)
{
	json_t *o = have(json_object()), *range = have(json_object()), *policies = have(json_array());
	size_t strings = STRINGS_BYTES, details = DETAILS_BYTES;
	int64_t begin = tlsrpt_day_begin(r->day);
	char time[CLOCK_ISO_SIZE], *id = tlsrpt_report_id(r, s), *text;

	put_text(o, "organization-name", s->domain);
	clock_iso(time, begin, 0);
	put_text(range, "start-datetime", time);
	clock_iso(time, begin + DAY - SECOND, 0);
	put_text(range, "end-datetime", time);
	put(o, "date-range", range);
	put_text(o, "contact-info", s->contact);
	put_text(o, "report-id", id);
	for (size_t i = 0; i < r->npolicy; i++)
		push(policies, policy_json(&r->policy[i], &strings, &details));
	put(o, "policies", policies);
	text = json_dumps(o, JSON_INDENT(1));
	if (!text)
		die_temp("out of memory");
	str_adds(out, text);
	str_addc(out, '\n');
	free(text);
	free(id);
	json_decref(o);
}
