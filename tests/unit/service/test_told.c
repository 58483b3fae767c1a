/* Grounds are told once, again when the view differs, and never twice in one batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "told.h"

static const struct bp_view whole = {.full = 7}, narrow = {.full = 3, .coarse = 4};

static bool is_new(struct bp_told *t, uint32_t ground, const struct bp_view *view, uint64_t batch)
{
    bool answer;
    assert_true(bp_told_mark(t, ground, view, batch, &answer));
    return answer;
}

static void test_told_ground_is_new_once(void **state)
{
    struct bp_told *t = bp_told_create();
    (void)state;

    assert_true(is_new(t, 5, &whole, 1));
    assert_false(is_new(t, 5, &whole, 1));
    assert_false(is_new(t, 5, &whole, 2));
    assert_true(is_new(t, 6, &whole, 2));
    bp_told_destroy(t);
}

static void test_told_other_view_is_told_again_in_another_batch(void **state)
{
    struct bp_told *t = bp_told_create();
    const uint32_t grounds[] = {4, 5};
    (void)state;

    assert_true(is_new(t, 5, &whole, 1));
    assert_false(bp_told_clash(t, grounds, 2, &whole, 1));
    assert_true(bp_told_clash(t, grounds, 2, &narrow, 1));
    assert_false(bp_told_clash(t, grounds, 2, &narrow, 2));
    assert_true(is_new(t, 5, &narrow, 2));
    assert_true(is_new(t, 5, &whole, 3));
    bp_told_destroy(t);
}

static void test_told_holds_thousands_and_forgets_when_cleared(void **state)
{
    struct bp_told *t = bp_told_create();
    (void)state;

    for (uint32_t g = 1; g <= 5000; g++)
        assert_true(is_new(t, g, &whole, g));
    for (uint32_t g = 1; g <= 5000; g++)
        assert_false(is_new(t, g, &whole, 6000));
    bp_told_clear(t);
    assert_true(is_new(t, 77, &whole, 6001));
    bp_told_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_ground_is_new_once),
        cmocka_unit_test(test_told_other_view_is_told_again_in_another_batch),
        cmocka_unit_test(test_told_holds_thousands_and_forgets_when_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
