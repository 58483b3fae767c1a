/* The way of rows to the exchange and of answers back: files → batches → a publisher's window →
 * counts, rejected rows, progress. One thread; whatever waits moves the publisher and the progress
 * too. */
#ifndef BERBAGI_PUSH_RUN_H
#define BERBAGI_PUSH_RUN_H

#include "batch.h"
#include "input.h"
#include "progress.h"
#include "rejects.h"
#include "row_id.h"

struct bp_push {
    struct bp_input input; /* format, type and schema filled in by the owner */
    struct bp_row_id *ids;
    struct bp_rejects *rejects;
    struct bp_progress *progress;
    struct berbagi_publisher *publisher;

    /* private */
    const char *file;
    struct bp_batch *filling;       /* NULL: none begun */
    struct bp_batch *first, **last; /* waiting for their answers, oldest first */
    uint64_t warned;                /* stored, but odd */
    berbagi_status status;          /* of the publisher, once it failed */
    struct berbagi_error error;
};

/* Fill in the first block, then this. */
void bp_push_init(struct bp_push *p);
void bp_push_fini(struct bp_push *p);

/* Reads one file to its end; its last answers may still be under way. path is borrowed until fini.
 * BP_ECLOSED: the user asked to stop. BP_EIO with p->status set: the publisher failed. Otherwise as
 * bp_input_read. */
BP_MUST_USE bp_status bp_push_file(struct bp_push *p, const char *path, struct bp_err *err);

/* Sends what is left (unless is_stopping: rows not sent yet are dropped) and waits for all answers;
 * when stopping, not longer than ten seconds. As bp_push_file; BP_EAGAIN: answers are missing. */
BP_MUST_USE bp_status bp_push_finish(struct bp_push *p, bool is_stopping, struct bp_err *err);

#endif
