/* A journal made of the entries of another: a restore. It goes on where the other one stood, under
 * a log id of its own, because nobody knows what the other one stored later. One thread. */
#ifndef BERBAGI_JOURNAL_IMPORT_H
#define BERBAGI_JOURNAL_IMPORT_H

#include "journal.h"
#include "sequencer.h"

struct bp_journal_import;

/* A new journal in this folder, which is made; it may grow to map_bytes. BP_EEXIST: it has one already, or another process
 * has it. */
BP_MUST_USE bp_status bp_journal_import_open(const char *dir, uint64_t map_bytes,
                                             struct bp_journal_import **out, struct bp_err *err);

/* The next entry, in its stored form. BP_ECORRUPT names what is wrong: it fails its check, does not
 * follow the one before, goes back in time, or is a policy's part out of turn; BP_EVERSION,
 * BP_ENOSPC, BP_EIO, BP_ENOMEM. After a failure nothing but close may follow. */
BP_MUST_USE bp_status bp_journal_import_entry(struct bp_journal_import *i, struct bp_str stored,
                                              struct bp_err *err);
BP_MUST_USE bp_status bp_journal_import_subscription(struct bp_journal_import *i,
                                                     const struct bp_subscription *row,
                                                     struct bp_err *err);

uint64_t bp_journal_import_last_number(const struct bp_journal_import *i);
uint64_t bp_journal_import_head(const struct bp_journal_import *i);

/* Ends with an entry that says under which id the log goes on; all of it is durable then. */
BP_MUST_USE bp_status bp_journal_import_finish(struct bp_journal_import *i,
                                               const struct bp_clock *clock,
                                               struct bp_log_id *log_id, struct bp_err *err);
void bp_journal_import_close(struct bp_journal_import *i); /* NULL allowed */

#endif
