/* A narrower view of an event: a filter over its wire bytes that copies, leaves out, coarsens or
 * rewrites field by field. What the view does not name does not pass. Pure but for the callbacks;
 * any thread. */
#ifndef BERBAGI_REDACT_H
#define BERBAGI_REDACT_H

#include "event.h"

/* What one reader gets of one event type. A field stands in at most one of the three sets; in none:
 * withheld. */
struct bp_view {
    enum bp_level level; /* of the envelope: the highest among the grants that apply */
    bp_fields full;      /* payload fields as they are */
    bp_fields coarse;    /* payload fields coarsened as their rule says */
    bp_fields rewritten; /* references in the reader's own form */
    bp_fields exact; /* those of `full` that a grant gives at IDENTIFIED: a village stands there by
                        its own id */
    bool unknown_fields; /* payload fields the schema does not know */
};

/* What becomes of a payload field under one grant. The first three show it, the better form first;
 * the others hide it, what comes nearest to showing it first. */
enum bp_passage {
    BP_PASSES_FULL,
    BP_PASSES_COARSE,
    BP_PASSES_REWRITTEN,
    BP_BELOW_IDENTIFIED, /* a direct identifier or free text */
    BP_WITHOUT_KIND,     /* its kind of specific data is not granted */
    BP_ABOVE_LEVEL,      /* its class is */
    BP_NOT_NAMED,        /* there is a list of the fields to pass, and it is not on it */
    BP_BARRED_BY_NAME,
};
/* Arguments as of bp_view_of, level as of bp_level_for_type. */
enum bp_passage bp_field_passage(const struct bp_field *f, enum bp_level level, bp_kinds specific,
                                 bp_fields only, bp_fields never);

/* AGGREGATE is PUBLIC for a type that is not made of counts. */
enum bp_level bp_level_for_type(const struct bp_event_type *type, enum bp_level level);

/* The view that one grant gives: which fields of the type its level, kinds and field lists let
 * pass, and how. Class and kind are judged first; direct identifiers and free text pass at
 * IDENTIFIED alone; below it references are rewritten and fields with a coarsen rule coarsened;
 * AGGREGATE gives PUBLIC and RESTRICTED fields of aggregate types, of others what PUBLIC would.
 *   specific   kinds of specific data granted on top of the level
 *   only       fields the grant names, ~0 = no such list; never: fields it bars */
void bp_view_of(const struct bp_event_type *type, enum bp_level level, bp_kinds specific,
                bp_fields only, bp_fields never, struct bp_view *out);

/* Adds what another grant shows: the higher level, and for each field the better of the two forms
 * (full before coarse before rewritten). {0} is the view that shows nothing. */
void bp_view_union(struct bp_view *into, const struct bp_view *other);

/* True if the reader gets the stored bytes as they are: IDENTIFIED, every field full, unknown ones
 * too. */
bool bp_view_is_whole(const struct bp_event_type *type, const struct bp_view *view);

/* How references are rewritten for one reader, and what stands for a village agency. */
struct bp_reader_forms {
    void *context;
    /* Writes the reader's own form of a reference: "w_..." → "p_..."; another prefix up to and with
     * its last '_' is kept before 20 new characters; what has no prefix (an event id) becomes a
     * UUID. out holds the given size; returns the length. The same original gives the same form,
     * always. */
    size_t (*reference)(void *context, struct bp_str original, char *out, size_t size);
    /* An agency as seen below IDENTIFIED: a village's (kind desa or kel) parent, others themselves.
     * The parent of an unknown village is "" and the field is left out. Borrowed. */
    struct bp_str (*agency)(void *context, struct bp_str id);
};
#define BP_REFERENCE_MAX 100 /* longest form that reference() writes */

/* Appends the serialized Event as this view shows it. e is the event parsed from its stored bytes.
 * False: the payload is malformed, nothing may be sent. */
bool bp_redact_event(const struct bp_schema *schema, const struct bp_event_type *type,
                     const struct bp_event *e, const struct bp_view *view,
                     const struct bp_reader_forms *forms, struct bp_buf *out);

/* The envelope values that filters look at, in the reader's view: empty where hidden. Texts of the
 * result point into e or into scratch. Only subject, region, destination, source and type are set.
 */
struct bp_redacted_envelope {
    struct bp_str type, source, subject, region, destination;
    char scratch[2 * BP_REFERENCE_MAX];
};
void bp_redact_envelope(const struct bp_schema *schema, const struct bp_event *e,
                        const struct bp_view *view, const struct bp_reader_forms *forms,
                        struct bp_redacted_envelope *out);

/* Has the event a count of 1 to 4 in an integer payload field that counts (any integer field of an
 * aggregate type)? Such an event is not delivered at the AGGREGATE level. Also true where the
 * payload is malformed. */
bool bp_event_has_small_count(const struct bp_event_type *type, struct bp_str data);

#endif
