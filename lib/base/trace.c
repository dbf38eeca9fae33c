#include "base.h"

#include "log.h"
#include "trace.h"

#include <unistd.h>

static void
hear(void *arg, const struct tap_line *l)
{
	char text[TAP_LINE + 8];
	const char *mark = tap_mark(l->side);
	size_t n = strlen(mark);

	memcpy(text, mark, n);
	memcpy(text + n, l->text, l->n);
	log_open(LOG_TRACE, "smtp");
	log_s("peer", arg);
	log_i("pid", getpid());
	log_sn("line", text, n + l->n);
	log_s("cut", l->cut ? "yes" : NULL);
	log_close();
}

bool
trace_listen(struct tap *t, const char *peer)
{
	struct tap_ear ear = {.hear = hear,
	    .may = log_least() == LOG_TRACE_AUTH   ? TAP_AUTH
	           : log_least() == LOG_TRACE_DATA ? TAP_DATA
	                                           : TAP_PLAIN};

	if (!log_wants(LOG_TRACE))
		return false;
	memcpy(&ear.arg, &peer, sizeof peer);
	tap_listen(t, &ear);
	return true;
}
