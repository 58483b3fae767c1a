#include "protection.h"

#include <stdio.h>
#include <string.h>

#include "state_return.h"

/* A complaint on its way: what all its events share. */
struct complaint {
    struct bp_world *w;
    const struct bp_person *person;
    const char *destination, *procedural, *category;
    char number[41];
    uint32_t cause;
    bp_day day; /* of the last event */
};

static const char *account_of(const char *category)
{
    static const struct {
        const char *category, *account;
    } accounts[] = {
        {"WANTS_TO_GO_HOME", "Pekerja meminta dibantu pulang ke daerah asal."},
        {"WAGE_UNPAID", "Upah tiga bulan terakhir belum dibayar pemberi kerja."},
        {"DEPORTED", "Dipulangkan dari negara penempatan tanpa pemberitahuan."},
        {"DEPARTURE_FAILED", "Keberangkatan batal dan biaya belum dikembalikan."},
        {"DEATH", "Keluarga meminta kejelasan dan pemulangan jenazah."},
        {"FRAUD", "Dijanjikan pekerjaan yang ternyata tidak ada."},
    };
    for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
        if (strcmp(category, accounts[i].category) == 0)
            return accounts[i].account;
    return "Keluarga meminta bantuan penanganan masalah di tempat kerja.";
}

static void begin(struct complaint *c, struct bp_notice *d, const char *type)
{
    bp_world_begin(c->w, d, type, c->day, c->person, c->destination, c->number, c->cause);
}

static void wait_for_next(struct complaint *c, unsigned median_days)
{
    c->day = bp_working_day_from(c->day + bp_wait(&c->w->prng, median_days));
}

static void put_complainant(struct complaint *c, struct bp_notice *d)
{
    struct bp_prng *r = &c->w->prng;
    bool by_family = bp_prng_chance(r, 3, 5);
    char name[60], phone[17];
    bp_name_make(r, bp_prng_chance(r, 1, 2), name, sizeof(name));
    bp_person_phone(c->person, by_family ? 1 : 0, phone);
    bp_notice_put(d, "complainant_relation", by_family ? "family" : "self");
    bp_notice_put(d, "complainant_name", by_family ? name : c->person->name);
    bp_notice_put(d, "complainant_phone", phone);
}

static void add_received(struct complaint *c)
{
    static const char *const channels[] = {"DIRECT", "WHATSAPP", "E_COMPLAINT", "PHONE", "LETTER"};
    static const uint32_t weights[] = {35, 30, 20, 10, 5};
    struct bp_prng *r = &c->w->prng;
    bool at_village = bp_prng_chance(r, 1, 5);
    struct bp_notice d;
    begin(c, &d, "complaint.received");
    bp_notice_put(&d, "complaint_number", c->number);
    bp_notice_put(&d, "channel", at_village ? "VILLAGE" : channels[bp_prng_pick(r, weights, 5)]);
    bp_notice_put(&d, "complaint_category", c->category);
    put_complainant(c, &d);
    if (strcmp(c->procedural, "PROCEDURAL") == 0)
        bp_notice_put(&d, "party_complained", "PT CONTOH KARYA");
    bp_notice_put(&d, "procedural_flag", c->procedural);
    bp_notice_put(&d, "narrative", account_of(c->category));
    if (strcmp(c->category, "WAGE_UNPAID") == 0) {
        bp_notice_put_number(&d, "claimed_amount",
                             bp_prng_between(r, 20, 300) * UINT64_C(10000000));
        bp_notice_put(&d, "claimed_currency", "IDR");
    }
    bp_notice_put(&d, "case_status", "RECEIVED");
    c->cause =
        bp_world_add(c->w, at_village ? c->w->place.government : c->w->place.service_office, &d);
}

/* due_days: 0 = no deadline; reason NULL = none. */
static void add_step(struct complaint *c, const char *status, unsigned due_days, const char *reason)
{
    struct bp_notice d;
    begin(c, &d, "complaint.status.changed");
    bp_notice_put(&d, "complaint_number", c->number);
    bp_notice_put(&d, "case_status", status);
    bp_notice_put(&d, "handler_agency_id", c->w->place.service_office);
    if (due_days != 0)
        bp_notice_put_day(&d, "due_on", c->day + (bp_day)due_days);
    if (reason != NULL)
        bp_notice_put(&d, "reason_code", reason);
    c->cause = bp_world_add(c->w, c->w->place.service_office, &d);
}

static void add_case_of_complaint(struct complaint *c, const char *number)
{
    struct bp_notice d;
    begin(c, &d, "case.opened");
    bp_notice_put(&d, "case_number", number);
    bp_notice_put(&d, "complaint_number", c->number);
    bp_notice_put(&d, "complaint_category", c->category);
    bp_notice_put(&d, "procedural_flag", c->procedural);
    bp_notice_put(&d, "suspends_work", "NO");
    bp_notice_put(&d, "case_status", "VERIFIED");
    c->cause = bp_world_add(c->w, c->w->place.service_office, &d);
}

