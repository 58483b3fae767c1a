#include "calendar.h"

#include <stdio.h>

#include "error.h"

#define WIB_S (7 * 3600)
#define DAY_S 86400

struct bp_civil bp_civil_of(bp_day day)
{
    char text[11];
    bp_day_format(day, text);
    struct bp_civil c = {0, 0, 0};
    BP_ASSERT(sscanf(text, "%u-%u-%u", &c.year, &c.month, &c.day) == 3);
    return c;
}

unsigned bp_days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bp_day bp_day_of(unsigned year, unsigned month, unsigned day)
{
    unsigned last = bp_days_in_month(year, month);
    char text[32];
    snprintf(text, sizeof(text), "%04u-%02u-%02u", year, month, day < last ? day : last);
    bp_day result;
    BP_ASSERT(bp_day_parse(bp_str(text), &result));
    return result;
}

bp_day bp_day_add_months(bp_day day, unsigned months)
{
    struct bp_civil c = bp_civil_of(day);
    unsigned month = c.month - 1 + months;
    return bp_day_of(c.year + month / 12, month % 12 + 1, c.day);
}

bool bp_day_is_working(bp_day day)
{
    unsigned weekday =
        (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday; 0 is Monday */
    return weekday < 5;
}

bp_day bp_working_day_from(bp_day day)
{
    while (!bp_day_is_working(day))
        day++;
    return day;
}

bp_day bp_working_day_until(bp_day day)
{
    while (!bp_day_is_working(day))
        day--;
    return day;
}

int64_t bp_time_between(struct bp_prng *r, bp_day day, unsigned hour, unsigned until)
{
    return (int64_t)day * DAY_S - WIB_S + hour * 3600 + bp_prng_below(r, (until - hour) * 3600);
}

int64_t bp_office_time(struct bp_prng *r, bp_day day)
{
    return bp_time_between(r, day, 8, 16);
}

bp_day bp_day_at(int64_t unix_s)
{
    return bp_day_in_jakarta(unix_s * BP_NS_PER_S);
}

bp_day bp_wait(struct bp_prng *r, unsigned median_days)
{
    /* A log-normal at its sixteenths, thousandths of the median (sigma 0.6; the ends stand for 1 %
     * and 99 %). */
    static const uint32_t at[] = {247,  398,  502,  587,  667,  746,  826,  910, 1000,
                                  1099, 1211, 1341, 1498, 1703, 1994, 2511, 4046};
    uint32_t i = bp_prng_below(r, sizeof(at) / sizeof(at[0]) - 1);
    uint32_t factor = bp_prng_between(r, at[i], at[i + 1]);
    bp_day days = (bp_day)((median_days * factor + 500) / 1000);
    return days > 0 ? days : 1;
}

void bp_wib_format(int64_t unix_s, char out[26])
{
    int64_t local = unix_s + WIB_S;
    unsigned second = (unsigned)(local % DAY_S);
    char day[11];
    bp_day_format((bp_day)(local / DAY_S), day);
    snprintf(out, 26, "%sT%02u:%02u:%02u+07:00", day, second / 3600 % 24, second / 60 % 60,
             second % 60);
}
