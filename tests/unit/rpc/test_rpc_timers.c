#include "check.h"

#include "rpc_timers.h"

static void count(void *context)
{
    (*(unsigned *)context)++;
}

static void test_rpc_timers_run_when_due_and_not_before(void **state)
{
    (void)state;
    struct bp_rpc_timers t;
    unsigned fast = 0, slow = 0;
    bp_rpc_timers_init(&t);
    bp_rpc_timers_add(&t, 10, count, &fast);
    bp_rpc_timers_add(&t, 25, count, &slow);
    bp_rpc_timers_start(&t, 1000);

    assert_int_equal(t.next_ms, 1010);
    for (int64_t now_ms = 1000; now_ms <= 1050; now_ms++)
        bp_rpc_timers_run(&t, now_ms);

    assert_int_equal(fast, 5);
    assert_int_equal(slow, 2);
}

static void test_rpc_timers_held_up_run_once(void **state)
{
    (void)state;
    struct bp_rpc_timers t;
    unsigned n = 0;
    bp_rpc_timers_init(&t);
    bp_rpc_timers_add(&t, 10, count, &n);
    bp_rpc_timers_start(&t, 0);

    bp_rpc_timers_run(&t, 500);
    bp_rpc_timers_run(&t, 509);

    assert_int_equal(n, 1);
    assert_int_equal(t.next_ms, 510);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_timers_run_when_due_and_not_before),
        cmocka_unit_test(test_rpc_timers_held_up_run_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
