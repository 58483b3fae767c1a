#include "commit_log.h"

struct lmdb_log {
    struct bp_commit_log log; /* first */
    struct bp_store *store;
};

static struct bp_store *store_of(struct bp_commit_log *log)
{
    return ((struct lmdb_log *)log)->store;
}

static bp_status lmdb_append(struct bp_commit_log *log, const struct bp_log_slot *slot,
                             uint8_t **place)
{
    if (slot->control != NULL) {
        bp_status st = bp_store_put_control(store_of(log), slot->control);
        if (st != BP_OK)
            return st;
    }
    return bp_store_put_entry(store_of(log), slot->number, slot->bytes, place);
}

static bp_status lmdb_durable(struct bp_commit_log *log)
{
    return bp_store_commit(store_of(log));
}

static void lmdb_discard(struct bp_commit_log *log)
{
    bp_store_abort(store_of(log));
}

/* What is durable is applied. */
static bp_status lmdb_replay(struct bp_commit_log *log, uint64_t after,
                             bp_status (*each)(void *context, const struct bp_log_slot *slot,
                                               struct bp_str bytes),
                             void *context)
{
    (void)log;
    (void)after;
    (void)each;
    (void)context;
    return BP_OK;
}

/* The store is the log: it keeps everything. */
static bp_status lmdb_trim(struct bp_commit_log *log, uint64_t through)
{
    (void)log;
    (void)through;
    return BP_OK;
}

static bp_status lmdb_recover(struct bp_commit_log *log, struct bp_err *err)
{
    return bp_store_reopen(store_of(log), err);
}

static void lmdb_close(struct bp_commit_log *log)
{
    free(log);
}

struct bp_commit_log *bp_commit_log_lmdb(struct bp_store *store)
{
    struct lmdb_log *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->store = store;
    l->log = (struct bp_commit_log){
        .append = lmdb_append,
        .durable = lmdb_durable,
        .discard = lmdb_discard,
        .replay = lmdb_replay,
        .trim = lmdb_trim,
        .recover = lmdb_recover,
        .close = lmdb_close,
    };
    return &l->log;
}
