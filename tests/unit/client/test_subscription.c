#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_link.h"
#include "wire.h"

static char server[] = "exchange.test:7443";
static struct berbagi_client client = {.connect_timeout_ms = 10000, .server = server};

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static struct berbagi_subscription *subscribe(const char *name, enum berbagi_start start)
{
    struct berbagi_subscription *s = NULL;
    const struct berbagi_subscription_options o = {.name = name, .start = start};
    assert_int_equal(berbagi_subscription_open(&client, &o, &s, NULL), BERBAGI_OK);
    return s;
}

static void opened(uint64_t after, uint64_t head)
{
    struct bp_buf b = {0};
    size_t m = bp_wire_begin_message(&b, 1);
    bp_wire_put_uint(&b, 1, after);
    bp_wire_put_uint(&b, 2, head);
    bp_wire_put_uint(&b, 3, 1);
    bp_wire_put_bytes(&b, 4, BP_STR("log-1"));
    bp_wire_end_message(&b, m);
    fake_message(&b);
    bp_buf_fini(&b);
}

/* Deliveries at first to last, all of it through there. */
static void batch(uint64_t first, uint64_t last)
{
    struct bp_buf b = {0};
    size_t m = bp_wire_begin_message(&b, 2);
    for (uint64_t position = first; position <= last; position++) {
        size_t d = bp_wire_begin_message(&b, 1);
        bp_wire_put_uint(&b, 1, position);
        bp_wire_put_bytes(&b, 3, BP_STR("event"));
        bp_wire_end_message(&b, d);
    }
    bp_wire_put_uint(&b, 2, last);
    bp_wire_end_message(&b, m);
    fake_message(&b);
    bp_buf_fini(&b);
}

static const struct berbagi_response *next(struct berbagi_subscription *s)
{
    const struct berbagi_response *r = NULL;
    assert_int_equal(berbagi_subscription_next(s, 60000, &r, NULL), BERBAGI_OK);
    return r;
}

static void expect_batch(struct berbagi_subscription *s, uint64_t first, uint64_t last)
{
    const struct berbagi_response *r = next(s);
    assert_int_equal(r->kind, BERBAGI_BATCH);
    assert_int_equal(r->n_deliveries, last - first + 1);
    assert_int_equal(r->deliveries[0].position, first);
    assert_int_equal(r->deliveries[r->n_deliveries - 1].position, last);
}

/* Field of the Start in the open request that was written as message i: its value, 0 if it is not
 * there. */
static uint64_t start_field(size_t i, uint32_t number)
{
    struct bp_wire w = bp_wire_of(fake_message_at(i, NULL));
    struct bp_wire_field f;
    assert_true(bp_wire_next(&w, &f));
    assert_int_equal(f.number, 1);
    w = bp_wire_of(f.bytes);
    while (bp_wire_next(&w, &f) && f.number != 3)
        ;
    assert_int_equal(f.number, 3);
    w = bp_wire_of(f.bytes);
    while (bp_wire_next(&w, &f)) {
        if (f.number == number)
            return f.type == BP_WIRE_LEN ? 1 : f.value;
    }
    return 0;
}

/* Acknowledgement written as message i. */
static uint64_t acknowledged(size_t i)
{
    struct bp_wire w = bp_wire_of(fake_message_at(i, NULL));
    struct bp_wire_field f;
    assert_true(bp_wire_next(&w, &f));
    assert_int_equal(f.number, 2);
    return f.value;
}

static void test_subscription_broken_link_goes_on_behind_last_position(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe(NULL, BERBAGI_START_BEGINNING);
    opened(0, 9);
    batch(1, 3);
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0);
    opened(3, 9);
    batch(4, 5);

    assert_int_equal(next(s)->kind, BERBAGI_OPENED);
    expect_batch(s, 1, 3);
    assert_int_equal(next(s)->kind, BERBAGI_OPENED);
    expect_batch(s, 4, 5);

    assert_int_equal(start_field(0, 2), 1);
    assert_int_equal(start_field(1, 4), 3);
    assert_int_equal(start_field(1, 6), 1); /* and of that log */
    berbagi_subscription_close(s);
}

