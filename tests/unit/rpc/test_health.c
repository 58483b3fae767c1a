#include "health.h"

#include "check.h"
#include "client.h"

static struct pki pki;
static struct bp_credentials *credentials;
static struct bp_health *health;
static struct bp_rpc_server *server;
static struct client client;

static int setup(void **state)
{
    (void)state;
    unsigned port;
    struct bp_rpc_config config = {
        .listen = "127.0.0.1:0", .trust_domain = "exchange.test", .clock = &bp_system_clock};
    credentials = pki_server(&pki, "server", NULL);
    health = bp_health_create();
    assert_int_equal(bp_rpc_server_create(&config, credentials, &server, NULL), BP_OK);
    assert_int_equal(bp_health_service_add(server, health), BP_OK);
    assert_int_equal(bp_rpc_server_start(server, &port, NULL), BP_OK);
    client_open(&client, &pki, port, "agency", "ca.pem");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client_close(&client);
    bp_rpc_server_destroy(server);
    bp_health_destroy(health);
    bp_credentials_destroy(credentials);
    return 0;
}

#define CHECK "/grpc.health.v1.Health/Check"
#define SERVING "\x08\x01"
#define NOT_SERVING "\x08\x02"
#define SERVICE_UNKNOWN "\x08\x03"
/* HealthCheckRequest{service: "a.B"} */
#define ASK_A_B                                                                                    \
    BP_STR("\x0a\x03"                                                                              \
           "a.B")

static void assert_checked(struct bp_str request, int code, const char *expected)
{
    struct call call;
    assert_int_equal(call_unary(&call, &client, CHECK, request, 0), code);
    assert_true(bp_str_is(bp_buf_str(&call.received), expected));
    call_close(&call);
}

static void assert_told(struct call *call, const char *expected)
{
    assert_true(call_receive(call));
    assert_true(bp_str_is(bp_buf_str(&call->received), expected));
}

static void test_health_of_the_whole_starts_not_serving(void **state)
{
    (void)state;
    assert_checked(BP_STR(""), BP_RPC_OK, NOT_SERVING);
    assert_false(bp_health_is_serving(health, ""));

    bp_health_set(health, "", true);

    assert_checked(BP_STR(""), BP_RPC_OK, SERVING);
    assert_true(bp_health_is_serving(health, ""));
}

static void test_health_of_a_service_unheard_of_is_not_found(void **state)
{
    (void)state;
    assert_checked(ASK_A_B, BP_RPC_NOT_FOUND, "");
    assert_false(bp_health_is_serving(health, "a.B"));
}

static void test_health_malformed_request_is_invalid(void **state)
{
    (void)state;
    assert_checked(BP_STR("\x0a\x7f"), BP_RPC_INVALID_ARGUMENT, "");
}

static void test_health_watch_tells_each_change(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/grpc.health.v1.Health/Watch", 0);
    call_send(&call, ASK_A_B);
    call_half_close(&call);
    assert_told(&call, SERVICE_UNKNOWN);

    bp_health_set(health, "a.B", false);
    assert_told(&call, NOT_SERVING);
    bp_health_set(health, "", true); /* not its concern */
    bp_health_set(health, "a.B", true);
    assert_told(&call, SERVING);

    call_cancel(&call);
    (void)call_status(&call);
    call_close(&call);
}

static void test_health_watch_ends_with_the_server(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/grpc.health.v1.Health/Watch", 0);
    call_send(&call, BP_STR(""));
    call_half_close(&call);
    assert_told(&call, NOT_SERVING);

    bp_rpc_server_stop(server, 20000);

    assert_int_equal(call_status(&call), BP_RPC_UNAVAILABLE);
    call_close(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_health_of_the_whole_starts_not_serving),
        TEST(test_health_of_a_service_unheard_of_is_not_found),
        TEST(test_health_malformed_request_is_invalid),
        TEST(test_health_watch_tells_each_change),
        TEST(test_health_watch_ends_with_the_server),
    };
    assert_int_equal(bp_rpc_init(NULL), BP_OK);
    pki_create(&pki);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_destroy(&pki);
    bp_rpc_fini();
    return failed;
}
