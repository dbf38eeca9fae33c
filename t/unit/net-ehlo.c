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

static void
parse(struct ehlo *e, const char *text)
{
	ehlo_parse(e, text, strlen(text));
}

/* As a word and back: the same word, and nothing else is one. */
static void
words(void)
{
	static const char *const good[] = {"limits=0/0/0,auth=0",
	    "pipelining,pipeconnect,limits=0/0/0,auth=0",
	    "pipelining,chunking,8bitmime,smtputf8,dsn,starttls,requiretls,pipeconnect,size="
	    "9223372036854775807,limits="
	    "999999/999999/999999,auth=4294967295"};
	static const char *const bad[] = {"x", "PIPELINING", "size=", "size=-1", "size=99999999999999999999",
	    "limits=", "limits=1/2", "limits=1/2/3/4", "limits=1/2/x", "auth=", "auth=4294967296", "auth"};
	struct ehlo e, other;
	char out[EHLO_WORD], longer[2 * EHLO_WORD];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		memset(&e, 0xff, sizeof e);
		OK(ehlo_read(&e, good[i]), good[i]);
		ehlo_write(out, &e);
		STR_EQ(out, good[i], "as it was");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		OK(!ehlo_read(&e, bad[i]), bad[i]);
	memset(longer, ',', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	OK(!ehlo_read(&e, longer), "nor what is too long");
	parse(&e, "mx\nPIPECONNECT\nSIZE 5\nAUTH PLAIN");
	parse(&other, "other\nAUTH PLAIN\nX_PIPE_CONNECT\nSIZE 5");
	OK(e.pipeconnect && ehlo_same(&e, &other), "order and name do not count");
	parse(&other, "mx\nPIPECONNECT\nSIZE 6\nAUTH PLAIN");
	OK(!ehlo_same(&e, &other), "a number does");
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
	words();
	DONE();
}
