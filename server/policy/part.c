/* An agency's own part of a policy. Chosen by pointers into the source first, then copied whole by
 * the wire format. */
#include "policy_internal.h"

#define PARENTS_MAX 16

/* The part while it is chosen: arrays as long as the source's, pointers borrowed from it. */
struct part {
    const Berbagi__V1__Policy *source;
    struct bp_str agency, kind;
    struct bp_names names; /* agency → place in the source */
    Berbagi__V1__Policy chosen;
    Berbagi__V1__Agreement *agreements; /* copies with fewer grants */
    Berbagi__V1__Grant **grants;
};

static bool is_for(const struct part *t, const char *audience)
{
    return bp_str_is(t->agency, audience) || bp_str_is(t->kind, audience);
}

/* Is the agency `below` itself or under `above`? */
static bool is_under(const struct part *t, struct bp_str below, struct bp_str above)
{
    uint32_t index;
    for (unsigned depth = 0; depth <= PARENTS_MAX; depth++) {
        if (bp_str_eq(below, above))
            return true;
        if (!bp_names_find(&t->names, below, &index))
            return false;
        below = bp_str(t->source->agencies[index]->parent);
    }
    return false;
}

static void choose_agencies(struct part *t)
{
    for (size_t i = 0; i < t->source->n_agencies; i++) {
        struct bp_str id = bp_str(t->source->agencies[i]->id);
        if (is_under(t, id, t->agency) || is_under(t, t->agency, id))
            t->chosen.agencies[t->chosen.n_agencies++] = t->source->agencies[i];
    }
}

static bool is_party(const struct part *t, const Berbagi__V1__Agreement *a)
{
    for (size_t i = 0; i < a->n_parties; i++) {
        if (bp_str_is(t->agency, a->parties[i]))
            return true;
    }
    return false;
}

static void choose_agreements(struct part *t)
{
    Berbagi__V1__Grant **room = t->grants;
    for (size_t i = 0; i < t->source->n_agreements; i++) {
        const Berbagi__V1__Agreement *in = t->source->agreements[i];
        Berbagi__V1__Agreement *copy = &t->agreements[i];
        *copy = *in;
        copy->grants = room;
        copy->n_grants = 0;
        for (size_t k = 0; k < in->n_grants; k++) {
            if (is_for(t, in->grants[k]->grantee))
                copy->grants[copy->n_grants++] = in->grants[k];
        }
        room += copy->n_grants;
        if (copy->n_grants != 0 || is_party(t, in))
            t->chosen.agreements[t->chosen.n_agreements++] = copy;
    }
}

static void choose_ceilings(struct part *t)
{
    for (size_t i = 0; i < t->source->n_ceilings; i++) {
        if (is_for(t, t->source->ceilings[i]->audience))
            t->chosen.ceilings[t->chosen.n_ceilings++] = t->source->ceilings[i];
    }
}

/* The row of its id beats that of its kind, but both are its own to know. */
static void choose_quotas(struct part *t)
{
    for (size_t i = 0; i < t->source->n_quotas; i++) {
        if (is_for(t, t->source->quotas[i]->audience))
            t->chosen.quotas[t->chosen.n_quotas++] = t->source->quotas[i];
    }
}

static size_t count_grants(const Berbagi__V1__Policy *source)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n_agreements; i++)
        n += source->agreements[i]->n_grants;
    return n;
}

static bool part_init(struct part *t)
{
    const Berbagi__V1__Policy *in = t->source;
    berbagi__v1__policy__init(&t->chosen);
    t->chosen.agencies = calloc(in->n_agencies + 1, sizeof(*t->chosen.agencies));
    t->chosen.agreements = calloc(in->n_agreements + 1, sizeof(*t->chosen.agreements));
    t->chosen.ceilings = calloc(in->n_ceilings + 1, sizeof(*t->chosen.ceilings));
    t->chosen.quotas = calloc(in->n_quotas + 1, sizeof(*t->chosen.quotas));
    t->agreements = calloc(in->n_agreements + 1, sizeof(*t->agreements));
    t->grants = calloc(count_grants(in) + 1, sizeof(*t->grants));
    if (t->chosen.agencies == NULL || t->chosen.agreements == NULL || t->chosen.ceilings == NULL ||
        t->chosen.quotas == NULL || t->agreements == NULL || t->grants == NULL ||
        bp_names_init(&t->names, in->n_agencies) != BP_OK)
        return false;
    for (size_t i = 0; i < in->n_agencies; i++)
        (void)bp_names_add(&t->names, bp_str(in->agencies[i]->id), (uint32_t)i);
    return true;
}

static void part_fini(struct part *t)
{
    bp_names_fini(&t->names);
    free(t->grants);
    free(t->agreements);
    free(t->chosen.quotas);
    free(t->chosen.ceilings);
    free(t->chosen.agreements);
    free(t->chosen.agencies);
}

Berbagi__V1__Policy *bp_policy_part_of(const Berbagi__V1__Policy *source, struct bp_str agency)
{
    struct part t = {.source = source, .agency = agency, .kind = bp_agency_kind(agency)};
    Berbagi__V1__Policy *copy = NULL;
    if (part_init(&t)) {
        choose_agencies(&t);
        choose_agreements(&t);
        choose_ceilings(&t);
        choose_quotas(&t);
        copy = bp_policy_copy_message(&t.chosen);
    }
    part_fini(&t);
    return copy;
}
