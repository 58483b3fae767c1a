/* Publishing: who may speak, for whom, of what, where, and with which fields. */
#include "small_policy.h"

#define BY "purpose: placement"
#define HOME                                                                                       \
    {                                                                                              \
        .region = "18.07.12.2003"                                                                  \
    }
#define ONE(grantee, terms)                                                                        \
    AGENCIES M1 WRITES(grantee, "worker.registered", terms ", " BY) OPERATORS

static const char *const names[] = {"nik", "full_name", NULL};
static const char *const plain[] = {"sex", "scheme", NULL};

static void test_publish_own_region_is_permitted(void **state)
{
    struct bp_policy *p = policy_of(ONE("kab.18.07", "scope: OWN, level: IDENTIFIED"));
    (void)state;

    struct bp_publish_verdict v =
        judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", names, .about = HOME});

    assert_true(v.permitted);
    assert_int_equal(v.grant, 1);
    assert_null(v.field);
    bp_policy_unref(p);
}

static void test_publish_refusals_name_what_stands_in_the_way(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             WRITES("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY),
             WRITES("perwakilan.tw.taipei", "arrival.registered",
                    "scope: COUNTRY, level: IDENTIFIED, purpose: protection"),
             WRITES("rs.18.07.sukadana", "medical.exam.recorded",
                    "scope: ADDRESSED, level: IDENTIFIED, specific: [HEALTH], " BY),
             OPERATORS));
    struct publishing q = {"kab.18.07", NULL, "worker.registered", names, .about = HOME};
    (void)state;

    assert_string_equal(judge(p, (q.about.region = "35.09", q)).field, "region");
    assert_string_equal(judge(p, (q.about.region = "", q)).field, "region");
    q.about.region = "18.07";
    assert_string_equal(judge(p, (q.about.day = "2027-01-01", q)).field, "type");
    assert_string_equal(
        judge(p, (struct publishing){"kab.18.07", NULL, "departure.recorded", NULL, .about = HOME})
            .field,
        "type");
    assert_string_equal(
        judge(p, (struct publishing){"kab.35.09", NULL, "worker.registered", NULL, .about = HOME})
            .field,
        "type");
    assert_string_equal(
        judge(p, (struct publishing){"perwakilan.tw.taipei", NULL, "arrival.registered", NULL,
                                     .about = {.region = "18.07", .destination = "HK"}})
            .field,
        "destination");
    assert_string_equal(judge(p, (struct publishing){"rs.18.07.sukadana", NULL,
                                                     "medical.exam.recorded", NULL, .about = HOME})
                            .field,
                        "addressed_to");
    bp_policy_unref(p);
}

static void test_publish_fields_beyond_the_grant_are_barred(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             WRITES("kab.18.07", "worker.registered", "scope: OWN, level: PSEUDONYMOUS, " BY),
             WRITES("kab.18.07", "worker.registered",
                    "scope: OWN, level: IDENTIFIED, only_fields: [nik], " BY),
             WRITES("kab.35.09", "worker.registered",
                    "scope: OWN, level: IDENTIFIED, never_fields: [nik], " BY),
             WRITES("kl.kp2mi", "case.opened",
                    "scope: NATIONAL, level: IDENTIFIED, specific: [HEALTH], purpose: protection"),
             OPERATORS));
    static const char *const nik[] = {"nik", NULL},
                             *const coarse[] = {"birth_date", "village_code", NULL},
                             *const health[] = {"health_condition", NULL},
                             *const crime[] = {"detention_flag", NULL};
    (void)state;

    struct bp_publish_verdict v =
        judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", names, .about = HOME});
    assert_false(v.permitted);
    assert_string_equal(v.field, "data");
    assert_true(v.barred == field_of("worker.registered",
                                     "full_name")); /* the second grant adds the first name alone */
    v = judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", plain, .about = HOME});
    assert_true(v.permitted);
    assert_int_equal(v.grant, 1);
    v = judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", nik, .about = HOME});
    assert_true(v.permitted);
    assert_int_equal(v.grant, 2); /* the first that permits it by itself */
    assert_true(
        judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", coarse, .about = HOME})
            .permitted);
    assert_true(judge(p, (struct publishing){"kab.35.09", NULL, "worker.registered", nik,
                                             .about = {.region = "35.09"}})
                    .barred != 0);
    assert_true(
        judge(p, (struct publishing){"kl.kp2mi", NULL, "case.opened", health, .about = HOME})
            .permitted);
    assert_false(
        judge(p, (struct publishing){"kl.kp2mi", NULL, "case.opened", crime, .about = HOME})
            .permitted);
    bp_policy_unref(p);
}

