/* Values of one YAML document read into the fields of a protobuf-c message, each noted in the
 * source map. A failure is told once and sticks: later reads do nothing. */
#ifndef BERBAGI_YAML_READER_H
#define BERBAGI_YAML_READER_H

#include "source_map.h"
#include "yaml.h"

struct yaml_reader {
    const struct bp_yaml *yaml;
    struct bp_source_map *map;
    unsigned file; /* its number in the map */
    bp_status st;
    struct bp_err *err;
};

/* A mapping that is read and the path of the message it becomes: "agreements[3].grants[12]". */
struct yaml_message {
    const struct bp_yaml_node *node;
    char path[96];
};

/* Words of an enum: a protobuf-c enum whose value names begin with prefix; none: the word for 0,
 * NULL = 0 has none. */
struct yaml_words {
    const ProtobufCEnumDescriptor *words;
    const char *prefix;
    const char *none;
    const char *what; /* "level" */
};

void bp_yaml_reader_fail(struct yaml_reader *r, const struct bp_yaml_node *node, const char *format,
                         ...) BP_PRINTF(3, 4);
void bp_yaml_reader_no_memory(struct yaml_reader *r);

/* Notes where path, or the path of a key below it, was written. */
void bp_yaml_reader_note(struct yaml_reader *r, const char *path, unsigned line);

/* Begins a message: node must be a mapping with no other keys than these (NULL-ended). False after
 * a failure. */
bool bp_yaml_reader_begin(struct yaml_reader *r, const struct bp_yaml_node *node,
                          const char *const *keys, struct yaml_message *m, const char *path_format,
                          ...) BP_PRINTF(5, 6);
/* The value of key, noted; NULL if it is left out. */
const struct bp_yaml_node *bp_yaml_reader_value(struct yaml_reader *r, const struct yaml_message *m,
                                                const char *key);
/* The items of a sequence, or the one node that stands for a sequence of itself; node may be NULL
 * (none). */
size_t bp_yaml_items(const struct bp_yaml_node *node, const struct bp_yaml_node *const **items,
                     const struct bp_yaml_node **room);

/* Fields of a message that is all zero or freshly initialized. Left out: nothing changes. */
void bp_yaml_reader_text(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         char **out);
void bp_yaml_reader_flag(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         protobuf_c_boolean *out);
/* A whole number of 0 to most. */
void bp_yaml_reader_number(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                           uint32_t most, uint32_t *out);
/* The same of numbers that need 64 bits. */
void bp_yaml_reader_number64(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                             uint64_t most, uint64_t *out);
void bp_yaml_reader_texts(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                          char ***out, size_t *n);
/* Sets *out to the number of the word; *out has the size of any protobuf-c enum. */
void bp_yaml_reader_word(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         const struct yaml_words *words, int *out);
void bp_yaml_reader_word_list(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                              const struct yaml_words *words, int **out, size_t *n);

/* A copy of a scalar; NULL after a failure (a list or mapping, no memory). */
char *bp_yaml_reader_dup(struct yaml_reader *r, const struct bp_yaml_node *node);

#endif
