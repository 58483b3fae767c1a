/* Every rule of envelope and payload obeyed and broken, over all event types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "valid_events.h"
#include "wire.h"

#define FORMAT(name) BERBAGI__V1__FORMAT__FORMAT_##name
#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

static struct bp_schema *schema;

static int load(void **state)
{
    (void)state;
    schema = valid_schema();
    return 0;
}

static int unload(void **state)
{
    (void)state;
    bp_schema_destroy(schema);
    return 0;
}

/* A departure with a full payload, and its fields. */
static struct bp_buf payload;
static struct bp_event departure(void)
{
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    bp_buf_clear(&payload);
    valid_payload(type, ~UINT64_C(0), &payload);
    return valid_event(type, bp_buf_str(&payload));
}

static int free_payload(void **state)
{
    (void)state;
    bp_buf_fini(&payload);
    return 0;
}

/* Judges an event of the type that has this payload alone. */
static void expect_payload_violation(const struct bp_event_type *type, const struct bp_buf *data,
                                     const char *name, const char *reason)
{
    struct bp_event e = valid_event(type, bp_buf_str(data));
    char field[100];
    (void)snprintf(field, sizeof(field), "data.%s", name);
    expect_violation(schema, &e, field, reason);
}

/* --- what is sound --- */

static void test_validate_full_event_of_every_type_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_validation judge = {.schema = schema, .now_ns = VALID_NOW_NS};
        struct bp_violations v = {0};
        const struct bp_event_type *found;
        bp_fields set, all = (UINT64_C(1) << type->n_fields) - 1;
        bool has_unknown;
        struct bp_buf data = {0};
        valid_payload(type, all, &data);
        struct bp_event e = valid_event(type, bp_buf_str(&data));
        bool begins = type->status_field != NULL &&
                      type->transitions[0].from == 0; /* previous status unset */
        if (begins)
            all &= ~(UINT64_C(1) << type->previous_field->index);

        if (!bp_validate_event(&judge, &e, &found, &set, &has_unknown, &v))
            fail_msg("%s: %s %s", type->name.p, v.items[0].field, v.items[0].reason);

        assert_ptr_equal(found, type);
        assert_true(set == all);
        assert_false(has_unknown);
        bp_buf_fini(&data);
    }
}

static void test_validate_required_fields_alone_are_sound_for_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_violations v = {0};
        struct bp_buf data = {0};
        bp_fields fields = type->required;
        if (type->status_field != NULL && (fields >> type->status_field->index & 1) != 0)
            fields |= UINT64_C(1) << type->previous_field->index;
        valid_payload(type, fields, &data);
        struct bp_event e = valid_event(type, bp_buf_str(&data));
        e.source = e.region = e.destination = e.correlation_id = bp_str_of(NULL, 0);
        e.causation_id = e.supersedes = e.traceparent = bp_str_of(NULL, 0);
        e.schema_version = 0;
        if (!type->about_person)
            e.subject = bp_str_of(NULL, 0);

        if (!is_valid(schema, &e, &v))
            fail_msg("%s: %s %s", type->name.p, v.items[0].field, v.items[0].reason);
        bp_buf_fini(&data);
    }
}

static void test_validate_envelope_forms_are_accepted(void **state)
{
    (void)state;
    struct bp_violations v = {0};
    struct bp_event e = departure();
    e.id = BP_STR(SIXTY_FOUR);
    e.correlation_id = BP_STR(SIXTY_FOUR);
    e.subject = BP_STR("nik:" VALID_NIK);
    e.region = BP_STR("18");
    e.occurred_at_ns = VALID_NOW_NS + INT64_C(300000000000);

    assert_true(is_valid(schema, &e, &v));

    e.occurred_at_ns = INT64_C(1167609600000000000);
    e.region = BP_STR("ID");
    assert_true(is_valid(schema, &e, &v));
}

/* --- envelope --- */

