/* The files of a run as files: same bytes, order, the spreadsheet, and plans that are refused. */
#include <stdio.h>
#include <unistd.h>

#include "crc32c.h"
#include "csv_rows.h"
#include "event_csv.h"
#include "sample.h"

static void expect_same(const char *a, const char *b, const char *name, bool is_same)
{
    struct bp_buf x = sample_read(a, name), y = sample_read(b, name);
    assert_true(x.n > 0);
    assert_int_equal(x.n == y.n && memcmp(x.p, y.p, x.n) == 0, is_same);
    bp_buf_fini(&x);
    bp_buf_fini(&y);
}

static void test_synth_same_plan_gives_same_bytes(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    char a[64], b[64];

    sample_write(&plan, a);
    sample_write(&plan, b);

    static const char *const names[] = {"kab.18.07.jsonl", "bp3mi.18.jsonl", "kl.kp2mi.jsonl",
                                        "perwakilan.my.johor-bahru.jsonl"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_same(a, b, names[i], true);
    sample_remove(a);
    sample_remove(b);
}

/* Whatever the compiler and the machine. A change of figures or of what is drawn changes this
 * number, and should do so knowingly: runs of other versions can no longer be compared. */
static void test_synth_bytes_are_the_same_everywhere(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    char dir[64];
    plan.placements = 200;

    sample_write(&plan, dir);

    struct bp_buf text = sample_read(dir, "bp3mi.18.jsonl");
    assert_int_equal(bp_crc32c(0, text.p, text.n), 0xb015123b);
    bp_buf_fini(&text);
    sample_remove(dir);
}

static void test_synth_other_seed_gives_other_bytes(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    char a[64], b[64];

    sample_write(&plan, a);
    plan.seed++;
    sample_write(&plan, b);

    expect_same(a, b, "kab.18.07.jsonl", false);
    sample_remove(a);
    sample_remove(b);
}

static size_t lines_of(const char *dir, const char *name)
{
    struct bp_buf text = sample_read(dir, name);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    bp_buf_fini(&text);
    return n;
}

struct rows {
    const struct bp_schema *schema;
    struct bp_csv_header *header;
    size_t n;
};

static bp_status take_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                          struct bp_err *err)
{
    (void)line;
    struct rows *r = context;
    if (r->header == NULL)
        return bp_csv_header_parse(r->schema, BP_STR("worker.registered"), cells, n, &r->header,
                                   err);
    struct bp_violations v = {.n = 0};
    struct bp_buf bytes = {0};
    struct bp_event e;
    assert_true(bp_event_from_csv(r->header, cells, n, &bytes, &v));
    assert_true(bp_event_parse(bp_buf_str(&bytes), &e));
    assert_true(bp_str_starts(e.subject, BP_STR("nik:180799")));
    assert_int_equal(e.id.n, 0);
    r->n++;
    bp_buf_fini(&bytes);
    return BP_OK;
}

static void test_synth_registrations_as_csv_are_read_by_the_client(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    plan.registrations_as_csv = true;
    char dir[64];
    struct bp_schema *schema = NULL;
    struct bp_csv_rows *rows = NULL;
    assert_int_equal(bp_schema_open(NULL, 0, &schema, NULL), BP_OK);

    sample_write(&plan, dir);

    struct bp_buf text = sample_read(dir, "kab.18.07.registrations.csv");
    struct rows r = {.schema = schema};
    assert_int_equal(bp_csv_rows_create(take_row, &r, &rows, NULL), BP_OK);
    assert_int_equal(bp_csv_rows_feed(rows, text.p, text.n, NULL), BP_OK);
    assert_int_equal(bp_csv_rows_finish(rows, NULL), BP_OK);
    assert_int_equal(r.n, plan.placements);
    bp_csv_rows_destroy(rows);
    bp_csv_header_destroy(r.header);
    bp_schema_destroy(schema);
    bp_buf_fini(&text);
    sample_remove(dir);
}

