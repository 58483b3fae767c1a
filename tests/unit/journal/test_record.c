#include <stdio.h>

#include "bytes.h"
#include "crc32c.h"
#include "journal_support.h"

static void fill(struct test_event *e)
{
    event_init(e, "01890a5d-ac96-774b-bcce-b302099a8057", "w_0123456789ABCDEFGHJK", "the payload");
    struct bp_record *r = &e->proposal.record;
    r->entry.kind = BP_ENTRY_EVENT;
    r->entry.number = 1007;
    r->entry.log_id = (struct bp_log_id){{1, 2, 3, 4, 5}};
    r->entry.recorded_at_ns = START_NS;
    r->entry.policy_version = 9;
    r->entry.key_id = 0xA0B0C0D0;
    r->routing.position = 1003;
    r->routing.region = UINT64_C(0x8000000012345678);
    memcpy(r->routing.destination, "MY", 2);
    r->routing.occurred_at_ns = -5;
    r->routing.grant = 40000;
    r->routing.has_small_count = true;
    r->routing.resolves = true;
}

static void expect_same(const struct bp_record *a, const struct bp_record *b)
{
    assert_int_equal(b->entry.kind, BP_ENTRY_EVENT);
    assert_int_equal(b->entry.number, a->entry.number);
    assert_memory_equal(b->entry.log_id.bytes, a->entry.log_id.bytes, 4);
    assert_int_equal(b->entry.recorded_at_ns, a->entry.recorded_at_ns);
    assert_int_equal(b->entry.policy_version, a->entry.policy_version);
    assert_int_equal(b->entry.key_id, a->entry.key_id);
    assert_int_equal(b->routing.position, a->routing.position);
    assert_int_equal(b->routing.type_hash, a->routing.type_hash);
    assert_int_equal(b->routing.region, a->routing.region);
    assert_memory_equal(b->routing.destination, a->routing.destination, 2);
    assert_int_equal(b->routing.occurred_at_ns, a->routing.occurred_at_ns);
    assert_int_equal(b->routing.grant, a->routing.grant);
    assert_int_equal(b->routing.has_small_count, a->routing.has_small_count);
    assert_int_equal(b->routing.resolves, a->routing.resolves);
    assert_true(bp_str_eq(b->routing.source, a->routing.source));
    assert_true(bp_str_eq(b->routing.subject, a->routing.subject));
    assert_true(bp_str_eq(b->routing.addressed_to, a->routing.addressed_to));
    assert_true(bp_str_eq(b->routing.type, a->routing.type));
    assert_true(bp_str_eq(b->event, a->event));
}

static void test_record_encoded_decodes_to_the_same(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    struct bp_record out;
    (void)state;
    fill(&e);

    assert_int_equal(bp_record_encode(&e.proposal.record, &stored), BP_OK);

    assert_int_equal(bp_record_decode(bp_buf_str(&stored), &out), BP_OK);
    expect_same(&e.proposal.record, &out);
    assert_true(bp_str_is(out.entry.actor, "kab.18.07"));
    assert_true(bp_str_is(out.routing.id, "01890a5d-ac96-774b-bcce-b302099a8057"));
    assert_int_equal(stored.n, e.bytes.n + 80); /* not one text twice */
    bp_buf_fini(&stored);
    event_fini(&e);
}

static void test_record_texts_from_elsewhere_are_found_or_added(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    struct bp_record out;
    (void)state;
    fill(&e);
    e.proposal.record.routing.source = BP_STR("kab.18.07");
    e.proposal.record.routing.addressed_to = BP_STR("kl.komdigi");
    e.proposal.record.entry.actor = BP_STR("prov.18");

    assert_int_equal(bp_record_encode(&e.proposal.record, &stored), BP_OK);

    assert_int_equal(bp_record_decode(bp_buf_str(&stored), &out), BP_OK);
    expect_same(&e.proposal.record, &out);
    assert_true(bp_str_is(out.entry.actor, "prov.18"));
    assert_int_equal(stored.n, e.bytes.n + 80 + strlen("prov.18") + strlen("kl.komdigi"));
    bp_buf_fini(&stored);
    event_fini(&e);
}

static void test_record_with_any_byte_changed_is_corrupt(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    struct bp_record out;
    (void)state;
    fill(&e);
    assert_int_equal(bp_record_encode(&e.proposal.record, &stored), BP_OK);

    for (size_t i = 0; i < stored.n; i++) {
        stored.p[i] ^= 0x10;
        assert_int_equal(bp_record_decode(bp_buf_str(&stored), &out), BP_ECORRUPT);
        stored.p[i] ^= 0x10;
    }
    for (size_t n = 0; n < stored.n; n++)
        assert_int_equal(bp_record_decode(bp_str_of(stored.p, n), &out), BP_ECORRUPT);
    bp_buf_fini(&stored);
    event_fini(&e);
}

static void reseal(uint8_t *p, size_t n)
{
    bp_put_u32(p, bp_crc32c(0, p + 4, n - 4));
}

