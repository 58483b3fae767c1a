/* A compiled policy and what can be asked of it besides decisions: its agencies, operators, grounds
 * and days. */
#include "policy_internal.h"

struct bp_policy *bp_policy_ref(struct bp_policy *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void bp_policy_unref(struct bp_policy *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    bp_names_fini(&p->agency_names);
    bp_names_fini(&p->kind_names);
    bp_names_fini(&p->operator_names);
    free(p->agencies);
    free(p->operator_roles);
    free(p->quotas);
    free(p->agreements);
    free(p->grants);
    free(p->regions);
    free(p->countries);
    free(p->audiences);
    free(p->kind_spans);
    free(p->cells);
    free(p->rights);
    free(p->views);
    free(p->grounds);
    free(p->group_of_type);
    free(p->ceilings);
    if (p->own != NULL)
        berbagi__v1__policy__free_unpacked(p->own, NULL);
    free(p);
}

uint64_t bp_policy_version(const struct bp_policy *p)
{
    return p->version;
}

bool bp_policy_asks_approval(const struct bp_policy *p)
{
    return p->own->approvals_required != 0;
}

const struct bp_agency *bp_policy_agency(const struct bp_policy *p, struct bp_str id)
{
    uint32_t index;
    return bp_names_find(&p->agency_names, id, &index) ? &p->agencies[index] : NULL;
}

size_t bp_policy_agencies(const struct bp_policy *p)
{
    return p->n_agencies;
}

const struct bp_agency *bp_policy_agency_at(const struct bp_policy *p, size_t i)
{
    return &p->agencies[i];
}

struct bp_str bp_agency_id(const struct bp_agency *a)
{
    return a->id;
}

const struct bp_quota *bp_agency_quota(const struct bp_agency *a)
{
    static const struct bp_quota unbound = {.events_per_second = 0};
    return a->quota != NULL ? a->quota : &unbound;
}

bool bp_agency_is_suspended(const struct bp_agency *a)
{
    return a->is_suspended;
}

const struct bp_agency *bp_agency_parent(const struct bp_agency *a)
{
    return a->parent;
}

bool bp_agency_is_over(const struct bp_agency *a, const struct bp_agency *other)
{
    while (other != NULL && other != a)
        other = other->parent;
    return other != NULL;
}

struct bp_str bp_agency_public_id(const struct bp_agency *a)
{
    return a->public_id;
}

uint32_t bp_policy_operator_roles(const struct bp_policy *p, struct bp_str name)
{
    uint32_t index;
    return bp_names_find(&p->operator_names, name, &index) ? p->operator_roles[index] : 0;
}

static bp_day earlier_after(bp_day today, bp_day candidate, bp_day best)
{
    return candidate > today && candidate < best ? candidate : best;
}

bp_day bp_policy_next_change(const struct bp_policy *p, bp_day today)
{
    bp_day next = BP_DAY_NEVER;
    for (size_t i = 0; i < p->n_agreements; i++) {
        const struct agreement *a = &p->agreements[i];
        if (!a->is_in_force)
            continue;
        next = earlier_after(today, a->valid_from, next);
        if (a->valid_to != BP_DAY_NEVER)
            next = earlier_after(today, a->valid_to + 1, next);
    }
    return next;
}

bp_status bp_policy_ground(const struct bp_policy *p, uint32_t id, struct bp_ground *out)
{
    if (id == 0 || id > p->n_grounds)
        return BP_ENOENT;
    const struct ground *g = &p->grounds[id - 1];
    const struct agreement *a = &p->agreements[g->agreement];
    *out = (struct bp_ground){a->id, g->purpose, g->legal_basis, a->valid_to,
                              &p->schema->types[g->type]};
    return BP_OK;
}

bp_status bp_policy_grant(const struct bp_policy *p, uint32_t number, struct bp_ground *out)
{
    if (number == 0 || number > p->n_grants)
        return BP_ENOENT;
    const struct grant *g = &p->grants[number - 1];
    const struct agreement *a = &p->agreements[g->agreement];
    *out = (struct bp_ground){a->id, bp_str(g->source->purpose), bp_str(g->source->legal_basis),
                              a->valid_to, NULL};
    return BP_OK;
}
