/* What an agency may use, on a clock turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "quota.h"

#define KAB BP_STR("kab.18.07")
#define PROV BP_STR("prov.18")
#define ADDRESS BP_STR("ipv4:10.0.0.1:4711")

/* 2026-06-01 10:00 in Jakarta. */
#define MORNING_NS (INT64_C(1780282800) * BP_NS_PER_S)
#define HOUR_MS (INT64_C(3600) * 1000)

static int64_t passed_ms;

static int64_t fake_now(const struct bp_clock *clock)
{
    (void)clock;
    return MORNING_NS + passed_ms * BP_NS_PER_MS;
}

static int64_t fake_monotonic(const struct bp_clock *clock)
{
    (void)clock;
    return passed_ms * BP_NS_PER_MS;
}

static const struct bp_clock fake_clock = {fake_now, fake_monotonic};
static struct bp_quotas *q;
static struct bp_rpc_status status;
static uint32_t soon_ms;

static int make(void **state)
{
    (void)state;
    passed_ms = 0;
    q = bp_quotas_create(&fake_clock);
    assert_non_null(q);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    bp_quotas_destroy(q);
    return 0;
}

static bp_day today(void)
{
    return bp_day_in_jakarta(bp_now_ns(&fake_clock));
}

static bool publish(struct bp_str agency, uint32_t rate, uint32_t burst, size_t n)
{
    struct bp_quota bounds = {.events_per_second = rate, .burst_events = burst};
    return bp_quotas_take_events(q, agency, &bounds, n, &soon_ms, &status);
}

static void expect_over_quota(int64_t retry_after_ms)
{
    assert_int_equal(status.code, BP_RPC_RESOURCE_EXHAUSTED);
    assert_int_equal(status.reason, BP_REASON_OVER_QUOTA);
    assert_int_equal(status.retry_after_ms, retry_after_ms);
}

/* --- events --- */

static void test_quota_burst_passes_then_the_rate_holds(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(publish(KAB, 100, 1000, 100));

    assert_false(publish(KAB, 100, 1000, 100));
    expect_over_quota(1000);

    passed_ms = 999;
    assert_false(publish(KAB, 100, 1000, 100));
    expect_over_quota(1);
    passed_ms = 1000;
    assert_true(publish(KAB, 100, 1000, 100));
}

static void test_quota_soon_over_says_how_long_to_wait(void **state)
{
    (void)state;
    assert_true(publish(KAB, 100, 1000, 400));
    assert_int_equal(soon_ms, 0);
    assert_true(publish(KAB, 100, 1000, 400));
    assert_int_equal(soon_ms, 2000); /* 200 are left, and 400 are wanted again */

    passed_ms = soon_ms;
    assert_true(publish(KAB, 100, 1000, 400));
}

static void test_quota_refused_request_costs_nothing(void **state)
{
    (void)state;
    assert_true(publish(KAB, 100, 1000, 600));
    for (int i = 0; i < 50; i++)
        assert_false(publish(KAB, 100, 1000, 500));

    assert_true(publish(KAB, 100, 1000, 400));
}

static void test_quota_request_larger_than_the_bucket_passes_when_it_is_full(void **state)
{
    (void)state;
    assert_true(publish(KAB, 10, 20, 1000));

    assert_false(publish(KAB, 10, 20, 1));
    expect_over_quota(98100); /* 981 events: the debt, and one to be there */
    assert_false(publish(KAB, 10, 20, 1000));
    expect_over_quota(100000);

    passed_ms = 100000;
    assert_true(publish(KAB, 10, 20, 1000));
}

static void test_quota_bucket_does_not_fill_beyond_full(void **state)
{
    (void)state;
    assert_true(publish(KAB, 100, 200, 200));
    passed_ms = 30 * 24 * HOUR_MS;
    assert_true(publish(KAB, 100, 200, 200));
    assert_false(publish(KAB, 100, 200, 1));
}

static void test_quota_new_bounds_bind_at_once(void **state)
{
    (void)state;
    assert_true(publish(KAB, 1000, 100000, 100000));
    assert_false(publish(KAB, 10, 50, 10));
    expect_over_quota(1000); /* an empty bucket of the new size, no debt from the old one */

    assert_true(publish(KAB, 0, 0, 1000000));
    assert_true(publish(KAB, 100, 500, 400));
}

static void test_quota_of_one_agency_is_no_others(void **state)
{
    (void)state;
    assert_true(publish(KAB, 1, 10, 10));
    assert_false(publish(KAB, 1, 10, 10));
    assert_true(publish(PROV, 1, 10, 10));
}

static void test_quota_largest_bounds_do_not_overflow(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(publish(KAB, UINT32_MAX, UINT32_MAX, 1000));
        assert_true(publish(KAB, 1, UINT32_MAX, 1000));
        passed_ms += 400 * 24 * HOUR_MS;
    }
}

/* --- counts of the day --- */

static bool resolve(uint64_t most, uint64_t n)
{
    struct bp_quota bounds = {.resolves_per_day = most};
    return bp_quotas_take_resolves(q, KAB, &bounds, today(), n, &status);
}

