#include "base.h"

#include "listing.h"
#include "spf_record.h"

#include <sys/socket.h>

bool
listing_name(struct str *out, const char *ip, const char *zone)
{
	struct spf_ip a;

	if (!spf_ip_parse(&a, ip))
		return false;
	/* The test entries of IPv6 lists are mapped addresses. */
	if (a.family == AF_INET && strchr(ip, ':')) {
		memmove(a.b + 12, a.b, 4);
		memset(a.b, 0, 10);
		a.b[10] = a.b[11] = 0xff;
		a.family = AF_INET6;
	}
	spf_ip_reverse(out, &a);
	str_addf(out, ".%s", zone);
	return true;
}

static bool
is_refusal(const char *code)
{
	return !strncmp(code, "127.255.255.", 12);
}

enum listing
listing_read(struct str *codes, const struct lookup *l)
{
	bool listed = false, refused = false, odd = false;

	if (l->status == LOOKUP_NODATA || l->status == LOOKUP_NXDOMAIN)
		return LISTING_CLEAR;
	if (l->status != LOOKUP_DATA) {
		str_adds(codes, l->why ? l->why : "no answer");
		return LISTING_UNKNOWN;
	}
	for (size_t i = 0; i < l->data.n; i++) {
		const char *code = l->data.v[i];

		str_addf(codes, "%s%s", i ? " " : "", code);
		if (is_refusal(code))
			refused = true;
		else if (!strncmp(code, "127.", 4))
			listed = true;
		else
			odd = true;
	}
	return refused ? LISTING_REFUSED : odd ? LISTING_ODD : listed ? LISTING_LISTED : LISTING_CLEAR;
}

const char *
listing_refusal(const char *code)
{
	static const struct {
		const char *code, *text;
	} known[] = {
	    {"127.255.255.252", "the name of the list is misspelt"},
	    {"127.255.255.254", "it does not answer public resolvers"},
	    {"127.255.255.255", "it was asked too often from here"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(code, known[i].code))
			return known[i].text;
	return NULL;
}

enum listing_test
listing_test(enum listing must, enum listing must_not)
{
	if (must == LISTING_REFUSED || must_not == LISTING_REFUSED)
		return LIST_REFUSES;
	if (must == LISTING_ODD || must_not == LISTING_ODD)
		return LIST_ODD;
	if (must == LISTING_UNKNOWN || must_not == LISTING_UNKNOWN)
		return LIST_SILENT;
	if (must_not == LISTING_LISTED)
		return LIST_ALL;
	return must == LISTING_LISTED ? LIST_WORKS : LIST_EMPTY;
}
