#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certificate.h"

static EVP_PKEY *make_key(const char *kind)
{
    EVP_PKEY *key;
    if (kind == NULL)
        key = EVP_EC_gen("P-256");
    else if (strncmp(kind, "RSA-", 4) == 0)
        key = EVP_RSA_gen((unsigned)atoi(kind + 4));
    else if (strcmp(kind, "Ed25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key = EVP_EC_gen(kind);
    assert_non_null(key);
    return key;
}

static void set_name(X509 *cert, const char *text)
{
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_subject_name(cert, name), 1);
    X509_NAME_free(name);
}

static void add(X509 *cert, const struct pki_cert *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer != NULL ? issuer->cert : cert, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_policies(X509 *cert, unsigned kinds)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        if ((kinds & (1u << kind)) == 0)
            continue;
        POLICYINFO *policy = POLICYINFO_new();
        policy->policyid = OBJ_txt2obj(bp_policy_oid((enum bp_identity_kind)kind), 1);
        sk_POLICYINFO_push(policies, policy);
    }
    if (kinds != 0)
        assert_int_equal(X509_add1_ext_i2d(cert, NID_certificate_policies, policies, 0, 0), 1);
    CERTIFICATEPOLICIES_free(policies);
}

static void set_dates(X509 *cert, const struct pki_spec *spec)
{
    const bool is_default = spec->from_s == 0 && spec->until_s == 0;
    const int64_t from_s = is_default ? -PKI_DAY_S : spec->from_s;
    const int64_t until_s = is_default ? 10 * PKI_DAY_S : spec->until_s;
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(PKI_NOW_S + from_s)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(PKI_NOW_S + until_s)));
}

static void add_extensions(X509 *cert, const struct pki_spec *spec, const struct pki_cert *issuer)
{
    const char *usage = spec->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature";
    add(cert, issuer, NID_basic_constraints,
        spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(cert, issuer, NID_key_usage, spec->usage != NULL ? spec->usage : usage);
    add(cert, issuer, NID_subject_key_identifier, "hash");
    if (issuer != NULL)
        add(cert, issuer, NID_authority_key_identifier, "keyid:always");
    if (spec->eku != NULL)
        add(cert, issuer, NID_ext_key_usage, spec->eku);
    if (spec->san != NULL)
        add(cert, issuer, NID_subject_alt_name, spec->san);
    add_policies(cert, spec->policies);
}

static void sign(X509 *cert, EVP_PKEY *key)
{
    const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    assert_true(X509_sign(cert, key, digest) > 0);
}

struct pki_cert pki_make(const struct pki_spec *spec, const struct pki_cert *issuer)
{
    static long serial = 4096;
    struct pki_cert c = {X509_new(), spec->given};
    if (c.key == NULL)
        c.key = make_key(spec->key);

    X509_set_version(c.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c.cert), ++serial);
    set_name(c.cert, spec->name);
    X509_set_issuer_name(c.cert, X509_get_subject_name(issuer != NULL ? issuer->cert : c.cert));
    set_dates(c.cert, spec);
    X509_set_pubkey(c.cert, c.key);
    add_extensions(c.cert, spec, issuer);
    sign(c.cert, issuer != NULL ? issuer->key : c.key);
    return c;
}

void pki_free(struct pki_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    *c = (struct pki_cert){0};
}

static void take(struct bp_buf *out, BIO *bio, int ok)
{
    char *text;
    assert_int_equal(ok, 1);
    const long n = BIO_get_mem_data(bio, &text);
    bp_buf_add(out, text, (size_t)n);
    BIO_free(bio);
}

void pki_add_cert(struct bp_buf *out, const struct pki_cert *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    take(out, bio, PEM_write_bio_X509(bio, c->cert));
}

void pki_add_key(struct bp_buf *out, const struct pki_cert *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    take(out, bio, PEM_write_bio_PKCS8PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL));
}

static void revoke(X509_CRL *crl, const struct pki_cert *c)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)PKI_NOW_S - 60);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(c->cert));
    X509_REVOKED_set_revocationDate(entry, when);
    ASN1_TIME_free(when);
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
}

static void set_crl_dates(X509_CRL *crl, const struct pki_crl *spec)
{
    const bool is_default = spec->from_s == 0 && spec->until_s == 0;
    const int64_t from_s = is_default ? -3600 : spec->from_s;
    const int64_t until_s = is_default ? 7 * PKI_DAY_S : spec->until_s;
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(PKI_NOW_S + from_s));
    ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)(PKI_NOW_S + until_s));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, until);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
}

void pki_add_crl(struct bp_buf *out, const struct pki_crl *spec)
{
    X509_CRL *crl = X509_CRL_new();
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->issuer->cert));
    set_crl_dates(crl, spec);
    if (spec->revoked != NULL)
        revoke(crl, spec->revoked);
    if (spec->is_delta) {
        ASN1_INTEGER *base = ASN1_INTEGER_new();
        ASN1_INTEGER_set(base, 1);
        assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0), 1);
        ASN1_INTEGER_free(base);
    }
    const struct pki_cert *signer = spec->signer != NULL ? spec->signer : spec->issuer;
    assert_true(X509_CRL_sign(crl, signer->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    take(out, bio, PEM_write_bio_X509_CRL(bio, crl));
    X509_CRL_free(crl);
}