static void test_validate_broken_envelope_field_is_named(void **state)
{
    (void)state;
    const struct {
        uint32_t number;
        struct bp_str value;
        const char *field, *reason;
    } cases[] = {
        {BP_EVENT_ID, BP_STR(""), "id", "ID"},
        {BP_EVENT_ID, BP_STR(SIXTY_FOUR "x"), "id", "ID"},
        {BP_EVENT_ID, BP_STR("tab\t"), "id", "ID"},
        {BP_EVENT_ID, BP_STR("a\0b"), "id", "ID"},
        {BP_EVENT_ID, BP_STR("\xc3\xa9"), "id", "ID"},
        {BP_EVENT_TYPE, BP_STR(""), "type", "REQUIRED"},
        {BP_EVENT_TYPE, BP_STR("departure.unknown"), "type", "UNKNOWN_TYPE"},
        {BP_EVENT_TYPE, BP_STR("departure.recorded\0"), "type", "UNKNOWN_TYPE"},
        {BP_EVENT_SOURCE, BP_STR("kl"), "source", "SOURCE"},
        {BP_EVENT_SOURCE, BP_STR("KL.KP2MI"), "source", "SOURCE"},
        {BP_EVENT_SUBJECT, BP_STR(""), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("w_9F3KX2M7QJ4T8B6N5R1"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("w_9F3KX2M7QJ4T8B6N5R1CC"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("w_9F3KX2M7QJ4T8B6N5R1I"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("w_9f3kx2m7qj4t8b6n5r1c"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("p_9F3KX2M7QJ4T8B6N5R1C"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("1807995203990001"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("nik:1807995203990000"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("nik:9999995203990001"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("nik:180799520399000"), "subject", "SUBJECT"},
        {BP_EVENT_SUBJECT, BP_STR("NIK:1807995203990001"), "subject", "SUBJECT"},
        {BP_EVENT_REGION, BP_STR("18.99"), "region", "REGION"},
        {BP_EVENT_REGION, BP_STR("18.07.12.9003"), "region", "REGION"},
        {BP_EVENT_DESTINATION, BP_STR("ZZ"), "destination", "COUNTRY"},
        {BP_EVENT_DESTINATION, BP_STR("jp"), "destination", "COUNTRY"},
        {BP_EVENT_CORRELATION_ID, BP_STR(SIXTY_FOUR "x"), "correlation_id", "TOO_LONG"},
        {BP_EVENT_CORRELATION_ID, BP_STR("a\0b"), "correlation_id", "MALFORMED"},
        {BP_EVENT_CAUSATION_ID, BP_STR(SIXTY_FOUR "x"), "causation_id", "TOO_LONG"},
        {BP_EVENT_CAUSATION_ID, BP_STR("\x7f"), "causation_id", "MALFORMED"},
        {BP_EVENT_SUPERSEDES, BP_STR(SIXTY_FOUR "x"), "supersedes", "TOO_LONG"},
        {BP_EVENT_SUPERSEDES, BP_STR("\x80"), "supersedes", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("00"), "traceparent", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
         "traceparent", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
         "traceparent", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
         "traceparent", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
         "traceparent", "MALFORMED"},
        {BP_EVENT_TRACEPARENT, BP_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"),
         "traceparent", "MALFORMED"},
        {BP_EVENT_ADDRESSED_TO, BP_STR("kl.polri"), "addressed_to", "ADDRESSEE_MISMATCH"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bp_event sound = departure(), e;
        struct bp_buf b = {0};
        bp_event_encode(&sound, &b);
        bp_wire_put_bytes(&b, cases[i].number, cases[i].value); /* the last value counts */

        assert_true(bp_event_parse(bp_buf_str(&b), &e));

        expect_violation(schema, &e, cases[i].field, cases[i].reason);
        bp_buf_fini(&b);
    }
}

static void test_validate_time_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct bp_event e = departure();
    const int64_t times[] = {INT64_C(1167609599999999999), 0, INT64_MIN,
                             VALID_NOW_NS + INT64_C(300000000001), INT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        e.occurred_at_ns = times[i];
        expect_violation(schema, &e, "occurred_at", "OCCURRED_AT");
    }
    e.has_occurred_at = false;
    expect_violation(schema, &e, "occurred_at", "REQUIRED");
}

static void test_validate_version_that_is_not_known_is_refused(void **state)
{
    (void)state;
    struct bp_event e = departure();
    e.schema_version = 2;
    expect_violation(schema, &e, "schema_version", "UNKNOWN_VERSION");
}

static bool knows_lampung_timur(void *context, struct bp_str id)
{
    (void)context;
    return bp_str_is(id, "kab.18.07");
}

static void test_validate_agency_outside_of_the_registry_is_refused(void **state)
{
    (void)state;
    struct bp_validation judge = {
        .schema = schema, .now_ns = VALID_NOW_NS, .agency_is_known = knows_lampung_timur};
    struct bp_event e = departure();
    struct bp_violations v = {0};
    const struct bp_event_type *type;
    bp_fields set;
    bool has_unknown;

    e.source = BP_STR("kab.18.07");
    assert_true(bp_validate_event(&judge, &e, &type, &set, &has_unknown, &v));

    e.source = BP_STR("kab.18.08");
    assert_false(bp_validate_event(&judge, &e, &type, &set, &has_unknown, &v));
    assert_string_equal(v.items[0].reason, "SOURCE");
}

static void test_validate_subject_and_nik_of_the_payload_must_agree(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("worker.registered"));
    struct bp_buf data = {0};
    struct bp_violations v = {0};
    valid_payload(type, ~UINT64_C(0), &data);
    struct bp_event e = valid_event(type, bp_buf_str(&data));

    e.subject = BP_STR("nik:" VALID_NIK);
    assert_true(is_valid(schema, &e, &v));

    e.subject = BP_STR("nik:1807995203990002");
    expect_violation(schema, &e, "data.nik", "SUBJECT_MISMATCH");
    bp_buf_fini(&data);
}

static void test_validate_addressee_given_must_be_that_of_the_payload(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("case.referred"));
    struct bp_buf data = {0};
    struct bp_violations v = {0};
    valid_payload(type, ~UINT64_C(0), &data);
    struct bp_event e = valid_event(type, bp_buf_str(&data));

    e.addressed_to = bp_event_addressee(type, &e);
    assert_true(e.addressed_to.n != 0);
    assert_true(is_valid(schema, &e, &v));

    e.addressed_to = BP_STR("kl.polri");
    expect_violation(schema, &e, "addressed_to", "ADDRESSEE_MISMATCH");
    bp_buf_fini(&data);
}

/* --- payload, for every field of every type --- */

static void test_validate_each_missing_required_field_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            struct bp_buf data = {0};
            if (!f->required)
                continue;
            valid_payload(type, ~(UINT64_C(1) << k), &data);
            expect_payload_violation(type, &data, f->name.p, "REQUIRED");

            if (f->type == BP_FIELD_STRING || f->type == BP_FIELD_ENUM) {
                valid_put(f, &data); /* given, and then given empty, which counts */
                if (f->type == BP_FIELD_STRING)
                    bp_wire_put_bytes(&data, f->number, BP_STR(""));
                else
                    bp_wire_put_uint(&data, f->number, 0);
                expect_payload_violation(type, &data, f->name.p, "REQUIRED");
            }
            bp_buf_fini(&data);
        }
    }
}

static void test_validate_required_number_may_be_zero(void **state)
{
    (void)state;
    const struct bp_event_type *type =
        bp_schema_type(schema, BP_STR("remittance.aggregate.published"));
    const struct bp_field *amount = bp_type_field(type, BP_STR("remittance_amount"));
    struct bp_buf data = {0};
    struct bp_violations v = {0};
    valid_payload(type, ~(UINT64_C(1) << amount->index), &data);
    bp_wire_put_uint(&data, amount->number, 0);
    struct bp_event e = valid_event(type, bp_buf_str(&data));

    assert_true(is_valid(schema, &e, &v));
    bp_buf_fini(&data);
}

/* Every text field of every type with this value behind its valid one. */
static void expect_every_text_refused(struct bp_str value, const char *reason)
{
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            struct bp_buf data = {0};
            if (f->type != BP_FIELD_STRING || f->max_bytes < value.n)
                continue;
            valid_payload(type, ~UINT64_C(0), &data);
            bp_wire_put_bytes(&data, f->number, value);
            expect_payload_violation(type, &data, f->name.p, reason);
            bp_buf_fini(&data);
        }
    }
}

static void test_validate_text_that_is_not_utf8_is_refused_everywhere(void **state)
{
    (void)state;
    expect_every_text_refused(BP_STR("\xff"), "NOT_UTF8");
    expect_every_text_refused(BP_STR("\xc0\x80"), "NOT_UTF8");
}

static void test_validate_text_with_nul_is_refused_everywhere(void **state)
{
    (void)state;
    expect_every_text_refused(BP_STR("\0"), "NOT_UTF8");
}

static void test_validate_too_long_text_is_refused_everywhere(void **state)
{
    (void)state;
    char *text = malloc(BP_EVENT_DATA_MAX);
    assert_non_null(text);
    memset(text, '1', BP_EVENT_DATA_MAX);
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            struct bp_buf data = {0};
            struct bp_violations v = {0};
            if (f->type != BP_FIELD_STRING)
                continue;
            valid_payload(type, ~UINT64_C(0), &data);
            bp_wire_put_bytes(&data, f->number, bp_str_of(text, f->max_bytes + 1));
            expect_payload_violation(type, &data, f->name.p, "TOO_LONG");

            if (f->format == 0) { /* as long as it may be */
                bp_buf_clear(&data);
                valid_payload(type, ~UINT64_C(0), &data);
                bp_wire_put_bytes(&data, f->number, bp_str_of(text, f->max_bytes));
                struct bp_event e = valid_event(type, bp_buf_str(&data));
                assert_true(is_valid(schema, &e, &v));
            }
            bp_buf_fini(&data);
        }
    }
    free(text);
}

