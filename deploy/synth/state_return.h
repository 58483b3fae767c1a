/* Returns run by the state: planned and sent by the mission, received where they land, handed over
 * at home. */
#ifndef BERBAGI_SYNTH_STATE_RETURN_H
#define BERBAGI_SYNTH_STATE_RETURN_H

#include "world.h"

struct bp_state_return {
    const struct bp_person *person;
    const char *country;     /* where from */
    const char *kind;        /* RepatriationKind */
    const char *procedural;  /* ProceduralFlag */
    const char *previous;    /* status before the return */
    const char *correlation; /* NULL: the return's own number */
    const char *group;       /* NULL: alone */
    bool is_ill;
    bp_day planned;
    uint32_t cause;
};

/* Adds the events of one return; gives the day of the hand-over. */
bp_day bp_state_return_make(struct bp_world *w, const struct bp_state_return *back);

/* Adds the returns of residents who had left without the procedure, in groups as deportations land.
 */
void bp_residents_return(struct bp_world *w, uint32_t persons);

#endif