static void add_settlement(struct complaint *c, const char *number)
{
    struct bp_notice d;
    begin(c, &d, "case.closed");
    bp_notice_put(&d, "case_number", number);
    bp_notice_put(&d, "case_outcome", "rights_met");
    bp_notice_put(&d, "case_status", "RESOLVED");
    c->cause = bp_world_add(c->w, c->w->place.service_office, &d);
}

static void format_case(struct bp_world *w, bp_day day, char out[41])
{
    snprintf(out, 41, "KSS-%u-%s-%06u", bp_civil_of(day).year, w->place.code,
             bp_world_next_paper(w, BP_PAPER_CASE));
}

/* From verified to a settlement, or to the end for want of an answer (60 days: Perban 6/2024 art.
 * 30). */
static void follow_verified(struct complaint *c)
{
    char number[41];
    bool is_answered = bp_prng_chance(&c->w->prng, 7, 10);
    if (is_answered) {
        wait_for_next(c, 2);
        format_case(c->w, c->day, number);
        add_case_of_complaint(c, number);
    }
    wait_for_next(c, 14);
    add_step(c, "CLARIFICATION_1", 0, NULL);
    if (!is_answered) {
        c->day = bp_working_day_from(c->day + 60);
        add_step(c, "CLOSED_ADMIN", 0, "complainant_silent");
        return;
    }
    wait_for_next(c, 7);
    add_step(c, "SETTLEMENT_PENDING", 7, NULL);
    wait_for_next(c, 7);
    add_settlement(c, number);
}

/* One in five lacks papers; half of these never bring them (30 days: the same article). */
static void follow_complaint(struct complaint *c)
{
    struct bp_prng *r = &c->w->prng;
    wait_for_next(c, 3);
    if (bp_prng_chance(r, 1, 5)) {
        add_step(c, "INCOMPLETE", 30, "papers_missing");
        if (bp_prng_chance(r, 1, 2)) {
            c->day = bp_working_day_from(c->day + 31);
            add_step(c, "CLOSED_ADMIN", 0, "papers_missing");
            return;
        }
        wait_for_next(c, 7);
    }
    add_step(c, "VERIFIED", 0, NULL);
    follow_verified(c);
}

static const char *draw_category(struct bp_prng *r, bool is_working)
{
    const char *category;
    do {
        category = bp_share_pick(r, &bp_complaint_shares);
    } while (is_working && (strcmp(category, "DEATH") == 0 || strcmp(category, "DEPORTED") == 0 ||
                            strcmp(category, "DEPARTURE_FAILED") == 0));
    return category;
}

void bp_complaint_make(struct bp_world *w, const struct bp_person *person, const char *destination,
                       const char *procedural, bp_day day)
{
    bool is_working = strcmp(procedural, "PROCEDURAL") == 0;
    struct complaint c = {w,  person, destination, procedural, draw_category(&w->prng, is_working),
                          "", 0,      day};
    snprintf(c.number, sizeof(c.number), "ADU-%u-%s-%06u", bp_civil_of(day).year, w->place.code,
             bp_world_next_paper(w, BP_PAPER_COMPLAINT));
    add_received(&c);
    follow_complaint(&c);
}

static uint32_t open_case(struct bp_world *w, const struct bp_worker *worker, const char *number,
                          bp_day day, const char *category)
{
    bool is_sick = strcmp(category, "SICK") == 0, is_held = strcmp(category, "DETAINED") == 0;
    struct bp_notice d;
    bp_world_begin(w, &d, "case.opened", day, &worker->person, worker->to->country, number,
                   worker->departure);
    bp_notice_put(&d, "case_number", number);
    bp_notice_put(&d, "complaint_category", category);
    bp_notice_put(&d, "procedural_flag", "PROCEDURAL");
    bp_notice_put(&d, "suspends_work", "YES");
    bp_notice_put(&d, "violence_flag", strcmp(category, "VIOLENCE") == 0 ? "YES" : "NO");
    bp_notice_put(&d, "health_condition", is_sick ? "rawat inap, perlu pendampingan" : "");
    bp_notice_put(&d, "detention_flag", is_held ? "YES" : "");
    bp_notice_put(&d, "case_status", "VERIFIED");
    bp_notice_put_status(&d, "IN_PROTECTION", "WORKING");
    return bp_world_add(w, BP_MINISTRY, &d);
}

/* status NULL: the case ends without moving the worker, the return did. */
static uint32_t close_case(struct bp_world *w, const struct bp_worker *worker, const char *number,
                           bp_day day, const char *outcome, const char *status, uint32_t cause)
{
    struct bp_notice d;
    bp_world_begin(w, &d, "case.closed", day, &worker->person, worker->to->country, number, cause);
    bp_notice_put(&d, "case_number", number);
    bp_notice_put(&d, "case_outcome", outcome);
    bp_notice_put(&d, "case_status", "RESOLVED");
    if (status != NULL)
        bp_notice_put_status(&d, status, "IN_PROTECTION");
    return bp_world_add(w, BP_MINISTRY, &d);
}

