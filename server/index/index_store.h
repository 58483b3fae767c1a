/* The index's LMDB environment: ids, subjects, routes, and the place in the log that
 * they stand for. One
 * thread writes; any thread reads. Everything in it can be made again from the journal. */
#ifndef BERBAGI_INDEX_STORE_H
#define BERBAGI_INDEX_STORE_H

#include "buffer.h"
#include "id_map.h"
#include "record.h"
#include "sequencer.h"

struct bp_index_store;

/* Which log, how far, and the checksum of the entry there. */
struct bp_index_place {
    struct bp_log_id log_id;
    uint64_t position;
    uint32_t checksum;
};

/* An environment that LMDB does not take, or of another format, is thrown away. */
BP_MUST_USE bp_status bp_index_store_open(const char *dir, uint64_t map_bytes,
                                          struct bp_index_store **out, struct bp_err *err);
/* The same of one that is to be looked at and not to be made again: BP_ECORRUPT. */
BP_MUST_USE bp_status bp_index_store_open_as_it_is(const char *dir, uint64_t map_bytes,
                                                   struct bp_index_store **out, struct bp_err *err);
void bp_index_store_close(struct bp_index_store *s); /* NULL allowed */

/* Closes and opens again, after a commit that failed; wipe: with nothing in it. Waits for readers.
 * Writer. */
BP_MUST_USE bp_status bp_index_store_reopen(struct bp_index_store *s, bool wipe,
                                            struct bp_err *err);

/* --- reading, any thread --- */

BP_MUST_USE bp_status bp_index_store_place(struct bp_index_store *s,
                                           struct bp_index_place *out); /* BP_ENOENT */
/* Looks for those whose status is BP_ENOENT, and leaves it so, or tells the position and is_stored;
 * BP_ECORRUPT, BP_EIO, BP_EAGAIN, BP_ENOMEM: it cannot tell. */
void bp_index_store_find(struct bp_index_store *s, struct bp_id_lookup *lookups, size_t n);
/* Appends the row of a block of routes (routes.h) to out. BP_ENOENT, BP_ENOMEM. */
BP_MUST_USE bp_status bp_index_store_routes(struct bp_index_store *s, uint64_t block,
                                            struct bp_buf *out);
/* How many ids it holds. */
BP_MUST_USE bp_status bp_index_store_count(struct bp_index_store *s, uint64_t *ids);
/* Appends the row of a subject to out. BP_ENOENT, BP_ENOMEM. */
BP_MUST_USE bp_status bp_index_store_subject(struct bp_index_store *s, struct bp_str subject,
                                             struct bp_buf *out);

/* --- writing: one transaction, begun by the first put --- */

/* n ids (not 0), sorted by key, each once; at most one call in a transaction. An id that is there
 * already keeps its first holder. */
BP_MUST_USE bp_status bp_index_store_put_ids(struct bp_index_store *s,
                                             const struct bp_id_entry *entries, size_t n);
/* The row as this transaction sees it, then the row to be. */
BP_MUST_USE bp_status bp_index_store_peek_subject(struct bp_index_store *s, struct bp_str subject,
                                                  struct bp_buf *out);
BP_MUST_USE bp_status bp_index_store_put_subject(struct bp_index_store *s, struct bp_str subject,
                                                 struct bp_str row);
/* The same of a block of routes. */
BP_MUST_USE bp_status bp_index_store_peek_routes(struct bp_index_store *s, uint64_t block,
                                                 struct bp_buf *out);
BP_MUST_USE bp_status bp_index_store_put_routes(struct bp_index_store *s, uint64_t block,
                                                struct bp_str row);
/* Advances the place and commits. */
BP_MUST_USE bp_status bp_index_store_commit(struct bp_index_store *s,
                                            const struct bp_index_place *place);
void bp_index_store_abort(struct bp_index_store *s);

/* Merges runs of ids where there are many (id_runs.h), in transactions of its own, until nothing is
 * to be merged or goes_on(context) says no; nothing is lost where it ends or fails in between.
 * After a commit. */
BP_MUST_USE bp_status bp_index_store_tidy(struct bp_index_store *s, bool (*goes_on)(void *context),
                                          void *context);

#endif
