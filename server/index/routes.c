/* A row: CRC-32C of the first position and all behind it (4), events (2), routes (2), newest recorded_at (8); the routes,
 * 19 bytes each: type hash (4), addressee (4), region (8), destination (2), flags (1); then a code
 * for each event, of one byte, or two where there are more than 256 routes. */
#include "routes.h"

#include "bytes.h"
#include "crc32c.h"

#define HEADER_BYTES 16u
#define ROUTE_BYTES 19u
#define FLAG_SMALL_COUNT 1u
#define FLAG_UNKNOWN 2u
#define SHORT_CODES 256u /* routes up to which a code takes one byte */

uint32_t bp_route_addressee(struct bp_str agency)
{
    uint32_t hash = bp_crc32c(0, agency.p, agency.n);
    return agency.n == 0 ? 0 : hash != 0 ? hash : 1;
}

/* --- making a block --- */

static void write_route(const struct bp_route *route, uint8_t out[ROUTE_BYTES])
{
    bp_put_u32(out, route->type_hash);
    bp_put_u32(out + 4, route->addressee);
    bp_put_u64(out + 8, route->region);
    memcpy(out + 16, route->destination, 2);
    out[18] = (uint8_t)((route->has_small_count ? FLAG_SMALL_COUNT : 0) |
                        (route->is_unknown ? FLAG_UNKNOWN : 0));
}

static bool is_same(const struct bp_route *a, const struct bp_route *b)
{
    return a->region == b->region && a->type_hash == b->type_hash && a->addressee == b->addressee &&
           memcmp(a->destination, b->destination, 2) == 0 &&
           a->has_small_count == b->has_small_count && a->is_unknown == b->is_unknown;
}

/* The slot of a route: its own, or the free one where it belongs. */
static uint16_t *slot_of(struct bp_routes_builder *b, const struct bp_route *route)
{
    uint8_t bytes[ROUTE_BYTES];
    write_route(route, bytes);
    const size_t mask = sizeof(b->slots) / sizeof(b->slots[0]) - 1;
    size_t at = bp_crc32c(0, bytes, sizeof(bytes)) & mask;
    while (b->slots[at] != 0 && !is_same(&b->routes.routes[b->slots[at] - 1], route))
        at = (at + 1) & mask;
    return &b->slots[at];
}

static uint16_t code_of(struct bp_routes_builder *b, const struct bp_route *route)
{
    uint16_t *slot = slot_of(b, route);
    if (*slot == 0) {
        b->routes.routes[b->routes.n_routes++] = *route;
        *slot = (uint16_t)b->routes.n_routes;
    }
    return (uint16_t)(*slot - 1);
}

void bp_routes_begin(struct bp_routes_builder *b, uint64_t block)
{
    memset(b->slots, 0, sizeof(b->slots));
    b->routes.first = block * BP_ROUTES_BLOCK + 1;
    b->routes.n = b->routes.n_routes = 0;
    b->routes.newest_ns = INT64_MIN;
}

void bp_routes_resume(struct bp_routes_builder *b)
{
    memset(b->slots, 0, sizeof(b->slots));
    for (size_t i = 0; i < b->routes.n_routes; i++)
        *slot_of(b, &b->routes.routes[i]) = (uint16_t)(i + 1);
}

void bp_routes_add(struct bp_routes_builder *b, const struct bp_record *record)
{
    struct bp_routes *r = &b->routes;
    struct bp_route route = {.is_unknown = record == NULL};
    if (record != NULL) {
        const struct bp_routing *routing = &record->routing;
        route = (struct bp_route){.region = routing->region,
                                  .type_hash = routing->type_hash,
                                  .addressee = bp_route_addressee(routing->addressed_to),
                                  .destination = {routing->destination[0], routing->destination[1]},
                                  .has_small_count = routing->has_small_count};
        if (record->entry.recorded_at_ns > r->newest_ns)
            r->newest_ns = record->entry.recorded_at_ns;
    }
    r->codes[r->n++] = code_of(b, &route);
}

/* --- its stored form --- */

static size_t row_bytes(const struct bp_routes *r)
{
    return HEADER_BYTES + r->n_routes * ROUTE_BYTES +
           r->n * (r->n_routes > SHORT_CODES ? sizeof(uint16_t) : 1);
}

/* With the place it belongs to: the row of another block must not be taken for it. */
static uint32_t checksum(const struct bp_routes *r, const uint8_t *row, size_t n)
{
    uint8_t first[8];
    bp_put_u64(first, r->first);
    return bp_crc32c(bp_crc32c(0, first, sizeof(first)), row + 4, n - 4);
}

void bp_routes_encode(const struct bp_routes *r, struct bp_buf *out)
{
    size_t size = row_bytes(r);
    uint8_t *row = bp_buf_reserve(out, size);
    if (row == NULL)
        return;
    bp_put_u16(row + 4, (uint16_t)r->n);
    bp_put_u16(row + 6, (uint16_t)r->n_routes);
    bp_put_u64(row + 8, (uint64_t)r->newest_ns);
    uint8_t *p = row + HEADER_BYTES;
    for (size_t i = 0; i < r->n_routes; i++, p += ROUTE_BYTES)
        write_route(&r->routes[i], p);
    for (size_t i = 0; i < r->n; i++) {
        *p++ = (uint8_t)r->codes[i];
        if (r->n_routes > SHORT_CODES)
            *p++ = (uint8_t)(r->codes[i] >> 8);
    }
    bp_put_u32(row, checksum(r, row, size));
    out->n += size;
}

static void read_route(const uint8_t *p, struct bp_route *out)
{
    *out = (struct bp_route){.type_hash = bp_get_u32(p),
                             .addressee = bp_get_u32(p + 4),
                             .region = bp_get_u64(p + 8),
                             .destination = {(char)p[16], (char)p[17]},
                             .has_small_count = (p[18] & FLAG_SMALL_COUNT) != 0,
                             .is_unknown = (p[18] & FLAG_UNKNOWN) != 0};
}

/* False: a code that has no route. */
static bool read_codes(const uint8_t *p, struct bp_routes *out)
{
    unsigned highest = 0;
    bool is_short = out->n_routes <= SHORT_CODES;
    for (size_t i = 0; i < out->n; i++) {
        out->codes[i] = is_short ? p[i] : bp_get_u16(p + 2 * i);
        highest = out->codes[i] > highest ? out->codes[i] : highest;
    }
    return out->n == 0 || highest < out->n_routes;
}

bool bp_routes_decode(struct bp_str row, uint64_t block, struct bp_routes *out)
{
    const uint8_t *p = (const uint8_t *)row.p;
    out->first = block * BP_ROUTES_BLOCK + 1;
    if (row.n < HEADER_BYTES || bp_get_u32(p) != checksum(out, p, row.n))
        return false;
    out->n = bp_get_u16(p + 4);
    out->n_routes = bp_get_u16(p + 6);
    out->newest_ns = (int64_t)bp_get_u64(p + 8);
    if (out->n > BP_ROUTES_BLOCK || out->n_routes > out->n || row.n != row_bytes(out))
        return false;
    for (size_t i = 0; i < out->n_routes; i++)
        read_route(p + HEADER_BYTES + i * ROUTE_BYTES, &out->routes[i]);
    return read_codes(p + HEADER_BYTES + out->n_routes * ROUTE_BYTES, out);
}
