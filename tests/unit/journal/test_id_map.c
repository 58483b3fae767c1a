#include "journal_support.h"

static struct bp_id_entry entry_of(uint64_t i)
{
    struct bp_id_entry e = {.position = i};
    uint64_t mixed = i * UINT64_C(0x9E3779B97F4A7C15);
    memcpy(e.key.bytes, &i, sizeof(i));
    memcpy(e.key.bytes + 8, &mixed, sizeof(mixed));
    return e;
}

static void add_range(struct bp_id_map *m, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        struct bp_id_entry e = entry_of(i);
        assert_int_equal(bp_id_map_add(m, &e), BP_OK);
    }
}

static void expect_exactly(const struct bp_id_map *m, uint64_t n, uint64_t beyond)
{
    assert_int_equal(m->n, n);
    for (uint64_t i = 0; i < beyond; i++) {
        struct bp_id_entry e = entry_of(i);
        const struct bp_id_entry *found = bp_id_map_find(m, &e.key);
        if (i >= n) {
            assert_null(found);
            continue;
        }
        assert_non_null(found);
        assert_int_equal(found->position, i);
    }
}

static void test_id_map_grown_finds_all_and_nothing_else(void **state)
{
    struct bp_id_map m;
    (void)state;
    bp_id_map_init(&m);

    add_range(&m, 0, 5000);

    expect_exactly(&m, 5000, 6000);
    bp_id_map_fini(&m);
}

static void test_id_map_truncated_is_as_before(void **state)
{
    struct bp_id_map m;
    (void)state;
    bp_id_map_init(&m);
    add_range(&m, 0, 700);

    for (uint64_t keep = 700; keep > 0; keep -= 100) {
        add_range(&m, keep, 3000); /* grows on the way */
        bp_id_map_truncate(&m, keep);
        expect_exactly(&m, keep, 3000);
        bp_id_map_truncate(&m, keep - 100);
        expect_exactly(&m, keep - 100, 3000);
    }
    bp_id_map_fini(&m);
}

static void test_id_map_reserved_keeps_its_entries_in_place(void **state)
{
    struct bp_id_map m;
    (void)state;
    bp_id_map_init(&m);
    add_range(&m, 0, 10);

    assert_int_equal(bp_id_map_reserve(&m, 4000), BP_OK);
    const struct bp_id_entry *entries = m.entries;
    add_range(&m, 10, 4010);

    assert_ptr_equal(m.entries, entries);
    expect_exactly(&m, 4010, 5000);
    bp_id_map_fini(&m);
}

static void test_id_map_key_depends_on_where_source_ends(void **state)
{
    struct bp_id_key a, b, c;
    (void)state;

    bp_id_key_make(BP_STR("kab.18.07"), BP_STR("1"), &a);
    bp_id_key_make(BP_STR("kab.18.0"), BP_STR("71"), &b);
    bp_id_key_make(BP_STR("kab.18.07"), BP_STR("1"), &c);

    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_memory_equal(&a, &c, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_map_grown_finds_all_and_nothing_else),
        cmocka_unit_test(test_id_map_truncated_is_as_before),
        cmocka_unit_test(test_id_map_reserved_keeps_its_entries_in_place),
        cmocka_unit_test(test_id_map_key_depends_on_where_source_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
