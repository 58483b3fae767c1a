/* Where people come from and who keeps their files: the districts and villages of a regency, and
 * the agencies that act for it. */
#ifndef BERBAGI_SYNTH_PLACES_H
#define BERBAGI_SYNTH_PLACES_H

#include "error.h"
#include "prng.h"
#include "text.h"

struct bp_place {
    unsigned province, regency;
    char code[6]; /* "18.07" */
    const char
        *name; /* as an identity card writes it, "LAMPUNG TIMUR"; "" where it is not embedded */
    char government[16];     /* who registers: "kab.18.07", "kota.64.74", "prov.31" */
    char service_office[16]; /* "bp3mi.18" */
};

/* Understands "18.07": a regency or city in the list of regions. */
BP_MUST_USE bp_status bp_place_parse(struct bp_str code, struct bp_place *out, struct bp_err *err);

/* A village of the place, each as likely: one that exists in 18.07, whose list is embedded;
 * elsewhere one that has the shape of a code. */
void bp_place_village(const struct bp_place *p, struct bp_prng *r, char out[14]);

/* The mission in the registry that serves a country, NULL where there is none. */
const char *bp_mission_in(const char *country);

/* Where a return from a country lands: port or airport, and the unit in charge there. */
struct bp_debarkation {
    const char *port, *unit;
};
struct bp_debarkation bp_debarkation_from(const char *country);

#endif
