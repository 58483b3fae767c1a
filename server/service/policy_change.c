/* ApplyPolicy and ApprovePolicy. A change goes: role and version here, compilation and difference
 * on the worker, the entry in the log by the sequencer; and on the sequencer's thread, before any
 * later event is answered, the new version is put in force. So an event that was judged by the old
 * one comes back and is judged again by the new.
 *
 * Where the policy in force asks for an approval, what is applied is stored as a proposal; its
 * approval reads it back from the log and goes the same way. */
#include <inttypes.h>
#include <stdio.h>

#include "log.h"
#include "policy_service_internal.h"
#include "rpc_answer.h"
#include "usage.h"

struct change {
    struct bp_policy_return back;
    struct bp_job job;
    struct bp_policy_submission submission;
    struct bp_policy_service *service;
    struct bp_rpc_call *call; /* a reference */
    char actor[80];
    enum bp_policy_act act;
    bool dry_run;
    uint64_t expected_version; /* in force */
    uint64_t version;          /* the one it makes, or approves */
    struct bp_blob *source;    /* serialized Policy */
    struct bp_policy *policy;
    Berbagi__V1__ApplyPolicyResponse response;
    struct bp_rpc_status status; /* of the worker */
    bp_status stored;
    bool was_submitted;
};

static struct change *change_of_job(struct bp_job *job)
{
    return (struct change *)((char *)job - offsetof(struct change, job));
}

static void free_changes(Berbagi__V1__ApplyPolicyResponse *response)
{
    for (size_t i = 0; i < response->n_changes; i++)
        berbagi__v1__policy_change__free_unpacked(response->changes[i], NULL);
    free(response->changes);
}

static void release(struct change *c)
{
    bp_policy_unref(c->policy);
    bp_blob_unref(c->source);
    free_changes(&c->response);
    bp_rpc_call_unref(c->call);
    free(c);
}

/* --- on the worker --- */

static bp_status compile(struct change *c)
{
    struct bp_policy_findings findings = {0};
    struct bp_err err = {""};
    bp_status st = bp_exchange_compile(c->service->x, bp_str_of(c->source->p, c->source->n),
                                       c->version, &c->policy, &findings, &err);
    if (st == BP_EINVAL)
        c->status = bp_policy_refusal(&findings, &err);
    else if (st != BP_OK)
        c->status = bp_rpc_status_of(st, &err);
    bp_policy_findings_fini(&findings);
    return st;
}

/* Compiles, tells what would differ, and whether somebody else is asked. A version in force that is
 * another by now is found at the door. */
static void prepare_new(struct bp_job *job)
{
    struct change *c = change_of_job(job);
    struct bp_exchange *x = c->service->x;
    struct bp_policy *before = bp_exchange_policy(x);
    bp_status st = compile(c);
    if (st == BP_OK)
        st = bp_policy_difference(before, c->policy, bp_exchange_today(x), &c->response);
    if (st != BP_OK && c->status.code == BP_RPC_OK)
        c->status = bp_rpc_status_of(st, NULL);
    c->act = bp_policy_asks_approval(before) ? BP_POLICY_PROPOSE : BP_POLICY_APPLY;
    c->response.pending = c->act == BP_POLICY_PROPOSE;
    bp_policy_unref(before);
    bp_returns_push(&c->service->returns, &c->back.mail);
}

/* May this version be approved by this operator now? What changes meanwhile is found at the door.
 */
static bool may_approve(struct change *c, const struct bp_policy_entry *entry)
{
    if (!entry->is_proposal || entry->approver[0] != '\0')
        c->status = bp_rpc_status(BP_REASON_NOT_PENDING, NULL);
    else if (entry->replaces != c->expected_version)
        c->status = bp_rpc_status(BP_REASON_VERSION_MISMATCH,
                                  "version %" PRIu64 " was to replace version %" PRIu64
                                  ", but version %" PRIu64 " is in force",
                                  entry->version, entry->replaces, c->expected_version);
    else if (strcmp(entry->actor, c->actor) == 0)
        c->status = bp_rpc_status(BP_REASON_OWN_PROPOSAL, NULL);
    else
        return true;
    return false;
}

