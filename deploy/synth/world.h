/* What all parts of a run share: the plan, chance, the people met so far, the numbers given out and
 * the files being filled. Owned by bp_synth_make, passed down. */
#ifndef BERBAGI_SYNTH_WORLD_H
#define BERBAGI_SYNTH_WORLD_H

#include "figures.h"
#include "notice.h"
#include "person.h"
#include "synth.h"

#define BP_MINISTRY "kl.kp2mi"
#define BP_MONTHS_MAX (BP_SYNTH_YEARS_MAX * 12 + 1)
#define BP_DESTINATIONS_MAX 32

/* The months of the period, the first and last perhaps in part, with what falls on them. */
struct bp_months {
    bp_day first[BP_MONTHS_MAX], last[BP_MONTHS_MAX];
    uint32_t placements[BP_MONTHS_MAX], complaints[BP_MONTHS_MAX]; /* weights */
    size_t n;
};

/* So many of so many, met one by one: exact in the end, whoever it strikes. */
struct bp_quota {
    uint32_t due, left;
};

/* Kinds of papers that carry a running number. */
enum bp_paper {
    BP_PAPER_FILE,
    BP_PAPER_PAPERS, /* E-PMI, visa, contract, biometric reference of one candidate */
    BP_PAPER_COMPLAINT,
    BP_PAPER_CASE,
    BP_PAPER_RETURN,
    BP_PAPER_GROUP,
    BP_PAPER_FRAUD,
    BP_PAPERS
};

struct bp_world {
    struct bp_synth_plan plan;
    struct bp_place place;
    struct bp_prng prng;
    struct bp_people people;
    struct bp_months months;
    struct bp_quota failed, deaths, cases, complaints; /* among those placed */
    uint32_t papers[BP_PAPERS];
    uint32_t state_returns; /* begun so far */
    struct bp_output *out;
};

/* Adds the event to the agency's file and returns its number; 0 if it lies behind the period:
 * histories are cut there. */
uint32_t bp_world_add(struct bp_world *w, const char *agency, const struct bp_notice *d);

/* An event about a person that happened on a working day, in office hours; region is the home
 * village. */
void bp_world_begin(struct bp_world *w, struct bp_notice *d, const char *type, bp_day day,
                    const struct bp_person *person, const char *destination,
                    const char *correlation, uint32_t cause);

/* Does it strike this one? A strike that cannot be carried out is given back, to strike another. */
bool bp_quota_strikes(struct bp_quota *q, struct bp_prng *r);
void bp_quota_give_back(struct bp_quota *q);

uint32_t bp_world_next_paper(struct bp_world *w, enum bp_paper kind);
const char *bp_share_pick(struct bp_prng *r, const struct bp_shares *shares);

/* A working day of the period: of a month drawn by the weights (NULL: each day as likely). */
bp_day bp_world_day(struct bp_world *w, const uint32_t *weights);

#endif
