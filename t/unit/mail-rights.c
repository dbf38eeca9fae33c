#include "base.h"

#include "rights.h"
#include "unit.h"

static char *staff[] = {(char[]){"ann"}, (char[]){"web"}}, *few[] = {(char[]){"ann"}};
static struct conf_domain domains[] = {{.name = (char[]){"example.org"}, .accounts = {staff, 2}},
    {.name = (char[]){"open.example"}}, {.name = (char[]){"host.example"}, .accounts = {few, 1}}};
static const struct conf conf = {
    .mailname = (char[]){"host.example"},
    .domain = domains,
    .ndomain = ARRAY_LEN(domains),
};

static const struct {
	const char *what, *account, *address;
	bool allowed;
} rights[] = {
    {"S16 who is listed", "ann", "x@example.org", true},
    {"S16 who is not", "joe", "x@Example.ORG", false},
    {"S16 names differ in their case", "Ann", "x@example.org", false},
    {"S16 root", "root", "x@example.org", true},
    {"S16 a dot at the end", "joe", "x@example.org.", false},
    {"S16 a domain without accounts", "joe", "x@open.example", true},
    {"S16 a domain without a section", "joe", "x@far.example", true},
    {"S16 a domain below", "joe", "x@sub.example.org", true},
    {"S16 a bare name is of mailname", "joe", "x", false},
    {"S16 a bare name of who is listed", "ann", "x", true},
    {"S16 the null sender", "joe", "", true},
    {"S16 what maps to a domain that is kept", "joe", "x@\357\275\205xample.org", false},
    {"S16 not ASCII, from root", "root", "x@b\303\274cher.example", true},
};

static const struct {
	const char *what, *header, *found; /* "": nobody; by joe */
} authors[] = {
    {"S16 an author", "From: a@far.example, B <b@example.org>\n", "b@example.org"},
    {"S16 From: alone counts", "Reply-To: b@example.org\nSender: b@example.org\n", ""},
    {"S16 each From: counts", "From: a@far.example\r\nfrom: b@example.org\r\n", "b@example.org"},
    {"S16 folded", "From: B\r\n <b@\r\n example.org>\r\n", "b@example.org"},
    {"S16 a name is no address", "From: \"b@example.org\" <a@far.example> (b@example.org)\n", ""},
    {"S16 a bare author is of mailname", "From: root\n", "root"},
    {"S16 what is no list: every @ counts", "From: <a@far.example> B <b@EXAMPLE.org>\n", "@EXAMPLE.org"},
    {"S16 what is no list, with nothing in it", "From: <a@far.example> B <b@far.example>\n", ""},
    {"S16 what is no list, not ASCII", "From: <a@far.example> B <b@\303\251.example>\n", "@\303\251.example"},
    {"S16 no From:", "Subject: x@example.org\n", ""},
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		INT_EQ(rights_allow(&conf, rights[i].account, rights[i].address), rights[i].allowed,
		    rights[i].what);
	for (size_t i = 0; i < ARRAY_LEN(authors); i++) {
		size_t n = strlen(authors[i].header);
		char *who = rights_forbidden_author(&conf, "joe", authors[i].header, n);

		STR_EQ(who ? who : "", authors[i].found, authors[i].what);
		free(who);
		OK(!rights_forbidden_author(&conf, "root", authors[i].header, n), "S16 root may");
	}
	OK(rights_matter(&conf), "S16 some domain is kept");
	OK(!rights_matter(&(struct conf){.domain = domains + 1, .ndomain = 1}), "S16 none is");
	OK(rights_allow(&(struct conf){.domain = domains + 1, .ndomain = 1}, "joe", "x@\303\251.example"),
	    "S16 where none is, all forms go");
	DONE();
}
