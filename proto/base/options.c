/* One pass for each source of values, strongest first; a value once set is not touched by a weaker
 * source. */
#include "options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "buffer.h"
#include "yaml.h"

struct value {
    bool is_set;
    const char **items; /* one for all types but LIST; terminated texts, owned by the arena below */
    size_t n;
    uint64_t number;
};

struct bp_options {
    const struct bp_option *table;
    size_t n;
    struct value *values;
    const char **rest;
    size_t n_rest;
    const char *config;
    bool wants_help;
    char **texts; /* copies made for values */
    size_t n_texts;
};

static const char *keep(struct bp_options *o, struct bp_str text)
{
    char **texts = realloc(o->texts, (o->n_texts + 1) * sizeof(*texts));
    if (texts == NULL)
        return NULL;
    o->texts = texts;
    char *copy = bp_str_dup(text);
    if (copy != NULL)
        o->texts[o->n_texts++] = copy;
    return copy;
}

static bp_status out_of_memory(struct bp_err *err)
{
    return bp_fail(err, BP_ENOMEM, "options: out of memory");
}

static size_t find(const struct bp_options *o, struct bp_str key)
{
    size_t i = 0;
    while (i < o->n && !bp_str_is(key, o->table[i].key))
        i++;
    return i;
}

/* Adds one value of an option; place says where it stands, for the message. */
static bp_status add(struct bp_options *o, size_t i, const char *place, struct bp_str text,
                     struct bp_err *err)
{
    const struct bp_option *option = &o->table[i];
    struct value *v = &o->values[i];
    uint64_t number = 0;
    if (option->type == BP_OPTION_NUMBER &&
        (!bp_parse_u64(text, &number) || number < option->least || number > option->most))
        return bp_fail(err, BP_EINVAL,
                       "%s: a whole number from %" PRIu64 " to %" PRIu64 " is expected", place,
                       option->least, option->most);
    if (option->type == BP_OPTION_FLAG) {
        if (!bp_str_is(text, "true") && !bp_str_is(text, "false"))
            return bp_fail(err, BP_EINVAL, "%s: true or false is expected", place);
        number = bp_str_is(text, "true");
    }
    const char **items = realloc(v->items, (v->n + 1) * sizeof(*items));
    if (items == NULL)
        return out_of_memory(err);
    v->items = items;
    const char *copy = keep(o, text);
    if (copy == NULL)
        return out_of_memory(err);
    v->items[option->type == BP_OPTION_LIST ? v->n : 0] = copy;
    v->n = option->type == BP_OPTION_LIST ? v->n + 1 : 1;
    v->number = number;
    v->is_set = true;
    return BP_OK;
}

static bp_status add_operand(struct bp_options *o, const char *text, struct bp_err *err)
{
    const char **rest = realloc(o->rest, (o->n_rest + 1) * sizeof(*rest));
    if (rest == NULL)
        return out_of_memory(err);
    o->rest = rest;
    o->rest[o->n_rest++] = text;
    return BP_OK;
}

/* One flag, with its value behind '=' or in the next argument (then *at moves on). */
static bp_status read_flag(struct bp_options *o, int *at, int argc, char **argv, struct bp_err *err)
{
    const char *flag = argv[*at] + 2;
    const char *equals = strchr(flag, '=');
    struct bp_str key = equals != NULL ? bp_str_of(flag, (size_t)(equals - flag)) : bp_str(flag);
    if (bp_str_is(key, "help")) {
        o->wants_help = true;
        return BP_OK;
    }
    size_t i = find(o, key);
    bool is_config = bp_str_is(key, "config");
    if (i == o->n && !is_config)
        return bp_fail(err, BP_EINVAL, "unknown option --%.*s; --help lists them",
                       BP_STR_ARGS(key));
    bool takes_value = is_config || o->table[i].type != BP_OPTION_FLAG;
    const char *value = equals != NULL ? equals + 1 : takes_value ? NULL : "true";
    if (value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL)
        return bp_fail(err, BP_EINVAL, "--%.*s: a value is missing", BP_STR_ARGS(key));
    if (is_config) {
        o->config = value;
        return BP_OK;
    }
    char place[128];
    (void)snprintf(place, sizeof(place), "--%s", o->table[i].key);
    return add(o, i, place, bp_str(value), err);
}

