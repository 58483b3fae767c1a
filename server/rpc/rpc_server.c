/* The server: its routes, its listener, its one thread. */
#include "rpc_internal.h"

#include <grpc/support/time.h>
#include <signal.h>

/* Slots posted for each method. What arrives while all are taken waits inside gRPC for the next. */
#define SLOTS 8
#define STREAMS_DEFAULT 1000

_Thread_local const struct bp_rpc_server *bp_rpc_on_queue_of;

static const struct bp_rpc_method unknown_method = {.path = "(unknown)"};

static void server_free(struct bp_rpc_server *s)
{
    bp_rpc_tls_fini(&s->tls);
    bp_rpc_tasks_fini(&s->tasks);
    pthread_mutex_destroy(&s->stop_lock);
    pthread_cond_destroy(&s->stop_changed);
    free(s->listen);
    free(s->trust_domain);
    free(s);
}

void bp_rpc_server_unref(struct bp_rpc_server *s)
{
    if (atomic_fetch_sub(&s->refs, 1) == 1)
        server_free(s);
}

void bp_rpc_server_machine_over(struct bp_rpc_server *s)
{
    s->machines--;
    bp_rpc_stop_check(s);
}

void bp_rpc_server_fill_slots(struct bp_rpc_route *route)
{
    unsigned before = SLOTS;
    while (!route->server->stopping && route->slots < SLOTS && route->slots != before) {
        before = route->slots;
        bp_rpc_call_post_slot(route);
    }
}

/* Resets calls that ended with an error and whose reader does not take the rest. */
static void cut_lingering(struct bp_rpc_server *s)
{
    if (s->failed == 0) /* calls are walked, thousands of them, for a reason only */
        return;
    int64_t now_ms = bp_monotonic_ms(&bp_system_clock);
    for (struct bp_rpc_call *c = s->calls; c != NULL; c = c->next) {
        bool lingers = c->end.wanted && c->end.code != BP_RPC_OK && !c->end.cut &&
                       now_ms - c->end.since_ms >= BP_RPC_LINGER_MS;
        if (!lingers)
            continue;
        c->end.cut = true;
        (void)grpc_call_cancel_with_status(c->grpc, (grpc_status_code)c->end.code,
                                           "ended by the server", NULL);
    }
}

#define PRUNE_MS 10000

static void prune(void *context)
{
    struct bp_rpc_server *s = context;
    bp_rpc_connections_prune(&s->connections, s->port);
}

static void tick(void *context)
{
    struct bp_rpc_server *s = context;
    (void)bp_rpc_expel(s);
    cut_lingering(s);
    bp_rpc_connections_close_ended(&s->connections, s->port, bp_monotonic_ms(&bp_system_clock));
    for (unsigned i = 0; i < s->n_routes; i++) /* where memory had run out */
        bp_rpc_server_fill_slots(&s->routes[i]);
}

static void add_route(struct bp_rpc_server *s, const struct bp_rpc_method *method, void *service)
{
    s->routes[s->n_routes++] =
        (struct bp_rpc_route){.server = s, .method = method, .service = service};
}

bp_status bp_rpc_server_create(const struct bp_rpc_config *config,
                               const struct bp_credentials *credentials, struct bp_rpc_server **out,
                               struct bp_err *err)
{
    struct bp_rpc_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "rpc server: out of memory");
    atomic_init(&s->refs, 1);
    s->config = *config;
    if (s->config.most_streams_per_connection == 0)
        s->config.most_streams_per_connection = STREAMS_DEFAULT;
    s->listen = bp_str_dup(bp_str(config->listen));
    s->trust_domain = bp_str_dup(bp_str(config->trust_domain));
    bp_rpc_tls_init(&s->tls, credentials);
    bp_rpc_stop_init(s);
    bp_rpc_timers_init(&s->timers);
    bp_rpc_timers_add(&s->timers, BP_RPC_TICK_MS, tick, s);
    bp_rpc_timers_add(&s->timers, PRUNE_MS, prune, s);
    bp_rpc_peers_init(&s->peers, s->trust_domain, credentials);
    add_route(s, &unknown_method, NULL);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    bp_rpc_tasks_init(&s->tasks, s->queue);
    if (s->listen == NULL || s->trust_domain == NULL) {
        bp_rpc_server_destroy(s);
        return bp_fail(err, BP_ENOMEM, "rpc server: out of memory");
    }
    *out = s;
    return BP_OK;
}

bp_status bp_rpc_server_add(struct bp_rpc_server *s, const struct bp_rpc_method *method,
                            void *service)
{
    BP_ASSERT(s->grpc == NULL);
    BP_ASSERT(method->begin != NULL && method->message != NULL && method->over != NULL);
    BP_ASSERT(method->half_closed != NULL || !method->client_streams);
    if (s->n_routes > BP_RPC_METHODS_MAX)
        return BP_EAGAIN;
    for (unsigned i = 0; i < s->n_routes; i++)
        if (strcmp(s->routes[i].method->path, method->path) == 0)
            return BP_EEXIST;
    add_route(s, method, service);
    return BP_OK;
}

