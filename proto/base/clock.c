#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * BP_NS_PER_S + ts.tv_nsec;
}

static int64_t system_now(const struct bp_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic(const struct bp_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const struct bp_clock bp_system_clock = {system_now, system_monotonic};

#define SECONDS_PER_DAY INT64_C(86400)
#define JAKARTA_OFFSET_S (INT64_C(7) * 3600)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar: years are counted from March,
 * so that the leap day is the last of its year, in eras of 400 years. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

bp_day bp_day_in_jakarta(int64_t unix_ns)
{
    return (bp_day)floor_div(floor_div(unix_ns, BP_NS_PER_S) + JAKARTA_OFFSET_S, SECONDS_PER_DAY);
}

int64_t bp_day_start_ns(bp_day day)
{
    return (day * SECONDS_PER_DAY - JAKARTA_OFFSET_S) * BP_NS_PER_S;
}

/* Exactly n digits at the start of *s, which moves behind them. */
static bool take_digits(struct bp_str *s, size_t n, unsigned *out)
{
    uint64_t value;
    if (s->n < n || !bp_parse_u64(bp_str_of(s->p, n), &value))
        return false;
    *s = bp_str_of(s->p + n, s->n - n);
    *out = (unsigned)value;
    return true;
}

static bool take_char(struct bp_str *s, const char *any_of)
{
    if (s->n == 0 || s->p[0] == '\0' || strchr(any_of, s->p[0]) == NULL)
        return false;
    *s = bp_str_of(s->p + 1, s->n - 1);
    return true;
}

static bool take_day(struct bp_str *s, int64_t *days)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!take_digits(s, 4, &year) || !take_char(s, "-") || !take_digits(s, 2, &month) ||
        !take_char(s, "-") || !take_digits(s, 2, &day))
        return false;
    if (year == 0 || month == 0 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day == 0 || day > lengths[month - 1] + (leap && month == 2 ? 1 : 0))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

bool bp_day_parse(struct bp_str text, bp_day *out)
{
    int64_t days;
    if (!take_day(&text, &days) || text.n != 0)
        return false;
    *out = (bp_day)days;
    return true;
}

void bp_day_format(bp_day day, char out[11])
{
    int64_t year;
    unsigned month, of_month;
    char text[40];
    civil_from_days(day, &year, &month, &of_month);
    (void)snprintf(text, sizeof(text), "%04d-%02u-%02u", (int)year, month, of_month);
    (void)bp_str_copy(out, 11, bp_str(text));
}

static bool take_fraction(struct bp_str *s, int64_t *ns)
{
    int64_t unit = BP_NS_PER_S;
    size_t digits = 0;
    *ns = 0;
    while (s->n != 0 && s->p[0] >= '0' && s->p[0] <= '9' && digits < 9) {
        unit /= 10;
        *ns += (s->p[0] - '0') * unit;
        *s = bp_str_of(s->p + 1, s->n - 1);
        digits++;
    }
    return digits != 0;
}

/* "Z" or "+hh:mm"; *seconds is what local time is ahead of UTC. */
static bool take_offset(struct bp_str *s, int64_t *seconds)
{
    unsigned hours, minutes;
    *seconds = 0;
    if (take_char(s, "Zz"))
        return true;
    bool behind = s->n != 0 && s->p[0] == '-';
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours) || !take_char(s, ":") ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = ((int64_t)hours * 60 + minutes) * 60 * (behind ? -1 : 1);
    return true;
}

bool bp_time_parse(struct bp_str text, int64_t *unix_ns)
{
    int64_t days, ns = 0, offset;
    unsigned hour, minute, second;
    if (!take_day(&text, &days) || !take_char(&text, "Tt ") || !take_digits(&text, 2, &hour) ||
        !take_char(&text, ":") || !take_digits(&text, 2, &minute) || !take_char(&text, ":") ||
        !take_digits(&text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (take_char(&text, ".") && !take_fraction(&text, &ns))
        return false;
    if (!take_offset(&text, &offset) || text.n != 0)
        return false;
    int64_t seconds = days * SECONDS_PER_DAY + ((int64_t)hour * 60 + minute) * 60 + second - offset;
    /* int64 nanoseconds end in the years 1677 and 2262. */
    if (seconds < INT64_MIN / BP_NS_PER_S + 1 || seconds > INT64_MAX / BP_NS_PER_S - 1)
        return false;
    *unix_ns = seconds * BP_NS_PER_S + ns;
    return true;
}

void bp_time_format(int64_t unix_ns, char out[36])
{
    int64_t seconds = floor_div(unix_ns, BP_NS_PER_S);
    int64_t ns = unix_ns - seconds * BP_NS_PER_S;
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    unsigned of_day = (unsigned)(seconds - days * SECONDS_PER_DAY);
    char date[11], fraction[16] = "";
    bp_day_format((bp_day)days, date);
    if (ns % BP_NS_PER_MS == 0 && ns != 0)
        (void)snprintf(fraction, sizeof(fraction), ".%03u", (unsigned)(ns / BP_NS_PER_MS));
    else if (ns % 1000 == 0 && ns != 0)
        (void)snprintf(fraction, sizeof(fraction), ".%06u", (unsigned)(ns / 1000));
    else if (ns != 0)
        (void)snprintf(fraction, sizeof(fraction), ".%09u", (unsigned)ns);
    (void)snprintf(out, 36, "%sT%02u:%02u:%02u%sZ", date, of_day / 3600 % 24, of_day / 60 % 60,
                   of_day % 60, fraction);
}

const char *bp_span_text(uint64_t s, char out[32])
{
    if (s < 60)
        (void)snprintf(out, 32, "%" PRIu64 " s", s);
    else if (s < 3600)
        (void)snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 360000)
        (void)snprintf(out, 32, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
    else
        (void)snprintf(out, 32, "%" PRIu64 " days", s / 86400);
    return out;
}
