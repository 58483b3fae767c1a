#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "cli.h"
#include "temporary.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "types", .type = BP_OPTION_LIST, .operand = "T", .help = "types"},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static int set_up(void **state)
{
    (void)state;
    temporary_make();
    const char *home = temporary_path("home");
    if (mkdir(home, 0700) != 0 || mkdir(temporary_path("home/berbagi"), 0700) != 0)
        return -1;
    (void)temporary_write("home/berbagi/config.yaml",
                          BP_STR("server: file:1\ncert: file.pem\nkey: file.key\n"));
    (void)unsetenv("BERBAGI_SERVER");
    (void)unsetenv("BERBAGI_CERT");
    return setenv("XDG_CONFIG_HOME", home, 1);
}

static int tear_down(void **state)
{
    (void)state;
    temporary_remove();
    return 0;
}

static struct bp_options *parse(int argc, const char **argv)
{
    struct bp_options *o = NULL;
    assert_int_equal(
        bp_cli_options(table, OPTIONS, "usage", 0, 1, argc, (char **)(uintptr_t)argv, &o),
        CLI_GO_ON);
    return o;
}

static void test_cli_flag_beats_environment_beats_file(void **state)
{
    (void)state;
    const char *argv[] = {"status", "--server", "flag:1"};
    assert_int_equal(setenv("BERBAGI_SERVER", "environment:1", 1), 0);
    assert_int_equal(setenv("BERBAGI_CERT", "environment.pem", 1), 0);

    struct bp_options *o = parse(3, argv);

    assert_string_equal(bp_options_text(o, "server"), "flag:1");
    assert_string_equal(bp_options_text(o, "cert"), "environment.pem");
    assert_string_equal(bp_options_text(o, "key"), "file.key");
    assert_null(bp_options_text(o, "ca"));
    bp_options_destroy(o);
    (void)unsetenv("BERBAGI_SERVER");
    (void)unsetenv("BERBAGI_CERT");
}

static void test_cli_missing_connection_option_is_wrong_usage(void **state)
{
    (void)state;
    const char *argv[] = {"status"};
    struct berbagi_client *client = NULL;
    struct bp_options *o = parse(1, argv);

    assert_int_equal(bp_cli_connect(o, NULL, 0, &client), CLI_USAGE);

    assert_null(client);
    bp_options_destroy(o);
}

static void test_cli_missing_certificate_fails_before_connecting(void **state)
{
    (void)state;
    const char *argv[] = {"status", "--ca", "no-such.pem"};
    struct berbagi_client *client = NULL;
    struct bp_options *o = parse(3, argv);

    assert_int_equal(bp_cli_connect(o, NULL, 0, &client), CLI_FAILED);

    assert_null(client);
    bp_options_destroy(o);
}

static void test_cli_identity_of_the_users_folder_is_taken_where_none_is_named(void **state)
{
    (void)state;
    struct bp_cli_files there = {0}, named = {0}, wanted = {0};
    const char *config = temporary_write("config.yaml", BP_STR("server: file:1\n"));
    const char *argv[] = {"status", "--config", config};
    (void)temporary_write("home/berbagi/identity.pem", BP_STR("-"));
    struct bp_options *o = parse(3, argv);
    assert_true(bp_cli_files_find(o, true, &there));
    assert_string_equal(there.cert, temporary_path("home/berbagi/identity.pem"));
    assert_null(there.key);
    assert_null(there.ca); /* is not there */
    assert_true(bp_cli_files_find(o, false, &wanted));
    assert_string_equal(wanted.ca, temporary_path("home/berbagi/ca.pem"));
    bp_options_destroy(o);

    const char *with[] = {"status", "--cert", "mine.pem"};
    o = parse(3, with);
    assert_true(bp_cli_files_find(o, true, &named));
    assert_string_equal(named.cert, "mine.pem");

    bp_options_destroy(o);
    bp_cli_files_fini(&there);
    bp_cli_files_fini(&wanted);
    bp_cli_files_fini(&named);
}

static void test_cli_lists_are_cut_at_commas(void **state)
{
    (void)state;
    const char *argv[] = {"x", "--types", "a.b,c.*", "--types", "", "--types=d,"};
    static const char *const expected[] = {"a.b", "c.*", "", "d", ""};
    struct bp_options *o = parse(6, argv);
    size_t n = 0;

    const char **items = bp_cli_split_list(o, "types", &n);

    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(items[i], expected[i]);
    free(items);
    bp_options_destroy(o);
}

static void test_cli_too_many_operands_are_wrong_usage(void **state)
{
    (void)state;
    const char *argv[] = {"x", "a", "b"};
    struct bp_options *o = NULL;

    assert_int_equal(bp_cli_options(table, OPTIONS, "usage", 0, 1, 3, (char **)(uintptr_t)argv, &o),
                     CLI_USAGE);

    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_flag_beats_environment_beats_file),
        cmocka_unit_test(test_cli_missing_connection_option_is_wrong_usage),
        cmocka_unit_test(test_cli_missing_certificate_fails_before_connecting),
        cmocka_unit_test(test_cli_lists_are_cut_at_commas),
        cmocka_unit_test(test_cli_too_many_operands_are_wrong_usage),
        cmocka_unit_test(test_cli_identity_of_the_users_folder_is_taken_where_none_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
