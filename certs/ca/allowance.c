/* The generic cell rate algorithm: one point in time stands for the whole history. */
#include "allowance.h"

#define HOUR_MS INT64_C(3600000)

bool bp_allowance_take(struct bp_allowance *a, int64_t now_ms, int64_t *wait_ms)
{
    const int64_t each_ms = HOUR_MS / a->per_hour;
    const int64_t from_ms = a->used_until_ms > now_ms ? a->used_until_ms : now_ms;
    const int64_t ahead_ms = from_ms + each_ms - now_ms, most_ms = each_ms * a->burst;
    if (ahead_ms > most_ms) {
        *wait_ms = ahead_ms - most_ms;
        return false;
    }
    a->used_until_ms = from_ms + each_ms;
    return true;
}

bool bp_allowance_is_full(const struct bp_allowance *a, int64_t now_ms)
{
    return a->used_until_ms <= now_ms;
}
