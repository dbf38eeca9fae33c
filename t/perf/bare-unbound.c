/* For t/perf/nexthop: bare-unbound PORT ANCHOR: libunbound alone. Lines of fd 0, each a type and a name, are looked up, as many at once as
 * mox-nexthop has; prints how many were answered and validated. */
#include "base.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

#define WINDOW 1024

static long under_way, answered, secure;

static void
done(void *arg, int err, struct ub_result *r)
{
	(void)arg;
	under_way--;
	if (!err) {
		answered += !r->bogus && r->rcode != 2;
		secure += r->secure;
	}
	ub_resolve_free(r);
}

int
main(int argc, char **argv)
{
	static const char *const options[][2] = {{"msg-cache-size:", "16m"}, {"rrset-cache-size:", "32m"},
	    {"outgoing-range:", "512"}, {"edns-buffer-size:", "1232"}, {"do-not-query-localhost:", "no"}};
	struct ub_ctx *ub = ub_ctx_create();
	char name[300], forward[40];
	int type;

	if (argc != 3 || !ub)
		return 100;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		ub_ctx_set_option(ub, options[i][0], options[i][1]);
	snprintf(forward, sizeof forward, "127.0.0.1@%s", argv[1]);
	ub_ctx_debugout(ub, NULL);
	if (ub_ctx_set_fwd(ub, forward) || ub_ctx_add_ta_file(ub, argv[2]) || ub_ctx_async(ub, 1))
		return 111;
	for (bool more = true; more || under_way;) {
		struct pollfd p = {.fd = ub_fd(ub), .events = POLLIN};

		while (more && under_way < WINDOW) {
			if (scanf("%d %299s", &type, name) != 2) {
				more = false;
			} else {
				under_way++;
				if (ub_resolve_async(ub, name, type, 1, NULL, done, NULL))
					return 111;
			}
		}
		if (poll(&p, 1, -1) > 0)
			ub_process(ub);
	}
	printf("answered=%ld secure=%ld\n", answered, secure);
	return 0;
}
