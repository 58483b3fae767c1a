/* Reading the journal's state, at the start and after a failure: from the store and the tail, whose
 * newest entries are checked. */
#include "journal_internal.h"

#define VERIFIED_AT_OPEN 256u /* newest entries, a sample: every read checks what it reads */

static bp_status load_control(void *context, const struct bp_control *control)
{
    struct bp_controls *controls = context;
    bp_status st = bp_controls_reserve(controls, 1);
    if (st == BP_OK)
        bp_controls_append(controls, control);
    return st;
}

/* Readers may be looking at the controls that are known. Those never change, so they are the
 * beginning of what is there now, and the rest is added. */
static bp_status load_controls(struct bp_journal *j, struct bp_snapshot *snapshot)
{
    struct bp_controls fresh;
    bp_controls_init(&fresh);
    bp_status st = bp_snapshot_each_control(snapshot, load_control, &fresh);
    size_t known = bp_controls_count(&j->controls);
    if (st == BP_OK && fresh.n < known)
        st = BP_ECORRUPT;
    for (size_t i = known; st == BP_OK && i < fresh.n; i++)
        st = load_control(&j->controls, &fresh.list[i]);
    bp_controls_fini(&fresh);
    return st;
}

static bp_status verify_newest(struct bp_journal *j, struct bp_snapshot *snapshot, uint64_t last,
                               struct bp_err *err)
{
    for (uint64_t i = 0; i < VERIFIED_AT_OPEN && i < last; i++) {
        struct bp_entry e;
        bp_status st = bp_journal_entry_at(snapshot, last - i, &e);
        if (st == BP_OK && i == 0 && memcmp(e.log_id.bytes, j->about.log_id.bytes, 4) != 0)
            st = BP_ECORRUPT;
        if (st != BP_OK)
            return bp_fail(err, st == BP_EVERSION ? st : BP_ECORRUPT,
                           "journal %s: entry %llu of %llu fails its check", j->dir,
                           (unsigned long long)(last - i), (unsigned long long)last);
        if (i == 0)
            j->last_recorded_ns = e.recorded_at_ns;
    }
    return BP_OK;
}

/* The oldest event kept: behind the entries that were pruned, and behind the controls that follow
 * them. */
static uint64_t first_position(struct bp_journal *j, struct bp_snapshot *snapshot)
{
    struct bp_journal_reader r = {.journal = j, .snapshot = *snapshot};
    struct bp_record record;
    bp_status st = bp_journal_read_next(&r, &record);
    return st == BP_OK || st == BP_ECORRUPT ? record.routing.position : atomic_load(&j->head) + 1;
}

/* The newest event says itself that it stands at the head: the counts of entries, controls and
 * positions agree. */
static bp_status verify_head(struct bp_journal *j, struct bp_snapshot *snapshot, struct bp_err *err)
{
    struct bp_journal_reader r = {.journal = j, .snapshot = *snapshot};
    struct bp_record record;
    uint64_t head = atomic_load(&j->head);
    bp_status st = bp_journal_read_at(&r, head, &record);
    if (st == BP_OK || (st == BP_ENOENT && atomic_load(&j->first) > head))
        return BP_OK;
    return bp_fail(err, BP_ECORRUPT, "journal %s: no sound event at its head %llu", j->dir,
                   (unsigned long long)head);
}

static bp_status load_from(struct bp_journal *j, struct bp_snapshot *snapshot, struct bp_err *err)
{
    uint64_t last = 0;
    bp_status st = bp_snapshot_last(snapshot, &last);
    if (st == BP_OK)
        st = load_controls(j, snapshot);
    else if (st == BP_ENOENT)
        st = BP_OK;
    if (st != BP_OK)
        return bp_fail(err, st, "journal %s: cannot read its table of control entries (%s)", j->dir,
                       bp_status_name(st));
    if ((st = verify_newest(j, snapshot, last, err)) != BP_OK)
        return st;
    uint64_t controls = bp_controls_count(&j->controls);
    if (controls > last)
        return bp_fail(err, BP_ECORRUPT, "journal %s: more control entries than entries", j->dir);
    atomic_store(&j->last_number, last);
    atomic_store(&j->policy_version, bp_controls_version_in_force(&j->controls));
    atomic_store(&j->newest_version, bp_controls_newest_version(&j->controls));
    atomic_store(&j->head, last - controls);
    atomic_store(&j->first, first_position(j, snapshot));
    return verify_head(j, snapshot, err);
}

bp_status bp_journal_load(struct bp_journal *j, struct bp_err *err)
{
    struct bp_snapshot snapshot;
    bp_status st = bp_snapshot_begin(j->store, &j->tail, &snapshot);
    if (st != BP_OK)
        return bp_fail(err, st, "journal %s: cannot read (%s)", j->dir, bp_status_name(st));
    st = load_from(j, &snapshot, err);
    bp_snapshot_end(&snapshot);
    return st;
}

/* A batch of the log that is neither applied nor in the tail. */
static bp_status take_replayed(void *context, struct bp_batch *batch)
{
    struct bp_journal *j = context;
    if (bp_batch_last(batch) <= bp_tail_look(&j->tail).last)
        return BP_OK;
    bp_status st = bp_tail_reserve(&j->tail);
    if (st == BP_OK)
        (void)bp_tail_push(&j->tail, batch);
    return st;
}

bp_status bp_journal_replay(struct bp_journal *j, uint64_t applied, struct bp_err *err)
{
    bp_status st = j->log->replay(j->log, applied, take_replayed, j, err);
    j->is_log_broken = st != BP_OK;
    return st == BP_OK ? st : bp_fail_in(err, st, "journal %s", j->dir);
}

bp_status bp_journal_recover(struct bp_journal *j, struct bp_err *err)
{
    bp_status applied = bp_applier_flush(j->applier);
    if (applied != BP_OK && applied != BP_ENOSPC)
        return bp_fail(err, applied, "journal %s: cannot write to its store (%s)", j->dir,
                       bp_status_name(applied));
    bp_status st = j->is_log_broken ? j->log->recover(j->log, err) : BP_OK;
    if (st == BP_OK && j->is_log_broken)
        st = bp_journal_replay(j, bp_applier_applied(j->applier), err);
    if (st == BP_OK)
        st = bp_journal_load(j, err);
    return st != BP_OK ? st : applied;
}
