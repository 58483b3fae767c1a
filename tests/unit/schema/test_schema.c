/* Event types as they are read from descriptor sets, and the sets that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "descriptor_set.h"
#include "valid_events.h"
#include "wire.h"

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

static const struct bp_event_type *type_of(const char *name)
{
    const struct bp_event_type *type = bp_schema_type(schema, bp_str(name));
    if (type == NULL)
        fail_msg("%s", name);
    return type;
}

static const struct bp_field *field_of(const char *type, const char *name)
{
    const struct bp_field *f = bp_type_field(type_of(type), bp_str(name));
    if (f == NULL)
        fail_msg("%s.%s", type, name);
    return f;
}

static void test_schema_every_type_is_found_by_name_and_hash(void **state)
{
    (void)state;
    assert_int_equal(schema->n_types, 63);
    for (unsigned i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];

        assert_int_equal(type->index, i);
        assert_ptr_equal(bp_schema_type(schema, type->name), type);
        assert_ptr_equal(bp_schema_type_by_hash(schema, bp_schema_hash(type->name)), type);
        assert_true(i == 0 || bp_str_cmp(schema->types[i - 1].name, type->name) < 0);
        assert_true(type->group.n != 0 && type->title_en.n != 0 && type->title_id.n != 0 &&
                    type->n_purposes != 0);
        assert_int_equal(type->version, 1);
    }
    assert_null(bp_schema_type(schema, BP_STR("departure.unknown")));
    assert_null(bp_schema_type(schema, BP_STR("")));
    assert_null(bp_schema_type_by_hash(schema, 12345));
}

static void test_schema_every_field_is_found_by_name_and_number(void **state)
{
    (void)state;
    size_t fields = 0;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        for (unsigned k = 0; k < type->n_fields; k++) {
            const struct bp_field *f = &type->fields[k];

            assert_int_equal(f->index, k);
            assert_ptr_equal(bp_type_field(type, f->name), f);
            assert_ptr_equal(bp_type_field_by_number(type, f->number), f);
            assert_in_range(f->data_class, 1, 4);
            assert_true((f->data_class == 4) == (f->specific_kind != 0));
            assert_true((f->type == BP_FIELD_ENUM) == (f->enumeration != NULL));
        }
        fields += type->n_fields;
        assert_null(bp_type_field(type, BP_STR("no_such_field")));
        assert_null(bp_type_field_by_number(type, 0));
        assert_null(bp_type_field_by_number(type, 99));
    }
    assert_int_equal(fields, 419);
}

static void test_schema_rules_of_a_field_are_those_of_its_proto(void **state)
{
    (void)state;
    const struct bp_field *nik = field_of("worker.registered", "nik");
    assert_int_equal(nik->type, BP_FIELD_STRING);
    assert_int_equal(nik->data_class, BERBAGI__V1__DATA_CLASS__DATA_CLASS_PERSONAL);
    assert_int_equal(nik->format, BERBAGI__V1__FORMAT__FORMAT_NIK);
    assert_int_equal(nik->max_bytes, 16);
    assert_true(nik->required && nik->direct_identifier && !nik->free_text && !nik->pseudonym);

    const struct bp_field *child = field_of("child.case.referred", "child_birth_date");
    assert_int_equal(child->specific_kind, BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_CHILD);
    assert_int_equal(child->coarsen, BERBAGI__V1__COARSEN__COARSEN_YEAR);

    const struct bp_field *ids = field_of("subject.right.executed", "affected_event_ids");
    assert_true(ids->repeated && ids->pseudonym);

    const struct bp_field *amount = field_of("remittance.aggregate.published", "remittance_amount");
    assert_true(amount->type == BP_FIELD_INT64 && amount->required && amount->has_presence);
}

static void test_schema_rules_of_a_type_are_those_of_its_proto(void **state)
{
    (void)state;
    const struct bp_event_type *type = type_of("epmi.issued");
    assert_true(bp_str_is(type->message_name, "berbagi.events.v1.EpmiIssued"));
    assert_true(bp_str_is(type->group, "documents") && bp_str_is(type->machine, "worker"));
    assert_true(type->about_person && !type->aggregate);
    assert_int_equal(type->n_purposes, 2);
    assert_int_equal(type->kinds, 1u << BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_BIOMETRIC);
    assert_null(type->addressee_field);

    assert_true(bp_str_is(type_of("case.referred")->addressee_field->name, "receiving_agency_id"));
    assert_true(type_of("voter.aggregate.published")->aggregate);
}

static void test_schema_status_pair_is_judged_where_a_type_has_one(void **state)
{
    (void)state;
    const struct bp_event_type *opened =
        type_of("case.opened"); /* machine "case", but moves the worker too */
    assert_true(bp_str_is(opened->status_field->name, "worker_status"));
    assert_true(bp_str_is(opened->previous_field->name, "previous_status"));
    assert_int_equal(opened->n_transitions, 7);

    assert_null(type_of("complaint.received")->status_field); /* carries no worker_status */
    assert_null(type_of("content.takedown.resolved")->status_field);
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        bool has_pair = bp_type_field(type, BP_STR("previous_status")) != NULL;
        assert_true((type->status_field != NULL) == has_pair &&
                    (type->n_transitions != 0) == has_pair);
    }
}

