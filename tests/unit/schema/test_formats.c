/* Each format obeyed and violated, and what its border cases are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "formats.h"
#include "validate.h"

#define FORMAT(name) BERBAGI__V1__FORMAT__FORMAT_##name
#define TEN "0123456789"

static void expect_all(int format, bool obeys, const struct bp_str *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bp_format_obeys(format, texts[i]) != obeys)
            fail_msg("%s: %.*s", bp_format_name(format), BP_STR_ARGS(texts[i]));
    }
}

#define S BP_STR
#define OBEY(format, ...)                                                                          \
    expect_all(FORMAT(format), true, (const struct bp_str[]){__VA_ARGS__},                         \
               sizeof((const struct bp_str[]){__VA_ARGS__}) / sizeof(struct bp_str))
#define VIOLATE(format, ...)                                                                       \
    expect_all(FORMAT(format), false, (const struct bp_str[]){__VA_ARGS__},                        \
               sizeof((const struct bp_str[]){__VA_ARGS__}) / sizeof(struct bp_str))

static void test_formats_nik_needs_regency_birth_date_and_serial(void **state)
{
    (void)state;
    OBEY(NIK, S("1807995203990001"), S("1807991203999999"), S("3509990101000001"),
         S("1807992902000001"), S("1807996902960001"), S("1807997112990001"));
    VIOLATE(NIK, S(""), S("180799520399000"), S("18079952039900011"), S("180799520399000x"),
            S("1899995203990001"), S("0007995203990001"), S("1807990003990001"),
            S("1807993203990001"), S("1807994003990001"), S("1807997203990001"),
            S("1807995213990001"), S("1807995200990001"), S("1807992902010001"),
            S("1807993104990001"), S("1807995203990000"), S("18.7995203990001"),
            S("1807 95203990001"));
}

static void test_formats_nik_tells_its_regency(void **state)
{
    (void)state;
    uint64_t region;

    assert_true(bp_nik_region(S("1807995203990001"), &region));
    assert_false(bp_nik_region(S("9999995203990001"), &region));
    assert_false(bp_nik_region(S("180"), &region));
}

static void test_formats_codes_are_known_ones(void **state)
{
    (void)state;
    OBEY(REGION, S("18"), S("18.07"), S("18.07.12"), S("18.07.12.2003"), S("ID"));
    VIOLATE(REGION, S("99"), S("18.99"), S("18.07.12.5003"), S("Lampung"), S("18.07\0"));
    OBEY(COUNTRY, S("TW"), S("ID"), S("KH"));
    VIOLATE(COUNTRY, S("T"), S("TWN"), S("tw"), S("ZZ"), S("UK"), S("T\0"));
    OBEY(CURRENCY, S("IDR"), S("TWD"), S("USD"));
    VIOLATE(CURRENCY, S("ID"), S("IDRX"), S("idr"), S("ZZZ"));
    OBEY(OCCUPATION, S("7212"), S("0110"));
    VIOLATE(OCCUPATION, S("721"), S("72121"), S("721a"), S("-212"));
}

static void test_formats_date_is_a_real_day(void **state)
{
    (void)state;
    OBEY(DATE, S("2025-11-03"), S("2024-02-29"), S("2000-02-29"), S("0001-01-01"), S("9999-12-31"));
    VIOLATE(DATE, S("2025-11-3"), S("2025-13-01"), S("2025-00-01"), S("2025-02-29"),
            S("1900-02-29"), S("2025-04-31"), S("2025-11-00"), S("2025/11/03"), S("20251103"),
            S("0000-01-01"), S("2025-11-03T00:00:00Z"), S(" 2025-11-03"), S("2025-11-03 "));
}

static void test_formats_period_is_year_quarter_or_month(void **state)
{
    (void)state;
    OBEY(PERIOD, S("2025"), S("2025-Q1"), S("2025-Q4"), S("2025-01"), S("2025-12"));
    VIOLATE(PERIOD, S("25"), S("2025-"), S("2025-Q0"), S("2025-Q5"), S("2025-q1"), S("2025-00"),
            S("2025-13"), S("2025-1"), S("2025_01"), S("2025-1a"), S("2025-Q10"), S("x025"));
}

static void test_formats_phone_is_e164(void **state)
{
    (void)state;
    OBEY(PHONE, S("+6281200000000"), S("+12345678"), S("+123456789012345"));
    VIOLATE(PHONE, S("081200000000"), S("+1234567"), S("+1234567890123456"), S("+062812000000"),
            S("+62 812 0000"), S("+62-8120000"), S("6281200000000"), S("+"), S("++6281200000"));
}

static void test_formats_email_has_the_shape_of_rfc_5321(void **state)
{
    (void)state;
    OBEY(EMAIL, S("contoh@example.id"), S("a.b+c_d@sub.example.co.id"), S("x@y.z"));
    VIOLATE(EMAIL, S("contoh"), S("@example.id"), S("contoh@"), S("contoh@example"),
            S("contoh@.id"), S("contoh@example."), S("con toh@example.id"), S(".contoh@example.id"),
            S("contoh.@example.id"), S("con..toh@example.id"), S("contoh@exa_mple.id"),
            S("contoh@-example.id"), S("contoh@example-.id"), S("a@b@example.id"),
            S("conto\0h@example.id"), S("\"a b\"@example.id"), S("con\xc3\xa9@example.id"),
            S(TEN TEN TEN TEN TEN TEN "01234@example.id"));
}

static void test_formats_url_is_http_with_a_host(void **state)
{
    (void)state;
    OBEY(URL, S("https://jobs.example.id/JO-TW-2025"), S("http://a.b"),
         S("https://social.example/post/991?x=1#y"), S("https://my_site.example:8443/"),
         S("https://localhost"));
    VIOLATE(URL, S("ftp://a.b"), S("javascript://a.b"), S("https://"), S("https:///path"),
            S("https:/a.b"), S("a.b"), S("https://a b.c"), S("https://a.b/<x>"),
            S("https://user@a.b/"), S("https://a.b:/"), S("https://a.b:99x/"),
            S("https://a.b:123456/"), S("https://a.b/\xc3\xa9"), S("https://a.b/\n"),
            S("HTTPS://a.b\0"), S("https://?x"));
}

static void test_formats_agency_has_kind_and_name(void **state)
{
    (void)state;
    OBEY(AGENCY, S("kl.kp2mi"), S("kab.18.07"), S("opd.18.07.dpmptsp"), S("desa.18.07.12.2003"));
    VIOLATE(AGENCY, S("kl"), S("KL.kp2mi"), S(".kl"), S("kl."), S("kl..x"), S("kl kp2mi"), S("-.x"),
            S("kl." TEN TEN TEN TEN TEN TEN "01"));
}

static void test_formats_passport_and_digest_have_their_shapes(void **state)
{
    (void)state;
    OBEY(PASSPORT, S("X1234567"), S("123456"), S("ABCDEFGHI"));
    VIOLATE(PASSPORT, S("X1234"), S("X123456789"), S("x1234567"), S("X 123456"), S("X-12345"));
    OBEY(SHA256, S("sha256:" TEN TEN TEN TEN TEN TEN "abcd"),
         S("sha256:" TEN TEN TEN TEN TEN TEN "ABCD"));
    VIOLATE(
        SHA256, S("sha256:" TEN TEN TEN TEN TEN TEN "abc"),
        S("sha256:" TEN TEN TEN TEN TEN TEN "abcde"), S("sha256:" TEN TEN TEN TEN TEN TEN "abcg"),
        S("SHA256:" TEN TEN TEN TEN TEN TEN "abcd"), S("md5:123" TEN TEN TEN TEN TEN TEN "abcd"));
}

static void test_formats_every_format_has_name_and_words(void **state)
{
    (void)state;
    for (int format = FORMAT(NIK); format <= FORMAT(SHA256); format++) {
        assert_true(strlen(bp_format_name(format)) > 0);
        assert_true(strlen(bp_format_words(format)) > 0);
        assert_false(bp_format_obeys(format, S("\xff \x01")));
    }
    assert_true(bp_format_obeys(FORMAT(UNSPECIFIED), S("anything")));
    assert_string_equal(bp_format_name(FORMAT(SHA256) + 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_nik_needs_regency_birth_date_and_serial),
        cmocka_unit_test(test_formats_nik_tells_its_regency),
        cmocka_unit_test(test_formats_codes_are_known_ones),
        cmocka_unit_test(test_formats_date_is_a_real_day),
        cmocka_unit_test(test_formats_period_is_year_quarter_or_month),
        cmocka_unit_test(test_formats_phone_is_e164),
        cmocka_unit_test(test_formats_email_has_the_shape_of_rfc_5321),
        cmocka_unit_test(test_formats_url_is_http_with_a_host),
        cmocka_unit_test(test_formats_agency_has_kind_and_name),
        cmocka_unit_test(test_formats_passport_and_digest_have_their_shapes),
        cmocka_unit_test(test_formats_every_format_has_name_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
