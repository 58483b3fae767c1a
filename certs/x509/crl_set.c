/* The library's own CRL checking knows no grace period and fails open in gRPC, so the lists are
 * kept and asked here. A list belongs to a name and a key, not to a certificate: a CA whose
 * certificate was renewed keeps its list. */
#include "crl_set.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "clock.h"

#define CLOCK_SKEW_NS (300 * BP_NS_PER_S)

struct list {
    X509_CRL *crl;
    X509 *issuer; /* borrowed from the bundle */
    int64_t this_update_ns, next_update_ns;
};

struct bp_crl_set {
    const struct bp_trust *trust;
    int64_t grace_ns;
    struct list *lists; /* one for each CA of the bundle at most */
    size_t n;
};

struct bp_crl_set *bp_crl_set_create(const struct bp_trust *trust, uint64_t grace_s)
{
    const uint64_t most_s = INT64_MAX / BP_NS_PER_S;
    struct bp_crl_set *set = calloc(1, sizeof(*set));
    if (set == NULL)
        return NULL;
    set->lists = calloc((size_t)sk_X509_num(bp_trust_cas(trust)), sizeof(*set->lists));
    if (set->lists == NULL) {
        free(set);
        return NULL;
    }
    set->trust = trust;
    set->grace_ns = (int64_t)(grace_s < most_s ? grace_s : most_s) * BP_NS_PER_S;
    return set;
}

void bp_crl_set_destroy(struct bp_crl_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->n; i++)
        X509_CRL_free(set->lists[i].crl);
    free(set->lists);
    free(set);
}

static struct list *find_list(const struct bp_crl_set *set, const X509 *issuer)
{
    for (size_t i = 0; i < set->n; i++) {
        if (bp_certificate_is_same_authority(set->lists[i].issuer, issuer))
            return &set->lists[i];
    }
    return NULL;
}

/* Name first, then the signature: names may be shared by an old and a new CA. */
static X509 *find_signer(const struct bp_crl_set *set, X509_CRL *crl)
{
    const STACK_OF(X509) *cas = bp_trust_cas(set->trust);
    for (int i = 0; i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
            (X509_get_key_usage(ca) & KU_CRL_SIGN) != 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
            return ca;
    }
    return NULL;
}

/* Any critical extension narrows or changes what the list says (issuing distribution point, delta):
 * such a list would be read wrongly as a whole one. */
