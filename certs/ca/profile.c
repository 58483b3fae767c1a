/* A certificate is described by a small table of extensions in OpenSSL's own words, and signed at
 * the end. Policies and name constraints are built by hand: their words would need a configuration
 * file. */
#include "profile.h"

#include <inttypes.h>
#include <stdio.h>

#include <openssl/x509v3.h>

#include "clock.h"
#include "digest.h"
#include "keys.h"

#define BACKDATE_S 300 /* clocks of others may be behind */

struct extension {
    int nid;
    const char *value;
};

unsigned bp_profile_days(enum bp_identity_kind kind)
{
    return kind == BP_IDENTITY_OPERATOR ? 30 : 90;
}

/* The end of the serial keeps the names of an old and a new CA apart. */
static X509_NAME *ca_name(const char *trust_domain, enum bp_ca ca, const uint8_t *serial)
{
    char cn[64], tail[9];
    bp_hex(&serial[BP_SERIAL_BYTES - 4], 4, tail);
    snprintf(cn, sizeof(cn), "Berbagi %s CA %s", bp_ca_name(ca), tail);
    return bp_name_make(trust_domain, NULL, cn);
}

static bool set_serial(X509 *cert, const uint8_t *serial)
{
    BIGNUM *number = BN_bin2bn(serial, BP_SERIAL_BYTES, NULL);
    const bool ok =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct extension *table, size_t n)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    for (size_t i = 0; i < n; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, table[i].nid, table[i].value);
        const bool ok = e != NULL && X509_add_ext(cert, e, -1) == 1;
        X509_EXTENSION_free(e);
        if (!ok)
            return false;
    }
    return true;
}

static bool add_policy(X509 *cert, enum bp_identity_kind kind)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    POLICYINFO *policy = POLICYINFO_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(bp_policy_oid(kind), 1);
    bool ok = policies != NULL && policy != NULL && oid != NULL;
    if (ok) {
        ASN1_OBJECT_free(policy->policyid);
        policy->policyid = oid;
        oid = NULL;
        ok = sk_POLICYINFO_push(policies, policy) > 0;
    }
    if (ok) {
        policy = NULL;
        ok = X509_add1_ext_i2d(cert, NID_certificate_policies, policies, 0, 0) == 1;
    }
    ASN1_OBJECT_free(oid);
    POLICYINFO_free(policy);
    CERTIFICATEPOLICIES_free(policies);
    return ok;
}

/* Takes name. */
static bool permit(NAME_CONSTRAINTS *constraints, GENERAL_NAME *name)
{
    GENERAL_SUBTREE *subtree = name != NULL ? GENERAL_SUBTREE_new() : NULL;
    if (subtree == NULL) {
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_free(subtree->base);
    subtree->base = name;
    if (sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, subtree) > 0)
        return true;
    GENERAL_SUBTREE_free(subtree);
    return false;
}

static GENERAL_NAME *host_of_uri(const char *host)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (name == NULL || value == NULL || ASN1_STRING_set(value, host, -1) != 1) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, value);
    return name;
}

static GENERAL_NAME *below_subject(const char *trust_domain, enum bp_identity_kind kind)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    X509_NAME *subject = bp_name_make(trust_domain, bp_identity_kind_name(kind), NULL);
    if (name == NULL || subject == NULL) {
        GENERAL_NAME_free(name);
        X509_NAME_free(subject);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, subject);
    return name;
}

static bool constrain(X509 *cert, const char *trust_domain, enum bp_identity_kind kind)
{
    NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
    bool ok = constraints != NULL &&
              (constraints->permittedSubtrees = sk_GENERAL_SUBTREE_new_null()) != NULL &&
              permit(constraints, host_of_uri(trust_domain)) &&
              permit(constraints, below_subject(trust_domain, kind)) &&
              X509_add1_ext_i2d(cert, NID_name_constraints, constraints, 1, 0) == 1;
    NAME_CONSTRAINTS_free(constraints);
    return ok;
}

