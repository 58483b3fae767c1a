/* berbagi: the command line of the exchange. */
#include <stdio.h>

#include "cli.h"
#include "stop.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"push", bp_cli_push, "store the events of files or of standard input"},
    {"subscribe", bp_cli_subscribe, "receive events, from any point on"},
    {"subscriptions", bp_cli_subscriptions, "list or delete durable subscriptions"},
    {"policy", bp_cli_policy, "check, compare, rehearse, apply, approve, show or explain"},
    {"cert", bp_cli_cert, "request, install, look at or renew this agency's certificate"},
    {"status", bp_cli_status, "how the exchange is (operators)"},
    {"operator", bp_cli_operator,
     "who is connected; disconnect, reload certificates, back up (operators)"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(FILE *to)
{
    (void)fputs("berbagi COMMAND [OPTIONS] ...: shares worker status events through the exchange "
                "Berbagi.\n\nCommands:\n",
                to);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(to, "  %-15s%s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nberbagi COMMAND --help tells all about one; berbagi --version the version.\n"
                "Exit codes: 0 done, 1 failed or something was rejected, 2 wrong usage.\n",
                to);
    return to == stdout ? bp_cli_flush() : CLI_USAGE;
}

int main(int argc, char **argv)
{
    bp_stop_install();
    (void)setenv("GRPC_VERBOSITY", "NONE",
                 0); /* what it would print comes as an error, in our words */
    if (argc < 2)
        return print_help(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return print_help(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        printf("berbagi %s\n", BERBAGI_VERSION);
        return bp_cli_flush();
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    bp_cli_say("there is no command '%s'", argv[1]);
    return print_help(stderr);
}