static void test_schema_enum_values_have_short_names(void **state)
{
    (void)state;
    const struct bp_enum *e = field_of("worker.registered", "scheme")->enumeration;
    const struct bp_enum_value *value = bp_enum_by_name(e, BP_STR("P_TO_P"));

    assert_non_null(value);
    assert_true(bp_str_is(value->full_name, "PLACEMENT_SCHEME_P_TO_P"));
    assert_ptr_equal(bp_enum_by_name(e, BP_STR("PLACEMENT_SCHEME_P_TO_P")), value);
    assert_ptr_equal(bp_enum_by_number(e, 2), value);
    assert_true(bp_str_is(bp_enum_by_number(e, 0)->name, "UNSPECIFIED"));
    assert_null(bp_enum_by_number(e, 7));
    assert_null(bp_enum_by_number(e, -1));
    assert_null(bp_enum_by_name(e, BP_STR("p_to_p")));
}

static void test_schema_envelope_has_the_rules_of_the_contract(void **state)
{
    (void)state;
    const enum bp_level levels[BP_EVENT_DATA + 1] = {
        [BP_EVENT_ID] = BP_LEVEL_AGGREGATE,
        [BP_EVENT_TYPE] = BP_LEVEL_PUBLIC,
        [BP_EVENT_SOURCE] = BP_LEVEL_PUBLIC,
        [BP_EVENT_SUBJECT] = BP_LEVEL_PSEUDONYMOUS,
        [BP_EVENT_REGION] = BP_LEVEL_AGGREGATE,
        [BP_EVENT_DESTINATION] = BP_LEVEL_PUBLIC,
        [BP_EVENT_OCCURRED_AT] = BP_LEVEL_PUBLIC,
        [BP_EVENT_CORRELATION_ID] = BP_LEVEL_IDENTIFIED,
        [BP_EVENT_CAUSATION_ID] = BP_LEVEL_IDENTIFIED,
        [BP_EVENT_SUPERSEDES] = BP_LEVEL_IDENTIFIED,
        [BP_EVENT_TRACEPARENT] = BP_LEVEL_IDENTIFIED,
        [BP_EVENT_ADDRESSED_TO] = BP_LEVEL_IDENTIFIED,
        [BP_EVENT_SCHEMA_VERSION] = BP_LEVEL_PUBLIC,
        [BP_EVENT_DATA] = BP_LEVEL_PUBLIC,
    };
    for (uint32_t number = 1; number <= BP_EVENT_DATA; number++) {
        const struct bp_field *f = bp_type_field_by_number(&schema->envelope, number);
        if (number == BP_EVENT_UNUSED)
            assert_null(f);
        else
            assert_int_equal(bp_field_least_level(f), levels[number]);
    }
}

