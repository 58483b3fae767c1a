/* The agencies of a policy: ids, kinds, regions, parents, hosts of missions. The hard part is the
 * parents: a chain of them must end, and be short, because "is it above?" is asked for each event
 * that one agency publishes for another. */
#include "compile.h"

#define AGENCIES_MAX 200000 /* the whole country has 83,762 villages */
#define PARENTS_MAX 16

static bool is_village(struct bp_str kind)
{
    return bp_str_is(kind, "desa") || bp_str_is(kind, "kel");
}

static void read_hosts(struct compile *c, size_t i, struct bp_agency *a, uint32_t *n_countries)
{
    const Berbagi__V1__Agency *in = c->source->agencies[i];
    a->hosts.first = *n_countries;
    for (size_t k = 0; k < in->n_host_countries; k++) {
        struct bp_str code = text_of(in->host_countries[k]);
        if (bp_country_is_known(code))
            c->p->countries[(*n_countries)++] = country_of(code.p);
        else
            bp_finding_error(c, bp_place("agencies[%zu].host_countries", i),
                             "unknown country '%.*s'", BP_STR_ARGS(code));
    }
    a->hosts.n = *n_countries - a->hosts.first;
}

static void read_agency(struct compile *c, size_t i, uint32_t *n_countries)
{
    const Berbagi__V1__Agency *in = c->source->agencies[i];
    struct bp_agency *a = &c->p->agencies[i];
    a->id = text_of(in->id);
    a->kind = text_of(in->kind);
    a->index = (uint32_t)i;
    a->is_suspended = in->suspended;
    if (!bp_agency_id_is_valid(a->id))
        bp_finding_error(c, bp_place("agencies[%zu].id", i), "'%.*s' is no agency id",
                         BP_STR_ARGS(a->id));
    else if (!bp_names_add(&c->p->agency_names, a->id, a->index))
        bp_finding_error(c, bp_place("agencies[%zu].id", i), "agency %.*s stands twice",
                         BP_STR_ARGS(a->id));
    if (!bp_str_eq(a->kind, bp_agency_kind(a->id)))
        bp_finding_error(c, bp_place("agencies[%zu].kind", i),
                         "kind '%.*s' is not what the id %.*s begins with", BP_STR_ARGS(a->kind),
                         BP_STR_ARGS(a->id));
    if (!bp_utf8_is_valid(text_of(in->name)))
        bp_finding_error(c, bp_place("agencies[%zu].name", i), "the name is not UTF-8");
    if (!bp_region_parse(text_of(in->region), &a->region))
        bp_finding_error(c, bp_place("agencies[%zu].region", i), "unknown region '%s'", in->region);
    read_hosts(c, i, a, n_countries);
}

static void link_parent(struct compile *c, size_t i)
{
    struct bp_str parent = text_of(c->source->agencies[i]->parent);
    uint32_t index;
    if (parent.n == 0)
        return;
    if (bp_names_find(&c->p->agency_names, parent, &index))
        c->p->agencies[i].parent = &c->p->agencies[index];
    else
        bp_finding_error(c, bp_place("agencies[%zu].parent", i), "unknown agency '%.*s'",
                         BP_STR_ARGS(parent));
}

/* A walk up from each agency, cut where it is too long; a cycle never ends, so it is cut too. */
static void check_parents(struct compile *c, size_t i)
{
    struct bp_agency *a = &c->p->agencies[i];
    const struct bp_agency *above = a->parent;
    for (unsigned depth = 0; above != NULL; depth++) {
        if (above == a || depth == PARENTS_MAX) {
            bp_finding_error(c, bp_place("agencies[%zu].parent", i),
                             above == a
                                 ? "%.*s is above itself: its parents form a circle"
                                 : "%.*s has more than 16 agencies above it, or a circle of them",
                             BP_STR_ARGS(a->id));
            return;
        }
        above = above->parent;
    }
    above = a;
    while (above != NULL && is_village(above->kind))
        above = above->parent;
    a->public_id = above != NULL ? above->id : BP_STR("");
}

/* Orders the agencies by kind into p->audiences. */
static bp_status group_by_kind(struct compile *c)
{
    struct bp_policy *p = c->p;
    uint32_t *kind_of = bp_compile_alloc(c, p->n_agencies, sizeof(*kind_of));
    p->audiences = bp_compile_alloc(c, p->n_agencies, sizeof(*p->audiences));
    p->kind_spans = bp_compile_alloc(c, p->n_agencies, sizeof(*p->kind_spans));
    if (c->is_out_of_memory) {
        free(kind_of);
        return BP_ENOMEM;
    }
    uint32_t n_kinds = 0;
    for (size_t i = 0; i < p->n_agencies; i++) {
        kind_of[i] = n_kinds;
        if (bp_names_add(&p->kind_names, p->agencies[i].kind, n_kinds))
            n_kinds++;
        else
            (void)bp_names_find(&p->kind_names, p->agencies[i].kind, &kind_of[i]);
        p->kind_spans[kind_of[i]].n++;
    }
    for (uint32_t k = 1; k < n_kinds; k++)
        p->kind_spans[k].first = p->kind_spans[k - 1].first + p->kind_spans[k - 1].n;
    for (uint32_t k = 0; k < n_kinds; k++)
        p->kind_spans[k].n = 0;
    for (uint32_t i = 0; i < p->n_agencies; i++) {
        struct span *span = &p->kind_spans[kind_of[i]];
        p->agencies[i].audience = span->first + span->n++;
        p->audiences[p->agencies[i].audience] = i;
    }
    free(kind_of);
    return BP_OK;
}

