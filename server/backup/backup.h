/* A backup while the exchange serves: the log up to one position and the subscriptions, as the
 * pieces of a sealed file (certs/sealed). Used by one thread at a time. */
#ifndef BERBAGI_BACKUP_H
#define BERBAGI_BACKUP_H

#include "sequencer.h"

struct bp_backup;

struct bp_backup_config {
    struct bp_journal *journal;
    struct bp_sequencer *sequencer; /* knows the subscriptions */
    const struct bp_clock *clock;
    const char *recipient; /* file of the certificate it is sealed for */
};

/* BP_EINVAL, BP_ENOENT: the recipient; BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_backup_create(const struct bp_backup_config *config,
                                       struct bp_backup **out, struct bp_err *err);
void bp_backup_destroy(struct bp_backup *b); /* NULL allowed */

/* The next piece, about 1 MiB, into `piece`, which is emptied before; *is_last: none follows. Each
 * reads the log in a transaction of its own. The subscriptions come first, and the end of the
 * backup is the newest entry behind them, so that none has acknowledged more than the backup holds.
 * BP_ECORRUPT names the entry that fails its check: a backup holds the log whole or is none.
 * BP_EAGAIN: too many readers at once; BP_EIO, BP_ENOMEM. After a failure there is no next. */
BP_MUST_USE bp_status bp_backup_next(struct bp_backup *b, struct bp_buf *piece, bool *is_last,
                                     struct bp_err *err);

/* Entries read, of how many; both 0 before the first is. */
void bp_backup_progress(const struct bp_backup *b, uint64_t *done, uint64_t *total);

#endif
