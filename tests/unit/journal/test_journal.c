#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32c.h"
#include "file.h"
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

static bp_status open_plain(const char *dir, struct bp_journal **out, struct bp_err *err)
{
    struct bp_journal_config config = {.dir = dir, .map_bytes = MAP_BYTES};
    return bp_journal_open(&config, out, err);
}

static void publish_numbered(struct door *d, int from, int to, uint64_t version)
{
    for (int i = from; i <= to; i++) {
        char id[24], text[32];
        struct test_event e;
        (void)snprintf(id, sizeof(id), "id-%d", i);
        (void)snprintf(text, sizeof(text), "event number %d.", i);
        event_init(&e, id, NULL, text);
        assert_int_equal(submit(d->sequencer, &e.proposal, 1, false, version), BP_OK);
        assert_int_equal(e.proposal.outcome, BP_OUTCOME_STORED);
        event_fini(&e);
    }
}

static void test_journal_new_is_empty_and_has_an_id(void **state)
{
    struct bp_journal *j;
    struct bp_journal_reader *r;
    struct bp_record record;
    struct bp_entry entry;
    struct bp_err err;

    assert_int_equal(open_plain(*state, &j, &err), BP_OK);

    struct bp_log_id id = bp_journal_log_id(j), none = {{0}};
    assert_memory_not_equal(&id, &none, sizeof(id));
    assert_int_equal(bp_journal_head(j), 0);
    assert_int_equal(bp_journal_first(j), 1);
    assert_int_equal(bp_journal_policy_version(j), 0);
    assert_int_equal(bp_journal_last_number(j), 1);
    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    assert_int_equal(bp_journal_read_at(r, 1, &record), BP_ENOENT);
    assert_int_equal(bp_journal_read_next(r, &record), BP_ENOENT);
    assert_int_equal(bp_journal_read_control(r, 0, &entry), BP_OK);
    assert_int_equal(entry.kind, BP_ENTRY_LOG);
    assert_memory_equal(entry.content.p, &id, sizeof(id));
    bp_journal_read_end(r);
    bp_journal_close(j);
}

static void test_journal_reopened_is_as_before(void **state)
{
    struct door d;
    struct bp_log_id before, after;
    door_open(&d, *state);
    before = bp_journal_log_id(d.journal);
    publish_numbered(&d, 1, 300, 0);
    door_close(&d);

    door_open(&d, *state);

    after = bp_journal_log_id(d.journal);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(bp_journal_head(d.journal), 300);
    assert_int_equal(bp_journal_first(d.journal), 1);
    expect_stored(d.journal, 1, "event number 1.");
    expect_stored(d.journal, 300, "event number 300.");
    publish_numbered(&d, 301, 301, 0);
    expect_stored(d.journal, 301, "event number 301.");
    door_close(&d);
}

static void test_journal_in_use_is_refused_to_a_second(void **state)
{
    struct bp_journal *first, *second;
    struct bp_err err;
    assert_int_equal(open_plain(*state, &first, &err), BP_OK);

    assert_int_equal(open_plain(*state, &second, &err), BP_EEXIST);

    assert_non_null(strstr(err.text, "another server uses this folder"));
    bp_journal_close(first);
    assert_int_equal(open_plain(*state, &second, &err), BP_OK);
    bp_journal_close(second);
}

