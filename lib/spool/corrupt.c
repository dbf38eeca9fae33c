#include "base.h"

#include "clock.h"
#include "corrupt.h"
#include "file.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#define NAMES 1000 /* tried */

bool
corrupt_is_why(const char *name)
{
	size_t n = strlen(name), end = strlen(CORRUPT_WHY);

	return n > end && !strcmp(name + n - end, CORRUPT_WHY);
}

static void
write_why(int corrupt, const char *as, const char *path, const char *why)
{
	struct str name = {0}, text = {0};

	str_addf(&name, "%s%s", as, CORRUPT_WHY);
	rec_add(&text, "from", path);
	rec_add(&text, "why", why);
	rec_addf(&text, "when", "%" PRId64, clock_now());
	rec_end(&text);
	(void)!file_replace_unsynced(corrupt, name.s, text.s, text.len, 0600);
	str_free(&name);
	str_free(&text);
}

int
corrupt_move(const struct spool *s, int at, const char *name, const char *path, const char *why)
{
	const char *slash = strrchr(name, '/'), *as = slash ? slash + 1 : name;
	struct str numbered = {0};
	int r = file_move(at, name, s->corrupt, as);

	for (int i = 1; r && errno == EEXIST && i < NAMES; i++) {
		str_reset(&numbered);
		str_addf(&numbered, "%s.%d", as, i);
		r = file_move(at, name, s->corrupt, numbered.s);
	}
	if (!r) {
		write_why(s->corrupt, numbered.len ? numbered.s : as, path, why);
		r = file_sync(s->corrupt);
	}
	str_free(&numbered);
	return r;
}
