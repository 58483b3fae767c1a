/* Calls over mutual TLS against a server of echoes: what each kind does, and every way it can end.
 */
#include "check.h"

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

static int teardown(void **state)
{
    (void)state;
    client_close(&client);
    echo_stop(&echo, 5000);
    return 0;
}

static void assert_received(const struct call *call, const char *expected)
{
    assert_true(bp_str_is(bp_buf_str(&call->received), expected));
}

static void test_rpc_calls_unary_answers_and_knows_its_caller(void **state)
{
    (void)state;
    struct call call;

    int code = call_unary(&call, &client, "/test.Echo/Unary", BP_STR("hello"), 0);

    assert_int_equal(code, BP_RPC_OK);
    assert_received(&call, "hello");
    assert_string_equal(echo.last_name, "kab.18.07");
    call_close(&call);
}

static void test_rpc_calls_empty_request_gets_an_empty_answer(void **state)
{
    (void)state;
    struct call call;

    int code = call_unary(&call, &client, "/test.Echo/Unary", BP_STR(""), 0);

    assert_int_equal(code, BP_RPC_OK);
    assert_int_equal(call.received.n, 0);
    call_close(&call);
}

static void test_rpc_calls_error_carries_its_details(void **state)
{
    (void)state;
    struct call call;

    int code = call_unary(&call, &client, "/test.Echo/Unary", BP_STR("refuse"), 0);

    assert_int_equal(code, BP_RPC_RESOURCE_EXHAUSTED);
    assert_string_equal(call.message, "slower, please");
    assert_non_null(strstr(call.details, "google.rpc.ErrorInfo"));
    assert_non_null(strstr(call.details, "OVER_QUOTA"));
    assert_non_null(strstr(call.details, "google.rpc.RetryInfo"));
    assert_non_null(strstr(call.details, "events[3].id"));
    call_close(&call);
}

static void test_rpc_calls_unknown_method_is_unimplemented(void **state)
{
    (void)state;
    struct call call;

    int code = call_unary(&call, &client, "/test.Echo/Nothing", BP_STR("x"), 0);

    assert_int_equal(code, BP_RPC_UNIMPLEMENTED);
    assert_non_null(strstr(call.details, "UNKNOWN_METHOD"));
    assert_int_equal(echo.begun, 0);
    call_close(&call);
}

static void test_rpc_calls_refused_above_never_begin_but_are_told(void **state)
{
    (void)state;
    atomic_store(&echo.refuse, true);

    assert_int_equal(unary(&client, "/test.Echo/Unary", "x"), BP_RPC_PERMISSION_DENIED);

    wait_until(atomic_load(&echo.ended) == 1);
    assert_int_equal(echo.last_code, BP_RPC_PERMISSION_DENIED);
    assert_int_equal(echo.begun, 0);
    assert_int_equal(echo.over, 0);
}

static void test_rpc_calls_without_a_request_are_malformed(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Unary", 0);

    call_half_close(&call);

    assert_int_equal(call_status(&call), BP_RPC_INVALID_ARGUMENT);
    assert_int_equal(echo.begun, 0);
    call_close(&call);
}

static int sized_unary(const char *path, size_t n)
{
    struct call call;
    struct bp_buf request = {0};
    memset(bp_buf_reserve(&request, n), 'x', n);
    request.n = n;
    int code = call_unary(&call, &client, path, bp_buf_str(&request), 0);
    if (code == BP_RPC_OK)
        assert_int_equal(call.received.n, n);
    call_close(&call);
    bp_buf_fini(&request);
    return code;
}

static void test_rpc_calls_take_requests_up_to_the_limit_of_their_method(void **state)
{
    (void)state;
    assert_int_equal(sized_unary("/test.Echo/Unary", ECHO_LARGE_REQUEST), BP_RPC_OK);
    assert_int_equal(sized_unary("/test.Echo/Unary", ECHO_LARGE_REQUEST + 1),
                     BP_RPC_RESOURCE_EXHAUSTED);
    assert_int_equal(sized_unary("/test.Echo/Later", ECHO_SMALL_REQUEST), BP_RPC_OK);
    assert_int_equal(sized_unary("/test.Echo/Later", ECHO_SMALL_REQUEST + 1),
                     BP_RPC_RESOURCE_EXHAUSTED);
    /* over what gRPC itself takes */
    assert_int_equal(sized_unary("/test.Echo/Unary", 5 << 20), BP_RPC_RESOURCE_EXHAUSTED);
}

