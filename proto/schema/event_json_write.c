/* JSON out: written straight into the buffer, because a tree of it would cost more than all the
 * rest of a subscriber's work. */
#include "attributes.h"
#include "base64.h"
#include "json_text.h"
#include "payload_view.h"

/* `,"name":`, with what stands before it */
static void put_name(char before, struct bp_str name, struct bp_buf *out)
{
    bp_buf_add_byte(out, (uint8_t)before);
    bp_buf_add_byte(out, '"');
    bp_buf_add_str(out, name);
    bp_buf_add(out, "\":", 2);
}

/* Envelope and notes; false: a text that is not UTF-8. */
static bool put_attributes(const struct bp_event *e, const struct bp_delivery_notes *notes,
                           struct bp_buf *scratch, struct bp_buf *out)
{
    for (size_t i = 0; i < bp_n_attributes; i++) {
        const struct bp_attribute *a = &bp_attributes[i];
        struct bp_str text = bp_attribute_text(a, e, notes, ' ', scratch);
        out->failed |= scratch->failed;
        if (text.n == 0)
            continue;
        if (!bp_utf8_is_valid(text))
            return false;
        put_name(',', a->name, out);
        if (bp_attribute_is_bare(a))
            bp_buf_add_str(out, text);
        else
            bp_json_put_string(text, out);
    }
    return true;
}

static void put_value(const struct bp_field *f, const struct bp_value *value,
                      struct bp_buf *scratch, struct bp_buf *out)
{
    struct bp_str text = bp_value_text(f, value, scratch);
    out->failed |= scratch->failed;
    if (bp_value_is_bare(f, value))
        bp_buf_add_str(out, text);
    else
        bp_json_put_string(text, out);
}

static void put_list(const struct bp_payload *p, const struct bp_field *f, struct bp_buf *scratch,
                     struct bp_buf *out)
{
    struct bp_payload_items items = bp_payload_items_of(p, f);
    struct bp_value value;
    char before = '[';
    while (bp_payload_next_item(&items, &value)) {
        bp_buf_add_byte(out, (uint8_t)before);
        put_value(f, &value, scratch, out);
        before = ',';
    }
    bp_buf_add_byte(out, ']');
}

static bool put_payload(const struct bp_event_type *type, struct bp_str data,
                        struct bp_buf *scratch, struct bp_buf *out)
{
    struct bp_payload p;
    if (!bp_payload_read(type, data, &p))
        return false;
    char before = '{';
    bp_buf_add_text(out, ",\"datacontenttype\":\"application/json\",\"data\":");
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct bp_field *f = &type->fields[i];
        if (!bp_payload_has(&p, f))
            continue;
        put_name(before, f->name, out);
        before = ',';
        if (f->repeated)
            put_list(&p, f, scratch, out);
        else
            put_value(f, &p.values[i], scratch, out);
    }
    bp_buf_add_text(out, before == '{' ? "{}" : "}");
    return true;
}

/* The payload of a type that is not known here: bytes. */
static void put_bytes(struct bp_str data, struct bp_buf *out)
{
    bp_buf_add_text(out, ",\"data_base64\":\"");
    bp_base64_encode(data, out);
    bp_buf_add_byte(out, '"');
}

static bool put_event(const struct bp_schema *schema, const struct bp_event *e,
                      const struct bp_delivery_notes *notes, struct bp_buf *scratch,
                      struct bp_buf *out)
{
    const struct bp_event_type *type = bp_schema_type(schema, e->type);
    bp_buf_add_text(out, "{\"specversion\":\"1.0\"");
    if (!put_attributes(e, notes, scratch, out))
        return false;
    if (type == NULL)
        put_bytes(e->data, out);
    else if (!put_payload(type, e->data, scratch, out))
        return false;
    bp_buf_add_byte(out, '}');
    return !out->failed;
}

bool bp_event_to_json(const struct bp_schema *schema, const struct bp_event *e,
                      const struct bp_delivery_notes *notes, struct bp_buf *out)
{
    struct bp_buf scratch = {0};
    size_t start = out->n;
    bool is_whole = put_event(schema, e, notes, &scratch, out);
    if (!is_whole)
        out->n = start;
    bp_buf_fini(&scratch);
    return is_whole;
}
