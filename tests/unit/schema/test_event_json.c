/* JSON both ways: what goes out comes in as the same bytes, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "event_json.h"
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

/* The event that a JSON text is; fails the test if there are violations. */
static struct bp_event read_event(const char *json, struct bp_buf *bytes)
{
    struct bp_violations v = {0};
    struct bp_event e;
    bp_buf_clear(bytes);
    if (!bp_event_from_json(schema, bp_str(json), bytes, &v))
        fail_msg("%s %s: %s", v.items[0].field, v.items[0].reason, v.items[0].message);
    assert_true(bp_event_parse(bp_buf_str(bytes), &e));
    return e;
}

static void assert_violation(struct bp_str json, const char *field, const char *reason)
{
    struct bp_violations v = {0};
    struct bp_buf out = {0};
    bp_buf_add_text(&out, "before");

    assert_false(bp_event_from_json(schema, json, &out, &v));

    if (!has_only_violation(&v, field, reason))
        fail_msg("%.*s", BP_STR_ARGS(json));
    assert_true(bp_str_is(bp_buf_str(&out), "before"));
    bp_buf_fini(&out);
}

static void assert_str(struct bp_str got, const char *expected)
{
    if (!bp_str_is(got, expected))
        fail_msg("got %.*s, expected %s", BP_STR_ARGS(got), expected);
}

static void assert_comes_back(const struct bp_event *e)
{
    struct bp_buf bytes = {0}, json = {0}, again = {0};
    struct bp_violations v = {0};
    bp_event_encode(e, &bytes);
    assert_true(bp_event_to_json(schema, e, NULL, &json));

    bool is_sound = bp_event_from_json(schema, bp_buf_str(&json), &again, &v);

    if (!is_sound || !bp_str_eq(bp_buf_str(&again), bp_buf_str(&bytes)))
        fail_msg("%.*s %s", BP_STR_ARGS(bp_buf_str(&json)), v.n != 0 ? v.items[0].message : "");
    bp_buf_fini(&bytes);
    bp_buf_fini(&json);
    bp_buf_fini(&again);
}

static void test_event_json_every_type_comes_back_as_the_same_bytes(void **state)
{
    struct bp_buf data = {0};
    (void)state;
    assert_true(schema->n_types >= 64);
    for (size_t i = 0; i < schema->n_types; i++) {
        for (unsigned round = 0; round < 28; round++) {
            sample_payload(&schema->types[i], round, &data);
            struct bp_event e = sample_event(&schema->types[i], &data);
            assert_comes_back(&e);
        }
    }
    bp_buf_fini(&data);
}

static void test_event_json_empty_event_comes_back(void **state)
{
    struct bp_event e = {.type = BP_STR("departure.recorded")};
    (void)state;

    assert_comes_back(&e);
}

