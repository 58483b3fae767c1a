/* Where in the log a reader has to look: passes over events that, by the routes the index holds of
 * them (routes.h), are not for it, without touching their records. What it lets through may still
 * be none of the reader's; what it holds back never is. For one read of a delivery, on its thread.
 */
#ifndef BERBAGI_SIEVE_H
#define BERBAGI_SIEVE_H

#include "delivery.h"
#include "routes.h"

struct bp_sieve {
    const struct bp_delivery *delivery;
    struct bp_routes routes;        /* of the block at hand; n 0: none */
    bool may_pass[BP_ROUTES_BLOCK]; /* by route */
    size_t blocks;                  /* looked at so far */
};

/* Rights and filter of d as they are now. */
void bp_sieve_begin(struct bp_sieve *s, const struct bp_delivery *d);

/* The first position at or behind this one that has to be looked at, or that nothing is known of;
 * where most_blocks blocks have been looked at, the first one behind them. */
uint64_t bp_sieve_next(struct bp_sieve *s, uint64_t position, size_t most_blocks);

#endif
