/* The CA certificates a program trusts, and the question whether a chain leads from a certificate
 * to one of their roots for the purpose it is used for. Immutable once loaded; any thread. */
#ifndef BERBAGI_TRUST_H
#define BERBAGI_TRUST_H

#include "certificate.h"

struct bp_trust;

/* Reads a bundle. BP_EINVAL: nothing in it, a certificate that is no CA's, a weak key. */
BP_MUST_USE bp_status bp_trust_load(struct bp_str pem, struct bp_trust **out, struct bp_err *err);
void bp_trust_destroy(struct bp_trust *trust); /* NULL allowed */

/* The CA certificates, borrowed. */
const STACK_OF(X509) * bp_trust_cas(const struct bp_trust *trust);

enum bp_use { BP_USE_AS_CLIENT, BP_USE_AS_SERVER, BP_USE_AS_CA };

/* Builds and checks the chain (signatures, dates, constraints, extended key usage of every CA) from
 * leaf to a self-signed certificate of the bundle at now_ns, for the use that leaf is put to.
 * untrusted: CA certificates that came with it, NULL allowed. *chain is leaf first; free with
 * bp_certificates_free. BP_EAUTH with the reason. */
BP_MUST_USE bp_status bp_trust_verify(const struct bp_trust *trust, X509 *leaf,
                                      STACK_OF(X509) * untrusted, enum bp_use use, int64_t now_ns,
                                      STACK_OF(X509) * *chain, struct bp_err *err);

/* The CAs that this program was told may issue certificates of a kind; NULL: it was told of none,
 * and their own policies decide. */
struct bp_issuers {
    STACK_OF(X509) * of[BP_IDENTITY_KINDS];
};

/* Reads the CAs for one kind. BP_EINVAL: nothing in it, a certificate that is no CA's, a weak key.
 */
BP_MUST_USE bp_status bp_issuers_load(struct bp_issuers *issuers, enum bp_identity_kind kind,
                                      struct bp_str pem, struct bp_err *err);
void bp_issuers_fini(struct bp_issuers *issuers);

/* May the CAs of this chain assert the identity its leaf claims? The issuer, and every CA between
 * it and the root, must carry the policy of the leaf's kind; and where issuers (NULL allowed) names
 * CAs for that kind, the issuer must be among them. BP_EAUTH. */
BP_MUST_USE bp_status bp_chain_check_assertion(const STACK_OF(X509) * chain,
                                               const struct bp_issuers *issuers,
                                               struct bp_err *err);

/* A distinguished name, or the subject of a certificate, in one line, cut to fit; control
 * characters escaped. */
void bp_name_describe(const X509_NAME *name, char *out, size_t size);
void bp_subject_describe(const X509 *cert, char *out, size_t size);

#endif
