#include "sample.h"

static struct bp_notice example(void)
{
    struct bp_notice n;
    bp_notice_init(&n, "fraud.vacancy.reported", 1709604932); /* 2024-03-05T09:15:32 in WIB */
    n.region = "18.07";
    bp_notice_put(&n, "platform", "facebook");
    bp_notice_put(&n, "content_url", "");
    bp_notice_put(&n, "content_excerpt", "a \"b\" \\ c, d");
    bp_notice_put_number(&n, "count", 12);
    return n;
}

static void expect_text(struct bp_buf *b, const char *text)
{
    assert_int_equal(b->n, strlen(text));
    assert_memory_equal(b->p, text, b->n);
    bp_buf_fini(b);
}

static void test_notice_json_leaves_absent_values_out_and_escapes(void **state)
{
    (void)state;
    struct bp_notice n = example();
    struct bp_buf out = {0};

    bp_notice_write_json(&n, "i-1", "kab.18.07", "", &out);

    expect_text(&out, "{\"specversion\":\"1.0\",\"id\":\"i-1\",\"source\":\"kab.18.07\","
                      "\"type\":\"fraud.vacancy.reported\",\"time\":\"2024-03-05T09:15:32+07:00\","
                      "\"region\":\"18.07\",\"data\":{\"platform\":\"facebook\","
                      "\"content_excerpt\":\"a \\\"b\\\" \\\\ c, d\",\"count\":12}}\n");
}

static void test_notice_csv_keeps_empty_cells_and_quotes(void **state)
{
    (void)state;
    struct bp_notice n = example();
    struct bp_buf out = {0};

    bp_notice_write_csv_header(&n, &out);
    bp_notice_write_csv(&n, &out);

    expect_text(&out, "time,region,correlationid,platform,content_url,content_excerpt,count\r\n"
                      "2024-03-05T09:15:32+07:00,18.07,,facebook,,\"a \"\"b\"\" \\ c, d\",12\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notice_json_leaves_absent_values_out_and_escapes),
        cmocka_unit_test(test_notice_csv_keeps_empty_cells_and_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
