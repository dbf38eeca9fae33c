/* Reading RFC 5322 address lists (3.4 with its obsolete forms 4.4): names, <>, routes, groups, comments,
 *quoted strings, encoded words, folding. For To:, Cc:, Bcc: and the operands of sendmail(8).
 *
 *	struct addrlist l = {text, text + n};
 *	while ((got = addrlist_next(&l)) == ADDRLIST_ITEM) ... l.addr ...
 *	addrlist_free(&l);
 *
 * An item's address is what stands in <>, or the item without its comments; blanks around dots and @ and the
 *source route are gone. It is not checked (addr_check, path_make), and may be empty ("<>"). Empty items
 *("a@x,,b@y") do not exist. */
#ifndef ADDRLIST_H
#define ADDRLIST_H

#include "base.h"
#include "str.h"

enum addrlist_got {
	ADDRLIST_ITEM,
	ADDRLIST_END,
	ADDRLIST_BAD, /* why says what is wrong; the list cannot be read further */
};

struct addrlist {
	const char *p, *end; /* set by the caller: the text, as it stands in the message */
	struct str addr;     /* the item's address */
	const char *begin;   /* in the text, where the address begins, when it is not empty */
	const char *behind;  /* in the text, where the address ends: a domain may be put in here to qualify a
				bare one */
	const char *why;     /* half a sentence, static */
};

enum addrlist_got addrlist_next(struct addrlist *l);
void addrlist_free(struct addrlist *l);

#endif
