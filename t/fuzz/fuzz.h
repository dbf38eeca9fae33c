/* Targets of libFuzzer: each t/fuzz/ROOM-name.c feeds one input to one parser and checks what must hold whatever
 * it is. Seeds: t/fuzz/corpus/ROOM-name/. `make fuzz` runs them all, FUZZ_TIME seconds each. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base.h"
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

#endif
