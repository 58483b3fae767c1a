/* Time. Programs read it through a struct bp_clock so that tests can turn it by hand. */
#ifndef BERBAGI_CLOCK_H
#define BERBAGI_CLOCK_H

#include "text.h"

#define BP_NS_PER_S INT64_C(1000000000)
#define BP_NS_PER_MS INT64_C(1000000)

/* now_ns: nanoseconds since 1970-01-01 UTC, may jump. monotonic_ns: never goes back, origin
 * unknown. Any thread. */
struct bp_clock {
    int64_t (*now_ns)(const struct bp_clock *clock);
    int64_t (*monotonic_ns)(const struct bp_clock *clock);
};

extern const struct bp_clock bp_system_clock;

static inline int64_t bp_now_ns(const struct bp_clock *clock)
{
    return clock->now_ns(clock);
}

static inline int64_t bp_monotonic_ms(const struct bp_clock *clock)
{
    return clock->monotonic_ns(clock) / BP_NS_PER_MS;
}

/* A calendar day as the number of days since 1970-01-01. Agreements begin and end with a day of
 * Asia/Jakarta, UTC+7 all year (Keppres 41/1987). */
typedef int32_t bp_day;
#define BP_DAY_NEVER INT32_MAX

bp_day bp_day_in_jakarta(int64_t unix_ns);
int64_t bp_day_start_ns(bp_day day); /* when the day begins in Asia/Jakarta */

/* "YYYY-MM-DD", a real day of the years 1 to 9999; false otherwise. */
bool bp_day_parse(struct bp_str text, bp_day *out);
void bp_day_format(bp_day day, char out[11]);

/* RFC 3339 with any offset and up to nine decimals of a second ("2025-11-03T09:15:00+07:00"); false
 * if it is not one. Leap second 60 is refused. */
bool bp_time_parse(struct bp_str text, int64_t *unix_ns);

/* RFC 3339 in UTC, with as many of three, six or nine decimals as are needed. */
void bp_time_format(int64_t unix_ns, char out[36]);

/* A length of time for people: "2 s", "3 min 20 s", "2 h 5 min", "29 days". Returns out. */
const char *bp_span_text(uint64_t seconds, char out[32]);

#endif
