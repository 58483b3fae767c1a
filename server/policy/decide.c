/* Decisions: a cell of the table, its few rights, each looked at. No allocation, no text but the
 * addressee's. */
#include "policy_internal.h"

static bool is_among(const struct bp_policy *p, const char destination[2], struct span countries)
{
    uint16_t country = country_of(destination);
    for (uint32_t i = 0; i < countries.n; i++) {
        if (p->countries[countries.first + i] == country)
            return true;
    }
    return false;
}

static bool is_within_one(const struct bp_policy *p, bp_region region, struct span regions)
{
    for (uint32_t i = 0; i < regions.n; i++) {
        if (bp_region_within(region, p->regions[regions.first + i]))
            return true;
    }
    return false;
}

/* A national agency has no OWN: everything lies within region 0. */
static bool is_in_scope(const struct bp_policy *p, enum scope scope, struct span places,
                        const struct bp_agency *a, const struct bp_facts *facts)
{
    switch (scope) {
    case SCOPE_OWN:
        return a->region != 0 && bp_region_within(facts->region, a->region);
    case SCOPE_NATIONAL:
        return true;
    case SCOPE_ADDRESSED:
        return bp_str_eq(facts->addressed_to, a->id);
    case SCOPE_COUNTRY:
        return is_among(p, facts->destination, places);
    case SCOPE_REGIONS:
        return is_within_one(p, facts->region, places);
    case SCOPE_NOWHERE:
        break;
    }
    return false;
}

/* What is addressed to the reader lies inside every ceiling's scope. */
static bool is_under_ceiling(const struct bp_policy *p, const struct right *r,
                             const struct bp_agency *a, const struct bp_facts *facts)
{
    return r->ceiling_scope == SCOPE_NATIONAL ||
           is_in_scope(p, (enum scope)r->ceiling_scope, a->hosts, a, facts) ||
           bp_str_eq(facts->addressed_to, a->id);
}

enum obstacle bp_right_obstacle(const struct bp_policy *p, const struct right *r,
                                const struct bp_agency *a, const struct bp_facts *facts,
                                bp_day today)
{
    if (!agreement_is_in_force(&p->agreements[r->agreement], today))
        return NOT_IN_FORCE;
    if (facts->recorded_on < r->events_from)
        return TOO_EARLY;
    if (r->hides_small_counts && facts->has_small_count)
        return SMALL_COUNT;
    if (!is_in_scope(p, (enum scope)r->scope, r->places, a, facts))
        return OUT_OF_SCOPE;
    return is_under_ceiling(p, r, a, facts) ? NO_OBSTACLE : OVER_CEILING;
}

/* --- publishing --- */

static void refuse(struct bp_publish_verdict *out, const char *field, const char *why)
{
    out->permitted = false;
    out->field = field;
    out->why = why;
}

/* What the rights that apply permit together, and what stood in the way of the others. */
struct tally {
    bool is_in_force, is_in_scope, may_resolve;
    bool asks_region, asks_destination; /* scopes that failed */
    bp_fields permitted;
    uint32_t first, first_alone; /* grants: that applies; that permits all by itself */
};

static void tally_right(const struct bp_policy *p, const struct right *r,
                        const struct bp_publish_request *q, bp_day today, struct tally *t)
{
    enum obstacle obstacle = bp_right_obstacle(p, r, q->source, &q->facts, today);
    if (obstacle == NOT_IN_FORCE)
        return;
    t->is_in_force = true;
    if (obstacle != NO_OBSTACLE) {
        t->asks_region |= r->scope == SCOPE_OWN || r->scope == SCOPE_REGIONS;
        t->asks_destination |= r->scope == SCOPE_COUNTRY;
        return;
    }
    const struct bp_view *view = &p->views[r->view];
    bp_fields permitted = view->full | view->coarse | view->rewritten;
    bool is_enough = (q->fields_set & ~permitted) == 0 && (r->may_resolve || !q->resolves);
    t->is_in_scope = true;
    t->permitted |= permitted;
    t->may_resolve |= r->may_resolve;
    if (t->first == 0)
        t->first = r->grant;
    if (is_enough && t->first_alone == 0)
        t->first_alone = r->grant;
}

static void conclude(const struct bp_publish_request *q, const struct tally *t,
                     struct bp_publish_verdict *out)
{
    out->barred = t->is_in_scope ? q->fields_set & ~t->permitted : 0;
    if (!t->is_in_force)
        refuse(out, "type", "no agreement that grants this is in force");
    else if (!t->is_in_scope && t->asks_region)
        refuse(out, "region", "the agreements in force do not reach this region");
    else if (!t->is_in_scope && t->asks_destination)
        refuse(out, "destination", "the agreements in force do not reach this destination");
    else if (!t->is_in_scope)
        refuse(out, "addressed_to",
               "the agreements in force reach only what is addressed to the source");
    else if (q->resolves && !t->may_resolve)
        refuse(out, "subject", "the source may not name a person by NIK here");
    else if (out->barred != 0)
        refuse(out, "data", "the source may not set this field");
    else
        *out = (struct bp_publish_verdict){
            .permitted = true, .grant = t->first_alone != 0 ? t->first_alone : t->first};
}

