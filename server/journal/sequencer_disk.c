/* Committing, and what happens when it fails. The hard part is a commit of which nobody knows
 * whether it happened: what is on disk is read before anything else is taken, events of the group
 * that turn out to be there are told to the index, so that a retry finds them, and yet nobody is
 * told that they are stored. */
#include "log.h"
#include "sequencer_internal.h"

#define RECOVER_EVERY_MS 1000
#define RESERVE_CHECK_MS 3
/* A commit may write this much besides its entries: branch pages, the list of free pages. */
#define COMMIT_SLACK_BYTES (UINT64_C(4) << 20)

void bp_sequencer_set_health(struct bp_sequencer *s, bp_status st)
{
    bp_status before = (bp_status)atomic_exchange(&s->health, (int)st);
    if (before != st)
        bp_log(st == BP_OK ? BP_LOG_INFO : BP_LOG_ERROR, "sequencer.health", "was=%s is=%s",
               bp_status_name(before), bp_status_name(st));
}

bp_status bp_sequencer_health(const struct bp_sequencer *s)
{
    return (bp_status)atomic_load(&s->health);
}

static uint64_t free_bytes(const struct bp_sequencer *s)
{
    uint64_t bytes;
    return bp_journal_disk_free(s->journal, &bytes) == BP_OK ? bytes : UINT64_MAX;
}

bool bp_sequencer_has_reserve(struct bp_sequencer *s)
{
    int64_t now = bp_monotonic_ms(s->clock);
    if (bp_applier_trouble(s->journal->applier) == BP_ENOSPC)
        return false;
    if (s->free_checked_ms == 0 || now - s->free_checked_ms >= RESERVE_CHECK_MS) {
        s->free_checked_ms = now;
        s->has_free = free_bytes(s) >= s->reserve_bytes;
    }
    return s->has_free;
}

/* Tells the index the events of the group that are in the log: all after a commit, all or none
 * after one that failed. */
static void tell_index(struct bp_sequencer *s)
{
    uint64_t head = bp_journal_head(s->journal);
    const struct bp_id_map *ids = &s->group_ids;
    size_t from = 0, to = ids->n;
    while (from < to && ids->entries[from].position <= s->indexed_head)
        from++;
    while (to > from && ids->entries[to - 1].position > head)
        to--;
    if (from < to)
        s->ids->committed(s->ids->context, ids->entries + from, to - from);
    s->indexed_head = head;
}

/* Health is BP_EIO afterwards exactly if it is not known what is on disk, or nothing can be added
 * to it. */
static void recover(struct bp_sequencer *s)
{
    struct bp_err err = {{0}};
    char words[sizeof(err.text) + 64];
    s->recover_after_ms = bp_monotonic_ms(s->clock) + RECOVER_EVERY_MS;
    bp_status st = bp_journal_recover(s->journal, &err);
    bool is_known = st == BP_OK || st == BP_ENOSPC;
    if (is_known) {
        tell_index(s);
        bp_log(BP_LOG_WARN, "sequencer.recovered", "head=%llu",
               (unsigned long long)bp_journal_head(s->journal));
    } else {
        bp_log(BP_LOG_ERROR, "sequencer.recovery_failed", "status=%s words=%s", bp_status_name(st),
               bp_log_quote(words, sizeof(words), bp_str(err.text)));
    }
    bp_sequencer_set_health(s, is_known ? st : BP_EIO);
}

/* A store that cannot be written is as bad as a log: what is durable has to go somewhere. */
bool bp_sequencer_is_well(struct bp_sequencer *s)
{
    if (bp_applier_trouble(s->journal->applier) == BP_EIO)
        bp_sequencer_set_health(s, BP_EIO);
    if (bp_sequencer_health(s) == BP_EIO && bp_monotonic_ms(s->clock) >= s->recover_after_ms) {
        recover(s);
        bp_sequencer_tell_head(s);
    }
    return bp_sequencer_health(s) != BP_EIO;
}

void bp_sequencer_check_health(struct bp_sequencer *s)
{
    bool is_full = bp_applier_trouble(s->journal->applier) == BP_ENOSPC;
    if (!bp_sequencer_is_well(s))
        return;
    if (is_full)
        bp_sequencer_set_health(s, BP_ENOSPC);
    if (bp_sequencer_health(s) != BP_ENOSPC ||
        free_bytes(s) < s->reserve_bytes + COMMIT_SLACK_BYTES)
        return;
    if (is_full)
        bp_applier_retry(s->journal->applier);
    else
        bp_sequencer_set_health(s, BP_OK);
}

/* Nothing of the group can be on disk. */
static bp_status give_up(struct bp_sequencer *s, bp_status st)
{
    bp_group_abort(&s->group);
    return st;
}

static bp_status judge_failure(const struct bp_sequencer *s, bp_status st)
{
    bool is_known = bp_sequencer_health(s) != BP_EIO;
    bool is_stored = bp_journal_last_number(s->journal) >= s->group.number;
    return is_known && !is_stored && st == BP_ENOSPC ? BP_ENOSPC : BP_EIO;
}

static bp_status commit_failed(struct bp_sequencer *s, bp_status st)
{
    bp_log(BP_LOG_ERROR, "sequencer.commit_failed", "status=%s head=%llu group_head=%llu",
           bp_status_name(st), (unsigned long long)bp_journal_head(s->journal),
           (unsigned long long)s->group.head);
    bp_group_abort(&s->group);
    recover(s);
    bp_status answer = judge_failure(s, st);
    if (answer == BP_ENOSPC)
        bp_sequencer_set_health(s, answer);
    return answer;
}

void bp_sequencer_begin(struct bp_sequencer *s)
{
    bp_group_begin(&s->group, s->journal);
    bp_id_map_truncate(&s->group_ids, 0);
}

bp_status bp_sequencer_commit(struct bp_sequencer *s, bp_status st)
{
    if (st == BP_OK && (st = bp_group_commit(&s->group)) != BP_OK && st != BP_ENOMEM)
        return commit_failed(s, st);
    if (st != BP_OK) /* memory is asked for before anything is written */
        return give_up(s, st);
    tell_index(s);
    if (bp_sequencer_health(s) == BP_ENOSPC && s->group.entries != 0 && bp_sequencer_has_reserve(s))
        bp_sequencer_set_health(s, BP_OK);
    return st;
}

void bp_sequencer_tell_head(struct bp_sequencer *s)
{
    uint64_t number = bp_journal_last_number(s->journal);
    if (number == s->told_number)
        return;
    s->told_number = number;
    if (s->on_head != NULL)
        s->on_head(s->context, bp_journal_head(s->journal));
}