/* Writes over what the environment says of itself, as another version would, or damage. */
static void write_about(const char *dir, uint32_t format, bool is_sound)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta;
    uint8_t row[40] = {0};
    bp_put_u32(row, format);
    bp_put_u32(row + 36, bp_crc32c(0, row, 36) ^ !is_sound);
    MDB_val key = {.mv_size = 5, .mv_data = (void *)(uintptr_t) "about"},
            value = {.mv_size = sizeof(row), .mv_data = row};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_put(txn, meta, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_journal_of_a_newer_version_is_refused(void **state)
{
    struct bp_journal *j;
    struct bp_err err;
    assert_int_equal(open_plain(*state, &j, &err), BP_OK);
    bp_journal_close(j);

    write_about(*state, 4, true);

    assert_int_equal(open_plain(*state, &j, &err), BP_EVERSION);
    assert_non_null(strstr(err.text, "newer version (format 4"));
}

static void test_journal_of_an_older_version_is_refused(void **state)
{
    struct bp_journal *j;
    struct bp_err err;
    assert_int_equal(open_plain(*state, &j, &err), BP_OK);
    bp_journal_close(j);

    write_about(*state, 2, true);

    assert_int_equal(open_plain(*state, &j, &err), BP_EVERSION);
    assert_non_null(strstr(err.text, "older version (format 2"));
}

static void test_journal_whose_own_facts_are_damaged_is_refused(void **state)
{
    struct bp_journal *j;
    struct bp_err err;
    assert_int_equal(open_plain(*state, &j, &err), BP_OK);
    bp_journal_close(j);

    write_about(*state, 3, false);

    assert_int_equal(open_plain(*state, &j, &err), BP_ECORRUPT);
}

static void test_journal_folder_that_is_a_file_is_refused_with_words(void **state)
{
    char *path = in_dir(*state, "file");
    struct bp_journal *j;
    struct bp_err err = {{0}};
    assert_int_equal(bp_file_write(path, "x", 1, 0600, NULL), BP_OK);

    assert_int_not_equal(open_plain(path, &j, &err), BP_OK);

    assert_non_null(strstr(err.text, path));
    free(path);
}

/* Changes one byte where this text stands in the file; how often it stands there. */
static unsigned flip(const char *dir, const char *text)
{
    char *path = in_dir(dir, "data.mdb");
    struct bp_buf file = {0};
    unsigned flipped = 0;
    assert_int_equal(bp_file_read(path, 1u << 30, &file, NULL), BP_OK);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (uint8_t *p = file.p;
         (p = memmem(p, file.n - (size_t)(p - file.p), text, strlen(text))) != NULL; p++) {
        uint8_t other = (uint8_t)(*p ^ 1);
        assert_int_equal(pwrite(fd, &other, 1, p - file.p), 1);
        flipped++;
    }
    assert_int_equal(close(fd), 0);
    bp_buf_fini(&file);
    free(path);
    return flipped;
}

static void test_journal_with_a_flipped_byte_tells_it_and_reads_on(void **state)
{
    struct door d;
    struct bp_journal_reader *r;
    struct bp_record record;
    struct bp_journal *j;
    struct bp_err err;
    door_open(&d, *state);
    publish_numbered(&d, 1, 600, 0);
    door_close(&d);
    assert_true(flip(*state, "event number 77.") > 0);

    assert_int_equal(open_plain(*state, &j, &err), BP_OK);

    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    assert_int_equal(bp_journal_read_at(r, 77, &record), BP_ECORRUPT);
    assert_int_equal(record.routing.position, 77);
    assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
    assert_int_equal(record.routing.position, 78);
    assert_int_equal(bp_journal_read_at(r, 76, &record), BP_OK);
    assert_int_equal(bp_journal_read_next(r, &record), BP_ECORRUPT);
    assert_int_equal(record.routing.position, 77);
    for (uint64_t p = 78; p <= 600; p++) {
        assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
        assert_int_equal(record.routing.position, p);
    }
    assert_int_equal(bp_journal_read_next(r, &record), BP_ENOENT);
    bp_journal_read_end(r);
    bp_journal_close(j);
}

static void test_journal_with_a_flipped_byte_among_the_newest_is_refused(void **state)
{
    struct door d;
    struct bp_journal *j;
    struct bp_err err = {{0}};
    door_open(&d, *state);
    publish_numbered(&d, 1, 20, 0);
    door_close(&d);

    assert_true(flip(*state, "event number 20.") > 0);

    assert_int_equal(open_plain(*state, &j, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, "fails its check"));
}

static void fill_policy(struct bp_buf *content, size_t n, uint8_t seed)
{
    uint8_t *p = bp_buf_reserve(content, n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 31 + i / 251 + seed);
    content->n += n;
}

static void expect_policy(struct bp_journal *j, uint64_t version, const struct bp_buf *content)
{
    struct bp_policy_entry entry;
    struct bp_buf stored = {0};
    assert_int_equal(bp_journal_policy_at(j, version, &entry, &stored), BP_OK);
    assert_int_equal(entry.version, version);
    assert_string_equal(entry.actor, "operator/tester");
    assert_true(entry.applied_at_ns >= START_NS);
    assert_true(bp_str_eq(bp_buf_str(&stored), bp_buf_str(content)));
    bp_buf_fini(&stored);
}

static void test_journal_policy_in_parts_comes_back_whole(void **state)
{
    struct door d;
    struct bp_buf first = {0}, second = {0};
    struct bp_policy_entry entry;
    uint64_t version;
    fill_policy(&first, 3000000, 1);
    fill_policy(&second, BP_ENTRY_CONTENT_MAX, 2);
    door_open(&d, *state);
    assert_int_equal(bp_journal_policy(d.journal, &entry, NULL), BP_OK);
    assert_int_equal(entry.version, 0);

    assert_int_equal(submit_policy(d.sequencer, bp_buf_str(&first), 0, &version), BP_OK);
    assert_int_equal(version, 1);
    publish_numbered(&d, 1, 2, 1);
    assert_int_equal(submit_policy(d.sequencer, bp_buf_str(&second), 1, &version), BP_OK);
    assert_int_equal(version, 2);
    door_close(&d);
    door_open(&d, *state);

    assert_int_equal(bp_journal_policy_version(d.journal), 2);
    assert_int_equal(bp_journal_policy(d.journal, &entry, NULL), BP_OK);
    assert_int_equal(entry.version, 2);
    expect_policy(d.journal, 1, &first);
    expect_policy(d.journal, 2, &second);
    assert_int_equal(bp_journal_policy_at(d.journal, 3, &entry, NULL), BP_ENOENT);
    door_close(&d);
    bp_buf_fini(&first);
    bp_buf_fini(&second);
}

static void test_journal_proposal_is_in_force_once_approved(void **state)
{
    struct door d;
    struct bp_buf content = {0};
    struct bp_policy_entry entry;
    uint64_t version;
    fill_policy(&content, 2 * BP_ENTRY_CONTENT_MAX + 1, 3);
    door_open(&d, *state);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_OK);

    assert_int_equal(propose_policy(d.sequencer, bp_buf_str(&content), 1, &version), BP_OK);
    assert_int_equal(version, 2);
    publish_numbered(&d, 1, 2, 1); /* judged by version 1, which is still in force */
    door_close(&d);
    door_open(&d, *state);
    assert_int_equal(bp_journal_policy_version(d.journal), 1);
    assert_int_equal(bp_journal_newest_version(d.journal), 2);
    assert_int_equal(approve_policy(d.sequencer, 1, 2), BP_OK);

    assert_int_equal(approve_policy(d.sequencer, 2, 2), BP_ENOENT);
    door_close(&d);
    door_open(&d, *state);
    assert_int_equal(bp_journal_policy_version(d.journal), 2);
    assert_int_equal(bp_journal_policy(d.journal, &entry, NULL), BP_OK);
    assert_int_equal(entry.version, 2);
    assert_int_equal(entry.replaces, 1);
    assert_true(entry.is_proposal);
    assert_string_equal(entry.approver, "operator/second");
    assert_true(entry.approved_at_ns >= entry.applied_at_ns);
    expect_policy(d.journal, 2, &content);
    door_close(&d);
    bp_buf_fini(&content);
}

