/* CSV both ways: what goes out comes in as the same bytes, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "csv_rows.h"
#include "event_csv.h"
#include "samples.h"
#include "wire.h"

static struct bp_schema *schema;

static int load_schema(void **state)
{
    (void)state;
    schema = sample_schema();
    return 0;
}

static int free_schema(void **state)
{
    (void)state;
    bp_schema_destroy(schema);
    return 0;
}

static void assert_str(struct bp_str got, const char *expected)
{
    if (!bp_str_is(got, expected))
        fail_msg("got %.*s, expected %s", BP_STR_ARGS(got), expected);
}

/* A file being read: its header, then one Event for each row. */
struct reading {
    struct bp_str fixed_type;
    struct bp_csv_header *header;
    struct bp_violations v; /* of the last row */
    struct bp_buf bytes;    /* of the last row's Event */
    unsigned rows;
};

static bp_status take_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                          struct bp_err *err)
{
    struct reading *r = context;
    (void)line;
    if (r->header == NULL)
        return bp_csv_header_parse(schema, r->fixed_type, cells, n, &r->header, err);
    r->rows++;
    r->v = (struct bp_violations){0};
    bp_buf_clear(&r->bytes);
    (void)bp_event_from_csv(r->header, cells, n, &r->bytes, &r->v);
    return BP_OK;
}

static bp_status read_csv(struct reading *r, struct bp_str text, struct bp_err *err)
{
    struct bp_csv_rows *rows = NULL;
    bp_status st = bp_csv_rows_create(take_row, r, &rows, err);
    if (st == BP_OK)
        st = bp_csv_rows_feed(rows, text.p, text.n, err);
    if (st == BP_OK)
        st = bp_csv_rows_finish(rows, err);
    bp_csv_rows_destroy(rows);
    return st;
}

static void reading_fini(struct reading *r)
{
    bp_csv_header_destroy(r->header);
    bp_buf_fini(&r->bytes);
}

static struct bp_csv_table *table_of(const struct bp_event_type *const *types, size_t n)
{
    struct bp_csv_table *t = NULL;
    assert_int_equal(bp_csv_table_create(schema, types, n, &t, NULL), BP_OK);
    return t;
}

static void assert_comes_back(const struct bp_csv_table *t, const struct bp_event *e)
{
    struct bp_buf csv = {0}, bytes = {0};
    struct reading r = {0};
    struct bp_err err = {0};
    bp_event_encode(e, &bytes);
    bp_csv_write_header(t, &csv);
    assert_true(bp_event_to_csv(t, e, NULL, &csv));

    bp_status st = read_csv(&r, bp_buf_str(&csv), &err);

    if (st != BP_OK || r.v.n != 0 || !bp_str_eq(bp_buf_str(&r.bytes), bp_buf_str(&bytes)))
        fail_msg("%s %s\n%.*s", err.text, r.v.n != 0 ? r.v.items[0].message : "",
                 BP_STR_ARGS(bp_buf_str(&csv)));
    reading_fini(&r);
    bp_buf_fini(&csv);
    bp_buf_fini(&bytes);
}

static void test_event_csv_every_type_comes_back_as_the_same_bytes(void **state)
{
    struct bp_buf data = {0};
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_csv_table *t = table_of(&type, 1);
        for (unsigned round = 0; round < 28; round++) {
            sample_payload(type, round, &data);
            struct bp_event e = sample_event(type, &data);
            assert_comes_back(t, &e);
        }
        bp_csv_table_destroy(t);
    }
    bp_buf_fini(&data);
}

static void test_event_csv_all_types_share_one_file(void **state)
{
    const struct bp_event_type *types[128];
    struct bp_buf data = {0};
    (void)state;
    assert_true(schema->n_types <= 128);
    for (size_t i = 0; i < schema->n_types; i++)
        types[i] = &schema->types[i];
    struct bp_csv_table *t = table_of(types, schema->n_types);
    for (size_t i = 0; i < schema->n_types; i++) {
        sample_payload(types[i], (unsigned)i, &data);
        struct bp_event e = sample_event(types[i], &data);
        assert_comes_back(t, &e);
    }
    bp_csv_table_destroy(t);
    bp_buf_fini(&data);
}

/* Writes one event of test.everything whose field `text` is given. */
static void write_text(struct bp_str text, struct bp_buf *csv)
{
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("test.everything"));
    struct bp_csv_table *t = table_of(&type, 1);
    struct bp_buf data = {0};
    bp_wire_put_bytes(&data, 1, text);
    struct bp_event e = {.type = type->name, .data = bp_buf_str(&data)};
    assert_true(bp_event_to_csv(t, &e, NULL, csv));
    bp_csv_table_destroy(t);
    bp_buf_fini(&data);
}

