/* The handshake that a new set of certificates has to pass. */
#include "check.h"

#include "file.h"
#include "pki.h"
#include "rpc.h"

static struct pki pki;

static int setup(void **state)
{
    (void)state;
    pki_create(&pki);
    return bp_rpc_init(NULL) == BP_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    bp_rpc_fini();
    pki_destroy(&pki);
    return 0;
}

static void expect(const struct bp_credentials *c, bp_status expected, const char *words)
{
    struct bp_err err = {""};
    bp_status st = bp_rpc_prove(c, &err);
    if (st != expected || strstr(err.text, words) == NULL)
        fail_msg("%s: %s", bp_status_name(st), err.text);
}

static void test_rpc_proof_sound_set_passes(void **state)
{
    (void)state;
    struct bp_credentials *c = pki_server(&pki, "server", "crl_empty.pem");
    for (int i = 0; i < 3; i++)
        expect(c, BP_OK, "");
    bp_credentials_destroy(c);
}

/* server.pem with the CA's certificate behind it, so often that no client takes it. */
static void write_long_chain(void)
{
    char *own = pki_text(&pki, "server.pem"), *ca = pki_text(&pki, "ca.pem");
    char *key = pki_text(&pki, "server.key");
    struct bp_buf text = {0};
    bp_buf_add_text(&text, own);
    for (int i = 0; i < 300; i++)
        bp_buf_add_text(&text, ca);
    assert_int_equal(bp_file_write(pki_path(&pki, "long.pem"), text.p, text.n, 0644, NULL), BP_OK);
    assert_int_equal(bp_file_write(pki_path(&pki, "long.key"), key, strlen(key), 0600, NULL),
                     BP_OK);
    bp_buf_fini(&text);
    free(own);
    free(ca);
    free(key);
}

/* Every check of the files passes it. */
static void test_rpc_proof_chain_that_no_client_takes_fails(void **state)
{
    (void)state;
    write_long_chain();
    struct bp_credentials *c = pki_server(&pki, "long", NULL);
    expect(c, BP_EINVAL, "excessive message size");
    bp_credentials_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_proof_sound_set_passes),
        cmocka_unit_test(test_rpc_proof_chain_that_no_client_takes_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
