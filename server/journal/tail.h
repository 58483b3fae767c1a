/* What is durable and not in the store yet, in memory: batches in order, pushed by the writer,
 * dropped by the applier once the store holds them. A reader pins what is there; what it pinned
 * stays until it lets go, and what is pushed meanwhile hangs behind it. Any thread; the lock inside
 * is a leaf. */
#ifndef BERBAGI_TAIL_H
#define BERBAGI_TAIL_H

#include <pthread.h>

#include "batch.h"

struct bp_tail {
    pthread_mutex_t lock; /* guards all below */
    struct bp_batch **ring;
    size_t from, n, capacity; /* capacity is a power of two */
    size_t bytes;             /* in whole blocks */
    struct bp_batch *last;    /* pushed last, dropped or not: the next one hangs behind it */
};

void bp_tail_init(struct bp_tail *t);
void bp_tail_fini(struct bp_tail *t);

/* Makes sure that the next push succeeds. BP_ENOMEM. */
BP_MUST_USE bp_status bp_tail_reserve(struct bp_tail *t);
/* Its numbers are above all others. Takes a reference of its own. Room was reserved. Returns the
 * bytes that the tail has now. */
size_t bp_tail_push(struct bp_tail *t, struct bp_batch *b);
/* Drops every batch that ends at this number or before. */
void bp_tail_drop(struct bp_tail *t, uint64_t through);

struct bp_tail_state {
    size_t n, bytes;
    uint64_t last; /* number of the newest entry; 0: there is none */
};
struct bp_tail_state bp_tail_look(struct bp_tail *t);

/* The oldest batch, or NULL: all is in the store. To be let go with bp_batch_unref. */
struct bp_batch *bp_tail_pin(struct bp_tail *t);
/* The batch with this number, from the pinned one on; NULL: there is none that new. Borrowed from
 * the pin. */
struct bp_batch *bp_tail_find(struct bp_tail *t, struct bp_batch *pinned, uint64_t number);

#endif
