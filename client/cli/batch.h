/* Rows that travel in one request, in the order of the file: those to be sent as events, and
 * between them those that could not become one, so that rejected rows are told in order. */
#ifndef BERBAGI_BATCH_H
#define BERBAGI_BATCH_H

#include "berbagi.h"
#include "validate.h"

#define BP_BATCH_ROWS 500
#define BP_BATCH_BYTES (1024 * 1024)

struct bp_batch_row {
    const char *file; /* borrowed for the life of the push */
    uint64_t line;
    struct bp_violation *violations; /* NULL: an event */
    size_t n_violations;
};

struct bp_batch {
    struct bp_batch *next; /* in the push's queue */
    struct bp_batch_row rows[BP_BATCH_ROWS];
    size_t n_rows;
    struct bp_buf bytes;        /* the events, one behind the other */
    size_t ends[BP_BATCH_ROWS]; /* where each ends in bytes */
    size_t n_events;
    struct berbagi_str events[BP_BATCH_ROWS]; /* filled by bp_batch_events */
};

struct bp_batch *bp_batch_create(void);    /* NULL: out of memory */
void bp_batch_destroy(struct bp_batch *b); /* NULL allowed */
bool bp_batch_is_full(const struct bp_batch *b);

/* Append the event to b->bytes first; then this counts it. */
void bp_batch_add_event(struct bp_batch *b, const char *file, uint64_t line);
/* A row that is no event. BP_ENOMEM. */
BP_MUST_USE bp_status bp_batch_add_reject(struct bp_batch *b, const char *file, uint64_t line,
                                          const struct bp_violations *v);
/* The n_events events; borrowed from b. */
const struct berbagi_str *bp_batch_events(struct bp_batch *b);

#endif
