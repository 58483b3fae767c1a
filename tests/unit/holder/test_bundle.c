/* A root that is known, one that is not, and CAs below both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bundle.h"
#include "pki.h"

struct world {
    struct pki_cert root, agencies, next_agencies, stranger, strange_agencies;
};

static struct pki_cert make_ca(const char *name, const struct pki_cert *issuer)
{
    const struct pki_spec spec = {
        .name = name, .is_ca = true, .from_s = -PKI_DAY_S, .until_s = 1000 * PKI_DAY_S};
    return pki_make(&spec, issuer);
}

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->root = make_ca("root", NULL);
    w->agencies = make_ca("agencies", &w->root);
    w->next_agencies = make_ca("agencies 2", &w->root);
    w->stranger = make_ca("stranger", NULL);
    w->strange_agencies = make_ca("strange agencies", &w->stranger);
    *state = w;
    return 0;
}

static int free_world(void **state)
{
    struct world *w = *state;
    struct pki_cert *all[] = {&w->root, &w->agencies, &w->next_agencies, &w->stranger,
                              &w->strange_agencies};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        pki_free(all[i]);
    free(w);
    return 0;
}

#define MOST 4

/* Up to four CAs, NULL behind them. */
static struct bp_buf pem_of(const struct pki_cert *const cas[MOST + 1])
{
    struct bp_buf text = {0};
    for (size_t i = 0; cas[i] != NULL; i++)
        pki_add_cert(&text, cas[i]);
    return text;
}

#define PEM(...) pem_of((const struct pki_cert *const[MOST + 1]){__VA_ARGS__, NULL})

static struct bp_bundle compare(struct bp_buf known, struct bp_buf offer)
{
    struct bp_bundle b = {.is_new = false};
    struct bp_err err = {""};
    if (bp_bundle_compare(bp_buf_str(&known), bp_buf_str(&offer), PKI_NOW_NS, &b, &err) != BP_OK)
        fail_msg("%s", err.text);
    bp_buf_fini(&known);
    bp_buf_fini(&offer);
    return b;
}

static void expect_pem(const struct bp_buf *text, struct bp_buf wanted)
{
    assert_true(bp_str_eq(bp_buf_str(text), bp_buf_str(&wanted)));
    bp_buf_fini(&wanted);
}

static void test_bundle_same_offer_changes_nothing(void **state)
{
    const struct world *w = *state;

    struct bp_bundle b = compare(PEM(&w->root, &w->agencies), PEM(&w->agencies, &w->root));

    assert_false(b.is_new);
    assert_int_equal(b.n_strange, 0);
    bp_bundle_fini(&b);
}

static void test_bundle_ca_below_a_known_root_is_taken_in(void **state)
{
    const struct world *w = *state;

    struct bp_bundle b =
        compare(PEM(&w->root, &w->agencies), PEM(&w->root, &w->agencies, &w->next_agencies));

    assert_true(b.is_new);
    expect_pem(&b.next, PEM(&w->root, &w->agencies, &w->next_agencies));
    expect_pem(&b.both, PEM(&w->root, &w->agencies, &w->next_agencies));
    bp_bundle_fini(&b);
}

static void test_bundle_withdrawn_ca_is_left_out_at_the_end(void **state)
{
    const struct world *w = *state;

    struct bp_bundle b = compare(PEM(&w->root, &w->agencies), PEM(&w->root, &w->next_agencies));

    assert_true(b.is_new);
    expect_pem(&b.next, PEM(&w->root, &w->next_agencies));
    expect_pem(&b.both, PEM(&w->root, &w->next_agencies, &w->agencies));
    bp_bundle_fini(&b);
}

static void test_bundle_new_root_and_what_it_signed_are_left_out(void **state)
{
    const struct world *w = *state;

    struct bp_bundle b = compare(PEM(&w->root, &w->agencies),
                                 PEM(&w->root, &w->agencies, &w->stranger, &w->strange_agencies));

    assert_false(b.is_new);
    assert_int_equal(b.n_strange, 2);
    bp_bundle_fini(&b);
}

static void test_bundle_offer_without_a_known_root_changes_nothing(void **state)
{
    const struct world *w = *state;

    struct bp_bundle b = compare(PEM(&w->root, &w->agencies), PEM(&w->agencies, &w->next_agencies));

    assert_false(b.is_new);
    bp_bundle_fini(&b);
}

static void test_bundle_offer_that_is_none_is_refused(void **state)
{
    const struct world *w = *state;
    struct bp_buf known = PEM(&w->root);
    struct bp_bundle b = {.is_new = false};

    assert_int_equal(bp_bundle_compare(bp_buf_str(&known), BP_STR("none"), PKI_NOW_NS, &b, NULL),
                     BP_EINVAL);

    bp_buf_fini(&known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bundle_same_offer_changes_nothing),
        TEST(test_bundle_ca_below_a_known_root_is_taken_in),
        TEST(test_bundle_withdrawn_ca_is_left_out_at_the_end),
        TEST(test_bundle_new_root_and_what_it_signed_are_left_out),
        TEST(test_bundle_offer_without_a_known_root_changes_nothing),
        TEST(test_bundle_offer_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
