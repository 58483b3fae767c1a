/* Builds the tree from libfyaml's events with a stack of our own, so that depth is bounded and
 * anchors, aliases and tags are seen and refused. The hard part is who owns a half-built
 * collection: every piece of memory hangs on the tree's list of chunks from the moment it exists.
 */
#include "yaml.h"

#include <stdarg.h>
#include <stdio.h>

#include <libfyaml.h>

#include "buffer.h"
#include "file.h"

#define FILE_BYTES_MAX (16u << 20)
#define DEPTH_MAX 32

struct chunk {
    struct chunk *next;
};

struct bp_yaml {
    char *name;
    struct chunk *chunks; /* each with its bytes behind it */
    struct bp_yaml_node *root;
};

/* A collection that is not closed yet. */
struct frame {
    struct bp_yaml_node *node;
    size_t capacity;
    struct bp_yaml_pair pending; /* of a mapping: the key whose value comes next */
    bool has_key;
};

struct builder {
    struct bp_yaml *yaml;
    struct frame stack[DEPTH_MAX];
    size_t depth;
    unsigned documents;
    struct bp_err *err;
};

static void *allocate(struct bp_yaml *yaml, size_t size)
{
    struct chunk *c = calloc(1, sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    c->next = yaml->chunks;
    yaml->chunks = c;
    return c + 1;
}

static bp_status out_of_memory(const struct builder *b)
{
    return bp_fail(b->err, BP_ENOMEM, "%s: out of memory", b->yaml->name);
}

static bp_status refuse(const struct builder *b, unsigned line, unsigned column, const char *words)
{
    return bp_fail(b->err, BP_EINVAL, "%s:%u:%u: %s", b->yaml->name, line, column, words);
}

/* Room for one more item or pair of the frame's node. The old array stays on the list until the
 * end: collections double, so that costs no more than the last one. */
static bool grow(struct bp_yaml *yaml, struct frame *f)
{
    struct bp_yaml_node *node = f->node;
    if (node->n < f->capacity)
        return true;
    size_t capacity = f->capacity != 0 ? f->capacity * 2 : 8;
    bool is_mapping = node->kind == BP_YAML_MAPPING;
    size_t item = is_mapping ? sizeof(*node->pairs) : sizeof(*node->items);
    void *bigger = allocate(yaml, capacity * item);
    if (bigger == NULL)
        return false;
    if (node->n != 0)
        memcpy(bigger, is_mapping ? (void *)node->pairs : (void *)node->items, node->n * item);
    if (is_mapping)
        node->pairs = bigger;
    else
        node->items = bigger;
    f->capacity = capacity;
    return true;
}

static bp_status add_key(struct builder *b, struct frame *f, const struct bp_yaml_node *key)
{
    if (key->kind != BP_YAML_SCALAR || key->text.n == 0)
        return refuse(b, key->line, key->column, "a key must be plain text");
    f->pending = (struct bp_yaml_pair){key->text, key->line, NULL};
    f->has_key = true;
    return BP_OK;
}

static int by_key_in_file_order(const void *a, const void *b)
{
    const struct bp_yaml_pair *const *x = a, *const *y = b;
    int order = bp_str_cmp((*x)->key, (*y)->key);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* The first pair in the file whose key stood before, among pairs sorted by key; NULL: none. */
static const struct bp_yaml_pair *const *find_repeated(const struct bp_yaml_pair *const *sorted,
                                                       size_t n)
{
    const struct bp_yaml_pair *const *found = NULL;
    for (size_t i = 1; i < n; i++) {
        if (bp_str_eq(sorted[i - 1]->key, sorted[i]->key) && (found == NULL || sorted[i] < *found))
            found = &sorted[i];
    }
    return found;
}

/* Looked at when a mapping is whole, and by sorting: a file of many keys must not cost their
 * square. */
static bp_status check_keys_differ(const struct builder *b, const struct bp_yaml_node *mapping)
{
    const struct bp_yaml_pair **sorted =
        calloc(mapping->n + 1, sizeof(const struct bp_yaml_pair *));
    bp_status st = BP_OK;
    if (sorted == NULL)
        return out_of_memory(b);
    for (size_t i = 0; i < mapping->n; i++)
        sorted[i] = &mapping->pairs[i];
    qsort(sorted, mapping->n, sizeof(*sorted), by_key_in_file_order);
    const struct bp_yaml_pair *const *twice = find_repeated(sorted, mapping->n);
    if (twice != NULL)
        st = bp_fail(b->err, BP_EINVAL, "%s:%u: key '%.*s' stands twice, first in line %u",
                     b->yaml->name, (*twice)->line, BP_STR_ARGS((*twice)->key), twice[-1]->line);
    free(sorted);
    return st;
}

/* Puts a node where it belongs: the root, an item, a key or a value. */
static bp_status place(struct builder *b, struct bp_yaml_node *node)
{
    if (b->depth == 0) {
        b->yaml->root = node;
        return BP_OK;
    }
    struct frame *f = &b->stack[b->depth - 1];
    if (f->node->kind == BP_YAML_MAPPING && !f->has_key)
        return add_key(b, f, node);
    if (!grow(b->yaml, f))
        return out_of_memory(b);
    if (f->node->kind == BP_YAML_SEQUENCE) {
        f->node->items[f->node->n++] = node;
        return BP_OK;
    }
    f->pending.value = node;
    f->node->pairs[f->node->n++] = f->pending;
    f->has_key = false;
    return BP_OK;
}

static bp_status scalar_text(struct builder *b, struct fy_token *token, struct bp_yaml_node *node)
{
    size_t n = 0;
    const char *text = token != NULL ? fy_token_get_text(token, &n) : "";
    if (text == NULL)
        return out_of_memory(b);
    char *copy = allocate(b->yaml, n + 1);
    if (copy == NULL)
        return out_of_memory(b);
    memcpy(copy, text, n);
    node->text = bp_str_of(copy, n);
    if (!bp_utf8_is_valid(node->text))
        return refuse(b, node->line, node->column, "text is not UTF-8 or holds a NUL");
    bool is_plain = token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN;
    node->is_null =
        is_plain && (n == 0 || bp_str_is(node->text, "~") || bp_str_is(node->text, "null"));
    return BP_OK;
}

static bp_status on_node(struct builder *b, struct fy_event *event, enum bp_yaml_kind kind,
                         struct fy_token *anchor, struct fy_token *tag)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    struct bp_yaml_node *node = allocate(b->yaml, sizeof(*node));
    if (node == NULL)
        return out_of_memory(b);
    node->kind = kind;
    node->line = mark != NULL ? (unsigned)mark->line + 1 : 1;
    node->column = mark != NULL ? (unsigned)mark->column + 1 : 1;
    if (anchor != NULL || tag != NULL)
        return refuse(b, node->line, node->column, "anchors and tags are not allowed");
    bp_status st = kind == BP_YAML_SCALAR ? scalar_text(b, event->scalar.value, node) : BP_OK;
    if (st == BP_OK)
        st = place(b, node);
    if (st != BP_OK || kind == BP_YAML_SCALAR)
        return st;
    if (b->depth == DEPTH_MAX)
        return refuse(b, node->line, node->column, "nested too deeply");
    b->stack[b->depth++] = (struct frame){.node = node};
    return BP_OK;
}

static bp_status on_event(struct builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        return on_node(b, event, BP_YAML_SCALAR, event->scalar.anchor, event->scalar.tag);
    case FYET_SEQUENCE_START:
        return on_node(b, event, BP_YAML_SEQUENCE, event->sequence_start.anchor,
                       event->sequence_start.tag);
    case FYET_MAPPING_START:
        return on_node(b, event, BP_YAML_MAPPING, event->mapping_start.anchor,
                       event->mapping_start.tag);
    case FYET_SEQUENCE_END:
        b->depth--;
        return BP_OK;
    case FYET_MAPPING_END:
        return check_keys_differ(b, b->stack[--b->depth].node);
    case FYET_ALIAS: {
        const struct fy_mark *mark = fy_event_start_mark(event);
        return refuse(b, mark != NULL ? (unsigned)mark->line + 1 : 1, 1, "aliases are not allowed");
    }
    case FYET_DOCUMENT_START:
        if (b->documents++ != 0)
            return bp_fail(b->err, BP_EINVAL, "%s: holds more than one document", b->yaml->name);
        return BP_OK;
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        return BP_OK;
    }
    return BP_OK;
}

