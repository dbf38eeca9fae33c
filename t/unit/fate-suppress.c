#include "base.h"

#include "suppress.h"
#include "unit.h"

static void
bases(void)
{
	static const struct {
		const char *address, *want;
	} t[] = {
	    {"bob@example.com", "bob@example.com"},
	    {"Bob@EXAMPLE.com", "bob@example.com"},
	    {"bob+lists@example.com", "bob@example.com"},
	    {"bob-lists@example.com", "bob@example.com"},
	    {"bob-x+y@example.com", "bob@example.com"},
	    {"bob+x-y@example.com", "bob@example.com"},
	    {"b.o.b@example.com", "bob@example.com"},
	    {"B.ob-a.b+c@example.com", "bob@example.com"},
	    {"\"b.o b+x\"@example.com", "bo b@example.com"},
	    {"\"b\\\"o\"@example.com", "b\"o@example.com"},
	    {"\"b@c\"@example.com", "b@c@example.com"},
	    {"bob", "bob"},
	    {"bob+x", "bob"},
	    {"+x@example.com", "+x@example.com"},
	    {"-x@example.com", "-x@example.com"},
	    {"\"...\"@example.com", "...@example.com"},
	    {"bob@[192.0.2.1]", "bob@[192.0.2.1]"},
	    {"bob@[IPv6:2001:DB8::1]", "bob@[ipv6:2001:db8::1]"},
	    {"bj\303\266rn.k+x@b\303\274cher.example", "bj\303\266rnk@b\303\274cher.example"},
	    {"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct str out = {0}, what = {0};

		str_adds(&out, "=");
		suppress_base(&out, t[i].address);
		str_addf(&what, "base of %s", t[i].address);
		STR_EQ(str_cstr(&out) + 1, t[i].want, what.s);
		str_free(&out);
		str_free(&what);
	}
	OK(suppress_is_postmaster("PostMaster@example.com"), "postmaster");
	OK(suppress_is_postmaster("postmaster"), "postmaster without a domain");
	OK(!suppress_is_postmaster("postmasters@example.com"), "postmasters");
	OK(!suppress_is_postmaster("x@postmaster.example"), "another at postmaster");
}

static const char *const words[] = {
    [SUPPRESS_PASS] = "pass", [SUPPRESS_COUNT] = "count", [SUPPRESS_LIST] = "list"};

static void
replies(void)
{
	static const struct {
		int code;
		const char *status, *text, *want;
	} t[] = {
	    /* what lists at once, by the reply code */
	    {521, "5.0.0", "this host takes no mail", "list"},
	    {550, "5.0.0", "Requested action not taken: mailbox unavailable", "list"},
	    {550, "-", "No such user here", "list"},
	    {550, NULL, "Unrouteable address", "list"},
	    {551, "5.0.0", "user not local", "list"},
	    {553, "5.0.0", "mailbox name not allowed", "list"},
	    {556, "5.0.0", "domain does not accept mail", "list"},
	    {550, "5.4.1", "Recipient address rejected: Access denied", "list"},
	    {550, "5.2.0", "mailbox closed", "list"},
	    /* by the enhanced one */
	    {550, "5.1.1", "sender or not, no such user", "list"},
	    {554, "5.1.1", "no such user", "list"},
	    {554, "5.1.2", "bad destination system", "list"},
	    {501, "5.1.3", "bad address syntax", "list"},
	    {550, "5.1.6", "has moved", "list"},
	    {556, "5.1.10", "null MX", "list"},
	    {554, "5.2.1", "mailbox disabled", "list"},
	    /* counts only */
	    {554, "5.0.0", "delivery error: this user has no account", "count"},
	    {554, "5.4.6", "loop", "count"},
	    {552, "5.2.2", "mailbox full", "count"},
	    {550, "5.2.2", "mailbox full", "count"},
	    {554, "5.3.0", "cannot", "count"},
	    {500, "-", "what?", "count"},
	    {451, "4.3.0", "local error", "count"},
	    {452, "4.2.2", "over quota", "count"},
	    {450, "4.1.1", "mailbox not known for now", "count"},
	    {421, "4.0.0", "closing", "count"},
	    {550, "4.0.0", "at the greeting, given up", "count"},
	    /* T131: never for policy */
	    {550, "5.7.1", "blocked", "pass"},
	    {550, "5.7.1", "no such user", "pass"},
	    {554, "5.7.0", "", "pass"},
	    {550, "5.7.26", "unauthenticated", "pass"},
	    {553, "5.7.1", "sender rejected", "pass"},
	    {521, "5.7.1", "go away", "pass"},
	    {450, "4.7.1", "greylisted", "pass"},
	    {554, "4.7.1", "at the greeting: listed", "pass"},
	    /* nor where words alone speak of it */
	    {550, "5.0.0", "message looks like SPAM", "pass"},
	    {550, "-", "Sender verify failed", "pass"},
	    {550, "5.0.0", "relay not permitted", "pass"},
	    {550, "5.0.0", "your IP is listed by zen.example", "pass"},
	    {550, "5.0.0", "rejected by local Policy", "pass"},
	    {554, "5.0.0", "Message rejected", "pass"},
	    {550, "5.3.0", "Access denied", "pass"},
	    {451, "4.0.0", "greylisting in action", "pass"},
	    {553, "5.0.0", "dmarc", "pass"},
	    {550, "5.0.0", "nospam is no user", "list"}, /* a word counts where one begins */
	    /* nor for the message, the sender, the dialogue */
	    {550, "5.1.7", "bad sender", "pass"},
	    {550, "5.1.8", "bad sender domain", "pass"},
	    {552, "5.3.4", "too big", "pass"},
	    {552, "5.2.3", "too big for you", "pass"},
	    {550, "5.5.1", "bad sequence", "pass"},
	    {550, "5.6.0", "bad content", "pass"},
	    {550, "5.6.7", "no UTF-8 here", "pass"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct suppress_failure f = {.code = t[i].code, .status = t[i].status, .text = t[i].text};
		char what[200];

		snprintf(what, sizeof what, "T131 %d %s %s", t[i].code, t[i].status ? t[i].status : "NULL",
		    t[i].text);
		STR_EQ(words[suppress_judge(&f)], t[i].want, what);
	}
}

static void
our_own(void)
{
	static const struct {
		struct suppress_failure f;
		const char *want, *what;
	} t[] = {
	    {{0, "5.1.2", "does not exist", true, false}, "count", "DNS: no such domain"},
	    {{0, "5.1.10", "null MX", true, false}, "count", "DNS: takes no mail"},
	    {{0, "4.4.1", "connection refused", false, false}, "count", "nobody answers there"},
	    {{0, "4.4.2", "silence", false, false}, "count", "connections break"},
	    {{0, "4.4.1", "connection refused", false, true}, "pass", "our relay is down"},
	    {{0, "4.4.3", "SERVFAIL", true, false}, "pass", "name servers"},
	    {{0, "4.7.5", "TLS", false, false}, "pass", "TLS policy"},
	    {{0, "4.7.30", "REQUIRETLS", true, false}, "pass", "REQUIRETLS"},
	    {{0, "5.7.30", "REQUIRETLS", false, false}, "pass", "REQUIRETLS refused"},
	    {{0, "5.3.4", "SIZE", false, false}, "pass", "too large for the peer"},
	    {{0, "5.6.7", "UTF8", false, false}, "pass", "no SMTPUTF8 there"},
	    {{0, "4.3.0", "the delivery process ended", true, false}, "pass", "our processes"},
	    {{0, "5.4.6", "loop", true, false}, "pass", "our own host"},
	    {{0, "-", "", true, false}, "pass", "no status"},
	    {{554, "-", "not from here", true, false}, "pass", "transport fail"},
	    {{550, "5.1.1", "no such user", true, false}, "pass", "transport fail with a code"},
	    {{550, "5.1.1", "no such user", false, true}, "list", "a relay's reply counts"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char what[200];

		snprintf(what, sizeof what, "T131 our own: %s", t[i].what);
		STR_EQ(words[suppress_judge(&t[i].f)], t[i].want, what);
	}
}

int
main(void)
{
	bases();
	replies();
	our_own();
	DONE();
}
