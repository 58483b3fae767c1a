/* The options of berbagid in one table, and what they come to. */
#ifndef BERBAGI_CONFIG_H
#define BERBAGI_CONFIG_H

#include "credentials.h"
#include "options.h"

struct bp_config {
    struct bp_options *options; /* owns every text below */
    bool wants_help, wants_version, wants_reasons;
    const char *data, *listen, *http, *trust_domain, *pseudonym_key;
    const char *backup_recipient;      /* NULL: no backups */
    const char *restore, *restore_key; /* NULL: serve */
    const char *verify;                /* the data folder to look at; NULL: serve */
    struct bp_credential_files files;
    const char *const *schemas;
    size_t n_schemas;
    const char *const *operators;
    size_t n_operators;
    uint64_t disk_reserve_bytes, map_bytes, connection_bytes;
    int stop_grace_ms;
};

/* Reads flags, BERBAGID_* variables and the config file, in this order of precedence. */
BP_MUST_USE bp_status bp_config_read(int argc, char **argv, struct bp_config *out,
                                     struct bp_err *err);
void bp_config_fini(struct bp_config *c);
void bp_config_print_help(void);

#endif
