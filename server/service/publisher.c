/* Both calls are one machine: a queue of requests, answered in order. A unary call is a queue of
 * one.
 *
 *     ARRIVED --judged--> STORING --done--> DECIDED --answered--> gone
 *        ^                                     |
 *        +---- the policy changed meanwhile ---+
 *
 * What ends a call waits for its turn like an answer: a request that is refused as a whole keeps
 * its status until those before it are answered, and nothing behind it is read. The sequencer
 * answers on its own thread, maybe after the call is over, so answers come back through the
 * publisher's mailbox and a task on the queue's thread, and a call's state lives until its last
 * request is back. A request that failed as a whole raises the call's fence: the sequencer stores
 * nothing that was submitted behind it.
 *
 * Where NIKs were resolved, the audit record is written beside the storing, and the answer waits
 * for both: no pseudonym leaves before its use is on record. */
#include "publisher.h"

#include "answer.h"
#include "audit.h"
#include "lanes.h"
#include "metrics.h"
#include "publication.h"
#include "returns.h"
#include "usage.h"

#define UNANSWERED_MAX 64
/* Of requests; what is made of them takes as much again. */
#define UNANSWERED_BYTES_MAX (8u << 20)

struct publish_call;

enum progress { ARRIVED, STORING, DECIDED };

struct request {
    struct bp_mail mail; /* first, so that a mail is its request */
    struct publish_call *call;
    struct request *next;
    struct bp_publication *publication;
    size_t bytes;
    enum progress progress;
    bp_status outcome;            /* of the sequencer */
    struct bp_rpc_status refusal; /* if its code is not OK: how the call ends when it comes first */
    int64_t arrived_ns;
    bool is_auditing; /* the audit thread has the record below */
    struct bp_audit_record audit;
    struct bp_mail audited;
    bp_status audit_outcome;
};

struct publish_call {
    struct bp_publisher *publisher;
    struct bp_rpc_call *call; /* a reference; the call may be over */
    struct request *first, **end;
    size_t bytes;        /* of all in the queue */
    size_t n, n_storing; /* n_storing: by sequencer or audit thread */
    bool is_stream;
    bool is_refused; /* by the last request of the queue */
    bool half_closed;
    bool reading;
    bool is_over;
    struct bp_lane_user lane;
    struct bp_fence fence; /* the sequencer's while n_storing is not 0 */
};

struct bp_publisher {
    struct bp_exchange *x;
    struct bp_returns decided; /* requests that the sequencer gave back */
    struct bp_returns audited; /* that the audit thread gave back */
    struct bp_statuses *statuses;
    struct bp_lanes lanes;
};

static void step(struct publish_call *c);
static void resume(struct bp_lane_user *lane);

/* --- life of a call's state --- */

static void pop_request(struct publish_call *c)
{
    struct request *r = c->first;
    c->first = r->next;
    if (c->first == NULL)
        c->end = &c->first;
    c->n--;
    c->bytes -= r->bytes;
    bp_publication_destroy(r->publication);
    free(r);
}

static bool is_decided(const struct request *r)
{
    return r != NULL && r->progress == DECIDED && !r->is_auditing;
}

/* Frees the state once the call is over and the other threads have given everything back. */
static void release_if_done(struct publish_call *c)
{
    if (!c->is_over || c->n_storing != 0)
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
    struct publish_call *c = bp_new_state(call, sizeof(*c));
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
    struct publish_call *c = bp_rpc_call_state(call);
    if (c == NULL)
        return;
    bp_usage_end(c->publisher->x, call, c->is_stream);
    c->is_over = true;
    if (c->lane.lane != NULL)
        bp_lane_stop_waiting(&c->lane);
    release_if_done(c);
}

/* --- storing --- */

/* On the sequencer's thread. */
static void on_done(struct bp_submission *submission, bp_status st)
{
    struct request *r = submission->context;
    r->outcome = st;
    bp_returns_push(&r->call->publisher->decided, &r->mail);
}

/* The call ends with this when the request comes first. */
static void refuse(struct request *r, struct bp_rpc_status status)
{
    r->progress = DECIDED;
    r->refusal = status;
    r->call->is_refused = true;
}