static void test_record_of_a_newer_format_is_told_from_damage(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    struct bp_record out;
    (void)state;
    fill(&e);
    assert_int_equal(bp_record_encode(&e.proposal.record, &stored), BP_OK);

    stored.p[4] = 2;
    reseal(stored.p, stored.n);

    assert_int_equal(bp_record_decode(bp_buf_str(&stored), &out), BP_EVERSION);
    bp_buf_fini(&stored);
    event_fini(&e);
}

/* Sealed nonsense: whatever lengths and places say, nothing outside the bytes is read (the
 * sanitizers watch). */
static void test_record_with_sealed_nonsense_stays_inside_its_bytes(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    struct bp_record out;
    struct bp_entry entry;
    unsigned long sum = 0;
    (void)state;
    fill(&e);
    assert_int_equal(bp_record_encode(&e.proposal.record, &stored), BP_OK);
    uint32_t random = 12345;

    for (int round = 0; round < 20000; round++) {
        size_t n = 40 + (random >> 8) % (stored.n - 40);
        uint8_t *copy = malloc(n);
        memcpy(copy, stored.p, n);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525u + 1013904223u;
            copy[5 + (random >> 16) % 75 % (n - 5)] = (uint8_t)(random >> 8);
        }
        reseal(copy, n);
        if (bp_record_decode(bp_str_of(copy, n), &out) == BP_OK) {
            const struct bp_str texts[] = {
                out.routing.type,         out.routing.source, out.routing.subject, out.event,
                out.routing.addressed_to, out.entry.actor,    out.routing.id};
            for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
                sum += bp_crc32c(0, texts[t].p, texts[t].n);
        }
        if (bp_entry_decode(bp_str_of(copy, n), &entry) == BP_OK)
            sum += bp_crc32c(0, entry.content.p, entry.content.n);
        free(copy);
    }
    assert_true(sum != 0);
    bp_buf_fini(&stored);
    event_fini(&e);
}

static void test_record_without_a_stored_form_is_refused(void **state)
{
    struct test_event e;
    struct bp_buf stored = {0};
    char *large = calloc(1, BP_EVENT_MAX + 2);
    (void)state;
    assert_non_null(large);
    fill(&e);
    struct bp_record *r = &e.proposal.record;

    memset(large, 'x', 300);
    r->routing.type = bp_str(large);
    assert_int_equal(bp_record_encode(r, &stored), BP_EINVAL); /* a text over 255 bytes */
    r->routing.type = BP_STR("t");
    r->event = BP_STR("\x12\x01x");
    assert_int_equal(bp_record_size(r), 0); /* no id first */
    r->event = BP_STR("\x0a\x05x");
    assert_int_equal(bp_record_size(r), 0); /* an id that runs over the end */
    memcpy(large, "\x0a\x01x", 3);
    r->event = bp_str_of(large, BP_EVENT_MAX + 1);
    assert_int_equal(bp_record_size(r), 0);
    r->event.n--;
    assert_int_not_equal(bp_record_size(r), 0);

    bp_buf_fini(&stored);
    free(large);
    event_fini(&e);
}

static void test_record_entry_of_another_kind_decodes_to_the_same(void **state)
{
    struct bp_entry e = {
        .kind = BP_ENTRY_POLICY,
        .number = 5,
        .recorded_at_ns = 6,
        .actor = BP_STR("operator/rina"),
        .policy_version = 7,
        .part = 2,
        .parts = 3,
        .content = BP_STR("content"),
    };
    struct bp_entry out;
    struct bp_record record;
    struct bp_buf stored = {0};
    (void)state;

    assert_int_equal(bp_entry_encode(&e, &stored), BP_OK);

    assert_int_equal(bp_entry_decode(bp_buf_str(&stored), &out), BP_OK);
    assert_int_equal(out.kind, BP_ENTRY_POLICY);
    assert_int_equal(out.number, 5);
    assert_int_equal(out.policy_version, 7);
    assert_int_equal(out.part, 2);
    assert_int_equal(out.parts, 3);
    assert_true(bp_str_is(out.actor, "operator/rina"));
    assert_true(bp_str_is(out.content, "content"));
    assert_int_equal(bp_record_decode(bp_buf_str(&stored), &record), BP_EINVAL);
    bp_buf_fini(&stored);
}

static void test_record_log_id_is_32_hexadecimal_digits(void **state)
{
    struct bp_log_id id = {{0x01, 0xAB}};
    char text[33];
    (void)state;

    bp_log_id_format(&id, text);

    assert_string_equal(text, "01ab0000000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_encoded_decodes_to_the_same),
        cmocka_unit_test(test_record_texts_from_elsewhere_are_found_or_added),
        cmocka_unit_test(test_record_with_any_byte_changed_is_corrupt),
        cmocka_unit_test(test_record_of_a_newer_format_is_told_from_damage),
        cmocka_unit_test(test_record_with_sealed_nonsense_stays_inside_its_bytes),
        cmocka_unit_test(test_record_without_a_stored_form_is_refused),
        cmocka_unit_test(test_record_entry_of_another_kind_decodes_to_the_same),
        cmocka_unit_test(test_record_log_id_is_32_hexadecimal_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
