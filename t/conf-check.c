/* conf-check FILE...: reads each configuration and says what is wrong with it, one sentence a file; exit 1 when any is. */
#include "base.h"

#include "conf.h"

int
main(int argc, char *argv[])
{
	struct str why = {0};
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct conf *c = conf_try(argv[i], &why);

		if (!c) {
			printf("%s\n", why.s);
			bad = 1;
		}
		conf_free(c);
	}
	str_free(&why);
	return bad;
}
