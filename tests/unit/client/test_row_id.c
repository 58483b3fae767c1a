#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "event_json.h"
#include "row_id.h"
#include "temporary.h"

static struct bp_schema *schema;
static struct bp_row_id ids;

static int set_up(void **state)
{
    (void)state;
    temporary_make();
    if (bp_schema_open(NULL, 0, &schema, NULL) != BP_OK)
        return -1;
    return bp_row_id_open(temporary_path("conf/row-key"), schema, BP_STR("kab.18.07"), &ids,
                          NULL) == BP_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bp_row_id_close(&ids);
    bp_schema_destroy(schema);
    temporary_remove();
    return 0;
}

/* The id that an event of this JSON gets from r. */
static void id_of(struct bp_row_id *r, const char *json, char out[65])
{
    struct bp_violations v = {.n = 0};
    struct bp_buf event = {0}, whole = {0};
    struct bp_event e;
    assert_true(bp_event_from_json(schema, bp_str(json), &event, &v));
    assert_int_equal(bp_row_id_add(r, bp_buf_str(&event), &whole, NULL), BP_OK);
    assert_true(bp_event_parse(bp_buf_str(&whole), &e));
    assert_true(bp_str_copy(out, 65, e.id));
    bp_buf_fini(&event);
    bp_buf_fini(&whole);
}

static const char row[] =
    "{\"specversion\":\"1.0\",\"type\":\"regulation.enacted\",\"time\":\"2025-01-02T03:04:05Z\","
    "\"region\":\"18.07\",\"data\":{\"regulation_title\":\"Perda\",\"regulation_number\":\"3\"}}";
static const char same_row[] =
    "{\"data\":{\"regulation_number\":\"3\",\"regulation_title\":\"Perda\"},\"region\":\"18.07\","
    "\"source\":\"kab.18."
    "07\","
    "\"time\":\"2025-01-02T10:04:05+07:00\",\"type\":\"regulation.enacted\",\"specversion\":\"1."
    "0\","
    "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}";
static const char other_row[] =
    "{\"specversion\":\"1.0\",\"type\":\"regulation.enacted\",\"time\":\"2025-01-02T03:04:05Z\","
    "\"region\":\"18.07\",\"data\":{\"regulation_title\":\"Perda\",\"regulation_number\":\"4\"}}";

static void test_row_id_same_content_gives_same_id(void **state)
{
    (void)state;
    char a[65], b[65];

    id_of(&ids, row, a);
    id_of(&ids, same_row, b);

    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 36);
}

static void test_row_id_other_content_gives_other_id(void **state)
{
    (void)state;
    char a[65], b[65];

    id_of(&ids, row, a);
    id_of(&ids, other_row, b);

    assert_string_not_equal(a, b);
}

static void test_row_id_given_id_is_kept(void **state)
{
    (void)state;
    char a[65];

    id_of(&ids,
          "{\"specversion\":\"1.0\",\"id\":\"mine\",\"type\":\"regulation.enacted\",\"data\":{}}",
          a);

    assert_string_equal(a, "mine");
}

static void test_row_id_key_is_made_once_for_the_owner_alone(void **state)
{
    (void)state;
    struct bp_row_id again;
    struct stat info;
    char a[65], b[65];

    assert_int_equal(
        bp_row_id_open(temporary_path("conf/row-key"), schema, BP_STR("kab.18.07"), &again, NULL),
        BP_OK);

    assert_int_equal(stat(temporary_path("conf/row-key"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    id_of(&ids, row, a);
    id_of(&again, row, b);
    assert_string_equal(a, b);
    bp_row_id_close(&again);
}

static void test_row_id_another_key_gives_another_id(void **state)
{
    (void)state;
    struct bp_row_id other;
    char a[65], b[65];
    assert_int_equal(
        bp_row_id_open(temporary_path("other"), schema, BP_STR("kab.18.07"), &other, NULL), BP_OK);

    id_of(&ids, row, a);
    id_of(&other, row, b);

    assert_string_not_equal(a, b);
    bp_row_id_close(&other);
}

static void test_row_id_key_that_others_may_read_is_refused(void **state)
{
    (void)state;
    struct bp_row_id r;
    struct bp_err err;
    const char *path = temporary_write("open-key", BP_STR("x"));
    assert_int_equal(chmod(path, 0644), 0);

    assert_int_equal(bp_row_id_open(path, schema, BP_STR("kab.18.07"), &r, &err), BP_EPERM);

    assert_non_null(strstr(err.text, "chmod 600"));
}

static void test_row_id_key_that_is_none_is_refused(void **state)
{
    (void)state;
    struct bp_row_id r;
    const char *path = temporary_write("bad-key", BP_STR("not hexadecimal\n"));
    assert_int_equal(chmod(path, 0600), 0);

    assert_int_equal(bp_row_id_open(path, schema, BP_STR("kab.18.07"), &r, NULL), BP_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_id_same_content_gives_same_id),
        cmocka_unit_test(test_row_id_other_content_gives_other_id),
        cmocka_unit_test(test_row_id_given_id_is_kept),
        cmocka_unit_test(test_row_id_key_is_made_once_for_the_owner_alone),
        cmocka_unit_test(test_row_id_another_key_gives_another_id),
        cmocka_unit_test(test_row_id_key_that_others_may_read_is_refused),
        cmocka_unit_test(test_row_id_key_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
