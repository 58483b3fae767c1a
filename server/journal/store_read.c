/* Snapshots. Ended ones are kept and renewed: a renewal costs neither memory nor a slot. */
#include "store_internal.h"

#define PAGE_HEADER_BYTES 16u
#define STORED_MAX (BP_ENTRY_CONTENT_MAX + (16u << 10))

static void reader_free(struct bp_store_reader *r)
{
    if (r->cursor != NULL)
        mdb_cursor_close(r->cursor);
    if (r->txn != NULL)
        mdb_txn_abort(r->txn);
    bp_buf_fini(&r->scratch);
    free(r);
}

void bp_store_pool_drain(struct bp_store *s)
{
    (void)pthread_mutex_lock(&s->pool_lock);
    while (s->pool != NULL) {
        struct bp_store_reader *r = s->pool;
        s->pool = r->next;
        reader_free(r);
    }
    (void)pthread_mutex_unlock(&s->pool_lock);
}

static int reader_create(struct bp_store *s, struct bp_store_reader **out)
{
    struct bp_store_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ENOMEM;
    r->store = s;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->txn);
    if (rc != 0)
        r->txn = NULL;
    else
        rc = mdb_cursor_open(r->txn, s->log, &r->cursor);
    if (rc != 0)
        reader_free(r);
    else
        *out = r;
    return rc;
}

static int reader_take(struct bp_store *s, struct bp_store_reader **out)
{
    (void)pthread_mutex_lock(&s->pool_lock);
    struct bp_store_reader *r = s->pool;
    if (r != NULL)
        s->pool = r->next;
    (void)pthread_mutex_unlock(&s->pool_lock);
    if (r == NULL)
        return s->env == NULL ? EIO : reader_create(s, out);
    int rc = mdb_txn_renew(r->txn);
    if (rc == 0)
        rc = mdb_cursor_renew(r->txn, r->cursor);
    if (rc != 0)
        reader_free(r);
    else
        *out = r;
    return rc;
}

bp_status bp_store_read_begin(struct bp_store *s, struct bp_store_reader **out)
{
    (void)pthread_rwlock_rdlock(&s->gate);
    int rc = reader_take(s, out);
    if (rc != 0)
        (void)pthread_rwlock_unlock(&s->gate);
    else
        (*out)->at.n = 0;
    return bp_lmdb_status(rc);
}

void bp_store_read_end(struct bp_store_reader *r)
{
    if (r == NULL)
        return;
    struct bp_store *s = r->store;
    mdb_txn_reset(r->txn);
    (void)pthread_mutex_lock(&s->pool_lock);
    r->next = s->pool;
    s->pool = r;
    (void)pthread_mutex_unlock(&s->pool_lock);
    (void)pthread_rwlock_unlock(&s->gate);
}

/* A damaged size must not lead the checksum out of the map: a value stands within its page or
 * begins an overflow page. */
static bool is_plausible(const struct bp_store *s, MDB_val v)
{
    size_t offset = (uintptr_t)v.mv_data & (s->page_bytes - 1);
    return v.mv_size <= STORED_MAX &&
           (offset == PAGE_HEADER_BYTES || offset + v.mv_size <= s->page_bytes);
}

int bp_store_pack_open(const struct bp_store *s, MDB_val key, MDB_val value, struct bp_pack *out)
{
    uint64_t first;
    if (key.mv_size != sizeof(first) || !is_plausible(s, value))
        return MDB_CORRUPTED;
    memcpy(&first, key.mv_data, sizeof(first));
    return bp_pack_open(first, bp_str_of(value.mv_data, value.mv_size), out) == BP_OK
               ? 0
               : MDB_CORRUPTED;
}

/* Puts the reader on the pack that this finds. */
static int move(struct bp_store_reader *r, MDB_val key, MDB_cursor_op op)
{
    MDB_val value;
    r->at.n = 0;
    int rc = mdb_cursor_get(r->cursor, &key, &value, op);
    return rc == 0 ? bp_store_pack_open(r->store, key, value, &r->at) : rc;
}

