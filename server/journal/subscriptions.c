/* Rows stand in a sorted array of pointers: listing walks it, finding bisects it, and there are
 * thousands at most. A deleted row stays, unseen, until the store has forgotten it. */
#include "subscriptions.h"

#include "bytes.h"
#include "crc32c.h"
#include "journal_internal.h"
#include "log.h"

#define ROW_FORMAT 1
#define ROW_BYTES                                                                                  \
    32u /* CRC-32C of all behind (4), format, 0 (3), acknowledged (8), last active (8), created    \
           (8); then the filter */
#define FILTER_MAX (64u << 10)
#define KEY_MAX 160u

struct bp_subscription_row {
    struct bp_subscription facts; /* filter is owned */
    bool is_deleted;
    uint64_t changed; /* the table's count at the last change; 0 = as the store has it */
};

struct bp_subscription_waiter {
    struct bp_subscription_waiter *next;
    void (*done)(void *context, bp_status st);
    void *context;
};

void bp_subscriptions_init(struct bp_subscriptions *t)
{
    *t = (struct bp_subscriptions){0};
    BP_ASSERT(pthread_mutex_init(&t->lock, NULL) == 0);
}

static void row_free(struct bp_subscription_row *row)
{
    if (row == NULL)
        return;
    free((void *)(uintptr_t)row->facts.filter.p);
    free(row);
}

void bp_subscriptions_fini(struct bp_subscriptions *t)
{
    BP_ASSERT(t->waiters == NULL);
    for (size_t i = 0; i < t->n; i++)
        row_free(t->rows[i]);
    free(t->rows);
    (void)pthread_mutex_destroy(&t->lock);
}

static int compare(const struct bp_subscription *row, const char *agency, const char *name)
{
    int order = strcmp(row->agency, agency);
    return order != 0 ? order : strcmp(row->name, name);
}

/* The first row that is not before (agency, name). */
static size_t lower_bound_locked(const struct bp_subscriptions *t, const char *agency,
                                 const char *name)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&t->rows[middle]->facts, agency, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct bp_subscription_row *find_locked(const struct bp_subscriptions *t, const char *agency,
                                               const char *name)
{
    size_t at = lower_bound_locked(t, agency, name);
    return at < t->n && compare(&t->rows[at]->facts, agency, name) == 0 ? t->rows[at] : NULL;
}

static bool set_filter(struct bp_subscription_row *row, struct bp_str filter)
{
    if (bp_str_eq(row->facts.filter, filter))
        return true;
    char *copy = NULL;
    if (filter.n != 0) {
        if ((copy = malloc(filter.n)) == NULL)
            return false;
        memcpy(copy, filter.p, filter.n);
    }
    free((void *)(uintptr_t)row->facts.filter.p);
    row->facts.filter = (struct bp_str){copy, filter.n};
    return true;
}

/* Takes over the facts, of which the filter is copied. */
static bool assign(struct bp_subscription_row *row, const struct bp_subscription *facts)
{
    if (!set_filter(row, facts->filter))
        return false;
    struct bp_str filter = row->facts.filter;
    row->facts = *facts;
    row->facts.filter = filter;
    return true;
}

static struct bp_subscription_row *insert_locked(struct bp_subscriptions *t,
                                                 const struct bp_subscription *facts)
{
    if (t->n == t->capacity) {
        size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
        struct bp_subscription_row **rows =
            realloc(t->rows, capacity * sizeof(struct bp_subscription_row *));
        if (rows == NULL)
            return NULL;
        t->rows = rows;
        t->capacity = capacity;
    }
    struct bp_subscription_row *row = calloc(1, sizeof(*row));
    if (row == NULL || !assign(row, facts)) {
        row_free(row);
        return NULL;
    }
    size_t at = lower_bound_locked(t, facts->agency, facts->name);
    memmove(&t->rows[at + 1], &t->rows[at], (t->n - at) * sizeof(struct bp_subscription_row *));
    t->rows[at] = row;
    t->n++;
    return row;
}

static void mark_dirty_locked(struct bp_subscriptions *t, struct bp_subscription_row *row,
                              int64_t due_ms, bool *is_first)
{
    *is_first = t->dirty == 0;
    if (*is_first || due_ms < t->due_ms)
        t->due_ms = due_ms;
    if (row->changed == 0)
        t->dirty++;
    row->changed = ++t->changes;
}

