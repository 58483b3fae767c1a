/* One walk over an encoded Event, and its canonical form. */
#include "event.h"

#include "clock.h"

#include "wire.h"

/* 1 + where each text or bytes field stands in the struct; 0 for the others. */
#define AT(member) (1 + offsetof(struct bp_event, member))
static const size_t text_at[BP_EVENT_DATA + 1] = {
    [BP_EVENT_ID] = AT(id),
    [BP_EVENT_TYPE] = AT(type),
    [BP_EVENT_SOURCE] = AT(source),
    [BP_EVENT_SUBJECT] = AT(subject),
    [BP_EVENT_REGION] = AT(region),
    [BP_EVENT_DESTINATION] = AT(destination),
    [BP_EVENT_CORRELATION_ID] = AT(correlation_id),
    [BP_EVENT_CAUSATION_ID] = AT(causation_id),
    [BP_EVENT_SUPERSEDES] = AT(supersedes),
    [BP_EVENT_TRACEPARENT] = AT(traceparent),
    [BP_EVENT_ADDRESSED_TO] = AT(addressed_to),
    [BP_EVENT_DATA] = AT(data),
};

static bool is_text(uint32_t number)
{
    return number <= BP_EVENT_DATA && text_at[number] != 0;
}

struct bp_str bp_event_text(const struct bp_event *e, uint32_t number)
{
    struct bp_str text = {NULL, 0};
    if (is_text(number))
        memcpy(&text, (const char *)e + text_at[number] - 1, sizeof(text));
    return text;
}

static bool take_field(struct bp_event *e, const struct bp_wire_field *f)
{
    int64_t seconds;
    int32_t nanos;
    if (is_text(f->number)) {
        memcpy((char *)e + text_at[f->number] - 1, &f->bytes, sizeof(f->bytes));
        return f->type == BP_WIRE_LEN;
    }
    switch (f->number) {
    case BP_EVENT_OCCURRED_AT:
        if (f->type != BP_WIRE_LEN || !bp_wire_get_timestamp(f->bytes, &seconds, &nanos))
            return false;
        e->has_occurred_at = true;
        /* What is no Timestamp is a time that no rule lets pass. */
        e->occurred_at_ns =
            nanos >= 0 && nanos < BP_NS_PER_S ? bp_wire_time_ns(seconds, nanos) : INT64_MAX;
        return true;
    case BP_EVENT_SCHEMA_VERSION:
        e->schema_version = (uint32_t)f->value;
        return f->type == BP_WIRE_VARINT;
    default:
        e->has_unknown_fields = true;
        return true;
    }
}

bool bp_event_parse(struct bp_str bytes, struct bp_event *out)
{
    struct bp_wire r = bp_wire_of(bytes);
    struct bp_wire_field f;
    memset(out, 0, sizeof(*out));
    while (bp_wire_next(&r, &f)) {
        if (!take_field(out, &f))
            return false;
    }
    return !r.malformed;
}

/* Well-formed between its NULs, if it has any. */
static bool is_utf8_apart_from_nul(struct bp_str text)
{
    while (text.n != 0) {
        const char *nul = memchr(text.p, '\0', text.n);
        size_t n = nul != NULL ? (size_t)(nul - text.p) : text.n;
        if (!bp_utf8_is_valid(bp_str_of(text.p, n)))
            return false;
        n += nul != NULL;
        text = bp_str_of(text.p + n, text.n - n);
    }
    return true;
}

bool bp_event_text_is_utf8(const struct bp_event *e)
{
    for (uint32_t number = BP_EVENT_ID; number < BP_EVENT_DATA; number++) {
        if (!is_utf8_apart_from_nul(bp_event_text(e, number)))
            return false;
    }
    return true;
}

void bp_event_encode(const struct bp_event *e, struct bp_buf *out)
{
    for (uint32_t number = BP_EVENT_ID; number <= BP_EVENT_DATA; number++) {
        struct bp_str text = bp_event_text(e, number);
        if (text.n != 0)
            bp_wire_put_bytes(out, number, text);
        else if (number == BP_EVENT_OCCURRED_AT && e->has_occurred_at)
            bp_wire_put_time(out, number, e->occurred_at_ns);
        else if (number == BP_EVENT_SCHEMA_VERSION && e->schema_version != 0)
            bp_wire_put_uint(out, number, e->schema_version);
    }
}
