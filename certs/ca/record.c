/* Numbers of fixed width, big-endian, then the texts, the DER last. An act is its time and three
 * texts with a NUL between. */
#include "record.h"

#define FORM 2
#define RECORD_FIXED_BYTES 32
#define CA_FIXED_BYTES 17
#define ACT_FIXED_BYTES 8

static void add_number(struct bp_buf *out, uint64_t v, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        bp_buf_add_byte(out, (uint8_t)(v >> (8 * i)));
}

static uint64_t get_number(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

void bp_record_encode(const struct bp_record *r, struct bp_buf *out)
{
    const size_t name_n = strlen(r->name);
    bp_buf_add_byte(out, FORM);
    bp_buf_add_byte(out, (uint8_t)r->issuer);
    bp_buf_add_byte(out, r->reason);
    bp_buf_add_byte(out, (uint8_t)name_n);
    add_number(out, r->ca, 4);
    add_number(out, (uint64_t)r->issued_s, 8);
    add_number(out, (uint64_t)r->not_after_s, 8);
    add_number(out, (uint64_t)r->revoked_s, 8);
    bp_buf_add(out, r->name, name_n);
    bp_buf_add_str(out, r->der);
}

bool bp_record_decode(const uint8_t serial[BP_SERIAL_BYTES], struct bp_str value,
                      struct bp_record *out)
{
    const uint8_t *p = (const uint8_t *)value.p;
    size_t name_n;

    if (value.n < RECORD_FIXED_BYTES || p[0] != FORM || p[1] >= BP_CAS)
        return false;
    name_n = p[3];
    if (name_n >= sizeof(out->name) || value.n - RECORD_FIXED_BYTES < name_n)
        return false;
    *out = (struct bp_record){.issuer = (enum bp_ca)p[1],
                              .reason = p[2],
                              .ca = (uint32_t)get_number(p + 4, 4),
                              .issued_s = (int64_t)get_number(p + 8, 8),
                              .not_after_s = (int64_t)get_number(p + 16, 8),
                              .revoked_s = (int64_t)get_number(p + 24, 8)};
    memcpy(out->serial, serial, BP_SERIAL_BYTES);
    memcpy(out->name, p + RECORD_FIXED_BYTES, name_n);
    out->der = bp_str_of(p + RECORD_FIXED_BYTES + name_n, value.n - RECORD_FIXED_BYTES - name_n);
    return true;
}

void bp_ca_record_encode(const struct bp_ca_record *r, struct bp_buf *out)
{
    const size_t name_n = strlen(r->name), uri_n = strlen(r->key_uri);
    bp_buf_add_byte(out, FORM);
    bp_buf_add_byte(out, (uint8_t)r->role);
    bp_buf_add_byte(out, (uint8_t)r->state);
    add_number(out, r->root, 4);
    add_number(out, (uint64_t)r->since_s, 8);
    bp_buf_add_byte(out, (uint8_t)name_n);
    bp_buf_add_byte(out, (uint8_t)uri_n);
    bp_buf_add(out, r->name, name_n);
    bp_buf_add(out, r->key_uri, uri_n);
    bp_buf_add_str(out, r->der);
}

bool bp_ca_record_decode(uint32_t number, struct bp_str value, struct bp_ca_record *out)
{
    const uint8_t *p = (const uint8_t *)value.p;
    size_t name_n, uri_n;

    if (value.n < CA_FIXED_BYTES || p[0] != FORM || p[1] >= BP_CAS || p[2] >= BP_CA_STATES)
        return false;
    name_n = p[15];
    uri_n = p[16];
    if (name_n >= sizeof(out->name) || uri_n >= sizeof(out->key_uri) ||
        value.n - CA_FIXED_BYTES < name_n + uri_n)
        return false;
    *out = (struct bp_ca_record){.number = number,
                                 .role = (enum bp_ca)p[1],
                                 .state = (enum bp_ca_state)p[2],
                                 .root = (uint32_t)get_number(p + 3, 4),
                                 .since_s = (int64_t)get_number(p + 7, 8)};
    p += CA_FIXED_BYTES;
    memcpy(out->name, p, name_n);
    memcpy(out->key_uri, p + name_n, uri_n);
    out->der = bp_str_of(p + name_n + uri_n, value.n - CA_FIXED_BYTES - name_n - uri_n);
    return true;
}

void bp_act_encode(const struct bp_act *act, struct bp_buf *out)
{
    add_number(out, (uint64_t)act->at_s, ACT_FIXED_BYTES);
    bp_buf_add_str(out, act->who);
    bp_buf_add_byte(out, 0);
    bp_buf_add_str(out, act->what);
    bp_buf_add_byte(out, 0);
    bp_buf_add_str(out, act->why);
}

/* The text before the next NUL, which is taken off rest. */
static bool take_text(struct bp_str *rest, struct bp_str *out)
{
    const char *end = rest->n != 0 ? memchr(rest->p, 0, rest->n) : NULL;
    if (end == NULL)
        return false;
    *out = bp_str_of(rest->p, (size_t)(end - rest->p));
    *rest = bp_str_of(end + 1, rest->n - out->n - 1);
    return true;
}

bool bp_act_decode(struct bp_str value, struct bp_act *out)
{
    struct bp_str rest;
    if (value.n < ACT_FIXED_BYTES)
        return false;
    rest = bp_str_of(value.p + ACT_FIXED_BYTES, value.n - ACT_FIXED_BYTES);
    out->at_s = (int64_t)get_number((const uint8_t *)value.p, ACT_FIXED_BYTES);
    if (!take_text(&rest, &out->who) || !take_text(&rest, &out->what))
        return false;
    out->why = rest;
    return true;
}
