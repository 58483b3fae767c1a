/* What one reader gets: its rights of this moment, its filter, its place in the log, and the
 * batches made of them. Shared by the stream and by Fetch. On one thread at a time. */
#ifndef BERBAGI_DELIVERY_H
#define BERBAGI_DELIVERY_H

#include "exchange.h"
#include "filter.h"

struct bp_told; /* grounds told on this stream */

struct bp_delivery {
    struct bp_exchange *x;
    char agency[65];
    struct bp_filter *filter; /* owned */
    uint64_t place;           /* everything up to here was read */

    /* As of the last bp_delivery_refresh. */
    struct bp_policy *policy;
    const struct bp_agency *reader;
    bp_day today;
    bool *wants_type; /* by bp_event_type.index: the reader has a right to it and its filter names
                         it */
    struct bp_told *told;
};

/* A ground that a batch names, for the view in which it was seen. */
struct bp_ground_use {
    uint32_t ground;
    const struct bp_event_type *type;
    struct bp_view view;
};

/* A response in the making. */
struct bp_batch {
    struct bp_buf body;     /* the Batch as a field of the response; empty: nothing was read yet */
    struct bp_blob *shared; /* or, in its place, the same with others (shared.h); a reference */
    struct bp_buf grounds;  /* new grounds as fields of the response */
    struct bp_ground_use *uses; /* all grounds that the batch names, new or not */
    size_t n_uses;
    uint64_t *positions; /* of the deliveries; room for the most that was asked */
    size_t n;
    uint64_t through; /* the place behind the batch */
    bp_status status; /* BP_OK; BP_ECORRUPT: the record behind `through` fails its check; BP_ENOMEM,
                         BP_EIO */
};

/* Field numbers in the response that a batch is for. */
struct bp_batch_fields {
    uint32_t batch, ground;
};

/* What rights look at in a stored event. */
struct bp_facts bp_facts_of_record(const struct bp_record *record);

/* The filter is taken over, also on failure. */
BP_MUST_USE bp_status bp_delivery_init(struct bp_delivery *d, struct bp_exchange *x,
                                       const char *agency, struct bp_filter *filter,
                                       uint64_t place);
void bp_delivery_fini(struct bp_delivery *d); /* a zeroed one allowed */

/* Looks at policy and day. *changed: what was read before by other rights may not be sent any more.
 * false: no right is left (or memory); *status says why the stream ends. */
bool bp_delivery_refresh(struct bp_delivery *d, bool *changed, struct bp_rpc_status *status);

/* Is any right left now? Changes nothing, so it may be asked while another thread reads for the
 * stream. */
bool bp_delivery_has_rights(const struct bp_delivery *d, struct bp_rpc_status *status);

/* Reads from the place on, looks at no more than `most_looked_at` events, and takes up to `most` of
 * those that pass, as many as fit in about 192 KiB, into batch. Advances the place. One short read
 * transaction. */
void bp_delivery_read(struct bp_delivery *d, size_t most, size_t most_looked_at,
                      struct bp_batch_fields fields, struct bp_batch *batch);

/* Appends those of a batch's grounds that this reader was not told yet to batch->grounds. The batch
 * begins behind `from`. false: out of memory. */
BP_MUST_USE bool bp_delivery_tell(struct bp_delivery *d, const struct bp_ground_use *uses, size_t n,
                                  uint64_t from, uint32_t ground_field, struct bp_batch *batch);

/* The body of a batch without events. */
void bp_batch_put_empty(struct bp_batch *batch, struct bp_batch_fields fields, uint64_t through);
void bp_batch_fini(struct bp_batch *batch);

#endif
