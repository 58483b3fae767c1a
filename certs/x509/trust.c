/* OpenSSL builds and checks the chain; what it cannot know, which kind of identity a CA may assert,
 * is checked on the chain it found. */
#include "trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "buffer.h"
#include "clock.h"

struct bp_trust {
    X509_STORE *store; /* locks inside; only read after load */
    STACK_OF(X509) * cas;
};

void bp_name_describe(const X509_NAME *name, char *out, size_t size)
{
    char *end;
    BIO *bio = BIO_new(BIO_s_mem());
    long n = 0;
    if (bio != NULL)
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_UTF8_CONVERT);
    if (bio != NULL)
        n = BIO_get_mem_data(bio, &end);
    if (n > 0) {
        n = n < (long)size ? n : (long)size - 1;
        memcpy(out, end, (size_t)n);
    }
    out[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

void bp_subject_describe(const X509 *cert, char *out, size_t size)
{
    bp_name_describe(X509_get_subject_name(cert), out, size);
}

static bp_status check_ca(X509 *cert, struct bp_err *err)
{
    char subject[128];
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    bp_status st;

    bp_subject_describe(cert, subject, sizeof(subject));
    if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0 || X509_check_ca(cert) != 1)
        return bp_fail(err, BP_EINVAL, "%s is not the certificate of a CA", subject);
    if (key == NULL)
        return bp_fail(err, BP_EINVAL, "%s: its key cannot be read", subject);
    if ((st = bp_key_check(key, err)) != BP_OK)
        return bp_fail_in(err, st, "%s", subject);
    return BP_OK;
}

static bp_status fill_store(struct bp_trust *trust, struct bp_err *err)
{
    bp_status st;
    for (int i = 0; i < sk_X509_num(trust->cas); i++) {
        X509 *cert = sk_X509_value(trust->cas, i);
        if ((st = check_ca(cert, err)) != BP_OK)
            return st;
        if (X509_STORE_add_cert(trust->store, cert) != 1)
            return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    return BP_OK;
}

bp_status bp_trust_load(struct bp_str pem, struct bp_trust **out, struct bp_err *err)
{
    bp_status st;
    struct bp_trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    ERR_set_mark();
    if ((st = bp_certificates_parse(pem, &trust->cas, err)) != BP_OK)
        goto fail;
    if ((trust->store = X509_STORE_new()) == NULL) {
        st = bp_fail(err, BP_ENOMEM, "out of memory");
        goto fail;
    }
    if ((st = fill_store(trust, err)) != BP_OK)
        goto fail;
    ERR_pop_to_mark();
    *out = trust;
    return BP_OK;
fail:
    ERR_pop_to_mark();
    bp_trust_destroy(trust);
    return st;
}

void bp_trust_destroy(struct bp_trust *trust)
{
    if (trust == NULL)
        return;
    X509_STORE_free(trust->store);
    bp_certificates_free(trust->cas);
    free(trust);
}

const STACK_OF(X509) * bp_trust_cas(const struct bp_trust *trust)
{
    return trust->cas;
}

/* now_ns rounds down: a certificate is valid through the whole second of its notAfter, as in
 * OpenSSL. */
static time_t to_seconds(int64_t now_ns)
{
    return (time_t)(now_ns / BP_NS_PER_S - (now_ns % BP_NS_PER_S < 0));
}

/* "Any" asks nothing of the first certificate: that it is a CA's is its caller's to know. */
static int purpose_of(enum bp_use use)
{
    switch (use) {
    case BP_USE_AS_CLIENT:
        return X509_PURPOSE_SSL_CLIENT;
    case BP_USE_AS_SERVER:
        return X509_PURPOSE_SSL_SERVER;
    case BP_USE_AS_CA:
        break;
    }
    return X509_PURPOSE_ANY;
}

static bp_status run_verification(X509_STORE_CTX *ctx, enum bp_use use, int64_t now_ns,
                                  struct bp_err *err)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    int why, depth;

    X509_VERIFY_PARAM_set_time(param, to_seconds(now_ns));
    X509_VERIFY_PARAM_set_auth_level(param,
                                     2); /* no SHA-1, no RSA under 2048 anywhere in the chain */
    X509_VERIFY_PARAM_set_depth(param, 4);
    if (X509_STORE_CTX_set_purpose(ctx, purpose_of(use)) != 1)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    if (X509_verify_cert(ctx) == 1)
        return BP_OK;
    why = X509_STORE_CTX_get_error(ctx);
    depth = X509_STORE_CTX_get_error_depth(ctx);
    if (why == X509_V_ERR_OUT_OF_MEM)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    return bp_fail(err, BP_EAUTH, "its chain does not hold: %s (%s)",
                   X509_verify_cert_error_string(why),
                   depth == 0 ? "the certificate itself" : "a CA above it");
}

