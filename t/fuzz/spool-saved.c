#include "base.h"

#include "entry.h"
#include "fdio.h"
#include "fuzz.h"
#include "saved.h"

#include <sys/mman.h>
#include <unistd.h>

static struct str again;
static uint64_t entries;

static void
take(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct str name = {0};

	(void)arg;
	MUST_HOLD(key->len && strlen(table) < SAVED_NAME_MAX);
	(void)!entry_fault(table, key, value);
	entry_name(&name, table, key);
	str_free(&name);
	saved_write(&again, table, key->s, key->len, value);
	entries++;
}

static void
count(const char *table, const struct str *key, struct str *value, void *arg)
{
	(void)table;
	(void)key;
	(void)value;
	++*(uint64_t *)arg;
}

static int
read_bytes(const void *p, size_t n, struct saved *s, const char **why)
{
	int fd = memfd_create("saved", MFD_CLOEXEC), r;

	MUST_HOLD(fd >= 0 && !fd_write_all(fd, p, n) && !lseek(fd, 0, SEEK_SET));
	r = saved_read(fd, s, why);
	close(fd);
	saved_free(s);
	return r;
}

/* What was read is written, and read again as as many entries. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t second = 0;
	struct saved s = {.each = take}, t = {.each = count, .arg = &second};
	const char *why;

	entries = 0;
	MUST_HOLD(!read_bytes(data, n, &s, &why) == !why);
	saved_write_end(&again, entries);
	MUST_HOLD(!read_bytes(again.s, again.len, &t, &why));
	MUST_HOLD(second == entries);
	str_free(&again);
	return 0;
}
