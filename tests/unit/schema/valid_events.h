/* Sound events of any type, made from the rules of their fields: every text different from all
 * others, so that it can be looked for in bytes. */
#ifndef VALID_EVENTS_H
#define VALID_EVENTS_H

#include "validate.h"

#define VALID_NIK "1807995203990001"
#define VALID_SUBJECT "w_9F3KX2M7QJ4T8B6N5R1C"
#define VALID_NOW_NS (INT64_C(1767225600) * INT64_C(1000000000)) /* 2026-01-01T00:00:00Z */

/* The embedded schema; fails the test if it does not load. */
struct bp_schema *valid_schema(void);

/* A text that the field's rules allow, its own for each index of a field. Static; overwritten by
 * the next call. */
struct bp_str valid_text(const struct bp_field *f);
/* A number likewise: of the kind of the field, and over four. */
uint64_t valid_number(const struct bp_field *f);

/* Appends one field with its valid value; a list gets two items. */
void valid_put(const struct bp_field *f, struct bp_buf *data);
/* A payload of the given fields. Where the type has a status pair it is a move that is allowed. */
void valid_payload(const struct bp_event_type *type, bp_fields fields, struct bp_buf *data);

/* An envelope with everything set that a publisher may set; data is borrowed. */
struct bp_event valid_event(const struct bp_event_type *type, struct bp_str data);

/* Judges at VALID_NOW_NS, agencies by shape. */
bool is_valid(const struct bp_schema *schema, const struct bp_event *e, struct bp_violations *v);
/* Fails the test unless the event is refused for this alone. */
void expect_violation(const struct bp_schema *schema, const struct bp_event *e, const char *field,
                      const char *reason);

#endif
