/* Cutting CSV text into rows, in chunks of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "buffer.h"
#include "csv_rows.h"

/* Writes a row as "LINE<cell><cell>\n". */
static bp_status note_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                          struct bp_err *err)
{
    struct bp_buf *seen = context;
    (void)err;
    bp_buf_printf(seen, "%u", (unsigned)line);
    for (size_t i = 0; i < n; i++)
        bp_buf_printf(seen, "<%.*s>", BP_STR_ARGS(cells[i]));
    bp_buf_add_byte(seen, '\n');
    return BP_OK;
}

static bp_status read_in_chunks(struct bp_str text, size_t chunk, struct bp_buf *seen,
                                struct bp_err *err)
{
    struct bp_csv_rows *r = NULL;
    bp_status st = bp_csv_rows_create(note_row, seen, &r, err);
    for (size_t i = 0; st == BP_OK && i < text.n; i += chunk) {
        size_t n = text.n - i < chunk ? text.n - i : chunk;
        st = bp_csv_rows_feed(r, text.p + i, n, err);
    }
    if (st == BP_OK)
        st = bp_csv_rows_finish(r, err);
    bp_csv_rows_destroy(r);
    return st;
}

static void assert_rows(struct bp_str text, const char *expected)
{
    struct bp_err err = {0};
    for (size_t chunk = 1; chunk <= text.n + 1; chunk++) {
        struct bp_buf seen = {0};

        bp_status st = read_in_chunks(text, chunk, &seen, &err);

        if (st != BP_OK || !bp_str_is(bp_buf_str(&seen), expected))
            fail_msg("chunks of %zu: %s, rows:\n%.*s", chunk, st != BP_OK ? err.text : "no error",
                     BP_STR_ARGS(bp_buf_str(&seen)));
        bp_buf_fini(&seen);
    }
}

/* The reading fails with words that begin as given. */
static void assert_fails(struct bp_str text, bp_status expected, const char *words)
{
    for (size_t chunk = 1; chunk <= text.n; chunk++) {
        struct bp_err err = {0};
        struct bp_buf seen = {0};

        bp_status st = read_in_chunks(text, chunk, &seen, &err);

        if (st != expected || strncmp(err.text, words, strlen(words)) != 0)
            fail_msg("chunks of %zu: %s: %s", chunk, bp_status_name(st), err.text);
        bp_buf_fini(&seen);
    }
}

static void test_csv_rows_any_line_end_ends_a_row(void **state)
{
    (void)state;

    assert_rows(BP_STR("a,b\n1,2\n3,4"), "1<a><b>\n2<1><2>\n3<3><4>\n");
    assert_rows(BP_STR("a,b\r\n1,2\r\n3,4\r\n"), "1<a><b>\n2<1><2>\n3<3><4>\n");
    assert_rows(BP_STR("a,b\r1,2\r3,4\r"), "1<a><b>\n2<1><2>\n3<3><4>\n");
    assert_rows(BP_STR("a\r\n\r\nb\r\rc\n\nd"), "1<a>\n3<b>\n5<c>\n7<d>\n");
}

static void test_csv_rows_quoted_cell_keeps_everything(void **state)
{
    (void)state;

    assert_rows(BP_STR("a,b\n\"x,\"\"y\"\";\",\"1\n2\r\n3\r4\"\nend,\"\"\n"),
                "1<a><b>\n2<x,\"y\";><1\n2\r\n3\r4>\n6<end><>\n");
}

static void test_csv_rows_blanks_belong_to_the_cell(void **state)
{
    (void)state;

    assert_rows(BP_STR(" a ,\tb\n\" x \", \n"), "1< a ><\tb>\n2< x >< >\n");
}

static void test_csv_rows_first_line_decides_the_separator(void **state)
{
    (void)state;

    assert_rows(BP_STR("a;b;c\n1,5;2;\"x;y\"\n"), "1<a><b><c>\n2<1,5><2><x;y>\n");
    assert_rows(BP_STR("\"a;;;\",b\n1;2,3\n"), "1<a;;;><b>\n2<1;2><3>\n");
    assert_rows(BP_STR("\n\na;b"), "3<a><b>\n");
    assert_rows(BP_STR("only\n1;2\n"), "1<only>\n2<1;2>\n");
}

static void test_csv_rows_byte_order_mark_is_dropped(void **state)
{
    (void)state;

    assert_rows(BP_STR("\xEF\xBB\xBFid,b\n1,2\n"), "1<id><b>\n2<1><2>\n");
    assert_rows(BP_STR("\xEF\xBB\xBF\"id\"\n"), "1<id>\n");
}

static void test_csv_rows_nothing_gives_nothing(void **state)
{
    (void)state;

    assert_rows(BP_STR(""), "");
    assert_rows(BP_STR("\n\r\n\r"), "");
    assert_rows(BP_STR("\xEF\xBB\xBF"), "");
    assert_rows(BP_STR("a,b\n,\n\"\",\n1,\n,,,\n"), "1<a><b>\n4<1><>\n");
}

static void test_csv_rows_open_quote_names_the_line_where_it_stands(void **state)
{
    (void)state;

    assert_fails(BP_STR("a,b\n1,\"2\n3\n4,5\n"), BP_EINVAL, "line 2: ");
    assert_fails(BP_STR("a,b\n\"1\n\n2\",\"3\n\n"), BP_EINVAL, "line 4: ");
    assert_fails(BP_STR("a,b\r\n1,2\r\n\"3"), BP_EINVAL, "line 3: ");
    assert_fails(BP_STR("\"a"), BP_EINVAL, "line 1: ");
    assert_fails(BP_STR("a\n\"1\r\n2\r\n3"), BP_EINVAL, "line 2: ");
}

