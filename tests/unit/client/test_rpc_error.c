#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_internal.h"
#include "wire.h"

/* Appends an Any of this type around what b2 holds. */
static void add_detail(struct bp_buf *status, const char *type, const struct bp_buf *value)
{
    size_t any = bp_wire_begin_message(status, 3);
    bp_wire_put_bytes(status, 1, bp_str(type));
    bp_wire_put_bytes(status, 2, bp_buf_str(value));
    bp_wire_end_message(status, any);
}

static void test_rpc_error_details_are_taken_apart(void **state)
{
    (void)state;
    struct bp_buf status = {0}, info = {0}, retry = {0}, bad = {0};
    bp_wire_put_bytes(&info, 1, BP_STR("POSITION_EXPIRED"));
    size_t m = bp_wire_begin_message(&info, 3);
    bp_wire_put_bytes(&info, 1, BP_STR("position"));
    bp_wire_put_bytes(&info, 2, BP_STR("4711"));
    bp_wire_end_message(&info, m);
    m = bp_wire_begin_message(&retry, 1);
    bp_wire_put_uint(&retry, 1, 2);
    bp_wire_put_uint(&retry, 2, 500000000);
    bp_wire_end_message(&retry, m);
    m = bp_wire_begin_message(&bad, 1);
    bp_wire_put_bytes(&bad, 1, BP_STR("filter.types"));
    bp_wire_end_message(&bad, m);
    add_detail(&status, "type.googleapis.com/google.rpc.ErrorInfo", &info);
    add_detail(&status, "type.googleapis.com/google.rpc.RetryInfo", &retry);
    add_detail(&status, "type.googleapis.com/google.rpc.BadRequest", &bad);
    struct berbagi_error e;

    bp_client_rpc_error(11, BP_STR("gone"), bp_buf_str(&status), &e);

    assert_int_equal(e.code, 11);
    assert_string_equal(e.message, "gone");
    assert_string_equal(e.reason, "POSITION_EXPIRED");
    assert_int_equal(e.position, 4711);
    assert_int_equal(e.retry_after_ms, 2500);
    assert_string_equal(e.field, "filter.types");
    bp_buf_fini(&status);
    bp_buf_fini(&info);
    bp_buf_fini(&retry);
    bp_buf_fini(&bad);
}

static void test_rpc_error_malformed_details_leave_code_and_message(void **state)
{
    (void)state;
    struct berbagi_error e;

    bp_client_rpc_error(7, BP_STR("no"), BP_STR("\x1A\xFFnot a message"), &e);

    assert_int_equal(e.code, 7);
    assert_string_equal(e.message, "no");
    assert_string_equal(e.reason, "");
}

static void test_rpc_error_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    char text[600];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    struct berbagi_error e;

    bp_client_rpc_error(2, bp_str_of(text, sizeof(text)), (struct bp_str){0}, &e);

    assert_int_equal(strlen(e.message), sizeof(e.message) - 2);
    assert_true(bp_utf8_is_valid(bp_str(e.message)));
}

static void test_rpc_error_only_passing_states_are_tried_again(void **state)
{
    (void)state;
    const struct {
        int code;
        const char *reason;
        bool may_pass;
    } cases[] = {
        {14, "SHUTTING_DOWN", true},     {14, "", true},
        {8, "DISK_RESERVE", true},       {8, "OVER_QUOTA", true},
        {8, "MESSAGE_TOO_LARGE", false}, {8, "", false},
        {7, "NO_RIGHT", false},          {10, "TAKEN_OVER", false},
        {11, "LOG_CHANGED", false},      {16, "CERTIFICATE_EXPIRED", false},
        {3, "MALFORMED_REQUEST", false}, {12, "UNKNOWN_METHOD", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct berbagi_error e = {.code = cases[i].code};
        assert_true(bp_str_copy(e.reason, sizeof(e.reason), bp_str(cases[i].reason)));
        assert_int_equal(bp_client_may_pass(&e), cases[i].may_pass);
    }
}

static void test_rpc_error_failed_handshake_is_explained_and_final(void **state)
{
    (void)state;
    struct berbagi_error e;

    bp_client_rpc_error(14,
                        BP_STR("failed to connect to all addresses; last error: UNKNOWN: "
                               "ipv4:127.0.0.1:7443: Ssl handshake failed: SSL_ERROR_SSL: "
                               "error:0A000086:SSL routines::certificate verify failed"),
                        (struct bp_str){0}, &e);

    assert_string_equal(e.message, "the server's certificate is not from an authority believed");
    assert_string_equal(e.reason, BP_CLIENT_UNTRUSTED);
    assert_false(bp_client_may_pass(&e));
}

static void test_rpc_error_refused_connection_is_unwrapped(void **state)
{
    (void)state;
    struct berbagi_error e;

    bp_client_rpc_error(14,
                        BP_STR("failed to connect to all addresses; last error: UNKNOWN: "
                               "ipv6:%5B::1%5D:7443: Failed to connect to remote host: Connection "
                               "refused"),
                        (struct bp_str){0}, &e);

    assert_string_equal(e.message, "Failed to connect to remote host: Connection refused");
    assert_true(bp_client_may_pass(&e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_error_details_are_taken_apart),
        cmocka_unit_test(test_rpc_error_malformed_details_leave_code_and_message),
        cmocka_unit_test(test_rpc_error_long_message_is_cut_between_characters),
        cmocka_unit_test(test_rpc_error_only_passing_states_are_tried_again),
        cmocka_unit_test(test_rpc_error_failed_handshake_is_explained_and_final),
        cmocka_unit_test(test_rpc_error_refused_connection_is_unwrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
