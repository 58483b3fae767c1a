/* The program berbagi: what its commands share. Data goes to standard output, words to standard
 * error; a command returns the exit code. Everything here belongs to the main thread. */
#ifndef BERBAGI_CLI_H
#define BERBAGI_CLI_H

#include "berbagi.h"
#include "options.h"
#include "schema.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_GO_ON = -1 };

/* argv[0] is the command's name. */
int bp_cli_push(int argc, char **argv);
int bp_cli_subscribe(int argc, char **argv);
int bp_cli_subscriptions(int argc, char **argv);
int bp_cli_policy(int argc, char **argv);
int bp_cli_status(int argc, char **argv);
int bp_cli_operator(int argc, char **argv);
int bp_cli_cert(int argc, char **argv);

/* Options that every command takes; a table begins with them. None is marked as required, because
 * they may come from a config file that other commands read too; bp_cli_connect asks for those it
 * needs. */
#define CLI_COMMON_OPTIONS                                                                         \
    {.key = "server",                                                                              \
     .type = BP_OPTION_TEXT,                                                                       \
     .operand = "ADDRESS:PORT",                                                                    \
     .help = "Where the exchange is."},                                                            \
        {.key = "cert",                                                                            \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "FILE",                                                                        \
         .help = "Certificate of this agency or operator, PEM, its chain behind it. Default: "     \
                 "~/.config/berbagi/identity.pem, where `berbagi cert` keeps it with its key."},   \
        {.key = "key",                                                                             \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "FILE",                                                                        \
         .help =                                                                                   \
             "Private key of the certificate, PEM, readable by its owner alone. Without this it "  \
             "stands in the file of --cert."},                                                     \
        {.key = "ca",                                                                              \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "FILE",                                                                        \
         .help = "Certificates of the authorities to believe, PEM. Default: "                      \
                 "~/.config/berbagi/ca.pem."},                                                     \
        {.key = "server-name",                                                                     \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "NAME",                                                                        \
         .help = "Name expected in the server's certificate; otherwise the host of --server."},    \
        {.key = "renewal-server",                                                                  \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "ADDRESS:PORT",                                                                \
         .help = "Where `berbagi cert renew` asks for certificates."},                             \
    {                                                                                              \
        .key = "schema", .type = BP_OPTION_LIST, .operand = "FILE",                                \
        .help = "Descriptor set with event types of a site, beside those built in."                \
    }

/* Reads the command line against a table. CLI_GO_ON: *out is set, with least to most operands;
 * otherwise the exit code: help was printed, or words of what is wrong. */
int bp_cli_options(const struct bp_option *table, size_t n, const char *usage, size_t least,
                   size_t most, int argc, char **argv, struct bp_options **out);

/* The same, and what run makes of the options: the exit code. */
int bp_cli_with_options(const struct bp_option *table, size_t n, const char *usage, size_t least,
                        size_t most, int argc, char **argv, int (*run)(const struct bp_options *o));

/* Who is told that a connection broke, and that the certificate should be renewed. */
struct bp_cli_listener {
    void (*notice)(void *context, const char *words);
    void (*warning)(void *context, const char *words);
    void *context;
};

/* The files of --cert, --key and --ca; of those that are not named, identity.pem and ca.pem in the
 * folder of the user's configuration. */
struct bp_cli_files {
    char *cert, *key, *ca; /* key NULL: it stands in cert; another NULL: there is none */
};
/* are_there: a file that is not named counts only where it is there. False: out of memory. */
bool bp_cli_files_find(const struct bp_options *o, bool are_there, struct bp_cli_files *out);
void bp_cli_files_fini(struct bp_cli_files *f); /* a zeroed one allowed */

/* Opens the client that the options describe. CLI_GO_ON or the exit code, after words. listener
 * NULL: all is told on standard error; patience_ms as of berbagi_options. */
int bp_cli_connect(const struct bp_options *o, const struct bp_cli_listener *listener,
                   uint32_t patience_ms, struct berbagi_client **out);

/* Loads the built-in event types and those of --schema. CLI_GO_ON or the exit code, after words. */
int bp_cli_schema(const struct bp_options *o, struct bp_schema **out);

/* "berbagi: words" and a new line on standard error. */
void bp_cli_say(const char *format, ...) BP_PRINTF(1, 2);

/* Says what failed and returns CLI_FAILED (CLI_USAGE for BERBAGI_EINVAL). */
int bp_cli_fail(const char *what, berbagi_status status, const struct berbagi_error *error);

/* Flushes standard output and says so if that fails: CLI_DONE or CLI_FAILED. */
int bp_cli_flush(void);

/* name in the folder of the user's configuration ($XDG_CONFIG_HOME/berbagi or ~/.config/berbagi),
 * to be freed; NULL: there is no home, or out of memory. */
char *bp_cli_config_path(const char *name);

/* The items of a list option, those with commas cut at them: a copy, to be freed as one (the texts
 * are inside it). NULL: out of memory. */
const char **bp_cli_split_list(const struct bp_options *o, const char *key, size_t *n);

#endif