static void test_validate_broken_format_is_refused_in_every_field_that_has_it(void **state)
{
    (void)state;
    const char *const reasons[] = {
        [FORMAT(NIK)] = "NIK",
        [FORMAT(REGION)] = "REGION",
        [FORMAT(COUNTRY)] = "COUNTRY",
        [FORMAT(CURRENCY)] = "CURRENCY",
        [FORMAT(DATE)] = "DATE",
        [FORMAT(PHONE)] = "PHONE",
        [FORMAT(EMAIL)] = "EMAIL",
        [FORMAT(URL)] = "URL",
        [FORMAT(AGENCY)] = "AGENCY",
        [FORMAT(PASSPORT)] = "PASSPORT",
        [FORMAT(OCCUPATION)] = "OCCUPATION",
        [FORMAT(PERIOD)] = "PERIOD",
        [FORMAT(SHA256)] = "SHA256",
    };
    unsigned seen[FORMAT(SHA256) + 1] = {0};
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            struct bp_buf data = {0};
            if (f->format == 0)
                continue;
            valid_payload(type, ~(UINT64_C(1) << k), &data);
            bp_wire_put_bytes(&data, f->number, BP_STR("?"));
            expect_payload_violation(type, &data, f->name.p, reasons[f->format]);
            seen[f->format]++;
            bp_buf_fini(&data);
        }
    }
    for (int format = FORMAT(NIK); format <= FORMAT(SHA256); format++)
        assert_true(seen[format] > 0);
}

