/* Single values are kept while walking, because the last one counts; lists are walked again when
 * they are asked for, so that a view needs no memory of its own. */
#include "payload_view.h"

static struct bp_wire packed_run(const struct bp_field *f, const struct bp_wire_field *w)
{
    bool is_run = bp_value_is_varint(f) && w->type == BP_WIRE_LEN;
    return bp_wire_of(is_run ? w->bytes : bp_str_of(w->start, 0));
}

static struct bp_wire_field as_varint(uint64_t value)
{
    return (struct bp_wire_field){.type = BP_WIRE_VARINT, .value = value};
}

/* Checks what one wire field adds to a list; *n counts its items. */
static bool check_items(const struct bp_field *f, const struct bp_wire_field *w, size_t *n)
{
    struct bp_value value;
    uint64_t number;
    if (!bp_value_is_varint(f) || w->type != BP_WIRE_LEN) {
        *n = 1;
        return bp_value_of_wire(f, w, &value);
    }
    struct bp_wire run = packed_run(f, w);
    for (*n = 0; bp_wire_varint(&run, &number);)
        (*n)++;
    return run.p == run.end;
}

static bool take_field(struct bp_payload *p, const struct bp_wire_field *w)
{
    const struct bp_field *f = bp_type_field_by_number(p->type, w->number);
    size_t n = 1;
    if (f == NULL)
        return true;
    if (f->repeated ? !check_items(f, w, &n) : !bp_value_of_wire(f, w, &p->values[f->index]))
        return false;
    if (n != 0)
        p->set |= (bp_fields)1 << f->index;
    return true;
}

bool bp_payload_read(const struct bp_event_type *type, struct bp_str data, struct bp_payload *out)
{
    struct bp_wire fields = bp_wire_of(data);
    struct bp_wire_field w;
    out->type = type;
    out->data = data;
    out->set = 0;
    while (bp_wire_next(&fields, &w)) {
        if (!take_field(out, &w))
            return false;
    }
    return !fields.malformed;
}

struct bp_payload_items bp_payload_items_of(const struct bp_payload *p, const struct bp_field *f)
{
    return (struct bp_payload_items){
        .field = f, .fields = bp_wire_of(p->data), .packed = bp_wire_of(bp_str_of(p->data.p, 0))};
}

bool bp_payload_next_item(struct bp_payload_items *items, struct bp_value *out)
{
    struct bp_wire_field w;
    uint64_t number;
    for (;;) {
        if (bp_wire_varint(&items->packed, &number)) {
            w = as_varint(number);
            return bp_value_of_wire(items->field, &w, out);
        }
        do {
            if (!bp_wire_next(&items->fields, &w))
                return false;
        } while (w.number != items->field->number);
        if (!bp_value_is_varint(items->field) || w.type != BP_WIRE_LEN)
            return bp_value_of_wire(items->field, &w, out);
        items->packed = packed_run(items->field, &w);
    }
}
