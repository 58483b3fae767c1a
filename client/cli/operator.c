/* berbagi operator connections|disconnect|reload|backup: what operators do with a running
 * exchange. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "backup.h"
#include "clock.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "output",
     .type = BP_OPTION_TEXT,
     .operand = "table|json",
     .otherwise = "table",
     .help = "For people, or JSON: an object a line."},
    {.key = "dry-run",
     .type = BP_OPTION_FLAG,
     .help = "reload: checks the files in place and says what would happen; changes nothing."},
    {.key = "identity",
     .type = BP_OPTION_TEXT,
     .operand = "KIND/ID",
     .help = "disconnect: all connections of agency/ID or operator/NAME."},
    {.key = "serial",
     .type = BP_OPTION_TEXT,
     .operand = "HEX",
     .help = "disconnect: all connections with the certificate of this serial number."},
    {.key = "peer",
     .type = BP_OPTION_TEXT,
     .operand = "ADDRESS",
     .help = "disconnect: the connection of this address, as connections prints it."},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi operator [OPTIONS] connections\n"
    "berbagi operator [OPTIONS] disconnect --identity KIND/ID | --serial HEX | --peer ADDRESS\n"
    "berbagi operator [OPTIONS] [--dry-run] reload\n"
    "berbagi operator [OPTIONS] backup FILE\n\n"
    "connections lists who is connected: identity, calls open now, serial number and end of the\n"
    "certificate, first call, address. disconnect ends connections and their calls; who may "
    "connect\n"
    "may come again at once: to keep somebody out, revoke or suspend. reload makes the exchange "
    "read\n"
    "its certificates and revocation lists again; it does so by itself when the files change.\n"
    "backup writes the log and the subscriptions, as they are at one position, to a new file,\n"
    "encrypted for the certificate that the exchange was told (berbagid --backup-recipient);\n"
    "`berbagid --restore` makes a data folder of it. The pseudonym key is not in it.\n"
    "For operators; disconnect and reload ask for the role SECURITY, backup for BACKUP.";

static const char *time_text(int64_t ns, char out[36])
{
    if (ns == 0)
        return "-";
    bp_time_format(ns, out);
    return out;
}

/* Prints an object on a line of its own and frees it; false when out of memory. */
static bool print_json(json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    bool ok = text != NULL;
    if (ok)
        printf("%s\n", text);
    free(text);
    json_decref(object);
    return ok;
}

struct printer {
    bool is_json;
    bool is_dry_run;
    bool has_failed; /* out of memory */
};

static int finish(const struct printer *p, const char *what, berbagi_status status,
                  const struct berbagi_error *error)
{
    if (status != BERBAGI_OK)
        return bp_cli_fail(what, status, error);
    if (!p->has_failed)
        return bp_cli_flush();
    bp_cli_say("out of memory");
    return CLI_FAILED;
}

/* --- connections --- */

static void print_connection(void *context, const struct berbagi_connection *c)
{
    struct printer *p = context;
    char not_after[36], since[36];
    (void)time_text(c->certificate_not_after_ns, not_after);
    (void)time_text(c->connected_at_ns, since);
    if (!p->is_json)
        printf("%-24s %7" PRIu32 "  %-32s  %-20.19s  %-20.19s  %s\n", c->identity, c->streams,
               c->certificate_serial, not_after, since, c->peer);
    else if (!print_json(json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "identity", c->identity,
                                   "streams", (int)c->streams, "certificate_serial",
                                   c->certificate_serial, "certificate_not_after", not_after,
                                   "connected_at", since, "peer", c->peer)))
        p->has_failed = true;
}

static int connections(struct berbagi_client *client, const struct bp_options *o, struct printer *p)
{
    struct berbagi_error error = {0};
    (void)o;
    if (!p->is_json)
        printf("%-24s %7s  %-32s  %-20s  %-20s  %s\n", "identity", "streams", "serial",
               "certificate ends", "since", "peer");
    berbagi_status status = berbagi_connections_list(client, print_connection, p, &error);
    return finish(p, "operator connections", status, &error);
}

/* --- disconnect --- */

static bool read_whom(const struct bp_options *o, enum berbagi_whom *by, const char **whom)
{
    static const struct {
        const char *key;
        enum berbagi_whom by;
    } rows[] = {{"identity", BERBAGI_BY_IDENTITY},
                {"serial", BERBAGI_BY_SERIAL},
                {"peer", BERBAGI_BY_PEER}};
    unsigned n = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = bp_options_text(o, rows[i].key);
        if (text == NULL)
            continue;
        *by = rows[i].by;
        *whom = text;
        n++;
    }
    if (n == 1)
        return true;
    bp_cli_say("operator disconnect: one of --identity, --serial and --peer is needed");
    return false;
}

