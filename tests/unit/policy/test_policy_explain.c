/* Explanations: they never disagree with the decisions, and name the true reason. */
#include "explain.h"

#include "small_policy.h"

typedef Berbagi__V1__ExplainResponse explanation;

static explanation *explained(const struct bp_policy *p, const struct bp_explain_question *q,
                              bp_day on)
{
    explanation *e = NULL;
    assert_int_equal(bp_policy_explain(p, q, on, &e), BP_OK);
    return e;
}

static void drop(explanation *e)
{
    berbagi__v1__explain_response__free_unpacked(e, NULL);
}

/* --- agreement with the decisions, over the whole sample --- */

static const struct around {
    const char *region, *destination, *addressed_to, *on;
} arounds[] = {
    {"18.07.12.2003", NULL, NULL, "2026-06-01"}, {"35.09", "TW", "bp3mi.18", "2026-06-01"},
    {"", "MY", "kl.kp2mi", "2030-10-28"},        {"53.06", "HK", "kl.komdigi", "2025-11-30"},
    {"18.07", "TW", "kab.18.07", "2024-02-29"},
};

static bp_fields fields_told(const explanation *e, const struct bp_event_type *type,
                             Berbagi__V1__ExplainResponse__Field__View view)
{
    bp_fields fields = 0;
    for (size_t i = 0; i < type->n_fields; i++) {
        assert_true(bp_str_is(type->fields[i].name, e->fields[i]->name));
        assert_true(e->fields[i]->because[0] != '\0');
        if (e->fields[i]->view == view)
            fields |= (bp_fields)1 << i;
    }
    return fields;
}

static size_t count_applied(const explanation *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n_steps; i++) {
        assert_true(e->steps[i]->because[0] != '\0');
        n += e->steps[i]->applied != 0;
    }
    return n;
}

static void expect_as_seen(const struct bp_policy *p, const struct bp_explain_question *q,
                           bp_day on, const explanation *e)
{
    struct bp_sight sight;
    bool is_seen = bp_policy_see(p, q->agency, q->type, &q->facts, on, &sight);
    assert_int_equal(e->permitted, is_seen);
    assert_int_equal(e->envelope_level, is_seen ? sight.view.level : BP_LEVEL_NONE);
    assert_int_equal(fields_told(e, q->type, BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL),
                     sight.view.full);
    assert_int_equal(
        fields_told(e, q->type, BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_COARSE),
        sight.view.coarse);
    assert_int_equal(
        fields_told(e, q->type, BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_REWRITTEN),
        sight.view.rewritten);
    assert_int_equal(e->n_fields, q->type->n_fields + 1);
    assert_int_equal(e->fields[e->n_fields - 1]->view ==
                         BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL,
                     sight.view.unknown_fields);
}

static void expect_as_judged(const struct bp_policy *p, const struct bp_explain_question *q,
                             bp_day on, const explanation *e)
{
    struct bp_publish_request request = {
        .sender = q->agency, .source = q->agency, .type = q->type, .facts = q->facts};
    struct bp_publish_verdict verdict;
    bp_policy_judge_publish(p, &request, on, &verdict);
    assert_int_equal(e->permitted, verdict.permitted);
    bp_fields visible =
        fields_told(e, q->type, BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL);
    for (size_t i = 0; i < q->type->n_fields; i++) {
        request.fields_set = (bp_fields)1 << i;
        bp_policy_judge_publish(p, &request, on, &verdict);
        assert_int_equal((visible >> i & 1) != 0, verdict.permitted);
    }
    request.fields_set = 0;
    request.resolves = true;
    bp_policy_judge_publish(p, &request, on, &verdict);
    assert_int_equal(e->may_resolve, verdict.permitted);
    assert_int_equal(e->n_fields, q->type->n_fields);
}

static void expect_agreement(const struct bp_policy *p, const struct bp_agency *agency,
                             const struct bp_event_type *type, const struct around *around)
{
    bp_day on = day(around->on);
    struct bp_explain_question q = {
        .agency = agency,
        .type = type,
        .facts = {.addressed_to = bp_str(around->addressed_to), .recorded_on = on}};
    assert_true(bp_region_parse(bp_str(around->region), &q.facts.region));
    if (around->destination != NULL)
        memcpy(q.facts.destination, around->destination, 2);
    for (int i = 0; i < 2; i++) {
        q.is_publish = i == 1;
        explanation *e = explained(p, &q, on);
        assert_int_equal(e->permitted, count_applied(e) != 0);
        assert_int_equal(e->n_visible_fields + e->n_withheld_fields, type->n_fields);
        if (q.is_publish)
            expect_as_judged(p, &q, on, e);
        else
            expect_as_seen(p, &q, on, e);
        drop(e);
    }
}

