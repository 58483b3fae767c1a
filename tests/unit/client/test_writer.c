#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer.h"

static struct bp_schema *schema;
static struct bp_buf event;
static char *text;
static size_t text_n;
static struct bp_writer w;

static int load(void **state)
{
    (void)state;
    struct bp_violations v = {.n = 0};
    if (bp_schema_open(NULL, 0, &schema, NULL) != BP_OK)
        return -1;
    static const char json[] =
        "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"kab.18.07\","
        "\"type\":\"regulation.enacted\","
        "\"time\":\"2025-01-02T03:04:05Z\",\"region\":\"18.07\","
        "\"data\":{\"regulation_title\":\"Perda \\u001b[31m\",\"regulation_number\":\"3\"}}";
    return bp_event_from_json(schema, bp_str(json), &event, &v) ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bp_buf_fini(&event);
    bp_schema_destroy(schema);
    return 0;
}

static void open_writer(enum bp_output output, bool with_grounds)
{
    static const char *const types[] = {"regulation.*"};
    FILE *to = open_memstream(&text, &text_n);
    assert_non_null(to);
    assert_int_equal(bp_writer_open(&w, output, to, with_grounds, schema, types, 1, NULL), BP_OK);
}

static const char *close_writer(void)
{
    FILE *to = w.to;
    bp_writer_close(&w);
    assert_int_equal(fclose(to), 0);
    return text;
}

static struct berbagi_str str(const char *s)
{
    return (struct berbagi_str){s, strlen(s)};
}

static void add_ground(uint32_t id, const char *agreement, const char *purpose)
{
    static const struct berbagi_str hidden[] = {{"nik", 3}};
    const struct berbagi_ground g = {
        .id = id,
        .agreement = str(agreement),
        .purpose = str(purpose),
        .event_type = str("regulation.enacted"),
        .valid_to_ns = INT64_C(1893430800000000000), /* 2030-01-01 in Jakarta */
        .policy_version = 2,
        .hidden_fields = hidden,
        .n_hidden_fields = 1,
    };
    assert_int_equal(bp_writer_ground(&w, &g, NULL), BP_OK);
}

static void write_event(const uint32_t *grounds, size_t n)
{
    const struct berbagi_delivery d = {.position = 7,
                                       .recorded_at_ns = 1700000000000000000,
                                       .event = {(const char *)event.p, event.n},
                                       .grounds = grounds,
                                       .n_grounds = n};
    assert_int_equal(bp_writer_delivery(&w, &d, NULL), BP_OK);
}

static void test_writer_jsonl_names_agreements_and_purposes_once(void **state)
{
    (void)state;
    open_writer(OUTPUT_JSONL, false);
    add_ground(9, "mou-2", "protection");
    add_ground(4, "mou-1", "protection");

    write_event((const uint32_t[]){4, 9}, 2);

    const char *line = close_writer();
    assert_non_null(strstr(line, "\"position\":7"));
    assert_non_null(strstr(line, "mou-1 mou-2"));
    assert_non_null(strstr(line, "\"purposes\":\"protection\""));
    assert_null(strstr(line, "\"ground\""));
    free(text);
}

static void test_writer_grounds_are_lines_of_their_own(void **state)
{
    (void)state;
    open_writer(OUTPUT_JSONL, true);

    add_ground(4, "mou-1", "protection");

    assert_string_equal(close_writer(),
                        "{\"ground\":4,\"type\":\"regulation.enacted\",\"agreement\":\"mou-1\","
                        "\"purpose\":\"protection\",\"legalbasis\":\"\",\"validto\":\"2029-12-31\","
                        "\"policyversion\":2,\"hidden\":[\"nik\"],\"coarsened\":[]}\n");
    free(text);
}

static void test_writer_ground_told_again_replaces_the_old(void **state)
{
    (void)state;
    open_writer(OUTPUT_JSONL, false);
    add_ground(4, "mou-1", "protection");
    add_ground(4, "mou-3", "statistics");

    write_event((const uint32_t[]){4, 5}, 2);

    const char *line = close_writer();
    assert_null(strstr(line, "mou-1"));
    assert_non_null(strstr(line, "\"agreements\":\"mou-3\""));
    free(text);
}

static void test_writer_csv_begins_with_a_header(void **state)
{
    (void)state;
    open_writer(OUTPUT_CSV, false);
    write_event(NULL, 0);

    const char *csv = close_writer();
    const char *second = strstr(csv, "\r\n");
    assert_non_null(second);
    assert_non_null(strstr(csv, "title"));
    assert_non_null(strstr(second, "kab.18.07"));
    free(text);
}

static void test_writer_pretty_shows_fields_and_steers_no_terminal(void **state)
{
    (void)state;
    open_writer(OUTPUT_PRETTY, false);
    write_event(NULL, 0);

    const char *words = close_writer();
    assert_non_null(strstr(words, "#7  regulation.enacted"));
    assert_non_null(strstr(words, "region 18.07"));
    assert_non_null(strstr(words, "Perda ?[31m"));
    assert_null(strchr(words, '\033'));
    free(text);
}

static void test_writer_unreadable_event_names_its_position(void **state)
{
    (void)state;
    struct bp_err err = {{0}};
    open_writer(OUTPUT_JSONL, false);
    const struct berbagi_delivery d = {.position = 11, .event = str("\x0A\xFF")};

    assert_int_equal(bp_writer_delivery(&w, &d, &err), BP_EINVAL);

    assert_non_null(strstr(err.text, "position 11"));
    (void)close_writer();
    free(text);
}

static void test_writer_csv_of_no_type_is_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"no.such"};

    assert_int_equal(bp_writer_open(&w, OUTPUT_CSV, stdout, false, schema, types, 1, NULL),
                     BP_EINVAL);

    bp_writer_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_jsonl_names_agreements_and_purposes_once),
        cmocka_unit_test(test_writer_grounds_are_lines_of_their_own),
        cmocka_unit_test(test_writer_ground_told_again_replaces_the_old),
        cmocka_unit_test(test_writer_csv_begins_with_a_header),
        cmocka_unit_test(test_writer_pretty_shows_fields_and_steers_no_terminal),
        cmocka_unit_test(test_writer_unreadable_event_names_its_position),
        cmocka_unit_test(test_writer_csv_of_no_type_is_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
