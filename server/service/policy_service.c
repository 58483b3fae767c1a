/* An application of a policy goes: role and version here, compilation and difference on the worker,
 * the entry in the log by the sequencer; and on the sequencer's thread, before any later event is
 * answered, the new version is put in force. So an event that was judged by the old one comes back
 * and is judged again by the new. */
#include "policy_service.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer.h"
#include "log.h"
#include "metrics.h"
#include "returns.h"
#include "worker.h"

#define POLICY_BYTES_MAX (64u << 20)

struct bp_policy_service {
    struct bp_exchange *x;
    struct bp_returns returns; /* struct application */
};

/* --- GetPolicy --- */

static void begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

static void over(struct bp_rpc_call *call)
{
    (void)call;
}

static void pack(const ProtobufCMessage *message, struct bp_buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *to = bp_buf_reserve(out, size + 1);
    if (to != NULL)
        out->n += protobuf_c_message_pack(message, to);
}

/* All of it for an operator, its own part for an agency. */
static void get_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    Berbagi__V1__GetPolicyResponse response = BERBAGI__V1__GET_POLICY_RESPONSE__INIT;
    struct bp_buf out = {0};
    (void)request; /* GetPolicyRequest has no fields */
    struct bp_blob *source = bp_exchange_policy_source(s->x, &response.version);
    Berbagi__V1__Policy *whole = berbagi__v1__policy__unpack(NULL, source->n, source->p);
    bp_blob_unref(source);
    if (whole == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    bool is_operator = peer->identity.kind == BP_IDENTITY_OPERATOR;
    Berbagi__V1__Policy *part =
        is_operator ? whole : bp_policy_part_of(whole, bp_str(peer->identity.name));
    response.policy = part;
    if (part != NULL)
        pack(&response.base, &out);
    else
        out.failed = true;
    bp_answer(call, &out);
    if (part != whole && part != NULL)
        berbagi__v1__policy__free_unpacked(part, NULL);
    berbagi__v1__policy__free_unpacked(whole, NULL);
}

/* --- ApplyPolicy --- */

struct application {
    struct bp_mail mail; /* first, so that a mail is its application */
    struct bp_job job;
    struct bp_policy_submission submission;
    struct bp_policy_service *service;
    struct bp_rpc_call *call; /* a reference */
    char actor[80];
    bool dry_run;
    uint64_t expected_version;
    struct bp_blob *source; /* serialized Policy */
    struct bp_policy *policy;
    Berbagi__V1__ApplyPolicyResponse response;
    struct bp_rpc_status status; /* of the worker */
    bp_status stored;
    bool was_submitted;
};

static void free_changes(Berbagi__V1__ApplyPolicyResponse *response)
{
    for (size_t i = 0; i < response->n_changes; i++)
        berbagi__v1__policy_change__free_unpacked(response->changes[i], NULL);
    free(response->changes);
}

static void release(struct application *a)
{
    bp_policy_unref(a->policy);
    bp_blob_unref(a->source);
    free_changes(&a->response);
    bp_rpc_call_unref(a->call);
    free(a);
}

static struct bp_rpc_status invalid_policy(const struct bp_policy_findings *findings,
                                           const struct bp_err *err)
{
    size_t errors = 0;
    const struct bp_policy_finding *first = NULL;
    for (size_t i = findings->n; i > 0; i--) {
        if (findings->items[i - 1].is_warning)
            continue;
        first = &findings->items[i - 1];
        errors++;
    }
    if (first == NULL)
        return bp_rpc_status(BP_REASON_INVALID_POLICY, "%s", err->text);
    struct bp_rpc_status status =
        errors == 1 ? bp_rpc_status(BP_REASON_INVALID_POLICY, "%s", first->message)
                    : bp_rpc_status(BP_REASON_INVALID_POLICY, "%s (and %zu more)", first->message,
                                    errors - 1);
    (void)bp_str_copy(status.field, sizeof(status.field), bp_str(first->where));
    return status;
}

/* On the worker: compiles, and tells what would differ. */
static void compile(struct bp_job *job)
{
    struct application *a = (struct application *)((char *)job - offsetof(struct application, job));
    struct bp_exchange *x = a->service->x;
    struct bp_policy_findings findings = {0};
    struct bp_err err = {""};
    struct bp_policy *before = bp_exchange_policy(x);
    a->status = BP_RPC_STATUS_OK;
    bp_status st = bp_exchange_compile(x, bp_str_of(a->source->p, a->source->n),
                                       a->expected_version + 1, &a->policy, &findings, &err);
    if (st == BP_EINVAL)
        a->status = invalid_policy(&findings, &err);
    else if (st == BP_OK)
        st = bp_policy_difference(before, a->policy, bp_exchange_today(x), &a->response);
    if (st != BP_OK && st != BP_EINVAL)
        a->status = bp_rpc_status_of(st, &err);
    bp_policy_findings_fini(&findings);
    bp_policy_unref(before);
    bp_returns_push(&a->service->returns, &a->mail);
}

