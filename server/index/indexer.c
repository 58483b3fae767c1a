/* Fills the store in chunks sorted by key, so that neighbours share pages, and advances the place
 * in the same transaction. Two sources: ids in memory, which the sequencer handed over, and, after
 * a loss or a long absence, the journal itself. */
#include <time.h>

#include "index_internal.h"
#include "log.h"
#include "memory.h"
#include "routes.h"
#include "subjects.h"
#include "thread.h"

#define CHUNK 131072u            /* ids in a generation, and in one transaction */
#define READ_CHUNK 32768u        /* events that are caught up with in one transaction */
#define SLICE 8192u              /* records looked at in one snapshot of the journal, at most */
#define TEXTS_BYTES (512u << 10) /* of their subjects and statuses */
#define TEXT_MAX 255u
#define GATHER_MS 1000   /* how long a small generation waits for more */
#define BURST 131072u    /* so many events leave memory behind that is worth giving back */
#define BURST_OVER 1024u /* ids waiting */
#define RETRY_MS 1000
#define LOT_BITS 14u /* of a key, by which ids are dealt out for sorting */
#define LOTS (1u << LOT_BITS)

static int64_t now_ms(void)
{
    return bp_monotonic_ms(&bp_system_clock);
}

/* --- sorting --- */

static int by_key(const void *left, const void *right)
{
    const struct bp_id_entry *a = left, *b = right;
    return memcmp(a->key.bytes, b->key.bytes, BP_ID_KEY_BYTES);
}

static size_t lot_of(const struct bp_id_entry *entry)
{
    return ((size_t)entry->key.bytes[0] << 8 | entry->key.bytes[1]) >> (16 - LOT_BITS);
}

/* Keys are random: dealt out by their first bits they are nearly sorted. Who chooses ids whose keys
 * fall together gains no more than that qsort has to do it all. */
static void sort_by_key(const struct bp_id_entry *from, size_t n, struct bp_id_entry *sorted)
{
    uint32_t ends[LOTS + 1] = {0};
    for (size_t i = 0; i < n; i++)
        ends[lot_of(&from[i]) + 1]++;
    for (size_t lot = 1; lot <= LOTS; lot++)
        ends[lot] += ends[lot - 1];
    for (size_t i = 0; i < n; i++)
        sorted[ends[lot_of(&from[i])]++] = from[i];
    for (size_t lot = 0, begin = 0; lot < LOTS; begin = ends[lot++]) {
        if (ends[lot] - begin > 1)
            qsort(sorted + begin, ends[lot] - begin, sizeof(*sorted), by_key);
    }
}

/* --- generations --- */

void bp_generation_free(struct bp_generation *g)
{
    if (g == NULL)
        return;
    bp_id_map_fini(&g->map);
    free(g);
}

void bp_index_seal_locked(struct bp_index *x)
{
    struct bp_generation *g = x->filling;
    x->filling = NULL;
    g->next = NULL;
    if (x->last_sealed != NULL)
        x->last_sealed->next = g;
    else
        x->sealed = g;
    x->last_sealed = g;
}

static void forget_oldest_locked(struct bp_index *x)
{
    struct bp_generation *g = x->sealed;
    x->sealed = g->next;
    if (x->sealed == NULL)
        x->last_sealed = NULL;
    x->pending -= g->map.n;
    bp_generation_free(g);
}

/* --- one chunk --- */

/* What the records of a chunk come to beside their ids. */
struct harvest {
    struct bp_subject_news news[SLICE]; /* of a slice */
    size_t n_news;
    char texts[TEXTS_BYTES]; /* theirs */
    size_t n_texts;
    struct bp_routes_builder routes; /* of the block that is being filled */
    struct bp_buf row;               /* scratch */
};

/* Is there room for another record's? */
static bool has_room(const struct harvest *h)
{
    return TEXTS_BYTES - h->n_texts >= 3 * TEXT_MAX;
}

static struct bp_str keep(struct harvest *h, struct bp_str text)
{
    char *kept = h->texts + h->n_texts;
    if (text.n != 0)
        memcpy(kept, text.p, text.n);
    h->n_texts += text.n;
    return bp_str_of(kept, text.n);
}

/* A record's texts are gone when the next one is read. */
static void note_subject(const struct bp_index *x, const struct bp_record *record,
                         struct harvest *h)
{
    struct bp_str subject = record->routing.subject, machine = {0}, status = {0};
    if (subject.n == 0 || subject.n > BP_SUBJECT_MAX)
        return;
    struct bp_subject_news *news = &h->news[h->n_news++];
    *news =
        (struct bp_subject_news){.subject = keep(h, subject), .position = record->routing.position};
    if (x->config.status_of == NULL ||
        !x->config.status_of(x->config.context, record, &machine, &status) || machine.n == 0 ||
        machine.n > TEXT_MAX || status.n > TEXT_MAX)
        return;
    news->machine = keep(h, machine);
    news->status = keep(h, status);
}