/* The parser's first complaint, with its place. */
static bp_status syntax_error(const struct builder *b, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *first = fy_diag_errors_iterate(diag, &at);
    if (first == NULL)
        return bp_fail(b->err, BP_EINVAL, "%s: not YAML", b->yaml->name);
    return bp_fail(b->err, BP_EINVAL, "%s:%d:%d: %s", b->yaml->name, first->line, first->column,
                   first->msg != NULL ? first->msg : "not YAML");
}

static bp_status run_parser(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    bp_status st = BP_OK;
    struct fy_event *event;
    while (st == BP_OK && (event = fy_parser_parse(parser)) != NULL) {
        st = on_event(b, event);
        fy_parser_event_free(parser, event);
    }
    if (st == BP_OK && (fy_parser_get_stream_error(parser) || fy_diag_got_error(diag)))
        st = syntax_error(b, diag);
    return st;
}

static bp_status build(struct builder *b, struct bp_str text)
{
    struct fy_diag_cfg silent = {.level = FYET_ERROR};
    struct fy_diag *diag = fy_diag_create(&silent);
    if (diag == NULL)
        return out_of_memory(b);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    bp_status st = BP_OK;
    if (parser == NULL || fy_parser_set_string(parser, text.n != 0 ? text.p : "", text.n) != 0)
        st = out_of_memory(b);
    else
        st = run_parser(b, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return st;
}

/* What the parser is not to be given. It loops for ever over a directive (%YAML, %TAG) that the end
 * of the file cuts short, and a policy needs none; of bytes that are not UTF-8 it loses memory. */
static bp_status check_lines(const struct builder *b, struct bp_str text)
{
    size_t start = bp_str_starts(text, BP_STR("\xEF\xBB\xBF")) ? 3 : 0; /* byte order mark */
    unsigned line = 1;
    for (size_t i = start, end; i < text.n; i = end + 1) {
        for (end = i; end < text.n && text.p[end] != '\n' && text.p[end] != '\r';)
            end++;
        if (text.p[i] == '%')
            return refuse(b, line, 1, "directives are not allowed");
        if (!bp_utf8_is_valid(bp_str_of(text.p + i, end - i)))
            return refuse(b, line, 1, "text is not UTF-8 or holds a NUL");
        line += end < text.n && text.p[end] == '\n';
    }
    return BP_OK;
}

bp_status bp_yaml_parse(const char *name, struct bp_str text, struct bp_yaml **out,
                        struct bp_err *err)
{
    struct bp_yaml *yaml = calloc(1, sizeof(*yaml));
    if (yaml == NULL)
        return bp_fail(err, BP_ENOMEM, "%s: out of memory", name);
    struct builder b = {.yaml = yaml, .err = err};
    bp_status st = BP_ENOMEM;
    yaml->name = bp_str_dup(bp_str(name));
    if (yaml->name == NULL)
        (void)bp_fail(err, st, "%s: out of memory", name);
    else if ((st = check_lines(&b, text)) == BP_OK)
        st = build(&b, text);
    if (st == BP_OK && (yaml->root == NULL || yaml->root->is_null)) {
        yaml->root = allocate(yaml, sizeof(*yaml->root));
        if (yaml->root == NULL)
            st = out_of_memory(&b);
        else
            *yaml->root = (struct bp_yaml_node){.kind = BP_YAML_MAPPING, .line = 1, .column = 1};
    }
    if (st != BP_OK) {
        bp_yaml_destroy(yaml);
        return st;
    }
    *out = yaml;
    return BP_OK;
}

bp_status bp_yaml_load(const char *path, struct bp_yaml **out, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, FILE_BYTES_MAX, &text, err);
    if (st == BP_OK)
        st = bp_yaml_parse(path, bp_buf_str(&text), out, err);
    bp_buf_fini(&text);
    return st;
}

