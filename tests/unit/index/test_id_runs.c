/* Ids in runs, through the store: what was put is found, whatever was merged, given up or opened
 * again in between. */
#include <stdio.h>

#include "id_filter.h"
#include "id_page.h"
#include "index_store.h"
#include "journal_support.h"

#define RUN 300u /* ids of a small run */

static struct bp_index_store *store;
static char *folder;

static int set_up(void **state)
{
    struct bp_err err;
    (void)state;
    folder = temp_dir();
    return bp_index_store_open(folder, MAP_BYTES, &store, &err) == BP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bp_index_store_close(store);
    temp_dir_remove(folder);
    return 0;
}

static struct bp_id_entry entry_of(uint64_t number)
{
    char id[24];
    struct bp_id_entry e = {.position = number};
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
    bp_id_key_make(BP_STR("kab.18.07"), bp_str(id), &e.key);
    return e;
}

static int by_key(const void *left, const void *right)
{
    return memcmp(((const struct bp_id_entry *)left)->key.bytes,
                  ((const struct bp_id_entry *)right)->key.bytes, BP_ID_KEY_BYTES);
}

/* A run of the ids from..to. */
static void put_run(uint64_t from, uint64_t to)
{
    size_t n = (size_t)(to - from + 1);
    struct bp_id_entry *entries = calloc(n, sizeof(*entries));
    const struct bp_index_place place = {.position = to};
    assert_non_null(entries);
    for (size_t i = 0; i < n; i++)
        entries[i] = entry_of(from + i);
    qsort(entries, n, sizeof(*entries), by_key);
    assert_int_equal(bp_index_store_put_ids(store, entries, n), BP_OK);
    assert_int_equal(bp_index_store_commit(store, &place), BP_OK);
    free(entries);
}

static void put_runs(uint64_t first, uint64_t n)
{
    for (uint64_t run = first; run < first + n; run++)
        put_run(run * RUN + 1, (run + 1) * RUN);
}

static struct bp_id_lookup find(uint64_t number)
{
    struct bp_id_lookup lookup = {.key = entry_of(number).key, .status = BP_ENOENT};
    bp_index_store_find(store, &lookup, 1);
    return lookup;
}

static void expect_found(uint64_t number, uint64_t position)
{
    struct bp_id_lookup found = find(number);
    assert_int_equal(found.status, BP_OK);
    assert_true(found.is_stored);
    assert_int_equal(found.position, position);
}

