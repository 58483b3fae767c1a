#include "synth.h"

#include "fraud.h"
#include "placement.h"
#include "protection.h"
#include "state_return.h"

/* What the calendar and the two-digit years of identity numbers are good for; events may not be
 * older than 2007. */
#define FIRST_YEAR 2010
#define LAST_YEAR 2060

static bp_status check(const struct bp_synth_plan *plan, struct bp_err *err)
{
    if (plan->placements == 0 || plan->placements > BP_SYNTH_PLACEMENTS_MAX)
        return bp_fail(err, BP_EINVAL, "placements: 1 to %d are expected", BP_SYNTH_PLACEMENTS_MAX);
    if (plan->to < plan->from)
        return bp_fail(err, BP_EINVAL, "to: a day not before --from is expected");
    unsigned first = bp_civil_of(plan->from).year, last = bp_civil_of(plan->to).year;
    if (first < FIRST_YEAR || last > LAST_YEAR)
        return bp_fail(err, BP_EINVAL, "from and to: days of the years %d to %d are expected",
                       FIRST_YEAR, LAST_YEAR);
    if (last - first >= BP_SYNTH_YEARS_MAX)
        return bp_fail(err, BP_EINVAL, "from and to: at most %d calendar years are expected",
                       BP_SYNTH_YEARS_MAX);
    return BP_OK;
}

/* A weight for the days of a month that lie in the period; at least 1, or a short period would have
 * none. */
static uint32_t part(uint32_t of_month, bp_day days, unsigned of)
{
    uint32_t weight = of_month * (uint32_t)days / of;
    return weight > 0 ? weight : 1;
}

static void lay_out_months(struct bp_world *w)
{
    struct bp_months *m = &w->months;
    for (bp_day day = w->plan.from; day <= w->plan.to; m->n++) {
        struct bp_civil c = bp_civil_of(day);
        bp_day end = bp_day_of(c.year, c.month, 31);
        bp_day last = end < w->plan.to ? end : w->plan.to;
        unsigned length = bp_days_in_month(c.year, c.month);
        BP_ASSERT(m->n < BP_MONTHS_MAX);
        m->first[m->n] = day;
        m->last[m->n] = last;
        m->placements[m->n] = part(bp_placements_in(c.year, c.month), last - day + 1, length);
        m->complaints[m->n] = part(bp_complaints_in(c.month), last - day + 1, length);
        day = last + 1;
    }
}

static struct bp_quota quota(uint32_t due, uint32_t placements)
{
    return (struct bp_quota){due, placements};
}

/* Complaints about workers who went by the procedure (bp_procedural_shares: 265 of 1462);
 * residents make the others. */
static uint32_t procedural_part(uint32_t complaints)
{
    return (complaints * 265 + 731) / 1462;
}

static void fill(struct bp_world *w)
{
    uint32_t n = w->plan.placements, complaints = bp_expected(BP_RATE_COMPLAINTS, n);
    w->failed = quota(bp_expected(BP_RATE_FAILED, n), n);
    w->deaths = quota(bp_expected(BP_RATE_DEATHS, n), n);
    w->cases = quota(bp_expected(BP_RATE_CASES, n), n);
    w->complaints = quota(procedural_part(complaints), n);
    for (uint32_t i = 0; i < n; i++) {
        struct bp_worker worker;
        bp_placement_make(w, &worker);
        bp_placement_follow(w, &worker);
    }
    bp_residents_complain(w, complaints - procedural_part(complaints));
    bp_residents_prevented(w, bp_expected(BP_RATE_PREVENTED, n));
    uint32_t returns = bp_expected(BP_RATE_STATE_RETURNS, n);
    if (returns > w->state_returns)
        bp_residents_return(w, returns - w->state_returns);
    bp_fraud_make(w, bp_expected(BP_RATE_FRAUD_REPORTS, n));
}

bp_status bp_synth_make(const struct bp_synth_plan *plan, struct bp_output **out,
                        struct bp_err *err)
{
    bp_status st = check(plan, err);
    if (st != BP_OK)
        return st;
    struct bp_world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    w->plan = *plan;
    bp_prng_init(&w->prng, plan->seed);
    if ((st = bp_place_parse(plan->region, &w->place, err)) != BP_OK)
        goto done;
    lay_out_months(w);
    w->out = bp_output_create(plan->seed, plan->registrations_as_csv);
    /* Registrations go back two years at most: four times the longest chain of waits. */
    if (w->out == NULL ||
        bp_people_init(&w->people, &w->place, &w->prng, plan->from - 3 * 366, plan->to) != BP_OK) {
        st = bp_fail(err, BP_ENOMEM, "out of memory");
        goto done;
    }
    fill(w);
    *out = w->out;
    w->out = NULL;
done:
    bp_people_fini(&w->people);
    bp_output_destroy(w->out);
    free(w);
    return st;
}
