/* The days are found backwards from the E-PMI, because the statistics count a placement there; the
 * events are then added forwards. Each step lies at least a day before the next, so no event stands
 * before its cause. */
#include "placement.h"

#include <stdio.h>
#include <string.h>

static const struct bp_destination *draw_destination(struct bp_world *w)
{
    uint32_t weights[BP_DESTINATIONS_MAX];
    BP_ASSERT(bp_n_destinations <= BP_DESTINATIONS_MAX);
    for (size_t i = 0; i < bp_n_destinations; i++)
        weights[i] = bp_destinations[i].placements;
    return &bp_destinations[bp_prng_pick(&w->prng, weights, bp_n_destinations)];
}

static const char *draw_scheme(struct bp_world *w, const struct bp_destination *to)
{
    /* Government to government goes to Korea and Japan: 2.6 % of all placements are a third of
     * theirs. */
    bool may_be_state = strcmp(to->country, "KR") == 0 || strcmp(to->country, "JP") == 0;
    if (may_be_state && bp_prng_chance(&w->prng, 1, 3))
        return "G_TO_G";
    return bp_share_pick(&w->prng, &bp_scheme_shares);
}

static bp_day before(struct bp_world *w, bp_day day, enum bp_stage stage)
{
    return bp_working_day_until(day - bp_wait(&w->prng, bp_stage_days[stage]));
}

/* The days of a candidate who failed at first, last step first. */
struct second_try {
    bp_day oriented, contracted, complete, in_progress, failed;
};

static struct second_try draw_second_try(struct bp_world *w, bp_day cleared)
{
    struct second_try s;
    s.oriented = before(w, cleared, BP_STAGE_CLEARED);
    s.contracted = before(w, s.oriented, BP_STAGE_ORIENTED);
    s.complete = before(w, s.contracted, BP_STAGE_CONTRACT);
    s.in_progress = before(w, s.complete, BP_STAGE_DOCUMENTS);
    s.failed = before(w, s.in_progress, BP_STAGE_VERIFIED);
    return s;
}

static bp_day draw_registration(struct bp_world *w, bp_day ready)
{
    bp_day day = ready;
    for (enum bp_stage stage = BP_STAGE_VERIFIED; stage <= BP_STAGE_CLEARED; stage++)
        day -= bp_wait(&w->prng, bp_stage_days[stage]);
    return bp_working_day_until(day);
}

static void put_contact(struct bp_world *w, const struct bp_person *p, const char *marital,
                        struct bp_notice *d)
{
    bool by_spouse = strcmp(marital, "MARRIED") == 0;
    bool contact_is_woman = by_spouse ? !p->is_woman : bp_prng_chance(&w->prng, 1, 2);
    char name[60], phone[17];
    bp_name_make(&w->prng, contact_is_woman, name, sizeof(name));
    bp_person_phone(p, 1, phone);
    bp_notice_put(d, "emergency_contact_name", name);
    bp_notice_put(d, "emergency_contact_phone", phone);
    bp_notice_put(d, "emergency_contact_relation",
                  by_spouse ? (p->is_woman ? "suami" : "istri")
                            : (bp_prng_chance(&w->prng, 3, 4) ? "orang_tua" : "saudara"));
}

/* Street and family card. The card is of the last twelve years and has a district part 99 too. */
static void put_household(struct bp_world *w, struct bp_notice *d, bp_day on)
{
    static const char *const hamlets[] = {"I", "II", "III", "IV", "V", "VI"};
    struct bp_prng *r = &w->prng;
    struct bp_civil c = bp_civil_of(on - (bp_day)bp_prng_between(r, 200, 4400));
    bp_notice_printf(d, "family_card_number", "%02u%02u99%02u%02u%02u%04u", w->place.province,
                     w->place.regency, c.day, c.month, c.year % 100, bp_prng_between(r, 1, 9999));
    const char *hamlet = hamlets[bp_prng_below(r, 6)];
    uint32_t rt = bp_prng_between(r, 1, 24), rw = bp_prng_between(r, 1, 9);
    bp_notice_printf(d, "address_line", "DUSUN %s RT %03u RW %03u", hamlet, rt, rw);
}

static void put_mail(struct bp_world *w, const struct bp_person *p, struct bp_notice *d)
{
    if (bp_prng_chance(&w->prng, 3, 5))
        bp_notice_printf(d, "email", "pmi%06u@example.id", p->number);
    else
        bp_notice_put(d, "email", "");
}

