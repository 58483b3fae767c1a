#include <semaphore.h>
#include <stdio.h>

#include "journal_support.h"

static int set_up(void **state)
{
    *state = temp_dir();
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

/* Submits events with these ids and texts; "!" as id is one that the submitter rejected. */
static bp_status submit_texts(struct door *d, const char *const (*what)[2], size_t n,
                              bool all_or_nothing, enum bp_outcome *outcomes, uint64_t *positions)
{
    struct test_event e[8];
    struct bp_proposal p[8];
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++) {
        event_init(&e[i], what[i][0], NULL, what[i][1]);
        p[i] = e[i].proposal;
        p[i].skip = what[i][0][0] == '!';
    }
    bp_status st =
        submit(d->sequencer, p, n, all_or_nothing, bp_journal_policy_version(d->journal));
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = p[i].outcome;
        positions[i] = p[i].position;
        event_fini(&e[i]);
    }
    return st;
}

static void test_sequencer_first_event_is_stored_and_the_head_moves(void **state)
{
    struct door d;
    uint64_t position;
    door_open(&d, *state);

    assert_int_equal(publish(d.sequencer, "a", "one.", &position), BP_OUTCOME_STORED);

    assert_int_equal(position, 1);
    assert_int_equal(bp_journal_head(d.journal), 1);
    expect_stored(d.journal, 1, "one.");
    door_close(&d);
    assert_int_equal(atomic_load(&d.head), 1);
}

static void test_sequencer_same_again_is_a_duplicate_and_other_content_a_conflict(void **state)
{
    struct door d;
    uint64_t position;
    door_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "a", "one.", NULL), BP_OUTCOME_STORED);
    assert_int_equal(publish(d.sequencer, "b", "two.", NULL), BP_OUTCOME_STORED);

    assert_int_equal(publish(d.sequencer, "a", "one.", &position), BP_OUTCOME_DUPLICATE);
    assert_int_equal(position, 1);
    assert_int_equal(publish(d.sequencer, "b", "other.", &position), BP_OUTCOME_CONFLICT);
    assert_int_equal(position, 0);

    assert_int_equal(bp_journal_head(d.journal), 2);
    door_close(&d);
    door_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "a", "one.", &position), BP_OUTCOME_DUPLICATE);
    assert_int_equal(position, 1);
    door_close(&d);
}

static void test_sequencer_repetition_within_a_request_is_a_duplicate_of_the_first(void **state)
{
    static const char *const what[][2] = {
        {"a", "1"}, {"a", "1"}, {"a", "2"}, {"!", "x"}, {"b", "3"}};
    enum bp_outcome o[5];
    uint64_t p[5];
    struct door d;
    door_open(&d, *state);

    assert_int_equal(submit_texts(&d, what, 5, false, o, p), BP_OK);

    assert_int_equal(o[0], BP_OUTCOME_STORED);
    assert_int_equal(o[1], BP_OUTCOME_DUPLICATE);
    assert_int_equal(p[1], p[0]);
    assert_int_equal(o[2], BP_OUTCOME_CONFLICT);
    assert_int_equal(o[3], BP_OUTCOME_NONE);
    assert_int_equal(o[4], BP_OUTCOME_STORED);
    assert_int_equal(p[4], 2);
    assert_int_equal(bp_journal_head(d.journal), 2);
    door_close(&d);
}

static void test_sequencer_all_or_nothing_with_a_conflict_stores_nothing(void **state)
{
    static const char *const what[][2] = {
        {"new", "1"}, {"old", "1"}, {"new", "1"}, {"old", "other"}};
    enum bp_outcome o[4];
    uint64_t p[4];
    struct door d;
    door_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "old", "1", NULL), BP_OUTCOME_STORED);

    assert_int_equal(submit_texts(&d, what, 4, true, o, p), BP_OK);

    assert_int_equal(o[0], BP_OUTCOME_ABORTED);
    assert_int_equal(o[1], BP_OUTCOME_DUPLICATE);
    assert_int_equal(p[1], 1);
    assert_int_equal(o[2], BP_OUTCOME_ABORTED);
    assert_int_equal(o[3], BP_OUTCOME_CONFLICT);
    assert_int_equal(p[0] + p[2] + p[3], 0);
    assert_int_equal(bp_journal_head(d.journal), 1);
    assert_int_equal(submit_texts(&d, what, 1, true, o, p), BP_OK); /* its id is free again */
    assert_int_equal(o[0], BP_OUTCOME_STORED);
    assert_int_equal(p[0], 2);
    door_close(&d);
}

