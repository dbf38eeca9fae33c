/* mox-doctor: says in words what the other commands find out. It runs them, and looks itself at no more than names and
 * attributes of files. Each section is a function of its own arguments. */
#include "base.h"

#include "die.h"
#include "doctor.h"
#include "fdio.h"
#include "option.h"

#define USAGE                                                                                                \
	"mox-doctor transport [-cj] [--nagios] [-C file] [-T transport] [domain ...]\n"                      \
	"       mox-doctor queue [-j | --nagios] [-C file] [-c count] [-p time] [-w count]\n"                \
	"       mox-doctor domain [-j | --nagios] [-C file] [-a address] domain\n"                           \
	"       mox-doctor dnsbl [-j | --nagios | -r] [-C file] [-a address] [zone ...]"

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[],
	    const char *usage); /* argv[0] is the section's name; answers main's exit code */
} sections[] = {
    {"transport", doctor_transport},
    {"queue", doctor_queue},
    {"domain", doctor_domain},
    {"dnsbl", doctor_dnsbl},
};

int
main(int argc, char *argv[])
{
	prog_start("mox-doctor");
	fd_sanitise();
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(sections); i++)
		if (!strcmp(argv[1], sections[i].name))
			return sections[i].run(argc - 1, argv + 1, USAGE);
	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		print_usage(USAGE);
	if (argc > 1 && (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")))
		print_version();
	die_usage(USAGE);
}
