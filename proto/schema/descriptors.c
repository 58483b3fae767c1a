/* Files are unpacked one at a time by protobuf-c, which recurses as messages nest; so how deep they
 * nest is looked at on the wire before. The lists of messages grow while they are walked: nested
 * ones are put behind the rest. */
#include "descriptors.h"

#include <ctype.h>

#include "wire.h"

/* Field numbers of descriptor.proto. */
enum { SET_FILE = 1, FILE_MESSAGE = 4, MESSAGE_NESTED = 3 };
#define NESTING_MAX 64

/* Room for one more item of the given size in a list of n; doubles at powers of two. */
static void *grow(void *list, size_t n, size_t size)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return list;
    return reallocarray(list, n != 0 ? 2 * n : 1, size);
}

/* Does no message of a file nest deeper than protobuf-c's recursion may go? */
static bool nesting_is_bounded(struct bp_str file)
{
    struct bp_wire stack[NESTING_MAX];
    size_t depth = 0;
    stack[0] = bp_wire_of(file);
    for (;;) {
        struct bp_wire_field f;
        if (!bp_wire_next(&stack[depth], &f)) {
            if (stack[depth].malformed)
                return false;
            if (depth-- == 0)
                return true;
        } else if (f.type == BP_WIRE_LEN &&
                   f.number == (depth == 0 ? FILE_MESSAGE : MESSAGE_NESTED)) {
            if (++depth == NESTING_MAX)
                return false;
            stack[depth] = bp_wire_of(f.bytes);
        }
    }
}

static bool is_known_file(const struct bp_descriptors *d, struct bp_str bytes)
{
    for (size_t i = 0; i < d->n_files; i++) {
        if (bp_str_eq(d->files[i].bytes, bytes))
            return true;
    }
    return false;
}

static bp_status add_message(struct bp_descriptors *d, struct bp_str scope,
                             const Google__Protobuf__DescriptorProto *message, bool is_proto3)
{
    struct bp_message_entry *list = grow(d->messages, d->n_messages, sizeof(*list));
    struct bp_str name =
        bp_arena_join(d->arena, scope, scope.n != 0 ? "." : "", bp_str(message->name));
    if (list != NULL)
        d->messages = list;
    if (list == NULL || name.p == NULL)
        return BP_ENOMEM;
    list[d->n_messages++] = (struct bp_message_entry){name, message, d->n_sets, is_proto3};
    return BP_OK;
}

static bp_status add_enums(struct bp_descriptors *d, struct bp_str scope,
                           Google__Protobuf__EnumDescriptorProto *const *enums, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bp_enum_entry *list = grow(d->enums, d->n_enums, sizeof(*list));
        struct bp_str name =
            bp_arena_join(d->arena, scope, scope.n != 0 ? "." : "", bp_str(enums[i]->name));
        if (list != NULL)
            d->enums = list;
        if (list == NULL || name.p == NULL)
            return BP_ENOMEM;
        list[d->n_enums++] = (struct bp_enum_entry){name, enums[i], d->n_sets, NULL};
    }
    return BP_OK;
}

/* Lists everything that one file defines, nested messages and enums too. */
static bp_status list_file(struct bp_descriptors *d,
                           const Google__Protobuf__FileDescriptorProto *file)
{
    struct bp_str package = bp_str(file->package);
    bool is_proto3 = bp_str_is(bp_str(file->syntax), "proto3");
    size_t first = d->n_messages;
    bp_status st = add_enums(d, package, file->enum_type, file->n_enum_type);
    for (size_t i = 0; st == BP_OK && i < file->n_message_type; i++)
        st = add_message(d, package, file->message_type[i], is_proto3);
    for (size_t i = first; st == BP_OK && i < d->n_messages; i++) {
        struct bp_str scope = d->messages[i].name;
        const Google__Protobuf__DescriptorProto *message = d->messages[i].message;
        st = add_enums(d, scope, message->enum_type, message->n_enum_type);
        for (size_t k = 0; st == BP_OK && k < message->n_nested_type; k++)
            st = add_message(d, scope, message->nested_type[k], is_proto3);
    }
    return st;
}