void bp_yaml_destroy(struct bp_yaml *yaml)
{
    if (yaml == NULL)
        return;
    while (yaml->chunks != NULL) {
        struct chunk *next = yaml->chunks->next;
        free(yaml->chunks);
        yaml->chunks = next;
    }
    free(yaml->name);
    free(yaml);
}

const struct bp_yaml_node *bp_yaml_root(const struct bp_yaml *yaml)
{
    return yaml->root;
}

const char *bp_yaml_name(const struct bp_yaml *yaml)
{
    return yaml->name;
}

const struct bp_yaml_node *bp_yaml_get(const struct bp_yaml_node *mapping, const char *key)
{
    for (size_t i = 0; mapping->kind == BP_YAML_MAPPING && i < mapping->n; i++) {
        if (bp_str_is(mapping->pairs[i].key, key))
            return mapping->pairs[i].value;
    }
    return NULL;
}

bp_status bp_yaml_check_keys(const struct bp_yaml *yaml, const struct bp_yaml_node *mapping,
                             const char *const *keys, size_t n, struct bp_err *err)
{
    if (mapping->kind != BP_YAML_MAPPING)
        return bp_yaml_fail(yaml, mapping, err, "keys and values are expected here");
    for (size_t i = 0; i < mapping->n; i++) {
        const struct bp_yaml_pair *pair = &mapping->pairs[i];
        bool known = false;
        for (size_t k = 0; !known && k < n; k++)
            known = bp_str_is(pair->key, keys[k]);
        if (known)
            continue;
        char list[256] = "";
        for (size_t k = 0, used = 0; k < n && used < sizeof(list); k++)
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", k != 0 ? ", " : "",
                                     keys[k]);
        return bp_fail(err, BP_EINVAL, "%s:%u: unknown key '%.*s'; known are %s", yaml->name,
                       pair->line, BP_STR_ARGS(pair->key), list);
    }
    return BP_OK;
}

bp_status bp_yaml_fail(const struct bp_yaml *yaml, const struct bp_yaml_node *node,
                       struct bp_err *err, const char *format, ...)
{
    char words[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    return bp_fail(err, BP_EINVAL, "%s:%u: %s", yaml->name, node->line, words);
}
