/* Revocation lists: what is taken is signed by a CA of the bundle, has an end, and bars the serials
 * it names. Input: a byte (0: PEM, else a list in DER, which is given the issuer and signature of a
 * CA that is trusted); the rest. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "authority_fixture.h"
#include "crl_set.h"
#include "fuzz.h"

/* A certificate with that serial number, of the fixture's root. */
static STACK_OF(X509) * chain_of(const ASN1_INTEGER *serial)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *leaf = X509_new();
    BP_ASSERT(chain != NULL && leaf != NULL);
    BP_ASSERT(X509_set_serialNumber(leaf, (ASN1_INTEGER *)(uintptr_t)serial) == 1);
    BP_ASSERT(X509_set_issuer_name(leaf, X509_get_subject_name(fixture_root()->cert)) == 1);
    BP_ASSERT(X509_up_ref(fixture_root()->cert) == 1);
    BP_ASSERT(sk_X509_push(chain, leaf) == 1 && sk_X509_push(chain, fixture_root()->cert) == 2);
    return chain;
}

/* Every serial of the list is barred but those that it takes back. */
static void check_barred(const struct bp_crl_set *set, X509_CRL *crl)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked) && i < 16; i++) {
        X509_REVOKED *entry = sk_X509_REVOKED_value(revoked, i);
        STACK_OF(X509) *chain = chain_of(X509_REVOKED_get0_serialNumber(entry));
        X509_REVOKED *found = NULL;
        bp_status st = bp_crl_set_check(set, chain, PKI_NOW_NS, NULL);
        if (X509_CRL_get0_by_serial(crl, &found, X509_REVOKED_get0_serialNumber(entry)) == 1)
            BP_ASSERT(st == BP_EPERM);
        bp_certificates_free(chain);
    }
}

static void check_list(struct bp_str pem, X509_CRL *crl)
{
    struct bp_err err = {""};
    struct bp_crl_set *set = bp_crl_set_create(fixture_trust(), 60);
    BP_ASSERT(set != NULL);
    if (bp_crl_set_add(set, pem, PKI_NOW_NS, &err) == BP_OK) {
        BP_ASSERT(bp_crl_set_check_complete(set, NULL) == BP_OK);
        BP_ASSERT(bp_crl_set_end_ns(set) >= PKI_NOW_NS);
        BP_ASSERT(bp_crl_set_end_ns(set) >= bp_crl_set_next_update_ns(set));
        if (crl != NULL)
            check_barred(set, crl);
    } else {
        BP_ASSERT(err.text[0] != '\0');
    }
    bp_crl_set_destroy(set);
}

static void check_signed(struct bp_str der)
{
    const unsigned char *at = (const unsigned char *)der.p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.n);
    if (crl != NULL &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(fixture_root()->cert)) == 1 &&
        X509_CRL_sign(crl, fixture_root()->key, EVP_sha256()) > 0) {
        BIO *bio = BIO_new(BIO_s_mem());
        BP_ASSERT(bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1);
        struct bp_buf pem = fixture_text(bio);
        check_list(bp_buf_str(&pem), crl);
        bp_buf_fini(&pem);
    }
    X509_CRL_free(crl);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    if (fuzz_take_byte(&in) == 0)
        check_list(fuzz_rest(&in), NULL);
    else
        check_signed(fuzz_rest(&in));
    ERR_clear_error();
    return 0;
}
