/* Who has the turn, with senders that send much, little and large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fair_queue.h"

#define QUANTUM 10

static void add_all(struct bp_fair_queue *q, struct bp_flow *flow, struct bp_mail *mail, size_t n,
                    size_t bytes)
{
    for (size_t i = 0; i < n; i++) {
        mail[i].bytes = bytes;
        bp_fair_queue_add(q, flow, &mail[i]);
    }
}

static struct bp_mail *take(struct bp_fair_queue *q)
{
    return bp_fair_queue_take(q, bp_fair_queue_first(q)->bytes);
}

static void test_fair_queue_one_flow_keeps_its_order(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow flow = {0};
    struct bp_mail mail[4];
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    assert_null(bp_fair_queue_first(&q));
    add_all(&q, &flow, mail, 4, 1000);
    assert_false(bp_fair_queue_is_shared(&q));

    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(take(&q), &mail[i]);

    assert_true(bp_fair_queue_is_empty(&q));
}

static void test_fair_queue_late_comer_waits_for_one_turn_of_each_other(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow greedy = {0}, other = {0}, quiet = {0};
    struct bp_mail of_greedy[64], of_other[64], of_quiet;
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &greedy, of_greedy, 64, 2);
    add_all(&q, &other, of_other, 64, 5);
    assert_ptr_equal(take(&q), &of_greedy[0]);
    add_all(&q, &quiet, &of_quiet, 1, 1);
    assert_true(bp_fair_queue_is_shared(&q));

    for (size_t i = 1; i < 5; i++) /* the rest of its turn */
        assert_ptr_equal(take(&q), &of_greedy[i]);
    assert_ptr_equal(take(&q), &of_other[0]);
    assert_ptr_equal(take(&q), &of_other[1]);
    assert_ptr_equal(take(&q), &of_quiet);
    assert_ptr_equal(take(&q), &of_greedy[5]);
}

static void test_fair_queue_large_mail_is_paid_before_the_next_turn(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow large = {0}, small = {0};
    struct bp_mail of_large[3], of_small[20];
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &large, of_large, 3, 5 * QUANTUM);
    add_all(&q, &small, of_small, 20, QUANTUM);

    assert_ptr_equal(take(&q), &of_large[0]);
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(take(&q), &of_small[i]);
    assert_ptr_equal(take(&q), &of_large[1]);
    assert_ptr_equal(take(&q), &of_small[5]);
}

static void test_fair_queue_who_comes_to_one_that_was_alone_is_next(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow large = {0}, small = {0};
    struct bp_mail of_large[8], of_small[20];
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &large, of_large, 8, 3 * QUANTUM);
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(take(&q), &of_large[i]);

    add_all(&q, &small, of_small, 20, QUANTUM);

    for (size_t i = 0; i < 4; i++) /* until the last of the large ones is paid for, no longer */
        assert_ptr_equal(take(&q), &of_small[i]);
    assert_ptr_equal(take(&q), &of_large[5]);
    assert_ptr_equal(take(&q), &of_small[4]);
}

static void test_fair_queue_who_is_left_alone_is_not_held_up(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow large = {0}, small = {0};
    struct bp_mail of_large[3], of_small[3];
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &large, of_large, 3, 1000 * QUANTUM);
    add_all(&q, &small, of_small, 1, 1);
    assert_ptr_equal(take(&q), &of_large[0]);
    assert_ptr_equal(take(&q), &of_small[0]);

    assert_ptr_equal(take(&q), &of_large[1]);
    add_all(&q, &small, of_small + 1, 2, 1); /* left, and comes back */

    assert_ptr_equal(take(&q), &of_small[1]);
    assert_ptr_equal(take(&q), &of_small[2]);
    assert_ptr_equal(take(&q), &of_large[2]);
    assert_null(bp_fair_queue_first(&q));
}

static void test_fair_queue_debt_stays_with_a_flow_that_was_empty(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow large = {0}, small = {0};
    struct bp_mail of_large, of_small;
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &large, &of_large, 1, 20 * QUANTUM);
    assert_ptr_equal(take(&q), &of_large);

    for (size_t i = 0; i < 5; i++) { /* one at a time each, the large one always there first */
        add_all(&q, &large, &of_large, 1, 20 * QUANTUM);
        add_all(&q, &small, &of_small, 1, 1);
        assert_ptr_equal(take(&q), &of_small);
        assert_ptr_equal(take(&q), &of_large);
        assert_true(bp_fair_queue_is_empty(&q));
    }
}

static void test_fair_queue_who_is_left_with_the_turn_keeps_it(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow large = {0}, small = {0};
    struct bp_mail of_large, of_small;
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &large, &of_large, 1, 20 * QUANTUM);
    add_all(&q, &small, &of_small, 1, 1);
    assert_ptr_equal(take(&q), &of_large);

    add_all(&q, &large, &of_large, 1, 20 * QUANTUM);

    assert_ptr_equal(take(&q), &of_small);
    assert_ptr_equal(take(&q), &of_large);
}

static void test_fair_queue_work_in_slices_goes_round(void **state)
{
    struct bp_fair_queue q;
    struct bp_flow a = {0}, b = {0};
    struct bp_mail of_a[2], of_b[1];
    (void)state;
    bp_fair_queue_init(&q, QUANTUM);
    add_all(&q, &a, of_a, 2, 0);
    add_all(&q, &b, of_b, 1, 0);

    bp_fair_queue_use(&q, QUANTUM - 1);
    assert_ptr_equal(bp_fair_queue_first(&q), &of_a[0]);
    bp_fair_queue_use(&q, 1);
    assert_ptr_equal(bp_fair_queue_first(&q), &of_b[0]);
    bp_fair_queue_use(&q, QUANTUM);
    assert_ptr_equal(bp_fair_queue_take(&q, QUANTUM), &of_a[0]);
    assert_ptr_equal(bp_fair_queue_take(&q, QUANTUM), &of_b[0]);
    assert_ptr_equal(bp_fair_queue_take(&q, QUANTUM), &of_a[1]);
    assert_true(bp_fair_queue_is_empty(&q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fair_queue_one_flow_keeps_its_order),
        cmocka_unit_test(test_fair_queue_late_comer_waits_for_one_turn_of_each_other),
        cmocka_unit_test(test_fair_queue_large_mail_is_paid_before_the_next_turn),
        cmocka_unit_test(test_fair_queue_who_comes_to_one_that_was_alone_is_next),
        cmocka_unit_test(test_fair_queue_who_is_left_alone_is_not_held_up),
        cmocka_unit_test(test_fair_queue_debt_stays_with_a_flow_that_was_empty),
        cmocka_unit_test(test_fair_queue_who_is_left_with_the_turn_keeps_it),
        cmocka_unit_test(test_fair_queue_work_in_slices_goes_round),
    };
    return cmocka_run_group_tests_name("fair_queue", tests, NULL, NULL);
}
