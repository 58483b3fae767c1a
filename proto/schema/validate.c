/* Envelope first, then one walk over the payload. On the path of a sound event nothing is
 * allocated, copied or formatted. */
#include "validate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "clock.h"
#include "codes.h"
#include "formats.h"
#include "payload.h"

#define OCCURRED_FIRST_NS (INT64_C(1167609600) * BP_NS_PER_S) /* 2007-01-01T00:00:00Z */
#define OCCURRED_AHEAD_NS (INT64_C(300) * BP_NS_PER_S)
#define ID_MAX 64
#define SUBJECT_CHARS 20

/* One judgement under way. */
struct judging {
    const struct bp_validation *judge;
    const struct bp_event *e;
    const struct bp_event_type *type; /* NULL: unknown */
    struct bp_violations *v;
    bool is_sound; /* v may be full and swallow what is added */
    bool has_unknown;
    bp_fields set;    /* some occurrence is not empty */
    bp_fields filled; /* the last occurrence is not empty: what counts */
    int32_t status, previous;
    struct bp_str nik; /* of a "nik:" subject, else empty */
    struct bp_str addressee;
};

static void add_violation(struct bp_violations *v, const char *field, const char *reason,
                          const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void add_violation(struct bp_violations *v, const char *field, const char *reason,
                          const char *format, va_list args)
{
    if (v->n == BP_VIOLATIONS_MAX)
        return;
    struct bp_violation *item = &v->items[v->n++];
    (void)snprintf(item->field, sizeof(item->field), "%s", field);
    item->reason = reason;
    (void)vsnprintf(item->message, sizeof(item->message), format, args);
}

void bp_violation_add(struct bp_violations *v, const char *field, const char *reason,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_violation(v, field, reason, format, args);
    va_end(args);
}

/* A broken rule of the envelope. */
static void violate(struct judging *j, const char *field, const char *reason, const char *format,
                    ...) BP_PRINTF(4, 5);

static void violate(struct judging *j, const char *field, const char *reason, const char *format,
                    ...)
{
    va_list args;
    va_start(args, format);
    add_violation(j->v, field, reason, format, args);
    va_end(args);
    j->is_sound = false;
}

/* A broken rule of a payload field; false, for the caller to return. */
static bool violate_field(struct judging *j, const struct bp_field *f, const char *reason,
                          const char *format, ...) BP_PRINTF(4, 5);

static bool violate_field(struct judging *j, const struct bp_field *f, const char *reason,
                          const char *format, ...)
{
    char field[sizeof(((struct bp_violation *)NULL)->field)];
    va_list args;
    (void)snprintf(field, sizeof(field), "data.%.*s", BP_STR_ARGS(f->name));
    va_start(args, format);
    add_violation(j->v, field, reason, format, args);
    va_end(args);
    j->is_sound = false;
    return false;
}

/* --- envelope --- */

static bool is_crockford(char c)
{
    return (c >= '0' && c <= '9') ||
           (c >= 'A' && c <= 'Z' && c != 'I' && c != 'L' && c != 'O' && c != 'U');
}

static bool is_pseudonym(struct bp_str s)
{
    if (s.n != 2 + SUBJECT_CHARS || !bp_str_starts(s, BP_STR("w_")))
        return false;
    for (size_t i = 2; i < s.n; i++) {
        if (!is_crockford(s.p[i]))
            return false;
    }
    return true;
}

static void check_subject(struct judging *j)
{
    struct bp_str s = j->e->subject;
    if (s.n == 0) {
        if (j->type != NULL && j->type->about_person)
            violate(j, "subject", "SUBJECT", "must be given: this type is about a person");
    } else if (bp_str_starts(s, BP_STR("nik:"))) {
        j->nik = bp_str_of(s.p + 4, s.n - 4);
        if (!bp_nik_is_valid(j->nik))
            violate(j, "subject", "SUBJECT", "must be, behind nik:, %s",
                    bp_format_words(BERBAGI__V1__FORMAT__FORMAT_NIK));
    } else if (!is_pseudonym(s)) {
        violate(j, "subject", "SUBJECT", "must be w_ and 20 characters, or nik: and 16 digits");
    }
}

static bool agency_is_known(const struct judging *j, struct bp_str id)
{
    if (!bp_agency_id_is_valid(id))
        return false;
    return j->judge->agency_is_known == NULL || j->judge->agency_is_known(j->judge->context, id);
}

static void check_places(struct judging *j)
{
    const struct bp_event *e = j->e;
    bp_region region;
    if (e->source.n != 0 && !agency_is_known(j, e->source))
        violate(j, "source", "SOURCE", "must be an agency in the registry");
    if (!bp_region_parse(e->region, &region))
        violate(j, "region", "REGION", "must be %s",
                bp_format_words(BERBAGI__V1__FORMAT__FORMAT_REGION));
    if (e->destination.n != 0 && !bp_country_is_known(e->destination))
        violate(j, "destination", "COUNTRY", "must be %s",
                bp_format_words(BERBAGI__V1__FORMAT__FORMAT_COUNTRY));
}

static void check_time(struct judging *j)
{
    const struct bp_event *e = j->e;
    if (!e->has_occurred_at)
        violate(j, "occurred_at", "REQUIRED", "must be given");
    else if (e->occurred_at_ns < OCCURRED_FIRST_NS)
        violate(j, "occurred_at", "OCCURRED_AT", "must not be before 2007-01-01");
    else if (e->occurred_at_ns > j->judge->now_ns &&
             e->occurred_at_ns - j->judge->now_ns > OCCURRED_AHEAD_NS)
        violate(j, "occurred_at", "OCCURRED_AT",
                "must not be more than 5 minutes ahead of the exchange");
}

/* The optional texts of 1 to 64 printable ASCII characters. */
static void check_text(struct judging *j, const char *field, struct bp_str text)
{
    if (text.n > ID_MAX)
        violate(j, field, "TOO_LONG", "must be at most %d characters", ID_MAX);
    else if (text.n != 0 && !bp_ascii_is_printable(text, ID_MAX))
        violate(j, field, "MALFORMED", "must be printable ASCII");
}

/* n lower-case hexadecimal digits at p that are not all 0. */
static bool is_trace_part(const char *p, size_t n)
{
    bool is_zero = true;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
            return false;
        is_zero = is_zero && p[i] == '0';
    }
    return !is_zero;
}

