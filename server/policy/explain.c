/* The verdict comes from decide.c; then each grant that could have spoken is asked what it did. A
 * grant that reaches the agency and the type is a right of their cell, and the rights stand there
 * in the order of the grants, so one walk over both finds them together. */
#include "explain_internal.h"

#define PLACES_TOLD 8

typedef Berbagi__V1__ExplainResponse__Step step_message;

void *bp_explain_alloc(struct explanation *e, size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size);
    e->is_out_of_memory |= p == NULL;
    return p;
}

char *bp_explain_copy(struct explanation *e, struct bp_str text)
{
    char *copy = bp_str_dup(text);
    e->is_out_of_memory |= copy == NULL;
    return copy;
}

char *bp_explain_take_words(struct explanation *e)
{
    char *copy = bp_explain_copy(e, bp_buf_str(&e->words));
    e->is_out_of_memory |= e->words.failed;
    bp_buf_clear(&e->words);
    return copy;
}

const char *bp_explain_level(enum bp_level level)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&berbagi__v1__level__descriptor, (int)level);
    return v != NULL && level != BP_LEVEL_NONE ? v->name + sizeof("LEVEL_") - 1 : "nothing";
}

const char *bp_explain_kind(int kind)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&berbagi__v1__specific_kind__descriptor, kind);
    return v != NULL ? v->name + sizeof("SPECIFIC_KIND_") - 1 : "unknown";
}

/* --- places in words --- */

static void add_region(struct explanation *e, bp_region region)
{
    char text[14];
    bp_buf_add_str(&e->words, bp_str_of(text, bp_region_format(region, text)));
}

static void add_places(struct explanation *e, const struct right *r)
{
    for (uint32_t i = 0; i < r->places.n && i < PLACES_TOLD; i++) {
        if (i > 0)
            bp_buf_add_text(&e->words, ", ");
        if (r->scope == SCOPE_REGIONS) {
            add_region(e, e->p->regions[r->places.first + i]);
        } else {
            uint16_t country = e->p->countries[r->places.first + i];
            bp_buf_printf(&e->words, "%c%c", country >> 8, country & 0xFF);
        }
    }
    if (r->places.n > PLACES_TOLD)
        bp_buf_printf(&e->words, " and %u more", r->places.n - PLACES_TOLD);
}

static void add_event_region(struct explanation *e)
{
    if (e->facts.region == 0) {
        bp_buf_add_text(&e->words, "the whole country");
    } else {
        bp_buf_add_text(&e->words, "region ");
        add_region(e, e->facts.region);
    }
}

static void add_event_destination(struct explanation *e)
{
    if (e->facts.destination[0] == '\0')
        bp_buf_add_text(&e->words, "no destination");
    else
        bp_buf_printf(&e->words, "destination %.2s", e->facts.destination);
}

static void add_addressee(struct explanation *e, bool is_inside)
{
    if (is_inside)
        bp_buf_printf(&e->words, "it is addressed to %.*s", BP_STR_ARGS(e->agency->id));
    else if (e->facts.addressed_to.n == 0)
        bp_buf_printf(&e->words, "it is addressed to nobody, not to %.*s",
                      BP_STR_ARGS(e->agency->id));
    else
        bp_buf_printf(&e->words, "it is addressed to %.*s, not to %.*s",
                      BP_STR_ARGS(e->facts.addressed_to), BP_STR_ARGS(e->agency->id));
}

