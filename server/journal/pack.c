/* A value: CRC-32C of the first number and the table (4); the table: entries (2), for each but the
 * first where it begins in the data (2); the data. The first entry stands as it is. Each other one
 * is a number of steps (1), for each of them how many bytes are as in the first (1), how many are
 * not (1) and those, and then, as it is, what is left.
 *
 * The hard part is damage: who reads a pack believes no number in the data before it is bounded. A
 * flipped bit spoils its own entry; in the beginning of the first one, whatever is like it. */
#include "pack.h"

#include "bytes.h"
#include "crc32c.h"

#define HEADER_BYTES 6u /* checksum, entries */
#define START_BYTES 2u
#define COMPARED_MAX 255u /* how much of an entry's beginning; more would not fit a step */
#define ALIKE_LEAST 4u    /* bytes in a row, a number's; a step takes two */
/* What it can take besides the entry: the number of steps, and one step with nothing alike; all
 * others are shorter than what they stand for. */
#define EXCESS_MAX 3u

/* --- one entry, as it differs from the first --- */

static size_t alike(const uint8_t *a, const uint8_t *b, size_t at, size_t end)
{
    size_t from = at;
    for (; end - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t other = bp_get_u64(a + at) ^ bp_get_u64(b + at);
        if (other != 0)
            return at + (size_t)__builtin_ctzll(other) / 8 - from;
    }
    while (at < end && a[at] == b[at])
        at++;
    return at - from;
}

/* Where the next bytes begin that are worth a step; end: nowhere. None begin before the last one
 * that is not alike. */
static size_t next_alike(const uint8_t *a, const uint8_t *b, size_t at, size_t end)
{
    while (end - at >= ALIKE_LEAST) {
        uint32_t other = bp_get_u32(a + at) ^ bp_get_u32(b + at);
        if (other == 0)
            return at;
        at += ALIKE_LEAST - (size_t)__builtin_clz(other) / 8;
    }
    return end;
}

/* To out, which has room for the entry and the excess. Returns what it took. */
static size_t encode(struct bp_str first, struct bp_str entry, uint8_t *out)
{
    const uint8_t *a = (const uint8_t *)first.p, *b = (const uint8_t *)entry.p;
    size_t end = first.n < entry.n ? first.n : entry.n, at = 0, n = 1;
    end = end < COMPARED_MAX ? end : COMPARED_MAX;
    out[0] = 0;
    for (size_t next = next_alike(a, b, 0, end); at < end; out[0]++) {
        size_t same = next == at ? alike(a, b, at, end) : 0;
        next = next_alike(a, b, at + same, end);
        if (same == 0 && next == end)
            break; /* nothing more is alike: the rest is kept as it is */
        size_t other = next == end ? 0 : next - at - same;
        out[n++] = (uint8_t)same;
        out[n++] = (uint8_t)other;
        memcpy(out + n, b + at + same, other);
        n += other;
        at += same + other;
    }
    memcpy(out + n, b + at, entry.n - at);
    return n + entry.n - at;
}

/* The other way. To out, which has room for what is stored and what is compared. False: these bytes
 * come of no entry. */
static bool decode(struct bp_str first, struct bp_str stored, uint8_t *out, size_t *size)
{
    const uint8_t *p = (const uint8_t *)stored.p, *end = p + stored.n;
    size_t n = 0, most = first.n < COMPARED_MAX ? first.n : COMPARED_MAX;
    memcpy(out, first.p, most); /* once, and over it what is different */
    for (unsigned steps = *p++; steps > 0; steps--) {
        if (end - p < 2 || end - p - 2 < p[1] || n + p[0] > most)
            return false;
        memcpy(out + n + p[0], p + 2, p[1]);
        n += (size_t)p[0] + p[1];
        p += 2 + p[1];
    }
    memcpy(out + n, p, (size_t)(end - p));
    *size = n + (size_t)(end - p);
    return true;
}

/* --- writing --- */

static size_t size_with(size_t entries, size_t data)
{
    return HEADER_BYTES + START_BYTES * (entries - 1) + data;
}

static struct bp_str first_of(const struct bp_pack_writer *w)
{
    return bp_str_of(w->data.p, w->n > 1 ? w->starts[1] : w->data.n);
}

void bp_pack_writer_fini(struct bp_pack_writer *w)
{
    bp_buf_fini(&w->data);
    w->n = 0;
}

