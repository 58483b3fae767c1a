/* The loop over the log is the hot path of the exchange: most of what is not for the reader is
 * passed over without being touched (sieve.h), what the routing header can decide is decided before
 * the event is, an event that the reader may see whole is copied as it is
 * stored without being looked into, and each byte is written once, in its place. */
#include "delivery.h"

#include "metrics.h"
#include "sieve.h"
#include "told.h"
#include "wire.h"

#define BATCH_BYTES (192u << 10) /* what the caches hold on its way to the wire */
#define EVENT_BYTES_GUESSED 512u /* of a delivery, for the first allocation */
#define DELIVERY_HEAD_BYTES 64u  /* about what stands around an event */

#define USES_STEP 8 /* grounds that room is made for at once */

/* What it costs to pass over a block of events, in events looked at. */
#define BLOCK_COST 16u

/* Field numbers of berbagi.v1.Delivery and Ground. */
enum {
    DELIVERY_POSITION = 1,
    DELIVERY_RECORDED_AT,
    DELIVERY_EVENT,
    DELIVERY_GROUNDS = 5,
    DELIVERY_PUBLISHED_BY
};
/* And of Batch. */
enum { BATCH_DELIVERIES = 1, BATCH_THROUGH };

bp_status bp_delivery_init(struct bp_delivery *d, struct bp_exchange *x, const char *agency,
                           struct bp_filter *filter, uint64_t place)
{
    *d = (struct bp_delivery){.x = x, .filter = filter, .place = place};
    (void)bp_str_copy(d->agency, sizeof(d->agency), bp_str(agency));
    d->wants_type = calloc(x->schema->n_types + 1, sizeof(*d->wants_type));
    d->told = bp_told_create();
    return d->wants_type != NULL && d->told != NULL ? BP_OK : BP_ENOMEM;
}

void bp_delivery_fini(struct bp_delivery *d)
{
    bp_filter_destroy(d->filter);
    bp_policy_unref(d->policy);
    bp_told_destroy(d->told);
    free(d->wants_type);
    *d = (struct bp_delivery){.x = NULL};
}

/* Why a reader that has no right now has none. */
static struct bp_rpc_status end_of_rights(const struct bp_delivery *d,
                                          const struct bp_policy *policy,
                                          const struct bp_agency *reader, bp_day today)
{
    if (reader == NULL)
        return bp_rpc_status(BP_REASON_UNKNOWN_AGENCY, NULL);
    if (bp_agency_is_suspended(reader))
        return bp_rpc_status(BP_REASON_AGENCY_SUSPENDED, NULL);
    if (d->policy == NULL)
        return bp_rpc_status(BP_REASON_NO_RIGHT, NULL);
    if (bp_policy_ended_by_agreement(d->policy, policy, bp_str(d->agency), today))
        return bp_rpc_status(BP_REASON_AGREEMENT_ENDED, NULL);
    return bp_rpc_status(BP_REASON_RIGHT_WITHDRAWN, NULL);
}

/* The reader's rights by this policy today; NULL, and *status, where none is left. */
static const struct bp_agency *reader_with_rights(const struct bp_delivery *d,
                                                  const struct bp_policy *policy, bp_day today,
                                                  struct bp_rpc_status *status)
{
    const struct bp_agency *reader = bp_policy_agency(policy, bp_str(d->agency));
    if (reader != NULL && !bp_agency_is_suspended(reader) &&
        bp_policy_sees_anything(policy, reader, today))
        return reader;
    *status = end_of_rights(d, policy, reader, today);
    return NULL;
}

bool bp_delivery_has_rights(const struct bp_delivery *d, struct bp_rpc_status *status)
{
    struct bp_policy *policy = bp_exchange_policy(d->x);
    bp_day today = bp_exchange_today(d->x);
    bool has = (policy == d->policy && today == d->today) ||
               reader_with_rights(d, policy, today, status) != NULL;
    bp_policy_unref(policy);
    return has;
}

bool bp_delivery_refresh(struct bp_delivery *d, bool *changed, struct bp_rpc_status *status)
{
    struct bp_exchange *x = d->x;
    struct bp_policy *policy = bp_exchange_policy(x);
    bp_day today = bp_exchange_today(x);
    *changed = policy != d->policy || today != d->today;
    if (!*changed) {
        bp_policy_unref(policy);
        return true;
    }
    const struct bp_agency *reader = reader_with_rights(d, policy, today, status);
    if (reader == NULL) {
        bp_policy_unref(policy);
        return false;
    }
    /* Ids of grounds hold for a version, and a batch that was made before the change will not be
     * sent. */
    bp_told_clear(d->told);
    bp_policy_unref(d->policy);
    d->policy = policy;
    d->reader = reader;
    d->today = today;
    for (size_t i = 0; i < x->schema->n_types; i++) {
        const struct bp_event_type *type = &x->schema->types[i];
        d->wants_type[i] = bp_filter_has_type(d->filter, type->name) &&
                           bp_policy_sees_type(policy, reader, type, today);
    }
    return true;
}

