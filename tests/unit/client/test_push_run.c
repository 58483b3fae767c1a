/* The pipeline against a publisher in the test's hand: berbagi_publisher_* are defined here, so the
 * library's own are not linked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "push_run.h"
#include "temporary.h"

#define WINDOW 2

static struct {
    size_t sizes[64]; /* events of each request sent */
    size_t sent, answered;
    size_t fail_at; /* the answer to this request is a failure */
    struct berbagi_result results[BP_BATCH_ROWS];
    struct berbagi_answer answer;
} exchange;

berbagi_status berbagi_publisher_send(struct berbagi_publisher *p, const struct berbagi_str *events,
                                      size_t n, void *tag, struct berbagi_error *error)
{
    (void)p;
    (void)tag;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        struct bp_event e;
        assert_true(bp_event_parse(bp_str_of(events[i].p, events[i].n), &e));
        assert_int_equal(e.id.n, 36);
    }
    if (exchange.sent - exchange.answered == WINDOW)
        return BERBAGI_AGAIN;
    exchange.sizes[exchange.sent++] = n;
    return BERBAGI_OK;
}

/* Answers when asked to wait, so that the window fills up; the first event of a request is a
 * duplicate. */
berbagi_status berbagi_publisher_next(struct berbagi_publisher *p, int timeout_ms,
                                      const struct berbagi_answer **out,
                                      struct berbagi_error *error)
{
    (void)p;
    if (timeout_ms == 0 || exchange.answered == exchange.sent)
        return BERBAGI_AGAIN;
    if (exchange.fail_at != 0 && exchange.answered + 1 == exchange.fail_at) {
        *error = (struct berbagi_error){.code = 7, .message = "no"};
        return BERBAGI_EREFUSED;
    }
    size_t n = exchange.sizes[exchange.answered++];
    for (size_t i = 0; i < n; i++)
        exchange.results[i] = (struct berbagi_result){
            .outcome = i == 0 ? BERBAGI_DUPLICATE : BERBAGI_STORED, .subject = ""};
    exchange.answer = (struct berbagi_answer){NULL, exchange.results, n};
    *out = &exchange.answer;
    return BERBAGI_OK;
}

static struct bp_schema *schema;
static struct bp_row_id ids;
static struct bp_rejects rejects;
static struct bp_progress progress;
static struct bp_push push;

static int set_up(void **state)
{
    (void)state;
    temporary_make();
    if (bp_schema_open(NULL, 0, &schema, NULL) != BP_OK)
        return -1;
    return bp_row_id_open(temporary_path("key"), schema, BP_STR("kab.18.07"), &ids, NULL) == BP_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bp_row_id_close(&ids);
    bp_schema_destroy(schema);
    temporary_remove();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    memset(&exchange, 0, sizeof(exchange));
    progress = (struct bp_progress){.to = stderr, .drawn_ms = INT64_MAX};
    push = (struct bp_push){.ids = &ids, .rejects = &rejects, .progress = &progress};
    push.input.schema = schema;
    bp_push_init(&push);
    return bp_rejects_open(temporary_path("rejects.csv"), &rejects, NULL) == BP_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    bp_push_fini(&push);
    return rejects.file == NULL || bp_rejects_close(&rejects, NULL) == BP_OK ? 0 : -1;
}

/* n rows; each whose number divides by bad_every is no event. */
static const char *file_of(const char *name, unsigned n, unsigned bad_every)
{
    struct bp_buf b = {0};
    for (unsigned i = 1; i <= n; i++) {
        if (bad_every != 0 && i % bad_every == 0)
            bp_buf_add_text(&b, "nonsense\n");
        else
            bp_buf_printf(&b,
                          "{\"specversion\":\"1.0\",\"type\":\"regulation.enacted\","
                          "\"data\":{\"regulation_number\":\"%u\"}}\n",
                          i);
    }
    const char *path = temporary_write(name, bp_buf_str(&b));
    bp_buf_fini(&b);
    return path;
}

static void test_push_run_every_row_is_answered_once(void **state)
{
    (void)state;

    assert_int_equal(bp_push_file(&push, file_of("a.jsonl", 2600, 0), NULL), BP_OK);
    assert_int_equal(bp_push_finish(&push, false, NULL), BP_OK);

    assert_int_equal(exchange.sent, 6);
    assert_int_equal(progress.duplicate, 6);
    assert_int_equal(progress.stored, 2594);
    assert_int_equal(bp_progress_done(&progress), 2600);
}

static void test_push_run_rejected_rows_are_told_in_order_of_the_file(void **state)
{
    (void)state;

    assert_int_equal(bp_push_file(&push, file_of("b.jsonl", 1200, 300), NULL), BP_OK);
    assert_int_equal(bp_push_finish(&push, false, NULL), BP_OK);

    assert_int_equal(progress.rejected, 4);
    assert_int_equal(bp_progress_done(&progress), 1200);
    assert_int_equal(bp_rejects_close(&rejects, NULL), BP_OK);
    const char *at = temporary_read(temporary_path("rejects.csv"));
    static const char *const lines[] = {",300,", ",600,", ",900,", ",1200,"};
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, lines[i]);
        assert_non_null(at);
    }
}

static void test_push_run_file_of_bad_rows_alone_sends_nothing(void **state)
{
    (void)state;

    assert_int_equal(bp_push_file(&push, file_of("c.jsonl", 1100, 1), NULL), BP_OK);
    assert_int_equal(bp_push_finish(&push, false, NULL), BP_OK);

    assert_int_equal(exchange.sent, 0);
    assert_int_equal(progress.rejected, 1100);
}

static void test_push_run_failure_of_the_publisher_ends_it(void **state)
{
    (void)state;
    exchange.fail_at = 2;
    struct bp_err err = {{0}};

    assert_int_equal(bp_push_file(&push, file_of("d.jsonl", 5000, 0), &err), BP_EIO);

    assert_int_equal(push.status, BERBAGI_EREFUSED);
    assert_string_equal(err.text, "no");
    assert_int_equal(bp_progress_done(&progress), 500);
}

static void test_push_run_stopping_drops_what_was_not_sent(void **state)
{
    (void)state;
    assert_int_equal(bp_push_file(&push, file_of("e.jsonl", 700, 0), NULL), BP_OK);

    assert_int_equal(bp_push_finish(&push, true, NULL), BP_OK);

    assert_int_equal(exchange.sent, 1);
    assert_int_equal(bp_progress_done(&progress), 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_push_run_every_row_is_answered_once),
        TEST(test_push_run_rejected_rows_are_told_in_order_of_the_file),
        TEST(test_push_run_file_of_bad_rows_alone_sends_nothing),
        TEST(test_push_run_failure_of_the_publisher_ends_it),
        TEST(test_push_run_stopping_drops_what_was_not_sent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
