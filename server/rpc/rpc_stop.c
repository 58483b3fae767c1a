/* Stopping. Streams and long polls are ended at once; other unary calls answer within the grace,
 * because what they wait for (a commit) is about to happen; what is left then is ended and reset.
 * It is over when gRPC has no connection and no machine runs. */
#include "rpc_internal.h"

#include <errno.h>
#include <time.h>

#define LOOK_MS 200 /* how often it is looked at what is left */

struct bp_rpc_status bp_rpc_stopping_status(void)
{
    struct bp_rpc_status status = bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL);
    status.retry_after_ms = 1000;
    return status;
}

void bp_rpc_stop_check(struct bp_rpc_server *s)
{
    if (!s->shut || s->machines != 0)
        return;
    pthread_mutex_lock(&s->stop_lock);
    s->stopped = true;
    pthread_cond_signal(&s->stop_changed);
    pthread_mutex_unlock(&s->stop_lock);
}

static void shut(struct bp_rpc_op *op, bool ok)
{
    (void)ok;
    struct bp_rpc_server *s = BP_RPC_OWNER(struct bp_rpc_server, shut_op, op);
    s->shut = true;
    bp_rpc_stop_check(s);
}

static bool may_answer(const struct bp_rpc_call *c)
{
    const struct bp_rpc_method *m = c->route->method;
    return c->begun && !m->client_streams && !m->server_streams && !m->waits;
}

static void end_calls(struct bp_rpc_server *s, bool all)
{
    struct bp_rpc_status status = bp_rpc_stopping_status();
    for (struct bp_rpc_call *c = s->calls; c != NULL; c = c->next)
        if (all || !may_answer(c))
            bp_rpc_call_finish(c, &status);
}

static void begin_stop(struct bp_rpc_task *task)
{
    struct bp_rpc_server *s = BP_RPC_OWNER(struct bp_rpc_server, stop_task, task);
    s->stopping = true;
    BP_RPC_TSAN_RELEASE(&s->shut_op);
    grpc_server_shutdown_and_notify(s->grpc, s->queue, &s->shut_op);
    end_calls(s, false);
}

static void cancel_rest(struct bp_rpc_task *task)
{
    struct bp_rpc_server *s = BP_RPC_OWNER(struct bp_rpc_server, cancel_task, task);
    end_calls(s, true);
    grpc_server_cancel_all_calls(s->grpc);
}

/* A connection without a call has nothing to wait for, and its client may not look at it for
 * seconds. */
static void close_idle(struct bp_rpc_task *task)
{
    struct bp_rpc_server *s = BP_RPC_OWNER(struct bp_rpc_server, idle_task, task);
    if (s->machines == 0 && !s->shut)
        grpc_server_cancel_all_calls(s->grpc);
}

void bp_rpc_stop_init(struct bp_rpc_server *s)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->stop_changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->stop_lock, NULL);
    s->shut_op.done = shut;
    s->stop_task.run = begin_stop;
    s->cancel_task.run = cancel_rest;
    s->idle_task.run = close_idle;
}

static struct timespec in_ms(int ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static bool wait_stopped(struct bp_rpc_server *s, int timeout_ms)
{
    struct timespec until = in_ms(timeout_ms);
    int waited = 0;
    pthread_mutex_lock(&s->stop_lock);
    while (!s->stopped && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&s->stop_changed, &s->stop_lock, &until);
    bool stopped = s->stopped;
    pthread_mutex_unlock(&s->stop_lock);
    return stopped;
}

static void take_down(struct bp_rpc_server *s)
{
    bp_rpc_tasks_close(&s->tasks);
    grpc_completion_queue_shutdown(s->queue);
    pthread_join(s->thread, NULL);
    grpc_server_destroy(s->grpc); /* behind the thread: a late cancel_task still looks at it */
    bp_rpc_tasks_disconnect(&s->tasks);
    grpc_completion_queue_destroy(s->queue);
    s->grpc = NULL;
    s->queue = NULL;
}

void bp_rpc_server_stop(struct bp_rpc_server *s, int grace_ms)
{
    if (s->grpc == NULL)
        return;
    BP_ASSERT(bp_rpc_on_queue_of != s);
    (void)bp_rpc_tasks_post(&s->tasks, &s->stop_task);
    for (int left_ms = grace_ms; !wait_stopped(s, LOOK_MS); left_ms -= LOOK_MS)
        (void)bp_rpc_tasks_post(&s->tasks, left_ms <= LOOK_MS ? &s->cancel_task : &s->idle_task);
    take_down(s);
}
