/* The sample policy of deploy/policy: it is sound, and gives the answers that the domain's text
 * gives. */
#include "small_policy.h"

static struct bp_policy *policy;

static int load(void **state)
{
    struct bp_err err = {""};
    struct bp_policy_findings findings = {0};
    Berbagi__V1__Policy *message = NULL;
    struct bp_source_map *map = NULL;
    (void)state;
    if (bp_policy_yaml_load(SAMPLE_POLICY, &message, &map, &err) != BP_OK)
        fail_msg("%s", err.text);
    bp_status st = bp_policy_compile(message, 1, test_schema(), &policy, &findings, &err);
    for (size_t i = 0; i < findings.n; i++) {
        const char *file = "?";
        unsigned line = 0;
        assert_true(bp_source_map_find(map, findings.items[i].where, &file, &line));
        print_message("%s:%u: %s\n", file, line, findings.items[i].message);
        /* Two overlaps are in the sources: Flores Timur's renewal, and Bawaslu's MoU with its PKS.
         */
        assert_true(findings.items[i].is_warning &&
                    strstr(findings.items[i].message, "same parties") != NULL);
    }
    assert_int_equal(findings.n, 2);
    bp_policy_findings_fini(&findings);
    berbagi__v1__policy__free_unpacked(message, NULL);
    bp_source_map_destroy(map);
    return st == BP_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bp_policy_unref(policy);
    return 0;
}

static void test_sample_holds_every_row_of_the_domain(void **state)
{
    Berbagi__V1__Policy *message = NULL;
    size_t n_grants = 0;
    (void)state;

    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &message, NULL, NULL), BP_OK);
    for (size_t i = 0; i < message->n_agreements; i++)
        n_grants += message->agreements[i]->n_grants;

    assert_int_equal(message->n_agencies, 61);
    assert_int_equal(message->n_agreements, 20);
    assert_int_equal(n_grants, 1101);
    assert_int_equal(message->n_ceilings, 836);
    berbagi__v1__policy__free_unpacked(message, NULL);
}

