/* What was backed up comes back, entry by entry, under a new log id; what was done to the file
 * shows, and leaves no journal. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "file.h"
#include "journal_support.h"
#include "recipient.h"
#include "restore.h"

/* --- a journal, a file, a place to restore into --- */

struct world {
    char *dir, *journal, *file, *data, *restored;
    struct door door;
};

static void world_open(struct world *w)
{
    w->dir = temp_dir();
    w->journal = in_dir(w->dir, "journal");
    w->file = in_dir(w->dir, "backup");
    w->data = in_dir(w->dir, "data");
    w->restored = in_dir(w->data, "journal");
    recipient_make(w->dir, "escrow", "P-256");
    recipient_make(w->dir, "other", "P-256");
    door_open(&w->door, w->journal);
}

static void world_close(struct world *w)
{
    door_close(&w->door);
    free(w->journal);
    free(w->file);
    free(w->data);
    free(w->restored);
    temp_dir_remove(w->dir);
}

/* Publishes under the policy in force. */
static enum bp_outcome store(struct door *d, const char *id, const char *text, uint64_t *position)
{
    struct test_event e;
    event_init(&e, id, NULL, text);
    assert_int_equal(
        submit(d->sequencer, &e.proposal, 1, false, bp_journal_policy_version(d->journal)), BP_OK);
    if (position != NULL)
        *position = e.proposal.position;
    event_fini(&e);
    return e.proposal.outcome;
}

static void subscribe(struct world *w, const char *agency, const char *name, uint64_t acknowledged)
{
    struct bp_subscription row = {.acknowledged_position = acknowledged,
                                  .created_ns = START_NS,
                                  .last_active_ns = START_NS + 1,
                                  .filter = BP_STR("a filter")};
    snprintf(row.agency, sizeof(row.agency), "%s", agency);
    snprintf(row.name, sizeof(row.name), "%s", name);
    assert_int_equal(bp_sequencer_put_subscription(w->door.sequencer, &row, NULL, NULL), BP_OK);
}

/* Events, a policy of two parts, a proposal and its approval, events again. */
static void fill(struct world *w, unsigned n)
{
    struct bp_buf policy = {0};
    uint64_t version;
    char id[32];
    uint8_t *p = bp_buf_reserve(&policy, BP_ENTRY_CONTENT_MAX + 10);
    assert_non_null(p);
    memset(p, 'p', BP_ENTRY_CONTENT_MAX + 10);
    policy.n = BP_ENTRY_CONTENT_MAX + 10;
    assert_int_equal(submit_policy(w->door.sequencer, bp_buf_str(&policy), 0, &version), BP_OK);
    bp_buf_fini(&policy);
    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof(id), "event-%u", i);
        assert_int_equal(store(&w->door, id, id, NULL), BP_OUTCOME_STORED);
    }
    assert_int_equal(propose_policy(w->door.sequencer, BP_STR("second"), 1, &version), BP_OK);
    assert_int_equal(approve_policy(w->door.sequencer, 1, version), BP_OK);
    assert_int_equal(store(&w->door, "last", "last", NULL), BP_OUTCOME_STORED);
    subscribe(w, "kab.18.07", "feed", 3);
    subscribe(w, "kl.kemlu", "cases", 0);
}

/* Writes the backup of the journal as it is; between, NULL allowed, runs behind the first page. */
static void back_up(struct world *w, void (*between)(struct world *w))
{
    struct bp_backup_config config = {w->door.journal, w->door.sequencer, &w->door.clock.clock,
                                      recipient_path(w->dir, "escrow", "pem")};
    struct bp_backup *b;
    struct bp_err err = {""};
    struct bp_buf piece = {0};
    bool is_last = false;
    uint64_t done, total;
    FILE *f = fopen(w->file, "w");
    assert_non_null(f);
    assert_int_equal(bp_backup_create(&config, &b, &err), BP_OK);
    for (unsigned i = 0; !is_last; i++) {
        assert_int_equal(bp_backup_next(b, &piece, &is_last, &err), BP_OK);
        assert_int_equal(fwrite(piece.p, 1, piece.n, f), piece.n);
        if (i == 1 && between != NULL)
            between(w);
    }
    bp_backup_progress(b, &done, &total);
    assert_true(done == total && total > 0);
    assert_int_equal(fclose(f), 0);
    bp_buf_fini(&piece);
    bp_backup_destroy(b);
}

static bp_status restore_with(struct world *w, const char *key, struct bp_restored *out,
                              struct bp_err *err)
{
    struct bp_restore_config config = {.file = w->file,
                                       .key = recipient_path(w->dir, key, "key"),
                                       .data_dir = w->data,
                                       .clock = &w->door.clock.clock};
    return bp_restore(&config, out, err);
}

