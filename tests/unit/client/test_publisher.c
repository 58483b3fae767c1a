#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_link.h"
#include "wire.h"

static struct berbagi_client client = {.connect_timeout_ms = 10000, .server = NULL};

static int set_up(void **state)
{
    static char server[] = "exchange.test:7443";
    client.server = server;
    client.patience_ms = 0;
    fake_reset();
    return berbagi_publisher_open(&client, NULL, (struct berbagi_publisher **)state, NULL) ==
                   BERBAGI_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    berbagi_publisher_close(*state);
    fake_reset();
    return 0;
}

/* Puts a request of one event into the window; the text stands for the event. */
static void send_one(struct berbagi_publisher *p, const char *event)
{
    const struct berbagi_str events[] = {{event, strlen(event)}};
    assert_int_equal(berbagi_publisher_send(p, events, 1, (void *)(uintptr_t)event, NULL),
                     BERBAGI_OK);
}

/* An answer to n events: stored from this position on. */
static void answer_all_stored(uint64_t position, size_t n, uint32_t retry_after_ms)
{
    struct bp_buf b = {0};
    for (size_t i = 0; i < n; i++) {
        size_t result = bp_wire_begin_message(&b, 1);
        bp_wire_put_uint(&b, 1, BERBAGI_STORED);
        bp_wire_put_uint(&b, 2, position + i);
        bp_wire_end_message(&b, result);
    }
    bp_wire_put_uint(&b, 2, retry_after_ms);
    fake_message(&b);
    bp_buf_fini(&b);
}

static void answer_stored(uint64_t position, uint32_t retry_after_ms)
{
    answer_all_stored(position, 1, retry_after_ms);
}

static void expect_answer(struct berbagi_publisher *p, const char *event, uint64_t position)
{
    const struct berbagi_answer *answer = NULL;

    assert_int_equal(berbagi_publisher_next(p, -1, &answer, NULL), BERBAGI_OK);

    assert_ptr_equal(answer->tag, event);
    assert_int_equal(answer->n, 1);
    assert_int_equal(answer->results[0].outcome, BERBAGI_STORED);
    assert_int_equal(answer->results[0].position, position);
}

/* Written message i is a request with events that are named by one letter each, on this link. */
static void expect_written(size_t i, const char *events, unsigned link)
{
    unsigned on = 0;
    struct bp_wire w = bp_wire_of(fake_message_at(i, &on));
    struct bp_wire_field f;
    for (; *events != '\0'; events++) {
        assert_true(bp_wire_next(&w, &f));
        assert_int_equal(f.number, 1);
        assert_true(bp_str_eq(f.bytes, bp_str_of(events, 1)));
    }
    assert_false(bp_wire_next(&w, &f));
    assert_int_equal(on, link);
}

static void test_publisher_answers_come_in_order(void **state)
{
    static const char a[] = "a", b[] = "b";
    send_one(*state, a);
    answer_stored(7, 0);
    expect_answer(*state, a, 7);
    send_one(*state, b);
    answer_stored(8, 0);

    expect_answer(*state, b, 8);

    assert_int_equal(berbagi_publisher_unanswered(*state), 0);
    assert_int_equal(fake_links(), 1);
}

static void test_publisher_full_window_says_again(void **state)
{
    for (int i = 0; i < 16; i++)
        send_one(*state, "e");
    const struct berbagi_str events[] = {{"e", 1}};

    assert_int_equal(berbagi_publisher_send(*state, events, 1, NULL, NULL), BERBAGI_AGAIN);
}

static void test_publisher_requests_that_wait_leave_together(void **state)
{
    static const char a[] = "a", b[] = "b", c[] = "c";
    send_one(*state, a);
    send_one(*state, b);
    send_one(*state, c);
    answer_all_stored(7, 3, 0);

    expect_answer(*state, a, 7);
    assert_int_equal(berbagi_publisher_unanswered(*state), 2);
    expect_answer(*state, b, 8);
    expect_answer(*state, c, 9);

    assert_int_equal(fake_written(), 1);
    expect_written(0, "abc", 1);
    assert_int_equal(berbagi_publisher_unanswered(*state), 0);
}

static void test_publisher_together_are_no_more_than_a_request_holds(void **state)
{
    static struct berbagi_str events[BERBAGI_REQUEST_EVENTS];
    const struct berbagi_answer *answer;
    for (size_t i = 0; i < BERBAGI_REQUEST_EVENTS; i++)
        events[i] = (struct berbagi_str){"e", 1};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            berbagi_publisher_send(*state, events, BERBAGI_REQUEST_EVENTS / 2, NULL, NULL),
            BERBAGI_OK);
    answer_all_stored(1, BERBAGI_REQUEST_EVENTS, 0);
    answer_all_stored(1001, BERBAGI_REQUEST_EVENTS / 2, 0);

    for (int i = 0; i < 3; i++)
        assert_int_equal(berbagi_publisher_next(*state, -1, &answer, NULL), BERBAGI_OK);

    assert_int_equal(answer->n, BERBAGI_REQUEST_EVENTS / 2);
    assert_int_equal(answer->results[0].position, 1001);
    assert_int_equal(fake_written(), 2);
}

