/* Starting where one cannot, and stopping while calls are open. */
#include "check.h"

#include <stdio.h>

#include "client.h"
#include "echo.h"

static struct pki pki;
static struct echo echo;
static struct client client;

static int setup(void **state)
{
    (void)state;
    echo_start(&echo, &pki, NULL);
    client_open(&client, &pki, echo.port, "agency", "ca.pem");
    return 0;
}

static void test_rpc_stop_ends_streams_and_long_polls_at_once(void **state)
{
    (void)state;
    struct call chat, poll;
    call_open(&chat, &client, "/test.Echo/Chat", 0);
    call_send(&chat, BP_STR("ping"));
    assert_true(call_receive(&chat));
    call_open(&poll, &client, "/test.Echo/Poll", 0);
    call_send(&poll, BP_STR("x"));
    call_half_close(&poll);
    wait_until(atomic_load(&echo.begun) == 2);

    echo_stop(&echo, 20000);

    assert_int_equal(call_status(&chat), BP_RPC_UNAVAILABLE);
    assert_non_null(strstr(chat.details, "SHUTTING_DOWN"));
    assert_non_null(strstr(chat.details, "RetryInfo"));
    assert_int_equal(call_status(&poll), BP_RPC_UNAVAILABLE);
    call_close(&chat);
    call_close(&poll);
    client_close(&client);
}

static void test_rpc_stop_after_its_grace_ends_calls_without_an_answer(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Unary", 0);
    call_send(&call, BP_STR("never"));
    call_half_close(&call);
    wait_until(atomic_load(&echo.begun) == 1);

    echo_stop(&echo, 50);

    assert_int_not_equal(call_status(&call), BP_RPC_OK);
    call_close(&call);
    client_close(&client);
}

static void test_rpc_stop_ends_a_stream_whose_reader_stands_still(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Flood", 0);
    call_send(&call, BP_STR("x"));
    call_half_close(&call);
    wait_until(atomic_load(&echo.begun) == 1);

    echo_stop(&echo, 100);

    while (call_receive(&call))
        ;
    assert_int_not_equal(call_status(&call), BP_RPC_OK);
    call_close(&call);
    client_close(&client);
}

static void test_rpc_stop_of_a_server_never_started_is_nothing(void **state)
{
    (void)state;
    struct bp_credentials *credentials = pki_server(&pki, "server", NULL);
    struct bp_rpc_config config = {
        .listen = "127.0.0.1:0", .trust_domain = "exchange.test", .clock = &bp_system_clock};
    struct bp_rpc_server *server = NULL;
    assert_int_equal(bp_rpc_server_create(&config, credentials, &server, NULL), BP_OK);

    bp_rpc_server_stop(server, 0);

    bp_rpc_server_destroy(server);
    bp_credentials_destroy(credentials);
}

static void assert_not_started(const char *listen, const char *reason)
{
    struct bp_credentials *credentials = pki_server(&pki, "server", NULL);
    struct bp_rpc_config config = {
        .listen = listen, .trust_domain = "exchange.test", .clock = &bp_system_clock};
    struct bp_rpc_server *server = NULL;
    struct bp_err err = {""};
    unsigned port;
    assert_int_equal(bp_rpc_server_create(&config, credentials, &server, NULL), BP_OK);

    assert_int_equal(bp_rpc_server_start(server, &port, &err), BP_EIO);

    assert_non_null(strstr(err.text, listen));
    assert_non_null(strstr(err.text, reason));
    bp_rpc_server_destroy(server);
    bp_credentials_destroy(credentials);
}

static void test_rpc_stop_start_on_a_bad_address_says_why(void **state)
{
    (void)state;
    char taken[32];
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", echo.port);

    assert_not_started(taken, "Address already in use");
    assert_not_started("192.0.2.1:0", "Cannot assign");
    assert_not_started("nonsense", "not ADDRESS:PORT");

    echo_stop(&echo, 1000);
    client_close(&client);
}

static void test_rpc_stop_kept_reference_outlives_the_server(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(unary(&client, "/test.Echo/Later", "x"), BP_RPC_OK);
    /* The waker may still hold calls and wake them while the server goes. */
    echo_stop(&echo, 1000);
    client_close(&client);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rpc_stop_ends_streams_and_long_polls_at_once),
        TEST(test_rpc_stop_after_its_grace_ends_calls_without_an_answer),
        TEST(test_rpc_stop_ends_a_stream_whose_reader_stands_still),
        cmocka_unit_test(test_rpc_stop_of_a_server_never_started_is_nothing),
        TEST(test_rpc_stop_start_on_a_bad_address_says_why),
        TEST(test_rpc_stop_kept_reference_outlives_the_server),
    };
    assert_int_equal(bp_rpc_init(NULL), BP_OK);
    pki_create(&pki);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_destroy(&pki);
    bp_rpc_fini();
    return failed;
}