static void restore(struct world *w, struct bp_restored *out)
{
    struct bp_err err = {""};
    bp_status st = restore_with(w, "escrow", out, &err);
    if (st != BP_OK)
        print_error("%s\n", err.text);
    assert_int_equal(st, BP_OK);
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* --- comparing --- */

static void expect_equal_entries(struct bp_journal *before, struct bp_journal *after, uint64_t n)
{
    struct bp_journal_reader *a, *b;
    assert_int_equal(bp_journal_read_begin(before, &a), BP_OK);
    assert_int_equal(bp_journal_read_begin(after, &b), BP_OK);
    for (uint64_t number = 1; number <= n; number++) {
        struct bp_str x, y;
        uint64_t at, there;
        assert_int_equal(bp_journal_read_stored(a, number, &x, &at), BP_OK);
        assert_int_equal(bp_journal_read_stored(b, number, &y, &there), BP_OK);
        assert_true(bp_str_eq(x, y));
        assert_int_equal(at, there);
    }
    bp_journal_read_end(a);
    bp_journal_read_end(b);
}

static void expect_subscription(struct door *d, const char *agency, const char *name,
                                uint64_t acknowledged)
{
    struct bp_subscription row;
    struct bp_buf filter = {0};
    assert_int_equal(bp_sequencer_get_subscription(d->sequencer, agency, name, &row, &filter),
                     BP_OK);
    assert_int_equal(row.acknowledged_position, acknowledged);
    assert_int_equal(row.created_ns, START_NS);
    assert_true(bp_str_eq(bp_buf_str(&filter), BP_STR("a filter")));
    bp_buf_fini(&filter);
}

/* --- tests --- */

static void test_backup_comes_back_as_it_was(void **state)
{
    struct world w;
    struct bp_restored r;
    struct door d;
    (void)state;
    world_open(&w);
    fill(&w, 300);
    uint64_t last = bp_journal_last_number(w.door.journal);
    back_up(&w, NULL);
    restore(&w, &r);
    assert_int_equal(r.end.last_number, last);
    assert_int_equal(r.end.head, 301);
    assert_int_equal(r.end.subscriptions, 2);

    door_open(&d, w.restored);
    struct bp_log_id old = bp_journal_log_id(w.door.journal), now = bp_journal_log_id(d.journal);
    assert_memory_equal(&old, &r.about.log_id, sizeof(old));
    assert_memory_equal(&now, &r.log_id, sizeof(now));
    assert_memory_not_equal(&old, &now, sizeof(old));
    expect_equal_entries(w.door.journal, d.journal, last);
    assert_int_equal(bp_journal_head(d.journal), 301);
    assert_int_equal(bp_journal_policy_version(d.journal), 2);
    assert_int_equal(bp_journal_newest_version(d.journal), 2);
    expect_subscription(&d, "kab.18.07", "feed", 3);
    expect_subscription(&d, "kl.kemlu", "cases", 0);
    door_close(&d);
    world_close(&w);
}

static void test_backup_restored_goes_on(void **state)
{
    struct world w;
    struct bp_restored r;
    struct door d;
    uint64_t position;
    (void)state;
    world_open(&w);
    fill(&w, 5);
    back_up(&w, NULL);
    restore(&w, &r);
    for (int round = 0; round < 2; round++) { /* also after the next start */
        door_open(&d, w.restored);
        assert_int_equal(store(&d, "event-2", "event-2", &position), BP_OUTCOME_DUPLICATE);
        assert_int_equal(position, 3);
        assert_int_equal(store(&d, round == 0 ? "new" : "newer", "x", &position),
                         BP_OUTCOME_STORED);
        assert_int_equal(position, 7 + round);
        door_close(&d);
    }
    world_close(&w);
}

static void publish_more(struct world *w)
{
    for (unsigned i = 0; i < 50; i++) {
        char id[32];
        snprintf(id, sizeof(id), "later-%u", i);
        assert_int_equal(store(&w->door, id, id, NULL), BP_OUTCOME_STORED);
    }
    subscribe(w, "kab.18.07", "feed", 40);
    subscribe(w, "kab.35.09", "late", 50);
}

static void test_backup_stands_at_one_position(void **state)
{
    struct world w;
    struct bp_restored r;
    struct door d;
    char text[4000];
    (void)state;
    world_open(&w);
    fill(&w, 10);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (unsigned i = 0; i < 600; i++) { /* more than a page */
        char id[32];
        snprintf(id, sizeof(id), "long-%u", i);
        assert_int_equal(store(&w.door, id, text, NULL), BP_OUTCOME_STORED);
    }
    back_up(&w, publish_more);
    restore(&w, &r);
    assert_int_equal(r.end.head, 611);
    door_open(&d, w.restored);
    assert_int_equal(bp_journal_head(d.journal), 611);
    expect_subscription(&d, "kab.18.07", "feed", 3);
    struct bp_subscription late;
    assert_int_equal(bp_sequencer_get_subscription(d.sequencer, "kab.35.09", "late", &late, NULL),
                     BP_ENOENT);
    door_close(&d);
    world_close(&w);
}

static void test_backup_of_an_empty_log_comes_back(void **state)
{
    struct world w;
    struct bp_restored r;
    struct door d;
    (void)state;
    world_open(&w);
    back_up(&w, NULL);
    restore(&w, &r);
    door_open(&d, w.restored);
    assert_int_equal(bp_journal_head(d.journal), 0);
    door_close(&d);
    world_close(&w);
}

static void test_backup_is_restored_by_its_key_alone_and_into_nothing(void **state)
{
    struct world w;
    struct bp_restored r;
    struct bp_err err = {""};
    (void)state;
    world_open(&w);
    fill(&w, 5);
    back_up(&w, NULL);
    assert_int_equal(restore_with(&w, "other", &r, &err), BP_EAUTH);
    assert_int_equal(restore_with(&w, "missing", &r, &err), BP_ENOENT);
    assert_false(exists(w.restored));
    restore(&w, &r);
    assert_int_equal(restore_with(&w, "escrow", &r, &err), BP_EEXIST);
    world_close(&w);
}

/* Runs a restore of the file with these bytes, which must be refused and leave no journal. */
static void expect_refused(struct world *w, const void *p, size_t n)
{
    struct bp_restored r;
    struct bp_err err = {""};
    assert_int_equal(bp_file_write(w->file, p, n, 0600, &err), BP_OK);
    assert_int_equal(restore_with(w, "escrow", &r, &err), BP_ECORRUPT);
    assert_false(exists(w->restored));
}

static void test_backup_damaged_anywhere_is_refused(void **state)
{
    struct world w;
    struct bp_restored r;
    struct bp_err err = {""};
    struct bp_buf whole = {0};
    (void)state;
    world_open(&w);
    fill(&w, 30);
    back_up(&w, NULL);
    assert_int_equal(bp_file_read(w.file, 64u << 20, &whole, &err), BP_OK);
    for (unsigned i = 0; i < 24; i++) {
        size_t at = whole.n * i / 24;
        expect_refused(&w, whole.p, at);
        whole.p[at] ^= 0x10;
        expect_refused(&w, whole.p, whole.n);
        whole.p[at] ^= 0x10;
    }
    /* What those tries left behind is in nobody's way. */
    assert_int_equal(bp_file_write(w.file, whole.p, whole.n, 0600, &err), BP_OK);
    restore(&w, &r);
    bp_buf_fini(&whole);
    world_close(&w);
}

/* Flips a bit wherever the text stands in the file. */
static void damage(const char *path, const char *text)
{
    struct bp_buf file = {0};
    struct bp_err err;
    assert_int_equal(bp_file_read(path, 64u << 20, &file, &err), BP_OK);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    const uint8_t *at = file.p, *end = file.p + file.n;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
        uint8_t flipped = *at ^ 1;
        assert_int_equal(pwrite(fd, &flipped, 1, at - file.p), 1);
        at++;
    }
    assert_int_equal(close(fd), 0);
    bp_buf_fini(&file);
}

