/* Subscribe: one machine for each stream.
 *
 *     OPENING ──place stored──> GREETING ──Opened sent──> FOLLOWING <──> READING (on the worker)
 *        │                                                    │
 *        └────────────── half closed ─────────────> SAVING <──┘
 *                                                     │
 *     every state ── finished by us or by the other side ──> ENDED
 *
 * What ends a wait: OPENING the first message, then the row on disk; GREETING room to send;
 * FOLLOWING a poke (head, policy, day, tick), room to send, an acknowledgement; READING the worker;
 * SAVING the row on disk. Nothing is queued for a stream: a slow reader keeps its place and nothing
 * else. The state lives until what other threads hold has come back. */
#include <inttypes.h>

#include "cuts.h"
#include "log.h"
#include "metrics.h"
#include "rpc_answer.h"
#include "subscribe_internal.h"
#include "usage.h"
#include "wire.h"

static const struct bp_batch_fields fields = {.batch = 2, .ground = 4}; /* of SubscribeResponse */
/* Events looked at in one go: on the queue's thread, where others wait, and on the worker. What is
 * nearer to the head than NEAR was written a moment ago and stands in memory. */
#define LOOK_HERE 2048u
#define LOOK_ON_WORKER 16384u
#define NEAR 2048u

static int64_t now_ms(const struct bp_stream *s)
{
    return bp_monotonic_ms(s->service->x->clock);
}

/* --- ends --- */

static void release_if_done(struct bp_stream *s)
{
    if (!s->is_over || s->held != 0)
        return;
    bp_batch_fini(&s->batch);
    bp_delivery_fini(&s->delivery);
    bp_unacknowledged_fini(&s->unacknowledged);
    bp_rpc_call_unref(s->call);
    free(s);
}

void bp_stream_end(struct bp_stream *s, struct bp_rpc_status status)
{
    if (s->state == ENDED)
        return;
    s->state = ENDED;
    atomic_store(&s->gone, true);
    bp_readers_remove(&s->reader);
    bp_rpc_call_finish(s->call, &status);
}

/* The right to read is gone: counted, because somebody may ask what became of a stream. */
static void cut(struct bp_stream *s, struct bp_rpc_status status)
{
    bp_count_cut(status.reason);
    bp_stream_end(s, status);
}

static void on_taken_over(struct bp_reader *reader)
{
    bp_stream_end((struct bp_stream *)reader, bp_rpc_status(BP_REASON_TAKEN_OVER, NULL));
}

/* --- the durable place --- */

/* On the sequencer's thread. */
static void on_saved(void *context, bp_status st)
{
    struct bp_stream *s = context;
    s->save_status = st;
    bp_returns_push(&s->service->returns, &s->saved_back.mail);
}

static void handle_saved(struct bp_return *back)
{
    struct bp_stream *s =
        (struct bp_stream *)((char *)back - offsetof(struct bp_stream, saved_back));
    s->held--;
    s->saved = true;
    bp_stream_run(s);
    release_if_done(s);
}

bool bp_stream_save(struct bp_stream *s, uint64_t place, const Berbagi__V1__Filter *filter,
                    bool and_wait)
{
    s->saved = !and_wait;
    s->held += and_wait;
    bp_status st = bp_place_store(s->service->x, s->delivery.agency, s->name, place, filter,
                                  and_wait ? on_saved : NULL, s);
    if (st == BP_OK)
        return true;
    s->held -= and_wait;
    bp_stream_end(s, st == BP_EAGAIN ? bp_rpc_status(BP_REASON_OVER_QUOTA, "too many subscriptions")
                                     : bp_rpc_status_of(st, NULL));
    return false;
}

/* --- sending --- */

/* Sends what is in out, behind a first part (NULL: none), whose reference is taken. */
static void send_parts(struct bp_stream *s, struct bp_blob *first, struct bp_buf *out)
{
    struct bp_blob *parts[2] = {first};
    size_t n = first != NULL;
    bool has_more = out->n != 0 || out->failed;
    if (has_more && (parts[n++] = bp_blob_take(out)) == NULL) {
        bp_blob_unref(first);
        bp_stream_end(s, bp_rpc_status_of(BP_ENOMEM, NULL));
    } else {
        s->reader.due.due_ms = now_ms(s) + s->bookmark_ms;
        bp_rpc_call_send(s->call, parts, n);
    }
    bp_buf_fini(out);
}

static void send_response(struct bp_stream *s, struct bp_buf *out)
{
    send_parts(s, NULL, out);
}

static void send_opened(struct bp_stream *s)
{
    struct bp_exchange *x = s->service->x;
    struct bp_log_id id = bp_journal_log_id(x->journal);
    char log_id[33];
    struct bp_buf out = {0};
    bp_log_id_format(&id, log_id);
    size_t mark = bp_wire_begin_message(&out, 1);
    bp_wire_put_uint(&out, 1, s->delivery.place);
    bp_wire_put_uint(&out, 2, bp_journal_head(x->journal));
    bp_wire_put_uint(&out, 3, bp_journal_first(x->journal));
    bp_wire_put_bytes(&out, 4, bp_str(log_id));
    bp_wire_end_message(&out, mark);
    send_response(s, &out);
}

