/* The log behind the door: what makes a group of entries durable. A struct of functions, so that an
 * implementation takes another's place and nothing else changes.
 *
 * The log says what happened, in order, and answers for durability; the store (store.h) is what
 * came of it and what is read. A log that stands before the store, such as a write-ahead file,
 * makes a group durable first and the journal applies it to the store afterwards; then replay tells
 * at the start what is durable and not yet applied, and trim says what the store holds for good.
 * The LMDB log is the store's own transaction: durable and applied are one moment, so it replays
 * nothing.
 *
 * Owner thread of the journal's writer for all of it. */
#ifndef BERBAGI_COMMIT_LOG_H
#define BERBAGI_COMMIT_LOG_H

#include "controls.h"
#include "store.h"

struct bp_log_slot {
    uint64_t number; /* one more than the last */
    size_t bytes;
    const struct bp_control *control; /* NULL: an event */
};

struct bp_commit_log {
    /* Room for the bytes of the next entry of the group, to be filled before the next call.
     * BP_ENOSPC, BP_ENOMEM, BP_EIO: the group is to be discarded. */
    bp_status (*append)(struct bp_commit_log *log, const struct bp_log_slot *slot, uint8_t **place);
    /* Makes the group, and what was put into the store with it, durable; the group is over.
     * BP_ENOSPC, BP_EIO: it may have happened or not; recover tells. */
    bp_status (*durable)(struct bp_commit_log *log);
    /* Forgets the group, of which nothing is durable yet. */
    void (*discard)(struct bp_commit_log *log);
    /* Hands over every durable entry with a number above this, in order, until each fails. */
    bp_status (*replay)(struct bp_commit_log *log, uint64_t after,
                        bp_status (*each)(void *context, const struct bp_log_slot *slot,
                                          struct bp_str bytes),
                        void *context);
    /* Entries up to this number are in the store for good; the log need not keep them. */
    bp_status (*trim)(struct bp_commit_log *log, uint64_t through);
    /* After a failure: takes the log, and the store under it, back to what is on disk. */
    bp_status (*recover)(struct bp_commit_log *log, struct bp_err *err);
    void (*close)(struct bp_commit_log *log);
};

/* The store's own transactions as the log. The store is borrowed. NULL when out of memory. */
struct bp_commit_log *bp_commit_log_lmdb(struct bp_store *store);

#endif
