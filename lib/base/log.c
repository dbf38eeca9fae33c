#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "log.h"
#include "str.h"

#include <inttypes.h>
#include <stdarg.h>

static enum log_level least = LOG_INFO;
static bool gather;
static bool on; /* the line being written is wanted */
static struct str buf;

void
log_start(enum log_level level, bool buffered)
{
	least = level;
	gather = buffered;
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
	static const char *const names[] = {"debug", "info", "warn", "alert"};
	char when[CLOCK_ISO_SIZE];

	on = level >= least;
	if (!on)
		return;
	clock_iso(when, clock_now(), 1);
	str_addf(&buf, "time=%s level=%s event=%s", when, names[level], event);
}

static bool
plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] == '"' || s[i] == '=' || s[i] == '\\' || s[i] == 127)
			return false;
	return n > 0;
}

void
log_sn(const char *key, const char *value, size_t n)
{
	char seen[8192];
	size_t len;

	if (!on || !value)
		return;
	str_addf(&buf, " %s=", key);
	if (plain(value, n)) {
		str_add(&buf, value, n);
		return;
	}
	len = text_visible(seen, sizeof seen, value, n < 2048 ? n : 2048);
	str_addc(&buf, '"');
	for (size_t i = 0; i < len; i++) {
		if (seen[i] == '"' || (seen[i] == '\\' && !(i + 1 < len && seen[i + 1] == 'x')))
			str_addc(&buf, '\\');
		str_addc(&buf, seen[i]);
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
	if (on)
		str_addf(&buf, " %s=%" PRId64, key, value);
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
