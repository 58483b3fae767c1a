/* What a sieve passes over is never a reader's: every agency of the sample policy reads a log of
 * random events, with and without filters, and gets what judging each event by itself gives. */
#include "delivery.h"
#include "random_log.h"
#include "sieve.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static size_t copy_reference(void *context, struct bp_str original, char *out, size_t size)
{
    (void)context;
    size_t n = original.n < size ? original.n : size;
    memcpy(out, original.p, n);
    return n;
}

static struct bp_str copy_agency(void *context, struct bp_str id)
{
    (void)context;
    return id;
}

static bool is_expected(const struct bp_delivery *d, const struct bp_record *record)
{
    const struct bp_reader_forms forms = {NULL, copy_reference, copy_agency};
    const struct bp_event_type *type =
        bp_schema_type_by_hash(random_log.schema, record->routing.type_hash);
    struct bp_facts facts = bp_facts_of_record(record);
    struct bp_redacted_envelope seen;
    struct bp_sight sight;
    struct bp_event e;
    if (!bp_filter_has_type(d->filter, type->name) ||
        !bp_policy_see(random_log.policy, d->reader, type, &facts, d->today, &sight))
        return false;
    assert_true(bp_event_parse(record->event, &e));
    bp_redact_envelope(random_log.schema, &e, &sight.view, &forms, &seen);
    return bp_filter_matches(d->filter, &seen);
}

/* The positions that the sieve lets through are all a look at each event would find, and no others
 * of blocks that are indexed and whose rights need no look inside. */
static size_t expect_complete(struct bp_delivery *d)
{
    struct bp_journal_reader *reader;
    struct bp_record record;
    struct bp_sieve sieve;
    size_t looked_at = 0;
    bp_sieve_begin(&sieve, d);
    assert_int_equal(bp_journal_read_begin(random_log.stored.journal, &reader), BP_OK);
    uint64_t next = bp_sieve_next(&sieve, 1, SIZE_MAX);
    for (uint64_t p = 1; p <= RANDOM_LOG_EVENTS; p++) {
        assert_int_equal(bp_journal_read_at(reader, p, &record), BP_OK);
        bool is_wanted = is_expected(d, &record), is_let_through = p == next;
        assert_true(is_let_through || !is_wanted);
        if (p <= RANDOM_LOG_INDEXED)
            assert_int_equal(is_let_through, is_wanted);
        looked_at += is_let_through;
        if (is_let_through)
            next = bp_sieve_next(&sieve, p + 1, SIZE_MAX);
    }
    bp_journal_read_end(reader);
    return looked_at;
}

static void expect_complete_with(const Berbagi__V1__Filter *message)
{
    size_t looked_at = 0, readers = bp_policy_agencies(random_log.policy);
    for (size_t i = 0; i < readers; i++) {
        struct bp_delivery d;
        struct bp_filter *filter;
        bool changed;
        struct bp_rpc_status status;
        assert_int_equal(bp_filter_create(message, &filter), BP_OK);
        assert_int_equal(bp_delivery_init(&d, &random_log.x, random_log_agency(i), filter, 0),
                         BP_OK);
        if (bp_delivery_refresh(&d, &changed, &status))
            looked_at += expect_complete(&d);
        bp_delivery_fini(&d);
    }
    assert_true(looked_at > 0 && looked_at < readers * RANDOM_LOG_EVENTS);
}

static void test_sieve_passes_over_nothing_that_a_reader_may_see(void **state)
{
    (void)state;

    expect_complete_with(NULL);
}

static void test_sieve_passes_over_nothing_that_a_filter_asks_for(void **state)
{
    static char *types[] = {(char *)"worker.*", (char *)"departure.recorded"},
                *places[] = {(char *)"18.07", (char *)"35"}, *countries[] = {(char *)"TW"};
    (void)state;

    for (unsigned which = 1; which < 8; which++) {
        Berbagi__V1__Filter filter = BERBAGI__V1__FILTER__INIT;
        filter.types = types;
        filter.n_types = (which & 1) != 0 ? COUNT(types) : 0;
        filter.regions = places;
        filter.n_regions = (which & 2) != 0 ? COUNT(places) : 0;
        filter.destinations = countries;
        filter.n_destinations = (which & 4) != 0 ? COUNT(countries) : 0;
        expect_complete_with(&filter);
    }
}

static void test_sieve_ends_behind_the_blocks_it_may_look_at(void **state)
{
    static char *types[] = {(char *)"no.such.type"};
    Berbagi__V1__Filter message = BERBAGI__V1__FILTER__INIT;
    struct bp_filter *filter;
    struct bp_delivery d;
    struct bp_rpc_status status;
    struct bp_sieve sieve;
    bool changed;
    (void)state;
    message.types = types;
    message.n_types = 1;
    assert_int_equal(bp_filter_create(&message, &filter), BP_OK);
    assert_int_equal(bp_delivery_init(&d, &random_log.x, "kl.kp2mi", filter, 0), BP_OK);
    assert_true(bp_delivery_refresh(&d, &changed, &status));

    bp_sieve_begin(&sieve, &d);

    assert_int_equal(bp_sieve_next(&sieve, 1, 2), 2 * BP_ROUTES_BLOCK + 1);
    assert_true(bp_sieve_next(&sieve, 2 * BP_ROUTES_BLOCK + 1, 100) > RANDOM_LOG_INDEXED);
    bp_delivery_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sieve_passes_over_nothing_that_a_reader_may_see),
        cmocka_unit_test(test_sieve_passes_over_nothing_that_a_filter_asks_for),
        cmocka_unit_test(test_sieve_ends_behind_the_blocks_it_may_look_at),
    };
    return cmocka_run_group_tests(tests, random_log_make, random_log_destroy);
}
