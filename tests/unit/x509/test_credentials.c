/* A root, an issuing CA for each kind, a stranger's CA, and certificates below them; each test puts
 * together the files it is about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "credentials.h"
#include "file.h"
#include "pki.h"

#define DAY_NS (PKI_DAY_S * INT64_C(1000000000))
#define BIT(kind) (1u << (kind))

struct world {
    char dir[64];
    struct pki_cert root, agencies, operators, servers, stranger;
    struct pki_cert server, agency, forged_operator;
};

static struct pki_cert make_ca(const char *name, const char *eku, unsigned policies,
                               const struct pki_cert *issuer)
{
    const struct pki_spec spec = {.name = name,
                                  .is_ca = true,
                                  .eku = eku,
                                  .policies = policies,
                                  .from_s = -PKI_DAY_S,
                                  .until_s = 1000 * PKI_DAY_S};
    return pki_make(&spec, issuer);
}

static struct pki_cert make_leaf(const char *path, const char *eku, const struct pki_cert *issuer)
{
    char san[128];
    snprintf(san, sizeof(san), "URI:spiffe://berbagi.example/%s", path);
    const struct pki_spec spec = {.name = path, .san = san, .eku = eku};
    return pki_make(&spec, issuer);
}

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    const char *tmp = getenv("TMPDIR");
    snprintf(w->dir, sizeof(w->dir), "%s/berbagi-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(w->dir) == NULL)
        return -1;
    w->root = make_ca("root", NULL, 0, NULL);
    w->stranger = make_ca("stranger", NULL, BIT(BP_IDENTITY_AGENCY), NULL);
    w->agencies = make_ca("agencies", "clientAuth", BIT(BP_IDENTITY_AGENCY), &w->root);
    w->operators = make_ca("operators", "clientAuth", BIT(BP_IDENTITY_OPERATOR), &w->root);
    w->servers = make_ca("servers", "serverAuth", BIT(BP_IDENTITY_SERVER), &w->root);
    w->server = make_leaf("server/one", "serverAuth", &w->servers);
    w->agency = make_leaf("agency/kab.18.07", "clientAuth", &w->agencies);
    w->forged_operator = make_leaf("operator/dewi", "clientAuth", &w->agencies);
    *state = w;
    return 0;
}

static const char *const file_names[] = {"cert.pem", "key.pem", "ca.pem", "crl.pem"};

static char *path_in(const struct world *w, const char *name)
{
    char *path = bp_path_join(w->dir, name);
    assert_non_null(path);
    return path;
}

static int free_world(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        char *path = path_in(w, file_names[i]);
        unlink(path);
        free(path);
    }
    rmdir(w->dir);
    struct pki_cert *all[] = {&w->root,     &w->agencies, &w->operators, &w->servers,
                              &w->stranger, &w->server,   &w->agency,    &w->forged_operator};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        pki_free(all[i]);
    free(w);
    return 0;
}

/* Writes and empties text. */
static void write_file(const struct world *w, const char *name, struct bp_buf *text, unsigned mode)
{
    char *path = path_in(w, name);
    assert_int_equal(bp_file_write(path, text->p, text->n, mode, NULL), BP_OK);
    free(path);
    bp_buf_fini(text);
}

static void write_pair(const struct world *w, const struct pki_cert *cert,
                       const struct pki_cert *key)
{
    struct bp_buf text = {0};
    pki_add_cert(&text, cert);
    write_file(w, "cert.pem", &text, 0644);
    pki_add_key(&text, key);
    write_file(w, "key.pem", &text, 0600);
}

static void write_bundle(const struct world *w)
{
    struct bp_buf text = {0};
    const struct pki_cert *cas[] = {&w->root, &w->agencies, &w->operators, &w->servers};
    for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++)
        pki_add_cert(&text, cas[i]);
    write_file(w, "ca.pem", &text, 0644);
}

/* The lists of all CAs, that of the agencies' as given (NULL: a plain one). */
static void write_crls(const struct world *w, const struct pki_crl *agencies)
{
    struct bp_buf text = {0};
    const struct pki_cert *cas[] = {&w->root, &w->operators, &w->servers};
    for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++)
        pki_add_crl(&text, &(struct pki_crl){.issuer = cas[i]});
    pki_add_crl(&text, agencies != NULL ? agencies : &(struct pki_crl){.issuer = &w->agencies});
    write_file(w, "crl.pem", &text, 0644);
}

