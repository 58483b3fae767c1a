/* berbagi cert: what its commands share. */
#ifndef BERBAGI_CLI_CERT_H
#define BERBAGI_CLI_CERT_H

#include "cli.h"
#include "holding.h"

/* Beyond the exit codes of every command: the certificate is good, and a third of its lifetime or
 * less is left. */
#define CLI_DUE 3

struct bp_cert {
    const struct bp_options *options;
    struct bp_holding_files files; /* cert and ca are named */
    const char *operand;           /* NULL: none */
};

/* Prints or says what is installed now. */
void bp_cert_say_installed(const struct bp_cert *c, const struct bp_holding *h, size_t n_strange);

/* "berbagi: words", and the exit code. */
int bp_cert_fail(const struct bp_err *err);

/* cert_renew.c */
int bp_cert_renew(const struct bp_cert *c);

#endif
