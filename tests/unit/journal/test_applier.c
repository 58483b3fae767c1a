/* What is durable and not in the store yet: read as one with the store, taken over after a crash
 * once and whole, kept while the store cannot be written. A crash is a copy of the folder, taken
 * while nothing is applied because the applier is told to wait. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32c.h"
#include "file.h"
#include "journal_internal.h"
#include "journal_support.h"

#define NEVER_MS 3600000u
#define NEVER_BYTES ((size_t)1 << 40)

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

static struct bp_journal_config unhurried(const char *dir)
{
    return (struct bp_journal_config){.dir = dir,
                                      .map_bytes = MAP_BYTES,
                                      .log_segments = 2,
                                      .log_segment_bytes = 1u << 20,
                                      .most_tail_bytes = NEVER_BYTES,
                                      .most_tail_ms = NEVER_MS};
}

static void copy_file(const char *from, const char *to)
{
    struct bp_buf bytes = {0};
    assert_int_equal(bp_file_read(from, 1u << 30, &bytes, NULL), BP_OK);
    assert_int_equal(bp_file_write(to, bytes.p, bytes.n, 0600, NULL), BP_OK);
    bp_buf_fini(&bytes);
}

/* The journal's folder as a crash would leave it now: what the store holds, and the log. */
static char *crash_image(const char *dir)
{
    static const char *const files[] = {"data.mdb", "wal/00", "wal/01"};
    char *image = in_dir(dir, "image"), *wal = in_dir(image, "wal");
    assert_int_equal(bp_dir_make(wal, 0700, NULL), BP_OK);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *from = in_dir(dir, files[i]), *to = in_dir(image, files[i]);
        copy_file(from, to);
        free(from);
        free(to);
    }
    free(wal);
    return image;
}

static void publish_range(struct door *d, unsigned from, unsigned to, uint64_t version)
{
    for (unsigned i = from; i <= to; i++) {
        struct test_event e;
        char text[32];
        (void)snprintf(text, sizeof(text), "event %u.", i);
        event_init(&e, text, NULL, text);
        assert_int_equal(submit(d->sequencer, &e.proposal, 1, false, version), BP_OK);
        assert_int_equal(e.proposal.outcome, BP_OUTCOME_STORED);
        event_fini(&e);
    }
}

static void expect_range(struct bp_journal *j, unsigned n)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    assert_int_equal(bp_journal_head(j), n);
    for (unsigned i = 1; i <= n; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "event %u.", i);
        expect_stored(j, i, text);
    }
    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    for (unsigned i = 1; i <= n; i++) {
        assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
        assert_int_equal(record.routing.position, i);
    }
    assert_int_equal(bp_journal_read_next(r, &record), BP_ENOENT);
    assert_int_equal(bp_journal_read_at(r, n + 1, &record), BP_ENOENT);
    bp_journal_read_end(r);
}

static size_t tail_batches(struct bp_journal *j)
{
    return bp_tail_look(&j->tail).n;
}

static void test_applier_tail_and_store_are_read_as_one(void **state)
{
    struct door d;
    uint64_t position;
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 10, 0);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    hand_clock_forward(&d.clock, 1000);

    publish_range(&d, 11, 15, 0);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_OK);
    publish_range(&d, 16, 20, 1);

    assert_int_equal(tail_batches(d.journal), 11);
    expect_range(d.journal, 20);
    assert_int_equal(bp_journal_position_before(d.journal, START_NS + 1, &position), BP_OK);
    assert_int_equal(position, 10);
    assert_int_equal(bp_journal_position_before(d.journal, INT64_MAX, &position), BP_OK);
    assert_int_equal(position, 20);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    assert_int_equal(tail_batches(d.journal), 0);
    expect_range(d.journal, 20);
    door_close(&d);
}

static void test_applier_reader_keeps_what_it_saw_while_it_is_applied(void **state)
{
    struct door d;
    struct bp_journal_reader *r;
    struct bp_record record;
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 10, 0);
    assert_int_equal(bp_journal_read_begin(d.journal, &r), BP_OK);
    assert_int_equal(bp_journal_read_at(r, 1, &record), BP_OK);
    struct bp_str event = record.event;

    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    publish_range(&d, 11, 20, 0);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    publish_range(&d, 21, 30, 0);

    assert_memory_equal(event.p + event.n - 8, "event 1.", 8);
    for (uint64_t p = 2; p <= 10; p++) {
        assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
        assert_int_equal(record.routing.position, p);
    }
    assert_int_equal(bp_journal_read_at(r, 5, &record), BP_OK);
    for (uint64_t p = 30; p >= 11; p--) /* what came later is there or not, and nothing is wrong */
        assert_true(bp_journal_read_at(r, p, &record) != BP_ECORRUPT);
    bp_journal_read_end(r);
    door_close(&d);
}

