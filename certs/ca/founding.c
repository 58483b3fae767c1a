#include "founding.h"

#include "profile.h"

bp_status bp_found_root(struct bp_authority *a, enum bp_ca_state state, const char *key_uri,
                        struct bp_err *err)
{
    uint8_t serial[BP_SERIAL_BYTES];
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    bp_status st = bp_authority_make_key(a, BP_CA_ROOT, key_uri, &key, err);

    bp_serial_make(serial);
    if (st == BP_OK)
        st = bp_profile_root(bp_ledger_trust_domain(a->ledger), key, serial, &cert, err);
    if (st == BP_OK)
        return bp_authority_add(a, BP_CA_ROOT, state, NULL, cert, key, key_uri, err);
    EVP_PKEY_free(key);
    return st;
}

bp_status bp_found_issuing(struct bp_authority *a, enum bp_identity_kind kind,
                           enum bp_ca_state state, uint32_t root, const char *key_uri,
                           struct bp_err *err)
{
    const struct bp_issuer *signer = bp_authority_by_number(a, root);
    uint8_t serial[BP_SERIAL_BYTES];
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    bp_status st = bp_authority_make_key(a, (enum bp_ca)kind, key_uri, &key, err);

    bp_serial_make(serial);
    if (st == BP_OK)
        st = bp_profile_issuing(bp_ledger_trust_domain(a->ledger), kind, key, serial, signer, &cert,
                                err);
    if (st == BP_OK)
        return bp_authority_add(a, (enum bp_ca)kind, state, signer, cert, key, key_uri, err);
    EVP_PKEY_free(key);
    return st;
}