static void test_sequencer_all_or_nothing_with_a_rejected_one_stores_nothing(void **state)
{
    static const char *const what[][2] = {{"a", "1"}, {"!", "x"}};
    enum bp_outcome o[2];
    uint64_t p[2];
    struct door d;
    door_open(&d, *state);

    assert_int_equal(submit_texts(&d, what, 2, true, o, p), BP_OK);

    assert_int_equal(o[0], BP_OUTCOME_ABORTED);
    assert_int_equal(o[1], BP_OUTCOME_NONE);
    assert_int_equal(bp_journal_head(d.journal), 0);
    door_close(&d);
}

static void test_sequencer_all_or_nothing_with_duplicates_stores_the_rest(void **state)
{
    static const char *const what[][2] = {{"old", "1"}, {"new", "2"}, {"new", "2"}};
    enum bp_outcome o[3];
    uint64_t p[3];
    struct door d;
    door_open(&d, *state);
    assert_int_equal(publish(d.sequencer, "old", "1", NULL), BP_OUTCOME_STORED);

    assert_int_equal(submit_texts(&d, what, 3, true, o, p), BP_OK);

    assert_int_equal(o[0], BP_OUTCOME_DUPLICATE);
    assert_int_equal(o[1], BP_OUTCOME_STORED);
    assert_int_equal(o[2], BP_OUTCOME_DUPLICATE);
    assert_int_equal(p[2], 2);
    door_close(&d);
}

static void test_sequencer_nothing_proposed_is_well(void **state)
{
    struct door d;
    door_open(&d, *state);

    assert_int_equal(submit(d.sequencer, NULL, 0, false, 0), BP_OK);
    assert_int_equal(submit(d.sequencer, NULL, 0, true, 0), BP_OK);

    assert_int_equal(bp_journal_head(d.journal), 0);
    door_close(&d);
}

static void test_sequencer_judged_under_another_policy_goes_back(void **state)
{
    struct door d;
    struct test_event e;
    uint64_t version;
    door_open(&d, *state);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("policy"), 0, &version), BP_OK);
    event_init(&e, "a", NULL, "1");

    assert_int_equal(submit(d.sequencer, &e.proposal, 1, false, 0), BP_ECONFLICT);
    assert_int_equal(e.proposal.outcome, BP_OUTCOME_NONE);
    assert_int_equal(submit(d.sequencer, &e.proposal, 1, false, 1), BP_OK);
    assert_int_equal(e.proposal.outcome, BP_OUTCOME_STORED);

    event_fini(&e);
    door_close(&d);
}

static void test_sequencer_policy_on_an_unexpected_version_is_refused(void **state)
{
    struct door d;
    door_open(&d, *state);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("one"), 0, NULL), BP_OK);

    assert_int_equal(submit_policy(d.sequencer, BP_STR("two"), 0, NULL), BP_ECONFLICT);
    assert_int_equal(submit_policy(d.sequencer, BP_STR("two"), 7, NULL), BP_ECONFLICT);

    assert_int_equal(bp_journal_policy_version(d.journal), 1);
    door_close(&d);
}

static void test_sequencer_clock_that_goes_back_does_not_take_recorded_at_along(void **state)
{
    struct door d;
    struct bp_journal_reader *r;
    struct bp_record record;
    door_open(&d, *state);
    hand_clock_forward(&d.clock, 60000);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);

    atomic_store(&d.clock.now_ns, START_NS);
    assert_int_equal(publish(d.sequencer, "b", "2", NULL), BP_OUTCOME_STORED);
    door_close(&d);
    door_open(&d, *state); /* its clock is at the start again */
    assert_int_equal(publish(d.sequencer, "c", "3", NULL), BP_OUTCOME_STORED);

    assert_int_equal(bp_journal_read_begin(d.journal, &r), BP_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bp_journal_read_next(r, &record), BP_OK);
        assert_int_equal(record.entry.recorded_at_ns, START_NS + 60 * BP_NS_PER_S);
    }
    bp_journal_read_end(r);
    door_close(&d);
}

