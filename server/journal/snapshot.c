/* The tail is pinned first and the store's snapshot begun after that: what is dropped from the tail
 * in between stands in the store, so no entry is in neither. */
#include "snapshot.h"

bp_status bp_snapshot_begin(struct bp_store *store, struct bp_tail *tail, struct bp_snapshot *out)
{
    struct bp_snapshot s = {.tail = tail, .pinned = bp_tail_pin(tail)};
    bp_status st = bp_store_read_begin(store, &s.store);
    if (st != BP_OK)
        bp_batch_unref(s.pinned);
    else
        *out = s;
    return st;
}

void bp_snapshot_end(struct bp_snapshot *s)
{
    bp_store_read_end(s->store);
    bp_batch_unref(s->pinned);
}

static bool has(const struct bp_batch *b, uint64_t number)
{
    return b != NULL && number >= b->first && number <= bp_batch_last(b);
}

/* Is it in the tail? In order, each is in the batch of the one before or in the next. */
static bool find_in_tail(struct bp_snapshot *s, uint64_t number, struct bp_str *stored)
{
    if (s->pinned == NULL || number < s->pinned->first)
        return false;
    if (s->at != NULL && number == bp_batch_last(s->at) + 1)
        s->at = atomic_load(&s->at->next);
    if (!has(s->at, number))
        s->at = bp_tail_find(s->tail, s->pinned, number);
    if (s->at != NULL)
        *stored = bp_batch_get(s->at, number);
    return s->at != NULL;
}

bp_status bp_snapshot_get(struct bp_snapshot *s, uint64_t number, struct bp_str *stored)
{
    return find_in_tail(s, number, stored) ? BP_OK : bp_store_get(s->store, number, stored);
}

bp_status bp_snapshot_next(struct bp_snapshot *s, uint64_t number, uint64_t *found,
                           struct bp_str *stored)
{
    if (find_in_tail(s, number + 1, stored)) {
        *found = number + 1;
        return BP_OK;
    }
    return bp_store_next(s->store, number, found, stored);
}

bp_status bp_snapshot_last(struct bp_snapshot *s, uint64_t *number)
{
    uint64_t last = 0;
    bp_status st = bp_store_last(s->store, &last);
    for (const struct bp_batch *b = s->pinned; b != NULL; b = atomic_load(&b->next)) {
        if (st == BP_ENOENT || (st == BP_OK && bp_batch_last(b) > last)) {
            last = bp_batch_last(b);
            st = BP_OK;
        }
    }
    if (st == BP_OK)
        *number = last;
    return st;
}

bp_status bp_snapshot_each_control(struct bp_snapshot *s,
                                   bp_status (*each)(void *context,
                                                     const struct bp_control *control),
                                   void *context)
{
    bp_status st = bp_store_each_control(s->store, each, context);
    const struct bp_batch *b = s->pinned;
    uint64_t in_store = 0;
    if (st == BP_OK && b != NULL && (st = bp_store_last(s->store, &in_store)) == BP_ENOENT)
        st = BP_OK;
    for (; b != NULL && st == BP_OK; b = atomic_load(&b->next)) {
        for (size_t i = 0; i < b->n_controls && st == BP_OK; i++) {
            if (b->controls[i].number > in_store)
                st = each(context, &b->controls[i]);
        }
    }
    return st;
}
