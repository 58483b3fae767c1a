/* Both calls are one machine: a queue of requests, answered in order. A unary call is a queue of
 * one. What happens to a request between its arrival and its answer: publisher_request.c.
 *
 * What ends a call waits for its turn like an answer: a request that is refused as a whole keeps
 * its status until those before it are answered, and nothing behind it is read. */
#include "metrics.h"
#include "publisher_internal.h"
#include "rpc_answer.h"
#include "usage.h"

#define UNANSWERED_MAX 64
/* Of requests; what is made of them takes as much again. */
#define UNANSWERED_BYTES_MAX (8u << 20)

static void resume(struct bp_lane_user *lane);

/* --- life of a call's state --- */

static void pop_request(struct bp_publish_call *c)
{
    struct bp_request *r = c->first;
    c->first = r->next;
    if (c->first == NULL)
        c->end = &c->first;
    c->n--;
    c->bytes -= r->bytes;
    bp_publication_destroy(r->publication);
    free(r);
}

/* Frees the state once the call is over and the other threads have given everything back. */
static void release_if_done(struct bp_publish_call *c)
{
    if (!c->is_over || c->n_away != 0)
        return;
    while (c->first != NULL)
        pop_request(c);
    if (c->lane.lane != NULL)
        bp_lane_leave(&c->publisher->lanes, &c->lane);
    bp_rpc_call_unref(c->call);
    free(c);
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct bp_publisher *p = service;
    struct bp_rpc_status status;
    bool is_stream = bp_rpc_call_method(call)->client_streams;
    if (!bp_usage_begin(p->x, call, is_stream, &status)) {
        bp_refuse(call, status);
        return;
    }
    struct bp_publish_call *c = bp_new_state(call, sizeof(*c));
    if (c == NULL) {
        bp_usage_end(p->x, call, is_stream);
        return;
    }
    c->publisher = p;
    c->call = bp_rpc_call_ref(call);
    c->end = &c->first;
    c->is_stream = is_stream;
    c->lane.resume = resume;
    if (bp_lane_join(&p->lanes, &c->lane, bp_str(bp_rpc_call_peer(call)->identity.name)) != BP_OK) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    if (c->is_stream) {
        c->reading = true;
        bp_rpc_call_read(call);
    }
}

static void over(struct bp_rpc_call *call)
{
    struct bp_publish_call *c = bp_rpc_call_state(call);
    if (c == NULL)
        return;
    bp_usage_end(c->publisher->x, call, c->is_stream);
    c->is_over = true;
    for (struct bp_request *r = c->first; r != NULL; r = r->next)
        bp_request_abandon(r);
    if (c->lane.lane != NULL)
        bp_lane_stop_waiting(&c->lane);
    release_if_done(c);
}

/* --- when a stream is read ---
 *
 * A read that waits while the window is not whole makes gRPC send the window at once, in a packet of
 * its own that wakes the caller for nothing. So who waits for each answer is read with the answer.
 * Who sends ahead is read at once, and is known by messages that are large, that were there before
 * the answer left, or that come while others are unanswered. */

#define AHEAD_BYTES (16u << 10)
#define AHEAD_NS 30000 /* no caller hears an answer and sends again in this time */
#define ALONE_MOST 4

static int64_t now_ns(const struct bp_publish_call *c)
{
    const struct bp_clock *clock = c->publisher->x->clock;
    return clock->monotonic_ns(clock);
}

static void note_arrival(struct bp_publish_call *c, const struct bp_request *r)
{
    if (c->n > 1 || r->bytes > AHEAD_BYTES || r->arrived_ns - c->pace.turned_ns < AHEAD_NS) {
        c->pace.is_ahead = true;
        c->pace.alone = 0;
    }
}

static void turn(struct bp_publish_call *c, struct bp_blob *response)
{
    c->reading = true;
    bp_rpc_call_send_and_read(c->call, &response, 1);
    c->pace.turned_ns = now_ns(c);
}

static void send(struct bp_publish_call *c, struct bp_blob *response)
{
    if (c->n == 0 && ++c->pace.alone >= ALONE_MOST)
        c->pace.is_ahead = false;
    bp_rpc_call_send(c->call, &response, 1);
}

static bool may_read(struct bp_publish_call *c)
{
    return c->is_stream && !c->reading && !c->half_closed && !c->is_refused &&
           c->n < UNANSWERED_MAX && c->bytes < UNANSWERED_BYTES_MAX && bp_lane_may_read(&c->lane);
}

static void read_more(struct bp_publish_call *c)
{
    bool waits_for_turn = c->n != 0 && !c->pace.is_ahead;
    if (waits_for_turn || !may_read(c))
        return;
    c->reading = true;
    bp_rpc_call_read(c->call);
}

/* --- answering --- */