static gpr_timespec wake_at(int64_t due_ms)
{
    return (gpr_timespec){.tv_sec = due_ms / 1000,
                          .tv_nsec = (int32_t)(due_ms % 1000) * 1000000,
                          .clock_type = GPR_CLOCK_MONOTONIC};
}

static int64_t monotonic_ms(void)
{
    gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Timers keep the system's time whatever clock the configuration gives: waiting cannot be faked. */
static void *run_queue(void *context)
{
    struct bp_rpc_server *s = context;
    bp_rpc_on_queue_of = s;
    bp_rpc_timers_start(&s->timers, monotonic_ms());
    for (;;) {
        grpc_event event = grpc_completion_queue_next(s->queue, wake_at(s->timers.next_ms), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (event.type == GRPC_OP_COMPLETE) {
            struct bp_rpc_op *op = event.tag;
            BP_RPC_TSAN_ACQUIRE(op);
            op->done(op, event.success != 0);
        }
        bp_rpc_timers_run(&s->timers, monotonic_ms());
    }
}

/* Signals are the main thread's business. */
static bool start_thread(struct bp_rpc_server *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&s->thread, NULL, run_queue, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* Without a thread nothing would answer: takes the queue's place until the server is shut. */
static void abandon(struct bp_rpc_server *s)
{
    s->stopping = true;
    grpc_server_shutdown_and_notify(s->grpc, s->queue, &s->shut_op);
    while (!s->shut || s->machines != 0) {
        grpc_event event =
            grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        struct bp_rpc_op *op = event.tag;
        op->done(op, event.success != 0);
    }
    grpc_server_destroy(s->grpc);
    s->grpc = NULL;
}

bp_status bp_rpc_server_start(struct bp_rpc_server *s, unsigned *port, struct bp_err *err)
{
    int bound = bp_rpc_listener_open(s);
    grpc_server_start(s->grpc);
    if (bound <= 0) {
        char reason[256];
        bp_rpc_listen_reason(s->listen, reason, sizeof(reason));
        abandon(s);
        return bp_fail(err, BP_EIO, "listen on %s: %s", s->listen, reason);
    }
    s->port = (unsigned)bound;
    for (unsigned i = 0; i < s->n_routes; i++)
        bp_rpc_server_fill_slots(&s->routes[i]);
    if (!start_thread(s)) {
        abandon(s);
        return bp_fail(err, BP_ENOMEM, "rpc server: the system gives no thread");
    }
    *port = s->port;
    return BP_OK;
}

static void take_down_unstarted(struct bp_rpc_server *s)
{
    bp_rpc_tasks_close(&s->tasks);
    grpc_completion_queue_shutdown(s->queue);
    while (grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    bp_rpc_tasks_disconnect(&s->tasks);
    grpc_completion_queue_destroy(s->queue);
    s->queue = NULL;
}

void bp_rpc_server_destroy(struct bp_rpc_server *s)
{
    if (s == NULL)
        return;
    bp_rpc_server_stop(s, 0);
    if (s->queue != NULL)
        take_down_unstarted(s);
    bp_rpc_connections_fini(&s->connections);
    bp_rpc_peers_fini(&s->peers);
    bp_rpc_server_unref(s);
}

unsigned bp_rpc_server_set_credentials(struct bp_rpc_server *s,
                                       const struct bp_credentials *credentials)
{
    bp_rpc_tls_set(&s->tls, credentials);
    bp_rpc_peers_set(&s->peers, credentials);
    return bp_rpc_expel(s);
}

void bp_rpc_post(struct bp_rpc_server *s, struct bp_rpc_task *task)
{
    (void)bp_rpc_tasks_post(&s->tasks, task);
}

void bp_rpc_server_every(struct bp_rpc_server *s, int interval_ms, void (*run)(void *context),
                         void *context)
{
    BP_ASSERT(s->grpc == NULL);
    bp_rpc_timers_add(&s->timers, interval_ms, run, context);
}

unsigned bp_rpc_server_add_alarm(struct bp_rpc_server *s, void (*run)(void *context), void *context)
{
    BP_ASSERT(s->grpc == NULL);
    return bp_rpc_timers_add_alarm(&s->timers, run, context);
}

void bp_rpc_server_set_alarm(struct bp_rpc_server *s, unsigned alarm, int64_t in_ms)
{
    BP_ASSERT(bp_rpc_on_queue_of == s);
    bp_rpc_timers_set_alarm(&s->timers, alarm, monotonic_ms() + in_ms);
}

unsigned bp_rpc_server_streams(const struct bp_rpc_server *s)
{
    return atomic_load_explicit(&s->streams, memory_order_relaxed);
}
