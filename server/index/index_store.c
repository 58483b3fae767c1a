/* Synchronous commits although all of it is derived: without them a power cut may leave pages of
 * different times under one root, and pages carry no checksum that would tell. */
#include "index_store.h"

#include <pthread.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32c.h"
#include "file.h"
#include "id_runs.h"
#include "lmdb_file.h"
#include "lmdb_status.h"

#define FORMAT 6u
#define PLACE_KEY "place"
#define PLACE_BYTES                                                                                \
    36u /* format (4), log id (16), position (8), checksum of the entry (4), CRC-32C of these (4)  \
         */
#define READERS 510u
#define TABLES 64u
#define MERGE_STEP 65536u /* ids merged in one transaction */

struct reader {
    MDB_txn *txn;
    struct reader *next;
};

struct bp_index_store {
    char *dir;
    uint64_t map_bytes;

    /* Held for reading by each look-up, for writing while the environment or the list of runs is
     * exchanged. Guards env, tables and runs. */
    pthread_rwlock_t gate;
    MDB_env *env; /* NULL after a failed reopen */
    MDB_dbi subjects, routes, meta;
    struct bp_id_runs runs;

    pthread_mutex_t pool_lock; /* guards pool; a leaf */
    struct reader *pool;       /* ended transactions, ready to be renewed */

    MDB_txn *txn; /* the writer's */
};

static MDB_val val_of(struct bp_str s)
{
    return (MDB_val){.mv_size = s.n, .mv_data = (void *)(uintptr_t)s.p};
}

static int open_tables(struct bp_index_store *s)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    if ((rc = mdb_dbi_open(txn, "subjects", MDB_CREATE, &s->subjects)) != 0 ||
        (rc = mdb_dbi_open(txn, "routes", MDB_CREATE | MDB_INTEGERKEY, &s->routes)) != 0 ||
        (rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &s->meta)) != 0 ||
        (rc = bp_id_runs_open(&s->runs, txn, s->meta)) != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    if ((rc = mdb_txn_commit(txn)) != 0)
        bp_id_runs_close(&s->runs);
    return rc;
}

static int env_open(struct bp_index_store *s)
{
    int dead, rc = mdb_env_create(&s->env);
    if (rc != 0)
        return rc;
    if ((rc = mdb_env_set_mapsize(s->env, s->map_bytes)) == 0 &&
        (rc = mdb_env_set_maxdbs(s->env, TABLES)) == 0 &&
        (rc = mdb_env_set_maxreaders(s->env, READERS)) == 0 &&
        (rc = mdb_env_open(s->env, s->dir, MDB_NOTLS | MDB_NORDAHEAD, 0600)) == 0 &&
        (rc = bp_lmdb_file_fill(s->env)) == 0 && (rc = mdb_reader_check(s->env, &dead)) == 0 &&
        (rc = open_tables(s)) == 0)
        return 0;
    mdb_env_close(s->env);
    s->env = NULL;
    return rc;
}

static void pool_drain(struct bp_index_store *s)
{
    (void)pthread_mutex_lock(&s->pool_lock);
    while (s->pool != NULL) {
        struct reader *r = s->pool;
        s->pool = r->next;
        mdb_txn_abort(r->txn);
        free(r);
    }
    (void)pthread_mutex_unlock(&s->pool_lock);
}

static void env_close(struct bp_index_store *s)
{
    pool_drain(s);
    bp_id_runs_close(&s->runs);
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
}

static bp_status remove_file(const struct bp_index_store *s, const char *name, struct bp_err *err)
{
    char *path = bp_path_join(s->dir, name);
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "index %s: out of memory", s->dir);
    int rc = unlink(path);
    free(path);
    return rc == 0 || errno == ENOENT ? BP_OK
                                      : bp_fail(err, BP_EIO, "index %s: cannot remove %s: %s",
                                                s->dir, name, strerror(errno));
}

static bp_status remove_all(const struct bp_index_store *s, struct bp_err *err)
{
    bp_status st = remove_file(s, "data.mdb", err);
    return st == BP_OK ? remove_file(s, "lock.mdb", err) : st;
}

/* Is this what LMDB says of a file that is none of its own, or a damaged one? */
static bool is_damage(int rc)
{
    bp_status st = bp_lmdb_status(rc);
    return st == BP_ECORRUPT || st == BP_EVERSION || rc == MDB_INCOMPATIBLE || rc == MDB_BAD_TXN;
}

