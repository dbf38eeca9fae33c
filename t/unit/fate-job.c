#include "base.h"

#include "fdio.h"
#include "job.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOP "hop mx.test pref=0 port=25 dnssec=secure "
#define STS "sts enforce domain=x.test id=1 max-age=86400 mx=*.test\n"
#define TLSA "tlsa 3 1 1 00\n"

static const char *
take(struct job *j, const char *lines)
{
	const char *why = "nothing came";
	struct str s = {0};
	int sock[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	str_addf(&s, "job 1\nid x\nsender s@x.test\nsize 0\nflags \n%srcpt 1 a@x.test\nend\n", lines);
	if (!pkt_pair(sock) && !pkt_send(sock[0], s.s, s.len, null, 0) &&
	    job_take(j, sock[1], MSG_DONTWAIT, &why) > 0)
		why = NULL;
	close(sock[0]);
	close(sock[1]);
	close(null);
	str_free(&s);
	return why;
}

/* What is not understood is no job: never a weaker demand. */
static void
demands(void)
{
	static const struct {
		const char *lines;
		int demand; /* -1: refused */
		enum plan_tls tls;
	} t[] = {
	    {HOP "tls=may\n", JOB_USUAL, PLAN_TLS_MAY},
	    {HOP "tls=dane\n" TLSA, JOB_USUAL, PLAN_TLS_DANE},
	    {STS HOP "tls=sts\n", JOB_USUAL, PLAN_TLS_STS},
	    {STS HOP "tls=dane+sts\n" TLSA, JOB_USUAL, PLAN_TLS_DANE_STS},
	    {HOP "tls=may\nrequiretls no\n", JOB_LENIENT, PLAN_TLS_MAY},
	    {STS HOP "tls=sts\nrequiretls yes\n", JOB_SECURE, PLAN_TLS_STS},
	    {HOP "tls=perhaps\n", -1, 0},
	    {HOP "tls=\n", -1, 0},
	    {HOP "tls=dane tls=may\n" TLSA, -1, 0},
	    {HOP "\n", -1, 0},
	    {HOP "tls=DANE\n" TLSA, -1, 0},
	    {HOP "tls=dane\n", -1, 0},
	    {HOP "tls=dane\ntlsa 3 1 1 0\n", -1, 0},
	    {HOP "tls=dane\ntlsa 3 1 zz\n", -1, 0},
	    {TLSA HOP "tls=dane\n", -1, 0},
	    {HOP "tls=sts\n", -1, 0},
	    {"sts testing domain=x.test id=1\n" HOP "tls=sts\n", -1, 0},
	    {"sts none domain=x.test id=1\n" HOP "tls=dane+sts\n" TLSA, -1, 0},
	    {"sts enforced domain=x.test id=1\n" HOP "tls=may\n", -1, 0},
	    {"sts enforce id=1\n" HOP "tls=may\n", -1, 0},
	    {STS STS HOP "tls=sts\n", -1, 0},
	    {HOP "tls=may\nrequiretls Yes\n", -1, 0},
	    {HOP "tls=may\nrequiretls \n", -1, 0},
	    {HOP "tls=may\nrequiretls \\x79es\n", JOB_SECURE, PLAN_TLS_MAY},
	    {HOP "tls=may\nrequiretls yes\nrequiretls no\n", -1, 0},
	    {HOP "tls=may\nrequiretls no\nrequiretls no\n", -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct job j = {.fd = -1};
		const char *why = take(&j, t[i].lines);
		char name[300];

		snprintf(name, sizeof name, "%s", t[i].lines);
		for (char *p = name; (p = strchr(p, '\n'));)
			*p = '|';
		if (t[i].demand < 0) {
			OK(why != NULL, name);
		} else {
			STR_EQ(why, NULL, name);
			INT_EQ(j.demand, t[i].demand, "its demand");
			INT_EQ(j.plan.nhop ? j.plan.hop[0].tls : 0, t[i].tls, "its hop's");
		}
		job_drop(&j);
		str_free(&j.record);
		str_free(&j.prepend);
		free(j.rcpt);
	}
}

/* What goes before the message is header fields, and nothing that the flags would have to tell of. */
static void
prepended(void)
{
	static const struct {
		const char *lines, *want; /* NULL: refused */
	} t[] = {
	    {"", ""},
	    {"prepend A: b\\x0d\\x0a\n", "A: b\r\n"},
	    {"prepend A: b\\x0d\\x0a\\x09c\\x0d\\x0a\nprepend B: c\\x0d\\x0a\n", "A: b\r\n\tc\r\nB: c\r\n"},
	    {"prepend \n", NULL},
	    {"prepend A: b\n", NULL},
	    {"prepend \\x0d\\x0a\n", NULL},
	    {"prepend A: b\\x0d\\x0a\\x0d\\x0a\n", NULL},
	    {"prepend A: b\\x0d\\x0a.\\x0d\\x0a\n", NULL},
	    {"prepend A: b\\x0ac: d\\x0d\\x0a\n", NULL},
	    {"prepend A: b\\x0dc: d\\x0d\\x0a\n", NULL},
	    {"prepend A: b\\x0d\\x0a\\x0a\n", NULL},
	    {"prepend A: b\\x0d\\x0d\\x0a\n", NULL},
	    {"prepend A: \\x00\\x0d\\x0a\n", NULL},
	    {"prepend A: gr\xc3\xbc\\x0d\\x0a\n", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct job j = {.fd = -1};
		struct str lines = {0};
		const char *why;

		str_addf(&lines, "%s%s", HOP "tls=may\n", t[i].lines);
		why = take(&j, lines.s);
		OK(!why == !!t[i].want, "a line to go before the message");
		if (t[i].want) {
			STR_EQ(str_cstr(&j.prepend), t[i].want, "as it goes out");
			INT_EQ((long long)job_bytes(&j), (long long)strlen(t[i].want), "counted");
		}
		job_drop(&j);
		INT_EQ((long long)j.prepend.len, 0, "the next job has none of it");
		str_free(&lines);
		str_free(&j.record);
		str_free(&j.prepend);
		free(j.rcpt);
	}
}

int
main(void)
{
	demands();
	prepended();
	DONE();
}
