/* mox-doctor transport: how mail to a domain, or to a relay, is protected on its way. */
#include "base.h"

#include "conf.h"
#include "die.h"
#include "doctor.h"
#include "option.h"
#include "transport.h"

#include <unistd.h>

/* Mail addresses will do. */
static char *
domain_of(char *s)
{
	char *at = strrchr(s, '@');

	if (at)
		s = at + 1;
	if (!*s || *s == '-' || strlen(s) > 1000)
		die_perm("unable to look at \"%s\": expected a domain", s);
	return s;
}

static const struct conf_transport *
transport_of(const struct conf *conf, const char *name, bool domains)
{
	const struct conf_transport *t = conf_transport(conf, name);

	if (!t)
		die_perm("unable to use the transport %s: the configuration has none of that name", name);
	if (t->type == TRANSPORT_FAIL || t->type == TRANSPORT_DISCARD || t->type == TRANSPORT_LOCAL)
		die_perm("unable to look at the transport %s: its mail goes over no network", name);
	if (conf_is_relay(t) && domains)
		die_perm(
		    "unable to look at domains through the transport %s: it goes to a relay, whatever the "
		    "domain; without one that is looked at",
		    name);
	if (!conf_is_relay(t) && !domains)
		die_perm("unable to look at the transport %s alone: it goes to domains' own servers", name);
	return t;
}

int
doctor_transport(int argc, char *argv[], const char *usage)
{
	struct transport_ask ask = {0};
	struct doctor d;
	struct conf *conf = NULL;
	const char *name = NULL;
	int c;

	while ((c = option_next(argc, argv, "cC:hjT:V", doctor_long)) != -1)
		switch (c) {
		case 'c': ask.connect = true; break;
		case 'C': ask.conf_file = optarg; break;
		case 'h': print_usage(usage);
		case 'j': ask.json = true; break;
		case DOCTOR_NAGIOS:
			doctor_start(&d, "transport");
			d.form = FINDINGS_NAGIOS;
			ask.found = &d.found;
			break;
		case 'T': name = optarg; break;
		case 'V': print_version();
		default: die_usage(usage);
		}
	if (optind == argc && !name)
		die_usage(usage);
	for (int i = optind; i < argc; i++)
		argv[i] = domain_of(argv[i]);
	if (name) {
		conf = conf_load(ask.conf_file);
		ask.transport = transport_of(conf, name, optind < argc);
	}
	c = transport_look(&ask, argv + optind, (size_t)(argc - optind));
	conf_free(conf);
	return ask.found ? doctor_end(&d) : c;
}
