#include "sieve.h"

/* The addressee is known by a hash alone: one that may be the reader is taken for it. */
static struct bp_str addressee_of(const struct bp_route *route, const struct bp_delivery *d)
{
    struct bp_str reader = bp_str(d->agency);
    if (route->addressee == 0)
        return BP_STR("");
    return route->addressee == bp_route_addressee(reader) ? reader : BP_STR("another");
}

static bool passes_filter(const struct bp_delivery *d, const struct bp_route *route,
                          const struct bp_view *view)
{
    /* Neither region nor destination is rewritten for a reader or named after an agency. */
    static const struct bp_reader_forms no_forms;
    char region[14];
    struct bp_redacted_envelope seen;
    struct bp_event event = {.region = bp_str_of(region, bp_region_format(route->region, region))};
    if (route->destination[0] != '\0')
        event.destination = bp_str_of(route->destination, sizeof(route->destination));
    bp_redact_envelope(d->x->schema, &event, view, &no_forms, &seen);
    return bp_filter_may_match(d->filter, &seen);
}

static bool may_pass(const struct bp_delivery *d, const struct bp_route *route, bp_day newest)
{
    struct bp_sight sight;
    if (route->is_unknown)
        return true;
    const struct bp_event_type *type = bp_schema_type_by_hash(d->x->schema, route->type_hash);
    if (type == NULL || !d->wants_type[type->index])
        return false;
    const struct bp_facts facts = {
        .region = route->region,
        .destination = {route->destination[0], route->destination[1]},
        .addressed_to = addressee_of(route, d),
        .recorded_on = newest, /* rights may begin with a day, none ends with one */
        .has_small_count = route->has_small_count,
    };
    return bp_policy_see(d->policy, d->reader, type, &facts, d->today, &sight) &&
           (!bp_filter_looks_inside(d->filter) || passes_filter(d, route, &sight.view));
}

/* false: nothing is known of the event at this position. */
static bool load(struct bp_sieve *s, uint64_t position)
{
    struct bp_routes *routes = &s->routes;
    if (bp_index_routes(s->delivery->x->index, position, routes) != BP_OK) {
        routes->n = 0;
        return false;
    }
    bp_day newest = bp_day_in_jakarta(routes->newest_ns);
    for (size_t i = 0; i < routes->n_routes; i++)
        s->may_pass[i] = may_pass(s->delivery, &routes->routes[i], newest);
    s->blocks++;
    return position - routes->first < routes->n;
}

void bp_sieve_begin(struct bp_sieve *s, const struct bp_delivery *d)
{
    s->delivery = d;
    s->routes.n = 0;
    s->routes.first = 1;
    s->blocks = 0;
}

uint64_t bp_sieve_next(struct bp_sieve *s, uint64_t position, size_t most_blocks)
{
    const struct bp_routes *routes = &s->routes;
    for (;;) {
        bool is_here = position >= routes->first && position - routes->first < routes->n;
        if (!is_here && (s->blocks >= most_blocks || !load(s, position)))
            return position;
        size_t i = (size_t)(position - routes->first);
        while (i < routes->n && !s->may_pass[routes->codes[i]])
            i++;
        position = routes->first + i;
        if (i < routes->n)
            return position;
    }
}
