#include "yaml_reader.h"

#include <stdarg.h>
#include <stdio.h>

void bp_yaml_reader_fail(struct yaml_reader *r, const struct bp_yaml_node *node, const char *format,
                         ...)
{
    char words[256];
    va_list args;
    if (r->st != BP_OK)
        return;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    r->st = bp_yaml_fail(r->yaml, node, r->err, "%s", words);
}

void bp_yaml_reader_no_memory(struct yaml_reader *r)
{
    if (r->st == BP_OK)
        r->st = bp_fail(r->err, BP_ENOMEM, "policy: out of memory");
}

void bp_yaml_reader_note(struct yaml_reader *r, const char *path, unsigned line)
{
    if (r->st == BP_OK && r->map != NULL && bp_source_map_add(r->map, path, r->file, line) != BP_OK)
        bp_yaml_reader_no_memory(r);
}

static size_t count_keys(const char *const *keys)
{
    size_t n = 0;
    while (keys[n] != NULL)
        n++;
    return n;
}

bool bp_yaml_reader_begin(struct yaml_reader *r, const struct bp_yaml_node *node,
                          const char *const *keys, struct yaml_message *m, const char *path_format,
                          ...)
{
    va_list args;
    va_start(args, path_format);
    (void)vsnprintf(m->path, sizeof(m->path), path_format, args);
    va_end(args);
    m->node = node;
    if (r->st != BP_OK)
        return false;
    if (node->kind != BP_YAML_MAPPING) {
        bp_yaml_reader_fail(r, node, "a mapping of keys is expected here");
        return false;
    }
    r->st = bp_yaml_check_keys(r->yaml, node, keys, count_keys(keys), r->err);
    if (m->path[0] != '\0')
        bp_yaml_reader_note(r, m->path, node->line);
    return r->st == BP_OK;
}

const struct bp_yaml_node *bp_yaml_reader_value(struct yaml_reader *r, const struct yaml_message *m,
                                                const char *key)
{
    const struct bp_yaml_node *value = r->st == BP_OK ? bp_yaml_get(m->node, key) : NULL;
    char path[128];
    if (value == NULL)
        return NULL;
    snprintf(path, sizeof(path), "%s%s%s", m->path, m->path[0] != '\0' ? "." : "", key);
    bp_yaml_reader_note(r, path, value->line);
    return value;
}

size_t bp_yaml_items(const struct bp_yaml_node *node, const struct bp_yaml_node *const **items,
                     const struct bp_yaml_node **room)
{
    *room = node;
    *items = room;
    if (node == NULL || node->is_null)
        return 0;
    if (node->kind != BP_YAML_SEQUENCE)
        return 1;
    *items = (const struct bp_yaml_node *const *)node->items;
    return node->n;
}

char *bp_yaml_reader_dup(struct yaml_reader *r, const struct bp_yaml_node *node)
{
    char *copy = NULL;
    if (r->st != BP_OK)
        return NULL;
    if (node->kind != BP_YAML_SCALAR)
        bp_yaml_reader_fail(r, node, "one value is expected here, not a list or a mapping");
    else if ((copy = bp_str_dup(node->is_null ? BP_STR("") : node->text)) == NULL)
        bp_yaml_reader_no_memory(r);
    return copy;
}

void bp_yaml_reader_text(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         char **out)
{
    const struct bp_yaml_node *value = bp_yaml_reader_value(r, m, key);
    char *copy = value != NULL ? bp_yaml_reader_dup(r, value) : NULL;
    if (copy != NULL)
        *out = copy;
}

void bp_yaml_reader_flag(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         protobuf_c_boolean *out)
{
    const struct bp_yaml_node *value = bp_yaml_reader_value(r, m, key);
    if (value == NULL)
        return;
    *out = value->kind == BP_YAML_SCALAR && bp_str_is(value->text, "true");
    if (!*out && !(value->kind == BP_YAML_SCALAR && bp_str_is(value->text, "false")))
        bp_yaml_reader_fail(r, value, "%s is true or false", key);
}

