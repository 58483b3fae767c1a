/* The hard part is a commit that fails: it may have happened. The store is opened anew, its newest
 * entry tells where to go on, and nothing is dropped from the tail or trimmed from the log before a
 * later commit, which writes something in any case, has succeeded. So what is applied twice is
 * applied once. */
#include "applier.h"

#include <time.h>

#include "clock.h"
#include "folder.h"
#include "log.h"
#include "thread.h"

#define MOST_BYTES (512u << 10)
#define MOST_MS 200u
#define RETRY_MS 1000
/* A commit may write this much besides its entries: branch pages, the list of free pages. */
#define COMMIT_SLACK_BYTES (UINT64_C(4) << 20)

struct bp_applier {
    struct bp_applier_config config;
    pthread_t thread;
    atomic_int trouble;           /* a bp_status; written by the thread */
    atomic_uint_fast64_t settled; /* newest entry in the store for good; written by the thread */

    pthread_mutex_t lock; /* guards all below; outside of the tail's and the rider's */
    pthread_cond_t work, done;
    const struct bp_applier_rider *rider;
    struct bp_batch *direct;  /* borrowed from who waits: to be stored behind the tail */
    uint64_t asked, answered; /* flushes */
    bp_status answer;
    int64_t retry_at_ms;   /* after trouble */
    int64_t tail_since_ms; /* when the tail was first seen; 0: it was empty */
    bool is_working, is_stopping;

    /* the thread's */
    uint64_t applied;  /* newest entry in the store as it was found or written last */
    bool is_unsettled; /* a commit failed, and none has succeeded since */
    bool is_shut;      /* the store has to be opened anew before it is used */
};

static int64_t now_ms(void)
{
    return bp_monotonic_ms(&bp_system_clock);
}

bp_status bp_applier_trouble(const struct bp_applier *a)
{
    return (bp_status)atomic_load(&a->trouble);
}

uint64_t bp_applier_applied(const struct bp_applier *a)
{
    return atomic_load(&a->settled);
}

/* --- one attempt, without the lock --- */

static bp_status apply_batch(struct bp_applier *a, const struct bp_batch *b, uint64_t *through)
{
    bp_status st = BP_OK;
    for (size_t i = 0; i < b->n_controls && st == BP_OK; i++) {
        if (b->controls[i].number > *through)
            st = bp_store_put_control(a->config.store, &b->controls[i]);
    }
    for (uint64_t number = b->first; number <= bp_batch_last(b) && st == BP_OK; number++) {
        if (number > *through)
            st = bp_store_put_entry(a->config.store, number, bp_batch_get(b, number));
    }
    if (st == BP_OK && bp_batch_last(b) > *through)
        *through = bp_batch_last(b);
    return st;
}

/* The tail up to this number: what is pushed meanwhile is left for the next time. */
static bp_status apply_tail(struct bp_applier *a, uint64_t limit, uint64_t *through)
{
    struct bp_batch *pinned = bp_tail_pin(a->config.tail);
    bp_status st = BP_OK;
    for (struct bp_batch *b = pinned; b != NULL && st == BP_OK && bp_batch_last(b) <= limit;
         b = atomic_load(&b->next))
        st = apply_batch(a, b, through);
    bp_batch_unref(pinned);
    return st;
}

static bp_status find_applied(struct bp_applier *a)
{
    struct bp_store_reader *r;
    bp_status st = bp_store_read_begin(a->config.store, &r);
    if (st != BP_OK)
        return st;
    st = bp_store_last(r, &a->applied);
    bp_store_read_end(r);
    return st;
}

/* So that readers go on, and the next attempt, with the store as it is found on disk. */
static bp_status reopen(struct bp_applier *a)
{
    struct bp_err err = {{0}};
    char words[sizeof(err.text) + 64];
    bp_status st = bp_store_reopen(a->config.store, &err);
    if (st == BP_OK)
        st = find_applied(a);
    a->is_shut = st != BP_OK;
    bp_log(BP_LOG_WARN, "journal.store_reopened", "status=%s entries=%llu words=%s",
           bp_status_name(st), (unsigned long long)a->applied,
           bp_log_quote(words, sizeof(words), bp_str(err.text)));
    return st;
}

static void settle(struct bp_applier *a, uint64_t through)
{
    a->applied = through;
    a->is_unsettled = false;
    atomic_store(&a->settled, through);
    bp_tail_drop(a->config.tail, through);
    a->config.log->trim(a->config.log, through);
}

/* LMDB tells a write that came back short, which is what a disk does that runs full, as EIO. */
static bp_status judge(const struct bp_applier *a, bp_status st)
{
    uint64_t bytes;
    bool is_full = st == BP_EIO && bp_folder_free(a->config.dir, &bytes) == BP_OK &&
                   bytes < COMMIT_SLACK_BYTES;
    return is_full ? BP_ENOSPC : st;
}

