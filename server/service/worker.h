/* A thread for what would hold up the queue's thread: cold replays, which wait for the disk, and
 * policy compilation. Jobs run one after the other, in order. */
#ifndef BERBAGI_WORKER_H
#define BERBAGI_WORKER_H

#include "error.h"
#include "mailbox.h"

struct bp_worker;

/* Embedded in what it works on, which lives until run has returned. */
struct bp_job {
    struct bp_mail mail;
    void (*run)(struct bp_job *job);
};

BP_MUST_USE bp_status bp_worker_start(struct bp_worker **out, struct bp_err *err);
/* Runs what waits, then ends. NULL allowed. */
void bp_worker_stop(struct bp_worker *w);
/* False: it is stopping; run is not called. Any thread. */
bool bp_worker_submit(struct bp_worker *w, struct bp_job *job);

#endif
