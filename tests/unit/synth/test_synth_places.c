/* Villages of a place: the real ones where the list is embedded, the shape of one elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codes.h"
#include "places.h"

#define DISTRICTS 24
#define VILLAGES 264

/* By district and the last two digits of the village. */
static bool was_drawn[100][100];

static struct bp_place place(const char *code)
{
    struct bp_place p;
    assert_int_equal(bp_place_parse(bp_str(code), &p, NULL), BP_OK);
    return p;
}

static void draw_many(const char *code)
{
    struct bp_place p = place(code);
    struct bp_prng prng;
    bp_prng_init(&prng, 1);
    memset(was_drawn, 0, sizeof(was_drawn));
    for (int i = 0; i < 20000; i++) {
        char text[14];
        bp_region region;
        unsigned district, village;
        bp_place_village(&p, &prng, text);
        assert_true(bp_region_parse(bp_str(text), &region));
        assert_int_equal(bp_region_level(region), 4);
        assert_memory_equal(text, code, 5);
        assert_int_equal(sscanf(text + 6, "%2u.%4u", &district, &village), 2);
        was_drawn[district][village % 100] = true;
    }
}

static unsigned count_drawn(unsigned district)
{
    unsigned n = 0;
    for (size_t i = 0; i < 100; i++)
        n += was_drawn[district][i];
    return n;
}

static void test_places_every_village_of_the_list_is_drawn_and_no_other(void **state)
{
    (void)state;
    unsigned districts = 0, villages = 0;

    draw_many("18.07");

    for (unsigned i = 0; i < 100; i++) {
        districts += count_drawn(i) > 0;
        villages += count_drawn(i);
    }
    assert_int_equal(districts, DISTRICTS);
    assert_int_equal(villages, VILLAGES);
    assert_true(was_drawn[12][3] && was_drawn[15][6]);
    /* 18.07.03 has a gap between 2008 and 2014. */
    assert_true(was_drawn[3][8] && was_drawn[3][14]);
    assert_false(was_drawn[3][9] || was_drawn[3][13]);
}

static void test_places_without_a_list_give_codes_of_the_right_shape(void **state)
{
    (void)state;
    draw_many("35.09");
    draw_many("64.74");
}

static void test_places_name_who_acts_for_them(void **state)
{
    (void)state;
    struct bp_place regency = place("18.07"), city = place("64.74"), of_jakarta = place("31.74");

    assert_string_equal(regency.government, "kab.18.07");
    assert_string_equal(regency.service_office, "bp3mi.18");
    assert_string_equal(city.government, "kota.64.74");
    assert_string_equal(city.service_office, "bp3mi.65");
    assert_string_equal(of_jakarta.government, "prov.31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_every_village_of_the_list_is_drawn_and_no_other),
        cmocka_unit_test(test_places_without_a_list_give_codes_of_the_right_shape),
        cmocka_unit_test(test_places_name_who_acts_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
