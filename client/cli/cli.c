#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "file.h"

void bp_cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flockfile(stderr);
    (void)fputs("berbagi: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    funlockfile(stderr);
    va_end(args);
}

int bp_cli_fail(const char *what, berbagi_status status, const struct berbagi_error *error)
{
    const char *reason = error->reason;
    bp_cli_say("%s: %s%s%s%s", what, error->message, reason[0] != '\0' ? " (" : "", reason,
               reason[0] != '\0' ? ")" : "");
    if (error->field[0] != '\0')
        bp_cli_say("the field at fault is %s", error->field);
    if (error->position != 0)
        bp_cli_say("the position told with it is %llu", (unsigned long long)error->position);
    return status == BERBAGI_EINVAL ? CLI_USAGE : CLI_FAILED;
}

int bp_cli_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_DONE;
    bp_cli_say("standard output: %s", strerror(errno));
    return CLI_FAILED;
}

char *bp_cli_config_path(const char *name)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool has_xdg = xdg != NULL && xdg[0] == '/';
    if (!has_xdg && (home == NULL || home[0] != '/'))
        return NULL;
    char *base = has_xdg ? strdup(xdg) : bp_path_join(home, ".config");
    char *dir = base != NULL ? bp_path_join(base, "berbagi") : NULL;
    char *path = dir != NULL ? bp_path_join(dir, name) : NULL;
    free(base);
    free(dir);
    return path;
}

static int check_operands(const struct bp_options *o, size_t least, size_t most)
{
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    if (n >= least && n <= most)
        return CLI_GO_ON;
    bp_cli_say(n < least ? "an operand is missing; --help shows how"
                         : "one operand too many; --help shows how");
    return CLI_USAGE;
}

int bp_cli_options(const struct bp_option *table, size_t n, const char *usage, size_t least,
                   size_t most, int argc, char **argv, struct bp_options **out)
{
    struct bp_err err = {{0}};
    char *config = bp_cli_config_path("config.yaml");
    struct bp_options *o = NULL;
    bp_status st = bp_options_parse(table, n, "BERBAGI", config, argc, argv, &o, &err);
    free(config);
    if (st != BP_OK) {
        bp_cli_say("%s", err.text);
        return CLI_USAGE;
    }
    if (bp_options_wants_help(o)) {
        bp_options_print_help(table, n, usage);
        bp_options_destroy(o);
        return bp_cli_flush();
    }
    int code = check_operands(o, least, most);
    if (code == CLI_GO_ON)
        *out = o;
    else
        bp_options_destroy(o);
    return code;
}

int bp_cli_with_options(const struct bp_option *table, size_t n, const char *usage, size_t least,
                        size_t most, int argc, char **argv, int (*run)(const struct bp_options *o))
{
    struct bp_options *o = NULL;
    int code = bp_cli_options(table, n, usage, least, most, argc, argv, &o);
    if (code == CLI_GO_ON)
        code = run(o);
    bp_options_destroy(o);
    return code;
}

static bool find_file(const struct bp_options *o, const char *key, const char *name, bool is_there,
                      char **out)
{
    const char *given = bp_options_text(o, key);
    if (given != NULL)
        return (*out = strdup(given)) != NULL;
    *out = bp_cli_config_path(name);
    if (is_there && *out != NULL && access(*out, F_OK) != 0) {
        free(*out);
        *out = NULL;
    }
    return true;
}

bool bp_cli_files_find(const struct bp_options *o, bool are_there, struct bp_cli_files *out)
{
    const char *key = bp_options_text(o, "key");
    struct bp_cli_files f = {.key = key != NULL ? strdup(key) : NULL};
    if ((key == NULL || f.key != NULL) &&
        find_file(o, "cert", "identity.pem", are_there, &f.cert) &&
        find_file(o, "ca", "ca.pem", are_there, &f.ca)) {
        *out = f;
        return true;
    }
    bp_cli_files_fini(&f);
    bp_cli_say("out of memory");
    return false;
}

