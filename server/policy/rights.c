/* What each grant comes to for each agency of its audience and each type it takes in, cut by the
 * ceiling: the table that decisions read.
 *
 * The grants are walked twice in the same order, first to count the rights of each cell, then to
 * place them, so that a cell is one run of the array and holds its rights in the order of the
 * message. */
#include "compile.h"

#define RIGHTS_MAX (8u << 20)

static const char *const level_names[] = {"nothing", "PUBLIC", "AGGREGATE", "PSEUDONYMOUS",
                                          "IDENTIFIED"};

/* One grant and one type, while all agencies are walked. */
struct walk {
    struct compile *c;
    const struct grant *g;
    const struct bp_event_type *type;
    bp_fields only, never;
    uint32_t ground;
    bool has_warned; /* once for each grant */
    /* the view made last: agencies under the same ceiling share it */
    enum bp_level last_level;
    bp_kinds last_kinds;
    uint32_t last_view;
};

/* AGGREGATE gives types made of counts alone; what a grant cut to it by a ceiling gives of other
 * types, bp_view_of knows. A small count hidden by the grant stays hidden however low the ceiling
 * cuts it. */
bool bp_grant_rest(const struct bp_policy *p, const struct grant *g, const struct bp_agency *a,
                   const struct bp_event_type *type, struct rest *out)
{
    if (g->level == BP_LEVEL_AGGREGATE && !type->aggregate)
        return false;
    *out = (struct rest){g->level, g->kinds, SCOPE_NATIONAL, false};
    if (g->direction == PUBLISH)
        return true;
    const struct ceiling *top = ceiling_of(p, a->index, type);
    if (top->level == BP_LEVEL_NONE)
        return false;
    if (top->level < out->level)
        out->level = top->level;
    out->hides_small_counts =
        type->aggregate && (g->level == BP_LEVEL_AGGREGATE || out->level == BP_LEVEL_AGGREGATE);
    out->kinds &= top->kinds;
    out->ceiling_scope = top->scope;
    return true;
}

/* --- warnings --- */

static bool has_country(const struct bp_policy *p, struct span span, uint16_t country)
{
    for (uint32_t i = 0; i < span.n; i++) {
        if (p->countries[span.first + i] == country)
            return true;
    }
    return false;
}

static bool scope_is_under(const struct bp_policy *p, const struct grant *g, enum scope top,
                           const struct bp_agency *a)
{
    if (top == SCOPE_NATIONAL || g->scope == SCOPE_ADDRESSED ||
        (top == g->scope && g->scope != SCOPE_COUNTRY))
        return true;
    if (top == SCOPE_OWN && g->scope == SCOPE_REGIONS) {
        for (uint32_t i = 0; i < g->places.n; i++) {
            if (!bp_region_within(p->regions[g->places.first + i], a->region))
                return false;
        }
        return true;
    }
    if (top != SCOPE_COUNTRY || g->scope != SCOPE_COUNTRY)
        return false;
    for (uint32_t i = 0; i < g->places.n; i++) {
        if (!has_country(p, a->hosts, p->countries[g->places.first + i]))
            return false;
    }
    return true;
}

static void warn(struct walk *w, const char *field, const struct bp_agency *a, const char *what,
                 const char *limit)
{
    w->has_warned = true;
    bp_finding_warning(
        w->c, bp_place("agreements[%u].grants[%u].%s", w->g->agreement, w->g->index, field),
        "above the ceiling of %.*s for %.*s (group %.*s): %s%s", BP_STR_ARGS(a->id),
        BP_STR_ARGS(w->type->name), BP_STR_ARGS(w->type->group), what, limit);
}

static void check_ceiling(struct walk *w, const struct bp_agency *a)
{
    if (w->g->direction == PUBLISH || w->has_warned ||
        (w->g->level == BP_LEVEL_AGGREGATE && !w->type->aggregate))
        return;
    const struct ceiling *top = ceiling_of(w->c->p, a->index, w->type);
    if (top->level < w->g->level)
        warn(w, "level", a, "at most ", level_names[top->level]);
    else if ((w->g->kinds & ~top->kinds & w->type->kinds) != 0)
        warn(w, "specific", a, "not all these kinds of specific data", "");
    else if (!scope_is_under(w->c->p, w->g, top->scope, a))
        warn(w, "scope", a, "a narrower scope", "");
}

/* A publish grant that bars a field its type requires helps nobody, unless another grant of the
 * agency adds the field. */
static void check_required(struct walk *w, const struct bp_view *view)
{
    bp_fields missing = w->type->required & ~(view->full | view->coarse | view->rewritten);
    if (w->g->direction != PUBLISH || missing == 0 || w->has_warned)
        return;
    w->has_warned = true;
    const struct bp_field *field = &w->type->fields[__builtin_ctzll(missing)];
    bp_finding_warning(w->c,
                       bp_place("agreements[%u].grants[%u].level", w->g->agreement, w->g->index),
                       "does not let its grantee fill in %.*s, which %.*s requires",
                       BP_STR_ARGS(field->name), BP_STR_ARGS(w->type->name));
}

