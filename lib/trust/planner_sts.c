#include "base.h"

#include "planning.h"

bool
sts_find(struct making *m)
{
	m->p->sts.mode = NULL;
	return true;
}

enum sts_verdict
sts_judge(struct making *m, const char *host)
{
	(void)m;
	(void)host;
	return STS_NONE;
}
