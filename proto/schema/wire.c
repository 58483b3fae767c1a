/* Varints, tags and lengths. Whatever comes in is checked against the end of its bytes before it is
 * read. */
#include "wire.h"

#include "clock.h"

#define TIMESTAMP_FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_LAST INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

/* At most ten bytes, the tenth at most 1. */
static bool get_long_varint(struct bp_wire *r, uint64_t *value)
{
    uint64_t v = 0;
    const uint8_t *p = r->p;
    for (unsigned shift = 0; shift < 64 && p < r->end; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            r->p = p;
            *value = v;
            return true;
        }
    }
    return false;
}

/* Nearly all tags and lengths take one byte. */
static inline bool get_varint(struct bp_wire *r, uint64_t *value)
{
    if (r->p == r->end || *r->p >= 0x80)
        return get_long_varint(r, value);
    *value = *r->p++;
    return true;
}

/* A tag or a length: at most 32 bits in at most five bytes. Longer forms of the same number are
 * varints too, but no protobuf library reads them here, and an event that was stored must be
 * readable by every subscriber. */
static bool get_short_varint(struct bp_wire *r, uint64_t *value)
{
    const uint8_t *start = r->p;
    return get_varint(r, value) && r->p - start <= 5 && *value <= UINT32_MAX;
}

static bool get_fixed(struct bp_wire *r, size_t n, uint64_t *value)
{
    uint64_t v = 0;
    if ((size_t)(r->end - r->p) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)r->p[i] << (8 * i);
    r->p += n;
    *value = v;
    return true;
}

static bool get_bytes(struct bp_wire *r, struct bp_str *bytes)
{
    uint64_t n;
    if (!get_short_varint(r, &n) || n > (uint64_t)(r->end - r->p))
        return false;
    *bytes = bp_str_of(r->p, (size_t)n);
    r->p += n;
    return true;
}

static bool get_value(struct bp_wire *r, unsigned wire_type, struct bp_wire_field *f)
{
    f->value = 0;
    f->bytes = bp_str_of(NULL, 0);
    switch (wire_type) {
    case BP_WIRE_VARINT:
        f->type = BP_WIRE_VARINT;
        return get_varint(r, &f->value);
    case BP_WIRE_I64:
        f->type = BP_WIRE_I64;
        return get_fixed(r, 8, &f->value);
    case BP_WIRE_LEN:
        f->type = BP_WIRE_LEN;
        return get_bytes(r, &f->bytes);
    case BP_WIRE_I32:
        f->type = BP_WIRE_I32;
        return get_fixed(r, 4, &f->value);
    default: /* groups, and two types that do not exist */
        return false;
    }
}

bool bp_wire_next(struct bp_wire *r, struct bp_wire_field *f)
{
    uint64_t tag;
    if (r->malformed || r->p == r->end)
        return false;
    f->start = r->p;
    if (!get_short_varint(r, &tag) || tag >> 3 == 0 || !get_value(r, tag & 7, f)) {
        r->malformed = true;
        return false;
    }
    f->number = (uint32_t)(tag >> 3);
    f->end = r->p;
    return true;
}

bool bp_wire_varint(struct bp_wire *r, uint64_t *value)
{
    if (r->malformed || r->p == r->end)
        return false;
    if (!get_varint(r, value)) {
        r->malformed = true;
        return false;
    }
    return true;
}

