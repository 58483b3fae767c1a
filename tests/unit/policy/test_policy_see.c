/* Reading: each sentence of the rules in a policy made for it. */
#include "small_policy.h"

#define BY "purpose: placement"
#define ALL_OF(audience)                                                                           \
    CEILING(audience, "registration, capacity, health, movement",                                  \
            "level: IDENTIFIED, specific: [HEALTH], scope: NATIONAL")
#define HOME ((struct question){.region = "18.07.12.2003"})

/* One grant to read worker.registered. */
#define ONE(grantee, terms, ceiling)                                                               \
    AGENCIES M1 READS(grantee, "worker.registered", terms ", " BY) "ceilings:\n" ceiling OPERATORS

static void test_see_without_a_grant_gives_nothing(void **state)
{
    struct bp_policy *p = policy_of(
        ONE("kab.18.07", "scope: NATIONAL, level: IDENTIFIED", ALL_OF("kab") ALL_OF("kl")));
    (void)state;

    assert_true(may_see(p, "kab.18.07", "worker.registered", HOME));
    assert_false(may_see(p, "kab.18.07", "worker.verified", HOME));
    assert_false(may_see(p, "kab.35.09", "worker.registered", HOME));
    assert_false(may_see(p, "kl.kp2mi", "worker.registered", HOME)); /* a party, but no grantee */
    bp_policy_unref(p);
}

static void test_see_kind_as_grantee_is_every_agency_of_it(void **state)
{
    struct bp_policy *p = policy_of(ONE("kab", "scope: OWN, level: IDENTIFIED", ALL_OF("kab")));
    (void)state;

    assert_true(may_see(p, "kab.18.07", "worker.registered", HOME));
    assert_true(may_see(p, "kab.35.09", "worker.registered", (struct question){.region = "35.09"}));
    assert_false(may_see(p, "kab.35.09", "worker.registered", HOME));
    bp_policy_unref(p);
}

static void test_see_own_scope_compares_whole_parts(void **state)
{
    struct bp_policy *p =
        policy_of(ONE("[kab.18.07, bp3mi.18, desa.18.07.15.2006]", "scope: OWN, level: IDENTIFIED",
                      ALL_OF("kab") ALL_OF("bp3mi") ALL_OF("desa")));
    (void)state;

    assert_true(may_see(p, "kab.18.07", "worker.registered", (struct question){.region = "18.07"}));
    assert_true(
        may_see(p, "kab.18.07", "worker.registered", (struct question){.region = "18.07.12"}));
    assert_false(may_see(p, "kab.18.07", "worker.registered", (struct question){.region = "18"}));
    assert_false(may_see(p, "kab.18.07", "worker.registered", (struct question){.region = ""}));
    assert_false(
        may_see(p, "kab.18.07", "worker.registered", (struct question){.region = "18.71"}));
    assert_true(may_see(p, "bp3mi.18", "worker.registered", (struct question){.region = "18.71"}));
    assert_true(may_see(p, "desa.18.07.15.2006", "worker.registered",
                        (struct question){.region = "18.07.15.2006"}));
    assert_false(may_see(p, "desa.18.07.15.2006", "worker.registered",
                         (struct question){.region = "18.07.15"}));
    bp_policy_unref(p);
}

static void test_see_regions_scope_reaches_the_named_ones(void **state)
{
    struct bp_policy *p = policy_of(
        ONE("kl.kp2mi", "scope: REGIONS, regions: [\"35.09\", \"18.07.12\"], level: IDENTIFIED",
            ALL_OF("kl.kp2mi")));
    (void)state;

    assert_true(may_see(p, "kl.kp2mi", "worker.registered", HOME));
    assert_true(
        may_see(p, "kl.kp2mi", "worker.registered", (struct question){.region = "35.09.01"}));
    assert_false(may_see(p, "kl.kp2mi", "worker.registered", (struct question){.region = "18.07"}));
    assert_false(may_see(p, "kl.kp2mi", "worker.registered", (struct question){.region = ""}));
    bp_policy_unref(p);
}

