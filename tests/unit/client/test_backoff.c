#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

static void test_backoff_doubles_up_to_its_most(void **state)
{
    (void)state;
    struct bp_backoff b = {0};

    for (int64_t full = BACKOFF_FIRST_MS; full < BACKOFF_MOST_MS; full *= 2)
        assert_int_equal(bp_backoff_next_ms(&b, 0, 0), full / 2);

    assert_int_equal(bp_backoff_next_ms(&b, 0, 0), BACKOFF_MOST_MS / 2);
    assert_int_equal(bp_backoff_next_ms(&b, 0, BACKOFF_MOST_MS / 2), BACKOFF_MOST_MS);
}

static void test_backoff_stays_between_half_and_whole(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 5000; random += 7) {
        struct bp_backoff b = {.failures = 3};
        assert_in_range(bp_backoff_next_ms(&b, 0, random), 400, 800);
    }
}

static void test_backoff_asked_for_time_is_never_shortened(void **state)
{
    (void)state;
    struct bp_backoff b = {0};

    assert_true(bp_backoff_next_ms(&b, 60000, 12345) >= 60000);
}

static void test_backoff_reset_begins_anew(void **state)
{
    (void)state;
    struct bp_backoff b = {.failures = 9};

    bp_backoff_reset(&b);

    assert_int_equal(bp_backoff_next_ms(&b, 0, 0), BACKOFF_FIRST_MS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_doubles_up_to_its_most),
        cmocka_unit_test(test_backoff_stays_between_half_and_whole),
        cmocka_unit_test(test_backoff_asked_for_time_is_never_shortened),
        cmocka_unit_test(test_backoff_reset_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
