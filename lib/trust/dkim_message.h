/* A message read in one pass for DKIM: its header section whole, its body hashed as it goes by. */
#ifndef DKIM_MESSAGE_H
#define DKIM_MESSAGE_H

#include "base.h"
#include "dkim.h"
#include "str.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

#define DKIM_BODIES_MAX 16

struct dkim_message {
	/* Set by the caller, who frees header at the end. */
	void (*header_done)(struct dkim_message *m); /* the place to call dkim_message_hash */
	void *arg;

	struct str header; /* wire form, without the blank line */
	struct dkim_body body[DKIM_BODIES_MAX];
	size_t nbody;

	struct wire wire;
	bool in_body;
};

/* Reads fd to its end, in any line ends; ends the program when the message cannot be read or sent. */
void dkim_message_read(struct dkim_message *m, int fd);
/* The same for a message in wire form that the caller reads; header_done is called at its end at the latest. */
void dkim_message_add(struct dkim_message *m, const char *p, size_t n);
void dkim_message_end(struct dkim_message *m);
/* One hash more of the body, as dkim_body_start; the caller ends it. */
void dkim_message_hash(struct dkim_message *m, enum dkim_canon c, uint64_t limit);

#endif
