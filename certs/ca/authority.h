/* The folder of a CA and what stands in it:
 *     ca.pem  crl.pem           certificates and CRLs of all CAs, for servers and clients
 *     crl/NAME.pem              the CRL of each
 *     NAME/cert.pem  key.pem    of each CA (root, agency, operator, server); the root's key belongs
 * on a medium in a safe ledger/                   LMDB One thread. */
#ifndef BERBAGI_AUTHORITY_H
#define BERBAGI_AUTHORITY_H

#include "certificate.h"
#include "ledger.h"

struct bp_authority {
    char *dir;
    struct bp_ledger *ledger;
};

/* Opens the folder and begins the ledger's transaction. BP_ENOENT: it is no CA's folder. */
BP_MUST_USE bp_status bp_authority_open(const char *dir, bool for_writing, struct bp_authority *out,
                                        struct bp_err *err);
/* Makes the ledger of a new CA in dir, an existing folder. */
BP_MUST_USE bp_status bp_authority_create(const char *dir, const char *trust_domain,
                                          bool is_development, struct bp_authority *out,
                                          struct bp_err *err);
void bp_authority_close(struct bp_authority *a); /* a zeroed one allowed */

/* Enters a certificate just signed by issuer for name. */
BP_MUST_USE bp_status bp_authority_record(struct bp_authority *a, enum bp_ca issuer,
                                          const char *name, const X509 *cert, struct bp_err *err);

/* A certificate and its key. */
struct bp_issuer {
    X509 *cert;
    EVP_PKEY *key;
};

/* The path of "<dir>/<ca>/<file>" on the heap; NULL when out of memory. */
char *bp_authority_path(const char *dir, const char *folder, const char *file);

/* BP_ENOENT if the key is not there: it is kept elsewhere. */
BP_MUST_USE bp_status bp_issuer_load(const char *dir, enum bp_ca ca, struct bp_issuer *out,
                                     struct bp_err *err);
BP_MUST_USE bp_status bp_issuer_load_cert(const char *dir, enum bp_ca ca, X509 **out,
                                          struct bp_err *err);
BP_MUST_USE bp_status bp_issuer_save(const char *dir, enum bp_ca ca, const struct bp_issuer *issuer,
                                     struct bp_err *err);
void bp_issuer_fini(struct bp_issuer *issuer); /* a zeroed one allowed */

#endif
