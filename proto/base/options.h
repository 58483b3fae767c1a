/* The options of a program in one table, from which parser, checks, --help and the config file
 * follow. Precedence: flag over environment over file over default. An unknown key or a bad value
 * ends with a message that names the place (flag, variable, or file and line) and the allowed
 * range. Read-only afterwards. */
#ifndef BERBAGI_OPTIONS_H
#define BERBAGI_OPTIONS_H

#include "error.h"
#include "text.h"

enum bp_option_type {
    BP_OPTION_TEXT,
    BP_OPTION_LIST, /* may be given several times; in the file a scalar or a sequence */
    BP_OPTION_NUMBER,
    BP_OPTION_FLAG, /* takes no value on the command line; true or false in the file */
};

struct bp_option {
    const char
        *key; /* "max-batch": flag --max-batch, file key max-batch, variable PREFIX_MAX_BATCH */
    enum bp_option_type type;
    const char *operand;   /* what --help calls the value: "FILE", "SECONDS" */
    uint64_t least, most;  /* of a number */
    const char *otherwise; /* default as text; NULL = none */
    bool required;
    const char *help; /* one sentence */
};

struct bp_options;

/* Reads argv[1..argc) against the table of n options; operands that are no options go to rest.
 * `--help` is answered by bp_options_wants_help. --config FILE names the YAML file (default_config
 * is read if it exists and none is named; NULL = no default). prefix: of environment variables,
 * "BERBAGI"; NULL = none are read. An argument "--" ends the options. table, argv and prefix are
 * borrowed for the life of the result. */
BP_MUST_USE bp_status bp_options_parse(const struct bp_option *table, size_t n, const char *prefix,
                                       const char *default_config, int argc, char **argv,
                                       struct bp_options **out, struct bp_err *err);
void bp_options_destroy(struct bp_options *o); /* NULL allowed */

bool bp_options_wants_help(const struct bp_options *o);
/* Prints "usage" and a line or two for each option to standard output. */
void bp_options_print_help(const struct bp_option *table, size_t n, const char *usage);

/* Borrowed; NULL when unset without default. Asking for a key that is not in the table is a bug. */
const char *bp_options_text(const struct bp_options *o, const char *key);
uint64_t bp_options_number(const struct bp_options *o, const char *key);
bool bp_options_flag(const struct bp_options *o, const char *key);
size_t bp_options_list(const struct bp_options *o, const char *key, const char *const **items);
bool bp_options_is_set(const struct bp_options *o, const char *key); /* by flag, variable or file */
size_t bp_options_rest(const struct bp_options *o, const char *const **operands);

#endif
