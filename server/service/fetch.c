/* Fetch: one page, read like a stream's batch, on the worker unless it is near the head; at the
 * head it waits for a first event until wait_ms is over. */
#include <inttypes.h>
#include <stdatomic.h>

#include "delivery.h"
#include "log.h"
#include "metrics.h"
#include "place.h"
#include "rpc_answer.h"
#include "subscriber.h"
#include "usage.h"
#include "wire.h"
#include "worker.h"

#define EVENTS_DEFAULT 500u
#define EVENTS_MAX 1000u
#define WAIT_MAX_MS 30000
#define LOOK_ON_WORKER 16384u
static const struct bp_batch_fields fields = {.batch = 1, .ground = 2}; /* of FetchResponse */

struct fetch {
    struct bp_reader reader; /* first: a reader is its fetch */
    struct bp_subscriber *service;
    struct bp_rpc_call *call; /* a reference */
    bool is_over;
    bool is_ended;
    bool is_reading;  /* the worker has delivery and batch */
    atomic_bool gone; /* and need not read for it any more */
    char name[BP_SUBSCRIPTION_NAME_MAX + 1];
    struct bp_delivery delivery;
    struct bp_batch batch;
    struct bp_job job;
    struct bp_return read_back;
    size_t most;
    uint64_t start; /* the place the page begins behind */
    int64_t until_ms;
};

static void release_if_done(struct fetch *f)
{
    if (!f->is_over || f->is_reading)
        return;
    bp_batch_fini(&f->batch);
    bp_delivery_fini(&f->delivery);
    bp_rpc_call_unref(f->call);
    free(f);
}

static void end(struct fetch *f, struct bp_rpc_status status)
{
    if (f->is_ended)
        return;
    f->is_ended = true;
    atomic_store(&f->gone, true);
    bp_readers_remove(&f->reader);
    bp_rpc_call_finish(f->call, &status);
}

static void on_taken_over(struct bp_reader *reader)
{
    end((struct fetch *)reader, bp_rpc_status(BP_REASON_TAKEN_OVER, NULL));
}

static void answer(struct fetch *f)
{
    struct bp_exchange *x = f->service->x;
    struct bp_log_id id = bp_journal_log_id(x->journal);
    char log_id[33];
    bp_log_id_format(&id, log_id);
    if (f->batch.n == 0)
        bp_batch_put_empty(&f->batch, fields, f->delivery.place);
    struct bp_buf out = f->batch.body;
    f->batch.body = (struct bp_buf){0};
    bp_buf_add(&out, f->batch.grounds.p, f->batch.grounds.n);
    bp_wire_put_uint(&out, 3, bp_journal_head(x->journal));
    bp_wire_put_bytes(&out, 4, bp_str(log_id));
    bp_metric_add(BP_METRIC_EVENTS_DELIVERED, f->batch.n);
    bp_metric_add(BP_METRIC_BYTES_DELIVERED, out.n);
    if (f->batch.n != 0)
        bp_usage_note_delivered(x, f->reader.agency, out.n);
    f->is_ended = true;
    bp_readers_remove(&f->reader);
    bp_answer(f->call, &out);
}

static void refuse_unreadable(struct fetch *f)
{
    struct bp_rpc_status status = bp_rpc_status_of(f->batch.status, NULL);
    bp_log(BP_LOG_ERROR, "fetch.read_failed", "position=%" PRIu64 " why=%s", f->batch.through + 1,
           bp_status_name(f->batch.status));
    if (f->batch.status == BP_ECORRUPT) {
        status = bp_rpc_status(BP_REASON_DATA_CORRUPT, NULL);
        status.position = f->batch.through + 1;
    }
    end(f, status);
}

