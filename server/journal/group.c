/* Building a group of entries: numbers, positions and times, encoded in place. */
#include "bytes.h"
#include "journal_internal.h"

void bp_group_begin(struct bp_group *g, struct bp_journal *j)
{
    int64_t now = bp_now_ns(j->clock);
    g->journal = j;
    g->head = atomic_load(&j->head);
    g->number = atomic_load(&j->last_number);
    g->policy_version = atomic_load(&j->policy_version);
    g->newest_version = atomic_load(&j->newest_version);
    g->recorded_at_ns = now > j->last_recorded_ns ? now : j->last_recorded_ns;
    g->entries = 0;
    g->n_controls = 0;
}

static void fill_entry(const struct bp_group *g, struct bp_entry *e)
{
    e->number = g->number + 1;
    e->log_id = g->journal->log_id;
    e->recorded_at_ns = g->recorded_at_ns;
}

bp_status bp_group_add_event(struct bp_group *g, struct bp_record *record)
{
    struct bp_commit_log *log = g->journal->log;
    uint8_t *place;
    record->entry.kind = BP_ENTRY_EVENT;
    record->entry.part = record->entry.parts = 1;
    fill_entry(g, &record->entry);
    record->routing.position = g->head + 1;
    struct bp_log_slot slot = {.number = record->entry.number, .bytes = bp_record_size(record)};
    if (slot.bytes == 0)
        return BP_EINVAL;
    bp_status st = log->append(log, &slot, &place);
    if (st != BP_OK)
        return st;
    bp_record_write(record, place);
    g->number++;
    g->head++;
    g->entries++;
    return BP_OK;
}

static bp_status remember_control(struct bp_group *g, const struct bp_control *control)
{
    if (g->n_controls == g->capacity) {
        size_t capacity = g->capacity == 0 ? 16 : 2 * g->capacity;
        struct bp_control *controls = realloc(g->controls, capacity * sizeof(*controls));
        if (controls == NULL)
            return BP_ENOMEM;
        g->controls = controls;
        g->capacity = capacity;
    }
    g->controls[g->n_controls++] = *control;
    return BP_OK;
}

static bp_status add_control(struct bp_group *g, struct bp_entry *e, uint64_t version)
{
    struct bp_commit_log *log = g->journal->log;
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
    struct bp_log_slot slot = {.number = e->number, .bytes = bp_entry_size(e), .control = &control};
    if (slot.bytes == 0)
        return BP_EINVAL;
    bp_status st = remember_control(g, &control);
    if (st != BP_OK || (st = log->append(log, &slot, &place)) != BP_OK)
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
    const struct bp_log_id *id = &g->journal->log_id;
    struct bp_entry e = {
        .kind = BP_ENTRY_LOG,
        .part = 1,
        .parts = 1,
        .content = bp_str_of(id->bytes, sizeof(id->bytes)),
    };
    return add_control(g, &e, 0);
}

bp_status bp_group_commit(struct bp_group *g)
{
    struct bp_journal *j = g->journal;
    bp_status st = bp_controls_reserve(&j->controls, g->n_controls);
    if (st != BP_OK || (st = j->log->durable(j->log)) != BP_OK)
        return st;
    for (size_t i = 0; i < g->n_controls; i++)
        bp_controls_append(&j->controls, &g->controls[i]);
    if (g->entries != 0)
        j->last_recorded_ns = g->recorded_at_ns;
    atomic_store(&j->last_number, g->number);
    atomic_store(&j->policy_version, g->policy_version);
    atomic_store(&j->newest_version, g->newest_version);
    atomic_store(&j->head, g->head);
    return BP_OK;
}

void bp_group_abort(struct bp_group *g)
{
    g->journal->log->discard(g->journal->log);
    g->n_controls = 0;
    g->entries = 0;
}

void bp_group_fini(struct bp_group *g)
{
    free(g->controls);
    *g = (struct bp_group){0};
}
