#include "symbols.h"

#include "wire.h"

#define DEPTH_MOST 64
#define NAME_MOST 512

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1,
    ANY_NAME = 1, /* of every descriptor */
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    MESSAGE_ONEOF = 8,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2,
    FIELD_EXTENDEE = 2,
    FIELD_NUMBER = 3,
};

enum kind {
    KIND_NONE,
    KIND_FILE,
    KIND_MESSAGE,
    KIND_ENUM,
    KIND_SERVICE,
    KIND_EXTENSION,
    KIND_LEAF
};

/* What is being walked: a descriptor, and the scope that names inside it get. */
struct frame {
    struct bp_wire wire;
    enum kind kind;
    size_t scope_n; /* of walk.scope */
};

struct walk {
    struct bp_symbols *symbols;
    unsigned file;
    char scope[NAME_MOST];
    struct frame frames[DEPTH_MOST];
    unsigned depth;
};

static enum kind kind_inside(enum kind outer, uint32_t number)
{
    static const enum kind inside[][16] = {
        [KIND_FILE] = {[FILE_MESSAGE] = KIND_MESSAGE,
                       [FILE_ENUM] = KIND_ENUM,
                       [FILE_SERVICE] = KIND_SERVICE,
                       [FILE_EXTENSION] = KIND_EXTENSION},
        [KIND_MESSAGE] = {[MESSAGE_FIELD] = KIND_LEAF,
                          [MESSAGE_NESTED] = KIND_MESSAGE,
                          [MESSAGE_ENUM] = KIND_ENUM,
                          [MESSAGE_EXTENSION] = KIND_EXTENSION,
                          [MESSAGE_ONEOF] = KIND_LEAF},
        [KIND_ENUM] = {[ENUM_VALUE] = KIND_LEAF},
        [KIND_SERVICE] = {[SERVICE_METHOD] = KIND_LEAF},
    };
    bool has_inside = (size_t)outer < sizeof(inside) / sizeof(inside[0]);
    return has_inside && number < 16 ? inside[outer][number] : KIND_NONE;
}

/* The last length-delimited field of this number; empty if there is none. */
static struct bp_str text_field(struct bp_str bytes, uint32_t number)
{
    struct bp_wire wire = bp_wire_of(bytes);
    struct bp_wire_field field;
    struct bp_str found = BP_STR("");
    while (bp_wire_next(&wire, &field))
        if (field.number == number && field.type == BP_WIRE_LEN)
            found = field.bytes;
    return found;
}

static int64_t number_field(struct bp_str bytes, uint32_t number)
{
    struct bp_wire wire = bp_wire_of(bytes);
    struct bp_wire_field field;
    int64_t found = 0;
    while (bp_wire_next(&wire, &field))
        if (field.number == number && field.type == BP_WIRE_VARINT)
            found = (int64_t)field.value;
    return found;
}

static void add_entry(struct bp_symbols *s, struct bp_str name, struct bp_symbol entry)
{
    entry.name_at = s->text.n;
    entry.name_n = name.n;
    bp_buf_add_str(&s->text, name);
    bp_buf_add(&s->entries, &entry, sizeof(entry));
}

static void add_extension(struct walk *w, struct bp_str bytes)
{
    struct bp_str type = text_field(bytes, FIELD_EXTENDEE);
    if (type.n != 0 && type.p[0] == '.')
        type = bp_str_of(type.p + 1, type.n - 1);
    add_entry(
        w->symbols, type,
        (struct bp_symbol){.file = w->file, .extension_number = number_field(bytes, FIELD_NUMBER)});
}

/* scope_n bytes of the scope, a dot and name; returns the new length, 0 if that is too long. */
static size_t extend_scope(struct walk *w, size_t scope_n, struct bp_str name)
{
    if (scope_n + 1 + name.n > NAME_MOST)
        return 0;
    if (scope_n != 0)
        w->scope[scope_n++] = '.';
    if (name.n != 0)
        memcpy(w->scope + scope_n, name.p, name.n);
    return scope_n + name.n;
}

static bp_status push(struct walk *w, enum kind kind, size_t scope_n, struct bp_str bytes)
{
    if (w->depth == DEPTH_MOST)
        return BP_EINVAL;
    w->frames[w->depth++] = (struct frame){bp_wire_of(bytes), kind, scope_n};
    return BP_OK;
}

static bp_status enter(struct walk *w, enum kind kind, struct bp_str bytes)
{
    size_t outer_n = w->frames[w->depth - 1].scope_n;
    size_t n = extend_scope(w, outer_n, text_field(bytes, ANY_NAME));
    if (n == 0)
        return BP_EINVAL;
    add_entry(w->symbols, bp_str_of(w->scope, n),
              (struct bp_symbol){
                  .file = w->file, .is_service = kind == KIND_SERVICE, .extension_number = -1});
    if (kind == KIND_EXTENSION)
        add_extension(w, bytes);
    if (kind == KIND_EXTENSION || kind == KIND_LEAF)
        return BP_OK;
    /* Values of an enum are siblings of the enum, not its children. */
    return push(w, kind, kind == KIND_ENUM ? outer_n : n, bytes);
}