static void prepare_approval(struct bp_job *job)
{
    struct change *c = change_of_job(job);
    struct bp_policy_entry entry;
    struct bp_buf content = {0};
    bp_status st = bp_journal_policy_at(c->service->x->journal, c->version, &entry, &content);
    if (st == BP_ENOENT)
        c->status = bp_rpc_status(BP_REASON_UNKNOWN_VERSION, NULL);
    else if (st != BP_OK || (c->source = bp_blob_take(&content)) == NULL)
        c->status = bp_rpc_status_of(st != BP_OK ? st : BP_ENOMEM, NULL);
    else if (may_approve(c, &entry))
        (void)compile(c); /* the schema may be another than when it was proposed */
    bp_buf_fini(&content);
    bp_returns_push(&c->service->returns, &c->back.mail);
}

/* --- on the sequencer's thread --- */

static void on_stored(struct bp_policy_submission *submission, bp_status st)
{
    static const char *const done[] = {[BP_POLICY_APPLY] = "policy.applied",
                                       [BP_POLICY_PROPOSE] = "policy.proposed",
                                       [BP_POLICY_APPROVE] = "policy.approved"};
    static const enum bp_audit_kind kinds[] = {[BP_POLICY_APPLY] = BP_AUDIT_POLICY_APPLIED,
                                               [BP_POLICY_PROPOSE] = BP_AUDIT_POLICY_PROPOSED,
                                               [BP_POLICY_APPROVE] = BP_AUDIT_POLICY_APPROVED};
    struct change *c = (struct change *)((char *)submission - offsetof(struct change, submission));
    c->stored = st;
    if (st == BP_OK && c->act != BP_POLICY_PROPOSE)
        bp_exchange_set_policy(c->service->x, bp_policy_ref(c->policy), bp_blob_ref(c->source));
    if (st == BP_OK) {
        bp_log(BP_LOG_INFO, done[c->act], "version=%" PRIu64 " by=%s", submission->version,
               c->actor);
        bp_usage_record_policy(c->service->x, kinds[c->act], bp_rpc_call_peer(c->call),
                               submission->version);
    }
    bp_returns_push(&c->service->returns, &c->back.mail);
}

/* --- back on the queue's thread --- */

static void answer(struct change *c)
{
    struct bp_buf out = {0};
    c->response.version = c->dry_run ? c->expected_version : c->version;
    size_t size = berbagi__v1__apply_policy_response__get_packed_size(&c->response);
    uint8_t *to = bp_buf_reserve(&out, size + 1);
    if (to != NULL) /* ApprovePolicyResponse is the version alone, under the same number */
        out.n += berbagi__v1__apply_policy_response__pack(&c->response, to);
    bp_answer(c->call, &out);
}

static void submit(struct change *c)
{
    bool is_new = c->act != BP_POLICY_APPROVE;
    c->submission = (struct bp_policy_submission){
        .mail.bytes = c->source->n,
        .act = c->act,
        .content = is_new ? bp_str_of(c->source->p, c->source->n) : BP_STR(""),
        .actor = bp_str(c->actor),
        .expected_version = c->expected_version,
        .version = c->version,
        .done = on_stored,
    };
    c->was_submitted = true;
    if (bp_sequencer_submit_policy(c->service->x->sequencer, &c->submission))
        return;
    bp_refuse(c->call, bp_rpc_status(BP_REASON_BUSY, NULL));
    release(c);
}

static struct bp_rpc_status refusal(bp_status st)
{
    if (st == BP_ECONFLICT)
        return bp_rpc_status(BP_REASON_VERSION_MISMATCH, NULL);
    if (st == BP_ENOENT)
        return bp_rpc_status(BP_REASON_NOT_PENDING, NULL);
    if (st == BP_ENOSPC)
        return bp_rpc_status(BP_REASON_DISK_RESERVE, NULL);
    return bp_rpc_status(BP_REASON_STORE_FAILED, NULL);
}

/* Back from the worker, then from the sequencer. The call may be over by now: what is not submitted
 * is dropped (nobody waits for it, and behind a stop there is no sequencer); what is, is finished
 * all the same. */
