/* The log as one reader sees it, seamless: what the store holds, and behind that the durable tail
 * that it does not hold yet. Nothing in it goes away before it ends. Used and ended by the thread
 * that began it. */
#ifndef BERBAGI_SNAPSHOT_H
#define BERBAGI_SNAPSHOT_H

#include "store.h"
#include "tail.h"

struct bp_snapshot {
    struct bp_store_reader *store;
    struct bp_tail *tail;
    struct bp_batch *pinned; /* the oldest one not in the store when it began; NULL: none */
    struct bp_batch *at;     /* found last, borrowed from the pin */
};

/* As bp_store_read_begin. */
BP_MUST_USE bp_status bp_snapshot_begin(struct bp_store *store, struct bp_tail *tail,
                                        struct bp_snapshot *out);
void bp_snapshot_end(struct bp_snapshot *s);

/* As bp_store_get, bp_store_next and bp_store_last. */
BP_MUST_USE bp_status bp_snapshot_get(struct bp_snapshot *s, uint64_t number,
                                      struct bp_str *stored);
BP_MUST_USE bp_status bp_snapshot_next(struct bp_snapshot *s, uint64_t number, uint64_t *found,
                                       struct bp_str *stored);
BP_MUST_USE bp_status bp_snapshot_last(struct bp_snapshot *s, uint64_t *number);

/* As bp_store_each_control. */
BP_MUST_USE bp_status bp_snapshot_each_control(struct bp_snapshot *s,
                                               bp_status (*each)(void *context,
                                                                 const struct bp_control *control),
                                               void *context);

#endif