static bp_status read_arguments(struct bp_options *o, int argc, char **argv, struct bp_err *err)
{
    bp_status st = BP_OK;
    bool ended = false;
    for (int at = 1; at < argc && st == BP_OK; at++) {
        if (!ended && strcmp(argv[at], "--") == 0)
            ended = true;
        else if (!ended && strncmp(argv[at], "--", 2) == 0)
            st = read_flag(o, &at, argc, argv, err);
        else if (!ended && argv[at][0] == '-' && argv[at][1] != '\0')
            st = bp_fail(err, BP_EINVAL, "unknown option %s; --help lists them", argv[at]);
        else
            st = add_operand(o, argv[at], err);
    }
    return st;
}

static bp_status read_environment(struct bp_options *o, const char *prefix, struct bp_err *err)
{
    for (size_t i = 0; prefix != NULL && i < o->n; i++) {
        char name[128];
        int n = snprintf(name, sizeof(name), "%s_%s", prefix, o->table[i].key);
        BP_ASSERT(n > 0 && (size_t)n < sizeof(name));
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *value = getenv(name);
        if (o->values[i].is_set || value == NULL || value[0] == '\0')
            continue;
        bp_status st = add(o, i, name, bp_str(value), err);
        if (st != BP_OK)
            return st;
    }
    return BP_OK;
}

static bp_status read_pair(struct bp_options *o, const struct bp_yaml *yaml,
                           const struct bp_yaml_pair *pair, struct bp_err *err)
{
    char place[192];
    (void)snprintf(place, sizeof(place), "%s:%u: %.*s", bp_yaml_name(yaml), pair->line,
                   BP_STR_ARGS(pair->key));
    size_t i = find(o, pair->key);
    if (i == o->n)
        return bp_fail(err, BP_EINVAL, "%s: unknown key; --help lists them", place);
    if (o->values[i].is_set)
        return BP_OK;
    const struct bp_yaml_node *node = pair->value;
    if (node->kind == BP_YAML_SCALAR)
        return add(o, i, place, node->text, err);
    if (node->kind == BP_YAML_MAPPING || o->table[i].type != BP_OPTION_LIST)
        return bp_fail(err, BP_EINVAL, "%s: a single value is expected", place);
    bp_status st = BP_OK;
    for (size_t k = 0; k < node->n && st == BP_OK; k++) {
        if (node->items[k]->kind != BP_YAML_SCALAR)
            return bp_fail(err, BP_EINVAL, "%s: a list of single values is expected", place);
        st = add(o, i, place, node->items[k]->text, err);
    }
    return st;
}

static bp_status read_file(struct bp_options *o, const char *default_config, struct bp_err *err)
{
    const char *path = o->config;
    if (path == NULL && default_config != NULL && access(default_config, F_OK) == 0)
        path = default_config;
    if (path == NULL)
        return BP_OK;
    struct bp_yaml *yaml = NULL;
    bp_status st = bp_yaml_load(path, &yaml, err);
    if (st != BP_OK)
        return st;
    const struct bp_yaml_node *root = bp_yaml_root(yaml);
    if (root->kind != BP_YAML_MAPPING)
        st = bp_yaml_fail(yaml, root, err, "keys and values are expected here");
    for (size_t i = 0; st == BP_OK && i < root->n; i++)
        st = read_pair(o, yaml, &root->pairs[i], err);
    bp_yaml_destroy(yaml);
    return st;
}

static bp_status apply_defaults(struct bp_options *o, struct bp_err *err)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct bp_option *option = &o->table[i];
        if (o->values[i].is_set)
            continue;
        if (option->required && !o->wants_help)
            return bp_fail(err, BP_EINVAL, "--%s %s is missing: %s", option->key, option->operand,
                           option->help);
        if (option->otherwise == NULL)
            continue;
        bp_status st = add(o, i, option->key, bp_str(option->otherwise), err);
        if (st != BP_OK)
            return st;
        o->values[i].is_set = false;
    }
    return BP_OK;
}

