/* What is known in numbers about placements and protection, as tables: figures.c names the source
 * of each. */
#ifndef BERBAGI_SYNTH_FIGURES_H
#define BERBAGI_SYNTH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

struct bp_destination {
    const char *country;
    uint32_t placements; /* in 2024 */
    uint32_t women_permille;
    unsigned contract_months;
    const char *women_work, *men_work; /* ISCO-08 */
};
extern const struct bp_destination bp_destinations[];
extern const size_t bp_n_destinations;

/* One name and how often it was counted. */
struct bp_share {
    const char *name;
    uint32_t weight;
};
struct bp_shares {
    const struct bp_share *items;
    size_t n;
};
extern const struct bp_shares bp_marital_shares, bp_education_shares, bp_scheme_shares;
extern const struct bp_shares bp_complaint_shares;  /* categories */
extern const struct bp_shares bp_procedural_shares; /* of those complained for */
extern const struct bp_shares bp_protection_shares; /* countries of the people protected */
extern const struct bp_shares bp_platform_shares;   /* where fake vacancies stand */

/* How many placements fall on a month, in proportion to others; month from 1. */
uint32_t bp_placements_in(unsigned year, unsigned month);
/* The same of complaints. */
uint32_t bp_complaints_in(unsigned month);

/* What comes with so many placements: the national figure for a year against the placements of that
 * year. */
enum bp_rate {
    BP_RATE_COMPLAINTS,
    BP_RATE_CASES,
    BP_RATE_DEATHS,
    BP_RATE_FAILED, /* departures that fail at first */
    BP_RATE_STATE_RETURNS,
    BP_RATE_PREVENTED,
    BP_RATE_FRAUD_REPORTS,
    BP_RATES
};
uint32_t bp_expected(enum bp_rate rate, uint32_t placements);

/* Median waiting times before work, in days. */
enum bp_stage {
    BP_STAGE_VERIFIED,
    BP_STAGE_TRAINED,
    BP_STAGE_CERTIFIED,
    BP_STAGE_DOCUMENTS,
    BP_STAGE_CONTRACT,
    BP_STAGE_ORIENTED,
    BP_STAGE_CLEARED,
    BP_STAGE_DEPARTED,
    BP_STAGES
};
extern const unsigned bp_stage_days[BP_STAGES];

#endif
