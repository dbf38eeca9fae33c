#include "base.h"

#include "found.h"
#include "table.h"

void
found_print(const struct finding *f, void *arg)
{
	const char *then = f->done ? f->done : f->then;
	struct str text = {0};

	(void)arg;
	table_escape(&text, f->path, strlen(f->path));
	str_adds(&text, ": ");
	table_escape(&text, f->what, strlen(f->what));
	printf("%s%s%s\n", text.s, then ? "; " : "", then ? then : "");
	str_free(&text);
}
