/* How often something may happen: so many at once, and so many an hour on the long run. Pure; one
 * thread. */
#ifndef BERBAGI_ALLOWANCE_H
#define BERBAGI_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct bp_allowance {
    unsigned burst, per_hour; /* both 1 or more */
    int64_t used_until_ms;    /* what happened so far, spread evenly, would last until then */
};

/* Takes one if there is one at now_ms (monotonic). Otherwise *wait_ms says when there will be. */
bool bp_allowance_take(struct bp_allowance *a, int64_t now_ms, int64_t *wait_ms);

/* Is it as if nothing had ever been taken? */
bool bp_allowance_is_full(const struct bp_allowance *a, int64_t now_ms);

#endif
