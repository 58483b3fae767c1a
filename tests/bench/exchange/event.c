/* A few fields of the wire format, written and walked by hand: a benchmark's client must cost less
 * than what it measures. */
#include "bench.h"

#define DATA_FIELD 15

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_bytes(uint8_t *p, unsigned field, const void *bytes, size_t n)
{
    p = put_varint(p, field << 3 | 2);
    p = put_varint(p, n);
    memcpy(p, bytes, n);
    return p + n;
}

static size_t payload(uint8_t *out, const uint8_t record[EV_SIZE], bool is_marked)
{
    uint8_t *p = put_bytes(out, 1, record, EV_SIZE);
    for (unsigned field = 2; field <= 10 && !is_marked; field++) {
        p = put_varint(p, field << 3);
        p = put_varint(p, 1 + (ev_seq(record) * field) % 127);
    }
    return (size_t)(p - out);
}

size_t bench_event(uint8_t *out, const uint8_t record[EV_SIZE], bool is_marked)
{
    static const char recorded[] = "bench.recorded", marked[] = "bench.marked";
    uint8_t data[BENCH_EVENT_MAX], when[12];
    char id[24];
    const char *type = is_marked ? marked : recorded;
    int id_n = snprintf(id, sizeof(id), "%llu", (unsigned long long)ev_seq(record));
    size_t data_n = payload(data, record, is_marked);
    uint8_t *when_end = put_varint(when + 1, (uint64_t)time(NULL));
    when[0] = 1 << 3;
    uint8_t *p = put_bytes(out, 1, id, (size_t)id_n);
    p = put_bytes(p, 2, type, strlen(type));
    p = put_bytes(p, 7, when, (size_t)(when_end - when));
    p = put_bytes(p, DATA_FIELD, data, data_n);
    return (size_t)(p - out);
}

/* --- reading --- */

static const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
    unsigned shift = 0;
    *v = 0;
    while (p < end && shift < 64) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if ((*p++ & 0x80) == 0)
            return p;
        shift += 7;
    }
    return NULL;
}

/* The bytes of one field of a message of varints and length-delimited fields; length 0: none. */
static struct berbagi_str field_of(struct berbagi_str message, unsigned wanted)
{
    const uint8_t *p = (const uint8_t *)message.p, *end = p + message.n;
    while (p != NULL && p < end) {
        uint64_t key, value;
        if ((p = get_varint(p, end, &key)) == NULL || (p = get_varint(p, end, &value)) == NULL)
            break;
        if ((key & 7) == 0)
            continue;
        if ((key & 7) != 2 || value > (uint64_t)(end - p))
            break;
        if (key >> 3 == wanted)
            return (struct berbagi_str){(const char *)p, (size_t)value};
        p += value;
    }
    return (struct berbagi_str){NULL, 0};
}

struct berbagi_str bench_record(struct berbagi_str event)
{
    return field_of(field_of(event, DATA_FIELD), 1);
}
