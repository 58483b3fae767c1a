/* Packs of stored entries: whatever stands in one, what is got out of it is bounded, and a pack that
 * is taken up again is the same; and whatever entries go in come out. Input: a byte (whether the
 * checksum is set right first, for the fuzzer would never find it); a value. */
#include "bytes.h"
#include "crc32c.h"
#include "fuzz.h"
#include "pack.h"

#define FIRST 1u
#define TABLE_AT 4u
#define PIECE 48u

static void seal(struct bp_buf *value)
{
    uint8_t number[8];
    if (value->n < TABLE_AT + 2)
        return;
    size_t table = 2u * bp_get_u16(value->p + TABLE_AT);
    if (table > value->n - TABLE_AT)
        return;
    bp_put_u64(number, FIRST);
    bp_put_u32(value->p,
               bp_crc32c(bp_crc32c(0, number, sizeof(number)), value->p + TABLE_AT, table));
}

static void check_value(struct bp_str value)
{
    struct bp_pack p;
    struct bp_pack_writer w = {.n = 0};
    struct bp_buf scratch = {0}, again = {0};
    struct bp_str entry;
    if (bp_pack_open(FIRST, value, &p) != BP_OK)
        return;
    for (uint64_t number = FIRST; bp_pack_has(&p, number); number++) {
        if (bp_pack_get(&p, number, &scratch, &entry) == BP_OK)
            BP_ASSERT(entry.n <= value.n + 255);
    }
    BP_ASSERT(bp_pack_resume(&w, FIRST, value) == BP_OK && bp_pack_size(&w) == value.n);
    BP_ASSERT(bp_buf_reserve(&again, value.n) != NULL);
    bp_pack_write(&w, again.p);
    BP_ASSERT(memcmp(again.p, value.p, value.n) == 0);
    bp_pack_writer_fini(&w);
    bp_buf_fini(&again);
    bp_buf_fini(&scratch);
}

/* The input cut into pieces, each an entry. */
static struct bp_str piece(struct bp_str all, size_t i)
{
    size_t from = i * PIECE, n = all.n - from < PIECE ? all.n - from : PIECE;
    return bp_str_of(all.p + from, n);
}

static void check_round(struct bp_str all)
{
    struct bp_pack_writer w = {.n = 0};
    struct bp_buf value = {0}, scratch = {0};
    struct bp_pack p;
    struct bp_str entry;
    size_t n = (all.n + PIECE - 1) / PIECE, packed = 1;
    if (n == 0)
        return;
    BP_ASSERT(bp_pack_begin(&w, FIRST, piece(all, 0)) == BP_OK);
    while (packed < n && bp_pack_add(&w, piece(all, packed)) == BP_OK)
        packed++;
    BP_ASSERT(bp_buf_reserve(&value, bp_pack_size(&w)) != NULL);
    bp_pack_write(&w, value.p);
    BP_ASSERT(bp_pack_open(FIRST, bp_str_of(value.p, bp_pack_size(&w)), &p) == BP_OK);
    for (size_t i = 0; i < packed; i++) {
        BP_ASSERT(bp_pack_get(&p, FIRST + i, &scratch, &entry) == BP_OK);
        BP_ASSERT(bp_str_eq(entry, piece(all, i)));
    }
    bp_pack_writer_fini(&w);
    bp_buf_fini(&value);
    bp_buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    bool seals = fuzz_take_byte(&in) != 0;
    struct bp_buf value = {0};
    bp_buf_add(&value, in.p, in.n);
    check_round(bp_buf_str(&value));
    if (seals)
        seal(&value);
    check_value(bp_buf_str(&value));
    bp_buf_fini(&value);
    return 0;
}