static void test_validate_field_of_another_wire_type_is_refused_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            struct bp_buf data = {0};
            valid_payload(type, ~UINT64_C(0), &data);
            if (f->type == BP_FIELD_STRING)
                bp_wire_put_uint(&data, f->number, 1);
            else
                bp_wire_put_bytes(&data, f->number, BP_STR("\x01"));
            expect_payload_violation(type, &data, f->name.p, "MALFORMED");
            bp_buf_fini(&data);
        }
    }
}

static void test_validate_enum_number_that_does_not_exist_is_refused_everywhere(void **state)
{
    (void)state;
    const uint64_t numbers[] = {1000, UINT64_MAX};
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (size_t k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];
            for (size_t n = 0; f->type == BP_FIELD_ENUM && n < 2; n++) {
                struct bp_buf data = {0};
                valid_payload(type, ~UINT64_C(0), &data);
                bp_wire_put_uint(&data, f->number, numbers[n]);
                expect_payload_violation(type, &data, f->name.p, "UNKNOWN_ENUM");
                bp_buf_fini(&data);
            }
        }
    }
}

static void test_validate_number_beyond_its_kind_is_malformed(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.prevented"));
    struct bp_buf data = {0};
    valid_payload(type, ~UINT64_C(0), &data);
    bp_wire_put_uint(&data, bp_type_field(type, BP_STR("persons_count"))->number,
                     UINT64_C(1) << 32);

    expect_payload_violation(type, &data, "persons_count", "MALFORMED");
    bp_buf_fini(&data);
}

