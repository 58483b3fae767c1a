/* What rights and filters ask of an event's routing header, packed for 512 neighbours together: the
 * few different headers once each, and for each event which of them is its own. Who reads few
 * events among many learns from it where to look without touching the others. Derived from the
 * journal; pure, any thread. */
#ifndef BERBAGI_ROUTES_H
#define BERBAGI_ROUTES_H

#include "record.h"

#define BP_ROUTES_BLOCK 512u /* events; block b holds the positions from b * 512 + 1 on */

struct bp_route {
    uint64_t region;
    uint32_t type_hash;
    uint32_t addressee; /* bp_route_addressee of the agency that it is addressed to; 0: nobody */
    char destination[2];
    bool has_small_count;
    bool is_unknown; /* nothing is known of the event: its record could not be read */
};

struct bp_routes {
    uint64_t first;    /* position of the first event */
    size_t n;          /* events, in order of position */
    int64_t newest_ns; /* the latest recorded_at among them */
    size_t n_routes;
    struct bp_route routes[BP_ROUTES_BLOCK];
    uint16_t codes[BP_ROUTES_BLOCK]; /* of the events: index in routes */
};

static inline uint64_t bp_routes_block_of(uint64_t position)
{
    return (position - 1) / BP_ROUTES_BLOCK;
}

/* Stands for an agency's id; never 0 but for "". */
uint32_t bp_route_addressee(struct bp_str agency);

/* A block in the making. */
struct bp_routes_builder {
    struct bp_routes routes;
    uint16_t slots[2 * BP_ROUTES_BLOCK]; /* hash table: 1 + index in routes */
};

void bp_routes_begin(struct bp_routes_builder *b, uint64_t block);
/* Goes on with a block that was begun before and decoded into b->routes. */
void bp_routes_resume(struct bp_routes_builder *b);
/* The next event of a block that is not full; NULL: its record can't be read. */
void bp_routes_add(struct bp_routes_builder *b, const struct bp_record *record);

/* Appends the stored form, which carries a checksum. */
void bp_routes_encode(const struct bp_routes *routes, struct bp_buf *out);
/* False: not the stored form of this block. */
bool bp_routes_decode(struct bp_str row, uint64_t block, struct bp_routes *out);

#endif