static bp_status opened(const struct bp_index_store *s, int rc, struct bp_err *err)
{
    return rc == 0 ? BP_OK
                   : bp_fail(err, is_damage(rc) ? BP_ECORRUPT : bp_lmdb_status(rc),
                             "index %s: cannot open: %s", s->dir, mdb_strerror(rc));
}

static bp_status open_or_renew(struct bp_index_store *s, bool wipe, struct bp_err *err)
{
    bp_status st = wipe ? remove_all(s, err) : BP_OK;
    int rc = st == BP_OK ? env_open(s) : 0;
    if (st == BP_OK && !wipe && is_damage(rc))
        return open_or_renew(s, true, err); /* once: wipe is set then */
    return st == BP_OK ? opened(s, rc, err) : st;
}

static bp_status create(const char *dir, uint64_t map_bytes, struct bp_index_store **out,
                        struct bp_err *err)
{
    struct bp_index_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "index %s: out of memory", dir);
    BP_ASSERT(pthread_rwlock_init(&s->gate, NULL) == 0);
    BP_ASSERT(pthread_mutex_init(&s->pool_lock, NULL) == 0);
    s->map_bytes = map_bytes;
    if ((s->dir = bp_str_dup(bp_str(dir))) == NULL) {
        bp_index_store_close(s);
        return bp_fail(err, BP_ENOMEM, "index %s: out of memory", dir);
    }
    *out = s;
    return BP_OK;
}

bp_status bp_index_store_open(const char *dir, uint64_t map_bytes, struct bp_index_store **out,
                              struct bp_err *err)
{
    struct bp_index_store *s = NULL;
    bp_status st = create(dir, map_bytes, &s, err);
    if (st == BP_OK && (st = open_or_renew(s, false, err)) == BP_OK)
        *out = s;
    else
        bp_index_store_close(s);
    return st;
}

bp_status bp_index_store_open_as_it_is(const char *dir, uint64_t map_bytes,
                                       struct bp_index_store **out, struct bp_err *err)
{
    struct bp_index_store *s = NULL;
    bp_status st = create(dir, map_bytes, &s, err);
    if (st == BP_OK && (st = opened(s, env_open(s), err)) == BP_OK)
        *out = s;
    else
        bp_index_store_close(s);
    return st;
}

void bp_index_store_close(struct bp_index_store *s)
{
    if (s == NULL)
        return;
    bp_index_store_abort(s);
    env_close(s);
    (void)pthread_mutex_destroy(&s->pool_lock);
    (void)pthread_rwlock_destroy(&s->gate);
    free(s->dir);
    free(s);
}

bp_status bp_index_store_reopen(struct bp_index_store *s, bool wipe, struct bp_err *err)
{
    bp_index_store_abort(s);
    (void)pthread_rwlock_wrlock(&s->gate);
    env_close(s);
    bp_status st = open_or_renew(s, wipe, err);
    (void)pthread_rwlock_unlock(&s->gate);
    return st;
}

/* --- reading --- */

static int reader_begin(struct bp_index_store *s, struct reader **out)
{
    (void)pthread_mutex_lock(&s->pool_lock);
    struct reader *r = s->pool;
    if (r != NULL)
        s->pool = r->next;
    (void)pthread_mutex_unlock(&s->pool_lock);
    int rc = ENOMEM;
    if (r != NULL)
        rc = mdb_txn_renew(r->txn);
    else if ((r = calloc(1, sizeof(*r))) != NULL &&
             (rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->txn)) != 0)
        r->txn = NULL;
    if (rc == 0) {
        *out = r;
    } else if (r != NULL) {
        if (r->txn != NULL)
            mdb_txn_abort(r->txn);
        free(r);
    }
    return rc;
}

static void reader_end(struct bp_index_store *s, struct reader *r)
{
    mdb_txn_reset(r->txn);
    (void)pthread_mutex_lock(&s->pool_lock);
    r->next = s->pool;
    s->pool = r;
    (void)pthread_mutex_unlock(&s->pool_lock);
}

/* A snapshot, and the gate held for it. Nothing is held on failure. */
static int snapshot_begin(struct bp_index_store *s, struct reader **out)
{
    (void)pthread_rwlock_rdlock(&s->gate);
    int rc = s->env == NULL ? EIO : reader_begin(s, out);
    if (rc != 0)
        (void)pthread_rwlock_unlock(&s->gate);
    return rc;
}

static void snapshot_end(struct bp_index_store *s, struct reader *r)
{
    reader_end(s, r);
    (void)pthread_rwlock_unlock(&s->gate);
}

