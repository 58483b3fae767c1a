/* What the sequencer's files share. sequencer.c: the thread and the calls of others;
 * sequencer_group.c: groups of events, policies; sequencer_disk.c: committing, a full disk, coming
 * back from a failed commit; sequencer_rows.c: rows of subscriptions. */
#ifndef BERBAGI_SEQUENCER_INTERNAL_H
#define BERBAGI_SEQUENCER_INTERNAL_H

#include <stdatomic.h>

#include "journal_internal.h"
#include "sequencer.h"
#include "subscriptions.h"

struct bp_sequencer {
    struct bp_journal *journal;
    const struct bp_id_index *ids;
    const struct bp_clock *clock;
    void (*on_head)(void *context, uint64_t head);
    void *context;
    uint64_t reserve_bytes;

    pthread_t thread;
    struct bp_mailbox mail;     /* submissions, counted until answered; the thread waits here */
    struct bp_mailbox policies; /* never waited on: a push interrupts the other */
    struct bp_subscriptions subscriptions;
    atomic_int health; /* a bp_status; written by the thread */

    /* the applier's thread's */
    struct bp_applier_rider rider;
    struct bp_subscription_batch rows;

    /* the thread's */
    struct bp_fair_queue turns; /* of what came by mail */
    struct bp_flow nobodys;     /* of submissions without a flow */
    int64_t shared_until_ms;    /* groups are small until then */
    struct bp_group group;
    struct bp_id_map group_ids; /* of the events in group; kept after a failed commit until it is
                                   known what is stored */
    uint64_t indexed_head;      /* newest position that ids was told */
    uint64_t told_number;       /* newest entry that on_head was told of */
    int64_t free_checked_ms, recover_after_ms;
    bool has_free;
};

/* All on the sequencer's thread. */

/* Well enough to take a group? After a failure, tries to become so once a second. */
bool bp_sequencer_is_well(struct bp_sequencer *s);
/* More space than the reserve? Looked at every few milliseconds at most. */
bool bp_sequencer_has_reserve(struct bp_sequencer *s);
void bp_sequencer_set_health(struct bp_sequencer *s, bp_status st);
/* Looks again at what is wrong, so that health tells when it is over although nobody publishes. */
void bp_sequencer_check_health(struct bp_sequencer *s);

/* Begins a group; the one before is settled. */
void bp_sequencer_begin(struct bp_sequencer *s);
/* Ends it: commits it, or gives it up if st, which appending came to, is not BP_OK. The index is told what is stored. Returns what to answer:
 * BP_OK, BP_ENOSPC, BP_ENOMEM, BP_EIO. */
BP_MUST_USE bp_status bp_sequencer_commit(struct bp_sequencer *s, bp_status st);
/* Calls on_head if the log has grown since it was last called. */
void bp_sequencer_tell_head(struct bp_sequencer *s);

/* Gives what came by mail its place among the turns. */
void bp_sequencer_line_up(struct bp_sequencer *s, struct bp_mail *list);
/* Stores and answers a group of what waits, if anything does. */
void bp_sequencer_run_group(struct bp_sequencer *s);
/* Stores and answers the policies that wait. */
void bp_sequencer_run_policies(struct bp_sequencer *s);

/* From start to stop rows are written as they are due; stop writes those that are dirty, and tells
 * who is left. Not on the applier's thread. */
void bp_sequencer_rows_start(struct bp_sequencer *s);
void bp_sequencer_rows_stop(struct bp_sequencer *s);
/* When a row that changes now is to be written at the latest. Any thread. */
int64_t bp_sequencer_rows_due_ms(const struct bp_sequencer *s);

#endif
