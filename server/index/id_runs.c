/* The list in meta, under "runs": CRC-32C of all behind it (4), then for each run its table (1) and
 * ids (8). A filter, by its run's table: CRC-32C (4), lines. */
#include "id_runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "crc32c.h"
#include "id_table.h"

#define LIST_KEY "runs"
#define LIST_ROW_BYTES 9u
#define FULL_RUN 131072u /* ids of a chunk when many come in */
#define MERGED 8u        /* runs of a size that become one */

static MDB_val val_of(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

/* --- the list --- */

static int write_list(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_run *list,
                      size_t n)
{
    uint8_t row[4 + BP_ID_RUNS_MAX * LIST_ROW_BYTES];
    size_t size = 4 + n * LIST_ROW_BYTES;
    for (size_t i = 0; i < n; i++) {
        row[4 + i * LIST_ROW_BYTES] = list[i].table;
        bp_put_u64(row + 5 + i * LIST_ROW_BYTES, list[i].n);
    }
    bp_put_u32(row, bp_crc32c(0, row + 4, size - 4));
    MDB_val key = val_of(LIST_KEY, strlen(LIST_KEY)), value = val_of(row, size);
    return mdb_put(txn, r->meta, &key, &value, 0);
}

static int write_filter(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_run *run)
{
    size_t bytes = bp_id_filter_bytes(&run->filter);
    MDB_val key = val_of(&run->table, 1), value = {.mv_size = 4 + bytes};
    int rc = mdb_put(txn, r->filters, &key, &value, MDB_RESERVE);
    if (rc != 0)
        return rc;
    bp_put_u32(value.mv_data, bp_crc32c(0, run->filter.lines, bytes));
    memcpy((uint8_t *)value.mv_data + 4, run->filter.lines, bytes);
    return 0;
}

static int read_filter(const struct bp_id_runs *r, MDB_txn *txn, struct bp_id_run *run)
{
    MDB_val key = val_of(&run->table, 1), value;
    int rc = mdb_get(txn, r->filters, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    const uint8_t *row = value.mv_data;
    if (value.mv_size < 4 || bp_get_u32(row) != bp_crc32c(0, row + 4, value.mv_size - 4))
        return MDB_CORRUPTED;
    bp_status st = bp_id_filter_load(&run->filter, bp_str_of(row + 4, value.mv_size - 4));
    return st == BP_ENOMEM ? ENOMEM : st == BP_OK ? 0 : MDB_CORRUPTED;
}

static int read_list(struct bp_id_runs *r, MDB_txn *txn)
{
    MDB_val key = val_of(LIST_KEY, strlen(LIST_KEY)), value;
    int rc = mdb_get(txn, r->meta, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    const uint8_t *row = value.mv_data;
    size_t n = (value.mv_size - 4) / LIST_ROW_BYTES;
    if (value.mv_size < 4 || value.mv_size != 4 + n * LIST_ROW_BYTES || n > BP_ID_RUNS_MAX ||
        bp_get_u32(row) != bp_crc32c(0, row + 4, value.mv_size - 4))
        return MDB_CORRUPTED;
    for (; r->n < n && rc == 0; r->n++) {
        struct bp_id_run *run = &r->list[r->n];
        run->table = row[4 + r->n * LIST_ROW_BYTES];
        run->n = bp_get_u64(row + 5 + r->n * LIST_ROW_BYTES);
        rc = run->table < BP_ID_RUNS_MAX ? read_filter(r, txn, run) : MDB_CORRUPTED;
    }
    return rc;
}

/* --- opening --- */

static int open_tables(struct bp_id_runs *r, MDB_txn *txn)
{
    char name[16];
    int rc = mdb_dbi_open(txn, "filters", MDB_CREATE, &r->filters);
    for (unsigned i = 0; i < BP_ID_RUNS_MAX && rc == 0; i++) {
        (void)snprintf(name, sizeof(name), "ids%02u", i);
        rc = mdb_dbi_open(txn, name, MDB_CREATE, &r->tables[i]);
    }
    return rc;
}

int bp_id_runs_open(struct bp_id_runs *r, MDB_txn *txn, MDB_dbi meta)
{
    *r = (struct bp_id_runs){.meta = meta};
    int rc = open_tables(r, txn);
    if (rc == 0)
        rc = read_list(r, txn);
    if (rc == 0)
        rc = bp_id_runs_sweep(r, txn);
    if (rc != 0)
        bp_id_runs_close(r);
    return rc;
}

void bp_id_runs_close(struct bp_id_runs *r)
{
    bp_id_runs_aborted(r);
    for (size_t i = 0; i < BP_ID_RUNS_MAX; i++)
        bp_id_filter_fini(&r->list[i].filter);
    *r = (struct bp_id_runs){.n = 0};
}

/* --- tables --- */

static bool is_listed(const struct bp_id_runs *r, size_t table)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->list[i].table == table)
            return true;
    }
    return false;
}

