/* Single calls to a real server, before and after the client's certificate was renewed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client_internal.h"
#include "echo.h"
#include "file.h"

struct world {
    struct pki pki;
    struct echo echo;
    struct berbagi_client *client;
};

/* The identity file of the client, made of this certificate and its key. */
static void put_identity(const struct pki *pki, const char *certificate, const char *key)
{
    char *cert_pem = pki_text(pki, certificate), *key_pem = pki_text(pki, key);
    struct bp_buf both = {0};
    bp_buf_add_text(&both, key_pem);
    bp_buf_add_text(&both, cert_pem);
    assert_int_equal(bp_file_write(pki_path(pki, "identity.pem"), both.p, both.n, 0600, NULL),
                     BP_OK);
    bp_buf_fini(&both);
    free(cert_pem);
    free(key_pem);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char server[32], cert[300], ca[300];
    pki_create(&w->pki);
    echo_start(&w->echo, &w->pki, "crl_empty.pem");
    put_identity(&w->pki, "agency.pem", "agency.key");
    (void)snprintf(server, sizeof(server), "127.0.0.1:%u", w->echo.port);
    (void)snprintf(cert, sizeof(cert), "%s", pki_path(&w->pki, "identity.pem"));
    (void)snprintf(ca, sizeof(ca), "%s", pki_path(&w->pki, "ca.pem"));
    const struct berbagi_options options = {
        .server = server, .cert = cert, .ca = ca, .connect_timeout_ms = 10000};
    struct berbagi_error error = {0};
    if (berbagi_open(&options, &w->client, &error) != BERBAGI_OK)
        fail_msg("%s", error.message);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    berbagi_close(w->client);
    echo_stop(&w->echo, 1000);
    pki_destroy(&w->pki);
    free(w);
    return 0;
}

static berbagi_status call(struct world *w, struct berbagi_error *error)
{
    struct bp_buf request = {0}, response = {0};
    bp_buf_add_text(&request, "hello");
    berbagi_status status =
        bp_client_call(w->client, "/test.Echo/Unary", &request, 10000, &response, error);
    if (status == BERBAGI_OK)
        assert_true(bp_str_is(bp_buf_str(&response), "hello"));
    bp_buf_fini(&request);
    bp_buf_fini(&response);
    return status;
}

static void test_unary_revoked_certificate_is_refused_until_it_is_renewed(void **state)
{
    struct world *w = *state;
    struct berbagi_error error = {0};
    assert_int_equal(call(w, NULL), BERBAGI_OK);
    (void)echo_set_credentials(&w->echo, pki_server(&w->pki, "server", "crl_revoked.pem"));
    assert_int_equal(call(w, &error), BERBAGI_EREFUSED);
    assert_string_equal(error.reason, "CERTIFICATE_REVOKED");

    put_identity(&w->pki, "agency_next.pem", "agency_next.key");

    assert_int_equal(call(w, NULL), BERBAGI_OK);
}

static void test_unary_files_that_cannot_be_used_leave_the_connection_there_was(void **state)
{
    struct world *w = *state;
    assert_int_equal(call(w, NULL), BERBAGI_OK);

    put_identity(&w->pki, "agency_next.pem", "agency.key");
    assert_int_equal(call(w, NULL), BERBAGI_OK);
    put_identity(&w->pki, "agency2.pem", "agency2.key");
    assert_int_equal(call(w, NULL), BERBAGI_OK);

    assert_string_equal(w->echo.last_name, "kab.18.07");
}

int main(void)
{
    struct bp_err err = {""};
    if (bp_rpc_init(&err) != BP_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_unary_revoked_certificate_is_refused_until_it_is_renewed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_unary_files_that_cannot_be_used_leave_the_connection_there_was, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bp_rpc_fini();
    return failed;
}
