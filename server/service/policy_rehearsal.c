/* RehearsePolicy: a call that goes to and fro between the queue's thread and the rehearser's.
 *
 *   rehearser: compile, find the place -> queue: tell -> rehearser: a slice -> queue: tell -> ...
 *
 * A slice is a quarter of a second of short read transactions, so several rehearsals share the
 * thread, a stop waits for one slice, and a caller that is gone costs one more. The thread stands
 * behind all others in the machine's queue. */
#include "policy_service_internal.h"
#include "rehearsal.h"
#include "rpc_answer.h"
#include "thread.h"
#include "wire.h"

#define REHEARSALS_MAX 4u
#define SLICE_MS 250
#define EVENTS_IN_ONE_TRANSACTION 256u

/* Field numbers of RehearsePolicyProgress. */
enum { PROGRESS_DONE = 1, PROGRESS_TOTAL, PROGRESS_RESULT };

struct rehearsal {
    struct bp_policy_return back;
    struct bp_job job;
    struct bp_policy_service *service;
    struct bp_rpc_call *call; /* a reference */
    bool is_over;
    bool is_running;                             /* the rehearser has it */
    bool is_finished;                            /* the last message is ready, or sent */
    Berbagi__V1__RehearsePolicyRequest *request; /* until it is compiled */
    struct bp_rehearsal *work;
    struct bp_buf last; /* the message with the result, until it can be sent */
    struct bp_rpc_status status;
};

static void release_if_done(struct rehearsal *r)
{
    if (!r->is_over || r->is_running)
        return;
    r->service->rehearsals--;
    if (r->request != NULL)
        berbagi__v1__rehearse_policy_request__free_unpacked(r->request, NULL);
    bp_rehearsal_destroy(r->work);
    bp_buf_fini(&r->last);
    bp_rpc_call_unref(r->call);
    free(r);
}

/* --- on the rehearser --- */

static bp_status position_of(struct rehearsal *r, uint64_t *position)
{
    const Google__Protobuf__Timestamp *since = r->request->since;
    *position = 0;
    if (since == NULL)
        return BP_OK;
    return bp_journal_position_before(r->service->x->journal,
                                      bp_wire_time_ns(since->seconds, since->nanos), position);
}

static bp_status begin_work(struct rehearsal *r, struct bp_policy *before, struct bp_policy *after)
{
    struct bp_exchange *x = r->service->x;
    struct bp_rehearsal_config config = {.journal = x->journal,
                                         .schema = x->schema,
                                         .before = before,
                                         .after = after,
                                         .today = bp_exchange_today(x)};
    bp_status st = position_of(r, &config.after_position);
    return st == BP_OK ? bp_rehearsal_create(&config, &r->work) : st;
}

static void prepare(struct rehearsal *r)
{
    static const Berbagi__V1__Policy empty = BERBAGI__V1__POLICY__INIT;
    struct bp_exchange *x = r->service->x;
    struct bp_policy_findings findings = {0};
    struct bp_policy *before = bp_exchange_policy(x), *after = NULL;
    struct bp_err err = {""};
    bp_status st =
        bp_policy_compile(r->request->policy != NULL ? r->request->policy : &empty,
                          bp_policy_version(before) + 1, x->schema, &after, &findings, &err);
    if (st == BP_EINVAL)
        r->status = bp_policy_refusal(&findings, &err);
    else if (st != BP_OK || (st = begin_work(r, before, after)) != BP_OK)
        r->status = bp_rpc_status_of(st, NULL);
    berbagi__v1__rehearse_policy_request__free_unpacked(r->request, NULL);
    r->request = NULL;
    bp_policy_findings_fini(&findings);
    bp_policy_unref(after);
    bp_policy_unref(before);
}

static void put_progress(const struct rehearsal *r, struct bp_buf *out)
{
    uint64_t done, total;
    bp_rehearsal_progress(r->work, &done, &total);
    bp_wire_put_uint(out, PROGRESS_DONE, done);
    bp_wire_put_uint(out, PROGRESS_TOTAL, total);
}

static void put_result(struct rehearsal *r)
{
    put_progress(r, &r->last);
    size_t mark = bp_wire_begin_message(&r->last, PROGRESS_RESULT);
    bp_rehearsal_result(r->work, &r->last);
    bp_wire_end_message(&r->last, mark);
    r->is_finished = true;
}

