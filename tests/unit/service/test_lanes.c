/* How much of one agency is on its way: who may read on, who waits, who is woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lanes.h"

#define KAB BP_STR("kab.18.07")

struct stream {
    struct bp_lane_user user; /* first */
    unsigned resumed;
};

static void on_resume(struct bp_lane_user *user)
{
    ((struct stream *)user)->resumed++;
}

static void join(struct bp_lanes *lanes, struct stream *s, struct bp_str agency)
{
    *s = (struct stream){.user.resume = on_resume};
    assert_int_equal(bp_lane_join(lanes, &s->user, agency), BP_OK);
}

static void test_lanes_full_lane_stops_its_own_streams_alone(void **state)
{
    struct bp_lanes lanes = {{NULL}};
    struct stream a, b, other;
    (void)state;
    join(&lanes, &a, KAB);
    join(&lanes, &b, KAB);
    join(&lanes, &other, BP_STR("kab.35.09"));
    bp_lane_add(&a.user, BP_LANE_EVENTS);

    assert_false(bp_lane_may_read(&a.user));
    assert_false(bp_lane_may_read(&b.user));
    assert_true(bp_lane_may_read(&other.user));
    assert_false(bp_lane_is_light(&b.user));
    assert_true(bp_lane_is_light(&other.user));
    assert_ptr_equal(bp_lane_judge_flow(&a.user), bp_lane_judge_flow(&b.user));
    assert_ptr_not_equal(bp_lane_judge_flow(&a.user), bp_lane_judge_flow(&other.user));
    assert_ptr_equal(bp_lane_store_flow(&a.user), bp_lane_store_flow(&b.user));
    assert_ptr_not_equal(bp_lane_store_flow(&a.user), bp_lane_store_flow(&other.user));
    assert_true(bp_lane_has_room(&b.user, BP_LANE_EVENTS_UNARY - BP_LANE_EVENTS));
    assert_false(bp_lane_has_room(&b.user, BP_LANE_EVENTS_UNARY - BP_LANE_EVENTS + 1));

    bp_lane_remove(&a.user, BP_LANE_EVENTS);
    bp_lane_leave(&lanes, &a.user);
    bp_lane_leave(&lanes, &b.user);
    bp_lane_leave(&lanes, &other.user);
}

static void test_lanes_one_is_woken_for_each_that_comes_back_and_all_by_the_last(void **state)
{
    struct bp_lanes lanes = {{NULL}};
    struct stream s[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        join(&lanes, &s[i], KAB);
    bp_lane_add(&s[0].user, BP_LANE_EVENTS);
    bp_lane_add(&s[0].user, 1000);
    for (size_t i = 1; i < 4; i++)
        assert_false(bp_lane_may_read(&s[i].user));

    bp_lane_remove(&s[0].user, 500);
    assert_int_equal(s[1].resumed, 0);
    bp_lane_remove(&s[0].user, 501);
    assert_int_equal(s[1].resumed, 1);
    assert_int_equal(s[2].resumed, 0);
    bp_lane_remove(&s[0].user, BP_LANE_EVENTS - 1);
    assert_int_equal(s[2].resumed, 1);
    assert_int_equal(s[3].resumed, 1);
    assert_int_equal(s[1].resumed, 1);

    for (size_t i = 0; i < 4; i++)
        bp_lane_leave(&lanes, &s[i].user);
}

static void test_lanes_who_left_is_not_woken(void **state)
{
    struct bp_lanes lanes = {{NULL}};
    struct stream s[3];
    (void)state;
    for (size_t i = 0; i < 3; i++)
        join(&lanes, &s[i], KAB);
    bp_lane_add(&s[0].user, BP_LANE_EVENTS);
    assert_false(bp_lane_may_read(&s[2].user));
    assert_false(bp_lane_may_read(&s[1].user));
    assert_false(bp_lane_may_read(&s[1].user)); /* asks twice, waits once */
    bp_lane_stop_waiting(&s[1].user);
    bp_lane_leave(&lanes, &s[2].user);

    bp_lane_remove(&s[0].user, BP_LANE_EVENTS);

    assert_int_equal(s[1].resumed, 0);
    assert_int_equal(s[2].resumed, 0);
    bp_lane_leave(&lanes, &s[0].user);
    bp_lane_leave(&lanes, &s[1].user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_full_lane_stops_its_own_streams_alone),
        cmocka_unit_test(test_lanes_one_is_woken_for_each_that_comes_back_and_all_by_the_last),
        cmocka_unit_test(test_lanes_who_left_is_not_woken),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