static void test_subscription_durable_comes_back_at_stored_place_and_drops_what_it_had(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_BEGINNING);
    opened(0, 9);
    batch(1, 4);
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0);
    opened(0, 9);
    batch(1, 6);

    assert_int_equal(next(s)->kind, BERBAGI_OPENED);
    expect_batch(s, 1, 4);
    assert_int_equal(next(s)->through_position, 4);
    expect_batch(s, 5, 6);

    assert_int_equal(start_field(1, 1), 1);
    assert_int_equal(start_field(1, 2), 0);
    berbagi_subscription_close(s);
}

static void
test_subscription_lost_acknowledgement_is_sent_again_when_link_has_come_as_far(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    const struct berbagi_response *r;
    opened(0, 9);
    batch(1, 4);
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0);
    opened(0, 9);
    batch(1, 2);
    batch(3, 6);
    (void)next(s);
    (void)next(s);
    assert_int_equal(berbagi_subscription_acknowledge(s, 4), BERBAGI_OK);

    (void)next(s); /* acknowledges on the first link, which then breaks */
    (void)next(s);
    (void)next(s);
    assert_int_equal(berbagi_subscription_next(s, 10, &r, NULL), BERBAGI_AGAIN);

    assert_int_equal(fake_written(), 5);
    assert_int_equal(acknowledged(1), 4);
    assert_int_equal(acknowledged(3), 2);
    assert_int_equal(acknowledged(4), 4);
    berbagi_subscription_close(s);
}

static void test_subscription_acknowledging_beyond_what_came_is_refused(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    opened(0, 9);
    batch(1, 4);
    (void)next(s);
    (void)next(s);

    assert_int_equal(berbagi_subscription_acknowledge(s, 5), BERBAGI_EINVAL);

    berbagi_subscription_close(s);
}

static void test_subscription_taken_over_is_final(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    struct berbagi_error error = {0};
    const struct berbagi_response *r;
    opened(0, 9);
    fake_end(GRPC_STATUS_ABORTED, "TAKEN_OVER", 0);
    (void)next(s);

    assert_int_equal(berbagi_subscription_next(s, -1, &r, &error), BERBAGI_EREFUSED);

    assert_string_equal(error.reason, "TAKEN_OVER");
    assert_int_equal(fake_links(), 1);
    berbagi_subscription_close(s);
}

static void test_subscription_three_missing_bookmarks_make_a_new_link(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe(NULL, BERBAGI_START_DEFAULT);
    const struct berbagi_response *r;
    opened(0, 0);
    (void)next(s);

    assert_int_equal(berbagi_subscription_next(s, 34000, &r, NULL), BERBAGI_AGAIN);
    assert_int_equal(fake_links(), 1);
    assert_int_equal(berbagi_subscription_next(s, 3000, &r, NULL), BERBAGI_AGAIN);

    assert_int_equal(fake_links(), 2);
    berbagi_subscription_close(s);
}

static void test_subscription_renewed_files_are_taken_without_loss_or_double(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe(NULL, BERBAGI_START_BEGINNING);
    opened(0, 9);
    batch(1, 3);
    (void)next(s);
    expect_batch(s, 1, 3);
    fake_renew();
    opened(3, 9);
    batch(4, 5);

    assert_int_equal(next(s)->kind, BERBAGI_OPENED);
    expect_batch(s, 4, 5);

    assert_int_equal(fake_links(), 2);
    assert_int_equal(start_field(1, 4), 3);
    berbagi_subscription_close(s);
}

static void test_subscription_durable_takes_renewed_files_at_its_stored_place(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_BEGINNING);
    opened(0, 9);
    batch(1, 4);
    (void)next(s);
    expect_batch(s, 1, 4);
    fake_renew();
    opened(2, 9);
    batch(3, 6);

    assert_int_equal(next(s)->through_position, 4);
    expect_batch(s, 5, 6);

    assert_int_equal(start_field(1, 1), 1);
    berbagi_subscription_close(s);
}

static void test_subscription_refused_renewed_files_leave_the_stream_there_was(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    opened(0, 9);
    batch(1, 4);
    (void)next(s);
    (void)next(s);
    assert_int_equal(berbagi_subscription_acknowledge(s, 4), BERBAGI_OK);
    fake_renew();
    fake_end(GRPC_STATUS_UNAUTHENTICATED, "BAD_CERTIFICATE", 0);
    batch(5, 6); /* on the first, which was never left */

    expect_batch(s, 5, 6);

    assert_int_equal(fake_links(), 2);
    assert_int_equal(acknowledged(fake_written() - 1), 4);
    berbagi_subscription_close(s);
}

