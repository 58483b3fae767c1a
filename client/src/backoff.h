/* How long to wait before the next try: doubling from 100 ms to 15 s, a random half taken off so
 * that many clients of one server do not come back at once (full jitter would let some come back at
 * once after every failure). */
#ifndef BERBAGI_BACKOFF_H
#define BERBAGI_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 15000

struct bp_backoff {
    uint32_t failures; /* in a row */
};

static inline void bp_backoff_reset(struct bp_backoff *b)
{
    b->failures = 0;
}

/* Counts a failure and tells the wait. least_ms: what the other side asked for, 0 = nothing; it is
 * never shortened. random: any number. */
int64_t bp_backoff_next_ms(struct bp_backoff *b, int64_t least_ms, uint32_t random);

#endif
