/* A table under a lock and the list of those who watch. A change wakes every watcher; on the
 * queue's thread each compares what it told last with what is true now, so changes that follow each
 * other quickly cost one message. */
#include "health.h"

#include <pthread.h>

#include "wire.h"

#define NAME_BYTES 80

/* grpc.health.v1.HealthCheckResponse.ServingStatus */
enum serving { UNKNOWN = 0, SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

struct watch {
    struct watch *next;
    struct bp_health *health;
    struct bp_rpc_call *call;
    char service[NAME_BYTES];
    enum serving told;
};

struct bp_health {
    pthread_mutex_t lock; /* guards all below; only the rpc server's own locks are taken inside */
    struct {
        char name[NAME_BYTES];
        bool is_serving;
    } services[BP_HEALTH_SERVICES_MAX];
    unsigned n;
    struct watch *watches;
};

struct bp_health *bp_health_create(void)
{
    struct bp_health *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    h->n = 1; /* "" */
    return h;
}

void bp_health_destroy(struct bp_health *h)
{
    if (h == NULL)
        return;
    BP_ASSERT(h->watches == NULL);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* The place of a service; h->n if it has none. */
static unsigned find_locked(const struct bp_health *h, struct bp_str service)
{
    unsigned i = 0;
    while (i < h->n && !bp_str_is(service, h->services[i].name))
        i++;
    return i;
}

static enum serving status_of(struct bp_health *h, struct bp_str service)
{
    pthread_mutex_lock(&h->lock);
    unsigned i = find_locked(h, service);
    enum serving status = SERVICE_UNKNOWN;
    if (i < h->n)
        status = h->services[i].is_serving ? SERVING : NOT_SERVING;
    pthread_mutex_unlock(&h->lock);
    return status;
}

void bp_health_set(struct bp_health *h, const char *service, bool is_serving)
{
    pthread_mutex_lock(&h->lock);
    unsigned i = find_locked(h, bp_str(service));
    bool is_news = i == h->n || h->services[i].is_serving != is_serving;
    if (i == h->n) {
        BP_ASSERT(i < BP_HEALTH_SERVICES_MAX &&
                  bp_str_copy(h->services[i].name, NAME_BYTES, bp_str(service)));
        h->n++;
    }
    h->services[i].is_serving = is_serving;
    for (struct watch *w = h->watches; w != NULL && is_news; w = w->next)
        bp_rpc_call_wake(w->call);
    pthread_mutex_unlock(&h->lock);
}

bool bp_health_is_serving(struct bp_health *h, const char *service)
{
    return status_of(h, bp_str(service)) == SERVING;
}

/* HealthCheckRequest: the name asked for. */
static bool parse(struct bp_str request, struct bp_str *service)
{
    struct bp_wire wire = bp_wire_of(request);
    struct bp_wire_field field;
    *service = BP_STR("");
    while (bp_wire_next(&wire, &field))
        if (field.number == 1 && field.type == BP_WIRE_LEN)
            *service = field.bytes;
    return !wire.malformed;
}

static struct bp_blob *response(enum serving status)
{
    struct bp_buf b = {0};
    bp_wire_put_uint(&b, 1, (uint64_t)status);
    struct bp_blob *blob = bp_blob_take(&b);
    bp_buf_fini(&b);
    return blob;
}

static void fail(struct bp_rpc_call *call, bp_status st)
{
    struct bp_rpc_status status = bp_rpc_status_of(st, NULL);
    bp_rpc_call_finish(call, &status);
}

static void check_begin(struct bp_rpc_call *call, void *service)
{
    (void)call;
    (void)service;
}

static void check_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_str service;
    if (!parse(request, &service)) {
        fail(call, BP_EINVAL);
        return;
    }
    enum serving status = status_of(bp_rpc_call_service(call), service);
    struct bp_blob *blob = status != SERVICE_UNKNOWN ? response(status) : NULL;
    if (blob != NULL)
        bp_rpc_call_reply(call, blob);
    else
        fail(call, status == SERVICE_UNKNOWN ? BP_ENOENT : BP_ENOMEM);
}

static void check_over(struct bp_rpc_call *call)
{
    (void)call;
}

static void tell(struct bp_rpc_call *call)
{
    struct watch *w = bp_rpc_call_state(call);
    if (w == NULL || !bp_rpc_call_can_send(call))
        return;
    enum serving status = status_of(w->health, bp_str(w->service));
    if (status == w->told)
        return;
    struct bp_blob *blob = response(status);
    if (blob == NULL) {
        fail(call, BP_ENOMEM);
        return;
    }
    w->told = status;
    bp_rpc_call_send(call, &blob, 1);
}

/* A name too long to be known is watched as one that never will be. */
static void watch_start(struct bp_rpc_call *call, struct watch *w, struct bp_str service)
{
    struct bp_health *h = bp_rpc_call_service(call);
    if (!bp_str_copy(w->service, sizeof(w->service), service))
        (void)bp_str_copy(w->service, sizeof(w->service), BP_STR("(too long)"));
    w->health = h;
    w->call = call;
    w->told = UNKNOWN;
    bp_rpc_call_set_state(call, w);
    pthread_mutex_lock(&h->lock);
    w->next = h->watches;
    h->watches = w;
    pthread_mutex_unlock(&h->lock);
    tell(call);
}

static void watch_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_str service;
    struct watch *w = NULL;
    if (!parse(request, &service))
        fail(call, BP_EINVAL);
    else if ((w = calloc(1, sizeof(*w))) == NULL)
        fail(call, BP_ENOMEM);
    else
        watch_start(call, w, service);
}

static void watch_over(struct bp_rpc_call *call)
{
    struct watch *w = bp_rpc_call_state(call);
    if (w == NULL)
        return;
    struct bp_health *h = w->health;
    pthread_mutex_lock(&h->lock);
    struct watch **at = &h->watches;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    pthread_mutex_unlock(&h->lock);
    free(w);
}

static const struct bp_rpc_method methods[] = {
    {.path = "/grpc.health.v1.Health/Check",
     .callers = BP_RPC_FOR_ANYONE,
     .most_request_bytes = 1024,
     .begin = check_begin,
     .message = check_message,
     .over = check_over},
    {.path = "/grpc.health.v1.Health/Watch",
     .callers = BP_RPC_FOR_ANYONE,
     .server_streams = true,
     .most_request_bytes = 1024,
     .begin = check_begin,
     .message = watch_message,
     .sent = tell,
     .woken = tell,
     .over = watch_over},
};

bp_status bp_health_service_add(struct bp_rpc_server *server, struct bp_health *h)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(server, &methods[i], h);
    return st;
}