void bp_yaml_reader_number(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                           uint32_t most, uint32_t *out)
{
    const struct bp_yaml_node *value = bp_yaml_reader_value(r, m, key);
    uint64_t number = 0;
    if (value == NULL)
        return;
    bool is_number = value->kind == BP_YAML_SCALAR && value->text.n >= 1 && value->text.n <= 10;
    for (size_t i = 0; is_number && i < value->text.n; i++) {
        is_number = value->text.p[i] >= '0' && value->text.p[i] <= '9';
        number = number * 10 + (uint64_t)(value->text.p[i] - '0');
    }
    if (is_number && number <= most)
        *out = (uint32_t)number;
    else
        bp_yaml_reader_fail(r, value, "%s is a whole number of 0 to %lu", key, (unsigned long)most);
}

void bp_yaml_reader_number64(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                             uint64_t most, uint64_t *out)
{
    const struct bp_yaml_node *value = bp_yaml_reader_value(r, m, key);
    uint64_t number;
    if (value == NULL)
        return;
    if (value->kind == BP_YAML_SCALAR && bp_parse_u64(value->text, &number) && number <= most)
        *out = number;
    else
        bp_yaml_reader_fail(r, value, "%s is a whole number of 0 to %llu", key,
                            (unsigned long long)most);
}

void bp_yaml_reader_texts(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                          char ***out, size_t *n)
{
    const struct bp_yaml_node *const *items, *room, *value = bp_yaml_reader_value(r, m, key);
    size_t n_items = bp_yaml_items(value, &items, &room);
    if (n_items == 0)
        return;
    *out = calloc(n_items, sizeof(**out));
    if (*out == NULL) {
        bp_yaml_reader_no_memory(r);
        return;
    }
    for (size_t i = 0; i < n_items; i++) {
        char *copy = bp_yaml_reader_dup(r, items[i]);
        if (copy == NULL)
            return;
        (*out)[(*n)++] = copy;
    }
}

static void list_words(const struct yaml_words *words, struct bp_buf *out)
{
    size_t skip = strlen(words->prefix);
    if (words->none != NULL)
        bp_buf_printf(out, ", %s", words->none);
    for (unsigned i = 0; i < words->words->n_values; i++) {
        if (words->words->values[i].value != 0)
            bp_buf_printf(out, ", %s", words->words->values[i].name + skip);
    }
    bp_buf_add_byte(out, 0);
}

static bool find_word(const struct yaml_words *words, struct bp_str text, int *out)
{
    size_t skip = strlen(words->prefix);
    *out = 0;
    if (words->none != NULL && bp_str_is(text, words->none))
        return true;
    for (unsigned i = 0; i < words->words->n_values; i++) {
        *out = words->words->values[i].value;
        if (*out != 0 && bp_str_is(text, words->words->values[i].name + skip))
            return true;
    }
    return false;
}

static void read_word(struct yaml_reader *r, const struct bp_yaml_node *node,
                      const struct yaml_words *words, int *out)
{
    struct bp_buf known = {0};
    if (node->kind == BP_YAML_SCALAR && find_word(words, node->text, out))
        return;
    list_words(words, &known);
    bp_yaml_reader_fail(r, node, "'%.*s' is no %s; known are%s",
                        node->kind == BP_YAML_SCALAR ? (int)node->text.n : 0,
                        node->kind == BP_YAML_SCALAR && node->text.n != 0 ? node->text.p : "",
                        words->what, known.failed || known.n < 2 ? "" : (const char *)known.p + 1);
    bp_buf_fini(&known);
}

void bp_yaml_reader_word(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                         const struct yaml_words *words, int *out)
{
    const struct bp_yaml_node *value = bp_yaml_reader_value(r, m, key);
    if (value != NULL)
        read_word(r, value, words, out);
}

void bp_yaml_reader_word_list(struct yaml_reader *r, const struct yaml_message *m, const char *key,
                              const struct yaml_words *words, int **out, size_t *n)
{
    const struct bp_yaml_node *const *items, *room, *value = bp_yaml_reader_value(r, m, key);
    size_t n_items = bp_yaml_items(value, &items, &room);
    if (n_items == 0)
        return;
    *out = calloc(n_items, sizeof(**out));
    if (*out == NULL) {
        bp_yaml_reader_no_memory(r);
        return;
    }
    for (size_t i = 0; i < n_items && r->st == BP_OK; i++)
        read_word(r, items[i], words, &(*out)[(*n)++]);
}
