/* The commands of berbagi-ca: a file each, one table in main.c. */
#ifndef BERBAGI_COMMAND_H
#define BERBAGI_COMMAND_H

#include "options.h"

struct bp_command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* what stands above the options in --help */
    const struct bp_option *options;
    size_t n_options;
    size_t least_operands, most_operands;
    /* BP_EINVAL from here is a failure like any other: bad usage is told by *is_usage. */
    bp_status (*run)(const struct bp_options *o, bool *is_usage, struct bp_err *err);
};

#define BP_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Options that several commands share. */
#define BP_OPTION_DIR                                                                              \
    {                                                                                              \
        .key = "dir", .type = BP_OPTION_TEXT, .operand = "DIR", .required = true,                  \
        .help = "The CA's folder."                                                                 \
    }
#define BP_OPTION_AGENCY                                                                           \
    {                                                                                              \
        .key = "agency", .type = BP_OPTION_TEXT, .operand = "ID",                                  \
        .help = "An agency of the registry, such as kab.18.07."                                    \
    }
#define BP_OPTION_OPERATOR                                                                         \
    {                                                                                              \
        .key = "operator", .type = BP_OPTION_TEXT, .operand = "NAME",                              \
        .help = "A person who runs the exchange."                                                  \
    }
#define BP_OPTION_SERVER                                                                           \
    {                                                                                              \
        .key = "server", .type = BP_OPTION_TEXT, .operand = "NAME",                                \
        .help = "A server of the exchange."                                                        \
    }
#define BP_OPTION_DNS                                                                              \
    {                                                                                              \
        .key = "dns", .type = BP_OPTION_LIST, .operand = "HOST",                                   \
        .help = "A host name or IP address that clients of the server connect to."                 \
    }

extern const struct bp_command bp_command_init, bp_command_registry, bp_command_request,
    bp_command_sign, bp_command_renew, bp_command_issue, bp_command_export, bp_command_revoke,
    bp_command_crl, bp_command_list, bp_command_log, bp_command_rollover, bp_command_passphrase,
    bp_command_inspect;

#endif
