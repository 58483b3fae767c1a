/* The grants of a policy, resolved one by one: for whom, where, how much. What is wrong with one by
 * itself is found here; what becomes of it under the ceilings, in rights.c. */
#include "compile.h"

#define GRANTS_MAX 500000

/* One grant while it is read, and its place in the message. */
struct reading {
    struct compile *c;
    size_t agreement, index; /* agreements[agreement].grants[index] */
    const Berbagi__V1__Grant *in;
    struct grant *out;
};

static struct place place_of(const struct reading *r, const char *field)
{
    return bp_place("agreements[%zu].grants[%zu].%s", r->agreement, r->index, field);
}

#define BROKEN(r, field, ...)                                                                      \
    ((r)->out->is_broken = true, bp_finding_error((r)->c, place_of(r, field), __VA_ARGS__))

bool bp_grant_takes_type(const struct grant *g, const struct bp_event_type *type)
{
    if (!bp_type_matches(text_of(g->source->events), type->name))
        return false;
    for (size_t i = 0; i < type->n_purposes; i++) {
        if (bp_str_is(type->purposes[i], g->source->purpose))
            return true;
    }
    return false;
}

static bp_fields fields_named(const struct bp_event_type *type, char *const *names, size_t n)
{
    bp_fields fields = 0;
    for (size_t i = 0; i < n; i++) {
        const struct bp_field *field = bp_type_field(type, text_of(names[i]));
        if (field != NULL)
            fields |= (bp_fields)1 << field->index;
    }
    return fields;
}

void bp_grant_fields(const struct grant *g, const struct bp_event_type *type, bp_fields *only,
                     bp_fields *never)
{
    const Berbagi__V1__Grant *in = g->source;
    *only = in->n_only_fields == 0 ? ~(bp_fields)0
                                   : fields_named(type, in->only_fields, in->n_only_fields);
    *never = fields_named(type, in->never_fields, in->n_never_fields);
}

static void read_grantee(struct reading *r)
{
    struct bp_policy *p = r->c->p;
    struct bp_str name = text_of(r->in->grantee);
    uint32_t index;
    if (bp_names_find(&p->agency_names, name, &index))
        r->out->audience = (struct span){p->agencies[index].audience, 1};
    else if (bp_names_find(&p->kind_names, name, &index))
        r->out->audience = p->kind_spans[index];
    else
        BROKEN(r, "grantee", "'%.*s' is no agency of this policy and no kind of one",
               BP_STR_ARGS(name));
}

static void read_direction(struct reading *r)
{
    switch ((int)r->in->direction) {
    case BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH:
        r->out->direction = PUBLISH;
        return;
    case BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE:
        r->out->direction = SUBSCRIBE;
        return;
    default:
        BROKEN(r, "direction", "the direction is PUBLISH or SUBSCRIBE");
    }
}

static void read_level(struct reading *r)
{
    int level = (int)r->in->level;
    if (level < BP_LEVEL_PUBLIC || level > BP_LEVEL_IDENTIFIED)
        BROKEN(r, "level", "the level is one of PUBLIC, AGGREGATE, PSEUDONYMOUS, IDENTIFIED");
    else
        r->out->level = (enum bp_level)level;
    if (!bp_kinds_read(r->in->specific, r->in->n_specific, &r->out->kinds))
        BROKEN(r, "specific",
               "a kind of specific data is one of HEALTH, BIOMETRIC, CRIMINAL, CHILD, FINANCE");
}

static void read_regions(struct reading *r)
{
    struct bp_policy *p = r->c->p;
    r->out->places.first = r->c->n_regions;
    for (size_t i = 0; i < r->in->n_regions; i++) {
        bp_region region;
        if (!bp_region_parse(text_of(r->in->regions[i]), &region) || region == 0)
            BROKEN(r, "regions", "'%s' is no region (the whole country is SCOPE_NATIONAL)",
                   r->in->regions[i]);
        else
            p->regions[r->c->n_regions++] = region;
    }
    r->out->places.n = r->c->n_regions - r->out->places.first;
    if (r->in->n_regions == 0)
        BROKEN(r, "regions", "SCOPE_REGIONS without regions");
}

static void read_countries(struct reading *r)
{
    struct bp_policy *p = r->c->p;
    r->out->places.first = r->c->n_countries;
    for (size_t i = 0; i < r->in->n_countries; i++) {
        struct bp_str code = text_of(r->in->countries[i]);
        if (!bp_country_is_known(code))
            BROKEN(r, "countries", "unknown country '%.*s'", BP_STR_ARGS(code));
        else
            p->countries[r->c->n_countries++] = country_of(code.p);
    }
    r->out->places.n = r->c->n_countries - r->out->places.first;
}

/* What the scope asks of each agency it is for. */
static void check_scope_of_audience(struct reading *r)
{
    const struct bp_policy *p = r->c->p;
    for (uint32_t i = 0; i < r->out->audience.n; i++) {
        const struct bp_agency *a = &p->agencies[p->audiences[r->out->audience.first + i]];
        if (r->out->scope == SCOPE_OWN && a->region == 0) {
            BROKEN(r, "scope", "SCOPE_OWN of %.*s, a national agency, would mean everything%s",
                   BP_STR_ARGS(a->id), a->hosts.n != 0 ? "; a mission's own is SCOPE_COUNTRY" : "");
            return;
        }
        if (r->out->scope == SCOPE_COUNTRY && r->in->n_countries == 0 && a->hosts.n == 0) {
            BROKEN(r, "countries",
                   "SCOPE_COUNTRY without countries: the grant names none and %.*s has no "
                   "host_countries",
                   BP_STR_ARGS(a->id));
            return;
        }
    }
}