struct loading {
    bool with_crls;
    uint64_t grace_s;
    bool as_client;
    bool in_one_file; /* cert.pem holds the key as well */
};

static bp_status load(const struct world *w, const struct loading *how, struct bp_credentials **out,
                      struct bp_err *err)
{
    char *cert = path_in(w, "cert.pem"), *key = path_in(w, "key.pem"), *ca = path_in(w, "ca.pem");
    char *crl = path_in(w, "crl.pem");
    const char *const crls[] = {crl};
    const struct bp_credential_files files = {.cert = cert,
                                              .key = how->in_one_file ? NULL : key,
                                              .ca = ca,
                                              .crls = crls,
                                              .n_crls = how->with_crls ? 1 : 0,
                                              .crl_grace_s = how->grace_s};
    bp_status st = bp_credentials_load(&files, !how->as_client, PKI_NOW_NS, out, err);
    free(cert);
    free(key);
    free(ca);
    free(crl);
    return st;
}

static struct bp_credentials *load_well(const struct world *w, const struct loading *how)
{
    struct bp_credentials *c = NULL;
    struct bp_err err = {""};
    if (load(w, how, &c, &err) != BP_OK)
        fail_msg("%s", err.text);
    return c;
}

static void expect_load_fails(const struct world *w, const struct loading *how, const char *words)
{
    struct bp_credentials *c = NULL;
    struct bp_err err = {""};

    assert_int_not_equal(load(w, how, &c, &err), BP_OK);

    assert_null(c);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
}

static bp_status check_at(const struct bp_credentials *c, const struct pki_cert *peer,
                          int64_t now_ns, struct bp_err *err)
{
    struct bp_buf pem = {0};
    pki_add_cert(&pem, peer);
    bp_status st = bp_credentials_check_revocation(c, bp_buf_str(&pem), now_ns, err);
    bp_buf_fini(&pem);
    return st;
}

static void expect_refused(const struct bp_credentials *c, const struct pki_cert *peer,
                           const char *words)
{
    struct bp_err err = {""};
    assert_int_equal(check_at(c, peer, PKI_NOW_NS, &err), BP_EAUTH);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
}

static void write_server(const struct world *w)
{
    write_pair(w, &w->server, &w->server);
    write_bundle(w);
}

static const struct loading plain = {0}, with_crls = {.with_crls = true};

static void test_credentials_good_files_load(void **state)
{
    const struct world *w = *state;
    write_server(w);
    write_crls(w, NULL);

    struct bp_credentials *c = load_well(w, &with_crls);

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
    write_file(w, "cert.pem", &text, mode);
    write_bundle(w);
}

static const struct loading one_file = {.as_client = true, .in_one_file = true};

static void test_credentials_key_and_certificate_in_one_file_load(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->agency, 0600);

    struct bp_credentials *c = load_well(w, &one_file);

    assert_int_equal(strncmp(bp_credentials_cert_pem(c), "-----BEGIN CERTIFICATE", 22), 0);
    assert_null(strstr(bp_credentials_cert_pem(c), "PRIVATE"));
    assert_non_null(strstr(bp_credentials_key_pem(c), "-----BEGIN PRIVATE KEY"));
    bp_credentials_destroy(c);
}

static void test_credentials_one_file_is_as_secret_as_a_key(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->agency, 0644);

    expect_load_fails(w, &one_file, "cert.pem: mode is 0644");
}

static void test_credentials_one_file_with_anothers_key_is_refused(void **state)
{
    const struct world *w = *state;
    write_one_file(w, &w->agency, &w->forged_operator, 0600);

    expect_load_fails(w, &one_file, "cert.pem: is not the key of the certificate");
}

static void test_credentials_client_files_load_as_client_alone(void **state)
{
    const struct world *w = *state;
    write_pair(w, &w->agency, &w->agency);
    write_bundle(w);

    struct bp_credentials *c = load_well(w, &(struct loading){.as_client = true});

    assert_int_equal(check_at(c, &w->server, PKI_NOW_NS, NULL), BP_OK);
    assert_int_equal(bp_credentials_crl_next_update_ns(c), INT64_MAX);
    expect_refused(c, &w->agency, "purpose");
    bp_credentials_destroy(c);
    expect_load_fails(w, &plain, "/agency/");
}

static void test_credentials_key_of_another_certificate_is_refused(void **state)
{
    const struct world *w = *state;
    write_pair(w, &w->server, &w->agency);
    write_bundle(w);
    expect_load_fails(w, &plain, "key.pem: is not the key");
}

