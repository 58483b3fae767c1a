/* The arrays may move while they grow, so what points into them is set in a second pass (point):
 * until then a delivery holds the number of its ids alone. */
#include "response.h"

#include "wire.h"

void bp_response_fini(struct bp_response *r)
{
    bp_buf_fini(&r->deliveries);
    bp_buf_fini(&r->ids);
    bp_buf_fini(&r->grounds);
    bp_buf_fini(&r->fields);
}

static struct berbagi_str str_of(struct bp_str s)
{
    return (struct berbagi_str){s.p, s.n};
}

static bool get_time(const struct bp_wire_field *f, int64_t *unix_ns)
{
    return f->type == BP_WIRE_LEN && bp_wire_get_time(f->bytes, unix_ns);
}

/* Field f of a Delivery: grounds, packed or one by one. */
static bool read_ids(struct bp_response *r, const struct bp_wire_field *f, size_t *n)
{
    struct bp_wire list = bp_wire_of(f->bytes);
    uint64_t value = f->value;
    bool more = f->type == BP_WIRE_VARINT || bp_wire_varint(&list, &value);
    while (more) {
        uint32_t id = (uint32_t)value;
        bp_buf_add(&r->ids, &id, sizeof(id));
        (*n)++;
        more = f->type == BP_WIRE_LEN && bp_wire_varint(&list, &value);
    }
    return !list.malformed;
}

static bool read_delivery(struct bp_response *r, struct bp_str message, uint64_t drop_through)
{
    struct berbagi_delivery d = {0};
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    const size_t ids_before = r->ids.n;
    bool ok = true;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            d.position = f.value;
        else if (f.number == 2)
            ok = get_time(&f, &d.recorded_at_ns);
        else if (f.number == 3 && f.type == BP_WIRE_LEN)
            d.event = str_of(f.bytes);
        else if (f.number == 5 && (f.type == BP_WIRE_LEN || f.type == BP_WIRE_VARINT))
            ok = read_ids(r, &f, &d.n_grounds);
        else if (f.number == 6 && f.type == BP_WIRE_LEN)
            d.published_by = str_of(f.bytes);
    }
    if (d.position <= drop_through)
        r->ids.n = ids_before;
    else
        bp_buf_add(&r->deliveries, &d, sizeof(d));
    return ok && !w.malformed;
}

static bool read_batch(struct bp_response *r, struct bp_str message, uint64_t drop_through)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    bool ok = true;
    r->public.kind = BERBAGI_BATCH;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            ok = read_delivery(r, f.bytes, drop_through);
        else if (f.number == 2 && f.type == BP_WIRE_VARINT)
            r->public.through_position = f.value;
    }
    return ok && !w.malformed;
}

static bool read_opened(struct bp_response *r, struct bp_str message)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    r->public.kind = BERBAGI_OPENED;
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            r->public.through_position = f.value;
        else if (f.number == 2 && f.type == BP_WIRE_VARINT)
            r->public.head_position = f.value;
        else if (f.number == 3 && f.type == BP_WIRE_VARINT)
            r->public.first_position = f.value;
        else if (f.number == 4 && f.type == BP_WIRE_LEN)
            r->public.log_id = str_of(f.bytes);
    }
    return !w.malformed;
}

static bool read_bookmark(struct bp_response *r, struct bp_str message)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    bool ok = true;
    r->public.kind = BERBAGI_BOOKMARK;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            r->public.through_position = f.value;
        else if (f.number == 2 && f.type == BP_WIRE_VARINT)
            r->public.head_position = f.value;
        else if (f.number == 3)
            ok = get_time(&f, &r->public.server_time_ns);
    }
    return ok && !w.malformed;
}

/* Appends the texts of one field number of a ground; they stand one behind the other so that one
 * pass for each of the two lists gives two runs. */
static size_t read_fields(struct bp_response *r, struct bp_str ground, uint32_t number)
{
    struct bp_wire w = bp_wire_of(ground);
    struct bp_wire_field f;
    size_t n = 0;
    while (bp_wire_next(&w, &f)) {
        if (f.number != number || f.type != BP_WIRE_LEN)
            continue;
        struct berbagi_str name = str_of(f.bytes);
        bp_buf_add(&r->fields, &name, sizeof(name));
        n++;
    }
    return n;
}

