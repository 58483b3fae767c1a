/* A backup made a data folder again. */
#ifndef BERBAGI_RESTORE_H
#define BERBAGI_RESTORE_H

#include "backup_page.h"

struct bp_restore_config {
    const char *file;     /* the backup */
    const char *key;      /* file of the key it is sealed for */
    const char *data_dir; /* where the journal is made; has none yet */
    const struct bp_clock *clock;
    /* Bytes of the file read, of how many; about every MiB. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct bp_restored {
    struct bp_backup_about about; /* the log that was backed up, and when */
    struct bp_backup_end end;
    struct bp_log_id log_id; /* under which it goes on */
};

/* Verifies every page and every record on the way. The journal appears in the data folder once all
 * of it is durable; after any failure, or a kill, there is none, and it may be tried again.
 * BP_EEXIST: the data folder has a journal; BP_EAUTH: it is sealed for another key; BP_ECORRUPT
 * names the page or entry that fails its check; BP_EVERSION, BP_ENOENT, BP_EPERM, BP_EINVAL,
 * BP_ENOSPC, BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_restore(const struct bp_restore_config *config, struct bp_restored *out,
                                 struct bp_err *err);

#endif
