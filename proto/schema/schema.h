/* The event types as flat tables, read from descriptor sets at start: names, fields, classes,
 * rules. No event type is known to any C code; a new type is a new message. Immutable once loaded;
 * any thread. */
#ifndef BERBAGI_SCHEMA_H
#define BERBAGI_SCHEMA_H

#include "error.h"
#include "text.h"

enum bp_level { /* values as in policy.proto; NONE is "no right at all" */
                BP_LEVEL_NONE = 0,
                BP_LEVEL_PUBLIC = 1,
                BP_LEVEL_AGGREGATE = 2,
                BP_LEVEL_PSEUDONYMOUS = 3,
                BP_LEVEL_IDENTIFIED = 4,
};

enum bp_field_type {
    BP_FIELD_STRING,
    BP_FIELD_BYTES,
    BP_FIELD_BOOL,
    BP_FIELD_INT32,
    BP_FIELD_INT64,
    BP_FIELD_UINT32,
    BP_FIELD_UINT64,
    BP_FIELD_ENUM,
    BP_FIELD_TIMESTAMP,
};

/* Kinds of specific personal data as bits: 1u << SpecificKind. */
typedef uint32_t bp_kinds;

/* A set of fields of one event type: bit i is bp_event_type.fields[i]. A type has at most 64
 * fields. */
typedef uint64_t bp_fields;
#define BP_FIELDS_MAX 64

struct bp_enum_value {
    struct bp_str name;      /* short form, what JSON and CSV use: "P_TO_P" (no enum prefix) */
    struct bp_str full_name; /* as in the proto: "PLACEMENT_SCHEME_P_TO_P"; accepted on input too */
    int32_t number;
};

struct bp_enum {
    struct bp_str name;
    const struct bp_enum_value *values; /* by number */
    size_t n;
};

/* A move of a state machine: numbers of the status enum; from 0 = NONE. */
struct bp_transition {
    int32_t from, to;
};

struct bp_field {
    struct bp_str name; /* "passport_number" */
    uint32_t number;
    unsigned index; /* in bp_event_type.fields */
    enum bp_field_type type;
    bool repeated;     /* strings, or packed or unpacked numbers */
    bool packed;       /* how canonical bytes write a list of numbers */
    bool has_presence; /* in a oneof or `optional`: 0 on the wire differs from absent */
    const struct bp_enum *enumeration; /* of BP_FIELD_ENUM */
    /* FieldRules of annotations.proto; numbers are those of its enums */
    int data_class;
    int specific_kind;
    bool required;
    int format;
    uint32_t max_bytes; /* strings and bytes, defaults filled in */
    bool direct_identifier;
    bool free_text;
    int coarsen;
    bool pseudonym;
    bool identified_only;
};

struct bp_event_type {
    struct bp_str name;         /* "departure.recorded"; "(envelope)" for the envelope */
    unsigned index;             /* in bp_schema.types */
    uint32_t hash;              /* bp_schema_hash(name): what records carry; unique in a schema */
    struct bp_str message_name; /* "berbagi.events.v1.DepartureRecorded" */
    struct bp_str group, title_en, title_id, machine;
    const struct bp_str *purposes;
    size_t n_purposes;
    bool about_person;
    bool aggregate;
    uint32_t version;
    const struct bp_field *addressee_field; /* NULL: addressed to nobody */
    /* The pair of fields that a state machine is judged on (worker_status, previous_status) and the
     * moves allowed; status_field is NULL where the type has no such pair. */
    const struct bp_field *status_field, *previous_field;
    const struct bp_transition *transitions;
    size_t n_transitions;
    const struct bp_field *fields; /* by field number */
    size_t n_fields;
    bp_fields required;
    bp_kinds kinds; /* of all its fields */
};

struct bp_schema {
    struct bp_event_type envelope;     /* berbagi.v1.Event itself, its `data` included */
    const struct bp_event_type *types; /* by name */
    size_t n_types;
    const uint16_t *slots; /* private: hash table, slot → 1 + index in types */
    size_t n_slots;        /* a power of two */
};

/* Reads n serialized google.protobuf.FileDescriptorSet: the first must hold berbagi.v1.Event; every
 * message in any of them with the option berbagi.v1.event is an event type. A file that an earlier
 * set holds with the same bytes (an import) counts once. Refused with its place named: a type or
 * message named twice, a field of a kind not listed above, more than 64 fields, a payload field
 * without data_class or a SPECIFIC one without its kind, a personal bool, a rule on a kind of field
 * it is not for or unknown to this version, an addressee field that is not of FORMAT_AGENCY, a
 * transition that names an unknown status, a set that is malformed or nests deeper than 64. The
 * bytes may go afterwards. */
BP_MUST_USE bp_status bp_schema_load(const struct bp_str *sets, size_t n, struct bp_schema **out,
                                     struct bp_err *err);
/* The embedded contract and the descriptor set files of a site (`--schema FILE`). */
BP_MUST_USE bp_status bp_schema_open(const char *const *files, size_t n, struct bp_schema **out,
                                     struct bp_err *err);
void bp_schema_destroy(struct bp_schema *s); /* NULL allowed */

const struct bp_event_type *bp_schema_type(const struct bp_schema *s,
                                           struct bp_str name); /* NULL: unknown */
const struct bp_event_type *bp_schema_type_by_hash(const struct bp_schema *s, uint32_t hash);
const struct bp_field *bp_type_field(const struct bp_event_type *t, struct bp_str name);
const struct bp_field *bp_type_field_by_number(const struct bp_event_type *t, uint32_t number);
const struct bp_enum_value *bp_enum_by_number(const struct bp_enum *e,
                                              int32_t number); /* NULL: unknown */
/* By short or full name; NULL: unknown. */
const struct bp_enum_value *bp_enum_by_name(const struct bp_enum *e, struct bp_str name);

/* Does pattern ("departure.recorded", "departure.*" or "*") take in this type name? */
bool bp_type_matches(struct bp_str pattern, struct bp_str type);

/* CRC-32C of the name, stored in records for the type. */
uint32_t bp_schema_hash(struct bp_str name);

/* The least level at which a field is delivered at all, its kind apart: PUBLIC 1, RESTRICTED 2,
 * PERSONAL and SPECIFIC 3, direct identifiers and free text 4, identified_only 4. */
enum bp_level bp_field_least_level(const struct bp_field *f);

#endif