static void expect_all(uint64_t n)
{
    for (uint64_t number = 1; number <= n; number++)
        expect_found(number, number);
    for (uint64_t number = n + 1; number <= n + 1000; number++)
        assert_int_equal(find(number).status, BP_ENOENT);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

static bool so_often(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void tidy(void)
{
    assert_int_equal(bp_index_store_tidy(store, always, NULL), BP_OK);
}

static void open_again(void)
{
    struct bp_err err;
    assert_int_equal(bp_index_store_reopen(store, false, &err), BP_OK);
}

static void test_id_runs_all_are_found_as_they_become_more(void **state)
{
    (void)state;
    for (uint64_t runs = 0; runs < 40; runs++) {
        put_runs(runs, 1);
        tidy();
    }

    expect_all(40 * RUN);
    open_again();
    expect_all(40 * RUN);
}

static void test_id_runs_of_different_sizes_are_merged(void **state)
{
    (void)state;
    put_run(1, 140000);
    for (uint64_t run = 0; run < 9; run++)
        put_run(140000 + run * 20000 + 1, 140000 + (run + 1) * 20000);
    tidy();
    put_run(320001, 320001);

    expect_found(1, 1);
    expect_found(140000, 140000);
    expect_found(250000, 250000);
    expect_found(320001, 320001);
    open_again();
    expect_found(77777, 77777);
}

static void test_id_runs_unmerged_are_found_until_tables_run_out(void **state)
{
    struct bp_id_entry e = entry_of(1000000);
    (void)state;
    put_runs(0, 56);

    assert_int_equal(bp_index_store_put_ids(store, &e, 1), BP_ENOSPC);
    bp_index_store_abort(store);

    expect_all(56 * RUN);
}

static void test_id_runs_merge_given_up_loses_nothing(void **state)
{
    (void)state;
    put_run(1, 100000);
    for (uint64_t run = 0; run < 8; run++)
        put_run(100000 + run * 10000 + 1, 100000 + (run + 1) * 10000);

    for (int steps = 1; steps <= 4; steps++) {
        int left = steps;
        assert_int_equal(bp_index_store_tidy(store, so_often, &left), BP_OK);
        open_again();
        expect_found(1, 1);
        expect_found(180000, 180000);
    }
    tidy();
    expect_found(54321, 54321);
    put_run(180001, 180001);
    expect_found(180001, 180001);
}

static void test_id_runs_a_second_holder_does_not_take_an_id(void **state)
{
    const struct bp_index_place place = {.position = 900};
    struct bp_id_entry again = entry_of(7);
    (void)state;
    put_runs(0, 7);
    again.position = 900;
    assert_int_equal(bp_index_store_put_ids(store, &again, 1), BP_OK);
    assert_int_equal(bp_index_store_commit(store, &place), BP_OK);

    expect_found(7, 7);
    tidy();
    expect_found(7, 7);
}

static void test_id_runs_aborted_is_not_there(void **state)
{
    struct bp_id_entry e = entry_of(5);
    (void)state;
    assert_int_equal(bp_index_store_put_ids(store, &e, 1), BP_OK);

    bp_index_store_abort(store);

    assert_int_equal(find(5).status, BP_ENOENT);
    put_run(1, 10);
    expect_found(5, 5);
}

static void test_id_page_that_is_full_is_searched_and_with_any_byte_changed_refused(void **state)
{
    struct bp_id_page_writer w = {.n = 0};
    struct bp_id_page page;
    const uint8_t *first;
    (void)state;
    for (unsigned i = 0; i < BP_ID_PAGE_IDS; i++)
        bp_id_page_add(&w, &(struct bp_id_key){{(uint8_t)i, 7}}, BP_ID_POSITION_MAX - i);
    struct bp_str value = bp_id_page_seal(&w, &first);

    assert_true(bp_id_page_open(value, &page));
    assert_int_equal(page.n, BP_ID_PAGE_IDS);
    for (unsigned i = 0; i < BP_ID_PAGE_IDS; i++) {
        assert_int_equal(bp_id_page_seek(&page, &(struct bp_id_key){{(uint8_t)i, 7}}), i);
        assert_int_equal(bp_id_page_seek(&page, &(struct bp_id_key){{(uint8_t)i, 8}}), i + 1);
        assert_int_equal(bp_id_page_position(&page, i), BP_ID_POSITION_MAX - i);
    }
    for (size_t at = 0; at < value.n; at++) {
        w.bytes[at] ^= 1;
        assert_false(bp_id_page_open(value, &page));
        w.bytes[at] ^= 1;
    }
    for (size_t n = 0; n < value.n; n++)
        assert_false(bp_id_page_open(bp_str_of(value.p, n), &page));
}

static void test_id_filter_tells_of_nearly_all_others(void **state)
{
    struct bp_id_filter f;
    unsigned mistaken = 0;
    (void)state;
    assert_int_equal(bp_id_filter_init(&f, 20000), BP_OK);
    for (uint64_t i = 0; i < 20000; i++) {
        struct bp_id_entry e = entry_of(i);
        bp_id_filter_add(&f, &e.key);
    }

    for (uint64_t i = 0; i < 20000; i++) {
        struct bp_id_entry in = entry_of(i), out = entry_of(i + 20000);
        assert_true(bp_id_filter_may_hold(&f, &in.key));
        mistaken += bp_id_filter_may_hold(&f, &out.key);
    }

    assert_true(mistaken < 20000 / 100);
    bp_id_filter_fini(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_id_runs_all_are_found_as_they_become_more),
        TEST(test_id_runs_of_different_sizes_are_merged),
        TEST(test_id_runs_unmerged_are_found_until_tables_run_out),
        TEST(test_id_runs_merge_given_up_loses_nothing),
        TEST(test_id_runs_a_second_holder_does_not_take_an_id),
        TEST(test_id_runs_aborted_is_not_there),
        cmocka_unit_test(test_id_page_that_is_full_is_searched_and_with_any_byte_changed_refused),
        cmocka_unit_test(test_id_filter_tells_of_nearly_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
