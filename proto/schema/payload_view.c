/* Single values are kept while walking, because the last one counts; lists are walked again when
 * they are asked for, so that a view needs no memory of its own. */
#include "payload_view.h"

/* Checks what one wire field adds to a list; *n counts its items. */
static bool check_items(const struct bp_field *f, const struct bp_wire_field *w, size_t *n)
{
    struct bp_value value;
    uint64_t number;
    if (!bp_field_takes(f, w))
        return false;
    *n = 1;
    if (!bp_field_is_number(f))
        return bp_value_of_wire(f, w, &value);
    struct bp_numbers numbers = bp_numbers_of(w);
    for (*n = 0; bp_numbers_next(&numbers, &number);)
        (*n)++;
    return !numbers.r.malformed;
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
    return (struct bp_payload_items){.field = f, .fields = bp_wire_of(p->data)};
}

bool bp_payload_next_item(struct bp_payload_items *items, struct bp_value *out)
{
    struct bp_wire_field w;
    uint64_t number;
    while (!bp_numbers_next(&items->numbers, &number)) {
        do {
            if (!bp_wire_next(&items->fields, &w))
                return false;
        } while (w.number != items->field->number);
        if (!bp_field_is_number(items->field))
            return bp_value_of_wire(items->field, &w, out);
        items->numbers = bp_numbers_of(&w);
    }
    *out = bp_value_of_varint(items->field, number);
    return true;
}
