/* CSV in. The header is worked out once: for each event type and column, the field that a cell
 * there fills. A row then looks nothing up by name. */
#include "event_csv.h"

#include <stdio.h>

#include "csv_cell.h"
#include "csv_rows.h"
#include "draft.h"
#include "payload_value.h"

struct column {
    const struct bp_attribute *attribute; /* NULL: a payload field */
    struct bp_str field;                  /* its name, in bp_csv_header.names; `nik` has one, too */
    bool is_in_data;                      /* was written data.<field> */
};

struct bp_csv_header {
    const struct bp_schema *schema;
    const struct bp_event_type *fixed_type; /* NULL: a column names the type */
    size_t n;
    struct column *columns;
    char *names;
    const struct bp_field **fields; /* [type index * n + column]; NULL: no such field */
};

static bp_status reject_column(const struct bp_csv_header *h, size_t i, struct bp_str name,
                               const char *words, struct bp_err *err)
{
    struct bp_str type = h->fixed_type != NULL ? h->fixed_type->name : BP_STR("the event types");
    if (name.n == 0)
        return bp_fail(err, BP_EINVAL, "header: column %zu has no name", i + 1);
    if (!bp_name_is_plain(name))
        return bp_fail(
            err, BP_EINVAL,
            "header: column %zu has a name that is no attribute and no field of %.*s (is "
            "the header line missing?)",
            i + 1, BP_STR_ARGS(type));
    return bp_fail(err, BP_EINVAL, "header: column %zu, %.*s, %s %.*s", i + 1, BP_STR_ARGS(name),
                   words, BP_STR_ARGS(type));
}

static struct bp_str trimmed(struct bp_str s)
{
    while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = bp_str_of(s.p + 1, s.n - 1);
    while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* What a column's name says; its text stays where it is. */
static struct column column_of(struct bp_str name)
{
    struct bp_str prefix = BP_STR("data.");
    if (bp_str_starts(name, prefix))
        return (struct column){.field = bp_str_of(name.p + prefix.n, name.n - prefix.n),
                               .is_in_data = true};
    const struct bp_attribute *a = bp_attribute_find(name);
    bool is_field = a == NULL || a->kind == BP_ATTRIBUTE_WORKER;
    return (struct column){.attribute = a, .field = is_field ? name : BP_STR("")};
}

static bool is_same_column(const struct column *a, const struct column *b)
{
    return a->attribute == b->attribute && bp_str_eq(a->field, b->field);
}

static bool is_given_before(const struct bp_csv_header *h, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (is_same_column(&h->columns[k], &h->columns[i]))
            return true;
    }
    return false;
}

/* Is there a column data.nik, which leaves `nik` the subject alone? */
static bool has_data_nik(const struct bp_csv_header *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->columns[i].is_in_data && bp_str_is(h->columns[i].field, "nik"))
            return true;
    }
    return false;
}

/* Fills the column's entry for each type; false if it names a field of none of them. */
static bool find_fields(struct bp_csv_header *h, size_t i)
{
    const struct column *c = &h->columns[i];
    bool is_known = false;
    for (size_t t = 0; t < h->schema->n_types; t++) {
        const struct bp_event_type *type = &h->schema->types[t];
        const struct bp_field *f = c->field.n != 0 ? bp_type_field(type, c->field) : NULL;
        h->fields[type->index * h->n + i] = f;
        is_known |= f != NULL && (h->fixed_type == NULL || h->fixed_type == type);
    }
    return is_known;
}

static bp_status understand_column(struct bp_csv_header *h, size_t i, struct bp_str name,
                                   struct bp_err *err)
{
    h->columns[i] = column_of(name);
    const struct column *c = &h->columns[i];
    if (is_given_before(h, i))
        return reject_column(h, i, name, "is given twice among the columns for", err);
    bool is_known = find_fields(h, i);
    if (!is_known && c->attribute == NULL && !bp_str_is(c->field, "nik"))
        return reject_column(h, i, name, "is no attribute and no field of", err);
    return BP_OK;
}