static const struct known_answer {
    const char *agency, *type;
    struct question q;
    int level; /* 0: not at all */
} answers[] = {
    {"kl.kp2mi", "worker.registered", {.region = "18.07.12.2003"}, BP_LEVEL_IDENTIFIED},
    {"kl.kp2mi", "medical.exam.recorded", {.region = "35.09"}, BP_LEVEL_IDENTIFIED},
    {"kl.kp2mi", "placement.stats.published", {.region = ""}, BP_LEVEL_PUBLIC},
    {"kab.18.07", "worker.registered", {.region = "18.07.12.2003"}, BP_LEVEL_IDENTIFIED},
    {"kab.18.07", "worker.registered", {.region = "35.09"}, 0},
    {"kab.18.07", "worker.registered", {.region = "18"}, 0},
    {"kab.18.07", "worker.registered", {.region = ""}, 0},
    {"kab.18.07", "worker.registered", {.region = "18.07", .day = "2025-10-27"}, 0},
    {"kab.18.07",
     "worker.registered",
     {.region = "18.07", .day = "2025-10-28"},
     BP_LEVEL_IDENTIFIED},
    {"kab.18.07",
     "worker.registered",
     {.region = "18.07", .day = "2030-10-27"},
     BP_LEVEL_IDENTIFIED},
    {"kab.18.07", "worker.registered", {.region = "18.07", .day = "2030-10-28"}, 0},
    {"kab.18.07", "job.order.published", {.region = "", .day = "2030-10-28"}, BP_LEVEL_PUBLIC},
    {"kab.35.09", "worker.registered", {.region = "18.07.12.2003"}, 0},
    {"kab.35.09", "departure.recorded", {.region = "18.07"}, 0},
    {"kab.35.09", "departure.recorded", {.region = "35.09"}, BP_LEVEL_IDENTIFIED},
    {"kab.35.09", "scholarship.eligibility.confirmed", {.region = "35.09"}, BP_LEVEL_PSEUDONYMOUS},
    {"kab.18.07", "medical.exam.recorded", {.region = "18.07"}, 0},
    {"bp3mi.18", "worker.registered", {.region = "18.07"}, BP_LEVEL_IDENTIFIED},
    {"bp3mi.18", "worker.registered", {.region = "35.09"}, 0},
    {"bp3mi.18",
     "repatriation.planned",
     {.region = "35.09", .addressed_to = "bp3mi.18"},
     BP_LEVEL_IDENTIFIED},
    {"prov.18", "worker.registered", {.region = "18.07"}, BP_LEVEL_PSEUDONYMOUS},
    {"prov.18", "worker.registered", {.region = "35.09"}, 0},
    {"kl.komdigi", "fraud.vacancy.reported", {.region = "18.07"}, BP_LEVEL_PSEUDONYMOUS},
    {"kl.komdigi", "fraud.vacancy.reported", {.region = "18.07", .recorded_on = "2025-12-14"}, 0},
    {"kl.komdigi", "worker.registered", {.region = "18.07"}, 0},
    {"kl.komdigi", "case.opened", {.region = "18.07"}, 0},
    {"opd.18.07.bappeda", "worker.registered", {.region = "18.07"}, 0},
    {"opd.18.07.bappeda", "placement.stats.published", {.region = "18.07"}, BP_LEVEL_PUBLIC},
    {"opd.18.07.naker", "worker.registered", {.region = "18.07"}, BP_LEVEL_IDENTIFIED},
    {"rs.18.07.sukadana", "medical.exam.recorded", {.region = "18.07"}, 0},
    {"rs.18.07.sukadana",
     "medical.exam.recorded",
     {.region = "35.09", .addressed_to = "rs.18.07.sukadana"},
     BP_LEVEL_IDENTIFIED},
    {"rs.18.07.sukadana",
     "worker.registered",
     {.region = "18.07", .addressed_to = "rs.18.07.sukadana"},
     0},
    {"perwakilan.tw.taipei",
     "arrival.registered",
     {.region = "18.07", .destination = "TW"},
     BP_LEVEL_IDENTIFIED},
    {"perwakilan.tw.taipei", "arrival.registered", {.region = "18.07", .destination = "HK"}, 0},
    {"lns.bawaslu", "voter.aggregate.published", {.region = ""}, BP_LEVEL_AGGREGATE},
    {"lns.bawaslu", "voter.aggregate.published", {.region = "", .small_count = true}, 0},
    {"lns.bawaslu", "worker.registered", {.region = "18.07"}, 0},
    {"kab.53.06", "worker.registered", {.region = "53.06"}, BP_LEVEL_IDENTIFIED},
    {"kab.53.06",
     "worker.registered",
     {.region = "53.06", .recorded_on = "2025-12-01"},
     BP_LEVEL_IDENTIFIED},
};

static void test_sample_gives_the_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct known_answer *a = &answers[i];
        struct bp_sight sight;
        bool is_seen = sees(policy, a->agency, a->type, a->q, &sight);
        int level = is_seen ? (int)sight.view.level : 0;
        if (level != a->level)
            fail_msg("%s of %s (region %s): level %d, not %d", a->agency, a->type, a->q.region,
                     level, a->level);
    }
}

static void test_sample_fields_follow_levels_and_kinds(void **state)
{
    struct question home = {.region = "18.07.12.2003"};
    (void)state;

    assert_true(sees_field(policy, "kl.kp2mi", "worker.registered", "nik", home));
    assert_true(sees_field(policy, "kab.18.07", "worker.registered", "nik", home));
    assert_false(sees_field(policy, "prov.18", "worker.registered", "nik", home));
    assert_false(sees_field(policy, "prov.18", "worker.registered", "full_name", home));
    assert_true(sees_field(policy, "prov.18", "worker.registered", "sex", home));
    assert_false(sees_field(policy, "kab.18.07", "employment.contract.verified",
                            "contract_wage_amount", home));
    assert_true(sees_field(policy, "kl.kp2mi", "employment.contract.verified",
                           "contract_wage_amount", home));
    assert_true(sees_field(policy, "kl.kp2mi", "epmi.issued", "biometric_reference", home));
    assert_false(sees_field(policy, "kab.18.07", "epmi.issued", "biometric_reference", home));
    assert_false(
        sees_field(policy, "kl.komdigi", "fraud.vacancy.reported", "recruiter_handle", home));
    assert_true(sees_field(policy, "kl.komdigi", "fraud.vacancy.reported", "content_url", home));
}

