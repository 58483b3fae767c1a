/* What certs/ does with OpenSSL's certificates in more than one place: reading PEM without ever
 * asking for a passphrase, times, key strength, the URI SAN, the policy that says what a CA may
 * assert. For certs/ alone: nobody else sees OpenSSL's types. Any thread; functions leave the
 * thread's OpenSSL error queue as they found it. */
#ifndef BERBAGI_CERTIFICATE_H
#define BERBAGI_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "buffer.h"
#include "identity.h"

#define BP_PEM_MOST_BYTES (1u << 20)

/* The arc of Berbagi's certificate policies: a random UUID in parts of at most 24 bits, below the
 * arc that Microsoft keeps for OIDs made of UUIDs without registration. (ITU-T's 2.25.<uuid> is one
 * number of 128 bits, at which the parsers of several languages give up the whole certificate.)
 * Below it stand .1 agency, .2 operator, .3 server: a CA that carries one may sign certificates of
 * that kind. SPIFFE forbids a CA's own URI SAN to have a path, and X.509's name constraints on a
 * URI reach its host alone; hence a policy. */
#define BP_POLICY_ARC "1.2.840.113556.1.8000.2554.30782.15039.31036.17938.38558.12504482.7374677"
const char *bp_policy_oid(enum bp_identity_kind kind);

/* All certificates of a PEM text, in order, at least one; free with bp_certificates_free.
 * BP_EINVAL: none, or one that cannot be read. */
BP_MUST_USE bp_status bp_certificates_parse(struct bp_str pem, STACK_OF(X509) * *out,
                                            struct bp_err *err);

void bp_certificates_free(STACK_OF(X509) * all); /* and each in it; NULL allowed */

/* Appends the PEM form. */
BP_MUST_USE bp_status bp_cert_pem(const X509 *cert, struct bp_buf *out, struct bp_err *err);

/* The first certificate of a PEM text; free with X509_free. BP_EINVAL. */
BP_MUST_USE bp_status bp_certificate_parse(struct bp_str pem, X509 **out, struct bp_err *err);

/* What every PEM reader is given as pem_password_cb: the library would ask on the terminal. Always
 * -1. */
int bp_no_passphrase(char *buffer, int size, int is_write, void *context);

/* A private key that is not encrypted; free with EVP_PKEY_free. BP_EINVAL. */
BP_MUST_USE bp_status bp_private_key_parse(struct bp_str pem, EVP_PKEY **out, struct bp_err *err);

/* Reads a secret file: BP_EPERM unless it is a plain file, of the user or root, that neither group
 * nor others can reach. Appends to out, which the caller wipes. */
BP_MUST_USE bp_status bp_secret_read(const char *path, struct bp_buf *out, struct bp_err *err);

/* Wipes and frees. */
void bp_secret_fini(struct bp_buf *secret);

/* BP_EINVAL with what the key is, unless it is RSA of 3072 bits or more, P-256, P-384 or Ed25519.
 */
BP_MUST_USE bp_status bp_key_check(const EVP_PKEY *key, struct bp_err *err);
/* "P-256", "RSA 3072": for people. */
void bp_key_describe(const EVP_PKEY *key, char out[32]);

/* A distinguished name of O, OU and CN; a part that is NULL is left out. NULL when out of memory. */
X509_NAME *bp_name_make(const char *o, const char *ou, const char *cn);

/* The one URI among the names; appended to out. BP_EINVAL: none, more than one, or a SAN that
 * cannot be read. */
BP_MUST_USE bp_status bp_names_uri(const GENERAL_NAMES *names, struct bp_buf *out,
                                   struct bp_err *err);
BP_MUST_USE bp_status bp_certificate_uri(const X509 *cert, struct bp_buf *out, struct bp_err *err);

/* Has cert at least one DNS name or IP address among its names, and each that `before` (NULL
 * allowed) has? BP_EINVAL names what is missing. */
BP_MUST_USE bp_status bp_certificate_check_hosts(const X509 *cert, const X509 *before,
                                                 struct bp_err *err);

/* Does the certificate carry the policy of this kind? */
bool bp_certificate_has_policy(const X509 *cert, enum bp_identity_kind kind);

/* Hexadecimal, lower case, at most 20 bytes as RFC 5280 has it; false for a longer, zero or
 * negative one. */
bool bp_serial_format(const ASN1_INTEGER *serial, char out[48]);

/* Do both belong to one authority: the same subject and the same key? A CA whose certificate was
 * renewed stays the same. */
bool bp_certificate_is_same_authority(const X509 *a, const X509 *b);

/* Nanoseconds since 1970, held at the ends of what an int64_t can say; false if it is no time. */
bool bp_time_of_asn1(const ASN1_TIME *t, int64_t *unix_ns);

/* Why OpenSSL failed last on this thread. Static or thread's storage. */
const char *bp_openssl_reason(void);

#endif