bp_status bp_pack_begin(struct bp_pack_writer *w, uint64_t number, struct bp_str entry)
{
    bp_buf_clear(&w->data);
    bp_buf_add_str(&w->data, entry);
    bool failed = w->data.failed;
    w->first = number;
    w->n = failed ? 0 : 1;
    w->starts[0] = 0;
    return failed ? BP_ENOMEM : BP_OK;
}

bp_status bp_pack_add(struct bp_pack_writer *w, struct bp_str entry)
{
    if (w->n == BP_PACK_ENTRIES_MAX || w->data.n > BP_PACK_BYTES_MAX)
        return BP_ETOOLARGE;
    uint8_t *place = bp_buf_reserve(&w->data, entry.n + EXCESS_MAX);
    if (place == NULL)
        return BP_ENOMEM;
    size_t n = encode(first_of(w), entry, place);
    if (size_with(w->n + 1, w->data.n + n) > BP_PACK_BYTES_MAX)
        return BP_ETOOLARGE;
    w->starts[w->n++] = (uint16_t)w->data.n;
    w->data.n += n;
    return BP_OK;
}

bp_status bp_pack_resume(struct bp_pack_writer *w, uint64_t first, struct bp_str value)
{
    struct bp_pack p;
    w->n = 0;
    bp_status st = bp_pack_open(first, value, &p);
    if (st == BP_OK)
        st = bp_pack_begin(w, first, p.data);
    if (st != BP_OK)
        return st;
    for (w->n = 1; w->n < p.n; w->n++)
        w->starts[w->n] = bp_get_u16(p.starts + START_BYTES * (w->n - 1));
    return BP_OK;
}

size_t bp_pack_size(const struct bp_pack_writer *w)
{
    return size_with(w->n, w->data.n);
}

/* With the number it belongs to: a pack in another's place must not be taken for it. */
static uint32_t checksum(uint64_t first, const uint8_t *value, size_t n)
{
    uint8_t number[8];
    bp_put_u64(number, first);
    return bp_crc32c(bp_crc32c(0, number, sizeof(number)), value + 4, size_with(n, 0) - 4);
}

void bp_pack_write(const struct bp_pack_writer *w, uint8_t *out)
{
    bp_put_u16(out + 4, (uint16_t)w->n);
    for (size_t i = 1; i < w->n; i++)
        bp_put_u16(out + HEADER_BYTES + START_BYTES * (i - 1), w->starts[i]);
    bp_put_u32(out, checksum(w->first, out, w->n));
    memcpy(out + size_with(w->n, 0), w->data.p, w->data.n);
}

/* --- reading --- */

static size_t start_of(const struct bp_pack *p, size_t i)
{
    return i == 0 ? 0 : i == p->n ? p->data.n : bp_get_u16(p->starts + START_BYTES * (i - 1));
}

/* No entry is empty, none reaches beyond the data. */
static bool is_in_order(const struct bp_pack *p)
{
    size_t i = 0;
    while (i < p->n && start_of(p, i) < start_of(p, i + 1))
        i++;
    return i == p->n;
}

bp_status bp_pack_open(uint64_t first, struct bp_str value, struct bp_pack *out)
{
    const uint8_t *p = (const uint8_t *)value.p;
    if (value.n < HEADER_BYTES)
        return BP_ECORRUPT;
    size_t n = bp_get_u16(p + 4), table = size_with(n, 0);
    if (n == 0 || n > BP_PACK_ENTRIES_MAX || table > value.n ||
        bp_get_u32(p) != checksum(first, p, n))
        return BP_ECORRUPT;
    *out = (struct bp_pack){.first = first,
                            .n = n,
                            .starts = p + HEADER_BYTES,
                            .data = bp_str_of(p + table, value.n - table)};
    return is_in_order(out) ? BP_OK : BP_ECORRUPT;
}

bp_status bp_pack_get(const struct bp_pack *p, uint64_t number, struct bp_buf *scratch,
                      struct bp_str *entry)
{
    size_t i = (size_t)(number - p->first), from = start_of(p, i), n = 0;
    struct bp_str stored = bp_str_of(p->data.p + from, start_of(p, i + 1) - from);
    if (i == 0) {
        *entry = stored;
        return BP_OK;
    }
    bp_buf_clear(scratch);
    uint8_t *place = bp_buf_reserve(scratch, stored.n + COMPARED_MAX);
    if (place == NULL)
        return BP_ENOMEM;
    if (!decode(bp_str_of(p->data.p, start_of(p, 1)), stored, place, &n))
        return BP_ECORRUPT;
    *entry = bp_str_of(place, n);
    return BP_OK;
}
