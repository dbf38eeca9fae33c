/* RFC 5322 3.3 dates from microseconds since 1970: "Sat, 21 Nov 2026 02:31:13 +0000". */
#ifndef DATE_H
#define DATE_H

#include "base.h"

#include <stdint.h>

#define DATE_SIZE 48

void date_utc(char out[DATE_SIZE], int64_t us);
void date_local(char out[DATE_SIZE], int64_t us); /* with the offset of the local time zone */

#endif
