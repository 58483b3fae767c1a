#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rejects.h"
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

static void test_rejects_csv_quotes_every_text(void **state)
{
    (void)state;
    struct bp_rejects r;
    const char *path = temporary_path("r.csv");
    assert_int_equal(bp_rejects_open(path, &r, NULL), BP_OK);

    bp_rejects_add(&r, "a.csv", 12, "data.nik", "NIK", "16 digits, as \"NIK\"");

    assert_int_equal(bp_rejects_close(&r, NULL), BP_OK);
    assert_string_equal(temporary_read(path),
                        "file,line,field,reason,message\r\n"
                        "\"a.csv\",12,\"data.nik\",\"NIK\",\"16 digits, as \"\"NIK\"\"\"\r\n");
}

static void test_rejects_json_is_a_line_for_each(void **state)
{
    (void)state;
    struct bp_rejects r;
    const char *path = temporary_path("r.jsonl");
    assert_int_equal(bp_rejects_open(path, &r, NULL), BP_OK);

    bp_rejects_add(&r, "a\tb", 1, "id", "CONFLICT", "taken");

    assert_int_equal(bp_rejects_close(&r, NULL), BP_OK);
    assert_string_equal(temporary_read(path), "{\"file\":\"a\\u0009b\",\"line\":1,\"field\":\"id\","
                                              "\"reason\":\"CONFLICT\",\"message\":\"taken\"}\n");
}

static void count_words(void *context, const char *words)
{
    unsigned *n = context;
    assert_non_null(words);
    (*n)++;
}

static void test_rejects_without_file_tells_the_first_and_how_many_more(void **state)
{
    (void)state;
    struct bp_rejects r;
    unsigned n = 0;
    assert_int_equal(bp_rejects_open(NULL, &r, NULL), BP_OK);
    r.say = count_words;
    r.context = &n;

    for (uint64_t i = 1; i <= 25; i++)
        bp_rejects_add(&r, "a", i, "f", "REQUIRED", "is missing");

    assert_int_equal(n, BP_REJECTS_SAID);
    assert_int_equal(r.unsaid, 15);
    assert_int_equal(bp_rejects_close(&r, NULL), BP_OK);
    assert_int_equal(n, BP_REJECTS_SAID + 1);
}

static void test_rejects_full_disk_is_told_at_the_end(void **state)
{
    (void)state;
    struct bp_rejects r;
    assert_int_equal(bp_rejects_open("/dev/full", &r, NULL), BP_OK);
    bp_rejects_add(&r, "a", 1, "f", "REQUIRED", "is missing");

    assert_int_equal(bp_rejects_close(&r, NULL), BP_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejects_csv_quotes_every_text),
        cmocka_unit_test(test_rejects_json_is_a_line_for_each),
        cmocka_unit_test(test_rejects_without_file_tells_the_first_and_how_many_more),
        cmocka_unit_test(test_rejects_full_disk_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
