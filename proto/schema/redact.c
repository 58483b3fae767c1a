/* The filter over wire bytes. Runs of fields that pass as they are are copied at once; everything
 * that is neither named by the view nor of the wire type its field has is left out. */
#include "redact.h"

#include "berbagi/v1/annotations.pb-c.h"
#include "codes.h"
#include "payload.h"

#define COARSE_MAX 14 /* longest coarsened text and a NUL: a region code */

/* One redaction under way. */
struct redaction {
    const struct bp_view *view;
    const struct bp_reader_forms *forms;
    struct bp_buf *out;
};

static struct bp_str coarsen(const struct bp_field *f, struct bp_str text, char out[COARSE_MAX])
{
    bp_region region;
    switch (f->coarsen) {
    case BERBAGI__V1__COARSEN__COARSEN_REGION_TO_DISTRICT:
        if (!bp_region_parse_shape(text, &region))
            return bp_str_of(NULL, 0);
        return bp_str_of(out, bp_region_format(bp_region_to_district(region), out));
    case BERBAGI__V1__COARSEN__COARSEN_YEAR:
        for (size_t i = 0; i < 4; i++) {
            if (i >= text.n || text.p[i] < '0' || text.p[i] > '9')
                return bp_str_of(NULL, 0);
        }
        return bp_str_of(text.p, 4);
    default:
        return bp_str_of(NULL, 0);
    }
}

static struct bp_str reference(const struct bp_reader_forms *forms, struct bp_str original,
                               char out[BP_REFERENCE_MAX])
{
    if (original.n == 0)
        return original;
    size_t n = forms->reference(forms->context, original, out, BP_REFERENCE_MAX);
    return bp_str_of(out, n <= BP_REFERENCE_MAX ? n : 0);
}

static struct bp_str agency(const struct bp_reader_forms *forms, struct bp_str id)
{
    return id.n != 0 ? forms->agency(forms->context, id) : id;
}

static void put_text(struct bp_buf *out, uint32_t number, struct bp_str text)
{
    if (text.n != 0)
        bp_wire_put_bytes(out, number, text);
}

/* --- payload --- */

enum treatment { WITHHOLD, COPY, COARSEN, REWRITE, NAME_PARENT };

static enum treatment treatment_of(const struct bp_view *view, const struct bp_field *f,
                                   const struct bp_wire_field *w)
{
    if (f == NULL)
        return view->unknown_fields ? COPY : WITHHOLD;
    bp_fields bit = UINT64_C(1) << f->index;
    if (!bp_field_takes(f, w))
        return WITHHOLD;
    if ((view->coarse & bit) != 0)
        return COARSEN;
    if ((view->rewritten & bit) != 0)
        return REWRITE;
    if ((view->full & bit) == 0)
        return WITHHOLD;
    bool names_village =
        f->format == BERBAGI__V1__FORMAT__FORMAT_AGENCY && (view->exact & bit) == 0;
    return names_village ? NAME_PARENT : COPY;
}

static void put_treated(struct redaction *r, enum treatment how, const struct bp_field *f,
                        struct bp_str text)
{
    char scratch[BP_REFERENCE_MAX];
    switch (how) {
    case COARSEN:
        put_text(r->out, f->number, coarsen(f, text, scratch));
        break;
    case REWRITE:
        put_text(r->out, f->number, reference(r->forms, text, scratch));
        break;
    case NAME_PARENT:
        put_text(r->out, f->number, agency(r->forms, text));
        break;
    case WITHHOLD:
    case COPY:
        break;
    }
}

static bool redact_payload(struct redaction *r, const struct bp_event_type *type,
                           struct bp_str data)
{
    struct bp_wire wire = bp_wire_of(data);
    struct bp_wire_field w;
    const uint8_t *run = wire.p; /* start of what passes as it is and is not copied yet */
    while (bp_wire_next(&wire, &w)) {
        const struct bp_field *f = bp_type_field_by_number(type, w.number);
        enum treatment how = treatment_of(r->view, f, &w);
        if (how == COPY)
            continue;
        bp_buf_add(r->out, run, (size_t)(w.start - run));
        put_treated(r, how, f, w.bytes);
        run = w.end;
    }
    if (wire.malformed)
        return false;
    bp_buf_add(r->out, run, (size_t)(wire.end - run));
    return true;
}

/* --- envelope --- */

/* The text of an envelope field as the view shows it; empty where hidden. Points into e or scratch.
 */