/* How the event lies to a scope; r: whose places are meant. */
static void add_scope(struct explanation *e, enum scope scope, const struct right *r,
                      bool is_inside)
{
    switch (scope) {
    case SCOPE_OWN:
        add_event_region(e);
        bp_buf_add_text(&e->words, is_inside ? " is within " : " is outside ");
        add_region(e, e->agency->region);
        break;
    case SCOPE_NATIONAL:
        bp_buf_add_text(&e->words, "it reaches everywhere");
        break;
    case SCOPE_ADDRESSED:
        add_addressee(e, is_inside);
        break;
    case SCOPE_COUNTRY:
        add_event_destination(e);
        bp_buf_add_text(&e->words, is_inside ? " is among " : " is not among ");
        add_places(e, r);
        break;
    case SCOPE_REGIONS:
        add_event_region(e);
        bp_buf_add_text(&e->words, is_inside ? " is within " : " is outside ");
        add_places(e, r);
        break;
    case SCOPE_NOWHERE:
        bp_buf_add_text(&e->words, "it reaches nowhere");
        break;
    }
}

static void add_ceiling(struct explanation *e)
{
    bp_buf_printf(&e->words, "the ceiling of %.*s for group %.*s", BP_STR_ARGS(e->agency->id),
                  BP_STR_ARGS(e->type->group));
}

/* --- why a grant did not apply --- */

static void add_day(struct explanation *e, const char *before, bp_day day)
{
    char text[11];
    bp_day_format(day, text);
    bp_buf_printf(&e->words, "%s%s", before, text);
}

static void add_not_in_force(struct explanation *e, const struct right *r)
{
    const struct agreement *a = &e->p->agreements[r->agreement];
    int status = (int)e->p->own->agreements[r->agreement]->status;
    if (status == BERBAGI__V1__AGREEMENT__STATUS__STATUS_SUSPENDED)
        bp_buf_add_text(&e->words, "the agreement is suspended");
    else if (!a->is_in_force)
        bp_buf_add_text(&e->words, "the agreement is terminated");
    else if (e->day < a->valid_from)
        add_day(e, "the agreement begins on ", a->valid_from);
    else
        add_day(e, "the agreement ended on ", a->valid_to);
}

static void add_over_ceiling(struct explanation *e, const struct right *r)
{
    const struct right hosts = {.places = e->agency->hosts, .scope = SCOPE_COUNTRY};
    add_ceiling(e);
    bp_buf_printf(&e->words, " reaches %s alone, and ",
                  r->ceiling_scope == SCOPE_OWN       ? "its own region"
                  : r->ceiling_scope == SCOPE_COUNTRY ? "its host countries"
                                                      : "what is addressed to it");
    add_scope(e, (enum scope)r->ceiling_scope, &hosts, false);
}

static void add_obstacle(struct explanation *e, const struct right *r, enum obstacle obstacle)
{
    switch (obstacle) {
    case NOT_IN_FORCE:
        add_not_in_force(e, r);
        break;
    case TOO_EARLY:
        add_day(e, "it gives events recorded from ", r->events_from);
        bp_buf_add_text(&e->words, " on");
        break;
    case SMALL_COUNT:
        bp_buf_add_text(&e->words, "a count is 1 to 4");
        break;
    case OUT_OF_SCOPE:
        add_scope(e, (enum scope)r->scope, r, false);
        break;
    case OVER_CEILING:
        add_over_ceiling(e, r);
        break;
    case NO_OBSTACLE: /* and yet it was not counted */
        if (e->agency->is_suspended)
            bp_buf_printf(&e->words, "agency %.*s is suspended", BP_STR_ARGS(e->agency->id));
        else
            bp_buf_printf(&e->words, "%d grounds are told already", BP_GROUNDS_MAX);
        break;
    }
}

/* A grant that names the agency and the type, and is no right of theirs. */
static void add_no_right(struct explanation *e, const struct grant *g)
{
    if (!bp_grant_takes_type(g, e->type)) {
        bp_buf_printf(&e->words, "%.*s is not meant for the purpose %s", BP_STR_ARGS(e->type->name),
                      g->source->purpose);
    } else if (g->level == BP_LEVEL_AGGREGATE && !e->type->aggregate) {
        bp_buf_printf(&e->words, "AGGREGATE gives types made of counts, and %.*s is none",
                      BP_STR_ARGS(e->type->name));
    } else {
        add_ceiling(e);
        bp_buf_add_text(&e->words, " gives nothing");
    }
}