static void test_validate_each_item_of_a_list_is_judged(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("subject.right.executed"));
    const struct bp_field *ids = bp_type_field(type, BP_STR("affected_event_ids"));
    struct bp_buf data = {0};
    valid_payload(type, ~UINT64_C(0), &data);
    bp_wire_put_bytes(&data, ids->number, BP_STR("\xff"));
    bp_wire_put_bytes(&data, ids->number, BP_STR("sound"));

    expect_payload_violation(type, &data, "affected_event_ids", "NOT_UTF8");
    bp_buf_fini(&data);
}

static void test_validate_list_of_numbers_may_be_packed_or_not(void **state)
{
    (void)state;
    const char *const files[] = {EVERYTHING_FILE};
    struct bp_schema *site = NULL;
    assert_int_equal(bp_schema_open(files, 1, &site, NULL), BP_OK);
    const struct {
        struct bp_str data;
        const char *field; /* NULL: sound */
    } cases[] = {
        {BP_STR("\x5a\x02\x01\x02"), NULL},           /* numbers, packed */
        {BP_STR("\x58\x01\x58\x02"), NULL},           /* numbers, one by one */
        {BP_STR("\x5a\x02\x01\x80"), "data.numbers"}, /* cut short */
        {BP_STR("\x62\x02\x00\x01"), NULL},           /* kinds */
        {BP_STR("\x62\x02\x01\x07"), "data.kinds"},
        {BP_STR("\x18\x02"), "data.flag"},
        {BP_STR("\x20\x80\x80\x80\x80\x08"), "data.small"}, /* 2^31 */
        {BP_STR("\x4a\x02\x08\x01"), NULL},                 /* a time */
        {BP_STR("\x4a\x02\x10\xff"), "data.at"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bp_event e =
            valid_event(bp_schema_type(site, BP_STR("test.everything")), cases[i].data);
        struct bp_violations v = {0};

        assert_true(is_valid(site, &e, &v) == (cases[i].field == NULL));

        if (cases[i].field != NULL)
            assert_string_equal(v.items[0].field, cases[i].field);
    }
    bp_schema_destroy(site);
}

static void test_validate_payload_that_is_no_message_is_malformed(void **state)
{
    (void)state;
    struct bp_event e = departure();

    e.data = BP_STR("\x0a\x7f");
    expect_violation(schema, &e, "data", "MALFORMED");

    e.data = BP_STR("not protobuf");
    struct bp_violations v = {0};
    assert_false(is_valid(schema, &e, &v));
}

static void test_validate_data_over_its_bound_is_too_large(void **state)
{
    (void)state;
    struct bp_event e = departure();
    struct bp_violations v = {0};
    struct bp_buf data = {0};
    bp_buf_add_str(&data, e.data);
    size_t rest = BP_EVENT_DATA_MAX - data.n - 5; /* tag of two bytes, length of three */
    char *filler = calloc(1, rest);
    assert_non_null(filler);
    bp_wire_put_bytes(&data, 200, bp_str_of(filler, rest));
    e.data = bp_buf_str(&data);
    assert_int_equal(e.data.n, BP_EVENT_DATA_MAX);
    assert_true(is_valid(schema, &e, &v));

    bp_buf_add_byte(&data, 0);
    e.data = bp_buf_str(&data);
    expect_violation(schema, &e, "data", "TOO_LARGE");
    free(filler);
    bp_buf_fini(&data);
}

static void test_validate_unknown_payload_field_is_told_and_accepted(void **state)
{
    (void)state;
    struct bp_validation judge = {.schema = schema, .now_ns = VALID_NOW_NS};
    struct bp_event e = departure();
    struct bp_violations v = {0};
    const struct bp_event_type *type;
    bp_fields set;
    bool has_unknown;
    bp_wire_put_bytes(&payload, 99, BP_STR("\xff"));
    e.data = bp_buf_str(&payload);

    assert_true(bp_validate_event(&judge, &e, &type, &set, &has_unknown, &v));
    assert_true(has_unknown);
}

/* --- state machines --- */

static void test_validate_pair_of_statuses_must_be_a_move_of_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        if (type->status_field == NULL)
            continue;
        const struct bp_enum *e = type->status_field->enumeration;
        bp_fields others = ~(UINT64_C(1) << type->status_field->index |
                             UINT64_C(1) << type->previous_field->index);
        for (int32_t from = 0; from < (int32_t)e->n; from++) {
            for (int32_t to = 1; to < (int32_t)e->n; to++) {
                bool is_move = false;
                struct bp_buf data = {0};
                struct bp_violations v = {0};
                for (size_t k = 0; k < type->n_transitions; k++)
                    is_move = is_move ||
                              (type->transitions[k].from == from && type->transitions[k].to == to);
                valid_payload(type, others, &data);
                if (from != 0)
                    bp_wire_put_uint(&data, type->previous_field->number, (uint64_t)from);
                bp_wire_put_uint(&data, type->status_field->number, (uint64_t)to);
                struct bp_event event = valid_event(type, bp_buf_str(&data));
                if (is_move)
                    assert_true(is_valid(schema, &event, &v));
                else
                    expect_payload_violation(type, &data, type->status_field->name.p, "TRANSITION");
                bp_buf_fini(&data);
            }
        }
    }
}

