#include "pretty.h"

#include <inttypes.h>

#include <jansson.h>

#include "clock.h"

static void add_text(struct bp_buf *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bool is_c1 = c == 0xC2 && i + 1 < n && (unsigned char)p[i + 1] < 0xA0;
        if (is_c1)
            i++;
        bp_buf_add_byte(out, c < 0x20 || c == 0x7F || is_c1 ? '?' : c);
    }
}

void bp_words_add(struct bp_buf *out, struct bp_str text)
{
    add_text(out, text.p, text.n);
}

static void add_value(struct bp_buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        add_text(out, json_string_value(value), json_string_length(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        if (text != NULL)
            add_text(out, text, strlen(text));
        else
            out->failed = true;
        free(text);
    }
}

static void add_field(struct bp_buf *out, const char *name, const json_t *value)
{
    bp_buf_printf(out, "    %-26s ", name);
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i > 0)
                bp_buf_add_text(out, ", ");
            add_value(out, json_array_get(value, i));
        }
    } else {
        add_value(out, value);
    }
    bp_buf_add_byte(out, '\n');
}

static void add_attribute(struct bp_buf *out, const json_t *event, const char *key,
                          const char *before)
{
    const json_t *value = json_object_get(event, key);
    if (value == NULL)
        return;
    bp_buf_add_text(out, before);
    add_value(out, value);
}

/* From the JSON that a program would get, so that both say the same. */
static void add_event(struct bp_buf *out, const json_t *event, const struct bp_event_type *type)
{
    static const struct {
        const char *key, *name;
    } attributes[] = {
        {"id", "id"},
        {"subject", "about"},
        {"correlationid", "belongs to"},
        {"causationid", "caused by"},
        {"supersedes", "corrects"},
        {"addressedto", "addressed to"},
        {"publishedby", "sent by"},
        {"agreements", "under"},
        {"purposes", "for"},
    };
    add_attribute(out, event, "position", "#");
    add_attribute(out, event, "type", "  ");
    if (type != NULL)
        bp_buf_printf(out, " (%.*s)", BP_STR_ARGS(type->title_en));
    add_attribute(out, event, "time", "  ");
    add_attribute(out, event, "source", "  from ");
    add_attribute(out, event, "region", "  region ");
    add_attribute(out, event, "destination", "  to ");
    bp_buf_add_byte(out, '\n');
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const json_t *value = json_object_get(event, attributes[i].key);
        if (value != NULL)
            add_field(out, attributes[i].name, value);
    }
    const char *name;
    json_t *value;
    json_t *data = json_object_get(event, "data");
    json_object_foreach(data, name, value) add_field(out, name, value);
}

bool bp_event_to_words(const struct bp_schema *schema, const struct bp_event *e,
                       const struct bp_delivery_notes *notes, struct bp_buf *out)
{
    struct bp_buf text = {0};
    json_t *event = NULL;
    if (bp_event_to_json(schema, e, notes, &text))
        event = json_loadb((const char *)text.p, text.n, JSON_ALLOW_NUL, NULL);
    bp_buf_fini(&text);
    if (event == NULL)
        return false;
    add_event(out, event, bp_schema_type(schema, e->type));
    json_decref(event);
    return !out->failed;
}

static void add_list(struct bp_buf *out, const char *heading, const struct berbagi_str *items,
                     size_t n)
{
    if (n == 0)
        return;
    bp_buf_printf(out, "    %s ", heading);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            bp_buf_add_text(out, ", ");
        add_text(out, items[i].p, items[i].n);
    }
    bp_buf_add_byte(out, '\n');
}

/* The last day it holds: its end is the beginning of the day after. */
static void last_day(const struct berbagi_ground *g, char out[11])
{
    bp_day_format(bp_day_in_jakarta(g->valid_to_ns - 1), out);
}

void bp_ground_to_words(const struct berbagi_ground *g, struct bp_buf *out)
{
    char day[11];
    bp_buf_printf(out, "ground %" PRIu32 ": ", g->id);
    add_text(out, g->event_type.p, g->event_type.n);
    bp_buf_add_text(out, " under ");
    add_text(out, g->agreement.p, g->agreement.n);
    bp_buf_add_text(out, " for ");
    add_text(out, g->purpose.p, g->purpose.n);
    if (g->legal_basis.n > 0) {
        bp_buf_add_text(out, ", ");
        add_text(out, g->legal_basis.p, g->legal_basis.n);
    }
    if (g->valid_to_ns != INT64_MAX) {
        last_day(g, day);
        bp_buf_printf(out, ", until %s", day);
    }
    bp_buf_add_byte(out, '\n');
    add_list(out, "hides", g->hidden_fields, g->n_hidden_fields);
    add_list(out, "coarsens", g->coarsened_fields, g->n_coarsened_fields);
}

static json_t *text_of(struct berbagi_str s)
{
    return json_stringn(s.n != 0 ? s.p : "", s.n);
}

static json_t *list_of(const struct berbagi_str *items, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, text_of(items[i]));
    return list;
}

void bp_ground_to_json(const struct berbagi_ground *g, struct bp_buf *out)
{
    char day[11];
    json_t *o = json_object();
    (void)json_object_set_new(o, "ground", json_integer(g->id));
    (void)json_object_set_new(o, "type", text_of(g->event_type));
    (void)json_object_set_new(o, "agreement", text_of(g->agreement));
    (void)json_object_set_new(o, "purpose", text_of(g->purpose));
    (void)json_object_set_new(o, "legalbasis", text_of(g->legal_basis));
    if (g->valid_to_ns != INT64_MAX) {
        last_day(g, day);
        (void)json_object_set_new(o, "validto", json_string(day));
    }
    (void)json_object_set_new(o, "policyversion", json_integer((json_int_t)g->policy_version));
    (void)json_object_set_new(o, "hidden", list_of(g->hidden_fields, g->n_hidden_fields));
    (void)json_object_set_new(o, "coarsened", list_of(g->coarsened_fields, g->n_coarsened_fields));
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (text == NULL)
        out->failed = true;
    else
        bp_buf_printf(out, "%s\n", text);
    free(text);
}
