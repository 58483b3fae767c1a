/* berbagi policy: its options, and which command is meant. */
#include "explain.h"
#include "policy_commands.h"
#include "policy_folder.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "dry-run",
     .type = BP_OPTION_FLAG,
     .help = "apply: tell what would change, and change nothing."},
    {.key = "changes",
     .type = BP_OPTION_FLAG,
     .help = "apply: print every change on standard output, as --dry-run does."},
    {.key = "yes", .type = BP_OPTION_FLAG, .help = "apply, approve: do it without asking."},
    {.key = "expected-version",
     .type = BP_OPTION_NUMBER,
     .operand = "VERSION",
     .most = UINT64_MAX,
     .help =
         "apply: the version that is to be replaced, 0 = there is none; if another is in force, "
         "nothing changes. Otherwise the one in force when the command begins."},
    {.key = "since",
     .type = BP_OPTION_TEXT,
     .operand = "30d|12h|DATE",
     .otherwise = "30d",
     .help =
         "rehearse: replay what was recorded in this time, or from this day or RFC 3339 time on."},
    {.key = "version",
     .type = BP_OPTION_NUMBER,
     .operand = "VERSION",
     .least = 1,
     .most = UINT64_MAX,
     .help = "show: this version instead of the one in force (operators)."},
    CLI_EXPLAIN_OPTIONS,
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi policy [OPTIONS] check DIR\n"
    "berbagi policy [OPTIONS] diff DIR\n"
    "berbagi policy [OPTIONS] rehearse DIR\n"
    "berbagi policy [OPTIONS] apply DIR\n"
    "berbagi policy [OPTIONS] approve VERSION\n"
    "berbagi policy [OPTIONS] history\n"
    "berbagi policy [OPTIONS] show\n"
    "berbagi policy [OPTIONS] explain --type TYPE\n\n"
    "DIR is a folder of YAML files (agencies.yaml, ceilings.yaml, operators.yaml and "
    "agreements/),\n"
    "or one file as `show` prints it. check needs no connection: it tells what is wrong, by file\n"
    "and line. diff tells what the policy would change, by agency, type and field. rehearse "
    "replays\n"
    "stored events against it and counts what each agency would have gained and lost. apply shows\n"
    "the difference, asks, and replaces the policy of the exchange as one new version. Where the\n"
    "policy in force asks for a second operator, that version waits until another one approves "
    "it.\n"
    "All of these are for operators. history lists every version, show prints the policy in "
    "force,\n"
    "an agency's own part to an agency.\n"
    "explain tells whether an agency may publish or read an event of a type, which grants apply,\n"
    "which almost did and why not, and what becomes of each field and why. An agency may ask "
    "about\n"
    "itself alone.\n"
    "Exit code 1: the policy breaks a rule, or the exchange refused it.";

static int check(const struct bp_options *o, const char *path)
{
    Berbagi__V1__Policy *policy = NULL;
    int code = bp_policy_folder_load(o, path, &policy);
    if (code != CLI_GO_ON)
        return code;
    size_t grants = 0;
    for (size_t i = 0; i < policy->n_agreements; i++)
        grants += policy->agreements[i]->n_grants;
    bp_cli_say("%s is sound: %zu agencies, %zu agreements with %zu grants, %zu ceilings, "
               "%zu operators",
               path, policy->n_agencies, policy->n_agreements, grants, policy->n_ceilings,
               policy->n_operators);
    berbagi__v1__policy__free_unpacked(policy, NULL);
    return CLI_DONE;
}

static const struct command {
    const char *name;
    int (*with_operand)(const struct bp_options *o, const char *operand);
    int (*alone)(const struct bp_options *o);
} commands[] = {
    {"check", check, NULL},
    {"diff", bp_policy_diff, NULL},
    {"rehearse", bp_policy_rehearse, NULL},
    {"apply", bp_policy_apply, NULL},
    {"approve", bp_policy_approve, NULL},
    {"history", NULL, bp_policy_history},
    {"show", NULL, bp_policy_show},
    {"explain", NULL, bp_cli_explain},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int run(const struct bp_options *o)
{
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];
        if (strcmp(operands[0], c->name) != 0)
            continue;
        if (n == 2 && c->with_operand != NULL)
            return c->with_operand(o, operands[1]);
        if (n == 1 && c->alone != NULL)
            return c->alone(o);
    }
    bp_cli_say("policy: check DIR, diff DIR, rehearse DIR, apply DIR, approve VERSION, history, "
               "show or explain; --help tells more");
    return CLI_USAGE;
}

int bp_cli_policy(int argc, char **argv)
{
    return bp_cli_with_options(table, OPTIONS, usage, 1, 2, argc, argv, run);
}
