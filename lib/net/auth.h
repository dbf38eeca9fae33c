/* A login on an SMTP connection (RFC 4954): AUTH, its challenges and their end. Whether the server may have the secret has
 * been decided before. Never pipelined. */
#ifndef AUTH_H
#define AUTH_H

#include "base.h"
#include "sasl.h"
#include "smtp.h"

#define LOGIN_LINE_MAX 12288  /* of an answer, with its CRLF (RFC 4954 4) */
#define LOGIN_COMMAND_MAX 512 /* of AUTH: what is longer waits for the server's go (RFC 4954 4) */

enum login {
	LOGIN_DONE,
	LOGIN_REFUSED, /* c->reply says so */
	LOGIN_WRONG,   /* why: what we, or the server, cannot do; the connection is of no more use */
	LOGIN_BROKEN,  /* got says how the connection ended */
};

struct login_end {
	enum sasl_mechanism mechanism;
	const char *why; /* half a sentence */
	enum smtp_got got;
};

/* By the strongest mechanism of those c->ehlo offers. Nothing of the secret is left in c. */
enum login login(struct smtp *c, const struct sasl_who *who, const struct sasl_binding *b, int64_t timeout,
    struct login_end *end);

#endif
