/* Where the country has no mission in the registry nobody can publish the plan, and the history
 * begins at the debarkation. */
#include "state_return.h"

#include <stdio.h>
#include <string.h>

/* A return on its way. */
struct journey {
    struct bp_world *w;
    const struct bp_state_return *back;
    struct bp_debarkation at;
    char number[41];
    uint32_t cause;
    bp_day day; /* of the last event */
};

static void begin(struct journey *j, struct bp_notice *d, const char *type)
{
    const struct bp_state_return *back = j->back;
    bp_world_begin(j->w, d, type, j->day, back->person, back->country,
                   back->correlation != NULL ? back->correlation : j->number, j->cause);
    bp_notice_put(d, "repatriation_number", j->number);
}

static void add(struct journey *j, const char *agency, const struct bp_notice *d)
{
    j->cause = bp_world_add(j->w, agency, d);
}

static const char *condition_of(const struct journey *j)
{
    return j->back->is_ill ? "perlu kursi roda dan pendampingan" : "";
}

static void add_planned(struct journey *j, const char *mission)
{
    const struct bp_state_return *back = j->back;
    struct bp_notice d;
    begin(j, &d, "repatriation.planned");
    bp_notice_put(&d, "repatriation_kind", back->kind);
    bp_notice_put(&d, "group_number", back->group != NULL ? back->group : "");
    bp_notice_put(&d, "debarkation_code", j->at.port);
    bp_notice_put(&d, "procedural_flag", back->procedural);
    bp_notice_put(&d, "fit_to_travel", "YES");
    bp_notice_put(&d, "health_condition", condition_of(j));
    bp_notice_put(&d, "repatriation_status", "PLANNED");
    bp_notice_put_status(&d, "REPATRIATING", back->previous);
    bp_notice_put(&d, "debarkation_unit_id", j->at.unit);
    add(j, mission, &d);
}

static void add_update(struct journey *j, const char *agency, const char *status, const char *unit)
{
    struct bp_notice d;
    begin(j, &d, "repatriation.updated");
    bp_notice_put(&d, "repatriation_status", status);
    bp_notice_put(&d, "debarkation_unit_id", unit);
    add(j, agency, &d);
}

static void add_arrived(struct journey *j)
{
    struct bp_notice d;
    begin(j, &d, "repatriation.arrived");
    bp_notice_put(&d, "debarkation_code", j->at.port);
    bp_notice_put(&d, "debarkation_unit_id", j->at.unit);
    bp_notice_put(&d, "origin_unit_id", j->w->place.service_office);
    bp_notice_put_day(&d, "arrived_on", j->day);
    bp_notice_put(&d, "health_condition", condition_of(j));
    bp_notice_put(&d, "repatriation_status", "ARRIVED_DEBARKATION");
    if (j->back->is_ill)
        bp_notice_put_status(&d, "IN_REHABILITATION", "REPATRIATING");
    add(j, j->at.unit, &d);
}

static void add_handed_over(struct journey *j)
{
    struct bp_world *w = j->w;
    struct bp_notice d;
    begin(j, &d, "repatriation.handed_over");
    bp_notice_printf(&d, "handover_minutes_number", "BAST-%s", j->number);
    bp_notice_put_day(&d, "handed_over_on", j->day);
    bp_notice_put(&d, "witness_agency_id", w->place.government);
    bp_notice_put(&d, "repatriation_status", "HANDED_OVER_FAMILY");
    bp_notice_put_status(&d, "RETURNED", j->back->is_ill ? "IN_REHABILITATION" : "REPATRIATING");
    add(j, w->place.service_office, &d);
}

static void wait_for_next(struct journey *j, unsigned median_days)
{
    j->day = bp_working_day_from(j->day + bp_wait(&j->w->prng, median_days));
}

static void travel(struct journey *j)
{
    const char *mission = bp_mission_in(j->back->country);
    if (mission != NULL)
        add_planned(j, mission);
    wait_for_next(j, 7);
    if (mission != NULL)
        add_update(j, mission, "DEPARTED_ABROAD", j->at.unit);
    wait_for_next(j, 1);
    add_arrived(j);
}

bp_day bp_state_return_make(struct bp_world *w, const struct bp_state_return *back)
{
    struct journey j = {w,  back,        bp_debarkation_from(back->country),
                        "", back->cause, back->planned};
    snprintf(j.number, sizeof(j.number), "PLG-%u-%s-%06u", bp_civil_of(back->planned).year,
             w->place.code, bp_world_next_paper(w, BP_PAPER_RETURN));
    w->state_returns++;
    travel(&j);
    if (back->is_ill) {
        wait_for_next(&j, 1);
        add_update(&j, j.at.unit, "IN_TREATMENT", j.at.unit);
        wait_for_next(&j, 14);
    } else {
        wait_for_next(&j, 1);
    }
    add_update(&j, j.at.unit, "IN_TRANSIT_HOME", j.at.unit);
    wait_for_next(&j, 2);
    add_handed_over(&j);
    bp_day home = j.day;
    wait_for_next(&j, 10);
    add_update(&j, w->place.service_office, "COMPLETED", "");
    return home;
}

/* One of a group: what is the same for all stands in group. */
static void return_one(struct bp_world *w, const struct bp_state_return *group)
{
    static const char *const kinds[] = {"DEPORTATION", "TROUBLED", "TPPO_VICTIM"};
    static const uint32_t weights[] = {80, 15, 5}; /* assumed */
    struct bp_prng *r = &w->prng;
    struct bp_person person;
    struct bp_state_return back = *group;
    bp_people_make(&w->people, bp_prng_chance(r, 1, 2), back.planned, 18, 52, &person);
    back.person = &person;
    /* 2024: 262 sick of 10568 (SinPo, RMOL) */
    back.is_ill = bp_prng_chance(r, 262, 10568);
    back.kind = back.is_ill ? "ILLNESS" : kinds[bp_prng_pick(r, weights, 3)];
    (void)bp_state_return_make(w, &back);
}

void bp_residents_return(struct bp_world *w, uint32_t persons)
{
    struct bp_prng *r = &w->prng;
    while (persons > 0) {
        struct bp_state_return back = {.procedural = "NONPROCEDURAL",
                                       .previous = "NONPROCEDURAL_ABROAD"};
        back.country = bp_share_pick(r, &bp_protection_shares);
        back.planned = bp_world_day(w, NULL);
        /* Deportations come in bursts (7 to 150 people); of one regency some stand in each. */
        uint32_t size = strcmp(back.country, "MY") == 0 ? bp_prng_between(r, 1, 9) : 1;
        char group[41];
        snprintf(group, sizeof(group), "GRP-%s-%u-%05u", back.country,
                 bp_civil_of(back.planned).year, bp_world_next_paper(w, BP_PAPER_GROUP));
        back.group = size > 1 ? group : NULL;
        for (; size > 0 && persons > 0; size--, persons--)
            return_one(w, &back);
    }
}
