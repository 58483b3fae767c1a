/* The envelope found by one walk, and the canonical forms of envelope and payload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "event.h"
#include "valid_events.h"
#include "wire.h"

static struct bp_schema *schema;

static int load(void **state)
{
    (void)state;
    schema = valid_schema();
    return 0;
}

static int unload(void **state)
{
    (void)state;
    bp_schema_destroy(schema);
    return 0;
}

static void test_event_encoded_is_parsed_back(void **state)
{
    (void)state;
    struct bp_event in = valid_event(&schema->types[0], BP_STR("payload")), out;
    struct bp_buf b = {0};
    in.addressed_to = BP_STR("kl.polri");

    bp_event_encode(&in, &b);

    assert_true(bp_event_parse(bp_buf_str(&b), &out));
    for (uint32_t number = 1; number <= BP_EVENT_DATA; number++)
        assert_true(bp_str_eq(bp_event_text(&in, number), bp_event_text(&out, number)));
    assert_true(out.has_occurred_at && out.occurred_at_ns == in.occurred_at_ns);
    assert_int_equal(out.schema_version, in.schema_version);
    assert_false(out.has_unknown_fields);
    bp_buf_fini(&b);
}

static void test_event_empty_encodes_to_nothing(void **state)
{
    (void)state;
    struct bp_event e = {0}, out;
    struct bp_buf b = {0};

    bp_event_encode(&e, &b);

    assert_int_equal(b.n, 0);
    assert_true(bp_event_parse(bp_buf_str(&b), &out));
    assert_false(out.has_occurred_at);
}

static void test_event_unknown_field_is_noted(void **state)
{
    (void)state;
    struct bp_event out;
    struct bp_buf b = {0};
    bp_wire_put_uint(&b, 14, 1);

    assert_true(bp_event_parse(bp_buf_str(&b), &out));
    assert_true(out.has_unknown_fields);
    bp_buf_fini(&b);
}

static void test_event_last_value_of_a_field_counts(void **state)
{
    (void)state;
    struct bp_event out;
    struct bp_buf b = {0};
    bp_wire_put_bytes(&b, BP_EVENT_ID, BP_STR("one"));
    bp_wire_put_bytes(&b, BP_EVENT_ID, BP_STR("two"));

    assert_true(bp_event_parse(bp_buf_str(&b), &out));
    assert_true(bp_str_is(out.id, "two"));
    bp_buf_fini(&b);
}

static void test_event_field_of_another_wire_type_is_malformed(void **state)
{
    (void)state;
    for (uint32_t number = 1; number <= BP_EVENT_DATA; number++) {
        struct bp_event out;
        struct bp_buf b = {0};
        if (number == BP_EVENT_SCHEMA_VERSION)
            bp_wire_put_bytes(&b, number, BP_STR("1"));
        else
            bp_wire_put_uint(&b, number, 1);

        assert_true(bp_event_parse(bp_buf_str(&b), &out) == (number == BP_EVENT_UNUSED));
        bp_buf_fini(&b);
    }
}

static void test_event_cut_short_is_malformed(void **state)
{
    (void)state;
    struct bp_event in = valid_event(&schema->types[0], BP_STR("payload")), out;
    struct bp_buf b = {0};
    bp_event_encode(&in, &b);

    size_t sound = 0;
    for (size_t n = 0; n < b.n; n++)
        sound += bp_event_parse(bp_str_of(b.p, n), &out);

    assert_int_equal(sound, 13); /* at the borders of its fields alone */
    bp_buf_fini(&b);
}

static void test_event_time_outside_of_nanoseconds_is_kept_as_the_nearest(void **state)
{
    (void)state;
    struct bp_event out;
    struct bp_buf b = {0};
    bp_wire_put_timestamp(&b, BP_EVENT_OCCURRED_AT, INT64_MAX, 0);

    assert_true(bp_event_parse(bp_buf_str(&b), &out));
    assert_true(out.occurred_at_ns == INT64_MAX);
    bp_buf_fini(&b);
}

static void test_event_text_that_is_not_utf8_is_found(void **state)
{
    (void)state;
    struct bp_event e = valid_event(&schema->types[0], BP_STR("\xff\xfe"));
    assert_true(bp_event_text_is_utf8(&e)); /* data is bytes */

    e.correlation_id = BP_STR("a\0b");
    assert_true(bp_event_text_is_utf8(&e));

    e.correlation_id = BP_STR("a\0\xff");
    assert_false(bp_event_text_is_utf8(&e));
}

