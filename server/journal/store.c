/* The environment and the writer. The hard part is a commit that fails: LMDB may refuse everything
 * from then on, so the environment is closed and opened again, and what stands in it is the truth.
 */
#include "lmdb_file.h"
#include "store_internal.h"

#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "crc32c.h"
#include "file.h"

#define ABOUT_KEY "about"
/* Format (4), log id (16), created (8), log key (4), log segments (2), is log open (1), 0 (1),
 * CRC-32C of these (4). */
#define ABOUT_BYTES 40u
#define PROBE_KEY "recoveries"
#define SPARE_READERS 16u /* slots of a process that died, until they are checked */

static MDB_val val_of(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

static bp_status lmdb_fail(const struct bp_store *s, struct bp_err *err, int rc, const char *what)
{
    return bp_fail(err, bp_lmdb_status(rc), "journal %s: cannot %s: %s", s->dir, what,
                   mdb_strerror(rc));
}

static int open_tables(struct bp_store *s)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    if ((rc = mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, &s->log)) != 0 ||
        (rc = mdb_dbi_open(txn, "controls", MDB_CREATE | MDB_INTEGERKEY, &s->controls)) != 0 ||
        (rc = mdb_dbi_open(txn, "subscriptions", MDB_CREATE, &s->subscriptions)) != 0 ||
        (rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &s->meta)) != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* Whether the tables are there already, so that an existing folder opens on a full disk. */