static void test_see_country_scope_is_the_grant_s_or_the_mission_s(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             READS("perwakilan.tw.taipei", "arrival.registered",
                   "scope: COUNTRY, level: IDENTIFIED, purpose: protection"),
             READS("kl.kemlu", "arrival.registered",
                   "scope: COUNTRY, countries: [HK, MY], level: IDENTIFIED, purpose: protection"),
             "ceilings:\n", ALL_OF("kl.kemlu"),
             CEILING("perwakilan", "movement", "level: IDENTIFIED, scope: COUNTRY"), OPERATORS));
    struct question taiwan = {.region = "18.07", .destination = "TW"},
                    hongkong = {.region = "18.07", .destination = "HK"};
    (void)state;

    assert_true(may_see(p, "perwakilan.tw.taipei", "arrival.registered", taiwan));
    assert_false(may_see(p, "perwakilan.tw.taipei", "arrival.registered", hongkong));
    assert_false(may_see(p, "perwakilan.tw.taipei", "arrival.registered",
                         (struct question){.region = "18.07"}));
    assert_true(may_see(p, "kl.kemlu", "arrival.registered", hongkong));
    assert_false(may_see(p, "kl.kemlu", "arrival.registered", taiwan));
    bp_policy_unref(p);
}

static void test_see_addressed_scope_lies_inside_every_ceiling(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        READS("rs.18.07.sukadana", "medical.exam.recorded",
              "scope: ADDRESSED, level: IDENTIFIED, specific: [HEALTH], purpose: placement"),
        READS("kab.18.07", "medical.exam.recorded",
              "scope: NATIONAL, level: IDENTIFIED, purpose: placement"),
        "ceilings:\n", CEILING("rs", "health", "level: IDENTIFIED, specific: [HEALTH], scope: OWN"),
        CEILING("kab", "health", "level: IDENTIFIED, scope: OWN"), OPERATORS));
    struct question far = {.region = "35.09", .addressed_to = "rs.18.07.sukadana"};
    (void)state;

    assert_true(may_see(p, "rs.18.07.sukadana", "medical.exam.recorded", far));
    assert_false(may_see(p, "rs.18.07.sukadana", "medical.exam.recorded", HOME));
    assert_false(may_see(p, "kab.18.07", "medical.exam.recorded", far));
    far.addressed_to = "kab.18.07";
    assert_true(may_see(p, "kab.18.07", "medical.exam.recorded", far));
    bp_policy_unref(p);
}

static void test_see_days_of_the_agreement_are_inclusive(void **state)
{
    struct bp_policy *p =
        policy_of(ONE("kab.18.07", "scope: OWN, level: IDENTIFIED", ALL_OF("kab")));
    struct question q = HOME;
    (void)state;

    assert_false(may_see(p, "kab.18.07", "worker.registered", (q.day = "2025-12-31", q)));
    assert_true(may_see(p, "kab.18.07", "worker.registered", (q.day = "2026-01-01", q)));
    assert_true(may_see(p, "kab.18.07", "worker.registered", (q.day = "2026-12-31", q)));
    assert_false(may_see(p, "kab.18.07", "worker.registered", (q.day = "2027-01-01", q)));
    bp_policy_unref(p);
}

static void test_see_agreement_not_in_force_gives_nothing(void **state)
{
    (void)state;
    static const char *const statuses[] = {"SUSPENDED", "TERMINATED", "IN_FORCE"};
    for (size_t i = 0; i < 3; i++) {
        char yaml[4096];
        snprintf(yaml, sizeof(yaml),
                 "%sagreements:\n  - id: m1\n    parties: [kl.kp2mi]\n    status: %s\n    "
                 "valid_from: 2026-01-01\n"
                 "    valid_to: 2026-12-31\n    grants:\n%sceilings:\n%s%s",
                 AGENCIES, statuses[i],
                 READS("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY),
                 ALL_OF("kab"), OPERATORS);
        struct bp_policy *p = policy_of(yaml);

        assert_int_equal(may_see(p, "kab.18.07", "worker.registered", HOME), i == 2);
        assert_int_equal(
            bp_policy_sees_anything(p, bp_policy_agency(p, BP_STR("kab.18.07")), day("2026-06-01")),
            i == 2);
        bp_policy_unref(p);
    }
}

static void test_see_right_by_law_has_no_end(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES,
             "agreements:\n  - id: law\n    parties: [kl.kp2mi]\n    status: IN_FORCE\n    "
             "valid_from: 2017-11-22\n    grants:\n",
             READS("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY),
             "ceilings:\n", ALL_OF("kab"), OPERATORS));
    struct bp_sight sight;
    struct bp_ground ground;
    struct question q = HOME;
    (void)state;

    q.day = "2999-01-01";
    assert_true(sees(p, "kab.18.07", "worker.registered", q, &sight));
    assert_int_equal(bp_policy_ground(p, sight.grounds[0], &ground), BP_OK);
    assert_int_equal(ground.valid_to, BP_DAY_NEVER);
    bp_policy_unref(p);
}

