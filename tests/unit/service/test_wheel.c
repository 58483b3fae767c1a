/* Whoever is due is called in the turn behind its time, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wheel.h"

struct item {
    struct bp_wheel_entry entry; /* first */
    int64_t again_ms;            /* put off by so much at each call; 0: not; negative: removed */
    unsigned calls;
};

static void on_due(struct bp_wheel_entry *entry)
{
    struct item *item = (struct item *)entry;
    item->calls++;
    if (item->again_ms < 0)
        bp_wheel_remove(entry);
    else
        entry->due_ms += item->again_ms;
}

static void test_wheel_entry_is_called_at_the_turn_behind_its_time(void **state)
{
    struct bp_wheel w = {0};
    struct item item = {.entry.due_ms = 1010, .again_ms = -1};
    (void)state;

    bp_wheel_add(&w, &item.entry);
    bp_wheel_turn(&w, 1000, on_due);
    assert_int_equal(item.calls, 0);
    bp_wheel_turn(&w, 1249, on_due);
    assert_int_equal(item.calls, 0);
    bp_wheel_turn(&w, 1250, on_due);
    assert_int_equal(item.calls, 1);
    bp_wheel_turn(&w, 100000, on_due);
    assert_int_equal(item.calls, 1);
}

static void test_wheel_entry_that_is_not_put_off_is_due_at_every_turn(void **state)
{
    struct bp_wheel w = {.turn = 8};
    struct item item = {.entry.due_ms = 0};
    (void)state;

    bp_wheel_add(&w, &item.entry);
    for (unsigned turn = 9; turn < 200; turn++) {
        bp_wheel_turn(&w, (int64_t)turn * BP_WHEEL_TURN_MS, on_due);
        assert_int_equal(item.calls, turn - 8);
    }
    bp_wheel_remove(&item.entry);
    bp_wheel_remove(&item.entry);
    bp_wheel_turn(&w, (int64_t)200 * BP_WHEEL_TURN_MS, on_due);
    assert_int_equal(item.calls, 191);
}

static void test_wheel_entry_put_off_while_inside_is_not_called_before(void **state)
{
    struct bp_wheel w = {0};
    struct item item = {.entry.due_ms = 500, .again_ms = -1};
    (void)state;

    bp_wheel_add(&w, &item.entry);
    item.entry.due_ms = 60000; /* more than a round away */
    for (int64_t now = 250; now < 60000; now += 250)
        bp_wheel_turn(&w, now, on_due);
    assert_int_equal(item.calls, 0);
    bp_wheel_turn(&w, 60000, on_due);
    assert_int_equal(item.calls, 1);
}

static void test_wheel_many_with_intervals_of_their_own_are_each_called_in_time(void **state)
{
    enum { ITEMS = 500, SECONDS = 120 };
    static struct item items[ITEMS];
    struct bp_wheel w = {0};
    (void)state;

    for (unsigned i = 0; i < ITEMS; i++) {
        items[i] = (struct item){.again_ms = 1000 + 50 * (int64_t)i};
        items[i].entry.due_ms = items[i].again_ms;
        bp_wheel_add(&w, &items[i].entry);
    }
    for (int64_t now = 250; now <= SECONDS * 1000; now += 250)
        bp_wheel_turn(&w, now, on_due);

    for (unsigned i = 0; i < ITEMS; i++)
        assert_int_equal(items[i].calls, SECONDS * 1000 / items[i].again_ms);
}

static void test_wheel_that_stood_still_calls_everybody_once(void **state)
{
    struct bp_wheel w = {0};
    struct item items[100];
    (void)state;

    for (unsigned i = 0; i < 100; i++) {
        items[i] = (struct item){.entry.due_ms = 300 * (int64_t)i, .again_ms = 1000000};
        bp_wheel_add(&w, &items[i].entry);
    }
    bp_wheel_turn(&w, 500000, on_due);

    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(items[i].calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel_entry_is_called_at_the_turn_behind_its_time),
        cmocka_unit_test(test_wheel_entry_that_is_not_put_off_is_due_at_every_turn),
        cmocka_unit_test(test_wheel_entry_put_off_while_inside_is_not_called_before),
        cmocka_unit_test(test_wheel_many_with_intervals_of_their_own_are_each_called_in_time),
        cmocka_unit_test(test_wheel_that_stood_still_calls_everybody_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