static void test_validate_known_moves_of_the_worker_are_accepted(void **state)
{
    (void)state;
    const struct {
        const char *type, *from, *to;
        bool is_move;
    } cases[] = {
        {"worker.verified", "REGISTERED", "VERIFIED", true},
        {"worker.verified", "REGISTERED", "INELIGIBLE", true},
        {"worker.verified", NULL, "VERIFIED", false},
        {"departure.prevented", NULL, "DEPARTURE_PREVENTED", true},
        {"departure.recorded", "CLEARED", "DEPARTED", true},
        {"departure.recorded", "ORIENTED", "DEPARTED", false},
        {"case.opened", "WORKING", "IN_PROTECTION", true},
        {"case.opened", "DECEASED", "IN_PROTECTION", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bp_event_type *type = bp_schema_type(schema, bp_str(cases[i].type));
        const struct bp_enum *e = type->status_field->enumeration;
        struct bp_buf data = {0};
        struct bp_violations v = {0};
        valid_payload(type,
                      ~(UINT64_C(1) << type->status_field->index |
                        UINT64_C(1) << type->previous_field->index),
                      &data);
        bp_wire_put_uint(&data, type->status_field->number,
                         (uint64_t)bp_enum_by_name(e, bp_str(cases[i].to))->number);
        if (cases[i].from != NULL)
            bp_wire_put_uint(&data, type->previous_field->number,
                             (uint64_t)bp_enum_by_name(e, bp_str(cases[i].from))->number);
        struct bp_event event = valid_event(type, bp_buf_str(&data));

        assert_true(is_valid(schema, &event, &v) == cases[i].is_move);
        bp_buf_fini(&data);
    }
}

/* --- reports --- */

static void test_validate_all_violations_are_told_up_to_the_most(void **state)
{
    (void)state;
    struct bp_event e = {0};
    struct bp_violations v = {0};
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("job.order.published"));
    e.type = type->name;

    assert_false(is_valid(schema, &e, &v));

    assert_int_equal(v.n, 9); /* id, occurred_at and seven required fields */
    for (int i = 0; i < 20; i++)
        assert_false(is_valid(schema, &e, &v));
    assert_int_equal(v.n, BP_VIOLATIONS_MAX);
}