static void test_see_suspended_agency_gives_nothing(void **state)
{
    struct bp_policy *p = policy_of(ONE("kab", "scope: OWN, level: IDENTIFIED", ALL_OF("kab")));
    const struct bp_agency *a = bp_policy_agency(p, BP_STR("kab.64.02"));
    (void)state;

    assert_true(bp_agency_is_suspended(a));
    assert_false(
        may_see(p, "kab.64.02", "worker.registered", (struct question){.region = "64.02"}));
    assert_false(bp_policy_sees_anything(p, a, day("2026-06-01")));
    assert_false(bp_policy_sees_type(p, a, type_named("worker.registered"), day("2026-06-01")));
    bp_policy_unref(p);
}

static void test_see_pattern_takes_in_types_of_its_purpose_alone(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        READS("kab.18.07", "\"*\"", "scope: NATIONAL, level: IDENTIFIED, purpose: voter_rights"),
        READS("kab.35.09", "worker.*", "scope: NATIONAL, level: IDENTIFIED, purpose: placement"),
        "ceilings:\n",
        CEILING("kab", "registration, voter, movement", "level: IDENTIFIED, scope: NATIONAL"),
        OPERATORS));
    (void)state;

    assert_true(may_see(p, "kab.18.07", "voter.aggregate.published", HOME));
    assert_false(may_see(p, "kab.18.07", "worker.registered", HOME));
    assert_true(may_see(p, "kab.35.09", "worker.registered", HOME));
    assert_true(may_see(p, "kab.35.09", "worker.withdrawn", HOME));
    assert_false(may_see(p, "kab.35.09", "departure.recorded", HOME));
    bp_policy_unref(p);
}

static void test_see_events_from_keeps_back_what_was_recorded_before(void **state)
{
    struct bp_policy *p = policy_of(ONE(
        "kab.18.07", "scope: OWN, level: IDENTIFIED, events_from: \"2026-03-01\"", ALL_OF("kab")));
    struct question q = HOME;
    (void)state;

    assert_false(may_see(p, "kab.18.07", "worker.registered", (q.recorded_on = "2026-02-28", q)));
    assert_true(may_see(p, "kab.18.07", "worker.registered", (q.recorded_on = "2026-03-01", q)));
    bp_policy_unref(p);
}

/* --- levels --- */

static void test_see_pseudonymous_hides_identifiers_and_coarsens(void **state)
{
    struct bp_policy *p =
        policy_of(ONE("kab.18.07", "scope: OWN, level: PSEUDONYMOUS", ALL_OF("kab")));
    const char *type = "worker.registered";
    struct bp_sight sight;
    (void)state;

    assert_true(sees(p, "kab.18.07", type, HOME, &sight));

    assert_int_equal(sight.view.level, BP_LEVEL_PSEUDONYMOUS);
    assert_true((sight.view.full & field_of(type, "sex")) != 0);
    assert_true((sight.view.coarse & field_of(type, "birth_date")) != 0);
    assert_true((sight.view.coarse & field_of(type, "village_code")) != 0);
    assert_true(((sight.view.full | sight.view.coarse) &
                 (field_of(type, "nik") | field_of(type, "full_name"))) == 0);
    assert_false(sight.view.unknown_fields);
    bp_policy_unref(p);
}

static void test_see_specific_kinds_are_named_on_top(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             READS("kab.18.07", "case.opened",
                   "scope: NATIONAL, level: IDENTIFIED, purpose: protection"),
             READS("kl.kemlu", "case.opened",
                   "scope: NATIONAL, level: IDENTIFIED, specific: [HEALTH], purpose: protection"),
             "ceilings:\n",
             CEILING("kab", "complaint_case",
                     "level: IDENTIFIED, specific: [HEALTH, CRIMINAL], scope: NATIONAL"),
             CEILING("kl.kemlu", "complaint_case",
                     "level: IDENTIFIED, specific: [HEALTH, CRIMINAL], scope: NATIONAL"),
             OPERATORS));
    (void)state;

    assert_true(sees_field(p, "kab.18.07", "case.opened", "case_number", HOME));
    assert_false(sees_field(p, "kab.18.07", "case.opened", "health_condition", HOME));
    assert_true(sees_field(p, "kl.kemlu", "case.opened", "health_condition", HOME));
    assert_false(sees_field(p, "kl.kemlu", "case.opened", "detention_flag", HOME));
    bp_policy_unref(p);
}

