/* An event's envelope as borrowed pieces of its encoded bytes: what everyone who looks at an event
 * needs, found by one walk and without unpacking. Pure; any thread. */
#ifndef BERBAGI_EVENT_H
#define BERBAGI_EVENT_H

#include "buffer.h"
#include "schema.h"

/* Field numbers of berbagi.v1.Event. */
enum bp_event_field {
    BP_EVENT_ID = 1,
    BP_EVENT_TYPE = 2,
    BP_EVENT_SOURCE = 3,
    BP_EVENT_SUBJECT = 4,
    BP_EVENT_REGION = 5,
    BP_EVENT_DESTINATION = 6,
    BP_EVENT_OCCURRED_AT = 7,
    BP_EVENT_CORRELATION_ID = 8,
    BP_EVENT_CAUSATION_ID = 9,
    BP_EVENT_SUPERSEDES = 10,
    BP_EVENT_TRACEPARENT = 11,
    BP_EVENT_ADDRESSED_TO = 12,
    BP_EVENT_SCHEMA_VERSION = 13,
    BP_EVENT_UNUSED = 14,
    BP_EVENT_DATA = 15,
};
#define BP_EVENT_DATA_MAX (64 * 1024)

/* All texts point into the bytes that were walked. A field given twice counts with its last value
 * (protobuf's rule). */
struct bp_event {
    struct bp_str id, type, source, subject, region, destination;
    struct bp_str correlation_id, causation_id, supersedes, traceparent, addressed_to;
    bool has_occurred_at;
    int64_t occurred_at_ns;
    uint32_t schema_version;
    struct bp_str data;
    bool has_unknown_fields; /* of the envelope; they are not stored */
};

/* Walks a serialized Event. False: malformed. A time outside of what nanoseconds hold is the
 * nearest they do. */
bool bp_event_parse(struct bp_str bytes, struct bp_event *out);

/* The text or bytes of an envelope field by its number; empty for a field of another kind. */
struct bp_str bp_event_text(const struct bp_event *e, uint32_t number);

/* Is every text of the envelope well-formed UTF-8? (What is not, a protobuf parser may refuse.) NUL
 * is let pass: it breaks the rules of single fields, and validation names which. */
bool bp_event_text_is_utf8(const struct bp_event *e);

/* Appends the Event in canonical form: known fields in field-number order, empty ones absent. */
void bp_event_encode(const struct bp_event *e, struct bp_buf *out);

/* Appends the payload with its known fields in field-number order (last value of a singular field,
 * lists packed as the schema says), unknown fields left out: the content that identifies it. False:
 * malformed. */
bool bp_payload_canonical(const struct bp_event_type *type, struct bp_str data, struct bp_buf *out);

#endif