static void send_bookmark(struct bp_stream *s)
{
    struct bp_exchange *x = s->service->x;
    struct bp_buf out = {0};
    size_t mark = bp_wire_begin_message(&out, 3);
    bp_wire_put_uint(&out, 1, s->delivery.place);
    bp_wire_put_uint(&out, 2, bp_journal_head(x->journal));
    bp_wire_put_time(&out, 3, bp_now_ns(x->clock));
    bp_wire_end_message(&out, mark);
    s->through_sent = s->delivery.place;
    send_response(s, &out);
}

static void send_events(struct bp_stream *s, struct bp_batch *batch)
{
    struct bp_blob *shared = batch->shared;
    struct bp_buf out = batch->body;
    batch->shared = NULL;
    batch->body = (struct bp_buf){0};
    bp_buf_add(&out, batch->grounds.p, batch->grounds.n);
    if (s->name[0] != '\0' &&
        bp_unacknowledged_add(&s->unacknowledged, batch->positions, batch->n) != BP_OK)
        out.failed = true;
    size_t bytes = out.n + (shared != NULL ? shared->n : 0);
    bp_metric_add(BP_METRIC_EVENTS_DELIVERED, batch->n);
    bp_metric_add(BP_METRIC_BYTES_DELIVERED, bytes);
    bp_usage_note_delivered(s->service->x, s->delivery.agency, bytes);
    s->through_sent = batch->through;
    send_parts(s, shared, &out);
}

/* Sends what was read, if it holds anything, and frees the batch. */
static void send_batch(struct bp_stream *s)
{
    struct bp_batch batch = s->batch;
    s->batch = (struct bp_batch){.n = 0};
    if (batch.n != 0)
        send_events(s, &batch);
    if (batch.status != BP_OK)
        bp_log(BP_LOG_ERROR, "subscribe.read_failed", "position=%" PRIu64 " why=%s",
               batch.through + 1, bp_status_name(batch.status));
    if (batch.status == BP_ECORRUPT) {
        struct bp_rpc_status status = bp_rpc_status(BP_REASON_DATA_CORRUPT, NULL);
        status.position = batch.through + 1;
        bp_stream_end(s, status);
    } else if (batch.status != BP_OK) {
        bp_stream_end(s, bp_rpc_status_of(batch.status, NULL));
    }
    bp_batch_fini(&batch);
}

/* --- reading --- */

/* How many events may be sent now. */
static size_t room(const struct bp_stream *s)
{
    if (s->name[0] == '\0')
        return s->most_batch;
    if (s->unacknowledged.n >= s->most_unacknowledged)
        return 0;
    size_t left = s->most_unacknowledged - s->unacknowledged.n;
    return left < s->most_batch ? left : s->most_batch;
}

/* On the worker. */
static void read_on_worker(struct bp_job *job)
{
    struct bp_stream *s = (struct bp_stream *)((char *)job - offsetof(struct bp_stream, job));
    if (!atomic_load(&s->gone))
        bp_delivery_read(&s->delivery, s->job_room, LOOK_ON_WORKER, fields, &s->batch);
    bp_returns_push(&s->service->returns, &s->read_back.mail);
}

static void handle_read(struct bp_return *back)
{
    struct bp_stream *s =
        (struct bp_stream *)((char *)back - offsetof(struct bp_stream, read_back));
    s->held--;
    if (s->state == READING)
        s->state = FOLLOWING;
    bp_stream_run(s);
    release_if_done(s);
}

/* Others that see the same are as far as this one, more often than not. */
static void read_near(struct bp_stream *s)
{
    struct bp_shared *shared = &s->service->shared;
    uint64_t head = bp_journal_head(s->service->x->journal), from = s->delivery.place;
    if (bp_shared_find(shared, &s->delivery, head, room(s), fields.ground, &s->batch))
        return;
    bp_delivery_read(&s->delivery, room(s), LOOK_HERE, fields, &s->batch);
    if (s->batch.through >= head)
        bp_shared_keep(shared, &s->delivery, from, &s->batch);
}

