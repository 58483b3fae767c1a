/* Reading by position. A position becomes a number by counting the control entries before it; from
 * there the log is walked number by number, and what is no event is passed over. */
#include "journal_internal.h"

bp_status bp_journal_read_begin(struct bp_journal *j, struct bp_journal_reader **out)
{
    struct bp_journal_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return BP_ENOMEM;
    r->journal = j;
    bp_status st = bp_snapshot_begin(j->store, &j->tail, &r->snapshot);
    if (st != BP_OK)
        free(r);
    else
        *out = r;
    return st;
}

void bp_journal_read_end(struct bp_journal_reader *r)
{
    if (r == NULL)
        return;
    bp_snapshot_end(&r->snapshot);
    free(r);
}

/* Which control entry has this number, if any. */
static bool is_control(struct bp_journal *j, uint64_t number)
{
    struct bp_control control;
    return bp_controls_after(&j->controls, number - 1, &control) && control.number == number;
}

/* The position of the event with this number: the first p for which p + controls before p reaches
 * it. */
static uint64_t position_of(struct bp_journal *j, uint64_t number)
{
    uint64_t low = 0, high = number;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (middle + bp_controls_before(&j->controls, middle) >= number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bp_status corrupt_at(struct bp_record *out, uint64_t position)
{
    out->routing.position = position;
    return BP_ECORRUPT;
}

/* Is the entry newer than the snapshot? */
static bool is_behind_snapshot(struct bp_journal_reader *r, uint64_t number)
{
    struct bp_str stored;
    uint64_t next;
    return bp_snapshot_next(&r->snapshot, number, &next, &stored) == BP_ENOENT;
}

bp_status bp_journal_read_at(struct bp_journal_reader *r, uint64_t position, struct bp_record *out)
{
    struct bp_str stored;
    if (position == 0 || position > bp_journal_head(r->journal))
        return BP_ENOENT;
    uint64_t number = position + bp_controls_before(&r->journal->controls, position);
    bp_status st = bp_snapshot_get(&r->snapshot, number, &stored);
    if (st == BP_ENOENT && is_behind_snapshot(r, number))
        return st;
    r->number = number; /* of an entry that is there, or is missing where it must be: damage */
    if (st == BP_OK)
        st = bp_record_decode(stored, out);
    if (st == BP_EVERSION)
        return st;
    if (st != BP_OK || out->entry.number != number || out->routing.position != position)
        return corrupt_at(out, position);
    return BP_OK;
}

bp_status bp_journal_read_next(struct bp_journal_reader *r, struct bp_record *out)
{
    for (;;) {
        struct bp_str stored = {0};
        uint64_t number = r->number;
        if (number >= bp_journal_last_number(r->journal))
            return BP_ENOENT;
        bp_status st = bp_snapshot_next(&r->snapshot, r->number, &number, &stored);
        if (st == BP_ENOENT)
            return st;
        if (st != BP_OK)
            number = r->number + 1;
        bool follows = r->number == 0 || number == r->number + 1;
        r->number = follows ? number : r->number + 1;
        if (st == BP_OK && follows && (st = bp_record_decode(stored, out)) == BP_OK &&
            out->entry.number == number)
            return BP_OK;
        if (st == BP_EVERSION)
            return st;
        if (!is_control(r->journal, r->number))
            return corrupt_at(out, position_of(r->journal, r->number));
    }
}

bp_status bp_journal_entry_at(struct bp_snapshot *snapshot, uint64_t number, struct bp_entry *out)
{
    struct bp_str stored;
    bp_status st = bp_snapshot_get(snapshot, number, &stored);
    if (st == BP_OK)
        st = bp_entry_decode(stored, out);
    if (st == BP_OK && out->number != number)
        st = BP_ECORRUPT;
    return st;
}

bp_status bp_journal_read_entry(struct bp_journal_reader *r, uint64_t number, struct bp_entry *out)
{
    bp_status st = bp_journal_entry_at(&r->snapshot, number, out);
    if (st == BP_ECORRUPT)
        out->number = number;
    return st;
}

bp_status bp_journal_read_stored(struct bp_journal_reader *r, uint64_t number,
                                 struct bp_str *stored, uint64_t *position)
{
    struct bp_record record = {.routing = {.position = 0}};
    bp_status st = bp_snapshot_get(&r->snapshot, number, stored);
    if (st == BP_OK)
        st = bp_record_decode(*stored, &record);
    if (st == BP_EINVAL)
        st = bp_entry_decode(*stored, &record.entry);
    if (st == BP_OK && record.entry.number != number)
        st = BP_ECORRUPT;
    *position = record.routing.position;
    return st;
}

bp_status bp_journal_read_control(struct bp_journal_reader *r, uint64_t after_number,
                                  struct bp_entry *out)
{
    struct bp_control control;
    if (!bp_controls_after(&r->journal->controls, after_number, &control))
        return BP_ENOENT;
    return bp_journal_read_entry(r, control.number, out);
}

/* When the event at this position, or the next sound one up to most, was recorded. *position moves
 * to that one. */
static bp_status recorded_at(struct bp_journal_reader *r, uint64_t *position, uint64_t most,
                             int64_t *at)
{
    struct bp_record record;
    bp_status st = bp_journal_read_at(r, *position, &record);
    while (st == BP_ECORRUPT && *position < most) {
        (*position)++;
        st = bp_journal_read_at(r, *position, &record);
    }
    if (st == BP_OK)
        *at = record.entry.recorded_at_ns;
    return st;
}

static bp_status search_before(struct bp_journal_reader *r, int64_t time_ns, uint64_t low,
                               uint64_t high, uint64_t *position)
{
    while (low < high) { /* the answer + 1 is in [low, high] */
        uint64_t middle = low + (high - low) / 2, probed = middle;
        int64_t at = 0;
        bp_status st = recorded_at(r, &probed, high - 1, &at);
        if (st == BP_ECORRUPT)
            high = middle; /* nothing sound from here on: what follows decides */
        else if (st != BP_OK)
            return st;
        else if (at < time_ns)
            low = probed + 1;
        else
            high = middle;
    }
    *position = low - 1;
    return BP_OK;
}

bp_status bp_journal_position_before(struct bp_journal *j, int64_t recorded_at_ns,
                                     uint64_t *position)
{
    struct bp_journal_reader *r;
    uint64_t first = bp_journal_first(j), head = bp_journal_head(j);
    bp_status st = bp_journal_read_begin(j, &r);
    if (st != BP_OK)
        return st;
    st = search_before(r, recorded_at_ns, first, head + 1, position);
    bp_journal_read_end(r);
    return st;
}

static void copy_actor(char *out, size_t size, struct bp_str actor)
{
    actor.n = actor.n < size ? actor.n : size - 1;
    (void)bp_str_copy(out, size, actor);
}

static bp_status append_parts(struct bp_journal_reader *r, const struct bp_control *first,
                              struct bp_policy_entry *entry, struct bp_buf *content)
{
    *entry = (struct bp_policy_entry){.version = first->version,
                                      .is_proposal = first->kind == BP_ENTRY_PROPOSAL};
    for (unsigned k = 0; k < first->parts; k++) {
        struct bp_entry e;
        bp_status st = bp_journal_read_entry(r, first->number + k, &e);
        if (st != BP_OK)
            return st == BP_ENOENT ? BP_ECORRUPT : st;
        if (e.kind != first->kind || e.part != k + 1 || e.parts != first->parts)
            return BP_ECORRUPT;
        if (content != NULL)
            bp_buf_add_str(content, e.content);
        entry->applied_at_ns = e.recorded_at_ns;
        entry->replaces = e.policy_version;
        copy_actor(entry->actor, sizeof(entry->actor), e.actor);
    }
    return content != NULL && content->failed ? BP_ENOMEM : BP_OK;
}

static bp_status read_approval(struct bp_journal_reader *r, const struct bp_control *approval,
                               struct bp_policy_entry *entry)
{
    struct bp_entry e;
    bp_status st = bp_journal_read_entry(r, approval->number, &e);
    if (st == BP_ENOENT || (st == BP_OK && e.kind != BP_ENTRY_APPROVAL))
        st = BP_ECORRUPT;
    if (st != BP_OK)
        return st;
    entry->approved_at_ns = e.recorded_at_ns;
    copy_actor(entry->approver, sizeof(entry->approver), e.actor);
    return BP_OK;
}

bp_status bp_journal_policy_at(struct bp_journal *j, uint64_t version,
                               struct bp_policy_entry *entry, struct bp_buf *content)
{
    struct bp_journal_reader *r;
    struct bp_control first, approval;
    if (version == 0 || !bp_controls_policy(&j->controls, version, &first))
        return BP_ENOENT;
    bool is_approved = bp_controls_approval(&j->controls, version, &approval);
    bp_status st = bp_journal_read_begin(j, &r);
    if (st != BP_OK)
        return st;
    st = append_parts(r, &first, entry, content);
    if (st == BP_OK && is_approved)
        st = read_approval(r, &approval, entry);
    bp_journal_read_end(r);
    return st;
}

bp_status bp_journal_policy(struct bp_journal *j, struct bp_policy_entry *entry,
                            struct bp_buf *content)
{
    uint64_t version = bp_journal_policy_version(j);
    if (version == 0) {
        *entry = (struct bp_policy_entry){0};
        return BP_OK;
    }
    return bp_journal_policy_at(j, version, entry, content);
}
