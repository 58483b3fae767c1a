/* What is in the files: valid events, each the right of its agency, in an order that time and the
 * state machines allow. */
#include <stdlib.h>

#include "event_json.h"
#include "figures.h"
#include "sample.h"
#include "validate.h"

static int make_sample(void **state)
{
    static struct sample s;
    sample_make(&s);
    *state = &s;
    return 0;
}

static int drop_sample(void **state)
{
    sample_free(*state);
    return 0;
}

static size_t count(const struct sample *s, const char *type)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += strcmp(s->events[i].type, type) == 0;
    return n;
}

static void test_synth_placements_have_three_events_each(void **state)
{
    const struct sample *s = *state;

    assert_int_equal(count(s, "worker.registered"), 1500);
    assert_int_equal(count(s, "epmi.issued"), 1500);
    assert_int_equal(count(s, "departure.recorded"), 1500);
}

static void test_synth_numbers_belong_to_the_placements(void **state)
{
    const struct sample *s = *state;

    assert_int_equal(count(s, "complaint.received"), bp_expected(BP_RATE_COMPLAINTS, 1500));
    assert_int_equal(count(s, "departure.failed"), bp_expected(BP_RATE_FAILED, 1500));
    assert_int_equal(count(s, "departure.prevented"), bp_expected(BP_RATE_PREVENTED, 1500));
    assert_int_equal(count(s, "death.reported"), bp_expected(BP_RATE_DEATHS, 1500));
    assert_int_equal(count(s, "fraud.vacancy.reported"), 24);
    assert_true(count(s, "fraud.vacancy.assessed") > 12);
    assert_true(count(s, "return.recorded") > 75);
    assert_true(count(s, "village.monitoring.recorded") > 1500);
    assert_in_range(count(s, "repatriation.handed_over"), 40,
                    bp_expected(BP_RATE_STATE_RETURNS, 1500));
}

static void test_synth_every_event_is_valid(void **state)
{
    const struct sample *s = *state;
    struct bp_schema *schema = NULL;
    assert_int_equal(bp_schema_open(NULL, 0, &schema, NULL), BP_OK);
    struct bp_validation judge = {.schema = schema,
                                  .now_ns = bp_day_start_ns(20362) /* October 2025 */};
    struct bp_buf bytes = {0};

    for (size_t i = 0; i < s->n; i++) {
        struct bp_violations v = {.n = 0};
        struct bp_event e;
        const struct bp_event_type *type;
        bp_fields set;
        bool has_unknown;
        bp_buf_clear(&bytes);
        bool ok = bp_event_from_json(schema, bp_str(s->events[i].line), &bytes, &v) &&
                  bp_event_parse(bp_buf_str(&bytes), &e) &&
                  bp_validate_event(&judge, &e, &type, &set, &has_unknown, &v);
        if (!ok)
            fail_msg("%s: %s: %s", s->events[i].line, v.items[0].field, v.items[0].message);
    }

    bp_buf_fini(&bytes);
    bp_schema_destroy(schema);
}

/* The part of the sample policy that a run uses: which agency may publish which type. */
static bool is_right_of(const char *agency, const char *type)
{
    static const struct {
        const char *agency, *types;
    } rights[] = {
        {"kab.18.07", "worker.registered village.monitoring.recorded complaint.received "
                      "fraud.vacancy.reported "},
        {"bp3mi.18", "document.status.changed employment.contract.verified opp.completed "
                     "epmi.issued departure.recorded departure.failed departure.prevented "
                     "complaint.received complaint.status.changed case.opened case.closed "
                     "fraud.vacancy.reported repatriation.updated repatriation.handed_over "
                     "return.recorded "},
        {"bp3mi.31", "repatriation.arrived repatriation.updated "},
        {"p4mi.21.71", "repatriation.arrived repatriation.updated "},
        {"kl.kp2mi", "employment.status.changed case.opened case.closed fraud.vacancy.assessed "
                     "content.takedown.requested "},
        {"kl.komdigi", "fraud.vacancy.reported content.takedown.resolved "},
        {"perwakilan.my.johor-bahru", "repatriation.planned repatriation.updated death.reported "},
        {"perwakilan.tw.taipei", "repatriation.planned repatriation.updated death.reported "},
    };
    size_t n = strlen(type);
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const char *at = strstr(rights[i].types, type);
        if (strcmp(agency, rights[i].agency) == 0 && at != NULL && at[n] == ' ')
            return true;
    }
    return false;
}

static const char *attribute(const struct sample_event *e, const char *name)
{
    const char *text = json_string_value(json_object_get(e->json, name));
    return text != NULL ? text : "";
}

