/* The clock that waits are measured by; a file of its own so that tests can turn it by hand. */
#include <time.h>

#include "client_internal.h"

int64_t bp_client_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t bp_client_until_ms(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : bp_client_now_ms() + timeout_ms;
}

gpr_timespec bp_client_deadline(int64_t until_ms)
{
    if (until_ms == INT64_MAX)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    int64_t left = until_ms - bp_client_now_ms();
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(left > 0 ? left : 0, GPR_TIMESPAN));
}

void bp_client_wait_until(int64_t point_ms)
{
    int64_t ms = point_ms - bp_client_now_ms();
    if (ms <= 0)
        return;
    const struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
