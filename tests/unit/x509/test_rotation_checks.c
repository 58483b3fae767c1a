/* What a server's set of files is held against before it takes the place of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static const struct loading plain = {0}, with_crls = {.with_crls = true},
                            at_start = {.with_crls = true, .barred = true};

static struct pki_cert server_with(const struct world *w, const char *names)
{
    char san[160];
    snprintf(san, sizeof(san), "URI:spiffe://berbagi.example/server/one%s", names);
    const struct pki_spec spec = {.name = "server/one", .san = san, .eku = "serverAuth"};
    return pki_make(&spec, &w->servers);
}

static struct bp_credentials *load_server_with(const struct world *w, const char *names)
{
    struct pki_cert own = server_with(w, names);
    world_write_pair(w, &own, &own);
    world_write_bundle(w);
    pki_free(&own);
    return world_load(w, &plain);
}

static void test_rotation_checks_server_without_host_name_is_refused(void **state)
{
    const struct world *w = *state;
    struct pki_cert own = server_with(w, "");
    world_write_pair(w, &own, &own);
    world_write_bundle(w);

    world_expect_load_fails(w, &plain, "cert.pem: has no host name");

    pki_free(&own);
}

static void test_rotation_checks_host_name_that_is_gone_is_named(void **state)
{
    const struct world *w = *state;
    struct bp_err err = {""};
    struct bp_credentials *before = load_server_with(w, ",DNS:a.example,DNS:b.example,IP:10.0.0.1");
    struct bp_credentials *more =
        load_server_with(w, ",DNS:c.example,IP:10.0.0.1,DNS:b.example,DNS:a.example");
    struct bp_credentials *less = load_server_with(w, ",DNS:a.example,IP:10.0.0.1");
    struct bp_credentials *elsewhere = load_server_with(w, ",DNS:a.example,DNS:b.example");

    assert_int_equal(bp_credentials_check_names(more, before, &err), BP_OK);
    assert_int_equal(bp_credentials_check_names(less, before, &err), BP_EINVAL);
    assert_non_null(strstr(err.text, "b.example"));
    assert_int_equal(bp_credentials_check_names(elsewhere, before, &err), BP_EINVAL);
    assert_non_null(strstr(err.text, "IP address 10.0.0.1"));

    bp_credentials_destroy(before);
    bp_credentials_destroy(more);
    bp_credentials_destroy(less);
    bp_credentials_destroy(elsewhere);
}

static void test_rotation_checks_server_of_another_trust_domain_is_refused(void **state)
{
    const struct world *w = *state;
    world_write_server(w);

    bp_credentials_destroy(world_load(w, &(struct loading){.trust_domain = "berbagi.example"}));
    world_expect_load_fails(w, &(struct loading){.trust_domain = "other.example"},
                            "expected other.example");
}

static void test_rotation_checks_facts_are_told(void **state)
{
    const struct world *w = *state;
    struct bp_identity own;
    struct bp_buf pem = {0};
    pki_add_cert(&pem, &w->server);
    assert_int_equal(bp_identity_of_pem(bp_buf_str(&pem), NULL, PKI_NOW_NS, &own, NULL), BP_OK);
    bp_buf_fini(&pem);
    world_write_server(w);
    world_write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &w->agency});

    struct bp_credentials *c = world_load(w, &with_crls);

    assert_string_equal(bp_credentials_serial(c), own.serial);
    assert_int_equal(bp_credentials_authorities(c), 4);
    assert_int_equal(bp_credentials_revoked(c), 1);
    assert_int_equal(bp_credentials_check_lists(c, PKI_NOW_NS, NULL), BP_OK);
    assert_int_equal(bp_credentials_check_lists(c, PKI_NOW_NS + 8 * DAY_NS, NULL), BP_EAUTH);
    bp_credentials_destroy(c);
}

static void test_rotation_checks_start_with_bad_lists_bars_everybody(void **state)
{
    const struct world *w = *state;
    struct bp_err err = {""};
    const struct pki_crl bad[] = {
        {.issuer = &w->agencies, .from_s = -PKI_DAY_S, .until_s = -60},
        {.issuer = &w->agencies, .signer = &w->stranger},
        {.issuer = &w->servers},
    };
    world_write_server(w);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        world_write_crls(w, &bad[i]);
        world_expect_load_fails(w, &with_crls, "CRL");

        struct bp_credentials *c = world_load(w, &at_start);

        assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_EAUTH);
        assert_int_equal(bp_credentials_check_lists(c, PKI_NOW_NS, &err), BP_EAUTH);
        assert_non_null(strstr(err.text, "CRL"));
        bp_credentials_destroy(c);
    }
}

static void test_rotation_checks_start_without_a_list_bars_everybody(void **state)
{
    const struct world *w = *state;
    struct bp_err err = {""};
    world_write_server(w); /* and no crl.pem */

    struct bp_credentials *c = world_load(w, &at_start);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_EAUTH);
    assert_int_equal(bp_credentials_check_lists(c, PKI_NOW_NS, &err), BP_EAUTH);
    assert_non_null(strstr(err.text, "crl.pem"));
    bp_credentials_destroy(c);
}