static void test_sequencer_index_without_room_is_answered_again(void **state)
{
    struct door d;
    enum bp_outcome outcome;
    door_open(&d, *state);
    atomic_store(&d.ids.is_full, true);

    assert_int_equal(try_publish(d.sequencer, "a", "1", &outcome, NULL), BP_EAGAIN);
    assert_int_equal(outcome, BP_OUTCOME_NONE);
    atomic_store(&d.ids.is_full, false);
    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);

    door_close(&d);
}

static void test_sequencer_record_without_a_stored_form_is_refused_alone(void **state)
{
    struct door d;
    struct test_event e;
    door_open(&d, *state);
    event_init(&e, "a", NULL, "1");
    e.proposal.record.event = BP_STR("no event");

    assert_int_equal(submit(d.sequencer, &e.proposal, 1, false, 0), BP_EINVAL);

    event_fini(&e);
    assert_int_equal(publish(d.sequencer, "b", "2", NULL), BP_OUTCOME_STORED);
    door_close(&d);
}

struct crowd {
    struct door *door;
    int first;
    uint64_t positions[200];
};

static void *publish_many(void *argument)
{
    struct crowd *c = argument;
    for (int i = 0; i < 200; i++) {
        char id[24];
        (void)snprintf(id, sizeof(id), "id-%d", c->first + i);
        if (publish(c->door->sequencer, id, id, &c->positions[i]) != BP_OUTCOME_STORED)
            c->positions[i] = 0;
    }
    return NULL;
}

static void test_sequencer_many_publishers_share_gapless_positions(void **state)
{
    struct door d;
    struct crowd crowd[8];
    pthread_t threads[8];
    bool seen[1601] = {false};
    door_open(&d, *state);

    for (int i = 0; i < 8; i++) {
        crowd[i] = (struct crowd){.door = &d, .first = 1000 * i};
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, &crowd[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    assert_int_equal(bp_journal_head(d.journal), 1600);
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 200; k++) {
            char id[24];
            (void)snprintf(id, sizeof(id), "id-%d", 1000 * i + k);
            assert_in_range(crowd[i].positions[k], 1, 1600);
            assert_false(seen[crowd[i].positions[k]]);
            seen[crowd[i].positions[k]] = true;
            expect_stored(d.journal, crowd[i].positions[k], id);
        }
    }
    door_close(&d);
}

static void note_status(struct bp_submission *submission, bp_status st)
{
    atomic_store((atomic_int *)submission->context, (int)st);
}

static bool is_answered(void *context)
{
    return atomic_load((atomic_int *)context) >= 0;
}

/* Submits one event behind a fence, judged under this version, and waits for the answer. */
static bp_status submit_fenced(struct door *d, struct bp_fence *fence, const char *id,
                               uint64_t version)
{
    struct test_event e;
    atomic_int status;
    atomic_init(&status, -1);
    event_init(&e, id, NULL, id);
    struct bp_submission sub = {
        .proposals = &e.proposal,
        .n = 1,
        .policy_version = version,
        .fence = fence,
        .context = &status,
        .done = note_status,
    };
    assert_true(bp_sequencer_submit(d->sequencer, &sub));
    wait_until(is_answered, &status);
    event_fini(&e);
    return (bp_status)atomic_load(&status);
}

static void test_sequencer_behind_a_fence_nothing_is_stored_after_a_failure(void **state)
{
    struct door d;
    struct bp_fence fence = {BP_OK}, other = {BP_OK};
    door_open(&d, *state);

    assert_int_equal(submit_fenced(&d, &fence, "a", 0), BP_OK);
    assert_int_equal(submit_fenced(&d, &fence, "b", 7), BP_ECONFLICT);
    assert_int_equal(submit_fenced(&d, &fence, "c", 0), BP_ECONFLICT);
    assert_int_equal(submit_fenced(&d, &other, "d", 0), BP_OK);

    assert_int_equal(bp_journal_head(d.journal), 2);
    fence.broken = BP_OK;
    assert_int_equal(submit_fenced(&d, &fence, "b", 0), BP_OK);
    assert_int_equal(bp_journal_head(d.journal), 3);
    door_close(&d);
}

static void count_stored(struct bp_submission *submission, bp_status st)
{
    assert_int_equal(st, BP_OK);
    submission->proposals->skip = submission->proposals->outcome == BP_OUTCOME_STORED;
}

