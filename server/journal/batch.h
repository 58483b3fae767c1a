/* Entries that become durable together, in memory: built by the writer's group, written by the log
 * as it stands, applied to the store from here, and read from here until the store has them. Shared
 * by reference count; nobody changes it once it is built, but for `next`, which is set once.
 *
 * The bytes begin with room for a frame's header and end with room up to whole blocks, both the
 * log's to fill, so that it writes them without a copy. */
#ifndef BERBAGI_BATCH_H
#define BERBAGI_BATCH_H

#include <stdatomic.h>

#include "controls.h"

#define BP_BATCH_HEADER_BYTES 64u
#define BP_BLOCK_BYTES                                                                             \
    4096u /* what a disk writes as a whole, and what direct writes are aligned to */

struct bp_batch_place {
    uint32_t at, n; /* of an entry, in bytes */
};

struct bp_batch {
    atomic_uint refs;
    _Atomic(struct bp_batch *) next; /* the one behind it in the tail; holds a reference */
    uint64_t first;                  /* number of its first entry */
    size_t entries;
    uint8_t *bytes; /* aligned to a block; n of them are used */
    size_t n;
    struct bp_control *controls; /* of its entries that are no events, in order */
    size_t n_controls;
    bool was_mended; /* a flipped bit was put right when it was read from the log */
    /* private */
    struct bp_batch_place *places;
    size_t capacity, places_capacity, controls_capacity;
};

/* Empty; the first entry will have this number. One reference, the caller's. NULL when out of
 * memory. */
struct bp_batch *bp_batch_create(uint64_t first);
struct bp_batch *bp_batch_ref(struct bp_batch *b);
/* Frees it with the last reference, and then lets go of the next. NULL allowed. */
void bp_batch_unref(struct bp_batch *b);

/* Room for the n bytes of the next entry, to be filled before the next call; control: what is to be
 * known of it where it is no event, else NULL. BP_ENOMEM: nothing changed. */
BP_MUST_USE bp_status bp_batch_add(struct bp_batch *b, size_t n, const struct bp_control *control,
                                   uint8_t **place);

/* Its bytes up to whole blocks. */
size_t bp_batch_blocks_bytes(const struct bp_batch *b);

/* The number of its last entry; first - 1 of an empty one. */
uint64_t bp_batch_last(const struct bp_batch *b);
/* The entry with this number, which it has. Lives as long as the batch. */
struct bp_str bp_batch_get(const struct bp_batch *b, uint64_t number);

/* A batch of so many entries from the bytes behind its header, which bp_batch_add wrote once.
 * BP_ECORRUPT: they are none; BP_ENOMEM. */
BP_MUST_USE bp_status bp_batch_parse(uint64_t first, size_t entries, struct bp_str bytes,
                                     struct bp_batch **out);

#endif
