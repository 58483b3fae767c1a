#include "backoff.h"

int64_t bp_backoff_next_ms(struct bp_backoff *b, int64_t least_ms, uint32_t random)
{
    int64_t full = BACKOFF_FIRST_MS;
    for (uint32_t i = 0; i < b->failures && full < BACKOFF_MOST_MS; i++)
        full *= 2;
    if (full > BACKOFF_MOST_MS)
        full = BACKOFF_MOST_MS;
    if (b->failures < UINT32_MAX)
        b->failures++;
    int64_t wait = full / 2 + (int64_t)(random % (uint32_t)(full / 2 + 1));
    /* Above what was asked for, the jitter still spreads those who were asked the same. */
    return least_ms > wait ? least_ms + wait / 4 : wait;
}