static void read_scope(struct reading *r)
{
    int scope = (int)r->in->scope;
    if (scope < SCOPE_OWN || scope > SCOPE_REGIONS) {
        BROKEN(r, "scope", "the scope is one of OWN, NATIONAL, ADDRESSED, COUNTRY, REGIONS");
        return;
    }
    r->out->scope = (enum scope)scope;
    if (scope == SCOPE_REGIONS)
        read_regions(r);
    else if (r->in->n_regions != 0)
        BROKEN(r, "regions", "regions belong to SCOPE_REGIONS alone");
    if (scope == SCOPE_COUNTRY)
        read_countries(r);
    else if (r->in->n_countries != 0)
        BROKEN(r, "countries", "countries belong to SCOPE_COUNTRY alone");
    check_scope_of_audience(r);
}

static void read_terms(struct reading *r)
{
    const struct agreement *a = &r->c->p->agreements[r->agreement];
    r->out->events_from = BP_DAY_EVER;
    if (r->in->legal_basis[0] == '\0' || !bp_utf8_is_valid(text_of(r->in->legal_basis)))
        BROKEN(r, "legal_basis", "a grant needs a legal basis, in UTF-8");
    if (r->in->may_resolve && r->out->direction != PUBLISH)
        BROKEN(r, "may_resolve", "may_resolve belongs to PUBLISH");
    if (r->in->events_from[0] == '\0')
        return;
    if (r->out->direction != SUBSCRIBE)
        BROKEN(r, "events_from", "events_from belongs to SUBSCRIBE");
    else if (!bp_day_parse(text_of(r->in->events_from), &r->out->events_from))
        BROKEN(r, "events_from", "'%s' is no day: YYYY-MM-DD", r->in->events_from);
    else if (r->out->events_from > a->valid_to)
        BROKEN(r, "events_from",
               "can never apply: its first events are of %s, after the agreement's last day",
               r->in->events_from);
}

/* What the types that a grant takes in have to offer. */
struct reach {
    size_t n_matched, n_taken; /* by pattern; by purpose too */
    bool has_addressee, has_aggregate;
};

static struct reach reach_of(const struct reading *r)
{
    const struct bp_schema *schema = r->c->schema;
    struct reach reach = {0};
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        reach.n_matched += bp_type_matches(text_of(r->in->events), type->name);
        if (!bp_grant_takes_type(r->out, type))
            continue;
        reach.n_taken++;
        reach.has_addressee |= type->addressee_field != NULL;
        reach.has_aggregate |= type->aggregate;
    }
    return reach;
}

static void check_reach(struct reading *r)
{
    struct reach reach = reach_of(r);
    if (reach.n_matched == 0)
        BROKEN(r, "events", "'%s' is no event type and no pattern of one", r->in->events);
    else if (reach.n_taken == 0)
        BROKEN(r, "purpose", "'%s' is no purpose of %s: can never apply", r->in->purpose,
               r->in->events);
    else if (r->out->scope == SCOPE_ADDRESSED && !reach.has_addressee)
        BROKEN(r, "scope", "%s is addressed to nobody: SCOPE_ADDRESSED can never apply",
               r->in->events);
    else if (r->out->level == BP_LEVEL_AGGREGATE && !reach.has_aggregate)
        BROKEN(r, "level", "%s is not made of counts: AGGREGATE can never apply", r->in->events);
}

static bool is_field_of_reach(const struct reading *r, struct bp_str name)
{
    const struct bp_schema *schema = r->c->schema;
    for (size_t i = 0; i < schema->n_types; i++) {
        if (bp_type_field(&schema->types[i], name) != NULL &&
            bp_grant_takes_type(r->out, &schema->types[i]))
            return true;
    }
    return false;
}

static void check_fields(struct reading *r, const char *list, char *const *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_field_of_reach(r, text_of(fields[i])))
            BROKEN(r, list, "'%s' is no payload field of %s", fields[i], r->in->events);
    }
}

static void read_grant(struct reading *r)
{
    *r->out = (struct grant){
        .agreement = (uint32_t)r->agreement, .index = (uint32_t)r->index, .source = r->in};
    read_grantee(r);
    read_direction(r);
    read_level(r);
    read_scope(r);
    read_terms(r);
    check_reach(r);
    check_fields(r, "only_fields", r->in->only_fields, r->in->n_only_fields);
    check_fields(r, "never_fields", r->in->never_fields, r->in->n_never_fields);
}

static size_t count_regions(const Berbagi__V1__Agreement *a)
{
    size_t n = 0;
    for (size_t k = 0; k < a->n_grants; k++)
        n += a->grants[k]->n_regions;
    return n;
}

bp_status bp_compile_grants(struct compile *c)
{
    struct bp_policy *p = c->p;
    size_t n_regions = 0;
    for (size_t i = 0; i < p->n_agreements; i++) {
        p->n_grants += c->source->agreements[i]->n_grants;
        n_regions += count_regions(c->source->agreements[i]);
    }
    if (p->n_grants > GRANTS_MAX) {
        bp_finding_error(c, bp_place("agreements"), "more than %d grants", GRANTS_MAX);
        return BP_EINVAL;
    }
    p->grants = bp_compile_alloc(c, p->n_grants, sizeof(*p->grants));
    p->regions = bp_compile_alloc(c, n_regions, sizeof(*p->regions));
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    struct grant *out = p->grants;
    for (size_t i = 0; i < p->n_agreements; i++) {
        for (size_t k = 0; k < c->source->agreements[i]->n_grants; k++) {
            struct reading r = {c, i, k, c->source->agreements[i]->grants[k], out++};
            read_grant(&r);
        }
    }
    return BP_OK;
}
