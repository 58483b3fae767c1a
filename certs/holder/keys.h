/* Private keys and the PEM forms of what is made with them. A key is P-256 and its file 0600. One
 * thread. */
#ifndef BERBAGI_KEYS_H
#define BERBAGI_KEYS_H

#include "certificate.h"

BP_MUST_USE bp_status bp_key_make(EVP_PKEY **out, struct bp_err *err);

/* BP_ENOENT; BP_EPERM: others can reach the file; BP_EINVAL: unreadable or weak. */
BP_MUST_USE bp_status bp_key_load(const char *path, EVP_PKEY **out, struct bp_err *err);

/* PKCS#8, mode 0600, replaced whole or not at all. */
BP_MUST_USE bp_status bp_key_save(const EVP_PKEY *key, const char *path, struct bp_err *err);

/* Appends the PEM form, PKCS#8; out is a secret then. */
BP_MUST_USE bp_status bp_key_pem(const EVP_PKEY *key, struct bp_buf *out, struct bp_err *err);

/* The key in path; made and saved first if there is no such file (*is_new then). */
BP_MUST_USE bp_status bp_key_obtain(const char *path, EVP_PKEY **out, bool *is_new,
                                    struct bp_err *err);

/* What its signatures hash with; NULL for Ed25519, which hashes by itself. */
const EVP_MD *bp_key_digest(const EVP_PKEY *key);

/* Appends the PEM form. */
BP_MUST_USE bp_status bp_request_pem(const X509_REQ *request, struct bp_buf *out,
                                     struct bp_err *err);
BP_MUST_USE bp_status bp_crl_pem(const X509_CRL *crl, struct bp_buf *out, struct bp_err *err);

#endif
