#include "bundle.h"

#include "trust.h"

static bool holds(const STACK_OF(X509) * all, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(all); i++) {
        if (X509_cmp(sk_X509_value(all, i), cert) == 0)
            return true;
    }
    return false;
}

static bool is_root(X509 *cert)
{
    return X509_self_signed(cert, 0) == 1;
}

static bool is_vouched_for(const struct bp_trust *known, X509 *cert, STACK_OF(X509) * offer,
                           int64_t now_ns)
{
    STACK_OF(X509) *chain = NULL;
    if (bp_trust_verify(known, cert, offer, BP_USE_AS_CA, now_ns, &chain, NULL) != BP_OK)
        return false;
    bp_certificates_free(chain);
    return true;
}

static bp_status take_offer(const struct bp_trust *known, STACK_OF(X509) * offer, int64_t now_ns,
                            struct bp_bundle *b, bool *has_root, struct bp_err *err)
{
    bp_status st = BP_OK;
    for (int i = 0; st == BP_OK && i < sk_X509_num(offer); i++) {
        X509 *cert = sk_X509_value(offer, i);
        const bool is_known = holds(bp_trust_cas(known), cert);
        if (!is_known && !is_vouched_for(known, cert, offer, now_ns)) {
            b->n_strange++;
            continue;
        }
        b->is_new = b->is_new || !is_known;
        *has_root = *has_root || (is_known && is_root(cert));
        st = bp_cert_pem(cert, &b->next, err);
    }
    return st;
}

/* What is known and not in the offer any more. */
static bp_status add_rest(const struct bp_trust *known, const STACK_OF(X509) * offer,
                          struct bp_bundle *b, struct bp_err *err)
{
    const STACK_OF(X509) *cas = bp_trust_cas(known);
    bp_status st = BP_OK;
    bp_buf_add_str(&b->both, bp_buf_str(&b->next));
    for (int i = 0; st == BP_OK && i < sk_X509_num(cas); i++) {
        if (holds(offer, sk_X509_value(cas, i)))
            continue;
        b->is_new = true;
        st = bp_cert_pem(sk_X509_value(cas, i), &b->both, err);
    }
    return st;
}

static bp_status compare(const struct bp_trust *known, STACK_OF(X509) * offer, int64_t now_ns,
                         struct bp_bundle *b, struct bp_err *err)
{
    bool has_root = false;
    bp_status st = take_offer(known, offer, now_ns, b, &has_root, err);
    if (st == BP_OK)
        st = add_rest(known, offer, b, err);
    b->is_new = b->is_new && has_root;
    return st;
}

bp_status bp_bundle_compare(struct bp_str known, struct bp_str offer, int64_t now_ns,
                            struct bp_bundle *out, struct bp_err *err)
{
    struct bp_bundle b = {.is_new = false};
    struct bp_trust *trust = NULL;
    STACK_OF(X509) *offered = NULL;
    bp_status st = bp_trust_load(known, &trust, err);
    if (st == BP_OK && (st = bp_certificates_parse(offer, &offered, err)) == BP_OK)
        st = compare(trust, offered, now_ns, &b, err);
    bp_certificates_free(offered);
    bp_trust_destroy(trust);
    if (st == BP_OK)
        *out = b;
    else
        bp_bundle_fini(&b);
    return st;
}

void bp_bundle_fini(struct bp_bundle *b)
{
    bp_buf_fini(&b->next);
    bp_buf_fini(&b->both);
}
