/* Durable subscriptions: the table in memory is what counts, rows of the store follow it in
 * batches. Keeps what is dirty, and who waits for it to be durable. The lock inside is a leaf; no
 * callback runs under it. */
#ifndef BERBAGI_SUBSCRIPTIONS_H
#define BERBAGI_SUBSCRIPTIONS_H

#include "sequencer.h"
#include "store.h"

struct bp_subscription_row;
struct bp_subscription_waiter;

struct bp_subscriptions {
    pthread_mutex_t lock;              /* guards all below */
    struct bp_subscription_row **rows; /* in order of (agency, name) */
    size_t n, capacity;
    size_t dirty;     /* rows that the store does not know as they are */
    uint64_t changes; /* counts puts and deletions */
    int64_t due_ms;   /* monotonic: when the oldest of them is to be written; only while dirty */
    struct bp_subscription_waiter *waiters;
};

void bp_subscriptions_init(struct bp_subscriptions *t);
void bp_subscriptions_fini(struct bp_subscriptions *t); /* no waiter is left */

/* Reads all rows. A row that fails its check is left out and logged: its subscriber begins anew,
 * which repeats but loses nothing. */
BP_MUST_USE bp_status bp_subscriptions_load(struct bp_subscriptions *t, struct bp_journal *j);

/* Does a stored row pass its check? */
bool bp_subscription_row_is_sound(struct bp_str key, struct bp_str stored);

/* As bp_sequencer_put_subscription and its like. *is_first: nothing was dirty before. due_ms: when
 * to write it at the latest. */
BP_MUST_USE bp_status bp_subscriptions_put(struct bp_subscriptions *t,
                                           const struct bp_subscription *row, int64_t due_ms,
                                           void (*done)(void *context, bp_status st), void *context,
                                           bool *is_first);
BP_MUST_USE bp_status bp_subscriptions_delete(struct bp_subscriptions *t, const char *agency,
                                              const char *name, int64_t due_ms,
                                              void (*done)(void *context, bp_status st),
                                              void *context, bool *is_first);
BP_MUST_USE bp_status bp_subscriptions_get(struct bp_subscriptions *t, const char *agency,
                                           const char *name, struct bp_subscription *out,
                                           struct bp_buf *filter);
BP_MUST_USE bp_status bp_subscriptions_list(struct bp_subscriptions *t, const char *agency,
                                            const char *after_agency, const char *after_name,
                                            bool (*each)(void *context,
                                                         const struct bp_subscription *row),
                                            void *context);

/* Milliseconds until rows are to be written: 0 = now (also where somebody waits), -1 = nothing is
 * dirty. */
int bp_subscriptions_wait_ms(struct bp_subscriptions *t, int64_t now_ms);

/* Makes what is dirty due now. */
void bp_subscriptions_hurry(struct bp_subscriptions *t, int64_t now_ms);
/* Tells who waits that it is not durable; what is dirty stays so and is due at retry_ms. */
void bp_subscriptions_refuse(struct bp_subscriptions *t, bp_status st, int64_t retry_ms);

/* A batch of dirty rows on its way to disk, all zero before. The store's writer. */
struct bp_subscription_batch {
    uint64_t through; /* of the table's changes */
    bool is_begun;
    struct bp_subscription_waiter *waiters;
};
/* Puts all dirty rows into the store's transaction; once more into another one where that came to
 * nothing. After a failure the batch is to be ended all the same. */
BP_MUST_USE bp_status bp_subscriptions_write(struct bp_subscriptions *t, struct bp_store *store,
                                             struct bp_subscription_batch *batch);
/* Tells who waits how the commit went. What was not made durable stays dirty and is due at
 * retry_ms. */
void bp_subscriptions_written(struct bp_subscriptions *t, struct bp_subscription_batch *batch,
                              bp_status st, int64_t retry_ms);

#endif
