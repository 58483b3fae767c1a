#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "digest.h"
#include "file.h"
#include "index.h"
#include "journal_support.h"

/* A journal, a sequencer and an index under one folder. */
struct exchange {
    struct bp_journal *journal;
    struct bp_sequencer *sequencer;
    struct bp_index *index;
};

/* Holds the making of digests back, so that a rebuild stands still. */
static struct {
    atomic_bool is_shut, is_entered;
} gate;

static void gated_digest(void *context, const struct bp_record *record,
                         struct bp_content_digest *out)
{
    atomic_store(&gate.is_entered, true);
    while (atomic_load(&gate.is_shut))
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    event_digest(context, record, out);
}

/* The text of an event is its status: the bytes behind the tag and length of field 15. */
static bool status_of(void *context, const struct bp_record *record, struct bp_str *machine,
                      struct bp_str *status)
{
    (void)context;
    const char *data = memrchr(record->event.p, 15 << 3 | 2, record->event.n);
    if (data == NULL)
        return false;
    *status = bp_str_of(data + 2, record->event.n - (size_t)(data + 2 - record->event.p));
    *machine = bp_str_starts(*status, BP_STR("case")) ? BP_STR("case") : BP_STR("worker");
    return status->n != 0 && status->p[0] != '-';
}

static void exchange_open(struct exchange *x, const char *dir, size_t most_pending)
{
    struct bp_err err = {{0}};
    char *journal_dir = in_dir(dir, "journal"), *index_dir = in_dir(dir, "index");
    struct bp_journal_config journal = {.dir = journal_dir, .map_bytes = MAP_BYTES};
    if (bp_journal_open(&journal, &x->journal, &err) != BP_OK)
        fail_msg("%s", err.text);
    struct bp_index_config index = {
        .dir = index_dir,
        .journal = x->journal,
        .most_pending = most_pending,
        .map_bytes = MAP_BYTES,
        .status_of = status_of,
        .digest_of = gated_digest,
    };
    if (bp_index_open(&index, &x->index, &err) != BP_OK)
        fail_msg("%s", err.text);
    struct bp_sequencer_config sequencer = {.journal = x->journal, .ids = bp_index_ids(x->index)};
    if (bp_sequencer_start(&sequencer, &x->sequencer, &err) != BP_OK)
        fail_msg("%s", err.text);
    free(journal_dir);
    free(index_dir);
}

