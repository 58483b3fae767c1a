/* The stored form of entries. Fixed headers, little-endian, format 1; offset, (size) in bytes:
 *
 *   every entry    0 CRC-32C of all behind it (4)    4 format (1)      5 kind (1)       6 flags (1)
 *                  7 bytes of actor (1)              8 number (8)     16 log id (4, its first)
 *                 20 recorded_at (8)                28 policy version (4)             32 key id (4)
 *   an event      36 control entries before it (4): position = number - this
 *                 40 type hash (4)                  44 region (8)     52 occurred_at (8)
 *                 60 grant (4)                      64 destination (2)
 *                 66 type, source, subject, addressed_to: offset in the body (2), length (1) each
 *                 78 bytes of extra texts (2)       80 body: actor, extra texts, event
 *   another       36 part (2)                       38 parts (2)      40 body: actor, content
 *
 * The hard part is to store each text once: almost always it stands in the event already and costs
 * three bytes. The first byte behind the checksum tells the format, and the checksum stands first
 * in every format, so that a newer format is told from damage. */
#include "record.h"

#include "bytes.h"
#include "crc32c.h"
#include "digest.h"

#define FORMAT 1
#define COMMON_BYTES 36u
#define EVENT_BYTES 80u
#define CONTROL_BYTES 40u
#define TEXTS_AT 66u
#define TEXTS 4u
#define TEXT_MAX 255u
#define ENVELOPE_BYTES 640u /* how far a text is looked for that does not point into the event */
#define INSIDE_OFFSET_MAX 60000u /* leaves room for the extra texts below 65,536 */
#define FLAG_SMALL_COUNT 1u
#define FLAG_RESOLVES 2u
#define ID_TAG 0x0Au /* Event.id: field 1, length-delimited */

struct text_plan {
    struct bp_str texts[TEXTS];
    size_t inside[TEXTS]; /* offset in the event; SIZE_MAX: among the extra texts */
    size_t extra;         /* bytes of extra texts */
    struct bp_str actor;
};

/* The id of an encoded Event, canonical bytes being in order of field numbers; empty if it does not
 * begin with one. */
static struct bp_str event_id(struct bp_str event)
{
    const uint8_t *p = (const uint8_t *)event.p;
    if (event.n < 3 || p[0] != ID_TAG || p[1] == 0 || p[1] >= 0x80 || p[1] + 2u > event.n)
        return (struct bp_str){0};
    return bp_str_of(p + 2, p[1]);
}

static size_t offset_inside(struct bp_str event, struct bp_str text)
{
    uintptr_t from = (uintptr_t)event.p;
    uintptr_t at = (uintptr_t)text.p;
    if (text.n == 0)
        return 0;
    if (at >= from && at - from <= event.n && event.n - (at - from) >= text.n &&
        at - from <= INSIDE_OFFSET_MAX)
        return at - from;
    size_t look = event.n < ENVELOPE_BYTES ? event.n : ENVELOPE_BYTES;
    const char *found = memmem(event.p, look, text.p, text.n);
    return found != NULL ? (size_t)(found - event.p) : SIZE_MAX;
}

static bool plan_texts(const struct bp_record *r, struct text_plan *plan)
{
    const struct bp_routing *routing = &r->routing;
    struct bp_str actor = r->entry.actor;
    *plan = (struct text_plan){
        .texts = {routing->type, routing->source, routing->subject, routing->addressed_to},
        .actor = bp_str_eq(actor, routing->source) ? (struct bp_str){0} : actor,
    };
    if (plan->actor.n > TEXT_MAX)
        return false;
    for (size_t i = 0; i < TEXTS; i++) {
        if (plan->texts[i].n > TEXT_MAX)
            return false;
        plan->inside[i] = offset_inside(r->event, plan->texts[i]);
        if (plan->inside[i] == SIZE_MAX)
            plan->extra += plan->texts[i].n;
    }
    return true;
}

static size_t planned_size(const struct bp_record *r, const struct text_plan *plan)
{
    return EVENT_BYTES + plan->actor.n + plan->extra + r->event.n;
}

size_t bp_record_size(const struct bp_record *r)
{
    struct text_plan plan;
    if (r->event.n > BP_EVENT_MAX || event_id(r->event).n == 0 || !plan_texts(r, &plan))
        return 0;
    return planned_size(r, &plan);
}