/* An empty table that is on no list. */
static int find_free(const struct bp_id_runs *r, MDB_txn *txn, uint8_t *table)
{
    for (size_t i = 0; i < BP_ID_RUNS_MAX; i++) {
        MDB_stat stat;
        if (is_listed(r, i))
            continue;
        int rc = mdb_stat(txn, r->tables[i], &stat);
        if (rc != 0)
            return rc;
        *table = (uint8_t)i;
        if (stat.ms_entries == 0)
            return 0;
    }
    return ENOSPC;
}

int bp_id_runs_sweep(const struct bp_id_runs *r, MDB_txn *txn)
{
    int rc = 0;
    for (size_t i = 0; i < BP_ID_RUNS_MAX && rc == 0; i++) {
        MDB_stat stat;
        uint8_t table = (uint8_t)i;
        MDB_val key = val_of(&table, 1);
        if (is_listed(r, i) || (rc = mdb_stat(txn, r->tables[i], &stat)) != 0 ||
            stat.ms_entries == 0)
            continue;
        rc = mdb_drop(txn, r->tables[i], 0);
        if (rc == 0 && (rc = mdb_del(txn, r->filters, &key, NULL)) == MDB_NOTFOUND)
            rc = 0;
    }
    return rc;
}

/* --- a new run --- */

static int write_run(const struct bp_id_runs *r, MDB_txn *txn, struct bp_id_run *run,
                     const struct bp_id_entry *entries)
{
    struct bp_id_table_writer w;
    int rc = bp_id_table_write_begin(&w, txn, r->tables[run->table], &run->filter);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < run->n && rc == 0; i++)
        rc = bp_id_table_add(&w, &entries[i].key, entries[i].position);
    rc = bp_id_table_write_end(&w, rc);
    return rc == 0 ? write_filter(r, txn, run) : rc;
}

int bp_id_runs_put(struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_entry *entries, size_t n)
{
    BP_ASSERT(r->fresh.n == 0);
    int rc = find_free(r, txn, &r->fresh.table);
    if (rc != 0)
        return rc;
    if (bp_id_filter_init(&r->fresh.filter, n) != BP_OK)
        return ENOMEM;
    r->fresh.n = n;
    if ((rc = write_run(r, txn, &r->fresh, entries)) != 0)
        return rc;
    struct bp_id_run list[BP_ID_RUNS_MAX];
    memcpy(list, r->list, r->n * sizeof(*list));
    list[r->n] = r->fresh;
    return write_list(r, txn, list, r->n + 1);
}

void bp_id_runs_committed(struct bp_id_runs *r)
{
    if (r->fresh.n == 0)
        return;
    r->list[r->n++] = r->fresh;
    r->fresh = (struct bp_id_run){.n = 0};
}

void bp_id_runs_aborted(struct bp_id_runs *r)
{
    bp_id_filter_fini(&r->fresh.filter);
    r->fresh = (struct bp_id_run){.n = 0};
}

/* --- looking up --- */

void bp_id_runs_prefetch(const struct bp_id_runs *r, const struct bp_id_key *key)
{
    for (size_t i = 0; i < r->n; i++)
        bp_id_filter_prefetch(&r->list[i].filter, key);
}

bool bp_id_runs_may_hold(const struct bp_id_runs *r, const struct bp_id_key *key)
{
    for (size_t i = 0; i < r->n; i++) {
        if (bp_id_filter_may_hold(&r->list[i].filter, key))
            return true;
    }
    return false;
}

static int find_in(MDB_txn *txn, MDB_dbi table, const struct bp_id_key *key, uint64_t *position)
{
    struct bp_id_table_reader r;
    int rc = bp_id_table_read_begin(&r, txn, table);
    if (rc != 0)
        return rc;
    rc = bp_id_table_seek(&r, key);
    if (rc == 0 && (r.has_ended || memcmp(bp_id_table_key(&r), key->bytes, BP_ID_KEY_BYTES) != 0))
        rc = MDB_NOTFOUND;
    if (rc == 0)
        *position = bp_id_table_position(&r);
    bp_id_table_read_end(&r);
    return rc;
}

int bp_id_runs_find(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_key *key,
                    uint64_t *position)
{
    int rc = MDB_NOTFOUND;
    for (size_t i = 0; i < r->n && rc == MDB_NOTFOUND; i++) {
        if (bp_id_filter_may_hold(&r->list[i].filter, key))
            rc = find_in(txn, r->tables[r->list[i].table], key, position);
    }
    return rc;
}

/* --- merging --- */

/* Runs of one class are merged: those below a full one, those up to eight times as large, and so
 * on. */
static unsigned class_of(const struct bp_id_run *run)
{
    unsigned class = 0;
    for (uint64_t n = run->n; n >= FULL_RUN; n /= MERGED)
        class ++;
    return class;
}

