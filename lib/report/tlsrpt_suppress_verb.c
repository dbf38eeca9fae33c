/* mox-tlsrpt-send suppress: the list, and what people change in it. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "owner.h"
#include "tlsrpt_record.h"
#include "tlsrpt_suppress.h"
#include "tlsrpt_verbs.h"

#include <unistd.h>

/* A time, a duration from now, or "now": taken off. */
static int64_t
until_parse(const char *s)
{
	int64_t us;

	if (!strcmp(s, "now"))
		return 0;
	if (*s == '+' && str_duration(s + 1, &us))
		return clock_now() + us;
	if (!clock_parse(s, &us) || us <= clock_now())
		die_perm("unable to use \"%s\": expected a time to come such as 2027-01-31, a duration such "
			 "as +30d, or now",
		    s);
	return us;
}

static int
list(int dir)
{
	struct tlsrpt_suppress s;
	struct str out = {0};

	tlsrpt_suppress_read(&s, dir, clock_now());
	for (size_t i = 0; i < s.n; i++) {
		char until[CLOCK_ISO_SIZE];

		if (s.v[i].how == SUPPRESS_OFF)
			continue;
		clock_iso(until, s.v[i].until, 0);
		str_addf(&out, "%s\t%s\t%s\n", s.v[i].uri, until, tlsrpt_how_words[s.v[i].how]);
	}
	if (fd_write_all(1, str_cstr(&out), out.len))
		die_temp("unable to write: %m");
	tlsrpt_suppress_free(&s);
	str_free(&out);
	return 0;
}

int
tlsrpt_verb_suppress(const struct tlsrpt_run *t, char **argv)
{
	struct tlsrpt_rua u;
	struct str uri = {0};
	int dir, code = 0;

	if (*argv && (!argv[1] || argv[2]))
		return -1;
	owner_become(t->conf->spool);
	dir = tlsrpt_dir(t->conf);
	if (*argv) {
		if (!strchr(*argv, ':'))
			str_adds(&uri, "mailto:");
		str_adds(&uri, *argv);
		if (!tlsrpt_rua_parse(&u, uri.s, uri.len))
			die_perm("unable to use \"%s\": expected an address or an https: URL", *argv);
		if (!tlsrpt_suppress_set(dir, u.uri, until_parse(argv[1]), SUPPRESS_MANUAL)) {
			warn("unable to take %s off: it is not suppressed", *argv);
			code = EXIT_PERM;
		}
		free(u.to);
		free(u.uri);
		str_free(&uri);
	} else {
		code = list(dir);
	}
	close(dir);
	return code;
}
