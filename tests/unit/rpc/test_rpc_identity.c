/* Who gets in, and who is put out again: certificates of every wrong kind, expiry, revocation,
 * rotation. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "echo.h"
#include "rpc_held.h"

#define HOUR_NS (INT64_C(3600) * BP_NS_PER_S)

static struct pki pki;
static struct echo echo;

static int setup(void **state)
{
    (void)state;
    echo_start(&echo, &pki, NULL);
    return 0;
}

static int setup_with_crl(void **state)
{
    (void)state;
    echo_start(&echo, &pki, "crl_empty.pem");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    echo_stop(&echo, 5000);
    return 0;
}

/* The code of a first call with this certificate; its details hold `reason`. */
static int call_as(const char *name, const char *ca, const char *reason)
{
    struct client client;
    struct call call;
    client_open(&client, &pki, echo.port, name, ca);
    int code = call_unary(&call, &client, "/test.Echo/Unary", BP_STR("x"), 0);
    if (reason != NULL)
        assert_non_null(strstr(call.details, reason));
    call_close(&call);
    client_close(&client);
    return code;
}

static void test_rpc_identity_agencies_and_operators_are_admitted(void **state)
{
    (void)state;
    assert_int_equal(call_as("agency", "ca.pem", NULL), BP_RPC_OK);
    assert_int_equal(call_as("operator", "ca.pem", NULL), BP_RPC_OK);
    wait_until(atomic_load(&echo.over) == 2);
    assert_string_equal(echo.last_name, "dewi");
}

static void test_rpc_identity_without_certificate_fails_the_handshake(void **state)
{
    (void)state;
    assert_int_equal(call_as(NULL, "ca.pem", NULL), BP_RPC_UNAVAILABLE);
    assert_int_equal(echo.ended, 0);
}

static void test_rpc_identity_of_another_ca_fails_the_handshake(void **state)
{
    (void)state;
    assert_int_equal(call_as("stranger", "ca.pem", NULL), BP_RPC_UNAVAILABLE);
    assert_int_equal(echo.ended, 0);
}

static void test_rpc_identity_that_is_not_one_of_ours_is_refused(void **state)
{
    (void)state;
    assert_int_equal(call_as("two_uris", "ca.pem", "BAD_CERTIFICATE"), BP_RPC_UNAUTHENTICATED);
    assert_int_equal(call_as("elsewhere", "ca.pem", "BAD_CERTIFICATE"), BP_RPC_UNAUTHENTICATED);
    assert_int_equal(call_as("server_caller", "ca.pem", "BAD_CERTIFICATE"), BP_RPC_UNAUTHENTICATED);
    wait_until(atomic_load(&echo.ended) == 3);
    assert_int_equal(echo.begun, 0);
}

static int s_client(const char *version)
{
    char command[1024];
    (void)snprintf(command, sizeof(command),
                   "openssl s_client -connect 127.0.0.1:%u %s -alpn h2 -cert '%s' -key '%s' "
                   "-CAfile '%s' -verify_return_error </dev/null >/dev/null 2>&1",
                   echo.port, version, pki_path(&pki, "agency.pem"), pki_path(&pki, "agency.key"),
                   pki_path(&pki, "ca.pem"));
    return system(command);
}

static void test_rpc_identity_tls_below_1_3_is_refused(void **state)
{
    (void)state;
    assert_int_equal(s_client("-tls1_3"), 0);
    assert_int_not_equal(s_client("-tls1_2"), 0);
    assert_int_not_equal(s_client("-tls1_2 -cipher ALL:@SECLEVEL=0"), 0);
}

/* A stream that has been answered once. */
static void open_chat(struct call *call, struct client *client, const char *name)
{
    client_open(client, &pki, echo.port, name, "ca.pem");
    call_open(call, client, "/test.Echo/Chat", 0);
    call_send(call, BP_STR("ping"));
    assert_true(call_receive(call));
}

static void test_rpc_identity_expired_meanwhile_ends_streams_and_calls(void **state)
{
    (void)state;
    struct client client;
    struct call call;
    open_chat(&call, &client, "agency");

    atomic_store(&echo.shift_ns, 6 * 24 * HOUR_NS);

    assert_int_equal(call_status(&call), BP_RPC_UNAUTHENTICATED);
    assert_non_null(strstr(call.details, "CERTIFICATE_EXPIRED"));
    assert_int_equal(unary(&client, "/test.Echo/Unary", "x"), BP_RPC_UNAUTHENTICATED);
    call_close(&call);
    client_close(&client);
}

static void test_rpc_identity_revoked_meanwhile_ends_its_streams_alone(void **state)
{
    (void)state;
    struct client revoked, other;
    struct call cut, kept;
    open_chat(&cut, &revoked, "agency");
    open_chat(&kept, &other, "agency2");

    unsigned n = echo_set_credentials(&echo, pki_server(&pki, "server", "crl_revoked.pem"));

    assert_int_equal(n, 1);
    assert_int_equal(call_status(&cut), BP_RPC_PERMISSION_DENIED);
    assert_non_null(strstr(cut.details, "CERTIFICATE_REVOKED"));
    assert_int_equal(unary(&revoked, "/test.Echo/Unary", "x"), BP_RPC_PERMISSION_DENIED);
    call_send(&kept, BP_STR("ping"));
    assert_true(call_receive(&kept));
    call_half_close(&kept);
    assert_int_equal(call_status(&kept), BP_RPC_OK);
    call_close(&cut);
    call_close(&kept);
    client_close(&revoked);
    client_close(&other);
}

