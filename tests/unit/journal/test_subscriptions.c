#include <stdio.h>

#include "journal_internal.h"
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

static struct bp_subscription row_of(const char *agency, const char *name, uint64_t acknowledged,
                                     const char *filter)
{
    struct bp_subscription row = {
        .acknowledged_position = acknowledged,
        .last_active_ns = 5,
        .created_ns = 4,
        .filter = bp_str(filter),
    };
    (void)snprintf(row.agency, sizeof(row.agency), "%s", agency);
    (void)snprintf(row.name, sizeof(row.name), "%s", name);
    return row;
}

static void put(struct door *d, const char *agency, const char *name, uint64_t acknowledged,
                const char *filter)
{
    struct bp_subscription row = row_of(agency, name, acknowledged, filter);
    assert_int_equal(bp_sequencer_put_subscription(d->sequencer, &row, NULL, NULL), BP_OK);
}

static void expect_row(struct door *d, const char *agency, const char *name, uint64_t acknowledged,
                       const char *filter)
{
    struct bp_subscription row;
    struct bp_buf stored = {0};
    assert_int_equal(bp_sequencer_get_subscription(d->sequencer, agency, name, &row, &stored),
                     BP_OK);
    assert_string_equal(row.agency, agency);
    assert_string_equal(row.name, name);
    assert_int_equal(row.acknowledged_position, acknowledged);
    assert_int_equal(row.last_active_ns, 5);
    assert_int_equal(row.created_ns, 4);
    assert_true(bp_str_is(bp_buf_str(&stored), filter));
    bp_buf_fini(&stored);
}

static void expect_none(struct door *d, const char *agency, const char *name)
{
    struct bp_subscription row;
    assert_int_equal(bp_sequencer_get_subscription(d->sequencer, agency, name, &row, NULL),
                     BP_ENOENT);
}

static void test_subscriptions_put_is_seen_at_once_and_after_a_restart(void **state)
{
    struct door d;
    door_open(&d, *state);
    expect_none(&d, "kl.kp2mi", "all");

    put(&d, "kl.kp2mi", "all", 7, "filter");
    expect_row(&d, "kl.kp2mi", "all", 7, "filter");
    put(&d, "kl.kp2mi", "all", 9, "");
    expect_row(&d, "kl.kp2mi", "all", 9, "");
    door_close(&d);
    door_open(&d, *state);

    expect_row(&d, "kl.kp2mi", "all", 9, "");
    assert_int_equal(atomic_load(&d.head), 0); /* it woke nobody */
    door_close(&d);
}

static atomic_int durable;

static void note_durable(void *context, bp_status st)
{
    assert_int_equal(st, BP_OK);
    atomic_store((atomic_int *)context, 1);
}

static bool is_set(void *context)
{
    return atomic_load((atomic_int *)context) == 1;
}

static bp_status take_position(void *context, struct bp_str key, struct bp_str row)
{
    (void)key;
    assert_true(row.n >= 32);
    memcpy(context, row.p + 8, sizeof(uint64_t));
    return BP_OK;
}

/* What the store holds of the one subscription: its acknowledged position; 0 if there is none. */
static uint64_t stored_position(struct door *d)
{
    struct bp_store_reader *snapshot;
    uint64_t position = 0;
    assert_int_equal(bp_store_read_begin(d->journal->store, &snapshot), BP_OK);
    assert_int_equal(bp_store_each_subscription(snapshot, take_position, &position), BP_OK);
    bp_store_read_end(snapshot);
    return position;
}

static void test_subscriptions_put_with_done_is_durable_at_once(void **state)
{
    struct door d;
    struct bp_subscription row = row_of("kl.kp2mi", "all", 11, "f");
    door_open(&d, *state);
    atomic_store(&durable, 0);

    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, note_durable, &durable),
                     BP_OK);
    wait_until(is_set, &durable); /* the clock stands still */

    assert_int_equal(stored_position(&d), 11);
    atomic_store(&durable, 0);
    assert_int_equal(
        bp_sequencer_delete_subscription(d.sequencer, "kl.kp2mi", "all", note_durable, &durable),
        BP_OK);
    wait_until(is_set, &durable);
    assert_int_equal(stored_position(&d), 0);
    door_close(&d);
}

static bool is_stored_as_12(void *context)
{
    return stored_position(context) == 12;
}

static void test_subscriptions_put_is_durable_within_a_second(void **state)
{
    struct door d;
    door_open(&d, *state);
    put(&d, "kl.kp2mi", "all", 12, "f");
    assert_int_equal(stored_position(&d), 0);

    hand_clock_forward(&d.clock, 1000);

    wait_until(is_stored_as_12, &d);
    door_close(&d);
}