static bool read_ground(struct bp_response *r, struct bp_str message)
{
    struct berbagi_ground g = {.valid_to_ns = INT64_MAX};
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    bool ok = true;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            g.id = (uint32_t)f.value;
        else if (f.number == 2 && f.type == BP_WIRE_LEN)
            g.agreement = str_of(f.bytes);
        else if (f.number == 3 && f.type == BP_WIRE_LEN)
            g.purpose = str_of(f.bytes);
        else if (f.number == 4 && f.type == BP_WIRE_LEN)
            g.legal_basis = str_of(f.bytes);
        else if (f.number == 5)
            ok = get_time(&f, &g.valid_to_ns);
        else if (f.number == 6 && f.type == BP_WIRE_VARINT)
            g.policy_version = f.value;
        else if (f.number == 7 && f.type == BP_WIRE_LEN)
            g.event_type = str_of(f.bytes);
    }
    g.n_hidden_fields = read_fields(r, message, 8);
    g.n_coarsened_fields = read_fields(r, message, 9);
    bp_buf_add(&r->grounds, &g, sizeof(g));
    return ok && !w.malformed;
}

static void point(struct bp_response *r)
{
    struct berbagi_delivery *d = (struct berbagi_delivery *)(void *)r->deliveries.p;
    const uint32_t *ids = (const uint32_t *)(void *)r->ids.p;
    struct berbagi_ground *g = (struct berbagi_ground *)(void *)r->grounds.p;
    const struct berbagi_str *fields = (const struct berbagi_str *)(void *)r->fields.p;
    struct berbagi_response *out = &r->public;
    out->deliveries = d;
    out->n_deliveries = r->deliveries.n / sizeof(*d);
    out->grounds = g;
    out->n_grounds = r->grounds.n / sizeof(*g);
    for (size_t i = 0, at = 0; i < out->n_deliveries; at += d[i++].n_grounds)
        d[i].grounds = d[i].n_grounds != 0 ? ids + at : NULL;
    for (size_t i = 0, at = 0; i < out->n_grounds; i++) {
        g[i].hidden_fields = g[i].n_hidden_fields != 0 ? fields + at : NULL;
        at += g[i].n_hidden_fields;
        g[i].coarsened_fields = g[i].n_coarsened_fields != 0 ? fields + at : NULL;
        at += g[i].n_coarsened_fields;
    }
}

static void begin(struct bp_response *r)
{
    r->public = (struct berbagi_response){0};
    bp_buf_clear(&r->deliveries);
    bp_buf_clear(&r->ids);
    bp_buf_clear(&r->grounds);
    bp_buf_clear(&r->fields);
}

static berbagi_status finish(struct bp_response *r, bool ok, struct berbagi_error *error)
{
    if (r->deliveries.failed || r->ids.failed || r->grounds.failed || r->fields.failed)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    if (!ok)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    point(r);
    return BERBAGI_OK;
}

berbagi_status bp_response_decode(struct bp_response *r, struct bp_str message,
                                  uint64_t drop_through, struct berbagi_error *error)
{
    begin(r);
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    bool ok = true, has_kind = false;
    while (ok && bp_wire_next(&w, &f)) {
        has_kind = has_kind || (f.number >= 1 && f.number <= 3);
        if (f.type != BP_WIRE_LEN)
            continue;
        if (f.number == 1)
            ok = read_opened(r, f.bytes);
        else if (f.number == 2)
            ok = read_batch(r, f.bytes, drop_through);
        else if (f.number == 3)
            ok = read_bookmark(r, f.bytes);
        else if (f.number == 4)
            ok = read_ground(r, f.bytes);
    }
    return finish(r, ok && has_kind && !w.malformed, error);
}

berbagi_status bp_response_decode_page(struct bp_response *r, struct bp_str message,
                                       struct berbagi_error *error)
{
    begin(r);
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    bool ok = true;
    r->public.kind = BERBAGI_BATCH;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            ok = read_batch(r, f.bytes, 0);
        else if (f.number == 2 && f.type == BP_WIRE_LEN)
            ok = read_ground(r, f.bytes);
        else if (f.number == 3 && f.type == BP_WIRE_VARINT)
            r->public.head_position = f.value;
        else if (f.number == 4 && f.type == BP_WIRE_LEN)
            r->public.log_id = str_of(f.bytes);
    }
    return finish(r, ok && !w.malformed, error);
}
