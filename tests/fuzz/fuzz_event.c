/* The envelope: what one walk finds is what protobuf's own parser finds, and its canonical form is
 * a fixed point. Input: a serialized Event. */
#include "berbagi/v1/event.pb-c.h"
#include "event.h"
#include "event_json.h"
#include "fuzz.h"
#include "validate.h"

#define NOW_NS (INT64_C(1767225600) * INT64_C(1000000000))

/* protobuf-c ends a text at its first NUL. */
static bool is_same(struct bp_str ours, const char *theirs)
{
    size_t n = ours.n != 0 ? strnlen(ours.p, ours.n) : 0;
    return strlen(theirs) == n && (n == 0 || memcmp(ours.p, theirs, n) == 0);
}

static void compare(const struct bp_event *e, const Berbagi__V1__Event *m)
{
    BP_ASSERT(is_same(e->id, m->id) && is_same(e->type, m->type) && is_same(e->source, m->source));
    BP_ASSERT(is_same(e->subject, m->subject) && is_same(e->region, m->region));
    BP_ASSERT(is_same(e->destination, m->destination) && is_same(e->supersedes, m->supersedes));
    BP_ASSERT(is_same(e->correlation_id, m->correlation_id));
    BP_ASSERT(is_same(e->causation_id, m->causation_id));
    BP_ASSERT(is_same(e->traceparent, m->traceparent));
    BP_ASSERT(is_same(e->addressed_to, m->addressed_to));
    BP_ASSERT(e->schema_version == m->schema_version);
    BP_ASSERT(e->has_occurred_at == (m->occurred_at != NULL));
    BP_ASSERT(bp_str_eq(e->data, bp_str_of(m->data.data, m->data.len)));
}

static void check_canonical(const struct bp_event *e)
{
    struct bp_buf once = {0}, twice = {0};
    struct bp_event again;
    bp_event_encode(e, &once);
    BP_ASSERT(bp_event_parse(bp_buf_str(&once), &again));
    BP_ASSERT(!again.has_unknown_fields);
    bp_event_encode(&again, &twice);
    BP_ASSERT(bp_str_eq(bp_buf_str(&once), bp_buf_str(&twice)));
    Berbagi__V1__Event *m = berbagi__v1__event__unpack(NULL, once.n, once.p);
    BP_ASSERT(m != NULL);
    compare(e, m);
    berbagi__v1__event__free_unpacked(m, NULL);
    bp_buf_fini(&once);
    bp_buf_fini(&twice);
}

/* What is sound by every rule can be printed, and its line is read back as the same event. */
static void check_text(const struct bp_event *e)
{
    struct bp_violations v = {.n = 0};
    struct bp_buf line = {0}, event = {0};
    struct bp_event again;
    BP_ASSERT(bp_event_to_json(fuzz_schema(), e, NULL, &line));
    BP_ASSERT(bp_event_from_json(fuzz_schema(), bp_buf_str(&line), &event, &v));
    BP_ASSERT(bp_event_parse(bp_buf_str(&event), &again));
    BP_ASSERT(bp_str_eq(again.id, e->id) && bp_str_eq(again.subject, e->subject));
    BP_ASSERT(bp_str_eq(again.source, e->source) && bp_str_eq(again.region, e->region));
    BP_ASSERT(again.occurred_at_ns == e->occurred_at_ns);
    bp_buf_fini(&line);
    bp_buf_fini(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct bp_event e;
    const struct bp_event_type *type;
    bp_fields fields_set;
    bool has_unknown;
    struct bp_violations v = {.n = 0};
    struct bp_validation judge = {.schema = fuzz_schema(), .now_ns = NOW_NS};
    if (!bp_event_parse(bp_str_of(p, n), &e))
        return 0;
    check_canonical(&e);
    if (bp_validate_event(&judge, &e, &type, &fields_set, &has_unknown, &v))
        check_text(&e);
    else
        BP_ASSERT(v.n != 0);
    return 0;
}
