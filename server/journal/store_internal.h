/* The parts of the store that its files share: store.c opens and writes, store_read.c reads. */
#ifndef BERBAGI_STORE_INTERNAL_H
#define BERBAGI_STORE_INTERNAL_H

#include "lmdb_status.h"
#include "pack.h"
#include "store.h"

/* 2: a log stands before the store. 3: entries are packed. */
#define BP_STORE_FORMAT 3u

struct bp_store_reader {
    struct bp_store *store;
    MDB_txn *txn;
    MDB_cursor *cursor; /* over the log */
    struct bp_pack at;  /* what it stands on; n 0: nowhere */
    struct bp_buf scratch;
    struct bp_store_reader *next;
};

struct bp_store {
    char *dir;
    char *data_path;
    uint64_t map_bytes;
    unsigned most_readers;
    size_t page_bytes;

    /* Held for reading by each snapshot, for writing while the environment is exchanged. Guards env
     * and tables. */
    pthread_rwlock_t gate;
    MDB_env *env;      /* NULL after a reopen that failed altogether */
    bool is_read_only; /* after one that failed for writing */
    MDB_dbi log, controls, subscriptions, meta;

    pthread_mutex_t pool_lock;    /* guards pool; a leaf */
    struct bp_store_reader *pool; /* ended snapshots, ready to be renewed */

    MDB_txn *txn;               /* the writer's, NULL when nothing is begun */
    struct bp_pack_writer pack; /* of the transaction: the log's end, as it is going to be stored */
    size_t stored;              /* entries of it that are */
};

/* Frees the snapshots in the pool. */
void bp_store_pool_drain(struct bp_store *s);

/* A pack as LMDB hands it out. MDB_CORRUPTED. */
int bp_store_pack_open(const struct bp_store *s, MDB_val key, MDB_val value, struct bp_pack *out);

#endif