static void work_a_slice(struct rehearsal *r)
{
    const struct bp_clock *clock = r->service->x->clock;
    int64_t end_ms = bp_monotonic_ms(clock) + SLICE_MS;
    bp_status st;
    do {
        st = bp_rehearsal_step(r->work, EVENTS_IN_ONE_TRANSACTION);
    } while (st == BP_EAGAIN && bp_monotonic_ms(clock) < end_ms);
    if (st == BP_OK)
        put_result(r);
    else if (st != BP_EAGAIN)
        r->status = bp_rpc_status_of(st, NULL);
}

static void run(struct bp_job *job)
{
    struct rehearsal *r = (struct rehearsal *)((char *)job - offsetof(struct rehearsal, job));
    if (r->work == NULL) {
        bp_thread_give_way(BP_THREAD_BEHIND);
        prepare(r);
    } else {
        work_a_slice(r);
    }
    bp_returns_push(&r->service->returns, &r->back.mail);
}

/* --- on the queue's thread --- */

static void send(struct rehearsal *r, struct bp_buf *out)
{
    struct bp_blob *blob = bp_blob_take(out);
    bp_buf_fini(out);
    if (blob != NULL)
        bp_rpc_call_send(r->call, &blob, 1);
    else
        bp_refuse(r->call, bp_rpc_status_of(BP_ENOMEM, NULL));
}

static void send_last(struct rehearsal *r)
{
    if (r->last.n == 0 || !bp_rpc_call_can_send(r->call))
        return;
    send(r, &r->last);
    bp_refuse(r->call, BP_RPC_STATUS_OK); /* behind the message */
}

static void go_on(struct rehearsal *r)
{
    r->is_running = bp_worker_submit(r->service->rehearser, &r->job);
    if (!r->is_running)
        bp_refuse(r->call, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
}

static void tell_progress(struct rehearsal *r)
{
    struct bp_buf out = {0};
    if (!bp_rpc_call_can_send(r->call))
        return; /* a slow reader gets the next one */
    put_progress(r, &out);
    send(r, &out);
}

static void handle_return(struct bp_policy_return *back)
{
    struct rehearsal *r = (struct rehearsal *)back; /* its first member */
    r->is_running = false;
    if (r->is_over)
        release_if_done(r);
    else if (r->status.code != BP_RPC_OK)
        bp_refuse(r->call, r->status);
    else if (!bp_policy_may_change(r->service, r->call))
        return; /* the role is gone since the slice began, and the call refused */
    else if (r->is_finished)
        send_last(r);
    else {
        tell_progress(r);
        go_on(r);
    }
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct bp_policy_service *s = service;
    struct rehearsal *r = bp_new_state(call, sizeof(*r));
    if (r == NULL)
        return;
    s->rehearsals++;
    r->back.handle = handle_return;
    r->job.run = run;
    r->service = s;
    r->call = bp_rpc_call_ref(call);
    r->status = BP_RPC_STATUS_OK;
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct rehearsal *r = bp_rpc_call_state(call);
    if (r == NULL || !bp_policy_may_change(r->service, call))
        return;
    if (r->service->rehearsals > REHEARSALS_MAX) {
        struct bp_rpc_status status =
            bp_rpc_status(BP_REASON_BUSY, "%u rehearsals are under way", REHEARSALS_MAX);
        status.retry_after_ms = 1000;
        bp_refuse(call, status);
        return;
    }
    r->request =
        berbagi__v1__rehearse_policy_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (r->request == NULL)
        bp_refuse(call, bp_malformed("not a berbagi.v1.RehearsePolicyRequest message"));
    else
        go_on(r);
}

static void sent(struct bp_rpc_call *call)
{
    struct rehearsal *r = bp_rpc_call_state(call);
    if (!r->is_running && r->is_finished) /* while it runs, the rehearser writes the latter */
        send_last(r);
}

static void over(struct bp_rpc_call *call)
{
    struct rehearsal *r = bp_rpc_call_state(call);
    if (r == NULL)
        return;
    r->is_over = true;
    release_if_done(r);
}

const struct bp_rpc_method bp_policy_rehearse_method = {
    .path = "/berbagi.v1.PolicyService/RehearsePolicy",
    .callers = BP_RPC_FOR_OPERATORS,
    .server_streams = true,
    .most_request_bytes = BP_POLICY_BYTES_MAX,
    .begin = begin,
    .message = message,
    .sent = sent,
    .over = over,
};
