/* The filter against an oracle: for each event type, level and set of kinds, what of a full event
 * comes through is compared field by field with what the rules say, and the bytes are searched for
 * every value that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "redact.h"
#include "valid_events.h"
#include "wire.h"

#define ALL (~UINT64_C(0))
#define PARENT "kab.18.07"

static struct bp_schema *schema;

static int load(void **state)
{
    (void)state;
    schema = valid_schema();
    return 0;
}

static int unload(void **state)
{
    (void)state;
    bp_schema_destroy(schema);
    return 0;
}

/* --- a reader's forms that can be told from the originals --- */

static size_t mark_reference(void *context, struct bp_str original, char *out, size_t size)
{
    unsigned sum = 0;
    (void)context;
    for (size_t i = 0; i < original.n; i++)
        sum = sum * 31 + (unsigned char)original.p[i];
    return (size_t)snprintf(out, size, "FORM-%08X", sum);
}

static struct bp_str parent_of_village(void *context, struct bp_str id)
{
    (void)context;
    if (bp_str_is(id, "desa.99.99.99.9999"))
        return bp_str_of(NULL, 0); /* unknown: no parent to tell */
    return bp_str_starts(id, BP_STR("desa.")) ? BP_STR(PARENT) : id;
}

static const struct bp_reader_forms forms = {.reference = mark_reference,
                                             .agency = parent_of_village};

static struct bp_str mark_of(struct bp_str original, char out[BP_REFERENCE_MAX])
{
    return bp_str_of(out, mark_reference(NULL, original, out, BP_REFERENCE_MAX));
}

/* --- the oracle --- */

enum fate { ABSENT, AS_IS, COARSE, REWRITTEN, PARENT_ID };

/* The sentences of annotations.proto, in their order. */
static enum fate fate_of(const struct bp_event_type *type, const struct bp_field *f,
                         enum bp_level level, bp_kinds kinds)
{
    bool is_personal = f->data_class >= BERBAGI__V1__DATA_CLASS__DATA_CLASS_PERSONAL;
    bool is_restricted = f->data_class == BERBAGI__V1__DATA_CLASS__DATA_CLASS_RESTRICTED;
    if (level == BP_LEVEL_PUBLIC && (is_personal || is_restricted))
        return ABSENT;
    if (level == BP_LEVEL_AGGREGATE && (is_personal || (is_restricted && !type->aggregate)))
        return ABSENT;
    if (f->specific_kind != 0 && (kinds & 1u << f->specific_kind) == 0)
        return ABSENT;
    if (level == BP_LEVEL_IDENTIFIED)
        return AS_IS;
    if (f->coarsen != 0)
        return COARSE;
    if (f->direct_identifier || f->free_text)
        return ABSENT;
    if (f->pseudonym)
        return REWRITTEN;
    return f->format == BERBAGI__V1__FORMAT__FORMAT_AGENCY ? PARENT_ID : AS_IS;
}

/* How a text that met this fate reads. */
static struct bp_str expected_text(const struct bp_field *f, enum fate fate, struct bp_str original,
                                   char out[BP_REFERENCE_MAX])
{
    switch (fate) {
    case COARSE:
        return bp_str_of(original.p,
                         f->coarsen == BERBAGI__V1__COARSEN__COARSEN_YEAR ? 4 : 8); /* 18.07.12 */
    case REWRITTEN:
        return mark_of(original, out);
    case PARENT_ID:
        return parent_of_village(NULL, original);
    case ABSENT:
    case AS_IS:
        break;
    }
    return original;
}

static bool holds(struct bp_str bytes, struct bp_str value)
{
    return value.n != 0 && memmem(bytes.p, bytes.n, value.p, value.n) != NULL;
}

