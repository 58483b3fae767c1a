/* Loading, and the look-ups on the hot path: types by a hash table over CRC-32C, fields by their
 * number, which in practice is their index plus one. */
#include "schema.h"

#include "berbagi/v1/annotations.pb-c.h"
#include "crc32c.h"
#include "descriptor_set.h"
#include "file.h"
#include "type_build.h"

#define SET_FILE_MAX ((size_t)16 * 1024 * 1024)
#define SETS_MAX 64

/* What bp_schema_load hands out, with the memory behind it. */
struct loaded {
    struct bp_schema schema; /* first: the two are converted into each other */
    struct bp_arena arena;
};

static int by_name(const void *a, const void *b)
{
    return bp_str_cmp(((const struct bp_event_type *)a)->name,
                      ((const struct bp_event_type *)b)->name);
}

/* Reads every message that is an event type into types (room for all messages). */
static bp_status build_types(struct bp_descriptors *d, struct bp_event_type *types, size_t *n,
                             struct bp_err *err)
{
    *n = 0;
    for (size_t i = 0; i < d->n_messages; i++) {
        bool is_event;
        bp_status st = bp_type_build(d, &d->messages[i], &types[*n], &is_event, err);
        if (st != BP_OK)
            return st;
        *n += is_event;
    }
    return BP_OK;
}

static bp_status refuse_doubles(const struct bp_event_type *types, size_t n, struct bp_err *err)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (bp_str_eq(types[i].message_name, types[k].message_name))
                return bp_fail(err, BP_EINVAL, "%.*s: defined twice, and differently",
                               BP_STR_ARGS(types[i].message_name));
            if (types[i].hash == types[k].hash)
                return bp_fail(err, BP_EINVAL, "%.*s: its type %.*s is taken by %.*s",
                               BP_STR_ARGS(types[i].message_name), BP_STR_ARGS(types[i].name),
                               BP_STR_ARGS(types[k].message_name));
        }
    }
    return BP_OK;
}

/* Sorts the types by name, numbers them and fills the hash table. */
static bp_status index_types(struct loaded *l, struct bp_event_type *types, size_t n)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n)
        n_slots *= 2;
    uint16_t *slots = bp_arena_alloc(&l->arena, n_slots * sizeof(*slots));
    if (slots == NULL)
        return BP_ENOMEM;
    qsort(types, n, sizeof(*types), by_name);
    for (unsigned i = 0; i < n; i++) {
        size_t at = types[i].hash & (n_slots - 1);
        while (slots[at] != 0)
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint16_t)(i + 1);
        types[i].index = i;
    }
    l->schema.types = types;
    l->schema.n_types = n;
    l->schema.slots = slots;
    l->schema.n_slots = n_slots;
    return BP_OK;
}

static bp_status load_types(struct loaded *l, struct bp_descriptors *d, struct bp_err *err)
{
    struct bp_event_type *types = bp_arena_alloc(&l->arena, d->n_messages * sizeof(*types) + 1);
    size_t n = 0;
    if (types == NULL)
        return bp_fail(err, BP_ENOMEM, "schema: out of memory");
    bp_status st = build_types(d, types, &n, err);
    if (st != BP_OK)
        return st;
    if (n >= UINT16_MAX)
        return bp_fail(err, BP_ETOOLARGE, "schema: more than %d event types", UINT16_MAX - 1);
    if ((st = refuse_doubles(types, n, err)) != BP_OK)
        return st;
    if ((st = index_types(l, types, n)) != BP_OK)
        return bp_fail(err, st, "schema: out of memory");
    return BP_OK;
}

static bp_status load_envelope(struct loaded *l, struct bp_descriptors *d, struct bp_err *err)
{
    for (size_t i = 0; i < d->n_messages; i++) {
        const struct bp_message_entry *entry = &d->messages[i];
        if (entry->set == 0 && bp_str_is(entry->name, "berbagi.v1.Event"))
            return bp_envelope_build(d, entry, &l->schema.envelope, err);
    }
    return bp_fail(err, BP_EINVAL, "the first descriptor set does not hold berbagi.v1.Event");
}

bp_status bp_schema_load(const struct bp_str *sets, size_t n, struct bp_schema **out,
                         struct bp_err *err)
{
    struct loaded *l = calloc(1, sizeof(*l));
    bp_status st = BP_OK;
    if (l == NULL)
        return bp_fail(err, BP_ENOMEM, "schema: out of memory");
    struct bp_descriptors d = {.arena = &l->arena};
    for (size_t i = 0; st == BP_OK && i < n; i++)
        st = bp_descriptors_add(&d, sets[i], err);
    if (st == BP_OK)
        st = load_envelope(l, &d, err);
    if (st == BP_OK)
        st = load_types(l, &d, err);
    bp_descriptors_fini(&d);
    if (st == BP_OK)
        *out = &l->schema;
    else
        bp_schema_destroy(&l->schema);
    return st;
}

