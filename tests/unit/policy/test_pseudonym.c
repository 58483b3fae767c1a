/* Pseudonyms: one form for each use and reader, always the same, from a key that nobody else may
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pseudonym.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char folder[512], path[600];

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof(folder), "%s/pseudonym-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_key(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static struct bp_pseudonyms *of_key(const char *text)
{
    struct bp_pseudonyms *p = NULL;
    struct bp_err err = {""};
    write_key(text, 0600);
    if (bp_pseudonyms_open(path, false, &p, &err) != BP_OK)
        fail_msg("%s", err.text);
    return p;
}

static void reader_form(const struct bp_pseudonyms *p, const char *reader, const char *original,
                        char out[101])
{
    size_t n = bp_pseudonym_for_reader(p, bp_str(reader), bp_str(original), out, 100);
    assert_true(n > 0 && n < 100);
    out[n] = '\0';
}

static bool is_crockford(const char *text, size_t n)
{
    return strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == n && text[n] == '\0';
}

static void test_pseudonym_key_missing_is_made_once(void **state)
{
    struct bp_pseudonyms *p = NULL, *q = NULL;
    struct stat info;
    (void)state;

    assert_int_equal(bp_pseudonyms_open(path, false, &p, NULL), BP_ENOENT);
    assert_int_equal(bp_pseudonyms_open(path, true, &p, NULL), BP_OK);
    assert_int_equal(bp_pseudonyms_open(path, true, &q, NULL), BP_OK);

    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_not_equal(bp_pseudonyms_key_id(p), 0);
    assert_int_equal(bp_pseudonyms_key_id(p), bp_pseudonyms_key_id(q));
    bp_pseudonyms_close(p);
    bp_pseudonyms_close(q);
}

static void test_pseudonym_key_open_to_others_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    struct bp_pseudonyms *p = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        write_key(KEY_A "\n", modes[i]);
        assert_int_equal(bp_pseudonyms_open(path, true, &p, NULL), BP_EPERM);
    }
}

static void test_pseudonym_key_malformed_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "0001",
        KEY_A "0",
        KEY_A "\n\n",
        KEY_A " ",
        "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    struct bp_pseudonyms *p = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_key(texts[i], 0600);
        assert_int_equal(bp_pseudonyms_open(path, true, &p, NULL), BP_EINVAL);
    }
    assert_int_equal(bp_pseudonyms_open(folder, true, &p, NULL), BP_EPERM);
}

static void test_pseudonym_key_behind_a_link_is_refused(void **state)
{
    struct bp_pseudonyms *p = NULL;
    (void)state;
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(bp_pseudonyms_open(path, true, &p, NULL), BP_EIO);
}

static void test_pseudonym_of_nik_is_stable_and_of_the_key(void **state)
{
    char first[BP_SUBJECT_CHARS + 1], again[BP_SUBJECT_CHARS + 1], other[BP_SUBJECT_CHARS + 1],
        of_b[BP_SUBJECT_CHARS + 1];
    struct bp_pseudonyms *a = of_key(KEY_A), *b = of_key(KEY_B "\n");
    (void)state;

    bp_pseudonym_of_nik(a, BP_STR("1807991508900001"), first);
    bp_pseudonym_of_nik(a, BP_STR("1807991508900001"), again);
    bp_pseudonym_of_nik(a, BP_STR("1807991508900002"), other);
    bp_pseudonym_of_nik(b, BP_STR("1807991508900001"), of_b);

    assert_memory_equal(first, "w_", 2);
    assert_true(is_crockford(first + 2, 20));
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_string_not_equal(first, of_b);
    assert_int_not_equal(bp_pseudonyms_key_id(a), bp_pseudonyms_key_id(b));
    bp_pseudonyms_close(a);
    bp_pseudonyms_close(b);
}

static void test_pseudonym_for_readers_differs_and_stays(void **state)
{
    char one[101], again[101], two[101];
    struct bp_pseudonyms *p = of_key(KEY_A);
    (void)state;

    reader_form(p, "kl.komdigi", "w_9F3KX2M7QJ4T8B6N5R1C", one);
    reader_form(p, "kl.komdigi", "w_9F3KX2M7QJ4T8B6N5R1C", again);
    reader_form(p, "prov.18", "w_9F3KX2M7QJ4T8B6N5R1C", two);

    assert_memory_equal(one, "p_", 2);
    assert_true(is_crockford(one + 2, 20));
    assert_string_equal(one, again);
    assert_string_not_equal(one, two);
    bp_pseudonyms_close(p);
}

static void test_pseudonym_prefix_tells_only_a_letter(void **state)
{
    static const char *const without[] = {
        "0192f3a1-7c11-7c3e-9f55-2a4b6c8d0e1f", "Siti_Aminah_17", "C_1", "_", "c", "", "18_07"};
    char form[101];
    struct bp_pseudonyms *p = of_key(KEY_A);
    (void)state;

    reader_form(p, "prov.18", "c_5T8B6N5R1C9F3KX2M7QJ", form);
    assert_true(memcmp(form, "c_", 2) == 0 && is_crockford(form + 2, 20));
    reader_form(p, "prov.18", "e_TW_00412", form);
    assert_true(memcmp(form, "e_", 2) == 0 && is_crockford(form + 2, 20));
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        reader_form(p, "prov.18", without[i], form);
        assert_int_equal(strlen(form), 36);
        assert_int_equal(form[14], '8'); /* version of the UUID */
    }
    assert_int_equal(bp_pseudonym_for_reader(p, BP_STR("prov.18"), BP_STR("x"), form, 35), 0);
    bp_pseudonyms_close(p);
}

static void test_pseudonym_where_the_reader_ends_is_never_in_doubt(void **state)
{
    char one[101], two[101];
    struct bp_pseudonyms *p = of_key(KEY_A);
    (void)state;

    reader_form(p, "kab.1", "8abc", one);
    reader_form(p, "kab.18", "abc", two);

    assert_string_not_equal(one, two);
    bp_pseudonyms_close(p);
}

/* The forms are stored in records and held by readers: what makes them may never change. */
static void test_pseudonym_forms_are_for_ever(void **state)
{
    char nik[BP_SUBJECT_CHARS + 1], form[101];
    struct bp_pseudonyms *p = of_key(KEY_A);
    (void)state;

    bp_pseudonym_of_nik(p, BP_STR("1807991508900001"), nik);
    reader_form(p, "prov.18", "w_9F3KX2M7QJ4T8B6N5R1C", form);

    assert_string_equal(nik, "w_Z405KQ9825MZSQR2WNTN");
    assert_string_equal(form, "p_EK9HD9M5MW04BY8DGJB8");
    bp_pseudonyms_close(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pseudonym_key_missing_is_made_once),
        TEST(test_pseudonym_key_open_to_others_is_refused),
        TEST(test_pseudonym_key_malformed_is_refused),
        TEST(test_pseudonym_key_behind_a_link_is_refused),
        TEST(test_pseudonym_of_nik_is_stable_and_of_the_key),
        TEST(test_pseudonym_for_readers_differs_and_stays),
        TEST(test_pseudonym_prefix_tells_only_a_letter),
        TEST(test_pseudonym_where_the_reader_ends_is_never_in_doubt),
        TEST(test_pseudonym_forms_are_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