static void test_subscriptions_put_goes_along_with_what_is_applied_when_due(void **state)
{
    struct door d;
    door_open(&d, *state);
    put(&d, "kl.kp2mi", "all", 12, "f");
    hand_clock_forward(&d.clock, 600);

    assert_int_equal(publish(d.sequencer, "a", "1", NULL), BP_OUTCOME_STORED);

    wait_until(is_stored_as_12, &d);
    door_close(&d);
}

static void test_subscriptions_deleted_is_gone_after_a_restart(void **state)
{
    struct door d;
    door_open(&d, *state);
    put(&d, "kl.kp2mi", "a", 1, "");
    put(&d, "kl.kp2mi", "b", 2, "");
    door_close(&d);
    door_open(&d, *state);

    assert_int_equal(bp_sequencer_delete_subscription(d.sequencer, "kl.kp2mi", "a", NULL, NULL),
                     BP_OK);
    expect_none(&d, "kl.kp2mi", "a");
    assert_int_equal(bp_sequencer_delete_subscription(d.sequencer, "kl.kp2mi", "a", NULL, NULL),
                     BP_ENOENT);
    door_close(&d);
    door_open(&d, *state);

    expect_none(&d, "kl.kp2mi", "a");
    expect_row(&d, "kl.kp2mi", "b", 2, "");
    put(&d, "kl.kp2mi", "a", 3, "");
    expect_row(&d, "kl.kp2mi", "a", 3, "");
    door_close(&d);
}

struct listing {
    char text[256];
    size_t most;
};

static bool note_row(void *context, const struct bp_subscription *row)
{
    struct listing *l = context;
    size_t n = strlen(l->text);
    (void)snprintf(l->text + n, sizeof(l->text) - n, "%s/%s=%.*s ", row->agency, row->name,
                   BP_STR_ARGS(row->filter));
    return --l->most != 0;
}

static void expect_list(struct door *d, const char *agency, const char *after_agency,
                        const char *after_name, size_t most, const char *expected)
{
    struct listing l = {.most = most};
    assert_int_equal(bp_sequencer_list_subscriptions(d->sequencer, agency, after_agency, after_name,
                                                     note_row, &l),
                     BP_OK);
    assert_string_equal(l.text, expected);
}

static void test_subscriptions_are_listed_in_order_in_pages(void **state)
{
    struct door d;
    door_open(&d, *state);
    put(&d, "prov.18", "z", 1, "4");
    put(&d, "kab.18.07", "b", 1, "2");
    put(&d, "kab.18.07", "a", 1, "1");
    put(&d, "kab.18.07", "c", 1, "3");
    put(&d, "kab.18.07.x", "a", 1, "5");

    expect_list(&d, NULL, NULL, NULL, 9,
                "kab.18.07/a=1 kab.18.07/b=2 kab.18.07/c=3 kab.18.07.x/a=5 prov.18/z=4 ");
    expect_list(&d, "kab.18.07", NULL, NULL, 9, "kab.18.07/a=1 kab.18.07/b=2 kab.18.07/c=3 ");
    expect_list(&d, "kab.18.07", NULL, NULL, 2, "kab.18.07/a=1 kab.18.07/b=2 ");
    expect_list(&d, "kab.18.07", "kab.18.07", "b", 2, "kab.18.07/c=3 ");
    expect_list(&d, NULL, "kab.18.07", "c", 9, "kab.18.07.x/a=5 prov.18/z=4 ");
    expect_list(&d, "kl.kp2mi", NULL, NULL, 9, "");
    door_close(&d);
}

static void test_subscriptions_with_bad_names_or_filters_are_refused(void **state)
{
    struct door d;
    struct bp_subscription row = row_of("", "a", 1, "");
    char *large = calloc(1, 65537);
    assert_non_null(large);
    door_open(&d, *state);

    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, NULL, NULL), BP_EINVAL);
    memset(row.agency, 'a', sizeof(row.agency)); /* no end */
    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, NULL, NULL), BP_EINVAL);
    row = row_of("kl.kp2mi", "a", 1, "");
    row.filter = bp_str_of(large, 65537);
    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, NULL, NULL), BP_ETOOLARGE);
    row.filter.n = 65536;
    assert_int_equal(bp_sequencer_put_subscription(d.sequencer, &row, NULL, NULL), BP_OK);

    door_close(&d);
    free(large);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_subscriptions_put_is_seen_at_once_and_after_a_restart),
        T(test_subscriptions_put_with_done_is_durable_at_once),
        T(test_subscriptions_put_is_durable_within_a_second),
        T(test_subscriptions_put_goes_along_with_what_is_applied_when_due),
        T(test_subscriptions_deleted_is_gone_after_a_restart),
        T(test_subscriptions_are_listed_in_order_in_pages),
        T(test_subscriptions_with_bad_names_or_filters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