static int disconnect(struct berbagi_client *client, const struct bp_options *o, struct printer *p)
{
    struct berbagi_error error = {0};
    enum berbagi_whom by = BERBAGI_BY_IDENTITY;
    const char *whom = NULL;
    uint32_t n = 0, streams = 0;
    if (!read_whom(o, &by, &whom))
        return CLI_USAGE;
    berbagi_status status = berbagi_disconnect(client, by, whom, &n, &streams, &error);
    if (status == BERBAGI_OK && p->is_json)
        p->has_failed =
            !print_json(json_pack("{s:i, s:i}", "connections", (int)n, "streams", (int)streams));
    else if (status == BERBAGI_OK)
        printf("connections ended: %" PRIu32 ", calls on them: %" PRIu32 "\n", n, streams);
    return finish(p, "operator disconnect", status, &error);
}

/* --- reload --- */

static void print_reload(void *context, const struct berbagi_reload *r)
{
    struct printer *p = context;
    char not_after[36];
    (void)time_text(r->not_after_ns, not_after);
    if (p->is_json) {
        p->has_failed = !print_json(json_pack(
            "{s:b, s:s, s:s, s:i, s:i, s:i}", "dry_run", p->is_dry_run, "certificate_serial",
            r->certificate_serial, "not_after", not_after, "authorities", (int)r->authorities,
            "revoked", (int)r->revoked, "streams_cut", (int)r->streams_cut));
        return;
    }
    printf("%s\n", p->is_dry_run ? "would be in force:" : "in force:");
    printf("%-24s %s\n", "certificate-serial", r->certificate_serial);
    printf("%-24s %s\n", "certificate-not-after", not_after);
    printf("%-24s %" PRIu32 "\n", "authorities", r->authorities);
    printf("%-24s %" PRIu32 "\n", "revoked", r->revoked);
    printf("%-24s %" PRIu32 "\n", p->is_dry_run ? "would-cut" : "calls-cut", r->streams_cut);
}

static int reload(struct berbagi_client *client, const struct bp_options *o, struct printer *p)
{
    struct berbagi_error error = {0};
    (void)o;
    berbagi_status status =
        berbagi_certificates_reload(client, p->is_dry_run, print_reload, p, &error);
    return finish(p, "operator reload", status, &error);
}

/* --- the command --- */

static bool read_output(const struct bp_options *o, struct printer *p)
{
    const char *output = bp_options_text(o, "output");
    p->is_json = strcmp(output, "json") == 0;
    p->is_dry_run = bp_options_flag(o, "dry-run");
    if (p->is_json || strcmp(output, "table") == 0)
        return true;
    bp_cli_say("--output is table or json, not '%s'", output);
    return false;
}

static int backup(struct berbagi_client *client, const struct bp_options *o, struct printer *p)
{
    const char *const *operands;
    (void)p;
    (void)bp_options_rest(o, &operands);
    return bp_operator_backup(client, operands[1]);
}

static const struct command {
    const char *name;
    size_t operands; /* with the name */
    int (*run)(struct berbagi_client *client, const struct bp_options *o, struct printer *p);
} commands[] = {
    {"connections", 1, connections},
    {"disconnect", 1, disconnect},
    {"reload", 1, reload},
    {"backup", 2, backup},
};

static const struct command *find(const struct bp_options *o)
{
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(operands[0], commands[i].name) == 0 && n == commands[i].operands)
            return &commands[i];
    }
    bp_cli_say("operator: connections, disconnect, reload or backup FILE; --help tells more");
    return NULL;
}

static int run(const struct bp_options *o)
{
    struct printer p = {.is_json = false};
    struct berbagi_client *client = NULL;
    const struct command *command = find(o);
    if (command == NULL || !read_output(o, &p))
        return CLI_USAGE;
    int code = bp_cli_connect(o, NULL, 0, &client);
    if (code == CLI_GO_ON)
        code = command->run(client, o, &p);
    berbagi_close(client);
    return code;
}

int bp_cli_operator(int argc, char **argv)
{
    return bp_cli_with_options(table, OPTIONS, usage, 1, 2, argc, argv, run);
}
