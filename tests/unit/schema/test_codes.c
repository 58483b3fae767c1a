/* Region codes as numbers that nest, and the lists of known codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codes.h"

static bp_region region(const char *code)
{
    bp_region r;
    if (!bp_region_parse(bp_str(code), &r))
        fail_msg("%s", code);
    return r;
}

static void test_codes_known_region_is_parsed_and_formatted(void **state)
{
    (void)state;
    const char *const codes[] = {"",      "18",    "18.07",        "18.07.12", "18.07.12.2003",
                                 "35.09", "96.71", "11.01.99.1001"};
    const unsigned levels[] = {0, 1, 2, 3, 4, 2, 2, 4};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char text[14];

        bp_region r = region(codes[i]);

        assert_int_equal(bp_region_level(r), levels[i]);
        assert_int_equal(bp_region_format(r, text), strlen(codes[i]));
        assert_string_equal(text, codes[i]);
    }
    assert_true(region("ID") == 0);
}

static void test_codes_wrong_region_is_refused(void **state)
{
    (void)state;
    const char *const codes[] = {
        "1",
        "99",
        "00",
        "1807",
        "18.7",
        "18.99",
        "18.07.",
        "18.07.00",
        "18.07.1",
        "18.07.12.4",
        "18.07.12.0003",
        "18.07.12.4003",
        "18.07.12.20031",
        "18-07",
        "id",
        "ID ",
        " 18",
        "1a",
        "18.07.12-2003",
        "18,07.12.2003",
        "18.07.12.200a",
        "18.00",
        "18.07.12.",
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        bp_region r;
        if (bp_region_parse(bp_str(codes[i]), &r))
            fail_msg("%s", codes[i]);
    }
}

static void test_codes_shape_alone_lets_unknown_regions_pass(void **state)
{
    (void)state;
    bp_region r;

    assert_true(bp_region_parse_shape(BP_STR("99.98.97.1001"), &r));
    assert_int_equal(bp_region_level(r), 4);
    assert_false(bp_region_parse(BP_STR("99.98.97.1001"), &r));
}

static void test_codes_region_lies_within_itself_and_above(void **state)
{
    (void)state;
    const char *const chain[] = {"", "18", "18.07", "18.07.12", "18.07.12.2003"};
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++)
            assert_true(bp_region_within(region(chain[i]), region(chain[k])) == (i >= k));
    }
    assert_false(bp_region_within(region("18.08"), region("18.07")));
    assert_false(bp_region_within(region("17.07.12"), region("18.07")));
    assert_false(bp_region_within(region("18.07.12.2004"), region("18.07.12.2003")));
    assert_false(bp_region_within(region("18.07.13.2003"), region("18.07.12")));
}

static void test_codes_village_is_cut_to_its_district(void **state)
{
    (void)state;
    assert_true(bp_region_to_district(region("18.07.12.2003")) == region("18.07.12"));
    assert_true(bp_region_to_district(region("18.07.12")) == region("18.07.12"));
    assert_true(bp_region_to_district(region("18")) == region("18"));
    assert_true(bp_region_to_district(0) == 0);
}

static void test_codes_all_provinces_and_regencies_are_there(void **state)
{
    (void)state;
    unsigned provinces = 0, regencies = 0;
    bp_region r;
    for (unsigned p = 0; p < 100; p++) {
        const char pp[] = {(char)('0' + p / 10), (char)('0' + p % 10)};
        provinces += bp_region_parse(bp_str_of(pp, 2), &r);
        for (unsigned k = 0; k < 100; k++) {
            const char code[] = {pp[0], pp[1], '.', (char)('0' + k / 10), (char)('0' + k % 10)};
            regencies += bp_region_parse(bp_str_of(code, 5), &r);
        }
    }

    assert_int_equal(provinces, 38);
    assert_int_equal(regencies, 514);
}

static void test_codes_countries_and_currencies_are_the_assigned_ones(void **state)
{
    (void)state;
    unsigned countries = 0;
    for (int a = 'A'; a <= 'Z'; a++) {
        for (int b = 'A'; b <= 'Z'; b++)
            countries += bp_country_is_known(bp_str_of((const char[]){(char)a, (char)b}, 2));
    }

    assert_int_equal(countries, 249);
    assert_true(bp_country_is_known(BP_STR("TW")) && bp_country_is_known(BP_STR("ID")));
    assert_false(bp_country_is_known(BP_STR("XX")) || bp_country_is_known(BP_STR("tw")) ||
                 bp_country_is_known(BP_STR("TWN")) || bp_country_is_known(BP_STR("")) ||
                 bp_country_is_known(BP_STR("T\xff")));
    assert_true(bp_currency_is_known(BP_STR("IDR")) && bp_currency_is_known(BP_STR("TWD")));
    assert_false(bp_currency_is_known(BP_STR("XYZ")) || bp_currency_is_known(BP_STR("idr")) ||
                 bp_currency_is_known(BP_STR("ID")) || bp_currency_is_known(BP_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_known_region_is_parsed_and_formatted),
        cmocka_unit_test(test_codes_wrong_region_is_refused),
        cmocka_unit_test(test_codes_shape_alone_lets_unknown_regions_pass),
        cmocka_unit_test(test_codes_region_lies_within_itself_and_above),
        cmocka_unit_test(test_codes_village_is_cut_to_its_district),
        cmocka_unit_test(test_codes_all_provinces_and_regencies_are_there),
        cmocka_unit_test(test_codes_countries_and_currencies_are_the_assigned_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
