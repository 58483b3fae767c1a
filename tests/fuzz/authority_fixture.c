#include "authority_fixture.h"

const struct pki_cert *fixture_root(void)
{
    static const struct pki_spec spec = {
        .name = "root", .is_ca = true, .policies = (1u << BP_IDENTITY_KINDS) - 1};
    static struct pki_cert root;
    if (root.cert == NULL)
        root = pki_make(&spec, NULL);
    return &root;
}

const struct bp_trust *fixture_trust(void)
{
    static struct bp_trust *trust;
    struct bp_buf pem = {0};
    if (trust != NULL)
        return trust;
    pki_add_cert(&pem, fixture_root());
    BP_ASSERT(bp_trust_load(bp_buf_str(&pem), &trust, NULL) == BP_OK);
    bp_buf_fini(&pem);
    return trust;
}

EVP_PKEY *fixture_key(void)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_EC_gen("P-256");
    BP_ASSERT(key != NULL);
    return key;
}

struct bp_buf fixture_text(BIO *bio)
{
    struct bp_buf out = {0};
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    BP_ASSERT(n >= 0);
    bp_buf_add(&out, text, (size_t)n);
    BIO_free(bio);
    return out;
}
