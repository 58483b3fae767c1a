/* How often each agency may ask, in memory: a bound on what a program gone wild can make this service
 * do. One thread. */
#ifndef BERBAGI_VISITORS_H
#define BERBAGI_VISITORS_H

#include "allowance.h"

#define BP_VISITOR_BURST 10
#define BP_VISITOR_PER_HOUR 60
#define BP_VISITORS_MOST 4096 /* known at once; those who have not asked for long are forgotten */

struct bp_visitor {
    char name[65];
    struct bp_allowance asks;
};

struct bp_visitors {
    struct bp_visitor *items;
    unsigned n;
};

void bp_visitors_fini(struct bp_visitors *v); /* a zeroed one is empty */

/* May the agency ask now? Otherwise *wait_ms says when. Also false when out of memory. */
bool bp_visitors_admit(struct bp_visitors *v, const char *name, int64_t now_ms, int64_t *wait_ms);

#endif
