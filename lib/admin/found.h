/* What a check has found, for a person: a line each. */
#ifndef FOUND_H
#define FOUND_H

#include "base.h"
#include "check.h"

/* "PATH: what; what comes of it" on fd 1. arg is not used: it is a check's `found`. */
void found_print(const struct finding *f, void *arg);

#endif
