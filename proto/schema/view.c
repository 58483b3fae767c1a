/* From a grant to the sets of fields it shows. */
#include "redact.h"

enum bp_passage bp_field_passage(const struct bp_field *f, enum bp_level level, bp_kinds specific,
                                 bp_fields only, bp_fields never)
{
    struct bp_field plain = *f; /* its class alone */
    plain.direct_identifier = plain.free_text = false;
    if ((never >> f->index & 1) != 0)
        return BP_BARRED_BY_NAME;
    if ((only >> f->index & 1) == 0)
        return BP_NOT_NAMED;
    if (bp_field_least_level(&plain) > level)
        return BP_ABOVE_LEVEL;
    if (f->specific_kind != 0 && (specific >> f->specific_kind & 1) == 0)
        return BP_WITHOUT_KIND;
    if (level == BP_LEVEL_IDENTIFIED)
        return BP_PASSES_FULL;
    if (f->coarsen != 0)
        return BP_PASSES_COARSE;
    if (f->direct_identifier || f->free_text)
        return BP_BELOW_IDENTIFIED;
    return f->pseudonym ? BP_PASSES_REWRITTEN : BP_PASSES_FULL;
}

enum bp_level bp_level_for_type(const struct bp_event_type *type, enum bp_level level)
{
    return level == BP_LEVEL_AGGREGATE && !type->aggregate ? BP_LEVEL_PUBLIC : level;
}

void bp_view_of(const struct bp_event_type *type, enum bp_level level, bp_kinds specific,
                bp_fields only, bp_fields never, struct bp_view *out)
{
    *out = (struct bp_view){.level = bp_level_for_type(type, level)};
    for (size_t i = 0; i < type->n_fields; i++) {
        bp_fields bit = UINT64_C(1) << i;
        switch (bp_field_passage(&type->fields[i], out->level, specific, only, never)) {
        case BP_PASSES_FULL:
            out->full |= bit;
            break;
        case BP_PASSES_COARSE:
            out->coarse |= bit;
            break;
        case BP_PASSES_REWRITTEN:
            out->rewritten |= bit;
            break;
        case BP_BELOW_IDENTIFIED:
        case BP_WITHOUT_KIND:
        case BP_ABOVE_LEVEL:
        case BP_NOT_NAMED:
        case BP_BARRED_BY_NAME:
            break;
        }
    }
    out->exact = out->level == BP_LEVEL_IDENTIFIED ? out->full : 0;
    out->unknown_fields = level == BP_LEVEL_IDENTIFIED && (type->kinds & ~specific) == 0 &&
                          only == ~UINT64_C(0) && never == 0;
}

void bp_view_union(struct bp_view *into, const struct bp_view *other)
{
    if (other->level > into->level)
        into->level = other->level;
    into->full |= other->full;
    into->exact |= other->exact;
    into->coarse = (into->coarse | other->coarse) & ~into->full;
    into->rewritten = (into->rewritten | other->rewritten) & ~into->full & ~into->coarse;
    into->unknown_fields = into->unknown_fields || other->unknown_fields;
}

bool bp_view_is_whole(const struct bp_event_type *type, const struct bp_view *view)
{
    bp_fields all =
        type->n_fields < BP_FIELDS_MAX ? (UINT64_C(1) << type->n_fields) - 1 : ~UINT64_C(0);
    return view->level == BP_LEVEL_IDENTIFIED && view->unknown_fields && (view->full & all) == all;
}
