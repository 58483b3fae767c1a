/* berbagi-ca COMMAND ...: finds the command, reads its options, runs it. Words go to standard
 * error, data to standard output; 0 done, 1 failed, 2 bad usage. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

static const struct bp_command *const commands[] = {
    &bp_command_init,       &bp_command_registry, &bp_command_request, &bp_command_sign,
    &bp_command_renew,      &bp_command_issue,    &bp_command_export,  &bp_command_revoke,
    &bp_command_crl,        &bp_command_list,     &bp_command_log,     &bp_command_rollover,
    &bp_command_passphrase, &bp_command_inspect,
};

/* Keys and passphrases are in memory: a crash leaves no copy of it. */
static void forbid_core_dumps(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

static void print_commands(FILE *to)
{
    fprintf(to, "Usage: berbagi-ca COMMAND [OPTION...]\n\n"
                "The certificate authority of an exchange.\n\nCommands:\n");
    for (size_t i = 0; i < BP_COUNT(commands); i++)
        fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "  %-11s %s\n", "serve", "renew certificates of agencies over the network");
    fprintf(to, "\nberbagi-ca COMMAND --help says more.\n");
}

static const struct bp_command *find_command(const char *name)
{
    for (size_t i = 0; i < BP_COUNT(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static bool has_right_operands(const struct bp_command *command, const struct bp_options *o)
{
    const char *const *operands;
    const size_t n = bp_options_rest(o, &operands);
    return n >= command->least_operands && n <= command->most_operands;
}

static int fail(const struct bp_command *command, const struct bp_err *err, int code)
{
    fprintf(stderr, "berbagi-ca %s: %s\n", command->name, err->text);
    return code;
}

static int run(const struct bp_command *command, int argc, char **argv)
{
    struct bp_err err = {""};
    struct bp_options *o = NULL;
    bool is_usage = false;
    int code = 0;

    if (bp_options_parse(command->options, command->n_options, "BERBAGI_CA", NULL, argc, argv, &o,
                         &err) != BP_OK)
        return fail(command, &err, 2);
    if (bp_options_wants_help(o)) {
        bp_options_print_help(command->options, command->n_options, command->usage);
    } else if (!has_right_operands(command, o)) {
        bp_fail(&err, BP_EINVAL, "too few or too many operands; --help shows what it takes");
        code = fail(command, &err, 2);
    } else if (command->run(o, &is_usage, &err) != BP_OK) {
        code = fail(command, &err, is_usage ? 2 : 1);
    }
    bp_options_destroy(o);
    if (code == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        bp_fail(&err, BP_EIO, "standard output cannot be written");
        code = fail(command, &err, 1);
    }
    return code;
}

/* serve is a program of its own beside this one, so that this one links no network code. */
static int run_serve(char **argv)
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-serve"));
    if (n > 0) {
        memcpy(path + n, "-serve", sizeof("-serve"));
        (void)execv(path, argv);
    }
    fprintf(stderr, "berbagi-ca serve: berbagi-ca-serve, beside this program, cannot be run: %s\n",
            strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    const struct bp_command *command;
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_commands(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("berbagi-ca %s\n", BERBAGI_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "serve") == 0)
        return run_serve(argv + 1);
    if ((command = find_command(argv[1])) == NULL) {
        fprintf(stderr, "berbagi-ca: no command %s; --help lists them\n", argv[1]);
        return 2;
    }
    umask(022);
    forbid_core_dumps();
    return run(command, argc - 1, argv + 1);
}
