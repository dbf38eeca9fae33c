/* Targets of libFuzzer: each t/fuzz/ROOM-name.c feeds one input to one parser and checks what must hold whatever
 * it is. Seeds: t/fuzz/corpus/ROOM-name/. `make fuzz` runs them all, FUZZ_TIME seconds each. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base.h"
#include "rec.h"
#include "str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST_HOLD(cond)                                                                                      \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);            \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* Exactly n bytes of the heap, so that the sanitizer sees a byte read behind them; the caller frees. */
static inline char *
fuzz_copy(const uint8_t *data, size_t n)
{
	char *p = malloc(n ? n : 1);

	MUST_HOLD(p);
	if (n)
		memcpy(p, data, n);
	return p;
}

/* A raw byte of a value is four when it is written: a line that could be read may then be too long to be read
 * again. Whoever writes records bounds what he puts in. */
static inline bool
fuzz_lines_fit(const struct str *s)
{
	size_t from = 0;

	for (size_t i = 0; i < s->len; i++)
		if (s->s[i] == '\n') {
			if (i + 1 - from > REC_LINE_MAX)
				return false;
			from = i + 1;
		}
	return true;
}

#endif