static void test_validate_message_never_repeats_the_value(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("worker.registered"));
    struct bp_violations v = {0};
    struct bp_buf data = {0};
    for (size_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == BP_FIELD_STRING)
            bp_wire_put_bytes(&data, type->fields[i].number, BP_STR("RAHASIA\xff"));
    }
    struct bp_event e = valid_event(type, bp_buf_str(&data));
    e.id = e.source = e.subject = e.region = e.destination = e.traceparent = BP_STR("RAHASIA\xff");

    assert_false(is_valid(schema, &e, &v));

    for (size_t i = 0; i < v.n; i++) {
        assert_null(strstr(v.items[i].message, "RAHASIA"));
        assert_null(strstr(v.items[i].field, "RAHASIA"));
    }
    bp_buf_fini(&data);
}

static void test_validate_random_bytes_never_break_the_program(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (unsigned round = 0; round < 20000; round++) {
        const struct bp_event_type *type = &schema->types[round % schema->n_types];
        struct bp_violations v = {0};
        struct bp_buf data = {0}, canonical = {0};
        valid_payload(type, ~UINT64_C(0), &data);
        for (unsigned i = 0; i < 1 + round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            data.p[(random >> 8) % data.n] ^= (uint8_t)(1u << (random & 7));
        }
        struct bp_event e =
            valid_event(type, bp_str_of(data.p, round % 5 == 0 ? (random >> 8) % data.n : data.n));

        bool is_sound = is_valid(schema, &e, &v);

        assert_true(is_sound == (v.n == 0));
        if (is_sound)
            assert_true(bp_payload_canonical(type, e.data, &canonical));
        bp_buf_fini(&data);
        bp_buf_fini(&canonical);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate_full_event_of_every_type_is_sound),
        cmocka_unit_test(test_validate_required_fields_alone_are_sound_for_every_type),
        cmocka_unit_test_teardown(test_validate_envelope_forms_are_accepted, free_payload),
        cmocka_unit_test_teardown(test_validate_broken_envelope_field_is_named, free_payload),
        cmocka_unit_test_teardown(test_validate_time_out_of_bounds_is_refused, free_payload),
        cmocka_unit_test_teardown(test_validate_version_that_is_not_known_is_refused, free_payload),
        cmocka_unit_test_teardown(test_validate_agency_outside_of_the_registry_is_refused,
                                  free_payload),
        cmocka_unit_test(test_validate_subject_and_nik_of_the_payload_must_agree),
        cmocka_unit_test(test_validate_addressee_given_must_be_that_of_the_payload),
        cmocka_unit_test(test_validate_each_missing_required_field_is_named),
        cmocka_unit_test(test_validate_required_number_may_be_zero),
        cmocka_unit_test(test_validate_text_that_is_not_utf8_is_refused_everywhere),
        cmocka_unit_test(test_validate_text_with_nul_is_refused_everywhere),
        cmocka_unit_test(test_validate_too_long_text_is_refused_everywhere),
        cmocka_unit_test(test_validate_broken_format_is_refused_in_every_field_that_has_it),
        cmocka_unit_test(test_validate_field_of_another_wire_type_is_refused_everywhere),
        cmocka_unit_test(test_validate_enum_number_that_does_not_exist_is_refused_everywhere),
        cmocka_unit_test(test_validate_number_beyond_its_kind_is_malformed),
        cmocka_unit_test(test_validate_each_item_of_a_list_is_judged),
        cmocka_unit_test(test_validate_list_of_numbers_may_be_packed_or_not),
        cmocka_unit_test_teardown(test_validate_payload_that_is_no_message_is_malformed,
                                  free_payload),
        cmocka_unit_test_teardown(test_validate_data_over_its_bound_is_too_large, free_payload),
        cmocka_unit_test_teardown(test_validate_unknown_payload_field_is_told_and_accepted,
                                  free_payload),
        cmocka_unit_test(test_validate_pair_of_statuses_must_be_a_move_of_its_type),
        cmocka_unit_test(test_validate_known_moves_of_the_worker_are_accepted),
        cmocka_unit_test(test_validate_all_violations_are_told_up_to_the_most),
        cmocka_unit_test(test_validate_message_never_repeats_the_value),
        cmocka_unit_test(test_validate_random_bytes_never_break_the_program),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
