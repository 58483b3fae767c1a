/* The protobuf wire format (protobuf.dev/programming-guides/encoding), read and written without
 * unpacking. A reader never reads outside its bytes and never recurses; groups are malformed. Pure;
 * any thread. */
#ifndef BERBAGI_WIRE_H
#define BERBAGI_WIRE_H

#include "buffer.h"

enum bp_wire_type { BP_WIRE_VARINT = 0, BP_WIRE_I64 = 1, BP_WIRE_LEN = 2, BP_WIRE_I32 = 5 };

struct bp_wire {
    const uint8_t *p, *end;
    bool malformed; /* set by bp_wire_next, stays */
};

struct bp_wire_field {
    uint32_t number; /* 1 to 2^29-1 */
    enum bp_wire_type type;
    uint64_t value;       /* VARINT, I64, I32 */
    struct bp_str bytes;  /* LEN */
    const uint8_t *start; /* first byte of the tag */
    const uint8_t *end;   /* behind the field */
};

static inline struct bp_wire bp_wire_of(struct bp_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    return (struct bp_wire){p, bytes.n != 0 ? p + bytes.n : p, false};
}

/* The next field; false at the end or where the bytes are malformed (r->malformed tells). */
bool bp_wire_next(struct bp_wire *r, struct bp_wire_field *f);

/* Reads one varint of a packed list. False at the end or malformed. */
bool bp_wire_varint(struct bp_wire *r, uint64_t *value);

void bp_wire_put_varint(struct bp_buf *b, uint64_t value);
void bp_wire_put_tag(struct bp_buf *b, uint32_t number, enum bp_wire_type type);
void bp_wire_put_uint(struct bp_buf *b, uint32_t number, uint64_t value);   /* also when 0 */
void bp_wire_put_bytes(struct bp_buf *b, uint32_t number, struct bp_str v); /* also when empty */
void bp_wire_put_timestamp(struct bp_buf *b, uint32_t number, int64_t seconds, int32_t nanos);
/* google.protobuf.Timestamp of nanoseconds since 1970. */
void bp_wire_put_time(struct bp_buf *b, uint32_t number, int64_t unix_ns);
/* The content of a Timestamp message as it stands; false if malformed. */
bool bp_wire_get_timestamp(struct bp_str message, int64_t *seconds, int32_t *nanos);
/* Both as nanoseconds since 1970; what int64_t cannot hold (before 1678, after 2261) becomes the
 * nearest it can. */
int64_t bp_wire_time_ns(int64_t seconds, int32_t nanos);
/* A Timestamp message as nanoseconds, so bounded; false if malformed or out of its range (years 1
 * to 9999). */
bool bp_wire_get_time(struct bp_str message, int64_t *unix_ns);
size_t bp_wire_varint_size(uint64_t value);

/* Opens a message of unknown length: returns a mark for bp_wire_end_message, which moves the bytes
 * to fit. */
size_t bp_wire_begin_message(struct bp_buf *b, uint32_t number);
void bp_wire_end_message(struct bp_buf *b, size_t mark);
/* The same where about so many bytes are expected: nothing moves if their number takes as many
 * bytes to write as that of those that came. The same `expected` for both. */
size_t bp_wire_begin_sized(struct bp_buf *b, uint32_t number, size_t expected);
void bp_wire_end_sized(struct bp_buf *b, size_t mark, size_t expected);

#endif