/* W3C Trace Context, version 00: version-trace-parent-flags. */
static bool is_traceparent(struct bp_str s)
{
    if (s.n != 55 || memcmp(s.p, "00-", 3) != 0 || s.p[35] != '-' || s.p[52] != '-')
        return false;
    bool has_flags = memcmp(s.p + 53, "00", 2) == 0 || is_trace_part(s.p + 53, 2);
    return is_trace_part(s.p + 3, 32) && is_trace_part(s.p + 36, 16) && has_flags;
}

static void check_type(struct judging *j)
{
    const struct bp_event *e = j->e;
    if (e->type.n == 0)
        violate(j, "type", "REQUIRED", "must be given");
    else if (j->type == NULL)
        violate(j, "type", "UNKNOWN_TYPE", "is no event type of this exchange");
    else if (e->schema_version != 0 && e->schema_version != j->type->version)
        violate(j, "schema_version", "UNKNOWN_VERSION", "must be 0 or %" PRIu32, j->type->version);
}

static void check_envelope(struct judging *j)
{
    const struct bp_event *e = j->e;
    if (!bp_ascii_is_printable(e->id, ID_MAX))
        violate(j, "id", "ID", "must be 1 to %d printable ASCII characters", ID_MAX);
    check_type(j);
    check_subject(j);
    check_places(j);
    check_time(j);
    check_text(j, "correlation_id", e->correlation_id);
    check_text(j, "causation_id", e->causation_id);
    check_text(j, "supersedes", e->supersedes);
    if (e->traceparent.n != 0 && !is_traceparent(e->traceparent))
        violate(j, "traceparent", "MALFORMED", "must be a W3C traceparent of 55 characters");
}