/* On the sequencer's thread. */
static void on_stored(struct bp_policy_submission *submission, bp_status st)
{
    struct application *a =
        (struct application *)((char *)submission - offsetof(struct application, submission));
    a->stored = st;
    if (st == BP_OK) {
        bp_exchange_set_policy(a->service->x, bp_policy_ref(a->policy), bp_blob_ref(a->source));
        bp_log(BP_LOG_INFO, "policy.applied", "version=%" PRIu64 " by=%s", submission->version,
               a->actor);
    }
    bp_returns_push(&a->service->returns, &a->mail);
}

static void answer_application(struct application *a)
{
    struct bp_buf out = {0};
    a->response.version = a->dry_run ? a->expected_version : a->submission.version;
    pack(&a->response.base, &out);
    bp_answer(a->call, &out);
}

static void submit(struct application *a)
{
    a->submission = (struct bp_policy_submission){
        .mail.bytes = a->source->n,
        .content = bp_str_of(a->source->p, a->source->n),
        .actor = bp_str(a->actor),
        .expected_version = a->expected_version,
        .done = on_stored,
    };
    a->was_submitted = true;
    if (bp_sequencer_submit_policy(a->service->x->sequencer, &a->submission))
        return;
    bp_refuse(a->call, bp_rpc_status(BP_REASON_BUSY, NULL));
    release(a);
}

static struct bp_rpc_status refusal(bp_status st)
{
    if (st == BP_ECONFLICT)
        return bp_rpc_status(BP_REASON_VERSION_MISMATCH, NULL);
    if (st == BP_ENOSPC)
        return bp_rpc_status(BP_REASON_DISK_RESERVE, NULL);
    return bp_rpc_status(BP_REASON_STORE_FAILED, NULL);
}

/* Back from the worker, then from the sequencer. The call may be over by now; what was begun is
 * finished all the same. */
static void handle_return(struct bp_mail *mail)
{
    struct application *a = (struct application *)mail;
    if (!a->was_submitted && a->status.code == BP_RPC_OK && !a->dry_run) {
        submit(a);
        return;
    }
    if (a->status.code != BP_RPC_OK)
        bp_refuse(a->call, a->status);
    else if (a->dry_run || a->stored == BP_OK)
        answer_application(a);
    else
        bp_refuse(a->call, refusal(a->stored));
    release(a);
}

static bool take_policy(struct application *a, const Berbagi__V1__ApplyPolicyRequest *m)
{
    struct bp_buf source = {0};
    if (m->policy != NULL)
        pack(&m->policy->base, &source);
    a->source = bp_blob_take(&source);
    bp_buf_fini(&source);
    a->dry_run = m->dry_run;
    a->expected_version = m->expected_version;
    return a->source != NULL;
}

static void apply(struct bp_policy_service *s, struct bp_rpc_call *call,
                  const Berbagi__V1__ApplyPolicyRequest *m)
{
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    struct application *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    a->service = s;
    a->call = bp_rpc_call_ref(call);
    a->job.run = compile;
    berbagi__v1__apply_policy_response__init(&a->response);
    (void)snprintf(a->actor, sizeof(a->actor), "operator/%s", peer->identity.name);
    bool ok = take_policy(a, m);
    if (ok && bp_worker_submit(s->x->worker, &a->job))
        return;
    bp_refuse(call, ok ? bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL)
                       : bp_rpc_status_of(BP_ENOMEM, NULL));
    release(a);
}

static void apply_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_policy_service *s = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    if (!bp_exchange_has_role(s->x, bp_rpc_call_peer(call),
                              BERBAGI__V1__OPERATOR__ROLE__ROLE_POLICY, &status)) {
        bp_refuse(call, status);
        return;
    }
    Berbagi__V1__ApplyPolicyRequest *m =
        berbagi__v1__apply_policy_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ApplyPolicyRequest message"));
        return;
    }
    uint64_t version;
    bp_blob_unref(bp_exchange_policy_source(s->x, &version));
    if (m->expected_version != version)
        bp_refuse(call, bp_rpc_status(BP_REASON_VERSION_MISMATCH,
                                      "the policy is at version %" PRIu64, version));
    else
        apply(s, call, m);
    berbagi__v1__apply_policy_request__free_unpacked(m, NULL);
}

static const struct bp_rpc_method methods[] = {
    {.path = "/berbagi.v1.PolicyService/GetPolicy",
     .callers = BP_RPC_FOR_AGENCIES | BP_RPC_FOR_OPERATORS,
     .begin = begin,
     .message = get_message,
     .over = over},
    {.path = "/berbagi.v1.PolicyService/ApplyPolicy",
     .callers = BP_RPC_FOR_OPERATORS,
     .most_request_bytes = POLICY_BYTES_MAX,
     .begin = begin,
     .message = apply_message,
     .over = over},
};

bp_status bp_policy_service_create(struct bp_exchange *x, struct bp_policy_service **out,
                                   struct bp_err *err)
{
    struct bp_policy_service *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "policy service: out of memory");
    s->x = x;
    bp_returns_init(&s->returns, x->rpc, handle_return);
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(x->rpc, &methods[i], s);
    if (st != BP_OK) {
        bp_policy_service_destroy(s);
        return bp_fail(err, st, "policy service: can't be registered");
    }
    *out = s;
    return BP_OK;
}

void bp_policy_service_destroy(struct bp_policy_service *s)
{
    if (s == NULL)
        return;
    bp_returns_fini(&s->returns);
    free(s);
}
