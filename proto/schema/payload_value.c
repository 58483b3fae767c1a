/* The one place that knows how each field type looks as text. */
#include "payload_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base64.h"
#include "clock.h"

#define EXACT_IN_DOUBLE (INT64_C(1) << 53)

bool bp_value_reject(const struct bp_field *f, const char *reason, struct bp_violations *v,
                     const char *format, ...)
{
    char name[sizeof(v->items[0].field)], words[sizeof(v->items[0].message)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    (void)snprintf(name, sizeof(name), "data.%.*s", BP_STR_ARGS(f->name));
    bp_violation_add(v, name, reason, "%s", words);
    return false;
}

bool bp_value_reject_kind(const struct bp_field *f, struct bp_violations *v)
{
    static const char *const kinds[] = {
        [BP_FIELD_STRING] = "text",
        [BP_FIELD_BYTES] = "bytes in base64",
        [BP_FIELD_BOOL] = "true or false",
        [BP_FIELD_INT32] = "a whole number from -2147483648 to 2147483647",
        [BP_FIELD_INT64] = "a whole number from -9223372036854775808 to 9223372036854775807",
        [BP_FIELD_UINT32] = "a whole number from 0 to 4294967295",
        [BP_FIELD_UINT64] = "a whole number from 0 to 18446744073709551615",
        [BP_FIELD_ENUM] = "one of its names",
        [BP_FIELD_TIMESTAMP] = "a time like 2025-11-03T02:15:00Z (RFC 3339)",
    };
    return bp_value_reject(f, "MALFORMED", v, "must be %s", kinds[f->type]);
}

static bool parse_string(const struct bp_field *f, struct bp_str text, struct bp_value *out,
                         struct bp_violations *v)
{
    if (!bp_utf8_is_valid(text))
        return bp_value_reject(f, "NOT_UTF8", v, "must be UTF-8 text without NUL");
    *out = (struct bp_value){.text = text};
    return true;
}

static bool parse_bytes(const struct bp_field *f, struct bp_str text, struct bp_buf *scratch,
                        struct bp_value *out, struct bp_violations *v)
{
    bp_buf_clear(scratch);
    if (!bp_base64_decode(text, scratch))
        return bp_value_reject_kind(f, v);
    *out = (struct bp_value){.text = bp_buf_str(scratch)};
    return true;
}

static bool parse_enum(const struct bp_field *f, struct bp_str text, struct bp_value *out,
                       struct bp_violations *v)
{
    const struct bp_enum_value *e = bp_enum_by_name(f->enumeration, text);
    if (e == NULL)
        return bp_value_reject(f, "UNKNOWN_ENUM", v, "must be one of the names of %.*s",
                               BP_STR_ARGS(f->enumeration->name));
    *out = (struct bp_value){.number = (uint64_t)(int64_t)e->number};
    return true;
}

static bool parse_bool(const struct bp_field *f, struct bp_str text, struct bp_value *out,
                       struct bp_violations *v)
{
    bool is_true = bp_str_is(text, "true");
    if (!is_true && !bp_str_is(text, "false"))
        return bp_value_reject_kind(f, v);
    *out = (struct bp_value){.number = is_true};
    return true;
}

static bool parse_integer(const struct bp_field *f, struct bp_str text, struct bp_value *out,
                          struct bp_violations *v)
{
    int64_t number;
    uint64_t large;
    if (bp_parse_i64(text, &number))
        return bp_value_of_integer(f, number, out, v);
    if (f->type != BP_FIELD_UINT64 || !bp_parse_u64(text, &large))
        return bp_value_reject_kind(f, v);
    *out = (struct bp_value){.number = large};
    return true;
}

static bool parse_time(const struct bp_field *f, struct bp_str text, struct bp_value *out,
                       struct bp_violations *v)
{
    int64_t unix_ns;
    if (!bp_time_parse(text, &unix_ns))
        return bp_value_reject_kind(f, v);
    *out = (struct bp_value){.number = (uint64_t)unix_ns};
    return true;
}

bool bp_value_parse(const struct bp_field *f, struct bp_str text, struct bp_buf *scratch,
                    struct bp_value *out, struct bp_violations *v)
{
    switch (f->type) {
    case BP_FIELD_STRING:
        return parse_string(f, text, out, v);
    case BP_FIELD_BYTES:
        return parse_bytes(f, text, scratch, out, v);
    case BP_FIELD_BOOL:
        return parse_bool(f, text, out, v);
    case BP_FIELD_ENUM:
        return parse_enum(f, text, out, v);
    case BP_FIELD_TIMESTAMP:
        return parse_time(f, text, out, v);
    case BP_FIELD_INT32:
    case BP_FIELD_INT64:
    case BP_FIELD_UINT32:
    case BP_FIELD_UINT64:
        break;
    }
    return parse_integer(f, text, out, v);
}

static bool is_in_range(enum bp_field_type type, int64_t number)
{
    switch (type) {
    case BP_FIELD_INT32:
        return number >= INT32_MIN && number <= INT32_MAX;
    case BP_FIELD_UINT32:
        return number >= 0 && number <= UINT32_MAX;
    case BP_FIELD_UINT64:
        return number >= 0;
    case BP_FIELD_INT64:
        return true;
    case BP_FIELD_STRING:
    case BP_FIELD_BYTES:
    case BP_FIELD_BOOL:
    case BP_FIELD_ENUM:
    case BP_FIELD_TIMESTAMP:
        return false;
    }
    return false;
}

bool bp_value_of_integer(const struct bp_field *f, int64_t number, struct bp_value *out,
                         struct bp_violations *v)
{
    if (f->type == BP_FIELD_ENUM)
        return bp_value_reject(f, "UNKNOWN_ENUM", v, "must be a name of %.*s, not a number",
                               BP_STR_ARGS(f->enumeration->name));
    if (!is_in_range(f->type, number))
        return bp_value_reject_kind(f, v);
    *out = (struct bp_value){.number = (uint64_t)number};
    return true;
}

struct bp_value bp_value_of_varint(const struct bp_field *f, uint64_t varint)
{
    struct bp_value value = {.number = varint};
    if (f->type == BP_FIELD_BOOL)
        value.number = varint != 0;
    if (f->type == BP_FIELD_INT32 || f->type == BP_FIELD_ENUM)
        value.number = (uint64_t)(int64_t)(int32_t)(uint32_t)varint;
    if (f->type == BP_FIELD_UINT32)
        value.number = (uint32_t)varint;
    return value;
}

bool bp_value_of_wire(const struct bp_field *f, const struct bp_wire_field *w, struct bp_value *out)
{
    int64_t unix_ns = 0;
    if (bp_field_is_number(f)) {
        *out = bp_value_of_varint(f, w->value);
        return w->type == BP_WIRE_VARINT;
    }
    if (w->type != BP_WIRE_LEN)
        return false;
    *out = (struct bp_value){.text = w->bytes};
    if (f->type == BP_FIELD_STRING)
        return bp_utf8_is_valid(w->bytes);
    if (f->type == BP_FIELD_BYTES)
        return true;
    bool is_time = bp_wire_get_time(w->bytes, &unix_ns);
    *out = (struct bp_value){.number = (uint64_t)unix_ns};
    return is_time;
}

void bp_value_put(const struct bp_field *f, const struct bp_value *value, struct bp_buf *out)
{
    if (f->type == BP_FIELD_TIMESTAMP)
        bp_wire_put_time(out, f->number, (int64_t)value->number);
    else if (bp_field_is_number(f))
        bp_wire_put_uint(out, f->number, value->number);
    else
        bp_wire_put_bytes(out, f->number, value->text);
}

static bool is_packed(const struct bp_field *f)
{
    return f->packed && bp_field_is_number(f);
}

size_t bp_value_begin_list(const struct bp_field *f, struct bp_buf *out)
{
    return is_packed(f) ? bp_wire_begin_message(out, f->number) : 0;
}

void bp_value_put_item(const struct bp_field *f, const struct bp_value *value, struct bp_buf *out)
{
    if (is_packed(f))
        bp_wire_put_varint(out, value->number);
    else
        bp_value_put(f, value, out);
}

void bp_value_end_list(const struct bp_field *f, size_t mark, struct bp_buf *out)
{
    if (is_packed(f))
        bp_wire_end_message(out, mark);
}

static const struct bp_enum_value *enum_value(const struct bp_field *f, uint64_t number)
{
    if (f->type != BP_FIELD_ENUM)
        return NULL;
    return bp_enum_by_number(f->enumeration, (int32_t)(int64_t)number);
}

static bool is_unsigned(const struct bp_field *f)
{
    return f->type == BP_FIELD_UINT32 || f->type == BP_FIELD_UINT64;
}

static void format_number(const struct bp_field *f, uint64_t number, struct bp_buf *out)
{
    char time[36];
    if (f->type == BP_FIELD_TIMESTAMP) {
        bp_time_format((int64_t)number, time);
        bp_buf_add_text(out, time);
    } else if (f->type == BP_FIELD_BOOL) {
        bp_buf_add_text(out, number != 0 ? "true" : "false");
    } else if (is_unsigned(f)) {
        bp_buf_printf(out, "%" PRIu64, number);
    } else {
        bp_buf_printf(out, "%" PRId64, (int64_t)number);
    }
}

struct bp_str bp_value_text(const struct bp_field *f, const struct bp_value *value,
                            struct bp_buf *scratch)
{
    const struct bp_enum_value *e = enum_value(f, value->number);
    if (f->type == BP_FIELD_STRING)
        return value->text;
    if (e != NULL)
        return e->name;
    bp_buf_clear(scratch);
    if (f->type == BP_FIELD_BYTES)
        bp_base64_encode(value->text, scratch);
    else
        format_number(f, value->number, scratch);
    return bp_buf_str(scratch);
}

static bool is_exact_in_double(const struct bp_field *f, uint64_t number)
{
    int64_t n = (int64_t)number;
    if (f->type == BP_FIELD_UINT64)
        return number <= (uint64_t)EXACT_IN_DOUBLE;
    return n >= -EXACT_IN_DOUBLE && n <= EXACT_IN_DOUBLE;
}

bool bp_value_is_bare(const struct bp_field *f, const struct bp_value *value)
{
    if (f->type == BP_FIELD_BOOL)
        return true;
    if (f->type == BP_FIELD_ENUM)
        return enum_value(f, value->number) == NULL;
    return bp_field_is_number(f) && is_exact_in_double(f, value->number);
}
