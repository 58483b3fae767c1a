/* What was sent and not acknowledged: grows, wraps around, and is let go in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unacknowledged.h"

static void test_unacknowledged_drop_lets_go_up_to_the_position(void **state)
{
    struct bp_unacknowledged u = {0};
    const uint64_t positions[] = {3, 5, 9};
    (void)state;
    assert_int_equal(bp_unacknowledged_add(&u, positions, 3), BP_OK);

    bp_unacknowledged_drop(&u, 2);
    assert_int_equal(u.n, 3);
    bp_unacknowledged_drop(&u, 5);
    assert_int_equal(u.n, 1);
    bp_unacknowledged_drop(&u, 100);
    assert_int_equal(u.n, 0);
    bp_unacknowledged_fini(&u);
}

static void test_unacknowledged_window_slides_over_many(void **state)
{
    struct bp_unacknowledged u = {0};
    uint64_t next = 1, acknowledged = 0;
    (void)state;

    for (unsigned round = 0; round < 2000; round++) {
        uint64_t batch[37];
        for (size_t i = 0; i < 37; i++)
            batch[i] = next++;
        assert_int_equal(bp_unacknowledged_add(&u, batch, 1 + round % 37), BP_OK);
        next = batch[round % 37] + 1;
        acknowledged += round % 3 * 11;
        if (acknowledged >= next)
            acknowledged = next - 1;
        bp_unacknowledged_drop(&u, acknowledged);
        assert_int_equal(u.n, next - 1 - acknowledged);
    }
    bp_unacknowledged_fini(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unacknowledged_drop_lets_go_up_to_the_position),
        cmocka_unit_test(test_unacknowledged_window_slides_over_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
