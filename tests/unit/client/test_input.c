#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "input.h"
#include "temporary.h"

static struct bp_schema *schema;

/* What came: "line:type " for an event, "line!reason " for a row that is none. */
static char seen[4096];

static bp_status take(void *context, uint64_t line, struct bp_str event,
                      const struct bp_violations *v, struct bp_err *err)
{
    (void)context;
    (void)err;
    struct bp_event e;
    size_t at = strlen(seen);
    if (event.n == 0) {
        (void)snprintf(seen + at, sizeof(seen) - at, "%llu!%s ", (unsigned long long)line,
                       v->items[0].reason);
    } else {
        assert_true(bp_event_parse(event, &e));
        (void)snprintf(seen + at, sizeof(seen) - at, "%llu:%.*s ", (unsigned long long)line,
                       BP_STR_ARGS(e.type));
    }
    return BP_OK;
}

static struct bp_input input;

static int set_up(void **state)
{
    (void)state;
    temporary_make();
    return bp_schema_open(NULL, 0, &schema, NULL) == BP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bp_schema_destroy(schema);
    temporary_remove();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    input = (struct bp_input){.schema = schema, .row = take};
    seen[0] = '\0';
    return 0;
}

#define EVENT "{\"specversion\":\"1.0\",\"type\":\"regulation.enacted\",\"data\":{}}"

static void test_input_bad_lines_are_told_by_number_and_the_rest_goes_on(void **state)
{
    (void)state;
    const char *path = temporary_write(
        "a.jsonl", BP_STR(EVENT "\n\nnot json\n{\"specversion\":\"1.0\",\"type\":\"no.such\"}\n"
                                "{\"unclosed\n" EVENT));

    assert_int_equal(bp_input_read(&input, path, NULL), BP_OK);

    assert_string_equal(seen, "1:regulation.enacted 3!MALFORMED 4!UNKNOWN_TYPE 5!MALFORMED "
                              "6:regulation.enacted ");
}

static void test_input_ten_megabyte_line_is_rejected_and_the_rest_goes_on(void **state)
{
    (void)state;
    const size_t n = 10 * 1024 * 1024;
    struct bp_buf b = {0};
    memset(bp_buf_reserve(&b, n), 'x', n);
    b.n = n;
    bp_buf_add_text(&b, "\n" EVENT "\n");

    assert_int_equal(bp_input_read(&input, temporary_write("b.ndjson", bp_buf_str(&b)), NULL),
                     BP_OK);

    assert_string_equal(seen, "1!TOO_LONG 2:regulation.enacted ");
    bp_buf_fini(&b);
}

static void test_input_csv_rows_are_told_by_their_first_line(void **state)
{
    (void)state;
    input.type = BP_STR("regulation.enacted");
    const char *path = temporary_write(
        "c.csv",
        BP_STR("regulation_title,regulation_number\r\n\"two\nlines\",1\r\none,2,3\r\nthree,3\r\n"));

    assert_int_equal(bp_input_read(&input, path, NULL), BP_OK);

    assert_string_equal(seen, "2:regulation.enacted 4!MALFORMED 5:regulation.enacted ");
}

static void test_input_csv_unknown_column_names_file_and_line(void **state)
{
    (void)state;
    struct bp_err err = {{0}};
    input.type = BP_STR("regulation.enacted");
    const char *path = temporary_write("d.csv", BP_STR("regulation_title,colour\r\na,b\r\n"));

    assert_int_equal(bp_input_read(&input, path, &err), BP_EINVAL);

    assert_non_null(strstr(err.text, "d.csv: line 1"));
    assert_non_null(strstr(err.text, "colour"));
    assert_string_equal(seen, "");
}

static void test_input_csv_without_header_or_with_open_quote_fails(void **state)
{
    (void)state;
    struct bp_err err = {{0}};
    input.type = BP_STR("regulation.enacted");

    assert_int_equal(bp_input_read(&input, temporary_write("e.csv", BP_STR("")), &err), BP_EINVAL);
    assert_non_null(strstr(err.text, "header"));
    assert_int_equal(
        bp_input_read(
            &input, temporary_write("f.csv", BP_STR("regulation_title\r\na\r\n\"open\r\n")), &err),
        BP_EINVAL);
    assert_non_null(strstr(err.text, "line 3"));
}

static void test_input_format_follows_the_name(void **state)
{
    (void)state;
    enum bp_input_format f;

    assert_true(bp_input_format_of("x/y.csv", &f));
    assert_int_equal(f, INPUT_CSV);
    assert_true(bp_input_format_of("y.ndjson", &f));
    assert_int_equal(f, INPUT_JSONL);
    assert_false(bp_input_format_of("x.csv/y", &f));
    assert_false(bp_input_format_of("-", &f));
    assert_false(bp_input_format_of("y.txt", &f));
}

static void test_input_rows_are_counted_as_they_will_be_read(void **state)
{
    (void)state;

    assert_int_equal(bp_input_count(temporary_write("g", BP_STR("a\n\nb\r\n\r\nc")), INPUT_JSONL),
                     3);
    assert_int_equal(
        bp_input_count(temporary_write("h", BP_STR("h\r\n\"two\nlines\"\r\nx\r\n")), INPUT_CSV), 2);
    assert_int_equal(bp_input_count("-", INPUT_CSV), 0);
    assert_int_equal(bp_input_count(temporary_path("nothing"), INPUT_CSV), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_input_bad_lines_are_told_by_number_and_the_rest_goes_on),
        TEST(test_input_ten_megabyte_line_is_rejected_and_the_rest_goes_on),
        TEST(test_input_csv_rows_are_told_by_their_first_line),
        TEST(test_input_csv_unknown_column_names_file_and_line),
        TEST(test_input_csv_without_header_or_with_open_quote_fails),
        TEST(test_input_format_follows_the_name),
        TEST(test_input_rows_are_counted_as_they_will_be_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
