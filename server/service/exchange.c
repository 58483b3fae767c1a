#include "exchange.h"

#include <inttypes.h>

#include "wire.h"

bp_status bp_exchange_compile(const struct bp_exchange *x, struct bp_str source, uint64_t version,
                              struct bp_policy **out, struct bp_policy_findings *findings,
                              struct bp_err *err)
{
    Berbagi__V1__Policy *message =
        berbagi__v1__policy__unpack(NULL, source.n, (const uint8_t *)source.p);
    if (message == NULL)
        return bp_fail(err, BP_EINVAL, "the policy is not a berbagi.v1.Policy message");
    bp_status st = bp_policy_compile(message, version, x->schema, out, findings, err);
    berbagi__v1__policy__free_unpacked(message, NULL);
    return st;
}

/* What is in force before anybody applied anything: the operators of the command line, and nothing
 * else. */
static void first_policy(const struct bp_exchange *x, struct bp_buf *out)
{
    for (size_t i = 0; i < x->n_first_operators; i++) {
        size_t mark = bp_wire_begin_message(out, 4); /* Policy.operators */
        bp_wire_put_bytes(out, 1, bp_str(x->first_operators[i]));
        bp_wire_put_uint(out, 2, BERBAGI__V1__OPERATOR__ROLE__ROLE_POLICY);
        bp_wire_end_message(out, mark);
    }
}

bp_status bp_exchange_init(struct bp_exchange *x, struct bp_err *err)
{
    struct bp_buf content = {0};
    struct bp_policy_entry entry;
    x->policy = NULL;
    x->policy_source = NULL;
    BP_ASSERT(pthread_mutex_init(&x->lock, NULL) == 0);
    atomic_init(&x->today, bp_day_in_jakarta(bp_now_ns(x->clock)));

    bp_status st = bp_journal_policy(x->journal, &entry, &content);
    if (st != BP_OK)
        (void)bp_fail(err, st, "journal: the stored policy can't be read");
    else if (entry.version == 0)
        first_policy(x, &content);
    if (st == BP_OK && (st = bp_exchange_compile(x, bp_buf_str(&content), entry.version, &x->policy,
                                                 NULL, err)) != BP_OK)
        (void)bp_fail_in(err, st, "policy version %" PRIu64, entry.version);
    if (st == BP_OK && (x->policy_source = bp_blob_take(&content)) == NULL)
        st = bp_fail(err, BP_ENOMEM, "policy: out of memory");
    bp_buf_fini(&content);
    if (st != BP_OK)
        bp_exchange_fini(x);
    return st;
}

void bp_exchange_fini(struct bp_exchange *x)
{
    bp_policy_unref(x->policy);
    bp_blob_unref(x->policy_source);
    x->policy = NULL;
    x->policy_source = NULL;
    (void)pthread_mutex_destroy(&x->lock);
}

struct bp_policy *bp_exchange_policy(struct bp_exchange *x)
{
    (void)pthread_mutex_lock(&x->lock);
    struct bp_policy *policy = bp_policy_ref(x->policy);
    (void)pthread_mutex_unlock(&x->lock);
    return policy;
}

struct bp_blob *bp_exchange_policy_source(struct bp_exchange *x, uint64_t *version)
{
    (void)pthread_mutex_lock(&x->lock);
    struct bp_blob *source = bp_blob_ref(x->policy_source);
    *version = bp_policy_version(x->policy);
    (void)pthread_mutex_unlock(&x->lock);
    return source;
}

void bp_exchange_set_policy(struct bp_exchange *x, struct bp_policy *policy, struct bp_blob *source)
{
    (void)pthread_mutex_lock(&x->lock);
    struct bp_policy *old_policy = x->policy;
    struct bp_blob *old_source = x->policy_source;
    x->policy = policy;
    x->policy_source = source;
    (void)pthread_mutex_unlock(&x->lock);
    bp_policy_unref(old_policy);
    bp_blob_unref(old_source);
}

bp_day bp_exchange_today(struct bp_exchange *x)
{
    int now = bp_day_in_jakarta(bp_now_ns(x->clock));
    int latest = atomic_load(&x->today);
    while (now > latest && !atomic_compare_exchange_weak(&x->today, &latest, now))
        ;
    return now > latest ? now : latest;
}

const struct bp_agency *bp_exchange_caller(const struct bp_policy *policy,
                                           const struct bp_peer *peer, struct bp_rpc_status *status)
{
    if (peer->identity.kind != BP_IDENTITY_AGENCY) {
        *status = bp_rpc_status(BP_REASON_WRONG_KIND, "this call is for agencies");
        return NULL;
    }
    const struct bp_agency *agency = bp_policy_agency(policy, bp_str(peer->identity.name));
    if (agency == NULL)
        *status = bp_rpc_status(BP_REASON_UNKNOWN_AGENCY, "no agency %s is in the policy",
                                peer->identity.name);
    else if (bp_agency_is_suspended(agency))
        *status = bp_rpc_status(BP_REASON_AGENCY_SUSPENDED, "agency %s is suspended",
                                peer->identity.name);
    else
        return agency;
    return NULL;
}

bool bp_exchange_has_role(struct bp_exchange *x, const struct bp_peer *peer, int role,
                          struct bp_rpc_status *status)
{
    if (peer->identity.kind != BP_IDENTITY_OPERATOR) {
        *status = bp_rpc_status(BP_REASON_WRONG_KIND, "this call is for operators");
        return false;
    }
    struct bp_policy *policy = bp_exchange_policy(x);
    uint32_t roles = bp_policy_operator_roles(policy, bp_str(peer->identity.name));
    bp_policy_unref(policy);
    if ((roles >> role & 1) != 0)
        return true;
    *status = bp_rpc_status(BP_REASON_NO_ROLE, NULL);
    return false;
}

bool bp_exchange_admit(void *context, const struct bp_peer *peer,
                       const struct bp_rpc_method *method, struct bp_rpc_status *status)
{
    struct bp_exchange *x = context;
    bool admitted = true;
    if (method->callers == BP_RPC_FOR_ANYONE)
        return true;
    if ((method->callers >> peer->identity.kind & 1) == 0) {
        *status = bp_rpc_status(BP_REASON_WRONG_KIND, NULL);
        return false;
    }
    struct bp_policy *policy = bp_exchange_policy(x);
    if (peer->identity.kind == BP_IDENTITY_AGENCY) {
        admitted = bp_exchange_caller(policy, peer, status) != NULL;
    } else if (bp_policy_operator_roles(policy, bp_str(peer->identity.name)) == 0) {
        *status = bp_rpc_status(BP_REASON_UNKNOWN_OPERATOR, "no operator %s is in the policy",
                                peer->identity.name);
        admitted = false;
    }
    bp_policy_unref(policy);
    return admitted;
}
