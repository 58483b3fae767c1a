/* GetPolicy and ListPolicyVersions: what is read, and what is cut out of it, on the worker, because
 * a policy may be 64 MiB and the queue's thread has events to answer. */
#include "policy_service_internal.h"
#include "rpc_answer.h"
#include "wire.h"

#define VERSIONS_DEFAULT 50u
#define VERSIONS_MAX 200u

/* Field numbers of GetPolicyResponse, PolicyVersion and Policy. */
enum { ANSWER_VERSION = 1, ANSWER_POLICY, ANSWER_ABOUT };
enum {
    ABOUT_VERSION = 1,
    ABOUT_STATE,
    ABOUT_REPLACES,
    ABOUT_APPLIED_AT,
    ABOUT_APPLIED_BY,
    ABOUT_APPROVED_AT,
    ABOUT_APPROVED_BY,
    ABOUT_AGENCIES,
    ABOUT_AGREEMENTS,
    ABOUT_GRANTS,
    ABOUT_OPERATORS
};
enum { POLICY_AGENCIES = 1, POLICY_AGREEMENTS = 2, POLICY_OPERATORS = 4, AGREEMENT_GRANTS = 8 };

#define LOOKUPS_MAX 32 /* under way; each takes a whole policy apart */

struct lookup {
    struct bp_policy_return back;
    struct bp_job job;
    struct bp_policy_service *service;
    struct bp_rpc_call *call; /* a reference */
    char agency[65];          /* whose part is asked for; "": an operator, who gets all */
    uint64_t version;         /* GetPolicy: 0 = in force; ListPolicyVersions: those before it */
    uint32_t most;
    struct bp_buf out;
    struct bp_rpc_status status;
};

static struct lookup *lookup_of_job(struct bp_job *job)
{
    return (struct lookup *)((char *)job - offsetof(struct lookup, job));
}

static void release(struct lookup *l)
{
    bp_buf_fini(&l->out);
    bp_rpc_call_unref(l->call);
    free(l);
}

static void handle_return(struct bp_policy_return *back)
{
    struct lookup *l = (struct lookup *)back; /* its first member */
    l->service->lookups--;
    if (l->status.code == BP_RPC_OK)
        bp_answer(l->call, &l->out);
    else
        bp_refuse(l->call, l->status);
    release(l);
}

static struct lookup *lookup_create(struct bp_policy_service *s, struct bp_rpc_call *call)
{
    struct lookup *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return NULL;
    }
    l->back.handle = handle_return;
    l->service = s;
    l->call = bp_rpc_call_ref(call);
    l->status = BP_RPC_STATUS_OK;
    return l;
}

static void start(struct lookup *l, void (*run)(struct bp_job *job))
{
    struct bp_policy_service *s = l->service;
    struct bp_rpc_status status = bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL);
    l->job.run = run;
    if (s->lookups == LOOKUPS_MAX) {
        status = bp_rpc_status(BP_REASON_BUSY, NULL);
        status.retry_after_ms = 1000;
    } else if (bp_worker_submit(s->rehearser, &l->job)) {
        s->lookups++;
        return;
    }
    bp_refuse(l->call, status);
    release(l);
}

/* --- what is said of a version --- */

static Berbagi__V1__PolicyVersion__State state_of(const struct bp_policy_entry *e,
                                                  uint64_t in_force)
{
    if (e->version == in_force)
        return BERBAGI__V1__POLICY_VERSION__STATE__STATE_IN_FORCE;
    if (!e->is_proposal || e->approver[0] != '\0')
        return BERBAGI__V1__POLICY_VERSION__STATE__STATE_REPLACED;
    return e->replaces == in_force ? BERBAGI__V1__POLICY_VERSION__STATE__STATE_PENDING
                                   : BERBAGI__V1__POLICY_VERSION__STATE__STATE_OVERTAKEN;
}

static uint64_t count(struct bp_str message, uint32_t number)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    uint64_t n = 0;
    while (bp_wire_next(&w, &f))
        n += f.number == number;
    return n;
}

