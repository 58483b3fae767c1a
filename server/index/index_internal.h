/* What the index's files share. index.c: opening and the questions of others; indexer.c: the thread
 * that fills the store. */
#ifndef BERBAGI_INDEX_INTERNAL_H
#define BERBAGI_INDEX_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "index.h"
#include "index_store.h"

/* Ids that became known together and are indexed together. */
struct bp_generation {
    struct bp_id_map map;
    struct bp_generation *next; /* newer */
};

struct bp_index {
    struct bp_index_config config;
    struct bp_id_index ids;
    struct bp_index_store *store;
    int lock_fd;
    pthread_t thread;
    bool has_thread;
    atomic_uint_fast64_t indexed;

    pthread_mutex_t lock;   /* guards all below; a leaf */
    pthread_cond_t changed; /* something to index, or to stop for; something indexed */
    struct bp_generation *filling;
    int64_t filling_since_ms;                   /* monotonic; when its first id came */
    struct bp_generation *sealed, *last_sealed; /* oldest first; their maps no longer change */
    size_t pending;                             /* ids in all of them */
    bool is_behind;  /* the journal holds events that are neither in the store nor in memory */
    bool is_damaged; /* the store is to be thrown away; is_behind too */
    bool is_hurried; /* somebody waits for what is being gathered */
    bool is_stopping;
    bp_status trouble; /* of the last attempt to write */

    uint64_t tidied; /* newest event indexed when memory was last given back; the thread's */
};

/* Indexes what is neither in the store nor in memory, until nothing is. Indexer's thread, or before
 * there is one. BP_ECORRUPT: a damaged entry of the journal; the others: the store cannot be
 * written now. */
BP_MUST_USE bp_status bp_indexer_catch_up(struct bp_index *x);

/* The thread: gathers, indexes, forgets. argument: the struct bp_index. */
void *bp_indexer_run(void *argument);

/* Closes the generation that is being filled. */
void bp_index_seal_locked(struct bp_index *x);
void bp_generation_free(struct bp_generation *g); /* NULL allowed */

#endif
