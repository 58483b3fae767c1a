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

static struct bp_rpc_timers *again_in;
static unsigned again_alarm;

static void count_and_set_again(void *context)
{
    count(context);
    bp_rpc_timers_set_alarm(again_in, again_alarm, 1030);
}

static void test_rpc_timers_alarm_runs_once_each_time_it_is_set(void **state)
{
    (void)state;
    struct bp_rpc_timers t;
    unsigned n = 0;
    bp_rpc_timers_init(&t);
    again_in = &t;
    unsigned once = bp_rpc_timers_add_alarm(&t, count, &n);
    bp_rpc_timers_start(&t, 1000);
    assert_int_equal(t.next_ms, INT64_MAX);

    bp_rpc_timers_set_alarm(&t, once, 1010);
    bp_rpc_timers_set_alarm(&t, once, 1020);
    assert_int_equal(t.next_ms, 1020);
    bp_rpc_timers_run(&t, 1019);
    assert_int_equal(n, 0);
    bp_rpc_timers_run(&t, 1020);
    bp_rpc_timers_run(&t, 2000);

    assert_int_equal(n, 1);
    assert_int_equal(t.next_ms, INT64_MAX);
}

static void test_rpc_timers_alarm_may_be_set_by_its_own_run(void **state)
{
    (void)state;
    struct bp_rpc_timers t;
    unsigned n = 0;
    bp_rpc_timers_init(&t);
    again_in = &t;
    again_alarm = bp_rpc_timers_add_alarm(&t, count_and_set_again, &n);
    bp_rpc_timers_start(&t, 1000);

    bp_rpc_timers_set_alarm(&t, again_alarm, 1010);
    bp_rpc_timers_run(&t, 1010);

    assert_int_equal(n, 1);
    assert_int_equal(t.next_ms, 1030);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_timers_run_when_due_and_not_before),
        cmocka_unit_test(test_rpc_timers_held_up_run_once),
        cmocka_unit_test(test_rpc_timers_alarm_runs_once_each_time_it_is_set),
        cmocka_unit_test(test_rpc_timers_alarm_may_be_set_by_its_own_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