static uint64_t count_grants(struct bp_str policy)
{
    struct bp_wire w = bp_wire_of(policy);
    struct bp_wire_field f;
    uint64_t n = 0;
    while (bp_wire_next(&w, &f)) {
        if (f.number == POLICY_AGREEMENTS && f.type == BP_WIRE_LEN)
            n += count(f.bytes, AGREEMENT_GRANTS);
    }
    return n;
}

static void put_about(struct bp_buf *out, uint32_t number, const struct bp_policy_entry *e,
                      uint64_t in_force, struct bp_str policy)
{
    size_t mark = bp_wire_begin_message(out, number);
    bp_wire_put_uint(out, ABOUT_VERSION, e->version);
    bp_wire_put_uint(out, ABOUT_STATE, (uint64_t)state_of(e, in_force));
    bp_wire_put_uint(out, ABOUT_REPLACES, e->replaces);
    bp_wire_put_time(out, ABOUT_APPLIED_AT, e->applied_at_ns);
    bp_wire_put_bytes(out, ABOUT_APPLIED_BY, bp_str(e->actor));
    if (e->approver[0] != '\0') {
        bp_wire_put_time(out, ABOUT_APPROVED_AT, e->approved_at_ns);
        bp_wire_put_bytes(out, ABOUT_APPROVED_BY, bp_str(e->approver));
    }
    bp_wire_put_uint(out, ABOUT_AGENCIES, count(policy, POLICY_AGENCIES));
    bp_wire_put_uint(out, ABOUT_AGREEMENTS, count(policy, POLICY_AGREEMENTS));
    bp_wire_put_uint(out, ABOUT_GRANTS, count_grants(policy));
    bp_wire_put_uint(out, ABOUT_OPERATORS, count(policy, POLICY_OPERATORS));
    bp_wire_end_message(out, mark);
}

/* --- GetPolicy --- */

static bool put_part(struct lookup *l, const struct bp_blob *source)
{
    Berbagi__V1__Policy *whole = berbagi__v1__policy__unpack(NULL, source->n, source->p);
    Berbagi__V1__Policy *part = whole != NULL ? bp_policy_part_of(whole, bp_str(l->agency)) : NULL;
    if (whole != NULL)
        berbagi__v1__policy__free_unpacked(whole, NULL);
    if (part == NULL)
        return false;
    size_t mark = bp_wire_begin_message(&l->out, ANSWER_POLICY);
    uint8_t *to = bp_buf_reserve(&l->out, berbagi__v1__policy__get_packed_size(part) + 1);
    if (to != NULL)
        l->out.n += berbagi__v1__policy__pack(part, to);
    bp_wire_end_message(&l->out, mark);
    berbagi__v1__policy__free_unpacked(part, NULL);
    return true;
}

static void get_in_force(struct lookup *l)
{
    uint64_t version;
    struct bp_blob *source = bp_exchange_policy_source(l->service->x, &version);
    bp_wire_put_uint(&l->out, ANSWER_VERSION, version);
    if (l->agency[0] == '\0')
        bp_wire_put_bytes(&l->out, ANSWER_POLICY, bp_str_of(source->p, source->n));
    else if (!put_part(l, source))
        l->out.failed = true;
    bp_blob_unref(source);
}

static void get_version(struct lookup *l)
{
    struct bp_journal *j = l->service->x->journal;
    struct bp_policy_entry entry;
    struct bp_buf content = {0};
    uint64_t in_force = bp_journal_policy_version(j);
    bp_status st = bp_journal_policy_at(j, l->version, &entry, &content);
    if (st == BP_OK) {
        bp_wire_put_uint(&l->out, ANSWER_VERSION, l->version);
        bp_wire_put_bytes(&l->out, ANSWER_POLICY, bp_buf_str(&content));
        put_about(&l->out, ANSWER_ABOUT, &entry, in_force, bp_buf_str(&content));
    } else {
        l->status = st == BP_ENOENT ? bp_rpc_status(BP_REASON_UNKNOWN_VERSION, NULL)
                                    : bp_rpc_status_of(st, NULL);
    }
    bp_buf_fini(&content);
}