/* --- the reader's own forms --- */

static size_t own_reference(void *context, struct bp_str original, char *out, size_t size)
{
    const struct bp_delivery *d = context;
    return bp_pseudonym_for_reader(d->x->pseudonyms, bp_str(d->agency), original, out, size);
}

static struct bp_str own_agency(void *context, struct bp_str id)
{
    const struct bp_delivery *d = context;
    const struct bp_agency *agency = bp_policy_agency(d->policy, id);
    if (agency != NULL)
        return bp_agency_public_id(agency);
    struct bp_str kind = bp_agency_kind(id);
    bool is_village = bp_str_is(kind, "desa") || bp_str_is(kind, "kel");
    return is_village ? BP_STR("") : id;
}

/* --- one event --- */

/* An event on its way to the reader. */
struct candidate {
    const struct bp_record *record;
    const struct bp_event_type *type;
    struct bp_sight sight;
    bool is_whole;         /* it goes as it is stored */
    struct bp_event event; /* parsed where the filter or the view looks inside */
};

static bool passes_filter(struct bp_delivery *d, const struct bp_reader_forms *forms,
                          const struct candidate *c)
{
    struct bp_redacted_envelope seen;
    bp_redact_envelope(d->x->schema, &c->event, &c->sight.view, forms, &seen);
    return bp_filter_matches(d->filter, &seen);
}

struct bp_facts bp_facts_of_record(const struct bp_record *record)
{
    const struct bp_routing *routing = &record->routing;
    return (struct bp_facts){
        .region = routing->region,
        .destination = {routing->destination[0], routing->destination[1]},
        .addressed_to = routing->addressed_to,
        .recorded_on = bp_day_in_jakarta(record->entry.recorded_at_ns),
        .has_small_count = routing->has_small_count,
    };
}

/* Has the reader a right to it, and does its filter let it pass? */
static bool is_wanted(struct bp_delivery *d, const struct bp_reader_forms *forms,
                      const struct bp_record *record, struct candidate *out)
{
    const struct bp_routing *routing = &record->routing;
    out->type = bp_schema_type_by_hash(d->x->schema, routing->type_hash);
    if (out->type == NULL || !d->wants_type[out->type->index])
        return false;
    struct bp_facts facts = bp_facts_of_record(record);
    if (!bp_policy_see(d->policy, d->reader, out->type, &facts, d->today, &out->sight))
        return false;
    out->record = record;
    out->is_whole = bp_view_is_whole(out->type, &out->sight.view);
    bool is_filtered = bp_filter_looks_inside(d->filter);
    if (out->is_whole && !is_filtered)
        return true;
    return bp_event_parse(record->event, &out->event) &&
           (!is_filtered || passes_filter(d, forms, out));
}

static void put_names(struct bp_buf *out, uint32_t number, const struct bp_event_type *type,
                      bp_fields fields)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        if (fields >> i & 1)
            bp_wire_put_bytes(out, number, type->fields[i].name);
    }
}

static bool put_ground(const struct bp_delivery *d, const struct bp_ground_use *use,
                       uint32_t number, struct bp_buf *out)
{
    const struct bp_view *view = &use->view;
    struct bp_ground ground;
    if (bp_policy_ground(d->policy, use->ground, &ground) != BP_OK)
        return false;
    size_t mark = bp_wire_begin_message(out, number);
    bp_wire_put_uint(out, 1, use->ground);
    bp_wire_put_bytes(out, 2, ground.agreement);
    bp_wire_put_bytes(out, 3, ground.purpose);
    bp_wire_put_bytes(out, 4, ground.legal_basis);
    if (ground.valid_to != BP_DAY_NEVER)
        bp_wire_put_time(out, 5, bp_day_start_ns(ground.valid_to + 1));
    bp_wire_put_uint(out, 6, bp_policy_version(d->policy));
    bp_wire_put_bytes(out, 7, use->type->name);
    put_names(out, 8, use->type, ~(view->full | view->coarse | view->rewritten));
    put_names(out, 9, use->type, view->coarse);
    bp_wire_end_message(out, mark);
    return true;
}