static void test_schema_pattern_takes_in_names_and_prefixes(void **state)
{
    (void)state;
    struct bp_str type = BP_STR("departure.recorded");

    assert_true(bp_type_matches(BP_STR("departure.recorded"), type));
    assert_true(bp_type_matches(BP_STR("departure.*"), type));
    assert_true(bp_type_matches(BP_STR("*"), type));
    assert_false(bp_type_matches(BP_STR("departure"), type));
    assert_false(bp_type_matches(BP_STR("depart*"), type));
    assert_false(bp_type_matches(BP_STR(".*"), type));
    assert_false(bp_type_matches(BP_STR(""), type));
    assert_false(bp_type_matches(BP_STR("departure.recorded.*"), type));
}

static void test_schema_site_set_adds_its_types(void **state)
{
    (void)state;
    const char *const files[] = {EVERYTHING_FILE};
    struct bp_schema *site = NULL;

    assert_int_equal(bp_schema_open(files, 1, &site, NULL), BP_OK);

    assert_int_equal(site->n_types, 64);
    const struct bp_event_type *type = bp_schema_type(site, BP_STR("test.everything"));
    assert_non_null(type);
    assert_non_null(bp_type_field_by_number(type, 20)); /* numbers with gaps */
    assert_null(bp_type_field_by_number(type, 14));
    assert_int_equal(bp_type_field(type, BP_STR("numbers"))->packed, true);
    assert_int_equal(bp_type_field(type, BP_STR("spread"))->packed, false);
    const struct bp_enum *e = bp_type_field(type, BP_STR("kind"))->enumeration;
    assert_true(bp_str_is(bp_enum_by_number(e, -3)->name, "BELOW"));
    bp_schema_destroy(site);
}

static void test_schema_same_set_twice_counts_once(void **state)
{
    (void)state;
    const char *const files[] = {EVERYTHING_FILE, EVERYTHING_FILE};
    struct bp_schema *site = NULL;

    assert_int_equal(bp_schema_open(files, 2, &site, NULL), BP_OK);

    assert_int_equal(site->n_types, 64);
    bp_schema_destroy(site);
}

static void test_schema_set_that_breaks_a_rule_is_refused_by_name(void **state)
{
    (void)state;
    const struct {
        const char *set, *words;
    } cases[] = {
        {"double_field_kind", "test.refused.Refused.value: its kind"},
        {"message_field", "test.refused.Refused.value: of messages"},
        {"repeated_bytes", "test.refused.Refused.value: lists"},
        {"no_class", "test.refused.Refused.value: it has no data_class"},
        {"specific_without_kind",
         "test.refused.Refused.value: data_class SPECIFIC and specific_kind"},
        {"kind_without_specific",
         "test.refused.Refused.value: data_class SPECIFIC and specific_kind"},
        {"personal_bool", "test.refused.Refused.value: a personal field may not be a bool"},
        {"format_of_number", "test.refused.Refused.value: format"},
        {"max_bytes_of_number", "test.refused.Refused.value: max_bytes"},
        {"addressee_without_format", "test.refused.Refused.value: the addressee field"},
        {"addressee_missing", "test.refused.Refused.other: the addressee field"},
        {"type_name", "test.refused.Refused: its type is no name"},
        {"type_taken", "test.refused.Refused: its type departure.recorded is taken"},
        {"message_taken", "berbagi.events.v1.DepartureRecorded: defined twice"},
        {"transition_form", "test.refused.Refused: a transition reads"},
        {"transition_status", "test.refused.Refused.thing_status: a transition names"},
        {"many_fields", "test.refused.Refused: it has more than 64 fields"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[512];
        const char *files[] = {path};
        struct bp_schema *site = NULL;
        struct bp_err err = {0};
        (void)snprintf(path, sizeof(path), "%s/%s.binpb", REFUSED_DIR, cases[i].set);

        bp_status st = bp_schema_open(files, 1, &site, &err);

        if (st != BP_EINVAL || strstr(err.text, cases[i].words) != err.text)
            fail_msg("%s: %d %s", cases[i].set, st, err.text);
        assert_null(site);
    }
}

static void test_schema_file_that_is_missing_is_told(void **state)
{
    (void)state;
    const char *const files[] = {REFUSED_DIR "/no-such-file.binpb"};
    struct bp_schema *site = NULL;
    struct bp_err err = {0};

    assert_int_equal(bp_schema_open(files, 1, &site, &err), BP_ENOENT);
    assert_non_null(strstr(err.text, "no-such-file"));
}

static void test_schema_first_set_without_event_is_refused(void **state)
{
    (void)state;
    const struct bp_str sets[] = {{NULL, 0}};
    struct bp_schema *site = NULL;

    assert_int_equal(bp_schema_load(sets, 1, &site, NULL), BP_EINVAL);
    assert_null(site);
}

/* A set of one file with one message that nests to the given depth. */
static void nest(size_t depth, struct bp_buf *set)
{
    struct bp_buf inner = {0}, outer = {0};
    for (size_t i = 0; i < depth; i++) {
        bp_buf_clear(&outer);
        bp_wire_put_bytes(&outer, 1, BP_STR("M"));
        if (i > 0)
            bp_wire_put_bytes(&outer, 3, bp_buf_str(&inner));
        bp_buf_clear(&inner);
        bp_buf_add_str(&inner, bp_buf_str(&outer));
    }
    bp_buf_clear(&outer);
    bp_wire_put_bytes(&outer, 4, bp_buf_str(&inner));
    bp_wire_put_bytes(set, 1, bp_buf_str(&outer));
    bp_buf_fini(&inner);
    bp_buf_fini(&outer);
}

static bp_status load_beside_contract(struct bp_str set, struct bp_err *err)
{
    size_t n;
    const uint8_t *contract = bp_descriptor_set(&n);
    const struct bp_str sets[] = {bp_str_of(contract, n), set};
    struct bp_schema *site = NULL;
    bp_status st = bp_schema_load(sets, 2, &site, err);
    bp_schema_destroy(site);
    return st;
}

static void test_schema_messages_that_nest_too_deep_are_refused(void **state)
{
    (void)state;
    const size_t depths[] = {1, 63, 64, 3000};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        struct bp_buf set = {0};
        struct bp_err err = {0};
        nest(depths[i], &set);

        assert_int_equal(load_beside_contract(bp_buf_str(&set), &err),
                         depths[i] < 64 ? BP_OK : BP_EINVAL);
        bp_buf_fini(&set);
    }
}

