/* Mail for a recipient of this machine goes back into the spool, for those his alias names, by mox-queue-add:
 * durable when it says so. */
#ifndef REINJECT_H
#define REINJECT_H

#include "base.h"
#include "handed.h"
#include "resolve.h"
#include "str.h"

#include <stdbool.h>

struct reinjection {
	const struct handed *as; /* as it came; fd 0 is its message, and can be read at any place */
	const struct onward *to; /* all of one owner */
	size_t n;
	bool many; /* together with others who get it, these are more than one */
	char *conf_file;
};

enum reinjected { REINJECT_DONE, REINJECT_LATER, REINJECT_NEVER };

/* RFC 3461 5.2.7: for one address what was asked for goes along. For several, success is ours to tell, and
 * failures and delays are told to the sender. A mailing list's copies have its owner for sender, and nothing
 * of what was asked for; of mail from nobody the sender stays nobody. said: the id, or a sentence.
 *
 * Delivered-To: goes before the message, by which a circle is seen. Killed at any point before the envelope's
 * `end`, nothing is queued. */
enum reinjected reinject(const struct reinjection *x, struct str *said);

/* The envelope, appended to out. */
void reinject_envelope(struct str *out, const struct reinjection *x);

#endif
