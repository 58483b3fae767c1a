/* The need-to-know ceiling as a table (agency, group): the row of an id beats the row of its kind,
 * no row is nothing. */
#include "compile.h"

bool bp_kinds_read(const Berbagi__V1__SpecificKind *list, size_t n, bp_kinds *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int kind = (int)list[i];
        if (kind < BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_HEALTH ||
            kind > BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_FINANCE)
            return false;
        *out |= 1u << (unsigned)kind;
    }
    return true;
}

static bp_status number_groups(struct compile *c)
{
    const struct bp_schema *schema = c->schema;
    c->p->group_of_type = bp_compile_alloc(c, schema->n_types, sizeof(*c->p->group_of_type));
    if (c->is_out_of_memory || bp_names_init(&c->group_names, schema->n_types) != BP_OK)
        return BP_ENOMEM;
    for (size_t i = 0; i < schema->n_types; i++) {
        c->p->group_of_type[i] = (uint32_t)c->p->n_groups;
        if (bp_names_add(&c->group_names, schema->types[i].group, (uint32_t)c->p->n_groups))
            c->p->n_groups++;
        else
            (void)bp_names_find(&c->group_names, schema->types[i].group, &c->p->group_of_type[i]);
    }
    return BP_OK;
}

/* One row, read. False after a finding. */
static bool read_row(struct compile *c, size_t i, struct ceiling *out, uint32_t *group)
{
    const Berbagi__V1__Ceiling *in = c->source->ceilings[i];
    size_t n_before = c->n_errors;
    int level = (int)in->level, scope = (int)in->scope;
    if (!bp_names_find(&c->group_names, text_of(in->group), group))
        bp_finding_error(c, bp_place("ceilings[%zu].group", i),
                         "no event type is of the group '%s'", in->group);
    if (level < BP_LEVEL_NONE || level > BP_LEVEL_IDENTIFIED)
        bp_finding_error(c, bp_place("ceilings[%zu].level", i), "unknown level %d", level);
    if (!bp_kinds_read(in->specific, in->n_specific, &out->kinds))
        bp_finding_error(
            c, bp_place("ceilings[%zu].specific", i),
            "a kind of specific data is one of HEALTH, BIOMETRIC, CRIMINAL, CHILD, FINANCE");
    if (scope < SCOPE_NOWHERE || scope >= SCOPE_REGIONS ||
        (scope == SCOPE_NOWHERE && level != BP_LEVEL_NONE))
        bp_finding_error(c, bp_place("ceilings[%zu].scope", i),
                         "the scope is one of OWN, NATIONAL, ADDRESSED, COUNTRY");
    if (c->n_errors != n_before)
        return false;
    out->level = (enum bp_level)level;
    out->scope = (enum scope)scope;
    return true;
}

static void check_agency(struct compile *c, size_t i, const struct ceiling *row,
                         const struct bp_agency *a)
{
    if (row->scope == SCOPE_OWN && a->region == 0)
        bp_finding_error(c, bp_place("ceilings[%zu].scope", i),
                         "SCOPE_OWN of %.*s, a national agency", BP_STR_ARGS(a->id));
    if (row->scope == SCOPE_COUNTRY && a->hosts.n == 0)
        bp_finding_error(c, bp_place("ceilings[%zu].scope", i),
                         "SCOPE_COUNTRY of %.*s, which has no host_countries", BP_STR_ARGS(a->id));
}

/* Which agencies a row is for. False after a finding. */
static bool find_audience(struct compile *c, size_t i, struct span *out, bool *is_kind)
{
    const struct bp_policy *p = c->p;
    struct bp_str name = text_of(c->source->ceilings[i]->audience);
    uint32_t index;
    *is_kind = false;
    if (bp_names_find(&p->agency_names, name, &index)) {
        *out = (struct span){p->agencies[index].audience, 1};
        return true;
    }
    *is_kind = true;
    if (bp_names_find(&p->kind_names, name, &index)) {
        *out = p->kind_spans[index];
        return true;
    }
    bp_finding_error(c, bp_place("ceilings[%zu].audience", i),
                     "'%.*s' is no agency of this policy and no kind of one", BP_STR_ARGS(name));
    return false;
}

/* Which rows spoke of a cell of the table. */
enum origin { FROM_KIND = 1, FROM_ID = 2 };

static void place_row(struct compile *c, size_t i, uint8_t *origins)
{
    struct ceiling row;
    uint32_t group;
    struct span audience;
    bool is_kind;
    if (!read_row(c, i, &row, &group) || !find_audience(c, i, &audience, &is_kind))
        return;
    enum origin origin = is_kind ? FROM_KIND : FROM_ID;
    for (uint32_t k = 0; k < audience.n; k++) {
        const struct bp_agency *a = &c->p->agencies[c->p->audiences[audience.first + k]];
        size_t cell = a->index * c->p->n_groups + group;
        if ((origins[cell] & origin) != 0) {
            bp_finding_error(c, bp_place("ceilings[%zu]", i), "%s and group %s stand twice",
                             c->source->ceilings[i]->audience, c->source->ceilings[i]->group);
            return;
        }
        origins[cell] |= (uint8_t)origin;
        if (origin == FROM_KIND && (origins[cell] & FROM_ID) != 0)
            continue;
        check_agency(c, i, &row, a);
        c->p->ceilings[cell] = row;
    }
}

bp_status bp_compile_ceilings(struct compile *c)
{
    bp_status st = number_groups(c);
    if (st != BP_OK)
        return st;
    size_t n_cells = c->p->n_agencies * c->p->n_groups;
    uint8_t *origins = bp_compile_alloc(c, n_cells, sizeof(*origins));
    c->p->ceilings = bp_compile_alloc(c, n_cells, sizeof(*c->p->ceilings));
    if (c->is_out_of_memory) {
        free(origins);
        return BP_ENOMEM;
    }
    for (size_t i = 0; i < c->source->n_ceilings; i++)
        place_row(c, i, origins);
    free(origins);
    return BP_OK;
}
