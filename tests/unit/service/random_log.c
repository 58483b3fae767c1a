#include "random_log.h"

#include <stdio.h>
#include <time.h>

#include "policy_yaml.h"

static const char *const regions[] = {
    "",      "18",       "18.07", "18.07.15", "18.08",         "18.07.15.2006",
    "35.09", "35.13.01", "53.06", "31.71",    "64.74.01.1003", "12.07"};
static const char *const destinations[] = {"", "TW", "MY", "KH", "HK"};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct random_log random_log;
static uint32_t seed;

static uint32_t any(size_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((seed >> 8) % n);
}

const char *random_log_agency(size_t i)
{
    static char id[65];
    assert_true(
        bp_str_copy(id, sizeof(id), bp_agency_id(bp_policy_agency_at(random_log.policy, i))));
    return id;
}

static void make_event(int number, struct bp_buf *bytes, struct bp_proposal *out)
{
    char id[24];
    const struct bp_event_type *type = &random_log.schema->types[any(random_log.schema->n_types)];
    const char *region = regions[any(COUNT(regions))],
               *destination = destinations[any(COUNT(destinations))];
    (void)snprintf(id, sizeof(id), "id-%d", number);
    struct bp_event e = {.id = bp_str(id),
                         .type = type->name,
                         .source = BP_STR("kl.kp2mi"),
                         .region = bp_str(region),
                         .destination = bp_str(destination)};
    if (any(4) == 0)
        e.addressed_to = bp_str(random_log_agency(any(bp_policy_agencies(random_log.policy))));
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
        assert_int_equal(submit(random_log.stored.sequencer, proposals, n, false, 0), BP_OK);
        assert_int_equal(proposals[0].position, first);
    }
    for (size_t i = 0; i < MOST; i++)
        bp_buf_fini(&bytes[i]);
}

int random_log_make(void **state)
{
    struct bp_err err = {""};
    Berbagi__V1__Policy *message = NULL;
    const char *given = getenv("SEED");
    (void)state;
    seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    print_message("SEED=%u\n", seed);
    random_log.folder = temp_dir();
    assert_int_equal(bp_schema_open(NULL, 0, &random_log.schema, NULL), BP_OK);
    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &message, NULL, &err), BP_OK);
    assert_int_equal(
        bp_policy_compile(message, 1, random_log.schema, &random_log.policy, NULL, &err), BP_OK);
    berbagi__v1__policy__free_unpacked(message, NULL);
    char key[128];
    (void)snprintf(key, sizeof(key), "%s/key", random_log.folder);
    assert_int_equal(bp_pseudonyms_open(key, true, &random_log.pseudonyms, NULL), BP_OK);
    exchange_open(&random_log.stored, random_log.folder, 0);
    publish_random(1, RANDOM_LOG_INDEXED);
    assert_int_equal(bp_index_catch_up(random_log.stored.index), BP_OK);
    publish_random(RANDOM_LOG_INDEXED + 1, RANDOM_LOG_EVENTS);
    random_log.x = (struct bp_exchange){.schema = random_log.schema,
                                        .clock = &bp_system_clock,
                                        .journal = random_log.stored.journal,
                                        .index = random_log.stored.index,
                                        .pseudonyms = random_log.pseudonyms};
    assert_int_equal(bp_exchange_init(&random_log.x, NULL), BP_OK);
    bp_exchange_set_policy(&random_log.x, bp_policy_ref(random_log.policy), NULL);
    return 0;
}

int random_log_destroy(void **state)
{
    (void)state;
    bp_exchange_fini(&random_log.x);
    bp_policy_unref(random_log.policy);
    exchange_close(&random_log.stored);
    bp_pseudonyms_close(random_log.pseudonyms);
    bp_schema_destroy(random_log.schema);
    temp_dir_remove(random_log.folder);
    return 0;
}
