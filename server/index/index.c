/* Opening, the sequencer's questions, and everybody's. The hard part is that find must never say
 * "free" of an id that is taken: it looks into memory first and begins its look at the store after
 * that, and the indexer forgets from memory only what it has committed. What the store finds is
 * compared with the journal before it is believed: to answer "stored already" on the word of a
 * damaged index would lose the event. */
#include "index_internal.h"

#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "subjects.h"

#define MOST_PENDING 2000000u
#define MAP_BYTES_DEFAULT (UINT64_C(1) << 40)
#define GENERATION_IDS 131072u
#define CATCH_UP_AT_OPEN 50000u /* events: well under a second */

/* --- in memory --- */

/* With all the room it will need: to grow, the map enters every id anew, and the sequencer would
 * stand still for as much as 15 ms. Pages that are not used cost nothing. */
static struct bp_generation *generation_create(void)
{
    struct bp_generation *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    bp_id_map_init(&g->map);
    if (bp_id_map_reserve(&g->map, GENERATION_IDS) == BP_OK)
        return g;
    bp_generation_free(g);
    return NULL;
}

/* Room for n more ids without any further allocation. */
static bool make_room_locked(struct bp_index *x, size_t n)
{
    bool is_empty = x->filling == NULL || x->filling->map.n == 0;
    if (!is_empty && x->filling->map.n + n > GENERATION_IDS) {
        bp_index_seal_locked(x);
        (void)pthread_cond_broadcast(&x->changed);
    }
    if (x->filling == NULL && (x->filling = generation_create()) == NULL)
        return false;
    return bp_id_map_reserve(&x->filling->map, n) == BP_OK;
}

static bool ids_have_room(void *context, size_t n)
{
    struct bp_index *x = context;
    (void)pthread_mutex_lock(&x->lock);
    bool has_room =
        !x->is_behind && x->pending + n <= x->config.most_pending && make_room_locked(x, n);
    (void)pthread_mutex_unlock(&x->lock);
    return has_room;
}

static void add_locked(struct bp_index *x, const struct bp_id_entry *entry)
{
    if (x->is_behind || entry->position <= atomic_load(&x->indexed))
        return; /* comes, or came, from the journal */
    if (!make_room_locked(x, 1) || bp_id_map_add(&x->filling->map, entry) != BP_OK) {
        x->is_behind = true; /* nobody asked for room, and there is none */
        (void)pthread_cond_broadcast(&x->changed);
        return;
    }
    x->pending++;
    if (x->filling->map.n == 1) {
        x->filling_since_ms = bp_monotonic_ms(&bp_system_clock);
        (void)pthread_cond_broadcast(&x->changed);
    }
}

static void ids_committed(void *context, const struct bp_id_entry *entries, size_t n)
{
    struct bp_index *x = context;
    (void)pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < n; i++)
        add_locked(x, &entries[i]);
    (void)pthread_mutex_unlock(&x->lock);
}

static void find_pending_locked(const struct bp_index *x, struct bp_id_lookup *lookup)
{
    const struct bp_id_entry *found =
        x->filling != NULL ? bp_id_map_find(&x->filling->map, &lookup->key) : NULL;
    for (const struct bp_generation *g = x->sealed; g != NULL && found == NULL; g = g->next)
        found = bp_id_map_find(&g->map, &lookup->key);
    lookup->is_stored = false;
    lookup->status = found != NULL ? BP_OK : BP_ENOENT;
    if (found != NULL) {
        lookup->position = found->position;
        lookup->content = found->content;
    }
}

/* --- in the store --- */

static void mark_damaged(struct bp_index *x, uint64_t position)
{
    bp_log(BP_LOG_ERROR, "index.damaged", "position=%llu", (unsigned long long)position);
    (void)pthread_mutex_lock(&x->lock);
    x->is_behind = true;
    x->is_damaged = true;
    (void)pthread_cond_broadcast(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
}

/* Is this the event of this id? Then its content is digested. */
static bp_status compare(struct bp_index *x, const struct bp_record *record,
                         struct bp_id_lookup *lookup)
{
    struct bp_id_key key;
    bp_id_key_make(record->routing.source, record->routing.id, &key);
    if (memcmp(&key, &lookup->key, sizeof(key)) != 0)
        return BP_ENOENT;
    return x->config.digest_of(x->config.context, record, &lookup->content) ? BP_OK : BP_ENOMEM;
}

/* What the journal holds at the position that the store told. */
static bp_status compare_with_journal(struct bp_index *x, struct bp_id_lookup *lookup)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    bp_status st = bp_journal_read_begin(x->config.journal, &r);
    if (st != BP_OK)
        return st;
    st = bp_journal_read_at(r, lookup->position, &record);
    if (st == BP_OK)
        st = compare(x, &record, lookup);
    bp_journal_read_end(r);
    if (st == BP_ENOENT)
        mark_damaged(x, lookup->position);
    return st == BP_ENOENT ? BP_ECORRUPT : st;
}