static void test_rpc_calls_that_take_turns_answer_each_message(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Turns", 0);

    call_send(&call, BP_STR("one"));
    assert_true(call_receive(&call));
    assert_received(&call, "one");
    call_send(&call, BP_STR("two")); /* two ahead */
    call_send(&call, BP_STR("three"));
    assert_true(call_receive(&call));
    assert_received(&call, "two");
    assert_true(call_receive(&call));
    assert_received(&call, "three");
    call_half_close(&call);

    assert_int_equal(call_status(&call), BP_RPC_OK);
    assert_int_equal(echo.half_closed, 1);
    call_close(&call);
}

static void test_rpc_calls_that_wait_for_their_turn_are_ended_with_details(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Turns", 0);

    call_send(&call, BP_STR("stop soon"));
    assert_true(call_receive(&call));
    assert_received(&call, "stop soon");

    assert_int_equal(call_status(&call), BP_RPC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(call.details, "OVER_QUOTA"));
    call_close(&call);
}

static void test_rpc_calls_that_wait_for_their_turn_may_be_cancelled(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Turns", 0);
    call_send(&call, BP_STR("one"));
    assert_true(call_receive(&call));

    call_cancel(&call);

    assert_int_equal(call_status(&call), BP_RPC_CANCELLED);
    wait_until(atomic_load(&echo.over) == 1);
    call_close(&call);
}

static void test_rpc_calls_oversize_stream_message_ends_the_stream(void **state)
{
    (void)state;
    struct call call;
    char large[ECHO_SMALL_REQUEST + 1];
    memset(large, 'x', sizeof(large));
    call_open(&call, &client, "/test.Echo/Chat", 0);

    call_send(&call, bp_str_of(large, sizeof(large)));

    assert_int_equal(call_status(&call), BP_RPC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(call.details, "MESSAGE_TOO_LARGE"));
    call_close(&call);
}

static void test_rpc_calls_compressed_requests_are_refused_unread(void **state)
{
    (void)state;
    struct client gzip;
    struct call call;
    struct bp_buf bomb = {0};
    memset(bp_buf_reserve(&bomb, 64 << 20), 'x', 64 << 20);
    bomb.n = 64 << 20;
    client_open_gzip(&gzip, &pki, echo.port, "agency2", "ca.pem");

    int code = call_unary(&call, &gzip, "/test.Echo/Unary", bp_buf_str(&bomb), 0);

    assert_int_equal(code, BP_RPC_UNIMPLEMENTED);
    assert_int_equal(echo.begun, 0);
    call_close(&call);
    client_close(&gzip);
    bp_buf_fini(&bomb);
}

static void test_rpc_calls_stream_both_ways_until_half_close(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Chat", 0);
    for (int i = 0; i < 3; i++) {
        call_send(&call, BP_STR("ping"));
        assert_true(call_receive(&call));
        assert_received(&call, "ping!");
    }

    call_half_close(&call);

    assert_false(call_receive(&call));
    assert_int_equal(call_status(&call), BP_RPC_OK);
    assert_int_equal(echo.half_closed, 1);
    call_close(&call);
}

static void test_rpc_calls_stream_ended_by_the_method_tells_why(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Chat", 0);

    call_send(&call, BP_STR("stop"));

    assert_int_equal(call_status(&call), BP_RPC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(call.details, "OVER_QUOTA"));
    call_close(&call);
}

static void test_rpc_calls_cancelled_stream_is_over_without_a_half_close(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Chat", 0);
    call_send(&call, BP_STR("ping"));
    assert_true(call_receive(&call));

    call_cancel(&call);

    assert_int_equal(call_status(&call), BP_RPC_CANCELLED);
    wait_until(atomic_load(&echo.over) == 1 && atomic_load(&echo.ended) == 1);
    assert_int_equal(echo.last_code, BP_RPC_CANCELLED);
    assert_int_equal(echo.half_closed, 0);
    call_close(&call);
}

static void test_rpc_calls_lost_connection_ends_the_stream(void **state)
{
    (void)state;
    struct client other;
    struct call call;
    client_open(&other, &pki, echo.port, "agency2", "ca.pem");
    call_open(&call, &other, "/test.Echo/Chat", 0);
    call_send(&call, BP_STR("ping"));
    assert_true(call_receive(&call));
    assert_int_equal(echo_connections(&echo), 1);

    call_close(&call);
    client_close(&other);

    wait_until(atomic_load(&echo.over) == 1);
    assert_int_equal(echo.half_closed, 0);
    assert_int_equal(echo_connections(&echo), 0);
}

