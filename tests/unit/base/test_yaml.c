/* YAML: the tree knows its lines, and every refusal names its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buffer.h"
#include "yaml.h"

static void test_yaml_tree_knows_lines(void **state)
{
    struct bp_yaml *yaml = NULL;
    struct bp_err err;
    (void)state;

    assert_int_equal(bp_yaml_parse("a.yaml",
                                   BP_STR("# note\nname: x\nlist:\n  - 1\n  - {k: v}\nnone:\n"),
                                   &yaml, &err),
                     BP_OK);

    const struct bp_yaml_node *root = bp_yaml_root(yaml), *list = bp_yaml_get(root, "list");
    assert_int_equal(root->n, 3);
    assert_true(bp_str_is(bp_yaml_get(root, "name")->text, "x"));
    assert_int_equal(list->n, 2);
    assert_int_equal(list->items[1]->line, 5);
    assert_int_equal(root->pairs[1].line, 3);
    assert_true(bp_str_is(bp_yaml_get(list->items[1], "k")->text, "v"));
    assert_true(bp_yaml_get(root, "none")->is_null);
    assert_null(bp_yaml_get(root, "missing"));
    bp_yaml_destroy(yaml);
}

static void refused(const char *text, const char *words)
{
    struct bp_yaml *yaml = NULL;
    struct bp_err err = {""};
    assert_int_equal(bp_yaml_parse("a.yaml", bp_str(text), &yaml, &err), BP_EINVAL);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void test_yaml_refusals_name_the_line(void **state)
{
    (void)state;

    refused("a: 1\nb: 2\na: 3\n", "a.yaml:3: key 'a' stands twice, first in line 1");
    refused("a: 1\nz:\n  b: 2\n  b: 3\n", "a.yaml:4: key 'b' stands twice, first in line 3");
    refused("c: 1\nb: 2\nb: 3\nc: 4\nb: 5\n", "a.yaml:3: key 'b' stands twice, first in line 2");
    refused("b: 1\na: 2\nb: 3\nb: 4\n", "a.yaml:3: key 'b' stands twice, first in line 1");
    refused("%", "a.yaml:1:1: directives");
    refused("\xEF\xBB\xBF%YAML 1.1\n---\na: 1\n", "a.yaml:1:1: directives");
    refused("a: 1\n%TAG ! tag:x\n", "a.yaml:2:1: directives");
    refused("a: 1\nb: \xFF\n", "a.yaml:2:1: text is not UTF-8");
    refused("a: &x 1\n", "anchors and tags");
    refused("a: !!str 1\n", "anchors and tags");
    refused("a: [1, 2\n", "a.yaml:");
    refused("a: 1\n---\nb: 2\n", "more than one document");
    refused("a: \"x\ny\n", "a.yaml:");
}

static void test_yaml_deep_nesting_is_refused(void **state)
{
    struct bp_buf text = {0};
    struct bp_yaml *yaml = NULL;
    struct bp_err err;
    (void)state;

    for (int i = 0; i < 5000; i++)
        bp_buf_add_byte(&text, '[');
    assert_int_equal(bp_yaml_parse("deep", bp_buf_str(&text), &yaml, &err), BP_EINVAL);

    bp_buf_fini(&text);
}

static void test_yaml_unknown_key_is_named(void **state)
{
    static const char *const known[] = {"one", "two"};
    struct bp_yaml *yaml = NULL;
    struct bp_err err;
    (void)state;
    assert_int_equal(bp_yaml_parse("a.yaml", BP_STR("one: 1\n\nthree: 3\n"), &yaml, &err), BP_OK);

    assert_int_equal(bp_yaml_check_keys(yaml, bp_yaml_root(yaml), known, 2, &err), BP_EINVAL);

    assert_string_equal(err.text, "a.yaml:3: unknown key 'three'; known are one, two");
    bp_yaml_destroy(yaml);
}

static void test_yaml_empty_is_an_empty_mapping(void **state)
{
    struct bp_yaml *yaml = NULL;
    (void)state;

    assert_int_equal(bp_yaml_parse("empty", BP_STR(""), &yaml, NULL), BP_OK);

    assert_int_equal(bp_yaml_root(yaml)->kind, BP_YAML_MAPPING);
    assert_int_equal(bp_yaml_root(yaml)->n, 0);
    bp_yaml_destroy(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_tree_knows_lines),
        cmocka_unit_test(test_yaml_refusals_name_the_line),
        cmocka_unit_test(test_yaml_deep_nesting_is_refused),
        cmocka_unit_test(test_yaml_unknown_key_is_named),
        cmocka_unit_test(test_yaml_empty_is_an_empty_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
