/* The private key of a CA as a file holds it: PKCS#8, sealed with a passphrase by scrypt and
 * AES-256, which every OpenSSL since 1.1 opens. One thread. */
#ifndef BERBAGI_SEALED_KEY_H
#define BERBAGI_SEALED_KEY_H

#include "certificate.h"
#include "secret.h"

/* Appends the PEM form. passphrase NULL: it is not sealed. The caller wipes out. */
BP_MUST_USE bp_status bp_sealed_key_encode(const EVP_PKEY *key, const struct bp_secret *passphrase,
                                           struct bp_buf *out, struct bp_err *err);

/* Is a passphrase needed to read this PEM text? */
bool bp_sealed_key_is_sealed(struct bp_str pem);

/* BP_EAUTH: the passphrase does not open it; BP_EINVAL: it cannot be read. passphrase is not looked
 * at where the key is not sealed. Free with EVP_PKEY_free. */
BP_MUST_USE bp_status bp_sealed_key_decode(struct bp_str pem, const struct bp_secret *passphrase,
                                           EVP_PKEY **out, struct bp_err *err);

#endif