static void add_registration(struct bp_world *w, struct bp_worker *worker)
{
    const struct bp_person *p = &worker->person;
    const char *marital = bp_share_pick(&w->prng, &bp_marital_shares);
    char phone[17];
    bp_person_phone(p, 0, phone);
    struct bp_notice d;
    bp_world_begin(w, &d, "worker.registered", worker->registered, p, NULL, worker->file, 0);
    bp_notice_put(&d, "nik", p->nik);
    bp_notice_put(&d, "full_name", p->name);
    bp_notice_put(&d, "sex", p->is_woman ? "FEMALE" : "MALE");
    bp_notice_put_day(&d, "birth_date", p->born);
    bp_notice_put(&d, "birth_place", w->place.name);
    bp_notice_put(&d, "marital_status", marital);
    bp_notice_put(&d, "education_level", bp_share_pick(&w->prng, &bp_education_shares));
    bp_notice_put(&d, "phone", phone);
    put_mail(w, p, &d);
    put_household(w, &d, worker->registered);
    bp_notice_put(&d, "village_code", p->village);
    put_contact(w, p, marital, &d);
    bp_notice_put(&d, "scheme", draw_scheme(w, worker->to));
    (void)bp_world_add(w, w->place.government, &d);
}

static uint32_t add_document(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                             bool is_complete, uint32_t cause)
{
    struct bp_notice d;
    bp_world_begin(w, &d, "document.status.changed", day, &worker->person, worker->to->country,
                   worker->file, cause);
    bp_notice_put(&d, "document_kind", is_complete ? "WORK_VISA" : "EMPLOYMENT_CONTRACT");
    bp_notice_put(&d, "document_status", is_complete ? "VERIFIED" : "MISSING");
    bp_notice_put_number(&d, "items_complete", is_complete ? 8 : 6);
    bp_notice_put(&d, "service_point_id", w->place.service_office);
    if (is_complete)
        bp_notice_put_status(&d, "DOCUMENTS_COMPLETE", "DOCUMENTS_IN_PROGRESS");
    else
        bp_notice_put_status(&d, "DOCUMENTS_IN_PROGRESS", "DEPARTURE_FAILED");
    return bp_world_add(w, w->place.service_office, &d);
}

static bool is_informal(const char *occupation)
{
    return strcmp(occupation, "9111") == 0 || strcmp(occupation, "5322") == 0;
}

static uint32_t add_contract(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                             uint32_t cause)
{
    const char *work = worker->person.is_woman ? worker->to->women_work : worker->to->men_work;
    const char *mission = bp_mission_in(worker->to->country);
    struct bp_notice d;
    bp_world_begin(w, &d, "employment.contract.verified", day, &worker->person, worker->to->country,
                   worker->file, cause);
    bp_notice_put(&d, "contract_number", worker->contract);
    bp_notice_put(&d, "occupation_code", work);
    bp_notice_put(&d, "sector", is_informal(work) ? "INFORMAL" : "FORMAL");
    bp_notice_put_day(&d, "contract_start", worker->departed + 1);
    bp_notice_put_day(&d, "contract_end", worker->contract_end);
    bp_notice_put(&d, "mission_id", mission != NULL ? mission : "");
    bp_notice_put_status(&d, "CONTRACTED", "DOCUMENTS_COMPLETE");
    return bp_world_add(w, w->place.service_office, &d);
}

static uint32_t add_orientation(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                                uint32_t cause)
{
    struct bp_notice d;
    bp_world_begin(w, &d, "opp.completed", day, &worker->person, worker->to->country, worker->file,
                   cause);
    bp_notice_printf(&d, "opp_certificate_number", "OPP-%02u-%u-%06u", w->place.province,
                     bp_civil_of(day).year, worker->papers);
    bp_notice_put_day(&d, "opp_date", day);
    bp_notice_put_status(&d, "ORIENTED", "CONTRACTED");
    return bp_world_add(w, w->place.service_office, &d);
}

/* Ready, failed, and through the papers again: the departure then follows the second E-PMI
 * procedure. */
static uint32_t add_second_try(struct bp_world *w, const struct bp_worker *worker,
                               const struct second_try *s)
{
    static const char *const reasons[] = {"contract_cancelled", "ill", "family", "fraud"};
    struct bp_notice d;
    bp_world_begin(w, &d, "departure.failed", s->failed, &worker->person, worker->to->country,
                   worker->file, 0);
    bp_notice_put(&d, "reason_code", reasons[bp_prng_below(&w->prng, 4)]);
    bp_notice_put_status(&d, "DEPARTURE_FAILED", "ORIENTED");
    uint32_t cause = bp_world_add(w, w->place.service_office, &d);
    cause = add_document(w, worker, s->in_progress, false, cause);
    cause = add_document(w, worker, s->complete, true, cause);
    cause = add_contract(w, worker, s->contracted, cause);
    return add_orientation(w, worker, s->oriented, cause);
}

