/* Files that change together with the ledger, in full or not at all. Each new content is written
 * beside its file; the ledger's transaction holds the list; after its commit, and not before, each
 * takes the place of its file. A run that was killed behind its commit is finished by the next that
 * opens the folder for writing; what one left that was killed before is removed by it. One thread,
 * which holds the ledger's write transaction. */
#ifndef BERBAGI_STAGING_H
#define BERBAGI_STAGING_H

#include "buffer.h"
#include "ledger.h"

struct bp_staging {
    struct bp_buf names; /* one a line; behind a '-' what is to be removed */
};

/* Writes the content beside dir/name, whose folder is there, to take its place with mode. */
BP_MUST_USE bp_status bp_staging_add(struct bp_staging *s, struct bp_ledger *l, const char *dir,
                                     const char *name, const void *p, size_t n, unsigned mode,
                                     struct bp_err *err);
/* Has dir/name removed. */
BP_MUST_USE bp_status bp_staging_remove(struct bp_staging *s, const char *name, struct bp_err *err);

/* Commits the ledger and lets the files follow. A failure behind the commit says that the next run
 * will finish; one before it has changed nothing. */
BP_MUST_USE bp_status bp_staging_commit(struct bp_staging *s, struct bp_ledger *l, const char *dir,
                                        struct bp_err *err);

/* Finishes or forgets what an earlier run left. */
BP_MUST_USE bp_status bp_staging_recover(struct bp_ledger *l, const char *dir, struct bp_err *err);

void bp_staging_fini(struct bp_staging *s); /* a zeroed one allowed */

#endif