bp_status bp_schema_open(const char *const *files, size_t n, struct bp_schema **out,
                         struct bp_err *err)
{
    struct bp_buf contents[SETS_MAX] = {0};
    struct bp_str sets[SETS_MAX + 1];
    size_t embedded_n;
    bp_status st = BP_OK;
    if (n > SETS_MAX)
        return bp_fail(err, BP_ETOOLARGE, "more than %d schema files", SETS_MAX);
    const uint8_t *embedded = bp_descriptor_set(&embedded_n);
    sets[0] = bp_str_of(embedded, embedded_n);
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        st = bp_file_read(files[i], SET_FILE_MAX, &contents[i], err);
        sets[i + 1] = bp_buf_str(&contents[i]);
    }
    if (st == BP_OK)
        st = bp_schema_load(sets, n + 1, out, err);
    for (size_t i = 0; i < n; i++)
        bp_buf_fini(&contents[i]);
    return st;
}

void bp_schema_destroy(struct bp_schema *s)
{
    struct loaded *l = (struct loaded *)s;
    if (l == NULL)
        return;
    bp_arena_fini(&l->arena);
    free(l);
}

const struct bp_event_type *bp_schema_type_by_hash(const struct bp_schema *s, uint32_t hash)
{
    for (size_t at = hash & (s->n_slots - 1); s->slots[at] != 0; at = (at + 1) & (s->n_slots - 1)) {
        const struct bp_event_type *t = &s->types[s->slots[at] - 1];
        if (t->hash == hash)
            return t;
    }
    return NULL;
}

const struct bp_event_type *bp_schema_type(const struct bp_schema *s, struct bp_str name)
{
    const struct bp_event_type *t = bp_schema_type_by_hash(s, bp_schema_hash(name));
    return t != NULL && bp_str_eq(t->name, name) ? t : NULL;
}

const struct bp_field *bp_type_field(const struct bp_event_type *t, struct bp_str name)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (bp_str_eq(t->fields[i].name, name))
            return &t->fields[i];
    }
    return NULL;
}

const struct bp_field *bp_type_field_by_number(const struct bp_event_type *t, uint32_t number)
{
    if (number - 1 < t->n_fields && t->fields[number - 1].number == number)
        return &t->fields[number - 1];
    for (size_t i = 0; i < t->n_fields && t->fields[i].number <= number; i++) {
        if (t->fields[i].number == number)
            return &t->fields[i];
    }
    return NULL;
}

const struct bp_enum_value *bp_enum_by_number(const struct bp_enum *e, int32_t number)
{
    if (number >= 0 && (size_t)number < e->n && e->values[number].number == number)
        return &e->values[number];
    for (size_t i = 0; i < e->n && e->values[i].number <= number; i++) {
        if (e->values[i].number == number)
            return &e->values[i];
    }
    return NULL;
}

const struct bp_enum_value *bp_enum_by_name(const struct bp_enum *e, struct bp_str name)
{
    for (size_t i = 0; i < e->n; i++) {
        if (bp_str_eq(e->values[i].name, name) || bp_str_eq(e->values[i].full_name, name))
            return &e->values[i];
    }
    return NULL;
}

bool bp_type_matches(struct bp_str pattern, struct bp_str type)
{
    if (bp_str_is(pattern, "*"))
        return true;
    if (pattern.n > 2 && pattern.p[pattern.n - 1] == '*' && pattern.p[pattern.n - 2] == '.')
        return bp_str_starts(type, bp_str_of(pattern.p, pattern.n - 1));
    return bp_str_eq(pattern, type);
}

uint32_t bp_schema_hash(struct bp_str name)
{
    return bp_crc32c(0, name.p, name.n);
}

enum bp_level bp_field_least_level(const struct bp_field *f)
{
    if (f->direct_identifier || f->free_text || f->identified_only)
        return BP_LEVEL_IDENTIFIED;
    switch (f->data_class) {
    case BERBAGI__V1__DATA_CLASS__DATA_CLASS_PUBLIC:
        return BP_LEVEL_PUBLIC;
    case BERBAGI__V1__DATA_CLASS__DATA_CLASS_RESTRICTED:
        return BP_LEVEL_AGGREGATE;
    default:
        return BP_LEVEL_PSEUDONYMOUS;
    }
}