/* On the audit thread. */
static void on_written(struct bp_audit_record *record, bp_status st)
{
    struct request *r = (struct request *)((char *)record - offsetof(struct request, audit));
    r->audit_outcome = st;
    bp_returns_push(&r->call->publisher->audited, &r->audited);
}

/* Counts the pseudonyms that judging made, and puts that on record. */
static bool account(struct request *r, struct bp_rpc_status *status)
{
    struct publish_call *c = r->call;
    struct bp_exchange *x = c->publisher->x;
    const struct bp_identity *sender = &bp_rpc_call_peer(c->call)->identity;
    size_t n = bp_publication_take_resolves(r->publication);
    if (n == 0)
        return true;
    if (!bp_usage_take_resolves(x, sender->name, n, status))
        return false;
    r->audit = (struct bp_audit_record){.kind = BP_AUDIT_RESOLVE,
                                        .time_ns = bp_now_ns(x->clock),
                                        .who = sender->name,
                                        .serial = sender->serial,
                                        .count = n,
                                        .is_dry_run = bp_publication_is_dry_run(r->publication),
                                        .done = on_written};
    if (!bp_audit_write(x->audit, &r->audit)) {
        *status = bp_rpc_status(BP_REASON_BUSY, NULL);
        status->retry_after_ms = 100;
        return false;
    }
    r->is_auditing = true;
    c->n_storing++;
    return true;
}

static bool judge(struct request *r)
{
    struct bp_rpc_status status;
    if (bp_publication_judge(r->publication, &status) && account(r, &status))
        return true;
    refuse(r, status);
    return false;
}

/* Gives a judged request to the sequencer, or decides it where there is nothing to store. */
static void store(struct request *r)
{
    struct publish_call *c = r->call;
    r->progress = DECIDED;
    r->outcome = BP_OK;
    if (!bp_publication_wants_store(r->publication)) {
        bp_publication_settle(r->publication, c->publisher->statuses);
        return;
    }
    struct bp_submission *submission = bp_publication_submission(r->publication);
    submission->done = on_done;
    submission->context = r;
    submission->fence = &c->fence;
    if (!bp_sequencer_submit(c->publisher->x->sequencer, submission)) {
        struct bp_rpc_status status = bp_rpc_status(BP_REASON_BUSY, NULL);
        status.retry_after_ms = 100;
        refuse(r, status);
        return;
    }
    r->progress = STORING;
    c->n_storing++;
    bp_lane_add(&c->lane, bp_publication_events(r->publication));
}

/* After a change of the policy, once nothing is with the sequencer: what was not stored is judged
 * again, in order. */
static void store_again(struct publish_call *c)
{
    c->fence = (struct bp_fence){BP_OK};
    for (struct request *r = c->first; r != NULL && r->refusal.code == BP_RPC_OK; r = r->next) {
        if (r->outcome != BP_OK && judge(r))
            store(r);
    }
}

/* --- answering --- */