static int find_tables(struct bp_store *s)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    if ((rc = mdb_dbi_open(txn, "log", MDB_INTEGERKEY, &s->log)) != 0 ||
        (rc = mdb_dbi_open(txn, "controls", MDB_INTEGERKEY, &s->controls)) != 0 ||
        (rc = mdb_dbi_open(txn, "subscriptions", 0, &s->subscriptions)) != 0 ||
        (rc = mdb_dbi_open(txn, "meta", 0, &s->meta)) != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

static bp_status env_open(struct bp_store *s, struct bp_err *err)
{
    int rc = mdb_env_create(&s->env);
    if (rc != 0)
        return lmdb_fail(s, err, rc, "make the environment");
    int dead;
    MDB_stat stat;
    if ((rc = mdb_env_set_mapsize(s->env, s->map_bytes)) != 0 ||
        (rc = mdb_env_set_maxreaders(s->env, s->most_readers + SPARE_READERS)) != 0 ||
        (rc = mdb_env_set_maxdbs(s->env, 8)) != 0 || (rc = bp_lmdb_file_make(s->dir)) != 0 ||
        (rc = mdb_env_open(s->env, s->dir, MDB_NOTLS, 0600)) != 0 ||
        (rc = bp_lmdb_file_fill(s->env)) != 0 || (rc = mdb_reader_check(s->env, &dead)) != 0 ||
        (rc = mdb_env_stat(s->env, &stat)) != 0)
        goto fail;
    s->page_bytes = stat.ms_psize;
    if ((rc = find_tables(s)) == MDB_NOTFOUND)
        rc = open_tables(s);
    /* LMDB flushes the file, not its name. */
    if (rc == 0 && bp_dir_flush(s->dir, NULL) != BP_OK)
        rc = EIO;
    if (rc == 0)
        return BP_OK;
fail:
    mdb_env_close(s->env);
    s->env = NULL;
    return lmdb_fail(s, err, rc, "open the environment");
}

static bp_status about_decode(const struct bp_store *s, MDB_val row, struct bp_store_about *about,
                              struct bp_err *err)
{
    const uint8_t *p = row.mv_data;
    uint32_t format = row.mv_size >= 4 ? bp_get_u32(p) : 0;
    if (format > BP_STORE_FORMAT)
        return bp_fail(
            err, BP_EVERSION,
            "journal %s: written by a newer version (format %u, this one knows up to %u)", s->dir,
            (unsigned)format, BP_STORE_FORMAT);
    if (format != 0 && format < BP_STORE_FORMAT)
        return bp_fail(err, BP_EVERSION,
                       "journal %s: written by an older version (format %u, this one reads %u)",
                       s->dir, (unsigned)format, BP_STORE_FORMAT);
    if (row.mv_size != ABOUT_BYTES ||
        bp_get_u32(p + ABOUT_BYTES - 4) != bp_crc32c(0, p, ABOUT_BYTES - 4))
        return bp_fail(err, BP_ECORRUPT, "journal %s: what it says of itself fails its check",
                       s->dir);
    *about = (struct bp_store_about){.created_ns = (int64_t)bp_get_u64(p + 20),
                                     .log_key = bp_get_u32(p + 28),
                                     .log_segments = bp_get_u16(p + 32),
                                     .is_log_open = p[34] != 0};
    memcpy(about->log_id.bytes, p + 4, BP_LOG_ID_BYTES);
    return BP_OK;
}

static bp_status about_load(struct bp_store *s, struct bp_store_about *about, bool *is_new,
                            struct bp_err *err)
{
    MDB_txn *txn;
    MDB_val key = val_of(ABOUT_KEY, strlen(ABOUT_KEY)), row;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return lmdb_fail(s, err, rc, "read");
    rc = mdb_get(txn, s->meta, &key, &row);
    bp_status st = rc == 0 ? about_decode(s, row, about, err) : BP_OK;
    mdb_txn_abort(txn);
    *is_new = rc == MDB_NOTFOUND;
    return rc == 0 || *is_new ? st : lmdb_fail(s, err, rc, "read what it says of itself");
}

bp_status bp_store_open(const struct bp_store_config *config, struct bp_store **out,
                        struct bp_store_about *about, bool *is_new, struct bp_err *err)
{
    bp_status st;
    struct bp_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
    BP_ASSERT(pthread_rwlock_init(&s->gate, NULL) == 0);
    BP_ASSERT(pthread_mutex_init(&s->pool_lock, NULL) == 0);
    s->map_bytes = config->map_bytes;
    s->most_readers = config->most_readers;
    s->dir = bp_str_dup(bp_str(config->dir));
    s->data_path = bp_path_join(config->dir, "data.mdb");
    if (s->dir == NULL || s->data_path == NULL) {
        st = bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
        goto fail;
    }
    if ((st = env_open(s, err)) != BP_OK || (st = about_load(s, about, is_new, err)) != BP_OK)
        goto fail;
    *out = s;
    return BP_OK;
fail:
    bp_store_close(s);
    return st;
}

void bp_store_close(struct bp_store *s)
{
    if (s == NULL)
        return;
    bp_store_abort(s);
    bp_store_pool_drain(s);
    bp_pack_writer_fini(&s->pack);
    if (s->env != NULL)
        mdb_env_close(s->env);
    (void)pthread_mutex_destroy(&s->pool_lock);
    (void)pthread_rwlock_destroy(&s->gate);
    free(s->data_path);
    free(s->dir);
    free(s);
}

/* A disk that takes nothing any more may still be read. Without LMDB's lock file, which would have to
 * be written: nobody writes meanwhile. */
static void env_open_to_read(struct bp_store *s)
{
    if (mdb_env_create(&s->env) != 0) {
        s->env = NULL;
        return;
    }
    if (mdb_env_set_mapsize(s->env, s->map_bytes) == 0 && mdb_env_set_maxdbs(s->env, 8) == 0 &&
        mdb_env_open(s->env, s->dir, MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK, 0600) == 0 &&
        find_tables(s) == 0)
        return;
    mdb_env_close(s->env);
    s->env = NULL;
}

bp_status bp_store_reopen(struct bp_store *s, struct bp_err *err)
{
    bp_store_abort(s);
    (void)pthread_rwlock_wrlock(&s->gate);
    bp_store_pool_drain(s);
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
    bp_status st = env_open(s, err);
    s->is_read_only = st != BP_OK;
    if (s->is_read_only)
        env_open_to_read(s);
    (void)pthread_rwlock_unlock(&s->gate);
    return st;
}

static int txn_ensure(struct bp_store *s)
{
    if (s->txn != NULL)
        return 0;
    if (s->env == NULL || s->is_read_only)
        return EIO;
    int rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
    if (rc != 0)
        s->txn = NULL;
    return rc;
}

/* --- entries --- */

static int newest_pack(struct bp_store *s, struct bp_pack *out, struct bp_str *value)
{
    MDB_cursor *cursor;
    MDB_val key, found;
    int rc = mdb_cursor_open(s->txn, s->log, &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &found, MDB_LAST);
    mdb_cursor_close(cursor);
    if (rc == 0)
        rc = bp_store_pack_open(s, key, found, out);
    if (rc == 0)
        *value = bp_str_of(found.mv_data, found.mv_size);
    return rc;
}

/* Goes on with the newest pack, if this entry follows its last. A damaged one stays as it is, and so
 * does a large entry. */
static int pack_resume(struct bp_store *s, uint64_t number)
{
    struct bp_pack newest;
    struct bp_str value;
    int rc = newest_pack(s, &newest, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND || rc == MDB_CORRUPTED ? 0 : rc;
    if (newest.first + newest.n != number || value.n > BP_PACK_BYTES_MAX)
        return 0;
    if (bp_pack_resume(&s->pack, newest.first, value) != BP_OK)
        return ENOMEM;
    s->stored = s->pack.n;
    return 0;
}

static int pack_store(struct bp_store *s)
{
    if (s->pack.n == s->stored)
        return 0;
    MDB_val key = val_of(&s->pack.first, sizeof(s->pack.first)),
            value = {.mv_size = bp_pack_size(&s->pack)};
    unsigned place = s->stored != 0 ? 0 : MDB_APPEND;
    int rc = mdb_put(s->txn, s->log, &key, &value, place | MDB_RESERVE);
    if (rc == 0)
        bp_pack_write(&s->pack, value.mv_data);
    return rc;
}

static void pack_end(struct bp_store *s)
{
    s->pack.n = s->stored = 0;
}

bp_status bp_store_put_entry(struct bp_store *s, uint64_t number, struct bp_str entry)
{
    int rc = txn_ensure(s);
    if (rc == 0 && s->pack.n == 0)
        rc = pack_resume(s, number);
    if (rc != 0)
        return bp_lmdb_status(rc);
    bool follows = s->pack.n != 0 && number == s->pack.first + s->pack.n;
    bp_status st = follows ? bp_pack_add(&s->pack, entry) : BP_ETOOLARGE;
    if (st != BP_ETOOLARGE)
        return st;
    st = bp_lmdb_status(pack_store(s));
    pack_end(s);
    return st == BP_OK ? bp_pack_begin(&s->pack, number, entry) : st;
}

static bp_status put(struct bp_store *s, const MDB_dbi *table, struct bp_str key, struct bp_str row)
{
    MDB_val k = val_of(key.p, key.n), v = val_of(row.p, row.n);
    int rc = txn_ensure(s);
    return bp_lmdb_status(rc != 0 ? rc : mdb_put(s->txn, *table, &k, &v, 0));
}

bp_status bp_store_put_control(struct bp_store *s, const struct bp_control *control)
{
    uint8_t row[BP_CONTROL_ROW_BYTES];
    bp_control_encode(control, row);
    return put(s, &s->controls, bp_str_of(&control->number, sizeof(control->number)),
               bp_str_of(row, sizeof(row)));
}

bp_status bp_store_put_subscription(struct bp_store *s, struct bp_str key, struct bp_str row)
{
    return put(s, &s->subscriptions, key, row);
}

bp_status bp_store_delete_subscription(struct bp_store *s, struct bp_str key)
{
    MDB_val k = val_of(key.p, key.n);
    int rc = txn_ensure(s);
    if (rc == 0 && (rc = mdb_del(s->txn, s->subscriptions, &k, NULL)) == MDB_NOTFOUND)
        rc = 0;
    return bp_lmdb_status(rc);
}

bp_status bp_store_put_about(struct bp_store *s, const struct bp_store_about *about)
{
    uint8_t row[ABOUT_BYTES] = {0};
    bp_put_u32(row, BP_STORE_FORMAT);
    memcpy(row + 4, about->log_id.bytes, BP_LOG_ID_BYTES);
    bp_put_u64(row + 20, (uint64_t)about->created_ns);
    bp_put_u32(row + 28, about->log_key);
    bp_put_u16(row + 32, about->log_segments);
    row[34] = about->is_log_open;
    bp_put_u32(row + 36, bp_crc32c(0, row, 36));
    return put(s, &s->meta, BP_STR(ABOUT_KEY), bp_str_of(row, sizeof(row)));
}

bp_status bp_store_put_probe(struct bp_store *s)
{
    MDB_val key = val_of(PROBE_KEY, strlen(PROBE_KEY)), old;
    uint8_t count[8] = {0};
    int rc = txn_ensure(s);
    if (rc == 0 && (rc = mdb_get(s->txn, s->meta, &key, &old)) == 0 && old.mv_size == sizeof(count))
        memcpy(count, old.mv_data, sizeof(count));
    if (rc != 0 && rc != MDB_NOTFOUND)
        return bp_lmdb_status(rc);
    bp_put_u64(count, bp_get_u64(count) + 1);
    return put(s, &s->meta, BP_STR(PROBE_KEY), bp_str_of(count, sizeof(count)));
}

bp_status bp_store_commit(struct bp_store *s)
{
    if (s->txn == NULL)
        return BP_OK;
    int rc = pack_store(s);
    if (rc != 0) {
        bp_store_abort(s);
        return bp_lmdb_status(rc);
    }
    rc = mdb_txn_commit(s->txn);
    s->txn = NULL;
    pack_end(s);
    return bp_lmdb_status(rc);
}

void bp_store_abort(struct bp_store *s)
{
    if (s->txn != NULL)
        mdb_txn_abort(s->txn);
    s->txn = NULL;
    pack_end(s);
}

uint64_t bp_store_disk_bytes(const struct bp_store *s)
{
    struct stat st;
    return stat(s->data_path, &st) == 0 ? (uint64_t)st.st_blocks * 512u : 0;
}
