/* What is derived from the journal, in an LMDB environment of its own (DIR/index): ids, subjects
 * and their last known statuses, routes. Filled by a thread in sorted chunks; may be deleted at any time
 * and is then rebuilt while reading goes on. What is not indexed yet stands in memory, bounded. */
#ifndef BERBAGI_INDEX_H
#define BERBAGI_INDEX_H

#include "journal.h"
#include "routes.h"
#include "sequencer.h"

struct bp_index;

struct bp_index_config {
    const char *dir; /* the environment's own folder (DATA/index), made if missing, 0700 */
    struct bp_journal *journal;
    size_t most_pending; /* ids in memory; 0 = 2,000,000 */
    uint64_t map_bytes;  /* 0 = 1 TiB */
    /* What the status table is to hold of an event; NULL: none is kept. true with the worker_status
     * the payload reports (static text or borrowed from event). Index knows no schema; main wires
     * this. */
    bool (*status_of)(void *context, const struct bp_record *record, struct bp_str *machine,
                      struct bp_str *status);
    /* Content digest of a stored event, the same as the submitter's: of an id that is found, and
     * when ids are rebuilt. False: out of memory. Any thread. */
    bool (*digest_of)(void *context, const struct bp_record *record, struct bp_content_digest *out);
    void *context;
};

/* Opens, checks {log id, indexed position, checksum of that entry} against the journal, throws the
 * index away on a mismatch, and starts the thread. What the journal holds and the index does not is
 * indexed before this returns where that is little; otherwise the thread does it, and until it has,
 * publishing finds no room and find answers BP_EAGAIN where it would have to say "free". BP_EIO,
 * BP_EEXIST, BP_ENOSPC, BP_ENOMEM. */
BP_MUST_USE bp_status bp_index_open(const struct bp_index_config *config, struct bp_index **out,
                                    struct bp_err *err);
/* Writes what stands in memory alone, as far as it can; what it cannot is indexed again at the next
 * start. NULL allowed. After the sequencer, before the journal. */
void bp_index_close(struct bp_index *x);

const struct bp_id_index *
bp_index_ids(struct bp_index *x); /* for the sequencer; find is for any thread */
uint64_t
bp_index_position(const struct bp_index *x); /* everything up to here is indexed. Any thread. */

/* For health and status. BP_EAGAIN: catching up, publishing waits; BP_ECORRUPT: a damaged entry of
 * the journal keeps it from that, and publishing stays shut; BP_ENOSPC, BP_EIO: it cannot write,
 * and is trying again; publishing goes on while memory has room. Any thread. */
bp_status bp_index_health(struct bp_index *x);

/* Waits until everything that is in the journal now is indexed; returns health where that cannot
 * be. For tests, benchmarks and an orderly stop: it flushes early what would have been gathered.
 * Any thread but the sequencer's. */
BP_MUST_USE bp_status bp_index_catch_up(struct bp_index *x);

/* The newest event of a subject and the last status of one of its machines; BP_ENOENT. Any thread.
 * Sees indexed events alone. */
struct bp_subject_state {
    uint64_t position;
    char status[48];          /* "" = none of this machine */
    uint64_t status_position; /* of the event that told it */
};
BP_MUST_USE bp_status bp_index_subject(struct bp_index *x, struct bp_str subject,
                                       struct bp_str machine, struct bp_subject_state *out);

/* The routes of the block that this position stands in; it may hold fewer events than that.
 * BP_ENOENT: none yet, or the store can't tell. Any thread. */
BP_MUST_USE bp_status bp_index_routes(struct bp_index *x, uint64_t position, struct bp_routes *out);

#endif
