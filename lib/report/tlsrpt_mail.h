/* A report on TLS as mail (RFC 8460 5.3), and its attachment. Pure but for memory. */
#ifndef TLSRPT_MAIL_H
#define TLSRPT_MAIL_H

#include "base.h"
#include "str.h"
#include "tlsrpt.h"

#include <stdint.h>

/* Whole, in wire form, with TLS-Required: No (5.3.1, T57). to: addresses, at least one. gzip: of the JSON. */
void tlsrpt_mail(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s,
    const char *const *to, const struct str *gzip, int64_t now);

/* The same bytes for the same text. */
void tlsrpt_gzip(struct str *out, const struct str *text);

#endif
