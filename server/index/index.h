/* What is derived from the journal, in an LMDB environment of its own (DIR/index): ids, subjects and their last known statuses. Filled by a
 * thread in sorted chunks; may be deleted at any time and is then rebuilt while reading goes on. What is not indexed yet stands in
 * memory, bounded. */
#ifndef BERBAGI_INDEX_H
#define BERBAGI_INDEX_H

#include "journal.h"
#include "sequencer.h"

struct bp_index;

struct bp_index_config {
    const char *dir;
    struct bp_journal *journal;
    size_t most_pending;   /* ids in memory; 0 = 2,000,000 */
    uint64_t map_bytes;    /* 0 = 1 TiB */
    /* What the status table is to hold of an event; NULL: none is kept. true with the worker_status the payload reports (static text or borrowed
     * from event). Index knows no schema; main wires this. */
    bool (*status_of)(void *context, const struct bp_record *record, struct bp_str *machine, struct bp_str *status);
    /* Content digest of a stored event, the same as the submitter's: needed when ids are rebuilt. */
    void (*digest_of)(void *context, const struct bp_record *record, struct bp_content_digest *out);
    void *context;
};

/* Opens, checks {log id, indexed position, digest of that entry} against the journal, throws the index away on a mismatch, loads what is not
 * indexed yet (or, when that is more than most_pending, catches up first in the background: has_room says no until then) and starts
 * the thread. */
BP_MUST_USE bp_status bp_index_open(const struct bp_index_config *config, struct bp_index **out, struct bp_err *err);
void bp_index_close(struct bp_index *x); /* NULL allowed; what is in memory only is indexed again at the next start */

const struct bp_id_index *bp_index_ids(struct bp_index *x); /* for the sequencer; find is for any thread */
uint64_t bp_index_position(const struct bp_index *x);       /* everything up to here is indexed. Any thread. */

/* The newest event of a subject and the last status of one of its machines; BP_ENOENT. Any thread. Sees indexed events alone. */
struct bp_subject_state {
    uint64_t position;
    char status[48]; /* "" = none of this machine */
};
BP_MUST_USE bp_status bp_index_subject(struct bp_index *x, struct bp_str subject, struct bp_str machine, struct bp_subject_state *out);

#endif
