/* What follows a departure. One thing at most goes wrong with a worker; the quotas see to it that
 * as many are struck as the figures say, and a worker whom one cannot strike (too late in the
 * period, no mission to tell) hands it on. */
#include "placement.h"
#include "protection.h"

/* Nothing goes wrong in the first month, and what does needs a month of the period to be told. */
#define SETTLING_DAYS 30

static bp_day earlier(bp_day a, bp_day b)
{
    return a < b ? a : b;
}

static uint32_t add_watch(struct bp_world *w, const struct bp_worker *worker, const char *phase,
                          bp_day day, uint32_t cause)
{
    static const char *const results[] = {"reached", "not_reached", "problem_told"};
    static const uint32_t weights[] = {93, 5, 2}; /* assumed */
    static const char *const needs[] = {"pendidikan_anak", "modal_usaha", "kesehatan", "dokumen"};
    struct bp_prng *r = &w->prng;
    size_t result = bp_prng_pick(r, weights, 3);
    struct bp_notice d;
    bp_world_begin(w, &d, "village.monitoring.recorded", day, &worker->person, worker->to->country,
                   worker->file, cause);
    bp_notice_put(&d, "monitoring_phase", phase);
    bp_notice_put(&d, "contact_result", results[result]);
    if (result != 1)
        bp_notice_put_day(&d, "last_contact_on", day - (bp_day)bp_prng_below(r, 3));
    if (bp_prng_chance(r, 1, 6))
        bp_notice_put(&d, "family_needs", needs[bp_prng_below(r, 4)]);
    return bp_world_add(w, w->place.government, &d);
}

void bp_placement_return(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                         const char *kind, const char *previous, uint32_t cause)
{
    day = bp_working_day_from(day);
    struct bp_notice d;
    bp_world_begin(w, &d, "return.recorded", day, &worker->person, worker->to->country,
                   worker->file, cause);
    bp_notice_put(&d, "return_kind", kind);
    bp_notice_put_day(&d, "returned_on", day);
    bp_notice_put(&d, "checkpoint_code", bp_prng_chance(&w->prng, 9, 10) ? "CGK" : "SUB");
    bp_notice_put_status(&d, "RETURNED", previous);
    uint32_t returned = bp_world_add(w, w->place.service_office, &d);
    day = bp_working_day_from(day + bp_wait(&w->prng, 14));
    (void)add_watch(w, worker, "return", day, returned);
}

static uint32_t add_employment(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                               const char *change, const char *status)
{
    struct bp_notice d;
    bp_world_begin(w, &d, "employment.status.changed", day, &worker->person, worker->to->country,
                   worker->file, worker->departure);
    bp_notice_put(&d, "employment_change", change);
    bp_notice_put(&d, "contract_number", worker->contract);
    bool is_extended = status[0] == 'W';
    bp_notice_put_day(
        &d, "contract_end",
        is_extended ? bp_day_add_months(worker->contract_end, worker->to->contract_months) : day);
    bp_notice_put_status(&d, status, "WORKING");
    return bp_world_add(w, BP_MINISTRY, &d);
}

/* Two of three go home when the contract ends, the others stay on (assumed: 200,000 returns a year
 * to 297,000 placements). */
static void end_contract(struct bp_world *w, const struct bp_worker *worker)
{
    struct bp_prng *r = &w->prng;
    bp_day day = bp_working_day_from(worker->contract_end);
    if (!bp_prng_chance(r, 67, 100)) {
        (void)add_employment(w, worker, day, "EXTENDED", "WORKING");
        return;
    }
    uint32_t ended = add_employment(w, worker, day, "ENDED", "CONTRACT_ENDED");
    bp_placement_return(w, worker, day + bp_wait(r, 7), "end_of_contract", "CONTRACT_ENDED", ended);
}

/* One in twenty comes home between a year after leaving and the end of the contract (assumed);
 * false: not this one. */
static bool end_early(struct bp_world *w, const struct bp_worker *worker)
{
    struct bp_prng *r = &w->prng;
    if (!bp_prng_chance(r, 1, 20))
        return false;
    bp_day year = bp_day_add_months(worker->departed, 12);
    uint32_t days = (uint32_t)(worker->contract_end - year);
    bp_day day = bp_working_day_from(year + (bp_day)bp_prng_below(r, days - 30));
    uint32_t ended = add_employment(w, worker, day, "ENDED", "CONTRACT_ENDED");
    bp_placement_return(w, worker, day + bp_wait(r, 7), "early", "CONTRACT_ENDED", ended);
    return true;
}

/* A working day abroad on which something may strike; false: the period leaves none. */
static bool draw_day_at_work(struct bp_world *w, const struct bp_worker *worker, bp_day *out)
{
    bp_day first = worker->departed + SETTLING_DAYS;
    bp_day last = earlier(w->plan.to, worker->contract_end) - SETTLING_DAYS;
    if (last < first)
        return false;
    bp_day day = first + (bp_day)bp_prng_below(&w->prng, (uint32_t)(last - first + 1));
    *out = bp_working_day_from(day);
    return true;
}

/* True if it strikes this worker and the period leaves a day for it. */
static bool strikes(struct bp_world *w, const struct bp_worker *worker, struct bp_quota *q,
                    bool is_possible, bp_day *day)
{
    if (!bp_quota_strikes(q, &w->prng))
        return false;
    if (is_possible && draw_day_at_work(w, worker, day))
        return true;
    bp_quota_give_back(q);
    return false;
}

/* Whether the work goes on to the end of the contract; *until: the last day of work otherwise. */
static bool suffer(struct bp_world *w, const struct bp_worker *worker, bp_day *until)
{
    bp_day day;
    bool has_mission = bp_mission_in(worker->to->country) != NULL;
    if (strikes(w, worker, &w->deaths, has_mission, &day)) {
        bp_death_make(w, worker, day);
        *until = day;
        return false;
    }
    if (strikes(w, worker, &w->cases, true, &day)) {
        *until = day;
        return bp_case_make(w, worker, day) == BP_CASE_BACK_TO_WORK;
    }
    if (strikes(w, worker, &w->complaints, true, &day))
        bp_complaint_make(w, &worker->person, worker->to->country, "PROCEDURAL", day);
    return true;
}

void bp_placement_follow(struct bp_world *w, struct bp_worker *worker)
{
    bp_day seen = bp_working_day_from(worker->departed + bp_wait(&w->prng, 14));
    uint32_t watched = add_watch(w, worker, "departure", seen, worker->departure);
    bp_day until = worker->contract_end;
    bool works_on = suffer(w, worker, &until);
    /* The village asks once more about the middle of the contract. */
    bp_day middle = worker->departed + (bp_day)worker->to->contract_months * 15 +
                    (bp_day)bp_prng_below(&w->prng, 60) - 30;
    middle = bp_working_day_from(middle);
    if (middle < until && middle > seen)
        (void)add_watch(w, worker, "working", middle, watched);
    if (works_on && !end_early(w, worker))
        end_contract(w, worker);
}