static void test_journal_overtaken_proposal_is_not_approved(void **state)
{
    struct door d;
    struct bp_policy_entry entry;
    uint64_t version;
    door_open(&d, *state);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 0, NULL), BP_OK);
    assert_int_equal(propose_policy(d.sequencer, BP_STR("first"), 1, &version), BP_OK);
    assert_int_equal(propose_policy(d.sequencer, BP_STR("second"), 1, &version), BP_OK);
    assert_int_equal(version, 3);

    assert_int_equal(approve_policy(d.sequencer, 1, 3), BP_OK);

    assert_int_equal(approve_policy(d.sequencer, 3, 2), BP_ECONFLICT);
    assert_int_equal(approve_policy(d.sequencer, 1, 2), BP_ECONFLICT);
    assert_int_equal(approve_policy(d.sequencer, 3, 1), BP_ENOENT); /* needed none */
    assert_int_equal(approve_policy(d.sequencer, 3, 9), BP_ENOENT);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), 3, &version), BP_OK);
    assert_int_equal(version, 4);
    assert_int_equal(bp_journal_policy_at(d.journal, 2, &entry, NULL), BP_OK);
    assert_string_equal(entry.approver, "");
    assert_int_equal(entry.replaces, 1);
    door_close(&d);
}

static void test_journal_positions_have_no_gap_between_controls(void **state)
{
    struct door d;
    struct bp_journal_reader *r;
    struct bp_record record;
    struct bp_entry entry;
    door_open(&d, *state);
    for (int i = 0; i < 20; i++) {
        publish_numbered(&d, 3 * i + 1, 3 * i + 3, (uint64_t)i);
        assert_int_equal(submit_policy(d.sequencer, BP_STR("p"), (uint64_t)i, NULL), BP_OK);
    }
    door_close(&d);
    door_open(&d, *state);

    assert_int_equal(bp_journal_head(d.journal), 60);
    assert_int_equal(bp_journal_last_number(d.journal), 81);
    assert_int_equal(bp_journal_read_begin(d.journal, &r), BP_OK);
    for (uint64_t p = 1; p <= 60; p++) {
        assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
        assert_int_equal(record.routing.position, p);
        assert_int_equal(record.entry.policy_version, 0); /* what the submitter wrote there */
    }
    assert_int_equal(bp_journal_read_next(r, &record), BP_ENOENT);
    for (uint64_t p = 60; p >= 1; p--) {
        assert_int_equal(bp_journal_read_at(r, p, &record), BP_OK);
        assert_int_equal(record.routing.position, p);
    }
    uint64_t number = 0, controls = 0;
    for (; bp_journal_read_control(r, number, &entry) == BP_OK; controls++)
        number = entry.number;
    assert_int_equal(controls, 21);
    assert_int_equal(number, 81);
    bp_journal_read_end(r);
    door_close(&d);
}

