/* From a grant to the sets of fields it shows. */
#include "redact.h"

/* Does the class or kind of the field bar it? Those are judged before everything else. */
static bool class_is_barred(const struct bp_field *f, enum bp_level level, bp_kinds specific)
{
    struct bp_field plain = *f;
    plain.direct_identifier = plain.free_text = false;
    if (bp_field_least_level(&plain) > level)
        return true;
    return f->specific_kind != 0 && (specific >> f->specific_kind & 1) == 0;
}

static void add_field(struct bp_view *view, const struct bp_field *f)
{
    bp_fields bit = UINT64_C(1) << f->index;
    if (view->level == BP_LEVEL_IDENTIFIED)
        view->full |= bit;
    else if (f->coarsen != 0)
        view->coarse |= bit;
    else if (f->direct_identifier || f->free_text)
        return;
    else if (f->pseudonym)
        view->rewritten |= bit;
    else
        view->full |= bit;
}

void bp_view_of(const struct bp_event_type *type, enum bp_level level, bp_kinds specific,
                bp_fields only, bp_fields never, struct bp_view *out)
{
    *out = (struct bp_view){.level = level};
    if (level == BP_LEVEL_AGGREGATE && !type->aggregate)
        out->level = BP_LEVEL_PUBLIC;
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        bool is_listed = ((only & ~never) >> i & 1) != 0;
        if (is_listed && !class_is_barred(f, out->level, specific))
            add_field(out, f);
    }
    out->unknown_fields = level == BP_LEVEL_IDENTIFIED && (type->kinds & ~specific) == 0 &&
                          only == ~UINT64_C(0) && never == 0;
}

void bp_view_union(struct bp_view *into, const struct bp_view *other)
{
    if (other->level > into->level)
        into->level = other->level;
    into->full |= other->full;
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
