/* Options: flag over environment over file over default, and refusals that name the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "options.h"

static const struct bp_option table[] = {
    {"listen", BP_OPTION_TEXT, "ADDR:PORT", 0, 0, "127.0.0.1:0", false, "Where to serve."},
    {"crl", BP_OPTION_LIST, "FILE", 0, 0, NULL, false, "Lists."},
    {"max-batch", BP_OPTION_NUMBER, "N", 1, 1000, "500", false, "Most."},
    {"quiet", BP_OPTION_FLAG, NULL, 0, 0, NULL, false, "Says less."},
};
#define TABLE_N (sizeof(table) / sizeof(table[0]))

static bp_status parse(int argc, const char *const *argv, struct bp_options **o, struct bp_err *err)
{
    char *copy[16];
    assert_true(argc < 16);
    for (int i = 0; i < argc; i++)
        copy[i] = bp_str_dup(bp_str(argv[i]));
    bp_status st = bp_options_parse(table, TABLE_N, "BPTEST", NULL, argc, copy, o, err);
    /* operands and --config are borrowed from argv */
    if (st != BP_OK || bp_options_rest(*o, &(const char *const *){NULL}) == 0) {
        for (int i = 0; i < argc; i++)
            free(copy[i]);
    }
    return st;
}

static void test_options_defaults_stand_when_nothing_is_given(void **state)
{
    const char *const argv[] = {"x"};
    struct bp_options *o = NULL;
    (void)state;

    assert_int_equal(parse(1, argv, &o, NULL), BP_OK);

    assert_string_equal(bp_options_text(o, "listen"), "127.0.0.1:0");
    assert_int_equal(bp_options_number(o, "max-batch"), 500);
    assert_false(bp_options_flag(o, "quiet"));
    assert_false(bp_options_is_set(o, "listen"));
    bp_options_destroy(o);
}

static void test_options_flag_beats_environment_beats_file(void **state)
{
    char dir[] = "/tmp/berbagi-options-XXXXXX";
    struct bp_options *o = NULL;
    struct bp_err err = {""};
    static const char text[] = "listen: file:1\nmax-batch: 7\ncrl: [a, b]\nquiet: true\n";
    const char *const *crls;
    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = bp_path_join(dir, "c.yaml");
    assert_int_equal(bp_file_write(path, text, sizeof(text) - 1, 0600, &err), BP_OK);
    assert_int_equal(setenv("BPTEST_MAX_BATCH", "8", 1), 0);
    assert_int_equal(setenv("BPTEST_LISTEN", "env:1", 1), 0);
    char *argv[] = {(char[]){"x"}, (char[]){"--config"}, path, (char[]){"--listen=flag:1"}};

    assert_int_equal(bp_options_parse(table, TABLE_N, "BPTEST", NULL, 4, argv, &o, &err), BP_OK);

    assert_string_equal(bp_options_text(o, "listen"), "flag:1");
    assert_int_equal(bp_options_number(o, "max-batch"), 8);
    assert_int_equal(bp_options_list(o, "crl", &crls), 2);
    assert_string_equal(crls[1], "b");
    assert_true(bp_options_flag(o, "quiet"));
    bp_options_destroy(o);
    (void)unsetenv("BPTEST_MAX_BATCH");
    (void)unsetenv("BPTEST_LISTEN");
    (void)unlink(path);
    (void)rmdir(dir);
    free(path);
}

static void refused(const char *argument, const char *words)
{
    const char *const argv[] = {"x", argument};
    struct bp_options *o = NULL;
    struct bp_err err = {""};
    assert_int_equal(parse(2, argv, &o, &err), BP_EINVAL);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void test_options_bad_values_are_named(void **state)
{
    (void)state;

    refused("--max-batch=0", "--max-batch: a whole number from 1 to 1000");
    refused("--max-batch", "--max-batch: a value is missing");
    refused("--colour=red", "unknown option --colour");
    refused("--quiet=maybe", "--quiet: true or false");
    refused("-q", "unknown option -q");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_defaults_stand_when_nothing_is_given),
        cmocka_unit_test(test_options_flag_beats_environment_beats_file),
        cmocka_unit_test(test_options_bad_values_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