/* Answers the first request if it is decided. */
static void answer_first(struct bp_publish_call *c)
{
    struct bp_request *r = c->first;
    struct bp_blob *response = bp_publication_answer(r->publication);
    if (response == NULL) {
        bp_refuse(c->call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    bp_metric_observe(BP_METRIC_PUBLISH_US, (uint64_t)(now_ns(c) - r->arrived_ns) / 1000);
    pop_request(c);
    if (!c->is_stream)
        bp_rpc_call_reply(c->call, response);
    else if (c->n == 0 && may_read(c))
        turn(c, response);
    else
        send(c, response);
}

static void resume(struct bp_lane_user *lane)
{
    struct bp_publish_call *c =
        (struct bp_publish_call *)((char *)lane - offsetof(struct bp_publish_call, lane));
    if (!c->is_over && !bp_rpc_call_is_over(c->call))
        read_more(c);
}

/* Ends the call if its first request failed as a whole. */
static bool end_if_refused(struct bp_publish_call *c)
{
    const struct bp_request *r = c->first;
    if (!bp_request_is_decided(r))
        return false;
    if (r->refusal.code != BP_RPC_OK)
        bp_refuse(c->call, r->refusal);
    else if (r->outcome != BP_OK)
        bp_refuse(c->call, bp_publication_refusal(r->outcome));
    else
        return false;
    return true;
}

/* Does what can be done now; whatever happened to the call leads here. */
static void step(struct bp_publish_call *c)
{
    if (c->is_over || bp_rpc_call_is_over(c->call))
        return;
    const struct bp_request *r = c->first;
    if (bp_request_is_decided(r) && r->outcome == BP_ECONFLICT) {
        if (c->n_away != 0)
            return; /* what is behind it comes back first */
        bp_publish_call_begin_again(c);
    }
    if (end_if_refused(c))
        return;
    if (bp_request_is_decided(c->first) && bp_rpc_call_can_send(c->call))
        answer_first(c);
    if (c->is_over || bp_rpc_call_is_over(c->call))
        return;
    read_more(c);
    if (c->is_stream && c->half_closed && c->n == 0 && bp_rpc_call_can_send(c->call)) {
        struct bp_rpc_status ok = BP_RPC_STATUS_OK;
        bp_rpc_call_finish(c->call, &ok);
    }
}

void bp_publish_call_moved(struct bp_publish_call *c)
{
    step(c);
    release_if_done(c);
}

/* --- arriving --- */

static bool admit(struct bp_request *r, struct bp_rpc_status *status)
{
    uint32_t soon_ms;
    struct bp_publish_call *c = r->call;
    size_t n = bp_publication_events(r->publication);
    if (!c->is_stream && !bp_lane_has_room(&c->lane, n)) {
        *status = bp_rpc_status(BP_REASON_BUSY, NULL);
        status->retry_after_ms = 100;
        return false;
    }
    if (!bp_usage_take_events(c->publisher->x, bp_rpc_call_peer(c->call)->identity.name, n,
                              &soon_ms, status))
        return false;
    bp_publication_set_retry_after(r->publication, soon_ms);
    return true;
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_publish_call *c = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    if (c == NULL || bp_rpc_call_is_over(call))
        return;
    c->reading = false;
    struct bp_request *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        bp_refuse(c->call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    struct bp_str sender = bp_str(bp_rpc_call_peer(call)->identity.name);
    *r = (struct bp_request){.call = c, .bytes = bytes.n, .arrived_ns = now_ns(c)};
    c->bytes += bytes.n;
    *c->end = r;
    c->end = &r->next;
    c->n++;
    note_arrival(c, r);
    if (!bp_publication_parse(c->publisher->x, sender, bytes, &r->publication, &status))
        bp_request_refuse(r, status);
    else if (!admit(r, &status))
        bp_request_refuse_later(r, status);
    else
        bp_request_begin(r);
    step(c);
}

static void half_closed(struct bp_rpc_call *call)
{
    struct bp_publish_call *c = bp_rpc_call_state(call);
    if (c == NULL)
        return;
    c->reading = false;
    c->half_closed = true;
    step(c);
}

static void sent(struct bp_rpc_call *call)
{
    struct bp_publish_call *c = bp_rpc_call_state(call);
    if (c != NULL)
        step(c);
}

/* --- the service --- */

static const struct bp_rpc_method methods[] = {
    {.path = "/berbagi.v1.PublisherService/Publish",
     .callers = BP_RPC_FOR_AGENCIES,
     .begin = begin,
     .message = message,
     .over = over},
    {.path = "/berbagi.v1.PublisherService/PublishStream",
     .callers = BP_RPC_FOR_AGENCIES,
     .client_streams = true,
     .server_streams = true,
     .begin = begin,
     .message = message,
     .half_closed = half_closed,
     .sent = sent,
     .over = over},
};

bp_status bp_publisher_create(struct bp_exchange *x, struct bp_publisher **out, struct bp_err *err)
{
    struct bp_publisher *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return bp_fail(err, BP_ENOMEM, "publisher service: out of memory");
    p->x = x;
    bp_returns_init(&p->judged, x->rpc, bp_request_on_judged);
    bp_returns_init(&p->stored, x->rpc, bp_request_on_stored);
    bp_returns_init(&p->audited, x->rpc, bp_request_on_audited);
    p->statuses = bp_statuses_create(x->index, bp_journal_head(x->journal));
    bp_status st = p->statuses != NULL
                       ? bp_judge_start(&p->judge, err)
                       : bp_fail(err, BP_ENOMEM, "publisher service: out of memory");
    if (st != BP_OK) {
        bp_publisher_destroy(p);
        return st;
    }
    bp_rpc_server_every(x->rpc, BP_REFUSED_TICK_MS, bp_publisher_tell_refused, p);
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(x->rpc, &methods[i], p);
    if (st != BP_OK) {
        bp_publisher_destroy(p);
        return bp_fail(err, st, "publisher service: can't be registered");
    }
    *out = p;
    return BP_OK;
}

void bp_publisher_destroy(struct bp_publisher *p)
{
    if (p == NULL)
        return;
    bp_judge_stop(p->judge);
    bp_publisher_drop_refused(p);
    bp_returns_fini(&p->judged);
    bp_returns_fini(&p->stored);
    bp_returns_fini(&p->audited);
    bp_statuses_destroy(p->statuses);
    free(p);
}