static void exchange_close(struct exchange *x)
{
    bp_sequencer_stop(x->sequencer);
    bp_index_close(x->index);
    bp_journal_close(x->journal);
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

/* Events id-from .. id-to in requests of up to 500. */
static void publish_range(struct exchange *x, int from, int to, enum bp_outcome expected)
{
    enum { MOST = 500 };
    struct test_event *events = calloc(MOST, sizeof(*events));
    struct bp_proposal *proposals = calloc(MOST, sizeof(*proposals));
    assert_non_null(events);
    assert_non_null(proposals);
    for (int first = from; first <= to; first += MOST) {
        int n = to - first + 1 < MOST ? to - first + 1 : MOST;
        for (int i = 0; i < n; i++) {
            char id[24];
            (void)snprintf(id, sizeof(id), "id-%d", first + i);
            event_init(&events[i], id, NULL, id);
            proposals[i] = events[i].proposal;
        }
        assert_int_equal(submit(x->sequencer, proposals, (size_t)n, false, 0), BP_OK);
        for (int i = 0; i < n; i++) {
            assert_int_equal(proposals[i].outcome, expected);
            assert_int_equal(proposals[i].position, first + i);
            event_fini(&events[i]);
        }
    }
    free(events);
    free(proposals);
}

static void expect_all_known(struct exchange *x, int n)
{
    publish_range(x, 1, n, BP_OUTCOME_DUPLICATE);
    assert_int_equal(publish(x->sequencer, "id-1", "other content", NULL), BP_OUTCOME_CONFLICT);
    assert_int_equal(bp_journal_head(x->journal), n);
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
    return atomic_load(&gate.is_entered);
}

/* More than is caught up with before open returns. */
#define MANY 60000

static void test_index_during_a_rebuild_never_says_free_and_reading_goes_on(void **state)
{
    struct exchange x;
    uint64_t position;
    struct bp_id_key key;
    struct bp_content_digest content;
    enum bp_outcome outcome;
    exchange_open(&x, *state, 0);
    publish_range(&x, 1, MANY, BP_OUTCOME_STORED);
    exchange_close(&x);
    remove_index(*state);
    atomic_store(&gate.is_entered, false);
    atomic_store(&gate.is_shut, true);

    exchange_open(&x, *state, 0);
    wait_until(is_gate_entered, NULL);

    const struct bp_id_index *ids = bp_index_ids(x.index);
    bp_id_key_make(BP_STR("kab.18.07"), BP_STR("id-60000"), &key);
    assert_int_equal(ids->find(ids->context, &key, &position, &content), BP_EAGAIN);
    assert_false(ids->has_room(ids->context, 1));
    assert_int_equal(bp_index_health(x.index), BP_EAGAIN);
    assert_int_equal(try_publish(x.sequencer, "id-60001", "id-60001", &outcome, NULL), BP_EAGAIN);
    expect_stored(x.journal, MANY, "id-60000");
    atomic_store(&gate.is_shut, false);
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);
    assert_int_equal(bp_index_position(x.index), MANY);
    assert_int_equal(ids->find(ids->context, &key, &position, &content), BP_OK);
    assert_int_equal(position, MANY);
    publish_range(&x, MANY + 1, MANY + 1, BP_OUTCOME_STORED);
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

static void flip_in_journal(const char *dir, const char *text)
{
    char *path = in_dir(dir, "journal/data.mdb");
    struct bp_buf content = {0};
    assert_int_equal(bp_file_read(path, 1u << 30, &content, NULL), BP_OK);
    for (uint8_t *p = content.p;
         (p = memmem(p, content.n - (size_t)(p - content.p), text, strlen(text))) != NULL; p++)
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
    exchange_close(&x);
    remove_index(*state);
    flip_in_journal(*state, "id-345");

    exchange_open(&x, *state, 0);

    assert_int_equal(bp_index_health(x.index), BP_ECORRUPT);
    assert_int_equal(try_publish(x.sequencer, "new", "new", &outcome, NULL), BP_EAGAIN);
    expect_stored(x.journal, 999, "id-999");
    exchange_close(&x);
}

/* Lets the row of an id say another position, as a flipped bit may. */
static void misplace(const char *dir, const char *id)
{
    char *path = in_dir(dir, "index");
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi ids;
    MDB_val row;
    struct bp_id_key key;
    uint8_t copy[24];
    bp_id_key_make(BP_STR("kab.18.07"), bp_str(id), &key);
    MDB_val k = {.mv_size = sizeof(key), .mv_data = &key},
            v = {.mv_size = sizeof(copy), .mv_data = copy};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "ids", 0, &ids), 0);
    assert_int_equal(mdb_get(txn, ids, &k, &row), 0);
    assert_int_equal(row.mv_size, sizeof(copy));
    memcpy(copy, row.mv_data, sizeof(copy));
    bp_put_u64(copy, bp_get_u64(copy) ^ 1);
    assert_int_equal(mdb_put(txn, ids, &k, &v, 0), 0);
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
        T(test_index_that_was_deleted_is_made_again),
        T(test_index_that_is_behind_its_journal_catches_up),
        T(test_index_of_another_journal_is_made_again),
        T(test_index_that_is_ahead_of_its_journal_is_made_again),
        T(test_index_that_lmdb_does_not_take_is_made_again),
        T(test_index_during_a_rebuild_never_says_free_and_reading_goes_on),
        T(test_index_pending_is_bounded),
        T(test_index_rebuilt_over_a_damaged_entry_keeps_publishing_shut),
        T(test_index_found_wrong_is_not_believed_and_made_again),
        T(test_index_after_kills_at_any_moment_stores_nothing_twice),
        T(test_index_subject_is_at_its_newest_event_and_last_statuses),
        T(test_index_in_use_is_refused_to_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