static void test_credentials_key_others_can_reach_is_refused(void **state)
{
    const struct world *w = *state;
    static const unsigned modes[] = {0644, 0640, 0604, 0660, 0601};
    char *path = path_in(w, "key.pem");
    write_server(w);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        expect_load_fails(w, &plain, "chmod 0600");
    }
    free(path);
}

static void test_credentials_damaged_files_are_named(void **state)
{
    const struct world *w = *state;
    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        struct bp_buf text = {0};
        write_server(w);
        write_crls(w, NULL);
        bp_buf_add_text(&text, "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n");
        write_file(w, file_names[i], &text, 0600);
        expect_load_fails(w, &with_crls, file_names[i]);
        char *path = path_in(w, file_names[i]);
        unlink(path);
        free(path);
        expect_load_fails(w, &with_crls, file_names[i]);
    }
}

static void test_credentials_own_certificate_of_another_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct pki_cert own = make_leaf("server/one", "serverAuth", &w->stranger);
    write_pair(w, &own, &own);
    write_bundle(w);
    expect_load_fails(w, &plain, "cert.pem: its chain does not hold");
    pki_free(&own);
}

static void test_credentials_bundle_with_a_leaf_or_a_weak_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    struct pki_spec weak = {.name = "weak", .is_ca = true, .key = "P-224"};
    struct pki_cert weak_ca = pki_make(&weak, NULL);
    write_server(w);

    pki_add_cert(&text, &w->agency);
    write_file(w, "ca.pem", &text, 0644);
    expect_load_fails(w, &plain, "not the certificate of a CA");
    pki_add_cert(&text, &weak_ca);
    write_file(w, "ca.pem", &text, 0644);
    expect_load_fails(w, &plain, "curve");
    pki_free(&weak_ca);
}

static void test_credentials_peer_of_a_known_ca_passes(void **state)
{
    const struct world *w = *state;
    write_server(w);
    write_crls(w, NULL);
    struct bp_credentials *c = load_well(w, &with_crls);

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS, NULL), BP_OK);
    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS + 1, NULL), BP_OK);

    bp_credentials_destroy(c);
}

static void test_credentials_peer_of_an_unknown_ca_is_refused(void **state)
{
    const struct world *w = *state;
    struct pki_cert peer = make_leaf("agency/kab.18.07", "clientAuth", &w->stranger);
    write_server(w);
    struct bp_credentials *c = load_well(w, &plain);

    expect_refused(c, &peer, "its chain does not hold");

    bp_credentials_destroy(c);
    pki_free(&peer);
}

static void test_credentials_agency_ca_cannot_make_an_operator(void **state)
{
    const struct world *w = *state;
    write_server(w);
    struct bp_credentials *c = load_well(w, &plain);

    expect_refused(c, &w->forged_operator, "may not sign for the path /operator/");

    bp_credentials_destroy(c);
}

static void test_credentials_client_ca_cannot_make_a_server(void **state)
{
    const struct world *w = *state;
    struct pki_cert forged = make_leaf("server/one", "serverAuth", &w->agencies);
    write_pair(w, &w->agency, &w->agency);
    write_bundle(w);
    struct bp_credentials *c = load_well(w, &(struct loading){.as_client = true});

    expect_refused(c, &forged, "its chain does not hold");

    bp_credentials_destroy(c);
    pki_free(&forged);
}

static void test_credentials_root_without_policy_can_assert_nothing(void **state)
{
    const struct world *w = *state;
    struct pki_cert peer = make_leaf("agency/kab.18.07", "clientAuth", &w->root);
    write_server(w);
    struct bp_credentials *c = load_well(w, &plain);

    expect_refused(c, &peer, "may not sign");

    bp_credentials_destroy(c);
    pki_free(&peer);
}

static void test_credentials_peer_is_refused_before_and_after_its_dates(void **state)
{
    const struct world *w = *state;
    write_server(w);
    struct bp_credentials *c = load_well(w, &plain);

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS, NULL), BP_OK);

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS + 10 * DAY_NS, NULL), BP_OK);
    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS + 11 * DAY_NS, NULL), BP_EAUTH);
    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS - 2 * DAY_NS, NULL), BP_EAUTH);
    bp_credentials_destroy(c);
}

static void test_credentials_revoked_peer_is_barred(void **state)
{
    const struct world *w = *state;
    write_server(w);
    write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &w->agency});
    struct bp_credentials *c = load_well(w, &with_crls);
    struct bp_err err = {""};

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS, &err), BP_EPERM);

    assert_non_null(strstr(err.text, "revoked"));
    bp_credentials_destroy(c);
}