static void test_publisher_all_or_nothing_leaves_alone(void **state)
{
    static const char a[] = "a", b[] = "b";
    const struct berbagi_publisher_options options = {.all_or_nothing = true};
    berbagi_publisher_close(*state);
    assert_int_equal(
        berbagi_publisher_open(&client, &options, (struct berbagi_publisher **)state, NULL),
        BERBAGI_OK);
    send_one(*state, a);
    send_one(*state, b);
    answer_stored(1, 0);
    answer_stored(2, 0);

    expect_answer(*state, a, 1);
    expect_answer(*state, b, 2);

    assert_int_equal(fake_written(), 2);
}

static void test_publisher_broken_link_sends_unanswered_again_in_order(void **state)
{
    static const char a[] = "a", b[] = "b", c[] = "c";
    send_one(*state, a);
    answer_stored(1, 0);
    expect_answer(*state, a, 1);
    send_one(*state, b);
    send_one(*state, c);
    fake_end(GRPC_STATUS_UNAVAILABLE, "SHUTTING_DOWN", 0);
    answer_stored(2, 0);
    answer_stored(3, 0);

    expect_answer(*state, b, 2);
    expect_answer(*state, c, 3);

    expect_written(1, "bc", 1);
    expect_written(2, "b", 2);
    expect_written(3, "c", 2);
}

static void test_publisher_end_with_retry_info_waits_as_long(void **state)
{
    static const char a[] = "a";
    send_one(*state, a);
    fake_end(GRPC_STATUS_RESOURCE_EXHAUSTED, "OVER_QUOTA", 5000);
    answer_stored(1, 0);
    int64_t before = fake_now_ms();

    expect_answer(*state, a, 1);

    assert_true(fake_now_ms() >= before + 5000);
}

static void test_publisher_retry_after_ms_delays_next_request(void **state)
{
    static const char a[] = "a", b[] = "b";
    send_one(*state, a);
    answer_stored(1, 3000);
    expect_answer(*state, a, 1);
    int64_t before = fake_now_ms();
    send_one(*state, b);
    const struct berbagi_answer *answer;

    assert_int_equal(berbagi_publisher_next(*state, 2999, &answer, NULL), BERBAGI_AGAIN);
    assert_int_equal(fake_written(), 1);
    assert_int_equal(berbagi_publisher_next(*state, 10, &answer, NULL), BERBAGI_AGAIN);

    assert_int_equal(fake_written(), 2);
    assert_true(fake_now_ms() >= before + 3000);
}

static void test_publisher_refusal_is_final_and_told(void **state)
{
    struct berbagi_error error = {0};
    const struct berbagi_answer *answer;
    send_one(*state, "a");
    fake_end(GRPC_STATUS_PERMISSION_DENIED, "AGENCY_SUSPENDED", 0);

    assert_int_equal(berbagi_publisher_next(*state, -1, &answer, &error), BERBAGI_EREFUSED);

    assert_string_equal(error.reason, "AGENCY_SUSPENDED");
    assert_int_equal(berbagi_publisher_next(*state, -1, &answer, &error), BERBAGI_EINVAL);
}

static void test_publisher_unreachable_at_first_gives_up(void **state)
{
    const struct berbagi_answer *answer;
    send_one(*state, "a");
    for (int i = 0; i < 40; i++)
        fake_end(GRPC_STATUS_UNAVAILABLE, "", 0);
    int64_t before = fake_now_ms();

    assert_int_equal(berbagi_publisher_next(*state, -1, &answer, NULL), BERBAGI_EUNREACHABLE);

    assert_in_range(fake_now_ms() - before, 3000, 10000);
}

static void test_publisher_exchange_that_says_why_is_waited_for_with_patience(void **state)
{
    static const char a[] = "a";
    send_one(*state, a);
    for (int i = 0; i < 20; i++)
        fake_end(GRPC_STATUS_RESOURCE_EXHAUSTED, "DISK_RESERVE", 5000);
    answer_stored(1, 0);
    int64_t before = fake_now_ms();

    expect_answer(*state, a, 1);

    assert_true(fake_now_ms() - before > 10000);
}

static void test_publisher_silence_after_a_request_ends_the_link(void **state)
{
    static const char a[] = "a";
    const struct berbagi_answer *answer;
    send_one(*state, a);

    assert_int_equal(berbagi_publisher_next(*state, 70000, &answer, NULL), BERBAGI_AGAIN);

    assert_int_equal(fake_links(), 2);
    expect_written(1, a, 2);
}

static void test_publisher_files_being_renewed_are_waited_for(void **state)
{
    static const char a[] = "a", b[] = "b";
    send_one(*state, a);
    answer_stored(1, 0);
    expect_answer(*state, a, 1);
    send_one(*state, b);
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0);
    answer_stored(2, 0);
    fake_bad_files(3);

    expect_answer(*state, b, 2);
}