static bool has_critical_extension(const X509_CRL *crl)
{
    return X509_CRL_get_ext_by_critical(crl, 1, -1) >= 0 ||
           X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

static int64_t end_of(const struct bp_crl_set *set, int64_t next_update_ns)
{
    int64_t end_ns;
    return __builtin_add_overflow(next_update_ns, set->grace_ns, &end_ns) ? INT64_MAX : end_ns;
}

static bool is_out_of_date(const struct bp_crl_set *set, const struct list *list, int64_t now_ns)
{
    return now_ns > end_of(set, list->next_update_ns);
}

static bp_status fail_out_of_date(const struct list *list, bp_status st, struct bp_err *err)
{
    char subject[128], time[36];
    bp_subject_describe(list->issuer, subject, sizeof(subject));
    bp_time_format(list->next_update_ns, time);
    return bp_fail(err, st, "the CRL of %s should have been replaced by %s", subject, time);
}

static bp_status check_list(const struct bp_crl_set *set, struct list *list, int64_t now_ns,
                            struct bp_err *err)
{
    char subject[128];

    if ((list->issuer = find_signer(set, list->crl)) == NULL)
        return bp_fail(err, BP_EINVAL, "a CRL in it is not signed by a CA of the bundle");
    bp_subject_describe(list->issuer, subject, sizeof(subject));
    if (has_critical_extension(list->crl))
        return bp_fail(err, BP_EINVAL, "the CRL of %s is a partial one", subject);
    if (!bp_time_of_asn1(X509_CRL_get0_lastUpdate(list->crl), &list->this_update_ns) ||
        !bp_time_of_asn1(X509_CRL_get0_nextUpdate(list->crl), &list->next_update_ns))
        return bp_fail(err, BP_EINVAL, "the CRL of %s lacks thisUpdate or nextUpdate", subject);
    if (is_out_of_date(set, list, now_ns))
        return fail_out_of_date(list, BP_EINVAL, err);
    if (now_ns < list->this_update_ns && list->this_update_ns - now_ns > CLOCK_SKEW_NS)
        return bp_fail(err, BP_EINVAL, "the CRL of %s begins in the future", subject);
    return BP_OK;
}

/* Keeps the newer of two lists of one CA; takes list->crl in any case. */
static void keep_newest(struct bp_crl_set *set, struct list *list)
{
    struct list *known = find_list(set, list->issuer);
    if (known == NULL) {
        set->lists[set->n++] = *list;
        return;
    }
    if (list->this_update_ns >= known->this_update_ns) {
        X509_CRL_free(known->crl);
        *known = *list;
    } else {
        X509_CRL_free(list->crl);
    }
}

static bp_status add_all(struct bp_crl_set *set, BIO *bio, int64_t now_ns, struct bp_err *err)
{
    size_t taken = 0;
    bp_status st;
    for (;; taken++) {
        struct list list = {.crl = PEM_read_bio_X509_CRL(bio, NULL, bp_no_passphrase, NULL)};
        if (list.crl == NULL)
            break;
        if ((st = check_list(set, &list, now_ns, err)) != BP_OK) {
            X509_CRL_free(list.crl);
            return st;
        }
        keep_newest(set, &list);
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return bp_fail(err, BP_EINVAL, "CRL %zu in it cannot be read: %s", taken + 1,
                       bp_openssl_reason());
    return taken > 0 ? BP_OK : bp_fail(err, BP_EINVAL, "no CRL in it");
}

bp_status bp_crl_set_add(struct bp_crl_set *set, struct bp_str pem, int64_t now_ns,
                         struct bp_err *err)
{
    bp_status st;
    BIO *bio;
    if (pem.n == 0 || pem.n > INT32_MAX)
        return bp_fail(err, BP_EINVAL, "no CRL in it");
    if ((bio = BIO_new_mem_buf(pem.p, (int)pem.n)) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    ERR_set_mark();
    st = add_all(set, bio, now_ns, err);
    ERR_pop_to_mark();
    BIO_free(bio);
    return st;
}

bp_status bp_crl_set_check_complete(const struct bp_crl_set *set, struct bp_err *err)
{
    const STACK_OF(X509) *cas = bp_trust_cas(set->trust);
    char subject[128];
    for (int i = 0; i < sk_X509_num(cas); i++) {
        if (find_list(set, sk_X509_value(cas, i)) != NULL)
            continue;
        bp_subject_describe(sk_X509_value(cas, i), subject, sizeof(subject));
        return bp_fail(err, BP_EINVAL, "no CRL of %s is among those given", subject);
    }
    return BP_OK;
}

bp_status bp_crl_set_check_current(const struct bp_crl_set *set, int64_t now_ns, struct bp_err *err)
{
    for (size_t i = 0; i < set->n; i++) {
        if (is_out_of_date(set, &set->lists[i], now_ns))
            return fail_out_of_date(&set->lists[i], BP_EAUTH, err);
    }
    return BP_OK;
}

static bp_status check_one(const struct bp_crl_set *set, const X509 *cert, const X509 *issuer,
                           int64_t now_ns, struct bp_err *err)
{
    char subject[128];
    X509_REVOKED *entry = NULL;
    const struct list *list = find_list(set, issuer);

    bp_subject_describe(issuer, subject, sizeof(subject));
    if (list == NULL)
        return bp_fail(err, BP_EAUTH, "no CRL of its issuer %s is known", subject);
    if (is_out_of_date(set, list, now_ns))
        return fail_out_of_date(list, BP_EAUTH, err);
    /* 1: revoked, 2: to be removed from a delta list, which is no revocation. */
    if (X509_CRL_get0_by_serial(list->crl, &entry, X509_get0_serialNumber(cert)) != 1)
        return BP_OK;
    return bp_fail(err, BP_EPERM, "revoked by %s", subject);
}

bp_status bp_crl_set_check(const struct bp_crl_set *set, const STACK_OF(X509) * chain,
                           int64_t now_ns, struct bp_err *err)
{
    bp_status st;
    ERR_set_mark();
    st = BP_OK;
    for (int i = 0; st == BP_OK && i + 1 < sk_X509_num(chain); i++)
        st = check_one(set, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), now_ns, err);
    ERR_pop_to_mark();
    return st;
}

int64_t bp_crl_set_next_update_ns(const struct bp_crl_set *set)
{
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < set->n; i++)
        earliest =
            set->lists[i].next_update_ns < earliest ? set->lists[i].next_update_ns : earliest;
    return earliest;
}

size_t bp_crl_set_revoked(const struct bp_crl_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        int entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(set->lists[i].crl));
        n += entries > 0 ? (size_t)entries : 0;
    }
    return n;
}

int64_t bp_crl_set_end_ns(const struct bp_crl_set *set)
{
    return end_of(set, bp_crl_set_next_update_ns(set));
}
