/* Building a group of entries: numbers, positions and times, encoded in place. */
#include "bytes.h"
#include "journal_internal.h"

static void drop_batch(struct bp_group *g)
{
    bp_batch_unref(g->batch);
    g->batch = NULL;
    g->entries = 0;
}

void bp_group_begin(struct bp_group *g, struct bp_journal *j)
{
    int64_t now = bp_now_ns(j->clock);
    g->journal = j;
    g->head = atomic_load(&j->head);
    g->number = atomic_load(&j->last_number);
    g->policy_version = atomic_load(&j->policy_version);
    g->newest_version = atomic_load(&j->newest_version);
    g->recorded_at_ns = now > j->last_recorded_ns ? now : j->last_recorded_ns;
    drop_batch(g);
}

/* Room for the next entry. */
static bp_status append(struct bp_group *g, size_t n, const struct bp_control *control,
                        uint8_t **place)
{
    if (g->batch == NULL && (g->batch = bp_batch_create(g->number + 1)) == NULL)
        return BP_ENOMEM;
    return bp_batch_add(g->batch, n, control, place);
}

static void fill_entry(const struct bp_group *g, struct bp_entry *e)
{
    e->number = g->number + 1;
    e->log_id = g->journal->about.log_id;
    e->recorded_at_ns = g->recorded_at_ns;
}

bp_status bp_group_add_event(struct bp_group *g, struct bp_record *record)
{
    uint8_t *place;
    record->entry.kind = BP_ENTRY_EVENT;
    record->entry.part = record->entry.parts = 1;
    fill_entry(g, &record->entry);
    record->routing.position = g->head + 1;
    size_t bytes = bp_record_size(record);
    if (bytes == 0)
        return BP_EINVAL;
    bp_status st = append(g, bytes, NULL, &place);
    if (st != BP_OK)
        return st;
    bp_record_write(record, place);
    g->number++;
    g->head++;
    g->entries++;
    return BP_OK;
}

static bp_status add_control(struct bp_group *g, struct bp_entry *e, uint64_t version)
{
    uint8_t *place;
    fill_entry(g, e);
    struct bp_control control = {
        .number = e->number,
        .head_before = g->head,
        .version = version,
        .kind = e->kind,
        .part = e->part,
        .parts = e->parts,
    };
    size_t bytes = bp_entry_size(e);
    if (bytes == 0)
        return BP_EINVAL;
    bp_status st = append(g, bytes, &control, &place);
    if (st != BP_OK)
        return st;
    bp_entry_write(e, place);
    g->number++;
    g->entries++;
    return BP_OK;
}

bp_status bp_group_add_policy(struct bp_group *g, struct bp_str content, struct bp_str actor,
                              bool is_proposal)
{
    size_t parts = content.n == 0 ? 1 : (content.n - 1) / BP_ENTRY_CONTENT_MAX + 1;
    if (parts > UINT16_MAX)
        return BP_EINVAL;
    bp_status st = BP_OK;
    for (size_t k = 0; k < parts && st == BP_OK; k++) {
        size_t from = k * BP_ENTRY_CONTENT_MAX;
        size_t n =
            content.n - from < BP_ENTRY_CONTENT_MAX ? content.n - from : BP_ENTRY_CONTENT_MAX;
        struct bp_entry e = {
            .kind = is_proposal ? BP_ENTRY_PROPOSAL : BP_ENTRY_POLICY,
            .actor = actor,
            .policy_version = g->policy_version,
            .part = (uint16_t)(k + 1),
            .parts = (uint16_t)parts,
            .content = n == 0 ? (struct bp_str){0} : bp_str_of(content.p + from, n),
        };
        st = add_control(g, &e, g->newest_version + 1);
    }
    if (st != BP_OK)
        return st;
    g->newest_version++;
    if (!is_proposal)
        g->policy_version = g->newest_version;
    return BP_OK;
}

bp_status bp_group_add_approval(struct bp_group *g, uint64_t version, struct bp_str actor)
{
    uint8_t content[8];
    bp_put_u64(content, version);
    struct bp_entry e = {
        .kind = BP_ENTRY_APPROVAL,
        .actor = actor,
        .policy_version = g->policy_version,
        .part = 1,
        .parts = 1,
        .content = bp_str_of(content, sizeof(content)),
    };
    bp_status st = add_control(g, &e, version);
    if (st == BP_OK)
        g->policy_version = version;
    return st;
}

bp_status bp_group_add_log(struct bp_group *g)
{
    const struct bp_log_id *id = &g->journal->about.log_id;
    struct bp_entry e = {
        .kind = BP_ENTRY_LOG,
        .part = 1,
        .parts = 1,
        .content = bp_str_of(id->bytes, sizeof(id->bytes)),
    };
    return add_control(g, &e, 0);
}

/* Durable in the log, and from then on read from the tail; or, where the log has no room for it,
 * from the store. */
static bp_status make_durable(struct bp_journal *j, struct bp_batch *batch)
{
    bp_status st = bp_tail_reserve(&j->tail);
    if (st != BP_OK)
        return st;
    st = j->is_log_marked ? j->log->append(j->log, batch) : BP_ETOOLARGE;
    if (st == BP_ETOOLARGE)
        return bp_applier_store(j->applier, batch);
    if (st == BP_OK)
        st = j->log->durable(j->log);
    if (st != BP_OK) {
        j->is_log_broken = true;
        return st;
    }
    size_t bytes = bp_tail_push(&j->tail, batch);
    bp_applier_pushed(j->applier, bytes - bp_batch_blocks_bytes(batch), bytes);
    return BP_OK;
}

bp_status bp_group_commit(struct bp_group *g)
{
    struct bp_journal *j = g->journal;
    if (g->batch == NULL)
        return BP_OK;
    bp_status st = bp_controls_reserve(&j->controls, g->batch->n_controls);
    if (st != BP_OK || (st = make_durable(j, g->batch)) != BP_OK)
        return st;
    for (size_t i = 0; i < g->batch->n_controls; i++)
        bp_controls_append(&j->controls, &g->batch->controls[i]);
    j->last_recorded_ns = g->recorded_at_ns;
    atomic_store(&j->last_number, g->number);
    atomic_store(&j->policy_version, g->policy_version);
    atomic_store(&j->newest_version, g->newest_version);
    atomic_store(&j->head, g->head);
    bp_batch_unref(g->batch);
    g->batch = NULL;
    return BP_OK;
}

void bp_group_abort(struct bp_group *g)
{
    drop_batch(g);
}

void bp_group_fini(struct bp_group *g)
{
    drop_batch(g);
}
