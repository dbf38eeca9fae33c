/* The suppression list: recipients that an account is not to write to (suppress.c). What lists an address is
 * lib/fate/suppress.h's to say. */
#ifndef SUPPRESSION_H
#define SUPPRESSION_H

#include "queue.h"

struct suppression {
	const char *account, *address; /* as it was given, or failed */
	bool manual;                   /* a person put it there */
	int64_t until;                 /* 0: until it is taken off */
	int64_t when;
	const char *reason;
};
void suppress_start(struct runq *q);
void suppress_round(struct runq *q);
/* The entry that holds for the address, by its base. Its strings live until the next call. */
bool suppress_find(struct runq *q, const char *account, const char *address, struct suppression *s);
void suppress_put(struct runq *q, const struct suppression *s);
void suppress_remove(struct runq *q, const struct suppression *s);
/* The record of spool/ctl. */
void suppress_write(struct str *out, const struct suppression *s);
/* One that was read from the index, in place; it may be over. */
bool suppress_read(struct suppression *s, char *rec, size_t len);
bool suppress_is_entry(struct index_key key);
bool suppress_is_over(const struct runq *q, const struct suppression *s);
/* The key before the first entry of the account, "": of all; answers its length. */
size_t suppress_first(char *key, size_t size, const char *account);
/* Its account does not write to this recipient, who was to be tried: it has failed, as its row says from here on,
 * and its sender is told. It must not be loaded, or be freed by the caller. */
bool suppress_fails(struct runq *q, const struct row *who);
/* What became of an item, whose row still stands: failed for good, or sent. */
void suppress_failed(struct runq *q, const struct item *it, const struct job_rcpt *r);
void suppress_sent(struct runq *q, const struct item *it);

#endif
