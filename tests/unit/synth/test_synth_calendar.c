#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "calendar.h"
#include "error.h"

static void test_prng_same_seed_same_numbers(void **state)
{
    (void)state;
    struct bp_prng a, b;
    bp_prng_init(&a, 7);
    bp_prng_init(&b, 7);

    for (int i = 0; i < 100; i++)
        assert_true(bp_prng_next(&a) == bp_prng_next(&b));
}

/* Known answers of splitmix64 seeded with 0 and of xoshiro256** on top of it: other bytes would be
 * other samples. */
static void test_prng_seed_zero_gives_known_numbers(void **state)
{
    (void)state;
    struct bp_prng r;
    bp_prng_init(&r, 0);

    assert_true(r.s[0] == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(r.s[1] == UINT64_C(0x6E789E6AA1B965F4));
    assert_true(bp_prng_next(&r) == UINT64_C(0x99EC5F36CB75F2B4));
}

static void test_prng_between_reaches_both_ends_and_nothing_else(void **state)
{
    (void)state;
    struct bp_prng r;
    bp_prng_init(&r, 1);
    unsigned seen[6] = {0};

    for (int i = 0; i < 1000; i++) {
        uint32_t n = bp_prng_between(&r, 2, 5);
        assert_in_range(n, 2, 5);
        seen[n]++;
    }

    for (unsigned n = 2; n <= 5; n++)
        assert_true(seen[n] > 150);
}

static void test_prng_pick_never_takes_weight_zero(void **state)
{
    (void)state;
    static const uint32_t weights[] = {0, 3, 0, 1};
    struct bp_prng r;
    bp_prng_init(&r, 1);
    unsigned seen[4] = {0};

    for (int i = 0; i < 4000; i++)
        seen[bp_prng_pick(&r, weights, 4)]++;

    assert_int_equal(seen[0] + seen[2], 0);
    assert_in_range(seen[1], 2850, 3150);
}

static void test_calendar_working_days_are_monday_to_friday(void **state)
{
    (void)state;
    bp_day friday = bp_day_of(2025, 10, 31);

    assert_true(bp_day_is_working(friday));
    assert_false(bp_day_is_working(friday + 1));
    assert_int_equal(bp_working_day_from(friday + 1), friday + 3);
    assert_int_equal(bp_working_day_until(friday + 2), friday);
}

static void test_calendar_month_end_is_kept_when_months_are_added(void **state)
{
    (void)state;

    assert_int_equal(bp_day_add_months(bp_day_of(2024, 1, 31), 1), bp_day_of(2024, 2, 29));
    assert_int_equal(bp_day_add_months(bp_day_of(2023, 11, 15), 24), bp_day_of(2025, 11, 15));
}

static void test_calendar_office_time_is_in_wib_office_hours(void **state)
{
    (void)state;
    struct bp_prng r;
    bp_prng_init(&r, 3);
    char text[26];

    for (int i = 0; i < 500; i++) {
        int64_t at = bp_office_time(&r, bp_day_of(2024, 3, 5));
        bp_wib_format(at, text);
        assert_memory_equal(text, "2024-03-05T", 11);
        assert_in_range(atoi(text + 11), 8, 15);
        assert_string_equal(text + 19, "+07:00");
        assert_int_equal(bp_day_at(at), bp_day_of(2024, 3, 5));
    }
}

static void test_calendar_wait_has_its_median_and_its_bounds(void **state)
{
    (void)state;
    struct bp_prng r;
    bp_prng_init(&r, 3);
    unsigned below = 0;

    for (int i = 0; i < 10000; i++) {
        bp_day days = bp_wait(&r, 100);
        assert_in_range(days, 24, 405);
        below += days < 100;
    }

    assert_in_range(below, 4800, 5200);
}

static void test_calendar_wait_is_at_least_a_day(void **state)
{
    (void)state;
    struct bp_prng r;
    bp_prng_init(&r, 3);

    for (int i = 0; i < 200; i++)
        assert_true(bp_wait(&r, 1) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prng_same_seed_same_numbers),
        cmocka_unit_test(test_prng_seed_zero_gives_known_numbers),
        cmocka_unit_test(test_prng_between_reaches_both_ends_and_nothing_else),
        cmocka_unit_test(test_prng_pick_never_takes_weight_zero),
        cmocka_unit_test(test_calendar_working_days_are_monday_to_friday),
        cmocka_unit_test(test_calendar_month_end_is_kept_when_months_are_added),
        cmocka_unit_test(test_calendar_office_time_is_in_wib_office_hours),
        cmocka_unit_test(test_calendar_wait_has_its_median_and_its_bounds),
        cmocka_unit_test(test_calendar_wait_is_at_least_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
