/* Header fields X-Mox-Extra-KEY: values that a program wants back in what it is told about its message (mox's webhooks).
 * The fields stay in the message. KEY is canonical: Invoice-No, however it was written. */
#ifndef EXTRA_H
#define EXTRA_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the lines `extra KEY VALUE` of an envelope's record. false: a key stands there twice, or there is none behind the
 * prefix; one sentence in why. header: fields, and perhaps the blank line. */
bool extra_add(struct str *record, const char *header, size_t n, struct str *why) MUST_USE;

#endif