/* --- payload --- */

static bool check_format(struct judging *j, const struct bp_field *f, struct bp_str text)
{
    bool obeys = f->format == BERBAGI__V1__FORMAT__FORMAT_AGENCY ? agency_is_known(j, text)
                                                                 : bp_format_obeys(f->format, text);
    if (!obeys)
        return violate_field(j, f, bp_format_name(f->format), "must be %s",
                             bp_format_words(f->format));
    if (f->format == BERBAGI__V1__FORMAT__FORMAT_NIK && j->nik.n != 0 && !bp_str_eq(text, j->nik))
        return violate_field(j, f, "SUBJECT_MISMATCH", "must be the number that the subject names");
    return true;
}

static bool check_string(struct judging *j, const struct bp_field *f, struct bp_str text)
{
    if (text.n > f->max_bytes)
        return violate_field(j, f, "TOO_LONG", "must be at most %" PRIu32 " bytes", f->max_bytes);
    if (!bp_utf8_is_valid(text))
        return violate_field(j, f, "NOT_UTF8", "must be UTF-8 text without NUL");
    if (f == j->type->addressee_field)
        j->addressee = text;
    return f->format == 0 || text.n == 0 || check_format(j, f, text);
}

/* Does the varint hold a value of the field's kind, as a protobuf writer puts it? */
static bool number_fits(const struct bp_field *f, uint64_t value)
{
    int64_t as_signed = (int64_t)value;
    switch (f->type) {
    case BP_FIELD_BOOL:
        return value <= 1;
    case BP_FIELD_UINT32:
        return value <= UINT32_MAX;
    case BP_FIELD_INT32:
    case BP_FIELD_ENUM:
        return as_signed >= INT32_MIN && as_signed <= INT32_MAX;
    case BP_FIELD_INT64:
    case BP_FIELD_UINT64:
    case BP_FIELD_STRING:
    case BP_FIELD_BYTES:
    case BP_FIELD_TIMESTAMP:
        break;
    }
    return true;
}

static bool check_number(struct judging *j, const struct bp_field *f, uint64_t value)
{
    if (!number_fits(f, value))
        return violate_field(j, f, "MALFORMED", "must be a number of its kind");
    if (f->type != BP_FIELD_ENUM)
        return true;
    if (bp_enum_by_number(f->enumeration, (int32_t)value) == NULL)
        return violate_field(j, f, "UNKNOWN_ENUM", "must be a known value");
    if (f == j->type->status_field)
        j->status = (int32_t)value;
    if (f == j->type->previous_field)
        j->previous = (int32_t)value;
    return true;
}

/* *is_filled: a value that is no empty list and no enum's 0. */
static bool check_numbers(struct judging *j, const struct bp_field *f,
                          const struct bp_wire_field *w, bool *is_filled)
{
    struct bp_numbers it = bp_numbers_of(w);
    uint64_t value;
    while (bp_numbers_next(&it, &value)) {
        if (!check_number(j, f, value))
            return false;
        *is_filled = *is_filled || f->type != BP_FIELD_ENUM || value != 0;
    }
    if (it.r.malformed)
        return violate_field(j, f, "MALFORMED", "must be a packed list of numbers");
    return true;
}

static bool check_time_field(struct judging *j, const struct bp_field *f, struct bp_str message)
{
    int64_t ns;
    if (!bp_wire_get_time(message, &ns))
        return violate_field(j, f, "MALFORMED", "must be a time in the years 1 to 9999");
    return true;
}