static bp_status judge_stored(struct bp_index *x, struct bp_id_lookup *lookup)
{
    if (lookup->status == BP_OK)
        return compare_with_journal(x, lookup);
    if (lookup->status == BP_ECORRUPT)
        mark_damaged(x, 0);
    return lookup->status == BP_ENOENT || lookup->status == BP_ECORRUPT ? lookup->status : BP_EIO;
}

static void ids_find(void *context, struct bp_id_lookup *lookups, size_t n)
{
    struct bp_index *x = context;
    (void)pthread_mutex_lock(&x->lock);
    bool is_behind = x->is_behind;
    for (size_t i = 0; i < n; i++)
        find_pending_locked(x, &lookups[i]);
    (void)pthread_mutex_unlock(&x->lock);
    bp_index_store_find(x->store, lookups, n);
    for (size_t i = 0; i < n; i++) {
        struct bp_id_lookup *lookup = &lookups[i];
        if (!lookup->is_stored && lookup->status == BP_OK)
            continue;
        lookup->status = judge_stored(x, lookup);
        if (is_behind && lookup->status != BP_OK)
            lookup->status = BP_EAGAIN;
    }
}

/* --- opening --- */

static bool is_same_log(const struct bp_index_place *place, struct bp_journal *j)
{
    struct bp_log_id id = bp_journal_log_id(j);
    return memcmp(&place->log_id, &id, sizeof(id)) == 0;
}

/* Is what stands in the store made from this very journal? */
static bool place_holds(const struct bp_index_place *place, struct bp_journal *j)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    if (!is_same_log(place, j) || place->position == 0 || bp_journal_read_begin(j, &r) != BP_OK)
        return false;
    bp_status st = bp_journal_read_at(r, place->position, &record);
    bool holds = st == BP_ECORRUPT || (st == BP_OK && record.entry.checksum == place->checksum);
    bp_journal_read_end(r);
    return holds;
}

/* Throws the store away unless it belongs to the journal, and catches up where that is quick. */
static bp_status bring_up(struct bp_index *x, struct bp_err *err)
{
    struct bp_journal *j = x->config.journal;
    struct bp_index_place place;
    if (bp_index_store_place(x->store, &place) == BP_OK && place_holds(&place, j)) {
        atomic_store(&x->indexed, place.position);
    } else {
        x->is_damaged = true;
        atomic_store(&x->indexed, bp_journal_first(j) - 1);
    }
    uint64_t missing = bp_journal_head(j) - atomic_load(&x->indexed);
    x->is_behind = missing != 0 || x->is_damaged;
    if (missing > CATCH_UP_AT_OPEN)
        bp_log(BP_LOG_WARN, "index.catching_up", "from=%llu head=%llu",
               (unsigned long long)atomic_load(&x->indexed),
               (unsigned long long)bp_journal_head(j));
    if (!x->is_behind || missing > CATCH_UP_AT_OPEN)
        return BP_OK;
    bp_status st = bp_indexer_catch_up(x);
    if (st == BP_OK || st == BP_ECORRUPT || st == BP_ENOSPC) {
        x->trouble = st; /* reading goes on; the thread tries again */
        return BP_OK;
    }
    return bp_fail(err, st, "index %s: cannot be brought up to the journal (%s)", x->config.dir,
                   bp_status_name(st));
}

