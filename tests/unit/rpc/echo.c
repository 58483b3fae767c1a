#include "echo.h"

#include <stdio.h>

#include "check.h"

struct later {
    struct later *next;
    struct bp_rpc_call *call;
};

static struct echo *echo_of(struct bp_rpc_call *call)
{
    return bp_rpc_call_service(call);
}

static struct bp_blob *blob_of(struct bp_str bytes)
{
    struct bp_buf b = {0};
    bp_buf_add_str(&b, bytes);
    return bp_blob_take(&b);
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct echo *e = service;
    (void)snprintf(e->last_name, sizeof(e->last_name), "%s", bp_rpc_call_peer(call)->identity.name);
    atomic_fetch_add(&e->begun, 1);
}

static void over(struct bp_rpc_call *call)
{
    atomic_fetch_add(&echo_of(call)->over, 1);
}

static void refuse(struct bp_rpc_call *call)
{
    struct bp_rpc_status status = bp_rpc_status(BP_REASON_OVER_QUOTA, "slower, please");
    status.retry_after_ms = 1500;
    (void)bp_str_copy(status.field, sizeof(status.field), BP_STR("events[3].id"));
    bp_rpc_call_finish(call, &status);
    bp_rpc_call_finish(call, &BP_RPC_STATUS_OK); /* too late, by contract */
}

static void unary_message(struct bp_rpc_call *call, struct bp_str request)
{
    if (bp_str_is(request, "refuse"))
        refuse(call);
    else if (!bp_str_is(request, "never"))
        bp_rpc_call_reply(call, blob_of(request));
}

