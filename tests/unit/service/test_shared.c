/* What is shared is what the reader would have read itself, and nobody else's. */
#include "policy_yaml.h"
#include "random_log.h"
#include "shared.h"

#define GROUND_FIELD 4
static const struct bp_batch_fields fields = {.batch = 2, .ground = GROUND_FIELD};

enum { FROM = RANDOM_LOG_EVENTS - 40 }; /* behind which those near the head read */

static bool open_reader(struct bp_delivery *d, const char *agency, char *type)
{
    Berbagi__V1__Filter message = BERBAGI__V1__FILTER__INIT;
    struct bp_filter *filter;
    bool changed;
    struct bp_rpc_status status;
    message.types = &type;
    message.n_types = type != NULL;
    assert_int_equal(bp_filter_create(&message, &filter), BP_OK);
    assert_int_equal(bp_delivery_init(d, &random_log.x, agency, filter, FROM), BP_OK);
    return bp_delivery_refresh(d, &changed, &status);
}

static void read_and_keep(struct bp_shared *s, struct bp_delivery *d, struct bp_batch *batch)
{
    bp_delivery_read(d, 1000, 2048, fields, batch);
    assert_int_equal(batch->status, BP_OK);
    assert_int_equal(batch->through, RANDOM_LOG_EVENTS);
    bp_shared_keep(s, d, FROM, batch);
}

static bool find(struct bp_shared *s, struct bp_delivery *d, struct bp_batch *batch)
{
    return bp_shared_find(s, d, RANDOM_LOG_EVENTS, 1000, GROUND_FIELD, batch);
}

static void expect_none(struct bp_shared *s, struct bp_delivery *d)
{
    struct bp_batch batch;
    assert_false(find(s, d, &batch));
    assert_int_equal(d->place, FROM);
    bp_delivery_fini(d);
}

static void expect_bytes(const void *p, size_t n, const struct bp_buf *expected)
{
    assert_int_equal(n, expected->n);
    if (n != 0)
        assert_memory_equal(p, expected->p, n);
}

/* What d finds is what `alone`, a reader that shares nothing, reads. */
static void expect_as_read_alone(struct bp_shared *s, struct bp_delivery *d,
                                 struct bp_delivery *alone)
{
    struct bp_batch found, read;
    assert_true(find(s, d, &found));
    bp_delivery_read(alone, 1000, 2048, fields, &read);
    assert_int_equal(found.status, BP_OK);
    assert_int_equal(found.n, read.n);
    assert_int_equal(found.through, read.through);
    assert_int_equal(d->place, alone->place);
    if (found.n != 0) {
        assert_memory_equal(found.positions, read.positions, found.n * sizeof(uint64_t));
        expect_bytes(found.shared->p, found.shared->n, &read.body);
    }
    expect_bytes(found.grounds.p, found.grounds.n, &read.grounds);
    bp_batch_fini(&found);
    bp_batch_fini(&read);
}

static size_t expect_shared_by_readers_of(const char *agency, char *type)
{
    struct bp_shared s = {.policy = NULL};
    struct bp_delivery first, second, alone;
    struct bp_batch batch = {.n = 0};
    bool has_rights = open_reader(&first, agency, type);
    assert_int_equal(open_reader(&second, agency, type), has_rights);
    assert_int_equal(open_reader(&alone, agency, type), has_rights);
    if (has_rights) {
        read_and_keep(&s, &first, &batch);
        expect_as_read_alone(&s, &second, &alone);
    }
    size_t n = batch.n;
    bp_batch_fini(&batch);
    bp_delivery_fini(&first);
    bp_delivery_fini(&second);
    bp_delivery_fini(&alone);
    bp_shared_fini(&s);
    return n;
}

static void test_shared_batch_is_what_each_reader_would_have_read(void **state)
{
    size_t n = 0;
    (void)state;

    for (size_t i = 0; i < bp_policy_agencies(random_log.policy); i++) {
        n += expect_shared_by_readers_of(random_log_agency(i), NULL);
        n += expect_shared_by_readers_of(random_log_agency(i), (char *)"worker.*");
    }
    assert_true(n != 0);
}

