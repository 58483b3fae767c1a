/* What changes between two versions, in words of the contract: a line for each agency, direction,
 * type and agreement.
 *
 * A right of one version is set against all rights of the other that reach at least as far (scope,
 * ceiling, days, small counts): what it shows beyond their union is gained, or lost the other way
 * round. So a renewal under a new agreement is no change, and a scope that narrows from NATIONAL to
 * OWN loses fields though some events keep showing them. */
#include "policy_internal.h"

/* One line while it is gathered. */
struct line {
    struct bp_str agreement;
    struct bp_view gained, lost; /* full, coarse and rewritten alike stand in full */
    bool resolve_gained, resolve_lost;
};

#define LINES_MAX                                                                                  \
    64 /* agreements that speak of one agency and one type; what is beyond joins the last */

/* One cell in both versions. */
struct pair {
    const struct bp_policy *p[2];      /* before, after; before may be NULL */
    const struct bp_agency *agency[2]; /* where it is in one version alone, both are that one */
    bool is_there[2];
    const struct right *rights[2];
    size_t n[2];
    bool has_any[2]; /* in force */
    enum direction direction;
    const struct bp_event_type *type;
    bp_day today;
    struct line lines[LINES_MAX];
    size_t n_lines;
};

static bool is_live(const struct pair *c, int side, const struct right *r)
{
    return !c->agency[side]->is_suspended &&
           agreement_is_in_force(&c->p[side]->agreements[r->agreement], c->today);
}

static bool are_same_places(const struct pair *c, int side, const struct right *a,
                            const struct right *b)
{
    if (a->scope != b->scope)
        return false;
    if (a->scope == SCOPE_OWN)
        return c->agency[0]->region == c->agency[1]->region;
    if (a->scope != SCOPE_REGIONS && a->scope != SCOPE_COUNTRY)
        return true;
    if (a->places.n != b->places.n)
        return false;
    const struct bp_policy *p = c->p[side], *q = c->p[1 - side];
    if (a->scope == SCOPE_REGIONS)
        return memcmp(p->regions + a->places.first, q->regions + b->places.first,
                      a->places.n * sizeof(bp_region)) == 0;
    return memcmp(p->countries + a->places.first, q->countries + b->places.first,
                  a->places.n * sizeof(uint16_t)) == 0;
}

static bool are_same_hosts(const struct pair *c)
{
    struct span a = c->agency[0]->hosts, b = c->agency[1]->hosts;
    return a.n == b.n && memcmp(c->p[0]->countries + a.first, c->p[1]->countries + b.first,
                                a.n * sizeof(uint16_t)) == 0;
}

/* Does b's ceiling let through all that a's does? */
static bool is_ceiling_as_wide(const struct pair *c, const struct right *a, const struct right *b)
{
    if (b->ceiling_scope == SCOPE_NATIONAL || a->scope == SCOPE_ADDRESSED)
        return true;
    if (b->ceiling_scope != a->ceiling_scope)
        return b->ceiling_scope == SCOPE_OWN && a->scope == SCOPE_OWN &&
               c->agency[0]->region == c->agency[1]->region;
    if (b->ceiling_scope == SCOPE_OWN)
        return c->agency[0]->region == c->agency[1]->region;
    return b->ceiling_scope != SCOPE_COUNTRY || are_same_hosts(c);
}

/* Does b, a right of the other version, reach every event that a of this side reaches? */
static bool reaches_as_far(const struct pair *c, int side, const struct right *a,
                           const struct right *b)
{
    return (b->scope == SCOPE_NATIONAL || are_same_places(c, side, a, b)) &&
           is_ceiling_as_wide(c, a, b) && b->events_from <= a->events_from &&
           (!b->hides_small_counts || a->hides_small_counts);
}

static struct line *line_of(struct pair *c, struct bp_str agreement)
{
    for (size_t i = 0; i < c->n_lines; i++) {
        if (bp_str_eq(c->lines[i].agreement, agreement))
            return &c->lines[i];
    }
    if (c->n_lines == LINES_MAX)
        return &c->lines[LINES_MAX - 1];
    c->lines[c->n_lines] = (struct line){.agreement = agreement};
    return &c->lines[c->n_lines++];
}