/* From shortly before now for so many days, but inside the issuer's time. */
static bp_status set_dates(X509 *cert, const X509 *issuer, unsigned days, struct bp_err *err)
{
    int64_t from_s = bp_now_s() - BACKDATE_S, until_s = bp_now_s() + (int64_t)days * BP_DAY_S;
    int64_t from_ns, until_ns;

    if (issuer != NULL) {
        if (!bp_time_of_asn1(X509_get0_notBefore(issuer), &from_ns) ||
            !bp_time_of_asn1(X509_get0_notAfter(issuer), &until_ns))
            return bp_fail(err, BP_EINVAL, "the CA's certificate has no readable dates");
        from_s = from_ns / BP_NS_PER_S > from_s ? from_ns / BP_NS_PER_S : from_s;
        until_s = until_ns / BP_NS_PER_S < until_s ? until_ns / BP_NS_PER_S : until_s;
    }
    if (until_s <= bp_now_s())
        return bp_fail(err, BP_EINVAL, "the CA's own certificate is over");
    if (ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until_s) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    return BP_OK;
}

/* A certificate of version 3 with everything but extensions and signature. Takes subject. */
static bp_status begin(X509_NAME *subject, EVP_PKEY *key, unsigned days, const uint8_t *serial,
                       const X509 *issuer, X509 **out, struct bp_err *err)
{
    bp_status st;
    X509 *cert = X509_new();
    const bool ok =
        cert != NULL && subject != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
        set_serial(cert, serial) && X509_set_subject_name(cert, subject) == 1 &&
        X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject) == 1 &&
        X509_set_pubkey(cert, key) == 1;
    X509_NAME_free(subject);
    st = ok ? set_dates(cert, issuer, days, err)
            : bp_fail(err, BP_EIO, "no certificate can be made: %s", bp_openssl_reason());
    if (st == BP_OK)
        *out = cert;
    else
        X509_free(cert);
    return st;
}

/* Signs cert and hands it over if ok, else frees it. */
static bp_status finish(X509 *cert, bool ok, EVP_PKEY *signer, X509 **out, struct bp_err *err)
{
    if (!ok || X509_sign(cert, signer, bp_key_digest(signer)) <= 0) {
        X509_free(cert);
        return bp_fail(err, BP_EIO, "no certificate can be made: %s", bp_openssl_reason());
    }
    *out = cert;
    return BP_OK;
}

bp_status bp_profile_root(const char *trust_domain, EVP_PKEY *key,
                          const uint8_t serial[BP_SERIAL_BYTES], X509 **out, struct bp_err *err)
{
    static const struct extension table[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:1"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    X509 *cert = NULL;
    bp_status st = begin(ca_name(trust_domain, BP_CA_ROOT, serial), key, BP_ROOT_DAYS, serial, NULL,
                         &cert, err);
    if (st != BP_OK)
        return st;
    return finish(cert, add_extensions(cert, cert, table, sizeof(table) / sizeof(table[0])), key,
                  out, err);
}

static const char *extended_usage(enum bp_identity_kind kind)
{
    return kind == BP_IDENTITY_SERVER ? "serverAuth" : "clientAuth";
}

bp_status bp_profile_issuing(const char *trust_domain, enum bp_identity_kind kind, EVP_PKEY *key,
                             const uint8_t serial[BP_SERIAL_BYTES], const struct bp_issuer *root,
                             X509 **out, struct bp_err *err)
{
    const struct extension table[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_ext_key_usage, extended_usage(kind)},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    X509 *cert = NULL;
    bp_status st = begin(ca_name(trust_domain, (enum bp_ca)kind, serial), key, BP_ISSUING_DAYS,
                         serial, root->cert, &cert, err);
    if (st != BP_OK)
        return st;
    return finish(cert,
                  add_extensions(cert, root->cert, table, sizeof(table) / sizeof(table[0])) &&
                      add_policy(cert, kind) && constrain(cert, trust_domain, kind),
                  root->key, out, err);
}

static bool add_subject_names(X509 *cert, const struct bp_subject *s)
{
    GENERAL_NAMES *names = bp_subject_names(s);
    const bool ok =
        names != NULL && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return ok;
}

bp_status bp_profile_leaf(const struct bp_subject *s, EVP_PKEY *key, unsigned days,
                          const uint8_t serial[BP_SERIAL_BYTES], const struct bp_issuer *issuer,
                          X509 **out, struct bp_err *err)
{
    const struct extension table[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, extended_usage(s->kind)},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    X509 *cert = NULL;
    bp_status st = begin(bp_subject_name(s), key, days, serial, issuer->cert, &cert, err);
    if (st != BP_OK)
        return st;
    return finish(cert,
                  add_extensions(cert, issuer->cert, table, sizeof(table) / sizeof(table[0])) &&
                      add_policy(cert, s->kind) && add_subject_names(cert, s),
                  issuer->key, out, err);
}