size_t bp_entry_size(const struct bp_entry *e)
{
    if (e->actor.n > TEXT_MAX || e->content.n > BP_ENTRY_CONTENT_MAX)
        return 0;
    return CONTROL_BYTES + e->actor.n + e->content.n;
}

static void write_common(const struct bp_entry *e, struct bp_str actor, unsigned flags,
                         uint8_t *out)
{
    out[4] = FORMAT;
    out[5] = (uint8_t)e->kind;
    out[6] = (uint8_t)flags;
    out[7] = (uint8_t)actor.n;
    bp_put_u64(out + 8, e->number);
    memcpy(out + 16, e->log_id.bytes, 4);
    bp_put_u64(out + 20, (uint64_t)e->recorded_at_ns);
    bp_put_u32(out + 28, (uint32_t)e->policy_version);
    bp_put_u32(out + 32, e->key_id);
}

static uint8_t *write_str(uint8_t *out, struct bp_str s)
{
    if (s.n != 0)
        memcpy(out, s.p, s.n);
    return out + s.n;
}

static void seal(uint8_t *out, size_t n)
{
    bp_put_u32(out, bp_crc32c(0, out + 4, n - 4));
}

/* Places of the texts within the body, and those that have none in the event. */
static uint8_t *write_texts(const struct text_plan *plan, uint8_t *header, uint8_t *extra)
{
    size_t in_extra = plan->actor.n;
    size_t event_at = plan->actor.n + plan->extra;
    for (size_t i = 0; i < TEXTS; i++) {
        uint8_t *place = header + TEXTS_AT + 3 * i;
        bool inside = plan->inside[i] != SIZE_MAX;
        size_t at = plan->texts[i].n == 0 ? 0 : inside ? event_at + plan->inside[i] : in_extra;
        bp_put_u16(place, (uint16_t)at);
        place[2] = (uint8_t)plan->texts[i].n;
        if (!inside) {
            extra = write_str(extra, plan->texts[i]);
            in_extra += plan->texts[i].n;
        }
    }
    return extra;
}

static void write_planned(const struct bp_record *r, const struct text_plan *plan, uint8_t *out)
{
    const struct bp_routing *routing = &r->routing;
    unsigned flags =
        (routing->has_small_count ? FLAG_SMALL_COUNT : 0) | (routing->resolves ? FLAG_RESOLVES : 0);
    write_common(&r->entry, plan->actor, flags, out);
    bp_put_u32(out + 36, (uint32_t)(r->entry.number - routing->position));
    bp_put_u32(out + 40, routing->type_hash);
    bp_put_u64(out + 44, routing->region);
    bp_put_u64(out + 52, (uint64_t)routing->occurred_at_ns);
    bp_put_u32(out + 60, routing->grant);
    memcpy(out + 64, routing->destination, 2);
    bp_put_u16(out + 78, (uint16_t)plan->extra);
    uint8_t *body = write_str(out + EVENT_BYTES, plan->actor);
    body = write_texts(plan, out, body);
    (void)write_str(body, r->event);
    seal(out, planned_size(r, plan));
}

void bp_record_write(const struct bp_record *r, uint8_t *out)
{
    struct text_plan plan;
    BP_ASSERT(plan_texts(r, &plan));
    write_planned(r, &plan, out);
}

void bp_entry_write(const struct bp_entry *e, uint8_t *out)
{
    write_common(e, e->actor, 0, out);
    bp_put_u16(out + 36, e->part);
    bp_put_u16(out + 38, e->parts);
    (void)write_str(write_str(out + CONTROL_BYTES, e->actor), e->content);
    seal(out, bp_entry_size(e));
}

bp_status bp_record_encode(const struct bp_record *r, struct bp_buf *out)
{
    size_t n = bp_record_size(r);
    if (n == 0)
        return BP_EINVAL;
    uint8_t *place = bp_buf_reserve(out, n);
    if (place == NULL)
        return BP_ENOMEM;
    bp_record_write(r, place);
    out->n += n;
    return BP_OK;
}

bp_status bp_entry_encode(const struct bp_entry *e, struct bp_buf *out)
{
    size_t n = bp_entry_size(e);
    if (n == 0)
        return BP_EINVAL;
    uint8_t *place = bp_buf_reserve(out, n);
    if (place == NULL)
        return BP_ENOMEM;
    bp_entry_write(e, place);
    out->n += n;
    return BP_OK;
}

