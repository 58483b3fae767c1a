/* One run of ids as it stands in the store: a table of pages (id_page.h), each under the first of
 * its keys. Written once, from end to end; read in order from any key. LMDB's codes: inside the
 * index alone. */
#ifndef BERBAGI_ID_TABLE_H
#define BERBAGI_ID_TABLE_H

#include <lmdb.h>

#include "id_filter.h"
#include "id_page.h"

/* --- writing, within one transaction; more may be added behind in a later one --- */

struct bp_id_table_writer {
    MDB_cursor *cursor;
    struct bp_id_filter *filter; /* is told of each key */
    struct bp_id_page_writer page;
};

int bp_id_table_write_begin(struct bp_id_table_writer *w, MDB_txn *txn, MDB_dbi table,
                            struct bp_id_filter *filter);
/* Behind all keys that are there. */
int bp_id_table_add(struct bp_id_table_writer *w, const struct bp_id_key *key, uint64_t position);
/* Stores what is left, unless rc, which adding came to, is a failure; returns that or its own. */
int bp_id_table_write_end(struct bp_id_table_writer *w, int rc);

/* --- reading, within one transaction --- */

struct bp_id_table_reader {
    MDB_cursor *cursor;
    struct bp_id_page page;
    size_t at;     /* the id it stands on */
    uint64_t head; /* how its key begins, as a number: nearly always enough to compare */
    bool has_ended;
};

/* On no id yet. */
int bp_id_table_read_begin(struct bp_id_table_reader *r, MDB_txn *txn, MDB_dbi table);
void bp_id_table_read_end(struct bp_id_table_reader *r); /* zeroed allowed */
/* To the first id that is not below this key, or to the next one; sets has_ended where there is
 * none. MDB_CORRUPTED. */
int bp_id_table_seek(struct bp_id_table_reader *r, const struct bp_id_key *key);
int bp_id_table_next(struct bp_id_table_reader *r);

/* Of the id it stands on. */
static inline const uint8_t *bp_id_table_key(const struct bp_id_table_reader *r)
{
    return bp_id_page_key(&r->page, r->at);
}

static inline uint64_t bp_id_table_position(const struct bp_id_table_reader *r)
{
    return bp_id_page_position(&r->page, r->at);
}

static inline bool bp_id_table_is_below(const struct bp_id_table_reader *a,
                                        const struct bp_id_table_reader *b)
{
    return a->head != b->head ? a->head < b->head
                              : memcmp(bp_id_table_key(a), bp_id_table_key(b), BP_ID_KEY_BYTES) < 0;
}

#endif