static size_t count_countries(const Berbagi__V1__Policy *source)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n_agencies; i++)
        n += source->agencies[i]->n_host_countries;
    for (size_t i = 0; i < source->n_agreements; i++) {
        for (size_t k = 0; k < source->agreements[i]->n_grants; k++)
            n += source->agreements[i]->grants[k]->n_countries;
    }
    return n;
}

bp_status bp_compile_registry(struct compile *c)
{
    struct bp_policy *p = c->p;
    if (c->source->n_agencies > AGENCIES_MAX) {
        bp_finding_error(c, bp_place("agencies"), "more than %d agencies", AGENCIES_MAX);
        return BP_EINVAL;
    }
    p->n_agencies = c->source->n_agencies;
    p->agencies = bp_compile_alloc(c, p->n_agencies, sizeof(*p->agencies));
    p->countries = bp_compile_alloc(c, count_countries(c->source), sizeof(*p->countries));
    if (c->is_out_of_memory || bp_names_init(&p->agency_names, p->n_agencies) != BP_OK ||
        bp_names_init(&p->kind_names, p->n_agencies) != BP_OK)
        return BP_ENOMEM;

    uint32_t n_countries = 0;
    for (size_t i = 0; i < p->n_agencies; i++)
        read_agency(c, i, &n_countries);
    c->n_countries = n_countries;
    for (size_t i = 0; i < p->n_agencies; i++)
        link_parent(c, i);
    for (size_t i = 0; i < p->n_agencies; i++)
        check_parents(c, i);
    return group_by_kind(c);
}

/* --- operators --- */

static bool is_operator_name(struct bp_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-'))
            return false;
    }
    return name.n >= 1 && name.n <= 64;
}

static uint32_t read_roles(struct compile *c, size_t i)
{
    const Berbagi__V1__Operator *in = c->source->operators[i];
    uint32_t roles = 0;
    for (size_t k = 0; k < in->n_roles; k++) {
        if (in->roles[k] >= BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER &&
            in->roles[k] <= BERBAGI__V1__OPERATOR__ROLE__ROLE_BACKUP)
            roles |= 1u << (unsigned)in->roles[k] | 1u << BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER;
        else
            bp_finding_error(c, bp_place("operators[%zu].roles", i), "unknown role %d",
                             (int)in->roles[k]);
    }
    if (in->n_roles == 0)
        bp_finding_error(c, bp_place("operators[%zu].roles", i), "an operator without a role");
    return roles;
}

/* Somebody must be able to apply the next version, and somebody else to approve it where that is
 * asked for. */
static void check_who_changes(struct compile *c, unsigned n)
{
    uint32_t approvals = c->source->approvals_required;
    /* Version 0 stands where nothing was applied yet, also where nobody was named to do it. */
    if (n == 0 && c->p->version != 0)
        bp_finding_error(c, bp_place("operators"),
                         "no operator has the role POLICY: nobody could change this policy");
    if (approvals > 1)
        bp_finding_error(c, bp_place("approvals_required"), "approvals_required is 0 or 1");
    else if (approvals == 1 && n == 1)
        bp_finding_error(c, bp_place("operators"),
                         "approvals_required is 1, and one operator alone has the role POLICY: "
                         "nobody could approve a change of this policy");
}

bp_status bp_compile_operators(struct compile *c)
{
    struct bp_policy *p = c->p;
    size_t n = c->source->n_operators;
    unsigned n_who_change = 0;
    p->operator_roles = bp_compile_alloc(c, n, sizeof(*p->operator_roles));
    if (c->is_out_of_memory || bp_names_init(&p->operator_names, n) != BP_OK)
        return BP_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct bp_str name = text_of(c->source->operators[i]->name);
        if (!is_operator_name(name))
            bp_finding_error(c, bp_place("operators[%zu].name", i),
                             "an operator's name is 1 to 64 of a-z, 0-9, '.', '-'");
        else if (!bp_names_add(&p->operator_names, name, (uint32_t)i))
            bp_finding_error(c, bp_place("operators[%zu].name", i), "operator %.*s stands twice",
                             BP_STR_ARGS(name));
        p->operator_roles[i] = read_roles(c, i);
        n_who_change += (p->operator_roles[i] >> BERBAGI__V1__OPERATOR__ROLE__ROLE_POLICY & 1) != 0;
    }
    check_who_changes(c, n_who_change);
    return BP_OK;
}
