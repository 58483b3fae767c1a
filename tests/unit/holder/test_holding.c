/* An agency's identity in cert.pem of the world's folder, from the request to the renewal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "holding.h"
#include "request.h"
#include "world.h"

#define AGENCY "agency/kab.18.07"

struct paths {
    char *cert, *ca;
    struct bp_holding_files files;
};

static struct paths paths_of(const struct world *w)
{
    struct paths p = {.cert = world_path(w, "cert.pem"), .ca = world_path(w, "ca.pem")};
    p.files = (struct bp_holding_files){.cert = p.cert, .ca = p.ca};
    return p;
}

static void paths_fini(struct paths *p)
{
    free(p->cert);
    free(p->ca);
}

static struct bp_buf request(const struct paths *p, const char *name, bool is_fresh, bool *is_new)
{
    const struct bp_holding_request who = {.trust_domain = "berbagi.example",
                                           .kind = BP_IDENTITY_AGENCY,
                                           .name = name,
                                           .is_fresh = is_fresh};
    struct bp_buf pem = {0};
    struct bp_err err = {""};
    if (bp_holding_request(p->cert, &who, &pem, is_new, &err) != BP_OK)
        fail_msg("%s", err.text);
    return pem;
}

/* What the CA answers to a request: a certificate for path. */
static struct bp_buf sign(const struct bp_buf *request_pem, const char *path,
                          const struct pki_cert *issuer)
{
    X509_REQ *asked = NULL;
    struct bp_buf pem = {0};
    assert_int_equal(bp_request_parse(bp_buf_str(request_pem), &asked, NULL), BP_OK);
    struct pki_cert leaf = world_leaf_for(X509_REQ_get_pubkey(asked), path, "clientAuth", issuer);
    pki_add_cert(&pem, &leaf);
    pki_add_cert(&pem, issuer);
    pki_free(&leaf);
    X509_REQ_free(asked);
    return pem;
}

static bp_status install(const struct paths *p, const struct bp_buf *certificate,
                         struct bp_holding *h, struct bp_err *err)
{
    const struct bp_holding_answer answer = {.certificate = bp_buf_str(certificate)};
    size_t n_strange;
    return bp_holding_install(&p->files, &answer, PKI_NOW_NS, h, &n_strange, err);
}

static void expect_refused(const struct paths *p, struct bp_buf *certificate, const char *words)
{
    struct bp_holding h;
    struct bp_err err = {""};
    assert_int_not_equal(install(p, certificate, &h, &err), BP_OK);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
    bp_buf_fini(certificate);
}

/* From nothing to an identity; its request's key is used up. */
static void install_first(const struct world *w, const struct paths *p)
{
    bool is_new;
    struct bp_holding h;
    world_write_bundle(w);
    struct bp_buf asked = request(p, "kab.18.07", false, &is_new);
    struct bp_buf pem = sign(&asked, AGENCY, &w->agencies);
    assert_int_equal(install(p, &pem, &h, NULL), BP_OK);
    bp_buf_fini(&asked);
    bp_buf_fini(&pem);
}

