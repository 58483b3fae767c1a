/* Carries what the log made durable into the store: a thread of its own, the only writer of the
 * store, a transaction for many batches at once. When that fails nobody's answer depends on it: the
 * batches stay in the log and in the tail, the store is opened anew, and it is tried again.
 *
 * The rows of subscriptions travel with its transactions, or in one of their own. A batch that the
 * log has no room for is made durable by it as well: behind everything else, while the writer
 * waits. */
#ifndef BERBAGI_APPLIER_H
#define BERBAGI_APPLIER_H

#include "commit_log.h"
#include "store.h"
#include "tail.h"

struct bp_applier;

struct bp_applier_config {
    struct bp_store *store;    /* no other thread writes to it from now on */
    struct bp_commit_log *log; /* for trim */
    struct bp_tail *tail;
    const char *dir;   /* whose free space tells a full disk from a broken one */
    uint64_t applied;  /* the newest entry in the store */
    size_t most_bytes; /* of the tail, before it is applied; 0 = 512 KiB */
    unsigned most_ms;  /* that an entry stays in the tail alone; 0 = 200 */
};

/* What travels along. Called on the applier's thread, one at a time; due_ms with a lock of the
 * applier's held: it must be a look at memory. */
struct bp_applier_rider {
    void *context;
    int (*due_ms)(void *context); /* until it wants a transaction: 0 = now, -1 = none is wanted */
    bp_status (*write)(void *context, struct bp_store *store);
    void (*written)(void *context, bp_status st); /* after each write, and where none is tried */
    void (*trouble)(void *context);               /* what bp_applier_trouble tells is another */
};

BP_MUST_USE bp_status bp_applier_start(const struct bp_applier_config *config,
                                       struct bp_applier **out, struct bp_err *err);
/* Applies what it can, then ends the thread. True: all of the tail is in the store. NULL allowed. */
bool bp_applier_stop(struct bp_applier *a);

/* NULL ends it; when this returns nothing of the one before is called any more. Not on the
 * applier's thread. */
void bp_applier_set_rider(struct bp_applier *a, const struct bp_applier_rider *rider);

/* The rider is due earlier than it was. Any thread. */
void bp_applier_wake(struct bp_applier *a);
/* The tail has grown, from so many bytes to so many. Writer. */
void bp_applier_pushed(struct bp_applier *a, size_t before, size_t now);
/* Applies all of the tail and the rider's rows, now, and waits for it. BP_OK, or why not. Not on
 * the applier's thread, with no snapshot held. */
BP_MUST_USE bp_status bp_applier_flush(struct bp_applier *a);
/* The same with a batch behind the tail, which is durable and in the store afterwards. BP_ENOSPC,
 * BP_ENOMEM: it is not. BP_EIO: it may be or not; a flush that succeeds settles it. Writer. */
BP_MUST_USE bp_status bp_applier_store(struct bp_applier *a, struct bp_batch *batch);
/* Tries again what failed, without waiting for it. Any thread. */
void bp_applier_retry(struct bp_applier *a);

/* How the last attempt went: BP_OK; BP_ENOSPC: the disk is full; BP_EIO and others: the store
 * cannot be written, perhaps not read. Any thread. */
bp_status bp_applier_trouble(const struct bp_applier *a);
/* The newest entry that is in the store for good. Any thread. */
uint64_t bp_applier_applied(const struct bp_applier *a);

#endif
