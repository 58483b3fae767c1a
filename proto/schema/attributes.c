/* The table, and how each kind of attribute becomes text. */
#include "attributes.h"

#include <inttypes.h>
#include <stddef.h>

#include "clock.h"

#define TEXT(name, field)                                                                          \
    {                                                                                              \
        {name, sizeof(name) - 1}, BP_ATTRIBUTE_TEXT, offsetof(struct bp_event, field)              \
    }
#define OTHER(name, kind)                                                                          \
    {                                                                                              \
        {name, sizeof(name) - 1}, kind, 0                                                          \
    }

const struct bp_attribute bp_attributes[] = {
    TEXT("id", id),
    TEXT("source", source),
    TEXT("type", type),
    TEXT("subject", subject),
    OTHER("time", BP_ATTRIBUTE_TIME),
    TEXT("region", region),
    TEXT("destination", destination),
    TEXT("correlationid", correlation_id),
    TEXT("causationid", causation_id),
    TEXT("supersedes", supersedes),
    TEXT("traceparent", traceparent),
    TEXT("addressedto", addressed_to),
    OTHER("schemaversion", BP_ATTRIBUTE_VERSION),
    OTHER("nik", BP_ATTRIBUTE_WORKER),
    OTHER("position", BP_ATTRIBUTE_NOTE),
    OTHER("recordedtime", BP_ATTRIBUTE_NOTE),
    OTHER("publishedby", BP_ATTRIBUTE_NOTE),
    OTHER("agreements", BP_ATTRIBUTE_NOTE),
    OTHER("purposes", BP_ATTRIBUTE_NOTE),
};
const size_t bp_n_attributes = sizeof(bp_attributes) / sizeof(bp_attributes[0]);

const struct bp_attribute *bp_attribute_find(struct bp_str name)
{
    for (size_t i = 0; i < bp_n_attributes; i++) {
        if (bp_str_eq(bp_attributes[i].name, name))
            return &bp_attributes[i];
    }
    return NULL;
}

static struct bp_str number_text(uint64_t number, struct bp_buf *scratch)
{
    bp_buf_clear(scratch);
    if (number != 0)
        bp_buf_printf(scratch, "%" PRIu64, number);
    return bp_buf_str(scratch);
}

static struct bp_str time_text(bool is_set, int64_t unix_ns, struct bp_buf *scratch)
{
    char text[36];
    bp_buf_clear(scratch);
    if (is_set) {
        bp_time_format(unix_ns, text);
        bp_buf_add_text(scratch, text);
    }
    return bp_buf_str(scratch);
}

static struct bp_str list_text(const struct bp_str *items, size_t n, char separator,
                               struct bp_buf *scratch)
{
    bp_buf_clear(scratch);
    for (size_t i = 0; i < n; i++) {
        if (i != 0)
            bp_buf_add_byte(scratch, (uint8_t)separator);
        bp_buf_add_str(scratch, items[i]);
    }
    return bp_buf_str(scratch);
}

static struct bp_str note_text(struct bp_str name, const struct bp_delivery_notes *notes,
                               char separator, struct bp_buf *scratch)
{
    if (bp_str_is(name, "position"))
        return number_text(notes->position, scratch);
    if (bp_str_is(name, "recordedtime"))
        return time_text(notes->recorded_at_ns != 0, notes->recorded_at_ns, scratch);
    if (bp_str_is(name, "agreements"))
        return list_text(notes->agreements, notes->n_agreements, separator, scratch);
    if (bp_str_is(name, "purposes"))
        return list_text(notes->purposes, notes->n_purposes, separator, scratch);
    return notes->published_by;
}

struct bp_str bp_attribute_text(const struct bp_attribute *a, const struct bp_event *e,
                                const struct bp_delivery_notes *notes, char separator,
                                struct bp_buf *scratch)
{
    switch (a->kind) {
    case BP_ATTRIBUTE_TEXT:
        return *(const struct bp_str *)(const void *)((const char *)e + a->place);
    case BP_ATTRIBUTE_TIME:
        return time_text(e->has_occurred_at, e->occurred_at_ns, scratch);
    case BP_ATTRIBUTE_VERSION:
        return number_text(e->schema_version, scratch);
    case BP_ATTRIBUTE_NOTE:
        return notes != NULL ? note_text(a->name, notes, separator, scratch) : BP_STR("");
    case BP_ATTRIBUTE_WORKER:
        break;
    }
    return BP_STR("");
}

bool bp_attribute_is_bare(const struct bp_attribute *a)
{
    return a->kind == BP_ATTRIBUTE_VERSION || bp_str_is(a->name, "position");
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* No field has as many digits on end; numbers of people have. */
#define NAME_DIGITS_MAX 5

bool bp_name_is_plain(struct bp_str name)
{
    if (name.n == 0 || name.n > 64 || name.p[0] < 'a' || name.p[0] > 'z')
        return false;
    size_t digits = 0; /* on end */
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool is_digit = c >= '0' && c <= '9';
        digits = is_digit ? digits + 1 : 0;
        if ((!is_letter(c) && !is_digit && c != '_' && c != '.') || digits > NAME_DIGITS_MAX)
            return false;
    }
    return true;
}
