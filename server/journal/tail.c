#include "tail.h"

#define FIRST_CAPACITY 64u

void bp_tail_init(struct bp_tail *t)
{
    *t = (struct bp_tail){0};
    BP_ASSERT(pthread_mutex_init(&t->lock, NULL) == 0);
}

static struct bp_batch *at_locked(const struct bp_tail *t, size_t i)
{
    return t->ring[(t->from + i) & (t->capacity - 1)];
}

void bp_tail_fini(struct bp_tail *t)
{
    for (size_t i = 0; i < t->n; i++)
        bp_batch_unref(at_locked(t, i));
    bp_batch_unref(t->last);
    free(t->ring);
    (void)pthread_mutex_destroy(&t->lock);
}

static bp_status reserve_locked(struct bp_tail *t)
{
    if (t->n < t->capacity)
        return BP_OK;
    size_t capacity = t->capacity == 0 ? FIRST_CAPACITY : 2 * t->capacity;
    struct bp_batch **ring = calloc(capacity, sizeof(struct bp_batch *));
    if (ring == NULL)
        return BP_ENOMEM;
    for (size_t i = 0; i < t->n; i++)
        ring[i] = at_locked(t, i);
    free(t->ring);
    t->ring = ring;
    t->from = 0;
    t->capacity = capacity;
    return BP_OK;
}

bp_status bp_tail_reserve(struct bp_tail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    bp_status st = reserve_locked(t);
    (void)pthread_mutex_unlock(&t->lock);
    return st;
}

size_t bp_tail_push(struct bp_tail *t, struct bp_batch *b)
{
    (void)pthread_mutex_lock(&t->lock);
    BP_ASSERT(t->n < t->capacity);
    struct bp_batch *before = t->last;
    if (before != NULL)
        atomic_store(&before->next, bp_batch_ref(b));
    t->last = bp_batch_ref(b);
    t->ring[(t->from + t->n++) & (t->capacity - 1)] = bp_batch_ref(b);
    t->bytes += bp_batch_blocks_bytes(b);
    size_t bytes = t->bytes;
    (void)pthread_mutex_unlock(&t->lock);
    bp_batch_unref(before);
    return bytes;
}

static struct bp_batch *pop_locked(struct bp_tail *t)
{
    struct bp_batch *b = at_locked(t, 0);
    t->from = (t->from + 1) & (t->capacity - 1);
    t->n--;
    t->bytes -= bp_batch_blocks_bytes(b);
    return b;
}

/* Memory is freed with the lock let go: an unmapped megabyte takes a while. */
void bp_tail_drop(struct bp_tail *t, uint64_t through)
{
    struct bp_batch *b;
    do {
        (void)pthread_mutex_lock(&t->lock);
        b = t->n != 0 && bp_batch_last(at_locked(t, 0)) <= through ? pop_locked(t) : NULL;
        (void)pthread_mutex_unlock(&t->lock);
        bp_batch_unref(b);
    } while (b != NULL);
}

struct bp_tail_state bp_tail_look(struct bp_tail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct bp_tail_state state = {.n = t->n, .bytes = t->bytes};
    if (t->n != 0)
        state.last = bp_batch_last(at_locked(t, t->n - 1));
    (void)pthread_mutex_unlock(&t->lock);
    return state;
}

struct bp_batch *bp_tail_pin(struct bp_tail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct bp_batch *b = t->n != 0 ? bp_batch_ref(at_locked(t, 0)) : NULL;
    (void)pthread_mutex_unlock(&t->lock);
    return b;
}

static bool has(const struct bp_batch *b, uint64_t number)
{
    return number >= b->first && number - b->first < b->entries;
}

static struct bp_batch *bisect_locked(const struct bp_tail *t, uint64_t number)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bp_batch_last(at_locked(t, middle)) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->n && has(at_locked(t, low), number) ? at_locked(t, low) : NULL;
}

/* What was dropped since it was pinned hangs on the pin alone: there the chain is walked. */
struct bp_batch *bp_tail_find(struct bp_tail *t, struct bp_batch *pinned, uint64_t number)
{
    (void)pthread_mutex_lock(&t->lock);
    struct bp_batch *found = bisect_locked(t, number);
    (void)pthread_mutex_unlock(&t->lock);
    while (found == NULL && pinned != NULL) {
        if (has(pinned, number))
            found = pinned;
        pinned = atomic_load(&pinned->next);
    }
    return found;
}