/* Looks one row up and hands it to take while the snapshot lasts. */
static bp_status look_up(struct bp_index_store *s, const MDB_dbi *table, struct bp_str key,
                         bp_status (*take)(struct bp_str row, void *out), void *out)
{
    struct reader *r = NULL;
    MDB_val k = val_of(key), row;
    int rc = snapshot_begin(s, &r);
    if (rc != 0)
        return bp_lmdb_status(rc);
    rc = mdb_get(r->txn, *table, &k, &row);
    bp_status st = rc == 0 ? take(bp_str_of(row.mv_data, row.mv_size), out) : bp_lmdb_status(rc);
    snapshot_end(s, r);
    return st;
}

static bp_status take_place(struct bp_str row, void *out)
{
    const uint8_t *p = (const uint8_t *)row.p;
    struct bp_index_place *place = out;
    if (row.n != PLACE_BYTES || bp_get_u32(p) != FORMAT ||
        bp_get_u32(p + 32) != bp_crc32c(0, p, 32))
        return BP_ENOENT; /* of another format, or damaged: as good as none */
    memcpy(place->log_id.bytes, p + 4, BP_LOG_ID_BYTES);
    place->position = bp_get_u64(p + 20);
    place->checksum = bp_get_u32(p + 28);
    return BP_OK;
}

bp_status bp_index_store_place(struct bp_index_store *s, struct bp_index_place *out)
{
    return look_up(s, &s->meta, BP_STR(PLACE_KEY), take_place, out);
}

/* The snapshot begins with the first id that a filter does not know to be free. */
static int find_one(struct bp_index_store *s, struct reader **r, struct bp_id_lookup *lookup)
{
    int rc = s->env == NULL ? EIO : 0;
    if (rc == 0 && !bp_id_runs_may_hold(&s->runs, &lookup->key))
        return MDB_NOTFOUND;
    if (rc == 0 && *r == NULL)
        rc = reader_begin(s, r);
    return rc == 0 ? bp_id_runs_find(&s->runs, (*r)->txn, &lookup->key, &lookup->position) : rc;
}

void bp_index_store_find(struct bp_index_store *s, struct bp_id_lookup *lookups, size_t n)
{
    struct reader *r = NULL;
    (void)pthread_rwlock_rdlock(&s->gate);
    for (size_t i = 0; i < n; i++)
        bp_id_runs_prefetch(&s->runs, &lookups[i].key);
    for (size_t i = 0; i < n; i++) {
        if (lookups[i].status != BP_ENOENT)
            continue;
        lookups[i].status = bp_lmdb_status(find_one(s, &r, &lookups[i]));
        lookups[i].is_stored = lookups[i].status == BP_OK;
    }
    if (r != NULL)
        reader_end(s, r);
    (void)pthread_rwlock_unlock(&s->gate);
}

bp_status bp_index_store_count(struct bp_index_store *s, uint64_t *ids)
{
    (void)pthread_rwlock_rdlock(&s->gate);
    bp_status st = s->env == NULL ? BP_EIO : BP_OK;
    *ids = 0;
    for (size_t i = 0; i < s->runs.n; i++)
        *ids += s->runs.list[i].n;
    (void)pthread_rwlock_unlock(&s->gate);
    return st;
}

static bp_status take_row(struct bp_str row, void *out)
{
    struct bp_buf *buf = out;
    bp_buf_add_str(buf, row);
    return buf->failed ? BP_ENOMEM : BP_OK;
}

bp_status bp_index_store_subject(struct bp_index_store *s, struct bp_str subject,
                                 struct bp_buf *out)
{
    return look_up(s, &s->subjects, subject, take_row, out);
}

bp_status bp_index_store_routes(struct bp_index_store *s, uint64_t block, struct bp_buf *out)
{
    return look_up(s, &s->routes, bp_str_of(&block, sizeof(block)), take_row, out);
}

/* --- writing --- */

static int txn_ensure(struct bp_index_store *s)
{
    if (s->txn != NULL)
        return 0;
    if (s->env == NULL)
        return EIO;
    int rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
    if (rc != 0)
        s->txn = NULL;
    return rc;
}

static int txn_commit(struct bp_index_store *s)
{
    int rc = mdb_txn_commit(s->txn);
    s->txn = NULL;
    return rc;
}

bp_status bp_index_store_put_ids(struct bp_index_store *s, const struct bp_id_entry *entries,
                                 size_t n)
{
    int rc = txn_ensure(s);
    return bp_lmdb_status(rc != 0 ? rc : bp_id_runs_put(&s->runs, s->txn, entries, n));
}

