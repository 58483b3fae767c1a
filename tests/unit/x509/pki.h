/* Certificates, good and bad, made in memory for tests. Whatever fails ends the test. */
#ifndef TEST_PKI_H
#define TEST_PKI_H

#include <openssl/x509.h>

#include "buffer.h"
#include "identity.h"

#define PKI_NOW_S INT64_C(1900000000)
#define PKI_NOW_NS (PKI_NOW_S * INT64_C(1000000000))
#define PKI_DAY_S INT64_C(86400)

struct pki_spec {
    const char *name; /* CN */
    const char
        *key; /* "P-256" (also when NULL), "P-384", "P-224", "RSA-2048", "RSA-3072", "Ed25519" */
    EVP_PKEY *given;   /* somebody's key, perhaps its public half alone, instead; one reference */
    const char *san;   /* OpenSSL's words, "URI:spiffe://..."; NULL = none */
    const char *eku;   /* "clientAuth"; NULL = none */
    const char *usage; /* NULL = as fits */
    bool is_ca;
    unsigned policies;       /* bit 1 << kind for each that is carried */
    int64_t from_s, until_s; /* relative to PKI_NOW_S; both 0 = a day before to ten days after */
};

struct pki_cert {
    X509 *cert;
    EVP_PKEY *key;
};

/* issuer NULL: signs itself. */
struct pki_cert pki_make(const struct pki_spec *spec, const struct pki_cert *issuer);
void pki_free(struct pki_cert *c);

/* Appends PEM, without a NUL. */
void pki_add_cert(struct bp_buf *out, const struct pki_cert *c);
void pki_add_key(struct bp_buf *out, const struct pki_cert *c);

struct pki_crl {
    const struct pki_cert *issuer;
    const struct pki_cert *signer;  /* NULL: the issuer */
    const struct pki_cert *revoked; /* NULL: none */
    int64_t from_s, until_s; /* relative to PKI_NOW_S; both 0 = an hour before to a week after */
    bool is_delta;
};
void pki_add_crl(struct bp_buf *out, const struct pki_crl *spec);

#endif
