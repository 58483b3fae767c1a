/* A filter is matched on what the reader sees: what is hidden or unknown matches nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "filter.h"

static struct bp_filter *filter_of(const Berbagi__V1__Filter *message)
{
    struct bp_filter *f = NULL;
    assert_int_equal(bp_filter_create(message, &f), BP_OK);
    return f;
}

static struct bp_redacted_envelope seen(const char *region, const char *subject)
{
    return (struct bp_redacted_envelope){.type = BP_STR("worker.registered"),
                                         .source = BP_STR("kab.18.07"),
                                         .subject = bp_str(subject),
                                         .region = bp_str(region)};
}

static void test_filter_empty_lets_all_pass(void **state)
{
    struct bp_filter *f = filter_of(NULL);
    struct bp_redacted_envelope hidden = seen("", "");
    (void)state;

    assert_true(bp_filter_has_type(f, BP_STR("any.type")));
    assert_false(bp_filter_looks_inside(f));
    assert_true(bp_filter_matches(f, &hidden));
    bp_filter_destroy(f);
}

static void test_filter_region_takes_in_what_lies_below(void **state)
{
    Berbagi__V1__Filter m = BERBAGI__V1__FILTER__INIT;
    char *regions[] = {(char[]){"18.07"}, (char[]){"nonsense"}};
    (void)state;
    m.n_regions = 2;
    m.regions = regions;
    struct bp_filter *f = filter_of(&m);
    struct bp_redacted_envelope inside = seen("18.07.12.2003", ""), outside = seen("18.08", ""),
                                above = seen("18", ""), hidden = seen("", "");

    assert_true(bp_filter_matches(f, &inside));
    assert_false(bp_filter_matches(f, &outside));
    assert_false(bp_filter_matches(f, &above));
    assert_false(bp_filter_matches(f, &hidden));
    bp_filter_destroy(f);
}

static void test_filter_of_unknown_regions_alone_matches_nothing(void **state)
{
    Berbagi__V1__Filter m = BERBAGI__V1__FILTER__INIT;
    char *regions[] = {(char[]){"nonsense"}};
    (void)state;
    m.n_regions = 1;
    m.regions = regions;
    struct bp_filter *f = filter_of(&m);
    struct bp_redacted_envelope inside = seen("18.07", ""), hidden = seen("", "");

    assert_false(bp_filter_matches(f, &inside));
    assert_false(bp_filter_matches(f, &hidden));
    bp_filter_destroy(f);
}

static void test_filter_subject_is_compared_in_the_form_seen(void **state)
{
    Berbagi__V1__Filter m = BERBAGI__V1__FILTER__INIT;
    char *subjects[] = {(char[]){"w_ZZZZZZZZZZZZZZZZZZZZ"}, (char[]){"p_00000000000000000000"}};
    (void)state;
    m.n_subjects = 2;
    m.subjects = subjects;
    struct bp_filter *f = filter_of(&m);
    struct bp_redacted_envelope mine = seen("", "p_00000000000000000000"),
                                other = seen("", "p_10000000000000000000"), hidden = seen("", "");

    assert_true(bp_filter_matches(f, &mine));
    assert_false(bp_filter_matches(f, &other));
    assert_false(bp_filter_matches(f, &hidden));
    bp_filter_destroy(f);
}

static void test_filter_over_a_thousand_entries_is_refused(void **state)
{
    Berbagi__V1__Filter m = BERBAGI__V1__FILTER__INIT;
    static char entry[] = "kab.18.07";
    char *many[1001];
    struct bp_filter *f = NULL;
    (void)state;
    for (size_t i = 0; i < 1001; i++)
        many[i] = entry;
    m.sources = many;

    m.n_sources = 1001;
    assert_int_equal(bp_filter_create(&m, &f), BP_EINVAL);
    m.n_sources = 1000;
    assert_int_equal(bp_filter_create(&m, &f), BP_OK);
    bp_filter_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_empty_lets_all_pass),
        cmocka_unit_test(test_filter_region_takes_in_what_lies_below),
        cmocka_unit_test(test_filter_of_unknown_regions_alone_matches_nothing),
        cmocka_unit_test(test_filter_subject_is_compared_in_the_form_seen),
        cmocka_unit_test(test_filter_over_a_thousand_entries_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