/* --- views --- */

/* The number of the view that the rest of the grant shows; views already made for this grant and
 * type are found again. */
static uint32_t view_of(struct walk *w, const struct rest *rest)
{
    struct bp_policy *p = w->c->p;
    if (w->last_level == rest->level && w->last_kinds == rest->kinds)
        return w->last_view;
    if (p->n_views == w->c->views_capacity) {
        size_t capacity = w->c->views_capacity == 0 ? 256 : w->c->views_capacity * 2;
        struct bp_view *views = realloc(p->views, capacity * sizeof(*views));
        if (views == NULL) {
            w->c->is_out_of_memory = true;
            return 0;
        }
        p->views = views;
        w->c->views_capacity = capacity;
    }
    struct bp_view *view = &p->views[p->n_views];
    bp_view_of(w->type, rest->level, rest->kinds, w->only, w->never, view);
    if (w->g->source->n_only_fields + w->g->source->n_never_fields != 0)
        view->unknown_fields = false; /* also where the lists name no field of this type */
    check_required(w, view);
    w->last_level = rest->level;
    w->last_kinds = rest->kinds;
    w->last_view = (uint32_t)p->n_views++;
    return w->last_view;
}

/* --- the two walks --- */

typedef void step(struct walk *w, const struct bp_agency *a, const struct rest *rest);

static void count_right(struct walk *w, const struct bp_agency *a, const struct rest *rest)
{
    struct bp_policy *p = w->c->p;
    (void)rest;
    p->n_rights++;
    p->cells[cell_of(p, w->g->direction, a->index, w->type->index) + 2]++;
}

static void place_right(struct walk *w, const struct bp_agency *a, const struct rest *rest)
{
    struct bp_policy *p = w->c->p;
    const struct grant *g = w->g;
    uint32_t at = p->cells[cell_of(p, g->direction, a->index, w->type->index) + 1]++;
    bool is_at_home = g->scope == SCOPE_COUNTRY && g->source->n_countries == 0;
    p->rights[at] = (struct right){
        .agreement = g->agreement,
        .grant = (uint32_t)(g - p->grants) + 1,
        .ground = w->ground,
        .view = view_of(w, rest),
        .places = is_at_home ? a->hosts : g->places,
        .events_from = g->events_from,
        .scope = (uint8_t)g->scope,
        .ceiling_scope = (uint8_t)rest->ceiling_scope,
        .may_resolve = g->source->may_resolve,
        .hides_small_counts = rest->hides_small_counts,
    };
}

static void walk_agencies(struct walk *w, step *take, bool is_first)
{
    const struct bp_policy *p = w->c->p;
    for (uint32_t i = 0; i < w->g->audience.n; i++) {
        const struct bp_agency *a = &p->agencies[p->audiences[w->g->audience.first + i]];
        struct rest rest;
        if (is_first)
            check_ceiling(w, a);
        if (bp_grant_rest(p, w->g, a, w->type, &rest))
            take(w, a, &rest);
    }
}

static void walk_grant(struct compile *c, const struct grant *g, step *take, bool is_first)
{
    struct walk w = {.c = c, .g = g};
    for (size_t t = 0; t < c->schema->n_types; t++) {
        w.type = &c->schema->types[t];
        if (!bp_grant_takes_type(g, w.type))
            continue;
        bp_grant_fields(g, w.type, &w.only, &w.never);
        w.last_level = BP_LEVEL_NONE;
        w.ground = g->direction == SUBSCRIBE ? bp_compile_ground_of(c, g, w.type) : 0;
        walk_agencies(&w, take, is_first);
    }
}

static void walk_grants(struct compile *c, step *take, bool is_first)
{
    for (size_t i = 0; i < c->p->n_grants && c->p->n_rights <= RIGHTS_MAX; i++) {
        if (!c->p->grants[i].is_broken)
            walk_grant(c, &c->p->grants[i], take, is_first);
    }
}

bp_status bp_compile_rights(struct compile *c)
{
    struct bp_policy *p = c->p;
    size_t n_cells = DIRECTIONS * p->n_agencies * c->schema->n_types;
    p->cells = bp_compile_alloc(c, n_cells + 2, sizeof(*p->cells));
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    walk_grants(c, count_right, true);
    if (p->n_rights > RIGHTS_MAX) {
        bp_finding_error(c, bp_place("agreements"),
                         "more than %u pairs of a grant with an agency and a type", RIGHTS_MAX);
        return BP_EINVAL;
    }
    /* Counted one cell too far, the sums stand one cell too far: the second walk moves each start
     * to its end, the next one's start. */
    for (size_t i = 2; i < n_cells + 2; i++)
        p->cells[i] += p->cells[i - 1];
    p->rights = bp_compile_alloc(c, p->n_rights, sizeof(*p->rights));
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    walk_grants(c, place_right, false);
    return c->is_out_of_memory ? BP_ENOMEM : BP_OK;
}