static void ask_to_be_woken(struct bp_rpc_call *call)
{
    struct echo *e = echo_of(call);
    struct later *l = calloc(1, sizeof(*l));
    l->call = bp_rpc_call_ref(call);
    pthread_mutex_lock(&e->lock);
    l->next = e->waiting;
    e->waiting = l;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void later_message(struct bp_rpc_call *call, struct bp_str request)
{
    bp_rpc_call_set_state(call, blob_of(request));
    ask_to_be_woken(call);
}

static void later_woken(struct bp_rpc_call *call)
{
    atomic_fetch_add(&echo_of(call)->woken, 1);
    bp_rpc_call_reply(call, bp_blob_ref(bp_rpc_call_state(call)));
}

static void later_over(struct bp_rpc_call *call)
{
    over(call);
    bp_blob_unref(bp_rpc_call_state(call));
}

/* Wakes what waits, four times over, from a thread that is not the queue's. */
static void *wake_later(void *context)
{
    struct echo *e = context;
    pthread_mutex_lock(&e->lock);
    while (!e->closing || e->waiting != NULL) {
        struct later *l = e->waiting;
        if (l == NULL) {
            pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        e->waiting = l->next;
        pthread_mutex_unlock(&e->lock);
        for (int i = 0; i < 4; i++)
            bp_rpc_call_wake(l->call);
        bp_rpc_call_unref(l->call);
        free(l);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static void ignore_message(struct bp_rpc_call *call, struct bp_str request)
{
    (void)call;
    (void)request;
}

static void chat_begin(struct bp_rpc_call *call, void *service)
{
    begin(call, service);
    bp_rpc_call_read(call);
}

static void chat_message(struct bp_rpc_call *call, struct bp_str request)
{
    if (bp_str_is(request, "stop")) {
        refuse(call);
        return;
    }
    /* in two parts, one shared */
    struct bp_blob *whole = blob_of(request), *mark = blob_of(BP_STR("!"));
    bp_rpc_call_send(call, (struct bp_blob *[]){whole, mark}, 2);
}

static void chat_sent(struct bp_rpc_call *call)
{
    bp_rpc_call_read(call);
}

static void chat_half_closed(struct bp_rpc_call *call)
{
    atomic_fetch_add(&echo_of(call)->half_closed, 1);
    bp_rpc_call_finish(call, &BP_RPC_STATUS_OK);
}

static void turns_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_blob *answer = blob_of(request);
    bp_rpc_call_send_and_read(call, &answer, 1);
    if (bp_str_is(request, "stop soon"))
        ask_to_be_woken(call);
}

static void flood_sent(struct bp_rpc_call *call)
{
    struct bp_blob *part = bp_blob_ref(bp_rpc_call_state(call));
    bp_rpc_call_send(call, &part, 1);
}

static void flood_message(struct bp_rpc_call *call, struct bp_str request)
{
    (void)request;
    struct bp_buf b = {0};
    memset(bp_buf_reserve(&b, 65536), 'x', 65536);
    b.n = 65536;
    bp_rpc_call_set_state(call, bp_blob_take(&b));
    flood_sent(call);
}

static void flood_over(struct bp_rpc_call *call)
{
    over(call);
    bp_blob_unref(bp_rpc_call_state(call));
}

static const struct bp_rpc_method methods[] = {
    {.path = "/test.Echo/Unary",
     .most_request_bytes = ECHO_LARGE_REQUEST,
     .begin = begin,
     .message = unary_message,
     .over = over},
    {.path = "/test.Echo/Later",
     .most_request_bytes = ECHO_SMALL_REQUEST,
     .begin = begin,
     .message = later_message,
     .woken = later_woken,
     .over = later_over},
    {.path = "/test.Echo/Poll",
     .waits = true,
     .begin = begin,
     .message = ignore_message,
     .over = over},
    {.path = "/test.Echo/Chat",
     .client_streams = true,
     .server_streams = true,
     .most_request_bytes = ECHO_SMALL_REQUEST,
     .begin = chat_begin,
     .message = chat_message,
     .half_closed = chat_half_closed,
     .sent = chat_sent,
     .over = over},
    {.path = "/test.Echo/Turns",
     .client_streams = true,
     .server_streams = true,
     .begin = chat_begin,
     .message = turns_message,
     .half_closed = chat_half_closed,
     .woken = refuse,
     .over = over},
    {.path = "/test.Echo/Flood",
     .server_streams = true,
     .begin = begin,
     .message = flood_message,
     .sent = flood_sent,
     .over = flood_over},
};

static bool admit(void *context, const struct bp_peer *peer, const struct bp_rpc_method *method,
                  struct bp_rpc_status *status)
{
    (void)method;
    struct echo *e = context;
    assert_true(peer->address[0] != '\0');
    if (!atomic_load(&e->refuse))
        return true;
    *status = bp_rpc_status(BP_REASON_AGENCY_SUSPENDED, NULL);
    return false;
}

static void ended(void *context, const struct bp_rpc_method *method, int code, int64_t duration_ns)
{
    struct echo *e = context;
    assert_non_null(method->path);
    assert_true(duration_ns >= 0);
    atomic_store(&e->last_code, (unsigned)code);
    atomic_fetch_add(&e->ended, 1);
}

static int64_t shifted_now(const struct bp_clock *clock)
{
    const struct echo *e = (const void *)((const char *)clock - offsetof(struct echo, clock));
    return bp_now_ns(&bp_system_clock) + atomic_load(&e->shift_ns);
}

static int64_t true_monotonic(const struct bp_clock *clock)
{
    (void)clock;
    return bp_system_clock.monotonic_ns(&bp_system_clock);
}

void echo_start(struct echo *e, const struct pki *pki, const char *crl)
{
    memset(e, 0, sizeof(*e));
    e->clock = (struct bp_clock){.now_ns = shifted_now, .monotonic_ns = true_monotonic};
    e->credentials = pki_server(pki, "server", crl);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    assert_int_equal(pthread_create(&e->waker, NULL, wake_later, e), 0);
    struct bp_rpc_config config = {.listen = "127.0.0.1:0",
                                   .trust_domain = "exchange.test",
                                   .clock = &e->clock,
                                   .admit = admit,
                                   .ended = ended,
                                   .context = e};
    assert_int_equal(bp_rpc_server_create(&config, e->credentials, &e->server, NULL), BP_OK);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        assert_int_equal(bp_rpc_server_add(e->server, &methods[i], e), BP_OK);
    struct bp_err err = {""};
    if (bp_rpc_server_start(e->server, &e->port, &err) != BP_OK)
        fail_msg("%s", err.text);
}

void echo_stop(struct echo *e, int grace_ms)
{
    bp_rpc_server_stop(e->server, grace_ms);
    assert_int_equal(atomic_load(&e->begun), atomic_load(&e->over));
    assert_int_equal(bp_rpc_server_streams(e->server), 0);
    pthread_mutex_lock(&e->lock);
    e->closing = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->waker, NULL);
    bp_rpc_server_destroy(e->server);
    bp_credentials_destroy(e->credentials);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
}

struct errand {
    struct bp_rpc_task task;
    struct echo *echo;
    struct bp_credentials *credentials;
    unsigned result;
    atomic_bool done;
};

static void run_errand(struct errand *errand)
{
    bp_rpc_post(errand->echo->server, &errand->task);
    wait_until(atomic_load(&errand->done));
}

static void set_credentials(struct bp_rpc_task *task)
{
    struct errand *errand = (void *)task;
    errand->result = bp_rpc_server_set_credentials(errand->echo->server, errand->credentials);
    atomic_store(&errand->done, true);
}

unsigned echo_set_credentials(struct echo *e, struct bp_credentials *credentials)
{
    struct errand errand = {.task.run = set_credentials, .echo = e, .credentials = credentials};
    run_errand(&errand);
    bp_credentials_destroy(e->credentials);
    e->credentials = credentials;
    return errand.result;
}

static void count_connections(struct bp_rpc_task *task)
{
    struct errand *errand = (void *)task;
    errand->result = bp_rpc_server_connections(errand->echo->server);
    atomic_store(&errand->done, true);
}

unsigned echo_connections(struct echo *e)
{
    struct errand errand = {.task.run = count_connections, .echo = e};
    run_errand(&errand);
    return errand.result;
}