static void handle_return(struct bp_policy_return *back)
{
    struct change *c = (struct change *)back; /* its first member */
    if (!c->was_submitted && bp_rpc_call_is_over(c->call)) {
        release(c);
        return;
    }
    if (!c->was_submitted && c->status.code == BP_RPC_OK && !c->dry_run) {
        submit(c);
        return;
    }
    if (c->status.code != BP_RPC_OK)
        bp_refuse(c->call, c->status);
    else if (c->dry_run || c->stored == BP_OK)
        answer(c);
    else
        bp_refuse(c->call, refusal(c->stored));
    release(c);
}

static struct change *change_create(struct bp_policy_service *s, struct bp_rpc_call *call)
{
    struct change *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return NULL;
    }
    c->back.handle = handle_return;
    c->service = s;
    c->call = bp_rpc_call_ref(call);
    c->status = BP_RPC_STATUS_OK;
    berbagi__v1__apply_policy_response__init(&c->response);
    (void)snprintf(c->actor, sizeof(c->actor), "operator/%s",
                   bp_rpc_call_peer(call)->identity.name);
    return c;
}

static void start(struct change *c, void (*run)(struct bp_job *job))
{
    c->job.run = run;
    if (bp_worker_submit(c->service->x->worker, &c->job))
        return;
    bp_refuse(c->call, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
    release(c);
}

static uint64_t version_in_force(struct bp_policy_service *s)
{
    uint64_t version;
    bp_blob_unref(bp_exchange_policy_source(s->x, &version));
    return version;
}

static void apply(struct bp_policy_service *s, struct bp_rpc_call *call,
                  const Berbagi__V1__ApplyPolicyRequest *m)
{
    struct bp_buf source = {0};
    struct change *c = change_create(s, call);
    if (c == NULL)
        return;
    c->dry_run = m->dry_run;
    c->expected_version = m->expected_version;
    c->version = bp_journal_newest_version(s->x->journal) + 1;
    if (m->policy != NULL) {
        uint8_t *to = bp_buf_reserve(&source, berbagi__v1__policy__get_packed_size(m->policy) + 1);
        if (to != NULL)
            source.n += berbagi__v1__policy__pack(m->policy, to);
    }
    c->source = bp_blob_take(&source);
    bp_buf_fini(&source);
    if (c->source != NULL) {
        start(c, prepare_new);
        return;
    }
    bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
    release(c);
}

static void apply_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    if (!bp_policy_may_change(s, call))
        return;
    Berbagi__V1__ApplyPolicyRequest *m =
        berbagi__v1__apply_policy_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ApplyPolicyRequest message"));
        return;
    }
    uint64_t version = version_in_force(s);
    if (m->expected_version != version)
        bp_refuse(call, bp_rpc_status(BP_REASON_VERSION_MISMATCH,
                                      "the policy is at version %" PRIu64, version));
    else
        apply(s, call, m);
    berbagi__v1__apply_policy_request__free_unpacked(m, NULL);
}

static void approve_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    if (!bp_policy_may_change(s, call))
        return;
    Berbagi__V1__ApprovePolicyRequest *m =
        berbagi__v1__approve_policy_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ApprovePolicyRequest message"));
        return;
    }
    struct change *c = change_create(s, call);
    if (c != NULL) {
        c->act = BP_POLICY_APPROVE;
        c->expected_version = version_in_force(s);
        c->version = m->version;
        start(c, prepare_approval);
    }
    berbagi__v1__approve_policy_request__free_unpacked(m, NULL);
}

const struct bp_rpc_method bp_policy_apply_method = {
    .path = "/berbagi.v1.PolicyService/ApplyPolicy",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_POLICY_BYTES_MAX,
    .begin = bp_policy_begin,
    .message = apply_message,
    .over = bp_policy_over,
};

const struct bp_rpc_method bp_policy_approve_method = {
    .path = "/berbagi.v1.PolicyService/ApprovePolicy",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_policy_begin,
    .message = approve_message,
    .over = bp_policy_over,
};
