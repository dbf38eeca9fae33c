#include "base.h"

#include "die.h"
#include "option.h"

#define LETTERS_MAX 64
#define NAMES_MAX 32

int
option_next(int argc, char *argv[], const char *letters, const struct option *names)
{
	static const struct option ours[] = {
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	struct option all[NAMES_MAX + ARRAY_LEN(ours)];
	char text[LETTERS_MAX], letter[] = "-?";
	const char *what;
	size_t n = 0;
	int c;

	while (names && names[n].name && n < NAMES_MAX) {
		all[n] = names[n];
		n++;
	}
	memcpy(all + n, ours, sizeof ours);
	snprintf(text, sizeof text, "%.*s:%s", *letters == '+', letters, letters + (*letters == '+'));
	opterr = 0;
	c = getopt_long(argc, argv, text, all, NULL);
	if (c != '?' && c != ':')
		return c;
	letter[1] = (char)optopt;
	what =
	    optopt > 0 && optopt < 256 && strncmp(argv[optind - 1], "--", 2) != 0 ? letter : argv[optind - 1];
	if (c == ':')
		warn("unable to use %s: its value is missing", what);
	else if (what != letter && optopt)
		warn("unable to use %s: it takes no value", what);
	else
		warn("unable to use %s: no such option", what);
	return '?';
}