static void test_explain_sample_never_disagrees_with_the_decisions(void **state)
{
    Berbagi__V1__Policy *message = NULL;
    struct bp_policy *p = NULL;
    const struct bp_schema *schema = test_schema();
    (void)state;
    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &message, NULL, NULL), BP_OK);
    assert_int_equal(bp_policy_compile(message, 1, schema, &p, NULL, NULL), BP_OK);

    for (size_t i = 0; i < message->n_agencies; i++) {
        const struct bp_agency *agency = bp_policy_agency(p, bp_str(message->agencies[i]->id));
        for (size_t t = 0; t < schema->n_types; t++) {
            for (size_t k = 0; k < sizeof(arounds) / sizeof(arounds[0]); k++)
                expect_agreement(p, agency, &schema->types[t], &arounds[k]);
        }
    }

    bp_policy_unref(p);
    berbagi__v1__policy__free_unpacked(message, NULL);
}

/* --- the reasons --- */

/* Of a question of small_policy.h. */
static explanation *explanation_of(const char *yaml, const char *agency, const char *type,
                                   bool is_publish, struct question asked)
{
    struct bp_policy *p = policy_of(yaml);
    struct bp_explain_question q = {.agency = bp_policy_agency(p, bp_str(agency)),
                                    .type = type_named(type),
                                    .is_publish = is_publish,
                                    .facts = {.addressed_to = bp_str(asked.addressed_to)}};
    assert_non_null(q.agency);
    assert_true(bp_region_parse(bp_str(asked.region), &q.facts.region));
    if (asked.destination != NULL)
        memcpy(q.facts.destination, asked.destination, 2);
    explanation *e = explained(p, &q, day(asked.day != NULL ? asked.day : "2026-06-01"));
    bp_policy_unref(p); /* an explanation borrows nothing */
    return e;
}

#define READER "kab.18.07"
#define TYPE "worker.registered"
#define CEILINGS "ceilings:\n" CEILING("kab", "registration", "level: IDENTIFIED, scope: NATIONAL")

/* One grant that reads; whether it applies, and why. */
static void expect_step(const char *yaml, const char *agency, const char *type,
                        struct question asked, bool applied, const char *because)
{
    explanation *e = explanation_of(yaml, agency, type, false, asked);
    assert_int_equal(e->n_steps, 1);
    assert_string_equal(e->steps[0]->because, because);
    assert_int_equal(e->steps[0]->applied, applied);
    assert_int_equal(e->permitted, applied);
    drop(e);
}

static const char *const own_policy =
    JOIN(AGENCIES, M1, READS("kab", TYPE, "scope: OWN, level: IDENTIFIED, purpose: placement"),
         CEILINGS, OPERATORS);

static void test_explain_days_and_status_of_an_agreement_are_told(void **state)
{
    const struct question early = {.region = "18.07", .day = "2025-12-31"},
                          late = {.region = "18.07", .day = "2027-01-01"},
                          now = {.region = "18.07.12"};
    (void)state;
    expect_step(own_policy, READER, TYPE, early, false, "the agreement begins on 2026-01-01");
    expect_step(own_policy, READER, TYPE, late, false, "the agreement ended on 2026-12-31");
    expect_step(own_policy, READER, TYPE, now, true, "region 18.07.12 is within 18.07");
    expect_step(JOIN(AGENCIES,
                     "agreements:\n  - id: m1\n    parties: [kl.kp2mi]\n    status: SUSPENDED\n"
                     "    valid_from: 2026-01-01\n    valid_to: 2026-12-31\n    grants:\n",
                     READS("kab", TYPE, "scope: OWN, level: PUBLIC, purpose: placement"), CEILINGS,
                     OPERATORS),
                READER, TYPE, now, false, "the agreement is suspended");
    expect_step(JOIN(AGENCIES,
                     "agreements:\n  - id: m1\n    parties: [kl.kp2mi]\n    status: TERMINATED\n"
                     "    valid_from: 2026-01-01\n    valid_to: 2026-12-31\n    grants:\n",
                     READS("kab", TYPE, "scope: OWN, level: PUBLIC, purpose: placement"), CEILINGS,
                     OPERATORS),
                READER, TYPE, now, false, "the agreement is terminated");
}

