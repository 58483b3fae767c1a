/* Rights follow the day: an agreement ends with its last day in Asia/Jakarta, and a clock set back
 * does not revive it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery.h"
#include "file.h"
#include "policy_yaml.h"

#define LAST_DAY "2026-12-31"
#define MINUTE_NS (INT64_C(60) * BP_NS_PER_S)

static const char yaml[] =
    "agencies:\n"
    "  - {id: kl.kp2mi, region: ID}\n"
    "agreements:\n"
    "  - id: m1\n"
    "    parties: [kl.kp2mi]\n"
    "    status: IN_FORCE\n"
    "    valid_from: \"2026-01-01\"\n"
    "    valid_to: \"" LAST_DAY "\"\n"
    "    grants:\n"
    "      - {grantee: kl.kp2mi, direction: SUBSCRIBE, events: worker.registered, scope: "
    "NATIONAL,\n"
    "         level: IDENTIFIED, purpose: placement, legal_basis: law}\n"
    "ceilings:\n"
    "  - {audience: kl, limits: [{groups: [registration], level: IDENTIFIED, scope: NATIONAL}]}\n"
    "operators:\n"
    "  - {name: admin, roles: [POLICY]}\n";

static int64_t now_ns;

static int64_t fake_now(const struct bp_clock *clock)
{
    (void)clock;
    return now_ns;
}

static const struct bp_clock fake_clock = {fake_now, fake_now};

static char folder[] = "/tmp/berbagi-delivery-XXXXXX";
static struct bp_schema *schema;
static struct bp_exchange x;

/* A minute before midnight of the last day, in Jakarta. */
static int64_t last_minute(void)
{
    bp_day day;
    assert_true(bp_day_parse(BP_STR(LAST_DAY), &day));
    return bp_day_start_ns(day + 1) - MINUTE_NS;
}

static void put_policy_in_force(void)
{
    char path[128];
    Berbagi__V1__Policy *message = NULL;
    struct bp_policy *policy = NULL;
    struct bp_err err = {""};
    (void)snprintf(path, sizeof(path), "%s/policy.yaml", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(yaml, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(bp_policy_yaml_load(path, &message, NULL, &err), BP_OK);
    assert_int_equal(unlink(path), 0);
    if (bp_policy_compile(message, 1, schema, &policy, NULL, &err) != BP_OK)
        fail_msg("%s", err.text);
    bp_exchange_set_policy(&x, policy, NULL);
    berbagi__v1__policy__free_unpacked(message, NULL);
}

static int make(void **state)
{
    struct bp_journal_config config = {.clock = &fake_clock, .map_bytes = 1u << 24};
    char dir[128];
    (void)state;
    now_ns = last_minute();
    assert_non_null(mkdtemp(folder));
    (void)snprintf(dir, sizeof(dir), "%s/journal", folder);
    config.dir = dir;
    assert_int_equal(bp_schema_open(NULL, 0, &schema, NULL), BP_OK);
    x = (struct bp_exchange){.schema = schema, .clock = &fake_clock};
    assert_int_equal(bp_journal_open(&config, &x.journal, NULL), BP_OK);
    assert_int_equal(bp_exchange_init(&x, NULL), BP_OK);
    put_policy_in_force();
    return 0;
}

static int destroy(void **state)
{
    char command[160];
    (void)state;
    bp_exchange_fini(&x);
    bp_journal_close(x.journal);
    bp_schema_destroy(schema);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    (void)snprintf(folder, sizeof(folder), "/tmp/berbagi-delivery-XXXXXX");
    return 0;
}

static void open_delivery(struct bp_delivery *d)
{
    struct bp_filter *filter = NULL;
    assert_int_equal(bp_filter_create(NULL, &filter), BP_OK);
    assert_int_equal(bp_delivery_init(d, &x, "kl.kp2mi", filter, 0), BP_OK);
}

static void expect_end(struct bp_delivery *d, enum bp_rpc_reason reason)
{
    bool changed = false;
    struct bp_rpc_status status = BP_RPC_STATUS_OK;
    assert_false(bp_delivery_refresh(d, &changed, &status));
    assert_true(changed);
    assert_int_equal(status.reason, reason);
}

static void expect_right(struct bp_delivery *d, bool has_changed)
{
    bool changed = false;
    struct bp_rpc_status status = BP_RPC_STATUS_OK;
    assert_true(bp_delivery_refresh(d, &changed, &status));
    assert_int_equal(changed, has_changed);
}

static void test_delivery_last_day_passing_ends_the_right(void **state)
{
    struct bp_delivery d;
    (void)state;
    open_delivery(&d);
    expect_right(&d, true);
    now_ns += MINUTE_NS - 1;
    expect_right(&d, false);

    now_ns += 1; /* midnight in Jakarta, 17:00 UTC */

    expect_end(&d, BP_REASON_AGREEMENT_ENDED);
    bp_delivery_fini(&d);
}

static void test_delivery_clock_set_back_revives_nothing(void **state)
{
    struct bp_delivery open, late;
    (void)state;
    open_delivery(&open);
    open_delivery(&late);
    expect_right(&open, true);
    now_ns += MINUTE_NS;
    expect_end(&open, BP_REASON_AGREEMENT_ENDED);

    now_ns -= 2 * MINUTE_NS;

    expect_end(&open, BP_REASON_AGREEMENT_ENDED);
    expect_end(&late, BP_REASON_NO_RIGHT);
    bp_delivery_fini(&open);
    bp_delivery_fini(&late);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_delivery_last_day_passing_ends_the_right),
        TEST(test_delivery_clock_set_back_revives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
