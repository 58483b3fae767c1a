/* A Bloom filter for keys that are random already: tells at once of nearly every id that a run does
 * not hold it. A byte and a half a key; one look touches one cache line. Filled by one thread, read by any
 * afterwards. */
#ifndef BERBAGI_ID_FILTER_H
#define BERBAGI_ID_FILTER_H

#include "id_map.h"

#define BP_ID_FILTER_LINE 64u

struct bp_id_filter {
    uint8_t *lines; /* n_lines of 64 bytes */
    uint32_t n_lines;
};

/* Room for n keys (at least one line). BP_ENOMEM. */
BP_MUST_USE bp_status bp_id_filter_init(struct bp_id_filter *f, uint64_t n);
/* A copy of the lines of another. BP_ECORRUPT: not a whole number of lines; BP_ENOMEM. */
BP_MUST_USE bp_status bp_id_filter_load(struct bp_id_filter *f, struct bp_str lines);
void bp_id_filter_fini(struct bp_id_filter *f); /* zeroed allowed */

void bp_id_filter_add(struct bp_id_filter *f, const struct bp_id_key *key);
/* Begins to fetch what the next call will look at. */
void bp_id_filter_prefetch(const struct bp_id_filter *f, const struct bp_id_key *key);
/* false: it was not added. true: it was, but for less than one in a hundred of the others. */
bool bp_id_filter_may_hold(const struct bp_id_filter *f, const struct bp_id_key *key);

static inline size_t bp_id_filter_bytes(const struct bp_id_filter *f)
{
    return (size_t)f->n_lines * BP_ID_FILTER_LINE;
}

#endif
