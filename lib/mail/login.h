/* Who calls: login name and GECOS field of the real user, without NSS, so that programs which ask can be linked statically: /etc/passwd
 * first, and for users of other databases getent(1). */
#ifndef LOGIN_H
#define LOGIN_H

#include "base.h"

#include <sys/types.h>

struct login {
	const char
	    *name; /* "uid1000" for a user that no database knows: a container's may send mail all the same */
	const char *gecos; /* raw: full name, comma, room...; & stands for the name */
};

const struct login *login_user(void); /* static, looked up once */

/* The login name of any user, likewise; the caller frees. */
char *login_name(uid_t uid) MUST_USE;

/* The home directory of the user of that name; the caller frees. NULL: there is no such user. */
char *login_home(const char *name) MUST_USE;

/* The full name of a GECOS field: up to a comma, & replaced by the login name with a capital. The caller frees. */
char *login_full_name(const struct login *l) MUST_USE;

#endif
