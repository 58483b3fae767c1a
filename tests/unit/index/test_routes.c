#include <stdio.h>

#include "index_support.h"

static struct bp_record record_of(int i)
{
    return (struct bp_record){
        .entry.recorded_at_ns = START_NS + i % 7,
        .routing = {.type_hash = (uint32_t)(i % 3),
                    .region = (uint64_t)(i % 5) << 32,
                    .destination = {i % 2 == 0 ? 'T' : '\0', i % 2 == 0 ? 'W' : '\0'},
                    .has_small_count = i % 4 == 0,
                    .addressed_to = i % 11 == 0 ? BP_STR("kab.18.07") : BP_STR("")}};
}

static void expect_route(const struct bp_routes *routes, size_t i, const struct bp_record *record)
{
    const struct bp_route *route = &routes->routes[routes->codes[i]];
    assert_false(route->is_unknown);
    assert_int_equal(route->type_hash, record->routing.type_hash);
    assert_int_equal(route->region, record->routing.region);
    assert_memory_equal(route->destination, record->routing.destination, 2);
    assert_int_equal(route->has_small_count, record->routing.has_small_count);
    assert_int_equal(route->addressee, bp_route_addressee(record->routing.addressed_to));
}

/* A block of n events, each with its own route if they are to be many. */
static void fill(struct bp_routes_builder *b, int n, bool many)
{
    bp_routes_begin(b, 3);
    for (int i = 0; i < n; i++) {
        struct bp_record record = record_of(i);
        if (many)
            record.routing.region = (uint64_t)i << 20;
        bp_routes_add(b, &record);
    }
}

static void test_routes_are_kept_once_each(void **state)
{
    static struct bp_routes_builder b;
    static struct bp_routes read;
    struct bp_buf row = {0};
    (void)state;
    fill(&b, 512, false);

    bp_routes_encode(&b.routes, &row);

    assert_true(bp_routes_decode(bp_buf_str(&row), 3, &read));
    assert_int_equal(read.first, 3 * 512 + 1);
    assert_int_equal(read.n, 512);
    assert_int_equal(read.newest_ns, START_NS + 6);
    assert_true(read.n_routes < 200);
    for (int i = 0; i < 512; i++) {
        struct bp_record record = record_of(i);
        expect_route(&read, (size_t)i, &record);
    }
    bp_buf_fini(&row);
}

static void test_routes_all_different_are_kept_too(void **state)
{
    static struct bp_routes_builder b;
    static struct bp_routes read;
    struct bp_buf row = {0};
    (void)state;
    fill(&b, 512, true);

    bp_routes_encode(&b.routes, &row);

    assert_true(bp_routes_decode(bp_buf_str(&row), 3, &read));
    assert_int_equal(read.n_routes, 512);
    assert_int_equal(read.routes[read.codes[511]].region, UINT64_C(511) << 20);
    bp_buf_fini(&row);
}

static void test_routes_block_resumed_goes_on_where_it_was(void **state)
{
    static struct bp_routes_builder whole, resumed;
    struct bp_buf one = {0}, row = {0}, other = {0};
    (void)state;
    fill(&whole, 300, false);
    fill(&resumed, 100, false);
    bp_routes_encode(&resumed.routes, &row);

    assert_true(bp_routes_decode(bp_buf_str(&row), 3, &resumed.routes));
    bp_routes_resume(&resumed);
    for (int i = 100; i < 300; i++) {
        struct bp_record record = record_of(i);
        bp_routes_add(&resumed, &record);
    }

    bp_routes_encode(&whole.routes, &one);
    bp_routes_encode(&resumed.routes, &other);
    assert_true(bp_str_eq(bp_buf_str(&one), bp_buf_str(&other)));
    bp_buf_fini(&one);
    bp_buf_fini(&row);
    bp_buf_fini(&other);
}

static void test_routes_damaged_anywhere_are_refused(void **state)
{
    static struct bp_routes_builder b;
    static struct bp_routes read;
    struct bp_buf row = {0};
    (void)state;
    fill(&b, 40, false);
    bp_routes_encode(&b.routes, &row);

    for (size_t i = 0; i < row.n; i++) {
        row.p[i] ^= 0x10;
        assert_false(bp_routes_decode(bp_buf_str(&row), 3, &read));
        row.p[i] ^= 0x10;
        assert_false(bp_routes_decode(bp_str_of(row.p, i), 3, &read));
    }
    bp_buf_fini(&row);
}

static void expect_block(struct exchange *x, uint64_t position, size_t n)
{
    static struct bp_routes routes;
    assert_int_equal(bp_index_routes(x->index, position, &routes), BP_OK);
    assert_int_equal(routes.first, (position - 1) / 512 * 512 + 1);
    assert_int_equal(routes.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_false(routes.routes[routes.codes[i]].is_unknown);
        assert_int_equal(routes.routes[routes.codes[i]].type_hash, 77);
    }
}

static void test_routes_of_all_that_is_indexed_are_known_across_restarts(void **state)
{
    static struct bp_routes routes;
    char *dir = temp_dir();
    struct exchange x;
    (void)state;
    exchange_open(&x, dir, 0);
    publish_range(&x, 1, 700, BP_OUTCOME_STORED);
    exchange_close(&x);

    exchange_open(&x, dir, 0);
    expect_block(&x, 700, 700 - 512);
    publish_range(&x, 701, 1100, BP_OUTCOME_STORED);
    assert_int_equal(bp_index_catch_up(x.index), BP_OK);

    expect_block(&x, 1, 512);
    expect_block(&x, 600, 512);
    expect_block(&x, 1025, 1100 - 1024);
    assert_int_equal(bp_index_routes(x.index, 1101, &routes), BP_ENOENT);
    exchange_close(&x);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_are_kept_once_each),
        cmocka_unit_test(test_routes_all_different_are_kept_too),
        cmocka_unit_test(test_routes_block_resumed_goes_on_where_it_was),
        cmocka_unit_test(test_routes_damaged_anywhere_are_refused),
        cmocka_unit_test(test_routes_of_all_that_is_indexed_are_known_across_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
