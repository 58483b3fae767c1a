/* Days and hours as offices in Lampung keep them: Western Indonesian Time (UTC+7), Monday to
 * Friday, eight to four. Days are bp_day (days since 1970-01-01), times are seconds since
 * 1970-01-01 UTC. Public holidays are not known here. */
#ifndef BERBAGI_SYNTH_CALENDAR_H
#define BERBAGI_SYNTH_CALENDAR_H

#include "clock.h"
#include "prng.h"

struct bp_civil {
    unsigned year, month, day; /* month and day from 1 */
};

struct bp_civil bp_civil_of(bp_day day);
bp_day bp_day_of(unsigned year, unsigned month,
                 unsigned day); /* day may pass the end of the month: then its last */
bp_day bp_day_add_months(bp_day day, unsigned months);
unsigned bp_days_in_month(unsigned year, unsigned month);

bool bp_day_is_working(bp_day day);
bp_day bp_working_day_from(bp_day day);  /* the day itself or the next that is worked */
bp_day bp_working_day_until(bp_day day); /* the day itself or the last that was worked */

/* A moment of the day from hour to just before the hour `until`, in WIB. */
int64_t bp_time_between(struct bp_prng *r, bp_day day, unsigned hour, unsigned until);
int64_t bp_office_time(struct bp_prng *r, bp_day day);
bp_day bp_day_at(int64_t unix_s);

/* How long something takes whose median is median_days: at least a day, a quarter to four times the
 * median, half of all below it, with the long tail that waiting has. */
bp_day bp_wait(struct bp_prng *r, unsigned median_days);

/* RFC 3339 with WIB's offset: "2024-03-05T09:15:32+07:00". */
void bp_wib_format(int64_t unix_s, char out[26]);

#endif