/* Goes on with the block that holds this position. Events before it that are not in the store, as
 * after a wipe of a log that begins later, are unknown. */
static bp_status open_block(struct bp_index *x, uint64_t position, struct harvest *h)
{
    uint64_t block = bp_routes_block_of(position);
    size_t before = (size_t)((position - 1) % BP_ROUTES_BLOCK);
    struct bp_routes *found = &h->routes.routes;
    bp_routes_begin(&h->routes, block);
    if (before == 0)
        return BP_OK;
    bp_buf_clear(&h->row);
    bp_status st = bp_index_store_peek_routes(x->store, block, &h->row);
    if (st == BP_OK && bp_routes_decode(bp_buf_str(&h->row), block, found) && found->n == before)
        bp_routes_resume(&h->routes);
    else
        bp_routes_begin(&h->routes, block);
    while (found->n < before)
        bp_routes_add(&h->routes, NULL);
    return st == BP_ENOENT ? BP_OK : st;
}

static bp_status store_block(struct bp_index *x, struct harvest *h)
{
    const struct bp_routes *routes = &h->routes.routes;
    bp_buf_clear(&h->row);
    bp_routes_encode(routes, &h->row);
    return h->row.failed ? BP_ENOMEM
                         : bp_index_store_put_routes(x->store, bp_routes_block_of(routes->first),
                                                     bp_buf_str(&h->row));
}

/* record NULL: it is damaged. */
static bp_status note_route(struct bp_index *x, const struct bp_record *record, struct harvest *h)
{
    const struct bp_routes *routes = &h->routes.routes;
    bp_status st = BP_OK;
    if (routes->n == BP_ROUTES_BLOCK) {
        st = store_block(x, h);
        bp_routes_begin(&h->routes, bp_routes_block_of(routes->first) + 1);
    }
    bp_routes_add(&h->routes, record);
    return st;
}

static void log_damage(uint64_t position)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 60000};
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_ERROR, "index.damaged_entry", "position=%llu", (unsigned long long)position);
}

/* Subjects and routes of the events from *next on, as many up to `to` as go into a slice; moves
 * *next behind them. A damaged record is passed over: its id is known, its subject is not. */
static bp_status index_slice(struct bp_index *x, uint64_t *next, uint64_t to, struct harvest *h)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    bp_status st = bp_journal_read_begin(x->config.journal, &r), noted = BP_OK;
    if (st != BP_OK)
        return st;
    h->n_news = h->n_texts = 0;
    to = to - *next < SLICE ? to : *next + SLICE - 1;
    for (uint64_t from = *next; *next <= to && noted == BP_OK && has_room(h); ++*next) {
        st =
            *next == from ? bp_journal_read_at(r, from, &record) : bp_journal_read_next(r, &record);
        if (st != BP_OK && st != BP_ECORRUPT)
            break;
        noted = note_route(x, st == BP_OK ? &record : NULL, h);
        if (st == BP_OK)
            note_subject(x, &record, h);
        else
            log_damage(*next);
    }
    bp_journal_read_end(r);
    if (st != BP_OK && st != BP_ECORRUPT)
        return st;
    return noted == BP_OK ? bp_subjects_merge(x->store, h->news, h->n_news) : noted;
}

static bp_status index_records(struct bp_index *x, uint64_t from, uint64_t to)
{
    struct harvest *h = malloc(sizeof(*h));
    if (h == NULL)
        return BP_ENOMEM;
    h->row = (struct bp_buf){0};
    bp_status st = open_block(x, from, h);
    while (from <= to && st == BP_OK)
        st = index_slice(x, &from, to, h);
    if (st == BP_OK)
        st = store_block(x, h);
    bp_buf_fini(&h->row);
    free(h);
    return st;
}

static bp_status place_at(struct bp_index *x, uint64_t position, struct bp_index_place *place)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    bp_status st = bp_journal_read_begin(x->config.journal, &r);
    if (st != BP_OK)
        return st;
    st = bp_journal_read_at(r, position, &record);
    *place = (struct bp_index_place){.log_id = bp_journal_log_id(x->config.journal),
                                     .position = position};
    if (st == BP_OK)
        place->checksum = record.entry.checksum;
    bp_journal_read_end(r);
    return st == BP_ECORRUPT ? BP_OK : st;
}