static void test_rpc_calls_long_poll_learns_that_its_caller_gave_up(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Poll", 0);
    call_send(&call, BP_STR("x"));
    call_half_close(&call);
    wait_until(atomic_load(&echo.begun) == 1);

    call_cancel(&call);

    wait_until(atomic_load(&echo.over) == 1);
    (void)call_status(&call);
    call_close(&call);
}

static void test_rpc_calls_past_their_deadline_are_over(void **state)
{
    (void)state;
    struct call call;

    int code = call_unary(&call, &client, "/test.Echo/Poll", BP_STR("x"), 300);

    assert_int_equal(code, BP_RPC_DEADLINE_EXCEEDED);
    wait_until(atomic_load(&echo.over) == atomic_load(&echo.begun));
    call_close(&call);
}

static void test_rpc_calls_cancelled_before_their_answer_are_over_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct call call;
        call_open(&call, &client, "/test.Echo/Later", 0);
        call_send(&call, BP_STR("x"));
        call_half_close(&call);
        call_cancel(&call);
        (void)call_status(&call);
        call_close(&call);
    }
    wait_until(atomic_load(&echo.over) == atomic_load(&echo.begun) &&
               bp_rpc_server_streams(echo.server) == 0);
}

static void *call_later(void *context)
{
    (void)context;
    struct client own;
    client_open(&own, &pki, echo.port, "agency2", "ca.pem");
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(unary(&own, "/test.Echo/Later", "again"), BP_RPC_OK);
    client_close(&own);
    return NULL;
}

static void test_rpc_calls_woken_from_another_thread_under_load_all_answer(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_later, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    wait_until(atomic_load(&echo.over) == 1200);
    assert_int_equal(echo.woken, 1200); /* once a call, whatever the number of wakes */
}

static void test_rpc_calls_on_one_stream_wait_for_each_other(void **state)
{
    (void)state;
    struct call call;
    call_open(&call, &client, "/test.Echo/Flood", 0);
    call_send(&call, BP_STR("x"));
    call_half_close(&call);
    for (int i = 0; i < 50; i++) {
        assert_true(call_receive(&call));
        assert_int_equal(call.received.n, 65536);
    }

    call_cancel(&call);

    wait_until(atomic_load(&echo.over) == 1);
    (void)call_status(&call);
    call_close(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rpc_calls_unary_answers_and_knows_its_caller),
        TEST(test_rpc_calls_empty_request_gets_an_empty_answer),
        TEST(test_rpc_calls_error_carries_its_details),
        TEST(test_rpc_calls_unknown_method_is_unimplemented),
        TEST(test_rpc_calls_refused_above_never_begin_but_are_told),
        TEST(test_rpc_calls_without_a_request_are_malformed),
        TEST(test_rpc_calls_take_requests_up_to_the_limit_of_their_method),
        TEST(test_rpc_calls_oversize_stream_message_ends_the_stream),
        TEST(test_rpc_calls_compressed_requests_are_refused_unread),
        TEST(test_rpc_calls_stream_both_ways_until_half_close),
        TEST(test_rpc_calls_stream_ended_by_the_method_tells_why),
        TEST(test_rpc_calls_that_take_turns_answer_each_message),
        TEST(test_rpc_calls_that_wait_for_their_turn_are_ended_with_details),
        TEST(test_rpc_calls_that_wait_for_their_turn_may_be_cancelled),
        TEST(test_rpc_calls_cancelled_stream_is_over_without_a_half_close),
        TEST(test_rpc_calls_lost_connection_ends_the_stream),
        TEST(test_rpc_calls_long_poll_learns_that_its_caller_gave_up),
        TEST(test_rpc_calls_past_their_deadline_are_over),
        TEST(test_rpc_calls_cancelled_before_their_answer_are_over_once),
        TEST(test_rpc_calls_woken_from_another_thread_under_load_all_answer),
        TEST(test_rpc_calls_on_one_stream_wait_for_each_other),
    };
    assert_int_equal(bp_rpc_init(NULL), BP_OK);
    pki_create(&pki);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_destroy(&pki);
    bp_rpc_fini();
    return failed;
}
