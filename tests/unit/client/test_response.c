#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "response.h"
#include "wire.h"

static void add_delivery(struct bp_buf *b, uint64_t position, uint32_t ground, bool packed)
{
    size_t d = bp_wire_begin_message(b, 1);
    bp_wire_put_uint(b, 1, position);
    bp_wire_put_time(b, 2, 1234567890123456789);
    bp_wire_put_bytes(b, 3, BP_STR("event"));
    if (packed) {
        size_t list = bp_wire_begin_message(b, 5);
        bp_wire_put_varint(b, ground);
        bp_wire_put_varint(b, ground + 1);
        bp_wire_end_message(b, list);
    } else {
        bp_wire_put_uint(b, 5, ground);
    }
    bp_wire_end_message(b, d);
}

static void add_ground(struct bp_buf *b, uint32_t id, const char *hidden, const char *coarsened)
{
    size_t g = bp_wire_begin_message(b, 4);
    bp_wire_put_uint(b, 1, id);
    bp_wire_put_bytes(b, 2, BP_STR("mou-1"));
    bp_wire_put_bytes(b, 8, bp_str(hidden));
    bp_wire_put_bytes(b, 9, bp_str(coarsened));
    bp_wire_put_bytes(b, 8, BP_STR("nik"));
    bp_wire_end_message(b, g);
}

static void test_response_batch_keeps_events_grounds_and_fields(void **state)
{
    (void)state;
    struct bp_response r = {.public = {.kind = BERBAGI_OPENED}};
    struct bp_buf b = {0};
    size_t batch = bp_wire_begin_message(&b, 2);
    add_delivery(&b, 5, 70, true);
    add_delivery(&b, 6, 80, false);
    bp_wire_put_uint(&b, 2, 9);
    bp_wire_end_message(&b, batch);
    add_ground(&b, 70, "full_name", "village_code");
    add_ground(&b, 80, "phone", "birth_date");

    assert_int_equal(bp_response_decode(&r, bp_buf_str(&b), 0, NULL), BERBAGI_OK);

    const struct berbagi_response *p = &r.public;
    assert_int_equal(p->kind, BERBAGI_BATCH);
    assert_int_equal(p->through_position, 9);
    assert_int_equal(p->n_deliveries, 2);
    assert_int_equal(p->deliveries[0].recorded_at_ns, 1234567890123456789);
    assert_int_equal(p->deliveries[0].n_grounds, 2);
    assert_int_equal(p->deliveries[0].grounds[1], 71);
    assert_int_equal(p->deliveries[1].grounds[0], 80);
    assert_memory_equal(p->deliveries[1].event.p, "event", 5);
    assert_int_equal(p->n_grounds, 2);
    assert_int_equal(p->grounds[0].n_hidden_fields, 2);
    assert_memory_equal(p->grounds[0].hidden_fields[1].p, "nik", 3);
    assert_memory_equal(p->grounds[1].coarsened_fields[0].p, "birth_date", 10);
    assert_true(p->grounds[0].valid_to_ns == INT64_MAX);
    bp_response_fini(&r);
    bp_buf_fini(&b);
}

static void test_response_deliveries_had_before_are_dropped_with_their_grounds(void **state)
{
    (void)state;
    struct bp_response r = {.public = {.kind = BERBAGI_OPENED}};
    struct bp_buf b = {0};
    size_t batch = bp_wire_begin_message(&b, 2);
    add_delivery(&b, 5, 70, true);
    add_delivery(&b, 6, 80, false);
    bp_wire_put_uint(&b, 2, 6);
    bp_wire_end_message(&b, batch);

    assert_int_equal(bp_response_decode(&r, bp_buf_str(&b), 5, NULL), BERBAGI_OK);

    assert_int_equal(r.public.n_deliveries, 1);
    assert_int_equal(r.public.deliveries[0].position, 6);
    assert_int_equal(r.public.deliveries[0].grounds[0], 80);
    bp_response_fini(&r);
    bp_buf_fini(&b);
}

static void test_response_every_cut_message_is_refused_or_shorter(void **state)
{
    (void)state;
    struct bp_response r = {.public = {.kind = BERBAGI_OPENED}};
    struct bp_buf b = {0};
    size_t batch = bp_wire_begin_message(&b, 2);
    add_delivery(&b, 5, 70, true);
    bp_wire_end_message(&b, batch);
    add_ground(&b, 70, "full_name", "village_code");

    for (size_t n = 0; n < b.n; n++) {
        char *copy = malloc(n + 1); /* of its exact size, so that reading beyond shows */
        assert_non_null(copy);
        memcpy(copy, b.p, n);
        berbagi_status status = bp_response_decode(&r, bp_str_of(copy, n), 0, NULL);
        assert_true(status == BERBAGI_EPROTOCOL || r.public.n_grounds == 0);
        free(copy);
    }
    bp_response_fini(&r);
    bp_buf_fini(&b);
}

static void test_response_without_a_kind_is_refused(void **state)
{
    (void)state;
    struct bp_response r = {.public = {.kind = BERBAGI_OPENED}};

    assert_int_equal(bp_response_decode(&r, (struct bp_str){0}, 0, NULL), BERBAGI_EPROTOCOL);

    bp_response_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_batch_keeps_events_grounds_and_fields),
        cmocka_unit_test(test_response_deliveries_had_before_are_dropped_with_their_grounds),
        cmocka_unit_test(test_response_every_cut_message_is_refused_or_shorter),
        cmocka_unit_test(test_response_without_a_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