static void test_sequencer_stopped_finishes_what_waits(void **state)
{
    enum { N = 50 };
    struct door d;
    struct test_event events[N];
    struct bp_submission submissions[N];
    door_open(&d, *state);
    for (int i = 0; i < N; i++) {
        char id[24];
        (void)snprintf(id, sizeof(id), "id-%d", i);
        event_init(&events[i], id, NULL, id);
        submissions[i] =
            (struct bp_submission){.proposals = &events[i].proposal, .n = 1, .done = count_stored};
        assert_true(bp_sequencer_submit(d.sequencer, &submissions[i]));
    }

    door_close(&d);

    for (int i = 0; i < N; i++) {
        assert_true(events[i].proposal.skip); /* set by done */
        event_fini(&events[i]);
    }
    door_open(&d, *state);
    assert_int_equal(bp_journal_head(d.journal), N);
    door_close(&d);
}

/* --- turns --- */

#define LARGE (300u << 10)

/* A place in the sequencer's thread where it stands still. */
struct hold {
    sem_t reached, released;
};

/* A submission of one event, and the head when it was answered. */
struct seen {
    struct test_event event;
    struct bp_submission submission;
    struct bp_journal *journal;
    uint64_t head;
    atomic_int status;
    struct hold *hold; /* NULL, or what its answer waits for */
};

static void note_head_seen(struct bp_submission *submission, bp_status st)
{
    struct seen *seen = submission->context;
    seen->head = bp_journal_head(seen->journal);
    if (seen->hold != NULL) {
        assert_int_equal(sem_post(&seen->hold->reached), 0);
        assert_int_equal(sem_wait(&seen->hold->released), 0);
    }
    atomic_store(&seen->status, (int)st);
}

static void prepare_seen(struct door *d, struct seen *seen, const char *id, struct bp_flow *flow,
                         size_t bytes)
{
    event_init(&seen->event, id, NULL, id);
    atomic_init(&seen->status, -1);
    seen->journal = d->journal;
    seen->submission = (struct bp_submission){.mail.bytes = bytes,
                                              .proposals = &seen->event.proposal,
                                              .n = 1,
                                              .flow = flow,
                                              .context = seen,
                                              .done = note_head_seen};
}

static bool submit_seen(struct door *d, struct seen *seen, const char *id, struct bp_flow *flow,
                        size_t bytes)
{
    prepare_seen(d, seen, id, flow, bytes);
    return bp_sequencer_submit(d->sequencer, &seen->submission);
}

/* The sequencer stands still in the answer of the first submission, until it is released. */
static void hold_door(struct door *d, struct seen *first, struct hold *hold)
{
    assert_int_equal(sem_init(&hold->reached, 0, 0), 0);
    assert_int_equal(sem_init(&hold->released, 0, 0), 0);
    *first = (struct seen){.hold = hold};
    assert_true(submit_seen(d, first, "first", NULL, 1));
    assert_int_equal(sem_wait(&hold->reached), 0);
}

static void finish_seen(struct seen *seen, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wait_until(is_answered, &seen[i].status);
        assert_int_equal(atomic_load(&seen[i].status), BP_OK);
        event_fini(&seen[i].event);
    }
}

static void submit_greedy(struct door *d, struct seen *greedy, size_t n, struct bp_flow *flow)
{
    for (size_t i = 0; i < n; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "g-%zu", i);
        greedy[i] = (struct seen){.hold = NULL};
        assert_true(submit_seen(d, &greedy[i], id, flow, LARGE));
    }
}

static void test_sequencer_flow_that_sends_little_waits_for_one_large_submission(void **state)
{
    enum { N = 6 };
    struct door d;
    struct seen first, greedy[N], quiet = {.hold = NULL};
    struct bp_flow of_greedy = {0}, of_quiet = {0};
    struct hold hold;
    door_open(&d, *state);
    hold_door(&d, &first, &hold);
    submit_greedy(&d, greedy, N, &of_greedy);
    assert_true(submit_seen(&d, &quiet, "quiet", &of_quiet, 400));

    assert_int_equal(sem_post(&hold.released), 0);
    finish_seen(&first, 1);
    finish_seen(greedy, N);
    finish_seen(&quiet, 1);

    for (size_t i = 1; i < N; i++)
        assert_int_equal(greedy[i].event.proposal.position,
                         greedy[i - 1].event.proposal.position + (i == 1 ? 2 : 1));
    assert_int_equal(quiet.event.proposal.position, greedy[0].event.proposal.position + 1);
    assert_int_equal(quiet.head, quiet.event.proposal.position); /* its group was a small one */
    door_close(&d);
}