/* The payload of a redacted event, field by field, as it should be. */
static void check_payload(const struct bp_event_type *type, struct bp_str data, enum bp_level level,
                          bp_kinds kinds)
{
    bp_fields present = 0;
    struct bp_wire r = bp_wire_of(data);
    struct bp_wire_field w;
    while (bp_wire_next(&r, &w)) {
        char scratch[BP_REFERENCE_MAX];
        const struct bp_field *f = bp_type_field_by_number(type, w.number);
        assert_non_null(f);
        enum fate fate = fate_of(type, f, level, kinds);
        if (fate == ABSENT)
            fail_msg("%s.%s came through at %d", type->name.p, f->name.p, level);
        if (f->type == BP_FIELD_STRING)
            assert_true(bp_str_eq(w.bytes, expected_text(f, fate, valid_text(f), scratch)));
        else if (f != type->status_field && f != type->previous_field)
            assert_true(w.value == valid_number(f));
        present |= UINT64_C(1) << f->index;
    }
    assert_false(r.malformed);
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        bool begins = f == type->previous_field && type->transitions[0].from == 0;
        if (!begins && (present >> i & 1) != (fate_of(type, f, level, kinds) != ABSENT))
            fail_msg("%s.%s at %d", type->name.p, f->name.p, level);
    }
}

/* No byte of a value that is hidden, coarsened or rewritten, as far as values are long enough to be
 * told apart. */
static void check_bytes(const struct bp_event_type *type, struct bp_str bytes, enum bp_level level,
                        bp_kinds kinds)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        if (fate_of(type, f, level, kinds) == AS_IS)
            continue;
        struct bp_buf number = {0};
        if (f->type != BP_FIELD_STRING && f->type != BP_FIELD_ENUM)
            bp_wire_put_varint(&number, valid_number(f));
        struct bp_str value = f->type == BP_FIELD_STRING ? valid_text(f) : bp_buf_str(&number);
        if (value.n >= 4 && !bp_str_is(value, "2025-Q3") && holds(bytes, value))
            fail_msg("%s.%s leaks at %d", type->name.p, f->name.p, level);
        bp_buf_fini(&number);
    }
}

static void check_envelope(const struct bp_event *in, const struct bp_event *out,
                           enum bp_level level)
{
    char scratch[BP_REFERENCE_MAX];
    bool is_identified = level == BP_LEVEL_IDENTIFIED;
    assert_true(bp_str_eq(out->type, in->type) && bp_str_eq(out->destination, in->destination));
    assert_true(out->has_occurred_at && out->occurred_at_ns == in->occurred_at_ns);
    assert_int_equal(out->schema_version, in->schema_version);
    assert_true(bp_str_eq(out->source, is_identified ? in->source : BP_STR(PARENT)));
    assert_true(bp_str_eq(out->id, is_identified ? in->id : mark_of(in->id, scratch)));
    if (is_identified)
        assert_true(bp_str_eq(out->subject, in->subject));
    else if (level == BP_LEVEL_PSEUDONYMOUS)
        assert_true(bp_str_eq(out->subject, mark_of(in->subject, scratch)));
    else
        assert_int_equal(out->subject.n, 0);
    if (level == BP_LEVEL_PUBLIC)
        assert_int_equal(out->region.n, 0);
    else
        assert_true(bp_str_eq(out->region, is_identified ? in->region : BP_STR("18.07.15")));
    for (uint32_t number = BP_EVENT_CORRELATION_ID; number <= BP_EVENT_ADDRESSED_TO; number++)
        assert_true(bp_str_eq(bp_event_text(out, number),
                              is_identified ? bp_event_text(in, number) : BP_STR("")));
    assert_false(out->has_unknown_fields);
}

static void check_one(const struct bp_event_type *type, const struct bp_event *e,
                      enum bp_level level, bp_kinds kinds)
{
    struct bp_view view;
    struct bp_event shown;
    struct bp_buf out = {0};
    bp_view_of(type, level, kinds, ALL, 0, &view);

    assert_true(bp_redact_event(schema, type, e, &view, &forms, &out));