/* What a shows beyond b; the level is set if the envelope shows more. */
static struct bp_view beyond(const struct bp_view *a, const struct bp_view *b)
{
    struct bp_view more = {0};
    more.full = (a->full & ~b->full) | (a->coarse & ~(b->full | b->coarse)) |
                (a->rewritten & ~(b->full | b->coarse | b->rewritten));
    more.unknown_fields = a->unknown_fields && !b->unknown_fields;
    if (a->level > b->level)
        more.level = a->level;
    return more;
}

static bool shows_nothing(const struct bp_view *v)
{
    return v->level == BP_LEVEL_NONE && v->full == 0 && !v->unknown_fields;
}

/* Sets one right of a side against the other side's. */
static void compare_right(struct pair *c, int side, const struct right *r)
{
    struct bp_view other = {0};
    bool may_resolve = false;
    for (size_t i = 0; i < c->n[1 - side]; i++) {
        const struct right *o = &c->rights[1 - side][i];
        if (!is_live(c, 1 - side, o) || !reaches_as_far(c, side, r, o))
            continue;
        bp_view_union(&other, &c->p[1 - side]->views[o->view]);
        may_resolve |= o->may_resolve;
    }
    struct bp_view more = beyond(&c->p[side]->views[r->view], &other);
    bool resolves_more = r->may_resolve && !may_resolve;
    if (shows_nothing(&more) && !resolves_more)
        return;
    struct line *line = line_of(c, c->p[side]->agreements[r->agreement].id);
    bp_view_union(side == 1 ? &line->gained : &line->lost, &more);
    if (side == 1)
        line->resolve_gained |= resolves_more;
    else
        line->resolve_lost |= resolves_more;
}

/* --- lines into messages --- */

#define ENVELOPE "(envelope)"
#define UNKNOWN "(unknown fields)"
#define BY_NIK "(subject by NIK)"

static bool add_name(char **names, size_t *n, struct bp_str name)
{
    names[*n] = bp_str_dup(name);
    return names[*n] != NULL && ++*n != 0;
}

static bool fill_names(const struct pair *c, const struct bp_view *v, bool resolves, char ***out,
                       size_t *n)
{
    const struct bp_event_type *type = c->type;
    bool is_sound = true;
    if (shows_nothing(v) && !resolves)
        return true;
    *out = calloc(type->n_fields + 3, sizeof(**out));
    if (*out == NULL)
        return false;
    if (v->level != BP_LEVEL_NONE && c->direction == SUBSCRIBE)
        is_sound = add_name(*out, n, BP_STR(ENVELOPE));
    if (resolves)
        is_sound = is_sound && add_name(*out, n, BP_STR(BY_NIK));
    for (size_t i = 0; i < type->n_fields; i++) {
        if ((v->full & (bp_fields)1 << i) != 0)
            is_sound = is_sound && add_name(*out, n, type->fields[i].name);
    }
    if (v->unknown_fields)
        is_sound = is_sound && add_name(*out, n, BP_STR(UNKNOWN));
    return is_sound;
}

static Berbagi__V1__PolicyChange *message_of(const struct pair *c, const struct line *line)
{
    Berbagi__V1__PolicyChange *m = berbagi__v1__policy_change__unpack(NULL, 0, NULL);
    if (m == NULL)
        return NULL;
    m->direction = c->direction == PUBLISH ? BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH
                                           : BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE;
    m->type_gained = !c->has_any[0];
    m->type_lost = !c->has_any[1];
    m->agency = bp_str_dup(c->agency[1]->id);
    m->event_type = bp_str_dup(c->type->name);
    m->agreement = bp_str_dup(line->agreement);
    if (m->agency != NULL && m->event_type != NULL && m->agreement != NULL &&
        fill_names(c, &line->gained, line->resolve_gained, &m->fields_gained,
                   &m->n_fields_gained) &&
        fill_names(c, &line->lost, line->resolve_lost, &m->fields_lost, &m->n_fields_lost))
        return m;
    berbagi__v1__policy_change__free_unpacked(m, NULL);
    return NULL;
}

