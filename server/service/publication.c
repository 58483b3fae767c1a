/* Walks a PublishRequest and writes its PublishResponse; judgement.c does what lies between. */
#include "publication_internal.h"

#include <stdio.h>

#include "metrics.h"
#include "wire.h"

/* --- walking the request --- */

static bool refuse(struct bp_rpc_status *status, const char *field, const char *words)
{
    *status = bp_rpc_status(BP_REASON_MALFORMED_REQUEST, "%s", words);
    (void)bp_str_copy(status->field, sizeof(status->field), bp_str(field));
    return false;
}

static bool out_of_memory(struct bp_rpc_status *status)
{
    *status = bp_rpc_status_of(BP_ENOMEM, NULL);
    return false;
}

static bool refuse_event(struct bp_rpc_status *status, size_t i, const char *words)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "events[%zu]", i);
    return refuse(status, field, words);
}

static bool add_event(struct bp_publication *p, struct bp_str bytes, struct bp_rpc_status *status)
{
    struct bp_event e;
    if (p->n == BP_PUBLISH_EVENTS_MAX)
        return refuse(status, "events", "more than 1000 events");
    if (!bp_event_parse(bytes, &e))
        return refuse_event(status, p->n, "not a berbagi.v1.Event message");
    if (!bp_event_text_is_utf8(&e))
        return refuse_event(status, p->n, "a text of the envelope is not UTF-8");
    p->items[p->n++].bytes = bytes;
    return true;
}

static bool walk(struct bp_publication *p, struct bp_rpc_status *status)
{
    struct bp_wire wire = bp_wire_of(bp_buf_str(&p->request));
    struct bp_wire_field f;
    while (bp_wire_next(&wire, &f)) {
        bool is_flag = (f.number == 2 || f.number == 3) && f.type == BP_WIRE_VARINT;
        if (f.number == 1 && f.type != BP_WIRE_LEN)
            return refuse(status, "events", "not a berbagi.v1.PublishRequest message");
        if (f.number == 1 && !add_event(p, f.bytes, status))
            return false;
        if (is_flag && f.number == 2)
            p->all_or_nothing = f.value != 0;
        if (is_flag && f.number == 3)
            p->dry_run = f.value != 0;
    }
    return !wire.malformed || refuse(status, "", "not a berbagi.v1.PublishRequest message");
}

/* Upper bound of the events in a request, so that the arrays are made once. */
static size_t count_events(struct bp_str request)
{
    struct bp_wire wire = bp_wire_of(request);
    struct bp_wire_field f;
    size_t n = 0;
    while (n < BP_PUBLISH_EVENTS_MAX && bp_wire_next(&wire, &f))
        n += f.number == 1;
    return n;
}

bool bp_publication_parse(struct bp_exchange *x, struct bp_str sender, struct bp_str request,
                          struct bp_publication **out, struct bp_rpc_status *status)
{
    struct bp_publication *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return out_of_memory(status);
    size_t most = count_events(request);
    p->x = x;
    p->sender = bp_str_dup(sender);
    p->items = calloc(most + 1, sizeof(*p->items));
    p->proposals = calloc(most + 1, sizeof(*p->proposals));
    bp_buf_add_str(&p->request, request);
    bool ok = p->sender != NULL && p->items != NULL && p->proposals != NULL && !p->request.failed
                  ? walk(p, status)
                  : out_of_memory(status);
    if (!ok) {
        bp_publication_destroy(p);
        return false;
    }
    *out = p;
    return true;
}

void bp_publication_destroy(struct bp_publication *p)
{
    if (p == NULL)
        return;
    bp_policy_unref(p->standard.policy);
    bp_buf_fini(&p->request);
    bp_buf_fini(&p->stored);
    bp_buf_fini(&p->notes);
    bp_buf_fini(&p->scratch);
    free(p->parts);
    free(p->items);
    free(p->proposals);
    free(p->sender);
    free(p);
}

size_t bp_publication_events(const struct bp_publication *p)
{
    return p->n;
}

bool bp_publication_is_dry_run(const struct bp_publication *p)
{
    return p->dry_run;
}

size_t bp_publication_take_resolves(struct bp_publication *p)
{
    size_t taken = p->n_resolves_taken;
    if (p->n_resolved <= taken)
        return 0;
    p->n_resolves_taken = p->n_resolved;
    return p->n_resolved - taken;
}

void bp_publication_set_retry_after(struct bp_publication *p, uint32_t ms)
{
    p->retry_after_ms = ms;
}

bool bp_publication_wants_store(const struct bp_publication *p)
{
    return p->n_sound != 0 && !p->dry_run;
}

/* --- parts --- */

/* An agency's turn at the sequencer: some hundred events of usual size. Smaller ones cost more flushes
 * where agencies take turns, larger ones more time to those who wait. */
#define PART_BYTES (64u << 10)

static size_t weight(const struct bp_publication_item *item)
{
    return item->stored_n + sizeof(struct bp_proposal);
}

/* The part that begins with event `from`. */
static struct bp_part part_from(struct bp_publication *p, size_t from)
{
    size_t most = p->all_or_nothing ? SIZE_MAX : PART_BYTES;
    size_t to = from, bytes = 0, first = p->items[from].proposal;
    while (to < p->n && bytes < most)
        bytes += weight(&p->items[to++]);
    size_t end = to < p->n ? p->items[to].proposal : p->n_proposals;
    return (struct bp_part){.from = from,
                            .to = to,
                            .submission = {.mail.bytes = bytes,
                                           .proposals = p->proposals + first,
                                           .n = end - first,
                                           .all_or_nothing = p->all_or_nothing,
                                           .policy_version = p->policy_version}};
}

