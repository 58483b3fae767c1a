/* The stages of compiling a policy, in the order they run. Each reads what the ones before it made,
 * adds its part to the policy and a finding for each rule that is broken; a stage goes on after
 * findings, so that one run names them all. */
#ifndef BERBAGI_POLICY_COMPILE_H
#define BERBAGI_POLICY_COMPILE_H

#include "policy_internal.h"

struct compile {
    struct bp_policy *p;
    const Berbagi__V1__Policy *source; /* p->own */
    const struct bp_schema *schema;
    struct bp_policy_findings *findings;
    size_t n_errors;
    bool is_out_of_memory;
    uint32_t n_countries, n_regions; /* filled of p->countries and p->regions */

    struct bp_names group_names; /* groups of types → index */

    uint64_t *ground_keys; /* ascending; ground id - 1 is the place */
    size_t views_capacity;
    uint32_t *agreement_ranks, *terms_ranks; /* by agreement; by grant */
};

BP_MUST_USE bp_status bp_compile_registry(struct compile *c); /* agencies, kinds, parents */
BP_MUST_USE bp_status bp_compile_operators(struct compile *c);
BP_MUST_USE bp_status bp_compile_quotas(struct compile *c);
BP_MUST_USE bp_status bp_compile_agreements(struct compile *c); /* their status and days */
BP_MUST_USE bp_status
bp_compile_grants(struct compile *c); /* who, where, how much; not yet of which types */
BP_MUST_USE bp_status bp_compile_ceilings(struct compile *c);
BP_MUST_USE bp_status bp_compile_grounds(struct compile *c);
BP_MUST_USE bp_status bp_compile_rights(struct compile *c); /* cells, views */

/* The ground of what a subscribe grant gives of a type it takes in. */
uint32_t bp_compile_ground_of(const struct compile *c, const struct grant *g,
                              const struct bp_event_type *type);

/* Kinds as bits. False: one is unknown. */
bool bp_kinds_read(const Berbagi__V1__SpecificKind *list, size_t n, bp_kinds *out);

/* --- findings --- */

/* A path of the message; cut if it is too long. */
struct place {
    char text[sizeof(((struct bp_policy_finding *)NULL)->where)];
};
struct place bp_place(const char *format, ...) BP_PRINTF(1, 2);
void bp_finding_error(struct compile *c, struct place where, const char *format, ...)
    BP_PRINTF(3, 4);
void bp_finding_warning(struct compile *c, struct place where, const char *format, ...)
    BP_PRINTF(3, 4);

/* calloc that remembers failure in c and never asks for zero bytes. */
void *bp_compile_alloc(struct compile *c, size_t n, size_t size);

#endif
