/* The last known status: what is noted, what the index answers for, and when nothing is said. */
#include "index_support.h"
#include "statuses.h"

#include <stdio.h>

#define WORKER BP_STR("worker")
#define CASE BP_STR("case")

static int make_dir(void **state)
{
    *state = temp_dir();
    return 0;
}

static int remove_dir(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static void expect_last(struct bp_statuses *s, const char *subject, struct bp_str machine,
                        const char *status, uint64_t position)
{
    struct bp_known_status last;
    assert_true(bp_statuses_last(s, bp_str(subject), machine, &last));
    assert_string_equal(last.status, status);
    assert_int_equal(last.position, position);
}

static void expect_silence(struct bp_statuses *s, const char *subject)
{
    struct bp_known_status last;
    assert_false(bp_statuses_last(s, bp_str(subject), WORKER, &last));
}

/* Stores an event that tells a status, past the notice of s. */
static void store(struct exchange *x, const char *id, const char *subject, const char *status)
{
    struct test_event e;
    event_init(&e, id, subject, status);
    assert_int_equal(submit(x->sequencer, &e.proposal, 1, false, 0), BP_OK);
    event_fini(&e);
}

static void test_statuses_newest_note_counts_for_each_machine(void **state)
{
    struct bp_statuses *s = bp_statuses_create(NULL, 0);
    (void)state;
    bp_statuses_note(s, BP_STR("w_A"), WORKER, BP_STR("REGISTERED"), 1);
    bp_statuses_note(s, BP_STR("w_B"), WORKER, BP_STR("DEPARTED"), 2);
    bp_statuses_note(s, BP_STR("w_A"), CASE, BP_STR("OPENED"), 3);
    bp_statuses_note(s, BP_STR("w_A"), WORKER, BP_STR("VERIFIED"), 4);

    expect_last(s, "w_A", WORKER, "VERIFIED", 4);
    expect_last(s, "w_A", CASE, "OPENED", 3);
    expect_last(s, "w_B", WORKER, "DEPARTED", 2);
    expect_silence(s, "w_C");
    expect_silence(s, "");
    expect_silence(s, "w_that-is-longer-than-any-pseudonym-is");

    bp_statuses_destroy(s);
}

static void test_statuses_many_are_all_found(void **state)
{
    struct bp_statuses *s = bp_statuses_create(NULL, 0);
    char subject[32];
    (void)state;
    for (unsigned i = 1; i <= 100000; i++) {
        (void)snprintf(subject, sizeof(subject), "w_%u", i);
        bp_statuses_note(s, bp_str(subject), WORKER, i % 2 == 0 ? BP_STR("EVEN") : BP_STR("ODD"),
                         i);
    }
    for (unsigned i = 1; i <= 100000; i++) {
        (void)snprintf(subject, sizeof(subject), "w_%u", i);
        expect_last(s, subject, WORKER, i % 2 == 0 ? "EVEN" : "ODD", i);
    }
    bp_statuses_destroy(s);
}

static void test_statuses_index_answers_for_what_was_before(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    store(&x, "1", "w_A", "registered");
    struct bp_statuses *s = bp_statuses_create(x.index, bp_journal_head(x.journal));
    struct bp_known_status last;

    /* Not indexed yet, or already: never a word that is false. */
    if (bp_statuses_last(s, BP_STR("w_A"), WORKER, &last))
        assert_string_equal(last.status, "registered");
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    expect_last(s, "w_A", WORKER, "registered", 1);

    bp_statuses_note(s, BP_STR("w_A"), WORKER, BP_STR("VERIFIED"), 2);
    expect_last(s, "w_A", WORKER, "VERIFIED", 2);

    bp_statuses_destroy(s);
    exchange_close(&x);
}

static void test_statuses_given_up_is_silent_until_the_index_is_past_it(void **state)
{
    struct exchange x;
    char subject[32];
    exchange_open(&x, *state, 0);
    store(&x, "1", "w_A", "registered");
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    struct bp_statuses *s = bp_statuses_create(x.index, 1);
    /* Three generations' worth, of positions that the index never reaches. */
    for (unsigned i = 2; i <= 400000; i++) {
        (void)snprintf(subject, sizeof(subject), "w_%u", i);
        bp_statuses_note(s, bp_str(subject), WORKER, BP_STR("DEPARTED"), i);
    }

    expect_silence(s, "w_2");
    expect_silence(s, "w_A"); /* one of those given up may have been its */
    expect_last(s, "w_400000", WORKER, "DEPARTED", 400000);

    bp_statuses_destroy(s);
    exchange_close(&x);
}

static void test_statuses_what_is_indexed_is_forgotten_and_found_again(void **state)
{
    struct exchange x;
    char id[16];
    exchange_open(&x, *state, 0);
    struct bp_statuses *s = bp_statuses_create(x.index, 0);
    for (unsigned i = 1; i <= 50; i++) {
        (void)snprintf(id, sizeof(id), "%u", i);
        store(&x, id, id, "departed");
        bp_statuses_note(s, bp_str(id), WORKER, BP_STR("departed"), i);
        if (i % 10 == 0)
            assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    }

    for (unsigned i = 1; i <= 50; i++) {
        (void)snprintf(id, sizeof(id), "%u", i);
        expect_last(s, id, WORKER, "departed", i);
    }

    bp_statuses_destroy(s);
    exchange_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses_newest_note_counts_for_each_machine),
        cmocka_unit_test(test_statuses_many_are_all_found),
        cmocka_unit_test_setup_teardown(test_statuses_index_answers_for_what_was_before, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_statuses_given_up_is_silent_until_the_index_is_past_it,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_statuses_what_is_indexed_is_forgotten_and_found_again,
                                        make_dir, remove_dir),
    };
    return cmocka_run_group_tests_name("statuses", tests, NULL, NULL);
}