bp_status bp_options_parse(const struct bp_option *table, size_t n, const char *prefix,
                           const char *default_config, int argc, char **argv,
                           struct bp_options **out, struct bp_err *err)
{
    struct bp_options *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return out_of_memory(err);
    o->table = table;
    o->n = n;
    o->values = calloc(n != 0 ? n : 1, sizeof(*o->values));
    bp_status st = o->values != NULL ? read_arguments(o, argc, argv, err) : out_of_memory(err);
    if (st == BP_OK && !o->wants_help) {
        if ((st = read_environment(o, prefix, err)) == BP_OK)
            st = read_file(o, default_config, err);
    }
    if (st == BP_OK)
        st = apply_defaults(o, err);
    if (st != BP_OK) {
        bp_options_destroy(o);
        return st;
    }
    *out = o;
    return BP_OK;
}

void bp_options_destroy(struct bp_options *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; o->values != NULL && i < o->n; i++)
        free(o->values[i].items);
    for (size_t i = 0; i < o->n_texts; i++)
        free(o->texts[i]);
    free(o->texts);
    free(o->values);
    free(o->rest);
    free(o);
}

bool bp_options_wants_help(const struct bp_options *o)
{
    return o->wants_help;
}

/* Words of text folded at 100 columns behind an indent. */
static void print_folded(const char *text, unsigned indent)
{
    unsigned column = indent;
    printf("%*s", (int)indent, "");
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > indent && column + word + 1 > 100) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            printf(" ");
            column++;
        }
        printf("%.*s", (int)word, text);
        column += (unsigned)word;
        text += word;
        text += strspn(text, " ");
    }
    printf("\n");
}

void bp_options_print_help(const struct bp_option *table, size_t n, const char *usage)
{
    printf("%s\n\nOptions:\n", usage);
    for (size_t i = 0; i < n; i++) {
        const struct bp_option *o = &table[i];
        struct bp_buf help = {0};
        printf("  --%s%s%s%s\n", o->key, o->type == BP_OPTION_FLAG ? "" : " ",
               o->type == BP_OPTION_FLAG ? "" : o->operand,
               o->type == BP_OPTION_LIST ? " (may be given several times)" : "");
        bp_buf_add_text(&help, o->help);
        if (o->required)
            bp_buf_add_text(&help, " Required.");
        if (o->otherwise != NULL && o->type != BP_OPTION_FLAG)
            bp_buf_printf(&help, " Default: %s.", o->otherwise);
        bp_buf_add_byte(&help, 0);
        print_folded(help.failed ? o->help : (const char *)help.p, 8);
        bp_buf_fini(&help);
    }
    printf("  --config FILE\n");
    print_folded("A YAML file with any of these options, named as here without the dashes.", 8);
    printf("  --help\n");
}

static const struct value *value_of(const struct bp_options *o, const char *key)
{
    size_t i = find(o, bp_str(key));
    BP_ASSERT(i < o->n);
    return &o->values[i];
}

const char *bp_options_text(const struct bp_options *o, const char *key)
{
    const struct value *v = value_of(o, key);
    return v->n != 0 ? v->items[0] : NULL;
}

uint64_t bp_options_number(const struct bp_options *o, const char *key)
{
    return value_of(o, key)->number;
}

bool bp_options_flag(const struct bp_options *o, const char *key)
{
    return value_of(o, key)->number != 0;
}

size_t bp_options_list(const struct bp_options *o, const char *key, const char *const **items)
{
    const struct value *v = value_of(o, key);
    *items = (const char *const *)v->items;
    return v->n;
}

bool bp_options_is_set(const struct bp_options *o, const char *key)
{
    return value_of(o, key)->is_set;
}

size_t bp_options_rest(const struct bp_options *o, const char *const **operands)
{
    *operands = o->rest;
    return o->n_rest;
}
