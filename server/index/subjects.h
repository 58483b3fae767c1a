/* What the index knows of a subject: its newest event, and the last status of each machine. Rows
 * are merged from batches of records. Indexer's thread, but for decoding. */
#ifndef BERBAGI_SUBJECTS_H
#define BERBAGI_SUBJECTS_H

#include "index.h"
#include "index_store.h"

#define BP_SUBJECT_MAX 255u

/* One record's news. Texts are borrowed. */
struct bp_subject_news {
    struct bp_str subject, machine, status; /* machine empty: no status */
    uint64_t position;
};

/* Merges n news into the rows of the store's transaction; sorts them. */
BP_MUST_USE bp_status bp_subjects_merge(struct bp_index_store *store, struct bp_subject_news *news,
                                        size_t n);

/* Reads a row. False: it is malformed. */
bool bp_subject_decode(struct bp_str row, struct bp_str machine, struct bp_subject_state *out);

#endif
