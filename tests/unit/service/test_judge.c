/* In which order requests are judged, who has the turn, what becomes of what nobody wants. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge.h"

#define DONE_MAX 16

/* A court session: every request that was done, in order; the judge stands still in the first. */
struct session {
    struct bp_judge *judge;
    sem_t reached, released;
    struct request *done[DONE_MAX];
    size_t n;
};

struct request {
    struct bp_hearing hearing; /* first */
    struct session *session;
    unsigned slices; /* that are left */
    unsigned heard;
    bool holds;
};

static bp_status judge_slice(struct bp_hearing *hearing, size_t most, size_t *used)
{
    struct request *r = (struct request *)hearing;
    if (r->holds) {
        assert_int_equal(sem_post(&r->session->reached), 0);
        assert_int_equal(sem_wait(&r->session->released), 0);
    }
    *used = most;
    r->heard++;
    return --r->slices == 0 ? BP_OK : BP_EAGAIN;
}

static void on_done(struct bp_hearing *hearing)
{
    struct session *s = ((struct request *)hearing)->session;
    assert_true(s->n < DONE_MAX);
    s->done[s->n++] = (struct request *)hearing;
}

static bool submit(struct session *s, struct request *r, struct bp_flow *flow, unsigned slices)
{
    r->hearing.flow = flow;
    r->hearing.judge = judge_slice;
    r->hearing.done = on_done;
    r->session = s;
    r->slices = slices;
    return bp_judge_submit(s->judge, &r->hearing);
}

/* The judge is with this request, of a flow of its own, until the session goes on. */
static void open_session(struct session *s, struct request *holding, struct bp_flow *flow)
{
    struct bp_err err;
    *s = (struct session){.n = 0};
    assert_int_equal(sem_init(&s->reached, 0, 0), 0);
    assert_int_equal(sem_init(&s->released, 0, 0), 0);
    assert_int_equal(bp_judge_start(&s->judge, &err), BP_OK);
    *holding = (struct request){.holds = true};
    assert_true(submit(s, holding, flow, 1));
    assert_int_equal(sem_wait(&s->reached), 0);
}

/* Goes on until all is judged. */
static void close_session(struct session *s)
{
    assert_int_equal(sem_post(&s->released), 0);
    bp_judge_stop(s->judge);
    assert_int_equal(sem_destroy(&s->reached), 0);
    assert_int_equal(sem_destroy(&s->released), 0);
}

static void test_judge_hears_an_agency_in_order(void **state)
{
    struct session s;
    struct request holding, r[3] = {{.heard = 0}};
    struct bp_flow flow = {0};
    (void)state;
    open_session(&s, &holding, &flow);
    assert_true(submit(&s, &r[0], &flow, 16));
    assert_true(submit(&s, &r[1], &flow, 1));
    assert_true(submit(&s, &r[2], &flow, 2));

    close_session(&s);

    assert_int_equal(s.n, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(s.done[i + 1], &r[i]);
        assert_int_equal(r[i].hearing.outcome, BP_OK);
    }
    assert_int_equal(r[0].heard, 16);
}

static void test_judge_gives_each_agency_its_turn(void **state)
{
    struct session s;
    struct request holding, large[2] = {{.heard = 0}}, small[3] = {{.heard = 0}};
    struct bp_flow of_large = {0}, of_small = {0};
    (void)state;
    open_session(&s, &holding, &of_large);
    for (size_t i = 0; i < 2; i++)
        assert_true(submit(&s, &large[i], &of_large, 4));
    for (size_t i = 0; i < 3; i++)
        assert_true(submit(&s, &small[i], &of_small, 1));

    close_session(&s);

    assert_int_equal(s.n, 6); /* a slice of the large one, then a small one, and so on */
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(s.done[i + 1], &small[i]);
    assert_ptr_equal(s.done[4], &large[0]);
    assert_ptr_equal(s.done[5], &large[1]);
}

static void test_judge_drops_what_nobody_wants_any_more(void **state)
{
    struct session s;
    struct request holding, r[2] = {{.heard = 0}};
    struct bp_flow flow = {0};
    (void)state;
    open_session(&s, &holding, &flow);
    assert_true(submit(&s, &r[0], &flow, 100));
    assert_true(submit(&s, &r[1], &flow, 1));
    atomic_store(&r[0].hearing.is_abandoned, true);

    close_session(&s);

    assert_int_equal(r[0].heard, 0);
    assert_int_equal(r[0].hearing.outcome, BP_ECLOSED);
    assert_int_equal(r[1].hearing.outcome, BP_OK);
    assert_int_equal(s.n, 3);
}

static void test_judge_refuses_when_too_much_waits(void **state)
{
    struct session s;
    struct request holding, first = {.heard = 0}, second = {.heard = 0};
    struct bp_flow flow = {0};
    (void)state;
    open_session(&s, &holding, &flow);
    first.hearing.mail.bytes = 1;
    second.hearing.mail.bytes = 64u << 20;
    assert_true(submit(&s, &first, &flow, 1));

    assert_false(submit(&s, &second, &flow, 1));

    close_session(&s);
    assert_int_equal(s.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_hears_an_agency_in_order),
        cmocka_unit_test(test_judge_gives_each_agency_its_turn),
        cmocka_unit_test(test_judge_drops_what_nobody_wants_any_more),
        cmocka_unit_test(test_judge_refuses_when_too_much_waits),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
