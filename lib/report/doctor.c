#include "base.h"

#include "die.h"
#include "doctor.h"

#include <unistd.h>

const struct option doctor_long[] = {{"nagios", no_argument, NULL, DOCTOR_NAGIOS}, {0}};

void
doctor_start(struct doctor *d, const char *what)
{
	int unknown = weight_code(FINDING_UNKNOWN);

	*d = (struct doctor){.what = what};
	die_codes(unknown, unknown);
}

void
doctor_option(struct doctor *d, int c, const char *usage)
{
	switch (c) {
	case 'C': d->conf_file = optarg; break;
	case 'h': print_usage(usage);
	case 'j': d->form = FINDINGS_JSON; break;
	case 'V': print_version();
	case DOCTOR_NAGIOS: d->form = FINDINGS_NAGIOS; break;
	default: die_usage(usage);
	}
}

int
doctor_end(struct doctor *d)
{
	int code = findings_print(&d->found, d->form, d->what);

	findings_free(&d->found);
	return code;
}

struct conf *
doctor_conf(struct doctor *d, enum weight otherwise)
{
	struct str why = {0};
	struct conf *conf = conf_try(d->conf_file, &why);

	if (conf)
		return conf;
	finding_add(&d->found, otherwise, "configuration", "%s", str_cstr(&why));
	exit(doctor_end(d));
}

void
doctor_sibling(const struct doctor *d, struct gather *g, int64_t time, const char *const words[])
{
	const char *all[GATHER_ARGS] = {words[0]};
	size_t n = 1;

	if (d->conf_file) {
		all[n++] = "-C";
		all[n++] = d->conf_file;
	}
	for (size_t i = 1; words[i]; i++)
		all[n++] = words[i];
	gather_make(g, time, all);
}

const char *
doctor_why(const struct gather *g)
{
	static struct str why;

	str_reset(&why);
	if (*g->said)
		str_addf(&why, "%s: %s", g->argv[0], g->said);
	else
		str_addf(&why, "%s ended with code %d", g->argv[0], g->code);
	return why.s;
}