static void keep_batch_of(struct bp_shared *s, struct bp_delivery *d, const char *agency)
{
    struct bp_batch batch;
    assert_true(open_reader(d, agency, NULL));
    read_and_keep(s, d, &batch);
    bp_batch_fini(&batch);
}

static void test_shared_batch_is_for_no_other_agency_filter_or_place(void **state)
{
    struct bp_shared s = {.policy = NULL};
    struct bp_delivery d, other;
    struct bp_batch batch;
    (void)state;
    keep_batch_of(&s, &d, "kl.kp2mi");

    for (size_t i = 0; i < bp_policy_agencies(random_log.policy); i++) {
        bool is_same = strcmp(random_log_agency(i), "kl.kp2mi") == 0;
        (void)open_reader(&other, random_log_agency(i), NULL);
        if (is_same)
            bp_delivery_fini(&other);
        else
            expect_none(&s, &other);
    }
    assert_true(open_reader(&other, "kl.kp2mi", (char *)"worker.*"));
    expect_none(&s, &other);
    assert_true(open_reader(&other, "kl.kp2mi", NULL));
    other.place = FROM + 1;
    assert_false(find(&s, &other, &batch));
    other.place = FROM;
    assert_false(bp_shared_find(&s, &other, RANDOM_LOG_EVENTS + 1, 1000, GROUND_FIELD, &batch));
    assert_false(bp_shared_find(&s, &other, RANDOM_LOG_EVENTS, 0, GROUND_FIELD, &batch));
    bp_delivery_fini(&other);
    bp_delivery_fini(&d);
    bp_shared_fini(&s);
}

static struct bp_policy *compile_sample(uint64_t version)
{
    struct bp_policy *policy = NULL;
    Berbagi__V1__Policy *message = NULL;
    assert_int_equal(bp_policy_yaml_load(SAMPLE_POLICY, &message, NULL, NULL), BP_OK);
    assert_int_equal(bp_policy_compile(message, version, random_log.schema, &policy, NULL, NULL),
                     BP_OK);
    berbagi__v1__policy__free_unpacked(message, NULL);
    return policy;
}

/* The same rights under another version are other rights: its grounds have other ids. */
static void test_shared_batch_ends_with_its_policy_and_its_day(void **state)
{
    struct bp_shared s = {.policy = NULL};
    struct bp_delivery d, other;
    (void)state;
    keep_batch_of(&s, &d, "kl.kp2mi");

    assert_true(open_reader(&other, "kl.kp2mi", NULL));
    other.today++;
    expect_none(&s, &other);
    bp_exchange_set_policy(&random_log.x, compile_sample(2), NULL);
    assert_true(open_reader(&other, "kl.kp2mi", NULL));
    expect_none(&s, &other);
    bp_exchange_set_policy(&random_log.x, bp_policy_ref(random_log.policy), NULL);
    bp_delivery_fini(&d);
    bp_shared_fini(&s);
}

/* One who was told a ground before is not told again, one who was not is. */
static void test_shared_grounds_are_told_to_each_reader_once(void **state)
{
    struct bp_shared s = {.policy = NULL};
    struct bp_delivery first, late;
    struct bp_batch batch;
    (void)state;
    assert_true(open_reader(&first, "kl.kp2mi", NULL));
    assert_true(open_reader(&late, "kl.kp2mi", NULL));
    read_and_keep(&s, &first, &batch);
    assert_true(batch.n != 0 && batch.grounds.n != 0);
    size_t told = batch.grounds.n;
    bp_batch_fini(&batch);

    first.place = FROM;
    assert_true(find(&s, &first, &batch));
    assert_int_equal(batch.grounds.n, 0);
    bp_batch_fini(&batch);
    assert_true(find(&s, &late, &batch));
    assert_int_equal(batch.grounds.n, told);
    bp_batch_fini(&batch);

    bp_delivery_fini(&first);
    bp_delivery_fini(&late);
    bp_shared_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_batch_is_what_each_reader_would_have_read),
        cmocka_unit_test(test_shared_batch_is_for_no_other_agency_filter_or_place),
        cmocka_unit_test(test_shared_batch_ends_with_its_policy_and_its_day),
        cmocka_unit_test(test_shared_grounds_are_told_to_each_reader_once),
    };
    return cmocka_run_group_tests(tests, random_log_make, random_log_destroy);
}
