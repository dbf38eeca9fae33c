/* The header section of a message that a program of this machine hands in: what RFC 5322 3.6 demands and is
 *missing is added, Bcc goes, bare addresses are qualified (checklist S11, S13, S33, S34, S40). A message with
 *Resent- fields is a resent one: its newest block of them names the recipients and is what gets completed
 *(3.6.6).
 *
 *	draft_scan(&d, text, n);
 *	draft_recipients(&d, each, arg, &why);                with -t
 *	if (!d.from) draft_add_from(&d, &added, ...); ...
 *	draft_write(&d, added, mailname, &out);               then out, and d.body to d.end */
#ifndef DRAFT_H
#define DRAFT_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct draft {
	const char *fields, *fields_end; /* the fields, without the "From " line of an mbox */
	const char *newest, *newest_end; /* where recipients and what is missing are looked for: the fields,
					    or the newest Resent- block */
	const char *body, *end; /* body: behind the blank line, or what is no field when there is none */
	bool resent;
	bool from, date, message_id; /* there, with Resent- in a resent message */
};

/* Borrows text. text must hold the whole header section. */
void draft_scan(struct draft *d, const char *text, size_t n);

/* Calls each for every address of To, Cc and Bcc. false and one sentence in why: a field cannot be read. */
bool draft_recipients(
    const struct draft *d, void (*each)(void *arg, const char *address), void *arg, struct str *why);

/* name NULL or empty: the address alone. */
void draft_add_from(const struct draft *d, struct str *added, const char *name, const char *address);
void draft_add_date(const struct draft *d, struct str *added, int64_t now);
void draft_add_message_id(const struct draft *d, struct str *added, int64_t now, const char *host);

/* The new header section with its blank line, appended to out: `added`, then the fields without Bcc,
 * Resent-Bcc and Return-Path, bare addresses qualified. mailname is asked only when there is one. */
void draft_write(
    const struct draft *d, const struct str *added, const char *(*mailname)(void), struct str *out);
/* The header section as it was, with its blank line (-G). */
void draft_write_plain(const struct draft *d, struct str *out);

#endif
