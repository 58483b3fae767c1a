#include "check.h"

#include "rpc_status.h"

static void assert_encoded(const struct bp_rpc_status *st, const void *expected, size_t n)
{
    struct bp_buf out = {0};
    bp_rpc_status_encode(st, &out);
    assert_false(out.failed);
    assert_int_equal(out.n, n);
    assert_memory_equal(out.p, expected, n);
    bp_buf_fini(&out);
}

static void test_rpc_status_of_a_reason_takes_its_code_and_meaning(void **state)
{
    (void)state;
    struct bp_rpc_status st = bp_rpc_status(BP_REASON_TAKEN_OVER, NULL);

    assert_int_equal(st.code, BP_RPC_ABORTED);
    assert_string_equal(st.message, "another stream opened this subscription");
    assert_string_equal(bp_rpc_reason_name(st.reason), "TAKEN_OVER");
}

static void test_rpc_status_without_details_is_code_and_message(void **state)
{
    (void)state;
    struct bp_rpc_status st = {.code = BP_RPC_NOT_FOUND, .message = "no"};

    assert_encoded(&st, "\x08\x05\x12\x02no", 6);
}

static void test_rpc_status_with_everything_encodes_three_details(void **state)
{
    (void)state;
    struct bp_rpc_status st = bp_rpc_status(BP_REASON_BUSY, "%s", "m");
    st.retry_after_ms = 1500;
    st.position = 7;
    (void)bp_str_copy(st.field, sizeof(st.field), BP_STR("f"));
    static const char expected[] =
        "\x08\x08\x12\x01m"
        "\x1a\x4d\x0a\x28type.googleapis.com/google.rpc.ErrorInfo\x12\x21"
        "\x0a\x04"
        "BUSY\x12\x0a"
        "berbagi.v1\x1a\x0d\x0a\x08position\x12\x01"
        "7"
        "\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x0a"
        "\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01"
        "\x1a\x35\x0a\x29type.googleapis.com/google.rpc.BadRequest\x12\x08"
        "\x0a\x06\x0a\x01"
        "f\x12\x01m";

    assert_encoded(&st, expected, sizeof(expected) - 1);
}

static void test_rpc_status_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    char text[400] = "x";
    for (size_t i = 1; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    struct bp_rpc_status st = bp_rpc_status(BP_REASON_BUSY, "%s", text);

    assert_int_equal(strlen(st.message), sizeof(st.message) - 1);
    assert_true(bp_utf8_is_valid(bp_str(st.message)));

    st = bp_rpc_status(BP_REASON_BUSY, "x%s", text);

    assert_int_equal(strlen(st.message), sizeof(st.message) - 2);
    assert_true(bp_utf8_is_valid(bp_str(st.message)));
}

static void test_rpc_status_that_is_no_utf8_shows_question_marks(void **state)
{
    (void)state;
    struct bp_rpc_status st = {.code = BP_RPC_UNKNOWN,
                               .message = "a\xff"
                                          "bcde"};

    assert_encoded(&st,
                   "\x08\x02\x12\x06"
                   "a?bcde",
                   10);
}

static void test_rpc_status_of_a_request_fault_passes_its_words_on(void **state)
{
    (void)state;
    struct bp_err err = {"events: more than 1000"};
    struct bp_rpc_status st = bp_rpc_status_of(BP_EINVAL, &err);

    assert_int_equal(st.code, BP_RPC_INVALID_ARGUMENT);
    assert_int_equal(st.reason, BP_REASON_MALFORMED_REQUEST);
    assert_string_equal(st.message, err.text);
}

static void test_rpc_status_of_a_machine_fault_keeps_its_words_back(void **state)
{
    (void)state;
    struct bp_err err = {"/data/journal: Input/output error"};
    const bp_status faults[] = {BP_EIO, BP_ENOSPC, BP_ECORRUPT, BP_ENOMEM, BP_EVERSION, BP_ECLOSED};

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct bp_rpc_status st = bp_rpc_status_of(faults[i], &err);
        assert_null(strstr(st.message, "/data"));
        assert_int_not_equal(st.code, BP_RPC_OK);
        assert_int_not_equal(st.reason, BP_REASON_NONE);
    }
}

static void test_rpc_status_of_ok_is_ok(void **state)
{
    (void)state;
    assert_int_equal(bp_rpc_status_of(BP_OK, NULL).code, BP_RPC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_status_of_a_reason_takes_its_code_and_meaning),
        cmocka_unit_test(test_rpc_status_without_details_is_code_and_message),
        cmocka_unit_test(test_rpc_status_with_everything_encodes_three_details),
        cmocka_unit_test(test_rpc_status_too_long_is_cut_between_characters),
        cmocka_unit_test(test_rpc_status_that_is_no_utf8_shows_question_marks),
        cmocka_unit_test(test_rpc_status_of_a_request_fault_passes_its_words_on),
        cmocka_unit_test(test_rpc_status_of_a_machine_fault_keeps_its_words_back),
        cmocka_unit_test(test_rpc_status_of_ok_is_ok),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
