/* The wire format: what a protobuf writer puts is read back, and nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire.h"

#define BYTES(...) bp_str_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_wire_varint_put_reads_back(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct bp_buf b = {0};
        struct bp_wire_field f;

        bp_wire_put_uint(&b, 3, values[i]);
        struct bp_wire r = bp_wire_of(bp_buf_str(&b));

        assert_true(bp_wire_next(&r, &f));
        assert_int_equal(f.number, 3);
        assert_int_equal(f.type, BP_WIRE_VARINT);
        assert_true(f.value == values[i]);
        assert_int_equal(b.n, 1 + bp_wire_varint_size(values[i]));
        assert_false(bp_wire_next(&r, &f));
        assert_false(r.malformed);
        bp_buf_fini(&b);
    }
}

static void test_wire_field_of_each_type_is_read(void **state)
{
    (void)state;
    struct bp_str all = BYTES(0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 'h', 'i',
                              0x25, 1, 0, 0, 0x80);
    struct bp_wire r = bp_wire_of(all);
    struct bp_wire_field f;

    assert_true(bp_wire_next(&r, &f) && f.number == 1 && f.value == 150);
    assert_true(bp_wire_next(&r, &f) && f.number == 2 && f.type == BP_WIRE_I64);
    assert_true(f.value == UINT64_C(0x0807060504030201));
    assert_true(bp_wire_next(&r, &f) && f.number == 3 && f.type == BP_WIRE_LEN);
    assert_true(bp_str_is(f.bytes, "hi"));
    assert_true(f.start == (const uint8_t *)all.p + 12 && f.end == f.start + 4);
    assert_true(bp_wire_next(&r, &f) && f.number == 4 && f.type == BP_WIRE_I32 &&
                f.value == 0x80000001);
    assert_false(bp_wire_next(&r, &f));
    assert_false(r.malformed);
}

static void test_wire_malformed_bytes_are_refused(void **state)
{
    (void)state;
    const struct bp_str cases[] = {
        BYTES(0x08),                               /* no value */
        BYTES(0x08, 0x80),                         /* varint without an end */
        BYTES(0x00, 0x01),                         /* field 0 */
        BYTES(0x0b),                               /* group start */
        BYTES(0x0c),                               /* group end */
        BYTES(0x0e, 0x00),                         /* wire type 6 */
        BYTES(0x0f, 0x00),                         /* wire type 7 */
        BYTES(0x0a, 0x02, 'x'),                    /* longer than its bytes */
        BYTES(0x09, 1, 2, 3, 4, 5, 6, 7),          /* fixed64 of seven */
        BYTES(0x0d, 1, 2, 3),                      /* fixed32 of three */
        BYTES(0x80, 0x80, 0x80, 0x80, 0x10, 0x00), /* field 2^29 */
        BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), /* over 64 bits */
        BYTES(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
              0x00),                                                             /* eleven bytes */
        BYTES(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), /* length 2^64-1 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bp_wire r = bp_wire_of(cases[i]);
        struct bp_wire_field f;

        assert_false(bp_wire_next(&r, &f));
        assert_true(r.malformed);
        assert_false(bp_wire_next(&r, &f));
    }
}

static void test_wire_nothing_is_an_empty_message(void **state)
{
    (void)state;
    struct bp_wire r = bp_wire_of(bp_str_of(NULL, 0));
    struct bp_wire_field f;

    assert_false(bp_wire_next(&r, &f));
    assert_false(r.malformed);
}

static void test_wire_packed_varints_are_read_one_by_one(void **state)
{
    (void)state;
    struct bp_wire r = bp_wire_of(BYTES(0x01, 0x96, 0x01, 0x80));
    uint64_t value;

    assert_true(bp_wire_varint(&r, &value) && value == 1);
    assert_true(bp_wire_varint(&r, &value) && value == 150);
    assert_false(bp_wire_varint(&r, &value));
    assert_true(r.malformed);
}

static void test_wire_time_put_reads_back(void **state)
{
    (void)state;
    const int64_t times[] = {
        0, 1, -1, INT64_C(1762136100123456789), -INT64_C(1500000000), INT64_C(1000000000)};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct bp_buf b = {0};
        struct bp_wire_field f;
        int64_t ns;

        bp_wire_put_time(&b, 7, times[i]);
        struct bp_wire r = bp_wire_of(bp_buf_str(&b));

        assert_true(bp_wire_next(&r, &f));
        assert_true(bp_wire_get_time(f.bytes, &ns));
        assert_true(ns == times[i]);
        bp_buf_fini(&b);
    }
}

static bool time_is_read(int64_t seconds, int32_t nanos, int64_t *ns)
{
    struct bp_buf b = {0};
    struct bp_wire_field f;
    bp_wire_put_timestamp(&b, 1, seconds, nanos);
    struct bp_wire r = bp_wire_of(bp_buf_str(&b));
    bool is_read = bp_wire_next(&r, &f) && bp_wire_get_time(f.bytes, ns);
    bp_buf_fini(&b);
    return is_read;
}

static void test_wire_time_out_of_range_is_refused(void **state)
{
    (void)state;
    int64_t ns;

    assert_false(time_is_read(-INT64_C(62135596801), 0, &ns));
    assert_false(time_is_read(INT64_C(253402300800), 0, &ns));
    assert_false(time_is_read(0, -1, &ns));
    assert_false(time_is_read(0, 1000000000, &ns));
    assert_false(bp_wire_get_time(BYTES(0x0a, 0x00), &ns));
    assert_false(bp_wire_get_time(BYTES(0x08), &ns));
}

static void test_wire_time_beyond_nanoseconds_is_the_nearest(void **state)
{
    (void)state;
    int64_t ns;

    assert_true(time_is_read(-INT64_C(62135596800), 0, &ns) && ns == INT64_MIN);
    assert_true(time_is_read(INT64_C(253402300799), 999999999, &ns) && ns == INT64_MAX);
}

static void expect_closed(size_t length, size_t expected)
{
    struct bp_buf b = {0};
    struct bp_wire_field f;

    size_t mark = bp_wire_begin_sized(&b, 15, expected);
    for (size_t k = 0; k < length; k++)
        bp_buf_add_byte(&b, (uint8_t)(k * 7));
    bp_wire_end_sized(&b, mark, expected);
    struct bp_wire r = bp_wire_of(bp_buf_str(&b));

    assert_true(bp_wire_next(&r, &f));
    assert_int_equal(f.number, 15);
    assert_int_equal(f.bytes.n, length);
    for (size_t k = 0; k < length; k++)
        assert_true((uint8_t)f.bytes.p[k] == (uint8_t)(k * 7));
    assert_false(bp_wire_next(&r, &f));
    assert_false(r.malformed);
    bp_buf_fini(&b);
}

static void test_wire_message_of_any_length_is_closed_whatever_was_expected(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, 70000};
    static const size_t n = sizeof(lengths) / sizeof(lengths[0]);
    (void)state;

    for (size_t i = 0; i < n * n; i++)
        expect_closed(lengths[i / n], lengths[i % n]);
}

static void test_wire_long_tag_or_length_is_malformed(void **state)
{
    static const char *const bad[] = {
        "\x88\x80\x80\x80\x80\x00\x01", /* field 1, its tag in six bytes */
        "\x0A\x81\x80\x80\x80\x80\x00"
        "a", /* a length of one in six bytes */
    };
    static const size_t sizes[] = {7, 8};
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bp_wire r = bp_wire_of(bp_str_of(bad[i], sizes[i]));
        struct bp_wire_field f;
        assert_false(bp_wire_next(&r, &f));
        assert_true(r.malformed);
    }
    struct bp_wire r = bp_wire_of(bp_str_of("\x88\x80\x80\x80\x00\x01", 6)); /* in five */
    struct bp_wire_field f;
    assert_true(bp_wire_next(&r, &f));
    assert_int_equal(f.number, 1);
}

static void test_wire_timestamp_with_anything_else_is_malformed(void **state)
{
    int64_t seconds;
    int32_t nanos;
    (void)state;

    assert_true(bp_wire_get_timestamp(bp_str_of("\x08\x05", 2), &seconds, &nanos));
    assert_false(bp_wire_get_timestamp(bp_str_of("\x08\x05\x1A\x01x", 5), &seconds, &nanos));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_varint_put_reads_back),
        cmocka_unit_test(test_wire_field_of_each_type_is_read),
        cmocka_unit_test(test_wire_malformed_bytes_are_refused),
        cmocka_unit_test(test_wire_nothing_is_an_empty_message),
        cmocka_unit_test(test_wire_packed_varints_are_read_one_by_one),
        cmocka_unit_test(test_wire_time_put_reads_back),
        cmocka_unit_test(test_wire_time_out_of_range_is_refused),
        cmocka_unit_test(test_wire_time_beyond_nanoseconds_is_the_nearest),
        cmocka_unit_test(test_wire_message_of_any_length_is_closed_whatever_was_expected),
        cmocka_unit_test(test_wire_long_tag_or_length_is_malformed),
        cmocka_unit_test(test_wire_timestamp_with_anything_else_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
