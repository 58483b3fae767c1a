#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "identity.h"
#include "pki.h"

#define DOMAIN "berbagi.example"

/* A good agency's certificate; tests change what they are about. */
static struct pki_spec agency(void)
{
    return (struct pki_spec){.name = "kab.18.07",
                             .san = "URI:spiffe://" DOMAIN "/agency/kab.18.07",
                             .eku = "clientAuth"};
}

static bp_status read_at(const struct pki_spec *spec, int64_t now_ns, struct bp_identity *out,
                         struct bp_err *err)
{
    struct pki_cert c = pki_make(spec, NULL);
    struct bp_buf pem = {0};
    pki_add_cert(&pem, &c);
    bp_status st = bp_identity_of_pem(bp_buf_str(&pem), DOMAIN, now_ns, out, err);
    bp_buf_fini(&pem);
    pki_free(&c);
    return st;
}

static void expect_refused(const struct pki_spec *spec, const char *words)
{
    struct bp_identity id = {.name = "untouched"};
    struct bp_err err = {""};

    assert_int_equal(read_at(spec, PKI_NOW_NS, &id, &err), BP_EAUTH);

    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
    assert_string_equal(id.name, "untouched");
}

static void expect_accepted(const struct pki_spec *spec, enum bp_identity_kind kind,
                            const char *name)
{
    struct bp_identity id;
    struct bp_err err = {""};

    if (read_at(spec, PKI_NOW_NS, &id, &err) != BP_OK)
        fail_msg("%s", err.text);

    assert_int_equal(id.kind, kind);
    assert_string_equal(id.name, name);
}

static void test_identity_good_agency_is_read(void **state)
{
    (void)state;
    struct pki_spec spec = agency();
    struct bp_identity id;

    assert_int_equal(read_at(&spec, PKI_NOW_NS, &id, NULL), BP_OK);

    assert_int_equal(id.kind, BP_IDENTITY_AGENCY);
    assert_string_equal(id.name, "kab.18.07");
    assert_int_equal(strlen(id.serial), 4);
    assert_int_equal(id.not_before_ns, PKI_NOW_NS - PKI_DAY_S * INT64_C(1000000000));
    assert_int_equal(id.not_after_ns, PKI_NOW_NS + 10 * PKI_DAY_S * INT64_C(1000000000));
}

static void test_identity_operator_and_server_are_read(void **state)
{
    (void)state;
    struct pki_spec person = agency(), server = agency();
    person.san = "URI:spiffe://" DOMAIN "/operator/dewi";
    server.san = "URI:spiffe://" DOMAIN "/server/node-1,DNS:localhost,IP:127.0.0.1";
    server.eku = "serverAuth";

    expect_accepted(&person, BP_IDENTITY_OPERATOR, "dewi");
    expect_accepted(&server, BP_IDENTITY_SERVER, "node-1");
}

static void test_identity_any_trust_domain_when_none_is_named(void **state)
{
    (void)state;
    struct bp_identity id;
    assert_int_equal(
        bp_identity_parse_uri(BP_STR("spiffe://other.example/agency/kab.18.07"), NULL, &id, NULL),
        BP_OK);
}

static void test_identity_dates_bound_it(void **state)
{
    (void)state;
    struct pki_spec over = agency(), early = agency();
    over.from_s = -2 * PKI_DAY_S;
    over.until_s = -1;
    early.from_s = 1;
    early.until_s = PKI_DAY_S;

    expect_refused(&over, "ended at");
    expect_refused(&early, "valid only from");
}

static void test_identity_names_other_than_one_uri_are_refused(void **state)
{
    (void)state;
    struct pki_spec two = agency(), none = agency(), dns = agency();
    two.san = "URI:spiffe://" DOMAIN "/agency/kab.18.07,URI:spiffe://" DOMAIN "/agency/kl.kp2mi";
    none.san = NULL;
    dns.san = "DNS:kab.18.07";

    expect_refused(&two, "more than one URI");
    expect_refused(&none, "no subject alternative name");
    expect_refused(&dns, "no URI");
}

