/* The last known status of each person, as of the newest stored event that tells one. The index
 * holds what it has indexed; what was stored since stands here, so that the events of one hasty
 * stream are seen in their order. Where neither can say for sure, nothing is said. Queue's thread,
 * but for bp_status_report_of. */
#ifndef BERBAGI_STATUSES_H
#define BERBAGI_STATUSES_H

#include "index.h"
#include "schema.h"

/* What a payload reports of a state machine. Texts are the schema's. */
struct bp_status_report {
    struct bp_str machine; /* "worker" */
    struct bp_str before;  /* "NONE" where previous_status is unset */
    struct bp_str now;
    const struct bp_field *field; /* that tells `now` */
};

/* False: the type has no such pair of fields, or no status is filled in. Pure; any thread. */
bool bp_status_report_of(const struct bp_event_type *type, struct bp_str data,
                         struct bp_status_report *out);

struct bp_known_status {
    char status[48];
    uint64_t position; /* of the event that told it */
};

struct bp_statuses;

/* index is borrowed, NULL: there is none; head: the newest position now. NULL when out of memory.
 */
struct bp_statuses *bp_statuses_create(struct bp_index *index, uint64_t head);
void bp_statuses_destroy(struct bp_statuses *s); /* NULL allowed */

/* False: none is known, or the index is too far behind to say. */
bool bp_statuses_last(struct bp_statuses *s, struct bp_str subject, struct bp_str machine,
                      struct bp_known_status *out);

/* An event of this position was stored; in the order of positions. machine and status live as long
 * as s. */
void bp_statuses_note(struct bp_statuses *s, struct bp_str subject, struct bp_str machine,
                      struct bp_str status, uint64_t position);

#endif
