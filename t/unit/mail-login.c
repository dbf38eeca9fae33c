#include "base.h"

#include "login.h"
#include "unit.h"

#include <unistd.h>

int
main(void)
{
	static const char *const t[][3] = {
	    {"root", "root", "root"},
	    {"joe", "Joe Doe,Room 1,,", "Joe Doe"},
	    {"joe", "& Doe", "Joe Doe"},
	    {"Joe", "X & Y &", "X Joe Y Joe"},
	    {"joe", "", ""},
	    {"joe", ",,,", ""},
	};
	char number[32];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *got = login_full_name(&(struct login){t[i][0], t[i][1]});

		STR_EQ(got, t[i][2], "S17 full name of a GECOS field");
		free(got);
	}
	snprintf(number, sizeof number, "%ld", (long)getuid());
	OK(*login_user()->name && login_user()->gecos, number);
	OK(login_user() == login_user(), "looked up once");
	DONE();
}