/* Judges one occurrence of a field; *is_filled as in check_numbers. */
static bool check_value(struct judging *j, const struct bp_field *f, const struct bp_wire_field *w,
                        bool *is_filled)
{
    if (!bp_field_takes(f, w))
        return violate_field(j, f, "MALFORMED", "must be a value of its kind");
    if (bp_field_is_number(f))
        return check_numbers(j, f, w, is_filled);
    *is_filled = f->type == BP_FIELD_TIMESTAMP || w->bytes.n != 0;
    if (f->type == BP_FIELD_TIMESTAMP)
        return check_time_field(j, f, w->bytes);
    if (f->type == BP_FIELD_STRING)
        return check_string(j, f, w->bytes);
    if (w->bytes.n > f->max_bytes)
        return violate_field(j, f, "TOO_LONG", "must be at most %" PRIu32 " bytes", f->max_bytes);
    return true;
}

/* Walks the payload. False: it is malformed, or a value of it already was refused as such. */
static bool check_values(struct judging *j)
{
    struct bp_wire r = bp_wire_of(j->e->data);
    struct bp_wire_field w;
    while (bp_wire_next(&r, &w)) {
        const struct bp_field *f = bp_type_field_by_number(j->type, w.number);
        bool is_filled = false;
        if (f == NULL) {
            j->has_unknown = true;
            continue;
        }
        bp_fields bit = UINT64_C(1) << f->index;
        bool is_sound = check_value(j, f, &w, &is_filled);
        is_filled = is_filled || !is_sound; /* one violation for a field is enough */
        j->set |= is_filled ? bit : 0;
        j->filled = is_filled || f->repeated ? j->filled | (is_filled ? bit : 0) : j->filled & ~bit;
    }
    if (r.malformed)
        violate(j, "data", "MALFORMED", "must be the serialized message of its type");
    return !r.malformed;
}

static void check_required(struct judging *j)
{
    bp_fields missing = j->type->required & ~j->filled;
    for (size_t i = 0; missing != 0 && i < j->type->n_fields; i++) {
        if ((missing >> i & 1) != 0)
            (void)violate_field(j, &j->type->fields[i], "REQUIRED", "must be given");
    }
}

static void check_transition(struct judging *j)
{
    const struct bp_event_type *type = j->type;
    if (type->status_field == NULL || j->status == 0)
        return;
    for (size_t i = 0; i < type->n_transitions; i++) {
        if (type->transitions[i].from == j->previous && type->transitions[i].to == j->status)
            return;
    }
    (void)violate_field(j, type->status_field, "TRANSITION",
                        "must follow from %.*s by this type of event",
                        BP_STR_ARGS(type->previous_field->name));
}

static void check_payload(struct judging *j)
{
    if (j->e->data.n > BP_EVENT_DATA_MAX) {
        violate(j, "data", "TOO_LARGE", "must be at most %d bytes", BP_EVENT_DATA_MAX);
        return;
    }
    if (!check_values(j))
        return;
    check_required(j);
    check_transition(j);
    if (j->e->addressed_to.n != 0 && !bp_str_eq(j->e->addressed_to, j->addressee))
        violate(j, "addressed_to", "ADDRESSEE_MISMATCH", "must be empty or what the payload names");
}

bool bp_validate_event(const struct bp_validation *judge, const struct bp_event *e,
                       const struct bp_event_type **type, bp_fields *fields_set, bool *has_unknown,
                       struct bp_violations *v)
{
    struct judging j = {.judge = judge, .e = e, .v = v, .is_sound = true};
    j.type = bp_schema_type(judge->schema, e->type);
    check_envelope(&j);
    if (j.type != NULL)
        check_payload(&j);
    *type = j.type;
    *fields_set = j.set;
    *has_unknown = j.has_unknown;
    return j.is_sound;
}

struct bp_str bp_event_addressee(const struct bp_event_type *type, const struct bp_event *e)
{
    struct bp_str addressee = {NULL, 0};
    struct bp_wire r = bp_wire_of(e->data);
    struct bp_wire_field w;
    while (type->addressee_field != NULL && bp_wire_next(&r, &w)) {
        if (w.number == type->addressee_field->number && w.type == BP_WIRE_LEN)
            addressee = w.bytes;
    }
    return addressee;
}