static void test_sample_publishing_is_each_body_s_own(void **state)
{
    static const char *const nik[] = {"nik", "full_name", NULL};
    (void)state;

    assert_true(
        judge(policy, (struct publishing){"kab.18.07", NULL, "worker.registered", nik,
                                          .resolves = true, .about = {.region = "18.07.12.2003"}})
            .permitted);
    assert_string_equal(judge(policy, (struct publishing){"kab.18.07", NULL, "worker.registered",
                                                          nik, .about = {.region = "35.09"}})
                            .field,
                        "region");
    assert_string_equal(judge(policy, (struct publishing){"kab.18.07", NULL, "epmi.issued", NULL,
                                                          .about = {.region = "18.07"}})
                            .field,
                        "type");
    assert_true(judge(policy, (struct publishing){"bp3mi.18", NULL, "departure.recorded", NULL,
                                                  .about = {.region = "18.07"}})
                    .permitted);
    assert_true(judge(policy, (struct publishing){"kab.18.07", "desa.18.07.15.2006",
                                                  "village.monitoring.recorded", NULL,
                                                  .about = {.region = "18.07.15.2006"}})
                    .permitted);
    assert_string_equal(judge(policy, (struct publishing){"kab.35.09", "desa.18.07.15.2006",
                                                          "village.monitoring.recorded", NULL,
                                                          .about = {.region = "18.07.15.2006"}})
                            .field,
                        "source");
}

static void test_sample_every_operator_has_a_role(void **state)
{
    (void)state;
    uint32_t policy_role = 1u << BERBAGI__V1__OPERATOR__ROLE__ROLE_POLICY,
             viewer = 1u << BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER;

    assert_true((bp_policy_operator_roles(policy, BP_STR("admin")) & policy_role) != 0);
    assert_true((bp_policy_operator_roles(policy, BP_STR("admin")) & viewer) != 0);
    assert_true((bp_policy_operator_roles(policy, BP_STR("dewi")) & policy_role) == 0);
    assert_int_equal(bp_policy_operator_roles(policy, BP_STR("nobody")), 0);
}

static void test_sample_printed_reads_back_the_same(void **state)
{
    Berbagi__V1__Policy *first = NULL;
    struct bp_buf text = {0};
    (void)state;
    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &first, NULL, NULL), BP_OK);

    bp_policy_yaml_print(first, &text);
    bp_buf_add_byte(&text, 0);
    assert_false(text.failed);
    Berbagi__V1__Policy *second = message_of((const char *)text.p);

    size_t n = berbagi__v1__policy__get_packed_size(first),
           m = berbagi__v1__policy__get_packed_size(second);
    uint8_t *a = malloc(n), *b = malloc(m);
    assert_int_equal(berbagi__v1__policy__pack(first, a), n);
    assert_int_equal(berbagi__v1__policy__pack(second, b), m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    bp_buf_fini(&text);
    berbagi__v1__policy__free_unpacked(first, NULL);
    berbagi__v1__policy__free_unpacked(second, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_holds_every_row_of_the_domain),
        cmocka_unit_test(test_sample_gives_the_known_answers),
        cmocka_unit_test(test_sample_fields_follow_levels_and_kinds),
        cmocka_unit_test(test_sample_publishing_is_each_body_s_own),
        cmocka_unit_test(test_sample_every_operator_has_a_role),
        cmocka_unit_test(test_sample_printed_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