static struct bp_str envelope_text(const struct bp_view *view, const struct bp_reader_forms *forms,
                                   const struct bp_event *e, const struct bp_field *f,
                                   char scratch[BP_REFERENCE_MAX])
{
    struct bp_str text = bp_event_text(e, f->number);
    bool is_always_told = f->number == BP_EVENT_ID;
    if (view->level == BP_LEVEL_NONE || (bp_field_least_level(f) > view->level && !is_always_told))
        return bp_str_of(NULL, 0);
    if (view->level == BP_LEVEL_IDENTIFIED || text.n == 0)
        return text;
    if (f->pseudonym)
        return reference(forms, text, scratch);
    if (f->coarsen != 0)
        return coarsen(f, text, scratch);
    return f->number == BP_EVENT_SOURCE ? agency(forms, text) : text;
}

/* The addressee in the form of the payload field that it was taken from: hidden where that is, and
 * a village's parent where that is. */
static struct bp_str addressee(const struct bp_event_type *type, const struct redaction *r,
                               struct bp_str text)
{
    const struct bp_field *f = type->addressee_field;
    if (f == NULL || (r->view->full >> f->index & 1) == 0)
        return BP_STR("");
    return (r->view->exact >> f->index & 1) != 0 ? text : agency(r->forms, text);
}

static void put_envelope_field(struct redaction *r, const struct bp_event_type *type,
                               const struct bp_event *e, const struct bp_field *f)
{
    char scratch[BP_REFERENCE_MAX];
    bool is_shown = bp_field_least_level(f) <= r->view->level;
    if (f->number == BP_EVENT_OCCURRED_AT) {
        if (is_shown && e->has_occurred_at)
            bp_wire_put_time(r->out, f->number, e->occurred_at_ns);
    } else if (f->number == BP_EVENT_SCHEMA_VERSION) {
        if (is_shown && e->schema_version != 0)
            bp_wire_put_uint(r->out, f->number, e->schema_version);
    } else {
        struct bp_str text = envelope_text(r->view, r->forms, e, f, scratch);
        put_text(r->out, f->number,
                 f->number == BP_EVENT_ADDRESSED_TO ? addressee(type, r, text) : text);
    }
}

bool bp_redact_event(const struct bp_schema *schema, const struct bp_event_type *type,
                     const struct bp_event *e, const struct bp_view *view,
                     const struct bp_reader_forms *forms, struct bp_buf *out)
{
    struct redaction r = {view, forms, out};
    size_t start = out->n;
    for (size_t i = 0; i < schema->envelope.n_fields; i++) {
        const struct bp_field *f = &schema->envelope.fields[i];
        if (f->number != BP_EVENT_DATA)
            put_envelope_field(&r, type, e, f);
    }
    size_t before_data = out->n, mark = bp_wire_begin_message(out, BP_EVENT_DATA);
    if (!redact_payload(&r, type, e->data)) {
        out->n = out->failed ? out->n : start;
        return false;
    }
    if (out->n != mark)
        bp_wire_end_message(out, mark);
    else
        out->n = before_data;
    return true;
}

void bp_redact_envelope(const struct bp_schema *schema, const struct bp_event *e,
                        const struct bp_view *view, const struct bp_reader_forms *forms,
                        struct bp_redacted_envelope *out)
{
    struct {
        uint32_t number;
        struct bp_str *text;
        char *scratch; /* of those that are rewritten or coarsened */
    } shown[] = {
        {BP_EVENT_TYPE, &out->type, NULL},
        {BP_EVENT_SOURCE, &out->source, NULL},
        {BP_EVENT_SUBJECT, &out->subject, out->scratch},
        {BP_EVENT_REGION, &out->region, out->scratch + BP_REFERENCE_MAX},
        {BP_EVENT_DESTINATION, &out->destination, NULL},
    };
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const struct bp_field *f = bp_type_field_by_number(&schema->envelope, shown[i].number);
        *shown[i].text = envelope_text(view, forms, e, f, shown[i].scratch);
    }
}

bool bp_event_has_small_count(const struct bp_event_type *type, struct bp_str data)
{
    struct bp_wire wire = bp_wire_of(data);
    struct bp_wire_field w;
    uint64_t value;
    if (!type->aggregate)
        return false;
    while (bp_wire_next(&wire, &w)) {
        const struct bp_field *f = bp_type_field_by_number(type, w.number);
        if (f == NULL || !bp_field_is_integer(f))
            continue;
        struct bp_numbers it = bp_numbers_of(&w);
        while (bp_numbers_next(&it, &value)) {
            if (value >= 1 && value <= 4)
                return true;
        }
        if (it.r.malformed)
            return true;
    }
    return wire.malformed;
}