/* The newest runs of one class that stand beside each other, if they are enough. */
bool bp_id_merge_begin(const struct bp_id_runs *r, struct bp_id_merge *m)
{
    *m = (struct bp_id_merge){.n = 0};
    for (size_t end = r->n; end >= MERGED && !m->is_under_way; end -= m->n) {
        unsigned class = class_of(&r->list[end - 1]);
        m->n = 1;
        while (m->n < end && class_of(&r->list[end - m->n - 1]) <= class)
            m->n++;
        m->first = end - m->n;
        m->is_under_way = m->n >= MERGED;
    }
    return m->is_under_way;
}

void bp_id_merge_fini(struct bp_id_merge *m)
{
    bp_id_filter_fini(&m->into.filter);
    *m = (struct bp_id_merge){.n = 0};
}

static int open_sources(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_merge *m,
                        struct bp_id_table_reader *sources)
{
    int rc = 0;
    for (size_t i = 0; i < m->n && rc == 0; i++) {
        rc = bp_id_table_read_begin(&sources[i], txn, r->tables[r->list[m->first + i].table]);
        if (rc == 0)
            rc = bp_id_table_seek(&sources[i], &m->next);
    }
    return rc;
}

/* The source with the smallest key, the oldest of those that have it; NULL: all have ended. */
static struct bp_id_table_reader *smallest(struct bp_id_table_reader *sources, size_t n)
{
    struct bp_id_table_reader *least = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!sources[i].has_ended && (least == NULL || bp_id_table_is_below(&sources[i], least)))
            least = &sources[i];
    }
    return least;
}

/* Copies up to `most` ids; an id that stands in two runs is that of the older one. */
static int copy(struct bp_id_table_reader *sources, size_t n, struct bp_id_table_writer *to,
                struct bp_id_merge *m, size_t most)
{
    struct bp_id_key last = {{0}};
    bool has_last = false;
    struct bp_id_table_reader *s;
    int rc = 0;
    while (rc == 0 && (s = smallest(sources, n)) != NULL) {
        memcpy(m->next.bytes, bp_id_table_key(s), BP_ID_KEY_BYTES);
        bool is_again = has_last && memcmp(&last, &m->next, sizeof(last)) == 0;
        if (most == 0 && !is_again)
            return 0;
        if (!is_again) {
            rc = bp_id_table_add(to, &m->next, bp_id_table_position(s));
            most--;
            m->into.n++;
        }
        last = m->next;
        has_last = true;
        if (rc == 0)
            rc = bp_id_table_next(s);
    }
    m->is_done = rc == 0;
    return rc;
}

static int replace_in_list(const struct bp_id_runs *r, MDB_txn *txn, const struct bp_id_merge *m)
{
    struct bp_id_run list[BP_ID_RUNS_MAX];
    size_t behind = r->n - m->first - m->n;
    memcpy(list, r->list, m->first * sizeof(*list));
    list[m->first] = m->into;
    memcpy(list + m->first + 1, r->list + m->first + m->n, behind * sizeof(*list));
    return write_list(r, txn, list, m->first + 1 + behind);
}

static int start_target(const struct bp_id_runs *r, MDB_txn *txn, struct bp_id_merge *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += r->list[m->first + i].n;
    return bp_id_filter_init(&m->into.filter, n) != BP_OK ? ENOMEM
                                                          : find_free(r, txn, &m->into.table);
}

int bp_id_merge_step(const struct bp_id_runs *r, MDB_txn *txn, struct bp_id_merge *m, size_t most)
{
    struct bp_id_table_reader sources[BP_ID_RUNS_MAX] = {{0}};
    struct bp_id_table_writer to;
    int rc = m->into.filter.lines == NULL ? start_target(r, txn, m) : 0;
    if (rc == 0)
        rc = bp_id_table_write_begin(&to, txn, r->tables[m->into.table], &m->into.filter);
    if (rc != 0)
        return rc;
    rc = open_sources(r, txn, m, sources);
    if (rc == 0)
        rc = copy(sources, m->n, &to, m, most);
    rc = bp_id_table_write_end(&to, rc);
    for (size_t i = 0; i < m->n; i++)
        bp_id_table_read_end(&sources[i]);
    if (rc == 0 && m->is_done && (rc = write_filter(r, txn, &m->into)) == 0)
        rc = replace_in_list(r, txn, m);
    return rc;
}

void bp_id_merge_finish(struct bp_id_runs *r, struct bp_id_merge *m)
{
    size_t behind = r->n - m->first - m->n;
    for (size_t i = 0; i < m->n; i++)
        bp_id_filter_fini(&r->list[m->first + i].filter);
    r->list[m->first] = m->into;
    memmove(r->list + m->first + 1, r->list + m->first + m->n, behind * sizeof(*r->list));
    r->n = m->first + 1 + behind;
    for (size_t i = r->n; i < r->n + m->n - 1; i++)
        r->list[i] = (struct bp_id_run){.n = 0};
    m->into = (struct bp_id_run){.n = 0};
}