    assert_true(bp_event_parse(bp_buf_str(&out), &shown));
    check_payload(type, shown.data, level, kinds);
    check_bytes(type, bp_buf_str(&out), level, kinds);
    check_envelope(e, &shown, view.level);
    if (level != BP_LEVEL_IDENTIFIED) {
        assert_false(holds(bp_buf_str(&out), e->id) || holds(bp_buf_str(&out), e->subject));
        assert_false(holds(bp_buf_str(&out), BP_STR("desa.")) ||
                     holds(bp_buf_str(&out), e->region));
    }
    bp_buf_fini(&out);
}

static void test_redact_every_type_level_and_kinds_show_what_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_buf data = {0};
        valid_payload(type, ALL, &data);
        struct bp_event e = valid_event(type, bp_buf_str(&data));
        e.addressed_to = bp_event_addressee(type, &e);
        for (bp_kinds kinds = 0; kinds < 64; kinds += 2) { /* bit 0 is no kind */
            for (int level = BP_LEVEL_PUBLIC; level <= BP_LEVEL_IDENTIFIED; level++)
                check_one(type, &e, (enum bp_level)level, kinds);
        }
        bp_buf_fini(&data);
    }
}

static void test_redact_whole_view_gives_the_canonical_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_buf data = {0}, stored = {0}, out = {0};
        struct bp_view view;
        valid_payload(type, ALL, &data);
        bp_wire_put_bytes(&data, 200, BP_STR("unknown"));
        struct bp_event e = valid_event(type, bp_buf_str(&data));
        e.addressed_to = bp_event_addressee(type, &e);
        bp_event_encode(&e, &stored);
        bp_view_of(type, BP_LEVEL_IDENTIFIED, type->kinds, ALL, 0, &view);

        assert_true(bp_redact_event(schema, type, &e, &view, &forms, &out));

        assert_true(bp_str_eq(bp_buf_str(&out), bp_buf_str(&stored)));
        bp_buf_fini(&data);
        bp_buf_fini(&stored);
        bp_buf_fini(&out);
    }
}

/* --- single promises --- */

/* Redacts an event of the type with this payload; the result is parsed into *shown, whose bytes are
 * in *out. */
static void redact(const char *name, const struct bp_buf *data, const struct bp_view *view,
                   struct bp_buf *out, struct bp_event *shown)
{
    const struct bp_event_type *type = bp_schema_type(schema, bp_str(name));
    struct bp_event e = valid_event(type, bp_buf_str(data));
    e.addressed_to = bp_event_addressee(type, &e);
    bp_buf_clear(out);
    assert_true(bp_redact_event(schema, type, &e, view, &forms, out));
    assert_true(bp_event_parse(bp_buf_str(out), shown));
}