static void bring_home(struct bp_world *w, const struct bp_worker *worker, const char *number,
                       bp_day opened, const char *category, uint32_t cause)
{
    bool is_sick = strcmp(category, "SICK") == 0;
    struct bp_state_return back = {
        .person = &worker->person,
        .country = worker->to->country,
        .kind = is_sick ? "ILLNESS" : "TROUBLED",
        .procedural = "PROCEDURAL",
        .previous = "IN_PROTECTION",
        .correlation = worker->file,
        .is_ill = is_sick,
        .planned = bp_working_day_from(opened + bp_wait(&w->prng, 21)),
        .cause = cause,
    };
    bp_day home = bp_state_return_make(w, &back);
    (void)close_case(w, worker, number, bp_working_day_from(home + bp_wait(&w->prng, 5)),
                     "repatriated", NULL, cause);
}

enum bp_case_end bp_case_make(struct bp_world *w, const struct bp_worker *worker, bp_day day)
{
    static const char *const categories[] = {"WAGE_UNPAID", "CONTRACT_MISMATCH", "SICK", "VIOLENCE",
                                             "DETAINED"};
    static const uint32_t weights[] = {35, 30, 20, 10, 5}; /* assumed */
    static const uint32_t ends[] = {55, 15, 30};           /* assumed */
    struct bp_prng *r = &w->prng;
    const char *category = categories[bp_prng_pick(r, weights, 5)];
    enum bp_case_end end = (enum bp_case_end)bp_prng_pick(r, ends, 3);
    char number[41];
    format_case(w, day, number);
    uint32_t cause = open_case(w, worker, number, day, category);
    if (end == BP_CASE_BROUGHT_HOME) {
        bring_home(w, worker, number, day, category, cause);
        return end;
    }
    bp_day closed = bp_working_day_from(day + bp_wait(r, 40));
    bool ends_work = end == BP_CASE_CONTRACT_ENDED;
    cause = close_case(w, worker, number, closed, ends_work ? "rights_met" : "back_to_work",
                       ends_work ? "CONTRACT_ENDED" : "WORKING", cause);
    if (ends_work)
        bp_placement_return(w, worker, closed + bp_wait(r, 14), "early", "CONTRACT_ENDED", cause);
    return end;
}

void bp_death_make(struct bp_world *w, const struct bp_worker *worker, bp_day day)
{
    static const char *const causes[] = {"I21", "I64", "J18", "V89", "R99"};
    struct bp_prng *r = &w->prng;
    struct bp_notice d;
    bp_world_begin(w, &d, "death.reported", bp_working_day_from(day + bp_wait(r, 1)),
                   &worker->person, worker->to->country, worker->file, worker->departure);
    bp_notice_put_day(&d, "death_date", day);
    bp_notice_put(&d, "death_place_country", worker->to->country);
    bp_notice_put(&d, "death_cause_code", causes[bp_prng_below(r, 5)]);
    bp_notice_put(&d, "burial_choice", bp_prng_chance(r, 4, 5) ? "repatriate" : "bury_abroad");
    bp_notice_put_status(&d, "DECEASED", "WORKING");
    (void)bp_world_add(w, bp_mission_in(worker->to->country), &d);
}

static const char *draw_flag_of_resident(struct bp_prng *r)
{
    const char *flag;
    do {
        flag = bp_share_pick(r, &bp_procedural_shares);
    } while (strcmp(flag, "PROCEDURAL") == 0);
    return flag;
}

void bp_residents_complain(struct bp_world *w, uint32_t complaints)
{
    for (uint32_t i = 0; i < complaints; i++) {
        bp_day day = bp_world_day(w, w->months.complaints);
        struct bp_person person;
        /* 2024: 750 women, 712 men (Kompas) */
        bp_people_make(&w->people, bp_prng_chance(&w->prng, 750, 1462), day, 18, 52, &person);
        const char *country = bp_share_pick(&w->prng, &bp_protection_shares);
        bp_complaint_make(w, &person, country, draw_flag_of_resident(&w->prng), day);
    }
}

void bp_residents_prevented(struct bp_world *w, uint32_t persons)
{
    static const char *const places[] = {"checkpoint", "passport_office", "raid", "village"};
    static const uint32_t weights[] = {60, 15, 20, 5}; /* assumed */
    struct bp_prng *r = &w->prng;
    for (uint32_t i = 0; i < persons; i++) {
        bp_day day = bp_world_day(w, NULL);
        const char *country = bp_share_pick(r, &bp_protection_shares);
        size_t where = bp_prng_pick(r, weights, 4);
        struct bp_person person;
        bp_people_make(&w->people, bp_prng_chance(r, 1, 2), day, 18, 52, &person);
        struct bp_notice d;
        bp_world_begin(w, &d, "departure.prevented", day, &person, country, "", 0);
        bp_notice_put(&d, "prevented_where", places[where]);
        bp_notice_put(&d, "checkpoint_code",
                      where != 0                ? ""
                      : bp_prng_chance(r, 3, 4) ? "CGK"
                                                : "BTC");
        bp_notice_put_status(&d, "DEPARTURE_PREVENTED", NULL);
        (void)bp_world_add(w, w->place.service_office, &d);
    }
}
