/* Route tables: which of them decides, by which conditions. */
#include "base.h"

#include "conf.h"
#include "route.h"
#include "unit.h"

#include <unistd.h>

static char path[] = "/tmp/moxq-route.XXXXXX";

static const char text[] = "transport \"a\" { type = direct }\n"
			   "transport \"b\" { type = direct }\n"
			   "transport \"c\" { type = direct }\n"
			   "transport \"d\" { type = direct }\n"
			   "transport \"e\" { type = direct }\n"
			   "transport \"f\" { type = direct }\n"
			   "account \"alerts\" { route { to = { \".corp.example\" } transport = a } }\n"
			   "domain \"shop.example\" { route { minimum-attempts = 2 transport = b } }\n"
			   "route { from = { \".shop.example\" } to = { \"corp.example\" } transport = c }\n"
			   "route { to-mx = { \"*.google.com\", \"mx.one.example\" } transport = d }\n"
			   "route { header = \"Precedence: bulk*\" transport = e }\n"
			   "route { to = { \".far.example\" } transport = f }\n";

static enum route_header
header(void *arg, const char *name, bool (*each)(void *to, const char *value), void *to)
{
	const char *value = arg;

	if (value && !strcmp(value, "?"))
		return ROUTE_HEADER_UNREAD;
	return !strcmp(name, "Precedence") && value && each(to, value) ? ROUTE_HEADER_FITS
	                                                               : ROUTE_HEADER_FITS_NOT;
}

static const char *
choose(const struct conf *c, const struct route_query *q)
{
	const struct conf_route *found;

	switch (route_choose(c, q, &found)) {
	case ROUTE_FITS: return found->transport;
	case ROUTE_NEEDS_MX: return "mx?";
	case ROUTE_UNREAD: return "header?";
	default: return "-";
	}
}

static void
table(const struct conf *c)
{
	static const struct {
		const char *account, *from, *to, *mx, *precedence;
		unsigned attempts;
		const char *want, *what;
	} t[] = {
	    {NULL, "x.example", "y.example", "", NULL, 0, "-", "none fits"},
	    {NULL, "x.example", "y.example", NULL, NULL, 0, "mx?", "the servers must be known first"},
	    {"alerts", "x.example", "corp.example", NULL, NULL, 0, "a",
		"the account's own, before anything is asked"},
	    {"alerts", "x.example", "a.b.corp.example", NULL, NULL, 0, "a", "below a domain with a dot"},
	    {"alerts", "x.example", "xcorp.example", "", NULL, 0, "-", "not beside it"},
	    {"Alerts", "x.example", "corp.example", "", NULL, 0, "-", "another account"},
	    {"alerts", "shop.example", "corp.example", "", NULL, 5, "a", "account before domain"},
	    {NULL, "shop.example", "corp.example", "", NULL, 1, "c",
		"the domain's own, too few attempts: the next"},
	    {NULL, "shop.example", "corp.example", "", NULL, 2, "b", "the domain's own"},
	    {NULL, "SHOP.example", "corp.example", "", NULL, 2, "b", "in any case of letters"},
	    {NULL, "eu.shop.example", "corp.example", "", NULL, 2, "c",
		"a domain section is for that domain alone"},
	    {NULL, "eu.shop.example", "a.corp.example", "", NULL, 2, "-",
		"a name without a dot is that alone"},
	    {NULL, "", "y.example", "aspmx.l.google.com,alt1.aspmx.l.google.com", NULL, 0, "d",
		"a server below"},
	    {NULL, "", "y.example", "mx.y.example,mx.one.example", NULL, 0, "d",
		"the second server, by its name"},
	    {NULL, "", "y.example", "google.com,xmx.one.example,mx.one.exampl", NULL, 0, "-",
		"names that are near"},
	    {NULL, "", "y.example", "MX.One.Example", NULL, 0, "d", "servers in any case of letters"},
	    {NULL, "", "y.example", "mx.y.example", "BULK mail", 0, "e", "a header field"},
	    {NULL, "", "y.example", "mx.y.example", "not bulk", 0, "-", "another value"},
	    {NULL, "", "a.far.example", "", NULL, 0, "f", "the last"},
	    {NULL, "", "a.far.example", "", "?", 0, "header?", "not the last while a header is unread"},
	    {NULL, "", "y.example", "mx.one.example", "?", 0, "d", "an earlier one does not want it"},
	    {NULL, "x.shop.example", "corp.example", NULL, "?", 0, "c", "nor does this"},
	    {NULL, "", "a.far.example", NULL, NULL, 0, "mx?", "not the last while an earlier one is open"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct route_query q = {.account = t[i].account,
		    .from = t[i].from,
		    .to = t[i].to,
		    .mx = t[i].mx,
		    .attempts = t[i].attempts,
		    .header = header,
		    .arg = (void *)(uintptr_t)t[i].precedence};

		STR_EQ(choose(c, &q), t[i].want, t[i].what);
	}
}

int
main(void)
{
	struct str why = {0};
	struct conf *c;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, sizeof text - 1) != sizeof text - 1 || close(fd))
		abort();
	c = conf_try(path, &why);
	STR_EQ(str_cstr(&why), "", "the routes are read");
	if (c) {
		OK(c->has_to_mx, "some route asks for servers");
		table(c);
	}
	unlink(path);
	conf_free(c);
	str_free(&why);
	DONE();
}