static void test_redact_unknown_payload_field_needs_the_whole_view(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("epmi.issued"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    bp_wire_put_bytes(&data, 200, BP_STR("RAHASIA"));
    bp_wire_put_uint(&data, 201, 1);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, 0, &view); /* without the kind BIOMETRIC */
    redact("epmi.issued", &data, &view, &out, &shown);
    assert_int_equal(shown.data.n, 0);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, type->kinds, ALL, 0, &view);
    redact("epmi.issued", &data, &view, &out, &shown);
    assert_true(bp_str_eq(shown.data, bp_buf_str(&data)));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_every_occurrence_of_a_field_is_treated(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("worker.registered"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    for (int i = 0; i < 3; i++) {
        bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("full_name"))->number,
                          BP_STR("RAHASIA"));
        bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("birth_date"))->number,
                          BP_STR("1999-03-12"));
    }
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);

    redact("worker.registered", &data, &view, &out, &shown);

    assert_false(holds(bp_buf_str(&out), BP_STR("RAHASIA")) ||
                 holds(bp_buf_str(&out), BP_STR("1999-03")));
    assert_int_equal(shown.data.n, 3 * 6);
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_field_of_another_wire_type_is_left_out(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    bp_wire_put_uint(&data, bp_type_field(type, BP_STR("checkpoint_code"))->number, 7);
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("worker_status"))->number,
                      BP_STR("RAHASIA"));
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);

    redact("departure.recorded", &data, &view, &out, &shown);

    assert_int_equal(shown.data.n, 0);
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_list_of_references_is_rewritten_one_by_one(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("subject.right.executed"));
    const struct bp_field *ids = bp_type_field(type, BP_STR("affected_event_ids"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    struct bp_wire_field w;
    char scratch[BP_REFERENCE_MAX];
    bp_wire_put_bytes(&data, ids->number, BP_STR("one"));
    bp_wire_put_bytes(&data, ids->number, BP_STR("two"));
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);

    redact("subject.right.executed", &data, &view, &out, &shown);

    struct bp_wire r = bp_wire_of(shown.data);
    assert_true(bp_wire_next(&r, &w) && bp_str_eq(w.bytes, mark_of(BP_STR("one"), scratch)));
    assert_true(bp_wire_next(&r, &w) && bp_str_eq(w.bytes, mark_of(BP_STR("two"), scratch)));
    assert_false(bp_wire_next(&r, &w));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_lists_are_treated_item_by_item(void **state)
{
    (void)state;
    const char *const files[] = {COARSE_FILE};
    struct bp_schema *site = NULL;
    assert_int_equal(bp_schema_open(files, 1, &site, NULL), BP_OK);
    const struct bp_event_type *type = bp_schema_type(site, BP_STR("test.coarse"));
    struct bp_buf data = {0}, out = {0}, expected = {0};
    struct bp_view view;
    struct bp_event shown;
    bp_wire_put_bytes(&data, 1, BP_STR("1999-03-12"));
    bp_wire_put_bytes(&data, 2, BP_STR("18.07.12.2003"));
    bp_wire_put_bytes(&data, 3, BP_STR("desa.18.07.12.2003"));
    bp_wire_put_bytes(&data, 4, BP_STR("\x01\x02"));
    bp_wire_put_bytes(&data, 2, BP_STR("18.07"));
    bp_wire_put_bytes(&data, 3, BP_STR("kl.polri"));
    bp_wire_put_bytes(&expected, 1, BP_STR("1999"));
    bp_wire_put_bytes(&expected, 2, BP_STR("18.07.12"));
    bp_wire_put_bytes(&expected, 3, BP_STR(PARENT));
    bp_wire_put_bytes(&expected, 4, BP_STR("\x01\x02"));
    bp_wire_put_bytes(&expected, 2, BP_STR("18.07"));
    bp_wire_put_bytes(&expected, 3, BP_STR("kl.polri"));
    struct bp_event e = valid_event(type, bp_buf_str(&data));
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);

    assert_true(bp_redact_event(site, type, &e, &view, &forms, &out));

    assert_true(bp_event_parse(bp_buf_str(&out), &shown));
    assert_true(bp_str_eq(shown.data, bp_buf_str(&expected)));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
    bp_buf_fini(&expected);
    bp_schema_destroy(site);
}

static void test_redact_coarse_value_of_no_known_shape_is_left_out(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("worker.registered"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("birth_date"))->number, BP_STR("199"));
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("birth_date"))->number,
                      BP_STR("12-03-1999"));
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("village_code"))->number,
                      BP_STR("RAHASIA"));
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("village_code"))->number, BP_STR(""));
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);

    redact("worker.registered", &data, &view, &out, &shown);

    assert_int_equal(shown.data.n, 0);
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_region_above_a_village_is_kept(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    const char *const regions[] = {"", "18", "18.07", "18.07.12"};
    struct bp_view view;
    bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, 0, ALL, 0, &view);
    for (size_t i = 0; i < 4; i++) {
        struct bp_buf out = {0};
        struct bp_event e = valid_event(type, bp_str_of(NULL, 0)), shown;
        e.region = bp_str(regions[i]);

        assert_true(bp_redact_event(schema, type, &e, &view, &forms, &out));

        assert_true(bp_event_parse(bp_buf_str(&out), &shown));
        assert_true(bp_str_is(shown.region, regions[i]));
        bp_buf_fini(&out);
    }
}

