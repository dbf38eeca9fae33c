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

/* The two that show what is secret are only asked for, never logged at: each is trace, and what its name says. */
enum log_level { LOG_TRACE_DATA, LOG_TRACE_AUTH, LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ALERT };
#define LOG_LEVELS "trace-data trace-auth trace debug info warn alert"

/* Below `least` nothing is written; MOX_LOG_LEVEL in the environment, when it is a level, wins. Buffered: lines gather until log_flush (a poll loop calls it once a
 * round) or 32 kB. */
void log_start(enum log_level least, bool buffered);
bool log_wants(enum log_level level);
enum log_level log_least(void);
void log_open(enum log_level level, const char *event);
void log_s(const char *key, const char *value); /* NULL: the key is left out */
void log_sn(const char *key, const char *value, size_t n);
void log_i(const char *key, int64_t value);
void log_f(const char *key, const char *fmt, ...) PRINTF(2, 3);
void log_close(void);
void log_flush(void);

#endif