/* --- why it did --- */

static void add_cut_kinds(struct explanation *e, const struct grant *g, const struct rest *rest)
{
    bp_kinds cut = g->kinds & ~rest->kinds & e->type->kinds;
    const char *before = "; the ceiling takes away ";
    for (int kind = 0; kind < 32; kind++) {
        if ((cut >> kind & 1) == 0)
            continue;
        bp_buf_printf(&e->words, "%s%s", before, bp_explain_kind(kind));
        before = ", ";
    }
}

static void add_applied(struct explanation *e, const struct grant *g, const struct right *r,
                        const struct rest *rest)
{
    add_scope(e, (enum scope)r->scope, r, true);
    if (rest->level != g->level)
        bp_buf_printf(&e->words, "; the ceiling cuts %s to %s", bp_explain_level(g->level),
                      bp_explain_level(rest->level));
    add_cut_kinds(e, g, rest);
    if (rest->hides_small_counts)
        bp_buf_add_text(&e->words, "; not where a count is 1 to 4");
}

/* --- steps --- */

static bool is_asked_about(const struct explanation *e, const struct grant *g)
{
    uint32_t place = e->agency->audience - g->audience.first; /* far away where it is before */
    return g->direction == e->direction && place < g->audience.n &&
           bp_type_matches(text_of(g->source->events), e->type->name);
}

/* Did the decision count it? */
static bool was_counted(const struct explanation *e, const struct right *r)
{
    if (e->direction == PUBLISH)
        return !e->agency->is_suspended;
    for (size_t i = 0; i < e->sight.n_grounds; i++) {
        if (e->sight.grounds[i] == r->ground)
            return true;
    }
    return false;
}

/* The right that this grant is, or NULL. */
static const struct right *right_of(struct explanation *e, const struct grant *g)
{
    uint32_t number = (uint32_t)(g - e->p->grants) + 1;
    while (e->next != e->end && e->next->grant < number)
        e->next++;
    return e->next != e->end && e->next->grant == number ? e->next : NULL;
}

/* Writes the reason; true: it applied. */
static bool explain_grant(struct explanation *e, const struct grant *g)
{
    const struct right *r = right_of(e, g);
    struct applied a = {.grant = g};
    if (r == NULL || !bp_grant_rest(e->p, g, e->agency, e->type, &a.rest)) {
        add_no_right(e, g);
        return false;
    }
    enum obstacle obstacle = bp_right_obstacle(e->p, r, e->agency, &e->facts, e->day);
    if (obstacle != NO_OBSTACLE || !was_counted(e, r)) {
        add_obstacle(e, r, obstacle);
        return false;
    }
    add_applied(e, g, r, &a.rest);
    if (e->direction == PUBLISH) {
        bp_view_union(&e->sight.view, &e->p->views[r->view]);
        e->out->may_resolve |= r->may_resolve;
    }
    e->applied[e->n_applied++] = a;
    return true;
}

static void add_step(struct explanation *e, const struct grant *g)
{
    step_message *m = bp_explain_alloc(e, 1, sizeof(*m));
    if (m == NULL)
        return;
    berbagi__v1__explain_response__step__init(m);
    e->out->steps[e->out->n_steps++] = m;
    m->applied = explain_grant(e, g);
    m->because = bp_explain_take_words(e);
    m->agreement = bp_explain_copy(e, e->p->agreements[g->agreement].id);
    m->grant_index = g->index;
    m->grantee = bp_explain_copy(e, text_of(g->source->grantee));
    m->events = bp_explain_copy(e, text_of(g->source->events));
    m->level = g->source->level;
    m->purpose = bp_explain_copy(e, text_of(g->source->purpose));
    m->legal_basis = bp_explain_copy(e, text_of(g->source->legal_basis));
    m->valid_to = bp_explain_copy(e, text_of(e->p->own->agreements[g->agreement]->valid_to));
    m->may_resolve = g->source->may_resolve;
}

