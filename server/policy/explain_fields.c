/* The fields of an explanation. Each is judged under every grant that applies, by the function that
 * views are made of; the grant that shows most of it, or comes nearest to showing it, gives the
 * reason. */
#include "berbagi/v1/annotations.pb-c.h"
#include "explain_internal.h"

typedef Berbagi__V1__ExplainResponse__Field field_message;

/* What becomes of one field, and by which grant. */
struct finding {
    enum bp_passage passage;
    const struct applied *by;
    bool is_cut; /* the grant alone would show more: it is the ceiling */
};

static enum bp_passage passage_under(const struct explanation *e, const struct bp_field *f,
                                     const struct grant *g, enum bp_level level, bp_kinds kinds)
{
    bp_fields only, never;
    bp_grant_fields(g, e->type, &only, &never);
    return bp_field_passage(f, bp_level_for_type(e->type, level), kinds, only, never);
}

/* The best that the grants make of it; of equals the one of the highest level. There is one at
 * least. */
static struct finding find_passage(const struct explanation *e, const struct bp_field *f)
{
    struct finding best = {0};
    for (size_t i = 0; i < e->n_applied; i++) {
        const struct applied *a = &e->applied[i];
        enum bp_passage passage = passage_under(e, f, a->grant, a->rest.level, a->rest.kinds);
        if (best.by != NULL && (passage > best.passage ||
                                (passage == best.passage && a->rest.level <= best.by->rest.level)))
            continue;
        best.passage = passage;
        best.by = a;
        best.is_cut = passage_under(e, f, a->grant, a->grant->level, a->grant->kinds) < passage;
    }
    return best;
}

/* --- reasons --- */

/* "mou-x gives IDENTIFIED, which the ceiling cuts to PSEUDONYMOUS" */
static void add_giver(struct explanation *e, const struct applied *by)
{
    bp_buf_printf(&e->words, "%.*s gives %s",
                  BP_STR_ARGS(e->p->agreements[by->grant->agreement].id),
                  bp_explain_level(by->grant->level));
    if (by->rest.level != by->grant->level)
        bp_buf_printf(&e->words, ", which the ceiling cuts to %s",
                      bp_explain_level(by->rest.level));
}

static void add_from_level(struct explanation *e, const struct finding *found, const char *what,
                           enum bp_level from)
{
    bp_buf_printf(&e->words, "%s from %s on; ", what, bp_explain_level(from));
    add_giver(e, found->by);
}

/* AGGREGATE gives no more than PUBLIC of a type that is not made of counts. */
static enum bp_level level_needed(const struct bp_event_type *type, const struct bp_field *f)
{
    enum bp_level level = bp_field_least_level(f);
    return bp_level_for_type(type, level) == level ? level : BP_LEVEL_PSEUDONYMOUS;
}

static const char *class_of(const struct bp_field *f)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&berbagi__v1__data_class__descriptor, f->data_class);
    return v != NULL ? v->name + sizeof("DATA_CLASS_") - 1 : "unknown";
}

static void add_kind(struct explanation *e, const struct bp_field *f, const struct finding *found)
{
    struct bp_str agreement = e->p->agreements[found->by->grant->agreement].id;
    const char *kind = bp_explain_kind(f->specific_kind);
    if (found->is_cut)
        bp_buf_printf(&e->words, "specific data (%s): %.*s grants it, the ceiling does not", kind,
                      BP_STR_ARGS(agreement));
    else
        bp_buf_printf(&e->words, "specific data (%s), which %.*s does not grant", kind,
                      BP_STR_ARGS(agreement));
}

static void add_shown(struct explanation *e, const struct bp_field *f, const struct finding *found)
{
    add_giver(e, found->by);
    if (e->direction == SUBSCRIBE && f->format == BERBAGI__V1__FORMAT__FORMAT_AGENCY &&
        e->sight.view.level < BP_LEVEL_IDENTIFIED)
        bp_buf_add_text(&e->words, "; of a village the agency above it");
}