static bp_status add_file(struct bp_descriptors *d, struct bp_str bytes, struct bp_err *err)
{
    if (is_known_file(d, bytes))
        return BP_OK;
    if (!nesting_is_bounded(bytes))
        return bp_fail(
            err, BP_EINVAL,
            "descriptor set %zu: a file is malformed or its messages nest deeper than %d",
            d->n_sets + 1, NESTING_MAX);
    struct bp_file_entry *list = grow(d->files, d->n_files, sizeof(*list));
    if (list == NULL)
        return bp_fail(err, BP_ENOMEM, "descriptor set: out of memory");
    d->files = list;
    list[d->n_files].bytes = bytes;
    list[d->n_files].file =
        google__protobuf__file_descriptor_proto__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (list[d->n_files].file == NULL)
        return bp_fail(err, BP_EINVAL, "descriptor set %zu: a file is malformed, or memory ran out",
                       d->n_sets + 1);
    d->n_files++;
    if (list_file(d, list[d->n_files - 1].file) != BP_OK)
        return bp_fail(err, BP_ENOMEM, "descriptor set: out of memory");
    return BP_OK;
}

bp_status bp_descriptors_add(struct bp_descriptors *d, struct bp_str set, struct bp_err *err)
{
    struct bp_wire r = bp_wire_of(set);
    struct bp_wire_field f;
    while (bp_wire_next(&r, &f)) {
        if (f.number != SET_FILE || f.type != BP_WIRE_LEN)
            continue;
        bp_status st = add_file(d, f.bytes, err);
        if (st != BP_OK)
            return st;
    }
    if (r.malformed)
        return bp_fail(err, BP_EINVAL, "descriptor set %zu: malformed", d->n_sets + 1);
    d->n_sets++;
    return BP_OK;
}

void bp_descriptors_fini(struct bp_descriptors *d)
{
    for (size_t i = 0; i < d->n_files; i++)
        google__protobuf__file_descriptor_proto__free_unpacked(d->files[i].file, NULL);
    free(d->files);
    free(d->messages);
    free(d->enums);
}

/* "WorkerStatus" → length of "WORKER_STATUS_" if full begins with it, else 0. */
static size_t enum_prefix(const char *enum_name, struct bp_str full)
{
    size_t n = 0;
    for (const char *p = enum_name; p != NULL && *p != '\0'; p++) {
        if (p != enum_name && isupper((unsigned char)p[0]) && islower((unsigned char)p[-1])) {
            if (n >= full.n || full.p[n++] != '_')
                return 0;
        }
        if (n >= full.n || full.p[n++] != toupper((unsigned char)*p))
            return 0;
    }
    return n + 1 < full.n && full.p[n] == '_' ? n + 1 : 0;
}

static int by_number(const void *a, const void *b)
{
    const struct bp_enum_value *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static const struct bp_enum *build_enum(struct bp_descriptors *d, const struct bp_enum_entry *entry)
{
    const Google__Protobuf__EnumDescriptorProto *source = entry->source;
    struct bp_enum *e = bp_arena_alloc(d->arena, sizeof(*e));
    struct bp_enum_value *values = bp_arena_alloc(d->arena, source->n_value * sizeof(*values));
    if (e == NULL || values == NULL)
        return NULL;
    for (size_t i = 0; i < source->n_value; i++) {
        struct bp_str full = bp_arena_text(d->arena, source->value[i]->name);
        if (full.p == NULL)
            return NULL;
        size_t prefix = enum_prefix(source->name, full);
        values[i].full_name = full;
        values[i].name = bp_str_of(full.p + prefix, full.n - prefix);
        values[i].number = source->value[i]->number;
    }
    qsort(values, source->n_value, sizeof(*values), by_number);
    *e = (struct bp_enum){entry->name, values, source->n_value};
    return e;
}

bp_status bp_descriptors_enum(struct bp_descriptors *d, const char *type_name, size_t set,
                              const struct bp_enum **out)
{
    struct bp_str name = bp_str(type_name[0] == '.' ? type_name + 1 : type_name);
    struct bp_enum_entry *found = NULL;
    for (size_t i = 0; i < d->n_enums; i++) {
        struct bp_enum_entry *entry = &d->enums[i];
        if (entry->set <= set && bp_str_eq(entry->name, name) &&
            (found == NULL || entry->set == set))
            found = entry;
    }
    if (found == NULL)
        return BP_ENOENT;
    if (found->built == NULL && (found->built = build_enum(d, found)) == NULL)
        return BP_ENOMEM;
    *out = found->built;
    return BP_OK;
}