static void test_synth_every_event_is_the_right_of_its_agency(void **state)
{
    const struct sample *s = *state;

    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = &s->events[i];
        if (!is_right_of(e->agency, e->type))
            fail_msg("%s may not publish %s", e->agency, e->type);
        assert_string_equal(attribute(e, "source"), e->agency);
        if (strncmp(e->agency, "kab.", 4) == 0)
            assert_memory_equal(attribute(e, "region"), "18.07", 5);
        if (strcmp(e->agency, "perwakilan.tw.taipei") == 0)
            assert_string_equal(attribute(e, "destination"), "TW");
        if (strcmp(e->agency, "perwakilan.my.johor-bahru") == 0)
            assert_string_equal(attribute(e, "destination"), "MY");
    }
}

/* Its grant is at PSEUDONYMOUS: no direct identifier, no free text. */
static void test_synth_content_authority_fills_in_nothing_personal(void **state)
{
    const struct sample *s = *state;
    static const char *const barred[] = {"recruiter_handle", "content_excerpt", "promised_wage"};

    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->events[i].agency, "kl.komdigi") == 0)
            for (size_t f = 0; f < sizeof(barred) / sizeof(barred[0]); f++)
                assert_string_equal(sample_field(&s->events[i], barred[f]), "");
}

/* The worker's machine, as far as the types here carry its status. */
static void test_synth_status_pairs_are_transitions(void **state)
{
    const struct sample *s = *state;
    static const char *const pairs[] = {
        "departure.failed ORIENTED DEPARTURE_FAILED",
        "document.status.changed DEPARTURE_FAILED DOCUMENTS_IN_PROGRESS",
        "document.status.changed DOCUMENTS_IN_PROGRESS DOCUMENTS_COMPLETE",
        "employment.contract.verified DOCUMENTS_COMPLETE CONTRACTED",
        "opp.completed CONTRACTED ORIENTED",
        "epmi.issued ORIENTED CLEARED",
        "departure.recorded CLEARED DEPARTED",
        "employment.status.changed WORKING WORKING",
        "employment.status.changed WORKING CONTRACT_ENDED",
        "return.recorded CONTRACT_ENDED RETURNED",
        "case.opened WORKING IN_PROTECTION",
        "case.closed IN_PROTECTION WORKING",
        "case.closed IN_PROTECTION CONTRACT_ENDED",
        "repatriation.planned IN_PROTECTION REPATRIATING",
        "repatriation.planned NONPROCEDURAL_ABROAD REPATRIATING",
        "repatriation.arrived REPATRIATING IN_REHABILITATION",
        "repatriation.handed_over REPATRIATING RETURNED",
        "repatriation.handed_over IN_REHABILITATION RETURNED",
        "death.reported WORKING DECEASED",
        "departure.prevented NONE DEPARTURE_PREVENTED",
    };

    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = &s->events[i];
        const char *previous = sample_field(e, "previous_status");
        const char *status = sample_field(e, "worker_status");
        if (status[0] == '\0')
            continue;
        char pair[160];
        snprintf(pair, sizeof(pair), "%s %s %s", e->type, previous[0] != '\0' ? previous : "NONE",
                 status);
        size_t p = 0;
        while (p < sizeof(pairs) / sizeof(pairs[0]) && strcmp(pair, pairs[p]) != 0)
            p++;
        if (p == sizeof(pairs) / sizeof(pairs[0]))
            fail_msg("no such transition: %s", pair);
    }
}

static int by_nik_of_event(const void *a, const void *b)
{
    const struct sample_event *x = *(const struct sample_event *const *)a;
    const struct sample_event *y = *(const struct sample_event *const *)b;
    int order = strcmp(x->nik, y->nik);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct sample_event *const *)a)->id,
                  (*(const struct sample_event *const *)b)->id);
}

/* All events, sorted anew; the caller frees it. */
static const struct sample_event **sorted(const struct sample *s,
                                          int (*by)(const void *, const void *))
{
    const struct sample_event **all = calloc(s->n, sizeof(const struct sample_event *));
    assert_non_null(all);
    for (size_t i = 0; i < s->n; i++)
        all[i] = &s->events[i];
    qsort(all, s->n, sizeof(const struct sample_event *), by);
    return all;
}

static void test_synth_niks_are_valid_unique_and_of_no_district(void **state)
{
    const struct sample *s = *state;
    const struct sample_event **all = sorted(s, by_nik_of_event);
    const char *last = "";

    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = all[i];
        if (strcmp(e->type, "worker.registered") != 0)
            continue;
        assert_string_not_equal(e->nik, last);
        last = e->nik;
        assert_true(bp_nik_is_valid(bp_str(e->nik)));
        assert_memory_equal(e->nik, "180799", 6);
        assert_string_equal(sample_field(e, "nik"), e->nik);
        bool is_woman = e->nik[6] >= '4';
        assert_string_equal(sample_field(e, "sex"), is_woman ? "FEMALE" : "MALE");
        const char *born = sample_field(e, "birth_date");
        assert_memory_equal(born + 2, e->nik + 10, 2);
        assert_memory_equal(born + 5, e->nik + 8, 2);
    }
    free(all);
}

