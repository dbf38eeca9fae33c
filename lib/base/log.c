#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "log.h"
#include "str.h"

#include <stdarg.h>

#define LOG_VALUE_MAX 2048 /* bytes of one value, before escapes */

static const char *const names[] = {"trace-data", "trace-auth", "trace", "debug", "info", "warn", "alert"};
static enum log_level least = LOG_INFO;
static bool gather;
static bool on; /* the line being written is wanted */
static struct str buf;

void
log_start(enum log_level level, bool buffered)
{
	const char *env = getenv("MOX_LOG_LEVEL");

	least = level;
	for (size_t i = 0; env && i < ARRAY_LEN(names); i++)
		if (!strcmp(env, names[i]))
			least = (enum log_level)i;
	gather = buffered;
	/* So that no line of a dialogue waits for memory (tap.h). */
	if (least <= LOG_TRACE)
		str_reserve(&buf, 5 * LOG_VALUE_MAX);
}

bool
log_wants(enum log_level level)
{
	return level >= least;
}

enum log_level
log_least(void)
{
	return least;
}

void
log_flush(void)
{
	/* A log that cannot be written must not stop the mail. */
	if (buf.len && fd_write_all(2, buf.s, buf.len)) {
	}
	str_reset(&buf);
}

void
log_open(enum log_level level, const char *event)
{
	char when[CLOCK_ISO_SIZE];

	on = level >= least;
	if (!on)
		return;
	clock_iso(when, clock_now(), 1);
	str_adds(&buf, "time=");
	str_adds(&buf, when);
	str_adds(&buf, " level=");
	str_adds(&buf, names[level]);
	str_adds(&buf, " event=");
	str_adds(&buf, event);
}

static bool
plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '=' || s[i] == '\\')
			return false;
	return n > 0;
}

void
log_sn(const char *key, const char *value, size_t n)
{
	char seen[4 * LOG_VALUE_MAX];

	if (!on || !value)
		return;
	str_addc(&buf, ' ');
	str_adds(&buf, key);
	str_addc(&buf, '=');
	if (n > LOG_VALUE_MAX)
		n = LOG_VALUE_MAX;
	if (plain(value, n)) {
		str_add(&buf, value, n);
		return;
	}
	/* A backslash of the value's own is doubled: \\x41 was written so, \x0a was a byte. */
	str_addc(&buf, '"');
	while (n) {
		size_t part = 0;

		while (part < n && value[part] != '"' && value[part] != '\\')
			part++;
		str_add(&buf, seen, text_visible(seen, sizeof seen, value, part));
		value += part;
		n -= part;
		if (n) {
			str_addc(&buf, '\\');
			str_addc(&buf, *value++);
			n--;
		}
	}
	str_addc(&buf, '"');
}

void
log_s(const char *key, const char *value)
{
	if (value)
		log_sn(key, value, strlen(value));
}

void
log_i(const char *key, int64_t value)
{
	if (!on)
		return;
	str_addc(&buf, ' ');
	str_adds(&buf, key);
	str_addc(&buf, '=');
	str_addi(&buf, value);
}

void
log_f(const char *key, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (!on)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_s(key, text);
}

void
log_close(void)
{
	if (!on)
		return;
	str_addc(&buf, '\n');
	on = false;
	if (!gather || buf.len > 32768)
		log_flush();
}