static void test_sequencer_parts_of_a_request_let_another_flow_in_between(void **state)
{
    enum { N = 4 };
    struct door d;
    struct seen first, parts[N], quiet = {.hold = NULL};
    struct bp_flow of_parts = {0}, of_quiet = {0};
    struct hold hold;
    door_open(&d, *state);
    hold_door(&d, &first, &hold);
    for (size_t i = 0; i < N; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "part-%zu", i);
        parts[i] = (struct seen){.hold = NULL};
        prepare_seen(&d, &parts[i], id, &of_parts, LARGE);
        if (i != 0)
            parts[i - 1].submission.mail.next = &parts[i].submission.mail;
    }
    assert_true(bp_sequencer_submit(d.sequencer, &parts[0].submission));
    assert_true(submit_seen(&d, &quiet, "quiet", &of_quiet, 400));

    assert_int_equal(sem_post(&hold.released), 0);
    finish_seen(&first, 1);
    finish_seen(parts, N);
    finish_seen(&quiet, 1);

    uint64_t begin = parts[0].event.proposal.position;
    assert_int_equal(quiet.event.proposal.position, begin + 1);
    for (size_t i = 1; i < N; i++)
        assert_int_equal(parts[i].event.proposal.position, begin + i + 1);
    door_close(&d);
}

static void test_sequencer_lone_flow_has_large_groups(void **state)
{
    enum { N = 6 };
    struct door d;
    struct seen first, greedy[N];
    struct bp_flow of_greedy = {0};
    struct hold hold;
    door_open(&d, *state);
    hold_door(&d, &first, &hold);
    submit_greedy(&d, greedy, N, &of_greedy);

    assert_int_equal(sem_post(&hold.released), 0);
    finish_seen(&first, 1);
    finish_seen(greedy, N);

    for (size_t i = 0; i < N; i++)
        assert_int_equal(greedy[i].head, bp_journal_head(d.journal));
    door_close(&d);
}

static void test_sequencer_too_much_unanswered_is_refused(void **state)
{
    struct door d;
    struct seen first, second = {.hold = NULL}, third = {.hold = NULL};
    struct hold hold;
    door_open(&d, *state);
    hold_door(&d, &first, &hold);
    assert_true(submit_seen(&d, &second, "second", NULL, 1));
    assert_false(submit_seen(&d, &third, "third", NULL, 64u << 20));
    event_fini(&third.event);

    assert_int_equal(sem_post(&hold.released), 0);
    finish_seen(&first, 1);
    finish_seen(&second, 1);

    assert_true(submit_seen(&d, &third, "third", NULL, 65u << 20)); /* alone, however large */
    finish_seen(&third, 1);
    door_close(&d);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sequencer_first_event_is_stored_and_the_head_moves),
        T(test_sequencer_same_again_is_a_duplicate_and_other_content_a_conflict),
        T(test_sequencer_repetition_within_a_request_is_a_duplicate_of_the_first),
        T(test_sequencer_all_or_nothing_with_a_conflict_stores_nothing),
        T(test_sequencer_all_or_nothing_with_a_rejected_one_stores_nothing),
        T(test_sequencer_all_or_nothing_with_duplicates_stores_the_rest),
        T(test_sequencer_nothing_proposed_is_well),
        T(test_sequencer_judged_under_another_policy_goes_back),
        T(test_sequencer_policy_on_an_unexpected_version_is_refused),
        T(test_sequencer_clock_that_goes_back_does_not_take_recorded_at_along),
        T(test_sequencer_index_without_room_is_answered_again),
        T(test_sequencer_record_without_a_stored_form_is_refused_alone),
        T(test_sequencer_many_publishers_share_gapless_positions),
        T(test_sequencer_behind_a_fence_nothing_is_stored_after_a_failure),
        T(test_sequencer_stopped_finishes_what_waits),
        T(test_sequencer_flow_that_sends_little_waits_for_one_large_submission),
        T(test_sequencer_parts_of_a_request_let_another_flow_in_between),
        T(test_sequencer_lone_flow_has_large_groups),
        T(test_sequencer_too_much_unanswered_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