static void start_reading(struct bp_stream *s, uint64_t behind)
{
    if (behind <= NEAR) {
        read_near(s);
        return;
    }
    s->state = READING;
    s->job_room = room(s);
    s->held++;
    if (!bp_worker_submit(s->service->x->worker, &s->job)) {
        s->held--;
        bp_stream_end(s, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
    }
}

/* Rights first: what was read by rights that are gone is thrown away and read again. false: ended.
 */
static bool rights_hold(struct bp_stream *s)
{
    struct bp_rpc_status status;
    uint64_t place = s->through_sent;
    bool changed;
    if (!bp_delivery_refresh(&s->delivery, &changed, &status)) {
        cut(s, status);
        return false;
    }
    if (changed && (s->batch.n != 0 || s->batch.status != BP_OK)) {
        bp_batch_fini(&s->batch);
        s->delivery.place = place;
    }
    return true;
}

/* --- the steps: each returns true if another may follow at once --- */

static bool step_opening(struct bp_stream *s)
{
    if (s->reader.agency == NULL || !s->saved)
        return false;
    if (s->save_status != BP_OK) {
        bp_stream_end(s, bp_rpc_status_of(s->save_status, NULL));
        return false;
    }
    s->state = GREETING;
    return true;
}

static bool step_greeting(struct bp_stream *s)
{
    if (!bp_rpc_call_can_send(s->call))
        return false;
    s->state = FOLLOWING;
    s->through_sent = s->delivery.place;
    send_opened(s);
    bp_rpc_call_read(s->call);
    return true;
}

/* Sends the batch once the quota lets it. */
static bool step_delivering(struct bp_stream *s)
{
    struct bp_rpc_status status;
    if (s->batch.n != 0 && !bp_usage_may_deliver(s->service->x, s->delivery.agency, &status)) {
        bp_stream_end(s, status);
        return false;
    }
    send_batch(s);
    return true;
}

static bool start_saving(struct bp_stream *s)
{
    s->state = SAVING;
    if (s->name[0] != '\0')
        return bp_stream_save(s, s->acknowledged, NULL, true) && s->saved;
    s->saved = true;
    return true;
}

static bool bookmark_is_due(struct bp_stream *s, bool at_head)
{
    bool is_told = s->caught_up || !at_head;
    s->caught_up = s->caught_up || at_head;
    return !is_told || now_ms(s) >= s->reader.due.due_ms;
}

/* While one message is on its way the next is read, but near the head: what comes in meanwhile goes
 * with it. */
static bool step_following(struct bp_stream *s)
{
    if (!rights_hold(s))
        return false;
    bool can_send = bp_rpc_call_can_send(s->call);
    if (s->batch.n != 0 || s->batch.status != BP_OK)
        return can_send && step_delivering(s);
    bp_batch_fini(&s->batch);
    if (s->half_closed)
        return can_send && start_saving(s);
    uint64_t head = bp_journal_head(s->service->x->journal), place = s->delivery.place;
    bool may_read = place < head && room(s) != 0;
    if (can_send && bookmark_is_due(s, !may_read)) {
        send_bookmark(s); /* also on the way: a reader of few events among many keeps its place */
        return false;
    }
    if (!may_read || (!can_send && head - place <= NEAR))
        return false;
    if (head - place <= NEAR && bp_readers_rest(&s->service->readers))
        return false;
    start_reading(s, head - place);
    if (s->state != FOLLOWING)
        return false; /* over, or the worker has delivery and batch now */
    return s->delivery.place != place || s->batch.status != BP_OK;
}

static bool step_saving(struct bp_stream *s)
{
    if (!s->saved)
        return false;
    struct bp_rpc_status ok = BP_RPC_STATUS_OK;
    bp_stream_end(s, s->save_status == BP_OK ? ok : bp_rpc_status_of(s->save_status, NULL));
    return false;
}

/* The worker has the stream's delivery; rights that end meanwhile end it all the same. */
static bool step_reading(struct bp_stream *s)
{
    struct bp_rpc_status status;
    if (!bp_delivery_has_rights(&s->delivery, &status))
        cut(s, status);
    return false;
}

static bool step_wait(struct bp_stream *s)
{
    (void)s;
    return false;
}

static bool (*const steps[STATES])(struct bp_stream *s) = {
    [OPENING] = step_opening, [GREETING] = step_greeting, [FOLLOWING] = step_following,
    [READING] = step_reading, [SAVING] = step_saving,     [ENDED] = step_wait,
};

void bp_stream_run(struct bp_stream *s)
{
    while (!s->is_over && steps[s->state](s))
        ;
}

static void on_poke(struct bp_reader *reader)
{
    bp_stream_run((struct bp_stream *)reader);
}

void bp_stream_init(struct bp_stream *s, struct bp_subscriber *service, struct bp_rpc_call *call)
{
    s->service = service;
    s->call = bp_rpc_call_ref(call);
    s->reader.poke = on_poke;
    s->reader.taken_over = on_taken_over;
    s->job.run = read_on_worker;
    s->read_back.handle = handle_read;
    s->saved_back.handle = handle_saved;
}

void bp_stream_over(struct bp_stream *s)
{
    s->is_over = true;
    s->state = ENDED;
    atomic_store(&s->gone, true);
    bp_readers_remove(&s->reader);
    release_if_done(s);
}
