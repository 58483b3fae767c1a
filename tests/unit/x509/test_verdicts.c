#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "verdicts.h"

static void test_verdicts_kept_one_holds_inside_its_time_alone(void **state)
{
    (void)state;
    const uint8_t digest[BP_SHA256_BYTES] = {1, 2, 3};
    struct bp_verdicts *v = bp_verdicts_create();

    bp_verdicts_keep(v, digest, 100, 200);

    assert_false(bp_verdicts_holds(v, digest, 99));
    assert_true(bp_verdicts_holds(v, digest, 100));
    assert_true(bp_verdicts_holds(v, digest, 200));
    assert_false(bp_verdicts_holds(v, digest, 201));
    bp_verdicts_destroy(v);
}

static void test_verdicts_unknown_and_empty_do_not_hold(void **state)
{
    (void)state;
    const uint8_t zeros[BP_SHA256_BYTES] = {0};
    struct bp_verdicts *v = bp_verdicts_create();

    assert_false(bp_verdicts_holds(v, zeros, 0));
    assert_false(bp_verdicts_holds(v, zeros, INT64_MAX));
    bp_verdicts_destroy(v);
}

static void test_verdicts_same_place_other_certificate_does_not_hold(void **state)
{
    (void)state;
    const uint8_t one[BP_SHA256_BYTES] = {7, 7, 1}, other[BP_SHA256_BYTES] = {7, 7, 2};
    struct bp_verdicts *v = bp_verdicts_create();

    bp_verdicts_keep(v, one, 0, 10);
    assert_false(bp_verdicts_holds(v, other, 5));
    bp_verdicts_keep(v, other, 0, 10);

    assert_true(bp_verdicts_holds(v, other, 5));
    assert_false(bp_verdicts_holds(v, one, 5));
    bp_verdicts_destroy(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts_kept_one_holds_inside_its_time_alone),
        cmocka_unit_test(test_verdicts_unknown_and_empty_do_not_hold),
        cmocka_unit_test(test_verdicts_same_place_other_certificate_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
