/* What validation, redaction and the canonical form share in walking a payload. Pure; any thread.
 */
#ifndef BERBAGI_PAYLOAD_H
#define BERBAGI_PAYLOAD_H

#include "schema.h"
#include "wire.h"

/* Is this the wire type of such a field? Numbers: a varint, or for a list a packed run of them; all
 * else: bytes. */
bool bp_field_takes(const struct bp_field *f, const struct bp_wire_field *w);

/* A number, enum or bool on the wire? */
bool bp_field_is_number(const struct bp_field *f);
/* A number that counts: no bool, no enum. */
bool bp_field_is_integer(const struct bp_field *f);

/* The numbers of one wire field, packed or not.
 *     struct bp_numbers it = bp_numbers_of(&w);
 *     while (bp_numbers_next(&it, &value)) ...
 *     if (it.r.malformed) ... */
struct bp_numbers {
    struct bp_wire r; /* of a packed run */
    uint64_t value;   /* of a single one */
    bool has_value;
};
struct bp_numbers bp_numbers_of(const struct bp_wire_field *w);
bool bp_numbers_next(struct bp_numbers *it, uint64_t *value);

#endif
