/* 28 bytes of numbers, big-endian, then the name, then the DER. */
#include "record.h"

#define FORM 1
#define FIXED_BYTES 28

static void add_i64(struct bp_buf *out, int64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        bp_buf_add_byte(out, (uint8_t)((uint64_t)v >> shift));
}

static int64_t get_i64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

void bp_record_encode(const struct bp_record *r, struct bp_buf *out)
{
    const size_t name_n = strlen(r->name);
    bp_buf_add_byte(out, FORM);
    bp_buf_add_byte(out, (uint8_t)r->issuer);
    bp_buf_add_byte(out, r->reason);
    bp_buf_add_byte(out, (uint8_t)name_n);
    add_i64(out, r->issued_s);
    add_i64(out, r->not_after_s);
    add_i64(out, r->revoked_s);
    bp_buf_add(out, r->name, name_n);
    bp_buf_add_str(out, r->der);
}

bool bp_record_decode(const uint8_t serial[BP_SERIAL_BYTES], struct bp_str value,
                      struct bp_record *out)
{
    const uint8_t *p = (const uint8_t *)value.p;
    size_t name_n;

    if (value.n < FIXED_BYTES || p[0] != FORM || p[1] >= BP_CAS)
        return false;
    name_n = p[3];
    if (name_n >= sizeof(out->name) || value.n - FIXED_BYTES < name_n)
        return false;
    *out = (struct bp_record){.issuer = (enum bp_ca)p[1],
                              .reason = p[2],
                              .issued_s = get_i64(p + 4),
                              .not_after_s = get_i64(p + 12),
                              .revoked_s = get_i64(p + 20)};
    memcpy(out->serial, serial, BP_SERIAL_BYTES);
    memcpy(out->name, p + FIXED_BYTES, name_n);
    out->der = bp_str_of(p + FIXED_BYTES + name_n, value.n - FIXED_BYTES - name_n);
    return true;
}
