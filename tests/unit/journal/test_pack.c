/* Packs: what was put in comes out, whatever the neighbours have in common, and damage stays where
 * it is. */
#include "digest.h"
#include "journal_support.h"
#include "pack.h"

#define FIRST 1000u

static struct bp_pack_writer writer;
static struct bp_buf value, scratch;

static int tear_down(void **state)
{
    (void)state;
    bp_pack_writer_fini(&writer);
    bp_buf_fini(&value);
    bp_buf_fini(&scratch);
    return 0;
}

static void write_value(void)
{
    bp_buf_clear(&value);
    uint8_t *place = bp_buf_reserve(&value, bp_pack_size(&writer));
    assert_non_null(place);
    bp_pack_write(&writer, place);
    value.n = bp_pack_size(&writer);
}

/* A small generator, so that a failure can be repeated. */
static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* An entry that is like the others of this kind but for some bytes, as neighbours are. */
static struct bp_str make_entry(uint8_t *out, uint64_t kind, uint64_t number)
{
    uint64_t seed = kind, own = number * 7919 + kind;
    size_t n = 40 + next_random(&seed) % 500;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)next_random(&seed);
    for (unsigned i = 0; i < number % 9; i++)
        out[next_random(&own) % n] = (uint8_t)next_random(&own);
    return bp_str_of(out, n - number % 5);
}

static void expect_entry(const struct bp_pack *p, uint64_t number, struct bp_str expected)
{
    struct bp_str entry;
    assert_int_equal(bp_pack_get(p, number, &scratch, &entry), BP_OK);
    assert_true(bp_str_eq(entry, expected));
}

static void add(uint64_t number, struct bp_str entry)
{
    assert_int_equal(
        writer.n == 0 ? bp_pack_begin(&writer, number, entry) : bp_pack_add(&writer, entry), BP_OK);
}

static void test_pack_of_any_neighbours_gives_each_back(void **state)
{
    uint8_t bytes[600];
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        struct bp_pack p;
        uint64_t n = 1 + round % 29;
        writer.n = 0;
        for (uint64_t i = 0; i < n; i++)
            add(FIRST + i, make_entry(bytes, round + (i % 7 == 6), i));
        write_value();

        assert_int_equal(bp_pack_open(FIRST, bp_buf_str(&value), &p), BP_OK);

        assert_int_equal(p.n, n);
        for (uint64_t i = n; i-- > 0;)
            expect_entry(&p, FIRST + i, make_entry(bytes, round + (i % 7 == 6), i));
    }
}

static void test_pack_of_alike_entries_is_small(void **state)
{
    uint8_t bytes[200] = {1, 2, 3};
    struct bp_pack p;
    (void)state;
    for (uint8_t i = 0; i < 100; i++) {
        bytes[0] = i;
        add(FIRST + i, bp_str_of(bytes, sizeof(bytes)));
    }
    write_value();

    assert_true(value.n < 200 + 100 * 10);
    assert_int_equal(bp_pack_open(FIRST, bp_buf_str(&value), &p), BP_OK);
    expect_entry(&p, FIRST + 99, bp_str_of(bytes, sizeof(bytes)));
}

static void test_pack_that_is_full_takes_no_more_and_fits_its_pages(void **state)
{
    uint8_t bytes[600], tiny[2] = {0};
    uint64_t n = 0;
    struct bp_pack p;
    (void)state;
    add(FIRST, make_entry(bytes, 0, 0));
    while (bp_pack_add(&writer, make_entry(bytes, n, n)) == BP_OK)
        n++;
    assert_int_equal(bp_pack_add(&writer, make_entry(bytes, n, n)), BP_ETOOLARGE);
    write_value();
    assert_true(value.n <= BP_PACK_BYTES_MAX && value.n > BP_PACK_BYTES_MAX - 700);
    assert_int_equal(bp_pack_open(FIRST, bp_buf_str(&value), &p), BP_OK);
    expect_entry(&p, FIRST + n, make_entry(bytes, n - 1, n - 1));

    writer.n = 0;
    for (n = 0; n < BP_PACK_ENTRIES_MAX; n++)
        add(FIRST + n, bp_str_of(tiny, sizeof(tiny)));
    assert_int_equal(bp_pack_add(&writer, bp_str_of(tiny, sizeof(tiny))), BP_ETOOLARGE);
}

