/* What another policy would have shown of stored events: they are judged for every agency by the
 * policy in force and by the other, by the rights of one day, and what differs is counted. Nothing
 * is changed and nothing delivered. Made anywhere, then used by one thread at a time. */
#ifndef BERBAGI_REHEARSAL_H
#define BERBAGI_REHEARSAL_H

#include "journal.h"
#include "policy.h"

struct bp_rehearsal;

struct bp_rehearsal_config {
    struct bp_journal *journal;
    const struct bp_schema *schema;
    struct bp_policy *before, *after; /* referenced while it lives */
    bp_day today;                     /* that rights are judged on */
    uint64_t after_position;          /* events behind this one, up to the head of now */
};

/* BP_ENOMEM. */
BP_MUST_USE bp_status bp_rehearsal_create(const struct bp_rehearsal_config *config,
                                          struct bp_rehearsal **out);
void bp_rehearsal_destroy(struct bp_rehearsal *r); /* NULL allowed */

/* Looks at up to most events more, in one short read transaction. BP_EAGAIN: there are more, or too
 * many read at once; BP_OK: all were looked at. BP_ENOMEM, BP_EIO. */
BP_MUST_USE bp_status bp_rehearsal_step(struct bp_rehearsal *r, size_t most);

void bp_rehearsal_progress(const struct bp_rehearsal *r, uint64_t *done, uint64_t *total);

/* Appends the serialized berbagi.v1.RehearsalResult of what was looked at. */
void bp_rehearsal_result(const struct bp_rehearsal *r, struct bp_buf *out);

#endif