static void test_rotation_checks_start_with_another_fault_fails(void **state)
{
    const struct world *w = *state;
    world_write_pair(w, &w->server, &w->agency);
    world_write_bundle(w);
    world_write_crls(w, NULL);

    world_expect_load_fails(w, &at_start, "key.pem: is not the key");
}

static void write_issuers(const struct world *w, const struct pki_cert *a, const struct pki_cert *b)
{
    struct bp_buf text = {0};
    pki_add_cert(&text, a);
    if (b != NULL)
        pki_add_cert(&text, b);
    world_write_file(w, "issuers.pem", &text, 0644);
}

static const struct loading listed = {.agency_issuers = "issuers.pem"};

static void test_rotation_checks_issuer_listed_for_agencies_makes_them(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    write_issuers(w, &w->stranger, &w->agencies);

    struct bp_credentials *c = world_load(w, &listed);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_OK);
    world_expect_refused(c, &w->forged_operator, "may not sign for the path /operator/");
    bp_credentials_destroy(c);
}

static void test_rotation_checks_issuer_not_listed_makes_no_agency(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    write_issuers(w, &w->stranger, NULL);

    struct bp_credentials *c = world_load(w, &listed);

    world_expect_refused(c, &w->agency, "may not sign for the path /agency/");
    bp_credentials_destroy(c);
}

static void test_rotation_checks_listing_gives_no_policy(void **state)
{
    const struct world *w = *state;
    struct pki_cert forged = world_leaf("agency/kab.18.07", "clientAuth", &w->operators);
    world_write_server(w);
    write_issuers(w, &w->operators, NULL);

    struct bp_credentials *c = world_load(w, &listed);

    world_expect_refused(c, &forged, "may not sign for the path /agency/");
    bp_credentials_destroy(c);
    pki_free(&forged);
}

static void test_rotation_checks_bad_issuers_are_refused(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_expect_load_fails(w, &listed, "issuers.pem");
    write_issuers(w, &w->agencies, &w->agency);
    world_expect_load_fails(w, &listed, "issuers.pem: ");
}

static void test_rotation_checks_sets_are_told_apart_by_content(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(w, NULL);
    struct bp_credentials *first = world_load(w, &with_crls), *again = world_load(w, &with_crls);
    world_write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &w->agency});
    struct bp_credentials *new_lists = world_load(w, &with_crls);
    struct bp_credentials *new_server = load_server_with(w, ",DNS:a.example");

    assert_true(bp_credentials_is_same(first, again) && bp_credentials_shows_same(first, again));
    assert_false(bp_credentials_is_same(first, new_lists));
    assert_true(bp_credentials_shows_same(first, new_lists));
    assert_false(bp_credentials_shows_same(first, new_server));

    struct bp_credentials *all[] = {first, again, new_lists, new_server};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        bp_credentials_destroy(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_rotation_checks_server_without_host_name_is_refused),
        WITH_WORLD(test_rotation_checks_host_name_that_is_gone_is_named),
        WITH_WORLD(test_rotation_checks_server_of_another_trust_domain_is_refused),
        WITH_WORLD(test_rotation_checks_facts_are_told),
        WITH_WORLD(test_rotation_checks_start_with_bad_lists_bars_everybody),
        WITH_WORLD(test_rotation_checks_start_without_a_list_bars_everybody),
        WITH_WORLD(test_rotation_checks_start_with_another_fault_fails),
        WITH_WORLD(test_rotation_checks_issuer_listed_for_agencies_makes_them),
        WITH_WORLD(test_rotation_checks_issuer_not_listed_makes_no_agency),
        WITH_WORLD(test_rotation_checks_listing_gives_no_policy),
        WITH_WORLD(test_rotation_checks_bad_issuers_are_refused),
        WITH_WORLD(test_rotation_checks_sets_are_told_apart_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
