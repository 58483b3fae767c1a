/* A child publishes, tells each acknowledged position through a pipe, and is killed at a random
 * moment: what was told is there. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "journal_support.h"

#define ROUNDS 12

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

struct told {
    uint64_t round, i, position;
};

static void text_of(uint64_t round, uint64_t i, char text[64])
{
    (void)snprintf(text, 64, "round %llu event %llu.", (unsigned long long)round,
                   (unsigned long long)i);
}

/* Never returns: somebody kills it. */
static void publish_for_ever(const char *dir, uint64_t round, int pipe_fd)
{
    struct door d;
    door_open(&d, dir);
    for (uint64_t i = 0;; i++) {
        struct told told = {.round = round, .i = i};
        char text[64];
        text_of(round, i, text);
        if (publish(d.sequencer, text, text, &told.position) != BP_OUTCOME_STORED ||
            write(pipe_fd, &told, sizeof(told)) != (ssize_t)sizeof(told))
            _exit(1);
    }
}

static void kill_after(pid_t child, unsigned microseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* Each told event stands at its position, and a retry says so. */
static uint64_t expect_all_told(struct door *d, int pipe_fd, uint64_t *newest)
{
    struct told told;
    uint64_t n = 0;
    for (; read(pipe_fd, &told, sizeof(told)) == (ssize_t)sizeof(told); n++) {
        char text[64];
        uint64_t position;
        text_of(told.round, told.i, text);
        expect_stored(d->journal, told.position, text);
        assert_int_equal(publish(d->sequencer, text, text, &position), BP_OUTCOME_DUPLICATE);
        assert_int_equal(position, told.position);
        *newest = told.position;
    }
    return n;
}

static void expect_gapless(struct bp_journal *j)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    uint64_t p = 0;
    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    while (bp_journal_read_next(r, &record) == BP_OK)
        assert_int_equal(record.routing.position, ++p);
    assert_int_equal(p, bp_journal_head(j));
    bp_journal_read_end(r);
}

static void test_crash_at_any_moment_loses_nothing_acknowledged(void **state)
{
    uint64_t total = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        int ends[2];
        uint16_t random;
        uint64_t newest = 0;
        bp_random(&random, sizeof(random));
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            publish_for_ever(*state, round, ends[1]);
        assert_int_equal(close(ends[1]), 0);
        kill_after(child, 3000 + random); /* 3 to 68 ms */

        struct door d;
        door_open(&d, *state);
        total += expect_all_told(&d, ends[0], &newest);
        assert_true(bp_journal_head(d.journal) >= newest);
        expect_gapless(d.journal);
        door_close(&d);
        assert_int_equal(close(ends[0]), 0);
    }
    print_message("%llu events were acknowledged before %d kills\n", (unsigned long long)total,
                  ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crash_at_any_moment_loses_nothing_acknowledged, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