bool bp_delivery_tell(struct bp_delivery *d, const struct bp_ground_use *uses, size_t n,
                      uint64_t from, uint32_t ground_field, struct bp_batch *batch)
{
    for (size_t i = 0; i < n; i++) {
        bool is_new;
        if (!bp_told_mark(d->told, uses[i].ground, &uses[i].view, from + 1, &is_new) ||
            (is_new && !put_ground(d, &uses[i], ground_field, &batch->grounds)))
            return false;
    }
    return !batch->grounds.failed;
}

static bool is_used(const struct bp_batch *batch, uint32_t ground)
{
    size_t i = 0;
    while (i < batch->n_uses && batch->uses[i].ground != ground)
        i++;
    return i < batch->n_uses;
}

/* Within a batch a ground has one view. */
static bool note_uses(const struct candidate *c, struct bp_batch *batch)
{
    for (size_t i = 0; i < c->sight.n_grounds; i++) {
        if (is_used(batch, c->sight.grounds[i]))
            continue;
        if (batch->n_uses % USES_STEP == 0) {
            size_t size = (batch->n_uses + USES_STEP) * sizeof(*batch->uses);
            struct bp_ground_use *grown = realloc(batch->uses, size);
            if (grown == NULL)
                return false;
            batch->uses = grown;
        }
        batch->uses[batch->n_uses++] =
            (struct bp_ground_use){c->sight.grounds[i], c->type, c->sight.view};
    }
    return true;
}

static void put_published_by(const struct bp_reader_forms *forms, const struct candidate *c,
                             struct bp_buf *out)
{
    struct bp_str sender = c->record->entry.actor;
    struct bp_str source = c->record->routing.source;
    if (sender.n == 0 || bp_str_eq(sender, source))
        return;
    if (c->sight.view.level < BP_LEVEL_IDENTIFIED) {
        sender = forms->agency(forms->context, sender);
        source = forms->agency(forms->context, source);
    }
    if (sender.n != 0 && !bp_str_eq(sender, source))
        bp_wire_put_bytes(out, DELIVERY_PUBLISHED_BY, sender);
}

static bool put_event(struct bp_delivery *d, const struct bp_reader_forms *forms,
                      const struct candidate *c, struct bp_buf *out)
{
    struct bp_str stored = c->record->event;
    if (c->is_whole) {
        bp_wire_put_bytes(out, DELIVERY_EVENT, stored);
        return true;
    }
    size_t mark = bp_wire_begin_sized(out, DELIVERY_EVENT, stored.n);
    if (!bp_redact_event(d->x->schema, c->type, &c->event, &c->sight.view, forms, out))
        return false;
    bp_wire_end_sized(out, mark, stored.n);
    return true;
}

/* Appends the Delivery. false: its payload is malformed. */
static bool put_delivery(struct bp_delivery *d, const struct bp_reader_forms *forms,
                         const struct candidate *c, struct bp_buf *out)
{
    const struct bp_sight *sight = &c->sight;
    size_t start = out->n, expected = c->record->event.n + DELIVERY_HEAD_BYTES;
    size_t mark = bp_wire_begin_sized(out, BATCH_DELIVERIES, expected);
    bp_wire_put_uint(out, DELIVERY_POSITION, c->record->routing.position);
    bp_wire_put_time(out, DELIVERY_RECORDED_AT, c->record->entry.recorded_at_ns);
    if (!put_event(d, forms, c, out)) {
        out->n = start;
        return false;
    }
    size_t grounds = bp_wire_begin_message(out, DELIVERY_GROUNDS);
    for (size_t i = 0; i < sight->n_grounds; i++)
        bp_wire_put_varint(out, sight->grounds[i]);
    bp_wire_end_message(out, grounds);
    put_published_by(forms, c, out);
    bp_wire_end_sized(out, mark, expected);
    return true;
}

/* --- the loop --- */

/* The grounds that it names first are told to this reader with it. */
static bp_status take(struct bp_delivery *d, const struct bp_reader_forms *forms,
                      const struct candidate *c, uint64_t begin, uint32_t ground_field,
                      struct bp_batch *batch)
{
    size_t n_uses = batch->n_uses;
    if (!note_uses(c, batch) || !bp_delivery_tell(d, batch->uses + n_uses, batch->n_uses - n_uses,
                                                  begin, ground_field, batch))
        return BP_ENOMEM;
    if (!put_delivery(d, forms, c, &batch->body))
        return BP_ECORRUPT;
    if (batch->body.failed)
        return BP_ENOMEM;
    batch->positions[batch->n++] = c->record->routing.position;
    return BP_OK;
}