/* What a transaction carries. */
struct load {
    uint64_t limit;                       /* of the tail */
    const struct bp_batch *direct;        /* NULL: none */
    const struct bp_applier_rider *rider; /* NULL: it has nothing */
};

static bp_status fill(struct bp_applier *a, const struct load *load, uint64_t *through)
{
    bp_status st = a->is_unsettled ? bp_store_put_probe(a->config.store) : BP_OK;
    if (st == BP_OK)
        st = apply_tail(a, load->limit, through);
    if (st == BP_OK && load->direct != NULL)
        st = apply_batch(a, load->direct, through);
    if (st == BP_OK && load->rider != NULL)
        st = load->rider->write(load->rider->context, a->config.store);
    return st;
}

static bp_status transact(struct bp_applier *a, const struct load *load)
{
    uint64_t through = a->applied;
    bp_status st = a->is_shut ? reopen(a) : BP_OK;
    if (st != BP_OK)
        return st;
    if ((st = fill(a, load, &through)) == BP_OK) {
        st = bp_store_commit(a->config.store);
        a->is_unsettled |=
            st != BP_OK && st != BP_ENOMEM; /* LMDB asks for memory before it writes */
    }
    if (st == BP_OK) {
        settle(a, through);
        return st;
    }
    bp_store_abort(a->config.store);
    if (a->is_unsettled || (st != BP_ENOSPC && st != BP_ENOMEM))
        (void)reopen(a);
    return judge(a, st);
}

static void note_trouble(struct bp_applier *a, bp_status st, const struct bp_applier_rider *rider)
{
    bp_status is = st == BP_OK || st == BP_ENOSPC ? st : BP_EIO;
    bp_status was = (bp_status)atomic_exchange(&a->trouble, (int)is);
    if (was == is)
        return;
    bp_log(is == BP_OK ? BP_LOG_INFO : BP_LOG_ERROR, "journal.apply", "was=%s is=%s cause=%s",
           bp_status_name(was), bp_status_name(is), bp_status_name(st));
    if (rider != NULL)
        rider->trouble(rider->context);
}

/* On a full disk rows may find room that the entries do not: they take pages that are free. */
static bp_status attempt(struct bp_applier *a, const struct bp_batch *direct,
                         const struct bp_applier_rider *rider)
{
    bool has_rows = rider != NULL && rider->due_ms(rider->context) == 0;
    struct load load = {.limit = bp_tail_look(a->config.tail).last,
                        .direct = direct,
                        .rider = has_rows ? rider : NULL};
    struct load rows = {.rider = rider};
    bp_status st = transact(a, &load), written = st;
    if (has_rows && st == BP_ENOSPC && load.limit != 0)
        written = transact(a, &rows);
    if (has_rows)
        rider->written(rider->context, written);
    note_trouble(a, st, rider);
    return st;
}

/* --- when --- */

static int64_t retry_wait_locked(const struct bp_applier *a, int64_t now)
{
    return a->retry_at_ms > now ? a->retry_at_ms - now : 0;
}

static int64_t tail_wait_locked(struct bp_applier *a, int64_t now)
{
    struct bp_tail_state tail = bp_tail_look(a->config.tail);
    if (tail.n == 0) {
        a->tail_since_ms = 0;
        return -1;
    }
    if (a->tail_since_ms == 0)
        a->tail_since_ms = now;
    int64_t left = a->tail_since_ms + a->config.most_ms - now;
    return tail.bytes >= a->config.most_bytes || left < 0 ? 0 : left;
}

static int rider_wait_locked(const struct bp_applier *a)
{
    return a->rider != NULL ? a->rider->due_ms(a->rider->context) : -1;
}

/* Milliseconds until there is something to do; -1: nothing is there. */
static int64_t wait_ms_locked(struct bp_applier *a, int64_t now)
{
    if (a->is_stopping || a->asked != a->answered)
        return 0;
    int64_t wait =
        bp_applier_trouble(a) != BP_OK ? retry_wait_locked(a, now) : tail_wait_locked(a, now);
    int rider = rider_wait_locked(a);
    return rider >= 0 && (wait < 0 || rider < wait) ? rider : wait;
}

