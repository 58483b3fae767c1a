/* The positions sent and not yet acknowledged, oldest first: what keeps a durable reader from
 * running further ahead than it asked for. On one thread at a time. */
#ifndef BERBAGI_UNACKNOWLEDGED_H
#define BERBAGI_UNACKNOWLEDGED_H

#include "error.h"
#include <stdint.h>

struct bp_unacknowledged {
    uint64_t *ring; /* size places, a power of two; grows with use */
    size_t size, first, n;
};

void bp_unacknowledged_fini(struct bp_unacknowledged *u); /* a zeroed struct is empty */
BP_MUST_USE bp_status bp_unacknowledged_add(struct bp_unacknowledged *u, const uint64_t *positions,
                                            size_t n);
void bp_unacknowledged_drop(struct bp_unacknowledged *u, uint64_t through);

#endif
