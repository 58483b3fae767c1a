#include "shared.h"

#include "crc32c.h"
#include "metrics.h"

/* Larger ones are rare at the head, and would be kept until others take their place. */
#define KEPT_BYTES_MAX (64u << 10)

static void clear_slot(struct bp_shared_slot *slot)
{
    bp_batch_fini(&slot->batch);
    bp_filter_destroy(slot->filter);
    *slot = (struct bp_shared_slot){.filter = NULL};
}

void bp_shared_fini(struct bp_shared *s)
{
    for (size_t i = 0; i < BP_SHARED_SLOTS; i++)
        clear_slot(&s->slots[i]);
    bp_policy_unref(s->policy);
    s->policy = NULL;
}

static bool is_same_reader(const struct bp_shared_slot *slot, const struct bp_delivery *d)
{
    return strcmp(slot->agency, d->agency) == 0 && bp_filter_equal(slot->filter, d->filter);
}

/* Views of one agency lie in neighbouring slots, so that a few of them get along. */
static struct bp_shared_slot *slot_of(struct bp_shared *s, const struct bp_delivery *d)
{
    uint32_t first = bp_crc32c(0, d->agency, strlen(d->agency));
    for (uint32_t i = 0; i < 4; i++) {
        struct bp_shared_slot *slot = &s->slots[(first + i) % BP_SHARED_SLOTS];
        if (slot->agency[0] == '\0' || is_same_reader(slot, d))
            return slot;
    }
    return &s->slots[first % BP_SHARED_SLOTS];
}

/* The batch of a slot for another reader: the body is shared, the rest is its own. */
static bool copy_batch(const struct bp_batch *from, struct bp_batch *to)
{
    *to = (struct bp_batch){.n = from->n, .through = from->through};
    if (from->n == 0)
        return true;
    to->positions = malloc(from->n * sizeof(*to->positions));
    if (to->positions == NULL)
        return false;
    memcpy(to->positions, from->positions, from->n * sizeof(*to->positions));
    to->shared = bp_blob_ref(from->shared);
    return true;
}

/* Its filter becomes the slot's, so that the next comparison is one of pointers. */
static void take_filter(struct bp_delivery *d, struct bp_filter *filter)
{
    struct bp_filter *own = d->filter;
    d->filter = bp_filter_ref(filter);
    bp_filter_destroy(own);
}

bool bp_shared_find(struct bp_shared *s, struct bp_delivery *d, uint64_t head, size_t most,
                    uint32_t ground_field, struct bp_batch *batch)
{
    if (s->policy != d->policy || s->today != d->today)
        return false;
    const struct bp_shared_slot *slot = slot_of(s, d);
    if (slot->agency[0] == '\0' || !is_same_reader(slot, d) || slot->from != d->place ||
        slot->batch.through < head || slot->batch.n > most)
        return false;
    if (!copy_batch(&slot->batch, batch))
        return false;
    take_filter(d, slot->filter);
    if (!bp_delivery_tell(d, slot->batch.uses, slot->batch.n_uses, d->place, ground_field, batch)) {
        batch->n = 0; /* it can't go without them */
        batch->status = BP_ENOMEM;
    }
    bp_metric_add(BP_METRIC_EVENTS_SKIPPED, batch->through - d->place - batch->n);
    d->place = batch->through;
    return true;
}

static bool share_body(struct bp_batch *batch)
{
    if (batch->n == 0)
        return true;
    batch->shared = bp_blob_take(&batch->body);
    return batch->shared != NULL;
}

/* A stream that is to be sent events holds the policy it was judged by; so do these. */
static void follow_policy(struct bp_shared *s, const struct bp_delivery *d)
{
    if (s->policy == d->policy && s->today == d->today)
        return;
    bp_shared_fini(s);
    s->policy = bp_policy_ref(d->policy);
    s->today = d->today;
}

void bp_shared_keep(struct bp_shared *s, const struct bp_delivery *d, uint64_t from,
                    struct bp_batch *batch)
{
    if (batch->status != BP_OK || batch->body.n > KEPT_BYTES_MAX || !share_body(batch))
        return;
    follow_policy(s, d);
    struct bp_shared_slot *slot = slot_of(s, d);
    struct bp_batch copy;
    clear_slot(slot);
    if (!copy_batch(batch, &copy))
        return;
    copy.uses = batch->uses; /* this reader has been told */
    copy.n_uses = batch->n_uses;
    batch->uses = NULL;
    batch->n_uses = 0;
    *slot =
        (struct bp_shared_slot){.filter = bp_filter_ref(d->filter), .from = from, .batch = copy};
    (void)bp_str_copy(slot->agency, sizeof(slot->agency), bp_str(d->agency));
}
