#include "push_run.h"

#include "clock.h"
#include "stop.h"

#define TURN_MS 100
#define STOPPING_MS 10000

static int64_t now_ms(void)
{
    return bp_monotonic_ms(&bp_system_clock);
}

static void tell_row(struct bp_push *p, const struct bp_batch_row *row,
                     const struct berbagi_violation *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bp_rejects_add(p->rejects, row->file, row->line, v[i].field, v[i].reason, v[i].message);
}

static void settle_own(struct bp_push *p, const struct bp_batch_row *row)
{
    p->progress->rejected++;
    for (size_t i = 0; i < row->n_violations; i++)
        bp_rejects_add(p->rejects, row->file, row->line, row->violations[i].field,
                       row->violations[i].reason, row->violations[i].message);
}

static void settle_event(struct bp_push *p, const struct bp_batch_row *row,
                         const struct berbagi_result *r)
{
    switch (r->outcome) {
    case BERBAGI_STORED:
        p->progress->stored++;
        p->warned += r->n_warnings > 0;
        break;
    case BERBAGI_DUPLICATE:
        p->progress->duplicate++;
        break;
    case BERBAGI_CONFLICT:
        p->progress->conflict++;
        bp_rejects_add(p->rejects, row->file, row->line, "id", "CONFLICT",
                       "the id is taken by other content");
        break;
    case BERBAGI_REJECTED:
    case BERBAGI_ABORTED:
        p->progress->rejected++;
        tell_row(p, row, r->violations, r->n_violations);
        break;
    }
}

/* Takes the oldest batch away with its answer; results is NULL where it had no event. */
static void settle(struct bp_push *p, const struct berbagi_result *results)
{
    struct bp_batch *b = p->first;
    size_t at = 0;
    for (size_t i = 0; i < b->n_rows; i++) {
        if (b->rows[i].violations != NULL)
            settle_own(p, &b->rows[i]);
        else
            settle_event(p, &b->rows[i], &results[at++]);
    }
    p->first = b->next;
    if (p->first == NULL)
        p->last = &p->first;
    bp_batch_destroy(b);
}

static void settle_without_events(struct bp_push *p)
{
    static const struct berbagi_result none;
    while (p->first != NULL && p->first->n_events == 0)
        settle(p, &none);
}

/* Moves the publisher for at most timeout_ms and takes one answer, if there is one: BERBAGI_OK,
 * BERBAGI_AGAIN, or its failure. */
static berbagi_status take_answer(struct bp_push *p, int timeout_ms)
{
    const struct berbagi_answer *answer;
    berbagi_status status = berbagi_publisher_next(p->publisher, timeout_ms, &answer, &p->error);
    if (status == BERBAGI_OK) {
        p->progress->waits_for = NULL;
        settle(p, answer->results); /* answers come in order, so it is the oldest with events */
        settle_without_events(p);
    } else if (status != BERBAGI_AGAIN) {
        p->status = status;
    }
    bp_progress_tick(p->progress, now_ms());
    return status;
}

static bp_status move(struct bp_push *p, struct bp_err *err)
{
    berbagi_status status;
    do {
        status = take_answer(p, 0);
    } while (status == BERBAGI_OK);
    return status == BERBAGI_AGAIN ? BP_OK : bp_fail(err, BP_EIO, "%s", p->error.message);
}

/* Waits for room in the window. */
static bp_status send(struct bp_push *p, struct bp_batch *b, struct bp_err *err)
{
    berbagi_status status;
    while ((status = berbagi_publisher_send(p->publisher, bp_batch_events(b), b->n_events, NULL,
                                            &p->error)) == BERBAGI_AGAIN) {
        status = take_answer(p, TURN_MS);
        if (status != BERBAGI_OK && status != BERBAGI_AGAIN)
            break;
        if (bp_stop_requested())
            return bp_fail(err, BP_ECLOSED, "interrupted");
    }
    if (status == BERBAGI_OK)
        return BP_OK;
    p->status = status;
    return bp_fail(err, BP_EIO, "%s", p->error.message);
}

/* Sends the batch that is being filled, if there is one. */
static bp_status submit(struct bp_push *p, struct bp_err *err)
{
    struct bp_batch *b = p->filling;
    if (b == NULL)
        return BP_OK;
    if (b->n_events > 0) {
        bp_status st = send(p, b, err);
        if (st != BP_OK)
            return st; /* it stays, unsent, and is dropped with the push */
    }
    p->filling = NULL;
    *p->last = b;
    p->last = &b->next;
    settle_without_events(p);
    return move(p, err);
}

static bp_status take_row(void *context, uint64_t line, struct bp_str event,
                          const struct bp_violations *violations, struct bp_err *err)
{
    struct bp_push *p = context;
    if (p->filling == NULL && (p->filling = bp_batch_create()) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    bp_status st;
    if (event.n == 0) {
        st = bp_batch_add_reject(p->filling, p->file, line, violations);
    } else {
        st = bp_row_id_add(p->ids, event, &p->filling->bytes, err);
        if (st == BP_OK)
            bp_batch_add_event(p->filling, p->file, line);
    }
    if (st != BP_OK)
        return st;
    return bp_batch_is_full(p->filling) ? submit(p, err) : BP_OK;
}

/* Nothing comes: what has come must not wait for more. */
static bp_status idle(void *context, struct bp_err *err)
{
    bp_status st = submit(context, err);
    return st == BP_OK ? move(context, err) : st;
}

void bp_push_init(struct bp_push *p)
{
    p->input.row = take_row;
    p->input.idle = idle;
    p->input.context = p;
    p->filling = p->first = NULL;
    p->last = &p->first;
    p->status = BERBAGI_OK;
}

void bp_push_fini(struct bp_push *p)
{
    bp_batch_destroy(p->filling);
    for (struct bp_batch *b = p->first, *next; b != NULL; b = next) {
        next = b->next;
        bp_batch_destroy(b);
    }
    p->filling = p->first = NULL;
}

bp_status bp_push_file(struct bp_push *p, const char *path, struct bp_err *err)
{
    p->file = path;
    return bp_input_read(&p->input, path, err);
}

bp_status bp_push_finish(struct bp_push *p, bool is_stopping, struct bp_err *err)
{
    bp_status st = is_stopping ? BP_OK : submit(p, err);
    int64_t until_ms = is_stopping ? now_ms() + STOPPING_MS : INT64_MAX;
    while (st == BP_OK && p->first != NULL) {
        berbagi_status status = take_answer(p, TURN_MS);
        if (status != BERBAGI_OK && status != BERBAGI_AGAIN)
            st = bp_fail(err, BP_EIO, "%s", p->error.message);
        else if (p->first != NULL && now_ms() >= until_ms)
            st = bp_fail(err, BP_EAGAIN, "the answers to the last rows did not come");
        else if (bp_stop_requested() && until_ms == INT64_MAX)
            until_ms = now_ms() + STOPPING_MS;
    }
    return st;
}