static void test_event_payload_canonical_orders_and_drops_what_is_unknown(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    struct bp_buf sorted = {0}, shuffled = {0}, out = {0};
    valid_payload(type, ~UINT64_C(0), &sorted);
    bp_wire_put_uint(&shuffled, 200, 7);
    for (size_t i = type->n_fields; i-- > 0;) {
        valid_payload(type, UINT64_C(1) << i, &shuffled);
        valid_payload(type, UINT64_C(1) << i, &shuffled); /* given twice */
    }
    bp_wire_put_bytes(&shuffled, 201, BP_STR("unknown"));

    assert_true(bp_payload_canonical(type, bp_buf_str(&shuffled), &out));

    assert_true(bp_str_eq(bp_buf_str(&out), bp_buf_str(&sorted)));
    bp_buf_fini(&sorted);
    bp_buf_fini(&shuffled);
    bp_buf_fini(&out);
}

static void test_event_payload_canonical_is_stable_for_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_buf data = {0}, once = {0};
        valid_payload(type, ~UINT64_C(0), &data);

        assert_true(bp_payload_canonical(type, bp_buf_str(&data), &once));

        assert_true(bp_str_eq(bp_buf_str(&once), bp_buf_str(&data)));
        bp_buf_fini(&data);
        bp_buf_fini(&once);
    }
}

static void test_event_payload_canonical_keeps_a_given_zero_alone(void **state)
{
    (void)state;
    const struct bp_event_type *type =
        bp_schema_type(schema, BP_STR("remittance.aggregate.published"));
    const struct bp_field *amount = bp_type_field(type, BP_STR("remittance_amount"));
    const struct bp_field *senders = bp_type_field(type, BP_STR("senders_count"));
    const struct bp_field *period = bp_type_field(type, BP_STR("period"));
    struct bp_buf data = {0}, out = {0}, expected = {0};
    bp_wire_put_bytes(&data, period->number, BP_STR(""));
    bp_wire_put_uint(&data, senders->number, 0);
    bp_wire_put_uint(&data, amount->number, 0);
    bp_wire_put_uint(&expected, amount->number, 0);

    assert_true(bp_payload_canonical(type, bp_buf_str(&data), &out));

    assert_true(amount->has_presence && !senders->has_presence);
    assert_true(bp_str_eq(bp_buf_str(&out), bp_buf_str(&expected)));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
    bp_buf_fini(&expected);
}

static void test_event_payload_canonical_writes_lists_one_way(void **state)
{
    (void)state;
    const char *const files[] = {EVERYTHING_FILE};
    struct bp_schema *site;
    assert_int_equal(bp_schema_open(files, 1, &site, NULL), BP_OK);
    const struct bp_event_type *type = bp_schema_type(site, BP_STR("test.everything"));
    struct bp_buf data = {0}, out = {0}, expected = {0};
    bp_wire_put_uint(&data, 11, 5);                   /* a packed list, given unpacked and packed */
    bp_wire_put_bytes(&data, 13, BP_STR("\x01\x02")); /* an unpacked one, given packed */
    bp_wire_put_bytes(&data, 11, BP_STR("\x06\x07"));
    bp_wire_put_bytes(&data, 12, BP_STR(""));
    bp_wire_put_bytes(&expected, 11, BP_STR("\x05\x06\x07"));
    bp_wire_put_uint(&expected, 13, 1);
    bp_wire_put_uint(&expected, 13, 2);

    assert_true(bp_payload_canonical(type, bp_buf_str(&data), &out));

    assert_true(bp_str_eq(bp_buf_str(&out), bp_buf_str(&expected)));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
    bp_buf_fini(&expected);
    bp_schema_destroy(site);
}

static void test_event_payload_malformed_has_no_canonical_form(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    struct bp_buf out = {0};
    bp_buf_add_text(&out, "before");

    assert_false(bp_payload_canonical(type, BP_STR("\x0a\x7fx"), &out));
    assert_false(bp_payload_canonical(type, BP_STR("\x08\x01"), &out)); /* a number for a text */

    assert_true(bp_str_is(bp_buf_str(&out), "before"));
    bp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_encoded_is_parsed_back),
        cmocka_unit_test(test_event_empty_encodes_to_nothing),
        cmocka_unit_test(test_event_unknown_field_is_noted),
        cmocka_unit_test(test_event_last_value_of_a_field_counts),
        cmocka_unit_test(test_event_field_of_another_wire_type_is_malformed),
        cmocka_unit_test(test_event_cut_short_is_malformed),
        cmocka_unit_test(test_event_time_outside_of_nanoseconds_is_kept_as_the_nearest),
        cmocka_unit_test(test_event_text_that_is_not_utf8_is_found),
        cmocka_unit_test(test_event_payload_canonical_orders_and_drops_what_is_unknown),
        cmocka_unit_test(test_event_payload_canonical_is_stable_for_every_type),
        cmocka_unit_test(test_event_payload_canonical_keeps_a_given_zero_alone),
        cmocka_unit_test(test_event_payload_canonical_writes_lists_one_way),
        cmocka_unit_test(test_event_payload_malformed_has_no_canonical_form),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
