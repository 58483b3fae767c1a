/* What methods do with their calls. Each function records or starts something and lets the machine
 * run; on a call that is over or about to end all of them do nothing, so that a method need not ask
 * first. */
#include "rpc_internal.h"

#include <grpc/slice.h>

#include "rpc_payload.h"

const struct bp_peer *bp_rpc_call_peer(const struct bp_rpc_call *c)
{
    return &c->peer;
}

const struct bp_rpc_method *bp_rpc_call_method(const struct bp_rpc_call *c)
{
    return c->route->method;
}

void *bp_rpc_call_service(const struct bp_rpc_call *c)
{
    return c->route->service;
}

void *bp_rpc_call_state(const struct bp_rpc_call *c)
{
    return c->method_state;
}

void bp_rpc_call_set_state(struct bp_rpc_call *c, void *state)
{
    c->method_state = state;
}

uint64_t bp_rpc_call_id(const struct bp_rpc_call *c)
{
    return c->id;
}

bool bp_rpc_call_is_over(const struct bp_rpc_call *c)
{
    return c->end.wanted || c->closed || c->state > CALL_OPEN;
}

static void assert_on_queue(const struct bp_rpc_call *c)
{
    BP_ASSERT(bp_rpc_on_queue_of == c->server);
}

void bp_rpc_call_read(struct bp_rpc_call *c)
{
    assert_on_queue(c);
    BP_ASSERT(c->route->method->client_streams);
    if (!bp_rpc_call_is_over(c) && !c->reading && c->request == NULL)
        bp_rpc_batch_read(c);
}

bool bp_rpc_call_can_send(const struct bp_rpc_call *c)
{
    return !bp_rpc_call_is_over(c) && !c->writing;
}

/* False: the call is over, and the parts are given back. */
static bool may_send(struct bp_rpc_call *c, struct bp_blob *const *parts, size_t n)
{
    if (bp_rpc_call_is_over(c)) {
        for (size_t i = 0; i < n; i++)
            bp_blob_unref(parts[i]);
        return false;
    }
    assert_on_queue(c);
    BP_ASSERT(!c->writing);
    c->sent = false;
    return true;
}

void bp_rpc_call_send(struct bp_rpc_call *c, struct bp_blob *const *parts, size_t n)
{
    if (may_send(c, parts, n))
        bp_rpc_batch_send(c, bp_rpc_payload_of(parts, n));
}

void bp_rpc_call_send_and_read(struct bp_rpc_call *c, struct bp_blob *const *parts, size_t n)
{
    BP_ASSERT(c->route->method->client_streams && !c->reading && c->request == NULL);
    if (may_send(c, parts, n))
        bp_rpc_batch_turn(c, bp_rpc_payload_of(parts, n));
}

static grpc_slice slice_of(struct bp_str text)
{
    return grpc_slice_from_copied_buffer(text.p, text.n);
}

static void encode_end(struct bp_rpc_end *end, const struct bp_rpc_status *status)
{
    struct bp_buf details = {0};
    end->message = slice_of(bp_str(status->message));
    bp_rpc_status_encode(status, &details);
    if (!details.failed) /* the code and the sentence go without them */
        end->details = slice_of(bp_buf_str(&details));
    bp_buf_fini(&details);
}

void bp_rpc_call_decide_end(struct bp_rpc_call *c, const struct bp_rpc_status *status)
{
    if (c->end.wanted || c->state > CALL_OPEN)
        return;
    c->end.wanted = true;
    c->end.code = status->code;
    c->end.since_ms = bp_monotonic_ms(&bp_system_clock);
    if (status->code != BP_RPC_OK) {
        encode_end(&c->end, status);
        c->server->failed++;
    }
}

void bp_rpc_call_finish(struct bp_rpc_call *c, const struct bp_rpc_status *status)
{
    if (c->state > CALL_OPEN) /* also behind a stop, when the queue has no thread any more */
        return;
    assert_on_queue(c);
    bp_rpc_call_decide_end(c, status);
    bp_rpc_call_run(c);
}

void bp_rpc_call_reply(struct bp_rpc_call *c, struct bp_blob *response)
{
    if (bp_rpc_call_is_over(c)) {
        bp_blob_unref(response);
        return;
    }
    assert_on_queue(c);
    c->end.response = bp_rpc_payload_of(&response, 1);
    bp_rpc_call_finish(c, &BP_RPC_STATUS_OK);
}

void bp_rpc_call_wake(struct bp_rpc_call *c)
{
    bp_rpc_call_ref(c); /* the task's */
    if (!bp_rpc_tasks_post(&c->server->tasks, &c->wake_task))
        bp_rpc_call_unref(c);
}