static void explain_grants(struct explanation *e)
{
    size_t n = 0, n_rights;
    for (size_t i = 0; i < e->p->n_grants; i++)
        n += is_asked_about(e, &e->p->grants[i]);
    e->next = rights_of(e->p, e->direction, e->agency, e->type, &n_rights);
    e->end = e->next + n_rights;
    e->applied = bp_explain_alloc(e, n, sizeof(*e->applied));
    e->out->steps = bp_explain_alloc(e, n, sizeof(*e->out->steps));
    for (size_t i = 0; i < e->p->n_grants && !e->is_out_of_memory; i++) {
        if (is_asked_about(e, &e->p->grants[i]))
            add_step(e, &e->p->grants[i]);
    }
}

/* --- the verdict --- */

static bool decide(struct explanation *e)
{
    struct bp_publish_verdict verdict;
    const struct bp_publish_request request = {
        .sender = e->agency, .source = e->agency, .type = e->type, .facts = e->facts};
    if (e->direction == SUBSCRIBE)
        return bp_policy_see(e->p, e->agency, e->type, &e->facts, e->day, &e->sight);
    bp_policy_judge_publish(e->p, &request, e->day, &verdict);
    return verdict.permitted;
}

static void add_verdict(struct explanation *e)
{
    const char *verb = e->direction == PUBLISH ? "publish" : "read";
    const struct bp_str agency = e->agency->id, type = e->type->name;
    size_t n = e->out->n_steps;
    if (e->agency->is_suspended)
        bp_buf_printf(&e->words, "agency %.*s is suspended", BP_STR_ARGS(agency));
    else if (n == 0)
        bp_buf_printf(&e->words, "no agreement grants %.*s to %s %.*s", BP_STR_ARGS(agency), verb,
                      BP_STR_ARGS(type));
    else if (e->n_applied == 0 && n == 1)
        bp_buf_printf(&e->words, "the one grant to %s %.*s does not apply", verb,
                      BP_STR_ARGS(type));
    else if (e->n_applied == 0)
        bp_buf_printf(&e->words, "none of the %zu grants to %s %.*s applies", n, verb,
                      BP_STR_ARGS(type));
    else
        bp_buf_printf(&e->words, "%zu of %zu grant%s to %s %.*s appl%s", e->n_applied, n,
                      n == 1 ? "" : "s", verb, BP_STR_ARGS(type), e->n_applied == 1 ? "ies" : "y");
}

static void explain(struct explanation *e)
{
    char day[11];
    bp_day_format(e->day, day);
    e->out->permitted = decide(e);
    explain_grants(e);
    bp_explain_fields(e);
    add_verdict(e);
    e->out->because = bp_explain_take_words(e);
    e->out->on_date = bp_explain_copy(e, bp_str(day));
    e->out->policy_version = e->p->version;
    if (e->direction == SUBSCRIBE)
        e->out->envelope_level = (Berbagi__V1__Level)e->sight.view.level;
}

bp_status bp_policy_explain(const struct bp_policy *p, const struct bp_explain_question *q,
                            bp_day day, Berbagi__V1__ExplainResponse **out)
{
    struct explanation e = {.p = p,
                            .agency = q->agency,
                            .type = q->type,
                            .direction = q->is_publish ? PUBLISH : SUBSCRIBE,
                            .facts = q->facts,
                            .day = day};
    e.facts.recorded_on = day;
    e.facts.has_small_count = false;
    e.out = malloc(sizeof(*e.out));
    if (e.out == NULL)
        return BP_ENOMEM;
    berbagi__v1__explain_response__init(e.out);
    explain(&e);
    free(e.applied);
    bp_buf_fini(&e.words);
    if (e.is_out_of_memory) {
        berbagi__v1__explain_response__free_unpacked(e.out, NULL);
        return BP_ENOMEM;
    }
    *out = e.out;
    return BP_OK;
}
