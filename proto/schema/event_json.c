/* JSON in: jansson makes a tree of one line, which is walked attribute by attribute, then payload
 * field by payload field in the order of their numbers. Nothing jansson says about the text is
 * passed on, because it quotes the input. */
#include "event_json.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

#include "draft.h"
#include "payload_value.h"

#define DEPTH_MAX 8 /* an event needs three levels */
#define EXACT_IN_DOUBLE 9007199254740992.0

static struct bp_str text_of(const json_t *value)
{
    return bp_str_of(json_string_value(value), json_string_length(value));
}

/* jansson goes down by recursion, so depth is judged before it starts. */
static bool nests_too_deep(struct bp_str json)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth != 0)
            depth--;
        if (depth > DEPTH_MAX)
            return true;
    }
    return false;
}

static void reject_text(const json_error_t *error, struct bp_violations *v)
{
    const char *reason = "MALFORMED", *words = "is not one JSON object";
    enum json_error_code code = json_error_code(error);
    if (code == json_error_duplicate_key)
        words = "has an object with the same name twice";
    if (code == json_error_numeric_overflow)
        words = "has a number that is too large";
    if (code == json_error_invalid_utf8) {
        reason = "NOT_UTF8";
        words = "is not UTF-8";
    }
    bp_violation_add(v, "", reason, "the text %s (byte %d)", words, error->position);
}

/* NULL: a violation was added, or (none was) memory ran out. */
static json_t *load(struct bp_str json, struct bp_violations *v)
{
    json_error_t error;
    if (nests_too_deep(json)) {
        bp_violation_add(v, "", "MALFORMED", "the text nests deeper than %d levels", DEPTH_MAX);
        return NULL;
    }
    const char *p = json.n != 0 ? json.p : "";
    json_t *root = json_loadb(p, json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        if (error.text[0] != '\0') /* jansson has no words when memory runs out */
            reject_text(&error, v);
        return NULL;
    }
    if (json_is_object(root))
        return root;
    bp_violation_add(v, "", "MALFORMED", "the text is not one JSON object");
    json_decref(root);
    return NULL;
}

static bool is_json_type(struct bp_str media_type)
{
    size_t n = 0;
    while (n < media_type.n && media_type.p[n] != ';' && media_type.p[n] != ' ')
        n++;
    static const char whole[] = "application/json", suffix[] = "+json";
    if (n == sizeof(whole) - 1)
        return strncasecmp(media_type.p, whole, n) == 0;
    size_t suffix_n = sizeof(suffix) - 1;
    return n > suffix_n && strncasecmp(media_type.p + n - suffix_n, suffix, suffix_n) == 0;
}

static void check_content_type(const json_t *value, struct bp_violations *v)
{
    if (!json_is_string(value) || !is_json_type(text_of(value)))
        bp_violation_add(v, "datacontenttype", "MALFORMED",
                         "must be application/json or end in +json");
}

static void check_spec_version(const json_t *value, struct bp_violations *v)
{
    if (value == NULL || json_is_null(value))
        bp_violation_add(v, "specversion", "REQUIRED", "must be given, as \"1.0\"");
    else if (!json_is_string(value) || !bp_str_is(text_of(value), "1.0"))
        bp_violation_add(v, "specversion", "MALFORMED", "must be \"1.0\"");
}

/* schemaversion may be a number; every other attribute that is read is a text. */
static void set_attribute(struct bp_draft *d, const struct bp_attribute *a, const json_t *value)
{
    char number[24];
    if (json_is_null(value) || a->kind == BP_ATTRIBUTE_NOTE)
        return;
    if (a->kind == BP_ATTRIBUTE_VERSION && json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        bp_draft_set(d, a, bp_str(number));
    } else if (json_is_string(value)) {
        bp_draft_set(d, a, text_of(value));
    } else {
        bp_violation_add(d->v, a->name.p, "MALFORMED", "must be text");
    }
}

/* Names what is unknown, unless it might be data in a name's place. */
static void reject_name(struct bp_draft *d, const char *prefix, struct bp_str name)
{
    char field[sizeof(d->v->items[0].field)];
    struct bp_str shown = bp_name_is_plain(name) ? name : BP_STR("?");
    (void)snprintf(field, sizeof(field), "%s%.*s", prefix, BP_STR_ARGS(shown));
    bp_violation_add(d->v, field, "MALFORMED", "has no meaning here: no %s has this name",
                     *prefix != '\0' ? "field of the type" : "attribute");
}

static bool is_read_elsewhere(struct bp_str name)
{
    return bp_str_is(name, "specversion") || bp_str_is(name, "data") ||
           bp_str_is(name, "datacontenttype") || bp_str_is(name, "dataschema");
}

static void set_attributes(struct bp_draft *d, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        struct bp_str name = bp_str(key);
        const struct bp_attribute *a = bp_attribute_find(name);
        if (a != NULL)
            set_attribute(d, a, value);
        else if (!is_read_elsewhere(name))
            reject_name(d, "", name);
    }
}

