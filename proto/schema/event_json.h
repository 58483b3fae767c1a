/* CloudEvents 1.0 structured JSON (cloudevents.io, JSON event format 1.0.2), both ways, by the
 * schema's tables. Any thread.
 *
 * Attribute ↔ envelope: id, source, type, subject, time = occurred_at, data; extensions region,
 * destination, correlationid, causationid, supersedes, traceparent, addressedto, schemaversion =
 * schema_version. Texts may be empty, which is the same as absent.
 *
 * data is an object of field names: texts and enums (short form; the full name is taken too) as
 * strings, int64 and uint64 as numbers when they fit 2^53 and as decimal text otherwise (text is
 * always taken), times in RFC 3339, bytes in base64, lists as arrays. null is absent, a list
 * without items too. An enum number that the schema does not know is printed as a number. */
#ifndef BERBAGI_EVENT_JSON_H
#define BERBAGI_EVENT_JSON_H

#include "validate.h"

/* Parses one JSON object and appends the serialized Event, its payload in field-number order
 * whatever the order of keys. The caller bounds json's size; what nests deeper than 8 is refused.
 *
 * What does not fit becomes a violation (field as written here, "time", "data.scheme"; empty for
 * the text as a whole) with the reason REQUIRED, MALFORMED, NOT_UTF8, UNKNOWN_TYPE, UNKNOWN_ENUM,
 * NIK or SUBJECT_MISMATCH: specversion not "1.0", an attribute or payload field that is unknown or
 * given twice, a value of another kind or out of its range. datacontenttype, if given, must be a
 * JSON type; dataschema and what a subscriber's line carries (position, recordedtime, publishedby,
 * agreements, purposes) are taken and left aside. id may be absent.
 *
 * `nik` names the worker. As a top-level attribute, or in the data of a type without such a field,
 * it becomes the subject "nik:..." and nothing else; a subject given beside it must say the same.
 * In the data of a type that has the field it is the field, and the subject too where none is
 * given.
 *
 * v is empty at the call. False, and nothing is appended, if v got any, or (v empty) when out of
 * memory; where jansson hides that it ran out, the text as a whole is MALFORMED. */
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

/* Appends one line of JSON (no newline), keys in a fixed order: specversion, id, source, type,
 * subject, time, extensions, position, recordedtime, publishedby, agreements, purposes,
 * datacontenttype, data. agreements and purposes are each one text with a blank between the items,
 * because an attribute of CloudEvents cannot be a list. notes may be NULL. A payload of a type
 * unknown to the schema is printed as data_base64; fields unknown to the schema are left out.
 * False, and nothing is appended: malformed (text that is not UTF-8 too) or out of memory
 * (out->failed). */
bool bp_event_to_json(const struct bp_schema *schema, const struct bp_event *e,
                      const struct bp_delivery_notes *notes, struct bp_buf *out);

#endif
