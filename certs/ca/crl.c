#include "crl.h"

#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "file.h"
#include "keys.h"

#define CRL_MOST_BYTES (64u << 20)

struct filling {
    X509_CRL *crl;
    uint32_t ca;
};

static bool add_reason(X509_REVOKED *entry, uint8_t reason)
{
    ASN1_ENUMERATED *value;
    bool ok;
    if (reason == 0)
        return true; /* "unspecified" is told by leaving it out: RFC 5280, 5.3.1 */
    value = ASN1_ENUMERATED_new();
    ok = value != NULL && ASN1_ENUMERATED_set(value, reason) == 1 &&
         X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, 0) == 1;
    ASN1_ENUMERATED_free(value);
    return ok;
}

static X509_REVOKED *make_entry(const struct bp_record *r)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = BN_bin2bn(r->serial, BP_SERIAL_BYTES, NULL);
    ASN1_INTEGER *serial = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)r->revoked_s);
    const bool ok = entry != NULL && serial != NULL && when != NULL &&
                    X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
                    X509_REVOKED_set_revocationDate(entry, when) == 1 &&
                    add_reason(entry, r->reason);
    BN_free(number);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    if (ok)
        return entry;
    X509_REVOKED_free(entry);
    return NULL;
}

/* A revoked certificate leaves the list a day after it ended, so that it stood on one list past its
 * end. */
static bp_status see_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    const struct filling *f = context;
    X509_REVOKED *entry;
    if (r->ca != f->ca || r->revoked_s == 0 || r->not_after_s + BP_DAY_S < bp_now_s())
        return BP_OK;
    if ((entry = make_entry(r)) != NULL && X509_CRL_add0_revoked(f->crl, entry) == 1)
        return BP_OK;
    X509_REVOKED_free(entry);
    return bp_fail(err, BP_ENOMEM, "out of memory");
}

static bool add_number(X509_CRL *crl, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    const bool ok = value != NULL && ASN1_INTEGER_set_uint64(value, number) == 1 &&
                    X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1;
    ASN1_INTEGER_free(value);
    return ok;
}

static bool add_authority_key(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    bool ok;
    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    X509V3_set_ctx_nodb(&ctx);
    e = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ok = e != NULL && X509_CRL_add_ext(crl, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_frame(X509_CRL *crl, const struct bp_issuer *issuer, uint64_t number, unsigned days)
{
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)bp_now_s());
    ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(bp_now_s() + (int64_t)days * BP_DAY_S));
    const bool ok =
        now != NULL && next != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
        X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1 &&
        add_number(crl, number) && add_authority_key(crl, issuer->cert);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return ok;
}

static bp_status make_list(struct bp_authority *a, const struct bp_issuer *issuer, unsigned days,
                           struct bp_buf *out, struct bp_err *err)
{
    struct filling f = {.crl = NULL, .ca = issuer->record.number};
    uint64_t number;
    bp_status st = bp_ledger_take_crl_number(a->ledger, f.ca, &number, err);
    if (st != BP_OK)
        return st;
    f.crl = X509_CRL_new();
    if (f.crl == NULL || !set_frame(f.crl, issuer, number, days))
        st = bp_fail(err, BP_EIO, "no CRL can be made: %s", bp_openssl_reason());
    if (st == BP_OK)
        st = bp_ledger_each(a->ledger, see_record, &f, err);
    if (st == BP_OK && (X509_CRL_sort(f.crl) != 1 ||
                        X509_CRL_sign(f.crl, issuer->key, bp_key_digest(issuer->key)) <= 0))
        st = bp_fail(err, BP_EIO, "the CRL cannot be signed: %s", bp_openssl_reason());
    if (st == BP_OK)
        st = bp_crl_pem(f.crl, out, err);
    X509_CRL_free(f.crl);
    return st;
}

static void list_name(const struct bp_issuer *issuer, char out[40])
{
    snprintf(out, 40, "crl/%s.pem", issuer->record.name);
}

/* The list in the folder. */
static bp_status read_list(const struct bp_authority *a, const struct bp_issuer *issuer,
                           struct bp_buf *out, struct bp_err *err)
{
    char name[40];
    char *path;
    bp_status st;
    list_name(issuer, name);
    path = bp_path_join(a->dir, name);
    st = path != NULL ? bp_file_read(path, CRL_MOST_BYTES, out, err)
                      : bp_fail(err, BP_ENOMEM, "out of memory");
    free(path);
    return st;
}

/* A new list of this CA, staged, or the one that stands (days 0: in any case); either way appended
 * to all. */
static bp_status add_list(struct bp_authority *a, struct bp_issuer *issuer, unsigned days,
                          struct bp_buf *all, struct bp_err *err)
{
    char name[40];
    struct bp_buf pem = {0};
    bp_status st = days != 0 ? bp_issuer_unlock(a, issuer, err) : BP_ENOENT;

    list_name(issuer, name);
    if (st == BP_ENOENT)
        st = read_list(a, issuer, &pem, err);
    else if (st == BP_OK && (st = make_list(a, issuer, days, &pem, err)) == BP_OK)
        st = bp_authority_stage(a, name, &pem, 0644, err);
    bp_buf_add(all, pem.p, pem.n);
    bp_buf_fini(&pem);
    return st;
}

bp_status bp_crls_stage(struct bp_authority *a, unsigned days, unsigned root_days,
                        struct bp_err *err)
{
    struct bp_buf all = {0};
    char *folder = bp_path_join(a->dir, "crl");
    bp_status st =
        folder != NULL ? bp_dir_make(folder, 0755, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        struct bp_issuer *issuer = &a->issuers[i];
        if (issuer->record.state != BP_CA_WITHDRAWN)
            st = add_list(a, issuer, issuer->record.role == BP_CA_ROOT ? root_days : days, &all,
                          err);
    }
    if (st == BP_OK && all.failed)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK)
        st = bp_authority_stage(a, "crl.pem", &all, 0644, err);
    bp_buf_fini(&all);
    free(folder);
    return st;
}

bp_status bp_crl_remove(struct bp_authority *a, const struct bp_issuer *issuer, struct bp_err *err)
{
    char name[40];
    list_name(issuer, name);
    return bp_staging_remove(&a->staging, name, err);
}

static bool read_due(struct bp_str pem, int64_t *due_ns)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509_CRL *crl = bio != NULL ? PEM_read_bio_X509_CRL(bio, NULL, bp_no_passphrase, NULL) : NULL;
    const bool ok = crl != NULL && bp_time_of_asn1(X509_CRL_get0_nextUpdate(crl), due_ns);
    X509_CRL_free(crl);
    BIO_free(bio);
    return ok;
}

bp_status bp_crl_due(const struct bp_authority *a, const struct bp_issuer *issuer, int64_t *due_ns,
                     struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = read_list(a, issuer, &text, err);
    if (st == BP_OK && !read_due(bp_buf_str(&text), due_ns))
        st = bp_fail(err, BP_EINVAL, "crl/%s.pem: no CRL can be read", issuer->record.name);
    bp_buf_fini(&text);
    return st;
}