static void test_schema_set_cut_or_changed_never_breaks_the_program(void **state)
{
    (void)state;
    size_t n;
    const uint8_t *contract = bp_descriptor_set(&n);
    uint8_t *copy = malloc(n);
    uint32_t random = 1;
    assert_non_null(copy);
    for (unsigned round = 0; round < 150; round++) {
        struct bp_schema *site = NULL;
        struct bp_err err = {0};
        memcpy(copy, contract, n);
        for (unsigned i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 4) % n] ^= (uint8_t)(1u << (random & 7));
        }
        const struct bp_str sets[] = {bp_str_of(copy, round % 3 == 0 ? (random >> 4) % n : n)};

        bp_status st = bp_schema_load(sets, 1, &site, &err);

        assert_true((st == BP_OK) == (site != NULL));
        bp_schema_destroy(site);
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_every_type_is_found_by_name_and_hash),
        cmocka_unit_test(test_schema_every_field_is_found_by_name_and_number),
        cmocka_unit_test(test_schema_rules_of_a_field_are_those_of_its_proto),
        cmocka_unit_test(test_schema_rules_of_a_type_are_those_of_its_proto),
        cmocka_unit_test(test_schema_status_pair_is_judged_where_a_type_has_one),
        cmocka_unit_test(test_schema_enum_values_have_short_names),
        cmocka_unit_test(test_schema_envelope_has_the_rules_of_the_contract),
        cmocka_unit_test(test_schema_pattern_takes_in_names_and_prefixes),
        cmocka_unit_test(test_schema_site_set_adds_its_types),
        cmocka_unit_test(test_schema_same_set_twice_counts_once),
        cmocka_unit_test(test_schema_set_that_breaks_a_rule_is_refused_by_name),
        cmocka_unit_test(test_schema_file_that_is_missing_is_told),
        cmocka_unit_test(test_schema_first_set_without_event_is_refused),
        cmocka_unit_test(test_schema_messages_that_nest_too_deep_are_refused),
        cmocka_unit_test(test_schema_set_cut_or_changed_never_breaks_the_program),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
