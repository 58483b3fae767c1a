/* CloudEvents 1.0 structured JSON (cloudevents.io, JSON event format 1.0.2), both ways, by the schema's tables. Attribute
 * ↔ envelope: id, source, type, subject, time=occurred_at, data; extensions region, destination, correlationid, causationid,
 * supersedes, traceparent, addressedto, schemaversion=schema_version. data is an object of field names; enums by name
 * (EventField short form), int64 and uint64 as JSON numbers when they fit 2^53 and decimal text otherwise (text is always accepted), bytes as
 * base64. jansson underneath. Any thread. */
#ifndef BERBAGI_EVENT_JSON_H
#define BERBAGI_EVENT_JSON_H

#include "validate.h"

/* Parses one JSON object and appends the serialized Event. What does not fit becomes a violation (field, MALFORMED,
 * UNKNOWN_TYPE, UNKNOWN_ENUM, ...): an attribute or payload field that is unknown, a value of another kind. A payload field
 * `nik` of a type that has none names the worker: it becomes subject "nik:...". False if v got any. */
bool bp_event_from_json(const struct bp_schema *schema, struct bp_str json, struct bp_buf *out,
                        struct bp_violations *v);

/* What a subscriber prints beside the event. Zero values are left out. */
struct bp_delivery_notes {
    uint64_t position;
    int64_t recorded_at_ns;
    struct bp_str published_by;
    const struct bp_str *agreements, *purposes;
    size_t n_agreements, n_purposes;
};

/* Appends one line of JSON (no newline), keys in a fixed order: specversion, id, source, type, subject, time, extensions,
 * position, recordedtime, publishedby, agreements, purposes, datacontenttype, data. notes may be NULL. A payload of a type unknown to the
 * schema is printed as data_base64. False: malformed or out of memory. */
bool bp_event_to_json(const struct bp_schema *schema, const struct bp_event *e, const struct bp_delivery_notes *notes,
                      struct bp_buf *out);

#endif