/* Writes a varint at p, which has room for ten bytes; returns its length. */
static size_t write_varint(uint8_t *p, uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80) {
        p[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    p[n++] = (uint8_t)value;
    return n;
}

void bp_wire_put_varint(struct bp_buf *b, uint64_t value)
{
    uint8_t *p = bp_buf_reserve(b, 10);
    if (p != NULL)
        b->n += write_varint(p, value);
}

void bp_wire_put_tag(struct bp_buf *b, uint32_t number, enum bp_wire_type type)
{
    bp_wire_put_varint(b, (uint64_t)number << 3 | (uint64_t)type);
}

void bp_wire_put_uint(struct bp_buf *b, uint32_t number, uint64_t value)
{
    bp_wire_put_tag(b, number, BP_WIRE_VARINT);
    bp_wire_put_varint(b, value);
}

void bp_wire_put_bytes(struct bp_buf *b, uint32_t number, struct bp_str v)
{
    bp_wire_put_tag(b, number, BP_WIRE_LEN);
    bp_wire_put_varint(b, v.n);
    bp_buf_add_str(b, v);
}

void bp_wire_put_timestamp(struct bp_buf *b, uint32_t number, int64_t seconds, int32_t nanos)
{
    uint8_t body[22]; /* two tags of a byte, two varints of at most ten */
    size_t n = 0;
    if (seconds != 0) {
        body[n++] = 1 << 3 | BP_WIRE_VARINT;
        n += write_varint(body + n, (uint64_t)seconds);
    }
    if (nanos != 0) {
        body[n++] = 2 << 3 | BP_WIRE_VARINT;
        n += write_varint(body + n, (uint64_t)(int64_t)nanos);
    }
    bp_wire_put_bytes(b, number, bp_str_of(body, n));
}

void bp_wire_put_time(struct bp_buf *b, uint32_t number, int64_t unix_ns)
{
    int64_t seconds = unix_ns / BP_NS_PER_S, nanos = unix_ns % BP_NS_PER_S;
    if (nanos < 0) {
        seconds--;
        nanos += BP_NS_PER_S;
    }
    bp_wire_put_timestamp(b, number, seconds, (int32_t)nanos);
}

bool bp_wire_get_timestamp(struct bp_str message, int64_t *seconds, int32_t *nanos)
{
    struct bp_wire r = bp_wire_of(message);
    struct bp_wire_field f;
    uint64_t value[3] = {0, 0, 0};
    while (bp_wire_next(&r, &f)) {
        /* What no rule speaks of would pass every view inside this value. */
        if (f.number > 2 || f.type != BP_WIRE_VARINT)
            return false;
        value[f.number] = f.value;
    }
    if (r.malformed)
        return false;
    *seconds = (int64_t)value[1];
    *nanos = (int32_t)value[2];
    return true;
}

int64_t bp_wire_time_ns(int64_t seconds, int32_t nanos)
{
    if (seconds >= INT64_MAX / BP_NS_PER_S - 1)
        return INT64_MAX;
    if (seconds <= INT64_MIN / BP_NS_PER_S + 1)
        return INT64_MIN;
    return seconds * BP_NS_PER_S + nanos;
}

bool bp_wire_get_time(struct bp_str message, int64_t *unix_ns)
{
    int64_t seconds;
    int32_t nanos;
    if (!bp_wire_get_timestamp(message, &seconds, &nanos))
        return false;
    if (seconds < TIMESTAMP_FIRST || seconds > TIMESTAMP_LAST || nanos < 0 || nanos >= BP_NS_PER_S)
        return false;
    *unix_ns = bp_wire_time_ns(seconds, nanos);
    return true;
}

size_t bp_wire_varint_size(uint64_t value)
{
    size_t n = 1;
    while (value >= 0x80) {
        value >>= 7;
        n++;
    }
    return n;
}

size_t bp_wire_begin_sized(struct bp_buf *b, uint32_t number, size_t expected)
{
    bp_wire_put_tag(b, number, BP_WIRE_LEN);
    bp_wire_put_varint(b, expected);
    return b->n;
}

void bp_wire_end_sized(struct bp_buf *b, size_t mark, size_t expected)
{
    if (b->failed)
        return;
    size_t n = b->n - mark, room = bp_wire_varint_size(expected), size = bp_wire_varint_size(n);
    if (size != room) {
        if (size > room && bp_buf_reserve(b, size - room) == NULL)
            return;
        memmove(b->p + mark - room + size, b->p + mark, n);
        b->n = b->n - room + size;
    }
    write_varint(b->p + mark - room, n);
}

/* Most messages are short: one byte of length. */
size_t bp_wire_begin_message(struct bp_buf *b, uint32_t number)
{
    return bp_wire_begin_sized(b, number, 0);
}

void bp_wire_end_message(struct bp_buf *b, size_t mark)
{
    bp_wire_end_sized(b, mark, 0);
}