static void test_event_json_output_has_fixed_order(void **state)
{
    struct bp_str agreements[] = {BP_STR("mou-a"), BP_STR("mou-b")};
    struct bp_str purposes[] = {BP_STR("protection")};
    struct bp_delivery_notes notes = {.position = 71532,
                                      .recorded_at_ns = INT64_C(1762136100500000000),
                                      .published_by = BP_STR("kab.18.07"),
                                      .agreements = agreements,
                                      .purposes = purposes,
                                      .n_agreements = 2,
                                      .n_purposes = 1};
    struct bp_buf data = {0}, out = {0};
    (void)state;
    bp_wire_put_bytes(&data, 1, BP_STR("E-\"1\"\n\x1b"));
    struct bp_event e = {.id = BP_STR("e1"),
                         .type = BP_STR("departure.recorded"),
                         .source = BP_STR("desa.18.07.12.2003"),
                         .region = BP_STR("18.07"),
                         .has_occurred_at = true,
                         .occurred_at_ns = INT64_C(1762136100000000000),
                         .schema_version = 1,
                         .data = bp_buf_str(&data)};

    assert_true(bp_event_to_json(schema, &e, &notes, &out));

    assert_str(bp_buf_str(&out),
               "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"desa.18.07.12.2003\","
               "\"type\":\"departure.recorded\",\"time\":\"2025-11-03T02:15:00Z\","
               "\"region\":\"18.07\",\"schemaversion\":1,\"position\":71532,"
               "\"recordedtime\":\"2025-11-03T02:15:00.500Z\",\"publishedby\":\"kab.18.07\","
               "\"agreements\":\"mou-a mou-b\",\"purposes\":\"protection\","
               "\"datacontenttype\":\"application/json\","
               "\"data\":{\"epmi_number\":\"E-\\\"1\\\"\\n\\u001b\"}}");
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_event_json_subscriber_line_can_be_pushed(void **state)
{
    struct bp_str words[] = {BP_STR("a"), BP_STR("b")};
    struct bp_delivery_notes notes = {.position = INT64_MAX,
                                      .recorded_at_ns = 1,
                                      .published_by = BP_STR("kl.kp2mi"),
                                      .agreements = words,
                                      .purposes = words,
                                      .n_agreements = 2,
                                      .n_purposes = 2};
    struct bp_event e = {.id = BP_STR("e1"), .type = BP_STR("departure.recorded")};
    struct bp_buf json = {0}, bytes = {0}, expected = {0};
    struct bp_violations v = {0};
    (void)state;
    bp_event_encode(&e, &expected);
    assert_true(bp_event_to_json(schema, &e, &notes, &json));

    assert_true(bp_event_from_json(schema, bp_buf_str(&json), &bytes, &v));

    assert_true(bp_str_eq(bp_buf_str(&bytes), bp_buf_str(&expected)));
    bp_buf_fini(&json);
    bp_buf_fini(&bytes);
    bp_buf_fini(&expected);
}

static void test_event_json_unknown_type_is_printed_as_bytes(void **state)
{
    struct bp_event e = {.type = BP_STR("of.tomorrow"), .data = BP_STR("\x08\x01")};
    struct bp_buf out = {0};
    (void)state;

    assert_true(bp_event_to_json(schema, &e, NULL, &out));

    assert_str(bp_buf_str(&out), "{\"specversion\":\"1.0\",\"type\":\"of.tomorrow\","
                                 "\"data_base64\":\"CAE=\"}");
    bp_buf_fini(&out);
}

static void test_event_json_unknown_enum_number_is_printed_as_number(void **state)
{
    struct bp_event e = {.type = BP_STR("test.everything")};
    struct bp_buf data = {0}, out = {0};
    (void)state;
    bp_wire_put_uint(&data, 8, 77);
    bp_wire_put_uint(&data, 99, 1); /* a field of a newer schema */
    e.data = bp_buf_str(&data);

    assert_true(bp_event_to_json(schema, &e, NULL, &out));

    assert_str(bp_buf_str(&out),
               "{\"specversion\":\"1.0\",\"type\":\"test.everything\","
               "\"datacontenttype\":\"application/json\",\"data\":{\"kind\":77}}");
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_event_json_malformed_payload_appends_nothing(void **state)
{
    static const struct bp_str payloads[] = {
        BP_STR("\x0a\x05x"),        /* length past the end */
        BP_STR("\x08\x01"),         /* text as a varint */
        BP_STR("\x0a\x01\xff"),     /* text that is not UTF-8 */
        BP_STR("\x0a\x01\x00"),     /* NUL */
        BP_STR("\x22\x01x"),        /* int32 as bytes */
        BP_STR("\x4a\x02\x10\xff"), /* time malformed */
        BP_STR("\x5a\x01\xff"),     /* packed list cut short */
        BP_STR("\x0b"),             /* group */
    };
    struct bp_buf out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct bp_event e = {.type = BP_STR("test.everything"), .data = payloads[i]};

        assert_false(bp_event_to_json(schema, &e, NULL, &out));

        assert_int_equal(out.n, 0);
    }
    struct bp_event e = {.type = BP_STR("test.everything"), .region = BP_STR("\xff")};
    assert_false(bp_event_to_json(schema, &e, NULL, &out));
    assert_int_equal(out.n, 0);
    bp_buf_fini(&out);
}

#define EVENT(rest) "{\"specversion\":\"1.0\",\"type\":\"test.everything\"" rest "}"
#define DATA(fields) EVENT(",\"data\":{" fields "}")

static void test_event_json_order_of_keys_changes_nothing(void **state)
{
    struct bp_buf a = {0}, b = {0};
    (void)state;

    (void)read_event(DATA("\"text\":\"x\",\"count\":1,\"kind\":\"PLAIN\""), &a);
    (void)read_event("{\"data\":{\"kind\":\"KIND_PLAIN\",\"count\":\"1\",\"text\":\"x\","
                     "\"flag\":null,\"texts\":[]},\"type\":\"test.everything\",\"specversion\":"
                     "\"1.0\",\"dataschema\":\"https://example.org/s\",\"source\":\"\","
                     "\"datacontenttype\":\"application/vnd.x+json; charset=utf-8\"}",
                     &b);

    assert_true(bp_str_eq(bp_buf_str(&a), bp_buf_str(&b)));
    bp_buf_fini(&a);
    bp_buf_fini(&b);
}

static void test_event_json_attributes_reach_the_envelope(void **state)
{
    struct bp_buf bytes = {0};
    (void)state;

    struct bp_event e =
        read_event(EVENT(",\"id\":\"i\",\"source\":\"s\",\"subject\":\"u\",\"time\":"
                         "\"2025-11-03T09:15:00.5+07:00\",\"region\":\"r\",\"destination\":\"d\","
                         "\"correlationid\":\"c\",\"causationid\":\"a\",\"supersedes\":\"p\","
                         "\"traceparent\":\"t\",\"addressedto\":\"o\",\"schemaversion\":\"3\""),
                   &bytes);

    assert_str(e.id, "i");
    assert_str(e.source, "s");
    assert_str(e.subject, "u");
    assert_str(e.region, "r");
    assert_str(e.destination, "d");
    assert_str(e.correlation_id, "c");
    assert_str(e.causation_id, "a");
    assert_str(e.supersedes, "p");
    assert_str(e.traceparent, "t");
    assert_str(e.addressed_to, "o");
    assert_int_equal(e.schema_version, 3);
    assert_true(e.has_occurred_at);
    assert_true(e.occurred_at_ns == INT64_C(1762136100500000000));
    bp_buf_fini(&bytes);
}

static void test_event_json_whole_text_wrong_is_a_violation_without_field(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}}",
        "{} {}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}",
        EVENT(",\"id\":\"a\",\"id\":\"b\""),
        DATA("\"text\":\"a\",\"text\":\"b\""),
        DATA("\"large\":9223372036854775808"),
        DATA("\"large\":1e999"),
        "{\"a\\u0000b\":1}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_violation(bp_str(texts[i]), "", "MALFORMED");
    assert_violation(BP_STR("{\"specversion\":\"1.0\",\"id\":\"\xc3\x28\"}"), "", "NOT_UTF8");
    assert_violation(BP_STR("{\"a\":1}\0"), "", "MALFORMED");
}