static bp_status walk_file(struct bp_symbols *s, unsigned file, struct bp_str bytes)
{
    struct walk w = {.symbols = s, .file = file};
    struct bp_str package = text_field(bytes, FILE_PACKAGE);
    if (package.n > NAME_MOST / 2)
        return BP_EINVAL;
    bp_status st = push(&w, KIND_FILE, extend_scope(&w, 0, package), bytes);
    while (st == BP_OK && w.depth != 0) {
        struct frame *top = &w.frames[w.depth - 1];
        struct bp_wire_field field;
        if (!bp_wire_next(&top->wire, &field)) {
            st = top->wire.malformed ? BP_EINVAL : BP_OK;
            w.depth--;
            continue;
        }
        enum kind kind = kind_inside(top->kind, field.number);
        if (kind != KIND_NONE && field.type == BP_WIRE_LEN)
            st = enter(&w, kind, field.bytes);
    }
    return st;
}

static bp_status add_file(struct bp_symbols *s, struct bp_str bytes)
{
    struct bp_symbol_file file = {text_field(bytes, ANY_NAME), bytes};
    if (bp_symbols_file_named(s, file.name) != SIZE_MAX)
        return BP_OK;
    size_t index = bp_symbols_n_files(s);
    bp_buf_add(&s->files, &file, sizeof(file));
    if (s->files.failed)
        return BP_ENOMEM;
    return walk_file(s, (unsigned)index, bytes);
}

bp_status bp_symbols_add(struct bp_symbols *s, struct bp_str set)
{
    struct bp_wire wire = bp_wire_of(set);
    struct bp_wire_field field;
    bp_status st = BP_OK;
    while (st == BP_OK && bp_wire_next(&wire, &field))
        if (field.number == SET_FILE && field.type == BP_WIRE_LEN)
            st = add_file(s, field.bytes);
    if (st == BP_OK && wire.malformed)
        st = BP_EINVAL;
    return st == BP_OK && (s->text.failed || s->entries.failed) ? BP_ENOMEM : st;
}

static struct bp_symbol *entries(const struct bp_symbols *s)
{
    return (struct bp_symbol *)(void *)s->entries.p;
}

static size_t n_entries(const struct bp_symbols *s)
{
    return s->entries.n / sizeof(struct bp_symbol);
}

static struct bp_str name_of(const struct bp_symbols *s, const struct bp_symbol *entry)
{
    return bp_str_of(s->text.p + entry->name_at, entry->name_n);
}

static int compare(const void *a, const void *b, void *context)
{
    const struct bp_symbols *s = context;
    const struct bp_symbol *left = a, *right = b;
    int by_name = bp_str_cmp(name_of(s, left), name_of(s, right));
    if (by_name != 0)
        return by_name;
    return (left->extension_number > right->extension_number) -
           (left->extension_number < right->extension_number);
}

void bp_symbols_sort(struct bp_symbols *s)
{
    if (s->entries.n != 0)
        qsort_r(s->entries.p, n_entries(s), sizeof(struct bp_symbol), compare, s);
}

void bp_symbols_fini(struct bp_symbols *s)
{
    bp_buf_fini(&s->text);
    bp_buf_fini(&s->files);
    bp_buf_fini(&s->entries);
}

size_t bp_symbols_n_files(const struct bp_symbols *s)
{
    return s->files.n / sizeof(struct bp_symbol_file);
}

const struct bp_symbol_file *bp_symbols_file(const struct bp_symbols *s, size_t i)
{
    return (const struct bp_symbol_file *)(const void *)s->files.p + i;
}

size_t bp_symbols_file_named(const struct bp_symbols *s, struct bp_str name)
{
    for (size_t i = 0; i < bp_symbols_n_files(s); i++)
        if (bp_str_eq(bp_symbols_file(s, i)->name, name))
            return i;
    return SIZE_MAX;
}

/* The first entry that is not before this name and number. */
static size_t lower_bound(const struct bp_symbols *s, struct bp_str name, int64_t number)
{
    size_t low = 0, high = n_entries(s);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bp_symbol *e = &entries(s)[middle];
        int by_name = bp_str_cmp(name_of(s, e), name);
        if (by_name < 0 || (by_name == 0 && e->extension_number < number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t bp_symbols_file_of_extension(const struct bp_symbols *s, struct bp_str type, int64_t number)
{
    size_t i = lower_bound(s, type, number);
    if (i == n_entries(s) || entries(s)[i].extension_number != number ||
        !bp_str_eq(name_of(s, &entries(s)[i]), type))
        return SIZE_MAX;
    return entries(s)[i].file;
}

size_t bp_symbols_file_of(const struct bp_symbols *s, struct bp_str name)
{
    return bp_symbols_file_of_extension(s, name, -1);
}

void bp_symbols_each(const struct bp_symbols *s, struct bp_str type,
                     void (*each)(void *context, struct bp_str name, int64_t number), void *context)
{
    for (size_t i = 0; i < n_entries(s); i++) {
        const struct bp_symbol *e = &entries(s)[i];
        struct bp_str name = name_of(s, e);
        bool matches =
            type.n == 0 ? e->is_service : e->extension_number >= 0 && bp_str_eq(name, type);
        if (matches)
            each(context, name, e->extension_number);
    }
}
