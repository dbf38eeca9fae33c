/* The client certificate of moxsubmit.conf: shown to servers that ask for one. */
#ifndef SUBMITKEY_H
#define SUBMITKEY_H

#include "base.h"
#include "submitconf.h"

/* ClientAuthCertPrivateKeyPEMFile as it is, or a certificate made around ClientAuthEd25519PrivateKey, of which only the key counts.
 * Nothing when neither is set. NULL, or half a sentence. */
const char *submitkey_use(const struct submitconf *c) MUST_USE;

#endif