static void wait_locked(struct bp_applier *a, int64_t ms)
{
    struct timespec until;
    if (ms < 0) {
        (void)pthread_cond_wait(&a->work, &a->lock);
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * BP_NS_PER_MS;
    until.tv_sec += (time_t)(ms / 1000 + ns / BP_NS_PER_S);
    until.tv_nsec = (long)(ns % BP_NS_PER_S);
    (void)pthread_cond_timedwait(&a->work, &a->lock, &until);
}

/* The lock is let go while it works. */
static void work_locked(struct bp_applier *a)
{
    const struct bp_applier_rider *rider = a->rider;
    struct bp_batch *direct = a->direct;
    uint64_t asked = a->asked;
    bool is_asked = asked != a->answered || a->is_stopping;
    bool may_try =
        is_asked || bp_applier_trouble(a) != BP_EIO || retry_wait_locked(a, now_ms()) == 0;
    a->is_working = true;
    (void)pthread_mutex_unlock(&a->lock);
    bp_status st = may_try ? attempt(a, direct, rider) : BP_EIO;
    if (!may_try)
        rider->written(rider->context, st);
    (void)pthread_mutex_lock(&a->lock);
    a->is_working = false;
    a->tail_since_ms = 0;
    if (may_try)
        a->retry_at_ms = now_ms() + RETRY_MS;
    if (is_asked) {
        a->direct = a->direct == direct ? NULL : a->direct;
        a->answer = st;
        a->answered = asked;
    }
    (void)pthread_cond_broadcast(&a->done);
}

static void *run(void *argument)
{
    struct bp_applier *a = argument;
    bp_thread_give_way(BP_THREAD_BESIDE);
    (void)pthread_mutex_lock(&a->lock);
    while (!a->is_stopping) {
        int64_t ms = wait_ms_locked(a, now_ms());
        if (ms == 0)
            work_locked(a);
        else
            wait_locked(a, ms);
    }
    if (bp_tail_look(a->config.tail).n != 0 || a->is_unsettled)
        work_locked(a);
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* --- what others ask --- */

static void applier_free(struct bp_applier *a)
{
    (void)pthread_cond_destroy(&a->done);
    (void)pthread_cond_destroy(&a->work);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

static void locks_init(struct bp_applier *a)
{
    pthread_condattr_t monotonic;
    BP_ASSERT(pthread_mutex_init(&a->lock, NULL) == 0);
    BP_ASSERT(pthread_cond_init(&a->done, NULL) == 0);
    BP_ASSERT(pthread_condattr_init(&monotonic) == 0);
    BP_ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    BP_ASSERT(pthread_cond_init(&a->work, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

bp_status bp_applier_start(const struct bp_applier_config *config, struct bp_applier **out,
                           struct bp_err *err)
{
    struct bp_applier *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return bp_fail(err, BP_ENOMEM, "applier: out of memory");
    a->config = *config;
    a->config.most_bytes = config->most_bytes != 0 ? config->most_bytes : MOST_BYTES;
    a->config.most_ms = config->most_ms != 0 ? config->most_ms : MOST_MS;
    a->applied = config->applied;
    atomic_init(&a->settled, config->applied);
    locks_init(a);
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        applier_free(a);
        return bp_fail(err, BP_EIO, "applier: cannot start its thread");
    }
    (void)pthread_setname_np(a->thread, "applier");
    *out = a;
    return BP_OK;
}

bool bp_applier_stop(struct bp_applier *a)
{
    if (a == NULL)
        return false;
    (void)pthread_mutex_lock(&a->lock);
    a->is_stopping = true;
    (void)pthread_cond_signal(&a->work);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    bool is_empty = bp_tail_look(a->config.tail).n == 0 && !a->is_unsettled;
    applier_free(a);
    return is_empty;
}

void bp_applier_set_rider(struct bp_applier *a, const struct bp_applier_rider *rider)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->is_working)
        (void)pthread_cond_wait(&a->done, &a->lock);
    a->rider = rider;
    (void)pthread_mutex_unlock(&a->lock);
}

void bp_applier_wake(struct bp_applier *a)
{
    (void)pthread_mutex_lock(&a->lock);
    (void)pthread_cond_signal(&a->work);
    (void)pthread_mutex_unlock(&a->lock);
}

void bp_applier_pushed(struct bp_applier *a, size_t before, size_t now)
{
    bool is_first = before == 0;
    bool is_full = before < a->config.most_bytes && now >= a->config.most_bytes;
    if (is_first || is_full)
        bp_applier_wake(a);
}

void bp_applier_retry(struct bp_applier *a)
{
    (void)pthread_mutex_lock(&a->lock);
    a->retry_at_ms = 0;
    (void)pthread_cond_signal(&a->work);
    (void)pthread_mutex_unlock(&a->lock);
}

static bp_status ask(struct bp_applier *a, struct bp_batch *direct)
{
    (void)pthread_mutex_lock(&a->lock);
    a->direct = direct != NULL ? direct : a->direct;
    uint64_t ticket = ++a->asked;
    (void)pthread_cond_signal(&a->work);
    while (a->answered < ticket)
        (void)pthread_cond_wait(&a->done, &a->lock);
    bp_status st = a->answer;
    (void)pthread_mutex_unlock(&a->lock);
    return st;
}

bp_status bp_applier_flush(struct bp_applier *a)
{
    return ask(a, NULL);
}

bp_status bp_applier_store(struct bp_applier *a, struct bp_batch *batch)
{
    return ask(a, batch);
}