static void test_explain_scope_that_fails_is_told_with_both_places(void **state)
{
    (void)state;
    expect_step(own_policy, READER, TYPE, (struct question){.region = "35.09"}, false,
                "region 35.09 is outside 18.07");
    expect_step(own_policy, READER, TYPE, (struct question){.region = ""}, false,
                "the whole country is outside 18.07");
    expect_step(JOIN(AGENCIES, M1,
                     READS(READER, TYPE,
                           "scope: REGIONS, regions: [\"35\", \"53.06\"], level: PUBLIC, "
                           "purpose: placement"),
                     CEILINGS, OPERATORS),
                READER, TYPE, (struct question){.region = "18.07"}, false,
                "region 18.07 is outside 35, 53.06");
    expect_step(JOIN(AGENCIES, M1,
                     READS(READER, TYPE,
                           "scope: COUNTRY, countries: [TW, HK], level: PUBLIC, "
                           "purpose: placement"),
                     CEILINGS, OPERATORS),
                READER, TYPE, (struct question){.region = "18.07", .destination = "MY"}, false,
                "destination MY is not among TW, HK");
}

static void test_explain_addressee_that_is_another_is_told(void **state)
{
    const char *yaml =
        JOIN(AGENCIES, M1,
             READS("bp3mi", "repatriation.planned",
                   "scope: ADDRESSED, level: IDENTIFIED, purpose: repatriation"),
             "ceilings:\n", CEILING("bp3mi", "return", "level: IDENTIFIED, scope: OWN"), OPERATORS);
    const struct question other = {.region = "35.09", .addressed_to = "kl.kemlu"},
                          own = {.region = "35.09", .addressed_to = "bp3mi.18"},
                          nobody = {.region = "35.09"};
    (void)state;
    expect_step(yaml, "bp3mi.18", "repatriation.planned", other, false,
                "it is addressed to kl.kemlu, not to bp3mi.18");
    expect_step(yaml, "bp3mi.18", "repatriation.planned", nobody, false,
                "it is addressed to nobody, not to bp3mi.18");
    expect_step(yaml, "bp3mi.18", "repatriation.planned", own, true, "it is addressed to bp3mi.18");
}

static void test_explain_ceiling_that_cuts_is_told(void **state)
{
    const struct question near = {.region = "18.07"}, far = {.region = "35.09"};
    const char *grant =
        READS("kab", TYPE, "scope: NATIONAL, level: IDENTIFIED, purpose: placement");
    char yaml[4096];
    (void)state;
#define WITH(ceiling)                                                                              \
    (snprintf(yaml, sizeof(yaml), "%s%s%s", AGENCIES M1, grant, ceiling OPERATORS), yaml)
    expect_step(WITH(""), READER, TYPE, near, false,
                "the ceiling of kab.18.07 for group registration gives nothing");
    expect_step(
        WITH("ceilings:\n" CEILING("kab", "registration", "level: PSEUDONYMOUS, scope: NATIONAL")),
        READER, TYPE, near, true,
        "it reaches everywhere; the ceiling cuts IDENTIFIED to PSEUDONYMOUS");
    expect_step(
        WITH("ceilings:\n" CEILING(READER, "registration", "level: IDENTIFIED, scope: OWN")),
        READER, TYPE, far, false,
        "the ceiling of kab.18.07 for group registration reaches its own region alone, and region "
        "35.09 is outside 18.07");
}

static void test_explain_events_from_and_purpose_are_told(void **state)
{
    (void)state;
    expect_step(JOIN(AGENCIES, M1,
                     READS("kab", TYPE,
                           "scope: OWN, level: PUBLIC, purpose: placement, "
                           "events_from: 2026-07-01"),
                     CEILINGS, OPERATORS),
                READER, TYPE, (struct question){.region = "18.07"}, false,
                "it gives events recorded from 2026-07-01 on");
    expect_step(JOIN(AGENCIES, M1,
                     READS("kab", "\"*\"", "scope: OWN, level: PUBLIC, purpose: protection"),
                     CEILINGS, OPERATORS),
                READER, TYPE, (struct question){.region = "18.07"}, false,
                "worker.registered is not meant for the purpose protection");
}