static void test_journal_position_before_a_time_is_the_last_recorded_before(void **state)
{
    struct door d;
    uint64_t position;
    door_open(&d, *state);
    for (int i = 1; i <= 10; i++) { /* two at each second */
        publish_numbered(&d, i, i, 0);
        if (i % 2 == 0)
            hand_clock_forward(&d.clock, 1000);
    }

    assert_int_equal(bp_journal_position_before(d.journal, START_NS, &position), BP_OK);
    assert_int_equal(position, 0);
    assert_int_equal(bp_journal_position_before(d.journal, START_NS + 1, &position), BP_OK);
    assert_int_equal(position, 2);
    assert_int_equal(bp_journal_position_before(d.journal, START_NS + BP_NS_PER_S, &position),
                     BP_OK);
    assert_int_equal(position, 2);
    assert_int_equal(bp_journal_position_before(d.journal, START_NS + 60 * BP_NS_PER_S, &position),
                     BP_OK);
    assert_int_equal(position, 10);
    door_close(&d);
}

static void test_journal_readers_beyond_the_most_are_told_to_wait(void **state)
{
    struct bp_journal_config config = {.dir = *state, .map_bytes = MAP_BYTES, .most_readers = 2};
    struct bp_journal_reader *readers[64];
    struct bp_journal *j;
    struct bp_err err;
    size_t n = 0;
    bp_status st = BP_OK;
    assert_int_equal(bp_journal_open(&config, &j, &err), BP_OK);

    while (n < 64 && (st = bp_journal_read_begin(j, &readers[n])) == BP_OK)
        n++;

    assert_int_equal(st, BP_EAGAIN);
    assert_true(n >= 2);
    bp_journal_read_end(readers[--n]);
    assert_int_equal(bp_journal_read_begin(j, &readers[n]), BP_OK);
    for (size_t i = 0; i <= n; i++)
        bp_journal_read_end(readers[i]);
    bp_journal_close(j);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_journal_new_is_empty_and_has_an_id),
        T(test_journal_reopened_is_as_before),
        T(test_journal_in_use_is_refused_to_a_second),
        T(test_journal_of_a_newer_version_is_refused),
        T(test_journal_of_an_older_version_is_refused),
        T(test_journal_whose_own_facts_are_damaged_is_refused),
        T(test_journal_folder_that_is_a_file_is_refused_with_words),
        T(test_journal_with_a_flipped_byte_tells_it_and_reads_on),
        T(test_journal_with_a_flipped_byte_among_the_newest_is_refused),
        T(test_journal_policy_in_parts_comes_back_whole),
        T(test_journal_proposal_is_in_force_once_approved),
        T(test_journal_overtaken_proposal_is_not_approved),
        T(test_journal_positions_have_no_gap_between_controls),
        T(test_journal_position_before_a_time_is_the_last_recorded_before),
        T(test_journal_readers_beyond_the_most_are_told_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