/* Where the lines go. */
struct telling {
    Berbagi__V1__ApplyPolicyResponse *response;
    size_t capacity; /* of response->changes */
    size_t bytes;    /* of the lines that are there */
};

static bp_status put_line(struct telling *t, Berbagi__V1__PolicyChange *line)
{
    Berbagi__V1__ApplyPolicyResponse *to = t->response;
    if (to->n_changes == t->capacity) {
        size_t wanted = t->capacity < 32 ? 64 : t->capacity * 2;
        Berbagi__V1__PolicyChange **changes = realloc(to->changes, wanted * sizeof(*changes));
        if (changes == NULL)
            return BP_ENOMEM;
        to->changes = changes;
        t->capacity = wanted;
    }
    to->changes[to->n_changes++] = line;
    t->bytes += berbagi__v1__policy_change__get_packed_size(line);
    return BP_OK;
}

static bp_status append(struct telling *t, const struct pair *c, const struct line *line)
{
    if (t->bytes >= BP_POLICY_CHANGES_BYTES) {
        t->response->changes_left_out++;
        return BP_OK;
    }
    Berbagi__V1__PolicyChange *m = message_of(c, line);
    bp_status st = m == NULL ? BP_ENOMEM : put_line(t, m);
    if (st != BP_OK)
        berbagi__v1__policy_change__free_unpacked(m, NULL); /* NULL allowed */
    return st;
}

static void compare_cell(struct pair *c)
{
    c->n_lines = 0;
    for (int side = 0; side < 2; side++) {
        c->has_any[side] = false;
        for (size_t i = 0; i < c->n[side]; i++)
            c->has_any[side] |= is_live(c, side, &c->rights[side][i]);
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < c->n[side]; i++) {
            if (is_live(c, side, &c->rights[side][i]))
                compare_right(c, side, &c->rights[side][i]);
        }
    }
}

static bp_status compare_agency(struct pair *c, const struct bp_schema *schema, struct telling *t)
{
    for (int direction = PUBLISH; direction < DIRECTIONS; direction++) {
        c->direction = (enum direction)direction;
        for (size_t type = 0; type < schema->n_types; type++) {
            c->type = &schema->types[type];
            for (int side = 0; side < 2; side++) {
                c->n[side] = 0;
                if (c->p[side] != NULL && c->is_there[side])
                    c->rights[side] =
                        rights_of(c->p[side], c->direction, c->agency[side], c->type, &c->n[side]);
            }
            compare_cell(c);
            for (size_t i = 0; i < c->n_lines; i++) {
                bp_status st = append(t, c, &c->lines[i]);
                if (st != BP_OK)
                    return st;
            }
        }
    }
    return BP_OK;
}

static void find_agency(struct pair *c, struct bp_str id)
{
    for (int side = 0; side < 2; side++) {
        c->agency[side] = c->p[side] != NULL ? bp_policy_agency(c->p[side], id) : NULL;
        c->is_there[side] = c->agency[side] != NULL;
    }
    if (!c->is_there[0])
        c->agency[0] = c->agency[1];
    if (!c->is_there[1])
        c->agency[1] = c->agency[0];
}

bp_status bp_policy_difference(const struct bp_policy *before, const struct bp_policy *after,
                               bp_day today, Berbagi__V1__ApplyPolicyResponse *response)
{
    struct pair c = {.p = {before, after}, .today = today};
    struct telling t = {.response = response, .capacity = response->n_changes};
    bp_status st = BP_OK;
    for (size_t i = 0; i < after->n_agencies && st == BP_OK; i++) {
        find_agency(&c, after->agencies[i].id);
        st = compare_agency(&c, after->schema, &t);
    }
    for (size_t i = 0; before != NULL && i < before->n_agencies && st == BP_OK; i++) {
        if (bp_policy_agency(after, before->agencies[i].id) != NULL)
            continue;
        find_agency(&c, before->agencies[i].id);
        st = compare_agency(&c, after->schema, &t);
    }
    return st;
}