static void test_explain_counts_and_what_is_none_are_told(void **state)
{
#define COUNTS                                                                                     \
    JOIN(AGENCIES, M1,                                                                             \
         READS("kab", "\"*\"", "scope: NATIONAL, level: AGGREGATE, purpose: statistics"),          \
         "ceilings:\n", CEILING("kab", "statistics", "level: IDENTIFIED, scope: NATIONAL"),        \
         OPERATORS)
    const struct question anywhere = {.region = ""};
    (void)state;
    expect_step(COUNTS, READER, "placement.stats.published", anywhere, true,
                "it reaches everywhere; not where a count is 1 to 4");
    expect_step(COUNTS, READER, "target.progress.published", anywhere, false,
                "AGGREGATE gives types made of counts, and target.progress.published is none");
}

static void test_explain_suspended_agency_has_grants_and_no_right(void **state)
{
    (void)state;
    explanation *e =
        explanation_of(own_policy, "kab.64.02", TYPE, false, (struct question){.region = "64.02"});

    assert_false(e->permitted);
    assert_string_equal(e->because, "agency kab.64.02 is suspended");
    assert_string_equal(e->steps[0]->because, "agency kab.64.02 is suspended");
    assert_int_equal(e->n_visible_fields, 0);
    drop(e);
}

static void test_explain_without_a_grant_says_so(void **state)
{
    (void)state;
    explanation *e =
        explanation_of(own_policy, "kl.komdigi", TYPE, true, (struct question){.region = "18.07"});

    assert_false(e->permitted);
    assert_string_equal(e->because, "no agreement grants kl.komdigi to publish worker.registered");
    assert_int_equal(e->n_steps, 0);
    assert_string_equal(e->fields[0]->because, "no grant applies");
    drop(e);
}

static void test_explain_tells_nothing_of_grants_for_others(void **state)
{
    (void)state;
    explanation *e = explanation_of(
        JOIN(AGENCIES, M1,
             READS("kab.35.09", TYPE, "scope: OWN, level: IDENTIFIED, purpose: placement"),
             READS("kab", TYPE, "scope: OWN, level: PUBLIC, purpose: placement"),
             READS("kl.kp2mi", TYPE, "scope: NATIONAL, level: IDENTIFIED, purpose: placement"),
             READS("bp3mi", TYPE, "scope: OWN, level: IDENTIFIED, purpose: placement"),
             READS("desa.18.07.15.2006", TYPE, "scope: OWN, level: PUBLIC, purpose: placement"),
             WRITES(READER, TYPE, "scope: OWN, level: IDENTIFIED, purpose: placement"), CEILINGS,
             OPERATORS),
        READER, TYPE, false, (struct question){.region = "18.07"});

    assert_int_equal(e->n_steps, 1);
    assert_int_equal(e->steps[0]->grant_index, 1);
    assert_string_equal(e->steps[0]->grantee, "kab");
    drop(e);
}

static void test_explain_verdict_counts_the_grants(void **state)
{
    const char *two =
        JOIN(AGENCIES, M1, READS("kab", TYPE, "scope: OWN, level: PUBLIC, purpose: placement"),
             READS(READER, "\"*\"", "scope: OWN, level: PUBLIC, purpose: placement"), CEILINGS,
             OPERATORS);
    const struct question far = {.region = "35.09"};
    (void)state;
    explanation *e = explanation_of(own_policy, READER, TYPE, false, far);
    assert_string_equal(e->because, "the one grant to read worker.registered does not apply");
    drop(e);

    e = explanation_of(two, READER, TYPE, false, far);
    assert_string_equal(e->because, "none of the 2 grants to read worker.registered applies");
    drop(e);
}

