/* The names in descriptor sets and the files they stand in: what server reflection answers from.
 * Walks the wire format, so it needs no message structs and no recursion. Immutable once built; any
 * thread. */
#ifndef BERBAGI_SYMBOLS_H
#define BERBAGI_SYMBOLS_H

#include "buffer.h"

struct bp_symbol_file {
    struct bp_str name;  /* "berbagi/v1/event.proto" */
    struct bp_str bytes; /* google.protobuf.FileDescriptorProto */
};

struct bp_symbol {
    size_t name_at, name_n; /* in text */
    unsigned file;
    bool is_service;
    int64_t extension_number; /* of an extension, which is listed by the name of the type it
                                 extends; else -1 */
};

struct bp_symbols {
    struct bp_buf text, files,
        entries; /* files: struct bp_symbol_file; entries: struct bp_symbol */
};

/* Adds a serialized google.protobuf.FileDescriptorSet, borrowed until bp_symbols_fini. A file whose
 * name is there already is passed over. BP_EINVAL: malformed, nested deeper than 64, or a name over
 * 512 bytes. A zeroed struct is empty. */
BP_MUST_USE bp_status bp_symbols_add(struct bp_symbols *s, struct bp_str set);
/* Behind the last bp_symbols_add, before the first search. */
void bp_symbols_sort(struct bp_symbols *s);
void bp_symbols_fini(struct bp_symbols *s);

size_t bp_symbols_n_files(const struct bp_symbols *s);
const struct bp_symbol_file *bp_symbols_file(const struct bp_symbols *s, size_t i);
/* The index of a file, or SIZE_MAX. */
size_t bp_symbols_file_named(const struct bp_symbols *s, struct bp_str name);
/* The file that declares this full name. */
size_t bp_symbols_file_of(const struct bp_symbols *s, struct bp_str name);
/* The file that extends this type with this number. */
size_t bp_symbols_file_of_extension(const struct bp_symbols *s, struct bp_str type, int64_t number);

/* Every service, then every extension of a type: calls each for those that match. type.n == 0:
 * services. */
void bp_symbols_each(const struct bp_symbols *s, struct bp_str type,
                     void (*each)(void *context, struct bp_str name, int64_t number),
                     void *context);

#endif