void bp_cli_files_fini(struct bp_cli_files *f)
{
    free(f->cert);
    free(f->key);
    free(f->ca);
}

static bool is_named(const char *value, const char *key)
{
    if (value == NULL)
        bp_cli_say("--%s is missing; give it here, in the environment or in "
                   "~/.config/berbagi/config.yaml",
                   key);
    return value != NULL;
}

static bool has_connection(const struct bp_options *o, const struct bp_cli_files *f)
{
    const char *server = bp_options_text(o, "server");
    struct bp_str host;
    unsigned port;
    if (!is_named(server, "server") || !is_named(f->cert, "cert") || !is_named(f->ca, "ca"))
        return false;
    if (bp_address_split(bp_str(server), &host, &port) && host.n != 0 && port != 0)
        return true;
    bp_cli_say("--server %s: ADDRESS:PORT is expected, with a port of 1 to 65535", server);
    return false;
}

static void say_words(void *context, const char *words)
{
    (void)context;
    bp_cli_say("%s", words);
}

static int connect_with(const struct bp_options *o, const struct bp_cli_files *f,
                        const struct bp_cli_listener *listener, uint32_t patience_ms,
                        struct berbagi_client **out)
{
    static const struct bp_cli_listener terminal = {say_words, say_words, NULL};
    const struct bp_cli_listener *told = listener != NULL ? listener : &terminal;
    if (!has_connection(o, f))
        return CLI_USAGE;
    const struct berbagi_options options = {
        .server = bp_options_text(o, "server"),
        .cert = f->cert,
        .key = f->key,
        .ca = f->ca,
        .server_name = bp_options_text(o, "server-name"),
        .patience_ms = patience_ms,
        .notice = told->notice,
        .warning = told->warning,
        .context = told->context,
    };
    struct berbagi_error error = {0};
    berbagi_status status = berbagi_open(&options, out, &error);
    return status == BERBAGI_OK ? CLI_GO_ON : bp_cli_fail("connection", status, &error);
}

int bp_cli_connect(const struct bp_options *o, const struct bp_cli_listener *listener,
                   uint32_t patience_ms, struct berbagi_client **out)
{
    struct bp_cli_files f = {0};
    if (!bp_cli_files_find(o, true, &f))
        return CLI_FAILED;
    int code = connect_with(o, &f, listener, patience_ms, out);
    bp_cli_files_fini(&f);
    return code;
}

int bp_cli_schema(const struct bp_options *o, struct bp_schema **out)
{
    struct bp_err err = {{0}};
    const char *const *files;
    size_t n = bp_options_list(o, "schema", &files);
    if (bp_schema_open(files, n, out, &err) == BP_OK)
        return CLI_GO_ON;
    bp_cli_say("%s", err.text);
    return CLI_FAILED;
}

/* Cuts text at its commas in place; returns the number of pieces. */
static size_t cut(char *text, const char **items)
{
    size_t n = 0;
    for (char *at = text; at != NULL; n++) {
        char *comma = strchr(at, ',');
        items[n] = at;
        at = comma != NULL ? comma + 1 : NULL;
        if (comma != NULL)
            *comma = '\0';
    }
    return n;
}

const char **bp_cli_split_list(const struct bp_options *o, const char *key, size_t *n)
{
    const char *const *list;
    size_t n_list = bp_options_list(o, key, &list), bytes = 0, most = 0;
    for (size_t i = 0; i < n_list; i++) {
        bytes += strlen(list[i]) + 1;
        most++;
        for (const char *c = list[i]; *c != '\0'; c++)
            most += *c == ',';
    }
    const char **items = malloc((most + 1) * sizeof(*items) + bytes);
    if (items == NULL)
        return NULL;
    char *text = (char *)(items + most + 1);
    *n = 0;
    for (size_t i = 0; i < n_list; i++) {
        size_t size = strlen(list[i]) + 1;
        memcpy(text, list[i], size);
        *n += cut(text, items + *n);
        text += size;
    }
    return items;
}
