/* A call as a machine.
 *
 *   SLOT ── a caller came ──> ADMIT ── may begin ──> OPEN
 *    │                          │                     │ finished by us, or closed by the other side
 *    │ the server stops         └──── refused ──> ENDING ── nothing being written ──> CLOSING
 *    └────────────────────────────> OVER <───────────── nothing in flight ───────────────┘
 *
 * SLOT waits for its arrival. OPEN waits for a message, a half-close, a write done, a wake-up, an
 * end. ENDING waits for the write in flight, because the status goes behind it. CLOSING waits until
 * every tag came back. The hard part is who may end a call at the same time: the method, the layer,
 * the client, a deadline. The first decision stands (bp_rpc_call_decide_end) and all the others
 * meet a machine that is past OPEN; `over` is called in one place, on the way through OVER. */
#include "rpc_internal.h"

#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <inttypes.h>
#include <stdlib.h>

#include "log.h"
#include "rpc_intake.h"
#include "rpc_payload.h"

enum next { NEXT_STEP, NEXT_WAIT, NEXT_OVER };

static enum next step_slot(struct bp_rpc_call *c);
static enum next step_admit(struct bp_rpc_call *c);
static enum next step_open(struct bp_rpc_call *c);
static enum next step_ending(struct bp_rpc_call *c);
static enum next step_closing(struct bp_rpc_call *c);
static enum next step_over(struct bp_rpc_call *c);

#define BIT(state) (1u << (state))

static const struct {
    const char *name;
    enum next (*step)(struct bp_rpc_call *c);
    unsigned may_go;
} states[CALL_STATES] = {
    [CALL_SLOT] = {"slot", step_slot, BIT(CALL_ADMIT) | BIT(CALL_OVER)},
    [CALL_ADMIT] = {"admit", step_admit, BIT(CALL_OPEN) | BIT(CALL_ENDING)},
    [CALL_OPEN] = {"open", step_open, BIT(CALL_ENDING)},
    [CALL_ENDING] = {"ending", step_ending, BIT(CALL_CLOSING)},
    [CALL_CLOSING] = {"closing", step_closing, BIT(CALL_OVER)},
    [CALL_OVER] = {"over", step_over, 0},
};

static enum next go(struct bp_rpc_call *c, enum bp_rpc_call_state to)
{
    BP_ASSERT((states[c->state].may_go & BIT(to)) != 0);
    bp_log(BP_LOG_DEBUG, "rpc.call_state", "call=%" PRIu64 " from=%s to=%s", c->id,
           states[c->state].name, states[to].name);
    c->state = to;
    return NEXT_STEP;
}

/* Runs c until it waits for an event or is over. A callback that ends its own call comes back here
 * with `running` set, and the loop it came from goes on. */
void bp_rpc_call_run(struct bp_rpc_call *c)
{
    if (c->running || c->state == CALL_OVER) /* a wake-up may find it long over */
        return;
    enum next n;
    c->running = true;
    do {
        n = states[c->state].step(c);
    } while (n == NEXT_STEP);
    c->running = false;
    if (n == NEXT_OVER) {
        struct bp_rpc_server *s = c->server;
        bp_rpc_server_machine_over(s);
        bp_rpc_call_unref(c); /* the last use of s too, if it was the last reference */
    }
}

static void woken(struct bp_rpc_task *task)
{
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, wake_task, task);
    c->woken = true;
    bp_rpc_call_run(c);
    bp_rpc_call_unref(c);
}

void bp_rpc_call_post_slot(struct bp_rpc_route *route)
{
    struct bp_rpc_server *s = route->server;
    struct bp_rpc_call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return;
    atomic_init(&c->refs, 1);
    c->server = s;
    c->route = route;
    c->wake_task.run = woken;
    grpc_metadata_array_init(&c->metadata);
    grpc_call_details_init(&c->details);
    c->deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    c->end.message = c->end.details = grpc_empty_slice();
    bp_rpc_batch_init(c);
    atomic_fetch_add(&s->refs, 1);
    if (!bp_rpc_batch_arrive(c)) {
        bp_rpc_call_unref(c);
        return;
    }
    route->slots++;
    s->machines++;
}

static void call_free(struct bp_rpc_call *c)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not follow counted references */
    struct bp_rpc_server *s = c->server;
    grpc_slice_unref(c->end.message);
    grpc_slice_unref(c->end.details);
    grpc_metadata_array_destroy(&c->metadata);
    grpc_call_details_destroy(&c->details);
    free(c);
    bp_rpc_server_unref(s);
}

