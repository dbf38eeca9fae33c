/* The server's side of AUTH for fake-mx's step `auth MECHANISM USER SECRET [FLAG]`:
 *   the client's next line must be AUTH MECHANISM; it gets its challenges, and 235, or 535 when name, secret, proof or channel
 *   binding are wrong. FLAGs: bad-proof (SCRAM's last message is another's), no-proof (235 in place of it), iterations=N,
 *   gs2=C (the gs2 flag must be C: p, y or n), json (OAuth: refused with a reason), hush=N (in place of the Nth thing that it would
 *   say it is silent until the client closes) */
#ifndef AUTH_SERVER_H
#define AUTH_SERVER_H

#include "base.h"

#include "conn.h"

void fake_auth(struct conn *c, const char *arg);

#endif
