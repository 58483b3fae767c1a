/* Where the entries stand that are no events: few, so all of them are held in memory in order of
 * number, and a position becomes an entry's number by counting those before it. Any thread; the
 * lock inside is a leaf. */
#ifndef BERBAGI_CONTROLS_H
#define BERBAGI_CONTROLS_H

#include <pthread.h>

#include "record.h"

struct bp_control {
    uint64_t number;
    uint64_t head_before; /* newest position before it */
    uint64_t version;     /* policy version that a policy or proposal makes or an approval puts in
                             force; 0 of others */
    enum bp_entry_kind kind;
    uint16_t part, parts;
};

/* A control as it is stored beside its number: kind, 0, part (2), parts (2), head before (8),
 * version (8), CRC-32C of these (4). */
#define BP_CONTROL_ROW_BYTES 26u
void bp_control_encode(const struct bp_control *control, uint8_t row[BP_CONTROL_ROW_BYTES]);
/* BP_ECORRUPT: wrong size or checksum. */
BP_MUST_USE bp_status bp_control_decode(uint64_t number, struct bp_str row, struct bp_control *out);

struct bp_controls {
    pthread_mutex_t lock; /* guards all below */
    struct bp_control *list;
    size_t n, capacity;
};

void bp_controls_init(struct bp_controls *c);
void bp_controls_fini(struct bp_controls *c);
void bp_controls_clear(struct bp_controls *c);

/* Makes sure that the next n appends succeed. BP_ENOMEM. */
BP_MUST_USE bp_status bp_controls_reserve(struct bp_controls *c, size_t n);
/* Numbers ascend. Room was reserved. */
void bp_controls_append(struct bp_controls *c, const struct bp_control *control);

size_t bp_controls_count(struct bp_controls *c);
/* How many stand before the event at this position; its number is position + this. */
uint64_t bp_controls_before(struct bp_controls *c, uint64_t position);
/* The first one with a number above this; false: there is none. */
bool bp_controls_after(struct bp_controls *c, uint64_t number, struct bp_control *out);
/* The first part of a policy version, in force once or proposed; false: there is none. */
bool bp_controls_policy(struct bp_controls *c, uint64_t version, struct bp_control *out);
/* The approval of a version; false: it has none. */
bool bp_controls_approval(struct bp_controls *c, uint64_t version, struct bp_control *out);
/* The version in force and the newest one of all; 0: none. */
uint64_t bp_controls_version_in_force(struct bp_controls *c);
uint64_t bp_controls_newest_version(struct bp_controls *c);

#endif
