/* Quotas of a policy: which row binds whom, what is refused, and the way through YAML and back. */
#include "small_policy.h"

#define QUOTAS "quotas:\n"
#define KAB "  - {audience: kab, events_per_second: 100, burst_events: 5000, streams: 4}\n"
#define LAMPUNG "  - {audience: kab.18.07, resolves_per_day: 7}\n"

static const struct bp_quota *quota_of(const struct bp_policy *p, const char *agency)
{
    const struct bp_agency *a = bp_policy_agency(p, bp_str(agency));
    assert_non_null(a);
    return bp_agency_quota(a);
}

static void test_quotas_without_a_row_nothing_is_bound(void **state)
{
    struct bp_policy *p = policy_of(JOIN(AGENCIES, OPERATORS, QUOTAS, KAB));
    (void)state;

    assert_int_equal(quota_of(p, "kl.kp2mi")->events_per_second, 0);
    assert_int_equal(quota_of(p, "kl.kp2mi")->streams, 0);

    bp_policy_unref(p);
}

static void test_quotas_row_of_an_id_beats_its_kinds_whole(void **state)
{
    static const char *const orders[] = {JOIN(AGENCIES, OPERATORS, QUOTAS, KAB, LAMPUNG),
                                         JOIN(AGENCIES, OPERATORS, QUOTAS, LAMPUNG, KAB)};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bp_policy *p = policy_of(orders[i]);

        assert_int_equal(quota_of(p, "kab.35.09")->burst_events, 5000);
        assert_int_equal(quota_of(p, "kab.35.09")->resolves_per_day, 0);
        assert_int_equal(quota_of(p, "kab.18.07")->resolves_per_day, 7);
        assert_int_equal(quota_of(p, "kab.18.07")->streams, 0);

        bp_policy_unref(p);
    }
}

static void test_quotas_burst_left_out_is_a_second(void **state)
{
    struct bp_policy *p =
        policy_of(JOIN(AGENCIES, OPERATORS, QUOTAS, "  - {audience: kl, events_per_second: 30}\n"));
    (void)state;

    assert_int_equal(quota_of(p, "kl.kp2mi")->burst_events, 30);

    bp_policy_unref(p);
}

static void test_quotas_broken_rows_are_named(void **state)
{
    (void)state;
    expect_error(JOIN(AGENCIES, OPERATORS, QUOTAS, "  - {audience: kantor, streams: 1}\n"),
                 "quotas[0].audience", "no agency of this policy and no kind");
    expect_error(JOIN(AGENCIES, OPERATORS, QUOTAS, KAB, LAMPUNG, KAB), "quotas[2].audience",
                 "stands twice");
    expect_error(JOIN(AGENCIES, OPERATORS, QUOTAS, "  - {audience: kab, burst_events: 5}\n"),
                 "quotas[0].burst_events", "never come back");
    expect_warning(JOIN(AGENCIES, OPERATORS, QUOTAS, "  - {audience: kab}\n"), "quotas[0]",
                   "every bound is 0");
    expect_nothing(JOIN(AGENCIES, OPERATORS, QUOTAS, KAB, LAMPUNG));
}

static void test_quotas_numbers_are_checked_with_their_line(void **state)
{
    static const char *const values[] = {"-1", "1.5", "many", "[1]", "4294967296", "\"\""};
    char *folder = test_folder_make();
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[128], path[256];
        Berbagi__V1__Policy *policy = NULL;
        struct bp_err err = {""};
        (void)snprintf(text, sizeof(text), "quotas:\n  - audience: kab\n    streams: %s\n",
                       values[i]);
        (void)snprintf(path, sizeof(path), "%s/all.yaml", folder);
        test_file_write(folder, "all.yaml", text);

        assert_int_equal(bp_policy_yaml_load(path, &policy, NULL, &err), BP_EINVAL);

        assert_non_null(strstr(err.text, "all.yaml:3"));
        assert_non_null(strstr(err.text, "streams is a whole number"));
    }
    test_folder_remove(folder);
}

static void test_quotas_are_printed_and_read_back(void **state)
{
    Berbagi__V1__Policy *p = message_of(
        JOIN(AGENCIES, OPERATORS, QUOTAS,
             "  - {audience: kab, events_per_second: 1, burst_events: 2, resolves_per_day: 3, "
             "streams: 4, connections: 5, delivered_bytes_per_day: 18446744073709551615, "
             "subscriptions: 6}\n",
             LAMPUNG));
    struct bp_buf text = {0};
    (void)state;
    bp_policy_yaml_print(p, &text);
    bp_buf_add_byte(&text, 0);

    Berbagi__V1__Policy *again = message_of((const char *)text.p);

    assert_int_equal(again->n_quotas, 2);
    assert_string_equal(again->quotas[1]->audience, "kab.18.07");
    const Berbagi__V1__Quota *q = again->quotas[0];
    assert_int_equal(q->events_per_second, 1);
    assert_int_equal(q->burst_events, 2);
    assert_int_equal(q->resolves_per_day, 3);
    assert_int_equal(q->streams, 4);
    assert_int_equal(q->connections, 5);
    assert_true(q->delivered_bytes_per_day == UINT64_MAX);
    assert_int_equal(q->subscriptions, 6);

    bp_buf_fini(&text);
    berbagi__v1__policy__free_unpacked(p, NULL);
    berbagi__v1__policy__free_unpacked(again, NULL);
}

static void test_quotas_agency_is_told_its_own(void **state)
{
    Berbagi__V1__Policy *p = message_of(
        JOIN(AGENCIES, OPERATORS, QUOTAS, KAB, LAMPUNG, "  - {audience: kl, streams: 1}\n"));
    (void)state;

    Berbagi__V1__Policy *part = bp_policy_part_of(p, BP_STR("kab.18.07"));

    assert_non_null(part);
    assert_int_equal(part->n_quotas, 2);
    assert_string_equal(part->quotas[0]->audience, "kab");
    assert_string_equal(part->quotas[1]->audience, "kab.18.07");

    berbagi__v1__policy__free_unpacked(part, NULL);
    berbagi__v1__policy__free_unpacked(p, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotas_without_a_row_nothing_is_bound),
        cmocka_unit_test(test_quotas_row_of_an_id_beats_its_kinds_whole),
        cmocka_unit_test(test_quotas_burst_left_out_is_a_second),
        cmocka_unit_test(test_quotas_broken_rows_are_named),
        cmocka_unit_test(test_quotas_numbers_are_checked_with_their_line),
        cmocka_unit_test(test_quotas_are_printed_and_read_back),
        cmocka_unit_test(test_quotas_agency_is_told_its_own),
    };
    return cmocka_run_group_tests_name("policy_quotas", tests, NULL, NULL);
}