/* `nik` beside data.nik fills no field. */
static void settle_nik(struct bp_csv_header *h)
{
    if (!has_data_nik(h))
        return;
    for (size_t i = 0; i < h->n; i++) {
        if (h->columns[i].attribute == NULL || h->columns[i].field.n == 0)
            continue;
        for (size_t t = 0; t < h->schema->n_types; t++)
            h->fields[h->schema->types[t].index * h->n + i] = NULL;
    }
}

static bool has_type_column(const struct bp_csv_header *h)
{
    const struct bp_attribute *type = bp_attribute_find(BP_STR("type"));
    for (size_t i = 0; i < h->n; i++) {
        if (h->columns[i].attribute == type)
            return true;
    }
    return false;
}

static bp_status find_fixed_type(struct bp_csv_header *h, struct bp_str name, struct bp_err *err)
{
    if (name.n == 0)
        return BP_OK;
    h->fixed_type = bp_schema_type(h->schema, name);
    if (h->fixed_type == NULL)
        return bp_fail(err, BP_EINVAL, "type %.*s is unknown", BP_STR_ARGS(name));
    return BP_OK;
}

static bp_status understand(struct bp_csv_header *h, const struct bp_str *columns,
                            struct bp_err *err)
{
    char *to = h->names;
    for (size_t i = 0; i < h->n; i++) {
        struct bp_str name = trimmed(columns[i]);
        if (name.n != 0)
            memcpy(to, name.p, name.n);
        bp_status st = understand_column(h, i, bp_str_of(to, name.n), err);
        if (st != BP_OK)
            return st;
        to += name.n;
    }
    settle_nik(h);
    if (h->fixed_type == NULL && !has_type_column(h))
        return bp_fail(err, BP_EINVAL, "header: no column `type`, and no type given for all rows");
    return BP_OK;
}

static bool allocate(struct bp_csv_header *h, const struct bp_str *columns)
{
    size_t bytes = 1;
    for (size_t i = 0; i < h->n; i++)
        bytes += columns[i].n;
    h->names = malloc(bytes);
    h->columns = calloc(h->n, sizeof(*h->columns));
    h->fields = calloc(h->schema->n_types * h->n + 1, sizeof(const struct bp_field *));
    return h->names != NULL && h->columns != NULL && h->fields != NULL;
}

bp_status bp_csv_header_parse(const struct bp_schema *schema, struct bp_str fixed_type,
                              const struct bp_str *columns, size_t n, struct bp_csv_header **out,
                              struct bp_err *err)
{
    if (n == 0 || n > BP_CSV_CELLS_MAX)
        return bp_fail(err, BP_EINVAL, "header: %zu columns, 1 to %d are allowed", n,
                       BP_CSV_CELLS_MAX);
    struct bp_csv_header *h = calloc(1, sizeof(*h));
    bp_status st = BP_ENOMEM;
    if (h != NULL) {
        h->schema = schema;
        h->n = n;
    }
    if (h == NULL || !allocate(h, columns)) {
        bp_csv_header_destroy(h);
        return bp_fail(err, BP_ENOMEM, "header: out of memory");
    }
    if ((st = find_fixed_type(h, fixed_type, err)) == BP_OK)
        st = understand(h, columns, err);
    if (st != BP_OK) {
        bp_csv_header_destroy(h);
        return st;
    }
    *out = h;
    return BP_OK;
}

void bp_csv_header_destroy(struct bp_csv_header *h)
{
    if (h == NULL)
        return;
    free(h->names);
    free(h->columns);
    free(h->fields);
    free(h);
}

static void set_attributes(const struct bp_csv_header *h, const struct bp_str *cells,
                           struct bp_draft *d)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->columns[i].attribute != NULL)
            bp_draft_set(d, h->columns[i].attribute, bp_csv_unguard(cells[i]));
    }
}

