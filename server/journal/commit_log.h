/* The log before the store: what makes a group of entries durable. A struct of functions, so that
 * an implementation takes another's place and nothing else changes; wal.h is the one of a server
 * that stands alone.
 *
 * The log says what happened, in order, and answers for durability; the store (store.h) is what
 * came of it and what is read. A batch that the log made durable is applied to the store later
 * (applier.h); replay tells at the start what is durable and not applied yet, and trim says what
 * the store holds for good.
 *
 * Owner thread of the journal's writer for all of it, except trim. */
#ifndef BERBAGI_COMMIT_LOG_H
#define BERBAGI_COMMIT_LOG_H

#include "batch.h"

struct bp_commit_log {
    /* Writes a batch behind all others; its header's room and padding are the log's to fill.
     * BP_ETOOLARGE: there is no room for it, nothing happened, and the store is to make it durable.
     * BP_ENOSPC, BP_EIO: it may be there or not; so with all that is called before recover. */
    bp_status (*append)(struct bp_commit_log *log, struct bp_batch *batch);
    /* Makes what was appended durable. BP_ENOSPC, BP_EIO: as with append. */
    bp_status (*durable)(struct bp_commit_log *log);
    /* Hands over every durable batch with numbers above this one, which is the store's last, in
     * order, until each fails, and sees to it that they are durable and that nothing else will ever
     * be taken for one. Appending goes on behind them. BP_ECORRUPT: what is there cannot be all that was made durable. */
    bp_status (*replay)(struct bp_commit_log *log, uint64_t after,
                        bp_status (*each)(void *context, struct bp_batch *batch), void *context,
                        struct bp_err *err);
    /* Entries up to this number are in the store for good; the log need not keep them. Any
     * thread. */
    void (*trim)(struct bp_commit_log *log, uint64_t through);
    /* After a failure: lets go of what may not be what is on disk, so that replay reads it. */
    bp_status (*recover)(struct bp_commit_log *log, struct bp_err *err);
    /* What it takes on its file system. Any thread. */
    uint64_t (*disk_bytes)(const struct bp_commit_log *log);
    void (*close)(struct bp_commit_log *log);
};

#endif
