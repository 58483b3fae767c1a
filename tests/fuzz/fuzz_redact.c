/* Redaction: no withheld field survives, what remains parses.
 *
 * Three oracles. Each field that comes out is one the view shows, in the form it says. Leaving the
 * withheld fields out of the input changes no byte of the output, so nothing of them is in it. And
 * what could be read as a payload before can be read afterwards.
 *
 * Input: the type's name and a line feed; two grants of 18 bytes (level, kinds, fields it names,
 * fields it bars); the payload. */
#include "berbagi/v1/annotations.pb-c.h"
#include "berbagi/v1/event.pb-c.h"
#include "codes.h"
#include "fuzz.h"
#include "payload_view.h"
#include "redact.h"

#define FORM BP_STR("FORM-")
#define PARENT BP_STR("kab.18.07")

static size_t form_of(void *context, struct bp_str original, char *out, size_t size)
{
    (void)context;
    BP_ASSERT(size >= FORM.n + 1);
    memcpy(out, FORM.p, FORM.n);
    out[FORM.n] = (char)('0' + original.n % 10);
    return FORM.n + 1;
}

static struct bp_str parent_of_village(void *context, struct bp_str id)
{
    (void)context;
    return bp_str_starts(id, BP_STR("desa.")) ? PARENT : id;
}

static const struct bp_reader_forms forms = {.reference = form_of, .agency = parent_of_village};

static void take_grant(struct fuzz_input *in, const struct bp_event_type *type, struct bp_view *out)
{
    enum bp_level level = (enum bp_level)(fuzz_take_byte(in) % (BP_LEVEL_IDENTIFIED + 1));
    bp_kinds kinds = fuzz_take_byte(in) & ~1u; /* bit 0 is no kind */
    uint64_t only = fuzz_take_u64(in), never = fuzz_take_u64(in);
    if (level == BP_LEVEL_NONE)
        *out = (struct bp_view){.level = BP_LEVEL_NONE};
    else
        bp_view_of(type, level, kinds, only != 0 ? only : ~UINT64_C(0), never, out);
}

static bool shows(const struct bp_view *view, const struct bp_field *f,
                  const struct bp_wire_field *w)
{
    if (f == NULL)
        return view->unknown_fields;
    return ((view->full | view->coarse | view->rewritten) >> f->index & 1) != 0 &&
           bp_field_takes(f, w);
}

/* The payload without what the view withholds; false: malformed. */
static bool leave_out_withheld(const struct bp_event_type *type, const struct bp_view *view,
                               struct bp_str data, struct bp_buf *out)
{
    struct bp_wire r = bp_wire_of(data);
    struct bp_wire_field w;
    while (bp_wire_next(&r, &w)) {
        if (shows(view, bp_type_field_by_number(type, w.number), &w))
            bp_buf_add(out, w.start, (size_t)(w.end - w.start));
    }
    return !r.malformed;
}

static void check_coarse(const struct bp_field *f, struct bp_str text)
{
    bp_region region;
    if (f->coarsen == BERBAGI__V1__COARSEN__COARSEN_YEAR)
        BP_ASSERT(text.n == 4 && strspn(text.p, "0123456789") >= 4);
    else
        BP_ASSERT(bp_region_parse_shape(text, &region) && bp_region_to_district(region) == region);
}

static void check_field(const struct bp_view *view, const struct bp_field *f,
                        const struct bp_wire_field *w)
{
    BP_ASSERT(shows(view, f, w));
    if (f == NULL)
        return;
    if ((view->coarse >> f->index & 1) != 0)
        check_coarse(f, w->bytes);
    else if ((view->rewritten >> f->index & 1) != 0)
        BP_ASSERT(bp_str_starts(w->bytes, FORM));
    else if (f->format == BERBAGI__V1__FORMAT__FORMAT_AGENCY && (view->exact >> f->index & 1) == 0)
        BP_ASSERT(!bp_str_starts(w->bytes, BP_STR("desa.")));
}

static void check_payload(const struct bp_event_type *type, const struct bp_view *view,
                          struct bp_str data)
{
    struct bp_wire r = bp_wire_of(data);
    struct bp_wire_field w;
    while (bp_wire_next(&r, &w))
        check_field(view, bp_type_field_by_number(type, w.number), &w);
    BP_ASSERT(!r.malformed);
}

static void check_envelope(const struct bp_view *view, const struct bp_event *in,
                           const struct bp_event *out)
{
    bool is_identified = view->level == BP_LEVEL_IDENTIFIED;
    BP_ASSERT(!out->has_unknown_fields);
    BP_ASSERT(bp_str_eq(out->subject, in->subject) == is_identified);
    BP_ASSERT(bp_str_eq(out->id, in->id) == is_identified);
    BP_ASSERT(bp_str_eq(out->source, in->source) == is_identified);
    BP_ASSERT(bp_str_eq(out->region, in->region) == is_identified);
    if (view->level < BP_LEVEL_PSEUDONYMOUS)
        BP_ASSERT(out->subject.n == 0);
}

/* The redacted event, parsed; out holds its bytes. False: the payload is malformed. */
static bool redact(const struct bp_event_type *type, struct bp_event *e, const struct bp_view *view,
                   struct bp_buf *out, struct bp_event *parsed)
{
    BP_ASSERT(!out->failed);
    if (!bp_redact_event(fuzz_schema(), type, e, view, &forms, out)) {
        BP_ASSERT(out->n == 0);
        return false;
    }
    Berbagi__V1__Event *m = berbagi__v1__event__unpack(NULL, out->n, out->p);
    BP_ASSERT(m != NULL);
    berbagi__v1__event__free_unpacked(m, NULL);
    BP_ASSERT(bp_event_parse(bp_buf_str(out), parsed));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    const struct bp_event_type *type = fuzz_take_type(&in);
    struct bp_view view, other;
    take_grant(&in, type, &view);
    take_grant(&in, type, &other);
    bp_view_union(&view, &other);
    BP_ASSERT((view.full & (view.coarse | view.rewritten)) == 0);
    BP_ASSERT((view.coarse & view.rewritten) == 0);

    struct bp_event e = {.id = BP_STR("e-1"),
                         .type = type->name,
                         .source = BP_STR("desa.18.07.15.2006"),
                         .subject = BP_STR("w_9F3KX2M7QJ4T8B6N5R1C"),
                         .region = BP_STR("18.07.15.2006"),
                         .data = fuzz_rest(&in)};
    struct bp_event shown, shown_again;
    struct bp_payload payload;
    struct bp_buf rest = {0}, out = {0}, out_of_rest = {0};
    bool is_sound = bp_payload_read(type, e.data, &payload);
    bool is_wire = leave_out_withheld(type, &view, e.data, &rest);
    bool is_shown = redact(type, &e, &view, &out, &shown);
    BP_ASSERT(is_shown == is_wire);
    if (is_shown) {
        check_payload(type, &view, shown.data);
        check_envelope(&view, &e, &shown);
        BP_ASSERT(!is_sound || bp_payload_read(type, shown.data, &payload));
        e.data = bp_buf_str(&rest);
        BP_ASSERT(redact(type, &e, &view, &out_of_rest, &shown_again));
        BP_ASSERT(bp_str_eq(bp_buf_str(&out), bp_buf_str(&out_of_rest)));
    }
    bp_buf_fini(&rest);
    bp_buf_fini(&out);
    bp_buf_fini(&out_of_rest);
    return 0;
}