static bool settle_type(const struct bp_csv_header *h, struct bp_draft *d)
{
    if (h->fixed_type == NULL)
        return bp_draft_find_type(d);
    if (d->event.type.n != 0 && !bp_str_eq(d->event.type, h->fixed_type->name)) {
        bp_violation_add(d->v, "type", "MALFORMED", "is not the type given for all rows");
        return false;
    }
    d->event.type = h->fixed_type->name;
    d->type = h->fixed_type;
    return true;
}

static void reject_stray_cell(struct bp_draft *d, struct bp_str field)
{
    char name[sizeof(d->v->items[0].field)];
    (void)snprintf(name, sizeof(name), "data.%.*s", BP_STR_ARGS(field));
    bp_violation_add(d->v, name, "MALFORMED", "is filled, but the row's type has no such field");
}

/* Sorts the filled cells by the field they fill, which is the order of the payload. */
static bp_fields collect(const struct bp_csv_header *h, const struct bp_str *cells,
                         struct bp_draft *d, struct bp_str by_field[BP_FIELDS_MAX])
{
    bp_fields filled = 0;
    for (size_t i = 0; i < h->n; i++) {
        const struct column *c = &h->columns[i];
        const struct bp_field *f = h->fields[d->type->index * h->n + i];
        struct bp_str value = bp_csv_unguard(cells[i]);
        if (value.n == 0 || c->field.n == 0)
            continue;
        if (f != NULL) {
            by_field[f->index] = value;
            filled |= (bp_fields)1 << f->index;
        } else if (!bp_str_is(c->field, "nik")) {
            reject_stray_cell(d, c->field);
        }
    }
    return filled;
}

static void put_list(struct bp_draft *d, const struct bp_field *f, struct bp_str text)
{
    struct bp_csv_list list = bp_csv_list_of(text);
    struct bp_buf item = {0};
    struct bp_value value;
    size_t mark = bp_value_begin_list(f, &d->data);
    while (bp_csv_next_item(&list, &item)) {
        d->data.failed |= item.failed; /* before half an item is judged */
        if (item.failed || !bp_value_parse(f, bp_buf_str(&item), &d->scratch, &value, d->v))
            break;
        bp_value_put_item(f, &value, &d->data);
    }
    bp_value_end_list(f, mark, &d->data);
    bp_buf_fini(&item);
}

static void put_fields(struct bp_draft *d, bp_fields filled, const struct bp_str *by_field)
{
    struct bp_value value;
    for (size_t i = 0; i < d->type->n_fields; i++) {
        const struct bp_field *f = &d->type->fields[i];
        if ((filled >> i & 1) == 0)
            continue;
        if (f->repeated)
            put_list(d, f, by_field[i]);
        else if (bp_value_parse(f, by_field[i], &d->scratch, &value, d->v))
            bp_value_put(f, &value, &d->data);
        d->data.failed |= d->scratch.failed;
    }
}

static void name_worker(const struct bp_csv_header *h, const struct bp_str *cells,
                        struct bp_draft *d)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct column *c = &h->columns[i];
        struct bp_str nik = bp_csv_unguard(cells[i]);
        if (nik.n == 0 || !bp_str_is(c->field, "nik"))
            continue;
        bp_draft_name_worker(d, c->is_in_data ? "data.nik" : "nik", nik,
                             h->fields[d->type->index * h->n + i] != NULL);
    }
}

bool bp_event_from_csv(const struct bp_csv_header *h, const struct bp_str *cells, size_t n,
                       struct bp_buf *out, struct bp_violations *v)
{
    struct bp_str by_field[BP_FIELDS_MAX];
    struct bp_draft d;
    if (n != h->n) {
        bp_violation_add(v, "", "MALFORMED", "the row has %zu cells, the header has %zu", n, h->n);
        return false;
    }
    bp_draft_init(&d, h->schema, v);
    set_attributes(h, cells, &d);
    if (settle_type(h, &d)) {
        put_fields(&d, collect(h, cells, &d, by_field), by_field);
        name_worker(h, cells, &d);
    }
    bool is_sound = bp_draft_finish(&d, out);
    bp_draft_fini(&d);
    return is_sound;
}