static bool value_of_real(const struct bp_field *f, double number, struct bp_value *out,
                          struct bp_violations *v)
{
    bool fits = number >= -EXACT_IN_DOUBLE && number <= EXACT_IN_DOUBLE;
    if (!fits || (double)(int64_t)number != number)
        return bp_value_reject_kind(f, v);
    return bp_value_of_integer(f, (int64_t)number, out, v);
}

static bool value_of_json(const struct bp_field *f, const json_t *json, struct bp_buf *scratch,
                          struct bp_value *out, struct bp_violations *v)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        if (f->type == BP_FIELD_BOOL)
            return bp_value_reject_kind(f, v);
        return bp_value_parse(f, text_of(json), scratch, out, v);
    case JSON_INTEGER:
        return bp_value_of_integer(f, json_integer_value(json), out, v);
    case JSON_REAL:
        return value_of_real(f, json_real_value(json), out, v);
    case JSON_TRUE:
    case JSON_FALSE:
        if (f->type != BP_FIELD_BOOL)
            return bp_value_reject_kind(f, v);
        *out = (struct bp_value){.number = json_is_true(json)};
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
        break;
    }
    return bp_value_reject_kind(f, v);
}

static void put_list(struct bp_draft *d, const struct bp_field *f, const json_t *list)
{
    struct bp_value value;
    if (!json_is_array(list)) {
        (void)bp_value_reject(f, "MALFORMED", d->v, "must be a list");
        return;
    }
    if (json_array_size(list) == 0)
        return;
    size_t mark = bp_value_begin_list(f, &d->data);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!value_of_json(f, json_array_get(list, i), &d->scratch, &value, d->v))
            break;
        bp_value_put_item(f, &value, &d->data);
    }
    bp_value_end_list(f, mark, &d->data);
}

static void put_field(struct bp_draft *d, const struct bp_field *f, const json_t *json)
{
    struct bp_value value = {0};
    if (f->repeated) {
        put_list(d, f, json);
    } else if (value_of_json(f, json, &d->scratch, &value, d->v)) {
        if (bp_field_is_number(f) || f->type == BP_FIELD_TIMESTAMP || value.text.n != 0)
            bp_value_put(f, &value, &d->data);
    }
    d->data.failed |= d->scratch.failed;
}

static void reject_unknown_fields(struct bp_draft *d, json_t *data)
{
    const char *key;
    json_t *value;
    json_object_foreach(data, key, value)
    {
        if (bp_type_field(d->type, bp_str(key)) == NULL && strcmp(key, "nik") != 0)
            reject_name(d, "data.", bp_str(key));
    }
}

static void put_payload(struct bp_draft *d, json_t *data)
{
    if (data == NULL || json_is_null(data))
        return;
    if (!json_is_object(data)) {
        bp_violation_add(d->v, "data", "MALFORMED", "must be an object");
        return;
    }
    for (size_t i = 0; i < d->type->n_fields; i++) {
        const struct bp_field *f = &d->type->fields[i];
        const json_t *json = json_object_getn(data, f->name.p, f->name.n);
        if (json != NULL && !json_is_null(json))
            put_field(d, f, json);
    }
    reject_unknown_fields(d, data);
}

/* Also where the type has the field: what is no text there has its violation already. */
static void name_worker_by_data(struct bp_draft *d, const json_t *data)
{
    const json_t *nik = json_object_get(data, "nik");
    bool is_field = bp_type_field(d->type, BP_STR("nik")) != NULL;
    if (nik == NULL || json_is_null(nik))
        return;
    if (json_is_string(nik) && json_string_length(nik) != 0)
        bp_draft_name_worker(d, "data.nik", text_of(nik), is_field);
    else if (!json_is_string(nik) && !is_field)
        bp_violation_add(d->v, "data.nik", "MALFORMED", "must be text");
}

static void read_event(struct bp_draft *d, json_t *root)
{
    json_t *content_type = json_object_get(root, "datacontenttype");
    json_t *data = json_object_get(root, "data");
    check_spec_version(json_object_get(root, "specversion"), d->v);
    if (content_type != NULL && !json_is_null(content_type))
        check_content_type(content_type, d->v);
    set_attributes(d, root);
    if (!bp_draft_find_type(d))
        return;
    if (d->nik.n != 0)
        bp_draft_name_worker(d, "nik", d->nik, false);
    put_payload(d, data);
    name_worker_by_data(d, data);
}

bool bp_event_from_json(const struct bp_schema *schema, struct bp_str json, struct bp_buf *out,
                        struct bp_violations *v)
{
    struct bp_draft d;
    json_t *root = load(json, v);
    if (root == NULL)
        return false;
    bp_draft_init(&d, schema, v);
    read_event(&d, root);
    bool is_sound = bp_draft_finish(&d, out);
    bp_draft_fini(&d);
    json_decref(root);
    return is_sound;
}