static void fill(struct bp_buf *content, size_t n)
{
    uint8_t *p = bp_buf_reserve(content, n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 31 + i / 251);
    content->n += n;
}

/* Events, a policy that fits the log and one that does not, an approval: some applied, some not. */
static void test_applier_crash_loses_nothing_durable(void **state)
{
    struct door d;
    struct bp_policy_entry entry;
    struct bp_buf small = {0}, large = {0}, stored = {0};
    uint64_t version;
    fill(&small, 600000);
    fill(&large, 3000000);
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 20, 0);
    assert_int_equal(submit_policy(d.sequencer, bp_buf_str(&large), 0, &version), BP_OK);
    publish_range(&d, 21, 50, 1);
    assert_int_equal(propose_policy(d.sequencer, bp_buf_str(&small), 1, &version), BP_OK);
    assert_int_equal(approve_policy(d.sequencer, 1, 2), BP_OK);
    publish_range(&d, 51, 60, 2);
    assert_int_equal(tail_batches(d.journal), 42);
    struct bp_log_id log_id = bp_journal_log_id(d.journal);

    char *image = crash_image(*state);
    door_close(&d);
    door_open_as(&d, unhurried(image), 0);

    struct bp_log_id found = bp_journal_log_id(d.journal);
    assert_memory_equal(&found, &log_id, sizeof(found));
    assert_int_equal(tail_batches(d.journal), 42);
    assert_int_equal(bp_journal_policy_version(d.journal), 2);
    expect_range(d.journal, 60);
    assert_int_equal(bp_journal_policy(d.journal, &entry, &stored), BP_OK);
    assert_true(bp_str_eq(bp_buf_str(&stored), bp_buf_str(&small)));
    assert_string_equal(entry.approver, "operator/second");
    publish_range(&d, 61, 70, 2);
    door_close(&d);
    door_open_as(&d, unhurried(image), 0);
    assert_int_equal(tail_batches(d.journal), 0);
    expect_range(d.journal, 70);
    door_close(&d);
    bp_buf_fini(&small);
    bp_buf_fini(&large);
    bp_buf_fini(&stored);
    free(image);
}

/* Killed after the store's commit, before the log is told: the log still holds all of it. */
static void test_applier_crash_between_commit_and_trim_applies_nothing_twice(void **state)
{
    struct door d;
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 20, 0);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    publish_range(&d, 21, 30, 0);

    char *image = crash_image(*state);
    door_close(&d);
    door_open_as(&d, unhurried(image), 0);

    assert_int_equal(tail_batches(d.journal), 10);
    expect_range(d.journal, 30);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    expect_range(d.journal, 30);
    door_close(&d);
    free(image);
}

static void test_applier_crash_again_while_catching_up_changes_nothing(void **state)
{
    struct door d;
    char *image = NULL;
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 20, 0);
    image = crash_image(*state);
    door_close(&d);

    for (unsigned i = 0; i < 3; i++) {
        door_open_as(&d, unhurried(image), 0);
        expect_range(d.journal, 20 + i);
        publish_range(&d, 21 + i, 21 + i, 0);
        char *next = crash_image(image);
        door_close(&d);
        free(image);
        image = next;
    }

    free(image);
}

static void test_applier_closed_journal_is_whole_without_its_log(void **state)
{
    struct door d;
    static const char *const files[] = {"wal/00", "wal/01"};
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 20, 0);
    door_close(&d);

    for (size_t i = 0; i < 2; i++) {
        char *path = in_dir(*state, files[i]);
        assert_int_equal(unlink(path), 0);
        free(path);
    }

    door_open_as(&d, unhurried(*state), 0);
    expect_range(d.journal, 20);
    door_close(&d);
}

static void expect_refused(const char *dir, const char *word)
{
    struct bp_journal_config config = unhurried(dir);
    struct bp_journal *j;
    struct bp_err err = {{0}};
    assert_int_equal(bp_journal_open(&config, &j, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, word));
    assert_non_null(strstr(err.text, dir));
}

static void test_applier_crashed_journal_without_its_log_is_refused(void **state)
{
    struct door d;
    door_open_as(&d, unhurried(*state), 0);
    publish_range(&d, 1, 20, 0);
    char *image = crash_image(*state), *path = in_dir(image, "wal/01");
    door_close(&d);

    assert_int_equal(unlink(path), 0);

    expect_refused(image, "acknowledged");
    assert_int_equal(access(path, F_OK), -1); /* left as it is */
    free(path);
    free(image);
}