static bool is_name(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    return n > 0 && n < size;
}

static bp_status check(const struct bp_subscription *row)
{
    if (!is_name(row->agency, sizeof(row->agency)) || !is_name(row->name, sizeof(row->name)))
        return BP_EINVAL;
    return row->filter.n > FILTER_MAX ? BP_ETOOLARGE : BP_OK;
}

static struct bp_subscription_waiter *waiter_create(void (*done)(void *context, bp_status st),
                                                    void *context)
{
    struct bp_subscription_waiter *w = calloc(1, sizeof(*w));
    if (w != NULL)
        *w = (struct bp_subscription_waiter){.done = done, .context = context};
    return w;
}

static void enqueue_locked(struct bp_subscriptions *t, struct bp_subscription_waiter *w)
{
    if (w == NULL)
        return;
    w->next = t->waiters;
    t->waiters = w;
}

bp_status bp_subscriptions_put(struct bp_subscriptions *t, const struct bp_subscription *row,
                               int64_t due_ms, void (*done)(void *context, bp_status st),
                               void *context, bool *is_first)
{
    bp_status st = check(row);
    if (st != BP_OK)
        return st;
    struct bp_subscription_waiter *w = done != NULL ? waiter_create(done, context) : NULL;
    if (done != NULL && w == NULL)
        return BP_ENOMEM;
    (void)pthread_mutex_lock(&t->lock);
    struct bp_subscription_row *stored = find_locked(t, row->agency, row->name);
    bool kept = stored != NULL ? assign(stored, row) : (stored = insert_locked(t, row)) != NULL;
    if (kept) {
        stored->is_deleted = false;
        mark_dirty_locked(t, stored, due_ms, is_first);
        enqueue_locked(t, w);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!kept)
        free(w);
    return kept ? BP_OK : BP_ENOMEM;
}

bp_status bp_subscriptions_delete(struct bp_subscriptions *t, const char *agency, const char *name,
                                  int64_t due_ms, void (*done)(void *context, bp_status st),
                                  void *context, bool *is_first)
{
    struct bp_subscription_waiter *w = done != NULL ? waiter_create(done, context) : NULL;
    if (done != NULL && w == NULL)
        return BP_ENOMEM;
    (void)pthread_mutex_lock(&t->lock);
    struct bp_subscription_row *row = find_locked(t, agency, name);
    bool was_there = row != NULL && !row->is_deleted;
    if (was_there) {
        row->is_deleted = true;
        mark_dirty_locked(t, row, due_ms, is_first);
        enqueue_locked(t, w);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!was_there)
        free(w);
    return was_there ? BP_OK : BP_ENOENT;
}

bp_status bp_subscriptions_get(struct bp_subscriptions *t, const char *agency, const char *name,
                               struct bp_subscription *out, struct bp_buf *filter)
{
    bp_status st = BP_ENOENT;
    (void)pthread_mutex_lock(&t->lock);
    const struct bp_subscription_row *row = find_locked(t, agency, name);
    if (row != NULL && !row->is_deleted) {
        if (filter != NULL)
            bp_buf_add_str(filter, row->facts.filter);
        st = filter != NULL && filter->failed ? BP_ENOMEM : BP_OK;
        *out = row->facts;
        out->filter = (struct bp_str){0};
    }
    (void)pthread_mutex_unlock(&t->lock);
    return st;
}

/* Copies the row behind (after_agency, after_name); its filter goes to buf. ENOENT at the end of
 * the agency. */
