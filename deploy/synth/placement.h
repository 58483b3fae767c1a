/* One placement: from the registration to the day the worker leaves, and then what the period still
 * sees of the work abroad. */
#ifndef BERBAGI_SYNTH_PLACEMENT_H
#define BERBAGI_SYNTH_PLACEMENT_H

#include "world.h"

struct bp_worker {
    struct bp_person person;
    const struct bp_destination *to;
    char file[65]; /* correlation of all that belongs to this file */
    char contract[41];
    uint32_t papers; /* number of E-PMI, visa and contract */
    bp_day registered, cleared, departed, contract_end;
    uint32_t departure; /* event number */
};

/* Draws a worker and adds what happens before work: registered, perhaps failed and prepared again,
 * E-PMI, departure. */
void bp_placement_make(struct bp_world *w, struct bp_worker *worker);

/* Adds what follows the departure: the village's watch, perhaps a complaint, a case or a death, and
 * the end of the contract. */
void bp_placement_follow(struct bp_world *w, struct bp_worker *worker);

/* The way home without the state: BP3MI records it on `day`, the village sees the worker soon
 * after. */
void bp_placement_return(struct bp_world *w, const struct bp_worker *worker, bp_day day,
                         const char *kind, const char *previous, uint32_t cause);

#endif
