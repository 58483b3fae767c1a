/* Texts are what breaks quoting, guarding, splitting and escaping; numbers stand at their limits.
 */
#include "samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire.h"

struct bp_schema *sample_schema(void)
{
    static const char *const files[] = {EVERYTHING_FILE};
    struct bp_schema *schema = NULL;
    struct bp_err err = {0};
    if (bp_schema_open(files, 1, &schema, &err) != BP_OK)
        fail_msg("%s", err.text);
    return schema;
}

static struct bp_str sample_text(unsigned n)
{
    static const char *const texts[] = {
        "plain",    "=1+2",           "'=1",      "'plain",     "+6281234567", "-5",   "@handle",
        "-",        "two\r\nlines",   "a,b;c",    "\"quoted\"", " blanks ",    "|",    "a|b\\",
        "\\",       "\ttab",          "''",       "''=x",       "\r",          "null", "é ✓ 😀",
        "\x01\x7f", "</script>&\"\\", "+62 8 12",
    };
    return bp_str(texts[n % (sizeof(texts) / sizeof(texts[0]))]);
}

static uint64_t sample_number(const struct bp_field *f, unsigned n)
{
    static const int64_t signed_numbers[] = {
        0, -1, INT64_MAX, INT64_MIN, INT64_C(1) << 53, (INT64_C(1) << 53) + 1, -(INT64_C(1) << 53)};
    static const uint64_t unsigned_numbers[] = {0, 1, UINT64_MAX, (UINT64_C(1) << 53) + 1};
    switch (f->type) {
    case BP_FIELD_BOOL:
        return n % 2;
    case BP_FIELD_ENUM:
        return (uint64_t)(int64_t)f->enumeration->values[n % f->enumeration->n].number;
    case BP_FIELD_INT32:
        return (uint64_t)(int64_t)(int32_t)signed_numbers[n % 7];
    case BP_FIELD_UINT32:
        return (uint32_t)unsigned_numbers[n % 4];
    case BP_FIELD_UINT64:
        return unsigned_numbers[n % 4];
    case BP_FIELD_INT64:
    case BP_FIELD_STRING:
    case BP_FIELD_BYTES:
    case BP_FIELD_TIMESTAMP:
        break;
    }
    return (uint64_t)signed_numbers[n % 7];
}

static void put_value(const struct bp_field *f, unsigned n, struct bp_buf *data)
{
    if (bp_str_is(f->name, "nik"))
        bp_wire_put_bytes(data, f->number, BP_STR(SAMPLE_NIK));
    else if (f->type == BP_FIELD_BYTES)
        bp_wire_put_bytes(data, f->number, bp_str_of("\x00\xff\x10\x80=", 1 + n % 5));
    else if (f->type == BP_FIELD_STRING)
        bp_wire_put_bytes(data, f->number, sample_text(n));
    else if (f->type == BP_FIELD_TIMESTAMP)
        bp_wire_put_time(data, f->number, INT64_C(1762136100000000000) + (int64_t)n);
    else
        bp_wire_put_uint(data, f->number, sample_number(f, n));
}

static void put_list(const struct bp_field *f, unsigned n, struct bp_buf *data)
{
    bool is_packed = f->type != BP_FIELD_STRING && f->packed;
    size_t mark = is_packed ? bp_wire_begin_message(data, f->number) : 0;
    for (unsigned i = 0; i < 1 + n % 3; i++) {
        if (is_packed)
            bp_wire_put_varint(data, sample_number(f, n + i));
        else if (f->type == BP_FIELD_STRING && i == 0 && n % 2 == 1)
            bp_wire_put_bytes(data, f->number, BP_STR(""));
        else
            put_value(f, n + i, data);
    }
    if (is_packed)
        bp_wire_end_message(data, mark);
}

void sample_payload(const struct bp_event_type *type, unsigned round, struct bp_buf *data)
{
    bp_buf_clear(data);
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        if (f->repeated)
            put_list(f, round + f->index, data);
        else
            put_value(f, round + f->index, data);
    }
}

struct bp_event sample_event(const struct bp_event_type *type, const struct bp_buf *data)
{
    return (struct bp_event){
        .id = BP_STR("0192f3a1-7c11-7c3e-9f55-2a4b6c8d0e1f"),
        .type = type->name,
        .source = BP_STR("kab.18.07"),
        .subject = BP_STR("w_9F3KX2M7QJ4T8B6N5R1C"),
        .region = BP_STR("18.07.12.2003"),
        .destination = BP_STR("TW"),
        .correlation_id = BP_STR("=FILE \"2025\", 18"),
        .causation_id = BP_STR("-"),
        .supersedes = BP_STR("@earlier"),
        .traceparent = BP_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        .addressed_to = BP_STR("kl.polri"),
        .has_occurred_at = true,
        .occurred_at_ns = INT64_C(1762136100000000001),
        .schema_version = 1,
        .data = bp_buf_str(data),
    };
}

bool has_only_violation(const struct bp_violations *v, const char *field, const char *reason)
{
    if (v->n == 1 && strcmp(v->items[0].field, field) == 0 &&
        strcmp(v->items[0].reason, reason) == 0)
        return true;
    for (size_t i = 0; i < v->n; i++)
        print_error("got %s %s: %s\n", v->items[i].field, v->items[i].reason, v->items[i].message);
    print_error("expected only %s %s\n", field, reason);
    return false;
}
