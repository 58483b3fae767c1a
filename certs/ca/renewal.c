#include "renewal.h"

#include "digest.h"
#include "request.h"

/* The certificate's own hosts, as text. */
struct hosts {
    char **items;
    size_t n;
};

static void hosts_fini(struct hosts *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->items[i]);
    free(h->items);
}

/* NULL: out of memory, or no host. */
static char *host_text(const GENERAL_NAME *name)
{
    struct bp_buf text = {0};
    char *host =
        bp_subject_host_text(name, &text) && !text.failed ? bp_str_dup(bp_buf_str(&text)) : NULL;
    bp_buf_fini(&text);
    return host;
}

static bp_status read_hosts(const X509 *cert, struct hosts *out, struct bp_err *err)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    const int n = sk_GENERAL_NAME_num(names);
    bp_status st = BP_OK;

    out->items = calloc(n > 0 ? (size_t)n : 1, sizeof(char *));
    for (int i = 0; out->items != NULL && st == BP_OK && i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        if ((out->items[out->n] = host_text(name)) == NULL)
            st = bp_fail(err, BP_EINVAL, "its names cannot be read");
        else
            out->n++;
    }
    GENERAL_NAMES_free(names);
    return out->items != NULL ? st : bp_fail(err, BP_ENOMEM, "out of memory");
}

static bp_status check_record(const struct bp_authority *a, const struct bp_record *r,
                              const struct bp_identity *held, struct bp_err *err)
{
    const struct bp_issuer *issuer = bp_authority_by_number(a, r->ca);
    uint8_t digest[BP_SHA256_BYTES];

    bp_sha256(r->der.p, r->der.n, digest);
    if (r->issuer != (enum bp_ca)held->kind || strcmp(r->name, held->name) != 0 ||
        memcmp(digest, held->fingerprint, sizeof(digest)) != 0)
        return bp_fail(err, BP_ENOENT, "another certificate with this serial was signed here");
    if (r->revoked_s != 0)
        return bp_fail(err, BP_EPERM, "it is revoked (%s)", bp_reason_name(r->reason));
    if (r->not_after_s < bp_now_s())
        return bp_fail(err, BP_EPERM,
                       "it is over: its holder must be known anew, and sign is for "
                       "that");
    if (issuer == NULL || issuer->record.state == BP_CA_WITHDRAWN)
        return bp_fail(err, BP_EPERM, "its CA is withdrawn");
    return BP_OK;
}

static bp_status find_held(const struct bp_authority *a, const struct bp_identity *held,
                           struct bp_record *out, struct bp_err *err)
{
    uint8_t serial[BP_SERIAL_BYTES];
    bp_status st;
    if (!bp_serial_parse(bp_str(held->serial), serial))
        return bp_fail(err, BP_ENOENT, "no certificate with this serial was signed here");
    st = bp_ledger_get(a->ledger, serial, out, err);
    return st == BP_OK ? check_record(a, out, held, err) : st;
}

static bp_status sign_for(struct bp_authority *a, const struct bp_renewal *what, const X509 *old,
                          struct bp_signed *out, struct bp_err *err)
{
    struct hosts hosts = {.n = 0};
    X509_REQ *request = NULL;
    bp_status st = read_hosts(old, &hosts, err);
    if (st == BP_OK)
        st = bp_request_parse(what->request_pem, &request, err);
    if (st == BP_OK) {
        const struct bp_subject s = {.trust_domain = bp_ledger_trust_domain(a->ledger),
                                     .kind = what->held->kind,
                                     .name = what->held->name,
                                     .hosts = (const char *const *)hosts.items,
                                     .n_hosts = hosts.n};
        st = bp_sign(a, &s, request, what->days, out, err);
    }
    X509_REQ_free(request);
    hosts_fini(&hosts);
    return st;
}

bp_status bp_renew(struct bp_authority *a, const struct bp_renewal *what, struct bp_signed *out,
                   struct bp_err *err)
{
    struct bp_signed made = {.not_after_s = 0};
    struct bp_record r;
    const unsigned char *der;
    X509 *old = NULL;
    bp_status st = find_held(a, what->held, &r, err);
    if (st != BP_OK)
        return bp_fail_in(err, st, "the certificate is not renewed");
    der = (const unsigned char *)r.der.p;
    if ((old = d2i_X509(NULL, &der, (long)r.der.n)) == NULL)
        return bp_fail(err, BP_ECORRUPT, "ledger: this certificate is damaged");
    bp_ledger_set_actor(a->ledger, what->actor, what->reason);
    if ((st = sign_for(a, what, old, &made, err)) == BP_OK &&
        (st = bp_ledger_note(a->ledger, err, "renew %s %s %s, held %s", made.serial,
                             bp_identity_kind_name(what->held->kind), what->held->name,
                             what->held->serial)) == BP_OK)
        st = bp_authority_commit(a, err);
    X509_free(old);
    if (st == BP_OK)
        *out = made;
    else
        bp_signed_fini(&made);
    return st;
}
