/* Loading a set of files, and judging peers with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static const struct loading plain = {0}, with_crls = {.with_crls = true};

static void test_credentials_good_files_load(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(w, NULL);

    struct bp_credentials *c = world_load(w, &with_crls);

    assert_int_equal(strncmp(bp_credentials_cert_pem(c), "-----BEGIN CERTIFICATE", 22), 0);
    assert_int_equal(strncmp(bp_credentials_key_pem(c), "-----BEGIN PRIVATE KEY", 22), 0);
    assert_int_equal(strncmp(bp_credentials_ca_pem(c), "-----BEGIN CERTIFICATE", 22), 0);
    assert_int_equal(bp_credentials_not_after_ns(c), PKI_NOW_NS + 10 * DAY_NS);
    assert_int_equal(bp_credentials_crl_next_update_ns(c), PKI_NOW_NS + 7 * DAY_NS);
    bp_credentials_destroy(c);
}

static void write_one_file(const struct world *w, const struct pki_cert *cert,
                           const struct pki_cert *key, unsigned mode)
{
    struct bp_buf text = {0};
    pki_add_key(&text, key);
    pki_add_cert(&text, cert);
    world_write_file(w, "cert.pem", &text, mode);
    world_write_bundle(w);
}

static const struct loading one_file = {.as_client = true, .in_one_file = true};

static void test_credentials_key_and_certificate_in_one_file_load(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->agency, 0600);

    struct bp_credentials *c = world_load(w, &one_file);

    assert_int_equal(strncmp(bp_credentials_cert_pem(c), "-----BEGIN CERTIFICATE", 22), 0);
    assert_null(strstr(bp_credentials_cert_pem(c), "PRIVATE"));
    assert_non_null(strstr(bp_credentials_key_pem(c), "-----BEGIN PRIVATE KEY"));
    bp_credentials_destroy(c);
}

static void test_credentials_one_file_is_as_secret_as_a_key(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->agency, 0644);

    world_expect_load_fails(w, &one_file, "cert.pem: mode is 0644");
}

static void test_credentials_one_file_with_anothers_key_is_refused(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->forged_operator, 0600);

    world_expect_load_fails(w, &one_file, "cert.pem: is not the key of the certificate");
}

static void test_credentials_client_files_load_as_client_alone(void **state)
{
    const struct world *w = *state;
    world_write_pair(w, &w->agency, &w->agency);
    world_write_bundle(w);

    struct bp_credentials *c = world_load(w, &(struct loading){.as_client = true});

    assert_int_equal(world_check(c, &w->server, PKI_NOW_NS, NULL), BP_OK);
    assert_int_equal(bp_credentials_crl_next_update_ns(c), INT64_MAX);
    world_expect_refused(c, &w->agency, "purpose");
    bp_credentials_destroy(c);
    world_expect_load_fails(w, &plain, "/agency/");
}

static void test_credentials_key_of_another_certificate_is_refused(void **state)
{
    const struct world *w = *state;
    world_write_pair(w, &w->server, &w->agency);
    world_write_bundle(w);
    world_expect_load_fails(w, &plain, "key.pem: is not the key");
}

static void test_credentials_key_others_can_reach_is_refused(void **state)
{
    const struct world *w = *state;
    static const unsigned modes[] = {0644, 0640, 0604, 0660, 0601};
    char *path = world_path(w, "key.pem");
    world_write_server(w);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        world_expect_load_fails(w, &plain, "chmod 0600");
    }
    free(path);
}

static const char *const file_names[] = {"cert.pem", "key.pem", "ca.pem", "crl.pem"};

static void test_credentials_damaged_files_are_named(void **state)
{
    const struct world *w = *state;
    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        struct bp_buf text = {0};
        world_write_server(w);
        world_write_crls(w, NULL);
        bp_buf_add_text(&text, "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n");
        world_write_file(w, file_names[i], &text, 0600);
        world_expect_load_fails(w, &with_crls, file_names[i]);
        char *path = world_path(w, file_names[i]);
        unlink(path);
        free(path);
        world_expect_load_fails(w, &with_crls, file_names[i]);
    }
}

static void test_credentials_own_certificate_of_another_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct pki_cert own = world_leaf("server/one", "serverAuth", &w->stranger);
    world_write_pair(w, &own, &own);
    world_write_bundle(w);
    world_expect_load_fails(w, &plain, "cert.pem: its chain does not hold");
    pki_free(&own);
}

static void test_credentials_bundle_with_a_leaf_or_a_weak_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    struct pki_spec weak = {.name = "weak", .is_ca = true, .key = "P-224"};
    struct pki_cert weak_ca = pki_make(&weak, NULL);
    world_write_server(w);

    pki_add_cert(&text, &w->agency);
    world_write_file(w, "ca.pem", &text, 0644);
    world_expect_load_fails(w, &plain, "not the certificate of a CA");
    pki_add_cert(&text, &weak_ca);
    world_write_file(w, "ca.pem", &text, 0644);
    world_expect_load_fails(w, &plain, "curve");
    pki_free(&weak_ca);
}

static void test_credentials_peer_of_a_known_ca_passes(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(w, NULL);
    struct bp_credentials *c = world_load(w, &with_crls);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_OK);
    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS + 1, NULL), BP_OK);

    bp_credentials_destroy(c);
}

static void test_credentials_peer_of_an_unknown_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct pki_cert peer = world_leaf("agency/kab.18.07", "clientAuth", &w->stranger);
    world_write_server(w);
    struct bp_credentials *c = world_load(w, &plain);

    world_expect_refused(c, &peer, "its chain does not hold");

    bp_credentials_destroy(c);
    pki_free(&peer);
}

static void test_credentials_agency_ca_cannot_make_an_operator(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    struct bp_credentials *c = world_load(w, &plain);

    world_expect_refused(c, &w->forged_operator, "may not sign for the path /operator/");

    bp_credentials_destroy(c);
}

static void test_credentials_client_ca_cannot_make_a_server(void **state)
{
    const struct world *w = *state;
    struct pki_cert forged = world_leaf("server/one", "serverAuth", &w->agencies);
    world_write_pair(w, &w->agency, &w->agency);
    world_write_bundle(w);
    struct bp_credentials *c = world_load(w, &(struct loading){.as_client = true});

    world_expect_refused(c, &forged, "its chain does not hold");

    bp_credentials_destroy(c);
    pki_free(&forged);
}

static void test_credentials_root_without_policy_can_assert_nothing(void **state)
{
    const struct world *w = *state;
    struct pki_cert peer = world_leaf("agency/kab.18.07", "clientAuth", &w->root);
    world_write_server(w);
    struct bp_credentials *c = world_load(w, &plain);

    world_expect_refused(c, &peer, "may not sign");

    bp_credentials_destroy(c);
    pki_free(&peer);
}

static void test_credentials_peer_is_refused_before_and_after_its_dates(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    struct bp_credentials *c = world_load(w, &plain);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_OK);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS + 10 * DAY_NS, NULL), BP_OK);
    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS + 11 * DAY_NS, NULL), BP_EAUTH);
    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS - 2 * DAY_NS, NULL), BP_EAUTH);
    bp_credentials_destroy(c);
}

static void test_credentials_revoked_peer_is_barred(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &w->agency});
    struct bp_credentials *c = world_load(w, &with_crls);
    struct bp_err err = {""};

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, &err), BP_EPERM);

    assert_non_null(strstr(err.text, "revoked"));
    bp_credentials_destroy(c);
}

static void test_credentials_same_serial_of_another_ca_is_not_barred(void **state)
{
    const struct world *w = *state;
    struct pki_cert other = world_leaf("operator/dewi", "clientAuth", &w->operators);
    world_write_server(w);
    world_write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &other});
    struct bp_credentials *c = world_load(w, &with_crls);

    assert_int_equal(world_check(c, &other, PKI_NOW_NS, NULL), BP_OK);

    bp_credentials_destroy(c);
    pki_free(&other);
}

static void test_credentials_revoked_issuing_ca_bars_its_peers(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    world_write_server(w);
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->root, .revoked = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->operators});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->servers});
    world_write_file(w, "crl.pem", &text, 0644);
    struct bp_credentials *c = world_load(w, &with_crls);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_EPERM);

    bp_credentials_destroy(c);
}

static void test_credentials_revoked_own_certificate_is_refused(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    world_write_server(w);
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->root});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->operators});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->servers, .revoked = &w->server});
    world_write_file(w, "crl.pem", &text, 0644);
    world_expect_load_fails(w, &with_crls, "cert.pem: revoked");
}

static void test_credentials_newest_list_of_a_ca_counts(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    const struct pki_cert *others[] = {&w->root, &w->operators, &w->servers};
    world_write_server(w);
    for (size_t i = 0; i < 3; i++)
        pki_add_crl(&text, &(struct pki_crl){.issuer = others[i]});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies,
                                         .revoked = &w->agency,
                                         .from_s = -60,
                                         .until_s = PKI_DAY_S});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    world_write_file(w, "crl.pem", &text, 0644);
    struct bp_credentials *c = world_load(w, &with_crls);

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS, NULL), BP_EPERM);
    assert_int_equal(bp_credentials_crl_next_update_ns(c), PKI_NOW_NS + DAY_NS);

    bp_credentials_destroy(c);
}

static void test_credentials_list_past_due_is_refused_at_load(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(
        w, &(struct pki_crl){.issuer = &w->agencies, .from_s = -PKI_DAY_S, .until_s = -60});

    world_expect_load_fails(w, &with_crls, "should have been replaced");

    bp_credentials_destroy(world_load(w, &(struct loading){.with_crls = true, .grace_s = 61}));
}

static void test_credentials_list_that_becomes_due_bars_everybody(void **state)
{
    const struct world *w = *state;
    struct bp_err err = {""};
    world_write_server(w);
    world_write_crls(w, NULL);
    struct bp_credentials *c = world_load(w, &(struct loading){.with_crls = true, .grace_s = 3600});
    const int64_t end_ns = PKI_NOW_NS + 7 * DAY_NS + 3600 * INT64_C(1000000000);

    assert_int_equal(world_check(c, &w->agency, end_ns, NULL), BP_OK);
    assert_int_equal(world_check(c, &w->agency, end_ns + 1, &err), BP_EAUTH);

    assert_non_null(strstr(err.text, "should have been replaced"));
    bp_credentials_destroy(c);
}

static void test_credentials_endless_grace_does_not_overflow(void **state)
{
    const struct world *w = *state;
    world_write_server(w);
    world_write_crls(w, NULL);
    struct bp_credentials *c =
        world_load(w, &(struct loading){.with_crls = true, .grace_s = UINT64_MAX});

    assert_int_equal(world_check(c, &w->agency, PKI_NOW_NS + 9 * DAY_NS, NULL), BP_OK);

    bp_credentials_destroy(c);
}

static void test_credentials_lists_that_cannot_count_are_refused(void **state)
{
    const struct world *w = *state;
    const struct {
        struct pki_crl crl;
        const char *words;
    } cases[] = {
        {{.issuer = &w->stranger}, "not signed by a CA of the bundle"},
        {{.issuer = &w->agencies, .signer = &w->stranger}, "not signed by a CA of the bundle"},
        {{.issuer = &w->agencies, .signer = &w->operators}, "not signed by a CA of the bundle"},
        {{.issuer = &w->agencies, .is_delta = true}, "partial"},
        {{.issuer = &w->agencies, .from_s = 3600, .until_s = PKI_DAY_S}, "future"},
        {{.issuer = &w->servers}, "no CRL of CN=agencies"},
    };
    world_write_server(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_write_crls(w, &cases[i].crl);
        world_expect_load_fails(w, &with_crls, cases[i].words);
    }
}

static void test_credentials_peer_without_identity_is_refused(void **state)
{
    const struct world *w = *state;
    const struct pki_spec spec = {.name = "nobody", .eku = "clientAuth"};
    struct pki_cert nobody = pki_make(&spec, &w->agencies);
    world_write_server(w);
    struct bp_credentials *c = world_load(w, &plain);

    world_expect_refused(c, &nobody, "no subject alternative name");
    assert_int_equal(bp_credentials_check_revocation(c, BP_STR("x"), PKI_NOW_NS, NULL), BP_EAUTH);

    bp_credentials_destroy(c);
    pki_free(&nobody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_credentials_good_files_load),
        WITH_WORLD(test_credentials_key_and_certificate_in_one_file_load),
        WITH_WORLD(test_credentials_one_file_is_as_secret_as_a_key),
        WITH_WORLD(test_credentials_one_file_with_anothers_key_is_refused),
        WITH_WORLD(test_credentials_client_files_load_as_client_alone),
        WITH_WORLD(test_credentials_key_of_another_certificate_is_refused),
        WITH_WORLD(test_credentials_key_others_can_reach_is_refused),
        WITH_WORLD(test_credentials_damaged_files_are_named),
        WITH_WORLD(test_credentials_own_certificate_of_another_ca_is_refused),
        WITH_WORLD(test_credentials_bundle_with_a_leaf_or_a_weak_ca_is_refused),
        WITH_WORLD(test_credentials_peer_of_a_known_ca_passes),
        WITH_WORLD(test_credentials_peer_of_an_unknown_ca_is_refused),
        WITH_WORLD(test_credentials_agency_ca_cannot_make_an_operator),
        WITH_WORLD(test_credentials_client_ca_cannot_make_a_server),
        WITH_WORLD(test_credentials_root_without_policy_can_assert_nothing),
        WITH_WORLD(test_credentials_peer_is_refused_before_and_after_its_dates),
        WITH_WORLD(test_credentials_revoked_peer_is_barred),
        WITH_WORLD(test_credentials_same_serial_of_another_ca_is_not_barred),
        WITH_WORLD(test_credentials_revoked_issuing_ca_bars_its_peers),
        WITH_WORLD(test_credentials_revoked_own_certificate_is_refused),
        WITH_WORLD(test_credentials_newest_list_of_a_ca_counts),
        WITH_WORLD(test_credentials_list_past_due_is_refused_at_load),
        WITH_WORLD(test_credentials_list_that_becomes_due_bars_everybody),
        WITH_WORLD(test_credentials_endless_grace_does_not_overflow),
        WITH_WORLD(test_credentials_lists_that_cannot_count_are_refused),
        WITH_WORLD(test_credentials_peer_without_identity_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