static bp_status peek(struct bp_index_store *s, const MDB_dbi *table, struct bp_str key,
                      struct bp_buf *out)
{
    MDB_val k = val_of(key), row;
    int rc = txn_ensure(s);
    if (rc == 0)
        rc = mdb_get(s->txn, *table, &k, &row);
    return rc != 0 ? bp_lmdb_status(rc) : take_row(bp_str_of(row.mv_data, row.mv_size), out);
}

static bp_status put(struct bp_index_store *s, const MDB_dbi *table, struct bp_str key,
                     struct bp_str row)
{
    MDB_val k = val_of(key), value = val_of(row);
    int rc = txn_ensure(s);
    return bp_lmdb_status(rc != 0 ? rc : mdb_put(s->txn, *table, &k, &value, 0));
}

bp_status bp_index_store_peek_subject(struct bp_index_store *s, struct bp_str subject,
                                      struct bp_buf *out)
{
    return peek(s, &s->subjects, subject, out);
}

bp_status bp_index_store_put_subject(struct bp_index_store *s, struct bp_str subject,
                                     struct bp_str row)
{
    return put(s, &s->subjects, subject, row);
}

bp_status bp_index_store_peek_routes(struct bp_index_store *s, uint64_t block, struct bp_buf *out)
{
    return peek(s, &s->routes, bp_str_of(&block, sizeof(block)), out);
}

bp_status bp_index_store_put_routes(struct bp_index_store *s, uint64_t block, struct bp_str row)
{
    return put(s, &s->routes, bp_str_of(&block, sizeof(block)), row);
}

bp_status bp_index_store_commit(struct bp_index_store *s, const struct bp_index_place *place)
{
    uint8_t row[PLACE_BYTES];
    bp_put_u32(row, FORMAT);
    memcpy(row + 4, place->log_id.bytes, BP_LOG_ID_BYTES);
    bp_put_u64(row + 20, place->position);
    bp_put_u32(row + 28, place->checksum);
    bp_put_u32(row + 32, bp_crc32c(0, row, 32));
    MDB_val key = val_of(BP_STR(PLACE_KEY)), value = val_of(bp_str_of(row, sizeof(row)));
    int rc = txn_ensure(s);
    if (rc == 0)
        rc = mdb_put(s->txn, s->meta, &key, &value, 0);
    if (rc != 0)
        return bp_lmdb_status(rc);
    if ((rc = txn_commit(s)) == 0) {
        (void)pthread_rwlock_wrlock(&s->gate);
        bp_id_runs_committed(&s->runs);
        (void)pthread_rwlock_unlock(&s->gate);
    } else {
        bp_id_runs_aborted(&s->runs);
    }
    return bp_lmdb_status(rc);
}

void bp_index_store_abort(struct bp_index_store *s)
{
    if (s->txn != NULL)
        mdb_txn_abort(s->txn);
    s->txn = NULL;
    bp_id_runs_aborted(&s->runs);
}

/* --- merging --- */

static int merge_step(struct bp_index_store *s, struct bp_id_merge *m)
{
    int rc = txn_ensure(s);
    if (rc == 0)
        rc = bp_id_merge_step(&s->runs, s->txn, m, MERGE_STEP);
    return rc != 0 ? rc : txn_commit(s);
}

/* The new list is looked at by nobody who began before, so what it leaves out may go. */
static int merge_finish(struct bp_index_store *s, struct bp_id_merge *m)
{
    (void)pthread_rwlock_wrlock(&s->gate);
    bp_id_merge_finish(&s->runs, m);
    (void)pthread_rwlock_unlock(&s->gate);
    int rc = txn_ensure(s);
    if (rc == 0)
        rc = bp_id_runs_sweep(&s->runs, s->txn);
    return rc != 0 ? rc : txn_commit(s);
}

/* A merge that is given up leaves its table on no list. */
static int merge_give_up(struct bp_index_store *s)
{
    int rc = txn_ensure(s);
    if (rc == 0)
        rc = bp_id_runs_sweep(&s->runs, s->txn);
    return rc != 0 ? rc : txn_commit(s);
}

bp_status bp_index_store_tidy(struct bp_index_store *s, bool (*goes_on)(void *context),
                              void *context)
{
    struct bp_id_merge m;
    int rc = 0;
    while (rc == 0 && goes_on(context) && bp_id_merge_begin(&s->runs, &m)) {
        while (rc == 0 && !m.is_done && goes_on(context))
            rc = merge_step(s, &m);
        if (rc == 0)
            rc = m.is_done ? merge_finish(s, &m) : merge_give_up(s);
        bp_id_merge_fini(&m);
    }
    if (rc != 0)
        bp_index_store_abort(s);
    return bp_lmdb_status(rc);
}