static void test_explain_grant_beyond_the_last_ground_is_told(void **state)
{
    char yaml[16384];
    size_t n = (size_t)snprintf(yaml, sizeof(yaml), "%s", AGENCIES M1);
    (void)state;
    for (int i = 0; i <= BP_GROUNDS_MAX; i++)
        n += (size_t)snprintf(
            yaml + n, sizeof(yaml) - n,
            "    - {grantee: kab, direction: SUBSCRIBE, events: worker.registered, "
            "legal_basis: law %d, scope: OWN, level: PUBLIC, purpose: "
            "placement}\n",
            i);
    snprintf(yaml + n, sizeof(yaml) - n, "%s", CEILINGS OPERATORS);

    explanation *e =
        explanation_of(yaml, READER, TYPE, false, (struct question){.region = "18.07"});

    assert_int_equal(count_applied(e), BP_GROUNDS_MAX);
    assert_string_equal(e->steps[BP_GROUNDS_MAX]->because, "32 grounds are told already");
    drop(e);
}

/* --- fields --- */

static void expect_field(const explanation *e, const char *name,
                         Berbagi__V1__ExplainResponse__Field__View view, const char *because)
{
    for (size_t i = 0; i < e->n_fields; i++) {
        if (strcmp(e->fields[i]->name, name) != 0)
            continue;
        assert_string_equal(e->fields[i]->because, because);
        assert_int_equal(e->fields[i]->view, view);
        return;
    }
    fail_msg("no field %s", name);
}

#define FULL BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL
#define COARSE BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_COARSE
#define REWRITTEN BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_REWRITTEN
#define WITHHELD BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_WITHHELD

static explanation *fields_of(const char *yaml, const char *type)
{
    return explanation_of(yaml, READER, type, false, (struct question){.region = "18.07"});
}

static void test_explain_fields_below_identified_have_their_reasons(void **state)
{
    (void)state;
    explanation *e =
        fields_of(JOIN(AGENCIES, M1,
                       READS("kab", TYPE, "scope: OWN, level: PSEUDONYMOUS, purpose: placement"),
                       CEILINGS, OPERATORS),
                  TYPE);

    assert_int_equal(e->envelope_level, BP_LEVEL_PSEUDONYMOUS);
    assert_string_equal(e->because, "1 of 1 grant to read worker.registered applies");
    expect_field(e, "sex", FULL, "m1 gives PSEUDONYMOUS");
    expect_field(e, "nik", WITHHELD, "names the person: from IDENTIFIED on; m1 gives PSEUDONYMOUS");
    expect_field(e, "birth_date", COARSE,
                 "its year; whole from IDENTIFIED on; m1 gives PSEUDONYMOUS");
    expect_field(e, "village_code", COARSE,
                 "its district; whole from IDENTIFIED on; m1 gives PSEUDONYMOUS");
    expect_field(e, "(unknown fields)", WITHHELD,
                 "only under a grant of IDENTIFIED with every kind of the type and no list of "
                 "fields");
    drop(e);
}

static void test_explain_field_reason_is_the_ceiling_where_it_cuts(void **state)
{
    (void)state;
    explanation *e = fields_of(
        JOIN(AGENCIES, M1, READS("kab", TYPE, "scope: OWN, level: IDENTIFIED, purpose: placement"),
             "ceilings:\n", CEILING("kab", "registration", "level: PUBLIC, scope: OWN"), OPERATORS),
        TYPE);

    expect_field(e, "sex", WITHHELD,
                 "PERSONAL data: from PSEUDONYMOUS on; m1 gives IDENTIFIED, which the ceiling cuts "
                 "to PUBLIC");
    expect_field(e, "scheme", WITHHELD,
                 "RESTRICTED data: from PSEUDONYMOUS on; m1 gives IDENTIFIED, which the ceiling "
                 "cuts to PUBLIC");
    drop(e);
}

static void test_explain_specific_kinds_are_named(void **state)
{
#define CASES(kinds, top)                                                                          \
    JOIN(AGENCIES, M1,                                                                             \
         READS("kab", "case.opened",                                                               \
               "scope: OWN, level: IDENTIFIED, purpose: protection, specific: [" kinds "]"),       \
         "ceilings:\n",                                                                            \
         CEILING("kab", "complaint_case", "level: IDENTIFIED, scope: OWN, specific: [" top "]"),   \
         OPERATORS)
    (void)state;
    explanation *e = fields_of(CASES("HEALTH", "HEALTH"), "case.opened");
    expect_field(e, "health_condition", FULL, "m1 gives IDENTIFIED");
    expect_field(e, "detention_flag", WITHHELD,
                 "specific data (CRIMINAL), which m1 does not grant");
    drop(e);

    e = fields_of(CASES("HEALTH, CRIMINAL", "HEALTH"), "case.opened");
    expect_field(e, "detention_flag", WITHHELD,
                 "specific data (CRIMINAL): m1 grants it, the ceiling does not");
    assert_string_equal(e->steps[0]->because,
                        "region 18.07 is within 18.07; the ceiling takes away CRIMINAL");
    drop(e);
}

