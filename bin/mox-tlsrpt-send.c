/* mox-tlsrpt-send: a day's TLS results become reports to those who ask for them (RFC 8460). */
#include "base.h"

#include "conf.h"
#include "die.h"
#include "domain.h"
#include "fdio.h"
#include "log.h"
#include "option.h"
#include "tlsrpt_day.h"
#include "tlsrpt_verbs.h"

#include <signal.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-tlsrpt-send [-C file] [-n] [--day day] [--domain domain]\n"                                     \
	"       mox-tlsrpt-send [-C file] suppress [address until]\n"                                        \
	"       mox-tlsrpt-send [-C file] [--day day] show [-j]\n"                                           \
	"       mox-tlsrpt-send [-C file] lookup domain\n"                                                   \
	"       mox-tlsrpt-send [-C file] parse [-j | -k] file ..."

enum { OPT_DAY = 256, OPT_DOMAIN };

static const struct option options[] = {
    {"day", required_argument, NULL, OPT_DAY}, {"domain", required_argument, NULL, OPT_DOMAIN}, {0}};

typedef int verb(const struct tlsrpt_run *t, char **argv);

static const struct {
	const char *name;
	verb *run;
	bool of_day; /* --day goes with it */
} verbs[] = {{"suppress", tlsrpt_verb_suppress, false}, {"show", tlsrpt_verb_show, true},
    {"lookup", tlsrpt_verb_lookup, false}, {"parse", tlsrpt_verb_parse, false}};

static verb *
verb_find(const char *name, const struct tlsrpt_run *t)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return t->day && !verbs[i].of_day ? NULL : verbs[i].run;
	return NULL;
}

static const char *
day_parse(const char *s)
{
	static char day[CLOCK_DAY_SIZE];

	if (!tlsrpt_day_parse(day, s))
		die_perm("unable to use \"%s\": a day is YYYY-MM-DD", s);
	return day;
}

/* The caller frees. */
static char *
domain_parse(const char *s)
{
	const char *why = "an address literal has no reports";
	char *domain = *s == '[' ? NULL : domain_ascii(s, &why);

	if (!domain)
		die_perm("unable to use \"%s\": %s", s, why);
	return domain;
}

int
main(int argc, char **argv)
{
	struct tlsrpt_run t = {0};
	struct conf *conf;
	verb *run = tlsrpt_verb_send;
	char *domain = NULL;
	int c, code;

	prog_start("mox-tlsrpt-send");
	fd_sanitise();
	while ((c = option_next(argc, argv, "+C:hnV", options)) != -1)
		switch (c) {
		case 'C': t.conf_file = optarg; break;
		case 'h': print_usage(USAGE);
		case 'n': run = tlsrpt_verb_print; break;
		case 'V': print_version();
		case OPT_DAY: t.day = day_parse(optarg); break;
		case OPT_DOMAIN:
			free(domain);
			t.domain = domain = domain_parse(optarg);
			break;
		default: die_usage(USAGE);
		}
	if (optind < argc && (t.domain || run != tlsrpt_verb_send || !(run = verb_find(argv[optind++], &t))))
		die_usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	t.conf = conf = conf_load(t.conf_file);
	log_start((enum log_level)conf->log_level, false);
	if ((code = run(&t, argv + optind)) < 0)
		die_usage(USAGE);
	conf_free(conf);
	free(domain);
	return code;
}
