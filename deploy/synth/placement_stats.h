/* The placements just made, counted and published as the ministry does: each month by region, each
 * whole year also by destination and sex. */
#ifndef BERBAGI_SYNTH_PLACEMENT_STATS_H
#define BERBAGI_SYNTH_PLACEMENT_STATS_H

#include "world.h"

void bp_placement_stats_make(struct bp_world *w);

#endif
