/* Stored entries: what decodes lies within its bytes and is written again as an entry that says the
 * same. The checksum is set right first, for the fuzzer would never find it. Input: a byte (whether
 * to do that); the stored bytes. */
#include "bytes.h"
#include "crc32c.h"
#include "fuzz.h"
#include "record.h"

static bool is_inside(struct bp_str piece, struct bp_str whole)
{
    return piece.n == 0 || (piece.p >= whole.p && piece.p + piece.n <= whole.p + whole.n);
}

static void check_entry(struct bp_str stored)
{
    struct bp_entry e, again;
    struct bp_buf out = {0};
    if (bp_entry_decode(stored, &e) != BP_OK)
        return;
    BP_ASSERT(is_inside(e.actor, stored) && is_inside(e.content, stored));
    if (e.kind != BP_ENTRY_EVENT && bp_entry_encode(&e, &out) == BP_OK) {
        BP_ASSERT(bp_entry_decode(bp_buf_str(&out), &again) == BP_OK);
        BP_ASSERT(again.kind == e.kind && again.number == e.number && again.part == e.part);
        BP_ASSERT(bp_str_eq(again.actor, e.actor) && bp_str_eq(again.content, e.content));
    }
    bp_buf_fini(&out);
}

static void check_texts(const struct bp_record *r, struct bp_str stored)
{
    const struct bp_routing *routing = &r->routing;
    BP_ASSERT(is_inside(routing->type, stored) && is_inside(routing->source, stored));
    BP_ASSERT(is_inside(routing->subject, stored) && is_inside(routing->addressed_to, stored));
    BP_ASSERT(is_inside(routing->id, r->event) && is_inside(r->event, stored));
    BP_ASSERT(is_inside(r->entry.actor, stored));
}

static void check_record(struct bp_str stored)
{
    struct bp_record r, again;
    struct bp_buf out = {0};
    if (bp_record_decode(stored, &r) != BP_OK)
        return;
    check_texts(&r, stored);
    if (bp_record_encode(&r, &out) == BP_OK) {
        BP_ASSERT(bp_record_decode(bp_buf_str(&out), &again) == BP_OK);
        BP_ASSERT(again.routing.position == r.routing.position);
        BP_ASSERT(bp_str_eq(again.event, r.event) && bp_str_eq(again.entry.actor, r.entry.actor));
        BP_ASSERT(bp_str_eq(again.routing.type, r.routing.type));
        BP_ASSERT(bp_str_eq(again.routing.source, r.routing.source));
        BP_ASSERT(bp_str_eq(again.routing.subject, r.routing.subject));
        BP_ASSERT(bp_str_eq(again.routing.addressed_to, r.routing.addressed_to));
    }
    bp_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    bool seals = fuzz_take_byte(&in) != 0;
    struct bp_buf stored = {0};
    bp_buf_add(&stored, in.p, in.n);
    if (seals && stored.n > 4)
        bp_put_u32(stored.p, bp_crc32c(0, stored.p + 4, stored.n - 4));
    check_entry(bp_buf_str(&stored));
    check_record(bp_buf_str(&stored));
    bp_buf_fini(&stored);
    return 0;
}