struct bp_rpc_call *bp_rpc_call_ref(struct bp_rpc_call *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void bp_rpc_call_unref(struct bp_rpc_call *c)
{
    if (atomic_fetch_sub(&c->refs, 1) == 1)
        call_free(c);
}

static void link_call(struct bp_rpc_call *c)
{
    struct bp_rpc_server *s = c->server;
    c->next = s->calls;
    if (c->next != NULL)
        c->next->prev = c;
    s->calls = c;
    c->id = ++s->last_id;
    c->began_ns = s->config.clock->monotonic_ns(s->config.clock);
    atomic_fetch_add_explicit(&s->streams, 1, memory_order_relaxed);
}

static void unlink_call(struct bp_rpc_call *c)
{
    struct bp_rpc_server *s = c->server;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    s->failed -= c->end.wanted && c->end.code != BP_RPC_OK;
    atomic_fetch_sub_explicit(&s->streams, 1, memory_order_relaxed);
}

static enum next step_slot(struct bp_rpc_call *c)
{
    if (c->ops_in_flight != 0)
        return NEXT_WAIT;
    if (c->grpc == NULL)
        return go(c, CALL_OVER);
    if (c->route->registered == NULL)
        c->deadline = c->details.deadline;
    bp_rpc_server_fill_slots(c->route);
    link_call(c);
    return go(c, CALL_ADMIT);
}

/* A unary method that answers soon learns of the other side's end with its own answer, in one batch
 * and one completion. */
static bool wants_early_close(const struct bp_rpc_method *m)
{
    return m->client_streams || m->server_streams || m->waits;
}

static enum next step_admit(struct bp_rpc_call *c)
{
    struct bp_rpc_status refusal;
    if (!bp_rpc_admit(c, &refusal)) {
        bp_rpc_call_decide_end(c, &refusal);
        return go(c, CALL_ENDING);
    }
    const struct bp_rpc_method *m = c->route->method;
    if (wants_early_close(m))
        bp_rpc_batch_close(c);
    if (!m->client_streams)
        bp_rpc_batch_read(c);
    return go(c, CALL_OPEN);
}

static void drop_request(struct bp_rpc_call *c)
{
    if (c->request != NULL)
        grpc_byte_buffer_destroy(c->request);
    c->request = NULL;
}

static void deliver(struct bp_rpc_call *c)
{
    grpc_byte_buffer *request = c->request;
    c->request = NULL; /* the method may ask for the next one meanwhile */
    struct bp_rpc_payload payload;
    bp_rpc_payload_open(request, &payload);
    if (c->connection != NULL)
        bp_rpc_intake_accept(c->connection->account, payload.bytes.n);
    c->route->method->message(c, payload.bytes);
    bp_rpc_payload_close(&payload);
    grpc_byte_buffer_destroy(request);
}

/* One event at a time, and none once the end is decided. */
static enum next step_open(struct bp_rpc_call *c)
{
    const struct bp_rpc_method *m = c->route->method;
    struct bp_rpc_status refusal;
    if (c->end.wanted || c->closed)
        return go(c, CALL_ENDING);
    if (c->request != NULL && !bp_rpc_request_is_fit(c, &refusal)) {
        bp_rpc_call_decide_end(c, &refusal);
    } else if (!c->begun && (m->client_streams || c->request != NULL)) {
        c->begun = true;
        m->begin(c, c->route->service);
    } else if (c->request != NULL) {
        deliver(c);
    } else if (c->read_ended && !m->client_streams) {
        refusal = bp_rpc_status(BP_REASON_MALFORMED_REQUEST, "the call carries no request");
        bp_rpc_call_decide_end(c, &refusal);
    } else if (c->read_ended) {
        c->read_ended = false;
        m->half_closed(c);
    } else if (c->sent) {
        c->sent = false;
        if (m->sent != NULL)
            m->sent(c);
    } else if (c->woken) {
        c->woken = false;
        if (m->woken != NULL)
            m->woken(c);
    } else {
        return NEXT_WAIT;
    }
    return NEXT_STEP;
}

static enum next step_ending(struct bp_rpc_call *c)
{
    if (c->writing && !c->turning) /* a turn has sent; the status ends its read */
        return NEXT_WAIT;
    if (!c->closed)
        bp_rpc_batch_status(c);
    return go(c, CALL_CLOSING);
}

static enum next step_closing(struct bp_rpc_call *c)
{
    return c->ops_in_flight != 0 ? NEXT_WAIT : go(c, CALL_OVER);
}

/* What the call came to: what we said, unless the other side was gone before it could hear it. */
static int outcome(const struct bp_rpc_call *c)
{
    if (c->end.wanted && (c->cancelled == 0 || c->end.cut))
        return (int)c->end.code;
    bool late = gpr_time_cmp(gpr_now(c->deadline.clock_type), c->deadline) >= 0;
    return late ? BP_RPC_DEADLINE_EXCEEDED : BP_RPC_CANCELLED;
}

static void tell_ended(struct bp_rpc_call *c)
{
    const struct bp_rpc_config *config = &c->server->config;
    if (config->ended != NULL)
        config->ended(config->context, c->route->method, outcome(c),
                      config->clock->monotonic_ns(config->clock) - c->began_ns);
}

/* Floods give calls up at once; those of a client that ends, or loses its connection, are older. */
#define YOUNG_NS BP_NS_PER_S

static bool was_given_up(const struct bp_rpc_call *c)
{
    const struct bp_clock *clock = c->server->config.clock;
    return c->cancelled != 0 && !c->end.cut && c->certificate != NULL && !c->server->stopping &&
           clock->monotonic_ns(clock) - c->began_ns < YOUNG_NS;
}

static enum next step_over(struct bp_rpc_call *c)
{
    if (c->grpc == NULL)
        return NEXT_OVER; /* a slot nobody came to */
    unlink_call(c);
    if (was_given_up(c))
        bp_rpc_peer_abandons(c->certificate, bp_monotonic_ms(&bp_system_clock));
    if (c->cancelled != 0)
        (void)bp_rpc_close_harmful(c);
    if (c->begun)
        c->route->method->over(c);
    tell_ended(c);
    drop_request(c);
    if (c->end.response != NULL)
        grpc_byte_buffer_destroy(c->end.response);
    bp_rpc_connections_give_back(&c->server->connections, c->connection);
    bp_rpc_peers_give_back(c->certificate);
    grpc_call_unref(c->grpc);
    c->grpc = NULL;
    return NEXT_OVER;
}