/* Stores event on the first link, so that a second one is a change. */
static void begin_with(struct berbagi_publisher *p, const char *event)
{
    send_one(p, event);
    answer_stored(1, 0);
    expect_answer(p, event, 1);
}

static void test_publisher_renewed_files_are_taken_between_two_requests(void **state)
{
    static const char a[] = "a", b[] = "b", c[] = "c";
    begin_with(*state, a);
    send_one(*state, b);
    const struct berbagi_answer *answer;
    assert_int_equal(berbagi_publisher_next(*state, 10, &answer, NULL), BERBAGI_AGAIN);
    send_one(*state, c);
    fake_renew();
    answer_stored(2, 0);
    expect_answer(*state, b, 2);
    assert_false(fake_was_half_closed());
    answer_stored(3, 0);

    expect_answer(*state, c, 3);

    assert_int_equal(fake_written(), 3);
    expect_written(1, b, 1);
    expect_written(2, c, 2);
    assert_true(fake_was_half_closed()); /* the first, when the second had answered */
}

static void test_publisher_refused_renewed_files_leave_the_link_there_was(void **state)
{
    static const char a[] = "a", b[] = "b", c[] = "c";
    begin_with(*state, a);
    fake_renew();
    send_one(*state, b);
    fake_end(GRPC_STATUS_UNAUTHENTICATED, "BAD_CERTIFICATE", 0);
    answer_stored(2, 0);

    expect_answer(*state, b, 2);
    assert_int_equal(fake_links(), 2);
    send_one(*state, c);
    answer_stored(3, 0);
    expect_answer(*state, c, 3);

    assert_int_equal(fake_links(), 2); /* and is not tried again at once */
    assert_int_equal(fake_written(), 4);
    expect_written(1, b, 2);
}

static void test_publisher_unusable_renewed_files_leave_the_link_there_was(void **state)
{
    static const char a[] = "a", b[] = "b";
    begin_with(*state, a);
    fake_renew();
    fake_bad_files(1);
    send_one(*state, b);
    answer_stored(2, 0);

    expect_answer(*state, b, 2);

    assert_int_equal(fake_links(), 1);
}

static void test_publisher_revoked_after_renewal_comes_back_with_the_new_one(void **state)
{
    static const char a[] = "a", b[] = "b";
    begin_with(*state, a);
    send_one(*state, b);
    const struct berbagi_answer *answer;
    assert_int_equal(berbagi_publisher_next(*state, 10, &answer, NULL), BERBAGI_AGAIN);
    fake_renew();
    fake_end(GRPC_STATUS_PERMISSION_DENIED, "CERTIFICATE_REVOKED", 0);
    answer_stored(2, 0);

    expect_answer(*state, b, 2);

    assert_int_equal(fake_links(), 2);
}

static void test_publisher_revoked_without_renewal_has_failed(void **state)
{
    const struct berbagi_answer *answer;
    begin_with(*state, "a");
    send_one(*state, "b");
    fake_end(GRPC_STATUS_PERMISSION_DENIED, "CERTIFICATE_REVOKED", 0);

    assert_int_equal(berbagi_publisher_next(*state, -1, &answer, NULL), BERBAGI_EREFUSED);
}

static void test_publisher_answer_with_missing_result_is_refused(void **state)
{
    struct bp_buf nothing = {0};
    const struct berbagi_answer *answer;
    send_one(*state, "a");
    bp_wire_put_uint(&nothing, 2, 0);
    fake_message(&nothing);
    bp_buf_fini(&nothing);

    assert_int_equal(berbagi_publisher_next(*state, -1, &answer, NULL), BERBAGI_EPROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_publisher_answers_come_in_order),
        TEST(test_publisher_full_window_says_again),
        TEST(test_publisher_requests_that_wait_leave_together),
        TEST(test_publisher_together_are_no_more_than_a_request_holds),
        TEST(test_publisher_all_or_nothing_leaves_alone),
        TEST(test_publisher_broken_link_sends_unanswered_again_in_order),
        TEST(test_publisher_end_with_retry_info_waits_as_long),
        TEST(test_publisher_retry_after_ms_delays_next_request),
        TEST(test_publisher_refusal_is_final_and_told),
        TEST(test_publisher_unreachable_at_first_gives_up),
        TEST(test_publisher_exchange_that_says_why_is_waited_for_with_patience),
        TEST(test_publisher_silence_after_a_request_ends_the_link),
        TEST(test_publisher_files_being_renewed_are_waited_for),
        TEST(test_publisher_renewed_files_are_taken_between_two_requests),
        TEST(test_publisher_refused_renewed_files_leave_the_link_there_was),
        TEST(test_publisher_unusable_renewed_files_leave_the_link_there_was),
        TEST(test_publisher_revoked_after_renewal_comes_back_with_the_new_one),
        TEST(test_publisher_revoked_without_renewal_has_failed),
        TEST(test_publisher_answer_with_missing_result_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