static void test_pack_of_one_large_entry_is_alone(void **state)
{
    char *large = calloc(1, 1u << 20);
    struct bp_pack p;
    (void)state;
    assert_non_null(large);
    add(FIRST, bp_str_of(large, 1u << 20));
    assert_int_equal(bp_pack_add(&writer, BP_STR("x")), BP_ETOOLARGE);
    write_value();

    assert_int_equal(bp_pack_open(FIRST, bp_buf_str(&value), &p), BP_OK);

    expect_entry(&p, FIRST, bp_str_of(large, 1u << 20));
    free(large);
}

static void test_pack_resumed_is_as_if_written_at_once(void **state)
{
    uint8_t bytes[600];
    struct bp_buf at_once = {0};
    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        add(FIRST + i, make_entry(bytes, 3, i));
    write_value();
    bp_buf_add_str(&at_once, bp_buf_str(&value));
    writer.n = 0;
    add(FIRST, make_entry(bytes, 3, 0));

    for (uint64_t i = 1; i < 20; i++) {
        write_value();
        assert_int_equal(bp_pack_resume(&writer, FIRST, bp_buf_str(&value)), BP_OK);
        add(FIRST + i, make_entry(bytes, 3, i));
    }

    write_value();
    assert_true(bp_str_eq(bp_buf_str(&value), bp_buf_str(&at_once)));
    bp_buf_fini(&at_once);
}

/* How many of n entries are no longer what they were; -1: the pack is not opened. Nothing that is
 * read reaches outside of it: the sanitizers watch. */
static int spoilt(size_t n)
{
    uint8_t bytes[600];
    struct bp_pack p;
    struct bp_str entry;
    int count = 0;
    if (bp_pack_open(FIRST, bp_buf_str(&value), &p) != BP_OK)
        return -1;
    assert_int_equal(p.n, n);
    for (uint64_t i = 0; i < n; i++) {
        bp_status st = bp_pack_get(&p, FIRST + i, &scratch, &entry);
        count += st != BP_OK || !bp_str_eq(entry, make_entry(bytes, 5, i));
    }
    return count;
}

static void test_pack_with_any_byte_changed_loses_that_entry_or_is_refused(void **state)
{
    enum { ENTRIES = 12, TABLE = 6 + 2 * (ENTRIES - 1) };
    uint8_t bytes[600];
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++)
        add(FIRST + i, make_entry(bytes, 5, i));
    write_value();
    size_t second = TABLE + make_entry(bytes, 5, 0).n;
    for (size_t at = 0; at < value.n; at++) {
        for (unsigned change = 1; change < 256; change += 51) {
            value.p[at] = (uint8_t)(value.p[at] ^ change);
            int lost = spoilt(ENTRIES);
            if (at < TABLE)
                assert_int_equal(lost, -1);
            else if (at < second)
                assert_true(lost >= 1);
            else
                assert_true(lost <= 1); /* 0: a step told in another way */
            value.p[at] = (uint8_t)(value.p[at] ^ change);
        }
    }
}

static void test_pack_cut_or_in_anothers_place_is_refused(void **state)
{
    uint8_t bytes[600];
    struct bp_pack p;
    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        add(FIRST + i, make_entry(bytes, 5, 0));
    write_value();

    assert_int_equal(bp_pack_open(FIRST + 1, bp_buf_str(&value), &p), BP_ECORRUPT);
    for (size_t n = 0; n < value.n; n++) {
        if (bp_pack_open(FIRST, bp_str_of(value.p, n), &p) == BP_OK)
            expect_entry(&p, FIRST + 3, make_entry(bytes, 5, 0)); /* the last one alone is cut */
    }
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_pack_of_any_neighbours_gives_each_back),
        T(test_pack_of_alike_entries_is_small),
        T(test_pack_that_is_full_takes_no_more_and_fits_its_pages),
        T(test_pack_of_one_large_entry_is_alone),
        T(test_pack_resumed_is_as_if_written_at_once),
        T(test_pack_with_any_byte_changed_loses_that_entry_or_is_refused),
        T(test_pack_cut_or_in_anothers_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