static void test_rpc_identity_with_a_crl_out_of_date_is_unknown(void **state)
{
    (void)state;
    struct client client;
    struct call call;
    open_chat(&call, &client, "agency");

    atomic_store(&echo.shift_ns, 30 * HOUR_NS);

    assert_int_equal(call_status(&call), BP_RPC_UNAVAILABLE);
    assert_non_null(strstr(call.details, "REVOCATION_UNKNOWN"));
    assert_int_equal(call_as("agency2", "ca.pem", "REVOCATION_UNKNOWN"), BP_RPC_UNAVAILABLE);
    call_close(&call);
    client_close(&client);
}

static void test_rpc_identity_revoked_reader_that_stands_still_is_put_out(void **state)
{
    (void)state;
    struct client client;
    struct call call;
    client_open(&client, &pki, echo.port, "agency", "ca.pem");
    call_open(&call, &client, "/test.Echo/Flood", 0);
    call_send(&call, BP_STR("x"));
    call_half_close(&call);
    wait_until(atomic_load(&echo.begun) == 1);

    assert_int_equal(echo_set_credentials(&echo, pki_server(&pki, "server", "crl_revoked.pem")), 1);

    wait_until(atomic_load(&echo.over) == 1 && atomic_load(&echo.ended) == 1);
    assert_int_equal(echo.last_code, BP_RPC_PERMISSION_DENIED);
    while (call_receive(&call))
        ;
    (void)call_status(&call);
    call_close(&call);
    client_close(&client);
}

static void test_rpc_identity_of_the_server_changes_without_ending_streams(void **state)
{
    (void)state;
    struct client before;
    struct call call;
    open_chat(&call, &before, "agency");

    assert_int_equal(echo_set_credentials(&echo, pki_server(&pki, "server2", NULL)), 0);

    char command[512];
    (void)snprintf(command, sizeof(command),
                   "openssl s_client -connect 127.0.0.1:%u -alpn h2 -cert '%s' -key '%s' "
                   "</dev/null 2>/dev/null | grep -q 'subject=CN = server2'",
                   echo.port, pki_path(&pki, "agency.pem"), pki_path(&pki, "agency.key"));
    assert_int_equal(system(command), 0);
    call_send(&call, BP_STR("ping"));
    assert_true(call_receive(&call));
    call_half_close(&call);
    assert_int_equal(call_status(&call), BP_RPC_OK);
    assert_int_equal(call_as("agency2", "ca.pem", NULL), BP_RPC_OK);
    call_close(&call);
    client_close(&before);
}

/* The last one with the certificate of the operator: it is kept out for longer than the rest takes. */
static void test_rpc_identity_that_is_held_fails_the_handshake(void **state)
{
    (void)state;
    assert_int_equal(call_as("operator", "ca.pem", NULL), BP_RPC_OK);

    char *pem = pki_text(&pki, "operator.pem");
    bp_rpc_hold(bp_str(pem));
    free(pem);

    uint64_t failed = bp_rpc_handshakes_failed(BP_RPC_UNTRUSTED);
    assert_int_equal(call_as("operator", "ca.pem", NULL), BP_RPC_UNAVAILABLE);
    assert_true(bp_rpc_handshakes_failed(BP_RPC_UNTRUSTED) > failed);
    assert_int_equal(call_as("agency", "ca.pem", NULL), BP_RPC_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH_CRL(name) cmocka_unit_test_setup_teardown(name, setup_with_crl, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rpc_identity_agencies_and_operators_are_admitted),
        TEST(test_rpc_identity_without_certificate_fails_the_handshake),
        TEST(test_rpc_identity_of_another_ca_fails_the_handshake),
        TEST(test_rpc_identity_that_is_not_one_of_ours_is_refused),
        TEST(test_rpc_identity_tls_below_1_3_is_refused),
        TEST(test_rpc_identity_expired_meanwhile_ends_streams_and_calls),
        TEST_WITH_CRL(test_rpc_identity_revoked_meanwhile_ends_its_streams_alone),
        TEST_WITH_CRL(test_rpc_identity_with_a_crl_out_of_date_is_unknown),
        TEST_WITH_CRL(test_rpc_identity_revoked_reader_that_stands_still_is_put_out),
        TEST(test_rpc_identity_of_the_server_changes_without_ending_streams),
        TEST(test_rpc_identity_that_is_held_fails_the_handshake),
    };
    assert_int_equal(bp_rpc_init(NULL), BP_OK);
    pki_create(&pki);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_destroy(&pki);
    bp_rpc_fini();
    return failed;
}
