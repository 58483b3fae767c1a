/* Batches that several streams are sent alike. What a batch holds follows from the policy, the day,
 * the agency, the filter and the place behind which it begins; where all of these are equal, the
 * bytes are, and the one that was made for the first is sent to the others too. Grounds are told to
 * each by itself. Nothing is shared between agencies: references, ids and grounds may differ. Only
 * what reaches the head is kept, so a stream that lags makes its own. Queue's thread. */
#ifndef BERBAGI_SHARED_H
#define BERBAGI_SHARED_H

#include "delivery.h"

#define BP_SHARED_SLOTS 32u /* views at the head that are remembered at once */

struct bp_shared_slot {
    char agency[65]; /* "": empty */
    struct bp_filter *filter;
    uint64_t from;
    struct bp_batch batch;
};

struct bp_shared {
    struct bp_policy *policy; /* of all slots; with a reference */
    bp_day today;
    struct bp_shared_slot slots[BP_SHARED_SLOTS];
};

/* A zeroed one is empty. */
void bp_shared_fini(struct bp_shared *s);

/* Is there a batch for d, just refreshed, at its place, up to the head and of `most` events at most?
 * Then it is put into *batch as bp_delivery_read would, and the place moves. */
BP_MUST_USE bool bp_shared_find(struct bp_shared *s, struct bp_delivery *d, uint64_t head,
                                size_t most, uint32_t ground_field, struct bp_batch *batch);

/* Remembers what was just read for d from behind `from` up to the head. Takes nothing from *batch
 * but its body, which it turns into a shared one; where memory is short it changes nothing. */
void bp_shared_keep(struct bp_shared *s, const struct bp_delivery *d, uint64_t from,
                    struct bp_batch *batch);

#endif
