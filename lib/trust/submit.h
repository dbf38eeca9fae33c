/* One message to one submission server (RFC 6409), at once: what mox-submit does in place of a queue.
 *
 * submit_resolve, while programs may still be started; then submit_run, which needs nothing but sockets. */
#ifndef SUBMIT_H
#define SUBMIT_H

#include "base.h"
#include "conf.h"
#include "plan.h"
#include "str.h"
#include "submitconf.h"

#include <stdbool.h>
#include <stdint.h>

struct submit {
	const struct submitconf *to;
	const struct conf *conf;
	struct plan_list addr;
	/* the message: wire form */
	int fd;
	uint64_t size;
	bool eightbit, smtputf8, dot;
	char **rcpt;
	size_t nrcpt;
};

enum submit_end {
	SUBMIT_SENT,  /* to all but those of refused */
	SUBMIT_LATER, /* not now */
	SUBMIT_NEVER, /* not as it is */
};

struct submit_result {
	enum submit_end end;
	struct str text;    /* what the server said, or half a sentence of ours */
	struct str refused; /* lines "ADDRESS: what the server said" */
};

/* The addresses of the host, asked of mox-nexthop. false: half a sentence in why. */
bool submit_resolve(struct submit *s, char *conf_file, struct str *why) MUST_USE;
void submit_run(const struct submit *s, struct submit_result *r);

#endif
