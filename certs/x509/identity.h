/* Who a certificate says its holder is: the one URI SAN `spiffe://<trust
 * domain>/(agency|operator|server)/<id>` (SPIFFE-ID 1.0; id of an agency by bp_agency_id_is_valid,
 * of the others [a-z0-9.-]{1,64}). OpenSSL stays inside. */
#ifndef BERBAGI_IDENTITY_H
#define BERBAGI_IDENTITY_H

#include "error.h"
#include "text.h"

enum bp_identity_kind { BP_IDENTITY_AGENCY, BP_IDENTITY_OPERATOR, BP_IDENTITY_SERVER };
#define BP_IDENTITY_KINDS 3

struct bp_identity {
    enum bp_identity_kind kind;
    char name[65];           /* "kab.18.07", "dewi" */
    char serial[48];         /* of the certificate, hexadecimal, lower case */
    uint8_t fingerprint[32]; /* SHA-256 of the DER */
    int64_t not_before_ns, not_after_ns;
};

/* "agency", "operator", "server": the first part of the path. Static storage. */
const char *bp_identity_kind_name(enum bp_identity_kind kind);

/* Does id keep the grammar of its kind? */
bool bp_identity_id_is_valid(enum bp_identity_kind kind, struct bp_str id);

/* A trust domain as SPIFFE-ID 1.0 has it: [a-z0-9._-], 1 to 255 bytes, no empty label. */
bool bp_trust_domain_is_valid(struct bp_str s);

/* Parses the SPIFFE ID alone. BP_EAUTH with the reason in words: no spiffe URI, another trust
 * domain, a query, port or fragment, an unknown path, an id that breaks the grammar. Sets kind and
 * name only. trust_domain NULL: any. */
BP_MUST_USE bp_status bp_identity_parse_uri(struct bp_str uri, const char *trust_domain,
                                            struct bp_identity *out, struct bp_err *err);

/* Reads the first certificate of a PEM text. BP_EAUTH: no or two URI SANs, a bad one, not yet or no
 * longer valid at now_ns, a weak key (RSA under 3072, another curve than P-256, P-384, Ed25519), a
 * CA's certificate, no digitalSignature, no clientAuth for agency and operator, no serverAuth for a
 * server. trust_domain NULL: any. That a known CA signed it, and one that may, is
 * bp_credentials_check_revocation's to say. Any thread. */
BP_MUST_USE bp_status bp_identity_of_pem(struct bp_str pem, const char *trust_domain,
                                         int64_t now_ns, struct bp_identity *out,
                                         struct bp_err *err);

/* From when on a certificate should be renewed: a third of its lifetime is left then. */
int64_t bp_identity_renewal_ns(const struct bp_identity *id);

#endif
