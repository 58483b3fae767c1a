#include "index_support.h"

#include <stdio.h>
#include <time.h>

struct digest_gate digest_gate;

static bool gated_digest(void *context, const struct bp_record *record,
                         struct bp_content_digest *out)
{
    atomic_store(&digest_gate.is_entered, true);
    while (atomic_load(&digest_gate.is_shut))
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return event_digest(context, record, out);
}

/* The text of an event is its status: the bytes behind the tag and length of field 15. */
static bool status_of(void *context, const struct bp_record *record, struct bp_str *machine,
                      struct bp_str *status)
{
    (void)context;
    const char *data = memrchr(record->event.p, 15 << 3 | 2, record->event.n);
    if (data == NULL)
        return false;
    *status = bp_str_of(data + 2, record->event.n - (size_t)(data + 2 - record->event.p));
    *machine = bp_str_starts(*status, BP_STR("case")) ? BP_STR("case") : BP_STR("worker");
    return status->n != 0 && status->p[0] != '-';
}

void exchange_open_with(struct exchange *x, const char *dir, size_t most_pending,
                        uint64_t index_map_bytes)
{
    struct bp_err err = {{0}};
    char *journal_dir = in_dir(dir, "journal"), *index_dir = in_dir(dir, "index");
    struct bp_journal_config journal = {.dir = journal_dir, .map_bytes = MAP_BYTES};
    if (bp_journal_open(&journal, &x->journal, &err) != BP_OK)
        fail_msg("%s", err.text);
    struct bp_index_config index = {
        .dir = index_dir,
        .journal = x->journal,
        .most_pending = most_pending,
        .map_bytes = index_map_bytes,
        .status_of = status_of,
        .digest_of = gated_digest,
    };
    if (bp_index_open(&index, &x->index, &err) != BP_OK)
        fail_msg("%s", err.text);
    struct bp_sequencer_config sequencer = {.journal = x->journal, .ids = bp_index_ids(x->index)};
    if (bp_sequencer_start(&sequencer, &x->sequencer, &err) != BP_OK)
        fail_msg("%s", err.text);
    free(journal_dir);
    free(index_dir);
}

void exchange_open(struct exchange *x, const char *dir, size_t most_pending)
{
    exchange_open_with(x, dir, most_pending, MAP_BYTES);
}

void exchange_close(struct exchange *x)
{
    bp_sequencer_stop(x->sequencer);
    bp_index_close(x->index);
    bp_journal_close(x->journal);
}

void publish_range(struct exchange *x, int from, int to, enum bp_outcome expected)
{
    enum { MOST = 500 };
    struct test_event *events = calloc(MOST, sizeof(*events));
    struct bp_proposal *proposals = calloc(MOST, sizeof(*proposals));
    assert_non_null(events);
    assert_non_null(proposals);
    for (int first = from; first <= to; first += MOST) {
        int n = to - first + 1 < MOST ? to - first + 1 : MOST;
        for (int i = 0; i < n; i++) {
            char id[24];
            (void)snprintf(id, sizeof(id), "id-%d", first + i);
            event_init(&events[i], id, NULL, id);
            proposals[i] = events[i].proposal;
        }
        assert_int_equal(submit(x->sequencer, proposals, (size_t)n, false, 0), BP_OK);
        for (int i = 0; i < n; i++) {
            assert_int_equal(proposals[i].outcome, expected);
            assert_int_equal(proposals[i].position, first + i);
            event_fini(&events[i]);
        }
    }
    free(events);
    free(proposals);
}

void expect_all_known(struct exchange *x, int n)
{
    publish_range(x, 1, n, BP_OUTCOME_DUPLICATE);
    assert_int_equal(publish(x->sequencer, "id-1", "other content", NULL), BP_OUTCOME_CONFLICT);
    assert_int_equal(bp_journal_head(x->journal), n);
}
