/* What goes wrong: complaints, cases, deaths, departures prevented. Complaints are taken and
 * followed by the BP3MI and the regency, cases without a complaint are the ministry's. */
#ifndef BERBAGI_SYNTH_PROTECTION_H
#define BERBAGI_SYNTH_PROTECTION_H

#include "placement.h"

/* Adds a complaint for a person and what becomes of it. */
void bp_complaint_make(struct bp_world *w, const struct bp_person *person, const char *destination,
                       const char *procedural, bp_day day);

enum bp_case_end {
    BP_CASE_BACK_TO_WORK,
    BP_CASE_CONTRACT_ENDED,
    BP_CASE_BROUGHT_HOME,
};
/* Adds a case that takes a working person out of work, and its end. */
enum bp_case_end bp_case_make(struct bp_world *w, const struct bp_worker *worker, bp_day day);

/* Adds a death abroad; the destination has a mission. */
void bp_death_make(struct bp_world *w, const struct bp_worker *worker, bp_day day);

/* Adds the complaints and prevented departures of residents who went, or wanted to go, without the
 * procedure. */
void bp_residents_complain(struct bp_world *w, uint32_t complaints);
void bp_residents_prevented(struct bp_world *w, uint32_t persons);

#endif