static void test_holding_answered_request_becomes_the_identity(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    struct bp_holding h = {0};
    struct stat s;

    install_first(w, &p);

    assert_int_equal(bp_holding_read(&p.files, PKI_NOW_NS, &h, NULL), BP_OK);
    assert_string_equal(h.identity.name, "kab.18.07");
    assert_string_equal(h.trust_domain, "berbagi.example");
    assert_int_equal(h.not_after_ns, PKI_NOW_NS + 10 * DAY_NS);
    assert_false(h.is_waited_for);
    assert_int_equal(stat(p.cert, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0600);
    paths_fini(&p);
}

static void test_holding_asked_again_gives_the_request_that_waits(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    bool is_new, is_new_again, is_new_fresh;

    struct bp_buf first = request(&p, "kab.18.07", false, &is_new);
    struct bp_buf again = request(&p, "kab.18.07", false, &is_new_again);
    struct bp_buf fresh = request(&p, "kab.18.07", true, &is_new_fresh);

    assert_true(is_new && !is_new_again && is_new_fresh);
    assert_true(bp_str_eq(bp_buf_str(&first), bp_buf_str(&again)));
    assert_false(bp_str_eq(bp_buf_str(&first), bp_buf_str(&fresh)));
    bp_buf_fini(&first);
    bp_buf_fini(&again);
    bp_buf_fini(&fresh);
    paths_fini(&p);
}

static void test_holding_request_of_another_is_not_replaced_unasked(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    bool is_new;
    struct bp_buf first = request(&p, "kab.18.07", false, &is_new), other = {0};
    const struct bp_holding_request who = {
        .trust_domain = "berbagi.example", .kind = BP_IDENTITY_AGENCY, .name = "kab.18.08"};

    assert_int_equal(bp_holding_request(p.cert, &who, &other, &is_new, NULL), BP_ECONFLICT);

    bp_buf_fini(&first);
    bp_buf_fini(&other);
    paths_fini(&p);
}

static void test_holding_renewal_replaces_identity_and_key(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    struct bp_holding before = {0}, after = {0};
    bool is_new;
    install_first(w, &p);
    assert_int_equal(bp_holding_read(&p.files, PKI_NOW_NS, &before, NULL), BP_OK);
    struct bp_buf asked = request(&p, "kab.18.07", false, &is_new);
    struct bp_buf pem = sign(&asked, AGENCY, &w->agencies);

    assert_int_equal(install(&p, &pem, &after, NULL), BP_OK);

    assert_true(is_new);
    assert_string_not_equal(before.identity.serial, after.identity.serial);
    assert_int_equal(bp_holding_read(&p.files, PKI_NOW_NS, &before, NULL), BP_OK);
    assert_string_equal(before.identity.serial, after.identity.serial);
    bp_buf_fini(&asked);
    bp_buf_fini(&pem);
    paths_fini(&p);
}

static void test_holding_what_was_not_asked_for_is_refused(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    struct bp_holding h = {0};
    struct bp_buf others_key = {0};
    bool is_new;
    install_first(w, &p);
    struct bp_buf asked = request(&p, "kab.18.07", false, &is_new);
    struct bp_buf another = sign(&asked, "agency/kab.18.08", &w->agencies);
    struct bp_buf stranger = sign(&asked, AGENCY, &w->stranger);
    pki_add_cert(&others_key, &w->agency);

    expect_refused(&p, &another, "agency kab.18.08");
    expect_refused(&p, &stranger, "its chain does not hold");
    expect_refused(&p, &others_key, "not for the key of the request");

    assert_int_equal(bp_holding_read(&p.files, PKI_NOW_NS, &h, NULL), BP_OK);
    assert_true(h.is_waited_for);
    bp_buf_fini(&asked);
    paths_fini(&p);
}

static void test_holding_identity_does_not_become_another(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    struct bp_holding h;
    struct bp_err err = {""};
    struct bp_buf certificate = {0}, key = {0};
    char *key_path = world_path(w, "key.pem");
    size_t n_strange;
    install_first(w, &p);
    struct pki_cert other = world_leaf("agency/kab.18.08", "clientAuth", &w->agencies);
    pki_add_cert(&certificate, &other);
    pki_add_key(&key, &other);
    world_write_file(w, "key.pem", &key, 0600);
    const struct bp_holding_answer answer = {.certificate = bp_buf_str(&certificate),
                                             .key = key_path};

    assert_int_equal(bp_holding_install(&p.files, &answer, PKI_NOW_NS, &h, &n_strange, &err),
                     BP_ECONFLICT);

    assert_non_null(strstr(err.text, "kab.18.07"));
    free(key_path);
    bp_buf_fini(&certificate);
    pki_free(&other);
    paths_fini(&p);
}

static void test_holding_second_program_is_kept_away(void **state)
{
    const struct world *w = *state;
    struct paths p = paths_of(w);
    struct bp_buf pem = {0};
    bool is_new;
    int lock;
    const struct bp_holding_request who = {
        .trust_domain = "berbagi.example", .kind = BP_IDENTITY_AGENCY, .name = "kab.18.07"};
    assert_int_equal(bp_file_lock_folder(p.cert, &lock, NULL), BP_OK);

    assert_int_equal(bp_holding_request(p.cert, &who, &pem, &is_new, NULL), BP_EAGAIN);

    close(lock);
    bp_buf_fini(&pem);
    paths_fini(&p);
}

static void test_holding_is_renewed_about_when_a_third_is_left(void **state)
{
    (void)state;
    struct bp_holding h = {.identity = {.not_before_ns = PKI_NOW_NS}};
    h.identity.not_after_ns = PKI_NOW_NS + 90 * DAY_NS;

    for (unsigned first = 0; first < 256; first += 51) {
        h.identity.fingerprint[0] = (uint8_t)first;
        const int64_t at_ns = bp_holding_renewal_ns(&h);
        assert_true(at_ns > PKI_NOW_NS + 57 * DAY_NS && at_ns <= PKI_NOW_NS + 60 * DAY_NS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_holding_answered_request_becomes_the_identity),
        WITH_WORLD(test_holding_asked_again_gives_the_request_that_waits),
        WITH_WORLD(test_holding_request_of_another_is_not_replaced_unasked),
        WITH_WORLD(test_holding_renewal_replaces_identity_and_key),
        WITH_WORLD(test_holding_what_was_not_asked_for_is_refused),
        WITH_WORLD(test_holding_identity_does_not_become_another),
        WITH_WORLD(test_holding_second_program_is_kept_away),
        cmocka_unit_test(test_holding_is_renewed_about_when_a_third_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