static void test_event_json_deep_nesting_is_refused_before_parsing(void **state)
{
    struct bp_buf json = {0};
    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        bp_buf_add_text(&json, i % 2 == 0 ? "[" : "{\"a\":");

    assert_violation(bp_buf_str(&json), "", "MALFORMED");

    assert_violation(BP_STR(DATA("\"text\":[[[[[[[]]]]]]]")), "", "MALFORMED");
    assert_violation(BP_STR(DATA("\"text\":[[[[[[]]]]]]")), "data.text", "MALFORMED");
    bp_buf_fini(&json);
}

static void test_event_json_brackets_in_texts_do_not_nest(void **state)
{
    struct bp_buf bytes = {0};
    (void)state;

    (void)read_event(DATA("\"text\":\"[[[[[[[[[[[[\\\\\",\"position\":\"\\\"{{{{{{{{{{{{\""),
                     &bytes);

    bp_buf_fini(&bytes);
}

static void test_event_json_every_cut_of_a_line_is_refused(void **state)
{
    static const char line[] = DATA("\"text\":\"\\u00e9\",\"numbers\":[1,-2],\"flag\":true");
    (void)state;
    for (size_t n = 0; n + 1 < sizeof(line) - 1; n++) {
        char *cut = malloc(n + 1); /* exactly as long, so that a read beyond it is seen */
        memcpy(cut, line, n);

        assert_violation(bp_str_of(cut, n), "", "MALFORMED");

        free(cut);
    }
}