static void add_reason(struct explanation *e, const struct bp_field *f, const struct finding *found)
{
    struct bp_str agreement = e->p->agreements[found->by->grant->agreement].id;
    bool is_year = f->coarsen == BERBAGI__V1__COARSEN__COARSEN_YEAR;
    switch (found->passage) {
    case BP_PASSES_FULL:
        add_shown(e, f, found);
        break;
    case BP_PASSES_COARSE:
        add_from_level(e, found, is_year ? "its year; whole" : "its district; whole",
                       BP_LEVEL_IDENTIFIED);
        break;
    case BP_PASSES_REWRITTEN:
        add_from_level(e, found, "a reference of the reader's own; the exchange's",
                       BP_LEVEL_IDENTIFIED);
        break;
    case BP_BELOW_IDENTIFIED:
        add_from_level(e, found,
                       f->free_text ? "free text:" : "names the person:", BP_LEVEL_IDENTIFIED);
        break;
    case BP_WITHOUT_KIND:
        add_kind(e, f, found);
        break;
    case BP_ABOVE_LEVEL:
        bp_buf_printf(&e->words, "%s data:", class_of(f));
        add_from_level(e, found, "", level_needed(e->type, f));
        break;
    case BP_NOT_NAMED:
        bp_buf_printf(&e->words, "not among the fields that %.*s names", BP_STR_ARGS(agreement));
        break;
    case BP_BARRED_BY_NAME:
        bp_buf_printf(&e->words, "%.*s bars it by name", BP_STR_ARGS(agreement));
        break;
    }
}

/* --- messages --- */

static Berbagi__V1__ExplainResponse__Field__View view_of(const struct explanation *e,
                                                         enum bp_passage passage)
{
    if (passage > BP_PASSES_REWRITTEN)
        return BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_WITHHELD;
    if (passage == BP_PASSES_FULL || e->direction == PUBLISH)
        return BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL;
    return passage == BP_PASSES_COARSE ? BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_COARSE
                                       : BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_REWRITTEN;
}

/* Takes the words as its reason. */
static field_message *add_field(struct explanation *e, struct bp_str name,
                                Berbagi__V1__ExplainResponse__Field__View view)
{
    field_message *m = bp_explain_alloc(e, 1, sizeof(*m));
    if (m == NULL)
        return NULL;
    berbagi__v1__explain_response__field__init(m);
    m->name = bp_explain_copy(e, name);
    m->view = view;
    m->because = bp_explain_take_words(e);
    e->out->fields[e->out->n_fields++] = m;
    return m;
}

static void explain_field(struct explanation *e, const struct bp_field *f)
{
    Berbagi__V1__ExplainResponse__Field__View view =
        BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_WITHHELD;
    if (e->n_applied == 0) {
        bp_buf_add_text(&e->words, "no grant applies");
    } else {
        struct finding found = find_passage(e, f);
        view = view_of(e, found.passage);
        if (e->direction == PUBLISH && found.passage <= BP_PASSES_REWRITTEN)
            found.passage = BP_PASSES_FULL; /* what is coarsened for readers is set whole */
        add_reason(e, f, &found);
    }
    (void)add_field(e, f->name, view);
    bool is_visible = view != BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_WITHHELD;
    char *copy = bp_explain_copy(e, f->name);
    if (copy != NULL && is_visible)
        e->out->visible_fields[e->out->n_visible_fields++] = copy;
    else if (copy != NULL)
        e->out->withheld_fields[e->out->n_withheld_fields++] = copy;
}

static void explain_unknown_fields(struct explanation *e)
{
    bool is_shown = e->sight.view.unknown_fields;
    bp_buf_add_text(&e->words, e->n_applied == 0 ? "no grant applies"
                               : is_shown        ? "a grant gives all of the type"
                                          : "only under a grant of IDENTIFIED with every kind of "
                                            "the type and no list of fields");
    (void)add_field(e, BP_STR("(unknown fields)"),
                    is_shown ? BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL
                             : BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_WITHHELD);
}

void bp_explain_fields(struct explanation *e)
{
    size_t n = e->type->n_fields;
    e->out->fields = bp_explain_alloc(e, n + 1, sizeof(*e->out->fields));
    e->out->visible_fields = bp_explain_alloc(e, n, sizeof(*e->out->visible_fields));
    e->out->withheld_fields = bp_explain_alloc(e, n, sizeof(*e->out->withheld_fields));
    for (size_t i = 0; i < n && !e->is_out_of_memory; i++)
        explain_field(e, &e->type->fields[i]);
    if (e->direction == SUBSCRIBE && !e->is_out_of_memory)
        explain_unknown_fields(e);
}
