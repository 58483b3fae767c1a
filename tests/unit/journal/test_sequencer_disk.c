/* Commits that fail, disks that run full: through a log that fails on demand, a map that is too
 * small, and a small file system of its own where the test may mount one. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "file.h"
#include "journal_internal.h"
#include "journal_support.h"

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

/* --- a log that fails on demand --- */

enum failure { WORKS, FAILS_BEFORE, FAILS_AFTER, FAILS_TO_RECOVER, FAILS_AFTER_AND_TO_RECOVER };

static struct faulty {
    struct bp_commit_log sound;
    atomic_int failure;
    atomic_int status;
} faulty;

static bool fails_after(int failure)
{
    return failure == FAILS_AFTER || failure == FAILS_AFTER_AND_TO_RECOVER;
}

static bp_status faulty_append(struct bp_commit_log *log, struct bp_batch *batch)
{
    int failure = atomic_load(&faulty.failure);
    return failure == WORKS || fails_after(failure) ? faulty.sound.append(log, batch)
                                                    : (bp_status)atomic_load(&faulty.status);
}

static bp_status faulty_durable(struct bp_commit_log *log)
{
    bp_status st = faulty.sound.durable(log);
    return fails_after(atomic_load(&faulty.failure)) ? (bp_status)atomic_load(&faulty.status) : st;
}

static bp_status faulty_recover(struct bp_commit_log *log, struct bp_err *err)
{
    if (atomic_load(&faulty.failure) >= FAILS_TO_RECOVER)
        return bp_fail(err, BP_EIO, "the disk is gone");
    return faulty.sound.recover(log, err);
}

static void fail_with(enum failure failure, bp_status st)
{
    atomic_store(&faulty.status, (int)st);
    atomic_store(&faulty.failure, (int)failure);
}

static void faulty_open(struct door *d, const char *dir)
{
    fail_with(WORKS, BP_OK);
    door_open(d, dir);
    faulty.sound = *d->journal->log;
    d->journal->log->append = faulty_append;
    d->journal->log->durable = faulty_durable;
    d->journal->log->recover = faulty_recover;
}

static void test_sequencer_commit_that_fails_is_unknown_and_a_retry_is_stored(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    uint64_t position;
    faulty_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);
    fail_with(FAILS_BEFORE, BP_EIO);

    assert_int_equal(try_publish(d.sequencer, "b", "2", &outcome, &position), BP_EIO);

    assert_int_equal(outcome, BP_OUTCOME_NONE);
    assert_int_equal(position, 0);
    assert_int_equal(bp_journal_head(d.journal), 1);
    fail_with(WORKS, BP_OK);
    assert_int_equal(publish(d.sequencer, "b", "2", &position), BP_OUTCOME_STORED);
    assert_int_equal(position, 2);
    assert_int_equal(bp_sequencer_health(d.sequencer), BP_OK);
    expect_stored(d.journal, 1, "1");
    expect_stored(d.journal, 2, "2");
    door_close(&d);
}

static void test_sequencer_commit_that_fails_and_is_there_makes_a_retry_a_duplicate(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    uint64_t position;
    faulty_open(&d, *state);
    fail_with(FAILS_AFTER, BP_EIO);

    assert_int_equal(try_publish(d.sequencer, "a", "1", &outcome, &position), BP_EIO);

    assert_int_equal(outcome, BP_OUTCOME_NONE);
    assert_int_equal(bp_journal_head(d.journal), 1);
    fail_with(WORKS, BP_OK);
    assert_int_equal(publish(d.sequencer, "a", "1", &position), BP_OUTCOME_DUPLICATE);
    assert_int_equal(position, 1);
    assert_int_equal(publish(d.sequencer, "b", "2", &position), BP_OUTCOME_STORED);
    assert_int_equal(position, 2);
    door_close(&d);
    assert_int_equal(atomic_load(&d.head), 2);
}

static bool is_broken(void *context)
{
    return bp_sequencer_health(((struct door *)context)->sequencer) == BP_EIO;
}

static void test_sequencer_that_cannot_recover_takes_nothing_until_it_can(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    uint64_t position;
    faulty_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);
    fail_with(FAILS_TO_RECOVER, BP_EIO);
    assert_int_equal(try_publish(d.sequencer, "b", "2", &outcome, NULL), BP_EIO);
    wait_until(is_broken, &d);

    fail_with(WORKS, BP_OK);
    assert_int_equal(try_publish(d.sequencer, "b", "2", &outcome, NULL),
                     BP_EIO); /* not tried again yet */
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_EIO);
    hand_clock_forward(&d.clock, 1500);

    assert_int_equal(publish(d.sequencer, "b", "2", &position), BP_OUTCOME_STORED);
    assert_int_equal(position, 2);
    assert_int_equal(bp_sequencer_health(d.sequencer), BP_OK);
    door_close(&d);
}

static void test_sequencer_group_that_is_found_late_is_known_to_the_index(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    uint64_t position;
    faulty_open(&d, *state);
    fail_with(FAILS_AFTER_AND_TO_RECOVER, BP_EIO);
    assert_int_equal(try_publish(d.sequencer, "a", "1", &outcome, NULL), BP_EIO);

    fail_with(WORKS, BP_OK);
    hand_clock_forward(&d.clock, 1500);

    assert_int_equal(publish(d.sequencer, "a", "1", &position), BP_OUTCOME_DUPLICATE);
    assert_int_equal(position, 1);
    door_close(&d);
}

