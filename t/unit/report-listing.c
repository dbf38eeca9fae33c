/* RFC 5782: names that are asked for, answers, and whether a list is one. */
#include "base.h"

#include "listing.h"
#include "unit.h"

static void
name(const char *ip, const char *want)
{
	struct str out = {0};

	STR_EQ(listing_name(&out, ip, "bl.example") ? out.s : NULL, want, ip);
	str_free(&out);
}

static void
answer(enum lookup_status status, const char *one, const char *two, enum listing want)
{
	struct lookup l = {.status = status};
	struct str codes = {0};

	if (one)
		plan_list_add(&l.data, one);
	if (two)
		plan_list_add(&l.data, two);
	INT_EQ(listing_read(&codes, &l), want, one ? one : "no data");
	plan_list_free(&l.data);
	str_free(&codes);
}

int
main(void)
{
	name("192.0.2.99", "99.2.0.192.bl.example");
	name("2001:db8:1:2:3:4:567:89ab",
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example");
	name(
	    "::ffff:127.0.0.2", "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example");
	name("192.0.2", NULL);

	answer(LOOKUP_NXDOMAIN, NULL, NULL, LISTING_CLEAR);
	answer(LOOKUP_NODATA, NULL, NULL, LISTING_CLEAR);
	answer(LOOKUP_FAIL, NULL, NULL, LISTING_UNKNOWN);
	answer(LOOKUP_BOGUS, NULL, NULL, LISTING_UNKNOWN);
	answer(LOOKUP_UNKNOWN, NULL, NULL, LISTING_UNKNOWN);
	answer(LOOKUP_DATA, "127.0.0.2", NULL, LISTING_LISTED);
	answer(LOOKUP_DATA, "127.0.0.2", "127.0.0.10", LISTING_LISTED);
	answer(LOOKUP_DATA, "127.1.2.3", NULL, LISTING_LISTED);
	answer(LOOKUP_DATA, "127.255.255.254", NULL, LISTING_REFUSED);
	answer(LOOKUP_DATA, "127.0.0.2", "127.255.255.255", LISTING_REFUSED);
	answer(LOOKUP_DATA, "192.0.2.1", NULL, LISTING_ODD);
	answer(LOOKUP_DATA, "1.27.0.2", NULL, LISTING_ODD);
	answer(LOOKUP_DATA, "127.0.0.2", "192.0.2.1", LISTING_ODD);

	INT_EQ(listing_test(LISTING_LISTED, LISTING_CLEAR), LIST_WORKS, "a list");
	INT_EQ(listing_test(LISTING_CLEAR, LISTING_CLEAR), LIST_EMPTY, "shut down");
	INT_EQ(listing_test(LISTING_LISTED, LISTING_LISTED), LIST_ALL, "lists everybody");
	INT_EQ(listing_test(LISTING_CLEAR, LISTING_LISTED), LIST_ALL, "lists 127.0.0.1");
	INT_EQ(listing_test(LISTING_REFUSED, LISTING_CLEAR), LIST_REFUSES, "refuses");
	INT_EQ(listing_test(LISTING_ODD, LISTING_ODD), LIST_ODD, "somebody else");
	INT_EQ(listing_test(LISTING_LISTED, LISTING_UNKNOWN), LIST_SILENT, "half an answer");
	INT_EQ(listing_test(LISTING_UNKNOWN, LISTING_REFUSED), LIST_REFUSES, "what it says, it says");
	STR_EQ(listing_refusal("127.255.255.254"), "it does not answer public resolvers", "a known code");
	STR_EQ(listing_refusal("127.255.255.1"), NULL, "no known code");
	DONE();
}
