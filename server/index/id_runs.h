/* The ids of the store: sorted runs, each written once from end to end into a table of its own
 * (id_table.h) and never changed. A chunk of ids becomes a run; where eight of about one size have
 * come together, they are merged into one. So an id is written a few times in its life, whatever the
 * number of ids stored, where one sorted table would touch a random page for each. A filter for each
 * run says which of them is worth asking.
 *
 * A run counts once its name is on the list in the table meta; what is in a table that is not on the
 * list is of a merge that did not come to its end. LMDB's types and codes: inside the index alone.
 */
#ifndef BERBAGI_ID_RUNS_H
#define BERBAGI_ID_RUNS_H

#include <lmdb.h>

#include "id_filter.h"

#define BP_ID_RUNS_MAX 56u /* tables, and so runs at most, one being written included */

struct bp_id_run {
    uint8_t table;
    uint64_t n; /* ids */
    struct bp_id_filter filter;
};

struct bp_id_runs {
    MDB_dbi tables[BP_ID_RUNS_MAX], filters, meta;
    struct bp_id_run list[BP_ID_RUNS_MAX]; /* oldest first */
    size_t n;
    struct bp_id_run fresh; /* written by the transaction under way; n 0: none */
};

/* Opens the tables within the environment's first transaction and reads list and filters; meta is
 * open already. Tables that are on no list are emptied. MDB_CORRUPTED: the index is to be made
 * again. */
int bp_id_runs_open(struct bp_id_runs *r, MDB_txn *txn, MDB_dbi meta);
void bp_id_runs_close(struct bp_id_runs *r); /* zeroed allowed */

/* --- one thread writes, in transactions of its own --- */

/* A run of n sorted entries, different ones, n > 0, on the list of this transaction. One in a
 * transaction. ENOSPC: no table is free. */
int bp_id_runs_put(struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_entry *entries, size_t n);
/* The transaction was committed, or not. Nobody may be reading. */
void bp_id_runs_committed(struct bp_id_runs *r);
void bp_id_runs_aborted(struct bp_id_runs *r);

/* --- any thread, in a snapshot that began while the list was as it is --- */

/* Begins to fetch what the next call will look at. */
void bp_id_runs_prefetch(const struct bp_id_runs *r, const struct bp_id_key *key);
/* May the key be there? A look at the filters alone, without a snapshot. */
bool bp_id_runs_may_hold(const struct bp_id_runs *r, const struct bp_id_key *key);
/* The position of its event. MDB_NOTFOUND; MDB_CORRUPTED. */
int bp_id_runs_find(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_key *key,
                    uint64_t *position);

/* --- merging: the writer's --- */

struct bp_id_merge {
    size_t first, n; /* the runs of the list that become one */
    struct bp_id_run into;
    struct bp_id_key next; /* goes on here */
    bool is_under_way, is_done;
};

/* Is there something to merge? Begins with it. */
bool bp_id_merge_begin(const struct bp_id_runs *r, struct bp_id_merge *m);
/* Writes the next `most` ids in this transaction; sets m->is_done with the last ones, which puts the
 * run on the list in place of those it was made of. */
int bp_id_merge_step(const struct bp_id_runs *r, MDB_txn *txn, struct bp_id_merge *m, size_t most);
/* The transaction that set is_done was committed: the list becomes that of the store. Nobody may be
 * reading. */
void bp_id_merge_finish(struct bp_id_runs *r, struct bp_id_merge *m);
/* Empties tables that are on no list, also those of a merge that failed. No reader may hold a
 * snapshot from before the list was changed and look at it. */
int bp_id_runs_sweep(const struct bp_id_runs *r, MDB_txn *txn);
/* Lets go of m, finished or not. */
void bp_id_merge_fini(struct bp_id_merge *m);

#endif