/* ... on the pack with this entry, or, where there is none, the first one behind. */
static int move_to(struct bp_store_reader *r, uint64_t number)
{
    MDB_val key = {.mv_size = sizeof(number), .mv_data = &number}, none = {0};
    if (r->at.n != 0 && number == r->at.first + r->at.n)
        return move(r, none, MDB_NEXT);
    int rc = move(r, key, MDB_SET_RANGE);
    if (rc == 0 && r->at.first == number)
        return 0;
    rc = move(r, none, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    if (rc == MDB_NOTFOUND)
        return move(r, none, MDB_FIRST);
    return rc == 0 && !bp_pack_has(&r->at, number) ? move(r, none, MDB_NEXT) : rc;
}

bp_status bp_store_get(struct bp_store_reader *r, uint64_t number, struct bp_str *stored)
{
    int rc = bp_pack_has(&r->at, number) ? 0 : move_to(r, number);
    if (rc == 0 && !bp_pack_has(&r->at, number))
        rc = MDB_NOTFOUND;
    return rc == 0 ? bp_pack_get(&r->at, number, &r->scratch, stored) : bp_lmdb_status(rc);
}

bp_status bp_store_next(struct bp_store_reader *r, uint64_t number, uint64_t *next,
                        struct bp_str *stored)
{
    uint64_t wanted = number + 1;
    int rc = bp_pack_has(&r->at, wanted) ? 0 : move_to(r, wanted);
    if (rc != 0)
        return bp_lmdb_status(rc);
    *next = wanted > r->at.first ? wanted : r->at.first;
    return bp_pack_get(&r->at, *next, &r->scratch, stored);
}

bp_status bp_store_last(struct bp_store_reader *r, uint64_t *number)
{
    MDB_val none = {0};
    int rc = move(r, none, MDB_LAST);
    if (rc == 0)
        *number = r->at.first + r->at.n - 1;
    return bp_lmdb_status(rc);
}

static bp_status control_decode(MDB_val key, MDB_val row, struct bp_control *out)
{
    uint64_t number;
    if (key.mv_size != sizeof(number))
        return BP_ECORRUPT;
    memcpy(&number, key.mv_data, sizeof(number));
    return bp_control_decode(number, bp_str_of(row.mv_data, row.mv_size), out);
}

bp_status bp_store_each_control(struct bp_store_reader *r,
                                bp_status (*each)(void *context, const struct bp_control *control),
                                void *context)
{
    MDB_cursor *cursor;
    MDB_val key, row;
    bp_status st = BP_OK;
    int rc = mdb_cursor_open(r->txn, r->store->controls, &cursor);
    if (rc != 0)
        return bp_lmdb_status(rc);
    while (st == BP_OK && (rc = mdb_cursor_get(cursor, &key, &row, MDB_NEXT)) == 0) {
        struct bp_control control;
        if ((st = control_decode(key, row, &control)) == BP_OK)
            st = each(context, &control);
    }
    mdb_cursor_close(cursor);
    return st != BP_OK || rc == MDB_NOTFOUND ? st : bp_lmdb_status(rc);
}

bp_status bp_store_each_subscription(struct bp_store_reader *r,
                                     bp_status (*each)(void *context, struct bp_str key,
                                                       struct bp_str row),
                                     void *context)
{
    MDB_cursor *cursor;
    MDB_val key, row;
    bp_status st = BP_OK;
    int rc = mdb_cursor_open(r->txn, r->store->subscriptions, &cursor);
    if (rc != 0)
        return bp_lmdb_status(rc);
    while (st == BP_OK && (rc = mdb_cursor_get(cursor, &key, &row, MDB_NEXT)) == 0) {
        st = is_plausible(r->store, row) ? each(context, bp_str_of(key.mv_data, key.mv_size),
                                                bp_str_of(row.mv_data, row.mv_size))
                                         : BP_ECORRUPT;
    }
    mdb_cursor_close(cursor);
    return st != BP_OK || rc == MDB_NOTFOUND ? st : bp_lmdb_status(rc);
}