static void test_explain_reference_is_told_as_rewritten(void **state)
{
    (void)state;
    explanation *e = fields_of(
        JOIN(AGENCIES, M1,
             READS("kab", "employment.status.changed",
                   "scope: OWN, level: PSEUDONYMOUS, purpose: protection"),
             "ceilings:\n", CEILING("kab", "movement", "level: IDENTIFIED, scope: OWN"), OPERATORS),
        "employment.status.changed");

    expect_field(e, "employer_ref", REWRITTEN,
                 "a reference of the reader's own; the exchange's from IDENTIFIED on; m1 gives "
                 "PSEUDONYMOUS");
    drop(e);
}

static void test_explain_lists_of_fields_and_several_grants(void **state)
{
    (void)state;
    explanation *e = fields_of(
        JOIN(AGENCIES, M1,
             READS("kab", TYPE,
                   "scope: OWN, level: IDENTIFIED, purpose: placement, only_fields: [nik, phone], "
                   "never_fields: [phone]"),
             READS(READER, "worker.*",
                   "scope: NATIONAL, level: PSEUDONYMOUS, purpose: placement, "
                   "never_fields: [sex, phone]"),
             CEILINGS, OPERATORS),
        TYPE);

    assert_string_equal(e->because, "2 of 2 grants to read worker.registered apply");
    expect_field(e, "nik", FULL, "m1 gives IDENTIFIED");
    expect_field(e, "marital_status", FULL, "m1 gives PSEUDONYMOUS");
    expect_field(e, "sex", WITHHELD, "not among the fields that m1 names");
    expect_field(e, "phone", WITHHELD, "m1 bars it by name");
    assert_int_equal(e->envelope_level, BP_LEVEL_IDENTIFIED);
    drop(e);
}

static void test_explain_publish_tells_fields_that_may_be_set(void **state)
{
    (void)state;
    explanation *e = explanation_of(
        JOIN(AGENCIES, M1,
             WRITES("kab", TYPE,
                    "scope: OWN, level: PSEUDONYMOUS, purpose: placement, may_resolve: true"),
             OPERATORS),
        READER, TYPE, true, (struct question){.region = "18.07"});

    assert_true(e->permitted);
    assert_true(e->may_resolve);
    expect_field(e, "village_code", FULL, "m1 gives PSEUDONYMOUS");
    expect_field(e, "nik", WITHHELD, "names the person: from IDENTIFIED on; m1 gives PSEUDONYMOUS");
    drop(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain_sample_never_disagrees_with_the_decisions),
        cmocka_unit_test(test_explain_days_and_status_of_an_agreement_are_told),
        cmocka_unit_test(test_explain_scope_that_fails_is_told_with_both_places),
        cmocka_unit_test(test_explain_addressee_that_is_another_is_told),
        cmocka_unit_test(test_explain_ceiling_that_cuts_is_told),
        cmocka_unit_test(test_explain_events_from_and_purpose_are_told),
        cmocka_unit_test(test_explain_counts_and_what_is_none_are_told),
        cmocka_unit_test(test_explain_suspended_agency_has_grants_and_no_right),
        cmocka_unit_test(test_explain_without_a_grant_says_so),
        cmocka_unit_test(test_explain_tells_nothing_of_grants_for_others),
        cmocka_unit_test(test_explain_verdict_counts_the_grants),
        cmocka_unit_test(test_explain_grant_beyond_the_last_ground_is_told),
        cmocka_unit_test(test_explain_fields_below_identified_have_their_reasons),
        cmocka_unit_test(test_explain_field_reason_is_the_ceiling_where_it_cuts),
        cmocka_unit_test(test_explain_specific_kinds_are_named),
        cmocka_unit_test(test_explain_reference_is_told_as_rewritten),
        cmocka_unit_test(test_explain_lists_of_fields_and_several_grants),
        cmocka_unit_test(test_explain_publish_tells_fields_that_may_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
