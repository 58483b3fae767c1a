#include "authority.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "file.h"
#include "keys.h"
#include "sealed_key.h"

static bp_status begin(struct bp_authority *a, const char *dir, struct bp_keyring *keys,
                       struct bp_err *err)
{
    *a = (struct bp_authority){.dir = bp_str_dup(bp_str(dir)), .keys = keys};
    return a->dir != NULL ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
}

static bp_status end(struct bp_authority *a, bp_status st, struct bp_authority *out)
{
    if (st == BP_OK)
        *out = *a;
    else
        bp_authority_close(a);
    return st;
}

static bp_status open_ledger(struct bp_authority *a, bool for_writing, struct bp_err *err)
{
    char *ledger = bp_path_join(a->dir, "ledger");
    char *data = ledger != NULL ? bp_path_join(ledger, "data.mdb") : NULL;
    bp_status st;

    if (data == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if (access(data, F_OK) != 0)
        st = bp_fail(err, BP_ENOENT, "%s: is not the folder of a CA; berbagi-ca init makes one",
                     a->dir);
    else
        st = bp_ledger_open(ledger, for_writing, &a->ledger, err);
    free(data);
    free(ledger);
    return st;
}

/* Room for one more, zeroed, counted. */
static struct bp_issuer *grow(struct bp_authority *a)
{
    struct bp_issuer *more = realloc(a->issuers, (a->n_issuers + 1) * sizeof(*more));
    if (more == NULL)
        return NULL;
    a->issuers = more;
    more[a->n_issuers] = (struct bp_issuer){.cert = NULL};
    return &more[a->n_issuers++];
}

static bp_status see_ca(void *context, const struct bp_ca_record *r, struct bp_err *err)
{
    const unsigned char *der = (const unsigned char *)r->der.p;
    struct bp_issuer *issuer = grow(context);
    if (issuer == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    issuer->record = *r;
    issuer->record.der = bp_str(NULL);
    if ((issuer->cert = d2i_X509(NULL, &der, (long)r->der.n)) == NULL)
        return bp_fail(err, BP_ECORRUPT, "ledger: the certificate of the CA %s is damaged",
                       r->name);
    return BP_OK;
}

bp_status bp_authority_open(const char *dir, enum bp_authority_mode mode, struct bp_keyring *keys,
                            struct bp_authority *out, struct bp_err *err)
{
    struct bp_authority a;
    bp_status st = begin(&a, dir, keys, err);
    if (st == BP_OK)
        st = open_ledger(&a, mode == BP_FOR_WRITING, err);
    if (st == BP_OK && mode == BP_FOR_WRITING)
        st = bp_staging_recover(a.ledger, dir, err);
    if (st == BP_OK)
        st = bp_ledger_each_ca(a.ledger, see_ca, &a, err);
    return end(&a, st, out);
}

bp_status bp_authority_create(const char *dir, const char *trust_domain, bool is_development,
                              struct bp_keyring *keys, struct bp_authority *out, struct bp_err *err)
{
    struct bp_authority a;
    char *ledger = bp_path_join(dir, "ledger");
    bp_status st = begin(&a, dir, keys, err);

    if (st == BP_OK && ledger == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK && (st = bp_dir_make(ledger, 0700, err)) == BP_OK)
        st = bp_ledger_create(ledger, trust_domain, is_development, &a.ledger, err);
    free(ledger);
    return end(&a, st, out);
}

bp_status bp_authority_commit(struct bp_authority *a, struct bp_err *err)
{
    return bp_staging_commit(&a->staging, a->ledger, a->dir, err);
}

void bp_authority_close(struct bp_authority *a)
{
    for (size_t i = 0; i < a->n_issuers; i++) {
        X509_free(a->issuers[i].cert);
        EVP_PKEY_free(a->issuers[i].key);
    }
    free(a->issuers);
    bp_staging_fini(&a->staging);
    bp_ledger_close(a->ledger);
    free(a->dir);
    *a = (struct bp_authority){0};
}

struct bp_issuer *bp_authority_find(const struct bp_authority *a, enum bp_ca role,
                                    enum bp_ca_state state)
{
    for (size_t i = 0; i < a->n_issuers; i++) {
        if (a->issuers[i].record.role == role && a->issuers[i].record.state == state)
            return &a->issuers[i];
    }
    return NULL;
}

struct bp_issuer *bp_authority_by_number(const struct bp_authority *a, uint32_t number)
{
    for (size_t i = 0; i < a->n_issuers; i++) {
        if (a->issuers[i].record.number == number)
            return &a->issuers[i];
    }
    return NULL;
}

bp_status bp_issuer_unlock(const struct bp_authority *a, struct bp_issuer *issuer,
                           struct bp_err *err)
{
    BP_ASSERT(a->keys != NULL);
    return issuer->key != NULL
               ? BP_OK
               : bp_keyring_open(a->keys, a->dir, &issuer->record, issuer->cert, &issuer->key, err);
}

bp_status bp_authority_unlock(const struct bp_authority *a, struct bp_err *err)
{
    bp_status st = BP_OK;
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++) {
        struct bp_issuer *issuer = bp_authority_find(a, (enum bp_ca)kind, BP_CA_SIGNING);
        if (issuer != NULL)
            st = bp_issuer_unlock(a, issuer, err);
    }
    return st;
}

bp_status bp_authority_make_key(const struct bp_authority *a, enum bp_ca role, const char *key_uri,
                                EVP_PKEY **out, struct bp_err *err)
{
    return key_uri[0] != '\0' ? bp_keyring_open_token(a->keys, role, key_uri, out, err)
                              : bp_key_make(out, err);
}

bp_status bp_authority_stage(struct bp_authority *a, const char *name, const struct bp_buf *content,
                             unsigned mode, struct bp_err *err)
{
    return bp_staging_add(&a->staging, a->ledger, a->dir, name, content->p, content->n, mode, err);
}

bp_status bp_authority_stage_key(struct bp_authority *a, const struct bp_issuer *issuer,
                                 const struct bp_secret *passphrase, struct bp_err *err)
{
    char name[40];
    struct bp_buf text = {0};
    bp_status st = bp_sealed_key_encode(issuer->key, passphrase, &text, err);
    snprintf(name, sizeof(name), "%s/key.pem", issuer->record.name);
    if (st == BP_OK)
        st = bp_authority_stage(a, name, &text, 0600, err);
    if (text.p != NULL)
        bp_wipe(text.p, text.n);
    bp_buf_fini(&text);
    return st;
}

static bp_status stage_folder(struct bp_authority *a, const struct bp_issuer *issuer,
                              struct bp_err *err)
{
    const struct bp_secret *passphrase = NULL;
    char *folder = bp_path_join(a->dir, issuer->record.name);
    char name[40];
    struct bp_buf pem = {0};
    bp_status st =
        folder != NULL ? bp_dir_make(folder, 0700, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    snprintf(name, sizeof(name), "%s/cert.pem", issuer->record.name);
    if (st == BP_OK && (st = bp_cert_pem(issuer->cert, &pem, err)) == BP_OK)
        st = bp_authority_stage(a, name, &pem, 0644, err);
    if (st == BP_OK && issuer->record.key_uri[0] == '\0' &&
        (st = bp_keyring_choose(a->keys, issuer->record.role, &passphrase, err)) == BP_OK)
        st = bp_authority_stage_key(a, issuer, passphrase, err);
    bp_buf_fini(&pem);
    free(folder);
    return st;
}

static bp_status put_ca(struct bp_authority *a, const struct bp_issuer *issuer, struct bp_err *err)
{
    struct bp_ca_record r = issuer->record;
    unsigned char *der = NULL;
    const int n = i2d_X509(issuer->cert, &der);
    bp_status st;
    if (n <= 0)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    r.der = bp_str_of(der, (size_t)n);
    st = bp_ledger_put_ca(a->ledger, &r, err);
    OPENSSL_free(der);
    return st;
}

/* "agency", then "agency.2", "agency.3". */
static void make_name(const struct bp_authority *a, enum bp_ca role, char *out, size_t size)
{
    unsigned earlier = 0;
    for (size_t i = 0; i + 1 < a->n_issuers; i++)
        earlier += a->issuers[i].record.role == role;
    if (earlier == 0)
        snprintf(out, size, "%s", bp_ca_name(role));
    else
        snprintf(out, size, "%s.%u", bp_ca_name(role), earlier + 1);
}

bp_status bp_authority_add(struct bp_authority *a, enum bp_ca role, enum bp_ca_state state,
                           const struct bp_issuer *root, X509 *cert, EVP_PKEY *key,
                           const char *key_uri, struct bp_err *err)
{
    const uint32_t number = (uint32_t)a->n_issuers + 1;
    const uint32_t root_number = root != NULL ? root->record.number : number;
    struct bp_issuer *issuer = grow(a); /* from here root may be elsewhere */
    bp_status st;

    if (issuer == NULL) {
        X509_free(cert);
        EVP_PKEY_free(key);
        return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    issuer->record = (struct bp_ca_record){
        .number = number, .role = role, .state = state, .root = root_number, .since_s = bp_now_s()};
    make_name(a, role, issuer->record.name, sizeof(issuer->record.name));
    (void)bp_str_copy(issuer->record.key_uri, sizeof(issuer->record.key_uri), bp_str(key_uri));
    issuer->cert = cert;
    issuer->key = key;
    if ((st = put_ca(a, issuer, err)) == BP_OK)
        st = stage_folder(a, issuer, err);
    if (st == BP_OK && root_number != number)
        st = bp_authority_record(a, bp_authority_by_number(a, root_number), issuer->record.name,
                                 cert, err);
    return st;
}

bp_status bp_authority_set_state(struct bp_authority *a, struct bp_issuer *issuer,
                                 enum bp_ca_state state, struct bp_err *err)
{
    issuer->record.state = state;
    issuer->record.since_s = bp_now_s();
    return put_ca(a, issuer, err);
}

/* The CAs that count, of one role or, with BP_CAS, of all. */
static bp_status stage_cas(struct bp_authority *a, const char *name, int role, struct bp_err *err)
{
    struct bp_buf pem = {0};
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        const struct bp_ca_record *r = &a->issuers[i].record;
        if (r->state != BP_CA_WITHDRAWN && (role == BP_CAS || role == (int)r->role))
            st = bp_cert_pem(a->issuers[i].cert, &pem, err);
    }
    if (st == BP_OK)
        st = bp_authority_stage(a, name, &pem, 0644, err);
    bp_buf_fini(&pem);
    return st;
}

bp_status bp_authority_stage_bundle(struct bp_authority *a, struct bp_err *err)
{
    char *folder = bp_path_join(a->dir, "issuers");
    bp_status st =
        folder != NULL ? bp_dir_make(folder, 0755, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++) {
        char name[40];
        snprintf(name, sizeof(name), "issuers/%s.pem", bp_ca_name((enum bp_ca)kind));
        st = stage_cas(a, name, kind, err);
    }
    free(folder);
    return st == BP_OK ? stage_cas(a, "ca.pem", BP_CAS, err) : st;
}

bp_status bp_authority_record(struct bp_authority *a, const struct bp_issuer *issuer,
                              const char *name, const X509 *cert, struct bp_err *err)
{
    struct bp_record r = {
        .issuer = issuer->record.role, .ca = issuer->record.number, .issued_s = bp_now_s()};
    unsigned char *der = NULL;
    int64_t not_after_ns;
    char serial[48];
    bp_status st;
    const int n = i2d_X509(cert, &der);

    if (n <= 0)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    if (!bp_serial_format(X509_get0_serialNumber(cert), serial) ||
        !bp_serial_parse(bp_str(serial), r.serial) ||
        !bp_time_of_asn1(X509_get0_notAfter(cert), &not_after_ns) ||
        !bp_str_copy(r.name, sizeof(r.name), bp_str(name))) {
        st = bp_fail(err, BP_EINVAL, "the certificate does not fit the ledger");
    } else {
        r.not_after_s = not_after_ns / BP_NS_PER_S;
        r.der = bp_str_of(der, (size_t)n);
        st = bp_ledger_add(a->ledger, &r, err);
    }
    OPENSSL_free(der);
    return st;
}