static void test_backup_of_a_damaged_log_names_the_entry(void **state)
{
    struct world w;
    struct bp_backup *b;
    struct bp_err err = {""};
    struct bp_buf piece = {0};
    bool is_last = false;
    (void)state;
    world_open(&w);
    fill(&w, 400);
    door_close(&w.door);
    char *path = in_dir(w.journal, "data.mdb");
    damage(path, "event-7");
    free(path);
    door_open(&w.door, w.journal);
    struct bp_backup_config config = {w.door.journal, w.door.sequencer, &w.door.clock.clock,
                                      recipient_path(w.dir, "escrow", "pem")};
    assert_int_equal(bp_backup_create(&config, &b, &err), BP_OK);
    bp_status st = BP_OK;
    while (st == BP_OK && !is_last)
        st = bp_backup_next(b, &piece, &is_last, &err);
    assert_int_equal(st, BP_ECORRUPT);
    assert_non_null(strstr(err.text, "entry "));
    bp_backup_destroy(b);
    bp_buf_fini(&piece);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backup_comes_back_as_it_was),
        cmocka_unit_test(test_backup_restored_goes_on),
        cmocka_unit_test(test_backup_stands_at_one_position),
        cmocka_unit_test(test_backup_of_an_empty_log_comes_back),
        cmocka_unit_test(test_backup_is_restored_by_its_key_alone_and_into_nothing),
        cmocka_unit_test(test_backup_damaged_anywhere_is_refused),
        cmocka_unit_test(test_backup_of_a_damaged_log_names_the_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
