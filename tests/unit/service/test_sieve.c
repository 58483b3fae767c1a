/* What a sieve passes over is never a reader's: every agency of the sample policy reads a log of
 * random events, with and without filters, and gets what judging each event by itself gives. Part
 * of the log is indexed, part of it is not. The seed is printed and may be set by SEED. */
#include "index_support.h"

#include <stdio.h>
#include <time.h>

#include "delivery.h"
#include "policy_yaml.h"
#include "sieve.h"

#define EVENTS 2600 /* five blocks and some */
#define INDEXED 2300

static const char *const regions[] = {
    "",      "18",       "18.07", "18.07.15", "18.08",         "18.07.15.2006",
    "35.09", "35.13.01", "53.06", "31.71",    "64.74.01.1003", "12.07"};
static const char *const destinations[] = {"", "TW", "MY", "KH", "HK"};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static char *folder;
static struct exchange stored;
static struct bp_schema *schema;
static struct bp_policy *policy;
static struct bp_exchange x;
static uint32_t seed;

static uint32_t any(size_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((seed >> 8) % n);
}

static const char *agency(size_t i)
{
    static char id[65];
    assert_true(bp_str_copy(id, sizeof(id), bp_agency_id(bp_policy_agency_at(policy, i))));
    return id;
}

static void make_event(int number, struct bp_buf *bytes, struct bp_proposal *out)
{
    char id[24];
    const struct bp_event_type *type = &schema->types[any(schema->n_types)];
    const char *region = regions[any(COUNT(regions))],
               *destination = destinations[any(COUNT(destinations))];
    (void)snprintf(id, sizeof(id), "id-%d", number);
    struct bp_event e = {.id = bp_str(id),
                         .type = type->name,
                         .source = BP_STR("kl.kp2mi"),
                         .region = bp_str(region),
                         .destination = bp_str(destination)};
    if (any(4) == 0)
        e.addressed_to = bp_str(agency(any(bp_policy_agencies(policy))));
    bp_event_encode(&e, bytes);
    assert_true(bp_event_parse(bp_buf_str(bytes), &e));
    *out = (struct bp_proposal){.record = {.event = bp_buf_str(bytes)}};
    struct bp_routing *routing = &out->record.routing;
    *routing = (struct bp_routing){.type_hash = type->hash,
                                   .has_small_count = any(3) == 0,
                                   .source = e.source,
                                   .type = e.type,
                                   .addressed_to = e.addressed_to};
    (void)bp_region_parse_shape(e.region, &routing->region);
    memcpy(routing->destination, destination, strlen(destination));
    bp_id_key_make(e.source, e.id, &out->id);
}

static void publish_random(int from, int to)
{
    enum { MOST = 100 };
    struct bp_buf bytes[MOST] = {{0}};
    struct bp_proposal proposals[MOST];
    for (int first = from; first <= to; first += MOST) {
        size_t n = 0;
        for (; n < MOST && first + (int)n <= to; n++) {
            bp_buf_clear(&bytes[n]);
            make_event(first + (int)n, &bytes[n], &proposals[n]);
        }
        assert_int_equal(submit(stored.sequencer, proposals, n, false, 0), BP_OK);
        assert_int_equal(proposals[0].position, first);
    }
    for (size_t i = 0; i < MOST; i++)
        bp_buf_fini(&bytes[i]);
}

static int make(void **state)
{
    struct bp_err err = {""};
    Berbagi__V1__Policy *message = NULL;
    const char *given = getenv("SEED");
    (void)state;
    seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    print_message("SEED=%u\n", seed);
    folder = temp_dir();
    assert_int_equal(bp_schema_open(NULL, 0, &schema, NULL), BP_OK);
    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &message, NULL, &err), BP_OK);
    assert_int_equal(bp_policy_compile(message, 1, schema, &policy, NULL, &err), BP_OK);
    berbagi__v1__policy__free_unpacked(message, NULL);
    exchange_open(&stored, folder, 0);
    publish_random(1, INDEXED);
    assert_int_equal(bp_index_catch_up(stored.index), BP_OK);
    publish_random(INDEXED + 1, EVENTS);
    x = (struct bp_exchange){.schema = schema,
                             .clock = &bp_system_clock,
                             .journal = stored.journal,
                             .index = stored.index};
    assert_int_equal(bp_exchange_init(&x, NULL), BP_OK);
    bp_exchange_set_policy(&x, bp_policy_ref(policy), NULL);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    bp_exchange_fini(&x);
    bp_policy_unref(policy);
    exchange_close(&stored);
    bp_schema_destroy(schema);
    temp_dir_remove(folder);
    return 0;
}

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
    const struct bp_event_type *type = bp_schema_type_by_hash(schema, record->routing.type_hash);
    struct bp_facts facts = bp_facts_of_record(record);
    struct bp_redacted_envelope seen;
    struct bp_sight sight;
    struct bp_event e;
    if (!bp_filter_has_type(d->filter, type->name) ||
        !bp_policy_see(policy, d->reader, type, &facts, d->today, &sight))
        return false;
    assert_true(bp_event_parse(record->event, &e));
    bp_redact_envelope(schema, &e, &sight.view, &forms, &seen);
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
    assert_int_equal(bp_journal_read_begin(stored.journal, &reader), BP_OK);
    uint64_t next = bp_sieve_next(&sieve, 1, SIZE_MAX);
    for (uint64_t p = 1; p <= EVENTS; p++) {
        assert_int_equal(bp_journal_read_at(reader, p, &record), BP_OK);
        bool is_wanted = is_expected(d, &record), is_let_through = p == next;
        assert_true(is_let_through || !is_wanted);
        if (p <= INDEXED)
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
    size_t looked_at = 0, readers = bp_policy_agencies(policy);
    for (size_t i = 0; i < readers; i++) {
        struct bp_delivery d;
        struct bp_filter *filter;
        bool changed;
        struct bp_rpc_status status;
        assert_int_equal(bp_filter_create(message, &filter), BP_OK);
        assert_int_equal(bp_delivery_init(&d, &x, agency(i), filter, 0), BP_OK);
        if (bp_delivery_refresh(&d, &changed, &status))
            looked_at += expect_complete(&d);
        bp_delivery_fini(&d);
    }
    assert_true(looked_at > 0 && looked_at < readers * EVENTS);
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
    assert_int_equal(bp_delivery_init(&d, &x, "kl.kp2mi", filter, 0), BP_OK);
    assert_true(bp_delivery_refresh(&d, &changed, &status));

    bp_sieve_begin(&sieve, &d);

    assert_int_equal(bp_sieve_next(&sieve, 1, 2), 2 * BP_ROUTES_BLOCK + 1);
    assert_true(bp_sieve_next(&sieve, 2 * BP_ROUTES_BLOCK + 1, 100) > INDEXED);
    bp_delivery_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sieve_passes_over_nothing_that_a_reader_may_see),
        cmocka_unit_test(test_sieve_passes_over_nothing_that_a_filter_asks_for),
        cmocka_unit_test(test_sieve_ends_behind_the_blocks_it_may_look_at),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
