/* The hard part is to find a key: it stands in the last page that begins with no greater one. */
#include "id_table.h"

#include <endian.h>

static MDB_val val_of(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

/* --- writing --- */

int bp_id_table_write_begin(struct bp_id_table_writer *w, MDB_txn *txn, MDB_dbi table,
                            struct bp_id_filter *filter)
{
    w->filter = filter;
    w->page.n = 0;
    return mdb_cursor_open(txn, table, &w->cursor);
}

static int store_page(struct bp_id_table_writer *w)
{
    const uint8_t *first;
    if (w->page.n == 0)
        return 0;
    struct bp_str page = bp_id_page_seal(&w->page, &first);
    MDB_val key = val_of(first, BP_ID_KEY_BYTES), value = val_of(page.p, page.n);
    w->page.n = 0;
    return mdb_cursor_put(w->cursor, &key, &value, MDB_APPEND);
}

int bp_id_table_add(struct bp_id_table_writer *w, const struct bp_id_key *key, uint64_t position)
{
    int rc = w->page.n == BP_ID_PAGE_IDS ? store_page(w) : 0;
    if (rc == 0) {
        bp_id_page_add(&w->page, key, position);
        bp_id_filter_add(w->filter, key);
    }
    return rc;
}

int bp_id_table_write_end(struct bp_id_table_writer *w, int rc)
{
    if (rc == 0)
        rc = store_page(w);
    mdb_cursor_close(w->cursor);
    return rc;
}

/* --- reading --- */

int bp_id_table_read_begin(struct bp_id_table_reader *r, MDB_txn *txn, MDB_dbi table)
{
    *r = (struct bp_id_table_reader){.at = 0};
    return mdb_cursor_open(txn, table, &r->cursor);
}

void bp_id_table_read_end(struct bp_id_table_reader *r)
{
    if (r->cursor != NULL)
        mdb_cursor_close(r->cursor);
}

static void stand(struct bp_id_table_reader *r, size_t at)
{
    uint64_t head;
    r->at = at;
    memcpy(&head, bp_id_table_key(r), sizeof(head));
    r->head = be64toh(head);
}

/* Onto the first id of the page that this finds. */
static int move(struct bp_id_table_reader *r, MDB_cursor_op op)
{
    MDB_val key = {0}, value;
    int rc = mdb_cursor_get(r->cursor, &key, &value, op);
    r->has_ended = rc == MDB_NOTFOUND;
    if (rc != 0)
        return rc;
    if (!bp_id_page_open(bp_str_of(value.mv_data, value.mv_size), &r->page) ||
        key.mv_size != BP_ID_KEY_BYTES || memcmp(key.mv_data, r->page.rows, BP_ID_KEY_BYTES) != 0)
        return MDB_CORRUPTED;
    stand(r, 0);
    return 0;
}

/* Onto the last page that begins with no greater key, or the first one. */
static int find_page(struct bp_id_table_reader *r, const struct bp_id_key *key)
{
    MDB_val found = val_of(key->bytes, BP_ID_KEY_BYTES), value;
    int rc = mdb_cursor_get(r->cursor, &found, &value, MDB_SET_RANGE);
    bool is_its_first = rc == 0 && found.mv_size == BP_ID_KEY_BYTES &&
                        memcmp(found.mv_data, key->bytes, BP_ID_KEY_BYTES) == 0;
    if (is_its_first)
        return move(r, MDB_GET_CURRENT);
    rc = move(r, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    return rc == MDB_NOTFOUND ? move(r, MDB_FIRST) : rc;
}

/* Onto this id of the page, or the first of the next page. */
static int go_to(struct bp_id_table_reader *r, size_t at)
{
    if (at < r->page.n) {
        stand(r, at);
        return 0;
    }
    int rc = move(r, MDB_NEXT);
    return r->has_ended ? 0 : rc;
}

int bp_id_table_seek(struct bp_id_table_reader *r, const struct bp_id_key *key)
{
    int rc = find_page(r, key);
    if (rc != 0)
        return r->has_ended ? 0 : rc;
    return go_to(r, bp_id_page_seek(&r->page, key));
}

int bp_id_table_next(struct bp_id_table_reader *r)
{
    return go_to(r, r->at + 1);
}
