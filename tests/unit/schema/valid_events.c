#include "valid_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "wire.h"

struct bp_schema *valid_schema(void)
{
    struct bp_schema *schema = NULL;
    struct bp_err err = {0};
    if (bp_schema_open(NULL, 0, &schema, &err) != BP_OK)
        fail_msg("%s", err.text);
    return schema;
}

#define FORMAT(name) BERBAGI__V1__FORMAT__FORMAT_##name

/* How a valid text of each format reads; %02u is the index of the field, from 1. */
static const char *const texts[] = {
    [FORMAT(UNSPECIFIED)] = "Text-%02u-<\"é\">",
    [FORMAT(NIK)] = VALID_NIK,
    [FORMAT(REGION)] = "18.07.12.20%02u",
    [FORMAT(COUNTRY)] = "TW",
    [FORMAT(CURRENCY)] = "IDR",
    [FORMAT(DATE)] = "1999-03-%02u",
    [FORMAT(PHONE)] = "+62812000000%02u",
    [FORMAT(EMAIL)] = "contoh%02u@example.id",
    [FORMAT(URL)] = "https://contoh%02u.example/a?b#c",
    [FORMAT(AGENCY)] = "desa.18.07.12.20%02u",
    [FORMAT(PASSPORT)] = "X12345%02u",
    [FORMAT(OCCUPATION)] = "72%02u",
    [FORMAT(PERIOD)] = "2025-Q3",
    [FORMAT(SHA256)] = "sha256:9b1c2f000000000000000000000000000000000000000000000000000000aa%02u",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats stand in the table above */
struct bp_str valid_text(const struct bp_field *f)
{
    static char text[128];
    int n = snprintf(text, sizeof(text), texts[f->format], f->index + 1);
    size_t most = f->max_bytes;
    if (f->format == 0 && (size_t)n > most) /* short fields: the index alone */
        n = snprintf(text, sizeof(text), "%0*u", (int)(most < 4 ? most : 4), f->index + 1);
    return bp_str_of(text, (size_t)n);
}
#pragma GCC diagnostic pop

uint64_t valid_number(const struct bp_field *f)
{
    switch (f->type) {
    case BP_FIELD_BOOL:
        return 1;
    case BP_FIELD_ENUM:
        return (uint64_t)(int64_t)f->enumeration->values[f->enumeration->n - 1].number;
    case BP_FIELD_INT32:
    case BP_FIELD_UINT32:
        return 0x5a5a500u + f->index;
    case BP_FIELD_INT64:
    case BP_FIELD_UINT64:
    case BP_FIELD_STRING:
    case BP_FIELD_BYTES:
    case BP_FIELD_TIMESTAMP:
        break;
    }
    return UINT64_C(0x5a5a5a5a5a500) + f->index;
}

static void put_one(const struct bp_field *f, struct bp_buf *data)
{
    if (f->type == BP_FIELD_STRING || f->type == BP_FIELD_BYTES)
        bp_wire_put_bytes(data, f->number, valid_text(f));
    else if (f->type == BP_FIELD_TIMESTAMP)
        bp_wire_put_time(data, f->number, VALID_NOW_NS);
    else
        bp_wire_put_uint(data, f->number, valid_number(f));
}

void valid_put(const struct bp_field *f, struct bp_buf *data)
{
    put_one(f, data);
    if (f->repeated)
        put_one(f, data);
}

void valid_payload(const struct bp_event_type *type, bp_fields fields, struct bp_buf *data)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        if ((fields >> i & 1) == 0)
            continue;
        if (f == type->status_field)
            bp_wire_put_uint(data, f->number, (uint64_t)type->transitions[0].to);
        else if (f == type->previous_field && type->transitions[0].from != 0)
            bp_wire_put_uint(data, f->number, (uint64_t)type->transitions[0].from);
        else if (f != type->previous_field)
            valid_put(f, data);
    }
}

struct bp_event valid_event(const struct bp_event_type *type, struct bp_str data)
{
    return (struct bp_event){
        .id = BP_STR("0192f3a1-7c11-7c3e-9f55-2a4b6c8d0e1f"),
        .type = type->name,
        .source = BP_STR("desa.18.07.15.2099"),
        .subject = BP_STR(VALID_SUBJECT),
        .region = BP_STR("18.07.15.2098"),
        .destination = BP_STR("JP"),
        .has_occurred_at = true,
        .occurred_at_ns = VALID_NOW_NS,
        .correlation_id = BP_STR("FILE-2025-18.07-004512"),
        .causation_id = BP_STR("0192f3a0-0000-7000-8000-000000000001"),
        .supersedes = BP_STR("0192f3a0-0000-7000-8000-000000000002"),
        .traceparent = BP_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        .schema_version = type->version,
        .data = data,
    };
}

bool is_valid(const struct bp_schema *schema, const struct bp_event *e, struct bp_violations *v)
{
    struct bp_validation judge = {.schema = schema, .now_ns = VALID_NOW_NS};
    const struct bp_event_type *type;
    bp_fields set;
    bool has_unknown;
    return bp_validate_event(&judge, e, &type, &set, &has_unknown, v);
}

void expect_violation(const struct bp_schema *schema, const struct bp_event *e, const char *field,
                      const char *reason)
{
    struct bp_violations v = {0};
    bool is_sound = is_valid(schema, e, &v);
    if (is_sound || v.n != 1)
        fail_msg("%s %s: got %zu violations, first %s %s", field, reason, v.n,
                 v.n != 0 ? v.items[0].field : "-", v.n != 0 ? v.items[0].reason : "-");
    assert_string_equal(v.items[0].field, field);
    assert_string_equal(v.items[0].reason, reason);
    assert_true(strlen(v.items[0].message) > 0);
}