static size_t count_parts(struct bp_publication *p)
{
    size_t n = 0;
    for (size_t from = p->n_kept; from < p->n; n++)
        from = part_from(p, from).to;
    return n;
}

bp_status bp_publication_divide(struct bp_publication *p, struct bp_part **parts, size_t *n)
{
    size_t from = p->n_kept;
    free(p->parts);
    *n = count_parts(p);
    BP_ASSERT(*n != 0); /* what was kept whole is divided no more */
    p->parts = calloc(*n, sizeof(*p->parts));
    if (p->parts == NULL)
        return BP_ENOMEM;
    for (size_t i = 0; i < *n; i++) {
        p->parts[i] = part_from(p, from);
        from = p->parts[i].to;
        if (i != 0)
            p->parts[i - 1].submission.mail.next = &p->parts[i].submission.mail;
    }
    *parts = p->parts;
    return BP_OK;
}

bool bp_publication_has_stored(const struct bp_publication *p)
{
    return p->n_kept != 0;
}

/* --- answering --- */

static enum bp_outcome outcome_of(const struct bp_publication *p, size_t i, bool aborted)
{
    switch (p->items[i].verdict) {
    case BP_VERDICT_SOUND:
        if (p->dry_run)
            return aborted ? BP_OUTCOME_ABORTED : BP_OUTCOME_STORED;
        return p->proposals[p->items[i].proposal].outcome;
    case BP_VERDICT_DUPLICATE:
        return BP_OUTCOME_DUPLICATE;
    case BP_VERDICT_CONFLICT:
        return BP_OUTCOME_CONFLICT;
    case BP_VERDICT_REJECTED:
        break;
    }
    return BP_OUTCOME_NONE;
}

/* PublishResult.Outcome and the metric of each outcome; NONE is REJECTED. */
static const struct {
    uint8_t number;
    enum bp_metric metric;
} outcomes[] = {
    [BP_OUTCOME_NONE] = {3, BP_METRIC_EVENTS_REJECTED},
    [BP_OUTCOME_STORED] = {1, BP_METRIC_EVENTS_STORED},
    [BP_OUTCOME_DUPLICATE] = {2, BP_METRIC_EVENTS_DUPLICATE},
    [BP_OUTCOME_CONFLICT] = {4, BP_METRIC_EVENTS_CONFLICT},
    [BP_OUTCOME_ABORTED] = {5, BP_METRIC_EVENTS_ABORTED},
};

static void put_mismatch(struct bp_buf *out)
{
    size_t mark = bp_wire_begin_message(out, 5);
    bp_wire_put_bytes(out, 1, BP_STR("data.previous_status"));
    bp_wire_put_bytes(out, 2, BP_STR("STATUS_MISMATCH"));
    bp_wire_put_bytes(out, 3, BP_STR("is not the last status that the exchange knows"));
    bp_wire_end_message(out, mark);
}

static void answer_item(const struct bp_publication *p, size_t i, enum bp_outcome outcome,
                        struct bp_buf *out)
{
    const struct bp_publication_item *item = &p->items[i];
    bool is_stored = outcome == BP_OUTCOME_STORED || outcome == BP_OUTCOME_DUPLICATE;
    uint64_t position = item->verdict == BP_VERDICT_SOUND && !p->dry_run
                            ? p->proposals[item->proposal].position
                            : item->position;
    size_t mark = bp_wire_begin_message(out, 1);
    bp_wire_put_uint(out, 1, outcomes[outcome].number);
    if (is_stored && position != 0)
        bp_wire_put_uint(out, 2, position);
    if (is_stored && !p->dry_run && item->subject[0] != '\0')
        bp_wire_put_bytes(out, 3, bp_str(item->subject));
    bp_buf_add(out, p->notes.p != NULL ? p->notes.p + item->notes_at : NULL, item->notes_n);
    if (outcome == BP_OUTCOME_STORED && item->is_mismatch)
        put_mismatch(out);
    bp_wire_end_message(out, mark);
    if (!p->dry_run)
        bp_metric_add(outcomes[outcome].metric, 1);
}

struct bp_blob *bp_publication_answer(const struct bp_publication *p)
{
    struct bp_buf out = {0};
    bool aborted = false;
    for (size_t i = 0; i < p->n && p->all_or_nothing; i++)
        aborted |= p->items[i].verdict == BP_VERDICT_REJECTED ||
                   p->items[i].verdict == BP_VERDICT_CONFLICT;
    for (size_t i = 0; i < p->n; i++)
        answer_item(p, i, outcome_of(p, i, aborted), &out);
    if (p->retry_after_ms != 0)
        bp_wire_put_uint(&out, 2, p->retry_after_ms);
    struct bp_blob *blob = bp_blob_take(&out);
    bp_buf_fini(&out);
    return blob;
}

struct bp_rpc_status bp_publication_refusal(bp_status st)
{
    struct bp_rpc_status status;
    if (st == BP_ENOMEM)
        status = bp_rpc_status_of(st, NULL);
    else if (st == BP_EAGAIN)
        status = bp_rpc_status(BP_REASON_INDEXING, NULL);
    else if (st == BP_ENOSPC)
        status = bp_rpc_status(BP_REASON_DISK_RESERVE, NULL);
    else if (st == BP_ECLOSED)
        status = bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL);
    else if (st == BP_ECORRUPT)
        status = bp_rpc_status(BP_REASON_DATA_CORRUPT, NULL);
    else
        status = bp_rpc_status(BP_REASON_STORE_FAILED, NULL);
    status.retry_after_ms = st == BP_ENOSPC ? 5000 : 1000;
    return status;
}