static void test_redact_agency_of_no_known_parent_is_left_out(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("training.enrolled"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    bp_wire_put_bytes(&data, bp_type_field(type, BP_STR("provider_id"))->number,
                      BP_STR("desa.99.99.99.9999"));
    bp_view_of(type, BP_LEVEL_PUBLIC, 0, ALL, 0, &view);

    redact("training.enrolled", &data, &view, &out, &shown);

    assert_int_equal(shown.data.n, 0);
    assert_false(holds(bp_buf_str(&out), BP_STR("99.99")));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_addressee_is_hidden_where_its_field_is(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("case.referred"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view;
    struct bp_event shown;
    valid_payload(type, ALL, &data);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, 0, &view);
    redact("case.referred", &data, &view, &out, &shown);
    assert_true(shown.addressed_to.n != 0);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, UINT64_C(1) << type->addressee_field->index,
               &view);
    redact("case.referred", &data, &view, &out, &shown);
    assert_int_equal(shown.addressed_to.n, 0);
    assert_false(holds(bp_buf_str(&out), valid_text(type->addressee_field)));
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_view_of_nothing_shows_nothing(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    struct bp_buf data = {0}, out = {0};
    struct bp_view view = {0};
    struct bp_event shown;
    valid_payload(type, ALL, &data);

    redact("departure.recorded", &data, &view, &out, &shown);

    assert_int_equal(out.n, 0);
    bp_buf_fini(&data);
    bp_buf_fini(&out);
}

static void test_redact_malformed_payload_gives_nothing(void **state)
{
    (void)state;
    const struct bp_event_type *type = bp_schema_type(schema, BP_STR("departure.recorded"));
    struct bp_event e = valid_event(type, BP_STR("\x0a\x03"
                                                 "abc\x0a\x7f"));
    struct bp_buf out = {0};
    struct bp_view view;
    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, 0, &view);
    bp_buf_add_text(&out, "before");

    assert_false(bp_redact_event(schema, type, &e, &view, &forms, &out));

    assert_true(bp_str_is(bp_buf_str(&out), "before"));
    bp_buf_fini(&out);
}

static void test_redact_envelope_is_that_of_the_redacted_event(void **state)
{
    (void)state;
    for (int level = BP_LEVEL_NONE; level <= BP_LEVEL_IDENTIFIED; level++) {
        for (size_t i = 0; i < schema->n_types; i++) {
            const struct bp_event_type *type = &schema->types[i];
            struct bp_event e = valid_event(type, bp_str_of(NULL, 0)), shown;
            struct bp_buf out = {0};
            struct bp_redacted_envelope envelope;
            struct bp_view view;
            bp_view_of(type, (enum bp_level)level, 0, ALL, 0, &view);
            assert_true(bp_redact_event(schema, type, &e, &view, &forms, &out));
            assert_true(bp_event_parse(bp_buf_str(&out), &shown));

            bp_redact_envelope(schema, &e, &view, &forms, &envelope);

            assert_true(bp_str_eq(envelope.type, shown.type));
            assert_true(bp_str_eq(envelope.source, shown.source));
            assert_true(bp_str_eq(envelope.subject, shown.subject));
            assert_true(bp_str_eq(envelope.region, shown.region));
            assert_true(bp_str_eq(envelope.destination, shown.destination));
            bp_buf_fini(&out);
        }
    }
}

/* --- small counts --- */

static bool has_small_count(const char *name, const char *field, uint64_t value)
{
    const struct bp_event_type *type = bp_schema_type(schema, bp_str(name));
    struct bp_buf data = {0};
    bp_wire_put_uint(&data, bp_type_field(type, bp_str(field))->number, value);
    bool has = bp_event_has_small_count(type, bp_buf_str(&data));
    bp_buf_fini(&data);
    return has;
}

static void test_redact_count_of_one_to_four_is_small(void **state)
{
    (void)state;
    const char *type = "placement.stats.published";
    for (uint64_t value = 0; value < 8; value++)
        assert_true(has_small_count(type, "value", value) == (value >= 1 && value <= 4));
    assert_false(has_small_count(type, "cell_sex", 1)); /* an enum counts nothing */
    assert_false(
        has_small_count("departure.prevented", "persons_count", 3)); /* no aggregate type */
    assert_true(bp_event_has_small_count(bp_schema_type(schema, bp_str(type)), BP_STR("\x0a\x7f")));
    assert_false(bp_event_has_small_count(bp_schema_type(schema, bp_str(type)), BP_STR("")));
}

/* --- bytes that nobody meant --- */

static void test_redact_random_bytes_never_leak_a_withheld_field(void **state)
{
    (void)state;
    uint32_t random = 11;
    for (unsigned round = 0; round < 20000; round++) {
        const struct bp_event_type *type = &schema->types[round % schema->n_types];
        struct bp_buf data = {0}, out = {0};
        struct bp_view view;
        struct bp_event shown;
        struct bp_wire_field w;
        bp_kinds kinds = (round >> 3) & type->kinds;
        valid_payload(type, ALL, &data);
        for (unsigned i = 0; i < 1 + round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            data.p[(random >> 8) % data.n] ^= (uint8_t)(1u << (random & 7));
        }
        struct bp_event e = valid_event(type, bp_buf_str(&data));
        bp_view_of(type, (enum bp_level)(1 + round % 3), kinds, ALL, 0,
                   &view); /* below IDENTIFIED */
        if (bp_redact_event(schema, type, &e, &view, &forms, &out)) {
            assert_true(bp_event_parse(bp_buf_str(&out), &shown));
            struct bp_wire r = bp_wire_of(shown.data);
            while (bp_wire_next(&r, &w)) {
                const struct bp_field *f = bp_type_field_by_number(type, w.number);
                assert_non_null(f);
                assert_true(((view.full | view.coarse | view.rewritten) >> f->index & 1) != 0);
            }
            assert_false(r.malformed);
        }
        bp_buf_fini(&data);
        bp_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redact_every_type_level_and_kinds_show_what_the_rules_say),
        cmocka_unit_test(test_redact_whole_view_gives_the_canonical_bytes),
        cmocka_unit_test(test_redact_unknown_payload_field_needs_the_whole_view),
        cmocka_unit_test(test_redact_every_occurrence_of_a_field_is_treated),
        cmocka_unit_test(test_redact_field_of_another_wire_type_is_left_out),
        cmocka_unit_test(test_redact_list_of_references_is_rewritten_one_by_one),
        cmocka_unit_test(test_redact_lists_are_treated_item_by_item),
        cmocka_unit_test(test_redact_coarse_value_of_no_known_shape_is_left_out),
        cmocka_unit_test(test_redact_region_above_a_village_is_kept),
        cmocka_unit_test(test_redact_agency_of_no_known_parent_is_left_out),
        cmocka_unit_test(test_redact_addressee_is_hidden_where_its_field_is),
        cmocka_unit_test(test_redact_view_of_nothing_shows_nothing),
        cmocka_unit_test(test_redact_malformed_payload_gives_nothing),
        cmocka_unit_test(test_redact_envelope_is_that_of_the_redacted_event),
        cmocka_unit_test(test_redact_count_of_one_to_four_is_small),
        cmocka_unit_test(test_redact_random_bytes_never_leak_a_withheld_field),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