static void test_event_csv_formulas_are_guarded(void **state)
{
    static const struct {
        const char *text, *cell;
    } cases[] = {
        {"=1+2", "'=1+2"},
        {"@SUM(1)", "'@SUM(1)"},
        {"+1+2", "'+1+2"},
        {"-", "'-"},
        {"'=1", "''=1"},
        {"\tx", "\"'\tx\""},
        {"=\"x\"", "\"'=\"\"x\"\"\""},
        {"+62812", "+62812"},
        {"-5", "-5"},
        {"'x", "'x"},
        {"1=1", "1=1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bp_buf csv = {0};
        char row[128];

        write_text(bp_str(cases[i].text), &csv);

        (void)snprintf(row, sizeof(row), ",,test.everything,,,,,,,,,,,,,,,,%s,,,,,,,,,,,,,,\r\n",
                       cases[i].cell);
        assert_str(bp_buf_str(&csv), row);
        bp_buf_fini(&csv);
    }
}

static void test_event_csv_header_names_attributes_then_fields(void **state)
{
    const struct bp_event_type *types[] = {bp_schema_type(schema, BP_STR("test.everything")),
                                           bp_schema_type(schema, BP_STR("opp.completed")),
                                           bp_schema_type(schema, BP_STR("departure.failed"))};
    struct bp_csv_table *t = table_of(types, 3);
    struct bp_buf csv = {0};
    (void)state;

    bp_csv_write_header(t, &csv);

    assert_str(bp_buf_str(&csv),
               "id,source,type,subject,time,region,destination,correlationid,causationid,"
               "supersedes,traceparent,addressedto,schemaversion,position,recordedtime,"
               "publishedby,agreements,purposes,text,blob,flag,small,large,count,total,kind,at,"
               "texts,numbers,kinds,spread,data.source,data.position,opp_certificate_number,"
               "opp_date,worker_status,previous_status,reason_code\r\n");
    bp_csv_table_destroy(t);
    bp_buf_fini(&csv);
}

static void test_event_csv_subscriber_row_can_be_pushed(void **state)
{
    struct bp_str words[] = {BP_STR("mou-a"), BP_STR("mou-b")};
    struct bp_delivery_notes notes = {.position = 7,
                                      .recorded_at_ns = INT64_C(1762136100000000000),
                                      .published_by = BP_STR("kab.18.07"),
                                      .agreements = words,
                                      .purposes = words,
                                      .n_agreements = 2,
                                      .n_purposes = 1};
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.failed"));
    struct bp_csv_table *t = table_of(&type, 1);
    struct bp_event e = {.id = BP_STR("e1"), .type = type->name};
    struct bp_buf csv = {0}, bytes = {0};
    struct reading r = {0};
    (void)state;
    bp_event_encode(&e, &bytes);
    bp_csv_write_header(t, &csv);
    size_t header_n = csv.n;
    assert_true(bp_event_to_csv(t, &e, &notes, &csv));

    assert_int_equal(read_csv(&r, bp_buf_str(&csv), NULL), BP_OK);

    assert_str(bp_str_of(csv.p + header_n, csv.n - header_n),
               "e1,,departure.failed,,,,,,,,,,,7,2025-11-03T02:15:00Z,kab.18.07,mou-a|mou-b,mou-a,"
               ",,\r\n");
    assert_int_equal(r.v.n, 0);
    assert_true(bp_str_eq(bp_buf_str(&r.bytes), bp_buf_str(&bytes)));
    reading_fini(&r);
    bp_csv_table_destroy(t);
    bp_buf_fini(&csv);
    bp_buf_fini(&bytes);
}

static void test_event_csv_type_outside_the_table_appends_nothing(void **state)
{
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.failed"));
    struct bp_csv_table *t = table_of(&type, 1);
    struct bp_event other = {.type = BP_STR("opp.completed")};
    struct bp_event unknown = {.type = BP_STR("of.tomorrow")};
    struct bp_event malformed = {.type = type->name, .data = BP_STR("\x0a\x05x")};
    struct bp_buf csv = {0};
    (void)state;

    assert_false(bp_event_to_csv(t, &other, NULL, &csv));
    assert_false(bp_event_to_csv(t, &unknown, NULL, &csv));
    assert_false(bp_event_to_csv(t, &malformed, NULL, &csv));

    assert_int_equal(csv.n, 0);
    bp_csv_table_destroy(t);
    bp_buf_fini(&csv);
}

static void test_event_csv_wrong_header_names_the_column(void **state)
{
    static const struct {
        const char *fixed_type, *header, *words;
    } cases[] = {
        {"", "id,region\n", "header: no column `type`"},
        {"no.such", "id\n", "type no.such is unknown"},
        {"test.everything", "id,colour\n", "header: column 2, colour, is no attribute"},
        {"test.everything", "id,epmi_number\n", "header: column 2, epmi_number, is no attribute"},
        {"", "type,colour\n", "header: column 2, colour, is no attribute"},
        {"", "type,data.colour\n", "header: column 2, data.colour, is no attribute"},
        {"test.everything", "id,text,id\n", "header: column 3, id, is given twice"},
        {"test.everything", "text,data.text\n", "header: column 2, data.text, is given twice"},
        {"test.everything", "nik,data.nik, nik \n", "header: column 3, nik, is given twice"},
        {"test.everything", "id,,text\n", "header: column 2 has no name"},
        {"test.everything", "id,data.\n", "header: column 2, data., is no attribute"},
        {"test.everything", "1807995203990001,x\n",
         "header: column 1 has a name that is no attribute and no field of test.everything (is the "
         "header line missing?)"},
        {"test.everything", "Siti Aminah\n", "header: column 1 has a name that"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r = {.fixed_type = bp_str(cases[i].fixed_type)};
        struct bp_err err = {0};

        assert_int_equal(read_csv(&r, bp_str(cases[i].header), &err), BP_EINVAL);

        if (strncmp(err.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("got %s, expected %s", err.text, cases[i].words);
        assert_null(r.header);
        reading_fini(&r);
    }
}

static void test_event_csv_no_columns_or_too_many_are_refused(void **state)
{
    struct bp_str columns[BP_CSV_CELLS_MAX + 1];
    struct bp_csv_header *h = NULL;
    (void)state;
    for (size_t i = 0; i <= BP_CSV_CELLS_MAX; i++)
        columns[i] = BP_STR("id");

    assert_int_equal(bp_csv_header_parse(schema, BP_STR("test.everything"), columns, 0, &h, NULL),
                     BP_EINVAL);
    assert_int_equal(bp_csv_header_parse(schema, BP_STR("test.everything"), columns,
                                         BP_CSV_CELLS_MAX + 1, &h, NULL),
                     BP_EINVAL);
}

static void test_event_csv_wrong_row_is_named(void **state)
{
    static const struct {
        const char *fixed_type, *csv, *field, *reason;
    } cases[] = {
        {"test.everything", "id,text\n1\n", "", "MALFORMED"},
        {"test.everything", "id,text\n1,2,\n", "", "MALFORMED"},
        {"", "type,id\n,1\n", "type", "REQUIRED"},
        {"", "type,id\nno.such,1\n", "type", "UNKNOWN_TYPE"},
        {"test.everything", "type,id\nopp.completed,1\n", "type", "MALFORMED"},
        {"", "type,text,epmi_number\ntest.everything,a,b\n", "data.epmi_number", "MALFORMED"},
        {"test.everything", "time\n3 Nov 2025\n", "time", "MALFORMED"},
        {"test.everything", "schemaversion\n1.0\n", "schemaversion", "MALFORMED"},
        {"test.everything", "region\n\xff\n", "region", "NOT_UTF8"},
        {"test.everything", "text\n\xc3(\n", "data.text", "NOT_UTF8"},
        {"test.everything", "flag\nTRUE\n", "data.flag", "MALFORMED"},
        {"test.everything", "count\n1,\n", "", "MALFORMED"},
        {"test.everything", "count\n\"1,5\"\n", "data.count", "MALFORMED"},
        {"test.everything", "count\n 1\n", "data.count", "MALFORMED"},
        {"test.everything", "kind\nplain\n", "data.kind", "UNKNOWN_ENUM"},
        {"test.everything", "blob\n???\n", "data.blob", "MALFORMED"},
        {"test.everything", "at\n2025\n", "data.at", "MALFORMED"},
        {"test.everything", "numbers\n1|x\n", "data.numbers", "MALFORMED"},
        {"test.everything", "numbers\n1||2\n", "data.numbers", "MALFORMED"},
        {"test.everything", "nik\n1.80799520399E+15\n", "nik", "NIK"},
        {"test.everything", "data.nik\n1807\n", "data.nik", "NIK"},
        {"test.everything", "nik,subject\n" SAMPLE_NIK ",w_1\n", "subject", "SUBJECT_MISMATCH"},
        {"worker.registered", "nik,subject\n" SAMPLE_NIK ",nik:1807995203990002\n", "subject",
         "SUBJECT_MISMATCH"},
        {"worker.registered", "nik,data.nik\n" SAMPLE_NIK ",1807995203990002\n", "subject",
         "SUBJECT_MISMATCH"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r = {.fixed_type = bp_str(cases[i].fixed_type)};
        struct bp_err err = {0};

        if (read_csv(&r, bp_str(cases[i].csv), &err) != BP_OK)
            fail_msg("%s", err.text);

        if (!has_only_violation(&r.v, cases[i].field, cases[i].reason))
            fail_msg("%s", cases[i].csv);
        assert_int_equal(r.bytes.n, 0);
        reading_fini(&r);
    }
}

/* The event of the only row; its texts are borrowed from r. */
static struct bp_event read_row(struct reading *r, const char *fixed_type, const char *csv)
{
    struct bp_event e;
    struct bp_err err = {0};
    *r = (struct reading){.fixed_type = bp_str(fixed_type)};
    if (read_csv(r, bp_str(csv), &err) != BP_OK || r->v.n != 0 || r->rows != 1)
        fail_msg("%s %s", err.text, r->v.n != 0 ? r->v.items[0].message : "");
    assert_true(bp_event_parse(bp_buf_str(&r->bytes), &e));
    return e;
}

static void test_event_csv_nik_column_names_the_worker(void **state)
{
    static const struct {
        const char *type, *csv, *subject, *data;
    } cases[] = {
        {"worker.registered", "nik\n" SAMPLE_NIK "\n", "nik:" SAMPLE_NIK, "\x0a\x10" SAMPLE_NIK},
        {"worker.registered", "data.nik\n" SAMPLE_NIK "\n", "nik:" SAMPLE_NIK,
         "\x0a\x10" SAMPLE_NIK},
        {"worker.registered", "nik,subject\n" SAMPLE_NIK ",w_1\n", "w_1", "\x0a\x10" SAMPLE_NIK},
        {"worker.registered", "nik,data.nik\n" SAMPLE_NIK ",\n", "nik:" SAMPLE_NIK, ""},
        {"departure.failed", "nik\n" SAMPLE_NIK "\n", "nik:" SAMPLE_NIK, ""},
        {"departure.failed", "data.nik\n" SAMPLE_NIK "\n", "nik:" SAMPLE_NIK, ""},
        {"departure.failed", "nik,subject\n,w_1\n", "w_1", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;

        struct bp_event e = read_row(&r, cases[i].type, cases[i].csv);

        assert_str(e.subject, cases[i].subject);
        assert_str(e.data, cases[i].data);
        reading_fini(&r);
    }
}

static void test_event_csv_attribute_wins_over_field_of_its_name(void **state)
{
    struct reading r;
    (void)state;

    struct bp_event e = read_row(&r, "",
                                 "\xEF\xBB\xBFtype; source ;data.source;data.text;position\r\n"
                                 "test.everything;kab.18.07;inside;;9\r\n");

    assert_str(e.source, "kab.18.07");
    assert_str(e.data, "\xa2\x01\x06inside");
    reading_fini(&r);
}

static void test_event_csv_lists_are_split_and_unescaped(void **state)
{
    static const struct {
        const char *cell, *data;
    } cases[] = {
        {"a|b", "\x52\x01"
                "a\x52\x01"
                "b"},
        {"a\\|b\\\\", "\x52\x04"
                      "a|b\\"},
        {"'=x", "\x52\x02=x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char csv[64];
        (void)snprintf(csv, sizeof(csv), "texts\n%s\n", cases[i].cell);

        struct bp_event e = read_row(&r, "test.everything", csv);

        assert_str(e.data, cases[i].data);
        reading_fini(&r);
    }
}

static void test_event_csv_order_of_columns_changes_nothing(void **state)
{
    struct reading a, b;
    (void)state;

    (void)read_row(&a, "test.everything", "text,count,kind\nx,1,PLAIN\n");
    (void)read_row(&b, "", "kind,type,data.count,flag,text\nKIND_PLAIN,test.everything,1,,x\n");

    assert_true(bp_str_eq(bp_buf_str(&a.bytes), bp_buf_str(&b.bytes)));
    reading_fini(&a);
    reading_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_csv_every_type_comes_back_as_the_same_bytes),
        cmocka_unit_test(test_event_csv_all_types_share_one_file),
        cmocka_unit_test(test_event_csv_formulas_are_guarded),
        cmocka_unit_test(test_event_csv_header_names_attributes_then_fields),
        cmocka_unit_test(test_event_csv_subscriber_row_can_be_pushed),
        cmocka_unit_test(test_event_csv_type_outside_the_table_appends_nothing),
        cmocka_unit_test(test_event_csv_wrong_header_names_the_column),
        cmocka_unit_test(test_event_csv_no_columns_or_too_many_are_refused),
        cmocka_unit_test(test_event_csv_wrong_row_is_named),
        cmocka_unit_test(test_event_csv_nik_column_names_the_worker),
        cmocka_unit_test(test_event_csv_attribute_wins_over_field_of_its_name),
        cmocka_unit_test(test_event_csv_lists_are_split_and_unescaped),
        cmocka_unit_test(test_event_csv_order_of_columns_changes_nothing),
    };
    return cmocka_run_group_tests(tests, load_schema, free_schema);
}