/* Commits; after a failure, back to what the environment holds. */
static bp_status commit_at(struct bp_index *x, uint64_t position)
{
    struct bp_index_place place, found;
    struct bp_err err;
    bp_status st = place_at(x, position, &place);
    if (st != BP_OK)
        return st;
    st = bp_index_store_commit(x->store, &place);
    if (st == BP_OK || st == BP_ENOMEM)
        return st;
    if (bp_index_store_reopen(x->store, false, &err) != BP_OK)
        return st;
    bool is_there = bp_index_store_place(x->store, &found) == BP_OK && found.position == position;
    return is_there ? BP_OK : st;
}

static bool is_stopping(struct bp_index *x)
{
    (void)pthread_mutex_lock(&x->lock);
    bool stopping = x->is_stopping;
    (void)pthread_mutex_unlock(&x->lock);
    return stopping;
}

static bool goes_on(void *context)
{
    return !is_stopping(context);
}

/* What can't be merged now is merged another time; the store is taken as it is on disk. */
static void tidy(struct bp_index *x)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 60000};
    struct bp_err err;
    bp_status st = bp_index_store_tidy(x->store, goes_on, x);
    if (st == BP_OK)
        return;
    bp_status reopened = bp_index_store_reopen(x->store, false, &err);
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "index.merge_failed", "why=%s reopened=%s", bp_status_name(st),
               bp_status_name(reopened));
}

static bp_status put_ids(struct bp_index *x, const struct bp_id_entry *entries, size_t n)
{
    struct bp_id_entry *sorted = malloc(n * sizeof(*sorted));
    if (sorted == NULL)
        return BP_ENOMEM;
    sort_by_key(entries, n, sorted);
    bp_status st = bp_index_store_put_ids(x->store, sorted, n);
    free(sorted);
    return st;
}

/* Indexes entries, which stand for the positions from..to, each once. */
static bp_status index_entries(struct bp_index *x, const struct bp_id_entry *entries, size_t n,
                               uint64_t from, uint64_t to)
{
    bp_status st = put_ids(x, entries, n);
    if (st == BP_OK)
        st = index_records(x, from, to);
    if (st == BP_OK)
        st = commit_at(x, to);
    if (st != BP_OK) {
        bp_index_store_abort(x->store);
        return st;
    }
    atomic_store(&x->indexed, to);
    tidy(x);
    return BP_OK;
}

/* --- from the journal --- */

static bp_status read_entries(struct bp_index *x, uint64_t from, uint64_t to,
                              struct bp_id_entry *entries)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    bp_status st = bp_journal_read_begin(x->config.journal, &r);
    if (st != BP_OK)
        return st;
    st = bp_journal_read_at(r, from, &record);
    for (uint64_t p = from; p <= to && st == BP_OK; p++) {
        struct bp_id_entry *e = &entries[p - from];
        bp_id_key_make(record.routing.source, record.routing.id, &e->key);
        if (!x->config.digest_of(x->config.context, &record, &e->content))
            st = BP_ENOMEM;
        e->position = p;
        if (p < to && st == BP_OK)
            st = bp_journal_read_next(r, &record);
    }
    if (st == BP_ECORRUPT)
        log_damage(record.routing.position);
    bp_journal_read_end(r);
    return st;
}

/* Nothing is behind any more if everything up to the head is in the store: asked under the lock,
 * under which the sequencer tells of each event after the head has moved. */
static bool end_catching_up(struct bp_index *x)
{
    (void)pthread_mutex_lock(&x->lock);
    bool is_over = atomic_load(&x->indexed) >= bp_journal_head(x->config.journal);
    if (is_over)
        x->is_behind = false;
    (void)pthread_mutex_unlock(&x->lock);
    return is_over;
}

static bp_status start_anew(struct bp_index *x)
{
    struct bp_err err;
    (void)pthread_mutex_lock(&x->lock);
    bool is_damaged = x->is_damaged;
    (void)pthread_mutex_unlock(&x->lock);
    if (!is_damaged)
        return BP_OK;
    bp_status st = bp_index_store_reopen(x->store, true, &err);
    if (st != BP_OK)
        return st;
    atomic_store(&x->indexed, bp_journal_first(x->config.journal) - 1);
    (void)pthread_mutex_lock(&x->lock);
    x->is_damaged = false;
    (void)pthread_mutex_unlock(&x->lock);
    return BP_OK;
}

/* What stands in memory comes again from the journal. While it is behind nothing is added. */
static void forget_all(struct bp_index *x)
{
    (void)pthread_mutex_lock(&x->lock);
    if (x->filling != NULL)
        bp_index_seal_locked(x);
    while (x->sealed != NULL)
        forget_oldest_locked(x);
    (void)pthread_mutex_unlock(&x->lock);
}