static void test_subscription_taken_over_by_its_own_renewal_comes_back(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    opened(0, 9);
    batch(1, 4);
    (void)next(s);
    (void)next(s);
    fake_renew();
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0); /* it broke when the exchange had opened it */
    fake_end(GRPC_STATUS_ABORTED, "TAKEN_OVER", 0);
    opened(0, 9);
    batch(1, 6);

    assert_int_equal(next(s)->kind, BERBAGI_OPENED);
    expect_batch(s, 5, 6);

    assert_int_equal(fake_links(), 3);
    berbagi_subscription_close(s);
}

static void test_subscription_at_its_quota_ends_the_old_stream_first(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe(NULL, BERBAGI_START_DEFAULT);
    opened(0, 9);
    (void)next(s);
    fake_renew();
    fake_end(GRPC_STATUS_RESOURCE_EXHAUSTED, "OVER_QUOTA", 1000);
    opened(0, 9);
    batch(1, 4);

    (void)next(s);
    expect_batch(s, 1, 4);

    assert_int_equal(fake_links(), 3);
    berbagi_subscription_close(s);
}

static void test_subscription_end_acknowledges_then_closes(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    opened(0, 4);
    batch(1, 4);
    (void)next(s);
    (void)next(s);
    assert_int_equal(berbagi_subscription_acknowledge(s, 4), BERBAGI_OK);
    batch(5, 6);
    fake_end(GRPC_STATUS_OK, "", 0);

    assert_int_equal(berbagi_subscription_end(s, 1000, NULL), BERBAGI_OK);

    assert_true(fake_was_half_closed());
    assert_int_equal(acknowledged(fake_written() - 1), 4);
    berbagi_subscription_close(s);
}

static void test_subscription_end_on_a_new_link_waits_until_it_may_acknowledge(void **state)
{
    (void)state;
    struct berbagi_subscription *s = subscribe("daily", BERBAGI_START_DEFAULT);
    opened(0, 4);
    batch(1, 4);
    (void)next(s);
    (void)next(s);
    assert_int_equal(berbagi_subscription_acknowledge(s, 4), BERBAGI_OK);
    fake_renew();
    const struct berbagi_response *r;
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0); /* the new stream, so the first goes on */
    fake_end(GRPC_STATUS_UNAVAILABLE, "", 0); /* and ends as well, its acknowledgement lost */
    opened(0, 4);
    assert_int_equal(berbagi_subscription_next(s, 60000, &r, NULL), BERBAGI_OK);
    batch(1, 4);

    assert_int_equal(berbagi_subscription_end(s, 1000, NULL), BERBAGI_OK);

    assert_true(fake_was_half_closed());
    assert_int_equal(acknowledged(fake_written() - 1), 4);
    berbagi_subscription_close(s);
}

static void test_subscription_bad_name_is_refused(void **state)
{
    (void)state;
    struct berbagi_subscription *s = NULL;
    const struct berbagi_subscription_options o = {.name = "Daily!"};

    assert_int_equal(berbagi_subscription_open(&client, &o, &s, NULL), BERBAGI_EINVAL);

    assert_null(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_subscription_broken_link_goes_on_behind_last_position),
        TEST(test_subscription_durable_comes_back_at_stored_place_and_drops_what_it_had),
        TEST(test_subscription_lost_acknowledgement_is_sent_again_when_link_has_come_as_far),
        TEST(test_subscription_acknowledging_beyond_what_came_is_refused),
        TEST(test_subscription_taken_over_is_final),
        TEST(test_subscription_three_missing_bookmarks_make_a_new_link),
        TEST(test_subscription_renewed_files_are_taken_without_loss_or_double),
        TEST(test_subscription_durable_takes_renewed_files_at_its_stored_place),
        TEST(test_subscription_refused_renewed_files_leave_the_stream_there_was),
        TEST(test_subscription_taken_over_by_its_own_renewal_comes_back),
        TEST(test_subscription_at_its_quota_ends_the_old_stream_first),
        TEST(test_subscription_end_acknowledges_then_closes),
        TEST(test_subscription_end_on_a_new_link_waits_until_it_may_acknowledge),
        TEST(test_subscription_bad_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
