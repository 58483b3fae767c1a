/* From a grant to the fields it shows, judged against the sentences of annotations.proto once more,
 * written another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "redact.h"
#include "valid_events.h"

#define ALL (~UINT64_C(0))
#define ALL_KINDS (~(bp_kinds)0)

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
    return bp_schema_type(schema, bp_str(name));
}

/* 'f'ull, 'c'oarse, 'r'ewritten or '-' of one field. */
static char form_of(const struct bp_view *view, const struct bp_field *f)
{
    bp_fields bit = UINT64_C(1) << f->index;
    int n =
        ((view->full & bit) != 0) + ((view->coarse & bit) != 0) + ((view->rewritten & bit) != 0);
    assert_true(n <= 1);
    if ((view->full & bit) != 0)
        return 'f';
    if ((view->coarse & bit) != 0)
        return 'c';
    return (view->rewritten & bit) != 0 ? 'r' : '-';
}

static char form(const char *type, const char *field, enum bp_level level, bp_kinds kinds)
{
    const struct bp_event_type *t = type_of(type);
    struct bp_view view;
    bp_view_of(t, level, kinds, ALL, 0, &view);
    return form_of(&view, bp_type_field(t, bp_str(field)));
}

static void test_view_levels_give_what_the_contract_says(void **state)
{
    (void)state;
    const struct {
        const char *type, *field;
        const char *forms; /* at PUBLIC, AGGREGATE, PSEUDONYMOUS, IDENTIFIED */
    } cases[] = {
        {"worker.registered", "nik", "---f"},
        {"worker.registered", "full_name", "---f"},
        {"worker.registered", "sex", "--ff"},
        {"worker.registered", "birth_date", "--cf"},
        {"worker.registered", "village_code", "--cf"},
        {"worker.registered", "scheme", "--ff"},             /* RESTRICTED */
        {"village.verification.recorded", "remark", "---f"}, /* free text */
        {"village.verification.recorded", "village_officer_ref", "--rf"},
        {"fraud.vacancy.reported", "content_url", "--ff"},     /* RESTRICTED */
        {"fraud.vacancy.reported", "content_excerpt", "---f"}, /* RESTRICTED free text */
        {"complaint.received", "party_complained", "---f"},    /* RESTRICTED direct identifier */
        {"job.order.published", "vacancies", "ffff"},
        {"voter.aggregate.published", "polling_area", "-fff"},
        {"voter.aggregate.published", "period", "ffff"},
        {"subject.right.executed", "affected_event_ids", "--rf"},
        {"employment.contract.verified", "employer_ref", "--rf"},
        {"training.enrolled", "provider_id", "ffff"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int level = BP_LEVEL_PUBLIC; level <= BP_LEVEL_IDENTIFIED; level++) {
            char got = form(cases[i].type, cases[i].field, (enum bp_level)level, ALL_KINDS);
            if (got != cases[i].forms[level - 1])
                fail_msg("%s.%s at %d: %c", cases[i].type, cases[i].field, level, got);
        }
        assert_int_equal(form(cases[i].type, cases[i].field, BP_LEVEL_NONE, ALL_KINDS), '-');
    }
}

static void test_view_specific_field_needs_its_kind(void **state)
{
    (void)state;
    const bp_kinds child = 1u << BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_CHILD;
    const char *type = "child.case.referred";

    assert_int_equal(form(type, "child_ref", BP_LEVEL_PSEUDONYMOUS, child), 'r');
    assert_int_equal(form(type, "child_birth_date", BP_LEVEL_PSEUDONYMOUS, child), 'c');
    assert_int_equal(form(type, "child_name", BP_LEVEL_PSEUDONYMOUS, child), '-');
    assert_int_equal(form(type, "child_name", BP_LEVEL_IDENTIFIED, child), 'f');
    assert_int_equal(form(type, "child_ref", BP_LEVEL_PSEUDONYMOUS, ~child), '-');
    assert_int_equal(form(type, "child_birth_date", BP_LEVEL_PSEUDONYMOUS, 0),
                     '-'); /* barred, not coarsened */
    assert_int_equal(form(type, "child_name", BP_LEVEL_IDENTIFIED, ~child), '-');
}

static void test_view_field_lists_narrow_it(void **state)
{
    (void)state;
    const struct bp_event_type *type = type_of("departure.recorded");
    const bp_fields first = 1, all = (UINT64_C(1) << type->n_fields) - 1;
    struct bp_view view;

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, first, 0, &view);
    assert_true(view.full == first);
    assert_false(view.unknown_fields);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, first, &view);
    assert_true(view.full == (all & ~first));
    assert_false(view.unknown_fields);

    bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, first, first, &view);
    assert_true(view.full == 0);
}

static void test_view_is_whole_with_every_kind_and_no_lists_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_view view;

        bp_view_of(type, BP_LEVEL_IDENTIFIED, type->kinds, ALL, 0, &view);
        assert_true(bp_view_is_whole(type, &view) && view.unknown_fields);

        bp_view_of(type, BP_LEVEL_IDENTIFIED, type->kinds, ALL, 1, &view);
        assert_false(bp_view_is_whole(type, &view));

        bp_view_of(type, BP_LEVEL_PSEUDONYMOUS, type->kinds, ALL, 0, &view);
        assert_false(bp_view_is_whole(type, &view) || view.unknown_fields);

        if (type->kinds != 0) {
            bp_view_of(type, BP_LEVEL_IDENTIFIED, 0, ALL, 0, &view);
            assert_false(bp_view_is_whole(type, &view) || view.unknown_fields);
        }
    }
}

static void test_view_aggregate_of_other_types_is_public(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i];
        struct bp_view aggregate, public;

        bp_view_of(type, BP_LEVEL_AGGREGATE, ALL_KINDS, ALL, 0, &aggregate);
        bp_view_of(type, BP_LEVEL_PUBLIC, ALL_KINDS, ALL, 0, &public);

        assert_int_equal(aggregate.level, type->aggregate ? BP_LEVEL_AGGREGATE : BP_LEVEL_PUBLIC);
        assert_true(type->aggregate || aggregate.full == public.full);
        assert_true(aggregate.coarse == 0 && aggregate.rewritten == 0);
    }
}

static void test_view_union_takes_the_better_form_of_each_field(void **state)
{
    (void)state;
    struct bp_view into = {0};
    const struct bp_view coarse = {
        .level = BP_LEVEL_PSEUDONYMOUS, .full = 1, .coarse = 2, .rewritten = 12};
    const struct bp_view full = {.level = BP_LEVEL_IDENTIFIED, .full = 6, .unknown_fields = true};

    bp_view_union(&into, &coarse);
    assert_true(into.level == BP_LEVEL_PSEUDONYMOUS && into.full == 1 && into.coarse == 2 &&
                into.rewritten == 12);

    bp_view_union(&into, &full);
    assert_true(into.level == BP_LEVEL_IDENTIFIED && into.full == 7 && into.coarse == 0 &&
                into.rewritten == 8);
    assert_true(into.unknown_fields);

    bp_view_union(&into, &coarse);
    assert_true(into.level == BP_LEVEL_IDENTIFIED && into.full == 7 && into.coarse == 0 &&
                into.rewritten == 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_levels_give_what_the_contract_says),
        cmocka_unit_test(test_view_specific_field_needs_its_kind),
        cmocka_unit_test(test_view_field_lists_narrow_it),
        cmocka_unit_test(test_view_is_whole_with_every_kind_and_no_lists_alone),
        cmocka_unit_test(test_view_aggregate_of_other_types_is_public),
        cmocka_unit_test(test_view_union_takes_the_better_form_of_each_field),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
