#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "file_watch.h"

struct folder {
    char dir[64];
    char *one, *two;
    struct bp_file_watch watch;
    int64_t now_ms;
};

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof(f->dir), "%s/berbagi-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->one = bp_path_join(f->dir, "one");
    f->two = bp_path_join(f->dir, "two");
    f->now_ms = 1000;
    put(f->one, "1");
    put(f->two, "2");
    bp_file_watch_init(&f->watch);
    assert_true(bp_file_watch_add(&f->watch, f->one));
    assert_true(bp_file_watch_add(&f->watch, NULL));
    assert_true(bp_file_watch_add(&f->watch, f->two));
    bp_file_watch_begin(&f->watch);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct folder *f = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f->one);
    free(f->two);
    free(f);
    return 0;
}

static bool look(struct folder *f)
{
    f->now_ms += BP_FILE_WATCH_LOOK_MS;
    return bp_file_watch_look(&f->watch, f->now_ms);
}

/* A change that was made just now is told at the second look, once. */
static void expect_told(struct folder *f)
{
    assert_false(look(f));
    assert_true(look(f));
    assert_false(look(f));
    assert_false(look(f));
}

static void test_file_watch_nothing_changed_is_not_told(void **state)
{
    struct folder *f = *state;
    for (int i = 0; i < 10; i++)
        assert_false(look(f));
}

static void test_file_watch_file_written_in_place_is_told(void **state)
{
    struct folder *f = *state;
    put(f->two, "two");
    expect_told(f);
}

static void test_file_watch_file_renamed_over_is_told(void **state)
{
    struct folder *f = *state;
    char *fresh = bp_path_join(f->dir, "fresh");
    put(fresh, "1");
    assert_int_equal(rename(fresh, f->one), 0);
    expect_told(f);
    free(fresh);
}

static void test_file_watch_file_removed_and_back_is_told_twice(void **state)
{
    struct folder *f = *state;
    assert_int_equal(unlink(f->one), 0);
    expect_told(f);
    put(f->one, "1");
    expect_told(f);
}

/* one -> data/one, data -> first: what a mounted secret looks like. */
static void test_file_watch_link_turned_on_the_way_is_told(void **state)
{
    struct folder *f = *state;
    char *first = bp_path_join(f->dir, "first"), *second = bp_path_join(f->dir, "second");
    char *data = bp_path_join(f->dir, "..data"), *fresh = bp_path_join(f->dir, "..data_tmp");
    char *in_first = bp_path_join(first, "one"), *in_second = bp_path_join(second, "one");
    assert_int_equal(mkdir(first, 0700) | mkdir(second, 0700), 0);
    put(in_first, "1");
    put(in_second, "1");
    assert_int_equal(symlink("first", data) | unlink(f->one) | symlink("..data/one", f->one), 0);
    bp_file_watch_begin(&f->watch);

    assert_int_equal(symlink("second", fresh) | rename(fresh, data), 0);

    expect_told(f);
    char *all[] = {first, second, data, fresh, in_first, in_second};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
}

static void test_file_watch_set_written_file_by_file_is_told_as_one(void **state)
{
    struct folder *f = *state;
    put(f->one, "one");
    assert_false(look(f));
    put(f->two, "two");
    expect_told(f);
}

static void test_file_watch_endless_writing_is_told_in_time(void **state)
{
    struct folder *f = *state;
    char text[12] = "";
    int64_t began_ms = f->now_ms;
    do {
        text[strlen(text)] = 'x';
        put(f->one, text);
    } while (!look(f));
    assert_true(f->now_ms - began_ms <= BP_FILE_WATCH_PATIENCE_MS + BP_FILE_WATCH_LOOK_MS);
}

static void test_file_watch_too_many_paths_are_refused(void **state)
{
    struct folder *f = *state;
    bool added = true;
    for (size_t i = 0; i <= BP_FILE_WATCH_PATHS_MAX && added; i++)
        added = bp_file_watch_add(&f->watch, f->one);
    assert_false(added);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_file_watch_nothing_changed_is_not_told),
        IN_FOLDER(test_file_watch_file_written_in_place_is_told),
        IN_FOLDER(test_file_watch_file_renamed_over_is_told),
        IN_FOLDER(test_file_watch_file_removed_and_back_is_told_twice),
        IN_FOLDER(test_file_watch_link_turned_on_the_way_is_told),
        IN_FOLDER(test_file_watch_set_written_file_by_file_is_told_as_one),
        IN_FOLDER(test_file_watch_endless_writing_is_told_in_time),
        IN_FOLDER(test_file_watch_too_many_paths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