bp_status bp_indexer_catch_up(struct bp_index *x)
{
    forget_all(x);
    bp_status st = start_anew(x);
    struct bp_id_entry *entries = malloc(READ_CHUNK * sizeof(*entries));
    if (entries == NULL)
        st = BP_ENOMEM;
    while (st == BP_OK && !end_catching_up(x) && !is_stopping(x)) {
        uint64_t from = atomic_load(&x->indexed) + 1, head = bp_journal_head(x->config.journal);
        uint64_t to = head - from < READ_CHUNK ? head : from + READ_CHUNK - 1;
        st = read_entries(x, from, to, entries);
        if (st == BP_OK)
            st = index_entries(x, entries, to - from + 1, from, to);
    }
    free(entries);
    return st;
}

/* --- from memory --- */

static bp_status index_generation(struct bp_index *x, const struct bp_generation *g)
{
    const struct bp_id_entry *entries = g->map.entries;
    return index_entries(x, entries, g->map.n, entries[0].position, entries[g->map.n - 1].position);
}

/* Milliseconds until there is something to do; 0 = now, -1 = nothing is there. */
static int wait_ms_locked(const struct bp_index *x)
{
    bool is_filled = x->filling != NULL && x->filling->map.n != 0;
    if (x->is_stopping)
        return 0;
    if (x->trouble != BP_OK)
        return RETRY_MS;
    if (x->is_behind || x->sealed != NULL ||
        (is_filled && (x->is_hurried || x->filling->map.n >= CHUNK)))
        return 0;
    int64_t left = x->filling_since_ms + GATHER_MS - now_ms();
    return !is_filled ? -1 : left < 0 ? 0 : (int)left;
}

static void wait_locked(struct bp_index *x, int ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (ms < 0)
        (void)pthread_cond_wait(&x->changed, &x->lock);
    else
        (void)pthread_cond_timedwait(&x->changed, &x->lock, &until);
}

/* What is to be indexed next. Sealed generations are read without the lock: nobody changes or frees
 * them but this thread. */
static struct bp_generation *next_generation_locked(struct bp_index *x)
{
    if (x->sealed == NULL && x->filling != NULL && x->filling->map.n != 0)
        bp_index_seal_locked(x);
    return x->sealed;
}

static void note_locked(struct bp_index *x, bp_status st)
{
    if (st != x->trouble)
        bp_log(st == BP_OK ? BP_LOG_INFO : BP_LOG_ERROR, "index.write", "was=%s is=%s",
               bp_status_name(x->trouble), bp_status_name(st));
    x->trouble = st;
    x->is_hurried = false;
    (void)pthread_cond_broadcast(&x->changed);
}

/* One chunk, or all of a catching up. The lock is let go while it works. */
static void work_locked(struct bp_index *x)
{
    bool is_behind = x->is_behind;
    struct bp_generation *g = is_behind ? NULL : next_generation_locked(x);
    if (g == NULL && !is_behind)
        return;
    (void)pthread_mutex_unlock(&x->lock);
    bp_status st = is_behind ? bp_indexer_catch_up(x) : index_generation(x, g);
    (void)pthread_mutex_lock(&x->lock);
    if (st == BP_OK && g != NULL && x->sealed == g)
        forget_oldest_locked(x);
    /* A damaged entry of the journal is passed over here, so this is the index itself: it is made
     * anew. */
    if (st == BP_ECORRUPT && g != NULL)
        x->is_behind = x->is_damaged = true;
    note_locked(x, st);
}

/* The indexer is the last to see a burst of events: when it has caught up, that is over. */
static void tidy_locked(struct bp_index *x)
{
    uint64_t indexed = atomic_load(&x->indexed);
    if (x->pending > BURST_OVER || indexed - x->tidied < BURST)
        return;
    x->tidied = indexed;
    (void)pthread_mutex_unlock(&x->lock);
    bp_memory_give_back();
    (void)pthread_mutex_lock(&x->lock);
}

void *bp_indexer_run(void *argument)
{
    struct bp_index *x = argument;
    bp_thread_give_way(BP_THREAD_BESIDE);
    (void)pthread_mutex_lock(&x->lock);
    while (!x->is_stopping) {
        int ms = wait_ms_locked(x);
        if (ms != 0)
            wait_locked(x, ms);
        if (!x->is_stopping && (x->trouble != BP_OK || wait_ms_locked(x) == 0))
            work_locked(x);
        tidy_locked(x);
    }
    while (x->trouble == BP_OK && !x->is_behind && next_generation_locked(x) != NULL)
        work_locked(x);
    (void)pthread_mutex_unlock(&x->lock);
    return NULL;
}
