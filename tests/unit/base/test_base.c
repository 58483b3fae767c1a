/* Text, numbers, time, checksums and digests: known answers and the edges of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "crc32c.h"
#include "digest.h"
#include "file.h"
#include "log.h"
#include "mailbox.h"

static void test_utf8_malformed_is_refused(void **state)
{
    static const char *const bad[] = {"\xC0\x80",         "\xE0\x80\x80", "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80", "\x80",         "\xC2",
                                      "\xF5\x80\x80\x80", "a\xFF"};
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bp_utf8_is_valid(bp_str(bad[i])));

    assert_false(bp_utf8_is_valid(bp_str_of("a\0b", 3)));
    for (size_t at = 0; at < 16; at++) {
        char text[17] = "0123456789abcdef";
        text[at] = '\0';
        assert_false(bp_utf8_is_valid(bp_str_of(text, 16)));
        text[at] = '\xFF';
        assert_false(bp_utf8_is_valid(bp_str_of(text, 16)));
        text[at] = '\x7F';
        assert_true(bp_utf8_is_valid(bp_str_of(text, 16)));
    }
    assert_true(bp_utf8_is_valid(BP_STR("Kabupatén \xE2\x82\xAC \xF0\x9F\x98\x80")));
    assert_true(bp_utf8_is_valid(BP_STR("")));
}

static void test_agency_id_grammar_is_kept(void **state)
{
    static const char *const good[] = {"kl.kp2mi", "perwakilan.my.johor-bahru",
                                       "desa.18.07.15.2006"};
    static const char *const bad[] = {"",      "kl",    "kl.",    ".kl",   "Kl.a",
                                      "k-l.a", "kl..a", "kl.a_b", "kl.a b"};
    char long_id[67] = "kl.";
    (void)state;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(bp_agency_id_is_valid(bp_str(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bp_agency_id_is_valid(bp_str(bad[i])));
    memset(long_id + 3, 'a', 61);
    assert_true(bp_agency_id_is_valid(bp_str_of(long_id, 64)));
    assert_false(bp_agency_id_is_valid(bp_str_of(long_id, 65)));
}

static void test_address_is_split_at_its_port(void **state)
{
    static const char *const bad[] = {
        "", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x", "::1:7443", "a:", "a:-1", "a:1 "};
    struct bp_str host;
    unsigned port;
    (void)state;

    assert_true(bp_address_split(BP_STR("[::1]:7443"), &host, &port));
    assert_true(bp_str_is(host, "::1"));
    assert_int_equal(port, 7443);
    assert_true(bp_address_split(BP_STR(":0"), &host, &port));
    assert_int_equal(host.n, 0);
    assert_true(bp_address_split(BP_STR("exchange.example:65535"), &host, &port));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bp_address_split(bp_str(bad[i]), &host, &port));
}

static void test_numbers_overflow_is_refused(void **state)
{
    uint64_t u;
    int64_t i;
    (void)state;

    assert_true(bp_parse_u64(BP_STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(bp_parse_u64(BP_STR("18446744073709551616"), &u));
    assert_false(bp_parse_u64(BP_STR(""), &u));
    assert_false(bp_parse_u64(BP_STR("+1"), &u));
    assert_true(bp_parse_i64(BP_STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(bp_parse_i64(BP_STR("-9223372036854775809"), &i));
    assert_false(bp_parse_i64(BP_STR("9223372036854775808"), &i));
}

static void test_days_are_those_of_jakarta(void **state)
{
    int64_t evening, midnight;
    bp_day day;
    char text[11];
    (void)state;

    assert_true(bp_time_parse(BP_STR("2030-10-27T16:59:59.999Z"), &evening));
    assert_true(bp_time_parse(BP_STR("2030-10-28T00:00:00+07:00"), &midnight));
    assert_true(bp_day_parse(BP_STR("2030-10-27"), &day));

    assert_int_equal(bp_day_in_jakarta(evening), day);
    assert_int_equal(bp_day_in_jakarta(midnight), day + 1);
    assert_true(bp_day_start_ns(day + 1) == midnight);
    bp_day_format(day, text);
    assert_string_equal(text, "2030-10-27");
}

static void test_days_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"2025-02-29", "2025-13-01", "2025-00-10", "2025-04-31",
                                      "0000-01-01", "2025-1-01",  "20250101",   "2025-01-01x"};
    bp_day day;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bp_day_parse(bp_str(bad[i]), &day));

    assert_true(bp_day_parse(BP_STR("2024-02-29"), &day));
    assert_true(bp_day_parse(BP_STR("1970-01-01"), &day));
    assert_int_equal(day, 0);
}

static void test_every_day_of_four_centuries_round_trips(void **state)
{
    (void)state;

    for (bp_day day = -50000; day < 100000; day++) {
        char text[11];
        bp_day back;
        bp_day_format(day, text);
        assert_true(bp_day_parse(bp_str(text), &back));
        assert_int_equal(back, day);
    }
}

static void test_times_print_as_they_were_read(void **state)
{
    static const char *const texts[] = {"2025-11-03T02:15:00Z", "2025-11-03T02:15:00.120Z",
                                        "2025-11-03T02:15:00.000001Z",
                                        "1969-12-31T23:59:59.999999999Z"};
    static const char *const bad[] = {
        "2025-11-03",          "2025-11-03T24:00:00Z",  "2025-11-03T02:15:60Z",
        "2025-11-03T02:15:00", "2025-11-03T02:15:00.Z", "2025-11-03T02:15Z"};
    int64_t ns;
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char out[36];
        assert_true(bp_time_parse(bp_str(texts[i]), &ns));
        bp_time_format(ns, out);
        assert_string_equal(out, texts[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bp_time_parse(bp_str(bad[i]), &ns));
}

static uint32_t crc32c_bit_by_bit(const uint8_t *p, size_t n)
{
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < 8 * n; i++) {
        uint32_t low = (crc ^ (uint32_t)(p[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (low != 0 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~crc;
}

static void test_crc32c_of_any_length_and_place(void **state)
{
    static uint8_t text[1600];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * i + i / 7);

    for (size_t n = 0; n < 1500; n += n < 800 ? 1 : 37) {
        const uint8_t *p = text + n % 11;
        uint32_t expected = crc32c_bit_by_bit(p, n);
        assert_int_equal(bp_crc32c(0, p, n), expected);
        assert_int_equal(bp_crc32c(bp_crc32c(0, p, n / 3), p + n / 3, n - n / 3), expected);
    }
}

static void test_crc32c_of_known_texts(void **state)
{
    uint8_t zeros[32] = {0};
    (void)state;

    assert_int_equal(bp_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(bp_crc32c(0, zeros, sizeof(zeros)), 0x8A9136AA); /* RFC 3720, B.4 */
    assert_int_equal(bp_crc32c(bp_crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
}

static void test_hmac_of_rfc_4231(void **state)
{
    uint8_t key[20], long_key[131], out[BP_SHA256_BYTES];
    char hex[2 * BP_SHA256_BYTES + 1];
    struct bp_str parts[] = {BP_STR("Hi "), BP_STR("There")};
    struct bp_str text = BP_STR("Test Using Larger Than Block-Size Key - Hash Key First");
    (void)state;

    memset(key, 0x0B, sizeof(key));
    bp_hmac_sha256(key, sizeof(key), parts, 2, out);
    bp_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");

    memset(long_key, 0xAA, sizeof(long_key));
    bp_hmac_sha256(long_key, sizeof(long_key), &text, 1, out);
    bp_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_base32_and_uuid_forms(void **state)
{
    static const uint8_t bytes[16] = {0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x55, 0xAA, 0x12,
                                      0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0x01};
    char text[37];
    (void)state;

    bp_base32_crockford(bytes, 8, text);
    assert_string_equal(text, "ZW0FY07Z");
    bp_uuid_v8(bytes, text);
    assert_string_equal(text, "ff00ff00-ff55-8a12-b456-789abcdef001");
}

static void test_log_quote_escapes_and_cuts(void **state)
{
    char out[24];
    (void)state;

    assert_string_equal(bp_log_quote(out, sizeof(out), BP_STR("plain")), "plain");
    assert_string_equal(bp_log_quote(out, sizeof(out), BP_STR("a b\n\"")), "\"a b\\x0a\\\"\"");
    bp_log_quote(out, sizeof(out), BP_STR("0123456789 0123456789 0123456789"));
    assert_true(strlen(out) < sizeof(out));
    assert_non_null(strstr(out, "...\""));
}

static void test_span_is_told_in_its_two_largest_units(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(bp_span_text(59, text), "59 s");
    assert_string_equal(bp_span_text(200, text), "3 min 20 s");
    assert_string_equal(bp_span_text(7500, text), "2 h 5 min");
    assert_string_equal(bp_span_text(29 * 86400 + 7, text), "29 days");
    assert_string_equal(bp_span_text(UINT64_MAX, text), "213503982334601 days");
}

static void test_file_write_then_read_gives_the_content(void **state)
{
    char dir[] = "/tmp/berbagi-base-XXXXXX";
    struct bp_buf content = {0};
    struct bp_err err;
    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = bp_path_join(dir, "a");

    assert_int_equal(bp_file_write(path, "first", 5, 0600, &err), BP_OK);
    assert_int_equal(bp_file_write(path, "second", 6, 0600, &err), BP_OK);
    assert_int_equal(bp_file_read(path, 6, &content, &err), BP_OK);

    assert_true(bp_str_is(bp_buf_str(&content), "second"));
    assert_int_equal(bp_file_read(path, 5, &content, &err), BP_ETOOLARGE);
    assert_int_equal(bp_file_read("/nonexistent/x", 5, &content, &err), BP_ENOENT);
    bp_buf_fini(&content);
    (void)unlink(path);
    (void)rmdir(dir);
    free(path);
}

static void test_mailbox_full_and_closed_refuse(void **state)
{
    struct bp_mailbox m;
    struct bp_mail a = {.bytes = 60}, b = {.bytes = 60}, c = {.bytes = 500};
    (void)state;
    bp_mailbox_init(&m, 100);

    assert_true(bp_mailbox_push(&m, &a));
    assert_false(bp_mailbox_push(&m, &b));
    assert_ptr_equal(bp_mailbox_take(&m, 0), &a);
    assert_true(bp_mailbox_push(&m, &c)); /* larger than the bound, but alone */
    assert_ptr_equal(bp_mailbox_take(&m, -1), &c);
    bp_mailbox_interrupt(&m);
    assert_null(bp_mailbox_take(&m, -1));
    bp_mailbox_close(&m);
    assert_false(bp_mailbox_push(&m, &a));
    assert_null(bp_mailbox_take(&m, -1));
    bp_mailbox_fini(&m);
}

static void test_mailbox_list_enters_whole_or_not_at_all(void **state)
{
    struct bp_mailbox m;
    struct bp_mail a = {.bytes = 30}, c = {.bytes = 40}, b = {.next = &c, .bytes = 40};
    (void)state;
    bp_mailbox_init(&m, 100);

    assert_true(bp_mailbox_push(&m, &a));
    assert_false(bp_mailbox_push_list(&m, &b));
    assert_ptr_equal(bp_mailbox_take(&m, 0), &a);
    assert_true(bp_mailbox_push_list(&m, &b));
    a.bytes = 20;
    assert_true(bp_mailbox_push(&m, &a));
    assert_ptr_equal(bp_mailbox_take(&m, 0), &b);
    assert_ptr_equal(b.next, &c);
    assert_ptr_equal(c.next, &a);
    bp_mailbox_fini(&m);
}

static void test_mailbox_counts_what_was_taken_until_it_is_given_back(void **state)
{
    struct bp_mailbox m;
    struct bp_mail a = {.bytes = 60}, b = {.bytes = 60};
    (void)state;
    bp_mailbox_init(&m, 100);
    bp_mailbox_count_taken(&m);

    assert_true(bp_mailbox_push(&m, &a));
    assert_ptr_equal(bp_mailbox_take(&m, 0), &a);
    assert_false(bp_mailbox_push(&m, &b));
    bp_mailbox_give_back(&m, 60);
    assert_true(bp_mailbox_push(&m, &b));
    assert_ptr_equal(bp_mailbox_take(&m, 0), &b);

    bp_mailbox_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_malformed_is_refused),
        cmocka_unit_test(test_agency_id_grammar_is_kept),
        cmocka_unit_test(test_address_is_split_at_its_port),
        cmocka_unit_test(test_numbers_overflow_is_refused),
        cmocka_unit_test(test_days_are_those_of_jakarta),
        cmocka_unit_test(test_days_that_are_none_are_refused),
        cmocka_unit_test(test_every_day_of_four_centuries_round_trips),
        cmocka_unit_test(test_times_print_as_they_were_read),
        cmocka_unit_test(test_crc32c_of_known_texts),
        cmocka_unit_test(test_crc32c_of_any_length_and_place),
        cmocka_unit_test(test_hmac_of_rfc_4231),
        cmocka_unit_test(test_base32_and_uuid_forms),
        cmocka_unit_test(test_log_quote_escapes_and_cuts),
        cmocka_unit_test(test_span_is_told_in_its_two_largest_units),
        cmocka_unit_test(test_file_write_then_read_gives_the_content),
        cmocka_unit_test(test_mailbox_full_and_closed_refuse),
        cmocka_unit_test(test_mailbox_list_enters_whole_or_not_at_all),
        cmocka_unit_test(test_mailbox_counts_what_was_taken_until_it_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