static void test_event_json_wrong_attribute_is_named(void **state)
{
    static const struct {
        const char *json, *field, *reason;
    } cases[] = {
        {"{\"type\":\"test.everything\"}", "specversion", "REQUIRED"},
        {"{\"specversion\":null,\"type\":\"test.everything\"}", "specversion", "REQUIRED"},
        {"{\"specversion\":\"0.3\",\"type\":\"test.everything\"}", "specversion", "MALFORMED"},
        {"{\"specversion\":1.0,\"type\":\"test.everything\"}", "specversion", "MALFORMED"},
        {"{\"specversion\":\"1.0\"}", "type", "REQUIRED"},
        {"{\"specversion\":\"1.0\",\"type\":\"\"}", "type", "REQUIRED"},
        {"{\"specversion\":\"1.0\",\"type\":\"no.such\"}", "type", "UNKNOWN_TYPE"},
        {"{\"specversion\":\"1.0\",\"type\":\"(envelope)\"}", "type", "UNKNOWN_TYPE"},
        {EVENT(",\"id\":7"), "id", "MALFORMED"},
        {EVENT(",\"region\":{}"), "region", "MALFORMED"},
        {EVENT(",\"id\":\"a\\u0000b\""), "id", "NOT_UTF8"},
        {EVENT(",\"time\":\"yesterday\""), "time", "MALFORMED"},
        {EVENT(",\"time\":1762136100"), "time", "MALFORMED"},
        {EVENT(",\"schemaversion\":-1"), "schemaversion", "MALFORMED"},
        {EVENT(",\"schemaversion\":4294967296"), "schemaversion", "MALFORMED"},
        {EVENT(",\"schemaversion\":1.5"), "schemaversion", "MALFORMED"},
        {EVENT(",\"datacontenttype\":\"text/xml\""), "datacontenttype", "MALFORMED"},
        {EVENT(",\"datacontenttype\":\"application/jsonx\""), "datacontenttype", "MALFORMED"},
        {EVENT(",\"datacontenttype\":7"), "datacontenttype", "MALFORMED"},
        {EVENT(",\"data\":\"x\""), "data", "MALFORMED"},
        {EVENT(",\"data\":[]"), "data", "MALFORMED"},
        {EVENT(",\"data_base64\":\"CAE=\""), "data_base64", "MALFORMED"},
        {EVENT(",\"colour\":\"red\""), "colour", "MALFORMED"},
        {EVENT(",\"colour\":null"), "colour", "MALFORMED"},
        {EVENT(",\"Siti Aminah\":1"), "?", "MALFORMED"},
        {DATA("\"unheard_of\":1"), "data.unheard_of", "MALFORMED"},
        {DATA("\"1807995203990001\":1"), "data.?", "MALFORMED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_violation(bp_str(cases[i].json), cases[i].field, cases[i].reason);
}

static void test_event_json_wrong_value_is_named(void **state)
{
    static const struct {
        const char *json, *field, *reason;
    } cases[] = {
        {DATA("\"text\":1"), "data.text", "MALFORMED"},
        {DATA("\"text\":true"), "data.text", "MALFORMED"},
        {DATA("\"text\":[\"x\"]"), "data.text", "MALFORMED"},
        {DATA("\"text\":\"a\\u0000\""), "data.text", "NOT_UTF8"},
        {DATA("\"blob\":\"A\""), "data.blob", "MALFORMED"},
        {DATA("\"blob\":\"AA==AA==\""), "data.blob", "MALFORMED"},
        {DATA("\"blob\":\"AB==\""), "data.blob", "MALFORMED"},
        {DATA("\"blob\":\"A-_A\""), "data.blob", "MALFORMED"},
        {DATA("\"blob\":\"====\""), "data.blob", "MALFORMED"},
        {DATA("\"flag\":\"true\""), "data.flag", "MALFORMED"},
        {DATA("\"flag\":1"), "data.flag", "MALFORMED"},
        {DATA("\"small\":2147483648"), "data.small", "MALFORMED"},
        {DATA("\"small\":-2147483649"), "data.small", "MALFORMED"},
        {DATA("\"small\":1.5"), "data.small", "MALFORMED"},
        {DATA("\"small\":\"\""), "data.small", "MALFORMED"},
        {DATA("\"small\":\"1x\""), "data.small", "MALFORMED"},
        {DATA("\"small\":true"), "data.small", "MALFORMED"},
        {DATA("\"count\":-1"), "data.count", "MALFORMED"},
        {DATA("\"count\":4294967296"), "data.count", "MALFORMED"},
        {DATA("\"total\":-1"), "data.total", "MALFORMED"},
        {DATA("\"total\":\"18446744073709551616\""), "data.total", "MALFORMED"},
        {DATA("\"large\":\"9223372036854775808\""), "data.large", "MALFORMED"},
        {DATA("\"large\":1e17"), "data.large", "MALFORMED"},
        {DATA("\"kind\":\"plain\""), "data.kind", "UNKNOWN_ENUM"},
        {DATA("\"kind\":1"), "data.kind", "UNKNOWN_ENUM"},
        {DATA("\"kind\":\"\""), "data.kind", "UNKNOWN_ENUM"},
        {DATA("\"at\":\"2025-11-03\""), "data.at", "MALFORMED"},
        {DATA("\"at\":0"), "data.at", "MALFORMED"},
        {DATA("\"texts\":\"x\""), "data.texts", "MALFORMED"},
        {DATA("\"texts\":[\"x\",null]"), "data.texts", "MALFORMED"},
        {DATA("\"numbers\":[1,\"x\"]"), "data.numbers", "MALFORMED"},
        {DATA("\"kinds\":[\"PLAIN\",\"NONE\"]"), "data.kinds", "UNKNOWN_ENUM"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_violation(bp_str(cases[i].json), cases[i].field, cases[i].reason);
}

static void test_event_json_numbers_without_fraction_are_integers(void **state)
{
    struct bp_buf a = {0}, b = {0};
    (void)state;

    (void)read_event(DATA("\"small\":5.0,\"large\":1e3,\"total\":\"18446744073709551615\""), &a);
    (void)read_event(DATA("\"small\":5,\"large\":1000,\"total\":\"18446744073709551615\""), &b);

    assert_true(bp_str_eq(bp_buf_str(&a), bp_buf_str(&b)));
    bp_buf_fini(&a);
    bp_buf_fini(&b);
}

static void test_event_json_violations_never_repeat_a_value(void **state)
{
    struct bp_violations v = {0};
    struct bp_buf out = {0};
    (void)state;

    (void)bp_event_from_json(
        schema,
        BP_STR("{\"specversion\":\"RAHASIA\",\"type\":\"test.everything\",\"time\":\"RAHASIA\","
               "\"RAHASIA\":\"RAHASIA\",\"schemaversion\":\"RAHASIA\",\"nik\":\"RAHASIA\",\"data\":"
               "{\"RAHASIA\":1,\"small\":\"RAHASIA\",\"blob\":\"RAHASIA!\",\"kind\":\"RAHASIA\","
               "\"at\":\"RAHASIA\",\"numbers\":[\"RAHASIA\"],\"nik\":\"RAHASIA\"}}"),
        &out, &v);

    assert_int_equal(v.n, 12);
    for (size_t i = 0; i < v.n; i++) {
        assert_null(strstr(v.items[i].field, "RAHASIA"));
        assert_null(strstr(v.items[i].message, "RAHASIA"));
    }
    bp_buf_fini(&out);
}

#define TYPED(type, rest) "{\"specversion\":\"1.0\",\"type\":\"" type "\"" rest "}"
#define NIK "\"nik\":\"" SAMPLE_NIK "\""

static void test_event_json_nik_in_data_fills_field_and_subject(void **state)
{
    struct bp_buf bytes = {0};
    (void)state;

    struct bp_event e = read_event(TYPED("worker.registered", ",\"data\":{" NIK "}"), &bytes);

    assert_str(e.subject, "nik:" SAMPLE_NIK);
    assert_str(e.data, "\x0a\x10" SAMPLE_NIK);
    e = read_event(TYPED("worker.registered", ",\"subject\":\"w_1\",\"data\":{" NIK "}"), &bytes);
    assert_str(e.subject, "w_1");
    assert_str(e.data, "\x0a\x10" SAMPLE_NIK);
    bp_buf_fini(&bytes);
}

static void test_event_json_nik_elsewhere_is_the_subject_alone(void **state)
{
    static const char *const texts[] = {
        TYPED("worker.registered", "," NIK),
        TYPED("departure.recorded", "," NIK),
        TYPED("departure.recorded", ",\"data\":{" NIK "}"),
        TYPED("departure.recorded", "," NIK ",\"data\":{" NIK "}"),
        TYPED("departure.recorded", ",\"subject\":\"nik:" SAMPLE_NIK "\"," NIK),
        TYPED("departure.recorded", ",\"nik\":\"\",\"data\":{" NIK "}"),
    };
    struct bp_buf bytes = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bp_event e = read_event(texts[i], &bytes);

        assert_str(e.subject, "nik:" SAMPLE_NIK);
        assert_str(e.data, "");
    }
    bp_buf_fini(&bytes);
}

static void test_event_json_nik_that_disagrees_is_a_violation(void **state)
{
    static const struct {
        const char *json, *field, *reason;
    } cases[] = {
        {TYPED("departure.recorded", ",\"subject\":\"w_1\"," NIK), "subject", "SUBJECT_MISMATCH"},
        {TYPED("departure.recorded", ",\"nik\":\"1807995203990002\",\"data\":{" NIK "}"), "subject",
         "SUBJECT_MISMATCH"},
        {TYPED("worker.registered", ",\"nik\":\"1807995203990002\",\"data\":{" NIK "}"), "subject",
         "SUBJECT_MISMATCH"},
        {TYPED("departure.recorded", ",\"nik\":\"1807\""), "nik", "NIK"},
        {TYPED("departure.recorded", ",\"data\":{\"nik\":\"1807\"}"), "data.nik", "NIK"},
        {TYPED("departure.recorded", ",\"data\":{\"nik\":1807995203990001}"), "data.nik",
         "MALFORMED"},
        {TYPED("worker.registered", ",\"data\":{\"nik\":1807995203990001}"), "data.nik",
         "MALFORMED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_violation(bp_str(cases[i].json), cases[i].field, cases[i].reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_json_every_type_comes_back_as_the_same_bytes),
        cmocka_unit_test(test_event_json_empty_event_comes_back),
        cmocka_unit_test(test_event_json_output_has_fixed_order),
        cmocka_unit_test(test_event_json_subscriber_line_can_be_pushed),
        cmocka_unit_test(test_event_json_unknown_type_is_printed_as_bytes),
        cmocka_unit_test(test_event_json_unknown_enum_number_is_printed_as_number),
        cmocka_unit_test(test_event_json_malformed_payload_appends_nothing),
        cmocka_unit_test(test_event_json_order_of_keys_changes_nothing),
        cmocka_unit_test(test_event_json_attributes_reach_the_envelope),
        cmocka_unit_test(test_event_json_whole_text_wrong_is_a_violation_without_field),
        cmocka_unit_test(test_event_json_deep_nesting_is_refused_before_parsing),
        cmocka_unit_test(test_event_json_brackets_in_texts_do_not_nest),
        cmocka_unit_test(test_event_json_every_cut_of_a_line_is_refused),
        cmocka_unit_test(test_event_json_wrong_attribute_is_named),
        cmocka_unit_test(test_event_json_wrong_value_is_named),
        cmocka_unit_test(test_event_json_numbers_without_fraction_are_integers),
        cmocka_unit_test(test_event_json_violations_never_repeat_a_value),
        cmocka_unit_test(test_event_json_nik_in_data_fills_field_and_subject),
        cmocka_unit_test(test_event_json_nik_elsewhere_is_the_subject_alone),
        cmocka_unit_test(test_event_json_nik_that_disagrees_is_a_violation),
    };
    return cmocka_run_group_tests(tests, load_schema, free_schema);
}
