/* Keys that never leave a PKCS#11 token: a hardware module, or SoftHSM in tests. They are named by
 * URIs (RFC 7512), reached through OpenSSL's engine "pkcs11" (package libengine-pkcs11-openssl),
 * which is loaded when the first is asked for. One thread. */
#ifndef BERBAGI_TOKEN_H
#define BERBAGI_TOKEN_H

#include "certificate.h"
#include "secret.h"

/* BP_EINVAL: not a URI "pkcs11:..." of at most BP_KEY_URI_MOST printable bytes, or one with a PIN
 * in it or with the place of one. */
BP_MUST_USE bp_status bp_token_check_uri(const char *uri, struct bp_err *err);

struct bp_token; /* the engine and the module behind it */

/* The private key that uri names. The module is what its attribute module-path says, or p11-kit's;
 * all keys of a process have the same. *token is NULL at first and kept for the next key.
 * BP_ENOENT: no engine, module, token or key; BP_EAUTH: the PIN is wrong. */
BP_MUST_USE bp_status bp_token_key_load(struct bp_token **token, const char *uri,
                                        const struct bp_secret *pin, EVP_PKEY **out,
                                        struct bp_err *err);
void bp_token_destroy(struct bp_token *token); /* NULL allowed; after the keys */

#endif
