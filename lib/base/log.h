/* The log: logfmt on fd 2, one event a line, `time=... level=... event=... key=value ...`, every event
 * described in mox-log.7.
 *
 * log_open(LOG_INFO, "sent"); log_s("id", id); log_i("size", n); log_close();
 * Values with a space, quote, = or anything unprintable are quoted; nothing a peer says can forge a line. */
#ifndef LOG_H
#define LOG_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ALERT };

/* Below `least` nothing is written. Buffered: lines gather until log_flush (a poll loop calls it once a
 * round) or 32 kB. */
void log_start(enum log_level least, bool buffered);
void log_open(enum log_level level, const char *event);
void log_s(const char *key, const char *value); /* NULL: the key is left out */
void log_sn(const char *key, const char *value, size_t n);
void log_i(const char *key, int64_t value);
void log_f(const char *key, const char *fmt, ...) PRINTF(2, 3);
void log_close(void);
void log_flush(void);

#endif