static void test_quota_resolves_are_refused_whole_until_midnight(void **state)
{
    (void)state;
    assert_true(resolve(100, 60));

    assert_false(resolve(100, 41));
    expect_over_quota(14 * HOUR_MS);
    assert_true(resolve(100, 40));
    assert_false(resolve(100, 1));

    passed_ms = 14 * HOUR_MS - 1;
    assert_false(resolve(100, 1));
    expect_over_quota(1000); /* never less than a second */
    passed_ms = 14 * HOUR_MS;
    assert_true(resolve(100, 100));
}

static void test_quota_resolves_before_the_start_count(void **state)
{
    (void)state;
    bp_quotas_note_resolves(q, KAB, today(), 70);
    bp_quotas_note_resolves(q, KAB, today() - 1, 1000);

    assert_true(resolve(100, 30));
    assert_false(resolve(100, 1));
    assert_true(resolve(0, UINT32_MAX));
}

static bool may_deliver(uint64_t most)
{
    struct bp_quota bounds = {.delivered_bytes_per_day = most};
    return bp_quotas_may_deliver(q, KAB, &bounds, today(), &status);
}

static void test_quota_bytes_end_with_the_response_that_reaches_the_bound(void **state)
{
    (void)state;
    assert_true(may_deliver(1000));
    bp_quotas_note_delivered(q, KAB, today(), 999);
    assert_true(may_deliver(1000));
    bp_quotas_note_delivered(q, KAB, today(), 5000);

    assert_false(may_deliver(1000));
    expect_over_quota(14 * HOUR_MS);
    assert_true(may_deliver(0));
    assert_true(may_deliver(6000));

    passed_ms = 14 * HOUR_MS;
    assert_true(may_deliver(1000));
}

/* --- calls --- */

static bool open_call(struct bp_str address, bool is_stream)
{
    static const struct bp_quota bounds = {.streams = 2, .connections = 2};
    return bp_quotas_open_call(q, KAB, &bounds, address, is_stream, &status);
}

static void test_quota_streams_are_counted_while_they_are_open(void **state)
{
    (void)state;
    assert_true(open_call(ADDRESS, true));
    assert_true(open_call(ADDRESS, true));
    assert_true(open_call(ADDRESS, false));

    assert_false(open_call(ADDRESS, true));
    expect_over_quota(1000);

    bp_quotas_close_call(q, KAB, ADDRESS, true);
    assert_true(open_call(ADDRESS, true));
    bp_quotas_close_call(q, KAB, ADDRESS, false);
    assert_false(open_call(ADDRESS, true));
}

static void test_quota_connections_are_addresses_with_a_call(void **state)
{
    (void)state;
    assert_true(open_call(BP_STR("ipv4:10.0.0.1:1"), false));
    assert_true(open_call(BP_STR("ipv4:10.0.0.1:1"), false));
    assert_true(open_call(BP_STR("ipv4:10.0.0.1:2"), true));

    assert_false(open_call(BP_STR("ipv4:10.0.0.1:3"), false));
    expect_over_quota(1000);

    bp_quotas_close_call(q, KAB, BP_STR("ipv4:10.0.0.1:1"), false);
    assert_false(open_call(BP_STR("ipv4:10.0.0.1:3"), false));
    bp_quotas_close_call(q, KAB, BP_STR("ipv4:10.0.0.1:1"), false);
    assert_true(open_call(BP_STR("ipv4:10.0.0.1:3"), false));
}

static void test_quota_forgets_the_idle_alone(void **state)
{
    char id[32];
    (void)state;
    assert_true(publish(KAB, 1, 10, 10));
    assert_true(open_call(ADDRESS, true));
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof(id), "desa.%d", i);
        bp_quotas_note_delivered(q, bp_str(id), today() - 1, 1);
    }
    passed_ms = 25 * HOUR_MS;
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof(id), "kel.%d", i);
        bp_quotas_note_delivered(q, bp_str(id), today() - 1, 1);
    }

    assert_true(open_call(ADDRESS, true));
    assert_false(open_call(ADDRESS, true)); /* the first is still known */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_quota_burst_passes_then_the_rate_holds),
        TEST(test_quota_soon_over_says_how_long_to_wait),
        TEST(test_quota_refused_request_costs_nothing),
        TEST(test_quota_request_larger_than_the_bucket_passes_when_it_is_full),
        TEST(test_quota_bucket_does_not_fill_beyond_full),
        TEST(test_quota_new_bounds_bind_at_once),
        TEST(test_quota_of_one_agency_is_no_others),
        TEST(test_quota_largest_bounds_do_not_overflow),
        TEST(test_quota_resolves_are_refused_whole_until_midnight),
        TEST(test_quota_resolves_before_the_start_count),
        TEST(test_quota_bytes_end_with_the_response_that_reaches_the_bound),
        TEST(test_quota_streams_are_counted_while_they_are_open),
        TEST(test_quota_connections_are_addresses_with_a_call),
        TEST(test_quota_forgets_the_idle_alone),
    };
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
