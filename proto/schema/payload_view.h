/* A payload looked at by field: one walk over its wire bytes finds and checks the values of the
 * fields that the schema knows. For writers of text. Pure; any thread. */
#ifndef BERBAGI_PAYLOAD_VIEW_H
#define BERBAGI_PAYLOAD_VIEW_H

#include "payload_value.h"

struct bp_payload {
    const struct bp_event_type *type;
    struct bp_str data;
    bp_fields set;                         /* fields with a value; lists with an item */
    struct bp_value values[BP_FIELDS_MAX]; /* of single fields that are set, the last one given */
};

/* Borrows type and data. False: malformed (a known field of another wire type, text that is not
 * UTF-8, a time out of range). */
bool bp_payload_read(const struct bp_event_type *type, struct bp_str data, struct bp_payload *out);

static inline bool bp_payload_has(const struct bp_payload *p, const struct bp_field *f)
{
    return (p->set >> f->index & 1) != 0;
}

/* The items of a list field in a payload that was read, one after the other. */
struct bp_payload_items {
    const struct bp_field *field;
    struct bp_wire fields;
    struct bp_numbers numbers; /* the rest of the wire field reached, if f is a number */
};
struct bp_payload_items bp_payload_items_of(const struct bp_payload *p, const struct bp_field *f);
bool bp_payload_next_item(struct bp_payload_items *items, struct bp_value *out);

#endif