static void test_synth_registrations_move_between_the_files_and_nothing_else(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    char with[64], without[64];

    sample_write(&plan, with);
    plan.registrations_as_csv = true;
    sample_write(&plan, without);

    assert_int_equal(lines_of(without, "kab.18.07.jsonl") + plan.placements,
                     lines_of(with, "kab.18.07.jsonl"));
    assert_int_equal(lines_of(without, "kab.18.07.registrations.csv"), plan.placements + 1);
    expect_same(with, without, "bp3mi.18.jsonl", true);
    sample_remove(with);
    sample_remove(without);
}

/* Pushed from a folder of both, registrations would be told twice. */
static void test_synth_run_without_csv_removes_the_csv_of_before(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    plan.registrations_as_csv = true;
    char dir[64], path[128];
    sample_write(&plan, dir);
    snprintf(path, sizeof(path), "%s/kab.18.07.registrations.csv", dir);
    assert_int_equal(access(path, F_OK), 0);

    plan.registrations_as_csv = false;
    struct bp_output *out = NULL;
    assert_int_equal(bp_synth_make(&plan, &out, NULL), BP_OK);
    assert_int_equal(bp_output_write(out, dir, NULL), BP_OK);

    assert_int_not_equal(access(path, F_OK), 0);
    bp_output_destroy(out);
    sample_remove(dir);
}

static void test_synth_folder_that_is_a_file_fails_with_its_name(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();
    plan.placements = 1;
    struct bp_output *out = NULL;
    struct bp_err err = {""};
    assert_int_equal(bp_synth_make(&plan, &out, &err), BP_OK);

    assert_int_not_equal(bp_output_write(out, "/dev/null/here", &err), BP_OK);

    assert_non_null(strstr(err.text, "/dev/null"));
    bp_output_destroy(out);
}

static void expect_refused(struct bp_synth_plan plan, const char *word)
{
    struct bp_output *out = NULL;
    struct bp_err err = {""};
    assert_int_equal(bp_synth_make(&plan, &out, &err), BP_EINVAL);
    assert_null(out);
    assert_non_null(strstr(err.text, word));
}

static void test_synth_plan_outside_its_bounds_is_refused(void **state)
{
    (void)state;
    struct bp_synth_plan plan = sample_plan();

    plan.region = BP_STR("18.77");
    expect_refused(plan, "region");
    plan.region = BP_STR("18");
    expect_refused(plan, "region");
    plan.region = BP_STR("");
    expect_refused(plan, "region");
    plan = sample_plan();
    plan.placements = 0;
    expect_refused(plan, "placements");
    plan.placements = BP_SYNTH_PLACEMENTS_MAX + 1;
    expect_refused(plan, "placements");
    plan = sample_plan();
    plan.to = plan.from - 1;
    expect_refused(plan, "to");
    plan.from = plan.to - 366 * 25;
    expect_refused(plan, "from");
}

/* A period as short as a weekend, and regions of every kind of government. */
static void test_synth_odd_plans_are_carried_out(void **state)
{
    (void)state;
    static const char *const regions[] = {"64.74", "31.74", "35.09", "11.01"};
    struct bp_synth_plan plan = sample_plan();
    plan.placements = 50;
    plan.from = 20029; /* 2024-11-02, a Saturday */
    plan.to = plan.from + 1;
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        struct bp_output *out = NULL;
        plan.region = bp_str(regions[i]);

        assert_int_equal(bp_synth_make(&plan, &out, NULL), BP_OK);

        assert_true(bp_output_total(out) >= 150);
        bp_output_destroy(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synth_same_plan_gives_same_bytes),
        cmocka_unit_test(test_synth_bytes_are_the_same_everywhere),
        cmocka_unit_test(test_synth_other_seed_gives_other_bytes),
        cmocka_unit_test(test_synth_registrations_as_csv_are_read_by_the_client),
        cmocka_unit_test(test_synth_registrations_move_between_the_files_and_nothing_else),
        cmocka_unit_test(test_synth_run_without_csv_removes_the_csv_of_before),
        cmocka_unit_test(test_synth_folder_that_is_a_file_fails_with_its_name),
        cmocka_unit_test(test_synth_plan_outside_its_bounds_is_refused),
        cmocka_unit_test(test_synth_odd_plans_are_carried_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
