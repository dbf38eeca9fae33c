/* Compiler attributes and the calls nobody here may make. Included first by every source file. */
#ifndef BASE_H
#define BASE_H

#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NORETURN __attribute__((noreturn))
#define MUST_USE __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With clang glibc defines these as macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gmtime localtime ctime atoi system popen mktemp     \
    tmpnam

#endif
