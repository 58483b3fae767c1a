/* The index after losses: deleted, stale, foreign, damaged, killed, without space. */
#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "digest.h"
#include "file.h"
#include "id_page.h"
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

/* As an operator may, while nothing runs. */
static void remove_index(const char *dir)
{
    char *data = in_dir(dir, "index/data.mdb"), *lock = in_dir(dir, "index/lock.mdb");
    (void)unlink(data);
    (void)unlink(lock);
    free(data);
    free(lock);
}

static void copy_file(const char *dir, const char *from, const char *to)
{
    struct bp_buf content = {0};
    char *source = in_dir(dir, from), *target = in_dir(dir, to);
    assert_int_equal(bp_file_read(source, 1u << 30, &content, NULL), BP_OK);
    assert_int_equal(bp_file_write(target, content.p, content.n, 0600, NULL), BP_OK);
    bp_buf_fini(&content);
    free(source);
    free(target);
}

static void test_index_that_was_deleted_is_made_again(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 3000, BP_OUTCOME_STORED);
    exchange_close(&x);
    remove_index(*state);

    exchange_open(&x, *state, 0);

    expect_all_known(&x, 3000);
    exchange_close(&x);
}

static void test_index_that_is_behind_its_journal_catches_up(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 500, BP_OUTCOME_STORED);
    exchange_close(&x);
    copy_file(*state, "index/data.mdb", "old");
    exchange_open(&x, *state, 0);
    publish_range(&x, 501, 900, BP_OUTCOME_STORED);
    exchange_close(&x);

    copy_file(*state, "old", "index/data.mdb");
    exchange_open(&x, *state, 0);

    expect_all_known(&x, 900);
    exchange_close(&x);
}

static void test_index_of_another_journal_is_made_again(void **state)
{
    struct exchange x;
    char *journal = in_dir(*state, "journal"), *aside = in_dir(*state, "aside");
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 500, BP_OUTCOME_STORED);
    exchange_close(&x);

    assert_int_equal(rename(journal, aside), 0);
    exchange_open(&x, *state, 0);

    assert_int_equal(bp_index_position(x.index), 0);
    publish_range(&x, 1, 100, BP_OUTCOME_STORED);
    expect_all_known(&x, 100);
    exchange_close(&x);
    free(journal);
    free(aside);
}

static void test_index_that_is_ahead_of_its_journal_is_made_again(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 300, BP_OUTCOME_STORED);
    exchange_close(&x);
    copy_file(*state, "journal/data.mdb", "old");
    exchange_open(&x, *state, 0);
    publish_range(&x, 301, 600, BP_OUTCOME_STORED);
    exchange_close(&x);

    copy_file(*state, "old", "journal/data.mdb");
    exchange_open(&x, *state, 0);

    expect_all_known(&x, 300);
    publish_range(&x, 301, 400, BP_OUTCOME_STORED);
    exchange_close(&x);
}

static void test_index_that_lmdb_does_not_take_is_made_again(void **state)
{
    struct exchange x;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 300, BP_OUTCOME_STORED);
    exchange_close(&x);
    char *data = in_dir(*state, "index/data.mdb");
    char *nonsense = calloc(1, 65536);
    assert_non_null(nonsense);
    memset(nonsense, 'x', 65536);

    assert_int_equal(bp_file_write(data, nonsense, 65536, 0600, NULL), BP_OK);
    exchange_open(&x, *state, 0);

    expect_all_known(&x, 300);
    exchange_close(&x);
    free(nonsense);
    free(data);
}

static bool is_gate_entered(void *context)
{
    (void)context;
    return atomic_load(&digest_gate.is_entered);
}

/* More than is caught up with before open returns. */
#define MANY 60000

static void test_index_during_a_rebuild_never_says_free_and_reading_goes_on(void **state)
{
    struct exchange x;
    struct bp_id_lookup found;
    enum bp_outcome outcome;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, MANY, BP_OUTCOME_STORED);
    exchange_close(&x);
    remove_index(*state);
    atomic_store(&digest_gate.is_entered, false);
    atomic_store(&digest_gate.is_shut, true);

    exchange_open(&x, *state, 0);
    wait_until(is_gate_entered, NULL);

    const struct bp_id_index *ids = bp_index_ids(x.index);
    bp_id_key_make(BP_STR("kab.18.07"), BP_STR("id-60000"), &found.key);
    ids->find(ids->context, &found, 1);
    assert_int_equal(found.status, BP_EAGAIN);
    assert_false(ids->has_room(ids->context, 1));
    assert_int_equal(bp_index_health(x.index), BP_EAGAIN);
    assert_int_equal(try_publish(x.sequencer, "id-60001", "id-60001", &outcome, NULL), BP_EAGAIN);
    expect_stored(x.journal, MANY, "id-60000");
    atomic_store(&digest_gate.is_shut, false);
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    assert_int_equal(bp_index_position(x.index), MANY);
    ids->find(ids->context, &found, 1);
    assert_int_equal(found.status, BP_OK);
    assert_int_equal(found.position, MANY);
    publish_range(&x, MANY + 1, MANY + 1, BP_OUTCOME_STORED);
    exchange_close(&x);
}