static void format_epmi(const struct bp_world *w, const struct bp_worker *worker, char out[25])
{
    snprintf(out, 25, "EPMI%02u%02u%07u", w->place.province,
             bp_civil_of(worker->cleared).year % 100, worker->papers);
}

static uint32_t add_epmi(struct bp_world *w, const struct bp_worker *worker, uint32_t cause)
{
    char epmi[25];
    format_epmi(w, worker, epmi);
    uint32_t series = bp_prng_below(&w->prng, 26), passport = bp_prng_below(&w->prng, 10000000);
    struct bp_notice d;
    bp_world_begin(w, &d, "epmi.issued", worker->cleared, &worker->person, worker->to->country,
                   worker->file, cause);
    bp_notice_put(&d, "epmi_number", epmi);
    bp_notice_printf(&d, "passport_number", "%c%07u", (char)('A' + series), passport);
    bp_notice_printf(&d, "visa_number", "%s%02uA%07u", worker->to->country,
                     bp_civil_of(worker->cleared).year % 100, worker->papers);
    bp_notice_put(&d, "contract_number", worker->contract);
    bp_notice_put(&d, "biometric_taken", "YES");
    bp_notice_printf(&d, "biometric_reference", "bio:%s:%u", w->place.service_office,
                     worker->papers);
    bp_notice_put_day(&d, "issued_on", worker->cleared);
    bp_notice_put_day(&d, "valid_until", worker->contract_end);
    bp_notice_put_status(&d, "CLEARED", "ORIENTED");
    return bp_world_add(w, w->place.service_office, &d);
}

static void add_departure(struct bp_world *w, struct bp_worker *worker, uint32_t cause)
{
    /* Most leave by Jakarta; which airport how often is assumed. */
    static const char *const checkpoints[] = {"CGK", "SUB", "KNO", "BTH"};
    static const uint32_t weights[] = {88, 5, 3, 4};
    struct bp_prng *r = &w->prng;
    char epmi[25];
    format_epmi(w, worker, epmi);
    struct bp_notice d;
    bp_world_begin(w, &d, "departure.recorded", worker->departed, &worker->person,
                   worker->to->country, worker->file, cause);
    /* Flights keep no office hours, but on the day of the E-PMI only the evening's are left. */
    d.at = bp_time_between(r, worker->departed, worker->departed == worker->cleared ? 17 : 5, 24);
    bp_notice_put(&d, "epmi_number", epmi);
    bp_notice_put(&d, "checkpoint_code", checkpoints[bp_prng_pick(r, weights, 4)]);
    bp_notice_printf(&d, "carrier", "GA%03u", bp_prng_between(r, 800, 999));
    bp_notice_put_day(&d, "departed_on", worker->departed);
    bp_notice_put_status(&d, "DEPARTED", "CLEARED");
    worker->departure = bp_world_add(w, w->place.service_office, &d);
}

void bp_placement_make(struct bp_world *w, struct bp_worker *worker)
{
    struct bp_prng *r = &w->prng;
    worker->to = draw_destination(w);
    worker->cleared = bp_world_day(w, w->months.placements);
    bp_day leaves = worker->cleared + bp_wait(r, bp_stage_days[BP_STAGE_DEPARTED]);
    worker->departed = leaves <= w->plan.to ? leaves : w->plan.to;
    worker->contract_end = bp_day_add_months(worker->departed, worker->to->contract_months);
    bool fails = bp_quota_strikes(&w->failed, r);
    struct second_try again = {0};
    if (fails)
        again = draw_second_try(w, worker->cleared);
    worker->registered = draw_registration(w, fails ? again.failed : worker->cleared);
    bp_people_make(&w->people, bp_prng_chance(r, worker->to->women_permille, 1000),
                   worker->registered, 18, 47, &worker->person);

    unsigned year = bp_civil_of(worker->registered).year;
    worker->papers = bp_world_next_paper(w, BP_PAPER_PAPERS);
    snprintf(worker->file, sizeof(worker->file), "FILE-%u-%s-%06u", year, w->place.code,
             bp_world_next_paper(w, BP_PAPER_FILE));
    snprintf(worker->contract, sizeof(worker->contract), "PK-%s-%u-%06u", worker->to->country,
             bp_civil_of(worker->cleared).year, worker->papers);
    add_registration(w, worker);
    uint32_t cause = fails ? add_second_try(w, worker, &again) : 0;
    cause = add_epmi(w, worker, cause);
    add_departure(w, worker, cause);
}
