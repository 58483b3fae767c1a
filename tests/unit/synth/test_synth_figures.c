/* The tables against the totals that the sources print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "figures.h"

static void test_figures_months_of_2024_add_up_to_the_year(void **state)
{
    (void)state;
    uint32_t placements = 0, complaints = 0;

    for (unsigned month = 1; month <= 12; month++) {
        placements += bp_placements_in(2024, month);
        complaints += bp_complaints_in(month);
    }

    assert_int_equal(placements, 297434);
    assert_int_equal(complaints, 1500);
}

static void test_figures_three_quarters_of_lampung_are_women(void **state)
{
    (void)state;
    uint64_t women = 0, all = 0;

    for (size_t i = 0; i < bp_n_destinations; i++) {
        women += (uint64_t)bp_destinations[i].placements * bp_destinations[i].women_permille;
        all += bp_destinations[i].placements;
    }

    assert_in_range(women / all, 753, 757);
}

static void test_figures_twenty_destinations_hold_99_percent(void **state)
{
    (void)state;
    uint32_t all = 0;

    for (size_t i = 0; i < bp_n_destinations; i++)
        all += bp_destinations[i].placements;

    assert_int_equal(bp_n_destinations, 20);
    assert_int_equal(all * 100 / 297434, 99);
}

static void test_figures_expected_scales_with_placements(void **state)
{
    (void)state;

    assert_int_equal(bp_expected(BP_RATE_COMPLAINTS, 297434), 1500);
    assert_int_equal(bp_expected(BP_RATE_COMPLAINTS, 23844), 120);
    assert_int_equal(bp_expected(BP_RATE_STATE_RETURNS, 23844), 847);
    assert_int_equal(bp_expected(BP_RATE_DEATHS, 23844), 38);
    assert_int_equal(bp_expected(BP_RATE_FRAUD_REPORTS, 10), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_months_of_2024_add_up_to_the_year),
        cmocka_unit_test(test_figures_three_quarters_of_lampung_are_women),
        cmocka_unit_test(test_figures_twenty_destinations_hold_99_percent),
        cmocka_unit_test(test_figures_expected_scales_with_placements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
