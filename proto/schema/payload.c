/* The canonical form takes one walk to find where each singular field stands last, and one more for
 * each list. */
#include "payload.h"

#include "event.h"

bool bp_field_is_integer(const struct bp_field *f)
{
    switch (f->type) {
    case BP_FIELD_INT32:
    case BP_FIELD_INT64:
    case BP_FIELD_UINT32:
    case BP_FIELD_UINT64:
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

bool bp_field_is_number(const struct bp_field *f)
{
    return f->type == BP_FIELD_BOOL || f->type == BP_FIELD_ENUM || bp_field_is_integer(f);
}

bool bp_field_takes(const struct bp_field *f, const struct bp_wire_field *w)
{
    if (!bp_field_is_number(f))
        return w->type == BP_WIRE_LEN;
    return w->type == BP_WIRE_VARINT || (f->repeated && w->type == BP_WIRE_LEN);
}

struct bp_numbers bp_numbers_of(const struct bp_wire_field *w)
{
    bool is_packed = w->type == BP_WIRE_LEN;
    return (struct bp_numbers){bp_wire_of(w->bytes), w->value, !is_packed};
}

bool bp_numbers_next(struct bp_numbers *it, uint64_t *value)
{
    if (!it->has_value)
        return bp_wire_varint(&it->r, value);
    *value = it->value;
    it->has_value = false;
    it->r.p = it->r.end;
    return true;
}

/* Notes in last[] where each singular field stands for the last time, and the fields seen. False:
 * malformed. */
static bool find_last(const struct bp_event_type *type, struct bp_str data,
                      struct bp_wire_field *last, bp_fields *seen)
{
    struct bp_wire r = bp_wire_of(data);
    struct bp_wire_field w;
    *seen = 0;
    while (bp_wire_next(&r, &w)) {
        const struct bp_field *f = bp_type_field_by_number(type, w.number);
        if (f == NULL)
            continue;
        if (!bp_field_takes(f, &w))
            return false;
        last[f->index] = w;
        *seen |= UINT64_C(1) << f->index;
    }
    return !r.malformed;
}

static bool put_single(const struct bp_field *f, const struct bp_wire_field *w, struct bp_buf *out)
{
    int64_t seconds;
    int32_t nanos;
    if (bp_field_is_number(f)) {
        if (w->value != 0 || f->has_presence)
            bp_wire_put_uint(out, f->number, w->value);
    } else if (f->type == BP_FIELD_TIMESTAMP) {
        if (!bp_wire_get_timestamp(w->bytes, &seconds, &nanos))
            return false;
        bp_wire_put_timestamp(out, f->number, seconds, nanos);
    } else if (w->bytes.n != 0 || f->has_presence) {
        bp_wire_put_bytes(out, f->number, w->bytes);
    }
    return true;
}

static bool put_numbers(const struct bp_field *f, const struct bp_wire_field *w, struct bp_buf *out)
{
    struct bp_numbers it = bp_numbers_of(w);
    uint64_t value;
    while (bp_numbers_next(&it, &value)) {
        if (!f->packed)
            bp_wire_put_tag(out, f->number, BP_WIRE_VARINT);
        bp_wire_put_varint(out, value);
    }
    return !it.r.malformed;
}

/* All items of a list, wherever they stand in data. */
static bool put_list(const struct bp_field *f, struct bp_str data, struct bp_buf *out)
{
    struct bp_wire r = bp_wire_of(data);
    struct bp_wire_field w;
    bool is_packed = bp_field_is_number(f) && f->packed, sound = true;
    size_t start = out->n, mark = is_packed ? bp_wire_begin_message(out, f->number) : 0;
    while (sound && bp_wire_next(&r, &w)) {
        if (w.number != f->number)
            continue;
        if (bp_field_is_number(f))
            sound = put_numbers(f, &w, out);
        else
            bp_wire_put_bytes(out, f->number, w.bytes);
    }
    if (is_packed && out->n == mark)
        out->n = start; /* a packed run of nothing is no list */
    else if (is_packed)
        bp_wire_end_message(out, mark);
    return sound;
}

bool bp_payload_canonical(const struct bp_event_type *type, struct bp_str data, struct bp_buf *out)
{
    struct bp_wire_field last[BP_FIELDS_MAX];
    bp_fields seen;
    size_t start = out->n;
    bool sound = find_last(type, data, last, &seen);
    for (size_t i = 0; sound && i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        if ((seen >> i & 1) == 0)
            continue;
        sound = f->repeated ? put_list(f, data, out) : put_single(f, &last[i], out);
    }
    if (!sound && !out->failed)
        out->n = start;
    return sound;
}