static void test_synth_phones_and_mail_lead_nowhere(void **state)
{
    const struct sample *s = *state;

    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = &s->events[i];
        if (strcmp(e->type, "worker.registered") != 0)
            continue;
        assert_memory_equal(sample_field(e, "phone"), "+6281200", 8);
        assert_memory_equal(sample_field(e, "emergency_contact_phone"), "+6281200", 8);
        const char *mail = sample_field(e, "email");
        assert_true(mail[0] == '\0' || strstr(mail, "@example.id") != NULL);
    }
}

static void test_synth_files_are_in_order_of_time(void **state)
{
    const struct sample *s = *state;
    struct bp_synth_plan plan = sample_plan();

    for (size_t i = 0; i < s->n; i++) {
        if (i > 0 && s->events[i].agency == s->events[i - 1].agency)
            assert_true(s->events[i].at >= s->events[i - 1].at);
        assert_true(s->events[i].at < bp_day_start_ns(plan.to + 1) / BP_NS_PER_S);
    }
}

static void test_synth_no_event_stands_before_its_cause(void **state)
{
    const struct sample *s = *state;
    const struct sample_event **all = sorted(s, by_id);

    for (size_t i = 1; i < s->n; i++)
        assert_string_not_equal(all[i]->id, all[i - 1]->id);
    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = &s->events[i];
        if (e->cause[0] == '\0')
            continue;
        struct sample_event key = {.id = e->cause};
        const struct sample_event *wanted = &key;
        const struct sample_event **cause =
            bsearch(&wanted, all, s->n, sizeof(const struct sample_event *), by_id);
        assert_non_null(cause);
        assert_true((*cause)->at < e->at);
        assert_string_equal((*cause)->nik, e->nik);
    }
    free(all);
}

/* Where an event stands in a life; 0: it may stand anywhere. */
static int rank(const char *type)
{
    static const char *const order[] = {
        "worker.registered",         "departure.failed", "epmi.issued",   "departure.recorded",
        "employment.status.changed", "return.recorded",  "death.reported"};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (strcmp(type, order[i]) == 0)
            return (int)i + 1;
    return 0;
}

static void test_synth_lives_go_forward_and_end_with_death(void **state)
{
    const struct sample *s = *state;
    const struct sample_event **all = sorted(s, by_nik_of_event);
    int reached = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || strcmp(all[i]->nik, all[i - 1]->nik) != 0)
            reached = 0;
        if (all[i]->nik[0] == '\0')
            continue;
        assert_int_not_equal(reached, rank("death.reported"));
        int here = rank(all[i]->type);
        if (here == 0)
            continue;
        assert_true(here > reached);
        reached = here;
    }
    free(all);
}

static void test_synth_destinations_and_sexes_have_their_shares(void **state)
{
    const struct sample *s = *state;
    unsigned hong_kong = 0, taiwan = 0, malaysia = 0, women = 0, women_in_hong_kong = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct sample_event *e = &s->events[i];
        if (strcmp(e->type, "departure.recorded") != 0)
            continue;
        const char *to = attribute(e, "destination");
        bool is_woman = e->nik[6] >= '4';
        women += is_woman;
        hong_kong += strcmp(to, "HK") == 0;
        taiwan += strcmp(to, "TW") == 0;
        malaysia += strcmp(to, "MY") == 0;
        women_in_hong_kong += strcmp(to, "HK") == 0 && is_woman;
    }

    /* Of 1,500: 33.9 %, 28.7 %, 17.6 %, 75.5 % and 99.7 %, four standard deviations either way. */
    assert_in_range(hong_kong, 435, 582);
    assert_in_range(taiwan, 360, 501);
    assert_in_range(malaysia, 204, 323);
    assert_in_range(women, 1066, 1199);
    assert_true(women_in_hong_kong * 100 >= hong_kong * 98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synth_placements_have_three_events_each),
        cmocka_unit_test(test_synth_numbers_belong_to_the_placements),
        cmocka_unit_test(test_synth_every_event_is_valid),
        cmocka_unit_test(test_synth_every_event_is_the_right_of_its_agency),
        cmocka_unit_test(test_synth_content_authority_fills_in_nothing_personal),
        cmocka_unit_test(test_synth_status_pairs_are_transitions),
        cmocka_unit_test(test_synth_niks_are_valid_unique_and_of_no_district),
        cmocka_unit_test(test_synth_phones_and_mail_lead_nowhere),
        cmocka_unit_test(test_synth_files_are_in_order_of_time),
        cmocka_unit_test(test_synth_no_event_stands_before_its_cause),
        cmocka_unit_test(test_synth_lives_go_forward_and_end_with_death),
        cmocka_unit_test(test_synth_destinations_and_sexes_have_their_shares),
    };
    return cmocka_run_group_tests(tests, make_sample, drop_sample);
}