static uint32_t checksum_at(struct bp_journal *j, uint64_t position)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    assert_int_equal(bp_journal_read_at(r, position, &record), BP_OK);
    bp_journal_read_end(r);
    return record.entry.checksum;
}

/* Changes the entry with this checksum, which no other has and which is stored as it is. */
static void flip_in_journal(const char *dir, uint32_t checksum)
{
    uint8_t bytes[4];
    bp_put_u32(bytes, checksum);
    char *path = in_dir(dir, "journal/data.mdb");
    struct bp_buf content = {0};
    assert_int_equal(bp_file_read(path, 1u << 30, &content, NULL), BP_OK);
    for (uint8_t *p = content.p;
         (p = memmem(p, content.n - (size_t)(p - content.p), bytes, sizeof(bytes))) != NULL; p++)
        *p ^= 1;
    assert_int_equal(bp_file_write(path, content.p, content.n, 0600, NULL), BP_OK);
    bp_buf_fini(&content);
    free(path);
}

static void test_index_rebuilt_over_a_damaged_entry_keeps_publishing_shut(void **state)
{
    struct exchange x;
    enum bp_outcome outcome;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 999, BP_OUTCOME_STORED);
    uint32_t checksum = checksum_at(x.journal, 345);
    exchange_close(&x);
    remove_index(*state);
    flip_in_journal(*state, checksum);

    exchange_open(&x, *state, 0);

    assert_int_equal(bp_index_health(x.index), BP_ECORRUPT);
    assert_int_equal(try_publish(x.sequencer, "new", "new", &outcome, NULL), BP_EAGAIN);
    expect_stored(x.journal, 999, "id-999");
    exchange_close(&x);
}

/* A page with this id says another position of it, and its checksum is right. */
static bool misplace_in(MDB_txn *txn, MDB_dbi ids, const struct bp_id_key *id)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    struct bp_id_page page;
    struct bp_id_page_writer other = {.n = 0};
    bool is_there = false;
    const uint8_t *first;
    assert_int_equal(mdb_cursor_open(txn, ids, &cursor), 0);
    while (!is_there && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        assert_true(bp_id_page_open(bp_str_of(value.mv_data, value.mv_size), &page));
        other.n = 0;
        for (size_t i = 0; i < page.n; i++) {
            struct bp_id_key stored;
            memcpy(stored.bytes, bp_id_page_key(&page, i), BP_ID_KEY_BYTES);
            bool is_it = memcmp(&stored, id, sizeof(stored)) == 0;
            bp_id_page_add(&other, &stored, bp_id_page_position(&page, i) ^ is_it);
            is_there |= is_it;
        }
    }
    mdb_cursor_close(cursor);
    if (!is_there)
        return false;
    struct bp_str written = bp_id_page_seal(&other, &first);
    key = (MDB_val){.mv_size = BP_ID_KEY_BYTES, .mv_data = (void *)(uintptr_t)first};
    value = (MDB_val){.mv_size = written.n, .mv_data = (void *)(uintptr_t)written.p};
    assert_int_equal(mdb_put(txn, ids, &key, &value, 0), 0);
    return true;
}

static void misplace(const char *dir, const char *id)
{
    char *path = in_dir(dir, "index");
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi ids;
    struct bp_id_key key;
    bp_id_key_make(BP_STR("kab.18.07"), bp_str(id), &key);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    int table = 0;
    do {
        char name[16];
        (void)snprintf(name, sizeof(name), "ids%02d", table++);
        assert_int_equal(mdb_dbi_open(txn, name, 0, &ids), 0);
    } while (!misplace_in(txn, ids, &key));
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(path);
}

static void test_index_found_wrong_is_not_believed_and_made_again(void **state)
{
    struct exchange x;
    enum bp_outcome outcome;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, 300, BP_OUTCOME_STORED);
    exchange_close(&x);
    misplace(*state, "id-200");
    exchange_open(&x, *state, 0);

    assert_int_equal(try_publish(x.sequencer, "id-200", "id-200", &outcome, NULL), BP_EIO);

    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    expect_all_known(&x, 300);
    publish_range(&x, 301, 301, BP_OUTCOME_STORED);
    exchange_close(&x);
}

