/* What the journal's own files share: the journal itself, and the group through which the sequencer
 * writes. */
#ifndef BERBAGI_JOURNAL_INTERNAL_H
#define BERBAGI_JOURNAL_INTERNAL_H

#include <stdatomic.h>

#include "applier.h"
#include "journal.h"
#include "snapshot.h"

struct bp_journal {
    struct bp_store *store;
    struct bp_commit_log *log; /* makes durable; then a batch stands in the tail */
    struct bp_tail tail;
    struct bp_applier *applier; /* carries the tail into the store */
    struct bp_controls controls;
    const struct bp_clock *clock;
    char *dir;
    int lock_fd;
    atomic_uint_fast64_t head, first, policy_version, newest_version, last_number;
    struct bp_store_about about; /* as stored */
    bool is_log_marked;          /* the store says how many segments are in use */
    /* the writer's */
    int64_t last_recorded_ns;
    bool is_log_broken; /* append or durable failed, and replay has not told what is there yet */
};

struct bp_journal_reader {
    struct bp_journal *journal;
    struct bp_snapshot snapshot;
    uint64_t number; /* of the entry read last; 0 = none */
};

/* Reads head, controls and the rest of the state from store and tail and verifies the newest
 * entries. Writer, nobody else writing; readers may go on. */
BP_MUST_USE bp_status bp_journal_load(struct bp_journal *j, struct bp_err *err);

/* Puts into the tail what is durable in the log and neither there nor applied. Writer. */
BP_MUST_USE bp_status bp_journal_replay(struct bp_journal *j, uint64_t applied, struct bp_err *err);

/* After a commit that failed: back to what is on disk, of which nothing is in doubt afterwards.
 * BP_ENOSPC: it is known, but the store takes no more; any other failure: it is not known. */
BP_MUST_USE bp_status bp_journal_recover(struct bp_journal *j, struct bp_err *err);

/* The checked entry with this number. BP_ENOENT, BP_ECORRUPT. */
BP_MUST_USE bp_status bp_journal_entry_at(struct bp_snapshot *snapshot, uint64_t number,
                                          struct bp_entry *out);

/* --- a group: entries that become durable together. Writer alone; one at a time. --- */

struct bp_group {
    struct bp_journal *journal;
    uint64_t head, number, policy_version, newest_version; /* as they will be */
    int64_t recorded_at_ns;
    size_t entries;         /* appended */
    struct bp_batch *batch; /* them; NULL: none yet */
};

/* One recorded_at for all of the group, never less than the last one stored. */
void bp_group_begin(struct bp_group *g, struct bp_journal *j);
/* Numbers, positions, times and the log id are filled in here. BP_EINVAL: the record has no stored
 * form, nothing changed; any other failure ends the group. */
BP_MUST_USE bp_status bp_group_add_event(struct bp_group *g, struct bp_record *record);
/* In parts; makes the version after the newest, and puts it in force unless it is a proposal. */
BP_MUST_USE bp_status bp_group_add_policy(struct bp_group *g, struct bp_str content,
                                          struct bp_str actor, bool is_proposal);
/* Puts a proposed version in force. */
BP_MUST_USE bp_status bp_group_add_approval(struct bp_group *g, uint64_t version,
                                            struct bp_str actor);
/* The entry that a new log begins with. */
BP_MUST_USE bp_status bp_group_add_log(struct bp_group *g);
/* Durable and visible, and the group is over; or a failure, and it is to be aborted. */
BP_MUST_USE bp_status bp_group_commit(struct bp_group *g);
void bp_group_abort(struct bp_group *g);
void bp_group_fini(struct bp_group *g);

#endif