static void init_locks(struct bp_index *x)
{
    pthread_condattr_t monotonic;
    BP_ASSERT(pthread_mutex_init(&x->lock, NULL) == 0);
    BP_ASSERT(pthread_condattr_init(&monotonic) == 0);
    BP_ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    BP_ASSERT(pthread_cond_init(&x->changed, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

static void set_up(struct bp_index *x, const struct bp_index_config *config)
{
    x->config = *config;
    x->config.dir = bp_str_dup(bp_str(config->dir));
    if (x->config.most_pending == 0)
        x->config.most_pending = MOST_PENDING;
    if (x->config.map_bytes == 0)
        x->config.map_bytes = MAP_BYTES_DEFAULT;
    x->ids = (struct bp_id_index){
        .context = x,
        .find = ids_find,
        .committed = ids_committed,
        .has_room = ids_have_room,
    };
    x->lock_fd = -1;
    init_locks(x);
}

bp_status bp_index_open(const struct bp_index_config *config, struct bp_index **out,
                        struct bp_err *err)
{
    bp_status st;
    struct bp_index *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return bp_fail(err, BP_ENOMEM, "index %s: out of memory", config->dir);
    set_up(x, config);
    if (x->config.dir == NULL) {
        st = bp_fail(err, BP_ENOMEM, "index %s: out of memory", config->dir);
        goto fail;
    }
    if ((st = bp_folder_hold(x->config.dir, &x->lock_fd, err)) != BP_OK ||
        (st = bp_index_store_open(x->config.dir, x->config.map_bytes, &x->store, err)) != BP_OK ||
        (st = bring_up(x, err)) != BP_OK)
        goto fail;
    if (pthread_create(&x->thread, NULL, bp_indexer_run, x) != 0) {
        st = bp_fail(err, BP_EIO, "index %s: cannot start its thread", config->dir);
        goto fail;
    }
    x->has_thread = true;
    (void)pthread_setname_np(x->thread, "indexer");
    *out = x;
    return BP_OK;
fail:
    bp_index_close(x);
    return st;
}

static void stop_thread(struct bp_index *x)
{
    (void)pthread_mutex_lock(&x->lock);
    x->is_stopping = true;
    (void)pthread_cond_broadcast(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
    (void)pthread_join(x->thread, NULL);
}

void bp_index_close(struct bp_index *x)
{
    if (x == NULL)
        return;
    if (x->has_thread)
        stop_thread(x);
    while (x->sealed != NULL) {
        struct bp_generation *g = x->sealed;
        x->sealed = g->next;
        bp_generation_free(g);
    }
    bp_generation_free(x->filling);
    bp_index_store_close(x->store);
    if (x->lock_fd >= 0)
        (void)close(x->lock_fd);
    (void)pthread_cond_destroy(&x->changed);
    (void)pthread_mutex_destroy(&x->lock);
    free((void *)(uintptr_t)x->config.dir);
    free(x);
}

/* --- questions --- */

const struct bp_id_index *bp_index_ids(struct bp_index *x)
{
    return &x->ids;
}

uint64_t bp_index_position(const struct bp_index *x)
{
    return atomic_load(&x->indexed);
}

bp_status bp_index_health(struct bp_index *x)
{
    (void)pthread_mutex_lock(&x->lock);
    bp_status st = x->trouble != BP_OK ? x->trouble : x->is_behind ? BP_EAGAIN : BP_OK;
    (void)pthread_mutex_unlock(&x->lock);
    return st;
}

bp_status bp_index_catch_up(struct bp_index *x)
{
    uint64_t head = bp_journal_head(x->config.journal);
    (void)pthread_mutex_lock(&x->lock);
    while ((atomic_load(&x->indexed) < head || x->is_behind) && x->trouble == BP_OK &&
           !x->is_stopping) {
        if (!x->is_hurried) {
            x->is_hurried = true;
            (void)pthread_cond_broadcast(&x->changed);
        }
        (void)pthread_cond_wait(&x->changed, &x->lock);
    }
    bp_status st = x->trouble;
    (void)pthread_mutex_unlock(&x->lock);
    return st;
}

bp_status bp_index_subject(struct bp_index *x, struct bp_str subject, struct bp_str machine,
                           struct bp_subject_state *out)
{
    struct bp_buf row = {0};
    if (subject.n == 0 || subject.n > BP_SUBJECT_MAX)
        return BP_ENOENT;
    bp_status st = bp_index_store_subject(x->store, subject, &row);
    if (st == BP_OK && !bp_subject_decode(bp_buf_str(&row), machine, out))
        st = BP_ECORRUPT;
    bp_buf_fini(&row);
    return st;
}

bp_status bp_index_routes(struct bp_index *x, uint64_t position, struct bp_routes *out)
{
    struct bp_buf row = {0};
    uint64_t block = bp_routes_block_of(position);
    if (position > atomic_load(&x->indexed))
        return BP_ENOENT;
    bp_status st = bp_index_store_routes(x->store, block, &row);
    if (st == BP_OK && !bp_routes_decode(bp_buf_str(&row), block, out)) {
        mark_damaged(x, position);
        st = BP_ENOENT;
    }
    bp_buf_fini(&row);
    return st == BP_OK ? BP_OK : BP_ENOENT;
}