static void test_see_field_lists_narrow_the_payload(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        READS("kab.18.07", "worker.registered",
              "scope: OWN, level: IDENTIFIED, only_fields: [sex, scheme], " BY),
        READS("kab.35.09", "worker.registered",
              "scope: NATIONAL, level: IDENTIFIED, never_fields: [nik], " BY),
        READS("prov.18", "worker.*", "scope: OWN, level: IDENTIFIED, never_fields: [nik], " BY),
        "ceilings:\n", ALL_OF("kab"), ALL_OF("prov"), OPERATORS));
    struct bp_sight sight;
    (void)state;

    assert_true(sees(p, "prov.18", "worker.verified", HOME, &sight));
    assert_true((sight.view.full & field_of("worker.verified", "decision")) != 0);
    assert_false(sight.view.unknown_fields); /* though its type has no such field */
    assert_true(sees(p, "kab.18.07", "worker.registered", HOME, &sight));
    assert_true(sight.view.full ==
                (field_of("worker.registered", "sex") | field_of("worker.registered", "scheme")));
    assert_false(sight.view.unknown_fields);
    assert_true(sees(p, "kab.35.09", "worker.registered", HOME, &sight));
    assert_true(sight.view.full ==
                (~(bp_fields)0 >> (64 - type_named("worker.registered")->n_fields) &
                 ~field_of("worker.registered", "nik")));
    assert_false(sight.view.unknown_fields);
    bp_policy_unref(p);
}

static void test_see_several_grants_give_the_union_and_every_ground(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        READS("kab.18.07", "worker.registered", "scope: NATIONAL, level: PSEUDONYMOUS, " BY),
        READS("kab", "worker.registered", "scope: OWN, level: IDENTIFIED, only_fields: [nik], " BY),
        "    - {grantee: kab.18.07, direction: SUBSCRIBE, events: worker.*, scope: NATIONAL, "
        "level: PUBLIC, legal_basis: other, ",
        BY, "}\n", "ceilings:\n", ALL_OF("kab"), OPERATORS));
    const char *type = "worker.registered";
    struct bp_sight sight;
    (void)state;

    assert_true(sees(p, "kab.18.07", type, HOME, &sight));
    assert_int_equal(sight.view.level, BP_LEVEL_IDENTIFIED);
    assert_true((sight.view.full & field_of(type, "nik")) != 0);
    assert_true((sight.view.full & field_of(type, "full_name")) == 0);
    assert_true((sight.view.coarse & field_of(type, "birth_date")) != 0);
    assert_int_equal(sight.n_grounds, 2); /* two of the three have the same terms */
    assert_true(sight.grounds[0] < sight.grounds[1]);

    assert_true(sees(p, "kab.18.07", type, (struct question){.region = "35.09"}, &sight));
    assert_int_equal(sight.view.level, BP_LEVEL_PSEUDONYMOUS);
    assert_true((sight.view.full & field_of(type, "nik")) == 0);
    bp_policy_unref(p);
}

/* --- ceilings --- */

static void test_see_ceiling_missing_or_none_gives_nothing(void **state)
{
    struct bp_policy *p =
        policy_of(ONE("kab", "scope: OWN, level: IDENTIFIED",
                      JOIN(CEILING("kab.18.07", "registration", "level: NONE"),
                           CEILING("kab.35.09", "health", "level: IDENTIFIED, scope: OWN"))));
    struct bp_policy *q =
        policy_of(ONE("kab", "scope: OWN, level: IDENTIFIED",
                      JOIN(CEILING("kab.18.07", "registration", "level: NONE"), ALL_OF("kab"))));
    struct bp_policy *behind =
        policy_of(ONE("kab", "scope: OWN, level: IDENTIFIED",
                      JOIN(ALL_OF("kab"), CEILING("kab.18.07", "registration", "level: NONE"))));
    struct question other = {.region = "35.09"};
    (void)state;

    assert_false(may_see(p, "kab.18.07", "worker.registered", HOME));
    assert_false(may_see(p, "kab.35.09", "worker.registered", other));
    assert_false(
        may_see(q, "kab.18.07", "worker.registered", HOME)); /* the id's row beats the kind's */
    assert_true(may_see(q, "kab.35.09", "worker.registered", other));
    assert_false(may_see(behind, "kab.18.07", "worker.registered", HOME)); /* in either order */
    bp_policy_unref(p);
    bp_policy_unref(q);
    bp_policy_unref(behind);
}