/* Never returns: somebody kills it, between any two steps of the journal and of the index. */
static void publish_for_ever(const char *dir, int pipe_fd)
{
    struct exchange x;
    exchange_open(&x, dir, 0);
    for (uint64_t p = bp_journal_head(x.journal) + 1;; p++) {
        publish_range(&x, (int)p, (int)p, BP_OUTCOME_STORED);
        if (write(pipe_fd, &p, sizeof(p)) != (ssize_t)sizeof(p) ||
            (p % 5 == 0 && bp_index_catch_up(x.index) != BP_OK))
            _exit(1);
    }
}

static void test_index_after_kills_at_any_moment_stores_nothing_twice(void **state)
{
    for (int round = 0; round < 10; round++) {
        int ends[2], status;
        uint16_t random;
        uint64_t position = 0;
        struct exchange x;
        bp_random(&random, sizeof(random));
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            publish_for_ever(*state, ends[1]);
        assert_int_equal(close(ends[1]), 0);
        (void)nanosleep(&(struct timespec){.tv_nsec = 3000000L + random * 1000L}, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));

        exchange_open(&x, *state, 0);
        while (read(ends[0], &position, sizeof(position)) == (ssize_t)sizeof(position))
            assert_true(bp_journal_head(x.journal) >= position);
        publish_range(&x, 1, (int)bp_journal_head(x.journal), BP_OUTCOME_DUPLICATE);
        exchange_close(&x);
        assert_int_equal(close(ends[0]), 0);
    }
}

static bool is_caught_up(void *context)
{
    struct exchange *x = context;
    return bp_index_catch_up(x->index) == BP_OK;
}

static void test_index_without_space_is_right_from_memory_and_goes_on_later(void **state)
{
    struct exchange x;
    exchange_open_with(&x, *state, 0, 256u << 10);
    publish_range(&x, 1, 12000, BP_OUTCOME_STORED);

    assert_int_equal(bp_index_catch_up(x.index), BP_ENOSPC);

    assert_int_equal(bp_index_health(x.index), BP_ENOSPC);
    expect_all_known(&x, 12000);
    publish_range(&x, 12001, 12100, BP_OUTCOME_STORED);
    exchange_close(&x);
    exchange_open(&x, *state, 0);
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    expect_all_known(&x, 12100);
    exchange_close(&x);
}

static void run_full_disk(const char *dir, const char *mount_point)
{
    struct exchange x;
    char *path = in_dir(mount_point, "ballast"), *ballast = calloc(1, 3u << 20);
    assert_non_null(ballast);
    assert_int_equal(bp_file_write(path, ballast, 3u << 20, 0600, NULL), BP_OK);
    exchange_open(&x, dir, 0);
    publish_range(&x, 1, 60000, BP_OUTCOME_STORED);

    assert_int_not_equal(bp_index_catch_up(x.index), BP_OK);

    expect_all_known(&x, 60000);
    assert_int_equal(unlink(path), 0);
    wait_until(is_caught_up, &x);
    assert_int_equal(bp_index_position(x.index), 60000);
    expect_all_known(&x, 60000);
    exchange_close(&x);
    free(ballast);
    free(path);
}

static void test_index_on_a_full_disk_is_written_when_there_is_space(void **state)
{
    char *mount_point = in_dir(*state, "index");
    assert_int_equal(mkdir(mount_point, 0700), 0);
    if (mount("berbagi-test", mount_point, "tmpfs", 0, "size=4m,mode=0700") != 0) {
        print_message("skipped: a small file system cannot be mounted: %s\n", strerror(errno));
        free(mount_point);
        skip();
    }

    run_full_disk(*state, mount_point);

    assert_int_equal(umount(mount_point), 0);
    free(mount_point);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_index_that_was_deleted_is_made_again),
        T(test_index_that_is_behind_its_journal_catches_up),
        T(test_index_of_another_journal_is_made_again),
        T(test_index_that_is_ahead_of_its_journal_is_made_again),
        T(test_index_that_lmdb_does_not_take_is_made_again),
        T(test_index_during_a_rebuild_never_says_free_and_reading_goes_on),
        T(test_index_rebuilt_over_a_damaged_entry_keeps_publishing_shut),
        T(test_index_found_wrong_is_not_believed_and_made_again),
        T(test_index_after_kills_at_any_moment_stores_nothing_twice),
        T(test_index_without_space_is_right_from_memory_and_goes_on_later),
        T(test_index_on_a_full_disk_is_written_when_there_is_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
