/* Requests for plans in the record grammar, as mox-nexthop -w reads them (mox-rec.5). */
#ifndef REQUEST_H
#define REQUEST_H

#include "base.h"
#include "planner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole record into *r, which has the defaults; destructively, r->name points into it. false: malformed, or without a
 * name; a wish that is not understood is never taken for none. *ask: the request's number; 0: what is there is no record
 * with a number, and who sent it cannot be answered. */
bool request_parse(struct plan_request *r, uint64_t *ask, char *rec, size_t n) MUST_USE;

#endif
