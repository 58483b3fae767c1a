"""Single faults of the policy code, each of which the comparison with the oracle must find.

(what is wrong, file, what stands there, what stands there instead); what stands there stands there once.
"""

DECIDE = "server/policy/decide.c"
RIGHTS = "server/policy/rights.c"
GRANTS = "server/policy/grants.c"
CEILINGS = "server/policy/ceilings.c"
INTERNAL = "server/policy/policy_internal.h"
VIEW = "proto/schema/view.c"

FAULTS = [
    # Days and standing of agreements
    ("the last day does not count", INTERNAL, "today <= a->valid_to", "today < a->valid_to"),
    ("the first day does not count", INTERNAL, "a->valid_from <= today", "a->valid_from < today"),
    ("a suspended agreement is in force", INTERNAL, "return a->is_in_force && ", "return "),
    ("events_from is a day late", DECIDE,
     "facts->recorded_on < r->events_from", "facts->recorded_on <= r->events_from"),
    ("an agreement's end is announced a day early", "server/policy/policy.c",
     "earlier_after(today, a->valid_to + 1, next)", "earlier_after(today, a->valid_to, next)"),
    # Scopes
    ("OWN is turned upside down", DECIDE,
     "bp_region_within(facts->region, a->region)", "bp_region_within(a->region, facts->region)"),
    ("OWN takes in no region below", DECIDE,
     "bp_region_within(facts->region, a->region)", "facts->region == a->region"),
    ("REGIONS takes in the first alone", DECIDE,
     "i < regions.n; i++", "i < (regions.n > 1); i++"),
    ("ADDRESSED takes in what is addressed to anybody", DECIDE,
     "return bp_str_eq(facts->addressed_to, a->id);", "return facts->addressed_to.n != 0;"),
    ("a grant's countries are a mission's own", RIGHTS,
     ".places = is_at_home ? a->hosts : g->places",
     ".places = g->scope == SCOPE_COUNTRY ? a->hosts : g->places"),
    # Ceilings
    ("the ceiling's level is dropped", RIGHTS, "if (top->level < out->level)", "if (false)"),
    ("the ceiling's kinds are dropped", RIGHTS, "out->kinds &= top->kinds;", ""),
    ("the ceiling's scope is dropped", DECIDE,
     "return is_under_ceiling(p, r, a, facts) ? NO_OBSTACLE : OVER_CEILING;",
     "return NO_OBSTACLE;"),
    ("what is addressed to the reader is cut by the ceiling's scope", DECIDE,
     "||\n           bp_str_eq(facts->addressed_to, a->id);", ";"),
    ("a ceiling of nothing lets the envelope pass", RIGHTS,
     "if (top->level == BP_LEVEL_NONE)\n        return false;", ""),
    ("the ceiling of a kind beats that of an agency", CEILINGS,
     "if (origin == FROM_KIND && (origins[cell] & FROM_ID) != 0)\n            continue;", ""),
    ("the ceiling binds publishing", RIGHTS, "if (g->direction == PUBLISH)\n        return true;",
     ""),
    # Counts
    ("AGGREGATE gives types that are no counts", RIGHTS,
     "if (g->level == BP_LEVEL_AGGREGATE && !type->aggregate)\n        return false;", ""),
    ("small counts are delivered", DECIDE,
     "r->hides_small_counts && facts->has_small_count", "false"),
    ("small counts are hidden from every level", RIGHTS,
     "type->aggregate && (g->level == BP_LEVEL_AGGREGATE || out->level == BP_LEVEL_AGGREGATE)",
     "type->aggregate"),
    ("a ceiling of AGGREGATE hides no small counts", RIGHTS,
     "(g->level == BP_LEVEL_AGGREGATE || out->level == BP_LEVEL_AGGREGATE)",
     "(g->level == BP_LEVEL_AGGREGATE)"),
    # What a grant speaks of
    ("the purpose is not looked at", GRANTS,
     "if (bp_str_is(type->purposes[i], g->source->purpose))", "if (true)"),
    ("never_fields is not looked at", GRANTS,
     "*never = fields_named(type, in->never_fields, in->n_never_fields);", "*never = 0;"),
    ("only_fields is not looked at", GRANTS, "*only = in->n_only_fields == 0 ?", "*only = true ?"),
    ("fields no schema knows pass a list of fields", RIGHTS,
     "view->unknown_fields = false;", "(void)0;"),
    # Views
    ("a village is not cut to its district", VIEW, "if (f->coarsen != 0)", "if (false)"),
    ("references are not rewritten", VIEW, "f->pseudonym ?", "false ?"),
    ("free text passes below IDENTIFIED", VIEW,
     "if (f->direct_identifier || f->free_text)", "if (f->direct_identifier)"),
    ("specific data needs no kind", VIEW,
     "f->specific_kind != 0 && (specific >> f->specific_kind & 1) == 0", "false"),
    ("the coarse form beats the full one", VIEW,
     "(into->coarse | other->coarse) & ~into->full;", "(into->coarse | other->coarse);"),
    ("the envelope is of the lowest level", VIEW,
     "if (other->level > into->level)", "if (into->level == 0 || other->level < into->level)"),
    ("unknown fields pass without every kind", VIEW, "(type->kinds & ~specific) == 0", "true"),
    ("a village agency is told by the envelope's level", VIEW,
     "into->exact |= other->exact;",
     "into->exact = into->level == BP_LEVEL_IDENTIFIED ? into->full : 0;"),
    ("a village agency is told at every level", VIEW,
     "out->level == BP_LEVEL_IDENTIFIED ? out->full : 0", "out->full"),
    # Grounds
    ("grounds of two legal bases are one", "server/policy/grounds.c",
     "return order != 0 ? order : strcmp(a->source->legal_basis, b->source->legal_basis);",
     "return order;"),
    ("the last ground alone is told", DECIDE, "sight->n_grounds++;", "sight->n_grounds = 1;"),
    # Agencies
    ("a child speaks for its parent", DECIDE,
     "bp_agency_is_over(q->sender, q->source)", "bp_agency_is_over(q->source, q->sender)"),
    ("a suspended source may be spoken for", DECIDE,
     "q->sender->is_suspended || q->source->is_suspended", "q->sender->is_suspended"),
    ("a suspended sender may speak for others", DECIDE,
     "q->sender->is_suspended || q->source->is_suspended", "q->source->is_suspended"),
    ("a suspended agency reads on", DECIDE,
     "i < n && !reader->is_suspended; i++", "i < n; i++"),
    ("a village stands for itself", "server/policy/registry.c",
     "while (above != NULL && is_village(above->kind))", "while (false)"),
    # Publishing
    ("anybody may name a person by NIK", DECIDE, "q->resolves && !t->may_resolve", "false"),
    ("any field may be set", DECIDE, "else if (out->barred != 0)", "else if (false)"),
    ("the last grant alone says what may be set", DECIDE,
     "t->permitted |= permitted;", "t->permitted = permitted;"),
    ("the record names the first grant, enough or not", DECIDE,
     ".grant = t->first_alone != 0 ? t->first_alone : t->first", ".grant = t->first"),
]
