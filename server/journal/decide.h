/* What becomes of the events of one submission: stored, duplicate, conflict or aborted. Depends on
 * nothing but the ids taken so far. Pure but for its arguments; the sequencer's thread. */
#ifndef BERBAGI_DECIDE_H
#define BERBAGI_DECIDE_H

#include "sequencer.h"

struct bp_decision {
    size_t stored; /* events to append, in order: those with BP_OUTCOME_STORED */
    bool waits;    /* the answer rests on events that are not durable yet */
};

/* Fills outcome and position of each proposal; those stored get head + 1 and so on.
 *   group    ids of this group so far, all above durable_head; those stored here are added.
 *   BP_OK, or what ids->find failed with, BP_ENOMEM: outcomes are NONE and group is as before. */
BP_MUST_USE bp_status bp_decide(struct bp_submission *submission, struct bp_id_map *group,
                                const struct bp_id_index *ids, uint64_t head, uint64_t durable_head,
                                struct bp_decision *out);

/* Takes all outcomes back. */
void bp_decide_undo(struct bp_submission *submission);

#endif