static void test_see_ceiling_cuts_level_kinds_and_scope(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             READS("kab", "medical.exam.recorded",
                   "scope: NATIONAL, level: IDENTIFIED, specific: [HEALTH], purpose: placement"),
             READS("kab", "worker.registered", "scope: NATIONAL, level: IDENTIFIED, " BY),
             "ceilings:\n", CEILING("kab", "health", "level: IDENTIFIED, scope: OWN"),
             CEILING("kab", "registration", "level: PSEUDONYMOUS, scope: NATIONAL"), OPERATORS));
    struct bp_sight sight;
    (void)state;

    assert_true(
        sees(p, "kab.18.07", "worker.registered", (struct question){.region = "35.09"}, &sight));
    assert_int_equal(sight.view.level, BP_LEVEL_PSEUDONYMOUS);
    assert_false(
        may_see(p, "kab.18.07", "medical.exam.recorded", (struct question){.region = "35.09"}));
    assert_true(may_see(p, "kab.18.07", "medical.exam.recorded", HOME));
    assert_false(sees_field(p, "kab.18.07", "medical.exam.recorded", "fitness", HOME));
    bp_policy_unref(p);
}

static void test_see_ceiling_of_aggregate_leaves_what_is_public(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        READS("kab", "worker.registered", "scope: OWN, level: IDENTIFIED, purpose: placement"),
        READS("kab", "training.enrolled", "scope: OWN, level: IDENTIFIED, purpose: training"),
        READS("kab", "voter.aggregate.published",
              "scope: NATIONAL, level: IDENTIFIED, purpose: voter_rights"),
        "ceilings:\n", CEILING("kab", "registration, capacity", "level: AGGREGATE, scope: OWN"),
        CEILING("kab", "voter", "level: AGGREGATE, scope: NATIONAL"), OPERATORS));
    struct question few = {.region = "18.07", .small_count = true};
    struct bp_sight sight;
    (void)state;

    assert_true(sees(p, "kab.18.07", "training.enrolled", HOME, &sight));
    assert_int_equal(sight.view.level, BP_LEVEL_PUBLIC);
    assert_true((sight.view.full & field_of("training.enrolled", "program_id")) != 0);
    assert_true(((sight.view.full | sight.view.coarse) &
                 field_of("training.enrolled", "enrolment_number")) == 0);
    assert_true(sees(p, "kab.18.07", "training.enrolled", few,
                     &sight)); /* a count is of aggregate types alone */
    assert_true(sees(p, "kab.18.07", "voter.aggregate.published", HOME, &sight));
    assert_int_equal(sight.view.level, BP_LEVEL_AGGREGATE);
    assert_true((sight.view.full & field_of("voter.aggregate.published", "eligible_voters")) != 0);
    assert_false(sees(p, "kab.18.07", "voter.aggregate.published", few, &sight));
    bp_policy_unref(p);
}

static void test_see_aggregate_grant_gives_counts_alone(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             READS("kab", "\"*\"", "scope: NATIONAL, level: AGGREGATE, purpose: statistics"),
             READS("kab", "voter.aggregate.published",
                   "scope: NATIONAL, level: AGGREGATE, purpose: voter_rights"),
             "ceilings:\n", CEILING("kab", "voter", "level: PUBLIC, scope: NATIONAL"),
             CEILING("kab", "statistics, outreach, governance, movement",
                     "level: IDENTIFIED, scope: NATIONAL"),
             OPERATORS));
    struct question few = {.region = "18.07", .small_count = true};
    (void)state;

    assert_true(may_see(p, "kab.18.07", "placement.stats.published", HOME));
    assert_false(may_see(p, "kab.18.07", "placement.stats.published", few));
    assert_false(may_see(p, "kab.18.07", "target.progress.published", HOME));
    assert_true(may_see(p, "kab.18.07", "voter.aggregate.published", HOME));
    assert_false(may_see(p, "kab.18.07", "voter.aggregate.published",
                         few)); /* a lower ceiling tells no more */
    bp_policy_unref(p);
}

