/* Judges requests beside the queue's thread, in slices, the agencies in turn: a thousand events of
 * one agency take some ten milliseconds, and on the queue's thread everybody would wait for them.
 * Within an agency requests are judged one after the other, in the order they were submitted. */
#ifndef BERBAGI_JUDGE_H
#define BERBAGI_JUDGE_H

#include <stdatomic.h>

#include "error.h"
#include "fair_queue.h"

/* What is judged before the next agency has its turn: some fifty events of usual size, in the
 * measure of bp_publication_judge_some. */
#define BP_JUDGE_SLICE (64u << 10)

/* A request before the judge; embedded by its owner, who fills in the first part and keeps all of
 * it until done. */
struct bp_hearing {
    struct bp_mail mail;      /* bytes: what it counts against what may wait */
    struct bp_flow *flow;     /* of its agency */
    atomic_bool is_abandoned; /* nobody wants the judgement any more; may be set at any time */
    /* Both on the judge's thread. BP_EAGAIN: something is left for another slice; *used: how much
     * this one took. */
    bp_status (*judge)(struct bp_hearing *hearing, size_t most, size_t *used);
    void (*done)(struct bp_hearing *hearing); /* the judge touches nothing of it afterwards */
    bp_status outcome;                        /* what judge came to; BP_ECLOSED: abandoned */
};

struct bp_judge;

BP_MUST_USE bp_status bp_judge_start(struct bp_judge **out, struct bp_err *err);
/* Judges what waits, then ends. NULL allowed. */
void bp_judge_stop(struct bp_judge *j);
/* False: too much waits, or it is stopping; done is not called. Any thread. */
bool bp_judge_submit(struct bp_judge *j, struct bp_hearing *hearing);

#endif
