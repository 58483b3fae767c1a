#include "placement_stats.h"

#include <stdio.h>

/* Counts of one to four would point at people and are not published. */
#define SMALLEST_CELL 5

struct cell {
    char period[8];
    const char *dimension;
    const char *country; /* NULL: all */
    const char *sex;     /* NULL: both */
    uint32_t value;
};

static void add_cell(struct bp_world *w, bp_day day, const struct cell *c)
{
    if (c->value > 0 && c->value < SMALLEST_CELL)
        return;
    struct bp_notice d;
    bp_notice_init(&d, "placement.stats.published", bp_office_time(&w->prng, day));
    d.region = w->place.code;
    bp_notice_put(&d, "period", c->period);
    bp_notice_put(&d, "dimension", c->dimension);
    bp_notice_put(&d, "cell_region_code", w->place.code);
    if (c->country != NULL)
        bp_notice_put(&d, "cell_country", c->country);
    if (c->sex != NULL)
        bp_notice_put(&d, "cell_sex", c->sex);
    bp_notice_put(&d, "measure", "placements");
    bp_notice_put_number(&d, "value", c->value);
    bp_notice_put(&d, "source_system", "SISKOP2MI");
    (void)bp_world_add(w, BP_MINISTRY, &d);
}

/* In the first days of the month after; a month that the period holds in part is not published. */
static void add_month(struct bp_world *w, size_t month)
{
    struct bp_civil c = bp_civil_of(w->months.first[month]);
    bp_day next = bp_day_of(c.year, c.month, 31) + 1;
    if (c.day != 1 || w->months.last[month] + 1 != next)
        return;
    struct cell cell = {.dimension = "region+month", .value = w->tally.by_month[month]};
    snprintf(cell.period, sizeof(cell.period), "%04u-%02u", c.year % 10000, c.month % 100);
    add_cell(w, bp_working_day_from(next + 4), &cell);
}

static void add_year(struct bp_world *w, unsigned year)
{
    bp_day first = bp_day_of(year, 1, 1), last = bp_day_of(year, 12, 31);
    if (first < w->plan.from || last > w->plan.to)
        return;
    bp_day day = bp_working_day_from(last + 15);
    unsigned i = year - bp_civil_of(w->plan.from).year;
    struct cell cell = {.dimension = "region+country"};
    snprintf(cell.period, sizeof(cell.period), "%04u", year % 10000);
    for (size_t at = 0; at < bp_n_destinations; at++) {
        cell.country = bp_destinations[at].country;
        cell.value = w->tally.by_destination[i][at];
        add_cell(w, day, &cell);
    }
    cell.dimension = "region+sex";
    cell.country = NULL;
    for (unsigned sex = 0; sex < 2; sex++) {
        cell.sex = sex == 0 ? "MALE" : "FEMALE";
        cell.value = w->tally.by_sex[i][sex];
        add_cell(w, day, &cell);
    }
}

void bp_placement_stats_make(struct bp_world *w)
{
    for (size_t month = 0; month < w->months.n; month++)
        add_month(w, month);
    unsigned last = bp_civil_of(w->plan.to).year;
    for (unsigned year = bp_civil_of(w->plan.from).year; year <= last; year++)
        add_year(w, year);
}