static void get(struct bp_job *job)
{
    struct lookup *l = lookup_of_job(job);
    if (l->version == 0)
        get_in_force(l);
    else
        get_version(l);
    bp_returns_push(&l->service->returns, &l->back.mail);
}

/* An agency may name the version in force; others are for operators. */
static bool may_get(struct bp_policy_service *s, struct bp_rpc_call *call, uint64_t *version)
{
    uint64_t in_force;
    if (*version == 0 || bp_rpc_call_peer(call)->identity.kind == BP_IDENTITY_OPERATOR)
        return true;
    bp_blob_unref(bp_exchange_policy_source(s->x, &in_force));
    if (*version != in_force) {
        bp_refuse(call, bp_rpc_status(BP_REASON_WRONG_KIND,
                                      "versions that are not in force are for operators"));
        return false;
    }
    *version = 0;
    return true;
}

static void get_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    Berbagi__V1__GetPolicyRequest *m =
        berbagi__v1__get_policy_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.GetPolicyRequest message"));
        return;
    }
    uint64_t version = m->version;
    berbagi__v1__get_policy_request__free_unpacked(m, NULL);
    struct lookup *l = may_get(s, call, &version) ? lookup_create(s, call) : NULL;
    if (l == NULL)
        return;
    l->version = version;
    if (peer->identity.kind != BP_IDENTITY_OPERATOR)
        (void)bp_str_copy(l->agency, sizeof(l->agency), bp_str(peer->identity.name));
    start(l, get);
}

/* --- ListPolicyVersions --- */

static void list(struct bp_job *job)
{
    struct lookup *l = lookup_of_job(job);
    struct bp_journal *j = l->service->x->journal;
    uint64_t in_force = bp_journal_policy_version(j), newest = bp_journal_newest_version(j);
    uint64_t v = l->version == 0 || l->version > newest ? newest + 1 : l->version;
    struct bp_buf content = {0};
    bp_status st = BP_OK;
    for (uint32_t n = 0; st == BP_OK && v > 1 && n < l->most; n++) {
        struct bp_policy_entry entry;
        bp_buf_clear(&content);
        if ((st = bp_journal_policy_at(j, --v, &entry, &content)) == BP_OK)
            put_about(&l->out, 1, &entry, in_force, bp_buf_str(&content));
    }
    if (st != BP_OK)
        l->status = bp_rpc_status_of(st, NULL);
    bp_buf_fini(&content);
    bp_returns_push(&l->service->returns, &l->back.mail);
}

static void list_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    if (!bp_exchange_has_role(s->x, bp_rpc_call_peer(call),
                              BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER, &status)) {
        bp_refuse(call, status);
        return;
    }
    Berbagi__V1__ListPolicyVersionsRequest *m =
        berbagi__v1__list_policy_versions_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ListPolicyVersionsRequest message"));
        return;
    }
    struct lookup *l = lookup_create(s, call);
    if (l != NULL) {
        uint32_t most = m->max_versions == 0 ? VERSIONS_DEFAULT : m->max_versions;
        l->most = most < VERSIONS_MAX ? most : VERSIONS_MAX;
        l->version = m->before_version;
        start(l, list);
    }
    berbagi__v1__list_policy_versions_request__free_unpacked(m, NULL);
}

const struct bp_rpc_method bp_policy_get_method = {
    .path = "/berbagi.v1.PolicyService/GetPolicy",
    .callers = BP_RPC_FOR_AGENCIES | BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_policy_begin,
    .message = get_message,
    .over = bp_policy_over,
};

const struct bp_rpc_method bp_policy_list_method = {
    .path = "/berbagi.v1.PolicyService/ListPolicyVersions",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_policy_begin,
    .message = list_message,
    .over = bp_policy_over,
};
