#include "index_support.h"

static int set_up(void **state)
{
    *state = temp_dir();
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static void test_index_knows_ids_before_and_after_they_are_written(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 2000, BP_OUTCOME_STORED);

    expect_all_known(&x, 2000);
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);

    assert_int_equal(bp_index_position(x.index), 2000);
    expect_all_known(&x, 2000);
    assert_int_equal(bp_index_health(x.index), BP_OK);
    exchange_close(&x);
}

static void test_index_knows_ids_after_a_restart(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 700, BP_OUTCOME_STORED);
    exchange_close(&x);

    exchange_open(&x, *state, 0);

    assert_int_equal(bp_index_position(x.index), 700);
    expect_all_known(&x, 700);
    publish_range(&x, 701, 800, BP_OUTCOME_STORED);
    exchange_close(&x);
}

static void test_index_pending_is_bounded(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 100);
    const struct bp_id_index *ids = bp_index_ids(x.index);

    assert_true(ids->has_room(ids->context, 100));
    assert_false(ids->has_room(ids->context, 101));

    exchange_close(&x);
}

static void publish_status(struct exchange *x, const char *id, const char *subject,
                           const char *status)
{
    struct test_event e;
    event_init(&e, id, subject, status);
    assert_int_equal(submit(x->sequencer, &e.proposal, 1, false, 0), BP_OK);
    assert_int_equal(e.proposal.outcome, BP_OUTCOME_STORED);
    event_fini(&e);
}

static void expect_subject(struct exchange *x, const char *subject, const char *machine,
                           uint64_t position, const char *status)
{
    struct bp_subject_state s;
    assert_int_equal(bp_index_subject(x->index, bp_str(subject), bp_str(machine), &s), BP_OK);
    assert_int_equal(s.position, position);
    assert_string_equal(s.status, status);
}

static void test_index_subject_is_at_its_newest_event_and_last_statuses(void **state)
{
    struct exchange x;
    struct bp_subject_state s;
    exchange_open(&x, *state, 0);
    publish_status(&x, "1", "w_A", "registered");
    publish_status(&x, "2", "w_B", "registered");
    publish_status(&x, "3", "w_A", "case opened");
    publish_status(&x, "4", "w_A", "departed");
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    expect_subject(&x, "w_A", "worker", 4, "departed");

    publish_status(&x, "5", "w_A", "- no status");
    publish_status(&x, "6", "w_A", "case closed");
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);

    expect_subject(&x, "w_A", "worker", 6, "departed");
    expect_subject(&x, "w_A", "case", 6, "case closed");
    expect_subject(&x, "w_A", "post", 6, "");
    expect_subject(&x, "w_B", "worker", 2, "registered");
    assert_int_equal(bp_index_subject(x.index, BP_STR("w_A"), BP_STR("worker"), &s), BP_OK);
    assert_int_equal(s.status_position, 4);
    assert_int_equal(bp_index_subject(x.index, BP_STR("w_C"), BP_STR("worker"), &s), BP_ENOENT);
    assert_int_equal(bp_index_subject(x.index, BP_STR(""), BP_STR("worker"), &s), BP_ENOENT);
    exchange_close(&x);
}

static void test_index_in_use_is_refused_to_a_second(void **state)
{
    struct exchange x;
    struct bp_index *second;
    struct bp_err err;
    char *dir = in_dir(*state, "index");
    exchange_open(&x, *state, 0);
    struct bp_index_config config = {.dir = dir, .journal = x.journal, .digest_of = event_digest};

    assert_int_equal(bp_index_open(&config, &second, &err), BP_EEXIST);

    exchange_close(&x);
    free(dir);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_index_knows_ids_before_and_after_they_are_written),
        T(test_index_knows_ids_after_a_restart),
        T(test_index_pending_is_bounded),
        T(test_index_subject_is_at_its_newest_event_and_last_statuses),
        T(test_index_in_use_is_refused_to_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
