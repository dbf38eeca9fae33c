/* The part of a notice that people read, and its Subject. Pure. */
#ifndef DSN_HUMAN_H
#define DSN_HUMAN_H

#include "base.h"
#include "dsn.h"

struct dsn_human {
	struct str subject; /* one line, UTF-8 or ASCII */
	struct str text;    /* LF line ends */
};

/* full: the whole message is given back. NULL, or why the site's template was not used, as dsn_compose. */
const char *dsn_human_write(struct dsn_human *h, const struct dsn *d, bool full, struct str *room) MUST_USE;
void dsn_human_free(struct dsn_human *h);

/* The lines of a reply as the server spoke them, parted by LF: "550-5.1.1 no\n550 5.1.1 such"; of our own
 * words the text alone. Each is fit to be shown. */
void dsn_reply(struct str *out, const struct fates_rcpt *r, bool ascii);

#endif
