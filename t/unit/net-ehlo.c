#include "base.h"

#include "ehlo.h"
#include "unit.h"

static const char *
show(const struct ehlo *e)
{
	static char out[256];

	snprintf(out, sizeof out, "%s%s%s%s%s%s%s%s size=%ju %u/%u/%u", e->pipelining ? "P" : "",
	    e->chunking ? "C" : "", e->eightbit ? "8" : "", e->smtputf8 ? "U" : "", e->dsn ? "D" : "",
	    e->starttls ? "T" : "", e->requiretls ? "R" : "", e->size ? "S" : "", (uintmax_t)e->size_max,
	    e->rcpt_max, e->mail_max, e->rcpt_domain_max);
	return out;
}

int
main(void)
{
	static const struct {
		const char *in, *want;
	} t[] = {
	    {"mx\nPIPELINING\nCHUNKING\n8BITMIME\nSMTPUTF8\nDSN\nSTARTTLS\nREQUIRETLS\nSIZE 100",
		"PC8UDTRS size=100 0/0/0"},
	    {"mx\npipelining\nDsN \nsize 5", "PDS size=5 0/0/0"},
	    /* T90: whole words, and never the server's name */
	    {"dsn.example", " size=0 0/0/0"},
	    {"DSN", " size=0 0/0/0"},
	    {"PIPELINING\nxDSN\nDSNX\nSTARTTLS-no", " size=0 0/0/0"},
	    {"", " size=0 0/0/0"},
	    {"mx\n\n \nDSN", "D size=0 0/0/0"},
	    /* T92: SIZE without a number, or 0: no limit */
	    {"mx\nSIZE", "S size=0 0/0/0"},
	    {"mx\nSIZE 0", "S size=0 0/0/0"},
	    {"mx\nSIZE many", "S size=0 0/0/0"},
	    {"mx\nSIZE -1", "S size=0 0/0/0"},
	    {"mx\nSIZE 99999999999999999999", "S size=0 0/0/0"},
	    /* T81 */
	    {"mx\nLIMITS RCPTMAX=10 MAILMAX=20 RCPTDOMAINMAX=1", " size=0 10/20/1"},
	    {"mx\nLimits rcptmax=10 MailMax=5", " size=0 10/5/0"},
	    {"mx\nLIMITS RCPTMAX=10 OTHER=x RCPTDOMAINMAX=2", " size=0 10/0/2"},
	    {"mx\nLIMITS RCPTMAX=ten MAILMAX=20", " size=0 0/20/0"},
	    {"mx\nLIMITS RCPTMAX=0 MAILMAX=20", " size=0 0/20/0"},
	    {"mx\nLIMITS RCPTMAX=1000000 MAILMAX=999999", " size=0 0/999999/0"},
	    {"mx\nLIMITS RCPTMAX=10 MAILMAX", " size=0 0/0/0"},
	    {"mx\nLIMITS RCPTMAX=10 =5", " size=0 0/0/0"},
	    {"mx\nLIMITS RCPTMAX=10 MAIL+MAX=5", " size=0 0/0/0"},
	    {"mx\nLIMITS RCPTMAX=10 MAILMAX=", " size=0 0/0/0"},
	    {"mx\nLIMITS RCPTMAX=10 rcptmax=20", " size=0 0/0/0"},
	    {"mx\nLIMITS X=1 x=2 RCPTMAX=20", " size=0 0/0/0"},
	    {"mx\nLIMITS", " size=0 0/0/0"},
	};
	static char longer[2000];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct ehlo e;

		memset(&e, 0xff, sizeof e);
		ehlo_parse(&e, t[i].in, strlen(t[i].in));
		STR_EQ(show(&e), t[i].want, t[i].in);
	}
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "mx\nLIMITS ", 10);
	memcpy(longer + sizeof longer - 5, "\nDSN", 4);
	{
		struct ehlo e;

		ehlo_parse(&e, longer, sizeof longer - 1);
		STR_EQ(show(&e), "D size=0 0/0/0", "a line too long to be one");
	}
	DONE();
}