static void test_publish_by_nik_needs_may_resolve(void **state)
{
    struct bp_policy *p = policy_of(JOIN(
        AGENCIES, M1,
        WRITES("kab.18.07", "worker.registered",
               "scope: OWN, level: IDENTIFIED, may_resolve: true, " BY),
        WRITES("kab.35.09", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY), OPERATORS));
    struct publishing q = {"kab.18.07",      NULL,         "worker.registered", NULL,
                           .resolves = true, .about = HOME};
    bp_day today = day("2026-06-01");
    (void)state;

    assert_true(judge(p, q).permitted);
    assert_string_equal(
        judge(p, (struct publishing){"kab.35.09", NULL, "worker.registered", NULL, .resolves = true,
                                     .about = {.region = "35.09"}})
            .field,
        "subject");
    assert_true(bp_policy_may_resolve(p, bp_policy_agency(p, BP_STR("kab.18.07")), today));
    assert_false(
        bp_policy_may_resolve(p, bp_policy_agency(p, BP_STR("kab.18.07")), day("2027-01-01")));
    assert_false(bp_policy_may_resolve(p, bp_policy_agency(p, BP_STR("kab.35.09")), today));
    bp_policy_unref(p);
}

static void test_publish_parent_speaks_for_its_children_alone(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             WRITES("desa", "worker.registered",
                    "scope: OWN, level: IDENTIFIED, may_resolve: true, " BY),
             WRITES("kab", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY), OPERATORS));
    const char *village = "desa.18.07.15.2006";
    struct publishing q = {"kab.18.07", village,          "worker.registered",
                           names,       .resolves = true, .about = {.region = "18.07.15.2006"}};
    (void)state;

    assert_true(judge(p, q).permitted);                         /* with the child's may_resolve */
    assert_true(judge(p, (q.sender = "prov.18", q)).permitted); /* at any depth */
    assert_string_equal(judge(p, (q.sender = "kab.35.09", q)).field, "source"); /* never sideways */
    assert_string_equal(judge(p, (struct publishing){village, "kab.18.07", "worker.registered",
                                                     NULL, .about = HOME})
                            .field,
                        "source");
    q.sender = "kab.18.07";
    q.about.region = "18.07.12.2003"; /* the child's rights count: its own region */
    assert_string_equal(judge(p, q).field, "region");
    bp_policy_unref(p);
}

static void test_publish_suspension_of_either_bars_both(void **state)
{
    static const char *const sets[] = {"suspended: true", "suspended: false"};
    (void)state;
    for (int child = 0; child < 2; child++) {
        char yaml[2048];
        snprintf(yaml, sizeof(yaml),
                 "agencies:\n  - {id: kab.18.07, region: \"18.07\", %s}\n"
                 "  - {id: desa.18.07.15.2006, region: \"18.07.15.2006\", parent: kab.18.07, %s}\n"
                 "agreements:\n  - {id: m1, parties: [kab.18.07], status: IN_FORCE, valid_from: "
                 "2026-01-01, valid_to: 2026-12-31, grants: [\n"
                 "      {grantee: desa, direction: PUBLISH, events: worker.registered, scope: OWN, "
                 "level: IDENTIFIED, legal_basis: law, " BY "}]}\n%s",
                 sets[child], sets[1 - child], OPERATORS);
        struct bp_policy *p = policy_of(yaml);

        struct bp_publish_verdict v =
            judge(p, (struct publishing){"kab.18.07", "desa.18.07.15.2006", "worker.registered",
                                         NULL, .about = {.region = "18.07.15.2006"}});

        assert_false(v.permitted);
        assert_string_equal(v.field, "source");
        bp_policy_unref(p);
    }
}

static void test_publish_is_not_bound_by_ceilings(void **state)
{
    struct bp_policy *p = policy_of(
        JOIN(AGENCIES, M1,
             WRITES("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY),
             "ceilings:\n", CEILING("kab", "registration", "level: NONE"), OPERATORS));
    (void)state;

    assert_true(
        judge(p, (struct publishing){"kab.18.07", NULL, "worker.registered", names, .about = HOME})
            .permitted);
    assert_false(
        bp_policy_sees_anything(p, bp_policy_agency(p, BP_STR("kab.18.07")), day("2026-06-01")));
    bp_policy_unref(p);
}

static void test_publish_grant_number_tells_its_terms(void **state)
{
    struct bp_policy *p = policy_of(ONE("kab.18.07", "scope: OWN, level: IDENTIFIED"));
    struct bp_ground terms;
    (void)state;

    assert_int_equal(bp_policy_grant(p, 1, &terms), BP_OK);
    assert_true(bp_str_is(terms.agreement, "m1") && bp_str_is(terms.purpose, "placement") &&
                bp_str_is(terms.legal_basis, "law"));
    assert_int_equal(terms.valid_to, day("2026-12-31"));
    assert_int_equal(bp_policy_grant(p, 0, &terms), BP_ENOENT);
    assert_int_equal(bp_policy_grant(p, 2, &terms), BP_ENOENT);
    bp_policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_own_region_is_permitted),
        cmocka_unit_test(test_publish_refusals_name_what_stands_in_the_way),
        cmocka_unit_test(test_publish_fields_beyond_the_grant_are_barred),
        cmocka_unit_test(test_publish_by_nik_needs_may_resolve),
        cmocka_unit_test(test_publish_parent_speaks_for_its_children_alone),
        cmocka_unit_test(test_publish_suspension_of_either_bars_both),
        cmocka_unit_test(test_publish_is_not_bound_by_ceilings),
        cmocka_unit_test(test_publish_grant_number_tells_its_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
