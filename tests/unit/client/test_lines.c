#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buffer.h"
#include "lines.h"
#include "temporary.h"

static int set_up(void **state)
{
    (void)state;
    temporary_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temporary_remove();
    return 0;
}

static struct bp_source source;
static struct bp_lines lines;

static void open_lines(struct bp_str content)
{
    assert_int_equal(bp_source_open(temporary_write("in", content), &source, NULL), BP_OK);
    assert_int_equal(bp_lines_init(&lines, &source, NULL), BP_OK);
}

static void close_lines(void)
{
    bp_lines_fini(&lines);
    bp_source_close(&source);
}

static void expect(enum bp_line kind, uint64_t number, const char *text)
{
    enum bp_line got = LINE_NONE;
    struct bp_str line = {0};
    assert_int_equal(bp_lines_next(&lines, &got, &line, NULL), BP_OK);
    assert_int_equal(got, kind);
    if (kind != LINE_NONE)
        assert_int_equal(lines.number, number);
    if (kind == LINE_TEXT)
        assert_true(bp_str_is(line, text));
}

static void test_lines_of_all_ends_are_cut_and_numbered(void **state)
{
    (void)state;
    open_lines(BP_STR("\xEF\xBB\xBF"
                      "one\n\r\n\nfour\r\nlast"));

    expect(LINE_TEXT, 1, "one");
    expect(LINE_TEXT, 2, "");
    expect(LINE_TEXT, 3, "");
    expect(LINE_TEXT, 4, "four");
    expect(LINE_TEXT, 5, "last");
    expect(LINE_NONE, 0, NULL);

    close_lines();
}

static void test_lines_empty_file_has_none(void **state)
{
    (void)state;
    open_lines(BP_STR(""));

    expect(LINE_NONE, 0, NULL);

    close_lines();
}

/* A line of n bytes between two short ones. */
static void with_line_of(size_t n, enum bp_line kind)
{
    struct bp_buf b = {0};
    bp_buf_add_text(&b, "a\n");
    memset(bp_buf_reserve(&b, n), 'x', n);
    b.n += n;
    bp_buf_add_text(&b, "\nz\n");
    open_lines(bp_buf_str(&b));

    expect(LINE_TEXT, 1, "a");
    enum bp_line got;
    struct bp_str line;
    assert_int_equal(bp_lines_next(&lines, &got, &line, NULL), BP_OK);
    assert_int_equal(got, kind);
    assert_int_equal(lines.number, 2);
    if (kind == LINE_TEXT)
        assert_int_equal(line.n, n);
    expect(LINE_TEXT, 3, "z");
    expect(LINE_NONE, 0, NULL);

    close_lines();
    bp_buf_fini(&b);
}

static void test_lines_longest_line_is_taken_and_longer_ones_are_passed_over(void **state)
{
    (void)state;
    with_line_of(BP_LINE_MAX, LINE_TEXT);
    with_line_of(BP_LINE_MAX + 1, LINE_TOO_LONG);
    with_line_of(BP_LINE_MAX + 2, LINE_TOO_LONG);
    with_line_of(BP_LINE_MAX + 3, LINE_TOO_LONG);
    with_line_of(10 * BP_LINE_MAX, LINE_TOO_LONG);
}

static void test_lines_too_long_last_line_without_end_is_told_once(void **state)
{
    (void)state;
    struct bp_buf b = {0};
    memset(bp_buf_reserve(&b, 3 * BP_LINE_MAX), 'x', 3 * BP_LINE_MAX);
    b.n = 3 * BP_LINE_MAX;
    open_lines(bp_buf_str(&b));

    expect(LINE_TOO_LONG, 1, NULL);
    expect(LINE_NONE, 0, NULL);

    close_lines();
    bp_buf_fini(&b);
}

static void test_source_folder_or_missing_file_is_refused(void **state)
{
    (void)state;
    struct bp_source s;

    assert_int_equal(bp_source_open(temporary_path("."), &s, NULL), BP_EIO);
    assert_int_equal(bp_source_open(temporary_path("nothing"), &s, NULL), BP_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_all_ends_are_cut_and_numbered),
        cmocka_unit_test(test_lines_empty_file_has_none),
        cmocka_unit_test(test_lines_longest_line_is_taken_and_longer_ones_are_passed_over),
        cmocka_unit_test(test_lines_too_long_last_line_without_end_is_told_once),
        cmocka_unit_test(test_source_folder_or_missing_file_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
