/* Makes the worker histories of a region: what the agencies of one regency would have published
 * about a number of placements in a period, from the figures of figures.c. The same plan gives the
 * same bytes. One thread. */
#ifndef BERBAGI_SYNTH_H
#define BERBAGI_SYNTH_H

#include "clock.h"
#include "output.h"

#define BP_SYNTH_PLACEMENTS_MAX 400000
#define BP_SYNTH_YEARS_MAX 20

struct bp_synth_plan {
    struct bp_str region; /* a regency or city, "18.07" */
    uint32_t placements;  /* 1 to BP_SYNTH_PLACEMENTS_MAX */
    bp_day from, to;      /* in which the E-PMI are issued; nothing happens after `to` */
    uint64_t seed;
    bool registrations_as_csv;
};

/* Makes all events; nothing is written yet. BP_EINVAL: the plan breaks a bound above. The caller
 * destroys *out. */
BP_MUST_USE bp_status bp_synth_make(const struct bp_synth_plan *plan, struct bp_output **out,
                                    struct bp_err *err);

#endif
