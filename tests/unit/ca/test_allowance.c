#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "allowance.h"

#define MINUTE_MS INT64_C(60000)
#define NOW_MS INT64_C(1000000000)

static void test_allowance_burst_then_one_each_interval(void **state)
{
    (void)state;
    struct bp_allowance a = {.burst = 3, .per_hour = 60};
    int64_t wait_ms = 0;

    for (int i = 0; i < 3; i++)
        assert_true(bp_allowance_take(&a, NOW_MS, &wait_ms));
    assert_false(bp_allowance_take(&a, NOW_MS, &wait_ms));
    assert_int_equal(wait_ms, MINUTE_MS);

    assert_false(bp_allowance_take(&a, NOW_MS + MINUTE_MS - 1, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_true(bp_allowance_take(&a, NOW_MS + MINUTE_MS, &wait_ms));
    assert_false(bp_allowance_take(&a, NOW_MS + MINUTE_MS, &wait_ms));
}

static void test_allowance_rest_gives_the_burst_again_and_no_more(void **state)
{
    (void)state;
    struct bp_allowance a = {.burst = 3, .per_hour = 60};
    int64_t wait_ms = 0;
    for (int i = 0; i < 3; i++)
        assert_true(bp_allowance_take(&a, NOW_MS, &wait_ms));
    assert_false(bp_allowance_is_full(&a, NOW_MS));

    const int64_t later_ms = NOW_MS + 100 * MINUTE_MS;
    assert_true(bp_allowance_is_full(&a, later_ms));
    for (int i = 0; i < 3; i++)
        assert_true(bp_allowance_take(&a, later_ms, &wait_ms));
    assert_false(bp_allowance_take(&a, later_ms, &wait_ms));
}

static void test_allowance_refusals_cost_nothing(void **state)
{
    (void)state;
    struct bp_allowance a = {.burst = 1, .per_hour = 3600};
    int64_t wait_ms = 0;
    assert_true(bp_allowance_take(&a, NOW_MS, &wait_ms));

    for (int i = 0; i < 100; i++)
        assert_false(bp_allowance_take(&a, NOW_MS + 500, &wait_ms));

    assert_int_equal(wait_ms, 500);
    assert_true(bp_allowance_take(&a, NOW_MS + 1000, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowance_burst_then_one_each_interval),
        cmocka_unit_test(test_allowance_rest_gives_the_burst_again_and_no_more),
        cmocka_unit_test(test_allowance_refusals_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