/* Looks at one record, and takes it if it passes. BP_EAGAIN: the batch ends before it. */
static bp_status look_at(struct bp_delivery *d, const struct bp_reader_forms *forms,
                         const struct bp_record *record, uint64_t begin, uint32_t ground_field,
                         struct bp_batch *batch)
{
    struct candidate c;
    if (!is_wanted(d, forms, record, &c))
        return BP_OK;
    const struct bp_sight *sight = &c.sight;
    if (bp_told_clash(d->told, sight->grounds, sight->n_grounds, &sight->view, begin + 1))
        return BP_EAGAIN;
    return take(d, forms, &c, begin, ground_field, batch);
}

static bp_status read_events(struct bp_delivery *d, struct bp_journal_reader *reader, size_t most,
                             size_t most_looked_at, uint32_t ground_field, struct bp_batch *batch)
{
    const struct bp_reader_forms forms = {d, own_reference, own_agency};
    const uint64_t begin = d->place; /* moves with every batch, so it numbers them for `told` */
    struct bp_record record;
    struct bp_sieve sieve;
    size_t looked_at = 0;
    bp_status st = BP_OK;
    bp_sieve_begin(&sieve, d);
    for (uint64_t last = 0, p = begin; st == BP_OK; last = p) {
        p = bp_sieve_next(&sieve, p + 1, most_looked_at / BLOCK_COST);
        d->place = p - 1;
        if (looked_at + sieve.blocks * BLOCK_COST >= most_looked_at || batch->n == most ||
            batch->body.n >= BATCH_BYTES)
            break;
        looked_at++;
        st = p == last + 1 && last != 0 ? bp_journal_read_next(reader, &record)
                                        : bp_journal_read_at(reader, p, &record);
        if (st == BP_OK)
            st = look_at(d, &forms, &record, begin, ground_field, batch);
    }
    bp_metric_add(BP_METRIC_EVENTS_SKIPPED, d->place - begin - batch->n);
    return st == BP_ENOENT || st == BP_EAGAIN ? BP_OK : st;
}

/* Bytes that reading from here on will come to, if all of it passes. */
static size_t guess_bytes(const struct bp_delivery *d, size_t most)
{
    uint64_t behind = bp_journal_head(d->x->journal) - d->place;
    size_t n = (size_t)(behind < most ? behind : most) * EVENT_BYTES_GUESSED;
    return n < BATCH_BYTES ? n : BATCH_BYTES;
}

static void read_batch(struct bp_delivery *d, struct bp_journal_reader *reader, size_t most,
                       size_t most_looked_at, struct bp_batch_fields fields, struct bp_batch *batch)
{
    size_t expected = guess_bytes(d, most);
    (void)bp_buf_reserve(&batch->body, expected + EVENT_BYTES_GUESSED);
    size_t mark = bp_wire_begin_sized(&batch->body, fields.batch, expected);
    batch->status = read_events(d, reader, most, most_looked_at, fields.ground, batch);
    bp_wire_put_uint(&batch->body, BATCH_THROUGH, d->place);
    bp_wire_end_sized(&batch->body, mark, expected);
}

void bp_delivery_read(struct bp_delivery *d, size_t most, size_t most_looked_at,
                      struct bp_batch_fields fields, struct bp_batch *batch)
{
    struct bp_journal_reader *reader = NULL;
    *batch = (struct bp_batch){.positions = calloc(most, sizeof(*batch->positions))};
    batch->status =
        batch->positions != NULL ? bp_journal_read_begin(d->x->journal, &reader) : BP_ENOMEM;
    if (batch->status == BP_OK)
        read_batch(d, reader, most, most_looked_at, fields, batch);
    bp_journal_read_end(reader);
    batch->through = d->place;
}

void bp_batch_put_empty(struct bp_batch *batch, struct bp_batch_fields fields, uint64_t through)
{
    bp_buf_clear(&batch->body);
    size_t mark = bp_wire_begin_message(&batch->body, fields.batch);
    bp_wire_put_uint(&batch->body, BATCH_THROUGH, through);
    bp_wire_end_message(&batch->body, mark);
}

void bp_batch_fini(struct bp_batch *batch)
{
    bp_buf_fini(&batch->body);
    bp_blob_unref(batch->shared);
    bp_buf_fini(&batch->grounds);
    free(batch->uses);
    free(batch->positions);
    *batch = (struct bp_batch){.n = 0};
}
