#include "base.h"

#include "fates.h"
#include "rec.h"
#include "str.h"
#include "unit.h"

/* The status of a recipient whose line has these fields. */
static void
status(const char *outcome, const char *code, const char *given, const char *want)
{
	struct str s = {0};
	struct fates f;
	const char *why;

	str_addf(&s, "kind failed\nsender a@x\nrcpt b@x %s %s %s - no\nend\n", outcome, code, given);
	why = fates_parse(&f, s.s, s.len);
	STR_EQ(why, NULL, "a record");
	STR_EQ(f.nrcpt ? f.rcpt[0].status : NULL, want, "T74 status");
	fates_free(&f);
	str_free(&s);
}

static void
host(const char *given, const char *name, const char *ip)
{
	struct str s = {0};
	struct fates f;

	str_addf(&s, "kind failed\nsender a@x\nrcpt b@x failed 550 - %s no\nend\n", given);
	STR_EQ(fates_parse(&f, s.s, s.len), NULL, "a record");
	STR_EQ(f.rcpt[0].host, name, "host");
	STR_EQ(f.rcpt[0].ip, ip, "address");
	fates_free(&f);
	str_free(&s);
}

static void
refused(const char *text, const char *want)
{
	char *s = mem_dup(text);
	struct fates f;

	STR_EQ(fates_parse(&f, s, strlen(s)), want, "refused");
	fates_free(&f);
	free(s);
}

static void
whole(void)
{
	char text[] = "kind delayed\nid 7\nsender \nto p@x\nqueued 5\nsize 9\nret hdrs\nrequiretls yes\n"
		      "form utf8\nenvid \nodd x\nfuture-release for;1\n"
		      "rcpt b@x delayed 451 4.7.1 - a\\x0ab orcpt=rfc822;c@x last=1 until=2 log=7.1 odd=1\n"
		      "rcpt c@x delayed 554 4.7.1 - no local=yes\nend\n";
	struct fates f;

	STR_EQ(fates_parse(&f, text, sizeof text - 1), NULL, "a whole record");
	STR_EQ(f.to, "p@x", "to");
	STR_EQ(f.sender, "", "the null sender");
	STR_EQ(f.envid, NULL, "an empty value is none");
	STR_EQ(f.future_release, "for;1", "future-release");
	OK(f.kind == FATES_DELAYED && f.queued == 5 && f.size == 9 && f.headers && f.secure && !f.lenient &&
		f.form == FORM_UTF8 && f.nrcpt == 2,
	    "words and numbers");
	STR_EQ(f.rcpt[0].text, "a\nb", "reply");
	STR_EQ(f.rcpt[0].orcpt, "rfc822;c@x", "orcpt");
	STR_EQ(f.rcpt[0].log, "7.1", "log");
	OK(f.rcpt[0].last == 1 && f.rcpt[0].until == 2 && !f.rcpt[0].local && f.rcpt[1].local, "options");
	fates_free(&f);
}

int
main(void)
{
	whole();
	status("failed", "550", "5.1.1", "5.1.1");
	status("failed", "550", "-", "5.0.0");
	status("failed", "550", "4.1.1", "5.0.0");
	status("failed", "450", "4.2.2", "4.2.2");
	status("failed", "450", "5.2.2", "4.0.0");
	status("failed", "0", "4.4.1", "4.4.1");
	status("failed", "0", "5.1.2", "5.1.2");
	status("failed", "0", "2.0.0", "5.0.0");
	status("failed", "0", "-", "5.0.0");
	status("failed", "250", "2.0.0", "5.0.0");
	status("delayed", "550", "5.1.1", "4.0.0");
	status("delayed", "0", "4.4.3", "4.4.3");
	status("delivered", "250", "2.1.5", "2.1.5");
	status("relayed", "0", "5.1.1", "2.0.0");
	status("failed", "550", "5.1.1234", "5.0.0");
	status("failed", "550", "5.1.", "5.0.0");
	status("failed", "550", "5..1", "5.0.0");
	status("failed", "550", "5.1.1.1", "5.0.0");
	status("failed", "550", "51.1.1", "5.0.0");

	host("mx.x[192.0.2.1]", "mx.x", "192.0.2.1");
	host("mx.x", "mx.x", NULL);
	host("[192.0.2.1]", "", "192.0.2.1");
	host("-", NULL, NULL);
	host("mx.x[]", "mx.x[]", NULL);
	host("mx.x[1]2", "mx.x[1]2", NULL);

	refused("", "its end is missing");
	refused("kind failed\nsender a@x\nrcpt b@x failed 550 - - no\n", "its end is missing");
	refused("kind failed\nsender a@x\nend\n", "it names no recipient");
	refused("sender a@x\nrcpt b@x failed 550 - - no\nend\n", "it names no kind");
	refused("kind failed\nrcpt b@x failed 550 - - no\nend\n", "it names no sender");
	refused("kind odd\n", "the kind is none of failed, delayed, success, digest");
	refused("rcpt  failed 550 - - no\n", "a recipient without an address");
	refused("rcpt b@x odd 550 - - no\n",
	    "an outcome is none of failed, delayed, delivered, relayed, expanded");
	refused("rcpt b@x failed 600 - - no\n", "a reply code is none");
	refused("rcpt b@x failed 550 - -\n", "a rcpt line lacks fields");
	refused("rcpt b@x failed 550 - - no last=x\n", "the time of a last attempt is no number");
	refused("rcpt b@x failed 550 - - no \\x\n", "a rcpt line has a broken field");
	refused("queued x\n", "the time queued is no number");
	refused("sender a\\x0\n", "a value is broken");
	refused("Kind failed\n", "it has a broken line");
	DONE();
}