static void test_csv_rows_misplaced_quote_names_its_line(void **state)
{
    (void)state;

    assert_fails(BP_STR("a,b\n1,x\"y\n"), BP_EINVAL, "line 2: ");
    assert_fails(BP_STR("a,b\n1,\"x\"y\n"), BP_EINVAL, "line 2: ");
    assert_fails(BP_STR("a,b\n\"1\n2\"x,3\n"), BP_EINVAL, "line 3: ");
    assert_fails(BP_STR("a,b\n1, \"x\"\n"), BP_EINVAL, "line 2: ");
}

static void test_csv_rows_bytes_that_are_no_utf8_text_are_refused(void **state)
{
    (void)state;

    assert_fails(BP_STR("a,b\n1,x\0y\n"), BP_EINVAL, "line 2: ");
    assert_fails(BP_STR("\xFF\xFE"
                        "a\0,\0b\0\n\0"),
                 BP_EINVAL, "line 1: ");
    assert_fails(BP_STR("a\0,\0b\0\n\0"), BP_EINVAL, "line 1: ");
}

/* A header, then a row of n bytes that begins on line 2. */
static bp_status read_long_row(size_t n, char fill, struct bp_err *err)
{
    struct bp_buf text = {0}, seen = {0};
    bp_buf_add_text(&text, "a\n");
    for (size_t i = 0; i < n; i++)
        bp_buf_add_byte(&text, (uint8_t)fill);
    bp_buf_add_text(&text, "\nnext\n");
    bp_status st = read_in_chunks(bp_buf_str(&text), 65536, &seen, err);
    bp_buf_fini(&text);
    bp_buf_fini(&seen);
    return st;
}

static void test_csv_rows_row_over_the_limit_names_its_line(void **state)
{
    struct bp_err err = {0};
    (void)state;

    assert_int_equal(read_long_row(BP_CSV_ROW_MAX - 1, 'x', &err), BP_OK);
    assert_int_equal(read_long_row(BP_CSV_ROW_MAX, 'x', &err), BP_ETOOLARGE);
    assert_int_equal(strncmp(err.text, "line 2: ", 8), 0);
    assert_int_equal(read_long_row(10 * BP_CSV_ROW_MAX, 'x', &err), BP_ETOOLARGE);
    assert_int_equal(read_long_row(BP_CSV_CELLS_MAX - 1, ',', &err), BP_OK);
    assert_int_equal(read_long_row(BP_CSV_CELLS_MAX, ',', &err), BP_ETOOLARGE);
    assert_int_equal(strncmp(err.text, "line 2: ", 8), 0);
}

static void test_csv_rows_endless_header_is_refused(void **state)
{
    struct bp_csv_rows *r = NULL;
    struct bp_err err = {0};
    struct bp_buf seen = {0};
    char chunk[4096];
    bp_status st = BP_OK;
    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    assert_int_equal(bp_csv_rows_create(note_row, &seen, &r, &err), BP_OK);

    for (size_t n = 0; n <= BP_CSV_ROW_MAX && st == BP_OK; n += sizeof(chunk))
        st = bp_csv_rows_feed(r, chunk, sizeof(chunk), &err);

    assert_int_equal(st, BP_ETOOLARGE);
    assert_int_equal(bp_csv_rows_feed(r, "\n", 1, &err), BP_ETOOLARGE);
    assert_int_equal(bp_csv_rows_finish(r, &err), BP_ETOOLARGE);
    assert_int_equal(seen.n, 0);
    bp_csv_rows_destroy(r);
}

static bp_status refuse_line_2(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                               struct bp_err *err)
{
    unsigned *calls = context;
    (void)cells;
    (void)n;
    (*calls)++;
    return line == 2 ? bp_fail(err, BP_ECLOSED, "enough") : BP_OK;
}

static void test_csv_rows_callback_that_fails_ends_the_reading(void **state)
{
    struct bp_csv_rows *r = NULL;
    struct bp_err err = {0};
    unsigned calls = 0;
    (void)state;
    assert_int_equal(bp_csv_rows_create(refuse_line_2, &calls, &r, NULL), BP_OK);

    bp_status st = bp_csv_rows_feed(r, "a\nb\nc\nd\n", 8, &err);

    assert_int_equal(st, BP_ECLOSED);
    assert_string_equal(err.text, "enough");
    assert_int_equal(bp_csv_rows_feed(r, "e\n", 2, NULL), BP_ECLOSED);
    assert_int_equal(bp_csv_rows_finish(r, NULL), BP_ECLOSED);
    assert_int_equal(calls, 2);
    bp_csv_rows_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_rows_any_line_end_ends_a_row),
        cmocka_unit_test(test_csv_rows_quoted_cell_keeps_everything),
        cmocka_unit_test(test_csv_rows_blanks_belong_to_the_cell),
        cmocka_unit_test(test_csv_rows_first_line_decides_the_separator),
        cmocka_unit_test(test_csv_rows_byte_order_mark_is_dropped),
        cmocka_unit_test(test_csv_rows_nothing_gives_nothing),
        cmocka_unit_test(test_csv_rows_open_quote_names_the_line_where_it_stands),
        cmocka_unit_test(test_csv_rows_misplaced_quote_names_its_line),
        cmocka_unit_test(test_csv_rows_bytes_that_are_no_utf8_text_are_refused),
        cmocka_unit_test(test_csv_rows_row_over_the_limit_names_its_line),
        cmocka_unit_test(test_csv_rows_endless_header_is_refused),
        cmocka_unit_test(test_csv_rows_callback_that_fails_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
