/* The grounds told on a subscription, by id: what agreements and purposes a delivery stands on. */
#ifndef BERBAGI_GROUNDS_H
#define BERBAGI_GROUNDS_H

#include "berbagi.h"
#include "buffer.h"

#define BP_NOTES_MAX 64 /* agreements or purposes of one delivery */

struct bp_ground_row {
    uint32_t id;
    char *agreement, *purpose; /* owned, terminated */
};

struct bp_grounds {
    struct bp_buf rows; /* of struct bp_ground_row, by id */
};

void bp_grounds_fini(struct bp_grounds *g); /* zeroed is empty */

/* Keeps a copy; an id told again is told anew. False: out of memory. */
bool bp_grounds_add(struct bp_grounds *g, const struct berbagi_ground *ground);

/* The agreements, and the purposes, of a delivery, each once, in order of its grounds; unknown ids
 * are passed over. Borrowed from g until the next add. */
void bp_grounds_of(const struct bp_grounds *g, const struct berbagi_delivery *d,
                   struct bp_str agreements[BP_NOTES_MAX], size_t *n_agreements,
                   struct bp_str purposes[BP_NOTES_MAX], size_t *n_purposes);

#endif