void bp_policy_judge_publish(const struct bp_policy *p, const struct bp_publish_request *q,
                             bp_day today, struct bp_publish_verdict *out)
{
    *out = (struct bp_publish_verdict){0};
    if (!bp_agency_is_over(q->sender, q->source)) {
        refuse(out, "source", "the sender may speak for itself and for agencies below it");
        return;
    }
    if (q->sender->is_suspended || q->source->is_suspended) {
        refuse(out, "source", "the agency is suspended");
        return;
    }
    size_t n;
    const struct right *r = rights_of(p, PUBLISH, q->source, q->type, &n);
    if (n == 0) {
        refuse(out, "type", "no agreement lets the source publish this type");
        return;
    }
    struct tally t = {0};
    for (size_t i = 0; i < n; i++)
        tally_right(p, &r[i], q, today, &t);
    conclude(q, &t, out);
}

/* All rights of one agency in one direction stand in one run. */
static const struct right *rights_of_agency(const struct bp_policy *p, enum direction direction,
                                            const struct bp_agency *a, size_t *n)
{
    size_t cell = cell_of(p, direction, a->index, 0);
    *n = p->cells[cell + p->schema->n_types] - p->cells[cell];
    return p->rights + p->cells[cell];
}

bool bp_policy_may_resolve(const struct bp_policy *p, const struct bp_agency *a, bp_day today)
{
    size_t n;
    const struct right *r = rights_of_agency(p, PUBLISH, a, &n);
    for (size_t i = 0; i < n && !a->is_suspended; i++) {
        if (r[i].may_resolve && agreement_is_in_force(&p->agreements[r[i].agreement], today))
            return true;
    }
    return false;
}

/* --- subscribing --- */

/* Keeps ids ascending and each once. False: no room, so the right may not count, for every ground
 * must be told. */
static bool add_ground(struct bp_sight *sight, uint32_t id)
{
    size_t i = sight->n_grounds;
    while (i > 0 && sight->grounds[i - 1] > id)
        i--;
    if (i > 0 && sight->grounds[i - 1] == id)
        return true;
    if (sight->n_grounds == BP_GROUNDS_MAX)
        return false;
    memmove(sight->grounds + i + 1, sight->grounds + i,
            (sight->n_grounds - i) * sizeof(sight->grounds[0]));
    sight->grounds[i] = id;
    sight->n_grounds++;
    return true;
}

bool bp_policy_see(const struct bp_policy *p, const struct bp_agency *reader,
                   const struct bp_event_type *type, const struct bp_facts *facts, bp_day today,
                   struct bp_sight *out)
{
    size_t n;
    const struct right *r = rights_of(p, SUBSCRIBE, reader, type, &n);
    out->view = (struct bp_view){0};
    out->n_grounds = 0;
    for (size_t i = 0; i < n && !reader->is_suspended; i++) {
        if (bp_right_obstacle(p, &r[i], reader, facts, today) == NO_OBSTACLE &&
            add_ground(out, r[i].ground))
            bp_view_union(&out->view, &p->views[r[i].view]);
    }
    return out->n_grounds != 0;
}

static bool any_in_force(const struct bp_policy *p, const struct right *r, size_t n, bp_day today)
{
    for (size_t i = 0; i < n; i++) {
        if (agreement_is_in_force(&p->agreements[r[i].agreement], today))
            return true;
    }
    return false;
}

bool bp_policy_sees_anything(const struct bp_policy *p, const struct bp_agency *reader,
                             bp_day today)
{
    size_t n;
    const struct right *r = rights_of_agency(p, SUBSCRIBE, reader, &n);
    return !reader->is_suspended && any_in_force(p, r, n, today);
}

bool bp_policy_sees_type(const struct bp_policy *p, const struct bp_agency *reader,
                         const struct bp_event_type *type, bp_day today)
{
    size_t n;
    const struct right *r = rights_of(p, SUBSCRIBE, reader, type, &n);
    return !reader->is_suspended && any_in_force(p, r, n, today);
}

/* --- why a right ended --- */

/* Does the agency hold a subscribe right of this agreement? */
static bool holds_of(const struct bp_policy *p, const struct bp_agency *a, size_t agreement)
{
    size_t n;
    const struct right *r = rights_of_agency(p, SUBSCRIBE, a, &n);
    for (size_t i = 0; i < n; i++) {
        if (r[i].agreement == agreement)
            return true;
    }
    return false;
}

/* Is there, in this version, an agreement of that id that still grants the agency something and is
 * over, or rests? */
static bool has_ended(const struct bp_policy *p, const struct bp_agency *a, struct bp_str agreement,
                      bp_day today)
{
    for (size_t i = 0; i < p->n_agreements; i++) {
        if (bp_str_eq(p->agreements[i].id, agreement))
            return !agreement_is_in_force(&p->agreements[i], today) && holds_of(p, a, i);
    }
    return false;
}

bool bp_policy_ended_by_agreement(const struct bp_policy *before, const struct bp_policy *now,
                                  struct bp_str agency, bp_day today)
{
    const struct bp_agency *then = bp_policy_agency(before, agency),
                           *reader = bp_policy_agency(now, agency);
    bool did_stand = false;
    if (then == NULL || reader == NULL)
        return false;
    for (size_t i = 0; i < before->n_agreements; i++) {
        const struct agreement *a = &before->agreements[i];
        if (!a->is_in_force || today < a->valid_from || !holds_of(before, then, i))
            continue;
        did_stand = true;
        if (today <= a->valid_to && !has_ended(now, reader, a->id, today))
            return false;
    }
    return did_stand;
}
