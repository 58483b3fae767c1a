/* Certificates and keys as PEM, and certificates of a CA that is trusted but signs anything: who is
 * let in has an identity that keeps the rules. Input: a byte (0: PEM, else a certificate in DER,
 * which is given a sound key, issuer and signature); the rest. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "authority_fixture.h"
#include "fuzz.h"

static void check_identity(struct bp_str pem)
{
    struct bp_identity id;
    struct bp_err err = {""};
    if (bp_identity_of_pem(pem, FIXTURE_DOMAIN, PKI_NOW_NS, &id, &err) == BP_OK) {
        BP_ASSERT(bp_identity_id_is_valid(id.kind, bp_str(id.name)));
        BP_ASSERT(id.not_before_ns <= PKI_NOW_NS && PKI_NOW_NS <= id.not_after_ns);
        BP_ASSERT(id.serial[0] != '\0');
    } else {
        BP_ASSERT(err.text[0] != '\0');
    }
}

static void check_pem(struct bp_str pem)
{
    STACK_OF(X509) *all = NULL;
    EVP_PKEY *key = NULL;
    struct bp_trust *trust = NULL;
    if (bp_certificates_parse(pem, &all, NULL) == BP_OK)
        BP_ASSERT(sk_X509_num(all) >= 1);
    if (bp_private_key_parse(pem, &key, NULL) == BP_OK && bp_key_check(key, NULL) == BP_OK) {
        char words[32];
        bp_key_describe(key, words);
    }
    if (bp_trust_load(pem, &trust, NULL) == BP_OK)
        BP_ASSERT(sk_X509_num(bp_trust_cas(trust)) >= 1);
    check_identity(pem);
    bp_certificates_free(all);
    EVP_PKEY_free(key);
    bp_trust_destroy(trust);
}

static void check_chain(X509 *leaf)
{
    STACK_OF(X509) *chain = NULL;
    char words[64];
    bp_subject_describe(leaf, words, sizeof(words));
    BP_ASSERT(bp_ascii_is_printable(bp_str(words), sizeof(words)) || words[0] == '\0');
    if (bp_trust_verify(fixture_trust(), leaf, NULL, BP_USE_AS_CLIENT, PKI_NOW_NS, &chain, NULL) ==
        BP_OK) {
        BP_ASSERT(sk_X509_num(chain) == 2);
        bp_status st = bp_chain_check_assertion(chain, NULL, NULL);
        BP_ASSERT(st == BP_OK || st == BP_EAUTH);
    }
    bp_certificates_free(chain);
}

static void check_signed(struct bp_str der)
{
    const unsigned char *at = (const unsigned char *)der.p;
    X509 *cert = d2i_X509(NULL, &at, (long)der.n);
    if (cert != NULL && X509_set_pubkey(cert, fixture_key()) == 1 &&
        X509_set_issuer_name(cert, X509_get_subject_name(fixture_root()->cert)) == 1 &&
        X509_sign(cert, fixture_root()->key, EVP_sha256()) > 0) {
        BIO *bio = BIO_new(BIO_s_mem());
        BP_ASSERT(bio != NULL && PEM_write_bio_X509(bio, cert) == 1);
        struct bp_buf pem = fixture_text(bio);
        check_identity(bp_buf_str(&pem));
        check_chain(cert);
        bp_buf_fini(&pem);
    }
    X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    if (fuzz_take_byte(&in) == 0)
        check_pem(fuzz_rest(&in));
    else
        check_signed(fuzz_rest(&in));
    ERR_clear_error();
    return 0;
}
