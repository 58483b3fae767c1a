/* A set of names with a number each, found by hash. Names are borrowed. Built by one thread, then
 * read by any. */
#ifndef BERBAGI_POLICY_NAMES_H
#define BERBAGI_POLICY_NAMES_H

#include "error.h"
#include "text.h"

struct bp_names_slot {
    struct bp_str name;
    uint32_t value;
    bool is_taken;
};

struct bp_names {
    struct bp_names_slot *slots; /* a power of two, at most half of them taken */
    size_t n_slots;
};

/* Room for most names. BP_ENOMEM. */
BP_MUST_USE bp_status bp_names_init(struct bp_names *t, size_t most);
void bp_names_fini(struct bp_names *t); /* a zeroed struct is allowed */

/* False, and nothing changed, if the name is there already. Never more than the room asked for. */
bool bp_names_add(struct bp_names *t, struct bp_str name, uint32_t value);
bool bp_names_find(const struct bp_names *t, struct bp_str name, uint32_t *value);

#endif
