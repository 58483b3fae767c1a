/* A YAML 1.2 file as a tree whose every node knows its line, read through libfyaml. Anchors,
 * aliases, tags and directives are refused: they let a small file say more than a reader sees. A
 * tree belongs to one thread. */
#ifndef BERBAGI_YAML_H
#define BERBAGI_YAML_H

#include "error.h"
#include "text.h"

enum bp_yaml_kind { BP_YAML_SCALAR, BP_YAML_SEQUENCE, BP_YAML_MAPPING };

struct bp_yaml_node;
struct bp_yaml_pair {
    struct bp_str key;
    unsigned line; /* of the key, from 1 */
    struct bp_yaml_node *value;
};
struct bp_yaml_node {
    enum bp_yaml_kind kind;
    unsigned line, column;       /* from 1 */
    struct bp_str text;          /* scalar */
    bool is_null;                /* a plain scalar that is empty, ~ or null */
    size_t n;                    /* items or pairs */
    struct bp_yaml_node **items; /* sequence */
    struct bp_yaml_pair *pairs;  /* mapping, in file order, no key twice */
};

struct bp_yaml;

/* Parses a whole file of at most 16 MiB and 32 levels. Errors read "FILE:LINE:COLUMN: words". An
 * empty file is an empty mapping. */
BP_MUST_USE bp_status bp_yaml_load(const char *path, struct bp_yaml **out, struct bp_err *err);

/* The same from memory; name stands for the file in messages. */
BP_MUST_USE bp_status bp_yaml_parse(const char *name, struct bp_str text, struct bp_yaml **out,
                                    struct bp_err *err);
void bp_yaml_destroy(struct bp_yaml *yaml);                          /* NULL allowed */
const struct bp_yaml_node *bp_yaml_root(const struct bp_yaml *yaml); /* borrowed */
const char *bp_yaml_name(const struct bp_yaml *yaml);

/* The value of key in a mapping, NULL if it is not there. */
const struct bp_yaml_node *bp_yaml_get(const struct bp_yaml_node *mapping, const char *key);

/* BP_EINVAL with "FILE:LINE: unknown key 'x'; known are a, b" if a mapping has a key not among the
 * n given. */
BP_MUST_USE bp_status bp_yaml_check_keys(const struct bp_yaml *yaml,
                                         const struct bp_yaml_node *mapping,
                                         const char *const *keys, size_t n, struct bp_err *err);

/* Fails with "FILE:LINE: words" of a node; returns BP_EINVAL. */
bp_status bp_yaml_fail(const struct bp_yaml *yaml, const struct bp_yaml_node *node,
                       struct bp_err *err, const char *format, ...) BP_PRINTF(4, 5);

#endif