bp_status bp_trust_verify(const struct bp_trust *trust, X509 *leaf, STACK_OF(X509) * untrusted,
                          enum bp_use use, int64_t now_ns, STACK_OF(X509) * *chain,
                          struct bp_err *err)
{
    bp_status st;
    X509_STORE_CTX *ctx;

    ERR_set_mark();
    ctx = X509_STORE_CTX_new();
    if (ctx == NULL || X509_STORE_CTX_init(ctx, trust->store, leaf, untrusted) != 1)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else
        st = run_verification(ctx, use, now_ns, err);
    if (st == BP_OK && (*chain = X509_STORE_CTX_get1_chain(ctx)) == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    X509_STORE_CTX_free(ctx);
    ERR_pop_to_mark();
    return st;
}

bp_status bp_issuers_load(struct bp_issuers *issuers, enum bp_identity_kind kind, struct bp_str pem,
                          struct bp_err *err)
{
    STACK_OF(X509) *cas = NULL;
    bp_status st = bp_certificates_parse(pem, &cas, err);
    for (int i = 0; st == BP_OK && i < sk_X509_num(cas); i++)
        st = check_ca(sk_X509_value(cas, i), err);
    if (st != BP_OK) {
        bp_certificates_free(cas);
        return st;
    }
    bp_certificates_free(issuers->of[kind]);
    issuers->of[kind] = cas;
    return BP_OK;
}

void bp_issuers_fini(struct bp_issuers *issuers)
{
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++)
        bp_certificates_free(issuers->of[kind]);
    *issuers = (struct bp_issuers){{NULL}};
}

static bool is_listed(const struct bp_issuers *issuers, enum bp_identity_kind kind, const X509 *ca)
{
    const STACK_OF(X509) *listed = issuers != NULL ? issuers->of[kind] : NULL;
    for (int i = 0; i < sk_X509_num(listed); i++) {
        if (bp_certificate_is_same_authority(sk_X509_value(listed, i), ca))
            return true;
    }
    return listed == NULL;
}

/* Whether depth i of the chain must carry the policy: the issuer always, the root above it not. */
static bool must_carry(const STACK_OF(X509) * chain, int i)
{
    return i == 1 || i < sk_X509_num(chain) - 1;
}

static bp_status read_kind(const X509 *leaf, enum bp_identity_kind *kind, struct bp_err *err)
{
    struct bp_buf uri = {0};
    struct bp_identity id = {0};
    bp_status st = bp_certificate_uri(leaf, &uri, err);
    if (st == BP_OK)
        st = bp_identity_parse_uri(bp_buf_str(&uri), NULL, &id, err);
    bp_buf_fini(&uri);
    *kind = id.kind;
    return st == BP_EINVAL ? BP_EAUTH : st;
}

bp_status bp_chain_check_assertion(const STACK_OF(X509) * chain, const struct bp_issuers *issuers,
                                   struct bp_err *err)
{
    char subject[128];
    enum bp_identity_kind kind;
    bp_status st = read_kind(sk_X509_value(chain, 0), &kind, err);
    if (st != BP_OK)
        return st;
    if (sk_X509_num(chain) < 2)
        return bp_fail(err, BP_EAUTH, "the certificate is its own issuer");
    for (int i = 1; i < sk_X509_num(chain); i++) {
        const X509 *ca = sk_X509_value(chain, i);
        bool may = !must_carry(chain, i) || bp_certificate_has_policy(ca, kind);
        if (may && (i != 1 || is_listed(issuers, kind, ca)))
            continue;
        bp_subject_describe(ca, subject, sizeof(subject));
        return bp_fail(err, BP_EAUTH, "its issuer %s may not sign for the path /%s/", subject,
                       bp_identity_kind_name(kind));
    }
    return BP_OK;
}
