/* What keys and values of the tables are like that no file of the spool knows (mox-rec.5, Saved tables): for whoever
 * checks an index, or reads one out of a backup. Pure. */
#ifndef ENTRY_H
#define ENTRY_H

#include "base.h"
#include "saved.h"
#include "str.h"

/* NULL, or half a sentence. What a later release calls a table is taken as it is. */
const char *entry_fault(const char *table, const struct str *key, const struct str *value) MUST_USE;
/* The key for a person: the id and number of a recipient, the account and address, the number of a rule. Appended. */
void entry_name(struct str *out, const char *table, const struct str *key);

#endif