/* Does what can be done now. */
static void run(struct fetch *f)
{
    struct bp_exchange *x = f->service->x;
    struct bp_rpc_status status;
    bool changed;
    if (f->is_over || f->is_ended || f->is_reading)
        return;
    if (!bp_delivery_refresh(&f->delivery, &changed, &status)) {
        end(f, status);
        return;
    }
    if (changed) {
        bp_batch_fini(&f->batch);
        f->delivery.place = f->start;
    }
    bool at_head = f->delivery.place >= bp_journal_head(x->journal);
    bool has_read = f->batch.positions != NULL;
    bool is_late = bp_monotonic_ms(x->clock) >= f->until_ms;
    if (f->batch.n != 0 && !bp_usage_may_deliver(x, f->reader.agency, &status)) {
        end(f, status);
    } else if (f->batch.n == 0 && f->batch.status != BP_OK) {
        refuse_unreadable(f);
    } else if (f->batch.n != 0 || ((has_read || at_head) && is_late)) {
        answer(f);
    } else if (!at_head) {
        bp_batch_fini(&f->batch);
        f->is_reading = bp_worker_submit(x->worker, &f->job);
        if (!f->is_reading)
            end(f, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
    }
}

static void on_poke(struct bp_reader *reader)
{
    run((struct fetch *)reader);
}

/* On the worker. */
static void read_on_worker(struct bp_job *job)
{
    struct fetch *f = (struct fetch *)((char *)job - offsetof(struct fetch, job));
    if (!atomic_load(&f->gone))
        bp_delivery_read(&f->delivery, f->most, LOOK_ON_WORKER, fields, &f->batch);
    bp_returns_push(&f->service->returns, &f->read_back.mail);
}

static void handle_read(struct bp_return *back)
{
    struct fetch *f = (struct fetch *)((char *)back - offsetof(struct fetch, read_back));
    f->is_reading = false;
    run(f);
    release_if_done(f);
}

/* --- the request --- */

/* Acknowledges in the subscription before anything is read. */
static bool acknowledge(struct fetch *f, const Berbagi__V1__FetchRequest *m, uint64_t *place,
                        struct bp_rpc_status *status)
{
    struct bp_exchange *x = f->service->x;
    const char *agency = f->reader.agency;
    *place = bp_place_acknowledged(x, agency, f->name);
    if (m->acknowledge > bp_journal_head(x->journal)) {
        *status =
            bp_malformed_field("acknowledge", "a position that was not sent can't be acknowledged");
        return false;
    }
    if (m->acknowledge > *place)
        *place = m->acknowledge;
    bp_status st = bp_place_store(x, agency, f->name, *place, m->filter, NULL, NULL);
    if (st == BP_OK)
        return true;
    *status = st == BP_EAGAIN ? bp_rpc_status(BP_REASON_OVER_QUOTA, "too many subscriptions")
                              : bp_rpc_status_of(st, NULL);
    return false;
}

/* Everything that may refuse the request is asked before anything is changed by it: a stream that
 * it takes over, an acknowledgement. */
static bool open_page(struct fetch *f, const Berbagi__V1__FetchRequest *m,
                      struct bp_rpc_status *status)
{
    struct bp_exchange *x = f->service->x;
    struct bp_filter *filter = NULL;
    uint64_t place = m->after_position;
    bool changed;
    if (!bp_subscription_name_is_valid(m->subscription)) {
        *status = bp_malformed_field("subscription",
                                     "a subscription's name is 1 to 64 of a-z, 0-9 and -");
        return false;
    }
    (void)bp_str_copy(f->name, sizeof(f->name), bp_str(m->subscription));
    f->reader.agency = bp_rpc_call_peer(f->call)->identity.name;
    f->reader.subscription = f->name;
    if (!bp_place_check_log(x, m->log_id, status))
        return false;
    if (f->name[0] == '\0' && !bp_place_check(x, place, status))
        return false;
    bp_status st = bp_filter_create(m->filter, &filter);
    if (st == BP_OK)
        st = bp_delivery_init(&f->delivery, x, f->reader.agency, filter, place);
    if (st != BP_OK) {
        *status = st == BP_EINVAL
                      ? bp_malformed_field("filter", "a filter has at most 1000 entries")
                      : bp_rpc_status_of(st, NULL);
        return false;
    }
    if (!bp_delivery_refresh(&f->delivery, &changed, status))
        return false;
    bp_readers_add(&f->service->readers, &f->reader);
    if (f->name[0] != '\0' &&
        (!acknowledge(f, m, &place, status) || !bp_place_check(x, place, status)))
        return false;
    f->delivery.place = place;
    f->start = place;
    return true;
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct fetch *f = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    if (f == NULL)
        return;
    Berbagi__V1__FetchRequest *m =
        berbagi__v1__fetch_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        end(f, bp_malformed("not a berbagi.v1.FetchRequest message"));
        return;
    }
    int64_t wait_ms = m->wait_ms < WAIT_MAX_MS ? m->wait_ms : WAIT_MAX_MS;
    f->most = m->max_events == 0 ? EVENTS_DEFAULT
                                 : (m->max_events < EVENTS_MAX ? m->max_events : EVENTS_MAX);
    f->until_ms = bp_monotonic_ms(f->service->x->clock) + wait_ms;
    f->reader.due.due_ms = f->until_ms;
    if (open_page(f, m, &status))
        run(f);
    else
        end(f, status);
    berbagi__v1__fetch_request__free_unpacked(m, NULL);
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct bp_subscriber *subscriber = service;
    struct bp_rpc_status status;
    if (!bp_usage_begin(subscriber->x, call, true, &status)) {
        bp_refuse(call, status);
        return;
    }
    struct fetch *f = bp_new_state(call, sizeof(*f));
    if (f == NULL) {
        bp_usage_end(subscriber->x, call, true);
        return;
    }
    f->service = subscriber;
    f->call = bp_rpc_call_ref(call);
    f->reader.poke = on_poke;
    f->reader.taken_over = on_taken_over;
    f->job.run = read_on_worker;
    f->read_back.handle = handle_read;
}

static void over(struct bp_rpc_call *call)
{
    struct fetch *f = bp_rpc_call_state(call);
    if (f == NULL)
        return;
    bp_usage_end(f->service->x, call, true);
    f->is_over = true;
    atomic_store(&f->gone, true);
    bp_readers_remove(&f->reader);
    release_if_done(f);
}

const struct bp_rpc_method bp_fetch_method = {
    .path = "/berbagi.v1.SubscriberService/Fetch",
    .callers = BP_RPC_FOR_AGENCIES,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .waits = true,
    .begin = begin,
    .message = message,
    .over = over,
};
