/* Fake vacancies: reported, assessed, asked to be taken down, taken down. About no person of the
 * exchange. */
#ifndef BERBAGI_SYNTH_FRAUD_H
#define BERBAGI_SYNTH_FRAUD_H

#include "world.h"

void bp_fraud_make(struct bp_world *w, uint32_t reports);

#endif
