/* The files of an agency's client, which others renew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "files.h"
#include "world.h"

#define DAY_MS INT64_C(86400000)
#define NOW_MS INT64_C(1000000000)

struct opened {
    struct bp_files files;
    struct bp_files_mark mark;
};

static void write_identity(const struct world *w, const struct pki_cert *cert)
{
    struct bp_buf text = {0};
    pki_add_key(&text, cert);
    pki_add_cert(&text, cert);
    world_write_file(w, "cert.pem", &text, 0600);
}

static bp_status load(struct opened *o, struct bp_err *err)
{
    struct bp_credentials *c = NULL;
    bp_status st = bp_files_load(&o->files, PKI_NOW_NS, &c, &o->mark, err);
    bp_credentials_destroy(c);
    return st;
}

static struct opened open_files(const struct world *w)
{
    struct opened o = {0};
    char *cert = world_path(w, "cert.pem"), *ca = world_path(w, "ca.pem");
    world_write_bundle(w);
    write_identity(w, &w->agency);
    assert_int_equal(bp_files_init(&o.files, cert, NULL, ca, NULL), BP_OK);
    assert_int_equal(load(&o, NULL), BP_OK);
    free(cert);
    free(ca);
    return o;
}

static bool has_changed(const struct opened *o)
{
    const struct bp_files_mark now = bp_files_mark_of(&o->files);
    return !bp_files_mark_is(&o->mark, &now);
}

static void test_files_renewed_ones_show_until_they_are_loaded(void **state)
{
    const struct world *w = *state;
    struct opened o = open_files(w);
    assert_false(has_changed(&o));

    write_identity(w, &w->agency);
    assert_true(has_changed(&o));
    assert_int_equal(load(&o, NULL), BP_OK);
    assert_false(has_changed(&o));

    world_write_bundle(w);
    assert_true(has_changed(&o));
    bp_files_fini(&o.files);
}

static void test_files_of_somebody_else_are_refused(void **state)
{
    const struct world *w = *state;
    struct opened o = open_files(w);
    struct bp_err err = {""};
    struct pki_cert other = world_leaf("agency/kab.18.08", "clientAuth", &w->agencies);
    struct pki_cert namesake = world_leaf("operator/kab.18.07", "clientAuth", &w->operators);

    write_identity(w, &other);
    assert_int_equal(load(&o, &err), BP_EAUTH);
    assert_non_null(strstr(err.text, "is now of agency kab.18.08"));
    write_identity(w, &namesake);
    assert_int_equal(load(&o, &err), BP_EAUTH);
    write_identity(w, &w->agency);
    assert_int_equal(load(&o, &err), BP_OK);

    pki_free(&other);
    pki_free(&namesake);
    bp_files_fini(&o.files);
}

/* The certificate is good from a day ago for eleven days. */
static void test_files_warn_once_a_day_when_a_third_is_left(void **state)
{
    const struct world *w = *state;
    struct opened o = open_files(w);
    const int64_t due_ns = PKI_NOW_NS + 10 * DAY_NS - 11 * DAY_NS / 3;
    char words[200];

    assert_false(bp_files_take_warning(&o.files, due_ns - DAY_NS, NOW_MS, words, sizeof(words)));
    assert_true(bp_files_take_warning(&o.files, due_ns + 1, NOW_MS, words, sizeof(words)));
    assert_non_null(strstr(words, "kab.18.07 ends at 2030-03-27T"));
    assert_false(
        bp_files_take_warning(&o.files, due_ns + 1, NOW_MS + DAY_MS - 1, words, sizeof(words)));
    assert_true(bp_files_take_warning(&o.files, due_ns + 1, NOW_MS + DAY_MS, words, sizeof(words)));

    bp_files_fini(&o.files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_files_renewed_ones_show_until_they_are_loaded),
        WITH_WORLD(test_files_of_somebody_else_are_refused),
        WITH_WORLD(test_files_warn_once_a_day_when_a_third_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
