/* CSV out. Which field of which type stands in a column is worked out once. */
#include "attributes.h"
#include "csv_cell.h"
#include "event_csv.h"
#include "payload_view.h"

struct bp_csv_table {
    const struct bp_schema *schema;
    size_t n;                       /* payload columns, behind those of the attributes */
    struct bp_str *names;           /* [column], borrowed from the schema */
    const struct bp_field **fields; /* [type index * n + column]; NULL: no such field */
    bool *has_type;                 /* [type index] */
};

static size_t column_of(const struct bp_csv_table *t, struct bp_str name)
{
    size_t i = 0;
    while (i < t->n && !bp_str_eq(t->names[i], name))
        i++;
    return i;
}

static void add_columns(struct bp_csv_table *t, const struct bp_event_type *type)
{
    t->has_type[type->index] = true;
    for (size_t i = 0; i < type->n_fields; i++) {
        size_t column = column_of(t, type->fields[i].name);
        t->names[column] = type->fields[i].name;
        if (column == t->n)
            t->n++;
    }
}

static void find_fields(struct bp_csv_table *t, const struct bp_event_type *type)
{
    for (size_t i = 0; i < type->n_fields; i++)
        t->fields[type->index * t->n + column_of(t, type->fields[i].name)] = &type->fields[i];
}

static bool fill(struct bp_csv_table *t, const struct bp_event_type *const *types, size_t n)
{
    size_t most = 1; /* calloc(0) may be NULL */
    for (size_t i = 0; i < n; i++)
        most += types[i]->n_fields;
    t->names = calloc(most, sizeof(*t->names));
    t->has_type = calloc(t->schema->n_types + 1, sizeof(*t->has_type));
    if (t->names == NULL || t->has_type == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        add_columns(t, types[i]);
    t->fields = calloc(t->schema->n_types * t->n + 1, sizeof(const struct bp_field *));
    if (t->fields == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        find_fields(t, types[i]);
    return true;
}

bp_status bp_csv_table_create(const struct bp_schema *schema,
                              const struct bp_event_type *const *types, size_t n,
                              struct bp_csv_table **out, struct bp_err *err)
{
    struct bp_csv_table *t = calloc(1, sizeof(*t));
    if (t != NULL)
        t->schema = schema;
    if (t == NULL || !fill(t, types, n)) {
        bp_csv_table_destroy(t);
        return bp_fail(err, BP_ENOMEM, "columns of CSV: out of memory");
    }
    *out = t;
    return BP_OK;
}

void bp_csv_table_destroy(struct bp_csv_table *t)
{
    if (t == NULL)
        return;
    free(t->names);
    free(t->fields);
    free(t->has_type);
    free(t);
}

static bool is_written(const struct bp_attribute *a)
{
    return a->kind != BP_ATTRIBUTE_WORKER;
}

/* A payload field called like an attribute is data.<field>; nik is the worker's number both ways.
 */
static bool needs_prefix(struct bp_str field)
{
    const struct bp_attribute *a = bp_attribute_find(field);
    return a != NULL && is_written(a);
}

/* The cells of a line: the first has nothing before it. */
static void begin_cell(struct bp_buf *out, size_t start)
{
    if (out->n != start)
        bp_buf_add_byte(out, ',');
}

void bp_csv_write_header(const struct bp_csv_table *t, struct bp_buf *out)
{
    size_t start = out->n;
    for (size_t i = 0; i < bp_n_attributes; i++) {
        if (!is_written(&bp_attributes[i]))
            continue;
        begin_cell(out, start);
        bp_buf_add_str(out, bp_attributes[i].name);
    }
    for (size_t i = 0; i < t->n; i++) {
        begin_cell(out, start);
        bp_buf_add_text(out, needs_prefix(t->names[i]) ? "data." : "");
        bp_buf_add_str(out, t->names[i]);
    }
    bp_buf_add_text(out, "\r\n");
}

/* The buffers of one row. */
struct row {
    struct bp_buf scratch;
    struct bp_buf list;
    struct bp_buf *out;
};

static void put_attributes(struct row *r, const struct bp_event *e,
                           const struct bp_delivery_notes *notes)
{
    for (size_t i = 0; i < bp_n_attributes; i++) {
        if (!is_written(&bp_attributes[i]))
            continue;
        if (i != 0)
            bp_buf_add_byte(r->out, ',');
        bp_csv_put_cell(bp_attribute_text(&bp_attributes[i], e, notes, '|', &r->scratch), r->out);
        r->out->failed |= r->scratch.failed;
    }
}

static struct bp_str list_text(struct row *r, const struct bp_payload *p, const struct bp_field *f)
{
    struct bp_payload_items items = bp_payload_items_of(p, f);
    struct bp_value value;
    bool is_first = true;
    bp_buf_clear(&r->list);
    while (bp_payload_next_item(&items, &value)) {
        bp_csv_put_item(bp_value_text(f, &value, &r->scratch), is_first, &r->list);
        r->out->failed |= r->scratch.failed;
        is_first = false;
    }
    bp_csv_end_list(&r->list);
    r->out->failed |= r->list.failed;
    return bp_buf_str(&r->list);
}

static void put_payload(struct row *r, const struct bp_csv_table *t, const struct bp_payload *p)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct bp_field *f = t->fields[p->type->index * t->n + i];
        bp_buf_add_byte(r->out, ',');
        if (f == NULL || !bp_payload_has(p, f))
            continue;
        if (f->repeated)
            bp_csv_put_cell(list_text(r, p, f), r->out);
        else
            bp_csv_put_cell(bp_value_text(f, &p->values[f->index], &r->scratch), r->out);
        r->out->failed |= r->scratch.failed;
    }
}

bool bp_event_to_csv(const struct bp_csv_table *t, const struct bp_event *e,
                     const struct bp_delivery_notes *notes, struct bp_buf *out)
{
    const struct bp_event_type *type = bp_schema_type(t->schema, e->type);
    struct row r = {.out = out};
    struct bp_payload p;
    size_t start = out->n;
    if (type == NULL || !t->has_type[type->index] || !bp_payload_read(type, e->data, &p))
        return false;
    put_attributes(&r, e, notes);
    put_payload(&r, t, &p);
    bp_buf_add_text(out, "\r\n");
    if (out->failed)
        out->n = start;
    bp_buf_fini(&r.scratch);
    bp_buf_fini(&r.list);
    return !out->failed;
}