static void test_sequencer_append_without_space_stores_nothing_of_the_group(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    faulty_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);
    fail_with(FAILS_BEFORE, BP_ENOSPC);

    assert_int_equal(try_publish(d.sequencer, "b", "2", &outcome, NULL), BP_ENOSPC);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL),
                     BP_OUTCOME_DUPLICATE); /* rests on what is stored */

    fail_with(WORKS, BP_OK);
    assert_int_equal(publish(d.sequencer, "b", "2", NULL), BP_OUTCOME_STORED);
    assert_int_equal(bp_journal_head(d.journal), 2);
    door_close(&d);
}

static void test_sequencer_full_map_is_told_as_no_space(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    char *text = malloc(60001);
    uint64_t stored = 0;
    assert_non_null(text);
    memset(text, 'x', 60000);
    text[60000] = '\0';
    door_open_with(&d, *state, 2u << 20, 0);

    while (bp_applier_flush(d.journal->applier) == BP_OK) {
        char id[24];
        (void)snprintf(id, sizeof(id), "id-%llu", (unsigned long long)stored++);
        assert_int_equal(publish(d.sequencer, id, text, NULL), BP_OUTCOME_STORED);
    }

    assert_true(stored > 10);
    assert_int_equal(try_publish(d.sequencer, "new", text, &outcome, NULL), BP_ENOSPC);
    assert_int_equal(bp_journal_head(d.journal), stored);
    expect_stored(d.journal, stored, text);
    door_close(&d);
    free(text);
}

static void test_sequencer_below_the_reserve_takes_policies_alone(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    struct bp_subscription row = {.agency = "kl.kp2mi", .name = "all"};
    door_open_with(&d, *state, MAP_BYTES, UINT64_C(1) << 60);

    assert_int_equal(try_publish(d.sequencer, "a", "1", &outcome, NULL), BP_ENOSPC);

    assert_int_equal(bp_sequencer_health(d.sequencer), BP_ENOSPC);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_OK);
    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, NULL, NULL), BP_OK);
    assert_int_equal(bp_sequencer_health(d.sequencer), BP_ENOSPC);
    door_close(&d);
    door_open(&d, *state);
    assert_int_equal(bp_journal_policy_version(d.journal), 1);
    assert_int_equal(bp_sequencer_get_subscription(d.sequencer, "kl.kp2mi", "all", &row, NULL),
                     BP_OK);
    door_close(&d);
}

/* --- a small file system --- */

static bool is_well(void *context)
{
    return bp_sequencer_health(((struct door *)context)->sequencer) == BP_OK;
}

static uint64_t publish_until_full(struct door *d, const char *text)
{
    enum bp_outcome outcome;
    bp_status st = BP_OK;
    uint64_t stored = 0;
    while (st == BP_OK) {
        char id[24];
        (void)snprintf(id, sizeof(id), "id-%llu", (unsigned long long)stored);
        st = try_publish(d->sequencer, id, text, &outcome, NULL);
        stored += st == BP_OK;
    }
    assert_int_equal(st, BP_ENOSPC);
    return stored;
}

static void run_full_disk(const char *mount_point)
{
    struct door d;
    char *ballast_path = in_dir(mount_point, "ballast"), *dir = in_dir(mount_point, "journal");
    char *ballast = calloc(1, 8u << 20), *text = calloc(1, 50001);
    assert_non_null(ballast);
    assert_non_null(text);
    memset(text, 'x', 50000);
    assert_int_equal(bp_file_write(ballast_path, ballast, 8u << 20, 0600, NULL), BP_OK);
    door_open(&d, dir);

    uint64_t stored = publish_until_full(&d, text);

    assert_true(stored > 10);
    assert_int_equal(bp_journal_head(d.journal), stored);
    for (uint64_t p = 1; p <= stored; p++)
        expect_stored(d.journal, p, text);
    assert_int_not_equal(bp_sequencer_health(d.sequencer), BP_OK);
    assert_int_equal(unlink(ballast_path), 0);
    hand_clock_forward(&d.clock, 5000);
    wait_until(is_well, &d);
    uint64_t position;
    assert_int_equal(publish(d.sequencer, "after", text, &position), BP_OUTCOME_STORED);
    assert_int_equal(position, stored + 1);
    door_close(&d);
    door_open(&d, dir);
    assert_int_equal(bp_journal_head(d.journal), stored + 1);
    door_close(&d);
    free(ballast);
    free(text);
    free(dir);
    free(ballast_path);
}

static void
test_sequencer_full_disk_keeps_what_is_stored_and_goes_on_when_there_is_space(void **state)
{
    if (mount("berbagi-test", *state, "tmpfs", 0, "size=16m,mode=0700") != 0) {
        print_message("skipped: a small file system cannot be mounted: %s\n", strerror(errno));
        skip();
    }

    run_full_disk(*state);

    assert_int_equal(umount(*state), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sequencer_commit_that_fails_is_unknown_and_a_retry_is_stored),
        T(test_sequencer_commit_that_fails_and_is_there_makes_a_retry_a_duplicate),
        T(test_sequencer_that_cannot_recover_takes_nothing_until_it_can),
        T(test_sequencer_group_that_is_found_late_is_known_to_the_index),
        T(test_sequencer_append_without_space_stores_nothing_of_the_group),
        T(test_sequencer_full_map_is_told_as_no_space),
        T(test_sequencer_below_the_reserve_takes_policies_alone),
        T(test_sequencer_full_disk_keeps_what_is_stored_and_goes_on_when_there_is_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
