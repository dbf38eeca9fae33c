/* The tables that no file of the spool knows, as records: what a backup has of them, in spool/saved, which mox-runq
 * reads into its index before anything else and removes (mox-rec.5, SAVED TABLES).
 *
 * An entry is one record or several behind one another with the same table and key, whose values are joined. The last
 * record says how many entries there are: without it the file is cut. */
#ifndef SAVED_H
#define SAVED_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define SAVED_FILE "saved"
#define SAVED_NAME_MAX 32

/* value is writable and lives for the call. */
typedef void saved_each(const char *table, const struct str *key, struct str *value, void *arg);

/* Gathers entries from records. Begins with {.each, .arg}; ends with saved_free. */
struct saved {
	saved_each *each;
	void *arg;
	uint64_t entries;
	/* private */
	char table[SAVED_NAME_MAX];
	struct str key, value;
	bool open, ended;
};

/* Appends an entry's records to out, none larger than a packet. */
void saved_write(struct str *out, const char *table, const void *key, size_t nkey, const struct str *value);
void saved_write_end(struct str *out, uint64_t entries);

/* One whole record, destroyed. false: it is none of an entry. */
bool saved_take(struct saved *s, char *rec, size_t n) MUST_USE;
/* No more records: the last entry is handed on. */
void saved_finish(struct saved *s);
void saved_free(struct saved *s);

/* All of an open file. 0; -1: it is damaged, cut or cannot be read, half a sentence in *why, and each was called for what
 * stands before that. */
int saved_read(int fd, struct saved *s, const char **why) MUST_USE;

#endif
