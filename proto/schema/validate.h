/* The rules of annotations.proto, applied to an event before rights are judged. Every broken rule
 * becomes a violation: field, reason word, sentence; none repeats the value. Pure; any thread. */
#ifndef BERBAGI_VALIDATE_H
#define BERBAGI_VALIDATE_H

#include "event.h"

#define BP_VIOLATIONS_MAX 16 /* of one event; what is beyond is not told */

struct bp_violation {
    char field[80]; /* "data.passport_number", "region" */
    const char
        *reason; /* static: a Format's name without FORMAT_, or a word of exchange.proto's list */
    char message[160];
};

struct bp_violations {
    struct bp_violation items[BP_VIOLATIONS_MAX];
    size_t n;
};

/* Adds one (dropped when full). */
void bp_violation_add(struct bp_violations *v, const char *field, const char *reason,
                      const char *format, ...) BP_PRINTF(4, 5);

/* What the judge knows beside the schema. */
struct bp_validation {
    const struct bp_schema *schema;
    int64_t now_ns; /* for OCCURRED_AT */
    /* Is this agency in the registry? NULL: shape alone (a client without the policy). */
    bool (*agency_is_known)(void *context, struct bp_str id);
    void *context;
};

/* Judges shape and rules of envelope and payload: adds what is broken to v and returns true if
 * nothing was. *type        set as soon as the type is known, also when false is returned.
 *   *fields_set  payload fields that are present and not empty.
 *   *has_unknown whether the payload has fields that the schema does not know.
 * The subject may be "w_..." or "nik:..."; which of them a caller may send is not judged here.
 * addressed_to is set by the exchange: given and different from the addressee field is
 * ADDRESSEE_MISMATCH. */
bool bp_validate_event(const struct bp_validation *judge, const struct bp_event *e,
                       const struct bp_event_type **type, bp_fields *fields_set, bool *has_unknown,
                       struct bp_violations *v);

/* The value of the addressee field in the payload; empty if the type has none or it is unset. */
struct bp_str bp_event_addressee(const struct bp_event_type *type, const struct bp_event *e);

/* 16 digits, valid regency and birth date (women: day + 40), serial not 0000. */
bool bp_nik_is_valid(struct bp_str digits);
/* Regency of the NIK. */
bool bp_nik_region(struct bp_str digits, uint64_t *region);

#endif