static void test_see_public_id_of_a_village_is_its_parent_s(void **state)
{
    struct bp_policy *p = policy_of(JOIN(AGENCIES, OPERATORS));
    (void)state;

    assert_true(bp_str_is(bp_agency_public_id(bp_policy_agency(p, BP_STR("desa.18.07.15.2006"))),
                          "kab.18.07"));
    assert_true(
        bp_str_is(bp_agency_public_id(bp_policy_agency(p, BP_STR("kab.18.07"))), "kab.18.07"));
    assert_null(bp_policy_agency(p, BP_STR("kab.18.08")));
    bp_policy_unref(p);
}

/* More grounds than can be told: a right beyond them shows nothing. */
static void test_see_more_grounds_than_can_be_told_show_no_more(void **state)
{
    struct bp_buf yaml = {0};
    struct bp_sight sight;
    (void)state;
    bp_buf_add_text(&yaml, AGENCIES M1);
    for (int i = 0; i < BP_GROUNDS_MAX; i++)
        bp_buf_printf(&yaml,
                      "    - {grantee: kab.18.07, direction: SUBSCRIBE, events: worker.registered, "
                      "scope: OWN, level: PUBLIC,"
                      " purpose: placement, legal_basis: article %02d}\n",
                      i);
    bp_buf_add_text(&yaml, "    - {grantee: kab.18.07, direction: SUBSCRIBE, events: "
                           "worker.registered, scope: OWN, level: IDENTIFIED,"
                           " purpose: placement, legal_basis: beyond}\n");
    bp_buf_add_text(&yaml, "ceilings:\n" ALL_OF("kab") OPERATORS);
    bp_buf_add_byte(&yaml, 0);
    struct bp_policy *p = policy_of((const char *)yaml.p);

    assert_true(sees(p, "kab.18.07", "worker.registered", HOME, &sight));

    assert_int_equal(sight.n_grounds, BP_GROUNDS_MAX);
    assert_int_equal(sight.view.level, BP_LEVEL_PUBLIC);
    bp_policy_unref(p);
    bp_buf_fini(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_see_without_a_grant_gives_nothing),
        cmocka_unit_test(test_see_kind_as_grantee_is_every_agency_of_it),
        cmocka_unit_test(test_see_own_scope_compares_whole_parts),
        cmocka_unit_test(test_see_regions_scope_reaches_the_named_ones),
        cmocka_unit_test(test_see_country_scope_is_the_grant_s_or_the_mission_s),
        cmocka_unit_test(test_see_addressed_scope_lies_inside_every_ceiling),
        cmocka_unit_test(test_see_days_of_the_agreement_are_inclusive),
        cmocka_unit_test(test_see_agreement_not_in_force_gives_nothing),
        cmocka_unit_test(test_see_right_by_law_has_no_end),
        cmocka_unit_test(test_see_suspended_agency_gives_nothing),
        cmocka_unit_test(test_see_pattern_takes_in_types_of_its_purpose_alone),
        cmocka_unit_test(test_see_events_from_keeps_back_what_was_recorded_before),
        cmocka_unit_test(test_see_pseudonymous_hides_identifiers_and_coarsens),
        cmocka_unit_test(test_see_specific_kinds_are_named_on_top),
        cmocka_unit_test(test_see_field_lists_narrow_the_payload),
        cmocka_unit_test(test_see_several_grants_give_the_union_and_every_ground),
        cmocka_unit_test(test_see_ceiling_missing_or_none_gives_nothing),
        cmocka_unit_test(test_see_ceiling_cuts_level_kinds_and_scope),
        cmocka_unit_test(test_see_ceiling_of_aggregate_leaves_what_is_public),
        cmocka_unit_test(test_see_aggregate_grant_gives_counts_alone),
        cmocka_unit_test(test_see_public_id_of_a_village_is_its_parent_s),
        cmocka_unit_test(test_see_more_grounds_than_can_be_told_show_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