/* Answers the first request if it is decided. */
static void answer_first(struct publish_call *c)
{
    struct request *r = c->first;
    struct bp_blob *response = bp_publication_answer(r->publication);
    if (response == NULL) {
        bp_refuse(c->call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    int64_t now_ns = c->publisher->x->clock->monotonic_ns(c->publisher->x->clock);
    bp_metric_observe(BP_METRIC_PUBLISH_US, (uint64_t)(now_ns - r->arrived_ns) / 1000);
    pop_request(c);
    if (c->is_stream)
        bp_rpc_call_send(c->call, &response, 1);
    else
        bp_rpc_call_reply(c->call, response);
}

static void read_more(struct publish_call *c)
{
    if (!c->is_stream || c->reading || c->half_closed || c->is_refused || c->n >= UNANSWERED_MAX ||
        c->bytes >= UNANSWERED_BYTES_MAX)
        return;
    if (!bp_lane_may_read(&c->lane))
        return;
    c->reading = true;
    bp_rpc_call_read(c->call);
}

static void resume(struct bp_lane_user *lane)
{
    struct publish_call *c =
        (struct publish_call *)((char *)lane - offsetof(struct publish_call, lane));
    if (!c->is_over && !bp_rpc_call_is_over(c->call))
        read_more(c);
}

/* Ends the call if its first request failed as a whole. */
static bool end_if_refused(struct publish_call *c)
{
    const struct request *r = c->first;
    if (!is_decided(r))
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
static void step(struct publish_call *c)
{
    if (c->is_over || bp_rpc_call_is_over(c->call))
        return;
    const struct request *r = c->first;
    if (is_decided(r) && r->outcome == BP_ECONFLICT) {
        if (c->n_storing != 0)
            return; /* what is behind it comes back first */
        store_again(c);
    }
    if (end_if_refused(c))
        return;
    if (is_decided(c->first) && bp_rpc_call_can_send(c->call))
        answer_first(c);
    if (c->is_over || bp_rpc_call_is_over(c->call))
        return;
    read_more(c);
    if (c->is_stream && c->half_closed && c->n == 0 && bp_rpc_call_can_send(c->call)) {
        struct bp_rpc_status ok = BP_RPC_STATUS_OK;
        bp_rpc_call_finish(c->call, &ok);
    }
}

/* On the queue's thread: takes back what the sequencer had. */
static void on_decided(struct bp_mail *mail)
{
    struct request *r = (struct request *)mail;
    struct publish_call *c = r->call;
    r->progress = DECIDED;
    c->n_storing--;
    bp_lane_remove(&c->lane, bp_publication_events(r->publication));
    if (r->outcome == BP_OK)
        bp_publication_settle(r->publication, c->publisher->statuses);
    step(c);
    release_if_done(c);
}

/* The same of the audit thread. What can't be put on record is not answered. */
static void on_audited(struct bp_mail *mail)
{
    struct request *r = (struct request *)((char *)mail - offsetof(struct request, audited));
    struct publish_call *c = r->call;
    r->is_auditing = false;
    c->n_storing--;
    if (r->audit_outcome != BP_OK && r->refusal.code == BP_RPC_OK) {
        r->refusal = bp_publication_refusal(BP_EIO);
        c->is_refused = true;
    }
    step(c);
    release_if_done(c);
}

/* --- arriving --- */

static bool admit(struct request *r, struct bp_rpc_status *status)
{
    uint32_t soon_ms;
    struct publish_call *c = r->call;
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
    struct publish_call *c = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    if (c == NULL || bp_rpc_call_is_over(call))
        return;
    c->reading = false;
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        bp_refuse(c->call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    const struct bp_exchange *x = c->publisher->x;
    struct bp_str sender = bp_str(bp_rpc_call_peer(call)->identity.name);
    *r = (struct request){
        .call = c, .bytes = bytes.n, .arrived_ns = x->clock->monotonic_ns(x->clock)};
    c->bytes += bytes.n;
    *c->end = r;
    c->end = &r->next;
    c->n++;
    if (!bp_publication_parse(c->publisher->x, sender, bytes, &r->publication, &status) ||
        !admit(r, &status))
        refuse(r, status);
    else if (judge(r))
        store(r);
    step(c);
}

static void half_closed(struct bp_rpc_call *call)
{
    struct publish_call *c = bp_rpc_call_state(call);
    if (c == NULL)
        return;
    c->reading = false;
    c->half_closed = true;
    step(c);
}

static void sent(struct bp_rpc_call *call)
{
    struct publish_call *c = bp_rpc_call_state(call);
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
    bp_returns_init(&p->decided, x->rpc, on_decided);
    bp_returns_init(&p->audited, x->rpc, on_audited);
    p->statuses = bp_statuses_create(x->index, bp_journal_head(x->journal));
    if (p->statuses == NULL) {
        bp_publisher_destroy(p);
        return bp_fail(err, BP_ENOMEM, "publisher service: out of memory");
    }
    bp_status st = BP_OK;
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
    bp_returns_fini(&p->decided);
    bp_returns_fini(&p->audited);
    bp_statuses_destroy(p->statuses);
    free(p);
}