static bp_status check_sum_and_format(const uint8_t *p, size_t n)
{
    if (n < CONTROL_BYTES || bp_get_u32(p) != bp_crc32c(0, p + 4, n - 4))
        return BP_ECORRUPT;
    return p[4] == FORMAT ? BP_OK : p[4] > FORMAT ? BP_EVERSION : BP_ECORRUPT;
}

static void read_common(const uint8_t *p, struct bp_entry *e)
{
    e->kind = (enum bp_entry_kind)p[5];
    e->number = bp_get_u64(p + 8);
    e->log_id = (struct bp_log_id){{0}};
    memcpy(e->log_id.bytes, p + 16, 4);
    e->recorded_at_ns = (int64_t)bp_get_u64(p + 20);
    e->policy_version = bp_get_u32(p + 28);
    e->key_id = bp_get_u32(p + 32);
    e->checksum = bp_get_u32(p);
}

static bool read_texts(const uint8_t *p, size_t n, struct bp_routing *routing)
{
    struct bp_str *const texts[TEXTS] = {&routing->type, &routing->source, &routing->subject,
                                         &routing->addressed_to};
    for (size_t i = 0; i < TEXTS; i++) {
        const uint8_t *place = p + TEXTS_AT + 3 * i;
        size_t at = EVENT_BYTES + bp_get_u16(place);
        if (at + place[2] > n)
            return false;
        *texts[i] = bp_str_of(p + at, place[2]);
    }
    return true;
}

static bp_status read_event(const uint8_t *p, size_t n, struct bp_record *out)
{
    if (n < EVENT_BYTES || EVENT_BYTES + (size_t)p[7] + bp_get_u16(p + 78) > n)
        return BP_ECORRUPT;
    struct bp_routing *routing = &out->routing;
    size_t event_at = EVENT_BYTES + (size_t)p[7] + bp_get_u16(p + 78);
    read_common(p, &out->entry);
    if (!read_texts(p, n, routing))
        return BP_ECORRUPT;
    out->event = bp_str_of(p + event_at, n - event_at);
    out->entry.content = out->event;
    out->entry.part = out->entry.parts = 1;
    out->entry.actor = p[7] != 0 ? bp_str_of(p + EVENT_BYTES, p[7]) : routing->source;
    routing->position = out->entry.number - bp_get_u32(p + 36);
    routing->type_hash = bp_get_u32(p + 40);
    routing->region = bp_get_u64(p + 44);
    routing->occurred_at_ns = (int64_t)bp_get_u64(p + 52);
    routing->grant = bp_get_u32(p + 60);
    memcpy(routing->destination, p + 64, 2);
    routing->has_small_count = (p[6] & FLAG_SMALL_COUNT) != 0;
    routing->resolves = (p[6] & FLAG_RESOLVES) != 0;
    routing->id = event_id(out->event);
    return BP_OK;
}

bp_status bp_record_decode(struct bp_str stored, struct bp_record *out)
{
    const uint8_t *p = (const uint8_t *)stored.p;
    bp_status st = check_sum_and_format(p, stored.n);
    if (st != BP_OK)
        return st;
    return p[5] == BP_ENTRY_EVENT ? read_event(p, stored.n, out) : BP_EINVAL;
}

bp_status bp_entry_decode(struct bp_str stored, struct bp_entry *out)
{
    const uint8_t *p = (const uint8_t *)stored.p;
    bp_status st = check_sum_and_format(p, stored.n);
    if (st != BP_OK)
        return st;
    if (p[5] == BP_ENTRY_EVENT) {
        struct bp_record record;
        if ((st = read_event(p, stored.n, &record)) == BP_OK)
            *out = record.entry;
        return st;
    }
    size_t content_at = CONTROL_BYTES + (size_t)p[7];
    if (content_at > stored.n)
        return BP_ECORRUPT;
    read_common(p, out);
    out->part = bp_get_u16(p + 36);
    out->parts = bp_get_u16(p + 38);
    out->actor = bp_str_of(p + CONTROL_BYTES, p[7]);
    out->content = bp_str_of(p + content_at, stored.n - content_at);
    return BP_OK;
}

void bp_log_id_format(const struct bp_log_id *id, char out[33])
{
    bp_hex(id->bytes, sizeof(id->bytes), out);
}