static void test_credentials_same_serial_of_another_ca_is_not_barred(void **state)
{
    const struct world *w = *state;
    struct pki_cert other = make_leaf("operator/dewi", "clientAuth", &w->operators);
    write_server(w);
    write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .revoked = &other});
    struct bp_credentials *c = load_well(w, &with_crls);

    assert_int_equal(check_at(c, &other, PKI_NOW_NS, NULL), BP_OK);

    bp_credentials_destroy(c);
    pki_free(&other);
}

static void test_credentials_revoked_issuing_ca_bars_its_peers(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    write_server(w);
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->root, .revoked = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->operators});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->servers});
    write_file(w, "crl.pem", &text, 0644);
    struct bp_credentials *c = load_well(w, &with_crls);

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS, NULL), BP_EPERM);

    bp_credentials_destroy(c);
}

static void test_credentials_revoked_own_certificate_is_refused(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    write_server(w);
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->root});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->operators});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->servers, .revoked = &w->server});
    write_file(w, "crl.pem", &text, 0644);
    expect_load_fails(w, &with_crls, "cert.pem: revoked");
}

static void test_credentials_newest_list_of_a_ca_counts(void **state)
{
    const struct world *w = *state;
    struct bp_buf text = {0};
    const struct pki_cert *others[] = {&w->root, &w->operators, &w->servers};
    write_server(w);
    for (size_t i = 0; i < 3; i++)
        pki_add_crl(&text, &(struct pki_crl){.issuer = others[i]});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies,
                                         .revoked = &w->agency,
                                         .from_s = -60,
                                         .until_s = PKI_DAY_S});
    pki_add_crl(&text, &(struct pki_crl){.issuer = &w->agencies});
    write_file(w, "crl.pem", &text, 0644);
    struct bp_credentials *c = load_well(w, &with_crls);

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS, NULL), BP_EPERM);
    assert_int_equal(bp_credentials_crl_next_update_ns(c), PKI_NOW_NS + DAY_NS);

    bp_credentials_destroy(c);
}

static void test_credentials_list_past_due_is_refused_at_load(void **state)
{
    const struct world *w = *state;
    write_server(w);
    write_crls(w, &(struct pki_crl){.issuer = &w->agencies, .from_s = -PKI_DAY_S, .until_s = -60});

    expect_load_fails(w, &with_crls, "should have been replaced");

    bp_credentials_destroy(load_well(w, &(struct loading){.with_crls = true, .grace_s = 61}));
}

static void test_credentials_list_that_becomes_due_bars_everybody(void **state)
{
    const struct world *w = *state;
    struct bp_err err = {""};
    write_server(w);
    write_crls(w, NULL);
    struct bp_credentials *c = load_well(w, &(struct loading){.with_crls = true, .grace_s = 3600});
    const int64_t end_ns = PKI_NOW_NS + 7 * DAY_NS + 3600 * INT64_C(1000000000);

    assert_int_equal(check_at(c, &w->agency, end_ns, NULL), BP_OK);
    assert_int_equal(check_at(c, &w->agency, end_ns + 1, &err), BP_EAUTH);

    assert_non_null(strstr(err.text, "should have been replaced"));
    bp_credentials_destroy(c);
}

static void test_credentials_endless_grace_does_not_overflow(void **state)
{
    const struct world *w = *state;
    write_server(w);
    write_crls(w, NULL);
    struct bp_credentials *c =
        load_well(w, &(struct loading){.with_crls = true, .grace_s = UINT64_MAX});

    assert_int_equal(check_at(c, &w->agency, PKI_NOW_NS + 9 * DAY_NS, NULL), BP_OK);

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
    write_server(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_crls(w, &cases[i].crl);
        expect_load_fails(w, &with_crls, cases[i].words);
    }
}

static void test_credentials_peer_without_identity_is_refused(void **state)
{
    const struct world *w = *state;
    const struct pki_spec spec = {.name = "nobody", .eku = "clientAuth"};
    struct pki_cert nobody = pki_make(&spec, &w->agencies);
    write_server(w);
    struct bp_credentials *c = load_well(w, &plain);

    expect_refused(c, &nobody, "no subject alternative name");
    assert_int_equal(bp_credentials_check_revocation(c, BP_STR("x"), PKI_NOW_NS, NULL), BP_EAUTH);

    bp_credentials_destroy(c);
    pki_free(&nobody);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, free_world)

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
