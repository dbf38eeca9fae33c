#include "base.h"

#include "opt.h"

static bool
is_option(const char *s)
{
	return s[0] == '-' && s[1] && !(s[1] >= '0' && s[1] <= '9');
}

int
opt_next(struct opt_in *in, const struct opt *table, size_t n)
{
	char *arg;
	size_t len, i;

	while ((arg = in->argv[in->at]) && (in->ended || !is_option(arg))) {
		in->argv[in->nargs++] = arg;
		in->at++;
	}
	if (!arg) {
		in->argv[in->nargs] = NULL;
		return OPT_END;
	}
	in->at++;
	if (!strcmp(arg, "--")) {
		in->ended = true;
		return opt_next(in, table, n);
	}
	in->name = arg;
	arg += arg[1] == '-' ? 2 : 1;
	len = strcspn(arg, "=");
	for (i = 0; i < n; i++)
		if (strlen(table[i].name) == len && !memcmp(arg, table[i].name, len))
			break;
	if (i == n)
		return OPT_UNKNOWN;
	in->value = arg[len] ? arg + len + 1 : NULL;
	if (!table[i].has_value)
		return in->value ? OPT_STRAY_VALUE : table[i].code;
	if (!in->value && !(in->value = in->argv[in->at]))
		return OPT_NO_VALUE;
	if (!arg[len])
		in->at++;
	return table[i].code;
}