static void test_applier_store_older_than_its_log_is_refused(void **state)
{
    struct door d;
    door_open_as(&d, unhurried(*state), 0);
    char *data = in_dir(*state, "data.mdb"), *old = in_dir(*state, "old");
    publish_range(&d, 1, 10, 0);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    copy_file(data, old);
    for (unsigned i = 1; i <= 60; i++) { /* twice around the log */
        publish_range(&d, 10 * i + 1, 10 * i + 10, 0);
        assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    }
    publish_range(&d, 611, 620, 0);
    char *image = crash_image(*state), *image_data = in_dir(image, "data.mdb");
    door_close(&d);

    copy_file(old, image_data);

    expect_refused(image, "are lost");
    free(image_data);
    free(image);
    free(old);
    free(data);
}

/* --- a store that cannot be written --- */

static bool is_full(void *context)
{
    return bp_sequencer_health(((struct door *)context)->sequencer) == BP_ENOSPC;
}

/* The map is the disk here: too small for what is durable already. */
static void test_applier_full_store_stops_events_and_keeps_what_is_durable(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    struct bp_journal_config small = unhurried(*state), large = small;
    char *text = calloc(1, 40001);
    assert_non_null(text);
    memset(text, 'x', 40000);
    small.map_bytes = 512u << 10;
    door_open_as(&d, small, 0);
    for (uint64_t i = 1; i <= 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "id-%u", (unsigned)i);
        assert_int_equal(publish(d.sequencer, id, text, NULL), BP_OUTCOME_STORED);
    }
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_ENOSPC);
    wait_until(is_full, &d);

    assert_int_equal(try_publish(d.sequencer, "more", text, &outcome, NULL), BP_ENOSPC);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_OK);
    assert_int_equal(bp_journal_head(d.journal), 20);
    expect_stored(d.journal, 20, text);
    door_close(&d);

    door_open_as(&d, small, 0); /* and readers are served where it is still full */
    expect_stored(d.journal, 20, text);
    assert_int_equal(bp_journal_policy_version(d.journal), 1);
    door_close(&d);
    door_open_as(&d, large, 0);
    assert_int_equal(bp_applier_flush(d.journal->applier), BP_OK);
    assert_int_equal(bp_journal_head(d.journal), 20);
    expect_stored(d.journal, 1, text);
    expect_stored(d.journal, 20, text);
    door_close(&d);
    free(text);
}

/* --- all at once --- */

struct reading {
    struct bp_journal *journal;
    atomic_bool is_over;
    atomic_uint rounds;
};

/* Again and again everything up to the head, which every snapshot holds. */
static void *read_all(void *argument)
{
    struct reading *reading = argument;
    while (!atomic_load(&reading->is_over)) {
        struct bp_journal_reader *r;
        struct bp_record record;
        uint64_t head = bp_journal_head(reading->journal), from = head > 200 ? head - 200 : 1;
        if (head == 0)
            continue;
        assert_int_equal(bp_journal_read_begin(reading->journal, &r), BP_OK);
        assert_int_equal(bp_journal_read_at(r, head, &record), BP_OK);
        assert_int_equal(bp_journal_read_at(r, from, &record), BP_OK);
        for (uint64_t p = from + 1; p <= head; p++) {
            assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
            assert_int_equal(record.routing.position, p);
        }
        bp_journal_read_end(r);
        atomic_fetch_add(&reading->rounds, 1);
    }
    return NULL;
}

static void test_applier_readers_see_no_seam_while_everything_moves(void **state)
{
    struct door d;
    pthread_t readers[2];
    struct reading reading = {0};
    struct bp_journal_config config = {.dir = *state,
                                       .map_bytes = MAP_BYTES,
                                       .log_segment_bytes = SEGMENT_BYTES,
                                       .most_tail_bytes = 3 * BP_BLOCK_BYTES,
                                       .most_tail_ms = 1};
    door_open_as(&d, config, 0);
    reading.journal = d.journal;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &reading), 0);

    publish_range(&d, 1, 600, 0);

    while (atomic_load(&reading.rounds) < 20)
        (void)sched_yield();
    atomic_store(&reading.is_over, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    expect_range(d.journal, 600);
    door_close(&d);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_applier_tail_and_store_are_read_as_one),
        T(test_applier_reader_keeps_what_it_saw_while_it_is_applied),
        T(test_applier_crash_loses_nothing_durable),
        T(test_applier_crash_between_commit_and_trim_applies_nothing_twice),
        T(test_applier_crash_again_while_catching_up_changes_nothing),
        T(test_applier_closed_journal_is_whole_without_its_log),
        T(test_applier_crashed_journal_without_its_log_is_refused),
        T(test_applier_store_older_than_its_log_is_refused),
        T(test_applier_full_store_stops_events_and_keeps_what_is_durable),
        T(test_applier_readers_see_no_seam_while_everything_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