static bp_status next_row(struct bp_subscriptions *t, const char *agency, const char *after_agency,
                          const char *after_name, struct bp_subscription *out, struct bp_buf *buf)
{
    bp_status st = BP_ENOENT;
    (void)pthread_mutex_lock(&t->lock);
    size_t at = lower_bound_locked(t, after_agency, after_name);
    while (at < t->n &&
           (t->rows[at]->is_deleted || compare(&t->rows[at]->facts, after_agency, after_name) == 0))
        at++;
    if (at < t->n && (agency == NULL || strcmp(t->rows[at]->facts.agency, agency) == 0)) {
        bp_buf_clear(buf);
        bp_buf_add_str(buf, t->rows[at]->facts.filter);
        *out = t->rows[at]->facts;
        out->filter = bp_buf_str(buf);
        st = buf->failed ? BP_ENOMEM : BP_OK;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return st;
}

bp_status bp_subscriptions_list(struct bp_subscriptions *t, const char *agency,
                                const char *after_agency, const char *after_name,
                                bool (*each)(void *context, const struct bp_subscription *row),
                                void *context)
{
    struct bp_buf filter = {0};
    struct bp_subscription place = {0}, row;
    (void)bp_str_copy(place.agency, sizeof(place.agency), bp_str(after_agency));
    (void)bp_str_copy(place.name, sizeof(place.name), bp_str(after_name));
    if (agency != NULL && strcmp(place.agency, agency) < 0) {
        (void)bp_str_copy(place.agency, sizeof(place.agency), bp_str(agency));
        place.name[0] = '\0';
    }
    bp_status st;
    while ((st = next_row(t, agency, place.agency, place.name, &row, &filter)) == BP_OK &&
           each(context, &row))
        place = row;
    bp_buf_fini(&filter);
    return st == BP_ENOENT ? BP_OK : st;
}

int bp_subscriptions_wait_ms(struct bp_subscriptions *t, int64_t now_ms)
{
    int wait = -1;
    (void)pthread_mutex_lock(&t->lock);
    if (t->waiters != NULL)
        wait = 0;
    else if (t->dirty != 0)
        wait = t->due_ms <= now_ms         ? 0
               : t->due_ms - now_ms > 1000 ? 1000
                                           : (int)(t->due_ms - now_ms);
    (void)pthread_mutex_unlock(&t->lock);
    return wait;
}

void bp_subscriptions_hurry(struct bp_subscriptions *t, int64_t now_ms)
{
    (void)pthread_mutex_lock(&t->lock);
    t->due_ms = now_ms;
    (void)pthread_mutex_unlock(&t->lock);
}

/* --- the rows of the store: key agency, NUL, name --- */

static struct bp_str key_of(const struct bp_subscription *row, char key[KEY_MAX])
{
    size_t agency = strlen(row->agency), name = strlen(row->name);
    memcpy(key, row->agency, agency + 1);
    memcpy(key + agency + 1, row->name, name);
    return bp_str_of(key, agency + 1 + name);
}

static bool encode_row(const struct bp_subscription *row, struct bp_buf *out)
{
    bp_buf_clear(out);
    uint8_t *p = bp_buf_reserve(out, ROW_BYTES + row->filter.n);
    if (p == NULL)
        return false;
    memset(p, 0, ROW_BYTES);
    p[4] = ROW_FORMAT;
    bp_put_u64(p + 8, row->acknowledged_position);
    bp_put_u64(p + 16, (uint64_t)row->last_active_ns);
    bp_put_u64(p + 24, (uint64_t)row->created_ns);
    if (row->filter.n != 0)
        memcpy(p + ROW_BYTES, row->filter.p, row->filter.n);
    out->n = ROW_BYTES + row->filter.n;
    bp_put_u32(p, bp_crc32c(0, p + 4, out->n - 4));
    return true;
}

static bool decode_row(struct bp_str key, struct bp_str stored, struct bp_subscription *out)
{
    const uint8_t *p = (const uint8_t *)stored.p;
    const char *nul = memchr(key.p, '\0', key.n);
    if (nul == NULL || stored.n < ROW_BYTES || bp_get_u32(p) != bp_crc32c(0, p + 4, stored.n - 4) ||
        p[4] != ROW_FORMAT)
        return false;
    size_t agency = (size_t)(nul - key.p);
    *out = (struct bp_subscription){
        .acknowledged_position = bp_get_u64(p + 8),
        .last_active_ns = (int64_t)bp_get_u64(p + 16),
        .created_ns = (int64_t)bp_get_u64(p + 24),
        .filter = bp_str_of(p + ROW_BYTES, stored.n - ROW_BYTES),
    };
    return bp_str_copy(out->agency, sizeof(out->agency), bp_str_of(key.p, agency)) &&
           bp_str_copy(out->name, sizeof(out->name), bp_str_of(nul + 1, key.n - agency - 1)) &&
           check(out) == BP_OK;
}

bool bp_subscription_row_is_sound(struct bp_str key, struct bp_str stored)
{
    struct bp_subscription row;
    return decode_row(key, stored, &row);
}

static bp_status load_row(void *context, struct bp_str key, struct bp_str stored)
{
    struct bp_subscription row;
    if (!decode_row(key, stored, &row)) {
        char quoted[128];
        bp_log(BP_LOG_ERROR, "journal.subscription_corrupt", "key=%s",
               bp_log_quote(quoted, sizeof(quoted), key));
        return BP_OK;
    }
    return insert_locked(context, &row) != NULL ? BP_OK : BP_ENOMEM;
}

bp_status bp_subscriptions_load(struct bp_subscriptions *t, struct bp_journal *j)
{
    struct bp_store_reader *snapshot;
    bp_status st = bp_store_read_begin(j->store, &snapshot);
    if (st != BP_OK)
        return st;
    (void)pthread_mutex_lock(&t->lock);
    st = bp_store_each_subscription(snapshot, load_row, t);
    (void)pthread_mutex_unlock(&t->lock);
    bp_store_read_end(snapshot);
    return st;
}

/* The next dirty row from *at on, encoded; false: there is none. The lock is held for a copy in
 * memory alone, never while the store may touch the disk. */
static bool next_dirty(struct bp_subscriptions *t, size_t *at, struct bp_subscription *key,
                       struct bp_buf *row, bool *is_deleted, bp_status *st)
{
    bool found = false;
    (void)pthread_mutex_lock(&t->lock);
    while (*at < t->n && t->rows[*at]->changed == 0)
        (*at)++;
    if (*at < t->n) {
        const struct bp_subscription_row *r = t->rows[*at];
        found = true;
        *key = r->facts;
        *is_deleted = r->is_deleted;
        if (!encode_row(&r->facts, row))
            *st = BP_ENOMEM;
        (*at)++;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

bp_status bp_subscriptions_write(struct bp_subscriptions *t, struct bp_store *store,
                                 struct bp_subscription_batch *batch)
{
    struct bp_buf row = {0};
    struct bp_subscription facts;
    char key[KEY_MAX];
    bool is_deleted;
    size_t at = 0;
    bp_status st = BP_OK;
    struct bp_subscription_waiter **end = &batch->waiters;
    while (*end != NULL)
        end = &(*end)->next;
    (void)pthread_mutex_lock(&t->lock);
    batch->through = t->changes;
    batch->is_begun = true;
    *end = t->waiters;
    t->waiters = NULL;
    (void)pthread_mutex_unlock(&t->lock);
    while (st == BP_OK && next_dirty(t, &at, &facts, &row, &is_deleted, &st) && st == BP_OK) {
        struct bp_str k = key_of(&facts, key);
        st = is_deleted ? bp_store_delete_subscription(store, k)
                        : bp_store_put_subscription(store, k, bp_buf_str(&row));
    }
    bp_buf_fini(&row);
    return st;
}

/* What did not change since the batch began is as it was written. Rows inserted meanwhile move
 * others along, so that one may be written twice; none is passed over, because rows are taken out
 * here alone. */
static void clean_locked(struct bp_subscriptions *t, uint64_t through)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct bp_subscription_row *row = t->rows[i];
        if (row->changed != 0 && row->changed <= through) {
            row->changed = 0;
            t->dirty--;
        }
        if (row->is_deleted && row->changed == 0)
            row_free(row);
        else
            t->rows[kept++] = row;
    }
    t->n = kept;
}

static void tell_waiters(struct bp_subscription_waiter *waiters, bp_status st)
{
    while (waiters != NULL) {
        struct bp_subscription_waiter *w = waiters;
        waiters = w->next;
        w->done(w->context, st);
        free(w);
    }
}

void bp_subscriptions_written(struct bp_subscriptions *t, struct bp_subscription_batch *batch,
                              bp_status st, int64_t retry_ms)
{
    if (!batch->is_begun)
        return;
    (void)pthread_mutex_lock(&t->lock);
    if (st == BP_OK)
        clean_locked(t, batch->through);
    t->due_ms = retry_ms;
    (void)pthread_mutex_unlock(&t->lock);
    tell_waiters(batch->waiters, st);
    *batch = (struct bp_subscription_batch){0};
}

void bp_subscriptions_refuse(struct bp_subscriptions *t, bp_status st, int64_t retry_ms)
{
    (void)pthread_mutex_lock(&t->lock);
    struct bp_subscription_waiter *waiters = t->waiters;
    t->waiters = NULL;
    t->due_ms = retry_ms;
    (void)pthread_mutex_unlock(&t->lock);
    tell_waiters(waiters, st);
}
