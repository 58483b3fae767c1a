/* Grounds get dense numbers by sorting (agreement, purpose, legal basis, event type): the same
 * policy gives the same numbers on every node and after a restart. Texts are replaced by their
 * ranks first, so that a ground is one integer to sort and to find. */
#include "compile.h"

#define TYPE_BITS 16
#define TERMS_BITS 20

static int compare_keys(const void *va, const void *vb)
{
    uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;
    return (a > b) - (a < b);
}

static int compare_agreements(const void *va, const void *vb)
{
    const struct agreement *a = *(const struct agreement *const *)va,
                           *b = *(const struct agreement *const *)vb;
    return bp_str_cmp(a->id, b->id);
}

static int compare_terms(const struct grant *a, const struct grant *b)
{
    int order = strcmp(a->source->purpose, b->source->purpose);
    return order != 0 ? order : strcmp(a->source->legal_basis, b->source->legal_basis);
}

static int compare_grants(const void *va, const void *vb)
{
    return compare_terms(*(const struct grant *const *)va, *(const struct grant *const *)vb);
}

static bp_status rank_agreements(struct compile *c)
{
    const struct bp_policy *p = c->p;
    const struct agreement **sorted = bp_compile_alloc(c, p->n_agreements, sizeof(void *));
    c->agreement_ranks = bp_compile_alloc(c, p->n_agreements, sizeof(*c->agreement_ranks));
    if (c->is_out_of_memory) {
        free(sorted);
        return BP_ENOMEM;
    }
    for (size_t i = 0; i < p->n_agreements; i++)
        sorted[i] = &p->agreements[i];
    qsort(sorted, p->n_agreements, sizeof(void *), compare_agreements);
    for (size_t i = 0; i < p->n_agreements; i++)
        c->agreement_ranks[sorted[i] - p->agreements] = (uint32_t)i;
    free(sorted);
    return BP_OK;
}

static bp_status rank_terms(struct compile *c)
{
    const struct bp_policy *p = c->p;
    const struct grant **sorted = bp_compile_alloc(c, p->n_grants, sizeof(void *));
    c->terms_ranks = bp_compile_alloc(c, p->n_grants, sizeof(*c->terms_ranks));
    if (c->is_out_of_memory) {
        free(sorted);
        return BP_ENOMEM;
    }
    for (size_t i = 0; i < p->n_grants; i++)
        sorted[i] = &p->grants[i];
    qsort(sorted, p->n_grants, sizeof(void *), compare_grants);
    uint32_t rank = 0;
    for (size_t i = 0; i < p->n_grants; i++) {
        if (i > 0 && compare_terms(sorted[i - 1], sorted[i]) != 0)
            rank++;
        c->terms_ranks[sorted[i] - p->grants] = rank;
    }
    free(sorted);
    return BP_OK;
}

static uint64_t key_of(const struct compile *c, const struct grant *g,
                       const struct bp_event_type *type)
{
    uint64_t agreement = c->agreement_ranks[g->agreement];
    uint64_t terms = c->terms_ranks[g - c->p->grants];
    return (agreement << TERMS_BITS | terms) << TYPE_BITS | type->index;
}

/* Calls for each subscribe grant and type; keys NULL: only counts. */
static size_t list_keys(const struct compile *c, uint64_t *keys)
{
    size_t n = 0;
    for (size_t i = 0; i < c->p->n_grants; i++) {
        const struct grant *g = &c->p->grants[i];
        for (size_t t = 0; t < c->schema->n_types && !g->is_broken && g->direction == SUBSCRIBE;
             t++) {
            if (!bp_grant_takes_type(g, &c->schema->types[t]))
                continue;
            if (keys != NULL)
                keys[n] = key_of(c, g, &c->schema->types[t]);
            n++;
        }
    }
    return n;
}

static size_t keep_each_once(uint64_t *keys, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || keys[kept - 1] != keys[i])
            keys[kept++] = keys[i];
    }
    return kept;
}

uint32_t bp_compile_ground_of(const struct compile *c, const struct grant *g,
                              const struct bp_event_type *type)
{
    uint64_t key = key_of(c, g, type);
    const uint64_t *found =
        bsearch(&key, c->ground_keys, c->p->n_grounds, sizeof(key), compare_keys);
    return found != NULL ? (uint32_t)(found - c->ground_keys) + 1 : 0;
}

static void fill_grounds(struct compile *c)
{
    struct bp_policy *p = c->p;
    for (size_t i = 0; i < p->n_grants; i++) {
        const struct grant *g = &p->grants[i];
        for (size_t t = 0; t < c->schema->n_types && !g->is_broken && g->direction == SUBSCRIBE;
             t++) {
            if (bp_grant_takes_type(g, &c->schema->types[t]))
                p->grounds[bp_compile_ground_of(c, g, &c->schema->types[t]) - 1] =
                    (struct ground){g->agreement, (uint32_t)t, text_of(g->source->purpose),
                                    text_of(g->source->legal_basis)};
        }
    }
}

bp_status bp_compile_grounds(struct compile *c)
{
    struct bp_policy *p = c->p;
    if (rank_agreements(c) != BP_OK || rank_terms(c) != BP_OK)
        return BP_ENOMEM;
    size_t n = list_keys(c, NULL);
    c->ground_keys = bp_compile_alloc(c, n, sizeof(*c->ground_keys));
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    (void)list_keys(c, c->ground_keys);
    qsort(c->ground_keys, n, sizeof(*c->ground_keys), compare_keys);
    p->n_grounds = keep_each_once(c->ground_keys, n);
    p->grounds = bp_compile_alloc(c, p->n_grounds, sizeof(*p->grounds));
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    fill_grounds(c);
    return BP_OK;
}
