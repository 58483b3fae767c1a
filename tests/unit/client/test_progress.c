#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "progress.h"

static void expect_text(const struct bp_progress *p, unsigned columns, const char *text)
{
    char line[256];
    bp_progress_text(p, columns, line, sizeof(line));
    assert_string_equal(line, text);
}

static void test_progress_known_total_shows_share_rate_and_time_left(void **state)
{
    (void)state;
    const struct bp_progress p = {
        .total = 71532, .stored = 29000, .duplicate = 300, .rejected = 12, .rate = 24310};

    expect_text(&p, 78,
                " 40 %  29,312 of 71,532 rows  24,310/s  2 s left  300 duplicate  12 rejected");
    expect_text(&p, 120,
                " 40 %  [########............]  29,312 of 71,532 rows  24,310/s  2 s left  300 "
                "duplicate  12 rejected");
    expect_text(&p, 20, " 40 %  29,312 of 71,");
}

static void test_progress_unknown_total_shows_rows_and_rate(void **state)
{
    (void)state;
    const struct bp_progress p = {.stored = 1234567, .rate = 999.9};

    expect_text(&p, 79, "1,234,567 rows  999/s");
}

static void test_progress_more_rows_than_counted_is_not_over_100(void **state)
{
    (void)state;
    const struct bp_progress p = {.total = 10, .stored = 12};

    expect_text(&p, 22, "100 %  12 of 10 rows");
}

static void test_progress_broken_connection_is_shown_in_place_of_the_time(void **state)
{
    (void)state;
    const struct bp_progress p = {.total = 10, .stored = 5, .rate = 5, .waits_for = "waiting"};

    expect_text(&p, 45, " 50 %  5 of 10 rows  5/s  waiting");
}

static void test_progress_elsewhere_prints_a_line_every_two_seconds(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    struct bp_progress p = {.total = 100};
    bp_progress_start(&p, to, false, 0);

    for (int64_t now = 100; now <= 5000; now += 100) {
        p.stored += 2;
        bp_progress_tick(&p, now);
    }
    bp_progress_end(&p);

    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, " 40 %  [########............]  40 of 100 rows  20/s  4 s left\n"
                              " 80 %  [################....]  80 of 100 rows  20/s  2 s left\n");
    free(text);
}

static void test_progress_terminal_clears_the_bar_before_words(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    struct bp_progress p = {.total = 0};
    bp_progress_start(&p, to, true, 0);

    bp_progress_tick(&p, 200);
    bp_progress_say(&p, "hello");
    bp_progress_end(&p);

    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, "0 rows\r\033[Kberbagi: hello\n");
    free(text);
}

static void test_progress_counts_have_commas(void **state)
{
    (void)state;
    char text[32];

    assert_string_equal(bp_count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_known_total_shows_share_rate_and_time_left),
        cmocka_unit_test(test_progress_unknown_total_shows_rows_and_rate),
        cmocka_unit_test(test_progress_more_rows_than_counted_is_not_over_100),
        cmocka_unit_test(test_progress_broken_connection_is_shown_in_place_of_the_time),
        cmocka_unit_test(test_progress_elsewhere_prints_a_line_every_two_seconds),
        cmocka_unit_test(test_progress_terminal_clears_the_bar_before_words),
        cmocka_unit_test(test_progress_counts_have_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
