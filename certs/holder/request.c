#include "request.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "keys.h"

static bool add_names(X509_REQ *request, const struct bp_subject *s)
{
    GENERAL_NAMES *names = bp_subject_names(s);
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    const bool ok = names != NULL &&
                    X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, 0) == 1 &&
                    X509_REQ_add_extensions(request, extensions) == 1;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    GENERAL_NAMES_free(names);
    return ok;
}

bp_status bp_request_make(const struct bp_subject *s, EVP_PKEY *key, X509_REQ **out,
                          struct bp_err *err)
{
    X509_NAME *name = bp_subject_name(s);
    X509_REQ *request = X509_REQ_new();
    const bool ok = name != NULL && request != NULL && X509_REQ_set_version(request, 0) == 1 &&
                    X509_REQ_set_subject_name(request, name) == 1 &&
                    X509_REQ_set_pubkey(request, key) == 1 && add_names(request, s) &&
                    X509_REQ_sign(request, key, bp_key_digest(key)) > 0;
    X509_NAME_free(name);
    if (!ok) {
        X509_REQ_free(request);
        return bp_fail(err, BP_EIO, "no request can be made: %s", bp_openssl_reason());
    }
    *out = request;
    return BP_OK;
}

bp_status bp_request_parse(struct bp_str pem, X509_REQ **out, struct bp_err *err)
{
    BIO *bio = pem.n <= BP_PEM_MOST_BYTES ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509_REQ *request =
        bio != NULL ? PEM_read_bio_X509_REQ(bio, NULL, bp_no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (request == NULL)
        return bp_fail(err, BP_EINVAL, "no certificate request can be read");
    *out = request;
    return BP_OK;
}

GENERAL_NAMES *bp_request_names(const X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions((X509_REQ *)(uintptr_t)request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return names;
}

static bool has_name(const GENERAL_NAMES *names, const GENERAL_NAME *wanted)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), (GENERAL_NAME *)(uintptr_t)wanted) ==
            0)
            return true;
    }
    return false;
}

/* Both directions: nothing asked that was not granted, nothing granted that was not asked. */
static bp_status compare(const GENERAL_NAMES *asked, const GENERAL_NAMES *granted,
                         struct bp_err *err)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(asked); i++) {
        if (!has_name(granted, sk_GENERAL_NAME_value(asked, i)))
            return bp_fail(err, BP_EINVAL,
                           "it asks for a name that the command line does not give");
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(granted); i++) {
        if (!has_name(asked, sk_GENERAL_NAME_value(granted, i)))
            return bp_fail(err, BP_EINVAL, "it does not ask for every name the command line gives");
    }
    return BP_OK;
}

/* The identity first, because its difference is the one worth words. */
static bp_status check_identity(const GENERAL_NAMES *asked, const struct bp_subject *s,
                                struct bp_err *err)
{
    struct bp_buf uri = {0};
    struct bp_identity id = {0};
    bp_status st = bp_names_uri(asked, &uri, err);
    if (st == BP_OK && bp_identity_parse_uri(bp_buf_str(&uri), s->trust_domain, &id, err) != BP_OK)
        st = BP_EINVAL;
    if (st == BP_OK && (id.kind != s->kind || strcmp(id.name, s->name) != 0))
        st = bp_fail(err, BP_EINVAL, "it asks for %s %s, not for %s %s",
                     bp_identity_kind_name(id.kind), id.name, bp_identity_kind_name(s->kind),
                     s->name);
    bp_buf_fini(&uri);
    return st;
}

static bp_status check_names(const X509_REQ *request, const struct bp_subject *s,
                             struct bp_err *err)
{
    GENERAL_NAMES *asked = bp_request_names(request), *granted = bp_subject_names(s);
    bp_status st;
    if (granted == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if (asked == NULL)
        st = bp_fail(err, BP_EINVAL, "it asks for no subject alternative name");
    else if ((st = check_identity(asked, s, err)) == BP_OK)
        st = compare(asked, granted, err);
    GENERAL_NAMES_free(asked);
    GENERAL_NAMES_free(granted);
    return st;
}

bp_status bp_request_check(X509_REQ *request, const struct bp_subject *s, struct bp_err *err)
{
    bp_status st;
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    if (key == NULL)
        return bp_fail(err, BP_EINVAL, "its key cannot be read");
    if ((st = bp_key_check(key, err)) != BP_OK)
        return st;
    if (X509_REQ_verify(request, key) != 1)
        return bp_fail(
            err, BP_EINVAL,
            "its signature is not by the key in it: no proof that the asker holds the key");
    return check_names(request, s, err);
}