static void test_identity_bad_uris_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *words;
    } cases[] = {
        {"http://" DOMAIN "/agency/kab.18.07", "no spiffe://"},
        {"SPIFFE://" DOMAIN "/agency/kab.18.07", "no spiffe://"},
        {"spiffe:/" DOMAIN "/agency/kab.18.07", "no spiffe://"},
        {"", "no spiffe://"},
        {"spiffe://other.example/agency/kab.18.07", "trust domain other.example"},
        {"spiffe://" DOMAIN ":443/agency/kab.18.07", "no port"},
        {"spiffe://me@" DOMAIN "/agency/kab.18.07", "no user"},
        {"spiffe:///agency/kab.18.07", "trust domain"},
        {"spiffe://Berbagi.example/agency/kab.18.07", "trust domain"},
        {"spiffe://" DOMAIN "./agency/kab.18.07", "trust domain"},
        {"spiffe://" DOMAIN, "path"},
        {"spiffe://" DOMAIN "/", "path"},
        {"spiffe://" DOMAIN "/admin/dewi", "path"},
        {"spiffe://" DOMAIN "/Agency/kab.18.07", "path"},
        {"spiffe://" DOMAIN "//agency/kab.18.07", "path"},
        {"spiffe://" DOMAIN "/agency", "agency id"},
        {"spiffe://" DOMAIN "/agency/", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab", "agency id"},
        {"spiffe://" DOMAIN "/agency/Kab.18.07", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab.18.07/", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab.18.07/x", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab.18.07?x=1", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab.18.07#x", "agency id"},
        {"spiffe://" DOMAIN "/agency/kab%2e18", "agency id"},
        {"spiffe://" DOMAIN "/operator/Dewi", "operator id"},
        {"spiffe://" DOMAIN "/operator/..", "operator id"},
        {"spiffe://" DOMAIN "/operator/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "operator id"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bp_identity id = {.name = "untouched"};
        struct bp_err err = {""};

        assert_int_equal(bp_identity_parse_uri(bp_str(cases[i].uri), DOMAIN, &id, &err), BP_EAUTH);

        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: expected '%s' in '%s'", cases[i].uri, cases[i].words, err.text);
        assert_string_equal(id.name, "untouched");
    }
}

static void test_identity_nul_inside_the_uri_is_refused(void **state)
{
    (void)state;
    struct bp_identity id;
    const char uri[] = "spiffe://" DOMAIN "/agency/kab.18.07\0.evil";
    const char domain[] = "spiffe://" DOMAIN "\0/agency/kab.18.07";

    assert_int_equal(bp_identity_parse_uri(bp_str_of(uri, sizeof(uri) - 1), DOMAIN, &id, NULL),
                     BP_EAUTH);
    assert_int_equal(
        bp_identity_parse_uri(bp_str_of(domain, sizeof(domain) - 1), DOMAIN, &id, NULL), BP_EAUTH);
}

static void test_identity_weak_keys_are_refused(void **state)
{
    (void)state;
    static const char *const weak[] = {"RSA-2048", "P-224", "secp256k1"};
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        struct pki_spec spec = agency();
        spec.key = weak[i];
        expect_refused(&spec, "its key is");
    }
}

static void test_identity_strong_keys_are_accepted(void **state)
{
    (void)state;
    static const char *const strong[] = {"P-256", "P-384", "Ed25519", "RSA-3072"};
    for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++) {
        struct pki_spec spec = agency();
        spec.key = strong[i];
        expect_accepted(&spec, BP_IDENTITY_AGENCY, "kab.18.07");
    }
}

static void test_identity_usage_must_fit_the_kind(void **state)
{
    (void)state;
    struct pki_spec server_only = agency(), no_eku = agency(), no_signature = agency(),
                    server = agency();
    server_only.eku = "serverAuth";
    no_eku.eku = NULL;
    no_signature.usage = "critical,keyEncipherment";
    server.san = "URI:spiffe://" DOMAIN "/server/one";

    expect_refused(&server_only, "lacks clientAuth");
    expect_refused(&no_eku, "lacks clientAuth");
    expect_refused(&no_signature, "digitalSignature");
    expect_refused(&server, "lacks serverAuth");
}

static void test_identity_a_ca_is_nobody(void **state)
{
    (void)state;
    struct pki_spec spec = agency();
    spec.is_ca = true;
    expect_refused(&spec, "CA's certificate");
}

static void test_identity_what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    static const char encrypted[] = "-----BEGIN CERTIFICATE-----\n"
                                    "Proc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                                    "AAAA\n-----END CERTIFICATE-----\n";
    static const char *const texts[] = {
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        encrypted,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bp_identity id;
        assert_int_equal(bp_identity_of_pem(bp_str(texts[i]), DOMAIN, PKI_NOW_NS, &id, NULL),
                         BP_EAUTH);
    }
}

/* Each byte of a good certificate spoiled in turn: an answer, whatever it is, and no crash. */
static void test_identity_spoiled_bytes_are_survived(void **state)
{
    (void)state;
    struct pki_spec spec = agency();
    struct pki_cert c = pki_make(&spec, NULL);
    struct bp_buf pem = {0};
    pki_add_cert(&pem, &c);
    for (size_t i = 0; i < pem.n; i++) {
        struct bp_identity id;
        const uint8_t kept = pem.p[i];
        pem.p[i] = (uint8_t)(kept == 'A' ? '/' : 'A');
        bp_status st = bp_identity_of_pem(bp_buf_str(&pem), DOMAIN, PKI_NOW_NS, &id, NULL);
        assert_true(st == BP_OK || st == BP_EAUTH);
        pem.p[i] = kept;
    }
    bp_buf_fini(&pem);
    pki_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_good_agency_is_read),
        cmocka_unit_test(test_identity_operator_and_server_are_read),
        cmocka_unit_test(test_identity_any_trust_domain_when_none_is_named),
        cmocka_unit_test(test_identity_dates_bound_it),
        cmocka_unit_test(test_identity_names_other_than_one_uri_are_refused),
        cmocka_unit_test(test_identity_bad_uris_are_refused),
        cmocka_unit_test(test_identity_nul_inside_the_uri_is_refused),
        cmocka_unit_test(test_identity_weak_keys_are_refused),
        cmocka_unit_test(test_identity_strong_keys_are_accepted),
        cmocka_unit_test(test_identity_usage_must_fit_the_kind),
        cmocka_unit_test(test_identity_a_ca_is_nobody),
        cmocka_unit_test(test_identity_what_is_no_certificate_is_refused),
        cmocka_unit_test(test_identity_spoiled_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
